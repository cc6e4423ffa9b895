"""Calls at the same time: in one service, and in two."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from jobs.settings.serve import ServeSettings
from loader.database.connection import Database
from tests.jobs.serve.calls_at_once import CALL, at_once, call_at_once, check_one_is_in
from tests.jobs.serve.serving import serving, settings_of
from tests.support.service import add_user


def test_the_same_lead_at_once(database: Database, database_url: str, tmp_path: Path) -> None:
    add_user(database_url)
    with serving(settings_of(tmp_path), database) as client:
        check_one_is_in(at_once([client], [CALL] * 20), database)


def test_the_same_lead_at_two_services(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database_url)
    settings, other = settings_of(tmp_path), Database(database_url)
    with serving(settings, database) as one, serving(settings, other) as two:
        check_one_is_in(at_once([one, two], [CALL] * 20), database)
    other.engine.dispose()


@pytest.mark.engines("sqlite")
def test_calls_with_different_options_and_fields(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database_url)
    add_user(database_url, user="7777")
    ways: list[dict[str, str]] = [
        {"duplicate_check": ""}, {"first_name": "Ann"}, {"user": "7777"}, {"list_id": "101"},
        {"add_to_hopper": "Y"}, {"multi_alt_phones": "7275552222_1_home"},
    ]  # fmt: skip
    calls = [
        {**CALL, "phone_number": f"727555{number:04}", "vendor_lead_code": f"V{number}", **way}
        for number, way in enumerate(ways * 5, start=1000)
    ]
    with serving(settings_of(tmp_path), database) as client:
        answers = at_once([client], calls)
    rows = database.read(
        lambda it: it.exec_driver_sql(
            "SELECT lead_id, phone_number, user, list_id, vendor_lead_code FROM vicidial_list"
        ).all()
    )
    stored = {str(lead_id): [str(each) for each in others] for lead_id, *others in rows}
    assert len(stored) == len(calls)
    for call, answer in zip(calls, answers, strict=True):
        phone, user, list_id, lead_id, _ = answer.splitlines()[0].partition(" - ")[2].split("|")
        assert phone == call["phone_number"]
        assert stored[lead_id] == [phone, user, list_id, call["vendor_lead_code"]]
        assert (user, list_id) == (call["user"], call.get("list_id", "999"))


@pytest.mark.engines("sqlite")
def test_who_comes_when_too_many_wait_is_sent_away(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database_url)
    settings = settings_of(tmp_path, serve=ServeSettings(queue=2, most_gathered=1))
    calls = [{**CALL, "phone_number": f"72755510{number:02}"} for number in range(20)]
    with serving(settings, database) as client:
        address = str(client.base_url).rstrip("/")
        with database.connect() as writer:
            writer.exec_driver_sql("BEGIN IMMEDIATE")
            answers: Any = []

            async def call_and_release() -> None:
                calling = asyncio.create_task(call_at_once([address], calls))
                while 'outcome="turned away"' not in client.get("/metrics").text:
                    await asyncio.sleep(0.01)
                writer.rollback()
                answers.extend(await calling)

            asyncio.run(call_and_release())
    kinds = Counter(answer.status_code for answer in answers)
    assert kinds[503] > 0
    assert kinds[200] + kinds[503] == len(calls)
    sent_away = next(answer for answer in answers if answer.status_code == 503)
    assert sent_away.headers["Retry-After"] == "1"
    rows = database.read(lambda it: it.exec_driver_sql("SELECT * FROM vicidial_list").all())
    assert len(rows) == kinds[200]

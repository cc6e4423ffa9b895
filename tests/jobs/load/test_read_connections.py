"""Loads that look numbers up over several connections: the same results as over one."""

import random
from pathlib import Path
from typing import Any

import pytest

from jobs.watchers import Watchers
from loader.database import short_reads
from loader.database.connection import Database
from loader.database.readers import Readers
from loader.options.load import LoadOptions
from loader.options.throttle import PaceOptions
from tests.support.loads import (
    Loads,
    leads,
    load_file,
    outcome_of,
    workers_from_the_first_row,
)
from tests.support.screening import results_of
from tests.support.server import fill

CHECKS = {
    "duplicate_check": "DUPSYS-DUPNAMEPHONELIST-DUPPHONEALTLIST", "dnc_check": "Y",
    "campaign_dnc_check": "Y", "campaign_id": "CAMP1", "list_id": "101", "chunk_size": 50,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short_reads, "A_CONNECTION", 2)


def rows(choose: random.Random) -> list[dict[str, str]]:
    return [
        {
            "phone_number": str(7_275_550_000 + choose.randrange(150)),
            "first_name": choose.choice(["ann", "Ann", "bob"]), "last_name": "x",
            "alt_phone": str(7_275_550_000 + choose.randrange(150)),
        }
        for _ in range(100)
    ]  # fmt: skip


def tables(choose: random.Random) -> dict[str, list[dict[str, Any]]]:
    listed = [str(7_275_550_000 + number) for number in choose.sample(range(150), 30)]
    return {
        "vicidial_lists": [{"list_id": 101, "campaign_id": "CAMP1"}],
        "vicidial_campaigns": [{"campaign_id": "CAMP1"}],
        "vicidial_dnc": [{"phone_number": number} for number in listed[:20]],
        "vicidial_campaign_dnc": [
            {"phone_number": number, "campaign_id": "CAMP1"} for number in listed[10:]
        ],
        "vicidial_list": [
            {
                "list_id": choose.choice([101, 102]), "phone_code": choose.choice(["1", "44"]),
                "phone_number": row["phone_number"], "alt_phone": row["alt_phone"],
                "first_name": row["first_name"], "entry_date": "2026-03-09 10:00:00",
            }
            for row in rows(choose)[:40]
        ],
    }  # fmt: skip


@pytest.mark.engines("innodb", "myisam")
@pytest.mark.fuzz_rounds(20)
def test_results_are_the_same_to_the_byte(
    database: Database, database_url: str, fuzz_round: int, tmp_path: Path
) -> None:
    choose = random.Random(fuzz_round)  # noqa: S311 - data of tests
    fill(database_url, tables(choose))
    loads = Loads(tmp_path)
    path = loads.file(rows(choose))
    found = []
    for connections in (1, 2, 4):
        outcome = loads.load(
            path, database, "validate", read_connections=connections, workers=1, **CHECKS
        )
        found.append(results_of(outcome.folder))
    with workers_from_the_first_row():
        outcome = loads.load(path, database, "validate", read_connections=3, workers=2, **CHECKS)
        found.append(results_of(outcome.folder))
    assert all(each == found[0] for each in found)


@pytest.mark.engines("innodb")
@pytest.mark.parametrize("connections", [1, 4])
def test_the_look_at_the_insert_sees_what_others_have_committed(
    connections: int, database: Database, database_url: str, tmp_path: Path
) -> None:
    """And knows the leads that the run itself inserted, batch by batch."""
    numbers = [str(7_275_550_000 + n) for n in range(60)]

    def confirm(_summary: object) -> bool:
        others = [{"list_id": 101, "phone_number": number} for number in numbers[40:50]]
        fill(database_url, {"vicidial_list": others})
        return True

    options = LoadOptions(
        read_connections=connections, batch_size=9, duplicate_check="DUPSYS", list_id="101"
    )
    path = Loads(tmp_path).file([{"phone_number": number} for number in numbers])
    watchers = Watchers(confirm=confirm)
    load_file(path, options, database, tmp_path / "out", watchers=watchers)
    outcome = outcome_of(tmp_path / "out")
    assert outcome.reasons == dict.fromkeys(range(42, 52), "DUPLICATE_PHONE_NUMBER_IN_SYSTEM")
    stored = [number for (number,) in leads(database, "phone_number")]
    assert sorted(map(str, stored)) == numbers


@pytest.mark.engines("innodb")
@pytest.mark.parametrize(("pace", "most"), [("gentle", 1), ("normal", 4)])
def test_at_the_gentle_pace_one_connection_reads(
    pace: Any,
    most: int,
    database: Database,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose = random.Random(0)  # noqa: S311 - likewise
    fill(database_url, tables(choose))
    asked, original = list[int](), Readers.ask

    def ask(self: Readers, connection: Any, parts: Any, at_once: int) -> Any:
        asked.append(at_once)
        return original(self, connection, parts, at_once)

    monkeypatch.setattr(Readers, "ask", ask)
    path = Loads(tmp_path).file(rows(choose))
    options = LoadOptions(read_connections=4, duplicate_check="DUPSYS", list_id="101")
    load_file(path, options, database, tmp_path / "out", pace=PaceOptions(pace=pace))
    assert max(asked) == most

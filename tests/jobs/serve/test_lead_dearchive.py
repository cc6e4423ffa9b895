"""The function lead_dearchive of the dialer's page: its recorded cases over HTTP, line for line."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from loader.database.connection import Database
from tests.conformance.corpus import HERE, Case, fixtures, options_of, read_lines, tables_of
from tests.jobs.serve.serving import PAGE, serving, settings_of
from tests.support.archives import ARCHIVE, lead, make_archives, put, rows
from tests.support.server import fill
from tests.support.service import add_user

NAMED = fixtures(HERE)
CASES = read_lines(HERE / "archive" / "lead_dearchive.jsonl")
SENT = {"source": "test", "user": "6666", "pass": "1234", "function": "lead_dearchive"}


def ask(client: httpx2.Client, **sent: str | None) -> httpx2.Response:
    parameters = {name: value for name, value in {**SENT, **sent}.items() if value is not None}
    return client.get(PAGE, params=parameters)


@pytest.mark.parametrize("recorded", CASES, ids=lambda each: each["id"])
def test_recorded_lines(
    recorded: Case, database: Database, database_url: str, tmp_path: Path
) -> None:
    fill(database_url, tables_of(recorded, NAMED))
    before, came = rows(database), {*recorded["after"].get(f"{ARCHIVE} (deleted)", [])}
    archived = rows(database, ARCHIVE)
    with serving(settings_of(tmp_path), database) as client:
        for sent, lines in zip(recorded["leads"], recorded["responses"], strict=True):
            answer = ask(client, **{**options_of(recorded), **sent})
            assert (answer.status_code, answer.text.splitlines()) == (200, lines)
    assert rows(database) == before | {lead_id: archived[lead_id] for lead_id in came}


@pytest.fixture
def client(database: Database, database_url: str, tmp_path: Path) -> Any:
    add_user(database_url)
    make_archives(database)
    put(database, lead(1), table=ARCHIVE)
    with serving(settings_of(tmp_path), database) as found:
        yield found


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("sent", "line"),
    [
        ({"source": "x"}, "ERROR: Invalid Source - x"),
        ({"pass": "4321"}, "ERROR: Login incorrect, please try again: |6666|4321|BAD|"),
        ({"user": "7777"}, "ERROR: Login incorrect, please try again: |7777|1234|BAD|"),
        ({"user": None}, "ERROR: Login incorrect, please try again: ||1234|BAD|"),
    ],
)
def test_who_may_not_ask(
    client: httpx2.Client, database: Database, sent: dict[str, str | None], line: str
) -> None:
    assert ask(client, lead_id="1", **sent).text.splitlines()[0] == line
    assert [*rows(database, ARCHIVE)] == [1]


@pytest.mark.engines("sqlite")
def test_as_json_and_counted(client: httpx2.Client) -> None:
    answer = ask(client, lead_id="1", responsetype="json")
    line = "SUCCESS: lead_dearchive LEAD DE-ARCHIVED: 6666|1|1|1"
    assert answer.json() == {"result": "success", "lines": [line]}
    wanted = 'leadloader_archive_requests_total{job="lead_dearchive",outcome="done"} 1.0'
    assert wanted in client.get("/metrics").text.splitlines()


@pytest.mark.engines("sqlite")
def test_tables_that_do_not_fit(client: httpx2.Client, database: Database) -> None:
    database.write(lambda it: it.exec_driver_sql(f"ALTER TABLE {ARCHIVE} RENAME COLUMN owner TO o"))
    answer = ask(client, lead_id="1")
    assert answer.status_code == 503
    assert answer.text == "ERROR: lead_dearchive LEAD HAS NOT BEEN DE-ARCHIVED\n"

"""Addresses that the dialer requests for new leads (vicidial_url_multi: apinewlead)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loader.database.connection import Database
from loader.errors import ConfigurationError
from loader.options.load import LoadOptions
from tests.support.extras import OPTIONS, TABLES, row
from tests.support.listener import Listener, listening
from tests.support.loads import Loads, load_file
from tests.support.server import fill, run

ADDRESS = "VARhttp://127.0.0.1:{}/new?lead_id=--A--lead_id--B--&phone=--A--phone_number--B--"
NEW = {"new_lead_url": "send", "new_lead_url_rate": 1000}


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def url(listener: Listener, **values: Any) -> dict[str, Any]:
    return {
        "campaign_id": "101", "entry_type": "list", "active": "Y", "url_type": "apinewlead",
        "url_rank": 1, "url_address": ADDRESS.format(listener.port),
    } | values  # fmt: skip


def fill_urls(database_url: str, *urls: dict[str, Any]) -> None:
    fill(database_url, TABLES | {"vicidial_url_multi": list(urls)})


def log(database_url: str) -> list[tuple[Any, ...]]:
    found = run(
        database_url,
        "SELECT uniqueid, url_type, url, url_response, response_sec FROM vicidial_url_log "
        "ORDER BY url_log_id",
    )
    return [tuple(row) for row in found]


ROWS = [row(1), row(2, list_id="102"), row(3), row(1, list_id="103")]
"""The last is a duplicate."""
DUPLICATES = {"duplicate_check": "DUPSYS"}


def test_a_request_for_each_new_lead_of_the_list(
    database: Database, database_url: str, loads: Loads, listener: Listener
) -> None:
    fill_urls(database_url, url(listener), url(listener, active="N"))
    outcome = loads.load(ROWS, database, **OPTIONS | DUPLICATES | NEW)
    assert (outcome.summary.loaded, outcome.summary.rejected) == (3, 1)
    first, third = outcome.lead_ids[2], outcome.lead_ids[4]
    assert listener.gets == [
        f"/new?lead_id={first}&phone=7275550001",
        f"/new?lead_id={third}&phone=7275550003",
    ]
    port = listener.port
    assert log(database_url) == [
        (str(each), "apinewlead", f"http://127.0.0.1:{port}{path}", "done", 0)
        for each, path in zip((first, third), listener.gets, strict=True)
    ]
    assert "new leads: 2 requests to addresses of the dialer" in outcome.summary.remarks


def test_an_address_of_the_system_is_for_all_lists_and_custom_fields_have_values(
    database: Database, database_url: str, loads: Loads, listener: Listener
) -> None:
    system = {"campaign_id": "-SYSTEM-API-NEWLEAD-", "entry_type": "system"}
    address = f"VARhttp://127.0.0.1:{listener.port}/c?c=--A--colour--B--&l=--A--list_id--B--"
    fill_urls(database_url, url(listener, url_rank=2), url(listener, **system, url_address=address))
    rows = [row(1, colour="a b"), row(2, list_id="102", colour="")]
    outcome = loads.load(rows, database, **OPTIONS | NEW)
    assert outcome.summary.loaded == 2
    assert listener.gets == [
        "/c?c=a+b&l=101",
        f"/new?lead_id={outcome.lead_ids[2]}&phone=7275550001",
        "/c?c=&l=102",
    ]


def test_by_default_the_run_says_that_they_are_skipped(
    database: Database, database_url: str, loads: Loads, listener: Listener
) -> None:
    fill_urls(database_url, url(listener))
    skipped = loads.load([row(1)], database, **OPTIONS)
    said = [each for each in skipped.summary.remarks if "apinewlead" in each]
    assert len(said) == 1
    assert said[0].startswith("list 101: the dialer has addresses")
    other = loads.load([row(2, list_id="102")], database, **OPTIONS)
    assert not any("apinewlead" in each for each in other.summary.remarks)
    assert listener.gets == []


@pytest.mark.sample(2)
@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    "values",
    [
        {"active": "N"}, {"url_type": "addlead"}, {"entry_type": "campaign"},
        {"campaign_id": "102"}, {"campaign_id": "-SYSTEM-", "entry_type": "system"},
    ],
)  # fmt: skip
def test_other_addresses_are_not_requested(
    values: dict[str, str], database: Database, database_url: str, loads: Loads, listener: Listener
) -> None:
    fill_urls(database_url, url(listener, **values))
    outcome = loads.load([row(1)], database, **OPTIONS | NEW)
    assert outcome.summary.loaded == 1
    assert listener.gets == log(database_url) == []


@pytest.mark.engines("sqlite")
def test_a_server_that_is_busy_is_asked_again(
    database: Database, database_url: str, loads: Loads, listener: Listener
) -> None:
    fill_urls(database_url, url(listener))
    listener.next_statuses = [503, 429]
    loads.load([row(1)], database, **OPTIONS | NEW)
    assert len(listener.gets) == 3
    assert log(database_url)[0][3] == "done"


@pytest.mark.sample(1)
@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(("status", "answer"), [(404, "done"), (500, "status 500")])
def test_a_request_that_fails_is_said_and_logged(
    status: int, answer: str, database: Database, database_url: str, loads: Loads,
    listener: Listener,
) -> None:  # fmt: skip
    fill_urls(database_url, url(listener))
    listener.status = status
    outcome = loads.load([row(1), row(2)], database, **OPTIONS | NEW)
    assert outcome.summary.loaded == 2
    assert [entry[3] for entry in log(database_url)] == [answer, answer]
    said = (
        "new leads: 2 requests to addresses of the dialer, 2 without success: see vicidial_url_log"
    )
    assert said in outcome.summary.remarks


@pytest.mark.engines("sqlite")
def test_an_address_that_is_none_ends_the_load_before_it_begins(
    database: Database, database_url: str, loads: Loads, listener: Listener
) -> None:
    fill_urls(database_url, url(listener, url_address="VARcrm.example/new"))
    with pytest.raises(ConfigurationError, match="no http address"):
        loads.load([row(1)], database, **OPTIONS | NEW)
    assert run(database_url, "SELECT COUNT(*) FROM vicidial_list") == [(0,)]
    assert loads.load([row(1)], database, **OPTIONS).summary.loaded == 1


def test_nobody_is_sent_the_lead_twice_after_a_crash(
    database: Database, database_url: str, loads: Loads, listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    fill_urls(database_url, url(listener))
    path = loads.file([row(1), row(2), row(3)])
    answers = iter(range(1))

    def crash(*_arguments: Any) -> None:
        if next(answers, None) is None:
            raise RuntimeError("a crash")

    with monkeypatch.context() as patch:
        patch.setattr("jobs.load.new_lead_urls.log_answer", crash)
        with pytest.raises(RuntimeError):
            loads.load(path, database, **OPTIONS | NEW)
    assert len(listener.gets) == 2
    options = LoadOptions(**OPTIONS, **NEW)
    summary = load_file(path, options, database, loads.results, job="import")
    assert summary.loaded == 3
    assert len(listener.gets) == len(set(listener.gets)) == 3

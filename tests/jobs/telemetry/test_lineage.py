"""OpenLineage events, in a file and at a server on this machine."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from requests import RequestException

from jobs.settings.telemetry import LineageSettings
from jobs.telemetry.lineage import PRODUCER, Lineage, run_id, table_of
from jobs.telemetry.outcome import RunOutcome, outcome_of
from loader.archive.report import ArchiveReport
from loader.errors import ConfigurationError
from loader.results.summary import FileSummary, MappingSummary, PartSummary, Summary
from tests.support.listener import Listener, listening

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
DATABASE = "mysql://cron:***@dialer1/asterisk"
FIELDS = {"phone_number": "Phone", "first_name": "Name"}
SHA = "ab" * 32


@dataclass
class File:
    sha256: str = SHA
    size: int = 123
    parts: tuple[PartSummary, ...] = ()


SUMMARY = Summary(
    run="20261121-030000-abababab-0001", job="import",
    file=FileSummary(
        name="leads.csv", sha256=SHA, size=123, compression=None, encoding="utf-8", bom=False,
        delimiter=",", header=True, columns=["Phone", "Name", "Zaphod"],
    ),
    mapping=MappingSummary(fields=FIELDS, unmapped=["Zaphod"], set_by_dialer=[]),
    options={}, database=DATABASE, began=NOW, ended=NOW, rows_read=10, loaded=7, rejected=3,
    reasons={"DUPLICATE": 3}, notices={}, lead_ids=[(1, 7)], number_types={}, regions={},
    remarks=[], seconds={"insert": 0.5}, results="/srv/results/x",
)  # fmt: skip


def archive_report(**changes: Any) -> ArchiveReport:
    counts = dict.fromkeys(("select_count", "insert_count", "update_count", "delete_count"), 5)
    given: dict[str, Any] = {
        "message": "", "looked_at": 5, "moved": 5, "gone": 0, "kept": 0, "run": "r", "which": "all",
        "job": "archive", "options": {}, "database": DATABASE, "began": NOW, "ended": NOW,
        "stopped": "done", "why": "all leads were looked at", "exit_code": 0, "stopped_at": 5,
        "chunks": 1, "stayed": {}, "children": {}, "made": [], "remarks": [], "waited": {},
        "preview": None, "results": "/srv/results/a",
    }  # fmt: skip
    return ArchiveReport(**{**counts, **given, **changes})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def names(event: dict[str, Any], kind: str) -> list[tuple[str, str]]:
    return [(each["namespace"], each["name"]) for each in event[kind]]


def told(path: Path) -> dict[str, Any]:
    """Tell of a load from its beginning, and give the last event."""
    lineage = Lineage(LineageSettings(file=path))
    started = lineage.started("import", SUMMARY.run, "/drop/leads.csv", File(), FIELDS, NOW)
    lineage.ended(outcome_of(SUMMARY), started)
    first, last = events(path)
    assert first["eventType"] == "START"
    assert first["run"]["runId"] == last["run"]["runId"] == run_id(SUMMARY.run)
    assert first["inputs"][0]["name"] == last["inputs"][0]["name"]
    return last


def test_a_load_has_a_beginning_and_an_end(path: Path) -> None:
    last = told(path)
    assert last["eventType"] == "COMPLETE"
    assert (last["job"]["namespace"], last["job"]["name"]) == ("leadloader", "import")
    assert last["producer"] == PRODUCER
    assert last["schemaURL"].startswith("https://openlineage.io/spec/")
    assert names(last, "inputs") == [("file", "/drop/leads.csv")]
    assert names(last, "outputs") == [("mysql://dialer1:3306", "asterisk.vicidial_list")]


def test_what_the_datasets_say(path: Path) -> None:
    last = told(path)
    (source,), (leads,) = last["inputs"], last["outputs"]
    assert source["facets"]["version"]["datasetVersion"] == SHA
    assert [each["name"] for each in source["facets"]["schema"]["fields"]] == ["Phone", "Name"]
    assert source["inputFacets"]["inputStatistics"]["rowCount"] == 10
    assert leads["outputFacets"]["outputStatistics"]["rowCount"] == 7
    (column,) = leads["facets"]["columnLineage"]["fields"]["phone_number"]["inputFields"]
    assert (column["namespace"], column["name"], column["field"]) == (
        "file", "/drop/leads.csv", "Phone",
    )  # fmt: skip
    facet = last["run"]["facets"]["leadloader"]
    assert facet["outcomes"] == {"loaded": 7, "rejected": 3}
    assert facet["reasons"] == {"DUPLICATE": 3}
    assert facet["run"] == SUMMARY.run


def test_each_of_several_files_is_an_input(path: Path) -> None:
    parts = [
        PartSummary(
            name=f"/drop/leads/{number}.csv", sha256=f"{number}" * 64, size=number,
            compression=None, encoding="utf-8", has_header=True, first_row=1, rows=10 * number,
        )
        for number in (1, 2)
    ]  # fmt: skip
    summary = SUMMARY.model_copy(update={"file": SUMMARY.file.model_copy(update={"parts": parts})})
    lineage = Lineage(LineageSettings(file=path))
    file = File(parts=tuple(parts))
    started = lineage.started("import", SUMMARY.run, "/drop/leads", file, FIELDS, NOW)
    lineage.ended(outcome_of(summary), started)
    last = events(path)[-1]
    assert names(last, "inputs") == [("file", f"/drop/leads/{number}.csv") for number in (1, 2)]
    assert [it["facets"]["version"]["datasetVersion"] for it in last["inputs"]] == [
        "1" * 64,
        "2" * 64,
    ]
    rows = [it["inputFacets"]["inputStatistics"]["rowCount"] for it in last["inputs"]]
    assert rows == [10, 20]
    (leads,) = last["outputs"]
    assert len(leads["facets"]["columnLineage"]["fields"]["phone_number"]["inputFields"]) == 2


def test_what_stands_over_columns_that_are_not_loaded_is_not_told(path: Path) -> None:
    told(path)
    assert "Zaphod" not in path.read_text("utf-8")


def test_a_run_keeps_its_id() -> None:
    assert run_id("x") == run_id("x") != run_id("y")
    assert run_id("") != run_id("")
    assert uuid.UUID(run_id("x"))


def test_what_fails_at_once_has_a_beginning_too(path: Path) -> None:
    error = RunOutcome(
        job="import", what="x.csv", began=NOW, ended=NOW, exit_code=66, message="x.csv: not there"
    )
    Lineage(LineageSettings(file=path, namespace="site")).ended(error)
    first, last = events(path)
    assert [first["eventType"], last["eventType"]] == ["START", "FAIL"]
    assert first["run"]["runId"] == last["run"]["runId"]
    assert last["job"]["namespace"] == "site"
    assert last["run"]["facets"]["errorMessage"]["message"] == "x.csv: not there"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        pytest.param({}, "COMPLETE", id="done"),
        pytest.param({"stopped": "limit"}, "COMPLETE", id="limit"),
        pytest.param({"stopped": "signal", "exit_code": 143}, "ABORT", id="signal"),
        pytest.param({"stopped": "error", "exit_code": 69}, "FAIL", id="error"),
    ],
)
def test_how_an_archiving_ends(changes: dict[str, Any], state: str, path: Path) -> None:
    Lineage(LineageSettings(file=path)).ended(outcome_of(archive_report(**changes)))
    assert [each["eventType"] for each in events(path)] == ["START", state]


@pytest.mark.parametrize(
    ("job", "tables"),
    [("archive", ["", "_archive"]), ("dearchive", ["_archive", ""])],
)
def test_an_archiving_goes_from_table_to_table(job: str, tables: list[str], path: Path) -> None:
    Lineage(LineageSettings(file=path)).ended(outcome_of(archive_report(job=job)))
    last = events(path)[-1]
    found = [*names(last, "inputs"), *names(last, "outputs")]
    server = "mysql://dialer1:3306"
    assert found == [(server, f"asterisk.vicidial_list{end}") for end in tables]
    assert last["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 5


@pytest.mark.parametrize(
    ("database", "named"),
    [
        ("mysql://u:p@db:3307/asterisk", ("mysql://db:3307", "asterisk.t")),
        ("mysql://u:p@db/asterisk", ("mysql://db:3306", "asterisk.t")),
        ("sqlite:////srv/leads.db", ("sqlite", "/srv/leads.db.t")),
    ],
)
def test_tables_are_named_without_the_account(database: str, named: tuple[str, str]) -> None:
    assert table_of(database, "t") == named


def test_a_server_is_sent_the_events(listener: Listener) -> None:
    url = f"http://127.0.0.1:{listener.port}"
    lineage = Lineage(LineageSettings.model_validate({"url": url, "api_key": "geheim"}))
    lineage.ended(outcome_of(SUMMARY))
    assert [body["eventType"] for body in listener.bodies] == ["START", "COMPLETE"]
    assert {path for path, _, _ in listener.posts} == {"/api/v1/lineage"}
    assert {headers["Authorization"] for _, headers, _ in listener.posts} == {"Bearer geheim"}


def test_a_server_that_refuses(listener: Listener) -> None:
    listener.status = 403
    lineage = Lineage(LineageSettings(url=f"http://127.0.0.1:{listener.port}"))
    with pytest.raises(RequestException):
        lineage.ended(outcome_of(SUMMARY))


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="none"):
        Lineage(LineageSettings(file=tmp_path / "none" / "x")).ended(outcome_of(SUMMARY))


def test_the_variables_of_other_programs_change_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    # The client would set it itself, and leave it to the tests that follow.
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "console")
    told(path)


@pytest.mark.parametrize(
    "settings",
    [{}, {"file": "x", "url": "http://y"}, {"file": "x", "timeout": 0}, {"fil": "x"}],
)
def test_wrong_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LineageSettings.model_validate(settings)


@pytest.mark.parametrize("url", ["marquez", "", "://x"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"lineage\.url"):
        Lineage(LineageSettings(url=url))

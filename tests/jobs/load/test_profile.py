"""What is told beside the results: it is right, or not told, and keeps no run from its end."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from jobs.cli.main import run
from jobs.load import profile as building
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.errors import ConfigurationError, LoaderError
from loader.options.load import LoadOptions
from loader.options.report import ReportOptions
from tests.support.loads import Loads, load_file, outcome_of
from tests.support.server import fill
from tests.support.server import run as sql

A, B, C, D = (f"727555{n}{n}{n}{n}" for n in range(1, 5))
THERE: dict[str, Any] = {"list_id": 101, "modify_date": "2020-01-01 00:00:00"}
ON_SQLITE = pytest.mark.engines("sqlite")


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


@pytest.fixture
def dialer(database_url: str, database: Database) -> Database:
    existing = {**THERE, "lead_id": 7, "phone_number": A, "entry_date": "2020-02-03 04:05:06"}
    fill(database_url, {"vicidial_list": [existing]})
    return database


def rows(*numbers: str) -> list[dict[str, str]]:
    return [{"phone_number": number, "first_name": "Ann"} for number in numbers]


def test_the_age_of_duplicates_is_told(dialer: Database, loads: Loads) -> None:
    outcome = loads.load(rows(A, A, B, B), dialer, duplicate_check="DUPSYS")
    profile = outcome.summary.profile
    assert profile is not None
    # Of a row that is a duplicate of one of the file nothing is told.
    assert profile.duplicate_ages == {"older": 2}


def test_an_insert_that_is_interrupted_tells_of_duplicates_all_the_same(
    dialer: Database, loads: Loads, tmp_path: Path
) -> None:
    def progress(stage: str, _done: int, _share: float) -> None:
        if stage == "insert":
            raise KeyboardInterrupt

    path, results = loads.file(rows(A, B, C, D)), tmp_path / "out"
    options = LoadOptions(duplicate_check="DUPSYS", batch_size=1)
    with pytest.raises(KeyboardInterrupt):
        load_file(path, options, dialer, results, watchers=Watchers(progress=progress))
    summary = outcome_of(results).summary
    assert (summary.loaded, summary.reasons["NOT_INSERTED"]) == (1, 2)
    assert summary.profile is not None
    assert summary.profile.duplicate_ages == {"unknown": 1}
    load_file(path, options, dialer, results)
    summary = outcome_of(results).summary
    assert summary.profile is not None
    assert summary.profile.duplicate_ages == {"older": 1}


@ON_SQLITE
def test_a_plan_of_an_earlier_version_is_refused(
    dialer: Database, loads: Loads, tmp_path: Path
) -> None:
    def progress(stage: str, _done: int, _share: float) -> None:
        if stage == "insert":
            raise KeyboardInterrupt

    path, results = loads.file(rows(B, C, D)), tmp_path / "out"
    options, watchers = LoadOptions(batch_size=1), Watchers(progress=progress)
    with pytest.raises(KeyboardInterrupt):
        load_file(path, options, dialer, results, watchers=watchers)
    [plan] = (results / ".work").glob("*/plan.json")
    kept = json.loads(plan.read_text("utf-8"))
    plan.write_text(json.dumps(kept | {"format": 1}), "utf-8")
    with pytest.raises(ConfigurationError, match="with the same version"):
        load_file(path, options, dialer, results)
    plan.write_text(json.dumps(kept), "utf-8")
    load_file(path, options, dialer, results)
    assert outcome_of(results).summary.loaded == 3


@ON_SQLITE
@pytest.mark.parametrize(
    ("entry_date", "age"),
    [
        ("2020-01-01T00:00:00+05:00", "older"),
        ("9999-12-31 23:59:59", "unknown"),
        ("0000-00-00 00:00:00", "unknown"),
        (None, "unknown"),
        ("soon", "unknown"),
    ],
)
def test_dates_that_are_none(
    database_url: str, dialer: Database, loads: Loads, entry_date: str | None, age: str
) -> None:
    value = "NULL" if entry_date is None else f"'{entry_date}'"
    sql(
        database_url,
        "INSERT INTO vicidial_list (lead_id, phone_number, list_id, entry_date, modify_date) "
        f"VALUES (8, '{B}', 101, {value}, '2020-01-01 00:00:00')",
    )
    profile = loads.load(rows(A, B), dialer, "validate", duplicate_check="DUPSYS").summary.profile
    assert profile is not None
    assert sorted(profile.duplicate_ages) == sorted({"older", age})


@ON_SQLITE
def test_a_table_without_entry_date(database_url: str, dialer: Database, loads: Loads) -> None:
    sql(database_url, "ALTER TABLE vicidial_list DROP COLUMN entry_date")
    profile = loads.load(rows(A), dialer, "validate", duplicate_check="DUPSYS").summary.profile
    assert profile is not None
    assert profile.duplicate_ages == {"unknown": 1}


@ON_SQLITE
def test_a_bug_of_the_report_costs_the_report_and_no_more(
    dialer: Database, loads: Loads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any, **_named: Any) -> None:
        raise ZeroDivisionError

    for name in ("score_of", "look_up_entry_dates"):
        monkeypatch.setattr(building, name, broken)
    path = loads.file(rows(A, B, "123"))
    options = LoadOptions(duplicate_check="DUPSYS")
    summary = load_file(path, options, dialer, tmp_path / "out", report=ReportOptions())
    assert (summary.loaded, summary.rejected) == (1, 2)
    assert [remark for remark in summary.remarks if "ZeroDivisionError" in remark]
    assert (tmp_path / "out" / "report.html").exists()
    assert len((tmp_path / "out" / "rejected.csv").read_text("utf-8").splitlines()) == 3


@ON_SQLITE
def test_call_times_that_may_not_be_read_are_guessed_and_said(
    dialer: Database, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_dialer: object, _database: Database) -> None:
        raise LoaderError

    monkeypatch.setattr(building, "with_call_times", denied)
    profile = loads.load(rows(B), dialer, "validate").summary.profile
    assert profile is not None
    assert profile.call_hours is not None
    assert "may not read call times" in profile.call_hours.by
    assert max(profile.call_hours.rows) == 1


def validated(path: Path, *flags: str) -> list[list[str]]:
    """Validate a file, and read its reject file."""
    results = path.with_suffix(".results")
    arguments = ["validate", str(path), "--database", "none", "--quiet", "--results", str(results)]
    assert run([*arguments, *flags]) == 0
    return list(csv.reader(io.StringIO((results / "rejected.csv").read_text("utf-8"))))


HEADER = ["=cmd|x", "+y", "phone_number"]


def test_what_we_add_is_no_formula_and_the_rest_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('"=cmd|x","+y",phone_number\n"=1+1","@x",abc\n"\tz","-1",7\n', "utf-8")
    header, first, second = validated(path)
    assert header[:3] == HEADER
    assert (first[:3], second[:3]) == (["=1+1", "@x", "abc"], ["\tz", "-1", "7"])
    assert not [cell for cell in first[3:] + second[3:] if cell.startswith(tuple("=+-@\t\r"))]


def test_source_values_are_neutralized_if_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('"=cmd|x","+y",phone_number\n"=1+1","@x",abc\n"\tz","-1",7\n', "utf-8")
    header, first, second = validated(path, "--spreadsheet-safe")
    assert header[:3] == ["'=cmd|x", "'+y", "phone_number"]
    assert (first[:3], second[:3]) == (["'=1+1", "'@x", "abc"], ["'\tz", "'-1", "7"])


def test_a_change_is_neutralized_if_it_is_asked_for(
    database_url: str, dialer: Database, loads: Loads, tmp_path: Path
) -> None:
    path = loads.file([{"phone_number": A, "first_name": "=1+1"}])
    options = LoadOptions(duplicate_check="DUPSYS", on_duplicate="update")
    for safe, new in ((False, "=1+1"), (True, "'=1+1")):
        results = tmp_path / f"safe-{safe}"
        wanted = ReportOptions(spreadsheet_safe=safe)
        load_file(path, options, dialer, results, job="validate", report=wanted)
        text = (results / "changes.csv").read_text("utf-8")
        (change,) = csv.DictReader(io.StringIO(text))
        assert change["new"] == new


def test_an_older_reject_file_is_still_known(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text(
        "first_name,phone_number,row_number,reason,details,add_lead\n"
        "Ann,7275551111,5,BROKEN_QUOTE,x,y\n",
        "utf-8",
    )
    header, row = validated(path)
    assert header == ["first_name", "phone_number", "row_number", "reason", "reasons_all",
                      "details", "add_lead"]  # fmt: skip
    assert row[3] == "BROKEN_QUOTE"


def test_a_result_column_may_be_mapped(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(
        "first_name,row_number,reason,reasons_all,details,add_lead\nAnn,5,x,y,z,w\n", "utf-8"
    )
    header, row = validated(path, "--map", "phone_number=row_number")
    assert row[header.index("reason")] == "INVALID_PHONE_NUMBER_LENGTH"


def test_feeds_are_one_reason_among_all(tmp_path: Path, loads: Loads) -> None:
    for name in ("f", "g"):
        (tmp_path / f"{name}.csv").write_text(f"{A}\n", "utf-8")
    feeds = {name: tmp_path / f"{name}.csv" for name in ("f", "g")}
    summary = loads.load(rows(A, B), None, "validate", feed=feeds).summary
    assert summary.reasons == {"PHONE_NUMBER_IN_FEED:f": 1}
    assert summary.reasons_all == {"PHONE_NUMBER_IN_FEED": 1}


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(("unknown", "is_noted"), [(1, False), (2, True), (19, True)])
def test_many_numbers_that_no_country_gives_out_are_noted(
    unknown: int, is_noted: bool, database: Database, tmp_path: Path
) -> None:
    known = [{"phone_number": f"72755512{n:02}"} for n in range(19 - unknown)]
    strange = [{"phone_number": f"06980992{n:02}"} for n in range(unknown)]
    summary = Loads(tmp_path).load([*known, *strange], database).summary
    assert any("none that their country gives out" in each for each in summary.remarks) is is_noted

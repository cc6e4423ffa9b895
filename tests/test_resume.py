"""An import that is killed anywhere is completed by the same call, as if nothing had happened.

The kill is an exception that nothing catches, raised at every step in turn: `make test` does that
on SQLite, and at some steps on the servers. Processes, servers and connections that really die are
in tests/test_load_kills.py.
"""

import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import jobs.load
from jobs.command import run as run_command
from jobs.plan import Plan
from jobs.recording import Recording
from jobs.run import Watchers
from loader.database import Database
from loader.errors import (
    BusyError,
    ConfigurationError,
    LoadedBeforeError,
    RejectRateError,
)
from loader.extra_insert import ExtraInserter
from loader.journal import _Entry
from loader.ledger import Ledger
from loader.options import LoadOptions
from loader.results import Results
from loader.update import LeadUpdater
from loader.write import Writer
from tests.loads import Loads, Outcome, assert_extras_told, outcome_of, snapshot
from tests.server import fill, run


class Killed(BaseException):
    """As if the process had ended here."""


class Point(NamedTuple):
    """A step: a method, and whether the kill comes before or after it."""

    owner: type
    name: str
    moment: str

    def __str__(self) -> str:
        return f"{self.moment} {self.owner.__name__}.{self.name}"


POINTS = tuple(
    Point(owner, name, moment)
    for owner, names in (
        (Writer, ("write",)),
        (LeadUpdater, ("write",)),
        (_Entry, ("write", "write_alone")),
        (Plan, ("add",)),
        (Recording, ("inserting", "done")),
        (Results, ("load", "finish", "summarize", "forget")),
    )
    for name in names
    for moment in ("before", "after")
)


@contextmanager
def killed_at(point: Point, nth: int) -> Iterator[None]:
    """Kill at the nth time that a point is reached."""
    original: Callable[..., Any] = vars(point.owner)[point.name]
    count = itertools.count(1)

    def step(*arguments: Any, **named: Any) -> Any:
        number = next(count)
        if number == nth and point.moment == "before":
            raise Killed
        result = original(*arguments, **named)
        if number == nth:
            raise Killed
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(point.owner, point.name, step)
        yield


ROWS = [
    {"phone_number": str(7_275_551_000 + n), "first_name": name, "comments": f"said {n}"}
    for n, name in enumerate(["Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus", "Hal"])
]
ROWS[2]["multi_alt_phones"] = "7275552001_1_home!7275552002_1_work"
ROWS[5]["phone_number"] = ROWS[1]["phone_number"]
ROWS[6]["phone_number"] = "12"
EXISTING = {
    "lead_id": 7, "phone_number": "7275551003", "first_name": "", "comments": "old", "list_id": 101,
    "status": "NEW", "entry_date": "2026-11-01 10:00:00",
}  # fmt: skip
OPTIONS: dict[str, Any] = {
    "list_id": "101",
    "duplicate_check": "DUPLIST",
    "on_duplicate": "update",
    "batch_size": 3,
    "chunk_size": 4,
}


def prepared(database: Database) -> None:
    fill(database.engine, {
        "vicidial_lists": [{"list_id": 101, "campaign_id": "SALES", "active": "Y"}],
        "vicidial_list": [EXISTING],
    })  # fmt: skip


def loaded(database: Database, path: Path, folder: Path) -> Outcome:
    jobs.load.load(str(path), LoadOptions(**OPTIONS), database, folder, job="import")
    return outcome_of(folder)


def told(outcome: Outcome) -> dict[str, Any]:
    """Give what a run says of itself, but for its name, its times and new lead_ids."""
    left_out = {"run", "began", "ended", "seconds", "results", "lead_ids"}
    return outcome.summary.model_dump(exclude=left_out) | {
        "loaded_rows": {row: outcome.loaded[row]["notices"] for row in outcome.loaded},
        "rejected_rows": outcome.reasons,
        "changes": outcome.changes(),
    }


def by_order(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Number leads by their order: InnoDB gives out no lead_id of a batch that was rolled back."""
    numbers = {row["lead_id"]: n for n, row in enumerate(tables["vicidial_list"])}
    return {
        table: [
            {name: row[name] for name in row if name != "alt_phone_id"}
            | {"lead_id": numbers[row["lead_id"]]}
            for row in rows
        ]
        for table, rows in tables.items()
    }


STAMPS = ("entry_date", "modify_date", "last_local_call_time")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Loads(tmp_path).file(ROWS)


def every_step(
    database: Database, path: Path, tmp_path: Path, point: Point, steps: Iterator[int]
) -> int:
    """Kill at a point, complete, and compare; give how many steps the run has."""
    prepared(database)
    undisturbed = told(loaded(database, path, tmp_path / "whole"))
    tables = by_order(snapshot(database, *STAMPS))
    for nth in steps:
        for table in ("leadloader_runs", "leadloader_batches", "leadloader_changes"):
            run(url_of(database), f"DELETE FROM {table}")
        clear(database)
        prepared(database)
        folder = tmp_path / f"killed-{nth}"
        try:
            with killed_at(point, nth):
                jobs.load.load(str(path), LoadOptions(**OPTIONS), database, folder, job="import")
        except Killed:
            if Ledger.open(database, tmp_path).runs()[0].state != "done":
                outcome = loaded(database, path, folder)
                assert told(outcome) == undisturbed, f"{point} {nth}"
                assert_extras_told(outcome, database)
            assert by_order(snapshot(database, *STAMPS)) == tables, f"{point} {nth}"
            with pytest.raises(LoadedBeforeError):
                loaded(database, path, tmp_path / "again")
        else:
            return nth - 1
    return 0


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def clear(database: Database) -> None:
    """Empty the tables of leads; their ids begin anew."""
    for table in ("vicidial_list", "vicidial_list_alt_phones", "vicidial_lists"):
        run(url_of(database), f"DELETE FROM {table}")
    if database.is_sqlite:
        run(url_of(database), "DELETE FROM sqlite_sequence")
    else:
        run(url_of(database), "ALTER TABLE vicidial_list AUTO_INCREMENT = 1")


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_killed_at_a_step(
    point: Point, database: Database, path: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    steps = itertools.count(1) if pytestconfig.getoption("full") else iter((2, 1))
    every_step(database, path, tmp_path, point, steps)


@pytest.mark.engines("myisam", "innodb")
@pytest.mark.parametrize("name", ["write"])
@pytest.mark.parametrize("owner", [Writer, LeadUpdater])
def test_killed_where_rows_are_written(
    owner: type, name: str, database: Database, path: Path, tmp_path: Path
) -> None:
    every_step(database, path, tmp_path, Point(owner, name, "after"), iter((1,)))


def test_a_file_is_loaded_once(database: Database, path: Path, tmp_path: Path) -> None:
    prepared(database)
    first = loaded(database, path, tmp_path / "first")
    with pytest.raises(LoadedBeforeError, match=f"by run {first.summary.run} of "):
        loaded(database, path, tmp_path / "second")
    renamed = path.rename(tmp_path / "renamed.csv")
    with pytest.raises(LoadedBeforeError, match=r"as .*leads-1\.csv, by run"):
        loaded(database, renamed, tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_other_options_or_another_content_is_another_load(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    loaded(database, path, tmp_path / "first")
    options = LoadOptions(**OPTIONS | {"duplicate_check": "DUPSYS"})
    jobs.load.load(str(path), options, database, tmp_path / "second", job="import")
    assert outcome_of(tmp_path / "second").summary.rows_read == len(ROWS)
    # Those decide about no row.
    pace = LoadOptions(**OPTIONS | {"batch_size": 5, "chunk_size": 2, "max_reject_rate": 0.9})
    with pytest.raises(LoadedBeforeError):
        jobs.load.load(str(path), pace, database, tmp_path / "third", job="import")


def test_a_mapping_file_counts_by_what_it_says(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    mapping = tmp_path / "vendor.toml"
    mapping.write_text('[map]\nfirst_name = "first_name"\n')
    options = LoadOptions(list_id="101", mapping_file=mapping)
    jobs.load.load(str(path), options, database, tmp_path / "first", job="import")
    mapping.write_text('[map]\nlast_name = "first_name"\n')
    jobs.load.load(str(path), options, database, tmp_path / "second", job="import")
    with pytest.raises(LoadedBeforeError):
        jobs.load.load(str(path), options, database, tmp_path / "third", job="import")


def test_again_loads_it_again(database: Database, path: Path, tmp_path: Path) -> None:
    prepared(database)
    options = LoadOptions(list_id="101")
    for folder in ("first", "second"):
        jobs.load.load(str(path), options, database, tmp_path / folder, job="import", again=True)
    ids = [outcome_of(tmp_path / folder).lead_ids.values() for folder in ("first", "second")]
    assert len({*ids[0], *ids[1]}) == 2 * len(ids[0])


def test_what_was_refused_may_be_loaded(database: Database, path: Path, tmp_path: Path) -> None:
    prepared(database)
    options = LoadOptions(**OPTIONS | {"max_reject_rate": 0})
    with pytest.raises(RejectRateError):
        jobs.load.load(str(path), options, database, tmp_path / "first", job="import")
    record = Ledger.open(database, tmp_path).runs()[0]
    assert (record.state, record.rows_read) == ("refused", 0)
    assert "more than the 0.0%" in record.message
    assert loaded(database, path, tmp_path / "second").summary.loaded


def test_a_process_that_was_replaced_writes_no_more(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    ledger = Ledger.open(database, tmp_path)

    def taken_over(self: Writer, *arguments: Any, **named: Any) -> Any:
        ledger.update(ledger.runs()[0].run, owner="another")
        return original(self, *arguments, **named)

    original = Writer.write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writer, "write", taken_over)
        with pytest.raises(BusyError, match="taken over by another process"):
            loaded(database, path, tmp_path / "results")
    assert not (tmp_path / "results" / "summary.json").exists()
    assert loaded(database, path, tmp_path / "results").summary.rows_read == len(ROWS)


def test_without_its_plan_a_run_is_not_completed(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    folder = tmp_path / "results"
    with pytest.raises(Killed), killed_at(Point(Writer, "write", "after"), 1):
        loaded(database, path, folder)
    shutil.rmtree(folder)
    with pytest.raises(ConfigurationError, match="what is needed to complete it is not here"):
        loaded(database, path, folder)


def test_a_run_goes_on_in_the_folder_that_it_has(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    with pytest.raises(Killed), killed_at(Point(Writer, "write", "after"), 1):
        loaded(database, path, tmp_path / "results")
    said: list[str] = []
    summary = jobs.load.load(
        str(path), LoadOptions(**OPTIONS), database, tmp_path / "elsewhere", job="import",
        watchers=Watchers(say=said.append),
    )  # fmt: skip
    assert summary.results == str(tmp_path / "results")
    assert "going on with run" in said[0]


def test_what_the_dialer_has_called_is_not_put_into_the_hopper_again(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    options = LoadOptions(list_id="101", add_to_hopper="Y")
    with pytest.raises(Killed), killed_at(Point(ExtraInserter, "insert", "after"), 2):
        jobs.load.load(str(path), options, database, tmp_path / "results", job="import")
    [(taken,)] = run(url_of(database), "SELECT MIN(lead_id) FROM vicidial_hopper")
    run(url_of(database), f"DELETE FROM vicidial_hopper WHERE lead_id = {taken}")
    run(
        url_of(database),
        "UPDATE vicidial_list SET called_since_last_reset = 'Y', status = 'INCALL' "
        f"WHERE lead_id = {taken}",
    )
    jobs.load.load(str(path), options, database, tmp_path / "results", job="import")
    outcome = outcome_of(tmp_path / "results")
    [(in_hopper,)] = run(url_of(database), "SELECT COUNT(*) FROM vicidial_hopper")
    assert in_hopper == outcome.summary.loaded - 1
    assert outcome.summary.notices["ADDED_TO_HOPPER"] == outcome.summary.loaded


def test_a_signal_ends_an_import_cleanly(
    database: Database, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(database)
    command = ["import", str(path), "--database", url_of(database), "--list-id", "101"]
    command += ["--batch-size", "3", "--results", str(tmp_path / "results")]
    original, count = Results.load, itertools.count(1)

    def signalled(self: Results, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        if next(count) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Results, "load", signalled)
        assert run_command(command) == 128 + signal.SIGTERM
    assert "SIGTERM came; the same command goes on from here" in capsys.readouterr().err
    assert outcome_of(tmp_path / "results").summary.loaded == 6
    assert run_command(command) == 0
    assert outcome_of(tmp_path / "results").summary.loaded == 7


REFUSES_BOB = """CREATE TRIGGER refuses_bob BEFORE INSERT ON vicidial_list FOR EACH ROW
    IF NEW.first_name = 'Bob' THEN SIGNAL SQLSTATE '45000'; END IF"""


@pytest.mark.engines("myisam", "innodb")
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
def test_duplicates_of_refused_rows_are_decided_once(
    nth: int, leads_url: str, path: Path, tmp_path: Path
) -> None:
    run(leads_url, "CREATE TABLE vicidial_lists (list_id BIGINT, campaign_id VARCHAR(8))")
    run(leads_url, "CREATE TABLE vicidial_campaigns (campaign_id VARCHAR(8))")
    run(leads_url, REFUSES_BOB)
    database = Database(leads_url)
    rows = [{name: row[name] for name in ("phone_number", "first_name")} for row in ROWS]
    file = Loads(tmp_path).file(rows)
    options = LoadOptions(list_id="101", duplicate_check="DUPLIST", batch_size=3)
    try:
        with killed_at(Point(_Entry, "write", "after"), nth):
            jobs.load.load(str(file), options, database, tmp_path / "results", job="import")
    except Killed:
        jobs.load.load(str(file), options, database, tmp_path / "results", job="import")
    outcome = outcome_of(tmp_path / "results")
    assert outcome.reasons == {3: "REFUSED_BY_SERVER", 8: "INVALID_PHONE_NUMBER_LENGTH"}
    names = [name for (name,) in run(leads_url, "SELECT first_name FROM vicidial_list")]
    assert sorted(names) == ["Ann", "Cid", "Dan", "Eve", "Fay", "Hal"]
    database.engine.dispose()

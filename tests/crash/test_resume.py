"""An import that is killed anywhere is completed by the same call, as if nothing had happened.

The kill is an exception that nothing catches: `make test` raises it at some steps, `make crashes`
at every one, on SQLite. Processes, servers and connections that really die are in
tests/crash/test_load_kills.py.
"""

import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pymysql
import pytest
from sqlalchemy import Connection, inspect, make_url

from jobs.cli.main import run as run_command
from jobs.load import job
from jobs.load.checkpoint import Checkpoint
from jobs.load.resume import ImportRun
from jobs.undo.job import undo
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.database.locks import lock
from loader.errors import (
    BusyError,
    ConfigurationError,
    LoadedBeforeError,
    NotAllowedError,
    RejectRateError,
    UsageError,
)
from loader.frames.spool import Spool
from loader.ledger.batches import Entry
from loader.ledger.changes import ChangeEntry
from loader.ledger.leads import LeadEntry
from loader.ledger.records import RunRecord
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.results.files import Results
from loader.results.folder import ResultFolder
from loader.signals import DeferredSignals, defer_signals
from loader.writing.batch import Inserted
from loader.writing.extras import ExtraInserter
from loader.writing.leads import LeadInserter
from loader.writing.updates import LeadUpdater
from loader.writing.writer import Writer
from tests.support.loads import Loads, Outcome, assert_extras_match, load_file, outcome_of, snapshot
from tests.support.server import Server, fill, run
from tests.support.step_kills import Killed, Point, killed_at

POINTS = tuple(
    Point(owner, name, moment)
    for owner, names in (
        (Writer, ("write",)),
        (LeadUpdater, ("write",)),
        (Entry, ("write", "write_alone")),
        (Checkpoint, ("add",)),
        (ImportRun, ("inserting", "done")),
        (Results, ("load", "finish")),
        (ResultFolder, ("write_summary",)),
        (job, ("forget",)),
    )
    for name in names
    for moment in ("before", "after")
)
SEVERAL = ((Writer, "write"), (Entry, "write"), (Entry, "write_alone"), (Results, "load"))
"""What the load of `ROWS` does more than once."""


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
    load_file(path, LoadOptions(**OPTIONS), database, folder)
    return outcome_of(folder)


def told(outcome: Outcome) -> dict[str, Any]:
    """Give what a run says of itself, but for names and folders, its times and new lead_ids."""
    left_out = {"run", "began", "ended", "seconds", "results", "lead_ids", "database"}
    summary = outcome.summary.model_dump(exclude=left_out)
    del summary["file"]["name"]
    return summary | {
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


class Whole(NamedTuple):
    """What an undisturbed load says and leaves in the tables."""

    told: dict[str, Any]
    tables: dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def wholes() -> dict[str, Whole]:
    """By the engine."""
    return {}


@pytest.fixture
def whole(
    engine_name: str, database: Database, path: Path, tmp_path: Path, wholes: dict[str, Whole]
) -> Whole:
    if engine_name not in wholes:
        prepared(database)
        said = told(loaded(database, path, tmp_path / "whole"))
        wholes[engine_name] = Whole(said, by_order(snapshot(database, *STAMPS)))
    return wholes[engine_name]


def every_step(
    database: Database, path: Path, tmp_path: Path, point: Point, steps: Iterator[int], whole: Whole
) -> bool:
    """Kill at a point, complete, and compare; tell whether each of the steps was reached."""
    undisturbed, tables = whole
    for nth in steps:
        clear(database)
        prepared(database)
        folder = tmp_path / f"killed-{nth}"
        try:
            with killed_at(point, nth):
                load_file(path, LoadOptions(**OPTIONS), database, folder)
        except Killed:
            if Ledger.open(database, tmp_path).runs()[0].state != "done":
                outcome = loaded(database, path, folder)
                assert told(outcome) == undisturbed, f"{point} {nth}"
                assert_extras_match(outcome, database)
            assert by_order(snapshot(database, *STAMPS)) == tables, f"{point} {nth}"
            with pytest.raises(LoadedBeforeError):
                loaded(database, path, tmp_path / "again")
        else:
            assert nth > 1, f"{point} is never reached"
            return False
    return True


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def clear(database: Database) -> None:
    """Empty the tables of leads and of runs, if there were any; ids of leads begin anew."""
    tables = ["vicidial_list", "vicidial_list_alt_phones", "vicidial_lists"]
    names = inspect(database.engine).get_table_names()
    tables += [name for name in names if name.startswith("leadloader_")]
    run(url_of(database), *(f"DELETE FROM {table}" for table in tables))
    if database.engine.dialect.name == "sqlite":
        run(url_of(database), "DELETE FROM sqlite_sequence")
    else:
        run(url_of(database), "ALTER TABLE vicidial_list AUTO_INCREMENT = 1")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "step" in metafunc.fixturenames:
        full = metafunc.config.getoption("full")
        steps = [point for point in POINTS if full or point.moment == "after"]
        metafunc.parametrize("step", steps, ids=str)


@pytest.mark.sample(1)
@pytest.mark.engines("sqlite")
def test_killed_at_a_step(
    step: Point,
    database: Database,
    path: Path,
    tmp_path: Path,
    points: Iterator[int],
    pytestconfig: pytest.Config,
    whole: Whole,
) -> None:
    if pytestconfig.getoption("full"):
        every_step(database, path, tmp_path, step, points, whole)
    else:
        nth = 2 if step[:2] in SEVERAL else 1
        assert every_step(database, path, tmp_path, step, iter((nth,)), whole)


@pytest.mark.sample(1)
@pytest.mark.engines("myisam", "innodb")
@pytest.mark.parametrize("name", ["write"])
@pytest.mark.parametrize("owner", [Writer, LeadUpdater])
def test_killed_where_rows_are_written(
    owner: type, name: str, database: Database, path: Path, tmp_path: Path, whole: Whole
) -> None:
    assert every_step(database, path, tmp_path, Point(owner, name, "after"), iter((1,)), whole)


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
    load_file(path, options, database, tmp_path / "second")
    assert outcome_of(tmp_path / "second").summary.rows_read == len(ROWS)
    # Those decide about no row.
    pace = LoadOptions(**OPTIONS | {"batch_size": 5, "chunk_size": 2, "max_reject_rate": 0.9})
    with pytest.raises(LoadedBeforeError):
        load_file(path, pace, database, tmp_path / "third")


def test_a_mapping_file_counts_by_what_it_says(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    mapping = tmp_path / "vendor.toml"
    mapping.write_text('[map]\nfirst_name = "first_name"\n')
    options = LoadOptions(list_id="101", mapping_file=mapping)
    load_file(path, options, database, tmp_path / "first")
    mapping.write_text('[map]\nlast_name = "first_name"\n')
    load_file(path, options, database, tmp_path / "second")
    with pytest.raises(LoadedBeforeError):
        load_file(path, options, database, tmp_path / "third")


def test_again_loads_it_again(database: Database, path: Path, tmp_path: Path) -> None:
    prepared(database)
    options = LoadOptions(list_id="101")
    for folder in ("first", "second"):
        load_file(path, options, database, tmp_path / folder, allow_reload=True)
    ids = [outcome_of(tmp_path / folder).lead_ids.values() for folder in ("first", "second")]
    assert len({*ids[0], *ids[1]}) == 2 * len(ids[0])


def test_what_was_refused_may_be_loaded(database: Database, path: Path, tmp_path: Path) -> None:
    prepared(database)
    options = LoadOptions(**OPTIONS | {"max_reject_rate": 0})
    with pytest.raises(RejectRateError):
        load_file(path, options, database, tmp_path / "first")
    record = Ledger.open(database, tmp_path).runs()[0]
    assert (record.state, record.rows_read) == ("refused", 0)
    assert "more than the 0.0%" in record.message
    assert loaded(database, path, tmp_path / "second").summary.loaded


def test_a_process_that_was_replaced_writes_no_more(
    database: Database, path: Path, tmp_path: Path, engine_name: str
) -> None:
    prepared(database)
    ledger = Ledger.open(database, tmp_path)

    def taken_over(*arguments: Any, **named: Any) -> Any:
        ledger.update(ledger.runs()[0].run, owner="another")
        return original(*arguments, **named)

    # While a batch is written to a file, nobody else can write to it.
    place = (LeadInserter, "insert") if engine_name == "sqlite" else (Writer, "write")
    original = getattr(*place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*place, taken_over)
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
    with pytest.raises(ConfigurationError, match="needed to complete it are missing here"):
        loaded(database, path, folder)


def test_a_run_goes_on_in_the_folder_that_it_has(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    with pytest.raises(Killed), killed_at(Point(Writer, "write", "after"), 1):
        loaded(database, path, tmp_path / "results")
    said: list[str] = []
    summary = load_file(
        path,
        LoadOptions(**OPTIONS),
        database,
        tmp_path / "elsewhere",
        watchers=Watchers(say=said.append),
    )
    assert summary.results == str(tmp_path / "results")
    assert "resuming run" in said[0]


def test_what_the_dialer_has_called_is_not_put_into_the_hopper_again(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    options = LoadOptions(list_id="101", add_to_hopper="Y")
    with pytest.raises(Killed), killed_at(Point(ExtraInserter, "insert", "after"), 2):
        load_file(path, options, database, tmp_path / "results")
    [(taken,)] = run(url_of(database), "SELECT MIN(lead_id) FROM vicidial_hopper")
    run(url_of(database), f"DELETE FROM vicidial_hopper WHERE lead_id = {taken}")
    run(
        url_of(database),
        "UPDATE vicidial_list SET called_since_last_reset = 'Y', status = 'INCALL' "
        f"WHERE lead_id = {taken}",
    )
    load_file(path, options, database, tmp_path / "results")
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


@pytest.mark.sample(1)
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
        with killed_at(Point(Entry, "write", "after"), nth):
            load_file(file, options, database, tmp_path / "results")
    except Killed:
        load_file(file, options, database, tmp_path / "results")
    outcome = outcome_of(tmp_path / "results")
    assert outcome.reasons == {3: "REFUSED_BY_SERVER", 8: "INVALID_PHONE_NUMBER_LENGTH"}
    names = [name for (name,) in run(leads_url, "SELECT first_name FROM vicidial_list")]
    assert sorted(names) == ["Ann", "Cid", "Dan", "Eve", "Fay", "Hal"]
    database.engine.dispose()


# --- what is not there must not be told as loaded ---


@pytest.mark.engines("myisam", "innodb")
def test_a_commit_that_fails_before_a_kill_is_not_believed(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    original, calls = LeadEntry.stored, itertools.count(1)

    def dies(self: LeadEntry, connection: Connection, known: Inserted) -> None:
        original(self, connection, known)
        if next(calls) == 1:
            session = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
            run(url_of(database), f"KILL {session}")

    def killed(self: LeadEntry, connection: Connection, known: Inserted) -> None:
        sending(self, connection, known)
        if next(sent) == 2:
            raise Killed

    sending, sent = LeadEntry.sending, itertools.count(1)
    options = LoadOptions(list_id="101", batch_size=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LeadEntry, "stored", dies)
        patch.setattr(LeadEntry, "sending", killed)
        try:
            load_file(path, options, database, tmp_path / "results")
        except Killed:
            load_file(path, options, database, tmp_path / "results")
    outcome = outcome_of(tmp_path / "results")
    [(count,)] = run(url_of(database), "SELECT COUNT(*) FROM vicidial_list WHERE lead_id > 7")
    assert (outcome.summary.loaded, count) == (7, 7)


@pytest.fixture
def without_tables(database: Database, server: Server, tmp_path: Path) -> Iterator[Database]:
    """The database for an account that may make no tables: its ledger is a file."""
    for table in ("version", "runs", "batches", "changes"):
        run(url_of(database), f"DROP TABLE IF EXISTS leadloader_{table}")
    url = server.new_account(url_of(database))
    named = make_url(url)
    rights = "SELECT, INSERT, UPDATE, DELETE"
    server.execute(f"GRANT {rights} ON {named.database}.* TO {named.username}@'%'")
    account = Database(url)
    yield account
    account.engine.dispose()


@pytest.mark.sample(1)
@pytest.mark.engines("myisam", "innodb")
@pytest.mark.parametrize(
    "point",
    [
        Point(LeadEntry, "stored", "after"),
        Point(ChangeEntry, "stored", "after"),
        Point(Writer, "write", "after"),
    ],
    ids=str,
)
def test_where_the_ledger_is_a_file_nothing_is_lost(
    point: Point, database: Database, without_tables: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    with pytest.raises(Killed), killed_at(point, 1):
        loaded(without_tables, path, tmp_path / "results")
    outcome = loaded(without_tables, path, tmp_path / "results")
    [(count,)] = run(url_of(database), "SELECT COUNT(*) FROM vicidial_list WHERE lead_id > 7")
    assert count == outcome.summary.loaded - 1 == 5
    [(comments,)] = run(url_of(database), "SELECT first_name FROM vicidial_list WHERE lead_id = 7")
    assert comments == "Dan"
    assert [each[:3] for each in outcome.changes()] == [(5, 7, "first_name")]


@pytest.mark.engines("myisam", "innodb")
def test_the_leads_of_another_load_are_not_taken_for_ours(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    options = LoadOptions(list_id="101")
    with pytest.raises(Killed), killed_at(Point(Writer, "write", "before"), 1):
        load_file(path, options, database, tmp_path / "results")
    [(moment,)] = run(url_of(database), "SELECT moment FROM leadloader_batches")
    theirs = [
        {"list_id": 102, "phone_number": row["phone_number"], "entry_date": moment, "status": "NEW"}
        for row in ROWS
    ]  # fmt: skip
    fill(database.engine, {"vicidial_list": theirs})
    load_file(path, options, database, tmp_path / "results")
    outcome = outcome_of(tmp_path / "results")
    found = run(url_of(database), "SELECT lead_id FROM vicidial_list WHERE list_id = 102")
    assert not {lead_id for (lead_id,) in found} & {*outcome.lead_ids.values()}
    [(count,)] = run(
        url_of(database),
        "SELECT COUNT(*) FROM vicidial_list WHERE list_id = 101 AND lead_id <> 7",
    )
    assert count == outcome.summary.loaded == 7


# --- folders, options, clocks ---


def test_the_folder_of_a_run_that_has_to_go_on_is_not_another_runs(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    folder, other = tmp_path / "results", Loads(tmp_path / "other")
    other.folder.mkdir()
    with pytest.raises(Killed), killed_at(Point(Writer, "write", "after"), 1):
        loaded(database, path, folder)
    with pytest.raises(UsageError, match=r"is where run .* works, or has to go on"):
        loaded(database, other.file(ROWS[:1]), folder)
    assert loaded(database, path, folder).summary.rows_read == len(ROWS)


def test_an_option_more_does_not_make_another_load(
    database: Database, path: Path, tmp_path: Path
) -> None:
    class NewerOptions(LoadOptions):
        new_option: str = "as before"

    prepared(database)
    loaded(database, path, tmp_path / "first")
    with pytest.raises(LoadedBeforeError):
        load_file(path, NewerOptions(**OPTIONS), database, tmp_path / "second")


def test_a_feed_counts_by_its_name(database: Database, path: Path, tmp_path: Path) -> None:
    prepared(database)
    feed = tmp_path / "numbers.csv"
    feed.write_text("phone_number\n7275559999\n")
    for folder, spelled in (("first", feed), ("second", feed.parent / "." / feed.name)):
        options = LoadOptions(list_id="101", feed={"litigators": spelled})
        if folder == "first":
            load_file(path, options, database, tmp_path / folder)
    with pytest.raises(LoadedBeforeError):
        load_file(path, options, database, tmp_path / "second")


def test_what_is_unfinished_goes_before_what_is_newer(database: Database, tmp_path: Path) -> None:
    ledger = Ledger.open(database, tmp_path)
    began = datetime(2026, 11, 22, tzinfo=UTC)
    for name, minutes, state in (("a", 0, "inserting"), ("b", 5, "done")):
        ledger.insert(
            RunRecord(
                run=name, job="import", began=began + timedelta(minutes=minutes), sha256="s",
                options_sha256="o", state=state,
            )
        )  # fmt: skip
    found = ledger.same_file("s", "o")
    assert found is not None
    assert found.run == "a"


def test_a_run_that_was_taken_over_is_left_alone(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    original = Checkpoint.add

    def taken_over(self: Checkpoint, waiting: Spool) -> None:
        original(self, waiting)
        ledger = Ledger.open(database, tmp_path)
        ledger.update(ledger.runs()[0].run, owner="another", state="inserting")
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "add", taken_over)
        with pytest.raises((KeyboardInterrupt, BusyError)):
            loaded(database, path, tmp_path / "results")
    assert loaded(database, path, tmp_path / "results").summary.rows_read == len(ROWS)


@pytest.mark.engines("sqlite")
def test_a_name_that_is_no_utf8_is_noted(database: Database, path: Path, tmp_path: Path) -> None:
    prepared(database)
    odd = path.rename(os.fsdecode(os.fsencode(tmp_path) + b"/leads_\xe9.csv"))
    loaded(database, odd, tmp_path / "results")
    assert Ledger.open(database, tmp_path).runs()[0].source.endswith("leads_\\xe9.csv")


@pytest.mark.engines("sqlite")
def test_a_link_to_a_database_is_that_database(database: Database, tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite"
    link.symlink_to(str(database.engine.url.database))
    other = Database(f"sqlite:///{link}")
    with lock(database, "x", "it is done"), pytest.raises(BusyError), lock(other, "x", "again"):
        pass


def test_a_signal_that_waits_does_not_outlive_what_it_waits_for() -> None:
    def broken() -> None:
        with defer_signals():
            DeferredSignals.pending = "SIGTERM"
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the one raised here
        broken()
    assert DeferredSignals.pending is None


@pytest.mark.engines("myisam", "innodb")
def test_a_ledger_that_cannot_be_written_any_more_is_refused(
    database: Database, server: Server, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    Ledger.open(database, tmp_path)
    account = Database(server.new_reader(url_of(database)))
    with pytest.raises(NotAllowedError, match="the ledger is there, and cannot be written"):
        Ledger.open(account, tmp_path)
    assert Ledger.to_read(account, tmp_path).runs() == []
    account.engine.dispose()


@pytest.mark.engines("myisam", "innodb")
def test_a_signal_waits_while_rows_are_on_their_way_by_file(
    database: Database, tmp_path: Path
) -> None:
    prepared(database)
    rows = [{"phone_number": str(7_275_560_000 + n), "comments": f"{n:060}"} for n in range(600)]
    path = Loads(tmp_path).file(rows)
    command = ["import", str(path), "--database", url_of(database), "--list-id", "101"]
    command += ["--results", str(tmp_path / "results")]
    original, packets = pymysql.connections.Connection.write_packet, itertools.count(1)

    def signalled(self: Any, payload: bytes) -> None:
        original(self, payload)
        # Between two packets of the file.
        if len(payload) > 10_000 and next(packets) == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pymysql.connections.Connection, "write_packet", signalled)
        assert run_command(command) == 128 + signal.SIGTERM
    assert next(packets) > 1
    assert run_command(command) == 0
    [(count, empty)] = run(
        url_of(database),
        "SELECT COUNT(*), SUM(status IS NULL OR status = '') FROM vicidial_list WHERE lead_id > 7",
    )
    assert (count, int(empty)) == (600, 0)


def test_what_an_undo_had_to_leave_is_not_loaded_twice(
    database: Database, path: Path, tmp_path: Path
) -> None:
    prepared(database)
    first = loaded(database, path, tmp_path / "first")
    called = first.lead_ids[2]
    run(
        url_of(database),
        "UPDATE vicidial_list SET called_count = 1, called_since_last_reset = 'Y', status = 'NA' "
        f"WHERE lead_id = {called}",
    )
    undo(first.summary.run, database, tmp_path / "undo")
    with pytest.raises(LoadedBeforeError, match="1 of its leads had to stay"):
        loaded(database, path, tmp_path / "second")
    load_file(path, LoadOptions(**OPTIONS), database, tmp_path / "second", allow_reload=True)
    assert outcome_of(tmp_path / "second").summary.rows_read == len(ROWS)

"""Whole loads that are taken back: what was there before is there again, but for the archive."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.undo.job import undo
from loader.database.connection import Database
from loader.errors import LoadedBeforeError, UndoneBeforeError, UsageError
from loader.ledger.runs import Ledger
from loader.writing.updates import LeadUpdater
from loader.writing.writer import Writer
from tests.support.archives import rows as rows_of
from tests.support.archives import sql
from tests.support.loads import Loads, Outcome, assert_extras_match, leads
from tests.support.statements import just_before
from tests.support.step_kills import Killed, Point, killed_at
from tests.support.undos import (
    ARCHIVE,
    HOPPER,
    LEADS,
    ROWS,
    WAYS,
    csv_of,
    drop_archives,
    folder,
    options,
    prepare,
    report_counts,
    tables,
)

ON_SQLITE = pytest.mark.engines("sqlite")


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


@pytest.fixture
def dialer(database: Database) -> Iterator[Database]:
    """A dialer with two leads, and all that can come with new ones."""
    prepare(database)
    yield database
    drop_archives(database)


Load = Callable[..., Outcome]


@pytest.fixture
def load(dialer: Database, loads: Loads) -> Load:
    path = loads.file(ROWS)

    def load(way: str = "update") -> Outcome:
        return loads.load(path, dialer, **options(way))

    return load


@pytest.mark.sample(1)
@pytest.mark.parametrize("way", WAYS)
def test_everything_is_as_before_the_load(
    dialer: Database, load: Load, tmp_path: Path, way: str
) -> None:
    before = tables(dialer)
    outcome = load(way)
    assert_extras_match(outcome, dialer)
    loaded, leads = tables(dialer), rows_of(dialer)
    new = [outcome.lead_ids[row] for row in (2, 3, 4)]
    counts = (3, 3, {}, len(outcome.changes()), len(outcome.changes()), {})
    assert len(outcome.changes()) == {"update": 8, "move": 2}[way]

    dry = undo(outcome.summary.run, dialer, folder(tmp_path, "dry"), dry_run=True)
    assert (tables(dialer), report_counts(dry)) == (loaded, counts)
    assert Ledger(dialer, is_shared=True).run(outcome.summary.run).state == "done"

    report = undo(outcome.summary.run, dialer, folder(tmp_path))
    assert tables(dialer) == before
    assert rows_of(dialer, ARCHIVE) == {lead_id: leads[lead_id] for lead_id in new}
    assert report_counts(report) == counts
    assert report.from_hopper == len(loaded[HOPPER])
    for each in (folder(tmp_path, "dry"), folder(tmp_path)):
        moved = [(int(row["row_number"]), int(row["lead_id"])) for row in csv_of(each, "moved.csv")]
        assert moved == list(zip((2, 3, 4), new, strict=True))
        assert csv_of(each, "stayed.csv") == []
        assert {path.name for path in each.iterdir()} == {
            "moved.csv", "reverted.csv", "stayed.csv", "summary.json", "summary.txt",
        }  # fmt: skip
    back = [row | {"old": row["new"], "new": row["old"]} for row in _changes(outcome.folder)]
    assert _changes(folder(tmp_path), "reverted.csv") == back


def _changes(folder: Path, name: str = "changes.csv") -> list[dict[str, str]]:
    return sorted(csv_of(folder, name), key=lambda row: (row["row_number"], row["field"]))


@ON_SQLITE
def test_the_ledger_tells_it(dialer: Database, load: Load, tmp_path: Path) -> None:
    run = load().summary.run
    report = undo(run, dialer, folder(tmp_path))
    ledger = Ledger(dialer, is_shared=True)
    own = ledger.run(report.run)
    assert (own.job, own.of_run, own.state) == ("undo", run, "done")
    assert own.results == str(folder(tmp_path))
    assert own.ended is not None
    assert ledger.run(run).state == "undone"


def test_the_same_file_loads_again(dialer: Database, load: Load, tmp_path: Path) -> None:
    first = load()
    with pytest.raises(LoadedBeforeError):
        load()
    loaded = tables(dialer)
    undo(first.summary.run, dialer, folder(tmp_path))
    again = load()
    assert again.loaded.keys() == first.loaded.keys()
    assert [row["phone_number"] for row in tables(dialer)[LEADS]] == [
        row["phone_number"] for row in loaded[LEADS]
    ]
    # Taking back the first run once more is nothing to the second.
    now = tables(dialer)
    with pytest.raises(UndoneBeforeError):
        undo(first.summary.run, dialer, folder(tmp_path, "twice"))
    assert (tables(dialer), folder(tmp_path, "twice").exists()) == (now, False)


def test_what_others_worked_with_stays_and_is_told(
    dialer: Database, load: Load, tmp_path: Path
) -> None:
    outcome = load()
    called, changed, held = (outcome.lead_ids[row] for row in (2, 3, 4))
    for statement in (
        f"UPDATE {LEADS} SET called_count = 1, status = 'NA' WHERE lead_id = {called}",
        f"UPDATE {LEADS} SET comments = 'vip' WHERE lead_id = {changed}",
        f"INSERT INTO vicidial_auto_calls (lead_id) VALUES ({held})",
        f"UPDATE {LEADS} SET city = 'Antwerp', last_name = 'LEE' WHERE lead_id = 1",
        f"DELETE FROM {LEADS} WHERE lead_id = 2",
    ):
        sql(dialer, statement)
    before = tables(dialer)
    counts = (
        3, 0, {"CALLED": 1, "CHANGED": 1, "HELD": 1}, 8, 2, {"CHANGED": 2, "GONE": 4},
    )  # fmt: skip
    dry = undo(outcome.summary.run, dialer, folder(tmp_path, "dry"), dry_run=True)
    assert (tables(dialer), report_counts(dry)) == (before, counts)
    report = undo(outcome.summary.run, dialer, folder(tmp_path))
    assert report_counts(report) == counts
    after = tables(dialer)
    before[LEADS][0] |= {"first_name": "", "vendor_lead_code": None}
    assert after == before
    stayed = {
        (int(row["lead_id"]), ",".join(sorted(filter(None, row["fields"].split(","))))): (
            row["why"],
            row["details"],
        )
        for row in csv_of(folder(tmp_path), "stayed.csv")
    }
    changed_at = stayed.pop((changed, ""))
    assert (changed_at[0], changed_at[1].split()[0]) == ("CHANGED", "modify_date")
    assert stayed == {
        (called, ""): ("CALLED", "status NA"),
        (held, ""): ("HELD", "vicidial_auto_calls"),
        (1, "city,last_name"): ("CHANGED", ""),
        (2, "city,comments,first_name,vendor_lead_code"): ("GONE", ""),
    }


@ON_SQLITE
def test_what_becomes_free_is_taken_by_another_undo(
    dialer: Database, load: Load, tmp_path: Path
) -> None:
    before = tables(dialer)
    outcome = load()
    run, held = outcome.summary.run, outcome.lead_ids[4]
    sql(dialer, f"INSERT INTO vicidial_auto_calls (lead_id) VALUES ({held})")
    assert report_counts(undo(run, dialer, folder(tmp_path)))[:3] == (3, 2, {"HELD": 1})
    sql(dialer, "DELETE FROM vicidial_auto_calls")
    # Somebody enters by hand what the load had written: that is none of its changes.
    sql(dialer, f"UPDATE {LEADS} SET city = 'Bruges' WHERE lead_id = 2")
    report = undo(run, dialer, folder(tmp_path, "again"))
    assert report_counts(report) == (1, 1, {}, 0, 0, {})
    before[LEADS][1]["city"] = "Bruges"
    assert tables(dialer) == before
    with pytest.raises(UndoneBeforeError):
        undo(run, dialer, folder(tmp_path, "thrice"))


def test_a_change_in_the_last_moment_stays(dialer: Database, load: Load, tmp_path: Path) -> None:
    run = load().summary.run
    change = f"UPDATE {LEADS} SET city = 'Antwerp' WHERE lead_id = 1"
    kind = "BEGIN IMMEDIATE" if dialer.engine.dialect.name == "sqlite" else "UPDATE (SELECT"
    with just_before(dialer, kind, lambda: sql(dialer, change)):
        report = undo(run, dialer, folder(tmp_path))
    assert report.changes_stayed == {"CHANGED": 1}
    assert report.reverted == 7
    assert tables(dialer)[LEADS][0]["city"] == "Antwerp"


def test_an_undo_is_taken_back(dialer: Database, load: Load, tmp_path: Path) -> None:
    outcome = load()
    run, loaded = outcome.summary.run, tables(dialer)
    report = undo(run, dialer, folder(tmp_path))
    dry = undo(report.run, dialer, folder(tmp_path, "dry"), dry_run=True)
    back = undo(report.run, dialer, folder(tmp_path, "back"))
    assert report_counts(dry) == report_counts(back) == report_counts(report)
    # The dialer fills its hopper itself.
    loaded.pop(HOPPER)
    assert (tables(dialer), rows_of(dialer, ARCHIVE)) == (loaded, {})
    ledger = Ledger(dialer, is_shared=True)
    assert [ledger.run(each).state for each in (run, report.run, back.run)] == [
        "done", "undone", "done",
    ]  # fmt: skip
    with pytest.raises(LoadedBeforeError):
        load()
    for wrong, said in (
        (report.run, f"was undone: `leadloader undo {run}`"),
        (back.run, "an undo"),
    ):
        with pytest.raises(UsageError, match=said):
            undo(wrong, dialer, folder(tmp_path, "wrong"))
    last = undo(run, dialer, folder(tmp_path, "last"))
    assert report_counts(last) == report_counts(report)


def test_a_run_that_is_not_known(database: Database, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no run x in the ledger"):
        undo("x", database, folder(tmp_path))
    assert not folder(tmp_path).exists()


def test_a_dry_run_needs_no_rights(
    dialer: Database, load: Load, tmp_path: Path, read_only_url: str
) -> None:
    outcome = load()
    reader = Database(read_only_url)
    report = undo(outcome.summary.run, reader, folder(tmp_path), dry_run=True)
    reader.engine.dispose()
    assert report_counts(report) == (3, 3, {}, 8, 8, {})


@pytest.mark.engines("myisam", "innodb")
def test_leads_without_the_callback_that_was_refused_go_too(
    dialer: Database, load: Load, tmp_path: Path
) -> None:
    """The load has set them back after their insert."""
    sql(
        dialer,
        "CREATE TRIGGER none BEFORE INSERT ON vicidial_callbacks FOR EACH ROW "
        "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 5001",
    )
    before = tables(dialer)
    try:
        outcome = load()
        assert "EXTRA_NOT_STORED" in outcome.names(2)
    finally:
        sql(dialer, "DROP TRIGGER none")
    assert report_counts(undo(outcome.summary.run, dialer, folder(tmp_path)))[:3] == (3, 3, {})
    assert tables(dialer) == before


KILLS = [(Point(Writer, "write", "after"), 2), (Point(LeadUpdater, "write", "after"), 1)]


@pytest.mark.sample(1)
@pytest.mark.parametrize(("point", "nth"), KILLS, ids=str)
def test_a_load_that_was_killed_is_taken_back(
    dialer: Database, load: Load, loads: Loads, tmp_path: Path, point: Point, nth: int
) -> None:
    before = tables(dialer)
    with killed_at(point, nth), contextlib.suppress(Killed):
        load()
    [killed] = Ledger(dialer, is_shared=True).runs()
    report = undo(killed.run, dialer, folder(tmp_path))
    assert tables(dialer) == before
    assert (report.leads_stayed, report.changes_stayed) == ({}, {})
    shutil.rmtree(loads.results)
    assert sorted(load().loaded) == [2, 3, 4, 5, 6]


CHANGES_AND_REFUSES = {
    "sqlite": (
        "CREATE TRIGGER refuses BEFORE INSERT ON vicidial_list WHEN NEW.first_name = 'N6' "
        "BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE TRIGGER changes AFTER INSERT ON vicidial_list BEGIN "
        "UPDATE vicidial_list SET last_name = 'X' WHERE lead_id = NEW.lead_id; END",
    ),
    "innodb": (
        "CREATE TRIGGER changes BEFORE INSERT ON vicidial_list FOR EACH ROW BEGIN "
        "SET NEW.last_name = 'X'; "
        "IF NEW.first_name = 'N6' THEN SIGNAL SQLSTATE '45000'; END IF; END",
    ),
}


@pytest.mark.engines(*CHANGES_AND_REFUSES)
def test_leads_of_a_batch_that_was_cut_in_halves_go_as_they_are_stored(
    database: Database, engine_name: str, tmp_path: Path
) -> None:
    """They are not as they were sent: only their lead_ids tell them."""
    rows = [{"phone_number": f"727555010{n}", "first_name": f"N{n}"} for n in range(8)]
    loads = Loads(tmp_path)
    for trigger in CHANGES_AND_REFUSES[engine_name]:
        sql(database, trigger)
    try:
        with killed_at(Point(Writer, "write", "before"), 5), contextlib.suppress(Killed):
            loads.load(rows, database, list_id="101")
    finally:
        for name in ("refuses", "changes"):
            sql(database, f"DROP TRIGGER IF EXISTS {name}")
    stored = rows_of(database)
    assert len(stored) >= 4
    [killed] = Ledger(database, is_shared=True).runs()
    report = undo(killed.run, database, folder(tmp_path))
    assert (rows_of(database), rows_of(database, ARCHIVE)) == ({}, stored)
    assert report_counts(report)[:3] == (len(stored), len(stored), {})


@pytest.mark.engines("innodb")
def test_a_run_whose_leads_were_loaded_anew_is_not_completed(
    database: Database, loads: Loads
) -> None:
    """Killed, taken back, loaded again, and its undo taken back: all is there once."""
    rows = [{"phone_number": str(7_275_551_000 + n), "list_id": "101"} for n in range(6)]
    path = loads.file(rows)
    with pytest.raises(Killed), killed_at(Point(Writer, "write", "before"), 2):
        loads.load(path, database, batch_size=2)
    ledger = Ledger.open(database, loads.folder)
    killed = ledger.runs()[0].run
    undo(killed, database, loads.folder / "undo", ledger_folder=loads.folder)
    taken_back = ledger.runs()[0].run
    sql(database, f"UPDATE {ARCHIVE} SET entry_date = entry_date - INTERVAL 1 HOUR")
    assert loads.load(path, database, batch_size=2).summary.loaded == 6
    report = undo(taken_back, database, loads.folder / "undo 2", ledger_folder=loads.folder)
    assert report.leads_stayed == {"LOADED_ANEW": 2}
    with pytest.raises(LoadedBeforeError):
        loads.load(path, database, batch_size=2)
    assert len(leads(database, "lead_id")) == 6
    drop_archives(database)

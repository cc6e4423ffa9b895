"""What an archive had in hand when it was killed is settled by the next one.

A lead that left its table is in some moved.csv, and no lead stays in both tables.
"""

import csv
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from jobs.archive.job import move
from jobs.archive.request import Folders, MoveRequest
from loader.archive.archiver import Archiver
from loader.archive.journal import Journal
from loader.archive.report import ArchiveReport
from loader.archive.results import ArchiveResults
from loader.database.connection import Database
from loader.errors import DatabaseUnavailableError, LeadIdsError
from loader.options.archive import ArchiveOptions, ArchiveRule
from tests.support.archives import ARCHIVE, LEADS, lead, make_archives, put, rows, sql
from tests.support.archives import move as move_leads
from tests.support.statements import just_before
from tests.support.step_kills import Killed, Point, killed_at

NOT_NOTED = Point(ArchiveResults, "chunk", "before")
COPIED = Point(Journal, "deleting", "before")
DELETING = Point(Journal, "deleting", "after")


def leads_to_move(database: Database, job: Any = "archive") -> None:
    make_archives(database)
    put(database, *map(lead, range(1, 7)), table=LEADS if job == "archive" else ARCHIVE)


def run(database: Database, folder: Path, job: Any = "archive", **options: Any) -> ArchiveReport:
    request = MoveRequest(job, rule=ArchiveRule(statuses="NA"))
    return move(request, ArchiveOptions(chunk_size=3, **options), database, folder)


def run_of_given(
    database: Database, folder: Path, job: Any = "archive", ids: Sequence[int] = range(1, 7)
) -> ArchiveReport:
    request = MoveRequest.of_leads(job, ids)
    return move(request, ArchiveOptions(chunk_size=3), database, folder)


def killed(
    at: Point,
    database: Database,
    folder: Path,
    job: Any = "archive",
    nth: int = 1,
    begin: Callable[..., ArchiveReport] = run,
) -> None:
    """Run until a step; then the files are closed and unlocked, as those of a dead process."""
    begun: list[ArchiveResults] = []

    def made(*arguments: Any) -> ArchiveResults:
        begun.append(ArchiveResults(*arguments))
        return begun[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.archive.run.ArchiveResults", made)
        patch.setattr(ArchiveResults, "discard", lambda _: None)
        with killed_at(at, nth), pytest.raises(Killed):
            begin(database, folder, job)
    begun[0]._close()
    begun[0].journal.close(is_complete=False)


def moved(folder: Path, name: str = "moved.csv") -> list[int]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return sorted(int(row["lead_id"]) for row in csv.DictReader(file))


def in_tables(database: Database) -> tuple[list[int], list[int]]:
    return sorted(rows(database)), sorted(rows(database, ARCHIVE))


@pytest.mark.sample(2)
@pytest.mark.parametrize("job", ["archive", "dearchive"])
@pytest.mark.parametrize("nth", [1, 2])
def test_leads_that_were_moved_and_not_noted(
    database: Database, tmp_path: Path, job: str, nth: int
) -> None:
    leads_to_move(database, job)
    killed(NOT_NOTED, database, tmp_path / "first", job, nth)
    chunk = [[1, 2, 3], [4, 5, 6]][nth - 1]
    assert not {*moved(tmp_path / "first")} & {*chunk}
    report = run(database, tmp_path / "second", job)
    assert moved(tmp_path / "first") == [*range(1, 3 * nth + 1)]
    assert moved(tmp_path / "second") == [*range(3 * nth + 1, 7)]
    assert any("3 leads that its last chunk moved were added" in each for each in report.remarks)
    assert not [*tmp_path.glob("*/moving*")]
    assert run(database, tmp_path / "third", job).remarks == report.remarks[:-1]


def test_a_file_of_which_nothing_was_on_disk_yet(database: Database, tmp_path: Path) -> None:
    leads_to_move(database)
    killed(NOT_NOTED, database, tmp_path / "first")
    # A process that is killed leaves what it has not flushed.
    (tmp_path / "first" / "moved.csv").write_text("")
    run(database, tmp_path / "second")
    assert moved(tmp_path / "first") == [1, 2, 3]


def test_a_night_settles_the_night_before(database: Database, tmp_path: Path) -> None:
    leads_to_move(database)
    killed(NOT_NOTED, database, tmp_path / "monday" / "archive-worked")
    request = MoveRequest("archive", rule=ArchiveRule(statuses="NA"))
    folder = tmp_path / "tuesday" / "archive-worked"
    move(request, ArchiveOptions(), database, folder, folders=Folders(tmp_path))
    assert moved(tmp_path / "monday" / "archive-worked") == [1, 2, 3]


def test_the_same_folder_keeps_both(database: Database, tmp_path: Path) -> None:
    leads_to_move(database)
    killed(NOT_NOTED, database, tmp_path / "out")
    run(database, tmp_path / "out")
    assert moved(tmp_path / "out", "moved.1.csv") == [1, 2, 3]
    assert moved(tmp_path / "out") == [4, 5, 6]


def test_a_kill_behind_the_last_line_adds_none_twice(database: Database, tmp_path: Path) -> None:
    leads_to_move(database)
    killed(Point(ArchiveResults, "chunk", "after"), database, tmp_path / "first")
    with (tmp_path / "first" / "moved.csv").open("a", encoding="utf-8") as file:
        file.write("12")  # a line that was cut off
    run(database, tmp_path / "second")
    assert moved(tmp_path / "first") == [1, 2, 3]


@pytest.mark.parametrize("at", [COPIED, DELETING])
def test_a_lead_that_is_sold_after_the_kill_is_in_one_table(
    database: Database, tmp_path: Path, at: Point
) -> None:
    """The rule does not select it any more, so that no chunk looks at it."""
    leads_to_move(database)
    put(database, lead(2), lead(3, status="OLD"), table=ARCHIVE)
    killed(at, database, tmp_path / "first")
    assert in_tables(database) == ([1, 2, 3, 4, 5, 6], [1, 2, 3])
    sql(database, f"UPDATE {LEADS} SET status = 'SALE' WHERE lead_id IN (1, 2)")
    run(database, tmp_path / "second")
    # A copy that was there before the run is none of its own.
    assert in_tables(database) == ([1, 2], [2, 3, 4, 5, 6])


def test_a_lead_that_came_back_and_is_called_after_the_kill_is_in_one_table(
    database: Database, tmp_path: Path
) -> None:
    leads_to_move(database, "dearchive")
    killed(COPIED, database, tmp_path / "first", "dearchive")
    sql(database, f"UPDATE {LEADS} SET status = 'SALE' WHERE lead_id = 1")
    report = run(database, tmp_path / "second", "dearchive")
    assert in_tables(database) == ([1, 2, 3, 4, 5, 6], [])
    assert sql(database, f"SELECT status FROM {LEADS} WHERE lead_id = 1") == [("SALE",)]
    assert report.stayed == {}
    assert moved(tmp_path / "first") == [1, 2, 3]


def test_what_nobody_can_know_is_said(database: Database, tmp_path: Path) -> None:
    """The copy may be all that is left of the lead: it is not deleted."""
    leads_to_move(database)
    killed(COPIED, database, tmp_path / "first")
    sql(database, f"DELETE FROM {LEADS} WHERE lead_id = 2")
    report = run(database, tmp_path / "second")
    assert in_tables(database) == ([], [1, 2, 3, 4, 5, 6])
    assert moved(tmp_path / "first") == []
    assert any(each.endswith("stay in the archive: lead_id 2") for each in report.remarks)


def test_what_others_took_before_the_delete_was_done_is_not_said_to_be_moved(
    database: Database, tmp_path: Path
) -> None:
    """A DELETE goes through the leads in their order; it did not come as far as lead 1."""
    leads_to_move(database)
    killed(DELETING, database, tmp_path / "first")
    sql(database, f"DELETE FROM {LEADS} WHERE lead_id = 2")
    report = run(database, tmp_path / "second")
    assert in_tables(database) == ([], [1, 2, 3, 4, 5, 6])
    assert (moved(tmp_path / "first"), moved(tmp_path / "second")) == ([], [1, 3, 4, 5, 6])
    assert any(each.endswith("stay in the archive: lead_id 2") for each in report.remarks)


@pytest.mark.sample(2)
@pytest.mark.parametrize("job", ["archive", "dearchive"])
@pytest.mark.parametrize("at", [COPIED, DELETING, NOT_NOTED])
@pytest.mark.parametrize("nth", [1, 2])
def test_the_same_lead_ids_after_a_kill_where_one_was_deleted_on_request(
    database: Database, tmp_path: Path, job: str, at: Point, nth: int
) -> None:
    leads_to_move(database, job)
    killed(at, database, tmp_path / "first", job, nth, run_of_given)
    for table in (LEADS, ARCHIVE):
        sql(database, f"DELETE FROM {table} WHERE lead_id = 5")
    with pytest.raises(LeadIdsError, match="does not exist"):  # they are other leads
        run_of_given(database, tmp_path / "other" / "run", job, [5, 6])
    report = run_of_given(database, tmp_path / "second", job)
    assert report.exit_code == 0
    rest = [1, 2, 3, 4, 6]
    assert in_tables(database) == (([], rest) if job == "archive" else (rest, []))
    assert {*moved(tmp_path / "first"), *moved(tmp_path / "second")} == {*rest}
    with pytest.raises(LeadIdsError, match="does not exist"):
        run_of_given(database, tmp_path / "third", job)


@pytest.mark.sample(2)
@pytest.mark.parametrize("job", ["archive", "dearchive"])
@pytest.mark.parametrize("at", [COPIED, NOT_NOTED], ids=str)
def test_another_run_that_settles_it_does_not_forget_the_request(
    database: Database, tmp_path: Path, job: str, at: Point
) -> None:
    leads_to_move(database, job)
    killed(at, database, tmp_path / "first", job, begin=run_of_given)
    for name in ("other", "another"):
        run_of_given(database, tmp_path / name, job, ids=[4])
    for table in (LEADS, ARCHIVE):
        sql(database, f"DELETE FROM {table} WHERE lead_id = 5")
    assert run_of_given(database, tmp_path / "second", job).exit_code == 0
    rest = [1, 2, 3, 4, 6]
    assert in_tables(database) == (([], rest) if job == "archive" else (rest, []))
    names = ("first", "other", "another", "second")
    assert sorted(each for name in names for each in moved(tmp_path / name)) == rest
    assert not [*tmp_path.rglob("moving*")]
    with pytest.raises(LeadIdsError, match="does not exist"):
        run_of_given(database, tmp_path / "third", job)


AGAIN = [
    Point(Journal, "take_over", "before"),
    Point(Journal, "take_over", "after"),
    Point(Archiver, "settle", "after"),
    Point(Archiver, "leads", "before"),
    Point(Archiver, "move", "before"),
    Point(Journal, "copying", "after"),
    NOT_NOTED,
]


@pytest.mark.sample(2)
@pytest.mark.parametrize("again", AGAIN, ids=str)
@pytest.mark.parametrize("at", [COPIED, NOT_NOTED], ids=str)
def test_what_completes_them_is_killed_too(
    database: Database, tmp_path: Path, at: Point, again: Point
) -> None:
    leads_to_move(database)
    killed(at, database, tmp_path / "first", begin=run_of_given)
    for table in (LEADS, ARCHIVE):
        sql(database, f"DELETE FROM {table} WHERE lead_id IN (2, 5)")
    before, there = in_tables(database), {*tmp_path.rglob("moving*")}
    request, options = MoveRequest.of_leads("archive", range(1, 7)), ArchiveOptions(dry_run=True)
    report = move(request, options, database, tmp_path / "dry")
    assert (report.exit_code, in_tables(database)) == (0, before)
    assert {*tmp_path.rglob("moving*")} == there
    for name in ("second", "third"):
        killed(again, database, tmp_path / name, begin=run_of_given)
    assert run_of_given(database, tmp_path / "fourth").exit_code == 0
    assert in_tables(database) == ([], [1, 3, 4, 6])
    names = ("first", "second", "third", "fourth")
    assert sorted(each for name in names for each in moved(tmp_path / name)) == [1, 3, 4, 6]
    assert not [*tmp_path.rglob("moving*")]
    with pytest.raises(LeadIdsError, match="does not exist"):
        run_of_given(database, tmp_path / "fifth")


def test_an_error_of_what_completes_them_forgets_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads_to_move(database)
    killed(NOT_NOTED, database, tmp_path / "first", begin=run_of_given)
    sql(database, f"DELETE FROM {LEADS} WHERE lead_id = 5")

    def fail(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailableError("the database does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(Archiver, "leads", fail)
        with pytest.raises(DatabaseUnavailableError):
            run_of_given(database, tmp_path / "second")
    assert run_of_given(database, tmp_path / "third").exit_code == 0
    assert in_tables(database) == ([], [1, 2, 3, 4, 6])
    assert not [*tmp_path.rglob("moving*")]


def test_what_completes_them_ends_early(database: Database, tmp_path: Path) -> None:
    leads_to_move(database)
    killed(NOT_NOTED, database, tmp_path / "first", begin=run_of_given)
    sql(database, f"DELETE FROM {LEADS} WHERE lead_id = 5")
    request = MoveRequest.of_leads("archive", range(1, 7))
    limited = move(request, ArchiveOptions(limit=1), database, tmp_path / "second")
    assert (limited.stopped, limited.exit_code) == ("limit", 0)
    # Another run has nothing to settle, and leaves it.
    run_of_given(database, tmp_path / "other", ids=[4])
    assert run_of_given(database, tmp_path / "third").exit_code == 0
    assert in_tables(database) == ([], [1, 2, 3, 4, 6])
    assert not [*tmp_path.rglob("moving*")]


@pytest.mark.parametrize("cut", [1, 20])
def test_a_line_that_was_being_written(database: Database, tmp_path: Path, cut: int) -> None:
    """The chunk had not begun; that the run had is known nevertheless."""
    leads_to_move(database)
    noted = Point(Journal, "copying", "after")
    killed(noted, database, tmp_path / "first", nth=2, begin=run_of_given)
    path = tmp_path / "first" / "moving.json"
    path.write_bytes(path.read_bytes()[:-cut])
    sql(database, f"DELETE FROM {LEADS} WHERE lead_id = 5")
    assert run_of_given(database, tmp_path / "second").exit_code == 0
    assert in_tables(database) == ([], [1, 2, 3, 4, 6])


def test_leads_of_a_killed_dearchive_are_known_to_have_come_back(
    database: Database, tmp_path: Path
) -> None:
    leads_to_move(database, "dearchive")
    killed(NOT_NOTED, database, tmp_path / "first", "dearchive", begin=run_of_given)
    report = run(database, tmp_path / "second")
    assert report.stayed == {"CAME_BACK": 3}
    assert in_tables(database) == ([1, 2, 3], [4, 5, 6])


def test_a_run_that_lives_is_left_alone(database: Database, tmp_path: Path) -> None:
    leads_to_move(database)
    path = tmp_path / "living" / "moving.json"
    path.parent.mkdir()
    living = Journal(path, "archive", database.name)
    living.copying(pd.DataFrame({"lead_id": [1], "copied": [False]}))
    assert run(database, tmp_path / "second").remarks == run(database, tmp_path / "third").remarks
    assert path.exists()
    living.close(is_complete=False)
    assert any("lead_id 1" in each for each in run(database, tmp_path / "fourth").remarks)
    assert not path.exists()


@pytest.mark.parametrize("leads_gone", [[2], [1, 2, 3]])
def test_a_lead_that_is_deleted_between_copy_and_delete(
    database: Database, tmp_path: Path, leads_gone: list[int]
) -> None:
    leads_to_move(database)
    put(database, lead(3), table=ARCHIVE)
    gone = f"DELETE FROM {LEADS} WHERE lead_id IN ({', '.join(map(str, leads_gone))})"
    with just_before(database, f"DELETE FROM {LEADS}", lambda: sql(database, gone)):
        report = run(database, tmp_path / "out")
    # One that was in the archive before was archived before.
    there = [each for each in range(1, 7) if each not in leads_gone or each == 3]
    assert in_tables(database) == ([], there)
    assert moved(tmp_path / "out") == [each for each in range(1, 7) if each not in leads_gone]
    assert (report.gone, report.moved) == (len(leads_gone), 6 - len(leads_gone))
    assert report.insert_count == len(there) - 1
    copies = [each for each in leads_gone if each != 3]
    assert report.stayed == {"COPY_REMOVED": len(copies)}
    with (tmp_path / "out" / "stayed.csv").open(encoding="utf-8", newline="") as file:
        assert [int(row["lead_id"]) for row in csv.DictReader(file)] == copies


def test_two_runs_at_once_lose_nothing(database: Database) -> None:
    """A lead that another run moves at this moment is no lead that somebody deleted."""
    leads_to_move(database)
    other = Database(database.engine.url.render_as_string(hide_password=False))
    second = threading.Thread(target=move_leads, args=(other, [1, 2, 3, 4]))

    def begin() -> None:
        second.start()
        second.join(1.0)

    with just_before(database, f"DELETE FROM {LEADS}", begin):
        move_leads(database, {"statuses": "NA"})
    second.join()
    other.engine.dispose()
    assert in_tables(database) == ([], [1, 2, 3, 4, 5, 6])

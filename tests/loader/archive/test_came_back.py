"""Leads that dearchive brought back: a rule leaves them alone for a time."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import inspect

from jobs.archive.job import move
from jobs.archive.request import Folders, MoveRequest
from loader.archive.report import ArchiveReport
from loader.database.connection import Database
from loader.errors import NotAllowedError, UsageError
from loader.ledger.place import file_name
from loader.ledger.returned import note_returned, returned_since
from loader.ledger.runs import Ledger
from loader.options.archive import ArchiveOptions, ArchiveRule
from tests.support.archives import ARCHIVE, lead, make_archives, put, rows, sql
from tests.support.statements import just_before

RULE = ArchiveRule(statuses=("NA",))


@pytest.fixture(autouse=True)
def _archived(database: Database) -> None:
    make_archives(database)
    put(database, *map(lead, range(1, 7)), table=ARCHIVE)


def brought_back(database: Database, folder: Path, *lead_ids: int) -> ArchiveReport:
    request = MoveRequest.of_leads("dearchive", lead_ids)
    return move(request, ArchiveOptions(chunk_size=2), database, folder / "back")


def archived(
    database: Database, folder: Path, *lead_ids: int, name: str = "night", **options: Any
) -> ArchiveReport:
    request = MoveRequest("archive", RULE)
    if lead_ids:
        request = MoveRequest.of_leads("archive", lead_ids)
    return move(request, ArchiveOptions(**options), database, folder / name)


def test_the_next_night_leaves_them(database: Database, tmp_path: Path) -> None:
    brought_back(database, tmp_path, 2, 3, 5)
    put(database, lead(7))
    looked = archived(database, tmp_path, dry_run=True, name="dry")
    assert looked.preview
    assert looked.preview.leads == 1
    assert looked.preview.spared == [{"why": "CAME_BACK", "details": "by dearchive", "leads": 3}]
    report = archived(database, tmp_path)
    assert (report.moved, report.stayed) == (1, {"CAME_BACK": 3})
    assert sorted(rows(database)) == [2, 3, 5]
    stayed = (tmp_path / "night" / "stayed.csv").read_text("utf-8")
    assert stayed.splitlines()[1] == "2,CAME_BACK,by dearchive"


@pytest.mark.engines("sqlite", "innodb")
def test_who_is_named_goes(database: Database, tmp_path: Path) -> None:
    brought_back(database, tmp_path, 2, 3)
    assert archived(database, tmp_path, 2).moved == 1
    assert archived(database, tmp_path, leave_dearchived="0", name="all").moved == 1
    assert rows(database) == {}


@pytest.mark.engines("sqlite", "innodb")
def test_after_a_time_they_go_again(database: Database, tmp_path: Path) -> None:
    brought_back(database, tmp_path, 2, 3)
    # The first chunk of two is older.
    sql(database, "UPDATE leadloader_batches SET moment = '2020-01-01 00:00:00'")
    brought_back(database, tmp_path / "later", 5)
    assert archived(database, tmp_path).moved == 2
    assert sorted(rows(database)) == [5]


@pytest.mark.engines("myisam", "innodb")
def test_the_ledger_may_be_a_file(database: Database, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("loader.ledger.runs.why_not_in", lambda _: "the account may make no table")
    brought_back(database, tmp_path, 2, 3)
    assert list(tmp_path.glob("ledger-*.sqlite"))
    assert archived(database, tmp_path).stayed == {"CAME_BACK": 2}
    request, folder = MoveRequest("archive", RULE), tmp_path / "other" / "night"
    report = move(request, ArchiveOptions(), database, folder, folders=Folders(ledger=tmp_path))
    assert report.stayed == {"CAME_BACK": 2}


@pytest.mark.engines("sqlite", "innodb")
def test_a_note_may_be_written_twice(database: Database, tmp_path: Path) -> None:
    ledger = Ledger.open(database, tmp_path)
    moment = ledger.next_moment()
    for _ in range(2):
        note_returned(ledger, "a", 1, np.array([3, 4, 9], np.int64), moment)
    note_returned(ledger, "b", 1, np.array([4, 12], np.int64), moment)
    assert returned_since(ledger, moment).tolist() == [3, 4, 9, 12]
    # It is no import that could be undone.
    assert ledger.runs() == []


def test_what_comes_back_while_a_rule_is_at_work(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    put(database, lead(7))
    other = Database(database_url)

    def bring_back() -> None:
        brought_back(other, tmp_path / "meanwhile", 2)

    with just_before(database, "SELECT DISTINCT vicidial_list.", bring_back):
        report = archived(database, tmp_path)
    assert 2 in rows(database)
    assert report.moved == 1
    other.engine.dispose()


def test_a_lead_that_was_there_all_the_time_has_not_come_back(
    database: Database, tmp_path: Path
) -> None:
    put(database, lead(7))
    brought_back(database, tmp_path, 2, 7)
    assert archived(database, tmp_path).stayed == {"CAME_BACK": 1}
    assert sorted(rows(database)) == [2]


def test_leads_come_back_where_the_ledger_cannot_be_used(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise NotAllowedError("the ledger is there, and cannot be written")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "open", refuse)
        report = brought_back(database, tmp_path, 2)
    assert (report.moved, report.exit_code) == (1, 0)
    said = "a rule may archive again what came back: the ledger is there, and cannot be written"
    assert said in report.remarks
    monkeypatch.setattr(Ledger, "to_read", refuse)
    report = archived(database, tmp_path)
    assert report.moved == 1
    assert any("is archived like other leads" in remark for remark in report.remarks)


@pytest.mark.engines("myisam", "innodb")
def test_an_account_that_may_not_look_for_the_ledger_reads_its_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loader.ledger.runs.why_not_in", lambda _: "the account may make no table")
    brought_back(database, tmp_path, 2)

    class Denied:
        def has_table(self, _name: str) -> bool:
            raise NotAllowedError("SELECT command denied")

    ask = inspect

    def look(connection: Any) -> Any:
        return ask(connection) if connection.dialect.name == "sqlite" else Denied()

    monkeypatch.setattr("loader.ledger.runs.inspect", look)
    assert archived(database, tmp_path).stayed == {"CAME_BACK": 1}


def test_a_ledger_file_without_tables_is_none(database: Database, tmp_path: Path) -> None:
    with contextlib.suppress(UsageError):
        Ledger.to_read(database, tmp_path)
    path = tmp_path / file_name(database)
    path.touch()
    put(database, lead(7))
    assert archived(database, tmp_path).moved == 1

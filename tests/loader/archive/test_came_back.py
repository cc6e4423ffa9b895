"""Leads that dearchive brought back: a rule leaves them alone for a time."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.archive.job import Folders, MoveRequest, move
from loader.archive.report import ArchiveReport
from loader.database.connection import Database
from loader.ledger.returned import note_returned, returned_since
from loader.ledger.runs import Ledger
from loader.options.archive import ArchiveOptions, ArchiveRule
from tests.support.archives import ARCHIVE, lead, make_archives, put, rows, sql

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
    monkeypatch.setattr("loader.ledger.runs._why_not_in", lambda _: "the account may make no table")
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

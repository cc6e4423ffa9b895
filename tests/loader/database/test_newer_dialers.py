"""Tables of newer dialers: modify_date NOT NULL with its default, and modify_stamp beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from jobs.archive.job import move
from jobs.archive.request import MoveRequest
from jobs.undo.job import undo
from loader.database.connection import Database
from loader.database.schema import create_missing
from loader.options.archive import ArchiveOptions, ArchiveRule
from tests.support.extras import OPTIONS, ROWS, TABLES, row
from tests.support.loads import Loads, assert_extras_match, snapshot
from tests.support.server import fill, run

NOW = "TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"
CHILDREN = ArchiveOptions(with_children=True, held="take")


@pytest.fixture
def newer(empty_database_url: str, engine_name: str) -> Iterator[Database]:
    engine = create_engine(empty_database_url)
    create_missing(engine, storage_engine=engine_name)
    engine.dispose()
    for name in ("vicidial_list", "vicidial_list_archive", "vicidial_callbacks"):
        run(empty_database_url, f"ALTER TABLE {name} MODIFY modify_date {NOW}")
    for name in ("vicidial_list", "vicidial_list_archive"):
        run(empty_database_url, f"ALTER TABLE {name} ADD modify_stamp {NOW}")
    fill(empty_database_url, TABLES)
    database = Database(empty_database_url, sleep=lambda _seconds: None)
    yield database
    database.engine.dispose()


@pytest.mark.engines("innodb", "myisam")
def test_all_jobs_know_the_tables(newer: Database, tmp_path: Path) -> None:
    loads = Loads(tmp_path)
    loaded = loads.load(ROWS, newer, **OPTIONS)
    assert loaded.summary.loaded == len(ROWS)
    assert_extras_match(loaded, newer)
    assert not any("CHANGED_BY_SERVER" in loaded.names(each) for each in loaded.loaded)
    before = snapshot(newer)
    rule = ArchiveRule.model_validate({"lists": [101, 102, 103]})
    archived = move(MoveRequest("archive", rule=rule), CHILDREN, newer, tmp_path / "archive")
    assert archived.exit_code == 0
    back = move(MoveRequest("dearchive", rule=rule), CHILDREN, newer, tmp_path / "back")
    assert (back.exit_code, back.moved) == (0, archived.moved)
    assert snapshot(newer)["vicidial_list"] == before["vicidial_list"]
    again = loads.load([row(1, first_name="Anna")], newer, **OPTIONS | {
        "duplicate_check": "DUPSYS", "on_duplicate": "update", "update_fields": "all",
    })  # fmt: skip
    assert "UPDATED_EXISTING_LEAD" in again.summary.notices


@pytest.mark.engines("innodb", "myisam")
def test_a_load_is_undone(newer: Database, tmp_path: Path) -> None:
    loaded = Loads(tmp_path).load([row(1), row(2, list_id="102")], newer, **OPTIONS)
    report = undo(loaded.summary.run, newer, tmp_path / "undo")
    assert report.moved == 2
    assert snapshot(newer)["vicidial_list"] == []

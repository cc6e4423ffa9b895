"""A ledger of an older version is brought to the newest one, a newer one is left alone."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from jobs.cli.main import run as leadloader
from jobs.load import resume
from jobs.load.resume import ImportRun
from jobs.undo.job import undo
from loader.database.catalogue import index_names, table_names
from loader.database.connection import Database
from loader.errors import ConfigurationError, NotAllowedError
from loader.ledger import runs, tables, versions
from loader.ledger.parts import parts_of
from loader.ledger.place import file_name
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.rights.account import DatabaseAccount
from loader.rights.needs import of_ledger
from tests.support.accounts import Granted
from tests.support.loads import Loads, leads, load_file, outcome_of
from tests.support.server import Server, run
from tests.support.statements import just_before, statements
from tests.support.step_kills import Killed, Point, killed_at

ROWS = [{"phone_number": f"72755510{n:02}", "first_name": f"Ann{n}"} for n in range(7)]
INDEXES = {tables.same_file.name, tables.by_kind.name}
OPTIONS = LoadOptions(batch_size=3)


def make_version_1(database: Database) -> None:
    """Make the tables as the first leadloader made them."""
    name = "mariadb" if database.adapter.has_accounts else "sqlite"
    text = (Path(__file__).parent / "version_1" / f"{name}.sql").read_text("utf-8")
    url = database.engine.url.render_as_string(hide_password=False)
    run(url, *filter(str.strip, text.split(";\n")))


@contextlib.contextmanager
def older_program() -> Iterator[None]:
    """Work as one that knows nothing of version 2, nor of parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resume, "refuse_same_content", lambda *_, **_options: None)
        patch.setattr(versions, "STEPS", versions.STEPS[:1])
        patch.setattr(versions, "VERSION", 1)
        yield


def state_of(database: Database) -> tuple[int, set[str]]:
    """Give the version of the ledger, and which of its newer indexes there are."""

    def read(connection: Connection) -> set[str]:
        found = (index_names(connection, each.name) for each in (tables.runs, tables.batches))
        return set().union(*found) & INDEXES

    return database.read(versions.read_version), database.read(read)


@pytest.fixture
def old(database: Database) -> Database:
    make_version_1(database)
    assert state_of(database) == (1, set())
    return database


def test_a_new_ledger_is_of_the_newest_version(database: Database, tmp_path: Path) -> None:
    Ledger.open(database, tmp_path)
    assert state_of(database) == (3, INDEXES)


def test_its_runs_are_completed_and_undone(old: Database, tmp_path: Path) -> None:
    loads = Loads(tmp_path)
    path = loads.file(ROWS)
    other = loads.file([{"phone_number": "7275551099"}])
    with older_program():
        load_file(other, OPTIONS, old, tmp_path / "first")
        killed = killed_at(Point(ImportRun, "inserting", "after"), 1)
        with pytest.raises(Killed), killed:
            load_file(path, OPTIONS, old, tmp_path / "second")
        assert state_of(old) == (1, set())
    # Who only reads finds all of it.
    assert [each.state for each in Ledger.to_read(old, tmp_path).runs()] == ["inserting", "done"]
    assert state_of(old) == (1, set())
    load_file(path, OPTIONS, old, tmp_path / "second")
    assert state_of(old) == (3, INDEXES)
    assert len(leads(old, "lead_id")) == 1 + len(ROWS)
    undo(outcome_of(tmp_path / "first").summary.run, old, tmp_path / "undo")
    assert len(leads(old, "lead_id")) == len(ROWS)


@pytest.mark.engines("innodb")
def test_so_it_is_with_a_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "why_not_in", lambda _: "the account may make no table")
    file = Database(f"sqlite:///{tmp_path / file_name(database)}")
    make_version_1(file)
    path = Loads(tmp_path).file(ROWS)
    with older_program():
        load_file(path, OPTIONS, database, tmp_path / "first")
    assert state_of(file) == (1, set())
    undo(outcome_of(tmp_path / "first").summary.run, database, tmp_path / "undo")
    assert state_of(file) == (3, INDEXES)
    assert leads(database, "lead_id") == []


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_it_may_be_killed_in_the_middle(
    nth: int, old: Database, database_url: str, tmp_path: Path, engine_name: str
) -> None:
    first, second = (
        ("CREATE UNIQUE INDEX leadloader_same_file", "CREATE UNIQUE INDEX leadloader_by_kind")
        if engine_name == "sqlite"
        else ("ALTER TABLE leadloader_runs", "ALTER TABLE leadloader_batches")
    )
    statement = (first, second, "UPDATE leadloader_version")[nth - 1]
    dying = Database(database_url)

    def die() -> None:
        raise Killed

    with pytest.raises(Killed), just_before(dying, statement, die):
        Ledger.open(dying, tmp_path)
    dying.engine.dispose()
    version, found = state_of(old)
    assert version == 1
    # A server commits each index by itself.
    assert len(found) == (0 if engine_name == "sqlite" else nth - 1)
    Ledger.open(old, tmp_path)
    assert state_of(old) == (3, INDEXES)


def test_two_processes_at_once(
    old: Database, database_url: str, tmp_path: Path, engine_name: str
) -> None:
    first = "CREATE UNIQUE INDEX" if engine_name == "sqlite" else "ALTER TABLE"
    other, opened = Database(database_url), []
    thread = threading.Thread(target=lambda: opened.append(Ledger.open(other, tmp_path)))

    def begin() -> None:
        thread.start()
        thread.join(0.2)
        assert not opened

    with statements(other) as sent:
        with just_before(old, first, begin):
            Ledger.open(old, tmp_path)
        thread.join()
    assert opened
    assert not [each for each in sent if each.startswith((first, "UPDATE leadloader_version"))]
    assert state_of(old) == (3, INDEXES)
    other.engine.dispose()


def test_a_newer_one_is_not_touched(database: Database, tmp_path: Path) -> None:
    Ledger.open(database, tmp_path)
    url = database.engine.url.render_as_string(hide_password=False)
    run(url, "UPDATE leadloader_version SET version = 7")
    for opening in (Ledger.open, Ledger.to_read):
        with pytest.raises(ConfigurationError, match=r"of version 7; .* knows version 3: upgrade"):
            opening(database, tmp_path)
    # The program before this one, too, knows no more than its own.
    run(url, "UPDATE leadloader_version SET version = 2")
    with older_program(), pytest.raises(ConfigurationError, match=r"version 2; .* knows version 1"):
        Ledger.open(database, tmp_path)
    # The way back, as the documentation has it.
    run(url, "UPDATE leadloader_version SET version = 1")
    with older_program():
        load_file(Loads(tmp_path).file(ROWS), OPTIONS, database, tmp_path / "first")
    Ledger.open(database, tmp_path)
    assert state_of(database) == (3, INDEXES)


@pytest.mark.engines("innodb", "myisam")
def test_an_account_that_may_not_alter_tables_is_refused(
    old: Database, database_url: str, server: Server, tmp_path: Path
) -> None:
    granted = Granted(server, database_url)
    with older_program():
        assert granted.give(of_ledger)
        ledger = Ledger.open(granted.database, tmp_path)
    assert ledger.is_shared
    refused = r"cannot be brought to version 3: .* `leadloader init`"
    with pytest.raises(NotAllowedError, match=refused):
        Ledger.open(granted.database, tmp_path)
    assert Ledger.to_read(granted.database, tmp_path).runs() == []
    given = granted.give(of_ledger)
    assert len(given) == 3
    assert all(("ALTER" in each) != ("UPDATE" in each and "version" in each) for each in given)
    Ledger.open(granted.database, tmp_path)
    assert state_of(old) == (3, INDEXES)
    assert not DatabaseAccount(granted.database).site.old_ledger
    granted.database.engine.dispose()


def test_init_does_it(
    old: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert leadloader(["init", "--database", database_url]) == 0
    assert "brought from version 1 to 3" in caplog.text
    assert state_of(old) == (3, INDEXES)


@pytest.mark.engines("innodb", "myisam")
def test_version_3_needs_the_right_to_make_a_table(
    old: Database, database_url: str, server: Server, tmp_path: Path
) -> None:
    with older_program():
        Ledger.open(old, tmp_path)
    url = old.engine.url.render_as_string(hide_password=False)
    run(url, "UPDATE leadloader_version SET version = 2", "DROP TABLE IF EXISTS leadloader_parts")
    granted = Granted(server, database_url)
    missing = granted.give(of_ledger)
    assert any("CREATE" in each and "leadloader_parts" in each for each in missing)
    assert not any("ALTER" in each for each in missing)
    Ledger.open(granted.database, tmp_path)
    assert old.read(versions.read_version) == 3
    assert "leadloader_parts" in old.read(table_names)
    granted.database.engine.dispose()


def test_the_parts_of_an_old_ledger_are_none(old: Database, tmp_path: Path) -> None:
    path = Loads(tmp_path).file(ROWS)
    with older_program():
        load_file(path, OPTIONS, old, tmp_path / "first")
    ledger = Ledger.to_read(old, tmp_path)
    assert parts_of(ledger, ledger.runs()[0].run) == []


@pytest.mark.engines("sqlite", "innodb")
def test_what_came_back_is_found_by_its_index(
    database: Database, tmp_path: Path, engine_name: str
) -> None:
    Ledger.open(database, tmp_path)
    explain = "EXPLAIN QUERY PLAN" if engine_name == "sqlite" else "EXPLAIN"
    asked = "SELECT detail FROM leadloader_batches WHERE kind = 'returned' AND moment >= '2026'"
    plan = database.read(lambda it: str(it.exec_driver_sql(f"{explain} {asked}").all()))
    # SQLite names the index of a constraint itself; the first one is the primary key's.
    assert ("leadloader_batches_2" if engine_name == "sqlite" else "leadloader_by_kind") in plan

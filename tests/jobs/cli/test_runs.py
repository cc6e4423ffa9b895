"""The command runs: which run is meant, and whether a process is at work on it."""

import errno
import io
import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from rich.console import Console

from jobs.cli.main import run
from jobs.cli.run_table import runs_list
from jobs.load.resume import ImportRun
from jobs.settings import settings as settings_module
from jobs.undo.job import UndoJob
from loader.database.connection import Database
from loader.database.locks import is_held, lock
from loader.ledger.records import RunRecord
from loader.ledger.runs import Ledger
from tests.support.loads import Loads
from tests.support.server import fill
from tests.support.step_kills import Killed, Point, killed_at

pytestmark = pytest.mark.engines("sqlite", "innodb")

ROWS = [{"phone_number": f"72755510{n:02}", "list_id": str(101 + n % 2)} for n in range(5)]
ROWS[4]["phone_number"] = "1"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


@pytest.fixture
def flags(database: Database, database_url: str, tmp_path: Path) -> list[str]:
    fill(database.engine, {"vicidial_lists": [{"list_id": n} for n in (101, 102)]})
    file = Loads(tmp_path).file(ROWS)
    return [str(file), "--database", database_url, "--quiet"]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run(["runs", *arguments]) == 0
    return capsys.readouterr().out


def test_one_run_in_full(
    flags: list[str], database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", *flags]) == 0
    text = said(capsys, "latest", "--database", database_url)
    assert "101 (2), 102 (2)" in text
    for name in ("loaded.csv", "rejected.csv", "summary.json"):
        assert name in text
    assert "INVALID_PHONE_NUMBER_LENGTH" in text
    assert "at work" not in text


@pytest.mark.engines("sqlite")
def test_the_list_fits_a_terminal() -> None:
    began = datetime(2026, 11, 22, 3, tzinfo=UTC)
    counts = {"rows_read": 10**7, "loaded": 9_999_999, "rejected": 10**6}
    name = "20261122-030000-3f9a01bc-77d2"
    record = RunRecord(
        run=name, job="import", began=began, state="inserting", source="[b]a.csv", **counts
    )
    screen = io.StringIO()
    console = Console(file=screen, width=80, highlight=False)
    console.print(runs_list([record], {name: False}, console.width))
    lines = screen.getvalue().splitlines()
    assert lines[0] == f"{name}  import, inserting, broken off"
    assert lines[1].endswith("rows 10,000,000, loaded 9,999,999, rejected 1,000,000")
    assert lines[2:] == ["  [b]a.csv"]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("at_work", [True, False])
def test_a_dead_run_is_told_from_a_living_one(
    flags: list[str], database: Database, database_url: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], at_work: bool,
) -> None:  # fmt: skip
    with killed_at(Point(ImportRun, "done", "before"), 1), pytest.raises(Killed):
        run(["import", *flags])
    ledger = Ledger.to_read(database, tmp_path / "results")
    (record,) = ledger.runs()
    if not at_work:
        assert not is_held(database, record.lock_name)
        _check_state(capsys, database_url, "inserting, broken off", "the same command completes it")
        return
    with lock(database, record.lock_name, "it is loaded"):
        assert is_held(database, record.lock_name)
        _check_state(capsys, database_url, "inserting, at work", "wait until the process has ended")
    _wait_until_free(database, record.lock_name)


def _wait_until_free(database: Database, name: str) -> None:
    """Wait until the server has seen that the session of a lock is gone."""
    end = time.monotonic() + 30
    while is_held(database, name):
        assert time.monotonic() < end
        time.sleep(0.01)


def _check_state(capsys: pytest.CaptureFixture[str], url: str, state: str, following: str) -> None:
    assert state in said(capsys, "--database", url)
    text = said(capsys, "latest", "--database", url)
    assert state in text
    assert following in text
    (line,) = said(capsys, "--json", "--database", url).splitlines()
    assert json.loads(line)["at_work"] == state.endswith("at work")


def test_an_undo_that_was_broken_off(
    flags: list[str], database: Database, database_url: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert run(["import", *flags]) == 0
    (record,) = Ledger.to_read(database, tmp_path / "results").runs()
    with killed_at(Point(UndoJob, "_write_results", "before"), 1), pytest.raises(Killed):
        # The begin of its name is enough.
        run(["undo", record.run[:12], "--database", database_url, "--quiet"])
    assert said(capsys, "--database", database_url).count("undoing, broken off") == 2
    with lock(database, record.lock_name, "it is undone"):
        assert said(capsys, "--database", database_url).count("undoing, at work") == 2


@pytest.mark.engines("sqlite")
def test_a_look_at_a_lock_keeps_nobody_from_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look takes the lock for a moment; here it ends when the other one has begun to ask."""
    with lock(database, "a run", "it is loaded"):
        pass
    looks, asks = threading.Event(), threading.Event()
    release, acquire = FileLock.release, FileLock.acquire

    def released_late(self: FileLock, *arguments: Any) -> None:
        looks.set()
        assert asks.wait(20)
        release(self, *arguments)

    def acquired(self: FileLock, *arguments: Any) -> Any:
        asks.set()
        return acquire(self, *arguments)

    def look() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(FileLock, "release", released_late)
            assert is_held(database, "a run") is False

    thread = threading.Thread(target=look)
    thread.start()
    assert looks.wait(20)
    asks.clear()
    with monkeypatch.context() as patch:
        patch.setattr(FileLock, "acquire", acquired)
        with lock(database, "a run", "it is loaded"):
            pass
    thread.join()


@pytest.mark.engines("sqlite")
def test_a_lock_that_cannot_be_looked_at(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lock(database, "a run", "it is loaded"):
        pass

    def refuse(_self: FileLock) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    assert is_held(database, "a run") is None

"""Locks keep processes apart, name their holder, and end with it."""

import os
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from loader.database import leases
from loader.database.connection import Database
from loader.database.locks import held_file, lock, turn
from loader.errors import BusyError, ResultsError
from tests.support.proxy import Proxy
from tests.support.server import Server
from tests.support.warm import Warm

HOLD = """
import sys
from loader.database.connection import Database
from loader.database.locks import lock
with lock(Database(sys.argv[1]), "nightly", "a nightly runs"):
    print("held", flush=True)
    sys.stdin.read()
"""

STAND_STILL = """
import sys
from loader.database import leases
from loader.database.connection import Database
from loader.database.locks import lock, turn
from loader.errors import LoaderError
leases.LASTS, leases.BEAT = 1, 0.1
database = Database(sys.argv[1])
with lock(database, "nightly", "a nightly runs") as confirm, database.connect() as connection:
    database.write(confirm)
    with turn(database, connection, "insert"):
        print("held", flush=True)
        sys.stdin.read()
        try:
            database.write(confirm)
        except LoaderError as error:
            print(error)
"""


def holder(url: str, program: str = HOLD) -> subprocess.Popen[str]:
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    process = Warm(url, program=program, text=True, **pipes)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_process_is_told_who_holds_it(database: Database, database_url: str) -> None:
    process = holder(database_url)
    try:
        with (
            pytest.raises(BusyError, match=r"a nightly runs already, by (session|process) [0-9]+"),
            lock(database, "nightly", "a nightly runs"),
        ):
            pass
        with lock(database, "another", "another job runs"):
            pass
    finally:
        process.communicate("")
    with lock(database, "nightly", "a nightly runs"):
        pass


@pytest.mark.engines("myisam", "innodb")
@pytest.mark.parametrize("statement", [b"SET SESSION wait_timeout", b"SELECT GET_LOCK"])
def test_a_connection_that_is_lost_on_the_way_to_the_lock(
    database_url: str, server: Server, statement: bytes
) -> None:
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url))
        proxy.cut_before(statement)
        with (
            lock(database, "nightly", "a nightly runs"),
            pytest.raises(BusyError, match="a nightly runs already"),
            lock(Database(database_url), "nightly", "a nightly runs"),
        ):
            pass


def test_a_killed_holder_holds_nothing(database: Database, database_url: str) -> None:
    process = holder(database_url)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.communicate()
    # The server may need a moment to see that the client is gone.
    for attempt in range(200):
        try:
            with lock(database, "nightly", "a nightly runs"):
                return
        except BusyError:
            if attempt == 199:
                raise


@pytest.mark.engines("myisam", "innodb")
def test_a_machine_that_is_not_heard_of_gives_back_what_it_holds(
    database: Database, database_url: str
) -> None:
    """By the clock of the server; when it goes on, it is told."""
    process = holder(database_url, STAND_STILL)
    with (
        pytest.raises(BusyError, match="a nightly runs already, by session"),
        lock(database, "nightly", "a nightly runs", waits=False),
    ):
        pass
    os.kill(process.pid, signal.SIGSTOP)
    for attempt in range(200):
        with (
            suppress(BusyError if attempt < 199 else ()),
            lock(database, "nightly", "a nightly runs"),
            database.connect() as connection,
            turn(database, connection, "insert"),
        ):
            os.kill(process.pid, signal.SIGCONT)
            said, _ = process.communicate("")
            break
    assert "a nightly runs by another process, or may be: this one was not heard of" in said


@pytest.mark.engines("myisam", "innodb")
def test_a_lock_is_kept_as_long_as_its_process_lives(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session does nothing for longer than the server waits for one."""
    monkeypatch.setattr(leases, "LASTS", 1)
    monkeypatch.setattr(leases, "BEAT", 0.1)
    with lock(database, "nightly", "a nightly runs") as confirm:
        database.read(lambda it: it.exec_driver_sql("SELECT SLEEP(1.5)").all())
        database.write(confirm)


@pytest.mark.engines("myisam", "innodb")
def test_a_lock_on_a_silent_line_is_let_go(
    database_url: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that keeps it waits for an answer, for minutes."""
    monkeypatch.setattr(leases, "BEAT", 0.05)
    asked = threading.Event()
    with Proxy(server) as proxy:
        proxy.at("before", b"DO 0", asked.set)
        proxy.stall("after", b"DO 0")
        with lock(Database(proxy.via(database_url)), "nightly", "a nightly runs"):
            assert asked.wait(60)
    assert not any("_ping" in thread.name for thread in threading.enumerate())


def test_a_file_says_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        held_file(path, "it is done"),
        pytest.raises(BusyError, match=f"it is done already, by process {os.getpid()} on "),
        held_file(path, "it is done"),
    ):
        pass
    with held_file(path, "it is done"):
        pass


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ResultsError, match=r"Not a directory|File exists"),
        held_file(tmp_path / "file" / "lock", "it is done"),
    ):
        pass

"""Locks keep processes apart, name their holder, and end with it."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from loader.database.connection import Database
from loader.database.locks import held_file, lock
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


def holder(url: str) -> subprocess.Popen[str]:
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    process = Warm(url, program=HOLD, text=True, **pipes)
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

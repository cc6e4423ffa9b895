"""A line on which nothing comes any more is given up, and what was asked is asked again."""

import logging
import re
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Connection, make_url

from loader.database import connection, driver
from loader.database.connection import Database
from loader.database.driver import KEEP_ALIVE, LOG, TAKES_LONG
from loader.database.locks import lock
from loader.database.schema import metadata
from loader.errors import DatabaseUnavailableError, TransientDatabaseError
from loader.writing.leads import LeadInserter
from tests.support.proxy import Proxy
from tests.support.server import Server, plain_engine, run
from tests.support.warm import Warm, run_warm

ON_SERVERS = pytest.mark.engines("myisam", "innodb")
SHORT = {"read_timeout": "0.5", "load_timeout": "0.5", "write_timeout": "0.5"}
LONG = 60.0


def nothing(_seconds: float) -> None:
    """Wait for nobody."""


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        yield proxy


@pytest.fixture
def short(proxy: Proxy, database_url: str) -> Callable[..., str]:
    """Give the address through the proxy, with short timeouts or others."""

    def give(**query: str) -> str:
        address = make_url(proxy.via(database_url))
        return address.update_query_dict(SHORT | query).render_as_string(hide_password=False)

    return give


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("packet", [b"SET NAMES", b"SELECT 7"], ids=str)
def test_a_silent_line_is_left_for_another(
    proxy: Proxy, short: Callable[..., str], packet: bytes, moment: Any
) -> None:
    proxy.stall(moment, packet)
    database = Database(short(connect_timeout="0.5"), sleep=nothing)
    assert database.read(lambda it: it.exec_driver_sql("SELECT 7").scalar_one()) == 7
    assert proxy.connections == 2
    database.engine.dispose()


@ON_SERVERS
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_lock_that_was_given_over_a_silent_line_is_its_own(
    proxy: Proxy, short: Callable[..., str], moment: Any
) -> None:
    """The server keeps the session that has it."""
    proxy.stall(moment, b"SELECT GET_LOCK('leadloader:")
    database = Database(short(), sleep=nothing)
    with lock(database, "nightly", "a nightly runs"):
        pass
    database.engine.dispose()


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("packet", [b"LOAD DATA", b"CONCAT_WS", b"COMMIT"], ids=str)
def test_a_batch_on_a_silent_line_is_stored_once(
    proxy: Proxy, short: Callable[..., str], database_url: str, packet: bytes, moment: Any
) -> None:
    rows = pd.DataFrame(
        {"list_id": 101, "gmt_offset_now": -5.0, "phone_code": "1", "last_name": list("abc"),
         "phone_number": ["7275551", "7275552", "7275553"]},
        index=pd.RangeIndex(2, 5),
    )  # fmt: skip
    texts = rows.columns.difference(["list_id", "gmt_offset_now"])
    rows = rows.astype(dict.fromkeys(texts, "str"))
    database = Database(short(), sleep=nothing)
    inserter = LeadInserter(database, list(metadata.tables["vicidial_list"].columns.keys()))
    database.read(lambda it: it.exec_driver_sql("SELECT 1").all())
    proxy.stall(moment, packet)
    inserted = inserter.insert(rows, "tester")
    stored = run(database_url, "SELECT lead_id, last_name FROM vicidial_list")
    assert dict(stored) == dict(zip(inserted.lead_ids, "abc", strict=True))
    assert proxy.connections == 2
    database.engine.dispose()


def test_a_server_that_says_nothing_is_given_up(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        database = Database(f"mysql://u:p@127.0.0.1:{port}/d?connect_timeout=0.1", sleep=nothing)
        with pytest.raises(DatabaseUnavailableError):
            database.read(lambda it: it.exec_driver_sql("SELECT 1").all())
    assert re.search(r"no answer for \d+ s \(error \d+\); it is asked again", caplog.text)
    assert "attempt 4 of 4" in caplog.text


@contextmanager
def released(other: Connection) -> Iterator[None]:
    """Release the locks of a session as soon as it is said that no answer comes."""

    def unlock(record: logging.LogRecord) -> bool:
        if "answer" in record.getMessage() and not other.closed:
            other.exec_driver_sql("UNLOCK TABLES")
        return True

    LOG.addFilter(unlock)
    try:
        yield
    finally:
        LOG.removeFilter(unlock)
        other.invalidate()


@pytest.mark.engines("innodb")
def test_a_statement_that_waits_is_said_to_wait(
    database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, and long before the time for an answer is over."""
    monkeypatch.setattr(driver, "PATIENCE", 0.01)
    database = Database(database_url, sleep=nothing)
    with plain_engine(database_url).connect() as other:
        other.exec_driver_sql("LOCK TABLES vicidial_list WRITE")
        with released(other):
            database.read(lambda it: it.exec_driver_sql("SELECT * FROM vicidial_list").all())
    (said,) = {each for each in caplog.messages if "SHOW FULL PROCESSLIST" in each}
    assert f"{database.name}: no answer for 0 s; it is waited for up to 300 s more" in said
    database.engine.dispose()


@pytest.mark.engines("innodb")
def test_a_commit_that_waits_is_said_to_wait(
    database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "PATIENCE", 0.01)
    database = Database(database_url, sleep=nothing)
    with plain_engine(database_url).connect() as other, database.connect() as connection:
        connection.exec_driver_sql("INSERT INTO vicidial_list (phone_number) VALUES ('1')")
        other.exec_driver_sql("FLUSH TABLES WITH READ LOCK")
        caplog.clear()
        with released(other):
            connection.commit()
    assert any("it is waited for up to 300 s more" in each for each in caplog.messages)
    database.engine.dispose()


def test_a_connection_that_is_waited_for_is_said_to_be(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "PATIENCE", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        database = Database(f"mysql://u:p@127.0.0.1:{port}/d?connect_timeout=0.1", sleep=nothing)
        with pytest.raises(DatabaseUnavailableError):
            database.read(lambda it: it.exec_driver_sql("SELECT 1").all())
    assert f"@127.0.0.1:{port}/d: no connection for 0 s" in caplog.text


@pytest.mark.parametrize(
    ("address", "names", "advice"),
    [
        ("mysql://u:p@127.0.0.2:1/d", "(error 2003, 4 attempts): mysql+pymysql://u:***@127.0.0.2:1",
         "bind-address"),
        ("mysql://u:p@no-host.invalid/d", "u:***@no-host.invalid:3306/d", "name of the host"),
        ("mysql://u:p@localhost/d?unix_socket=/no/socket", "at the socket /no/socket",
         "SHOW VARIABLES LIKE 'socket'"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named(address: str, names: str, advice: str) -> None:
    database = Database(address, sleep=nothing)
    with pytest.raises(DatabaseUnavailableError) as caught:
        database.read(lambda it: it.exec_driver_sql("SELECT 1").all())
    for words in (names, advice):
        assert words in str(caught.value)


def test_a_file_that_stays_locked_is_no_server_that_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.0)
    database = Database(f"sqlite:///{tmp_path}/d", sleep=nothing)

    def refused(_connection: Connection) -> None:
        raise TransientDatabaseError(sqlite3.SQLITE_BUSY)

    with pytest.raises(DatabaseUnavailableError, match=r"stays locked .*; `fuser FILE` tells"):
        database.read(refused)
    assert "the file stays locked by another process for 0 s" in caplog.text
    database.engine.dispose()


@pytest.mark.engines("innodb")
def test_rows_that_stay_locked_are_no_server_that_says_nothing(
    database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.0)
    database = Database(database_url, sleep=nothing)

    def refused(connected: Connection) -> None:
        connected.exec_driver_sql("SELECT 1")
        raise TransientDatabaseError(1205)

    database.read(lambda it: it.exec_driver_sql("SELECT 1").all())
    with pytest.raises(DatabaseUnavailableError, match="rows stay locked by another transaction"):
        database.read(refused)
    assert "rows stay locked by another transaction for 0 s (error 1205)" in caplog.text
    assert "attempt 8 of 8" in caplog.text
    database.engine.dispose()


@pytest.mark.engines("innodb")
def test_what_takes_long_may(short: Callable[..., str]) -> None:
    database = Database(short(load_timeout="30"), sleep=nothing)
    assert TAKES_LONG.match(b" alter table x")
    assert not TAKES_LONG.match(b"SELECT 'LOAD DATA'")
    # As long as a table that is altered.
    database.read(lambda it: it.exec_driver_sql("CREATE TEMPORARY TABLE t SELECT SLEEP(1.5)"))
    with pytest.raises(DatabaseUnavailableError):
        database.read(lambda it: it.exec_driver_sql("SELECT SLEEP(1.5)").all())
    database.engine.dispose()


@pytest.mark.engines("innodb")
def test_the_line_is_kept_alive(database: Database) -> None:
    with database.connect() as opened:
        driver: Any = opened.connection.driver_connection
        line = driver._sock
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for name, value in KEEP_ALIVE.items():
            assert line.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_import_on_a_silent_line_ends_at_the_second_signal(
    proxy: Proxy, short: Callable[..., str], database_url: str, tmp_path: Path, number: int
) -> None:
    stalled = threading.Event()
    proxy.at("before", b"LOAD DATA", stalled.set)
    proxy.stall("after", b"LOAD DATA")
    (tmp_path / "leads.csv").write_text("phone,list id\n7275551111,101\n")
    address = short(read_timeout="1h", load_timeout="1h")
    program = "from loader import signals; signals.SAME_SIGNAL = 0\n"
    program += "from jobs.cli.main import main; main()"
    command = ["import", str(tmp_path / "leads.csv"), "--database", address]
    command += ["--results", str(tmp_path / "results")]
    started = Warm(
        *command, program=program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert stalled.wait(LONG)
        started.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            started.wait(0.5)
        started.send_signal(number)
        assert started.wait(LONG) == -number
    finally:
        started.kill()
        started.communicate()
    again = ["import", str(tmp_path / "leads.csv"), "--database", database_url]
    done = run_warm(*again, "--results", str(tmp_path / "results"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert run(database_url, "SELECT COUNT(*) FROM vicidial_list") == [(1,)]

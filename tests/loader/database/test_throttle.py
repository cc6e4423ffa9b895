"""How large the chunks of an archive are, and what it waits for, on real servers."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import astuple
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import NullPool, create_engine, make_url

from loader.database import throttle
from loader.database.connection import Database
from loader.database.throttle import FEWEST, ChunkSize, Throttle
from loader.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    NotAllowedError,
    UntrustedServerError,
    UsageError,
)
from loader.options.archive import ArchiveOptions
from tests.support.products import PRODUCT
from tests.support.proxy import Proxy
from tests.support.server import PATIENCE, PrivateServer, Server, run

TEN_SECONDS = timedelta(seconds=10)


# --- the size of chunks ---

SECONDS = st.floats(min_value=0, max_value=1e6)


@pytest.mark.property
@given(
    at_most=st.integers(1, 500),
    seconds=st.floats(min_value=0.001, max_value=60),
    chunks=st.lists(st.tuples(st.integers(0, 500), SECONDS), max_size=30),
)
def test_the_size_stays_within_its_bounds(
    at_most: int, seconds: float, chunks: list[tuple[int, float]]
) -> None:
    chunk = ChunkSize(at_most, seconds)
    assert chunk.size == at_most
    for most, took in chunks:
        before = chunk.size
        rows = min(most, before)
        chunk.took(rows, took)
        assert min(at_most, FEWEST) <= chunk.size <= min(at_most, 2 * before)
        if not rows:
            assert chunk.size == before
        elif took <= seconds:
            assert chunk.size >= before
        else:
            assert chunk.size < before or before == min(at_most, FEWEST)


@pytest.mark.property
@given(rate=st.floats(min_value=50, max_value=1900), seconds=st.floats(0.25, 1))
def test_at_a_constant_rate_a_chunk_takes_about_its_seconds(rate: float, seconds: float) -> None:
    chunk = ChunkSize(500, seconds)
    for _ in range(10):
        chunk.took(chunk.size, chunk.size / rate)
    assert chunk.size == pytest.approx(min(500, rate * seconds), rel=0.01, abs=1)


@pytest.mark.property
@given(
    slow=st.lists(st.floats(min_value=0.5, max_value=3600), min_size=1, max_size=50),
    rate=st.floats(min_value=2500, max_value=1e6),
)
def test_the_size_grows_back_after_a_slow_phase(slow: list[float], rate: float) -> None:
    chunk = ChunkSize(500, 0.25)
    for seconds in slow:
        chunk.took(chunk.size, seconds)
    assert chunk.size <= 250
    for _ in range(35):
        chunk.took(chunk.size, chunk.size / rate)
    assert chunk.size == 500


def test_the_size_grows_smoothly() -> None:
    chunk = ChunkSize(500, 0.25)
    chunk.took(500, 5.0)
    sizes = [chunk.size]
    for _ in range(9):
        chunk.took(chunk.size, chunk.size / 10_000)
        sizes.append(chunk.size)
    assert sizes == [25, 27, 32, 45, 79, 158, 316, 500, 500, 500]


def test_a_chunk_of_few_leads_says_little() -> None:
    chunk = ChunkSize(500, 0.25)
    chunk.took(500, 0.5)
    chunk.took(2, 0.2)
    assert chunk.size == 250


# --- sleep and pause file ---


def why(throttle: Throttle) -> str | None:
    wait = throttle.why_wait()
    return wait and wait.message


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'leads.sqlite'}")


def test_a_pause_file_is_waited_for(sqlite: Database, tmp_path: Path) -> None:
    file = tmp_path / "pause"
    throttle = Throttle(sqlite, ArchiveOptions(pause_file=file))
    throttle.check()
    assert why(throttle) is None
    file.touch()
    assert why(throttle) == f"pause file {file} exists"
    file.unlink()
    assert why(throttle) is None


def test_a_pause_file_that_cannot_be_looked_for_is_waited_for(
    sqlite: Database, tmp_path: Path
) -> None:
    file = tmp_path / ("x" * 300)
    reason = why(Throttle(sqlite, ArchiveOptions(pause_file=file)))
    assert reason == f"pause file {file} cannot be checked (File name too long)"


def test_without_options_nothing_is_waited_for(sqlite: Database) -> None:
    throttle = Throttle(sqlite, ArchiveOptions())
    throttle.check()
    assert why(throttle) is None


@pytest.mark.parametrize(
    "options",
    [
        {"max_load": {"Threads_running": 25}},
        {"max_lag": TEN_SECONDS, "replicas": ("mysql://user:secret@127.0.0.1:1/",)},
    ],
    ids=["max_load", "max_lag"],
)
def test_sqlite_has_no_load_and_no_replicas(sqlite: Database, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="the database is SQLite"):
        Throttle(sqlite, ArchiveOptions(**options)).check()


# --- a primary and its replica ---


@pytest.fixture(scope="module")
def primary() -> Iterator[PrivateServer]:
    yield from started("--log-bin=log", "--server-id=1")


@pytest.fixture(scope="module")
def replica(primary: PrivateServer) -> Iterator[PrivateServer]:
    """A server that replicates from the primary; a test leaves it doing so."""
    for server in started("--server-id=2"):
        server.execute(replicate_from(primary))
        server.execute(f"START {REPLICA}")
        yield server


def started(*options: str) -> Iterator[PrivateServer]:
    if not PRODUCT.find():
        pytest.skip(PRODUCT.advice)
    server = PrivateServer(*options)
    yield server
    server.close()


REPLICA = "SLAVE" if PRODUCT.is_mariadb else "REPLICA"


def replicate_from(primary: PrivateServer, host: str = "127.0.0.1", *, name: str = "") -> str:
    """Word that a server is to replicate, in the words of its kind; `name` is of this source."""
    address = make_url(primary.url())
    settings: dict[str, object] = {
        "HOST": f"'{host}'",
        "PORT": primary.port,
        "USER": f"'{address.username}'",
        "PASSWORD": f"'{address.password}'",
        "SSL": 0,
        "CONNECT_RETRY": 1,
    }
    if PRODUCT.is_mariadb:
        words = ", ".join(f"MASTER_{key} = {value}" for key, value in settings.items())
        return f"CHANGE MASTER {name and repr(name)} TO {words}"
    words = ", ".join(f"SOURCE_{key} = {value}" for key, value in settings.items())
    # It would not give its password to a source that does not know it well, either.
    words += ", GET_SOURCE_PUBLIC_KEY = 1"
    return f"CHANGE REPLICATION SOURCE TO {words} FOR CHANNEL '{name}'"


def forget_source(name: str) -> str:
    if PRODUCT.is_mariadb:
        return f"RESET SLAVE '{name}' ALL"
    return f"RESET REPLICA ALL FOR CHANNEL '{name}'"


Make = Callable[..., Throttle]


@pytest.fixture
def throttled(primary: PrivateServer) -> Iterator[Make]:
    """Make throttles of archives on the primary."""
    with ExitStack() as ends:

        def make(**options: Any) -> Throttle:
            database = Database(primary.url())
            ends.callback(database.engine.dispose)
            throttle = Throttle(database, ArchiveOptions(**options))
            ends.callback(throttle.close)
            return throttle

        yield make


@pytest.fixture
def watching(throttled: Make, replica: PrivateServer) -> Iterator[Make]:
    """Make throttles that watch the replica, which is up to date before and after."""

    def make(address: str = "", max_lag: timedelta = TEN_SECONDS) -> Throttle:
        return throttled(max_lag=max_lag, replicas=(address or replica.url(),))

    throttle = make()
    until(lambda: why(throttle) is None)
    yield make
    until(lambda: why(throttle) is None)


def until(question: Callable[[], Any]) -> None:
    """Ask until the answer is yes."""
    deadline = time.monotonic() + PATIENCE
    while not question():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.02)


def named(address: str) -> str:
    return f"replica {Database(address).name}"


@contextmanager
def holding(server: Server, statement: str) -> Iterator[None]:
    """Hold what the statement takes until the end of the session."""
    with closing(create_engine(server.url(), poolclass=NullPool).raw_connection()) as holder:
        holder.cursor().execute(statement)
        yield


# --- load ---

LOCKED = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'"


def test_running_sessions_are_waited_for(primary: PrivateServer, throttled: Make) -> None:
    throttle = throttled(max_load={"threads_RUNNING": 5, "Threads_connected": 1000})
    throttle.check()
    until(lambda: why(throttle) is None)
    wait = "DO GET_LOCK('busy', 60), RELEASE_LOCK('busy')"
    sessions = [threading.Thread(target=primary.execute, args=[wait]) for _ in range(6)]
    with holding(primary, "SELECT GET_LOCK('busy', 0)"):
        for session in sessions:
            session.start()
        until(lambda: primary.execute(LOCKED) == [(len(sessions),)])
        reason = re.fullmatch(r"Threads_running is (\d+), more than 5", why(throttle) or "")
    assert reason is not None
    assert int(reason[1]) > len(sessions)
    for session in sessions:
        session.join()
    until(lambda: why(throttle) is None)


def test_all_variables_are_asked_for_in_one_statement(primary: PrivateServer) -> None:
    asked: list[bool] = []
    options = ArchiveOptions(max_load=dict.fromkeys(("Threads_running", "Uptime"), 10**9))
    with Proxy(primary) as proxy:
        for nth in (1, 2):
            proxy.at("before", b"SHOW GLOBAL STATUS", lambda: asked.append(True), nth=nth)
        database = Database(proxy.via(primary.url()))
        assert why(Throttle(database, options)) is None
        database.engine.dispose()
    assert len(asked) == 1


def test_large_numbers_are_written_out(throttled: Make) -> None:
    reason = why(throttled(max_load={"Innodb_page_size": 10_000}))
    assert reason == "Innodb_page_size is 16384, more than 10000"
    reason = why(throttled(max_load={"Innodb_buffer_pool_bytes_data": 1_000_000}))
    assert re.fullmatch(r"Innodb_buffer_pool_bytes_data is \d{7,}, more than 1000000", str(reason))


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("Thread_running", "no status variable thread_running"),
        ("Ssl_version", "Ssl_version is not a number"),
    ],
    ids=["unknown", "text"],
)
def test_what_is_no_measure_of_load_is_refused(
    throttled: Make, variable: str, message: str
) -> None:
    with pytest.raises(UsageError, match=f"^max_load: .*{message}"):
        throttled(max_load={"Threads_running": 25, variable: 1}).check()


# --- lag ---


def test_a_replica_that_lags_is_waited_for(
    primary: PrivateServer, replica: PrivateServer, watching: Make
) -> None:
    strict, lenient = watching(), watching(max_lag=timedelta(hours=1))
    table = f"{make_url(primary.new_database()).database}.leads"
    primary.execute(f"CREATE TABLE {table} (lead_id INT)")
    until(lambda: exists(replica, table))
    with holding(replica, f"LOCK TABLES {table} READ"):
        # A replica counts from the moment at which its source says that it wrote.
        then = "SET TIMESTAMP = UNIX_TIMESTAMP() - 100, binlog_format = ROW"
        run(primary.url(), then, f"INSERT {table} VALUES (1)")
        until(strict.why_wait)
        strict.check()
        reason = why(strict) or ""
        assert why(lenient) is None
    found = re.fullmatch(r"(.*) lags (\d+) s, more than 10", reason)
    assert found is not None
    assert found[1] == named(replica.url())
    assert 100 <= int(found[2]) < 100 + PATIENCE
    until(lambda: strict.why_wait() is None)
    assert replica.execute(f"SELECT * FROM {table}") == [(1,)]


def exists(server: Server, table: str) -> bool:
    database, _, name = table.partition(".")
    return bool(
        server.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
            database,
            name,
        )
    )


def test_a_stopped_replica_is_waited_for(replica: PrivateServer, watching: Make) -> None:
    throttle = watching()
    replica.execute(f"STOP {REPLICA}")
    throttle.check()
    assert why(throttle) == f"{named(replica.url())} does not replicate"
    replica.execute(f"START {REPLICA}")


def test_a_replica_that_an_error_stopped_says_which(
    primary: PrivateServer, replica: PrivateServer, watching: Make
) -> None:
    throttle = watching()
    table = f"{make_url(primary.new_database()).database}.leads"
    primary.execute(f"CREATE TABLE {table} (lead_id INT PRIMARY KEY)")
    until(lambda: exists(replica, table))
    for server in (replica, primary):
        server.execute(f"INSERT {table} VALUES (1)")
    until(throttle.why_wait)
    assert why(throttle) == f"{named(replica.url())} does not replicate (error 1062)"
    replica.execute(f"DELETE FROM {table}")
    replica.execute(f"START {REPLICA}")


def test_each_source_of_a_replica_counts(
    primary: PrivateServer, replica: PrivateServer, watching: Make
) -> None:
    throttle = watching()
    replica.execute(replicate_from(primary, "localhost", name="west"))
    throttle.check()
    assert why(throttle) == f"{named(replica.url())} does not replicate from west"
    replica.execute(forget_source("west"))


# --- replicas that cannot be asked ---


def test_a_replica_that_stops_answering_is_waited_for(
    replica: PrivateServer, watching: Make
) -> None:
    with Proxy(replica) as proxy:
        throttle = watching(proxy.via(replica.url()))
        throttle.check()
        assert why(throttle) is None
        assert proxy.connections == 1
        # The server may have ended the connection for being idle, which is no reason to wait.
        proxy.cut()
        assert why(throttle) is None
        assert proxy.connections == 2
        proxy.close()
        name = named(proxy.via(replica.url()))
        for _ in range(2):
            assert why(throttle) == f"{name} does not answer (error 2003)"


def test_a_replica_has_to_answer_at_the_beginning(replica: PrivateServer, watching: Make) -> None:
    with Proxy(replica) as proxy:
        throttle = watching(proxy.via(replica.url()))
        proxy.close()
        with pytest.raises(DatabaseUnavailableError, match=r"error 2003.*leave it out") as caught:
            throttle.check()
    assert_no_password(caught.value, replica)


def test_a_silent_replica_is_not_waited_for_long(watching: Make) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"mysql://user:secret@127.0.0.1:{silent.getsockname()[1]}/?connect_timeout=0.1"
        throttled = watching(address)
        assert "does not answer" in str(why(throttled))


def test_the_first_replica_that_lags_is_named(replica: PrivateServer, throttled: Make) -> None:
    with Proxy(replica) as proxy:
        gone = proxy.via(replica.url())
    throttle = throttled(max_lag=TEN_SECONDS, replicas=(replica.url(), gone))
    until(lambda: named(gone) in str(why(throttle)))


def test_a_server_that_replicates_from_none_is_no_replica(
    primary: PrivateServer, throttled: Make
) -> None:
    throttle = throttled(max_lag=TEN_SECONDS, replicas=(primary.url(),))
    with pytest.raises(ConfigurationError, match="it replicates from no server") as caught:
        throttle.check()
    assert named(primary.url()) in str(caught.value)
    assert_no_password(caught.value, primary)


def test_a_file_is_no_replica(throttled: Make) -> None:
    throttle = throttled(max_lag=TEN_SECONDS, replicas=("sqlite:///leads.sqlite",))
    with pytest.raises(ConfigurationError, match="it replicates from no server"):
        throttle.check()


def test_an_account_without_the_right_is_told_which(replica: PrivateServer, watching: Make) -> None:
    address = replica.new_reader(replica.new_database())
    right = "SLAVE MONITOR" if PRODUCT.is_mariadb else "REPLICATION CLIENT"
    with pytest.raises(NotAllowedError, match=rf"GRANT {right} ON \*\.\*") as caught:
        watching(address).check()
    assert named(address) in str(caught.value)
    replica.execute(f"GRANT {right} ON *.* TO {make_url(address).username}")
    watching(address).check()


def test_an_account_that_does_not_exist_is_named(replica: PrivateServer, watching: Make) -> None:
    address = replica.url("", "nobody", "sesame")
    with pytest.raises(
        (NotAllowedError, UntrustedServerError), match="password is wrong"
    ) as caught:
        watching(address).check()
    assert str(caught.value).startswith(named(address))
    assert "sesame" not in str(caught.value)


def test_an_address_that_cannot_be_read_is_refused(throttled: Make) -> None:
    with pytest.raises(ConfigurationError, match=r"^replicas: .*cannot be read") as caught:
        throttled(max_lag=TEN_SECONDS, replicas=("user:secret@host",))
    assert "secret" not in str(caught.value)


def assert_no_password(error: Exception, server: Server) -> None:
    assert str(make_url(server.url()).password) not in str(error)


# --- what other servers say ---


@pytest.mark.parametrize(
    ("is_mariadb", "version", "question", "right"),
    [
        (True, (10, 3, 39), "SHOW ALL SLAVES STATUS", "REPLICATION CLIENT"),
        (True, (10, 11, 6), "SHOW ALL SLAVES STATUS", "SLAVE MONITOR"),
        (False, (5, 7, 44), "SHOW SLAVE STATUS", "REPLICATION CLIENT"),
        (False, (8, 0, 22), "SHOW REPLICA STATUS", "REPLICATION CLIENT"),
        (False, (8, 4, 3), "SHOW REPLICA STATUS", "REPLICATION CLIENT"),
    ],
)
def test_each_version_is_asked_in_its_words(
    is_mariadb: bool, version: tuple[int, ...], question: str, right: str
) -> None:
    dialect: Any = SimpleNamespace(is_mariadb=is_mariadb, server_version_info=version)
    assert throttle._status_statement(dialect) == question
    assert f"GRANT {right} ON" in throttle._missing_right(dialect)


ERRORS = {"Last_IO_Errno": 0, "Last_SQL_Errno": 0}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"Connection_name": "", "Seconds_Behind_Master": 3}, ("", 3.0, 0)),
        ({"Connection_name": "west", "Seconds_Behind_Master": None}, ("west", None, 0)),
        ({"Channel_Name": "east", "Seconds_Behind_Source": 0}, ("east", 0.0, 0)),
        ({"Seconds_Behind_Source": None, "Last_IO_Errno": 2003}, ("", None, 2003)),
        ({"Seconds_Behind_Master": None, "Last_SQL_Errno": 1062}, ("", None, 1062)),
    ],
)
def test_each_version_is_understood(row: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert astuple(throttle._State.of(ERRORS | row)) == expected

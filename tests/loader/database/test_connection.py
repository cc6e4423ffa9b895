"""What the database's errors become, what is tried again, and what nobody may read in a message."""

import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, NullPool, create_engine, event, make_url

from jobs.cli.main import run as run_command
from loader.database.connection import Database
from loader.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    LoaderError,
    NotAllowedError,
    RowDataError,
    TransientDatabaseError,
)
from tests.support.products import PRODUCT
from tests.support.proxy import Proxy
from tests.support.server import PrivateServer, Server

ON_SERVERS = pytest.mark.engines("myisam", "innodb")
PERSON = "Smith-7275551111"


def nothing(_seconds: float) -> None:
    """Wait for nobody."""


@pytest.fixture
def counted() -> Callable[[Database], list[float]]:
    """Count how often a database is waited for."""

    def count(database: Database) -> list[float]:
        waits: list[float] = []
        database._sleep = waits.append
        return waits

    return count


# --- what errors mean ---

SIGNAL = f"SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {{}}, MESSAGE_TEXT = '{PERSON}'"


@pytest.mark.engines("innodb")
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *(
            (code, TransientDatabaseError)
            for code in (1020, 1040, 1047, 1205, 1213, 1317, 1412, 1615, 1684, 1927, 2006, 2013)
        ),
        *((code, RowDataError) for code in (1062, 1265, 1406, 1644, 4025, 31000, 65534)),
        *((code, NotAllowedError) for code in (1044, 1045, 1142, 1290)),
        *((code, ConfigurationError) for code in (1049, 1054, 1146, 1194, 1114)),
        *((code, LoaderError) for code in (1064, 1665, 4000)),
    ],
)
def test_the_code_decides_what_an_error_means(
    database: Database, code: int, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught, database.connect() as connection:
        connection.exec_driver_sql(SIGNAL.format(code))
    assert type(caught.value) is kind
    assert str(code) in str(caught.value)
    assert PERSON not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("INSERT INTO vicidial_dnc VALUES ('7275551111'), ('7275551111')", RowDataError),
        ("SELECT * FROM nowhere WHERE x = '7275551111'", ConfigurationError),
        ("SELECT '7275551111' FROM", LoaderError),
    ],
)
def test_errors_of_sqlite_quote_no_values(
    database: Database, statement: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught, database.connect() as connection:
        connection.exec_driver_sql(statement)
    assert type(caught.value) is kind
    assert "7275551111" not in str(caught.value)


@pytest.mark.engines("sqlite")
def test_sqlite_that_others_write_to_is_tried_again(database: Database) -> None:
    path = str(make_url(str(database.engine.url)).database)
    other = create_engine(f"sqlite:///{path}", poolclass=NullPool).raw_connection()
    write = "INSERT INTO vicidial_dnc VALUES ('1')"
    with closing(other):
        other.cursor().execute(write)
        attempts = 0
        for attempt in database.retrying():
            with attempt, database.connect() as connection:
                attempts += 1
                connection.exec_driver_sql("PRAGMA busy_timeout = 1")
                if attempts == 3:
                    other.rollback()
                connection.exec_driver_sql(write)
                connection.commit()
    assert attempts == 3


def test_what_cannot_go_well_another_time_is_not_tried_again(
    database: Database, counted: Callable[[Database], list[float]]
) -> None:
    waits = counted(database)
    with pytest.raises(ConfigurationError, match="init"):
        database.read(lambda connection: connection.exec_driver_sql("SELECT 1 FROM nowhere"))
    assert not waits


# --- locks and deadlocks ---


def attempts_at(database: Database, statements: list[str], release: Callable[[], object]) -> int:
    """Run statements in one transaction until it goes well; after two failures, release."""
    count = 0
    for attempt in database.retrying():
        with attempt, database.connect() as connection:
            count += 1
            if count == 3:
                release()
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()
    return count


@ON_SERVERS
def test_a_table_that_others_lock_is_waited_for(
    database: Database, database_url: str, server: Server
) -> None:
    event.listen(database.engine, "connect", short_lock_waits)
    with closing(create_engine(database_url, poolclass=NullPool).raw_connection()) as other:
        other.cursor().execute("LOCK TABLES vicidial_dnc WRITE")
        statement = "INSERT INTO vicidial_dnc VALUES ('1')"
        count = attempts_at(database, [statement], lambda: other.cursor().execute("UNLOCK TABLES"))
    assert count == 3
    assert database.read(count_dnc) == 1


def short_lock_waits(connection: Any, _record: object) -> None:
    connection.cursor().execute("SET SESSION lock_wait_timeout = 1, innodb_lock_wait_timeout = 1")


def count_dnc(connection: Any) -> int:
    return int(connection.exec_driver_sql("SELECT COUNT(*) FROM vicidial_dnc").scalar_one())


@pytest.mark.engines("innodb")
def test_a_row_that_others_lock_is_waited_for(database: Database, database_url: str) -> None:
    event.listen(database.engine, "connect", short_lock_waits)
    with closing(create_engine(database_url, poolclass=NullPool).raw_connection()) as other:
        other.cursor().execute("INSERT INTO vicidial_dnc VALUES ('1')")
        count = attempts_at(database, ["INSERT INTO vicidial_dnc VALUES ('1')"], other.rollback)
    assert count == 3
    assert database.read(count_dnc) == 1


@pytest.mark.engines("innodb")
def test_the_loser_of_a_deadlock_tries_again(database: Database, database_url: str) -> None:
    first, second = (f"DELETE FROM vicidial_dnc WHERE phone_number = '{n}'" for n in "12")
    with database.connect() as connection:
        connection.exec_driver_sql("INSERT INTO vicidial_dnc VALUES ('1'), ('2'), ('3'), ('4')")
        connection.commit()
    with closing(create_engine(database_url, poolclass=NullPool).raw_connection()) as other:
        cursor = other.cursor()
        # Who has written more is not the one that the server gives up.
        cursor.execute("DELETE FROM vicidial_dnc WHERE phone_number IN ('3', '4')")
        cursor.execute(second)
        count = 0
        for attempt in database.retrying():
            with attempt, database.connect() as connection:
                count += 1
                connection.exec_driver_sql(first)
                if count == 1:
                    waiting = threading.Thread(target=cursor.execute, args=[first])
                    waiting.start()
                    wait_for_lock(database)
                connection.exec_driver_sql(second)
                connection.commit()
            if count == 1:
                waiting.join()
                other.rollback()
    assert count == 2


def wait_for_lock(database: Database) -> None:
    query = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    with closing(create_engine(database.engine.url, poolclass=NullPool).raw_connection()) as other:
        cursor = other.cursor()
        while True:
            cursor.execute(query)
            if cursor.fetchone()[0]:
                return


# --- connections ---


@ON_SERVERS
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("packet", [b"tester", b"SET NAMES", b"sql_mode", b"SELECT 7"], ids=str)
def test_a_connection_lost_at_any_packet_is_made_anew(
    database_url: str, server: Server, packet: bytes, moment: str
) -> None:
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url), sleep=nothing)
        getattr(proxy, f"cut_{moment}")(packet)
        assert database.read(lambda c: c.exec_driver_sql("SELECT 7").scalar_one()) == 7
        database.engine.dispose()
        assert proxy.connections == 2


def count_committing(connection: Connection) -> int:
    return count_dnc(connection.execution_options(isolation_level="AUTOCOMMIT"))


@ON_SERVERS
@pytest.mark.parametrize("statement", [b"ROLLBACK", b"SET AUTOCOMMIT = 0"])
def test_a_connection_may_be_lost_when_it_is_given_back(
    database_url: str, server: Server, statement: bytes
) -> None:
    """The pool resets it then; what was done is done, and the next work gets a new one."""
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url), sleep=nothing)
        for _ in range(20):  # more than the pool may ever lend
            proxy.cut_before(statement)
            assert database.read(count_committing) == 0
        database.engine.dispose()


@ON_SERVERS
def test_one_connection_is_enough(database_url: str, server: Server) -> None:
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url))
        for _ in range(20):
            database.read(count_dnc)
            with database.connect() as connection:
                connection.exec_driver_sql("INSERT INTO vicidial_dnc VALUES (RAND())")
                connection.commit()
        database.engine.dispose()
        assert proxy.connections == 1


@ON_SERVERS
def test_a_database_that_stays_away_is_given_up(
    database_url: str, server: Server, counted: Callable[[Database], list[float]]
) -> None:
    proxy = Proxy(server)
    database = Database(proxy.via(database_url))
    waits = counted(database)
    database.read(count_dnc)
    proxy.close()
    with pytest.raises(DatabaseUnavailableError, match=r"error 2003, 8 attempts"):
        database.read(count_dnc)
    assert len(waits) == 7
    assert sum(waits) <= 48


@ON_SERVERS
def test_a_server_that_restarts_is_waited_for(
    database_url: str, private_server: PrivateServer
) -> None:
    database = Database(database_url, sleep=lambda _seconds: start(private_server))
    assert database.read(count_dnc) == 0
    private_server.stop()
    assert database.read(count_dnc) == 0
    database.engine.dispose()


def start(server: PrivateServer) -> None:
    if server._process is None:
        server.start()


@pytest.mark.engines("innodb")
def test_a_batch_can_be_written_where_the_binary_log_has_statements(
    database_url: str, private_server: PrivateServer
) -> None:
    # READ COMMITTED, for one, cannot: error 1665.
    private_server.restart("--log-bin", "--binlog-format=STATEMENT", "--server-id=1")
    try:
        database = Database(database_url, sleep=nothing)
        with database.connect() as connection:
            connection.exec_driver_sql("INSERT INTO vicidial_dnc VALUES ('1')")
            connection.commit()
        assert database.read(count_dnc) == 1
        database.engine.dispose()
    finally:
        private_server.restart()


# --- what a user is told ---


@pytest.fixture
def told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    impatient: None,
) -> Callable[[str, str], tuple[int, str]]:  # fmt: skip
    """Run a job on a small file; give the exit code and what was said."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "leads.csv"
    file.write_text("phone,last name\n7275551111,Smith\n")

    def tell(job: str, address: str) -> tuple[int, str]:
        code = run_command([job, str(file), "--database", address, "--results", "out"])
        return code, "".join(capfd.readouterr())

    return tell


STRANGER = (78, "name or password is wrong") if PRODUCT.asks_for_passwords else (77, "error 1045")
"""What becomes of a wrong name or password: MySQL 9 asks for the password itself first."""


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.parametrize("job", ["import", "validate"])
@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"password": "wr0ng-secret"}, *STRANGER),
        ({"username": "nobody", "password": "wr0ng-secret"}, *STRANGER),
        ({"database": "nowhere"}, 78, "error 1049"),
        ({"database": "mysql"}, 78, "no table vicidial_list"),
        ({"port": 1}, 69, "error 2003"),
    ],
    ids=["password", "account", "database", "no dialer's", "port"],
)
def test_a_wrong_address_is_said_without_its_password(
    database_url: str,
    told: Callable[[str, str], tuple[int, str]],
    job: str,
    change: dict[str, Any],
    code: int,
    says: str,
) -> None:
    address = make_url(database_url).set(**change)
    found, said = told(job, address.render_as_string(hide_password=False))
    assert (found, says in said) == (code, True), said
    assert str(address.password) not in said
    assert "Traceback" not in said
    assert not Path("out").exists()


def test_init_without_a_server_is_no_bug(told: Callable[[str, str], tuple[int, str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert told("validate", f"mysql://u:p@127.0.0.1:{port}/d")[0] == 69
    assert run_command(["init", "--database", f"mysql://u:p@127.0.0.1:{port}/d"]) == 69


@ON_SERVERS
def test_an_account_that_cannot_write_is_told_so(
    read_only_url: str, told: Callable[[str, str], tuple[int, str]]
) -> None:
    found, said = told("import", read_only_url)
    assert found == 77
    assert "may not write to vicidial_list" in said
    assert "GRANT INSERT ON" in said
    assert "Smith" not in said


@pytest.mark.engines("sqlite")
def test_a_sqlite_file_that_cannot_be_written_is_told_so(
    read_only_url: str, told: Callable[[str, str], tuple[int, str]]
) -> None:
    assert told("import", read_only_url)[0] == 77


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("postgresql://u:p@h/d", 64),
        ("mysql//x", 64),
        ("sqlite:////nowhere/at/all.sqlite", 78),
        ("mysql://u:p@127.0.0.1:99999/d", 64),
    ],
)
def test_an_address_of_nothing(
    told: Callable[[str, str], tuple[int, str]], address: str, code: int
) -> None:
    found, said = told("import", address)
    assert found == code, said
    assert "Traceback" not in said


def test_a_server_that_never_answers_is_given_up_early(
    counted: Callable[[Database], list[float]],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    database = Database(f"mysql://u:p@127.0.0.1:{port}/d")
    waits = counted(database)
    with pytest.raises(DatabaseUnavailableError):
        database.read(count_dnc)
    assert sum(waits) <= 4

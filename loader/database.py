"""The connection to the dialer's database: how it is set up, and what its errors mean."""

import logging
import secrets
import sqlite3
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from loader.collation import fold_text
from loader.errors import (
    LOCK_CODES,
    ConfigurationError,
    DatabaseUnavailableError,
    LoaderError,
    NotAllowedError,
    RowDataError,
    TransientDatabaseError,
)

T = TypeVar("T")

# What the pool would print is told by our errors.
logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())

LOCK_WAIT_TIMEOUT, NO_SUCH_THREAD = 1205, 1094

TRANSIENT_CODES = frozenset(
    {1040, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317, 1927, 1969}
    | {2002, 2003, 2006, 2013, 2055, 3024, 4031}
)
"""Too many connections, shutdown, broken packets, lock wait, deadlock, killed, no or lost
connection."""

ROW_CODES = frozenset(
    {1048, 1062, 1169, 1216, 1264, 1265, 1292, 1300, 1364, 1366, 1367, 1369, 1406, 1411, 1452}
    | {1526, 1586, 1644, 1690, 1748, 3819, 4025}
)
"""A value, a key, a constraint, a partition or a trigger refuses the row."""

SMALLEST_PACKET = 1 << 20
"""The default of the oldest servers; what does not fit loses the connection, or comes as NULL."""

FIRST_CODE_OF_SITES = 5000
"""Servers keep below; above are the numbers that a site gives its own triggers' errors."""

MEANINGS: tuple[tuple[frozenset[int], type[LoaderError], str], ...] = (
    (
        frozenset({1045, 1130, 1698}),
        NotAllowedError,
        "the server does not let the account in (error {}): its name or password is wrong, or it "
        "may not come from this host",
    ),
    (
        frozenset({1044, 1129, 1142, 1143, 1227, 1290, 1370})
        | frozenset({1820, 1836, 1862, 3118, 4151}),
        NotAllowedError,
        "the database account may not do this (error {}); check its rights, and that the server is "
        "not read-only",
    ),
    (
        frozenset({1049, 1054, 1146}),
        ConfigurationError,
        "the database lacks a database, table or column that is needed (error {}); is it a "
        "dialer's? `leadloader init` makes the tables on an empty one",
    ),
    (
        frozenset({1442}),
        ConfigurationError,
        "a trigger of the site's own changes a table that leadloader's statement reads (error {}); "
        "let it not do that meanwhile",
    ),
    (
        frozenset({126, 127, 134, 144, 145, 1021, 1030, 1034, 1035, 1036, 1114, 1194, 1195}),
        ConfigurationError,
        "a table of the database is damaged, full or read-only (error {}); see the server's error "
        "log and repair it",
    ),
)
"""What else the server's codes mean for the run, in words for its user."""

CONNECTION_OPTIONS = frozenset(
    {"charset", "connect_timeout", "read_timeout", "ssl_ca", "ssl_cert", "ssl_disabled", "ssl_key",
     "ssl_verify_cert", "ssl_verify_identity", "unix_socket", "write_timeout"}
)  # fmt: skip
"""What may follow a `?` in a server's address."""

SERVER_MODE = "NO_AUTO_VALUE_ON_ZERO"
"""Lax, as the dialer's, whatever the server's: a value that a column cannot take is stored as it
can, a column of the site's own gets its default. LOAD DATA LOCAL knows no strict mode either. What
was stored otherwise than sent is seen when it is read back. But a lead_id 0 stays 0."""


class Database:
    """A dialer's database at an address such as mysql://user:password@host/asterisk."""

    def __init__(self, address: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Take the address; nothing is connected yet.

        Raises:
            ConfigurationError: the address cannot be read, or names another kind of database.
        """
        url = _read_address(address)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.engine: Engine = create_engine(url, **_engine_arguments(url))
        self.name = url.set(query={}).render_as_string(hide_password=True)
        self._sleep = sleep
        self._was_reached = False
        event.listen(self.engine, "connect", self._prepare)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Connect; what the driver raises comes out as errors of ours, without values.

        Raises:
            TransientDatabaseError: the same may go well another time.
            RowDataError: the server refuses a row for its data.
            NotAllowedError: the account may not do this.
            ConfigurationError: a database, table or column is missing.
        """
        driver = self.engine.dialect.loaded_dbapi
        try:
            with self.engine.connect() as connection:
                try:
                    yield connection
                except driver.Error as error:
                    # What changes a session is not wrapped: AUTOCOMMIT, on a connection that died.
                    connection.invalidate()
                    raise _meaning(_code_of(error)) from None
        except DBAPIError as error:
            raise translate(error) from None
        except KeyboardInterrupt as error:
            # SQLite's file stays locked, closed or not, while a traceback knows a statement.
            traceback.clear_frames(error.__traceback__)
            raise

    def retrying(self) -> Retrying:
        """Give the policy for work that can be done again: a restart of the server is waited for.

        About half a minute; one that was never reached gets two seconds.
        """
        return Retrying(
            retry=retry_if_exception_type(TransientDatabaseError),
            stop=stop_after_attempt(8 if self._was_reached else 4) | stop_after_delay(60),
            wait=wait_random_exponential(multiplier=0.5, max=16),
            sleep=self._sleep,
            retry_error_callback=_give_up,
        )

    def read(self, question: Callable[[Connection], T]) -> T:
        """Ask something that changes nothing, again if the connection breaks.

        Raises:
            DatabaseUnavailableError: no answer after all retries.
        """

        def ask() -> T:
            with self.connect() as connection:
                return question(connection)

        return self.retrying()(ask)

    def end_session(self, session: str) -> None:
        """See to it that a session whose connection was lost does nothing any more.

        The server may still be at its last statement, or at its commit.

        Args:
            session: `connection.info["session"]` of its connection.

        Raises:
            DatabaseUnavailableError: no answer after all retries.
        """

        def end(connection: Connection) -> None:
            """End whoever holds the lost session's lock, and wait until it is free."""
            if connection.info["session"] == session:
                return  # it was not lost
            holder = connection.exec_driver_sql(f"SELECT IS_USED_LOCK('{session}')").scalar()
            if holder is None:
                return
            try:
                connection.exec_driver_sql(f"KILL {holder}")
            except DBAPIError as error:
                if error_code(error) != NO_SUCH_THREAD:
                    raise
            if not connection.exec_driver_sql(f"SELECT GET_LOCK('{session}', 10)").scalar():
                raise TransientDatabaseError(LOCK_WAIT_TIMEOUT)

        self.read(end)

    def _prepare(self, connection: Any, record: ConnectionPoolEntry) -> None:
        if self.is_sqlite:
            _prepare_sqlite(connection)
        else:
            _prepare_server(connection, record)
        self._was_reached = True


def _give_up(state: RetryCallState) -> Any:
    error = state.outcome.exception() if state.outcome else None
    code = error.code if isinstance(error, TransientDatabaseError) else "?"
    what = f"(error {code}, {state.attempt_number} attempts)"
    if code in LOCK_CODES:
        raise DatabaseUnavailableError(
            f"rows stay locked by another transaction {what}; find it by SHOW ENGINE INNODB STATUS"
        )
    raise DatabaseUnavailableError(
        f"the database does not answer {what}; see that it runs and can be reached"
    )


def translate(error: DBAPIError) -> Exception:
    """Say what a driver's error means, by its code. Its text is dropped: it may quote values."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return _translate_sqlite(original)
    if error.connection_invalidated:
        return TransientDatabaseError(error_code(error))
    return _meaning(error_code(error))


def _meaning(code: int) -> Exception:
    if code in TRANSIENT_CODES:
        return TransientDatabaseError(code)
    if code in ROW_CODES or code >= FIRST_CODE_OF_SITES:
        return RowDataError(code)
    for codes, kind, meaning in MEANINGS:
        if code in codes:
            return kind(meaning.format(code))
    return _unknown(f"the database server answered with error {code}")


def _unknown(what: str) -> LoaderError:
    return LoaderError(
        f"{what}, which leadloader cannot deal with; look it up, and in the server's error log"
    )


def error_code(error: DBAPIError) -> int:
    """Give the server's number of an error; 0 where the driver names none."""
    return _code_of(error.orig)


def _code_of(error: BaseException | None) -> int:
    arguments = getattr(error, "args", ())
    # PyMySQL takes the sixteenth bit for a sign.
    return arguments[0] & 0xFFFF if arguments and isinstance(arguments[0], int) else 0


def _translate_sqlite(original: sqlite3.Error) -> Exception:
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return TransientDatabaseError(code)
    if code == sqlite3.SQLITE_CONSTRAINT:
        return RowDataError(code)
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}:
        return NotAllowedError("the SQLite database can only be read")
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB}:
        return ConfigurationError("the SQLite database cannot be opened, or is none")
    if str(original).startswith("no such"):
        return ConfigurationError(
            f"the SQLite database: {original}; `leadloader init` makes the tables on an empty one"
        )
    name = getattr(original, "sqlite_errorname", "of the driver")
    return _unknown(f"SQLite answered with error {name}")


def _read_address(address: str) -> URL:
    try:
        url = make_url(address)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ConfigurationError(
            "the database's address cannot be read; give mysql://user:password@host/asterisk "
            "or sqlite:///path/to/file"
        ) from None
    if backend in {"mysql", "mariadb"}:
        unknown = sorted(url.query.keys() - CONNECTION_OPTIONS)
        if unknown:
            raise ConfigurationError(
                f"the database's address has options that do not exist: {', '.join(unknown)}; "
                f"there are {', '.join(sorted(CONNECTION_OPTIONS))}"
            )
        return url.set(drivername="mysql+pymysql")
    if backend == "sqlite":
        return url
    raise ConfigurationError(f"a {backend} database is no dialer's; give mysql:// or sqlite:///")


def _engine_arguments(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"poolclass": NullPool}
    return {
        "pool_pre_ping": False,
        "pool_size": 1,
        # The server may answer LOAD DATA LOCAL by asking for the file that the statement names.
        "connect_args": {
            "charset": "utf8mb4",
            "local_infile": True,
            "connect_timeout": 10,
            # Before SQLAlchemy asks how the server takes quotes.
            "sql_mode": SERVER_MODE,
        },
    }


def _prepare_server(connection: Any, record: ConnectionPoolEntry) -> None:
    """Set the session up; a lock that ends with it tells whether it has ended.

    Raises:
        ConfigurationError: the server takes smaller statements than are sent.
    """
    session = f"leadloader-{secrets.token_hex(8)}"
    record.info["session"] = session
    with connection.cursor() as cursor:
        cursor.execute(
            "SET SESSION sql_safe_updates = 0, sql_big_selects = 1, completion_type = 0, "
            f"@session_lasts = GET_LOCK('{session}', 0)"
        )
        cursor.execute("SELECT @@max_allowed_packet")
        [packet] = cursor.fetchone()
    if packet < SMALLEST_PACKET:
        raise ConfigurationError(
            f"the server's max_allowed_packet is {packet} bytes, and leadloader needs 1 MB "
            f"({SMALLEST_PACKET}); set it in the server's settings, or by SET GLOBAL"
        )


def _prepare_sqlite(connection: sqlite3.Connection) -> None:
    """Give SQLite the few of the server's functions that our questions use."""
    connection.execute("PRAGMA busy_timeout = 5000")
    functions: tuple[tuple[str, int, Callable[..., str | float | None]], ...] = (
        ("fold", 1, lambda text: None if text is None else fold_text(str(text))),
        ("now", 0, lambda: _text(datetime.now())),  # noqa: DTZ005 - the server's local time
        ("crc32", 1, lambda text: zlib.crc32(str(text).encode())),
        ("utc_timestamp", 0, lambda: _text(datetime.now(UTC))),
        ("unix_timestamp", 1, lambda text: datetime.fromisoformat(text).timestamp()),
        ("from_unixtime", 1, lambda seconds: _text(datetime.fromtimestamp(seconds))),  # noqa: DTZ006 - likewise
    )
    for name, arguments, function in functions:
        connection.create_function(name, arguments, function)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")

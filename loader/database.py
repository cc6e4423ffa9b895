"""The connection to the dialer's database: how it is set up, and what its errors mean."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
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
    ConfigurationError,
    DatabaseUnavailableError,
    NotAllowedError,
    RowDataError,
    TransientDatabaseError,
)

T = TypeVar("T")

TRANSIENT_CODES = frozenset(
    {1040, 1053, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 2002, 2003, 2006, 2013, 2055}
)
"""Too many connections, shutdown, broken packets, lock wait, deadlock, no or lost connection."""

ROW_CODES = frozenset(
    {1048, 1062, 1264, 1265, 1292, 1364, 1366, 1406, 1411, 1452, 1526, 1644, 1690, 3819, 4025}
)
"""A value, a key, a constraint, a partition or a trigger refuses the row."""

FORBIDDEN_CODES = frozenset({1044, 1045, 1142, 1143, 1227, 1290, 1370, 1698, 1836})
"""The account may not connect, or may not do this, or the server is read-only."""

MISSING_CODES = frozenset({1049, 1054, 1146})
"""No such database, column or table."""

SERVER_MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"
"""Ours, whatever the server's: values are made to fit beforehand, so what does not is an error;
dates such as 0000-00-00, which the dialer stores, are allowed."""


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
        event.listen(self.engine, "connect", _prepare_sqlite if self.is_sqlite else _prepare_server)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Connect; what the driver raises comes out as errors of ours, without values.

        Raises:
            TransientDatabaseError: the same may go well another time.
            RowDataError: the server refuses a row for its data.
            NotAllowedError: the account may not do this.
            ConfigurationError: a database, table or column is missing.
        """
        try:
            with self.engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise translate(error) from None

    def retrying(self) -> Retrying:
        """Give the policy for work that can be done again: five times, within a minute."""
        return Retrying(
            retry=retry_if_exception_type(TransientDatabaseError),
            stop=stop_after_attempt(5) | stop_after_delay(60),
            wait=wait_random_exponential(multiplier=0.2, max=8),
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


def _give_up(state: RetryCallState) -> Any:
    error = state.outcome.exception() if state.outcome else None
    code = error.code if isinstance(error, TransientDatabaseError) else "?"
    raise DatabaseUnavailableError(
        f"the database does not answer (error {code}, {state.attempt_number} attempts); "
        "see that it runs and can be reached, then run the same command again"
    )


def translate(error: DBAPIError) -> Exception:
    """Say what a driver's error means, by its code. Its text is dropped: it may quote values."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return _translate_sqlite(original, error)
    code = error_code(error)
    if error.connection_invalidated or code in TRANSIENT_CODES:
        return TransientDatabaseError(code)
    if code in ROW_CODES:
        return RowDataError(code)
    if code in FORBIDDEN_CODES:
        return NotAllowedError(
            f"the database account may not do this (error {code}); check its name, password and "
            "rights"
        )
    if code in MISSING_CODES:
        return ConfigurationError(
            f"the database lacks a database, table or column that is needed (error {code}); is "
            "it a dialer's? `leadloader init` makes the tables on an empty one"
        )
    return error


def error_code(error: DBAPIError) -> int:
    """Give the server's number of an error; 0 where the driver names none."""
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else 0


def _translate_sqlite(original: sqlite3.Error, error: DBAPIError) -> Exception:
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
    return error


def _read_address(address: str) -> URL:
    try:
        url = make_url(address)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError):
        raise ConfigurationError(
            "the database's address cannot be read; give mysql://user:password@host/asterisk "
            "or sqlite:///path/to/file"
        ) from None
    if backend in {"mysql", "mariadb"}:
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
        "connect_args": {"charset": "utf8mb4", "local_infile": True, "connect_timeout": 10},
    }


def _prepare_server(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION sql_mode = '{SERVER_MODE}'")
        # A batch needs no snapshot, and locks fewer rows without one.
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Give SQLite the few of the server's functions that our questions use."""
    connection.execute("PRAGMA busy_timeout = 5000")
    functions: tuple[tuple[str, int, Callable[..., str | float | None]], ...] = (
        ("fold", 1, lambda text: None if text is None else fold_text(str(text))),
        ("now", 0, lambda: _text(datetime.now())),  # noqa: DTZ005 - the server's local time
        ("utc_timestamp", 0, lambda: _text(datetime.now(UTC))),
        ("unix_timestamp", 1, lambda text: datetime.fromisoformat(text).timestamp()),
        ("from_unixtime", 1, lambda seconds: _text(datetime.fromtimestamp(seconds))),  # noqa: DTZ006
    )
    for name, arguments, function in functions:
        connection.create_function(name, arguments, function)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")

"""The connection to the dialer's database: how it is set up, and what its errors mean."""

import logging
import secrets
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

from loader.database.error_codes import (
    LOCK_WAIT_TIMEOUT,
    NO_SUCH_THREAD,
    code_of,
    error_code,
    meaning,
    translate,
)
from loader.database.sqlite import prepare_sqlite
from loader.errors import (
    LOCK_CODES,
    ConfigurationError,
    DatabaseUnavailableError,
    TransientDatabaseError,
)

T = TypeVar("T")

# What the pool would print is told by our errors.
logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())


SMALLEST_PACKET = 1 << 20
"""The default of the oldest servers; what does not fit loses the connection, or comes as NULL."""


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
                    raise meaning(code_of(error)) from None
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
            prepare_sqlite(connection)
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

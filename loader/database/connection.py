"""The connection to the dialer's database: its setup, retries and errors."""

import logging
import time
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
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

from loader.database.adapter import Adapter
from loader.database.error_codes import error_code, meaning, translate
from loader.database.mariadb import MariaDB
from loader.database.sqlite import Sqlite
from loader.errors import (
    LOCK_CODES,
    ConfigurationError,
    DatabaseUnavailableError,
    TransientDatabaseError,
)

T = TypeVar("T")

# Our errors report what the pool would print.
logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())


CONNECTION_OPTIONS = frozenset(
    {"charset", "connect_timeout", "read_timeout", "ssl_ca", "ssl_cert", "ssl_disabled", "ssl_key",
     "ssl_verify_cert", "ssl_verify_identity", "unix_socket", "write_timeout"}
)  # fmt: skip
"""What may follow a `?` in a server's address."""


class Database:
    """A dialer's database at an address such as mysql://user:password@host/asterisk.

    All work by `read`, `write` and `retrying` raises DatabaseUnavailableError if there is no answer
    after all retries.
    """

    def __init__(
        self,
        address: str,
        *,
        lacking: Collection[str] = (),
        repairs: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the address; nothing is connected yet.

        Args:
            address: see the class.
            lacking: tables that the site says it does not have, where rights cannot tell.
            repairs: repair tables that a crash has damaged, see `refuse_damage`.
            sleep: waits between two attempts, in seconds.

        Raises:
            ConfigurationError: the address cannot be read, or names another kind of database.
        """
        self.adapter = _adapter_of(address)
        url = self.adapter.url
        self.engine: Engine = create_engine(url, **self.adapter.engine_arguments)
        self.name = url.set(query={}).render_as_string(hide_password=True)
        self.lacking, self.repairs = frozenset(lacking), repairs
        self._sleep = sleep
        self._was_reached = False
        event.listen(self.engine, "connect", self._prepare)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Connect; errors of the driver are raised as our own, without values.

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
                    raise meaning(error_code(error)) from None
        except DBAPIError as error:
            raise translate(error) from None
        except KeyboardInterrupt as error:
            # SQLite's file stays locked, closed or not, while a traceback knows a statement.
            traceback.clear_frames(error.__traceback__)
            raise

    def retrying(self) -> Retrying:
        """Give the retry policy for work that can be repeated; it outlasts a restart of the server.

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
        """Run a question that changes nothing; repeat it if the connection breaks."""

        def ask() -> T:
            with self.connect() as connection:
                return question(connection)

        return self.retrying()(ask)

    def write(self, change: Callable[[Connection], T]) -> T:
        """Run and commit a change that can be repeated; repeat it if the connection breaks."""

        def commit(connection: Connection) -> T:
            result = change(connection)
            connection.commit()
            return result

        return self.read(commit)

    def end_session(self, session: str) -> None:
        """Make sure that a session whose connection was lost does nothing more.

        The server may still run its last statement or its commit.

        Args:
            session: `connection.info["session"]` of its connection.
        """

        def end(connection: Connection) -> None:
            if connection.info["session"] != session:  # otherwise it was not lost
                self.adapter.end_session(connection, session)

        self.read(end)

    def refuse_damage(self, table: str, since: datetime | None = None) -> None:
        """Make sure that a table without transactions shows all rows that a crash left in it.

        Its index may miss rows that are in its file: who looks for them would send them again.

        Args:
            table: its name.
            since: the server's time before which no crash matters; None: any does.

        Raises:
            ConfigurationError: it is damaged; the message says what to run.
        """
        self.read(lambda it: self.adapter.refuse_damage(it, table, since, repairs=self.repairs))

    def _prepare(self, connection: Any, record: ConnectionPoolEntry) -> None:
        self.adapter.prepare(connection, record)
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


def _adapter_of(address: str) -> Adapter:
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
        return MariaDB(url.set(drivername="mysql+pymysql"))
    if backend == "sqlite":
        return Sqlite(url)
    raise ConfigurationError(f"a {backend} database is no dialer's; give mysql:// or sqlite:///")

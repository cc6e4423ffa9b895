"""The connection to the dialer's database: its setup, retries and errors."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from weakref import WeakSet

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from loader.database.address import SERVERS, Address, read_address
from loader.database.cluster import QUEUE
from loader.database.driver import PATIENCE
from loader.database.error_codes import LOCKED, NODE_NOT_READY, UNREACHED, error_code, translate
from loader.database.mariadb import MariaDB
from loader.database.readers import TOO_MANY, Parts, Readers
from loader.database.sqlite import Sqlite
from loader.errors import (
    DamagedTableError,
    DatabaseUnavailableError,
    TransientDatabaseError,
    UntrustedServerError,
)
from loader.options.connection import ConnectionOptions

T = TypeVar("T")

LOG = logging.getLogger("leadloader")

# Our errors report what the pool would print.
logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())


class Database:
    """A dialer's database at an address such as mysql://user:password@host/asterisk.

    All work by `read`, `write` and `retrying` raises DatabaseUnavailableError if there is no answer
    after all retries. Of several threads that use `read` and what is made of it, one does so at a
    time.
    """

    def __init__(
        self,
        address: str,
        options: ConnectionOptions | None = None,
        *,
        lacking: Collection[str] = (),
        repairs: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the address; nothing is connected yet.

        Args:
            address: see the class; what it says behind a `?` goes before the options.
            options: how servers are connected to.
            lacking: tables that the site says it does not have, where rights cannot tell.
            repairs: repair tables that a crash has damaged, see `refuse_damage`.
            sleep: waits between two attempts, in seconds.

        Raises:
            ConfigurationError: the address cannot be read, or names another kind of database; a
                file of certificates is missing.
        """
        self._family: WeakSet[Readers] = WeakSet()
        """Of this one and of what `anew` made."""
        self._open(read_address(address, options))
        self.options, self.lacking, self.repairs = options, frozenset(lacking), repairs
        self._sleep = sleep
        self.waits = 0
        """How often it was waited for, to be asked again: whoever works with leads did not wait."""

    def _open(self, address: Address) -> None:
        is_server = address.url.get_backend_name() in SERVERS
        self._address, self.name = address, address.name
        self.adapter = MariaDB(address) if is_server else Sqlite(address)
        self._was_reached = False
        self.engine = self._new_engine(self.adapter.connect)
        self._readers = Readers(self._engine_of_readers, self._connect_to, self.name)
        event.listen(self.engine, "engine_disposed", lambda _engine: self._readers.close())
        self._family.add(self._readers)
        self._turn = threading.RLock()
        self._at_work: Connection | None = None

    def _new_engine(self, connect: Callable[..., Any], **pool: Any) -> Engine:
        engine = create_engine(self._address.url, **self.adapter.engine_arguments | pool)
        event.listen(engine, "do_connect", connect)
        event.listen(engine, "connect", self._prepare)
        event.listen(engine, "reset", _set_back)
        return engine

    def _engine_of_readers(self) -> Engine:
        # As many as there have been are kept.
        engine = self._new_engine(self.adapter.connect_beside, pool_size=0)
        event.listen(engine, "checkout", self.adapter.refuse_left)
        return engine

    def anew(self, database: str | None = None) -> "Database":
        """Give the same database, or another one of the server, with connections of its own."""
        other = copy(self)
        url = self._address.url if database is None else self._address.url.set(database=database)
        other._open(self._address._replace(url=url))
        return other

    def connect(self) -> AbstractContextManager[Connection]:
        """Connect; errors of the driver are raised as our own, without values.

        Raises:
            TransientDatabaseError: the same may go well another time.
            RowDataError: the server refuses a row for its data.
            NotAllowedError: the account may not do this.
            ConfigurationError: a database, table or column is missing.
        """
        return self._connect_to(self.engine)

    @contextmanager
    def _connect_to(self, engine: Engine) -> Iterator[Connection]:
        driver = engine.dialect.loaded_dbapi
        try:
            with engine.connect() as connection:
                try:
                    yield connection
                except UntrustedServerError:
                    connection.invalidate()
                    raise
                except DBAPIError as error:
                    if error_code(error) == NODE_NOT_READY:
                        connection.invalidate()  # another node may be ready
                    raise
                except driver.Error:
                    # What changes a session is not wrapped: AUTOCOMMIT, on a connection that died.
                    connection.invalidate()
                    raise
        except (DBAPIError, driver.Error) as error:
            raise translate(error, self.name) from None
        except KeyboardInterrupt as error:
            # SQLite's file stays locked, closed or not, while a traceback knows a statement.
            traceback.clear_frames(error.__traceback__)
            raise

    def retrying(self) -> Retrying:
        """Give the retry policy for work that can be repeated; it outlasts a restart of the server.

        About half a minute; one that was never reached gets two seconds.
        """
        attempts = 8 if self._was_reached else 4
        return Retrying(
            retry=retry_if_exception_type(TransientDatabaseError),
            # What timed out is tried again, however long that took.
            stop=stop_after_attempt(attempts) | (stop_after_delay(60) & stop_after_attempt(3)),
            wait=wait_random_exponential(multiplier=0.5, max=16),
            sleep=self._sleep,
            before_sleep=partial(self._note_wait, attempts),
            retry_error_callback=self._give_up,
        )

    @contextmanager
    def asked_by(self, connection: Connection) -> Iterator[None]:
        """Let `read` ask by a connection, in its transaction, in the block: a load has few.

        What of `read_all` others ask is asked outside of it, and sees nothing that it has written.
        """
        with self._turn:
            self._at_work = connection
            try:
                yield
            finally:
                self._at_work = None

    def alone(self) -> AbstractContextManager[object]:
        """Keep other threads from reading in the block."""
        return self._turn

    def read(self, question: Callable[[Connection], T]) -> T:
        """Run a question that changes nothing; repeat it if the connection breaks.

        Tables that turn out to be damaged are dealt with as by `refuse_damage`.
        """
        with self._turn:
            return self._read(question)

    def read_all(self, questions: Sequence[Callable[[Connection], T]], at_once: int = 1) -> list[T]:
        """Run questions of which none depends on another one, see `read`; give their answers.

        Args:
            questions: what each gives is as true when others commit in between.
            at_once: over so many connections; fewer where the server refuses them.
        """
        parts = Parts(questions)
        at_once = at_once if self.adapter.has_many_readers else 1
        return self.read(lambda connection: self._readers.ask(connection, parts, at_once))

    def _read(self, question: Callable[[Connection], T]) -> T:
        if self._at_work is not None:
            return question(self._at_work)
        sound: set[str] = set()
        while True:
            try:
                return self._ask(question)
            except DamagedTableError as error:
                if error.table in sound:
                    raise
                self.refuse_damage(error.table)
                sound.add(error.table)

    def _ask(self, question: Callable[[Connection], T]) -> T:
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
            DamagedTableError: it is damaged; the message says what to run.
        """
        self._ask(lambda it: self.adapter.refuse_damage(it, table, since, repairs=self.repairs))

    def _note_wait(self, attempts: int, state: RetryCallState) -> None:
        self.waits += 1
        seconds, code = state.seconds_since_start or 0, _code_of(state)
        if code in TOO_MANY:
            for readers in [*self._family]:
                readers.give_up(code)
        if seconds >= PATIENCE:
            LOG.warning(
                "%s: %s for %d s (error %s); it is asked again in %.1f s, attempt %d of %d",
                self.name,
                LOCKED[code][0] if code in LOCKED else "no answer",
                round(seconds),
                code,
                state.next_action.sleep if state.next_action else 0,
                state.attempt_number + 1,
                attempts,
            )

    def _give_up(self, state: RetryCallState) -> Any:
        code = _code_of(state)
        what = f"(error {code}, {state.attempt_number} attempts)"
        if code in LOCKED:
            why, look = LOCKED[code]
            if self.adapter.is_node:
                why, look = f"{why}, or this node lags", f"{look}, {QUEUE}"
            raise DatabaseUnavailableError(f"{why} {what}: {self.name}; {look}")
        error = state.outcome.exception() if state.outcome else None
        detail = error.detail if isinstance(error, TransientDatabaseError) else ""
        look = detail or UNREACHED.get(code, "see that it runs and can be reached")
        raise DatabaseUnavailableError(
            f"the database does not answer {what}: {self._address.place}; {look}"
        )

    def _prepare(self, connection: Any, record: ConnectionPoolEntry) -> None:
        self.adapter.prepare(connection, record)
        self._was_reached = True


def _set_back(connection: Any, record: Any, _state: object) -> None:
    """Undo what was set for one piece of work, such as AUTOCOMMIT, before the pool does it.

    If the connection is lost, the pool drops it: it sees to errors here, but not to its own.
    """
    while record is not None and record.finalize_callback:
        record.finalize_callback.pop()(connection)


def _code_of(state: RetryCallState) -> int:
    error = state.outcome.exception() if state.outcome else None
    return error.code if isinstance(error, TransientDatabaseError) else 0

"""Locks between processes: in the server, so that they hold for all machines, and in files.

A lock of the server lasts as long as a session, which the server ends by its own clock when it
hears nothing of it: then the machine is gone, or stands still. The nodes of a cluster know nothing
of one another's locks: there they are leases.
"""

import hashlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from loader.database import leases
from loader.database.connection import Database
from loader.database.driver import DriverConnection
from loader.database.error_codes import LOCK_WAIT_TIMEOUT
from loader.errors import BusyError, ResultsError, TransientDatabaseError

PATIENCE = 20
"""Seconds to wait for a turn, before it is asked for again."""

Confirm = Callable[[Connection], None]
"""Raises an error if what a transaction relies on is not so any more."""

TRIES = 30
"""How often a turn is asked for at an insert: a table may be locked for minutes."""

A_LOOK = 0.5
"""Seconds that a lock may be held by nobody who works: a process that only looks whether somebody
holds it, or one that has ended."""

LOG = logging.getLogger("leadloader")


def _sure(_connection: Connection) -> None:
    """Confirm a lock that ends with its session: without it nothing can be committed."""


@contextmanager
def lock(database: Database, name: str, what: str, *, waits: bool = True) -> Iterator[Confirm]:
    """Hold a lock among all processes that use a database; for SQLite, a file next to the database.

    It ends with the process or the server, and `leases.LASTS` seconds after a machine was last
    heard of; nothing has to be cleaned up.

    Args:
        database: the dialer's.
        name: of the lock; processes that exclude one another use the same.
        what: the work under the lock, for the message of the error.
        waits: for a holder that may have ended; False: it is refused at once.

    Yields:
        What a transaction that relies on the lock calls before its commit. It raises BusyError if
        the lock was lost.

    Raises:
        BusyError: another process holds it.
    """
    url = database.engine.url
    if file := database.adapter.lock_file(name):
        with held_file(file, what):
            yield _sure
        return
    with ExitStack() as stack:
        # A separate connection: if the work loses its own, the lock stays.
        lock_database = database.anew()
        stack.callback(lock_database.engine.dispose)
        if lock_database.read(lambda _connection: lock_database.adapter.is_node):
            its = leases.hold(lock_database, _server_name(url, name), what, waits=waits)
            yield _refusing(stack.enter_context(its), what)
            return
        last = None
        for attempt in lock_database.retrying():
            with attempt, ExitStack() as session:
                connection = session.enter_context(lock_database.connect())
                if last not in {None, connection.info["session"]}:
                    # The server may have given it the lock, and not know yet that its line is lost.
                    lock_database.adapter.end_session(connection, last)
                last = connection.info["session"]
                holder = _take(connection, _server_name(url, name), what, A_LOOK if waits else 0)
                stack.push(session.pop_all())
        # Drop the connection without a statement: the server may be gone by then.
        stack.callback(connection.invalidate)
        stack.enter_context(_kept_alive(connection, what))
        yield _same_holder(_server_name(url, name), holder, BusyError(_lost(what)))


def _refusing(lease: leases.Lease, what: str) -> Confirm:
    """Give what confirms a lease, or says that it was lost."""

    def confirm(connection: Connection) -> None:
        try:
            lease.confirm(connection)
        except TransientDatabaseError:
            raise BusyError(_lost(what)) from None

    return confirm


def _same_holder(lock: str, holder: object, lost: Exception) -> Confirm:
    """Give what asks the server whether a session still has a lock, and raises an error if not."""

    def confirm(connection: Connection) -> None:
        if connection.exec_driver_sql(f"SELECT IS_USED_LOCK('{lock}')").scalar() != holder:
            raise lost

    return confirm


def _lost(what: str) -> str:
    return (
        f"{what} by another process, or may be: this one was not heard of for too long, and has "
        "lost its lock; the same command goes on"
    )


@contextmanager
def _kept_alive(connection: Connection, what: str) -> Iterator[None]:
    """Let the server hear of the session of a lock, which it ends otherwise."""
    driver, ended = connection.connection.driver_connection, threading.Event()
    thread = threading.Thread(target=_ping, args=(connection, what, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(A_LOOK)
        if thread.is_alive() and isinstance(driver, DriverConnection):
            driver.hang_up()  # no answer comes
            thread.join()


def _ping(connection: Connection, what: str, ended: threading.Event) -> None:
    while not ended.wait(leases.BEAT):
        try:
            connection.exec_driver_sql("DO 0")
        except (DBAPIError, InvalidRequestError):
            if not ended.is_set():
                LOG.warning("%s, and its lock is lost: another process may take it over", what)
            return


def is_held(database: Database, name: str) -> bool | None:
    """Say whether a process holds a lock, see `lock`; None: this user may not look."""
    if file := database.adapter.lock_file(name):
        return _is_held_file(file) if file.exists() else False
    server_name = _server_name(database.engine.url, name)

    def ask(connection: Connection) -> bool:
        if database.adapter.is_node:
            return (seen := leases.read(connection, server_name)) is not None and seen.is_held
        asked = f"SELECT IS_USED_LOCK('{server_name}')"
        return connection.exec_driver_sql(asked).scalar() is not None

    return database.read(ask)


def _is_held_file(file: Path) -> bool | None:
    lock = FileLock(file, blocking=False, preserve_lock_file=True)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return None
    lock.release()
    return False


@contextmanager
def turn(
    database: Database, connection: Connection, name: str, tries: int = 1
) -> Iterator[Confirm]:
    """Take turns with all processes that use a database: wait for those that are at it.

    It must be for a moment: a chunk. If the connection is lost, another one may begin.

    Args:
        database: the dialer's.
        connection: of the work; an error drops it, so that it ends the turn, too.
        name: of the work.
        tries: how often `PATIENCE` seconds are waited.

    Yields:
        What a transaction in the block calls before its commit.

    Raises:
        TransientDatabaseError: another one takes too long.
    """
    if file := database.adapter.lock_file(name):
        try:
            with FileLock(file, timeout=PATIENCE, preserve_lock_file=True):
                yield _sure
        except Timeout:
            raise TransientDatabaseError(LOCK_WAIT_TIMEOUT) from None
        return
    lock = _server_name(database.engine.url, name)
    if database.adapter.is_node:
        with leases.turn(connection, lock, PATIENCE * tries, name) as lease:
            yield lease.confirm
        return
    _wait_for_turn(connection, lock, name, tries)
    with _at_its_turn(connection, lock):
        yield _sure


def _wait_for_turn(connection: Connection, lock: str, name: str, tries: int) -> None:
    for number in range(1, tries + 1):
        if connection.exec_driver_sql(f"SELECT GET_LOCK('{lock}', {PATIENCE})").scalar():
            return
        if number < tries:
            LOG.warning("another process is at its %s; this one waits for its turn", name)
    raise TransientDatabaseError(LOCK_WAIT_TIMEOUT)


@contextmanager
def _at_its_turn(connection: Connection, lock: str) -> Iterator[None]:
    """Have a lock of the server, and give it back."""
    try:
        # A session at its turn does not idle, unless its machine is gone.
        connection.exec_driver_sql(f"SET SESSION wait_timeout = {leases.LASTS}")
        yield
    except BaseException:
        # Given back to the pool, its session would keep the lock.
        connection.invalidate()
        raise
    try:
        connection.exec_driver_sql(
            f"SET SESSION wait_timeout = DEFAULT, @turn_is_over = RELEASE_LOCK('{lock}')"
        )
    except (DBAPIError, InvalidRequestError):
        # The work is done, and who has no session has no lock.
        connection.invalidate()


@contextmanager
def writing_turn(database: Database, connection: Connection, name: str) -> Iterator[None]:
    """Take turns likewise at one transaction, which ends before the turn does.

    Where the transaction itself keeps all others from writing, it is the lock.

    Args:
        database: the dialer's.
        connection: of the work; nothing of its transaction is read or written yet.
        name: of the work.

    Raises:
        TransientDatabaseError: another one takes too long.
    """
    if database.adapter.keep_writers_out(connection):
        yield
        return
    with turn(database, connection, name, TRIES) as confirm:
        # It stays ours until the transaction ends, or that is refused.
        confirm(connection)
        yield


@contextmanager
def shared_turn(database: Database, name: str) -> Iterator[Confirm]:
    """Take turns likewise, for the transactions of several connections to a server.

    Yields:
        What each of them calls before its commit; it raises TransientDatabaseError if the turn was
        lost, because its own connection was.

    Raises:
        TransientDatabaseError: another one takes too long.
    """
    lock = _server_name(database.engine.url, name)
    with database.connect() as connection, turn(database, connection, name, TRIES) as of_lease:
        if database.adapter.is_node:
            yield of_lease
            return
        holder = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
        with _kept_alive(connection, name):
            yield _same_holder(lock, holder, TransientDatabaseError(LOCK_WAIT_TIMEOUT))


def _server_name(url: URL, name: str) -> str:
    # Letters and digits, because the server may fold the case of a name.
    digest = hashlib.sha256(f"{url.database} {name}".encode()).hexdigest()
    return f"leadloader:{digest[:40]}"


def _take(connection: Connection, lock: str, what: str, patience: float) -> object:
    """Take a lock of the server for a session, and give the session's number."""
    connection.exec_driver_sql(f"SET SESSION wait_timeout = {leases.LASTS}")
    # For a moment: the server may not have seen yet that its last holder is gone.
    taking = f"SELECT GET_LOCK('{lock}', {patience}), CONNECTION_ID()"
    is_taken, session = connection.exec_driver_sql(taking).one()
    if is_taken:
        return session
    holder = connection.exec_driver_sql(
        "SELECT ID, USER, HOST FROM information_schema.PROCESSLIST "  # noqa: S608 - a digest
        f"WHERE ID = IS_USED_LOCK('{lock}')"
    ).one_or_none()
    if holder is None:
        raise BusyError(f"{what} already; wait until it has ended")
    raise BusyError(
        "{} already, by session {} of {} from {}; wait until it has ended, or if that machine is "
        "gone, end its session: KILL {}".format(what, *holder, holder[0])
    )


@contextmanager
def held_file(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file, which names its holder; it is never deleted, because that would be a race.

    Raises:
        BusyError: another process holds it.
        ResultsError: the file cannot be made.
    """
    lock = FileLock(path, timeout=A_LOOK, preserve_lock_file=True)
    try:
        lock.acquire()
    except Timeout:
        holder = path.read_text("utf-8").strip() or "another process"
        raise BusyError(f"{what} already, by {holder}; wait until it has ended") from None
    except OSError as error:
        raise ResultsError(f"lock file {path}: {error.strerror}") from None
    try:
        path.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", "utf-8")
        yield
    finally:
        lock.release()

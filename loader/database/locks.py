"""Locks between processes: in the server, so that they hold for all machines, and in files.

The nodes of a cluster know nothing of one another's locks: there they are leases.
"""

import hashlib
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from loader.database import leases
from loader.database.connection import Database
from loader.database.error_codes import LOCK_WAIT_TIMEOUT
from loader.errors import BusyError, ResultsError, TransientDatabaseError

A_WEEK = 604_800
"""Seconds that the session of a lock may be idle."""


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
def lock(database: Database, name: str, what: str) -> Iterator[Confirm]:
    """Hold a lock among all processes that use a database; for SQLite, a file next to the database.

    It ends with the process or the server; nothing has to be cleaned up.

    Args:
        database: the dialer's.
        name: of the lock; processes that exclude one another use the same.
        what: the work under the lock, for the message of the error.

    Yields:
        What a transaction that relies on the lock calls before its commit.

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
            its = leases.hold(lock_database, _server_name(url, name), what)
            yield stack.enter_context(its).confirm
            return
        last = None
        for attempt in lock_database.retrying():
            with attempt, ExitStack() as session:
                connection = session.enter_context(lock_database.connect())
                if last not in {None, connection.info["session"]}:
                    # The server may have given it the lock, and not know yet that its line is lost.
                    lock_database.adapter.end_session(connection, last)
                last = connection.info["session"]
                _take(connection, _server_name(url, name), what)
                stack.push(session.pop_all())
        # Drop the connection without a statement: the server may be gone by then.
        stack.callback(connection.invalidate)
        yield _sure


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
    for number in range(1, tries + 1):
        if connection.exec_driver_sql(f"SELECT GET_LOCK('{lock}', {PATIENCE})").scalar():
            break
        if number == tries:
            raise TransientDatabaseError(LOCK_WAIT_TIMEOUT)
        LOG.warning("another process is at its %s; this one waits for its turn", name)
    try:
        yield _sure
    except BaseException:
        # Given back to the pool, its session would keep the lock.
        connection.invalidate()
        raise
    try:
        connection.exec_driver_sql(f"DO RELEASE_LOCK('{lock}')")
    except DBAPIError:
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

        def confirm(other: Connection) -> None:
            if other.exec_driver_sql(f"SELECT IS_USED_LOCK('{lock}')").scalar() != holder:
                raise TransientDatabaseError(LOCK_WAIT_TIMEOUT)

        yield confirm


def _server_name(url: URL, name: str) -> str:
    # Letters and digits, because the server may fold the case of a name.
    digest = hashlib.sha256(f"{url.database} {name}".encode()).hexdigest()
    return f"leadloader:{digest[:40]}"


def _take(connection: Connection, lock: str, what: str) -> None:
    connection.exec_driver_sql(f"SET SESSION wait_timeout = {A_WEEK}")
    # For a moment: the server may not have seen yet that its last holder is gone.
    if connection.exec_driver_sql(f"SELECT GET_LOCK('{lock}', {A_LOOK})").scalar():
        return
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

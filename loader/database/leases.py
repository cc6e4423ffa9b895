"""Leases: rows that one process holds for a time, on all nodes of a cluster.

A lock of the server is known to one node alone. A row is known to all of them: of two nodes that
change it at the same time one is refused at its commit. Each time that a row changes hands its
token grows. A transaction that changes the row, too, where it still has its token, can only be
committed while nobody else has it: however late it comes, the lease fences it.
"""

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from loader.database.connection import Database
from loader.database.error_codes import LOCK_WAIT_TIMEOUT, error_code
from loader.errors import LOCK_CODES, BusyError, LoaderError, TransientDatabaseError

MAKE = (
    "CREATE TABLE IF NOT EXISTS leadloader_leases (name VARCHAR(64) NOT NULL PRIMARY KEY, "
    "token BIGINT NOT NULL, holder VARCHAR(255) NOT NULL, expires DATETIME(6) NOT NULL) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC"
)
BEGIN = "INSERT IGNORE INTO leadloader_leases VALUES (%s, 0, '', '2000-01-01')"
READ = (
    "SELECT token, holder, expires, expires > UTC_TIMESTAMP(6) FROM leadloader_leases "
    "WHERE name = %s"
)
TAKE = (
    "UPDATE leadloader_leases SET token = token + 1, holder = %s, "
    "expires = UTC_TIMESTAMP(6) + INTERVAL %s SECOND WHERE name = %s AND token = %s"
)
RENEW = (
    "UPDATE leadloader_leases SET expires = UTC_TIMESTAMP(6) + INTERVAL %s SECOND "
    "WHERE name = %s AND token = %s"
)
GIVE_BACK = "UPDATE leadloader_leases SET expires = UTC_TIMESTAMP(6) WHERE name = %s AND token = %s"

NO_SUCH_TABLE = 1146

LASTS = 40
"""Seconds after which somebody else may have it; a cluster that loses a node stands still for less.
The clock is the database's."""

BEAT = 5.0
"""Seconds between two renewals."""

NAP = 0.05
"""Seconds between two looks of one who waits for a turn, about."""

LOG = logging.getLogger("leadloader")


class State(NamedTuple):
    """A row as it is."""

    token: int
    holder: str
    expires: str
    is_held: bool


class Lease:
    """One row, and this process's hold on it."""

    def __init__(self, name: str) -> None:
        """Take the name; nothing is held yet."""
        self._name = name
        mark = f"{random.getrandbits(64):016x}"
        self._me = f"process {os.getpid()} on {socket.gethostname()[:200]} ({mark})"
        self._token = 0

    def take(self, connection: Connection) -> State | None:
        """Take it, if nobody has it.

        Args:
            connection: nothing of a transaction is read or written yet; it commits.

        Returns:
            None: it is ours; else as it is.
        """
        seen = read(connection, self._name)
        if seen is None:
            connection.exec_driver_sql(BEGIN, (self._name,))
            seen = State(0, "", "", is_held=False)
        if seen.is_held and seen.holder != self._me:
            connection.rollback()
            return seen
        taking = (self._me, LASTS, self._name, seen.token)
        changed = connection.exec_driver_sql(TAKE, taking).rowcount
        connection.commit()
        if not changed:
            return self.take(connection)  # somebody else was faster
        self._token = seen.token + 1
        return None

    def confirm(self, connection: Connection) -> None:
        """Renew it in a transaction, which can only be committed if nobody takes it before.

        Raises:
            TransientDatabaseError: somebody else has it.
        """
        if not connection.exec_driver_sql(RENEW, (LASTS, self._name, self._token)).rowcount:
            raise TransientDatabaseError(LOCK_WAIT_TIMEOUT)

    def give_back(self, connection: Connection) -> None:
        """Let others have it, and commit."""
        connection.exec_driver_sql(GIVE_BACK, (self._name, self._token))
        connection.commit()


def read(connection: Connection, name: str) -> State | None:
    """Read a lease; None: nobody has ever had it. The table is made if it is missing."""
    try:
        found = connection.exec_driver_sql(READ, (name,)).one_or_none()
    except DBAPIError as error:
        if error_code(error) != NO_SUCH_TABLE:
            raise
        connection.exec_driver_sql(MAKE)
        return None
    if found is None:
        return None
    return State(int(found[0]), str(found[1]), str(found[2]), bool(found[3]))


@contextmanager
def hold(database: Database, name: str, what: str, *, waits: bool = True) -> Iterator[Lease]:
    """Hold a lease for the whole block, and renew it meanwhile.

    One that is not renewed any more is waited for: its process was killed.

    Args:
        database: of a cluster; it is used for nothing else.
        name: of the lease.
        what: the work under it, for the message of the error.
        waits: False: one that somebody has is refused at once.

    Raises:
        BusyError: another process holds it.
    """
    lease = Lease(name)
    first: State | None = None
    while (seen := database.read(lease.take)) is not None:
        is_renewed = first and (seen.token, seen.expires) != (first.token, first.expires)
        if is_renewed or not waits:
            holder = seen.holder.rpartition(" (")[0]
            raise BusyError(f"{what} already, by {holder}; wait until it has ended")
        if first is None:
            LOG.warning("waiting up to %d s for %s, if it still lives", LASTS, seen.holder)
        first = seen
        time.sleep(1)
    ended = threading.Event()
    thread = threading.Thread(target=_renew, args=(database, lease, ended), daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        ended.set()
        thread.join(BEAT)  # it may be waiting for a node that is lost
        # It expires by itself.
        with suppress(LoaderError, TransientDatabaseError), database.connect() as connection:
            lease.give_back(connection)


def _took(lease: Lease, connection: Connection) -> bool:
    try:
        return lease.take(connection) is None
    except DBAPIError as error:
        if error_code(error) not in LOCK_CODES:
            raise
        connection.rollback()
        return False  # another node was faster


def _renew(database: Database, lease: Lease, ended: threading.Event) -> None:
    """Renew a lease until the work has ended, or somebody else has taken it."""
    last = time.monotonic()
    while not ended.wait(BEAT):
        try:
            with database.connect() as connection:
                lease.confirm(connection)
                connection.commit()
            last = time.monotonic()
        except (LoaderError, TransientDatabaseError):
            # Who took it has told the ledger so, and that refuses this process.
            if time.monotonic() - last > LASTS:
                LOG.warning("the lease on this work was not renewed for %d s", LASTS)
                last = time.monotonic()


@contextmanager
def turn(connection: Connection, name: str, patience: float, what: str) -> Iterator[Lease]:
    """Hold a lease for a moment, by the connection of the work.

    Args:
        connection: to a node; nothing of its transaction is read or written yet, and at the end
            of the block it is committed.
        name: of the lease.
        patience: seconds to wait for it.
        what: the work, for a warning.

    Raises:
        TransientDatabaseError: another one takes too long.
    """
    lease, began, is_said = Lease(name), time.monotonic(), False
    while not _took(lease, connection):
        waited = time.monotonic() - began
        if waited > patience:
            raise TransientDatabaseError(LOCK_WAIT_TIMEOUT)
        if waited > LASTS and not is_said:
            LOG.warning("another process is at its %s; this one waits for its turn", what)
            is_said = True
        time.sleep(random.uniform(0.5, 1.5) * NAP)  # noqa: S311 - of naps
    try:
        yield lease
    except BaseException:
        # Without an answer nobody knows whether the work is over: then it expires.
        with suppress(Exception):
            connection.rollback()
            lease.give_back(connection)
        connection.invalidate()
        raise
    try:
        lease.give_back(connection)
    except DBAPIError:
        connection.invalidate()

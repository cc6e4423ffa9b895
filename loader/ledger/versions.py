"""The versions of the ledger: its tables are made, or brought to the newest version."""

import logging
from collections.abc import Callable

from sqlalchemy import Connection, insert, inspect, select, update
from sqlalchemy.schema import CreateTable

from loader.database.catalogue import index_names, table_names
from loader.database.connection import Database
from loader.database.locks import writing_turn
from loader.errors import ConfigurationError
from loader.ledger import tables

LOG = logging.getLogger("leadloader")

Step = Callable[[Database, Connection], None]
"""Brings the tables to the next version. A server commits each of its statements by itself: what
was killed in the middle is completed by the same step, which leaves alone what is there."""


def _make_tables(_: Database, connection: Connection) -> None:
    """Make those that are missing."""
    existing = table_names(connection)
    for table in tables.metadata.sorted_tables:
        if table.name not in existing:
            connection.execute(CreateTable(table, if_not_exists=True))


def _add_indexes(database: Database, connection: Connection) -> None:
    """Let the runs of a file, and the leads that came back, be found without reading all."""
    for key in (tables.same_file, tables.by_kind):
        name, table = str(key.name), key.table.name
        if name not in index_names(connection, table):
            connection.exec_driver_sql(database.adapter.add_index(name, table, key.columns.keys()))


STEPS: tuple[Step, ...] = (_make_tables, _add_indexes, _make_tables)
"""The first one makes version 1, the second one version 2 of it, and so on. Version 3 has a table
more, that of parts."""

VERSION = len(STEPS)
"""That this program writes. It reads older ones, too."""


def read_version(connection: Connection) -> int:
    """Read the version of the ledger; 0: it is not there, or not yet all of it.

    Raises:
        ConfigurationError: it is newer than this program.
        DBAPIError: what `Database.connect` translates.
    """
    if not inspect(connection).has_table(tables.version.name):
        return 0
    found = connection.execute(select(tables.version.c.version)).scalars().all()
    if found and max(found) > VERSION:
        raise ConfigurationError(
            f"a newer leadloader made the ledger (tables leadloader_*), of version {max(found)}; "
            f"this one knows version {VERSION}: upgrade it, here too"
        )
    return max(found, default=0)


def make(database: Database, connection: Connection) -> None:
    """Make the ledger, or bring it to `VERSION`, while other processes wait.

    SQLite does it in one transaction.

    Args:
        database: that has the ledger.
        connection: to it; it commits.

    Raises:
        ConfigurationError: it is newer than this program.
        DBAPIError: what `Database.connect` translates.
    """
    if read_version(connection) == VERSION:
        return
    connection.rollback()  # what others commit meanwhile is to be seen
    with writing_turn(database, connection, "ledger"):
        version = read_version(connection)
        if 0 < version < VERSION:
            LOG.warning("the ledger is brought from version %d to %d", version, VERSION)
        for step in STEPS[version:]:
            step(database, connection)
        if version < VERSION:
            noted = update(tables.version) if version else insert(tables.version)
            connection.execute(noted.values(version=VERSION))
        connection.commit()

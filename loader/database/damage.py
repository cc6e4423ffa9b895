"""Tables that a crash of the server has damaged: found, repaired or refused."""

from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from loader.clock import moment_text
from loader.database.catalogue import storage_engine
from loader.database.error_codes import DAMAGE_CODES, damaged, error_code
from loader.database.sql import quote_identifier

UNRECOVERED = frozenset({"MyISAM", "Aria"})
"""Engines whose tables a crash of the server can leave with rows that the index does not have."""

CLOCK_JUMP = 2 * 60 * 60
"""Seconds by which the server's clock may have been set: daylight saving, and some."""


def refuse_damage(
    connection: Connection, table: str, since: datetime | None, *, repairs: bool
) -> None:
    """Check a table of an engine that recovers nothing, if the server was started since then.

    What a server finds out by itself is not enough: with BACKUP,QUICK, the default, it counts
    the rows that the index has.

    Args:
        connection: of a server.
        table: its name.
        since: a time of the server's clock at which the table was sound; None: it is not known.
        repairs: the table may be repaired.

    Raises:
        DamagedTableError: it is damaged.
    """
    if storage_engine(connection, table) not in UNRECOVERED:
        return
    if since is not None and not _was_started_since(connection, since):
        return
    if _is_sound(connection, table):
        return
    # Now that it is marked, a server that repairs tables repairs it when it is opened.
    _open_damaged(connection, table)
    if _is_sound(connection, table):
        return
    if repairs:
        connection.exec_driver_sql(f"REPAIR TABLE {quote_identifier(table)}").all()
        if _is_sound(connection, table):
            return
    # A check that had to wait for a lock for too long answers as one that found damage.
    _open_damaged(connection, table)
    raise damaged(table)


def _was_started_since(connection: Connection, since: datetime) -> bool:
    """Say whether a server was started after a time of its clock, or maybe was."""
    statement = f"SELECT TIMESTAMPDIFF(SECOND, '{moment_text(since)}', NOW())"
    age = connection.exec_driver_sql(statement).scalar_one()
    [(_, uptime)] = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Uptime'").all()
    return int(uptime) < int(age) + CLOCK_JUMP


def _is_sound(connection: Connection, table: str) -> bool:
    """Check whether the index of a table has all rows: of a million leads within two seconds.

    QUICK and FAST do not see it, and EXTENDED takes fifty times as long.
    """
    answers = connection.exec_driver_sql(f"CHECK TABLE {quote_identifier(table)} MEDIUM").all()
    return not any(str(kind).lower() == "error" for _, _, kind, _ in answers)


def _open_damaged(connection: Connection, table: str) -> None:
    """Read a row of it.

    Raises:
        DBAPIError: for another reason than damage, such as a lock that stays.
    """
    opening = f"SELECT 1 FROM {quote_identifier(table)} LIMIT 1"  # noqa: S608 - a table's name
    try:
        connection.exec_driver_sql(opening).all()
    except DBAPIError as error:
        if error_code(error) not in DAMAGE_CODES:
            raise

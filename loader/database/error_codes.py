"""Error codes of the servers, and the exception that each becomes."""

import re
import sqlite3

from loader.database.sql import quote_identifier
from loader.errors import (
    LOCK_CODES,
    ConfigurationError,
    DamagedFileError,
    DamagedTableError,
    LoaderError,
    NotAllowedError,
    ResultsError,
    RowDataError,
    SystemLimitError,
    TransientDatabaseError,
)

LOCK_WAIT_TIMEOUT, NO_SUCH_THREAD, NODE_NOT_READY = 1205, 1094, 1047

IS_CLOSED = (0,)
"""How the driver's error begins if it closed the connection before."""

TRANSIENT_CODES = frozenset(
    {
        1020,
        1037,
        1038,
        1040,
        1041,
        1047,
        1053,
        1135,
        1152,
        1158,
        1159,
        1160,
        1161,
        1203,
        1205,
        1213,
        1226,
        1317,
        1412,
        1615,
        1684,
        1927,
        1969,
    }
    | {2002, 2003, 2005, 2006, 2013, 2055, 3024, 4031}
)
"""Row or table changed since it was read, a table that is being made or altered, too many
connections, no memory or threads for now, a node that is not ready, shutdown, broken packets, lock
wait, deadlock, killed, no or lost connection."""

ROW_CODES = frozenset(
    {1048, 1062, 1169, 1216, 1264, 1265, 1292, 1300, 1364, 1366, 1367, 1369, 1406, 1411, 1452}
    | {1526, 1586, 1644, 1690, 1748, 3819, 4025}
)
"""A value, a key, a constraint, a partition or a trigger refuses the row."""

FIRST_CODE_OF_SITES = 5000
"""Codes of servers are lower; a site's own triggers raise higher ones."""

MEANINGS: tuple[tuple[frozenset[int], type[LoaderError], str], ...] = (
    (
        frozenset({1045, 1130, 1698}),
        NotAllowedError,
        "the server does not let the account in (error {}): its name or password is wrong, or it "
        "may not come from this host; in an address, characters such as @ : / # of a password are "
        "written %40 %3A %2F %23",
    ),
    (
        frozenset({1044, 1129, 1142, 1143, 1227, 1290, 1370})
        | frozenset({1820, 1836, 1862, 3118, 4151}),
        NotAllowedError,
        "the database account may not do this (error {}); check its rights, and that the server is "
        "not read-only",
    ),
    (
        frozenset({1049}),
        ConfigurationError,
        "the server has no database of this name (error {}); see the end of the address",
    ),
    (
        frozenset({1054, 1146}),
        ConfigurationError,
        "the database lacks a table or column that is needed (error {}); is it a dialer's? "
        "`leadloader init` makes the tables on an empty one",
    ),
    (
        frozenset({1442}),
        ConfigurationError,
        "a trigger of the site's own changes a table that leadloader's statement reads (error {}); "
        "let it not do that meanwhile",
    ),
    (
        frozenset({1, 2, 3, 5, 9, 20, 23, 29, 126, 127, 134, 144, 145})
        | frozenset({1005, 1015, 1016, 1017, 1021, 1023, 1024, 1026, 1030, 1033, 1034, 1035})
        | frozenset({1036, 1114, 1194, 1195, 1206, 1296, 1297, 1877, 1932, 1964}),
        ConfigurationError,
        "a table of the database is damaged, full or read-only, or the server's disk is (error "
        "{}); see the server's error log and repair it",
    ),
)
"""What the other codes of the server mean to the user."""

OF_CONNECTING = frozenset({1044, 1045, 1049, 1130, 1698})
"""Codes of which the address is what matters."""

UNREACHED = {
    2002: "see that the server runs, and that this is its socket: SHOW VARIABLES LIKE 'socket'",
    2003: "see that the server runs, that host and port are right, that it listens there "
    "(bind-address) and no firewall is between",
    2005: "nothing here knows the name of the host; see how it is spelt, and the DNS",
    **dict.fromkeys((1040, 1203, 1226), "it has too many connections, or the account has"),
}
"""What to look at if a server does not answer at all; where it did, that it runs."""

LOCKED = {
    **dict.fromkeys(
        LOCK_CODES,
        ("rows stay locked by another transaction", "find it by SHOW ENGINE INNODB STATUS"),
    ),
    **dict.fromkeys(
        (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
        ("the file stays locked by another process", "`fuser FILE` tells which one"),
    ),
}
"""What is waited for where others hold a lock, and how to find them."""

DAMAGE_CODES = frozenset({126, 127, 134, 144, 145, 1034, 1035, 1194, 1195})

DAMAGED_TABLE = re.compile(r"'(?:[^']*/)?(?P<table>\w+)(?:\.[A-Z]+)?'")
"""The name in the server's text, which may be that of a file."""


def damaged(table: str) -> DamagedTableError:
    """Give the error of a damaged table, which says what to run."""
    return DamagedTableError(
        f"a crash of the server has damaged {table}, so nobody can tell which rows it has. Run "
        f"REPAIR TABLE {quote_identifier(table)}, and give the same command again; with --repair "
        "an import runs it",
        table,
    )


def translate(error: Exception, name: str = "") -> Exception:
    """Translate an error of the driver by its code. Its text is dropped: it may quote values.

    What SQLAlchemy wrapped and what it did not are the same; `name` is the database's.
    """
    original = getattr(error, "orig", error)
    if isinstance(original, sqlite3.Error):
        return _translate_sqlite(original, name.removeprefix("sqlite:///"))
    code = error_code(original)
    if detail := getattr(original, "detail", ""):
        return TransientDatabaseError(code, detail)
    if getattr(error, "connection_invalidated", False) or original.args[:1] == IS_CLOSED:
        return TransientDatabaseError(code)
    named = DAMAGED_TABLE.search(str(original.args[-1])) if code in DAMAGE_CODES else None
    return damaged(named["table"]) if named else _meaning(code, name)


def _meaning(code: int, name: str) -> Exception:
    if code in TRANSIENT_CODES:
        return TransientDatabaseError(code)
    if code in ROW_CODES or code >= FIRST_CODE_OF_SITES:
        return RowDataError(code)
    for codes, kind, meaning in MEANINGS:
        if code in codes:
            where = f"{name}: " if name and code in OF_CONNECTING else ""
            return kind(where + meaning.format(code))
    return _unknown(f"the database server answered with error {code}")


def _unknown(what: str) -> LoaderError:
    return LoaderError(
        f"{what}, which leadloader cannot deal with; look it up, and in the server's error log"
    )


def error_code(error: BaseException) -> int:
    """Give the server's number of an error of the driver, also a wrapped one; 0 if it has none."""
    arguments = getattr(getattr(error, "orig", error), "args", ())
    # PyMySQL takes the sixteenth bit for a sign.
    return arguments[0] & 0xFFFF if arguments and isinstance(arguments[0], int) else 0


SQLITE_MEANINGS: tuple[tuple[frozenset[int], type[LoaderError], str], ...] = (
    (
        frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}),
        NotAllowedError,
        "can only be read",
    ),
    (
        frozenset({sqlite3.SQLITE_CANTOPEN}),
        ConfigurationError,
        "cannot be opened",
    ),
    (
        frozenset({sqlite3.SQLITE_FULL}),
        ResultsError,
        "has no room to grow; make room, and the same command goes on",
    ),
    (frozenset({sqlite3.SQLITE_IOERR}), ResultsError, "cannot be read or written"),
    (frozenset({sqlite3.SQLITE_NOMEM}), SystemLimitError, "needs more memory than there is"),
)
"""What codes of SQLite mean to the user: behind the name of the database."""

OF_DAMAGED_FILES = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT}


def _translate_sqlite(original: sqlite3.Error, file: str) -> Exception:
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return TransientDatabaseError(code)
    if code in {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG}:
        return RowDataError(code)
    name = getattr(original, "sqlite_errorname", "of the driver")
    its = f"the SQLite database {file}".rstrip()
    if code in OF_DAMAGED_FILES:
        return DamagedFileError(
            f"{its} is damaged, or is none ({name}); put back a copy of it from before", name
        )
    for codes, kind, meaning in SQLITE_MEANINGS:
        if code in codes:
            return kind(f"{its} {meaning} ({name})")
    if str(original).startswith("no such"):
        return ConfigurationError(
            f"{its}: {original}; `leadloader init` makes the tables on an empty one"
        )
    return _unknown(f"SQLite answered with error {name}")

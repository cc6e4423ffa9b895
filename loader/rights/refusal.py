"""Refuses to begin a job whose account cannot see what the job must read, or not write to it.

A table that the account has no right on looks to it like one that the dialer lacks. The server
tells the two apart when it refuses a statement: 1146 is no table, 1142 and 1143 are no right.
"""

import difflib
from collections.abc import Callable, Collection

from loader.archive.tables import SUFFIX, is_of_leads
from loader.database.catalogue import read_shapes, table_names
from loader.database.connection import Database
from loader.database.sql import quote_identifier
from loader.errors import ConfigurationError, NotAllowedError, UsageError
from loader.rights.account import DatabaseAccount
from loader.rights.needs import LEASES, LEDGER, Right, Rights, Site

NOT_BEGUN = "nothing was changed"

WRITING = frozenset({"INSERT", "UPDATE", "DELETE"})
"""What changes the rows of a table."""


def refuse_unreadable(database: Database, needs: Callable[[Site], Rights]) -> None:
    """Refuse a database account that may not read all that a job needs.

    Only what is read counts, for that would be missing in silence. The ledger does not count: where
    the account has no right on it, it is a file.

    Args:
        database: its `lacking` names tables that the site says it does not have.
        needs: gives the rights that the job needs, by the tables that are there.

    Raises:
        NotAllowedError: rights are missing; the message has the GRANT statements.
        UsageError: `lacking` names a table that is there, or none of the dialer's.
    """
    _refuse_wrong_names(database)
    tables, message = _missing(database, needs, {"SELECT"}, "read")
    if tables:
        raise NotAllowedError(
            f"{NOT_BEGUN}; {message} If the dialer has no such table, say --lacking "
            f"{','.join(tables)}"
        )


def unreadable(database: Database, table: str) -> str:
    """Say that the account may not read a table, with the GRANT; "" if it may, or there is none."""
    _, message = _missing(
        database, lambda _site: frozenset({Right("SELECT", table)}), {"SELECT"}, "read"
    )
    return message


def refuse_unwritable(database: Database, needs: Callable[[Site], Rights]) -> None:
    """Refuse a database account that may not write all that a job writes.

    Args and errors are those of `refuse_unreadable`, and of `refuse_unreplicated`. Tables that are
    to be made do not count.
    """
    tables, message = _missing(database, needs, WRITING, "write to")
    if tables:
        raise NotAllowedError(f"{NOT_BEGUN}; {message}")
    refuse_unreplicated(database, needs)


def refuse_unreplicated(database: Database, needs: Callable[[Site], Rights]) -> None:
    """Refuse, on a node of a cluster, to write to tables that the other nodes would not get.

    Args:
        database: where it is no node, all is well.
        needs: gives the rights that the job needs, by the tables that are there.

    Raises:
        ConfigurationError: some of the tables are not InnoDB.
    """
    if not database.read(lambda _connection: database.adapter.is_node):
        return
    written = {
        right.table for right in needs(DatabaseAccount(database).site) if right.privilege in WRITING
    }
    shapes = database.read(lambda connection: read_shapes(connection, written))
    others = {name: shape.engine for name, shape in shapes.items() if shape.engine != "InnoDB"}
    if others:
        named = ", ".join(f"{name} ({engine})" for name, engine in sorted(others.items()))
        moved = (f"ALTER TABLE {quote_identifier(name)} ENGINE=InnoDB;" for name in sorted(others))
        raise ConfigurationError(
            f"{NOT_BEGUN}; the server is a node of a cluster, and the other nodes would get "
            f"nothing of what is written to {named}. Only InnoDB is replicated: {' '.join(moved)}"
        )


def _missing(
    database: Database, needs: Callable[[Site], Rights], privileges: Collection[str], verb: str
) -> tuple[list[str], str]:
    """Give the tables on which some privileges are missing, and what to say of them."""
    if not database.adapter.has_accounts:
        return [], ""
    account = DatabaseAccount(database)
    asked = frozenset(
        right
        for right in needs(account.site)
        if right.privilege in privileges
        and right.table not in LEDGER | LEASES
        and (right.privilege == "SELECT" or right.table in account.site.tables)
    )
    missing = account.missing(asked)
    tables = list(dict.fromkeys(right.table for right in missing))
    if not missing:
        return [], ""
    return tables, (
        f"the account {account.name} may not {verb} {', '.join(tables)}. An administrator of the "
        f"server gives the right by: {' '.join(account.grants(missing))}"
    )


def _refuse_wrong_names(database: Database) -> None:
    """Refuse declarations that are not so: they would switch checks off."""
    if not database.lacking:
        return
    # Imported late: to make all tables takes longer than to ask for the rights.
    from loader.database.schema import metadata  # noqa: PLC0415

    existing = database.read(table_names)
    for name in sorted(database.lacking):
        if name in existing:
            raise UsageError(f"--lacking {name}: the database has this table; leave it out")
        if name.removesuffix(SUFFIX) not in metadata.tables and not is_of_leads(name):
            close = difflib.get_close_matches(name, metadata.tables, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"--lacking {name}: leadloader reads no table of this name{hint}")

"""Refuses to begin a job whose account cannot see what the job must read.

A table that the account has no right on looks to it like one that the dialer lacks. The server
tells the two apart when it refuses a statement: 1146 is no table, 1142 and 1143 are no right.
"""

import difflib
from collections.abc import Callable, Iterable

from loader.archive.tables import SUFFIX, is_of_leads
from loader.database.catalogue import table_names
from loader.database.connection import Database
from loader.database.schema import metadata
from loader.errors import NotAllowedError, UsageError
from loader.rights.account import DatabaseAccount
from loader.rights.needs import LEDGER, Right, Rights, Site


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
    if not database.adapter.has_accounts:
        return
    account = DatabaseAccount(database)
    missing = account.missing(_of_reading(needs(account.site)))
    if not missing:
        return
    tables = list(dict.fromkeys(right.table for right in missing))
    raise NotAllowedError(
        f"the account {account.name} may not read {', '.join(tables)}, and what is there counts; "
        "nothing was changed. An administrator of the server gives the right by: "
        f"{' '.join(account.grants(missing))} If the dialer has no such table, say --lacking "
        f"{','.join(tables)}"
    )


def _of_reading(needs: Iterable[Right]) -> Rights:
    return frozenset(it for it in needs if it.privilege == "SELECT" and it.table not in LEDGER)


def _refuse_wrong_names(database: Database) -> None:
    """Refuse declarations that are not so: they would switch checks off."""
    if not database.lacking:
        return
    existing = database.read(table_names)
    for name in sorted(database.lacking):
        if name in existing:
            raise UsageError(f"--lacking {name}: the database has this table; leave it out")
        if name.removesuffix(SUFFIX) not in metadata.tables and not is_of_leads(name):
            close = difflib.get_close_matches(name, metadata.tables, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"--lacking {name}: leadloader reads no table of this name{hint}")

"""The dialer's users, and what they may do (add_lead: user permission)."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from loader.database.connection import Database
from loader.dialer import LISTS_TABLE, Permissions
from loader.errors import NotAllowedError
from loader.frames.collation import fold, fold_text
from loader.queries.tables import TableReader

USERS, GROUPS = "vicidial_users", "vicidial_user_groups"

USER_COLUMNS = (
    "user", "user_level", "modify_leads", "vdc_agent_api_access", "api_list_restrict",
    "api_allowed_functions", "user_group", "active",
)  # fmt: skip
"""The columns of users that are read; never passwords."""

ALL_RIGHTS = {
    "active": "Y", "user_level": "9", "modify_leads": "1", "vdc_agent_api_access": "1",
    "api_allowed_functions": "ALL_FUNCTIONS",
}  # fmt: skip
"""The values of columns that an old dialer lacks."""

ALL_CAMPAIGNS = "-ALL"
"""In the allowed_campaigns of a user group: it has all campaigns."""


def read_user(database: Database, user: str) -> dict[Hashable, Any] | None:
    """Read what a user may do, columns of `USER_COLUMNS`; None: there is no such user."""

    def read(connection: Connection) -> dict[Hashable, Any] | None:
        reader = TableReader(connection, database)
        reader.reflect({USERS})
        return _row_of(user, read_users(reader))

    return database.read(read)


def read_users(reader: TableReader) -> pd.DataFrame:
    """Read columns `USER_COLUMNS` (str); if an old dialer lacks a right, all users have it."""
    users = reader.frame(USERS, *USER_COLUMNS)
    existing = reader.columns.get(USERS, {})
    return users.assign(**{n: full for n, full in ALL_RIGHTS.items() if n not in existing})


def read_permissions(reader: TableReader, users: pd.DataFrame, user: str) -> Permissions:
    """Check a user, if the database has users, and read into which lists they may load.

    Args:
        reader: it has the columns of users, user groups and lists.
        users: see `read_users`; a right that the table has no column for is not checked.
        user: in any letter case.

    Raises:
        NotAllowedError: they may not load leads.
    """
    if users.empty:
        return Permissions(user=user)
    found = _row_of(user, users)
    if found is None or found["active"] != "Y" or _level(found) < 7:
        raise NotAllowedError(
            "name an active user of the dialer with --user"
            if not user
            else f"Login incorrect: the dialer has no active user {user!r} of level 8 or more"
        )
    _check_rights(user, found)
    if found["api_list_restrict"] != "1":
        return Permissions(user=user)
    return Permissions(user=user, lists=_allowed_lists(reader, user, found["user_group"]))


def _row_of(user: str, users: pd.DataFrame) -> dict[Hashable, Any] | None:
    """Give the row of a user, named in any letter case."""
    found = users[fold(users["user"]) == fold_text(user)].to_dict("records") if user else []
    return found[0] if found else None


def _level(row: Mapping[Hashable, Any]) -> int:
    return int(row["user_level"] or 0)


def _check_rights(user: str, row: Mapping[Hashable, Any]) -> None:
    functions = f" {row['api_allowed_functions']} "
    if " ALL_FUNCTIONS " not in functions and " add_lead " not in functions:
        raise NotAllowedError(
            f"USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION: {user}'s api_allowed_functions "
            "lack add_lead"
        )
    may = str(row["modify_leads"]) in {"1", "2", "3", "4"} and _level(row) >= 8
    if not may or str(row["vdc_agent_api_access"]) != "1":
        raise NotAllowedError(
            f"USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM: {user} needs modify_leads, "
            "user_level 8 or more and API access"
        )


def _allowed_lists(reader: TableReader, user: str, group: str) -> frozenset[int]:
    """Read the lists of the campaigns of a user group; if it has all campaigns, all lists."""
    groups = reader.rows(GROUPS, "user_group", "allowed_campaigns")
    allowed = [row[1] or "" for row in groups if fold_text(row[0]) == fold_text(group)]
    if not allowed:
        raise NotAllowedError(
            f"user_group DOES NOT EXIST: |{user}|{group}|; make the group in the dialer, or "
            "load as a user of another one"
        )
    # As the dialer finds it: anywhere, in any letter case.
    if any(ALL_CAMPAIGNS in text.upper() for text in allowed):
        return frozenset(int(row[0]) for row in reader.rows(LISTS_TABLE, "list_id"))
    names = [name for name in " ".join(allowed).split() if name != "-"]
    if not names or LISTS_TABLE not in reader.columns:
        return frozenset()
    adapter = reader.database.adapter
    campaign, texts = adapter.collated("campaign_id"), pd.Series(names, dtype="str")
    found = reader.connection.exec_driver_sql(
        f"SELECT list_id FROM {LISTS_TABLE} WHERE {campaign} IN {adapter.list_mark}",  # noqa: S608 - our own names
        (adapter.list_value(adapter.fold(texts).tolist()),),
    )
    return frozenset(int(row[0]) for row in found)

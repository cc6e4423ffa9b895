"""Lists by list_id, as the dialer defines them."""

from collections.abc import Collection

from sqlalchemy import Connection

from loader.database.catalogue import read_columns
from loader.database.connection import Database
from loader.dialer import LISTS_TABLE

COLUMNS = ("list_name", "active", "campaign_id")


def read_lists(database: Database, list_ids: Collection[int]) -> dict[int, dict[str, str]] | None:
    """Read what vicidial_lists has of some lists, by list_id, by one statement.

    Returns:
        `COLUMNS` as text, "" for NULL or a column that is not there; lists that are not defined
        are left out. None: the table is not there.
    """

    def read(connection: Connection) -> dict[int, dict[str, str]] | None:
        """Read them, if the account sees the table."""
        existing = read_columns(connection, {LISTS_TABLE}).get(LISTS_TABLE, {})
        if "list_id" not in existing:
            return None
        names = ", ".join(name if name in existing else f"NULL AS {name}" for name in COLUMNS)
        wanted = ", ".join(str(int(list_id)) for list_id in list_ids)
        statement = f"SELECT list_id, {names} FROM {LISTS_TABLE} WHERE list_id IN ({wanted})"  # noqa: S608 - names of ours, and numbers
        rows = connection.exec_driver_sql(statement)
        return {
            int(list_id): {
                name: str(value or "") for name, value in zip(COLUMNS, found, strict=True)
            }
            for list_id, *found in rows
        }

    return database.read(read) if list_ids else {}

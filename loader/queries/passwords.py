"""The passwords of the dialer's users; who reads them keeps them to itself."""

import pandas as pd
from sqlalchemy import Connection

from loader.database.connection import Database
from loader.queries.tables import TableReader
from loader.queries.users import USERS, read_users

SETTINGS = "system_settings"


def read_passwords(database: Database) -> tuple[pd.DataFrame, dict[str, str]]:
    """Read who there is, and how passwords are kept.

    Returns:
        The users: columns `loader.queries.users.USER_COLUMNS`, pass and pass_hash (str, "" for
        NULL or where the dialer is too old to have it). And of system_settings pass_hash_enabled,
        pass_key and pass_cost; nothing where it has no row.

    Raises:
        LoaderError: the database does not answer, or the account may not read them.
    """

    def read(connection: Connection) -> tuple[pd.DataFrame, dict[str, str]]:
        reader = TableReader(connection, database)
        reader.reflect({USERS, SETTINGS})
        users, secrets = read_users(reader), reader.frame(USERS, "user", "pass", "pass_hash")
        passwords = secrets.set_index("user").reindex(users["user"]).set_axis(users.index)
        settings = reader.frame(SETTINGS, "pass_hash_enabled", "pass_key", "pass_cost")
        rows = settings.to_dict("records")
        return users.join(passwords), {str(k): str(v) for k, v in rows[0].items()} if rows else {}

    return database.read(read)

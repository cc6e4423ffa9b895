"""The database that the settings name."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from loader.errors import UsageError

if TYPE_CHECKING:
    from jobs.settings.settings import Settings
    from loader.database.connection import Database


def open_database(
    settings: "Settings",
    *,
    must_exist: bool = True,
    sleep: Callable[[float], None] = time.sleep,
) -> "Database":
    """Give the database of the settings, to which nothing is connected yet.

    Raises:
        UsageError: none is named, or the address names a server only.
        ConfigurationError: the address cannot be read; the SQLite file, or one of certificates, is
            not there.
    """
    from loader.database.connection import Database  # noqa: PLC0415 - --help has to answer at once

    if settings.database == "none":
        raise UsageError("--database none is for validate alone; this command needs a database")
    if not settings.database:
        raise UsageError(
            "no database: name it by --database, LEADLOADER_DATABASE, database = in the settings "
            "file, or have the dialer's /etc/astguiclient.conf"
        )
    database = Database(
        settings.database,
        options=settings.connection,
        lacking=settings.lacking,
        repairs=settings.repair,
        sleep=sleep,
    )
    database.adapter.check_address(must_exist=must_exist)
    return database

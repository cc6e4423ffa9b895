"""The database that the settings name, or the dialer that is reached by its APIs alone."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from loader.errors import UsageError

if TYPE_CHECKING:
    from jobs.settings.settings import Settings
    from loader.database.connection import Database
    from loader.remote.target import Target


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


def target_of(settings: "Settings", given: Mapping[str, Any]) -> "Target | None":
    """Give the dialer through whose APIs a command works; None: a database is meant.

    It counts if the flag names it, or if the settings name it and no database.

    Args:
        settings: all.
        given: the flags of the command.

    Raises:
        UsageError: flags name a database, too.
        ConfigurationError: a file with a secret cannot be read.
    """
    is_named = given.get("target") is not None
    if is_named and given.get("database") not in {None, "none"}:
        raise UsageError("--target and --database: leads go to one of them; leave the other out")
    if not settings.target.url or not (is_named or settings.database in {"", "none"}):
        return None
    return settings.target.as_target(settings.user)

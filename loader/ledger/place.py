"""Where a ledger is: in the dialer's database, or a file in a folder."""

import re
from pathlib import Path

from sqlalchemy import Connection, inspect, update

from loader.database.catalogue import storage_engine
from loader.database.connection import Database
from loader.dialer import LEADS
from loader.errors import ConfigurationError, NotAllowedError, ResultsError
from loader.ledger import tables, versions


def file_name(database: Database) -> str:
    """Name the file after the database, for there may be several dialers."""
    url = database.engine.url
    parts = (url.host or "localhost", str(url.port or ""), url.database or "")
    return f"ledger-{re.sub('[^A-Za-z0-9.]+', '-', '-'.join(filter(None, parts)))}.sqlite"


def make_folder(folder: Path) -> None:
    """Make the folder of ledgers; ResultsError: it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"folder {folder} of the ledger: {error.strerror}") from None


def file_of_target(name: str, folder: Path) -> Path:
    """Give the path of the ledger of what was sent to another dialer."""
    return folder / f"ledger-api-{re.sub('[^A-Za-z0-9.]+', '-', name).strip('-')}.sqlite"


def why_not_in(database: Database) -> str:
    """Make the ledger in the dialer's database, or say why it has to be a file.

    Raises:
        NotAllowedError: it is there and cannot be written, or it cannot be a file either.
        ConfigurationError: the server may lose commits, and likewise.
    """
    is_there, version, why = False, 0, ""
    try:
        for attempt in database.retrying():
            with attempt, database.connect() as connection:
                is_there = inspect(connection).has_table(tables.runs.name)
                version = versions.read_version(connection)
                why = _loses_commits(database, connection)
                if not why:
                    versions.make(database, connection)
                    # Changes nothing, and is refused if the account may only read.
                    nobody = tables.runs.c.run == ""
                    connection.execute(update(tables.runs).where(nobody).values(writes=0))
    except NotAllowedError as error:
        is_old = 0 < version < versions.VERSION
        what = f"brought to version {versions.VERSION}" if is_old else "written"
        advice = "; or run `leadloader init` with an account that may" if is_old else ""
        if is_there:
            raise NotAllowedError(
                f"the ledger is there, and cannot be {what}: {error}. `leadloader config check` "
                f"prints the GRANT statements{advice}"
            ) from None
        why = "the database account may not make tables named leadloader_*"
        if database.adapter.is_node:
            raise NotAllowedError(
                f"the ledger cannot be a file beside a cluster, and {why}; run `leadloader init` "
                "with an account that may"
            ) from None
        return why
    if why and database.adapter.is_node:
        raise ConfigurationError(f"the ledger cannot be a file beside a cluster, and {why}")
    if why and is_there:
        raise ConfigurationError(f"the ledger cannot be used: {why}; set it to 1, or to 2")
    return why


def _loses_commits(database: Database, connection: Connection) -> str:
    """Say why a crash could lose entries whose leads stay; "" if it cannot."""
    if database.adapter.keeps_commits(connection):
        return ""
    if storage_engine(connection, LEADS) in {None, "InnoDB"}:
        return ""
    return "innodb_flush_log_at_trx_commit is 0, and a crash of the server would lose entries"

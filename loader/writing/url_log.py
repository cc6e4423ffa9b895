"""The dialer's log of requested addresses."""

from collections.abc import Sequence

from sqlalchemy import Connection, column, func, insert, table, update

from loader.database.connection import Database
from loader.queries.leads import URL_LOG, URL_TYPE

LOG = table(
    URL_LOG,
    *map(column, ("url_log_id", "uniqueid", "url_date", "url_type", "response_sec", "url")),
    column("url_response"),
)


def log_requests(database: Database, lead_id: int, addresses: Sequence[str]) -> list[int]:
    """Log that addresses of a lead are about to be requested; give the numbers of the entries.

    It is committed before the first request: after a crash nobody is sent the lead twice.
    """

    def log(connection: Connection) -> list[int]:
        entries = []
        for address in addresses:
            values = {"uniqueid": str(lead_id), "url_type": URL_TYPE, "url": address}
            statement = insert(LOG).values(**values, url_date=func.now(), url_response="")
            done = connection.execute(statement)
            entries.append(int(done.lastrowid))
        return entries

    return database.write(log)


def log_answer(database: Database, entry: int, text: str, seconds: float) -> None:
    """Log the answer to a request, and how many seconds it took."""
    statement = (
        update(LOG)
        .where(LOG.c.url_log_id == entry)
        .values(url_response=text, response_sec=min(round(seconds), 65_535))
    )
    database.write(lambda connection: connection.execute(statement))

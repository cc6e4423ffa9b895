"""The lead_ids that a server has given out."""

from collections.abc import Iterable

import numpy as np
from sqlalchemy import Connection

from loader.database.adapter import Adapter
from loader.dialer import LEADS
from loader.writing.doubt import Ids

FARTHEST = 5_000_000
"""Lead_ids above the first of a batch within which its leads are."""


def step_of(connection: Connection) -> tuple[int, int]:
    """Give the server's step from one number to the next, and the first number."""
    statement = "SELECT @@auto_increment_increment, @@auto_increment_offset"
    step, offset = connection.exec_driver_sql(statement).one()
    return int(step), int(offset)


def gone_since(connection: Connection, adapter: Adapter, first: int, tables: Iterable[str]) -> Ids:
    """Give lead_ids from the first one on that were given out, and that none of the tables has."""
    # A site may have put in a lead far away.
    end = min(adapter.next_id(connection, LEADS) or 0, first + FARTHEST)
    step, offset = step_of(connection)
    given: Ids = np.arange(first, end, dtype=np.int64)
    given = given[(given - offset) % step == 0]
    for name in tables:
        there = connection.exec_driver_sql(
            f"SELECT lead_id FROM {name} WHERE lead_id >= {first} AND lead_id < {end}"  # noqa: S608 - our own
        )
        given = np.setdiff1d(given, np.fromiter(there.scalars(), np.int64))
    return given

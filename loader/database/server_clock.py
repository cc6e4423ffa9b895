"""The clock of the database server, which is the dialer's clock."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from loader.clock import Clock, moment_text

if TYPE_CHECKING:
    from sqlalchemy import Connection


def read_clock(connection: "Connection") -> Clock:
    """Read the server's clock."""
    now, utc = connection.exec_driver_sql("SELECT NOW(), UTC_TIMESTAMP()").one()
    local = datetime.fromisoformat(str(now))
    # Whole minutes: a second may begin between the two.
    ahead = round((local - datetime.fromisoformat(str(utc))) / timedelta(minutes=1))
    return Clock(now=local, offset=timedelta(minutes=ahead))


MOMENTS_PER_STATEMENT = 1000
"""A row has at most 2000 columns on SQLite, 4096 on a server."""


def existing_moments(connection: "Connection", moments: Sequence[datetime]) -> list[datetime]:
    """Move moments that the server's clock skips in spring forward by one hour.

    Moments beyond the server's calendar, which ends in 2038 on older ones, stay as they are. One
    statement asks for a thousand moments.
    """
    found: list[datetime] = []
    for start in range(0, len(moments), MOMENTS_PER_STATEMENT):
        asked = moments[start : start + MOMENTS_PER_STATEMENT]
        words = ", ".join(
            f"FROM_UNIXTIME(UNIX_TIMESTAMP('{moment_text(moment)}'))" for moment in asked
        )
        answers = connection.exec_driver_sql(f"SELECT {words}").one()
        found += [
            moment + timedelta(hours=1) if _is_skipped(moment, answer) else moment
            for moment, answer in zip(asked, answers, strict=True)
        ]
    return found


def _is_skipped(moment: datetime, answer: object) -> bool:
    """Say whether the server moved a moment; one beyond its calendar has no answer."""
    if answer is None:
        return False
    found = datetime.fromisoformat(str(answer))
    return found != moment and abs(found - moment) < timedelta(days=1)

"""The clock of the database server, which is the dialer's clock."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from loader.clock import Clock, moment_text


def read_clock(connection: Connection) -> Clock:
    """Read the server's clock."""
    now, utc = connection.exec_driver_sql("SELECT NOW(), UTC_TIMESTAMP()").one()
    local = datetime.fromisoformat(str(now))
    # Whole minutes: a second may begin between the two.
    ahead = round((local - datetime.fromisoformat(str(utc))) / timedelta(minutes=1))
    return Clock(now=local, offset=timedelta(minutes=ahead))


MOMENTS_PER_STATEMENT = 1000
"""Of one statement: a row has no more columns than 2000 on SQLite, 4096 on a server."""


def existing_moments(connection: Connection, moments: Sequence[datetime]) -> list[datetime]:
    """Move moments that the server's clocks skip in spring one hour on; others stay.

    So do those that the server's calendar ends before, such as 2038 on older ones. One statement
    asks for a thousand.
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
    """Say whether the answer is another time of the day; what lies beyond the calendar is none."""
    if answer is None:
        return False
    found = datetime.fromisoformat(str(answer))
    return found != moment and abs(found - moment) < timedelta(days=1)

"""Databases whose clock stands still, in a time zone of the test's choice."""

import sqlite3
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import event

from loader.database.connection import Database
from tests.support.server import Server

YEARS = (2020, 2030)
"""The transitions between these years are loaded into the server."""


def frozen(url: str, clock: datetime, zone: str) -> Database:
    """Give a database whose connections all have it `clock` (local, naive) in `zone`.

    A server needs `load_zone` before.
    """
    database = Database(url)
    instant = clock.replace(tzinfo=ZoneInfo(zone))

    def stop(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            _stop_sqlite(connection, instant)
        else:
            with connection.cursor() as cursor:
                cursor.execute(f"SET time_zone = '{zone}', timestamp = {instant.timestamp()}")

    event.listen(database.engine, "connect", stop)
    # Further connections of a load have the same clock.
    database.anew = lambda: frozen(url, clock, zone)  # type: ignore[method-assign]
    return database


def _stop_sqlite(connection: sqlite3.Connection, instant: datetime) -> None:
    zone = instant.tzinfo

    def text(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S")

    def seconds(local: str) -> float:
        return datetime.fromisoformat(local).replace(tzinfo=zone).timestamp()

    now, utc = text(instant.timestamp()), instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    connection.create_function("now", 0, lambda: now)
    connection.create_function("utc_timestamp", 0, lambda: utc)
    connection.create_function("unix_timestamp", 1, seconds)
    connection.create_function("from_unixtime", 1, text)


def load_zone(server: Server, zone: str) -> None:
    """Teach a server a time zone; Debian's server comes without any."""
    if server.execute("SELECT 1 FROM mysql.time_zone_name WHERE Name = %s", zone):
        return
    server.execute("INSERT INTO mysql.time_zone (Use_leap_seconds) VALUES ('N')")
    number = server.execute("SELECT MAX(Time_zone_id) FROM mysql.time_zone")[0][0]
    kinds: dict[tuple[int, bool, str], int] = {}
    turns = [(moment, kinds.setdefault(kind, len(kinds))) for moment, kind in transitions(zone)]
    for (offset, summer, name), kind in kinds.items():
        server.execute(
            "INSERT INTO mysql.time_zone_transition_type VALUES (%s, %s, %s, %s, %s)",
            number, kind, offset, int(summer), name,
        )  # fmt: skip
    for moment, kind in turns:
        server.execute(
            "INSERT INTO mysql.time_zone_transition VALUES (%s, %s, %s)", number, moment, kind
        )
    server.execute("INSERT INTO mysql.time_zone_name VALUES (%s, %s)", zone, number)


@cache
def transitions(zone: str) -> tuple[tuple[int, tuple[int, bool, str]], ...]:
    """Give when a zone's offset changes, in seconds since 1970, and to what."""
    first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in YEARS)
    found = [(int(first.timestamp()), _kind(first, zone))]
    moment = first
    while moment < last:
        after = moment + timedelta(days=1)
        if _kind(after, zone) != _kind(moment, zone):
            quarters = (moment + timedelta(minutes=15 * step) for step in range(97))
            turn = next(t for t in quarters if _kind(t, zone) != found[-1][1])
            found.append((int(turn.timestamp()), _kind(turn, zone)))
        moment = after
    return tuple(found)


def _kind(moment: datetime, zone: str) -> tuple[int, bool, str]:
    local = moment.astimezone(ZoneInfo(zone))
    offset = local.utcoffset() or timedelta()
    return int(offset.total_seconds()), bool(local.dst()), (local.tzname() or "")[:8]

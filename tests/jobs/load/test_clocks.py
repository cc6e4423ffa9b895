"""Clocks that are set back, that turn to daylight saving, and that differ from the server's."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from jobs.undo.job import undo
from loader import clock
from loader.clock import end_of
from loader.database.connection import Database
from loader.ledger import runs
from loader.ledger.runs import Ledger
from tests.conformance.frozen import frozen, load_zone
from tests.support.archives import lead, move, put, sql
from tests.support.loads import Loads

ZONE = "America/New_York"
ROWS = [{"phone_number": f"72755500{number:02}", "list_id": "101"} for number in range(20)]


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Set the clock of this machine, as far as runs are dated by it."""

    def set_clock(ahead: timedelta) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.now(tz) + ahead

        for module in (clock, runs):
            monkeypatch.setattr(module, "datetime", Clock)

    return set_clock


def test_nothing_takes_less_than_no_time() -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    assert end_of(later) == later
    assert end_of(datetime(2026, 1, 1, tzinfo=UTC)) > datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.engines("sqlite", "innodb")
def test_a_clock_that_is_set_back_between_runs(
    database: Database, loads: Loads, set_clock: Callable[[timedelta], None], tmp_path: Path
) -> None:
    """The ledger keeps the order in which runs began; what is undone last is what was."""
    first = loads.load(ROWS, database).summary
    set_clock(-timedelta(hours=1))
    second = loads.load(ROWS[:3], database).summary
    assert second.began > first.began
    assert second.ended >= second.began
    ledger = Ledger(database, is_shared=True)
    assert [each.run for each in ledger.runs()] == [second.run, first.run]
    assert second.run[:15] >= first.run[:15]
    undone = undo(second.run, database, tmp_path / "undone")
    assert (undone.moved, undone.ended >= undone.began) == (3, True)
    assert [each.run for each in ledger.runs()] == [undone.run, second.run, first.run]
    record = ledger.run(second.run)
    assert record.ended is not None
    assert record.ended >= record.began


@pytest.mark.engines("sqlite")
def test_a_clock_of_another_time_counts_for_nothing(
    database: Database, loads: Loads, set_clock: Callable[[timedelta], None]
) -> None:
    set_clock(timedelta(days=400))
    loads.load(ROWS, database)
    set_clock(timedelta())
    began = loads.load(ROWS[:3], database).summary.began
    assert began < datetime.now(UTC) + timedelta(minutes=1)


@pytest.fixture
def _zone(engine_name: str, request: pytest.FixtureRequest) -> None:
    """Teach the server the zone."""
    if engine_name != "sqlite":
        load_zone(request.getfixturevalue("server"), ZONE)


def at(database_url: str, local: str) -> Database:
    return frozen(database_url, datetime.fromisoformat(local), ZONE)


@pytest.mark.sample(1)
@pytest.mark.usefixtures("_zone")
@pytest.mark.parametrize(
    ("now", "days", "inside", "outside"),
    [
        ("2028-02-29 12:00", 360, "2027-03-06 12:00:01", "2027-03-06 12:00:00"),
        ("2028-05-29 12:00", 90, "2028-02-29 12:00:01", "2028-02-29 12:00:00"),
        ("2028-03-01 12:00", 1, "2028-02-29 12:00:01", "2028-02-29 12:00:00"),
        ("2027-03-01 12:00", 1, "2027-02-28 12:00:01", "2027-02-28 12:00:00"),
        # Two o'clock to three is skipped on the 8th.
        ("2026-03-09 02:30", 1, "2026-03-08 03:30:01", "2026-03-08 03:30:00"),
    ],
)
def test_windows_and_ages_by_the_servers_calendar(
    now: str, days: int, inside: str, outside: str, database_url: str, loads: Loads
) -> None:
    """The machine of the loader lives in another year and zone."""
    database = at(database_url, now)
    called = {"last_local_call_time": "2020-01-01 00:00:00"}
    put(database, lead(1, phone_number="7275550001", entry_date=inside, **called))
    put(database, lead(2, phone_number="7275550002", entry_date=outside, **called))
    outcome = loads.load(ROWS[1:3], database, duplicate_check=f"DUPSYS{days}DAY")
    assert ([*outcome.rejected], [*outcome.loaded]) == ([2], [3])
    database.engine.dispose()


@pytest.mark.usefixtures("_zone")
def test_ages_of_an_archive_on_a_leap_day(database_url: str) -> None:
    database = at(database_url, "2028-02-29 12:00")
    times = {
        1: "2027-03-01 11:59:59", 2: "2027-03-01 12:00:00", 3: "2028-02-28 11:59:59",
        4: "2028-02-28 12:00:00", 5: "2028-02-29 11:59:59",
    }  # fmt: skip
    for number, time in times.items():
        put(database, lead(number, last_local_call_time=time, entry_date=time))
    assert move(database, {"called_before": "365d"}).lead_ids == [1]
    assert move(database, {"loaded_before": "1d"}).lead_ids == [2, 3]
    database.engine.dispose()


@pytest.mark.sample(1)
@pytest.mark.usefixtures("_zone")
@pytest.mark.engines("myisam", "innodb")
@pytest.mark.parametrize(
    ("before", "after"),
    [("2026-03-08 01:59:50", 30), ("2026-11-01 01:59:50", 30), ("2026-06-01 12:00:00", -7200)],
    ids=["spring", "autumn", "set back"],
)
def test_the_servers_clock_turns_inside_a_run(
    before: str, after: int, database_url: str, loads: Loads, tmp_path: Path
) -> None:
    """Batches are sent while clocks turn, and the connection is lost in between."""
    database, sent = at(database_url, before), 0
    instant = datetime.fromisoformat(before).replace(tzinfo=ZoneInfo(ZONE)).timestamp()

    def turn(connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        nonlocal sent
        if re.match("LOAD DATA|INSERT INTO `?vicidial_list`?", statement):
            sent += 1
            cursor.execute(f"SET timestamp = {instant + (after if sent > 1 else 0)}")
        if sent == 3 and statement.startswith("SELECT LAST_INSERT_ID"):
            sent += 1
            connection.connection.driver_connection._sock.close()

    event.listen(database.engine, "before_cursor_execute", turn)
    outcome = loads.load(ROWS, database, batch_size=5)
    event.remove(database.engine, "before_cursor_execute", turn)
    assert sent > 3
    assert len(outcome.loaded) == len(ROWS)
    assert sql(database, "SELECT COUNT(*), COUNT(DISTINCT phone_number) FROM vicidial_list") == [
        (len(ROWS), len(ROWS))
    ]
    assert all(seconds >= 0 for seconds in outcome.summary.seconds.values())
    undone = undo(outcome.summary.run, database, tmp_path / "undone")
    assert (undone.moved, undone.leads_stayed) == (len(ROWS), {})
    database.engine.dispose()

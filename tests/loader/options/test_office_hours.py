"""Office hours, by the clock of the database server."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loader.clock import Clock
from loader.options.office_hours import WEEKDAYS, OfficeHours

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ZONES = (
    None, "UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu",
)  # fmt: skip
WORKWEEK = dict.fromkeys(WEEKDAYS[:5], "08:00-18:00")


def at(local: str, hours_ahead: float = 0) -> Clock:
    return Clock(datetime.fromisoformat(local), timedelta(hours=hours_ahead))


# 2026-11-23 is a Monday.
@pytest.mark.parametrize(
    ("hours", "now", "is_open"),
    [
        ({}, "2026-11-23 10:00", False),
        (WORKWEEK, "2026-11-23 07:59:59.999999", False),
        (WORKWEEK, "2026-11-23 08:00", True),
        (WORKWEEK, "2026-11-23 17:59:59.999999", True),
        (WORKWEEK, "2026-11-23 18:00", False),
        (WORKWEEK, "2026-11-22 10:00", False),
        ({"monday": "08:00-12:00, 13:00-18:00"}, "2026-11-23 12:30", False),
        ({"monday": ["8:00 - 12:00", "13:00-18:00"]}, "2026-11-23 13:00", True),
        ({"monday": "00:00-24:00"}, "2026-11-23 00:00", True),
        ({"monday": "00:00-24:00"}, "2026-11-23 23:59", True),
        ({"monday": "00:00-24:00"}, "2026-11-24 00:00", False),
        ({"monday": "22:00-06:00"}, "2026-11-23 05:00", False),
        ({"monday": "22:00-06:00"}, "2026-11-23 22:00", True),
        ({"monday": "22:00-06:00"}, "2026-11-24 05:59", True),
        ({"monday": "22:00-06:00"}, "2026-11-24 06:00", False),
        ({"monday": "22:00-00:00"}, "2026-11-24 00:00", False),
        ({"sunday": "22:00-06:00"}, "2026-11-23 05:00", True),
        (WORKWEEK | {"holidays": ["2026-11-23"]}, "2026-11-23 10:00", False),
        (WORKWEEK | {"holidays": date(2026, 11, 24).isoformat()}, "2026-11-23 10:00", True),
        # What began the evening before goes on, what would begin on the holiday does not.
        ({"monday": "22:00-06:00", "holidays": ["2026-11-24"]}, "2026-11-24 05:00", True),
        ({"monday": "22:00-06:00", "holidays": ["2026-11-23"]}, "2026-11-24 05:00", False),
    ],
)
def test_hours(hours: dict[str, Any], now: str, is_open: bool) -> None:
    assert OfficeHours(**hours).is_open(at(now)) == is_open
    # The server's local time counts, wherever it is.
    assert OfficeHours(**hours).is_open(at(now, 5.5)) == is_open
    assert OfficeHours(**hours, time_zone="UTC").is_open(at(now)) == is_open


@pytest.mark.parametrize(
    ("time_zone", "clock", "is_open"),
    [
        ("Europe/Berlin", at("2026-11-23 07:00"), True),
        ("Europe/Berlin", at("2026-11-23 06:59"), False),
        ("Europe/Berlin", at("2026-07-20 06:00"), True),
        ("Europe/Berlin", at("2026-07-20 16:00"), False),
        ("Asia/Kathmandu", at("2026-11-23 02:15"), True),
        ("Asia/Kathmandu", at("2026-11-23 02:14"), False),
        ("America/New_York", at("2026-11-22 23:00", -14), True),
        (None, at("2026-11-23 08:00", -14), True),
    ],
)
def test_time_zones(time_zone: str | None, clock: Clock, is_open: bool) -> None:
    assert OfficeHours(**WORKWEEK, time_zone=time_zone).is_open(clock) == is_open


@pytest.mark.parametrize(
    ("hours", "now", "text"),
    [
        (WORKWEEK, "2026-11-23 10:00:30", "office hours are until 18:00"),
        (WORKWEEK, "2026-11-23 07:00", "office hours begin at 08:00"),
        (WORKWEEK, "2026-11-22 10:00", "office hours begin at 08:00 on Monday, 2026-11-23"),
        (
            WORKWEEK | {"holidays": ["2026-11-23", "2026-11-24"]},
            "2026-11-22 10:00",
            "office hours begin at 08:00 on Wednesday, 2026-11-25",
        ),
        ({"monday": "08:00-12:00,12:00-18:00"}, "2026-11-23 08:00", "office hours are until 18:00"),
        (
            {"monday": "22:00-06:00"},
            "2026-11-23 23:00",
            "office hours are until 06:00 on Tuesday, 2026-11-24",
        ),
        (
            WORKWEEK | {"time_zone": "America/New_York"},
            "2026-11-23 15:00",
            "office hours are until 18:00 (America/New_York)",
        ),
        ({}, "2026-11-23 10:00", "there are no office hours"),
        (
            dict.fromkeys(WEEKDAYS, "00:00-24:00"),
            "2026-11-23 10:00",
            "office hours never end",
        ),
        (
            dict.fromkeys(WEEKDAYS, "00:00-24:00") | {"holidays": ["2027-07-04"]},
            "2026-11-23 10:00",
            "office hours are until 00:00 on Sunday, 2027-07-04",
        ),
    ],
)
def test_what_people_are_told(hours: dict[str, Any], now: str, text: str) -> None:
    assert OfficeHours(**hours).describe(at(now)) == text


def in_utc(moment: datetime | None) -> datetime | None:
    """Give the instant; where a clock shows a time twice, only such compare as expected."""
    if moment is None or moment.tzinfo:
        return moment and moment.astimezone(UTC)
    return moment.replace(tzinfo=UTC)


def test_when_it_changes() -> None:
    berlin = OfficeHours(**WORKWEEK, time_zone="Europe/Berlin")
    clock = at("2026-11-23 10:00:30")
    closes = berlin.closes_at(clock)
    assert closes == datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert closes.isoformat() == "2026-11-23T18:00:00+01:00"
    assert berlin.opens_at(clock) == datetime(2026, 11, 23, 10, tzinfo=UTC)
    local = OfficeHours(**WORKWEEK)
    assert local.closes_at(clock) == datetime(2026, 11, 23, 18)
    assert OfficeHours().opens_at(clock) is None


@pytest.mark.parametrize(
    ("hours", "utc", "change"),
    [
        # In Berlin, 2026-03-29 has no 02:00 to 03:00: hours that begin then begin at 03:00.
        ("02:30-05:00", "2026-03-29 00:59", "2026-03-29 01:00"),
        # On 2026-10-25 it has them twice; between the two of them it is closed for half an hour.
        ("01:00-02:30", "2026-10-25 00:29", "2026-10-25 00:30"),
        ("01:00-02:30", "2026-10-25 00:30", "2026-10-25 01:00"),
        ("01:00-02:30", "2026-10-25 01:00", "2026-10-25 01:30"),
    ],
)
def test_a_clock_that_is_turned(hours: str, utc: str, change: str) -> None:
    berlin = OfficeHours(time_zone="Europe/Berlin", sunday=hours)
    next_change = berlin.closes_at if berlin.is_open(at(utc)) else berlin.opens_at
    assert in_utc(next_change(at(utc))) == datetime.fromisoformat(change).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "message"),
    [
        ({"monday": "8-18"}, "'8-18' are no hours; write them such as 08:00-18:00"),
        ({"monday": "08:00-18:60"}, "are no hours"),
        ({"monday": "24:00-08:00"}, "are no hours"),
        ({"monday": "\u0660\u0668:00-18:00"}, "are no hours"),
        ({"monday": "08:00-24:01"}, "the last minute of a day ends at 24:00"),
        ({"monday": "08:00-08:00"}, "write the whole day as 00:00-24:00"),
        ({"monday": [8]}, "valid string"),
        ({"mon": "08:00-18:00"}, "Extra inputs"),
        ({"time_zone": "Europe/Atlantis"}, "'Europe/Atlantis' is no time zone"),
        ({"time_zone": "America"}, "'America' is no time zone"),
        ({"time_zone": ""}, "'' is no time zone"),
        ({"time_zone": "../../etc/passwd"}, "is no time zone"),
        ({"holidays": [20261225]}, "20261225 is no day; write it such as 2026-12-25"),
        ({"holidays": ["25.12.2026"]}, "'25.12.2026' is no day"),
        ({"holidays": [datetime(2026, 12, 25)]}, "is no day"),
        ({"holidays": "2026-02-30"}, "no day"),
    ],
    ids=str,
)
def test_what_are_no_hours(hours: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        OfficeHours(**hours)
    assert message in str(caught.value)


def plainly_open(hours: OfficeHours, instant: datetime) -> bool:
    """Look whether the clock on the wall shows a time in one of the spans."""
    local = instant.astimezone(ZoneInfo(hours.time_zone or "UTC"))
    now = f"{local:%H:%M}"
    for day, is_today in ((local.date(), True), (local.date() - DAY, False)):
        if day in hours.holidays:
            continue
        for span in getattr(hours, WEEKDAYS[day.weekday()]):
            begin, end = span.split("-")
            if begin < end:
                inside = is_today and begin <= now < end
            else:
                inside = begin <= now if is_today else now < end
            if inside:
                return True
    return False


TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
SPANS = st.builds("{}-{}".format, TIMES, TIMES | st.just("24:00")).filter(
    lambda span: span[:5] != span[6:]
)
# Around the days on which clocks are turned somewhere, and a common one.
DAYS = [
    date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), date(2026, 10, 4), date(2026, 10, 25),
    date(2026, 11, 1), date(2026, 11, 23),
]  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> tuple[OfficeHours, datetime]:
    day = draw(st.sampled_from(DAYS))
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) + draw(
        st.timedeltas(-1.5 * DAY, 1.5 * DAY)
    )
    holidays = draw(st.sets(st.sampled_from([day + n * DAY for n in range(-3, 4)]), max_size=2))
    spans = {weekday: draw(st.lists(SPANS, max_size=2)) for weekday in WEEKDAYS}
    zone = draw(st.sampled_from(ZONES))
    return OfficeHours(**spans, holidays=tuple(holidays), time_zone=zone), instant


@pytest.mark.property
@given(cases())
def test_it_is_as_a_plain_reference_minute_by_minute(case: tuple[OfficeHours, datetime]) -> None:
    hours, instant = case
    # Where no zone is named, the server's local time counts, here that of UTC.
    clock = Clock(instant.replace(tzinfo=None), timedelta())
    is_open = plainly_open(hours, instant)
    assert hours.is_open(clock) == is_open
    closes, opens = in_utc(hours.closes_at(clock)), in_utc(hours.opens_at(clock))
    minute = instant.replace(second=0, microsecond=0)
    assert (opens if is_open else closes) == minute
    found = closes if is_open else opens
    ahead = (minute + n * MINUTE for n in range(int(DAY / MINUTE) // 2))
    change = next((then for then in ahead if plainly_open(hours, then) != is_open), None)
    if change is None:
        assert found is None or found >= minute + DAY / 2
    else:
        assert found == change


@pytest.mark.property
@given(cases())
def test_hours_can_be_given_as_they_are_told(case: tuple[OfficeHours, datetime]) -> None:
    hours, _ = case
    assert OfficeHours(**hours.model_dump()) == hours
    assert OfficeHours(**hours.model_dump(mode="json")) == hours

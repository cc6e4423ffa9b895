"""Office hours: when nothing is archived, because the dialer works."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, field_validator

from loader.clock import Clock
from loader.options.option import Option
from loader.options.types import split_at_commas

MINUTE = timedelta(minutes=1)
DAY = 24 * 60
"""Minutes."""

WEEKS_AHEAD = 54
"""In which a change is searched."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

SPAN = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\s*-\s*([01]?[0-9]|2[0-4]):([0-5][0-9])")


def _minutes(span: str) -> tuple[int, int]:
    """Give begin and end of a span in minutes of the day it begins; the end may be past it."""
    found = SPAN.fullmatch(span)
    if not found:
        raise ValueError(
            f"{span!r} are no hours; write them such as 08:00-18:00, and several in a list"
        )
    hour, minute, end_hour, end_minute = map(int, found.groups())
    begin, end = hour * 60 + minute, end_hour * 60 + end_minute
    if end > DAY:
        raise ValueError(f"{span!r}: the last minute of a day ends at 24:00")
    if begin == end:
        raise ValueError(f"{span!r} begins and ends at once; write the whole day as 00:00-24:00")
    return begin, end if end > begin else end + DAY


def _span(span: str) -> str:
    _minutes(span)
    return span


def _day(value: object) -> object:
    if isinstance(value, str):
        is_day = bool(re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value)) and _is_date(value)
    else:
        is_day = isinstance(value, date) and not isinstance(value, datetime)
    if not is_day:
        raise ValueError(f"{value!r} is no day; write it such as 2026-12-25")
    return value


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


Spans = Annotated[
    tuple[Annotated[str, AfterValidator(_span)], ...],
    BeforeValidator(split_at_commas),
]
Days = Annotated[
    tuple[Annotated[date, BeforeValidator(_day)], ...], BeforeValidator(split_at_commas)
]


def _hours_of(day: str, *example: str) -> Option:
    details = "Hours that pass midnight belong to the day on which they begin."
    return Option(f"Hours of {day}", details=details, example=list(example))


class OfficeHours(BaseModel):
    """When the dialer works, and nothing is archived.

    Where a clock is put back, times that it shows twice count twice. What it skips does not happen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    # fmt: off
    time_zone: Annotated[str | None, Option(
        "Time zone of these hours", empty="the database server's local time",
        example="America/New_York",
    )] = None
    monday: Annotated[Spans, _hours_of("Monday", "08:00-18:00")] = ()
    tuesday: Annotated[Spans, _hours_of("Tuesday", "08:00-18:00")] = ()
    wednesday: Annotated[Spans, _hours_of("Wednesday", "08:00-18:00")] = ()
    thursday: Annotated[Spans, _hours_of("Thursday", "08:00-18:00")] = ()
    friday: Annotated[Spans, _hours_of("Friday", "08:00-18:00")] = ()
    saturday: Annotated[Spans, _hours_of("Saturday", "09:00-12:00", "13:00-17:00")] = ()
    sunday: Annotated[Spans, _hours_of("Sunday")] = ()
    holidays: Annotated[Days, Option(
        "Days on which no hours begin",
        details="What began the evening before goes on.", example=["2026-12-25"],
    )] = ()
    # fmt: on

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, time_zone: str | None) -> str | None:
        if time_zone is not None:
            try:
                ZoneInfo(time_zone)
            # There is no such zone; it is no name; it is a folder of zones.
            except (KeyError, ValueError, OSError):
                raise ValueError(
                    f"{time_zone!r} is no time zone; write it such as Europe/Berlin"
                ) from None
        return time_zone

    def is_open(self, clock: Clock) -> bool:
        """Say whether it is in office hours now."""
        return self._open_at(self._now(clock))

    def closes_at(self, clock: Clock) -> datetime | None:
        """Give the minute at which office hours end that are now; None: not within a year."""
        return self._next(clock, False)

    def opens_at(self, clock: Clock) -> datetime | None:
        """Give the minute at which the next office hours begin; now's if it is in some."""
        return self._next(clock, True)

    def describe(self, clock: Clock) -> str:
        """Say how long it is as it is now: "office hours are until 18:00"."""
        is_open = self.is_open(clock)
        change = self.closes_at(clock) if is_open else self.opens_at(clock)
        if change is None:
            return "office hours never end" if is_open else "there are no office hours"
        now = self._now(clock)
        day = "" if change.date() == now.date() else f" on {change:%A, %Y-%m-%d}"
        zone = f" ({self.time_zone})" if self.time_zone else ""
        says = "are until" if is_open else "begin at"
        return f"office hours {says} {change:%H:%M}{day}{zone}"

    def _next(self, clock: Clock, is_open: bool) -> datetime | None:
        return next((each for each in self._changes(clock) if self._open_at(each) == is_open), None)

    def _changes(self, clock: Clock) -> Iterator[datetime]:
        """Give the present minute and those at which hours can begin or end, or clocks turn."""
        zone = ZoneInfo(self.time_zone) if self.time_zone else None
        now = self._now(clock)
        instant = now.astimezone(UTC) if zone else now
        last = instant + timedelta(weeks=WEEKS_AHEAD)
        ends = {end for name in WEEKDAYS for span in getattr(self, name) for end in _minutes(span)}
        turns = sorted({end % DAY for end in ends} | {DAY})
        while instant < last:
            local = instant.astimezone(zone) if zone else instant
            yield local
            minute = local.hour * 60 + local.minute
            following = instant + (next(turn for turn in turns if turn > minute) - minute) * MINUTE
            offset = local.utcoffset()
            if zone and following.astimezone(zone).utcoffset() != offset:
                following = instant
                while following.astimezone(zone).utcoffset() == offset:
                    following += MINUTE
            instant = following

    def _now(self, clock: Clock) -> datetime:
        """Give the present minute, as clocks of the time zone show it."""
        now = clock.utc.astimezone(ZoneInfo(self.time_zone)) if self.time_zone else clock.now
        return now.replace(second=0, microsecond=0)

    def _open_at(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        return any(
            begin <= minute + days_ago * DAY < end
            for days_ago in (0, 1)
            for begin, end in self._spans_of(local.date() - timedelta(days=days_ago))
        )

    def _spans_of(self, day: date) -> list[tuple[int, int]]:
        """Give the spans that begin on a day."""
        if day in self.holidays:
            return []
        return [_minutes(span) for span in getattr(self, WEEKDAYS[day.weekday()])]

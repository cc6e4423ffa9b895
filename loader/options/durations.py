"""Durations and ages as people write them: 90s, 1h30m, 90d; and moments, as dates or ages.

The units have a fixed length. Months and years have none, and M could be either of two things.
"""

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

UNITS = ("weeks", "days", "hours", "minutes", "seconds")
"""From the longest on, as they are written, by their first letters."""

MOST = timedelta(days=36_525)
"""A hundred years: what timers can wait, and what can be taken from a date."""

NUMBER = r"[0-9]+(?:\.[0-9]+)?"
DURATION = re.compile("".join(f"(?:(?P<{unit}>{NUMBER}){unit[0]})?" for unit in UNITS))
MOMENT_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?")


def parse_duration(value: object) -> timedelta:
    """Read a duration: "90s", "30m", "2h", "90d", "8w", "1h30m", or a number of seconds.

    Units are w, d, h, m (minutes) and s, in this order; numbers may have decimals. ValueError says
    what is none, is negative, or longer than a hundred years.
    """
    if isinstance(value, timedelta):
        return _bounded(value, str(value))
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    # True is an int, and no number of seconds.
    seconds = not isinstance(value, bool) and re.fullmatch(NUMBER, text)
    duration = _in_units(f"{text}s" if seconds else text)
    if duration is None:
        raise ValueError(
            f"{value!r} is no duration; write it such as 90s, 30m, 2h, 90d, 8w or 1h30m"
        )
    return duration


def parse_moment(value: object) -> datetime | timedelta:
    """Read a moment: a date ("2026-08-01"), a date with a time, or how long ago it is ("90d").

    Dates are local times of the database server. An age needs its unit: a bare number would be
    seconds, and is meant as days. ValueError says what is none, or has a time zone.
    """
    moment: datetime | timedelta | None
    if isinstance(value, timedelta):
        moment = _bounded(value, str(value))
    elif isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime.combine(value, time())
    else:
        moment = _moment(value.strip()) if isinstance(value, str) else None
    if moment is None:
        raise ValueError(
            f"{value!r} is no date and no age; write it such as 2026-08-01, "
            "2026-08-01 12:00:00, 90d or 8w"
        )
    if isinstance(moment, datetime) and moment.tzinfo:
        raise ValueError(f"{value} has a time zone; give the database server's local time")
    return moment


def format_duration(duration: timedelta) -> str:
    """Write a duration of at least 0 as `parse_duration` reads it: 1h30m, 0.25s, 56d, 0s."""
    parts, rest = "", duration
    for unit in ("days", "hours", "minutes"):
        count, rest = divmod(rest, timedelta(**{unit: 1}))
        parts += f"{count}{unit[0]}" if count else ""
    if rest or not parts:
        parts += f"{rest.seconds}.{rest.microseconds:06}".rstrip("0").rstrip(".") + "s"
    return parts


def format_moment(moment: datetime | timedelta) -> str:
    """Write a moment as `parse_moment` reads it: 2026-08-01 12:00:00, or 90d."""
    if isinstance(moment, timedelta):
        # An age of no days, as nobody counts ages in seconds.
        return format_duration(moment) if moment else "0d"
    return moment.isoformat(sep=" ", timespec="seconds").removesuffix(" 00:00:00")


def moment_before(moment: datetime | timedelta, now: datetime) -> datetime:
    """Give the date and time of a moment; an age is counted back from now."""
    return now - moment if isinstance(moment, timedelta) else moment


def _in_units(text: str) -> timedelta | None:
    found = DURATION.fullmatch(text)
    if not text or not found:
        return None
    counts = {unit: float(count) for unit, count in found.groupdict().items() if count}
    try:
        return _bounded(timedelta(**counts), text)
    except OverflowError:
        raise _too_long(text) from None


def _bounded(duration: timedelta, text: str) -> timedelta:
    if duration < timedelta():
        raise ValueError(f"{text!r} is negative; give a duration of at least 0s")
    if duration > MOST:
        raise _too_long(text)
    return duration


def _too_long(text: str) -> ValueError:
    return ValueError(f"{text[:30]!r} is too long; at most a hundred years can be counted")


def _moment(text: str) -> datetime | timedelta | None:
    if MOMENT_PATTERN.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r}: there is no such date or time") from None
    return _in_units(text)


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, when_used="json")
]
"""A field that `parse_duration` reads and JSON has as `format_duration`."""

Moment = Annotated[
    datetime | timedelta,
    BeforeValidator(parse_moment),
    PlainSerializer(format_moment, when_used="json"),
]
"""A field that `parse_moment` reads and JSON has as `format_moment`."""

"""Clocks and daylight saving: how far a zone's local time is ahead of UTC now.

The dialer keeps standard offsets and names of daylight saving rules in its tables. The rules are
applied as add_lead applies them, its calendar shortcuts included, because the answers have to
agree.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
"""As the dialer orders them."""


def moment_text(moment: datetime) -> str:
    """Write a moment as the database does, without its zone."""
    # Not by strftime: it writes years before 1000 differently from system to system.
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")


@dataclass(frozen=True)
class Clock:
    """The database server's clock: the one that counts."""

    now: datetime
    """Local time, without a zone."""
    offset: timedelta
    """How far local time is ahead of UTC now, daylight saving included."""

    @property
    def utc(self) -> datetime:
        """The same instant, with zone UTC."""
        return (self.now - self.offset).replace(tzinfo=UTC)


class Turn(NamedTuple):
    """When a daylight saving rule turns: a Sunday of a month, at an hour of local standard time.

    `sunday` is the first day of the month that the Sunday can be. From the day after `certain`
    on, the turn lies behind, whatever the weekday.
    """

    month: int
    sunday: int
    hour: int
    certain: int = 31

    def is_past(self, local: datetime) -> bool:
        """Say whether the turn lies behind a local standard time of its month."""
        if local.day > self.certain:
            return True
        last_sunday = local.day - local.isoweekday() % 7
        if last_sunday < self.sunday:
            return False
        return not (local.day == last_sunday < self.sunday + 7 and local.hour < self.hour)


RULES = {
    "SSM-FSN": (Turn(3, 8, 2, certain=13), Turn(11, 1, 2)),
    "FSA-LSO": (Turn(4, 1, 2), Turn(10, 25, 2)),
    "LSM-LSO": (Turn(3, 25, 1), Turn(10, 25, 1)),
    "LSO-LSM": (Turn(10, 25, 1), Turn(3, 25, 1)),
    "FSO-LSM": (Turn(10, 1, 1), Turn(3, 25, 1)),
    "FSO-FSA": (Turn(10, 1, 1), Turn(4, 1, 1)),
    "LSS-FSA": (Turn(10, 1, 0, certain=0), Turn(4, 1, 1)),
    "FSO-TSM": (Turn(10, 1, 1), Turn(3, 14, 1)),
    "TSO-LSF": (Turn(10, 22, 1), Turn(2, 22, 1)),
}
"""The rules by name: begin and end of daylight saving. A rule that is not here means none.

The first letters say which Sunday: first, second, third or last of the month. As recorded, SSM
counts the whole 14th, LSS begins in October, and TSM and TSO miss their Sunday by a week or a day.
"""


def is_daylight_saving(rule: str, local: datetime) -> bool:
    """Say whether a rule gives daylight saving at a local standard time (add_lead: DST_range)."""
    if rule not in RULES:
        return False
    begin, end = RULES[rule]
    if local.month == begin.month:
        return begin.is_past(local)
    if local.month == end.month:
        return not end.is_past(local)
    between = min(begin.month, end.month) < local.month < max(begin.month, end.month)
    return between == (begin.month < end.month)


def offset_now(standard: float, rule: str, clock: Clock) -> float:
    """Give a zone's offset from UTC now, in hours, from its standard offset and its rule.

    The dialer counts the zone's local hour from its standard offset and the server's present one,
    and drops what is left over an hour.
    """
    hours = int(clock.now.hour + standard - clock.offset / timedelta(hours=1))
    midnight = clock.now.replace(hour=0)
    return standard + is_daylight_saving(rule, midnight + timedelta(hours=hours))


def written_offsets(offsets: "pd.Series[float]") -> "pd.Series[str]":
    """Write offsets in hours as gmt_offset_now holds them: -5.00."""
    # Adding makes -0.0 the 0.0 that is read back.
    rounded = offsets.round(2) + 0.0
    return rounded.map({value: f"{value:.2f}" for value in rounded.unique()}).astype("str")

"""Clocks and daylight saving: the present offset of a time zone from UTC.

The dialer's tables have standard offsets and names of daylight saving rules. The rules are applied
as add_lead applies them, with its calendar shortcuts, because the results have to agree.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
"""As the dialer orders them."""


def moment_text(moment: datetime) -> str:
    """Write a moment as the database does, without its zone."""
    # Not by strftime: it writes years before 1000 differently from system to system.
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")


def end_of(began: datetime) -> datetime:
    """Give the present time, for what began at a time and ends now.

    Where this machine's clock was set back meanwhile, it is the begin: nothing takes less than no
    time.
    """
    return max(datetime.now(UTC), began)


@dataclass(frozen=True)
class Clock:
    """The time of the database server, which all rules use."""

    now: datetime
    """Local time, without tzinfo."""
    offset: timedelta
    """Of local time from UTC now, daylight saving included."""

    @property
    def utc(self) -> datetime:
        """The same instant, with zone UTC."""
        return (self.now - self.offset).replace(tzinfo=UTC)


class DstChange(NamedTuple):
    """Begin or end of daylight saving: a Sunday of a month, at an hour of local standard time.

    `first_day` is the first day of the month that may be this Sunday. After the day
    `always_past_after` the change is past, whatever weekday it is. Where the change `is_repeated`,
    it is not past either before its hour of the later Sundays of the month.
    """

    month: int
    first_day: int
    hour: int
    always_past_after: int = 31
    is_repeated: bool = False

    def is_past(self, local: datetime) -> bool:
        """Return whether the change is past at a local standard time in its month."""
        if local.day > self.always_past_after:
            return True
        last_sunday = local.day - local.isoweekday() % 7
        if last_sunday < self.first_day:
            return False
        may_be_today = self.is_repeated or last_sunday < self.first_day + 7
        return not (local.day == last_sunday and may_be_today and local.hour < self.hour)


RULES = {
    "SSM-FSN": (DstChange(3, 8, 2, always_past_after=13), DstChange(11, 1, 2)),
    "FSA-LSO": (DstChange(4, 1, 2), DstChange(10, 25, 2)),
    "LSM-LSO": (DstChange(3, 25, 1), DstChange(10, 25, 1)),
    "LSO-LSM": (DstChange(10, 25, 1), DstChange(3, 25, 1)),
    "FSO-LSM": (DstChange(10, 1, 1), DstChange(3, 25, 1)),
    "FSO-FSA": (DstChange(10, 1, 1), DstChange(4, 1, 2)),
    "LSS-FSA": (DstChange(10, 1, 0, always_past_after=0), DstChange(4, 1, 2)),
    "FSO-TSM": (DstChange(10, 1, 1), DstChange(3, 14, 1, is_repeated=True)),
    "TSO-LSF": (
        DstChange(10, 22, 1, is_repeated=True),
        DstChange(2, 22, 1, is_repeated=True),
    ),
}
"""Begin and end of daylight saving by name of the rule; without a rule there is none.

The first letter of each half is for the first, second, third or last Sunday of the month. As
recorded of add_lead, SSM includes the whole 14th, LSS begins in October, and TSM and TSO miss their
Sunday by a week or a day, and TSM, TSO and LSF come back for an hour on the Sundays after it.
"""


def is_daylight_saving(rule: str, local: datetime) -> bool:
    """Return whether a rule has daylight saving at a local standard time (add_lead: DST_range)."""
    if rule not in RULES:
        return False
    begin, end = RULES[rule]
    if local.month == begin.month:
        return begin.is_past(local)
    if local.month == end.month:
        return not end.is_past(local)
    is_between = min(begin.month, end.month) < local.month < max(begin.month, end.month)
    return is_between == (begin.month < end.month)


def offset_now(standard: float, rule: str, clock: Clock) -> float:
    """Return a zone's offset from UTC now, in hours, from its standard offset and its rule.

    As in add_lead, the local hour is that of the standard offset, without the remaining minutes.
    """
    hours = int(clock.now.hour + standard - clock.offset / timedelta(hours=1))
    midnight = clock.now.replace(hour=0)
    return standard + is_daylight_saving(rule, midnight + timedelta(hours=hours))

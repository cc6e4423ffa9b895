"""gmt_offset_now: the hours from UTC at which a lead's local clock stands now.

The dialer keeps standard offsets and names of daylight saving rules in its tables. The rules are
applied as add_lead applies them, its calendar shortcuts included, because the answers have to
agree; the tz database serves where the dialer's tables have nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.timezone import UNKNOWN_TIMEZONE
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from loader.collation import fold
from loader.columnar import to_arrow, to_series
from loader.findings import Notices, notices
from loader.reasons import Notice


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


PHONE_CODES = {"country_code": "int64", "areacode": "str", "state": "str"}
"""The columns by which vicidial_phone_codes is looked up; it also has `gmt_offset` (float64,
hours, standard time) and `dst_range` (str)."""


def gmt_offsets(
    leads: pd.DataFrame, phone_codes: pd.DataFrame, clock: Clock
) -> tuple["pd.Series[float]", Notices]:
    """Find gmt_offset_now for every lead (add_lead: tz_method empty).

    Country codes 1 and 52 go by area code, 61 by state, all others by the first row of their
    country; so does 61 for an unknown state. An unknown area code, and every number while
    vicidial_phone_codes is empty, takes the time zone that phonenumbers knows, with a notice
    (not for an empty table, which the summary mentions once). What nobody knows gets 0.

    Args:
        leads: columns phone_code, phone_number, national_number and state_given (str).
        phone_codes: see `PHONE_CODES`, in the order of the table.
        clock: the server's.

    Returns:
        Hours (float64) over the index of `leads`, and notices.
    """
    country = pd.to_numeric(leads["phone_code"].where(leads["phone_code"] != "", "0")).astype(
        "int64"
    )
    area = to_series(pc.utf8_slice_codeunits(to_arrow(leads["phone_number"]), 0, 3), leads.index)
    by_area = country.isin((1, 52))
    detail = area.where(by_area, fold(leads["state_given"]).where(country == 61, ""))
    asked = pd.DataFrame({"country_code": country, "detail": detail})
    wanted = asked.drop_duplicates().reset_index(drop=True)
    wanted["offset"] = _from_phone_codes(wanted, phone_codes, clock)
    offsets = asked.merge(wanted, how="left", on=["country_code", "detail"])["offset"]
    offsets.index = leads.index
    unknown = offsets.isna() & (by_area | phone_codes.empty)
    if unknown.any():
        offsets = offsets.where(~unknown, _from_phone_number(leads[unknown], clock))
    found = unknown & offsets.notna() & (not phone_codes.empty)
    said = [
        notices(leads.index[found], Notice.TIME_ZONE_OF_NUMBER, area[found]),
        notices(leads.index[offsets.isna()], Notice.NO_TIME_ZONE, ""),
    ]
    return offsets.fillna(0.0), pd.concat(said)


def _from_phone_codes(
    wanted: pd.DataFrame, phone_codes: pd.DataFrame, clock: Clock
) -> "pd.Series[float]":
    if phone_codes.empty:
        return pd.Series(np.nan, index=wanted.index)
    zones = phone_codes[["gmt_offset", "dst_range"]].drop_duplicates()
    now = {
        (standard, rule): offset_now(standard, rule, clock)
        for standard, rule in zip(zones["gmt_offset"], zones["dst_range"], strict=True)
    }
    table = phone_codes.assign(
        offset=pd.Series(
            list(
                map(now.get, zip(phone_codes["gmt_offset"], phone_codes["dst_range"], strict=True))
            ),
            index=phone_codes.index,
        )
    )
    first = table.drop_duplicates("country_code").set_index("country_code")["offset"]
    detailed = table[table["country_code"].isin((1, 52, 61))]
    detail = detailed["areacode"].where(detailed["country_code"] != 61, fold(detailed["state"]))
    exact = (
        detailed.assign(detail=detail)
        .drop_duplicates(["country_code", "detail"])
        .set_index(["country_code", "detail"])["offset"]
    )
    by_detail = wanted.join(exact, on=["country_code", "detail"])["offset"]
    by_country = wanted["country_code"].map(first).where(~wanted["country_code"].isin((1, 52)))
    return by_detail.fillna(by_country)


def _from_phone_number(leads: pd.DataFrame, clock: Clock) -> "pd.Series[float]":
    """Take the earliest of the offsets that the longest known beginning of a number can have."""
    beginnings = pa.array(TIMEZONE_DATA, pa.large_string())
    offsets = np.array([_earliest(zones, clock.utc) for zones in TIMEZONE_DATA.values()] + [np.nan])
    codes = leads["phone_code"].str.lstrip("0")
    known = codes.isin(map(str, COUNTRY_CODE_TO_REGION_CODE))
    numbers = to_arrow((codes + leads["national_number"]).where(known, ""))
    place = pc.coalesce(
        *(
            pc.index_in(pc.utf8_slice_codeunits(numbers, 0, width), beginnings)
            for width in range(TIMEZONE_LONGEST_PREFIX, 0, -1)
        )
    )
    return pd.Series(offsets[pc.fill_null(place, -1).to_numpy()], index=leads.index)


@cache
def _earliest(zones: tuple[str, ...], instant: datetime) -> float:
    offsets = [_utc_offset(zone, instant) for zone in zones if zone != UNKNOWN_TIMEZONE]
    return min(offsets, default=np.nan)


@cache
def _utc_offset(zone: str, instant: datetime) -> float:
    return (instant.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()) / timedelta(hours=1)

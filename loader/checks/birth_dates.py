"""Dates of birth: which texts are dates, and what a format makes of them.

Nothing is guessed: a text that is neither an ISO date nor written in a format that was named is no
date. A birthday is never in the future, so that years of two digits are those of the past.
"""

import re
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.blanks import trim
from loader.frames.arrow import to_arrow, to_mask, to_series
from loader.frames.calendar import is_date, write_numbers

_MINUTES = r"[0-5][0-9](?::?(?:[0-5][0-9]|60)(?:[.,][0-9]+)?)?"
_ZONE = r"(?: ?[AP]\.?M\.?)?(?: ?(?:[A-Z]{1,5}|[+-][0-9]{2}(?::?[0-9]{2})?))?"
_TIME = rf"(?:(?:T| +)(?:[01]?[0-9]|2[0-4]):{_MINUTES}{_ZONE})?"
_BASIC_TIME = rf"(?:T?(?:[01][0-9]|2[0-4]){_MINUTES}{_ZONE})?"
_ISO = (
    rf"(?i)^(?P<year>[0-9]{{4}})-(?P<month>[0-9]{{1,2}})-(?P<day>[0-9]{{1,2}}){_TIME}$",
    rf"(?i)^(?P<year>[0-9]{{4}})(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}}){_BASIC_TIME}$",
    rf"(?i)^(?P<year>3[2-9]|[4-9][0-9])-(?P<month>[0-9]{{1,2}})-(?P<day>[0-9]{{1,2}}){_TIME}$",
    r"^(?P<year>3[2-9]|[4-9][0-9])(?P<month>[0-9]{2})(?P<day>[0-9]{2})$",
)
"""A date with hyphens or in digits alone, and maybe a time, which does not matter. A year of
two digits counts from 32 on, which can be no day: 71-03-09, but not 10-12-08."""

_NOTHING = r"^(?:0{1,4}-0{1,2}-0{1,2}(?:[T ][0:.]+Z?)?|0+)?$"
"""What stands for no date."""

_DAYS_WRITTEN = (
    "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%m.%d.%Y",
    "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%m-%d-%y", "%d-%m-%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y",
    "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%m%d%Y", "%d%m%Y", "%y%m%d", "%m%d%y",
    "%d%m%y", "%y-%m-%d", "%Y-%m-%d", "%Y-%d-%m", "%A, %B %d, %Y",
)  # fmt: skip
_TIMES_WRITTEN = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
USUAL_FORMATS = tuple(day + time for time in _TIMES_WRITTEN for day in _DAYS_WRITTEN)
"""Formats that files have, to propose one."""
ENOUGH = 200
"""Texts that are looked at for a proposal."""


def read_dates(values: "pd.Series[str]", formats: Sequence[str], today: date) -> "pd.Series[str]":
    """Read dates of birth, as YYYY-MM-DD; null where a text is none.

    Args:
        values: texts; blanks around them do not matter.
        formats: in strptime's letters, tried in this order; none: ISO dates. 1980-01-31 is read
            beside formats, too, unless one of them could take it for another day.
        today: a date by a year of two digits is not after it.
    """
    texts = trim(values)
    if not formats:
        return _read_iso(texts)
    distinct = to_arrow(texts).combine_chunks().dictionary_encode()
    words = to_series(distinct.dictionary, pd.RangeIndex(len(distinct.dictionary)))
    dates = pd.Series(index=words.index, dtype="str")
    for each in formats:
        dates = dates.where(dates.notna(), read_by_format(words, each, today))
    if not any(are_confusable(each, "%Y-%m-%d", today) for each in formats):
        dates = dates.where(dates.notna(), _read_iso(words, _ISO[:1]))
    return to_series(to_arrow(dates).combine_chunks().take(distinct.indices), values.index)


def is_no_date(values: "pd.Series[str]") -> "pd.Series[bool]":
    """Say which texts are blank, or a date of zeros: nothing is lost if they are not stored."""
    return to_mask(pc.match_substring_regex(to_arrow(trim(values)), _NOTHING), values.index)


def read_by_format(words: "pd.Series[str]", date_format: str, today: date) -> "pd.Series[str]":
    """Read texts by one format; null where one does not fit.

    Digits that nothing separates have to be all there: 1121980 may be two dates.
    """
    # pandas reads words such as "today" by any format.
    likely = to_mask(pc.match_substring_regex(to_arrow(words), "[0-9]"), words.index)
    moments = pd.to_datetime(words.where(likely, ""), format=date_format, errors="coerce")
    days = moments.to_numpy().astype("datetime64[D]")
    good = ~np.isnat(days)
    if re.search("%[YymdHMSjI]%[YymdHMSjI]", date_format):
        good &= (moments.dt.strftime(date_format) == words).to_numpy()
    texts = days.astype(str)
    if re.search("%[yxD]", date_format):
        late = good & (days > np.datetime64(today))
        texts = np.where(late, _century_before(texts), texts)
        good &= ~late | (texts != "")
    return pd.Series(texts, index=words.index, dtype="str").where(pd.Series(good, words.index))


def _century_before(texts: "np.ndarray") -> "np.ndarray":
    """Give the same days a hundred years before; "" where there is none."""
    years = pd.Series(texts).str.slice(0, 4)
    earlier = pd.to_numeric(years, errors="coerce").fillna(0).astype("int64") - 100
    moved = earlier.astype("str").str.zfill(4) + pd.Series(texts).str.slice(4)
    known = pd.to_datetime(moved, format="%Y-%m-%d", errors="coerce").notna()
    return moved.where(known, "").to_numpy(dtype=object)


def _read_iso(texts: "pd.Series[str]", patterns: Sequence[str] = _ISO) -> "pd.Series[str]":
    parts = [pc.extract_regex(to_arrow(texts), pattern) for pattern in patterns]
    found = [
        pc.coalesce(*(pc.struct_field(part, name) for part in parts))
        for name in ("year", "month", "day")
    ]
    year, month, day = (pc.cast(digits, pa.int64()) for digits in found)
    year = pc.if_else(pc.equal(pc.utf8_length(found[0]), 2), pc.add(year, 1900), year)
    good = is_date(year, month, day)
    for number in (year, month, day):
        good = pc.and_(good, pc.greater(number, 0))
    text = write_numbers([(year, 4), (month, 2), (day, 2)], "-")
    return to_series(pc.if_else(pc.fill_null(good, False), text, None), texts.index)


def best_formats(words: "pd.Series[str]", today: date) -> list[str]:
    """Name the usual formats that read most of some distinct texts, more than half of them.

    Several read equally many where all days are below 13.
    """
    words = trim(words[:ENOUGH])
    counts = {each: int(read_by_format(words, each, today).notna().sum()) for each in USUAL_FORMATS}
    most = max(counts.values())
    return [each for each, count in counts.items() if count == most and count * 2 > len(words)]


def are_confusable(one: str, other: str, today: date) -> bool:
    """Say whether some text is a date to two formats, but not the same one."""
    days = [date(2003, 4, 5), date(2011, 10, 9), date(2010, 12, 11)]
    words = pd.Series([day.strftime(each) for day in days for each in (one, other)], dtype="str")
    first, second = (read_by_format(words, each, today) for each in (one, other))
    return bool((first.notna() & second.notna() & (first != second)).any())

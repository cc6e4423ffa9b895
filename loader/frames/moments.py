"""Dates and times in texts, read as the dialer's server reads a text into such a column.

The grammar is MariaDB's: any punctuation separates, years may have two digits, what follows a date
does not matter. Frames are read by kernels: no row is looked at by itself.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Literal, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import join_texts, to_arrow, to_mask, to_series
from loader.frames.calendar import is_date, modulo, write_numbers

MomentKind = Literal["date", "datetime", "timestamp", "time"]
"""Types of columns; a timestamp is a datetime without unknown parts."""

ZERO = {
    "date": "0000-00-00",
    "datetime": "0000-00-00 00:00:00",
    "timestamp": "0000-00-00 00:00:00",
    "time": "00:00:00",
}
"""What is stored of a text that is none, by the type of the column."""

_PUNCTUATION = r"[!-/:-@\[-`{-~]"
_REST = r"(?P<rest>(?s:.*))$"
_TIME_OF_DAY = (
    rf"(?P<hour>[0-9]+)(?:{_PUNCTUATION}(?P<minute>[0-9]+)"
    rf"(?:{_PUNCTUATION}(?P<second>[0-9]+)(?:\.(?P<fraction>[0-9]*))?)?)?"
)
_DATE = rf"^(?P<year>[0-9]+){_PUNCTUATION}(?P<month>[0-9]+){_PUNCTUATION}(?P<day>[0-9]+)"
_DELIMITED = rf"{_DATE}(?:(?:T|{_PUNCTUATION}|\s+){_TIME_OF_DAY})?{_REST}"
_DELIMITED_WITH_TIME = rf"{_DATE}(?:(?:T|\s+){_TIME_OF_DAY})?{_REST}"
"""In a column of times, a blank or T alone may part the date from the time."""

_DIGITS = r"^(?P<before>[0-9]+)(?:T(?P<after>[0-9]*))?(?P<point>\.[0-9]*)?$"
"""A date in digits alone."""
_TWO = "[0-9]{1,2}"
_NUMBER_OF_DATE = (
    rf"(?P<month>[0-9]{{2}})(?P<day>{_TWO})"
    rf"(?:T?(?P<hour>{_TWO})(?P<minute>{_TWO})?(?P<second>{_TWO})?)?"
    rf"(?:\.(?P<fraction>[0-9]*))?{_REST}"
)
_LONG_NUMBER = rf"^(?P<year>[0-9]{{4}}){_NUMBER_OF_DATE}"
_SHORT_NUMBER = rf"^(?P<year>[0-9]{{2}}){_NUMBER_OF_DATE}"

_BODY = rf"^\s*(?P<sign>[+-]?)\s*(?P<body>(?s:.*[0-9]{_PUNCTUATION}?)?)(?P<end>[^0-9]*)$"
"""What stands behind the last digit counts for nothing."""
_END = rf"(?:\.(?P<fraction>[0-9]*))?{_REST}"
_DAYS = r"^(?P<days>[0-9]+)\s+(?P<hours>[0-9]+)(?::(?P<minute>[0-9]+)(?::(?P<second>[0-9]+))?)?"
_HOURS = r"^(?P<hours>[0-9]+)\s*:(?P<minute>[0-9]+)(?::(?P<second>[0-9]+))?"
_NUMBER = r"^(?P<number>[0-9]+)\s*"
_EXPONENT = r"^[eE][+-]?[0-9]"

_LARGEST = 2**32 - 1
_MOST_HOURS = 838
"""Longer times are stored as 838:59:59."""


class Moments(NamedTuple):
    """What the server makes of texts."""

    texts: "pd.Series[str]"
    """As they are stored; null where it finds no date or time: it stores `ZERO`."""
    is_partly: "pd.Series[bool]"
    """It understands only the beginning, such as 1:05 of 1:05 PM."""


class _Parts(NamedTuple):
    """A date with a time of day; 0 where there is none."""

    year: pa.ChunkedArray
    month: pa.ChunkedArray
    day: pa.ChunkedArray
    hour: pa.ChunkedArray
    minute: pa.ChunkedArray
    second: pa.ChunkedArray
    fraction: pa.ChunkedArray
    """Digits."""
    rest: pa.ChunkedArray
    """What follows in the text."""
    is_good: pa.ChunkedArray
    """There is such a date and such a time; its month or day may be 0."""
    is_found: pa.ChunkedArray
    """There are three numbers to be a date."""
    has_time: pa.ChunkedArray
    """There is an hour."""


def read_moments(texts: "pd.Series[str]", kind: MomentKind, digits: int = 0) -> Moments:
    """Read texts as the server does for a column of a type.

    Args:
        texts: any texts.
        kind: the type.
        digits: of fractions of a second that the column holds; more are cut off.
    """
    whole = pc.extract_regex(to_arrow(texts), _BODY)
    sign, body, end = (pc.struct_field(whole, name) for name in ("sign", "body", "end"))
    if kind == "time":
        stored, rest = _read_times(sign, body, digits)
    else:
        parts = _read_dates(body, _DELIMITED)
        stored = pc.if_else(pc.equal(sign, "-"), None, _write(parts, kind, digits))
        rest = parts.rest
    rest = pc.utf8_trim_whitespace(join_texts([rest, end], ""))
    leaves = pc.and_(pc.is_valid(stored), pc.not_equal(rest, ""))
    return Moments(to_series(stored, texts.index), to_mask(leaves, texts.index))


def _read_dates(texts: pa.ChunkedArray, delimited: str) -> _Parts:
    """Find dates in digits alone, whose count tells how long the year is, or between delimiters."""
    number = pc.extract_regex(texts, _DIGITS)
    before, after, point = (pc.struct_field(number, n) for n in ("before", "after", "point"))
    count = pc.add(pc.utf8_length(before), pc.utf8_length(after))
    is_number = pc.fill_null(pc.or_(pc.equal(point, ""), pc.greater_equal(count, 12)), False)
    is_long = pc.or_(pc.is_in(count, pa.array([4, 8], count.type)), pc.greater_equal(count, 14))
    found = [
        (pc.and_(is_number, pc.fill_null(is_long, False)), pc.extract_regex(texts, _LONG_NUMBER)),
        (is_number, pc.extract_regex(texts, _SHORT_NUMBER)),
        (pc.invert(is_number), pc.extract_regex(texts, delimited)),
    ]
    long, short, other = (pc.and_(applies, pc.is_valid(parts)) for applies, parts in found)
    short = pc.and_(short, pc.invert(found[0][0]))

    def text(name: str) -> pa.ChunkedArray:
        first, second, third = (pc.struct_field(parts, name) for _, parts in found)
        return pc.if_else(long, first, pc.if_else(short, second, pc.if_else(other, third, "")))

    is_found = pc.or_(pc.or_(long, short), other)
    numbers = [_number(text(n)) for n in ("year", "month", "day", "hour", "minute", "second")]
    year, month, day, hour, minute, second = numbers
    is_zero = pc.equal(_sum(numbers), 0)
    has_fraction = pc.match_substring_regex(text("fraction"), "[1-9]")
    is_short_year = pc.and_(
        pc.equal(pc.utf8_length(text("year")), 2), pc.or_(pc.invert(is_zero), has_fraction)
    )
    century = pc.if_else(pc.less(year, 70), 2000, 1900)
    year = pc.if_else(is_short_year, pc.add(year, century), year)
    is_good = pc.and_(is_found, is_date(year, month, day))
    for value, most in ((hour, 23), (minute, 59), (second, 59)):
        is_good = pc.and_(is_good, pc.less_equal(value, most))
    has_time = pc.not_equal(text("hour"), "")
    rest = text("rest")
    return _Parts(
        year, month, day, hour, minute, second, text("fraction"), rest, is_good, is_found, has_time
    )


def _write(parts: _Parts, kind: MomentKind, digits: int) -> pa.ChunkedArray:
    """Write dates as they are stored; null where there is none."""
    date = write_numbers([(parts.year, 4), (parts.month, 2), (parts.day, 2)], "-")
    is_good = parts.is_good
    if kind == "timestamp":
        is_unknown = pc.or_(pc.equal(parts.month, 0), pc.equal(parts.day, 0))
        is_good = pc.and_(is_good, pc.invert(is_unknown))
        numbers = (*parts[:6],)
        zero = pc.and_(parts.is_good, pc.equal(_sum(numbers), 0))
        is_good = pc.or_(is_good, zero)
    if kind != "date":
        time = write_numbers([(parts.hour, 2), (parts.minute, 2), (parts.second, 2)], ":")
        date = join_texts([date, _with_fraction(time, parts.fraction, digits)], " ")
    return pc.if_else(is_good, date, None)


def _read_times(
    sign: pa.ChunkedArray, text: pa.ChunkedArray, digits: int
) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Read times: of a date with a time, or days, hours, minutes and seconds; and what follows."""
    dates, clock = _read_dates(text, _DELIMITED_WITH_TIME), _read_clock(text)
    is_long = pc.greater_equal(pc.binary_length(text), 12)
    is_apart = pc.match_substring_regex(text, r"[^0-9:.]")
    with_time = pc.and_(dates.has_time, pc.or_(is_long, is_apart))
    # Without a time it may be one of hours, 10:11:12, and then punctuation is no blank.
    is_alone = pc.match_substring_regex(dates.rest, rf"^(?:$|[^{_PUNCTUATION[1:]})")
    starts_date = pc.match_substring_regex(text, r"^[0-9]+[^0-9:]")
    without_time = pc.and_(pc.and_(is_long, is_alone), starts_date)
    is_date = pc.and_(dates.is_found, pc.or_(with_time, without_time))
    minus = pc.equal(sign, "-")
    of_date = _Clock(
        dates.hour, dates.minute, dates.second, dates.fraction, dates.rest,
        pc.and_(dates.is_good, pc.invert(minus)),
    )  # fmt: skip
    hour, minute, second, fraction, rest, is_good = (
        pc.if_else(is_date, one, other) for one, other in zip(of_date, clock, strict=True)
    )
    is_good = pc.and_(pc.fill_null(is_good, False), pc.less_equal(hour, _LARGEST))
    is_long = pc.greater(hour, _MOST_HOURS)
    fraction = pc.if_else(is_long, "9" * digits, fraction)
    hour, minute, second = (
        pc.if_else(is_long, most, number)
        for number, most in ((hour, _MOST_HOURS), (minute, 59), (second, 59))
    )
    time = write_numbers([(hour, 2), (minute, 2), (second, 2)], ":")
    time = _with_fraction(time, fraction, digits)
    before = pc.cast(pc.if_else(minus, "-", ""), pa.large_string())
    return pc.if_else(is_good, join_texts([before, time], ""), None), rest


class _Clock(NamedTuple):
    """A time, of which hours may be many."""

    hour: pa.ChunkedArray
    minute: pa.ChunkedArray
    second: pa.ChunkedArray
    fraction: pa.ChunkedArray
    rest: pa.ChunkedArray
    is_good: pa.ChunkedArray


def _read_clock(text: pa.ChunkedArray) -> _Clock:
    """Read days and hours, hours and minutes, or a number whose last digits are seconds."""
    days, hours, number = (
        pc.extract_regex(text, pattern + _END) for pattern in (_DAYS, _HOURS, _NUMBER)
    )
    has_days = pc.and_(
        pc.is_valid(days), pc.invert(pc.match_substring_regex(text, r"^[0-9]+\s+[0-9]$"))
    )
    has_hours = pc.and_(pc.is_valid(hours), pc.invert(has_days))

    def part(name: str) -> pa.ChunkedArray:
        of_days, of_hours = pc.struct_field(days, name), pc.struct_field(hours, name)
        return pc.if_else(has_days, of_days, pc.if_else(has_hours, of_hours, None))

    value = _number(pc.struct_field(number, "number"), 16)
    hour = pc.coalesce(_number(part("hours"), 10), pc.divide(value, 10000))
    day = pc.if_else(has_days, _number(pc.struct_field(days, "days"), 10), 0)
    hour = pc.add(hour, pc.multiply(pc.fill_null(day, 0), 24))
    minute = pc.coalesce(_number(part("minute")), modulo(pc.divide(value, 100), 100))
    second = pc.coalesce(_number(part("second")), modulo(value, 100))
    fraction, rest = (
        pc.coalesce(part(name), pc.struct_field(number, name)) for name in ("fraction", "rest")
    )
    is_good = pc.and_(pc.less_equal(minute, 59), pc.less_equal(second, 59))
    is_good = pc.and_(is_good, pc.invert(pc.match_substring_regex(rest, _EXPONENT)))
    return _Clock(hour, minute, second, fraction, rest, is_good)


def _number(digits: pa.ChunkedArray, most: int = 5) -> pa.ChunkedArray:
    """Read digits; of more than `most` that count only that they are too many; "" is 0."""
    stripped = pc.utf8_ltrim(digits, "0")
    is_short = pc.less_equal(pc.utf8_length(stripped), most)
    read = pc.if_else(is_short, stripped, "9" * most)
    return pc.cast(pc.if_else(pc.equal(read, ""), "0", read), pa.int64())


def _sum(numbers: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    return reduce(pc.add, numbers)


def _with_fraction(
    time: pa.ChunkedArray, fraction: pa.ChunkedArray, digits: int
) -> pa.ChunkedArray:
    """Write fractions of a second behind times, if the column holds them."""
    if not digits:
        return time
    cut = pc.utf8_slice_codeunits(pc.utf8_rpad(fraction, digits, "0"), 0, digits)
    return join_texts([time, pc.cast(cut, pa.large_string())], ".")

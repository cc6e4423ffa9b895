"""Dates as people write them, as ISO dates."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import join_texts, to_arrow, to_series

_DATES = (
    r"^(?P<year>[0-9]+)-(?P<month>[0-9]+)-(?P<day>[0-9]+)",
    r"^(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})(?:[0-9]{6,})?$",
    r"^(?P<year>[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{1,2})(?:[0-9]|[0-9]{3,7})?$",
)
"""Year, month and day with hyphens, or in digits alone: with a year of four if there are 8, or 14
and more, else with a year of two. A time of day may follow."""

_DAYS = pa.array([31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
"""Days of the months; month 0, unknown, may have any."""


def iso_dates(values: "pd.Series[str]") -> "pd.Series[str]":
    """Read dates as the database reads add_lead's digits and hyphens: null where it finds none.

    The year may have two digits (70 to 99 are 19xx), month and day may be 0: unknown.
    """
    texts = pc.replace_substring_regex(to_arrow(values), r"[^0-9-]", "")
    parts = [pc.extract_regex(texts, pattern) for pattern in _DATES]
    year, month, day = (
        pc.coalesce(*(_number(pc.struct_field(part, name)) for part in parts))
        for name in ("year", "month", "day")
    )
    written = pc.coalesce(*(pc.utf8_length(pc.struct_field(part, "year")) for part in parts))
    empty = pc.equal(pc.add(pc.add(year, month), day), 0)
    century = pc.if_else(pc.less(year, 70), 2000, 1900)
    short = pc.and_(pc.equal(written, 2), pc.invert(empty))
    year = pc.if_else(short, pc.add(year, century), year)
    leap = _is_leap(year)
    known = pc.and_(pc.less_equal(year, 9999), pc.less_equal(month, 12))
    last = _DAYS.take(pc.if_else(pc.fill_null(known, fill_value=False), month, 0))
    last = pc.add(last, pc.cast(pc.and_(leap, pc.equal(month, 2)), pa.int64()))
    good = pc.fill_null(pc.and_(known, pc.less_equal(day, last)), fill_value=False)
    text = join_texts([_padded(n, width) for n, width in ((year, 4), (month, 2), (day, 2))], "-")
    return to_series(pc.if_else(good, text, None), values.index)


def _number(digits: pa.ChunkedArray) -> pa.ChunkedArray:
    """Read up to five digits; more are no part of a date."""
    short = pc.match_substring_regex(digits, r"^0*[0-9]{1,5}$")
    return pc.cast(
        pc.if_else(short, digits, pc.if_else(pc.is_valid(digits), "99999", None)), pa.int64()
    )


def _padded(numbers: pa.ChunkedArray, width: int) -> pa.ChunkedArray:
    return pc.cast(pc.utf8_lpad(pc.cast(numbers, pa.string()), width, "0"), pa.large_string())


def _is_leap(year: pa.ChunkedArray) -> pa.ChunkedArray:
    def divides(number: int) -> pa.ChunkedArray:
        return pc.equal(pc.multiply(pc.divide(year, number), number), year)

    # To the database the year 0 is none.
    century = pc.and_(divides(400), pc.greater(year, 0))
    return pc.and_(divides(4), pc.or_(pc.invert(divides(100)), century))

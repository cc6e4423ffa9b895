"""Days of the calendar in Arrow arrays of numbers."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import join_texts

_LAST_DAYS = pa.array([31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
"""Of the months; month 0, unknown, may have any."""


def is_date(year: pa.ChunkedArray, month: pa.ChunkedArray, day: pa.ChunkedArray) -> pa.ChunkedArray:
    """Say which numbers (int64, none below 0) the server takes for a date; null where one is null.

    Month and day may be 0: unknown. To the server the year 0 is no leap year.
    """
    is_leap = pc.and_(
        pc.equal(modulo(year, 4), 0),
        pc.or_(
            pc.not_equal(modulo(year, 100), 0),
            pc.and_(pc.equal(modulo(year, 400), 0), pc.greater(year, 0)),
        ),
    )
    is_known = pc.and_(pc.less_equal(year, 9999), pc.less_equal(month, 12))
    last = _LAST_DAYS.take(pc.if_else(pc.fill_null(is_known, False), pc.fill_null(month, 0), 0))
    last = pc.add(last, pc.cast(pc.and_(is_leap, pc.equal(month, 2)), pa.int64()))
    return pc.and_(is_known, pc.less_equal(day, last))


def write_numbers(
    numbers: Sequence[tuple[pa.ChunkedArray, int]], separator: str
) -> pa.ChunkedArray:
    """Join numbers, each with leading zeros up to its width, as texts (large_string)."""
    texts = [pc.utf8_lpad(pc.cast(n, pa.string()), width, "0") for n, width in numbers]
    return join_texts([pc.cast(text, pa.large_string()) for text in texts], separator)


def modulo(number: pa.ChunkedArray, base: int) -> pa.ChunkedArray:
    """Give what is left of numbers (int64, none below 0) that are divided."""
    return pc.subtract(number, pc.multiply(pc.divide(number, base), base))

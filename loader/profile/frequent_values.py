"""The most frequent values of a column, in bounded memory."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import join_texts
from loader.profile.records import RepeatedValue
from loader.profile.texts import Texts

ROWS_PER_BUCKET = 20_000
"""Row numbers whose rows are counted at a time."""

MOST_TRACKED = 2_000
"""Values whose counts are kept between buckets."""

MOST_REPORTED = 5
"""How many of the most frequent values are reported."""

LONGEST_VALUE = 100
"""In characters; longer values are cut, and end in an ellipsis."""

Counts = npt.NDArray[np.int64]


class Bucket(NamedTuple):
    """Values of a column in rows of one bucket."""

    number: int
    """The bucket has the rows whose row_number is this times `ROWS_PER_BUCKET`, or follows that."""
    values: pa.Array
    """One for each row (large_string), or each value once."""
    counts: Counts | None = None
    """How many rows have each value; None: they are not counted yet."""
    dropped: int = 0
    """Upper bound of the rows that have a value that is left out."""


def count_values(values: pa.Array) -> tuple[pa.Array, Counts, int]:
    """Count the values of a bucket, see `Bucket`.

    Blanks are none, and those that a single row has are left out of many.
    """
    counted = pc.value_counts(values)
    values, counts = counted.field("values"), counted.field("counts").to_numpy()
    kept = pc.binary_length(values).to_numpy() > 0
    is_single = kept & (counts == 1)
    dropped = int(is_single.any() and np.count_nonzero(kept) > MOST_TRACKED)
    if dropped:
        kept &= ~is_single
    return values.filter(pa.array(kept)), counts[kept], dropped


def by_bucket(texts: Texts, row_numbers: pd.Index, span: range) -> list[Bucket]:
    """Part the values of consecutive rows by bucket, and count them where the bucket is complete.

    `span` has all row numbers of which it is known that there are no other rows.
    """
    values = _shorten(texts)
    numbers = row_numbers.to_numpy() // ROWS_PER_BUCKET
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    buckets = []
    for start, end in pairwise([*starts.tolist(), len(values)]):
        bucket = Bucket(int(numbers[start]), values.slice(start, end - start))
        first = bucket.number * ROWS_PER_BUCKET
        is_whole = span.start <= first and first + ROWS_PER_BUCKET <= span.stop
        buckets.append(Bucket(bucket.number, *count_values(bucket.values)) if is_whole else bucket)
    return buckets


class FrequentValues:
    """Counts the values of one column, in the order of its rows.

    A Misra-Gries summary, merged bucket by bucket (Agarwal et al., Mergeable Summaries, 2012).
    Counts are exact for at most `MOST_TRACKED` values. With more, each count is a lower bound, and
    each value that more than one in `MOST_TRACKED` rows has is found. A bucket has
    `ROWS_PER_BUCKET` row numbers, however the file is split into chunks, so the result depends on
    the rows alone.
    """

    def __init__(self) -> None:
        self._pending: list[Bucket] = []
        """Parts of one bucket."""
        self._values = pa.array([], pa.large_string())
        self._counts = np.empty(0, dtype=np.int64)
        """Occurrences of each value since it has been tracked."""
        self._bounds = self._counts.copy()
        """Upper bounds of all its occurrences."""
        self._dropped = 0
        """Upper bound of the occurrences of any value that is not tracked."""

    def add(self, bucket: Bucket) -> None:
        """Count the values of the next rows, see `by_bucket`."""
        if self._pending and self._pending[0].number != bucket.number:
            self._count()
        self._pending.append(bucket)

    def most_frequent(self) -> list[RepeatedValue]:
        """Return the `MOST_REPORTED` most frequent values that at least two rows have."""
        self._count()
        few = np.flatnonzero(self._counts >= 2)
        if few.size > MOST_REPORTED:
            least = np.partition(self._counts[few], -MOST_REPORTED)[-MOST_REPORTED]
            few = few[self._counts[few] >= least]
        pairs = zip(self._values.take(pa.array(few)).to_pylist(), self._counts[few], strict=True)
        ranked = sorted((-int(rows), value) for value, rows in pairs)[:MOST_REPORTED]
        return [RepeatedValue(value=value, rows=-negative) for negative, value in ranked]

    def _count(self) -> None:
        """Merge the counts of the bucket whose parts wait."""
        if not self._pending:
            return
        parts, self._pending = self._pending, []
        values, counts, dropped = parts[0].values, parts[0].counts, parts[0].dropped
        if counts is None:
            values = pa.chunked_array([part.values for part in parts]).combine_chunks()
            values, counts, dropped = count_values(values)
        self._merge(values, counts, dropped)

    def _merge(self, values: pa.Array, counts: Counts, dropped: int) -> None:
        """Add the counts of a bucket, and drop values that are too rare to be tracked."""
        position = pc.fill_null(pc.index_in(values, value_set=self._values), -1).to_numpy()
        known, new = position[position >= 0], np.flatnonzero(position < 0)
        self._counts[known] += counts[position >= 0]
        # Those that the bucket has left out it may have as often as that.
        self._bounds += dropped
        self._bounds[known] += counts[position >= 0] - dropped
        bounds = np.concatenate([self._bounds, counts[new] + self._dropped])
        self._dropped += dropped
        if bounds.size > MOST_TRACKED:
            self._dropped = int(np.partition(bounds, -MOST_TRACKED - 1)[-MOST_TRACKED - 1])
        frequent = bounds > self._dropped
        old, new = frequent[: self._bounds.size], new[frequent[self._bounds.size :]]
        self._bounds = bounds[frequent]
        if new.size or not old.all():
            tracked = self._values.filter(pa.array(old))
            self._values = pa.concat_arrays([tracked, values.take(pa.array(new))])
            self._counts = np.concatenate([self._counts[old], counts[new]])


def _shorten(texts: Texts) -> pa.Array:
    if not len(texts.array) or int(texts.lengths.max()) <= LONGEST_VALUE:
        return texts.array
    long = pc.greater(pc.utf8_length(texts.array), LONGEST_VALUE)
    cut = pc.utf8_slice_codeunits(texts.array, 0, LONGEST_VALUE - 1)
    shortened = join_texts([cut, pa.scalar("…", pa.large_string())], "")
    return pc.if_else(long, shortened, texts.array)

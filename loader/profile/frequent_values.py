"""The most frequent values of a column, in bounded memory."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import join_texts
from loader.profile.records import RepeatedValue
from loader.profile.texts import Texts

ROWS_PER_BUCKET = 20_000
"""Rows that are counted at a time."""

MOST_TRACKED = 2_000
"""Values whose counts are kept between buckets."""

MOST_REPORTED = 5
"""How many of the most frequent values are reported."""

LONGEST_VALUE = 100
"""In characters; longer values are cut, and end in an ellipsis."""


class FrequentValues:
    """Counts the values of one column, in the order of its rows.

    A Misra-Gries summary, merged bucket by bucket (Agarwal et al., Mergeable Summaries, 2012).
    Counts are exact for at most `MOST_TRACKED` values. With more, each count is a lower bound, and
    each value that more than one in `MOST_TRACKED` rows has is found. A bucket has
    `ROWS_PER_BUCKET` rows, however the file is split into chunks, so the result depends on the
    rows alone.
    """

    def __init__(self) -> None:
        self._pending: list[pa.Array] = []
        self._rows = 0
        self._values = pa.array([], pa.large_string())
        self._counts = np.empty(0, dtype=np.int64)
        """Occurrences of each value since it has been tracked."""
        self._bounds = self._counts.copy()
        """Upper bounds of all its occurrences."""
        self._dropped = 0
        """Upper bound of the occurrences of any value that is not tracked."""

    def add(self, texts: Texts) -> None:
        """Count the values of the next rows; blanks are rows but no values."""
        array = _shorten(texts)
        start = 0
        while start < len(array):
            part = array.slice(start, ROWS_PER_BUCKET - self._rows)
            self._pending.append(part)
            self._rows += len(part)
            start += len(part)
            if self._rows == ROWS_PER_BUCKET:
                self._count()

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
        """Merge the counts of the pending rows."""
        if not self._rows:
            return
        counted = pc.value_counts(pa.chunked_array(self._pending).combine_chunks())
        self._pending, self._rows = [], 0
        values, counts = counted.field("values"), counted.field("counts").to_numpy()
        position = pc.fill_null(pc.index_in(values, value_set=self._values), -1).to_numpy()
        known = position >= 0
        self._counts[position[known]] += counts[known]
        self._bounds[position[known]] += counts[known]
        new = np.flatnonzero(~known & (pc.binary_length(values).to_numpy() > 0))
        self._merge(values, counts, new)

    def _merge(
        self, values: pa.Array, counts: npt.NDArray[np.int64], new: npt.NDArray[np.int64]
    ) -> None:
        """Add new values, and drop those that are too rare to be tracked."""
        bounds = np.concatenate([self._bounds, counts[new] + self._dropped])
        if bounds.size > MOST_TRACKED:
            self._dropped = int(np.partition(bounds, -MOST_TRACKED - 1)[-MOST_TRACKED - 1])
        frequent = bounds > self._dropped
        old, new = frequent[: self._bounds.size], new[frequent[self._bounds.size :]]
        if new.size or not old.all():
            tracked = self._values.filter(pa.array(old))
            self._values = pa.concat_arrays([tracked, values.take(pa.array(new))])
            self._counts = np.concatenate([self._counts[old], counts[new]])
            self._bounds = bounds[frequent]


def _shorten(texts: Texts) -> pa.Array:
    if not len(texts.array) or int(texts.lengths.max()) <= LONGEST_VALUE:
        return texts.array
    long = pc.greater(pc.utf8_length(texts.array), LONGEST_VALUE)
    cut = pc.utf8_slice_codeunits(texts.array, 0, LONGEST_VALUE - 1)
    shortened = join_texts([cut, pa.scalar("…", pa.large_string())], "")
    return pc.if_else(long, shortened, texts.array)

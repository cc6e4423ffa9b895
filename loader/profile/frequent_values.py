"""The most frequent values of a column of any length, in little memory."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loader.profile.records import Repeated
from loader.profile.texts import Texts

BUCKET = 20_000
"""Rows that are counted at a time."""

KEPT = 2_000
"""Values that are kept from bucket to bucket."""

SHOWN = 5
"""The most frequent that are told."""

LONGEST = 100
"""Characters by which values are told apart; a longer one ends in an ellipsis."""


class FrequentValues:
    """Counts the values of one column, in the order of its rows.

    A summary of Misra and Gries, merged bucket by bucket (Agarwal et al., Mergeable Summaries,
    2012): exact while there are at most `KEPT` values; after that, each count is a lower bound, and
    every value of more than one in `KEPT` rows is there. Buckets are of `BUCKET` rows each,
    whatever the chunks, so that the answer depends on the rows alone.
    """

    def __init__(self) -> None:
        self._waiting: list[pa.Array] = []
        self._rows = 0
        self._values = pa.array([], pa.large_string())
        self._counts = np.empty(0, dtype=np.int64)
        """Occurrences since the value is kept."""
        self._bounds = self._counts.copy()
        """Above the occurrences in all."""
        self._dropped = 0
        """No value that is not kept occurred more often."""

    def add(self, texts: Texts) -> None:
        """Count the values of the next rows; blanks are rows, but no values."""
        array = _shortened(texts)
        start = 0
        while start < len(array):
            part = array.slice(start, BUCKET - self._rows)
            self._waiting.append(part)
            self._rows += len(part)
            start += len(part)
            if self._rows == BUCKET:
                self._count()

    def most(self) -> list[Repeated]:
        """Give the `SHOWN` most frequent values of all rows that two rows have, at the end."""
        self._count()
        few = np.flatnonzero(self._counts >= 2)
        if few.size > SHOWN:
            least = np.partition(self._counts[few], -SHOWN)[-SHOWN]
            few = few[self._counts[few] >= least]
        told = zip(self._values.take(pa.array(few)).to_pylist(), self._counts[few], strict=True)
        ranked = sorted((-int(rows), value) for value, rows in told)
        return [Repeated(value=value, rows=-negative) for negative, value in ranked[:SHOWN]]

    def _count(self) -> None:
        """Merge the rows that wait."""
        if not self._rows:
            return
        counted = pc.value_counts(pa.chunked_array(self._waiting).combine_chunks())
        self._waiting, self._rows = [], 0
        values, counts = counted.field("values"), counted.field("counts").to_numpy()
        place = pc.fill_null(pc.index_in(values, value_set=self._values), -1).to_numpy()
        known = place >= 0
        self._counts[place[known]] += counts[known]
        self._bounds[place[known]] += counts[known]
        new = np.flatnonzero(~known & (pc.binary_length(values).to_numpy() > 0))
        self._merge(values, counts, new)

    def _merge(
        self, values: pa.Array, counts: npt.NDArray[np.int64], new: npt.NDArray[np.int64]
    ) -> None:
        """Add new values, and drop those that are too rare to be kept."""
        bounds = np.concatenate([self._bounds, counts[new] + self._dropped])
        if bounds.size > KEPT:
            self._dropped = int(np.partition(bounds, -KEPT - 1)[-KEPT - 1])
        frequent = bounds > self._dropped
        old, new = frequent[: self._bounds.size], new[frequent[self._bounds.size :]]
        if new.size or not old.all():
            kept = self._values.filter(pa.array(old))
            self._values = pa.concat_arrays([kept, values.take(pa.array(new))])
            self._counts = np.concatenate([self._counts[old], counts[new]])
            self._bounds = bounds[frequent]


def _shortened(texts: Texts) -> pa.Array:
    if not len(texts.array) or int(texts.lengths.max()) <= LONGEST:
        return texts.array
    long = pc.greater(pc.utf8_length(texts.array), LONGEST)
    cut = pc.utf8_slice_codeunits(texts.array, 0, LONGEST - 1)
    ellipsis = pa.scalar("…", pa.large_string())
    ended = pc.binary_join_element_wise(cut, ellipsis, pa.scalar("", pa.large_string()))
    return pc.if_else(long, ended, texts.array)

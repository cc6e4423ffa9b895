"""The trimmed values of a column, and fast searches in them.

Most columns of most files have nothing of what is searched for; their bytes show that many times
faster than a regular expression does.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import to_arrow

Positions = npt.NDArray[np.int64]
"""Positions of rows in a chunk (int64, from 0, ascending)."""

NO_POSITIONS: Positions = np.empty(0, dtype=np.int64)

LONGEST_EXAMINED = 1000
"""Characters of a value that are examined, so that a very long one costs no more."""


class Texts:
    """The values of one column of a chunk, without leading and trailing white space."""

    def __init__(self, values: "pd.Series[str]") -> None:
        """Trim a column (str), and cut values longer than `LONGEST_EXAMINED` characters."""
        self._set_array(to_arrow(values).combine_chunks())
        if self._has_edges():
            self._set_array(pc.utf8_trim_whitespace(self.array))
        if len(self.array) and int(self.lengths.max()) > LONGEST_EXAMINED:
            # A cut value may end in white space again.
            cut = pc.utf8_slice_codeunits(self.array, 0, LONGEST_EXAMINED)
            self._set_array(pc.utf8_rtrim_whitespace(cut))

    def _set_array(self, array: pa.Array) -> None:
        self.array = array
        _, offsets, data = array.buffers()
        bounds = np.zeros(1, dtype=np.int64)
        if len(array):
            bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        self._bytes = np.frombuffer(data or b"", np.uint8)
        self._starts, self._ends = bounds[:-1], bounds[1:]
        self._used = self._bytes[bounds[0] : bounds[-1]]
        self.lengths: Positions = self._ends - self._starts
        """Of each value, in bytes; 0: blank."""

    def _has_edges(self) -> bool:
        """Return whether a value begins or ends with anything but a visible ASCII character."""
        if not ((self._used <= 0x20) | (self._used > 0x7E)).any():
            return False
        edges = np.stack([self._bytes_at(self._starts), self._bytes_at(self._ends - 1)])
        return bool((((edges <= 0x20) | (edges > 0x7E)) & (self.lengths > 0)).any())

    @cached_property
    def filled(self) -> int:
        """Number of rows that are not blank."""
        return int(np.count_nonzero(self.lengths))

    def contains(self, first: str, last: str = "") -> bool:
        """Return whether any value has an ASCII character, or one from `first` to `last`."""
        low, high = ord(first), ord(last or first)
        if low == high:
            return bool((self._used == low).any())
        return bool(((self._used >= low) & (self._used <= high)).any())

    def not_ascii(self) -> Positions:
        """Return the rows with characters other than ASCII."""
        characters = np.flatnonzero(self._used > 0x7F)
        if not characters.size:
            return NO_POSITIONS
        found = np.zeros(len(self.lengths), dtype=bool)
        found[np.searchsorted(self._ends, characters + self._starts[0], side="right")] = True
        return np.flatnonzero(found)

    def starting_with(self, characters: str, *, invert: bool = False) -> Positions:
        """Return the rows whose value starts with one of some ASCII characters, or does not."""
        found = _byte_table(characters)[self._bytes_at(self._starts)] ^ invert
        return np.flatnonzero(found & (self.lengths > 0))

    def ending_with(self, characters: str) -> Positions:
        """Return the rows whose value ends with one of some ASCII characters."""
        return np.flatnonzero(_byte_table(characters)[self.last_bytes(1)[0]])

    def matching(self, pattern: str, rows: Positions | None = None) -> Positions:
        """Return the rows (None: of all rows) in whose value an RE2 pattern is found."""
        if rows is not None and not rows.size:
            return NO_POSITIONS
        return _positions(pc.match_substring_regex(self.take(rows), pattern), rows)

    def equal_to_any(self, values: Sequence[str]) -> Positions:
        """Return the rows whose value, in lower case (ASCII), is one of some values."""
        known = pa.array(values, pa.large_string())
        return _positions(pc.is_in(pc.ascii_lower(self.array), value_set=known), None)

    def take(self, positions: Positions | None) -> pa.Array:
        """Return the values of some rows; None: of all."""
        return self.array if positions is None else self.array.take(pa.array(positions))

    def last_bytes(self, count: int) -> npt.NDArray[np.uint8]:
        """Return the last bytes of each value, shape (count, rows), the very last byte first.

        They are 0 where a value is shorter.
        """
        ends = (
            np.where(self.lengths > n, self._bytes_at(self._ends - 1 - n), 0) for n in range(count)
        )
        return np.stack([*ends])

    def _bytes_at(self, at: Positions) -> npt.NDArray[np.uint8]:
        """Return bytes by position; of a position outside of the data, any byte."""
        return self._bytes.take(at, mode="clip") if self._bytes.size else np.zeros(len(at), "u1")


def _positions(mask: pa.Array, rows: Positions | None) -> Positions:
    found = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
    return found if rows is None else rows[found]


def _byte_table(characters: str) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=bool)
    table[list(characters.encode("ascii"))] = True
    return table

"""The values of a column, trimmed, and quick answers about them.

Most columns of most files hold nothing of what is looked for, and their bytes tell so many times
faster than a regular expression.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import to_arrow

Places = npt.NDArray[np.int64]
"""Positions of rows in a chunk, ascending."""

NOWHERE: Places = np.empty(0, dtype=np.int64)

LOOKED_AT = 1000
"""Characters of a value that are looked at, so that one of a megabyte costs no more."""


class Texts:
    """The values of one column of a chunk without the white space around them."""

    def __init__(self, values: "pd.Series[str]") -> None:
        """Trim a column (str), and cut what is longer than `LOOKED_AT` characters."""
        self._hold(to_arrow(values).combine_chunks())
        if self._has_edges():
            self._hold(pc.utf8_trim_whitespace(self.array))
        if len(self.array) and int(self.lengths.max()) > LOOKED_AT:
            # What is cut may end in white space, which has to go as it would from a short value.
            cut = pc.utf8_slice_codeunits(self.array, 0, LOOKED_AT)
            self._hold(pc.utf8_rtrim_whitespace(cut))

    def _hold(self, array: pa.Array) -> None:
        self.array = array
        _, offsets, data = array.buffers()
        bounds = np.zeros(1, dtype=np.int64)
        if len(array):
            bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        self._bytes = np.frombuffer(data or b"", np.uint8)
        self._starts, self._ends = bounds[:-1], bounds[1:]
        self._used = self._bytes[bounds[0] : bounds[-1]]
        self.lengths: Places = self._ends - self._starts
        """In bytes; 0: blank."""

    def _has_edges(self) -> bool:
        """Tell whether a value begins or ends with something else than a visible ASCII sign."""
        if not ((self._used <= 0x20) | (self._used > 0x7E)).any():
            return False
        edges = np.stack([self._signs(self._starts), self._signs(self._ends - 1)])
        return bool((((edges <= 0x20) | (edges > 0x7E)) & (self.lengths > 0)).any())

    @cached_property
    def filled(self) -> int:
        """Rows that are not blank."""
        return int(np.count_nonzero(self.lengths))

    def holds(self, first: str, last: str = "") -> bool:
        """Tell whether an ASCII sign, or one from the first to the last, is anywhere."""
        low, high = ord(first), ord(last or first)
        if low == high:
            return bool((self._used == low).any())
        return bool(((self._used >= low) & (self._used <= high)).any())

    def not_ascii(self) -> Places:
        """Give the rows with other than ASCII signs."""
        signs = np.flatnonzero(self._used > 0x7F)
        if not signs.size:
            return NOWHERE
        found = np.zeros(len(self.lengths), dtype=bool)
        found[np.searchsorted(self._ends, signs + self._starts[0], side="right")] = True
        return np.flatnonzero(found)

    def beginning(self, signs: str, *, otherwise: bool = False) -> Places:
        """Give the rows whose value begins with one of some ASCII signs, or `otherwise`."""
        found = _listed(signs)[self._signs(self._starts)] ^ otherwise
        return np.flatnonzero(found & (self.lengths > 0))

    def ending(self, signs: str) -> Places:
        """Give the rows whose value ends with one of some ASCII signs."""
        return np.flatnonzero(_listed(signs)[self.last_signs(1)[0]])

    def matching(self, pattern: str, among: Places | None = None) -> Places:
        """Give the rows, of some or all, in whose value an RE2 pattern is found."""
        if among is not None and not among.size:
            return NOWHERE
        return _places(pc.match_substring_regex(self.take(among), pattern), among)

    def among(self, values: Sequence[str]) -> Places:
        """Give the rows whose value is, but for the case of ASCII letters, one of some."""
        known = pa.array(values, pa.large_string())
        return _places(pc.is_in(pc.ascii_lower(self.array), value_set=known), None)

    def take(self, places: Places | None) -> pa.Array:
        """Give the values of some rows; None: of all."""
        return self.array if places is None else self.array.take(pa.array(places))

    def last_signs(self, count: int) -> npt.NDArray[np.uint8]:
        """Give the last bytes of each value, of shape (count, rows), the very last first.

        Where a value is shorter, they are 0.
        """
        ends = (
            np.where(self.lengths > n, self._signs(self._ends - 1 - n), 0) for n in range(count)
        )
        return np.stack([*ends])

    def _signs(self, at: Places) -> npt.NDArray[np.uint8]:
        """Give bytes by their positions, any byte where there is none."""
        return self._bytes.take(at, mode="clip") if self._bytes.size else np.zeros(len(at), "u1")


def _places(mask: pa.Array, among: Places | None) -> Places:
    found = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
    return found if among is None else among[found]


def _listed(signs: str) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=bool)
    table[list(signs.encode("ascii"))] = True
    return table

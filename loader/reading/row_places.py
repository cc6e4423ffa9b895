"""Where a row of a load stands: in which of its files, and which row of it."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class RowPlaces:
    """The files of a load and the row numbers that their first rows have, ascending.

    Empty for a load of one file, whose rows have the numbers that they have in it.
    """

    files: tuple[str, ...] = ()
    first_rows: tuple[int, ...] = ()

    def describe(self, row: int) -> str:
        """Say where the row with a number stands: row 12, or row 2 of part-2.csv."""
        if not self.files:
            return f"row {row}"
        at = bisect_right(self.first_rows, row) - 1
        return f"row {row - self.first_rows[at] + 1} of {self.files[at]}"

    def find(
        self, rows: npt.NDArray[np.int64] | Sequence[int]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Find rows by their numbers: the positions of their files, and their numbers in these."""
        numbers, first_rows = np.asarray(rows, np.int64), np.array(self.first_rows, np.int64)
        places = np.searchsorted(first_rows, numbers, side="right") - 1
        return places, numbers - first_rows[places] + 1


ONE_FILE = RowPlaces()

"""Where a row of a load stands: in which of its files, and which row of it."""

from bisect import bisect_right
from dataclasses import dataclass


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


ONE_FILE = RowPlaces()

"""How many rows have each value, exactly: many values are counted on disk."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from loader.frames.arrow import counts
from loader.frames.spool import Spool

MOST_IN_MEMORY = 5_000
"""Values that are counted before their counts are written to the files."""

FILES = 64
"""Files over which values are spread; the counts of each are added up in memory."""


class ValueCounts:
    """Counts the rows of each value; what it gives depends on the rows alone, not on their order.

    Of few values all counts are in memory. Of more they are in files: equal values go to the same
    one, so that the most frequent of all are among the most frequent of each.
    """

    def __init__(self, folder: Path) -> None:
        """Begin with no rows; the caller removes the folder, in which files are made if needed."""
        self._folder = folder
        self._counts: Counter[str] = Counter()
        self._files: list[Spool] = []
        self.rows = 0
        """All that were counted."""

    def add(self, values: "pd.Series[str]") -> None:
        """Count rows by their values (str); nulls are not counted."""
        self._counts.update(counts(values))
        self.rows += int(values.notna().sum())
        if len(self._counts) > MOST_IN_MEMORY:
            self._write()

    def most_frequent(self, most: int) -> dict[str, int]:
        """Give so many of the most frequent values with their rows; of equal ones, by name."""
        if not self._files:
            return _ranked(_frame(self._counts), most)
        self._write()
        found: dict[str, int] = {}
        for file in self._files:
            if file.rows:
                counted = pd.concat(file.read())
                found |= _ranked(_frame(counted.groupby("value")["rows"].sum()), most)
        return _ranked(_frame(found), most)

    def _write(self) -> None:
        """Append the counts to the files."""
        if not self._files:
            paths = [self._folder / f"values-{number:02d}" for number in range(FILES)]
            for path in paths:
                path.unlink(missing_ok=True)  # of a process that was killed
            self._files = [Spool(path) for path in paths]
        counted, self._counts = _frame(self._counts), Counter()
        of_file = pd.util.hash_array(counted["value"].to_numpy(dtype=object)) % np.uint64(FILES)
        for number, file in enumerate(self._files):
            file.append(counted[of_file == number])
            file.close()


def _frame(counted: "dict[str, int] | pd.Series[int]") -> pd.DataFrame:
    """Give counts as columns value (str) and rows (int64)."""
    rows = pd.Series(counted, dtype="int64")
    return pd.DataFrame({"value": rows.index.astype("str"), "rows": rows.to_numpy()})


def _ranked(counted: pd.DataFrame, most: int) -> dict[str, int]:
    ranked = counted.sort_values(["rows", "value"], ascending=[False, True]).head(most)
    return dict(zip(ranked["value"].tolist(), ranked["rows"].tolist(), strict=True))

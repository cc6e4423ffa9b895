"""How many rows have each value, exactly: many values are counted on disk."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import counts

MOST_IN_MEMORY = 20_000
"""Values that are counted before their counts are written to the files."""

FILES = 64
"""Files over which values are spread; the counts of each are added up in memory."""

SCHEMA = pa.schema({"value": pa.large_string(), "rows": pa.int64()})
ORDER = [("rows", "descending"), ("value", "ascending")]


class ValueCounts:
    """Counts the rows of each value; what it gives depends on the rows alone, not on their order.

    Of few values all counts are in memory. Of more they are in files: equal values go to the same
    one, so that the most frequent of all are among the most frequent of each.
    """

    def __init__(self, folder: Path) -> None:
        """Begin with no rows; the caller removes the folder, in which files are made if needed."""
        self._folder = folder
        self._counts: Counter[str] = Counter()
        self._is_in_files = False
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
        if not self._is_in_files:
            return _ranked(_table(self._counts), most)
        self._write()
        found: dict[str, int] = {}
        for path in filter(Path.exists, self._paths):
            counted = _read(path).group_by("value").aggregate([("rows", "sum")])
            found |= _ranked(counted.rename_columns({"rows_sum": "rows"}), most)
        return _ranked(_table(found), most)

    @property
    def _paths(self) -> list[Path]:
        return [self._folder / f"values-{number:02d}" for number in range(FILES)]

    def _write(self) -> None:
        """Append the counts to the files."""
        if not self._is_in_files:
            for path in self._paths:
                path.unlink(missing_ok=True)  # of a process that was killed
            self._is_in_files = True
        values = np.array([*self._counts], dtype=object)
        of_file = pd.util.hash_array(values, categorize=False) % np.uint64(FILES)
        counted = _table(self._counts).take(np.argsort(of_file, kind="stable"))
        self._counts = Counter()
        sizes = np.bincount(of_file.astype(np.int64), minlength=FILES).tolist()
        start = 0
        for path, size in zip(self._paths, sizes, strict=True):
            if size:
                # Another Arrow stream each time.
                with path.open("ab") as file, pa.ipc.new_stream(file, SCHEMA) as stream:
                    stream.write_table(counted.slice(start, size))
            start += size


def _table(counted: dict[str, int]) -> pa.Table:
    return pa.table([[*counted.keys()], [*counted.values()]], SCHEMA)


def _read(path: Path) -> pa.Table:
    tables = []
    with pa.OSFile(os.fsencode(path)) as file:
        while file.tell() < file.size():
            tables.append(pa.ipc.open_stream(file).read_all())
    return pa.concat_tables(tables)


def _ranked(counted: pa.Table, most: int) -> dict[str, int]:
    first = counted.take(pc.sort_indices(counted, ORDER)[:most])
    return dict(zip(first["value"].to_pylist(), first["rows"].to_pylist(), strict=True))

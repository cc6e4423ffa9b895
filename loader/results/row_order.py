"""The lines of a result file in the order of the rows, where rows were done in another one."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from loader.frames.csv_file import CsvFile

ROWS_AT_ONCE = 1_000_000
"""Row numbers whose lines are sorted in memory at a time."""
LONGEST_LINE = 1 << 26
"""In bytes; more than the notices of any row."""


class RowOrder:
    """Knows of a file that is written whether its lines are in the order of the rows."""

    def __init__(self) -> None:
        self._last, self._holds = 0, True

    def add(self, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
        """Note row numbers, in the order in which they are written."""
        if len(rows):
            goes_on = rows[0] > self._last and (np.diff(rows) > 0).all()
            self._holds, self._last = self._holds and bool(goes_on), int(rows[-1])

    def restore(self, path: Path, schema: pa.Schema) -> None:
        """Put the lines of the file into the order of the rows, if they are in another one.

        Args:
            path: of the CSV file, which is closed.
            schema: its columns; row_number is one of them.

        OSError: the disk is full.
        """
        if self._holds:
            return
        parts = _split(path, schema)
        file = CsvFile(path, schema)
        for _, part in sorted(parts.items()):
            with pa.OSFile(os.fsencode(part), "rb") as source:
                lines = pa.ipc.open_stream(source).read_all()
                file.write_table(lines.sort_by("row_number"))
            part.unlink()
        file.close()


def _split(path: Path, schema: pa.Schema) -> dict[int, Path]:
    """Write the lines of neighbouring rows into a file each; give these by their place."""
    parts: dict[int, Path] = {}
    writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
    with ExitStack() as stack:
        for lines in _read(path, schema):
            places = lines["row_number"].to_numpy() // ROWS_AT_ONCE
            for place in np.unique(places).tolist():
                if place not in writers:
                    parts[place] = path.with_name(f"{path.name}-{place}")
                    sink = stack.enter_context(pa.OSFile(os.fsencode(parts[place]), "wb"))
                    writers[place] = stack.enter_context(pa.ipc.new_stream(sink, schema))
                writers[place].write_batch(lines.filter(pa.array(places == place)))
    return parts


def _read(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(os.fsencode(path), "rb") as file:
        yield from pyarrow.csv.open_csv(
            file,
            pyarrow.csv.ReadOptions(block_size=LONGEST_LINE),
            pyarrow.csv.ParseOptions(newlines_in_values=True),
            pyarrow.csv.ConvertOptions(
                column_types={field.name: field.type for field in schema}, null_values=[""]
            ),
        )

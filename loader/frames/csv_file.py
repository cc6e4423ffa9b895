"""CSV files that are written table by table."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.csv


class CsvFile:
    """A CSV file (UTF-8, comma, LF) with a header; its name may have any bytes."""

    def __init__(self, path: Path, schema: pa.Schema, quoting: str = "needed") -> None:
        """Make the file; OSError: it cannot be made. `quoting` as pyarrow's quoting_style."""
        # As bytes: pyarrow encodes other names as UTF-8, which not all are.
        self._file = pa.OSFile(os.fsencode(path), "wb")
        options = pyarrow.csv.WriteOptions(quoting_style=quoting)
        self._writer = pyarrow.csv.CSVWriter(self._file, schema, write_options=options)

    def write_table(self, table: pa.Table) -> None:
        """Append rows; OSError: the disk is full."""
        self._writer.write_table(table)

    def close(self) -> None:
        """Write what is buffered; OSError: the disk is full."""
        self._writer.close()
        self._file.close()

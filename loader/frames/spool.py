"""Frames on disk between the checks and the insert, so that memory is bounded by one chunk."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa


class Spool:
    """A file of frames with the same columns, which are read back in the order of writing."""

    def __init__(self, path: Path) -> None:
        """Begin with no rows, at a path that the caller removes."""
        self.path, self.rows = path, 0
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None
        self._schema: pa.Schema | None = None
        self._file: BinaryIO | None = None

    def append(self, frame: pd.DataFrame) -> None:
        """Write a frame, whose columns must be those of the first one."""
        if not len(frame):
            return
        table = pa.Table.from_pandas(frame, preserve_index=True)
        if self._writer is None:
            # After each `close` another Arrow stream is appended to the file.
            self._file = self.path.open("ab")
            self._schema = self._schema or table.schema
            self._writer = pa.ipc.new_stream(self._file, self._schema)
        self._writer.write_table(table.cast(self._schema))
        self.rows += len(frame)

    def close(self) -> None:
        """Finish writing, so that the frames can be read."""
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._file.close()
            self._writer = self._file = None

    def keep(self) -> dict[str, int]:
        """Make the frames so far survive a crash; return the arguments that `restore` needs."""
        self.close()
        self.path.touch()
        with self.path.open("rb+") as file:
            os.fsync(file)
        return {"rows": self.rows, "size": self.path.stat().st_size}

    def restore(self, *, rows: int, size: int) -> None:
        """Return to the state of an earlier process when it called `keep`."""
        os.truncate(self.path, size)
        self.rows = rows
        if rows:
            with pa.OSFile(str(self.path)) as file:
                self._schema = pa.ipc.open_stream(file).schema

    def read(self, rows: int | None = None) -> Iterator[pd.DataFrame]:
        """Yield the frames, whole or in slices of at most `rows` rows."""
        self.close()
        if not self.rows:
            return
        with pa.OSFile(str(self.path)) as file:
            while file.tell() < file.size():
                for batch in pa.ipc.open_stream(file):
                    if not batch.num_rows:
                        continue
                    for start in range(0, batch.num_rows, rows or batch.num_rows):
                        yield batch.slice(start, rows).to_pandas()

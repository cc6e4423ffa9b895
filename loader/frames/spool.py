"""Frames on disk between the checks and the insert, so that memory is bounded by one chunk."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import gather, to_arrow, to_series

NOTES = "notes of the row"
"""Column of the notes about each row, as a list."""


class Spool:
    """A file of frames with the same columns, which are read back in the order of writing.

    Notes about their rows may go with them: frames whose index says of which row each note is.
    """

    def __init__(self, path: Path) -> None:
        """Begin with no rows, at a path that the caller removes."""
        self.path, self.rows = path, 0
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None
        self._schema: pa.Schema | None = None
        """Of the frames, without notes."""
        self._stream: pa.Schema | None = None
        self._file: BinaryIO | None = None

    def append(self, frame: pd.DataFrame, notes: pd.DataFrame | None = None) -> None:
        """Write a frame with a unique index, whose columns must be those of the first one.

        The notes' str columns may be others each time; their index is of rows in `frame`, and
        repeats where there are several notes about a row.
        """
        if not len(frame):
            return
        table = pa.Table.from_pandas(frame, preserve_index=True)
        self._schema = self._schema or table.schema
        table = table.cast(self._schema)
        if notes is not None:
            table = table.append_column(NOTES, _gathered(notes, frame.index))
        if self._stream != table.schema:
            self.close()
        if self._writer is None:
            # Another Arrow stream is appended after each `close`, and where the notes are others.
            self._file = self.path.open("ab")
            self._stream = table.schema
            self._writer = pa.ipc.new_stream(self._file, self._stream)
        self._writer.write_table(table)
        self.rows += len(frame)

    def close(self) -> None:
        """Finish writing, so that the frames can be read."""
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._file.close()
            self._writer = self._file = None

    def clear(self) -> None:
        """Forget all frames."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.rows, self._schema, self._stream = 0, None, None

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
            with pa.OSFile(os.fsencode(self.path)) as file:
                schema = pa.ipc.open_stream(file).schema
            notes = schema.get_field_index(NOTES)
            self._schema = schema if notes < 0 else schema.remove(notes)

    def read(self, rows: int | None = None) -> Iterator[pd.DataFrame]:
        """Yield the frames, whole or in slices of at most `rows` rows."""
        for frame, _ in self.read_with_notes(rows):
            yield frame

    def read_with_notes(
        self, rows: int | None = None, columns: Collection[str] | None = None
    ) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Yield the frames likewise, each with the notes about its rows, in their order.

        Only some of the columns, if they are named.
        """
        self.close()
        if not self.rows:
            return
        with pa.OSFile(os.fsencode(self.path)) as file:
            while file.tell() < file.size():
                for batch in pa.ipc.open_stream(file):
                    if not batch.num_rows:
                        continue
                    for start in range(0, batch.num_rows, rows or batch.num_rows):
                        yield _parted(batch.slice(start, rows), columns)


def _gathered(notes: pd.DataFrame, index: pd.Index) -> pa.ListArray:
    """Give the list of notes about each row of `index`."""
    columns = [to_arrow(notes[name]).combine_chunks() for name in notes]
    return gather(pa.StructArray.from_arrays(columns, list(notes)), notes.index, index)


def _parted(
    batch: pa.RecordBatch, columns: Collection[str] | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give a frame, and the notes about its rows."""
    if columns is not None:
        of_index = batch.schema.pandas_metadata["index_columns"]
        wanted = {NOTES, *columns, *(name for name in of_index if isinstance(name, str))}
        batch = batch.select([name for name in batch.schema.names if name in wanted])
    place = batch.schema.get_field_index(NOTES)
    if place < 0:
        frame = batch.to_pandas()
        return frame, pd.DataFrame(index=frame.index[:0])
    frame = batch.remove_column(place).to_pandas()
    lists = batch.column(place)
    notes = lists.flatten()
    index = frame.index.take(pc.list_parent_indices(lists).to_numpy())
    details = zip(notes.type, notes.flatten(), strict=True)
    return frame, pd.DataFrame(
        {field.name: to_series(values, index) for field, values in details}, index=index
    )

"""An evenly spaced sample of the records of a file."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from loader.reading.lines import Integers
from loader.reading.records import LARGE_CHUNK, Chunk


def pick_records(chunks: Iterator[Chunk], positions: Integers) -> Iterator[Chunk]:
    """Keep only the records at some positions (ascending, from 0); a chunk may become empty."""
    before = 0
    for chunk in chunks:
        after = before + record_count(chunk)
        first, last = np.searchsorted(positions, [before, after])
        numbers = np.sort(np.append(chunk.rows.index, chunk.rejected.index))
        sampled = numbers[positions[first:last] - before]
        yield Chunk(
            chunk.rows[chunk.rows.index.isin(sampled)],
            chunk.rejected[chunk.rejected.index.isin(sampled)],
            chunk.problems[chunk.problems.index.isin(sampled)],
            chunk.bytes_read,
            chunk.blank_rows,
            western=chunk.western[chunk.western.isin(sampled)],
            cell_problems=chunk.cell_problems[chunk.cell_problems.index.isin(sampled)],
        )
        before = after


def merge_chunks(chunks: Iterator[Chunk], size: int) -> Iterator[Chunk]:
    """Merge small chunks, up to `size` records: each chunk costs queries of its own later.

    Those of large records have fewer. Of those without a record the blank rows are counted to the
    one before.
    """
    pending: list[Chunk] = []
    records = memory = 0
    for chunk in chunks:
        if pending and (records + record_count(chunk) > size or memory > LARGE_CHUNK):
            yield concatenate(pending)
            pending, records, memory = [], 0, 0
        if pending and not record_count(chunk):
            blank_rows = pending[-1].blank_rows + chunk.blank_rows
            pending[-1] = replace(pending[-1], blank_rows=blank_rows, bytes_read=chunk.bytes_read)
        else:
            pending.append(chunk)
            records, memory = records + record_count(chunk), memory + _memory(chunk)
    if pending:
        yield concatenate(pending)


def _memory(chunk: Chunk) -> int:
    return int(sum(frame.memory_usage().sum() for frame in (chunk.rows, chunk.rejected)))


def concatenate(chunks: list[Chunk]) -> Chunk:
    """Put consecutive chunks together, of which there is one at least."""
    if len(chunks) == 1:
        return chunks[0]
    return Chunk(
        pd.concat([chunk.rows for chunk in chunks]),
        pd.concat([chunk.rejected for chunk in chunks]),
        pd.concat([chunk.problems for chunk in chunks]),
        chunks[-1].bytes_read,
        sum(chunk.blank_rows for chunk in chunks),
        western=pd.Index([], dtype="int64").append([chunk.western for chunk in chunks]),
        cell_problems=pd.concat([chunk.cell_problems for chunk in chunks]),
    )


def first_rows(chunks: list[Chunk], columns: tuple[str, ...], most: int) -> pd.DataFrame:
    """Give the rows among the first records of consecutive chunks, as `Chunk.rows`."""
    merged = concatenate(chunks or [Chunk.empty(columns, 0)])
    rows, numbers = merged.rows, np.sort(np.append(merged.rows.index, merged.rejected.index))
    return rows.loc[: numbers[most - 1]] if len(numbers) > most else rows


def record_count(chunk: Chunk) -> int:
    """Return the number of records of a chunk, rows and rejected ones."""
    return len(chunk.rows) + len(chunk.rejected)

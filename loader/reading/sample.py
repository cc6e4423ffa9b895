"""A sample of the records of a file, spread evenly over it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from loader.reading.records import Chunk, Integers


def pick(chunks: Iterator[Chunk], wanted: Integers) -> Iterator[Chunk]:
    """Leave only the records at `wanted` positions (ascending) in each chunk, it may be none."""
    before = 0
    for chunk in chunks:
        after = before + length(chunk)
        first, last = np.searchsorted(wanted, [before, after])
        numbers = np.sort(np.append(chunk.rows.index, chunk.rejected.index))
        kept = numbers[wanted[first:last] - before]
        yield Chunk(
            chunk.rows[chunk.rows.index.isin(kept)],
            chunk.rejected[chunk.rejected.index.isin(kept)],
            chunk.problems[chunk.problems.index.isin(kept)],
            chunk.bytes_read,
        )
        before = after


def merge(chunks: Iterator[Chunk], size: int) -> Iterator[Chunk]:
    """Put small chunks together, up to `size` records: each costs queries of its own later."""
    pending: list[Chunk] = []
    for chunk in chunks:
        if pending and sum(map(length, pending)) + length(chunk) > size:
            yield _joined(pending)
            pending = []
        if length(chunk):
            pending.append(chunk)
    if pending:
        yield _joined(pending)


def _joined(chunks: list[Chunk]) -> Chunk:
    return Chunk(
        pd.concat([chunk.rows for chunk in chunks]),
        pd.concat([chunk.rejected for chunk in chunks]),
        pd.concat([chunk.problems for chunk in chunks]),
        chunks[-1].bytes_read,
    )


def length(chunk: Chunk) -> int:
    """Count the lines of a record."""
    return len(chunk.rows) + len(chunk.rejected)

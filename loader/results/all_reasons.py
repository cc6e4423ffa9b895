"""All reasons that apply to each row of a file, on disk: a bit a reason, a word a row."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from loader.reasons import Reason

Words = npt.NDArray[np.uint64]

BITS = {reason: np.uint64(1 << place) for place, reason in enumerate(Reason)}
"""In the order of the checks, from the lowest bit on."""

AFTER_THE_CHECKS = (
    Reason.REFUSED_BY_SERVER, Reason.EXISTING_LEAD_GONE, Reason.IN_DOUBT, Reason.NOT_INSERTED,
)  # fmt: skip
"""Reasons of rows that passed all checks: there is no other."""

BLOCK = 1 << 16
"""Rows that are read and written at a time."""


class ReasonBits:
    """Which reasons apply to which row; nothing is marked at first."""

    def __init__(self, path: Path) -> None:
        """Keep them in a file, which is made if it is not there; its disk may be full."""
        self._path = path
        path.touch()

    def add(self, rows: pd.Index, reason: Reason) -> None:
        """Mark rows, by row_number."""
        self._change(rows, BITS[reason])

    def clear(self, rows: pd.Index) -> None:
        """Forget all that is marked of rows."""
        self._change(rows, None)

    def of(self, rows: pd.Index) -> Words:
        """Give the word of each row, in their order."""
        found = np.zeros(len(rows), dtype=np.uint64)
        numbers = rows.to_numpy(dtype=np.int64)
        with self._path.open("rb") as file:
            for block, places in _by_block(numbers):
                file.seek(block * BLOCK * 8)
                found[places] = _words(file.read(BLOCK * 8))[numbers[places] % BLOCK]
        return found

    def keep(self) -> None:
        """See that what is marked outlives a crash."""
        with self._path.open("rb") as file:
            os.fsync(file)

    def _change(self, rows: pd.Index, bit: np.uint64 | None) -> None:
        numbers = rows.to_numpy(dtype=np.int64)
        with self._path.open("r+b") as file:
            for block, places in _by_block(numbers):
                file.seek(block * BLOCK * 8)
                words = _words(file.read(BLOCK * 8))
                within = numbers[places] % BLOCK
                words[within] = np.uint64(0) if bit is None else words[within] | bit
                file.seek(block * BLOCK * 8)
                # Not by tofile, whose error does not say that the disk is full.
                file.write(words.tobytes())


def applying_reasons(bits: int, first: Reason) -> list[Reason]:
    """Give all reasons that apply to a row by its `ReasonBits`, that of its rejection first."""
    if first in AFTER_THE_CHECKS:
        return [first]
    others = [reason for reason, bit in BITS.items() if int(bits) & int(bit)]
    return [first, *(reason for reason in others if reason is not first)]


def _words(read: bytes) -> Words:
    words = np.zeros(BLOCK, dtype=np.uint64)
    words[: len(read) // 8] = np.frombuffer(read, dtype=np.uint64)
    return words


def _by_block(numbers: npt.NDArray[np.int64]) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Give each block that rows are in, and the places of its rows."""
    blocks = numbers // BLOCK
    for block in np.unique(blocks).tolist():
        yield block, np.flatnonzero(blocks == block)

"""Sorts any number of phone numbers on disk, in bounded memory."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
"""International numbers: the digits of country calling code and national number."""

NUMBERS_IN_MEMORY = 2**20
"""How many numbers are sorted at a time."""

NUMBERS_PER_STEP = 2**12
"""One in so many numbers of a sorted run is a candidate for where to split it."""


def sort_on_disk(chunks: Iterable[Numbers], folder: Path) -> Numbers:
    """Sort numbers into a file of `folder`, each once, by an external merge sort.

    The result is mapped from that file, which vanishes with the array.
    """
    with ExitStack() as stack:
        runs = [_write_run([_distinct(run)], folder, stack) for run in _batches(chunks)]
        if not runs:
            return np.empty(0, dtype=np.uint64)
        # All runs together have about NUMBERS_IN_MEMORY numbers between two edges.
        steps = [_map_file(run)[::NUMBERS_PER_STEP].copy() for run in runs]
        edges = np.sort(np.concatenate(steps))[:: NUMBERS_IN_MEMORY // NUMBERS_PER_STEP]
        slices = zip(*(_slices(run, edges) for run in runs), strict=True)
        merged = (_distinct(np.concatenate(parts)) for parts in slices)
        return _map_file(_write_run(merged, folder, stack))


def _batches(chunks: Iterable[Numbers]) -> Iterator[Numbers]:
    """Join chunks into batches of at least NUMBERS_IN_MEMORY numbers."""
    pending: list[Numbers] = []
    for chunk in chunks:
        pending.append(chunk)
        if sum(part.size for part in pending) >= NUMBERS_IN_MEMORY:
            run = np.concatenate(pending)
            pending.clear()
            yield run
    if any(part.size for part in pending):
        yield np.concatenate(pending)


def _distinct(numbers: Numbers) -> Numbers:
    """Sort numbers in place, and return each once."""
    # np.unique would hash them first, which takes a hundred times as long.
    numbers.sort()
    first = np.ones(numbers.size, dtype=bool)
    np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
    return numbers[first]


def _write_run(parts: Iterable[Numbers], folder: Path, stack: ExitStack) -> BinaryIO:
    temporary = tempfile.TemporaryFile(prefix="feed-", dir=folder)  # noqa: SIM115 - of the stack
    file = stack.enter_context(temporary)
    for part in parts:
        part.tofile(file)
    file.flush()
    return file


def _map_file(file: BinaryIO) -> Numbers:
    """Map the numbers of a file; they stay when it is closed."""
    return np.asarray(np.memmap(file, dtype=np.uint64, mode="r"))


def _slices(run: BinaryIO, edges: Numbers) -> Iterator[Numbers]:
    """Read the numbers before, between and after the edges, slice by slice."""
    numbers = _map_file(run)
    ends = np.append(np.searchsorted(numbers, edges), numbers.size)
    del numbers  # mapped pages count as memory
    run.seek(0)
    for count in np.diff(ends, prepend=0).tolist():
        yield np.fromfile(run, dtype=np.uint64, count=count)

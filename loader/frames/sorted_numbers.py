"""Any number of numbers, sorted on disk in bounded memory."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
"""International numbers: the digits of country calling code and national number."""


RUN_NUMBERS = 2**20
"""Numbers that are sorted in memory at a time."""

NUMBERS_PER_STEP = 2**12
"""Of a sorted run every so many numbers tell where to divide it."""


def sort_on_disk(chunks: Iterable[Numbers], folder: Path) -> Numbers:
    """Sort any number of numbers, each once, into a file, in bounded memory.

    Args:
        chunks: the numbers, at least one.
        folder: for files without names; the last one goes with the array.
    """
    with ExitStack() as stack:
        runs = [_written([_distinct(run)], folder, stack) for run in _runs(chunks)]
        # Between two edges are about RUN numbers of all runs together: so many are merged at once.
        steps = [_mapped(run)[::NUMBERS_PER_STEP].copy() for run in runs]
        edges = np.sort(np.concatenate(steps))[:: RUN_NUMBERS // NUMBERS_PER_STEP]
        slices = zip(*(_slices(run, edges) for run in runs), strict=True)
        merged = (_distinct(np.concatenate(parts)) for parts in slices)
        return _mapped(_written(merged, folder, stack))


def _runs(chunks: Iterable[Numbers]) -> Iterator[Numbers]:
    """Join chunks until they are as many numbers as are sorted at a time."""
    waiting: list[Numbers] = []
    for chunk in chunks:
        waiting.append(chunk)
        if sum(part.size for part in waiting) >= RUN_NUMBERS:
            run = np.concatenate(waiting)
            waiting.clear()
            yield run
    if any(part.size for part in waiting):
        yield np.concatenate(waiting)


def _distinct(numbers: Numbers) -> Numbers:
    """Sort numbers where they are, and give each once."""
    # np.unique hashes them first, which takes a hundred times as long.
    numbers.sort()
    first = np.ones(numbers.size, dtype=bool)
    np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
    return numbers[first]


def _written(parts: Iterable[Numbers], folder: Path, stack: ExitStack) -> BinaryIO:
    temporary = tempfile.TemporaryFile(prefix="feed-", dir=folder)  # noqa: SIM115 - of the stack
    file = stack.enter_context(temporary)
    for part in parts:
        part.tofile(file)
    file.flush()
    return file


def _mapped(file: BinaryIO) -> Numbers:
    """Give the numbers of a file; closing it leaves them be."""
    return np.asarray(np.memmap(file, dtype=np.uint64, mode="r"))


def _slices(run: BinaryIO, edges: Numbers) -> Iterator[Numbers]:
    """Read the numbers before, between and behind the edges, slice by slice."""
    numbers = _mapped(run)
    ends = np.append(np.searchsorted(numbers, edges), numbers.size)
    del numbers  # what is mapped counts as memory
    run.seek(0)
    for count in np.diff(ends, prepend=0).tolist():
        yield np.fromfile(run, dtype=np.uint64, count=count)

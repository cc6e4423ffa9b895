"""Reading the files of feeds: their numbers, sorted on disk, so that a file of any size fits."""

import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.columnar import to_arrow
from loader.errors import (
    FeedFileError,
    LoaderError,
    NoSuchFileError,
    SourceFileError,
    UsageError,
)
from loader.feeds.feed import Feed, Numbers
from loader.fields.lead import plain, usual_names
from loader.options import LoadOptions
from loader.phones import damaged, looks_like_decimals, mend_decimals, parse_numbers
from loader.regions import region_of_phone_code
from loader.source import ReadOptions, SourceFile, open_source

READING = ReadOptions(chunk_size=50_000)

DAY = 86_400
"""Seconds."""

RUN = 2**20
"""Numbers that are sorted in memory at a time."""

STEP = 2**12
"""Of a sorted run every so many numbers tell where to divide it."""


def read_feeds(options: LoadOptions, folder: Path) -> list[Feed]:
    """Read the feeds that the options name, in their order.

    A feed is any file that leads can come from. With a header, its column is the one that is
    known as phone_number, or the only one; a file without one has just a column of numbers. They
    are those of default_region, or else of the run's phone_code, unless they are international.

    Args:
        options: feed, feed_max_age, default_region and the run's phone_code are read.
        folder: for the numbers; they have no names there, and go with the feeds.

    Raises:
        NoSuchFileError: there is no such file, or it cannot be read.
        FeedFileError: it is older than feed_max_age, cannot be read as a table, does not tell
            which column has the numbers, or has none.
        UsageError: a name has other characters than letters, digits, `-` and `_`.
    """
    return [_read_feed(name, path, options, folder) for name, path in options.feed.items()]


def _read_feed(name: str, path: Path, options: LoadOptions, folder: Path) -> Feed:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise UsageError(
            f"--feed {name}={path}: a feed's name has letters, digits, - and _ only, such as "
            "litigators"
        )
    try:
        age = _age(path, options.feed_max_age)
        with ExitStack() as stack:
            reading = _Reading(_open(path, stack), _region(options))
            numbers = sort_on_disk(reading.numbers(), folder)
    except SourceFileError as error:
        raise FeedFileError(f"feed {name}: {error}") from None
    except LoaderError as error:
        raise type(error)(f"feed {name}: {error}") from None
    return Feed(name=name, path=path, numbers=numbers, unread=reading.unread, age=age)


def _age(path: Path, most: int | None) -> int:
    """Give a file's age in days, unless it is too old."""
    try:
        status = path.stat()
    except OSError as error:
        raise NoSuchFileError(f"{path}: {error.strerror}") from None
    if not S_ISREG(status.st_mode):
        # A pipe has no age, and can be read only once.
        raise NoSuchFileError(f"{path} is a folder, a pipe or a device; a feed has to be a file")
    seconds = time.time() - status.st_mtime
    days = max(int(seconds // DAY), 0)
    if most is not None and seconds > most * DAY:
        raise SourceFileError(
            f"{path} was written {seconds / DAY:.1f} days ago, and feed_max_age allows {most}; "
            "get a new one, or load with a higher --feed-max-age"
        )
    return days


def _open(path: Path, stack: ExitStack) -> SourceFile:
    """Open a file with a header; else as one column without."""
    try:
        return stack.enter_context(open_source(str(path), READING))
    except SourceFileError as error:
        bare = replace(READING, layout=("phone_number",))
        try:
            source = stack.enter_context(open_source(str(path), bare))
        except SourceFileError:
            raise error from None
    if source.sample.empty:
        raise SourceFileError(
            f"{path}: it has several columns and no header; add a line with their names, the "
            "numbers' being phone_number, or give --feed a file of numbers alone"
        )
    return source


def _region(options: LoadOptions) -> str:
    phone_code = options.force_phone_code or options.phone_code or "1"
    of_code = region_of_phone_code(pd.Series([phone_code], dtype="str")).iloc[0]
    return options.default_region or str(of_code)


class _Reading:
    """One pass over the file of a feed."""

    def __init__(self, source: SourceFile, region: str) -> None:
        self.source, self.region, self.unread = source, region, 0
        self.column = _column(source)
        self.decimals = looks_like_decimals(source.sample[self.column])

    def numbers(self) -> Iterator[Numbers]:
        """Give the numbers chunk by chunk, and count in `unread` what is none.

        Raises:
            SourceFileError: there is not one.
        """
        found = 0
        for chunk in self.source.chunks():
            values = chunk.rows[self.column]
            numbers = self.international(values)
            blank = int((values.str.strip() == "").sum())
            self.unread += len(values) - blank - numbers.size + len(chunk.rejected)
            found += numbers.size
            yield numbers
        if not found:
            raise SourceFileError(
                f"{self.source.name}: column {self.column!r} has no phone number of region "
                f"{self.region or 'none'}, and none with + and its country; is it the right file? "
                "Give its country by --default-region"
            )

    def international(self, values: "pd.Series[str]") -> Numbers:
        """Read those of the values that are numbers, as the leads' are read."""
        values = mend_decimals(values) if self.decimals else values
        regions = pd.Series(self.region, index=values.index, dtype="str")
        number = parse_numbers(values.where(~damaged(values), ""), regions)
        good = number[number["possible"] == "IS_POSSIBLE"]
        digits = to_arrow(good["country_code"] + good["national_number"])
        return np.asarray(digits.cast(pa.uint64()).to_numpy(), dtype=np.uint64)


def _column(source: SourceFile) -> str:
    known = {plain(name) for name in ("phone_number", *usual_names()["phone_number"])}
    found = [column for column in source.columns if plain(column) in known]
    if not found and len(source.columns) == 1:
        found = list(source.columns)
    if len(found) != 1:
        names = ", ".join(f"'{name}'" for name in found or source.columns)
        raise SourceFileError(
            f"{source.name}: which of the columns {names} has the numbers? Name it phone_number "
            "and the others otherwise, or give --feed a file of numbers alone"
        )
    return found[0]


def sort_on_disk(chunks: Iterable[Numbers], folder: Path) -> Numbers:
    """Sort any number of numbers, each once, into a file, in bounded memory.

    Args:
        chunks: the numbers, at least one.
        folder: for files without names; the last one goes with the array.
    """
    with ExitStack() as stack:
        runs = [_written([_distinct(run)], folder, stack) for run in _runs(chunks)]
        # Between two edges are about RUN numbers of all runs together: so many are merged at once.
        steps = [_mapped(run)[::STEP].copy() for run in runs]
        edges = np.sort(np.concatenate(steps))[:: RUN // STEP]
        slices = zip(*(_slices(run, edges) for run in runs), strict=True)
        merged = (_distinct(np.concatenate(parts)) for parts in slices)
        return _mapped(_written(merged, folder, stack))


def _runs(chunks: Iterable[Numbers]) -> Iterator[Numbers]:
    """Join chunks until they are as many numbers as are sorted at a time."""
    waiting: list[Numbers] = []
    for chunk in chunks:
        waiting.append(chunk)
        if sum(part.size for part in waiting) >= RUN:
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

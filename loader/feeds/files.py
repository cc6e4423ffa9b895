"""Reading the files of feeds: their numbers, sorted on disk, so that a file of any size fits."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.errors import (
    FeedFileError,
    LoaderError,
    NoSuchFileError,
    SourceFileError,
    UsageError,
)
from loader.feeds.feed import Feed
from loader.fields.lead import normalize_name, usual_names
from loader.frames.arrow import to_arrow
from loader.frames.sorted_numbers import Numbers, sort_on_disk
from loader.options.load import LoadOptions
from loader.phones.parse import is_damaged, looks_like_decimals, mend_decimals, parse_numbers
from loader.phones.regions import main_region
from loader.reading.source import ReadOptions, SourceFile, open_source

FEED_READ_OPTIONS = ReadOptions(chunk_size=50_000)

DAY = 86_400
"""Seconds."""


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
            reading = _FeedReader(_open(path, stack), _region(options))
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
        return stack.enter_context(open_source(str(path), FEED_READ_OPTIONS))
    except SourceFileError as error:
        bare = replace(FEED_READ_OPTIONS, layout=("phone_number",))
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
    return options.default_region or main_region(phone_code)


class _FeedReader:
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
        number = parse_numbers(values.where(~is_damaged(values), ""), regions)
        good = number[number["possible"] == "IS_POSSIBLE"]
        digits = to_arrow(good["country_code"] + good["national_number"])
        return np.asarray(digits.cast(pa.uint64()).to_numpy(), dtype=np.uint64)


def _column(source: SourceFile) -> str:
    known = {normalize_name(name) for name in ("phone_number", *usual_names()["phone_number"])}
    found = [column for column in source.columns if normalize_name(column) in known]
    if not found and len(source.columns) == 1:
        found = list(source.columns)
    if len(found) != 1:
        names = ", ".join(f"'{name}'" for name in found or source.columns)
        raise SourceFileError(
            f"{source.name}: which of the columns {names} has the numbers? Name it phone_number "
            "and the others otherwise, or give --feed a file of numbers alone"
        )
    return found[0]

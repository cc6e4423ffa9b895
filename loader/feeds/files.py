"""Reads the files of feeds; numbers are sorted on disk, so that memory is bounded."""

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

SECONDS_PER_DAY = 86_400


def read_feeds(options: LoadOptions, folder: Path) -> list[Feed]:
    """Read the feeds that the options name, in their order; their files of numbers are in `folder`.

    A feed may have any format that a lead file may have. With a header, its column is the one known
    as phone_number, or the only one. A file without a header must have a single column of numbers.
    Numbers are international or belong to default_region, else to the run's phone_code.

    Raises:
        NoSuchFileError: there is no such file, or it cannot be read.
        FeedFileError: it is older than feed_max_age, is no table, or has no column of numbers.
        UsageError: a feed's name has other characters than letters, digits, `-` and `_`.
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
            reader = _FeedReader(_open(path, stack), _region(options))
            numbers = sort_on_disk(reader.numbers(), folder)
    except SourceFileError as error:
        raise FeedFileError(f"feed {name}: {error}") from None
    except LoaderError as error:
        raise type(error)(f"feed {name}: {error}") from None
    return Feed(name=name, path=path, numbers=numbers, unread=reader.unread, age=age)


def _age(path: Path, max_days: int | None) -> int:
    """Return the age of a file in full days, unless it is too old."""
    try:
        status = path.stat()
    except OSError as error:
        raise NoSuchFileError(f"{path}: {error.strerror}") from None
    if not S_ISREG(status.st_mode):
        # A pipe has no age, and can be read only once.
        raise NoSuchFileError(f"{path} is a folder, a pipe or a device; a feed has to be a file")
    seconds = time.time() - status.st_mtime
    days = max(int(seconds // SECONDS_PER_DAY), 0)
    if max_days is not None and seconds > max_days * SECONDS_PER_DAY:
        raise SourceFileError(
            f"{path} was written {seconds / SECONDS_PER_DAY:.1f} days ago, and feed_max_age "
            f"allows {max_days}; get a new one, or load with a higher --feed-max-age"
        )
    return days


def _open(path: Path, stack: ExitStack) -> SourceFile:
    """Open a file with a header, else as a single column without one."""
    try:
        return stack.enter_context(open_source(str(path), FEED_READ_OPTIONS))
    except SourceFileError as error:
        without_header = replace(FEED_READ_OPTIONS, layout=("phone_number",))
        try:
            source = stack.enter_context(open_source(str(path), without_header))
        except SourceFileError:
            raise error from None
    if source.sample.empty:
        raise SourceFileError(
            f"{path}: it has several columns and no header; add a header that names the column of "
            "numbers phone_number, or give --feed a file of numbers alone"
        )
    return source


def _region(options: LoadOptions) -> str:
    phone_code = options.force_phone_code or options.phone_code or "1"
    return options.default_region or main_region(phone_code)


class _FeedReader:
    """Reads the file of a feed, once."""

    def __init__(self, source: SourceFile, region: str) -> None:
        self.source, self.region, self.unread = source, region, 0
        self.column = _column(source)
        self.decimals = looks_like_decimals(source.sample[self.column])

    def numbers(self) -> Iterator[Numbers]:
        """Yield the numbers chunk by chunk, and count other values in `unread`.

        SourceFileError: the file has no number at all.
        """
        count = 0
        for chunk in self.source.chunks():
            values = chunk.rows[self.column]
            numbers = self.international(values)
            blank = int((values.str.strip() == "").sum())
            self.unread += len(values) - blank - numbers.size + len(chunk.rejected)
            count += numbers.size
            yield numbers
        if not count:
            raise SourceFileError(
                f"{self.source.name}: column {self.column!r} has no phone number of region "
                f"{self.region or 'none'}, and none with + and its country; is it the right file? "
                "Give its country by --default-region"
            )

    def international(self, values: "pd.Series[str]") -> Numbers:
        """Parse values as those of leads are parsed; return those that are numbers."""
        values = mend_decimals(values) if self.decimals else values
        regions = pd.Series(self.region, index=values.index, dtype="str")
        number = parse_numbers(values.where(~is_damaged(values), ""), regions)
        possible = number[number["possible"] == "IS_POSSIBLE"]
        digits = to_arrow(possible["country_code"] + possible["national_number"])
        return np.asarray(digits.cast(pa.uint64()).to_numpy(), dtype=np.uint64)


def _column(source: SourceFile) -> str:
    phone_names = {
        normalize_name(name) for name in ("phone_number", *usual_names()["phone_number"])
    }
    candidates = [column for column in source.columns if normalize_name(column) in phone_names]
    if not candidates and len(source.columns) == 1:
        candidates = list(source.columns)
    if len(candidates) != 1:
        names = ", ".join(f"'{name}'" for name in candidates or source.columns)
        raise SourceFileError(
            f"{source.name}: which of the columns {names} has the numbers? Name only that one "
            "phone_number, or give --feed a file of numbers alone"
        )
    return candidates[0]

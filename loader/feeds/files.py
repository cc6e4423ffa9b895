"""Reads the files of feeds; numbers are sorted on disk, so that memory is bounded.

A feed is used whole or not at all: a value that is not understood would be a person who is called.
"""

import re
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG

from loader.errors import (
    EncodingError,
    FeedFileError,
    LoaderError,
    MissingFeedError,
    NoSuchFileError,
    SourceFileError,
    UsageError,
)
from loader.feeds.columns import UnusedColumns, columns_of_numbers, example
from loader.feeds.feed import Feed
from loader.feeds.numbers import ANY_BYTE, FeedReader, is_area
from loader.fields.recognition import field_namer
from loader.frames.sorted_numbers import sort_on_disk
from loader.options.feed import FeedFile
from loader.options.load import LoadOptions
from loader.phones.regions import main_region
from loader.reading.limits import Limits
from loader.reading.mixed import MIXED
from loader.reading.read_options import ReadOptions
from loader.reading.source import SourceFile, open_source

FEED_READ_OPTIONS = ReadOptions(chunk_size=50_000, field_of=field_namer())

SECONDS_PER_DAY = 86_400


def read_feeds(options: LoadOptions, folder: Path) -> list[Feed]:
    """Read the feeds that the options name, in their order; their files of numbers are in `folder`.

    A feed may have any format that a lead file may have. Its columns of numbers are those that
    `column` names; else, with a header, those with a usual name of phone_number or alt_phone, also
    with a number behind it, or the only one; without a header all. Numbers are international or
    belong to default_region, else to the run's phone_code; without a plus they are those of every
    other country, too. Bytes that are not UTF-8 do not matter where no encoding is given, because
    numbers are ASCII.

    Raises:
        MissingFeedError: there is no such file, or it cannot be read.
        FeedFileError: it is older than feed_max_age, is no table, or has no column of numbers; or
            a row cannot be read, or has a value that is no number; or a column that is not named
            has numbers.
        UsageError: a feed's name has other characters than letters, digits, `-` and `_`; there is
            no such encoding.
    """
    return [_read_feed(name, feed, options, folder) for name, feed in options.feed.items()]


def _read_feed(name: str, feed: FeedFile, options: LoadOptions, folder: Path) -> Feed:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise UsageError(
            f"--feed {name}={feed.file}: a feed's name has letters, digits, - and _ only, such as "
            "litigators"
        )
    try:
        age = _age(feed.file, options.feed_max_age)
        with ExitStack() as stack:
            reader = _reader(name, feed, options, stack)
            numbers = sort_on_disk(reader.numbers(), folder)
    except NoSuchFileError as error:
        raise MissingFeedError(f"feed {name}: {error}") from None
    except SourceFileError as error:
        raise FeedFileError(f"feed {name}: {_for_feeds(error)}") from None
    except LoaderError as error:
        raise type(error)(f"feed {name}: {_for_feeds(error)}") from None
    areas, notes = frozenset(reader.areas), tuple(reader.notes())
    return Feed.of(numbers, name=name, path=feed.file, areas=areas, age=age, notes=notes)


def _reader(name: str, feed: FeedFile, options: LoadOptions, stack: ExitStack) -> FeedReader:
    source = _open(feed, feed.encoding or options.feed_encoding, options.limits, stack)
    columns, advice = columns_of_numbers(name, feed, source), ""
    if len(columns) > 1 and not feed.column:
        which = f"column = 1, header = {str(source.header).lower()}"
        advice = f"; name the column of numbers in the settings: {example(name, feed, which)}"
    unused = None if feed.column else UnusedColumns(name, feed, source, columns)
    reader = FeedReader(source, columns, _region(options), advice, unused)
    if feed.header is None and source.header and reader.has_number_as_header:
        raise SourceFileError(
            f"{source.name}: its first row has a number, and no other: it may be a header or not. "
            "Add a line with a name for each column, or say it in the settings: "
            f"{example(name, feed, 'header = false')}"
        )
    return reader


def _for_feeds(error: LoaderError) -> str:
    """Let the advice of the reader name the option that is for feeds."""
    return str(error).replace("--encoding", "--feed-encoding")


def _age(path: Path, max_days: int | None) -> int:
    """Return the age of a file in full days, unless it is too old."""
    try:
        status = path.stat()
    except OSError as error:
        raise NoSuchFileError(f"{path}: {error.strerror}") from None
    if not S_ISREG(status.st_mode):
        # A pipe has no age, and can be read only once.
        raise NoSuchFileError(f"{path} is a folder, a pipe or a device; a feed has to be a file")
    days = (time.time() - status.st_mtime) / SECONDS_PER_DAY
    if max_days is not None and days > max_days:
        raise SourceFileError(_too_old(path, days, max_days))
    return max(int(days), 0)


def refuse_old(name: str, path: Path, written: float, max_days: int | None) -> None:
    """Refuse a feed that was read before, and whose file was written at a time since the epoch.

    Raises:
        FeedFileError: it is older than so many days; None: it may be of any age.
    """
    days = (time.time() - written) / SECONDS_PER_DAY
    if max_days is not None and days > max_days:
        raise FeedFileError(f"feed {name}: {_too_old(path, days, max_days)}")


def _too_old(path: Path, days: float, max_days: int) -> str:
    return (
        f"{path} was written {days:.1f} days ago, and feed_max_age allows {max_days}; get a new "
        "one, or load with a higher --feed-max-age"
    )


def _open(feed: FeedFile, encoding: str | None, limits: Limits, stack: ExitStack) -> SourceFile:
    """Open a file; where no encoding is given, one that is not UTF-8, or not all of it, too."""
    options = replace(FEED_READ_OPTIONS, encoding=encoding, sheet=feed.sheet, limits=limits)
    if encoding is not None:
        return _open_table(feed, options, stack)
    for each in (None, MIXED):
        with suppress(EncodingError):
            return _open_table(feed, replace(options, encoding=each), stack)
    return _open_table(feed, replace(options, encoding=ANY_BYTE), stack)


def _open_table(feed: FeedFile, options: ReadOptions, stack: ExitStack) -> SourceFile:
    """Open a file with a header or without one, as is said or as its first row looks."""
    path = str(feed.file)
    if feed.header is not None:
        return stack.enter_context(open_source(path, replace(options, header=feed.header)))
    try:
        source = stack.enter_context(open_source(path, options))
        if not any(map(is_area, source.columns)):
            return source
        return stack.enter_context(open_source(path, replace(options, header=False)))
    except EncodingError:
        raise
    except SourceFileError as error:
        try:
            return stack.enter_context(open_source(path, replace(options, header=False)))
        except SourceFileError:
            raise error from None


def _region(options: LoadOptions) -> str:
    phone_code = options.force_phone_code or options.phone_code or "1"
    return options.default_region or main_region(phone_code)

"""The blocks of a file on a cluster, in phases, so that this process sees few keys.

First workers check every block by itself, and leave what they find and its keys. Then they find the
rows that share a key with another row, part by part of the keys. At last what was found comes back
in the order of the file: of most rows it is known then that they are no duplicates.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Protocol

from jobs.load.exchange import Exchange, MeetingRows
from jobs.load.stages import Result
from loader.engines.lookahead import look_ahead
from loader.errors import SourceFileError
from loader.frames.key_parts import Rows
from loader.reading.blocks import FileBlock

Progress = Callable[[str, int, float], None]
"""See `jobs.watchers.Watchers.progress`."""


class Left(NamedTuple):
    """What a worker says of a block of which it has left all else."""

    last_row: int
    bytes_read: int
    """Of the source file, up to the end of the block."""


class BlockWorkers(Protocol):
    """Those who check blocks, and leave what they find."""

    def in_order(self, tasks: Iterator[FileBlock]) -> Iterator[Left]:
        """Check blocks, a few at a time."""

    def rows_that_meet(self, parts: int, blocks: int) -> Iterator[Rows]:
        """Find the rows that share a key with another row, for each part of the keys."""


class Phases:
    """The phases of one file. Each begins when the one before it is done."""

    def __init__(self, exchange: Exchange, folder: Path, size: int, progress: Progress) -> None:
        """Take where workers leave what they find.

        Args:
            exchange: the files of this run.
            folder: for what is kept on this machine's disk.
            size: of the source file, in bytes.
            progress: is called as the phases go on.
        """
        self._exchange, self._folder = exchange, folder
        self._size, self._progress = max(size, 1), progress
        self._blocks = self._last_row = 0
        self._meeting: MeetingRows | None = None
        self._error: SourceFileError | None = None
        """Of the first block that cannot be read: its turn is after those before it."""

    def check_blocks(self, workers: BlockWorkers, tasks: Iterator[FileBlock]) -> None:
        """Let workers check the blocks of a file, up to one that cannot be read.

        Raises:
            LoaderError: that is not of the file.
        """
        try:
            for left in workers.in_order(self._until_error(tasks)):
                self._blocks += 1
                self._last_row = max(self._last_row, left.last_row)
                self._progress("read", left.bytes_read, left.bytes_read / self._size)
        except SourceFileError as error:
            self._error = error

    def find_meeting_rows(self, workers: BlockWorkers) -> None:
        """Let workers find the rows that share a key; not where the file cannot be read anyway.

        Raises:
            LoaderError: the cluster, or what was left, is lost.
        """
        if self._error:
            return
        parts, meeting = self._exchange.parts, MeetingRows(self._last_row, self._folder)
        for number, rows in enumerate(workers.rows_that_meet(parts, self._blocks), start=1):
            meeting.add(rows)
            self._progress("compare", number, number / parts)
        self._meeting = meeting

    def results(self) -> Generator[Result, None, None]:
        """Give what was found of each block, in the order of the file. Close it.

        Raises:
            SourceFileError: of the block that could not be read, after those before it.
            SharedFolderError: what was left is lost.
        """
        with closing(look_ahead(self._read_results())) as results:
            yield from results
        if self._error:
            raise self._error

    def _until_error(self, tasks: Iterator[FileBlock]) -> Iterator[FileBlock]:
        try:
            yield from tasks
        except SourceFileError as error:
            self._error = error

    def _read_results(self) -> Iterator[Result]:
        for number in range(self._blocks):
            result = self._exchange.result(number)
            yield self._meeting.mark_contested(result) if self._meeting else result

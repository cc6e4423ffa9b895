"""Texts in blocks of whole records, which others read in any order, each by itself.

Where records begin is found without parsing them. A block that stands in a plain file is read from
there by who sees that file; the others are given its text.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from loader.errors import MissingBlockError
from loader.reading.cells import split_problems
from loader.reading.dialect import Grammar
from loader.reading.encoding import TextStream
from loader.reading.limits import Limits, RowCounts, RowMeter, RowRecorder
from loader.reading.lines import Block, Integers, Lines, can_span_lines, split_lines
from loader.reading.records import LARGE_CHUNK, Chunk, read_chunks
from loader.reading.row_places import ONE_FILE, RowPlaces
from loader.reading.sample import concatenate


@dataclass(frozen=True)
class FileBlock:
    """Consecutive records of a text."""

    first_row: int
    """The row number of the first one."""
    rows: int
    """How many row numbers they use; blank lines have numbers, too."""
    position: int
    """Where they begin, in bytes of the text."""
    size: int
    """In bytes of the text."""
    sha256: str
    bytes_read: int
    """Bytes of the stored file up to their end, about."""
    western: tuple[int, ...] = ()
    """Where lines begin that were read as cp1252 (`--encoding mixed`), from the block's start."""
    text: bytes | None = field(default=None, repr=False)
    """As UTF-8; None: who reads it has the file."""
    part: int = 0
    """Which of the files of the load has it, from 0."""

    def without_text(self) -> "FileBlock":
        """Leave the text to who has the file."""
        return replace(self, text=None)


def split_blocks(
    text: TextStream, grammar: Grammar, *, first_row: int, rows: int, read_size: int
) -> Iterator[FileBlock]:
    """Split a text that starts at a record, with the row number `first_row`; blocks have texts.

    They begin at the row numbers that `rows` divides; those of large records have fewer. About
    `read_size` bytes are looked at at once.
    """
    growing = _GrowingBlock(text, first_row)
    for data, starts in _whole_records(text, grammar, read_size):
        bounds = [0, *range(-growing.next_row % rows, len(starts), rows), len(starts)]
        places = np.append(starts, len(data))
        for number, (begin, end) in enumerate(pairwise(bounds)):
            if number and growing.rows:
                yield growing.finish()
            growing.add(data[places[begin] : places[end]], end - begin)
        if growing.size > LARGE_CHUNK:
            yield growing.finish()
    if growing.rows:
        yield growing.finish()


class _GrowingBlock:
    """The records of a block, which become more."""

    def __init__(self, text: TextStream, first_row: int) -> None:
        self._text, self._position, self._row = text, text.text_position, first_row
        self._parts: list[bytes] = []
        self.rows = self.size = 0

    @property
    def next_row(self) -> int:
        """The row number of the record that comes next."""
        return self._row + self.rows

    def add(self, part: bytes, rows: int) -> None:
        self._parts.append(part)
        self.rows += rows
        self.size += len(part)

    def finish(self) -> FileBlock:
        """Give the block, and begin with the next one."""
        content, position = b"".join(self._parts), self._position
        western = self._text.western_lines(position, position + len(content))
        block = FileBlock(
            self._row, self.rows, position, len(content), hashlib.sha256(content).hexdigest(),
            self._text.position, tuple(at - position for at in western), content,
        )  # fmt: skip
        self._row, self._position = self.next_row, position + len(content)
        self._parts, self.rows, self.size = [], 0, 0
        return block


def _whole_records(
    text: TextStream, grammar: Grammar, read_size: int
) -> Iterator[tuple[bytes, Integers]]:
    """Give the text in pieces of whole records, each with the places at which they begin."""
    undecided, final = b"", False
    while not final:
        # As many again as are undecided, see `read_chunks`.
        piece = text.read(max(read_size, len(undecided)))
        final = not piece
        lines = split_lines(undecided + piece, final=final)
        starts, used = _record_starts(lines, grammar, final=final)
        yield lines.data[:used], starts
        undecided = lines.data[used:]


class TextEnd(NamedTuple):
    """What rows a text has from some place on, and how the last one ends."""

    rows: int
    sha256: str
    """Of them, as UTF-8."""
    is_open: bool
    """It ends within quotes that are not closed."""
    has_line_break: bool


def find_end(text: TextStream, grammar: Grammar, read_size: int, before: bytes) -> TextEnd:
    """Read the rows of a text that starts at a record, and see whether the last one is whole.

    `before`: the character before the first record.
    """
    rows, rest, last, content = 0, b"", before, hashlib.sha256()
    for rest, starts in _whole_records(text, grammar, read_size):
        rows += len(starts)
        content.update(rest)
        last = rest[-1:] or last
    # What was undecided until the end of the text came.
    is_open = grammar.ends_open(rest)
    return TextEnd(rows, content.hexdigest(), is_open, last in {b"\n", b"\r"})


def _record_starts(lines: Lines, grammar: Grammar, *, final: bool) -> tuple[Integers, int]:
    """Find where records and blank lines begin, and up to which byte that is decided."""
    places = np.append(0, lines.ends)
    if not can_span_lines(lines, grammar):
        return places[:-1], int(places[-1])
    block = Block.scan(lines, grammar, final=final)
    return places[: block.count][block.starts], block.used


@dataclass(frozen=True)
class BlockFile:
    """The file of a text that is split into blocks."""

    path: Path | None
    """None: it does not have the text as it is, which is sent with each block."""
    offset: int = 0
    """Where the text begins in it, in bytes."""


@dataclass(frozen=True)
class BlockReader:
    """Reads the blocks of a load; it can be sent to another machine."""

    grammar: Grammar
    columns: tuple[str, ...]
    name: str
    """Of the load, for messages."""
    limits: Limits
    read_size: int
    """Bytes that are parsed at once."""
    has_cell_problems: bool
    """It is the copy of a sheet, see `loader.reading.cells`."""
    files: tuple[BlockFile, ...]
    places: RowPlaces = ONE_FILE

    def meter(self) -> RowMeter:
        """Give what counts the rows of the whole load."""
        return RowMeter(self.limits, self.name, self.places)

    @property
    def has_plain_file(self) -> bool:
        """Whether some blocks can be read without their text."""
        return any(file.path for file in self.files)

    def without_text(self, block: FileBlock) -> FileBlock:
        """Leave the text of a block to who has its file, if that has the text as it is."""
        return block.without_text() if self.files[block.part].path else block

    def without_files(self) -> "BlockReader":
        """Leave out where the files are."""
        return replace(self, files=())

    def read(self, block: FileBlock) -> tuple[Chunk, RowCounts]:
        """Give the records of a block, and what a `RowMeter` of the whole load is to count.

        Raises:
            MissingBlockError: the block has no text, and the file cannot be read here, or has
                another text there.
            SourceFileError: a limit of one record is exceeded.
        """
        content = self._text_of_file(block) if block.text is None else block.text
        meter = RowRecorder(self.limits, self.name, self.places)
        chunks = list(
            read_chunks(
                _BlockStream(content, block),
                self.grammar,
                self.columns,
                first_row=block.first_row,
                # It is one chunk, however large its records are.
                chunk_size=block.rows + 1,
                block_size=self.read_size,
                meter=meter,
            )
        )
        chunk = concatenate(chunks) if chunks else Chunk.empty(self.columns, block.bytes_read)
        if self.has_cell_problems:
            rows, problems = split_problems(chunk.rows)
            chunk = replace(chunk, rows=rows, cell_problems=problems)
        return chunk, meter.counts

    def _text_of_file(self, block: FileBlock) -> bytes:
        plain = self.files[block.part]
        assert plain.path is not None  # noqa: S101 - for mypy: such a block has its text
        try:
            with plain.path.open("rb") as file:
                file.seek(plain.offset + block.position)
                content = file.read(block.size)
        except OSError as error:
            raise MissingBlockError(f"{self.name}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != block.sha256:
            raise MissingBlockError(f"{self.name}: another file has this name")
        return content


class _BlockStream:
    """The text of a block, as a stream gives it."""

    def __init__(self, content: bytes, block: FileBlock) -> None:
        self._content, self._block = content, block
        self.text_position = 0
        self.position = block.bytes_read

    def read(self, size: int) -> bytes:
        text = self._content[self.text_position : self.text_position + size]
        self.text_position += len(text)
        return text

    def western_lines(self, start: int, end: int) -> list[int]:
        return [at for at in self._block.western if start <= at < end]

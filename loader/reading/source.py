"""The source file: all that is known of it before its first row, then its rows.

The whole file is decompressed, decoded and hashed before its first row is given: no row of a
damaged file ever is.
"""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from loader.errors import SourceFileError, UsageError
from loader.files import exists
from loader.paths import printable_path
from loader.reading.blocks import BlockReader, FileBlock, split_blocks
from loader.reading.cells import split_problems
from loader.reading.columns import (
    named_columns,
    refuse_many_columns,
    refuse_more_columns,
    refuse_other_count,
    unique_names,
)
from loader.reading.delimiter import parse_delimiter
from loader.reading.dialect import Grammar
from loader.reading.encoding import TextFile, open_text
from loader.reading.header import FieldOf, of_names, refuse_header, require_header
from loader.reading.limits import DEFAULT_LIMITS, Limits, RowMeter
from loader.reading.lines import Integers
from loader.reading.records import Chunk, chunk_rows, read_chunks
from loader.reading.sample import merge_chunks, pick_records, record_count
from loader.reading.spreadsheet import SheetOptions, SheetTable, spreadsheet_as_csv
from loader.reading.start import Start, find_start, read_head
from loader.reading.stored import StoredFile, spool_pipe, spool_to_disk
from loader.reading.top_rows import Row

SAMPLE_ROWS = 1000

PHONES = ("phone_number", "alt_phone")
"""Fields by whose numbers a record is known."""

WIDE = 100
"""In a file of so many columns only one counts as the phone's: patterns have a size limit."""


def _no_field(_column: str) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    r"""How a source file is read.

    `delimiter`: one character, `tab` or `\t`; None: found among , tab | and ;
    `encoding`: None: UTF-8, or the one of the byte order mark; `mixed`: UTF-8, and cp1252 where it
    is not UTF-8.
    `layout`: the columns of a file without a header; its rows may have fewer fields.
    `columns`: likewise, as given by `--columns`: the first row must have as many fields.
    `sheet`: of a spreadsheet, see `SheetOptions`.
    `short_rows`: fill: so may those of a file with a header.
    `skip_rows`: so many rows are above the header; None: the header is found by `field_of`.
    `field_of`: gives the field that a column of some name fills, "" if none is known.
    `header`: False: there is none, and the columns are called `column 1` and so on; True: the first
    row is one, whatever it looks like; None: it has to look like one, unless columns are named.
    `limits`: how large the file may be. `follow_links`: the file may be a link to another one.
    `chunk_size`: records in a chunk. `block_size`: bytes read at once.
    """

    delimiter: str | None = None
    encoding: str | None = None
    layout: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    sheet: str | None = None
    short_rows: Literal["reject", "fill"] = "reject"
    skip_rows: int | None = None
    field_of: FieldOf = _no_field
    header: bool | None = None
    follow_links: bool = True
    limits: Limits = DEFAULT_LIMITS
    chunk_size: int = 20_000
    block_size: int = 1 << 20

    @property
    def has_header(self) -> bool:
        """Whether the first row names the columns."""
        return self.layout is None and self.columns is None and self.header is not False

    @property
    def of_sheet(self) -> SheetOptions:
        """Those of a spreadsheet."""
        return SheetOptions(
            sheet=self.sheet,
            skip_rows=self.skip_rows,
            has_header=self.has_header,
            field_of=self.field_of,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceFile:
    """A source file that was read to the end once and can be loaded.

    `sha256` and `size` (bytes) are of the file as stored. `compression` is gz, zip, zst, xz or
    None. `format` is xlsx, xlsm, xlsb, xls, ods or csv, which stands for all delimited text;
    `sheet` is the name of the sheet of a spreadsheet, several joined by commas, None for text.
    `header_row` is the row number of the header, None without one. `columns` are unique. `sample`
    has the rows among the first 1,000 records, as `Chunk.rows`. `has_records`: there is a row
    behind the header. `remarks` say what of the file is not read.
    """

    name: str
    path: Path
    sha256: str
    size: int
    compression: str | None
    format: str
    sheet: str | None
    encoding: str
    bom: bool
    delimiter: str
    header: bool
    header_row: int | None
    columns: tuple[str, ...]
    sample: pd.DataFrame
    has_records: bool
    remarks: tuple[str, ...]
    _reader: "_Reader"
    _positions: Integers | None = None
    """Which records are read (int64, ascending, from 0); None: all."""

    def chunks(self) -> Iterator[Chunk]:
        """Read from the first record on; each record is in one chunk, as a row or as rejected."""
        if self._positions is None:
            return self._all_chunks()
        sampled = pick_records(self._all_chunks(), self._positions)
        return merge_chunks(sampled, self._reader.options.chunk_size)

    def blocks(self) -> Iterator[FileBlock]:
        """Split into blocks that are chunks for `block_reader`: the same records in all."""
        for block in self._reader.blocks():
            yield replace(block, bytes_read=self._stored_bytes(block.bytes_read))

    def block_reader(self) -> BlockReader | None:
        """Give what reads the blocks, here or elsewhere; None: only some records are read."""
        return self._reader.block_reader() if self._positions is None else None

    def _all_chunks(self) -> Iterator[Chunk]:
        for chunk in self._reader.chunks(self._reader.options.chunk_size):
            yield replace(chunk, bytes_read=self._stored_bytes(chunk.bytes_read))

    def _stored_bytes(self, bytes_read: int) -> int:
        """Give progress in bytes of the stored file: of a spreadsheet a CSV copy is read."""
        return bytes_read * self.size // self._reader.text.stored.size


@dataclass(frozen=True)
class _Reader:
    """How the records of a text are read: their grammar, their columns and where they start."""

    text: TextFile
    options: ReadOptions
    grammar: Grammar
    columns: tuple[str, ...]
    start: Start
    has_cell_problems: bool = False

    @classmethod
    def of_sheet(cls, text: TextFile, options: ReadOptions, table: SheetTable) -> "_Reader":
        """Take the header of a sheet, or the columns that are named by the options."""
        name = text.stored.name
        if table.header is None:
            columns = named_columns(options.columns or options.layout or ())
            refuse_more_columns(table.width, columns, f"{name}: sheet '{table.sheet}'")
        else:
            columns = unique_names([*table.header])
        columns = (*table.place, *columns)
        refuse_many_columns(len(columns), options.limits, name)
        start = Start(",", Row([*(table.header or ())], table.first_row - 1, 0), 0, table.first_row)
        grammar = Grammar(",", len(columns), 1)
        return cls(text, options, grammar, columns, start, table.problems)

    @classmethod
    def find(cls, text: TextFile, options: ReadOptions) -> "_Reader":
        """Find delimiter, columns and first record, from the options or the header."""
        name = text.stored.name
        start = find_start(
            read_head(text),
            name,
            delimiter=parse_delimiter(options.delimiter) if options.delimiter else None,
            skip_rows=options.skip_rows,
            has_header=options.has_header,
            is_certain=options.header is True,
            field_of=options.field_of,
        )
        refuse_many_columns(len(start.header.values), options.limits, name)
        if options.columns:
            is_filled = options.short_rows == "fill"
            refuse_other_count(start.header, options.columns, name, may_be_short=is_filled)
            columns = named_columns(options.columns)
        elif options.layout:
            refuse_header(start.header, options.layout, name)
            columns = options.layout
        elif not options.has_header:
            columns = unique_names([""] * len(start.header.values))
        else:
            columns = unique_names(start.header.values)
        phones = [at for at, it in enumerate(columns) if options.field_of(it) in PHONES]
        grammar = Grammar(
            start.delimiter,
            len(columns),
            1 if options.layout or options.short_rows == "fill" else None,
            tuple(phones[: 3 if len(columns) < WIDE else 1]),
        )
        return cls(text, options, grammar, columns, start)._without_unnamed()

    def _without_unnamed(self) -> "_Reader":
        """Let rows end before columns at the end that have no name, and in most rows no value.

        Programs that write a delimiter at the end of the header leave it out of the rows.
        """
        names = self.start.header.values
        named = max((at for at, it in enumerate(names, start=1) if it.strip()), default=1)
        is_fixed = self.grammar.fewest is not None or not self.options.has_header
        if is_fixed or named == len(self.columns):
            return self
        reader = replace(self, grammar=replace(self.grammar, fewest=named))
        sample = reader.sample()
        if sample is None or sample.rows.empty:
            return reader
        has_value = (sample.rows.iloc[:, named:] != "").any(axis=1)
        return self if has_value.mean() > 0.5 else reader

    def sample(self) -> Chunk | None:
        """Read the first records; None: there is neither a record nor a blank row."""
        with closing(self.chunks(SAMPLE_ROWS)) as chunks:
            return next(chunks, None)

    def chunks(self, chunk_size: int) -> Generator[Chunk, None, None]:
        """Read from the first record on, anew with each call."""
        with self.text.open() as text:
            text.skip(self.start.position)
            chunks = read_chunks(
                text,
                self.grammar,
                self.columns,
                first_row=self.start.first_row,
                chunk_size=chunk_size,
                block_size=self.options.block_size,
                meter=RowMeter(self.options.limits, self.text.stored.name),
            )
            for chunk in chunks:
                if not self.has_cell_problems:
                    yield chunk
                    continue
                rows, problems = split_problems(chunk.rows)
                yield replace(chunk, rows=rows, cell_problems=problems)

    def blocks(self) -> Iterator[FileBlock]:
        """Split the text from the first record on."""
        with self.text.open() as text:
            text.skip(self.start.position)
            yield from split_blocks(
                text,
                self.grammar,
                first_row=self.start.first_row,
                rows=chunk_rows(self.options.chunk_size, len(self.columns)),
                read_size=self.options.block_size,
            )

    def block_reader(self) -> BlockReader:
        """Give what reads these blocks; from the file itself if that has the text as it is."""
        stored, encoding = self.text.stored, self.text.encoding
        is_plain = stored.compression is None and encoding.codec == "utf-8"
        return BlockReader(
            self.grammar,
            self.columns,
            stored.name,
            self.options.limits,
            self.options.block_size,
            self.has_cell_problems,
            stored.path.resolve() if is_plain else None,
            len(encoding.bom),
        )


@contextmanager
def open_source(path: str, options: ReadOptions | None = None) -> Iterator[SourceFile]:
    """Open a lead file, `-` for standard input, after all of it was checked to be readable.

    Text may be compressed (gz, zip with one member, zst, xz; recognized by content, not by name).
    Of a spreadsheet (xlsx, xlsm, xlsb, xls, ods) one sheet is read, or several with one header.

    Raises:
        NoSuchFileError: there is no such file, or it cannot be read.
        SourceFileError: the file is damaged, not of the encoding, binary or empty, or has no
            header; the message says where and what to do.
        UsageError: an option has a value that is not allowed.
    """
    options = options or ReadOptions()
    options = replace(options, field_of=of_names(options.field_of))
    with ExitStack() as stack:
        stored = _stored_file(path, options, stack)
        name, sha256, table = stored.name, stored.sha256(), None
        if stored.is_spreadsheet:
            table = stack.enter_context(spreadsheet_as_csv(stored, options.of_sheet))
            text, reader = _sheet_text(table, options, name)
        elif options.sheet is not None:
            raise UsageError(
                f"--sheet {options.sheet}: {name} is no spreadsheet; leave --sheet out"
            )
        else:
            text = open_text(stored, options.encoding)
            text.check()
            reader = _Reader.find(text, options)
        sample = reader.sample()
        yield SourceFile(
            name=name,
            path=stored.path,
            sha256=sha256,
            size=stored.size,
            compression=stored.compression,
            format=table.format if table else "csv",
            sheet=table.sheet if table else None,
            encoding=text.encoding.name,
            bom=bool(text.encoding.bom),
            delimiter=reader.grammar.delimiter,
            header=options.has_header,
            header_row=reader.start.header.row_number if options.has_header else None,
            columns=reader.columns,
            sample=(sample or Chunk.empty(reader.columns, 0)).rows,
            has_records=sample is not None and record_count(sample) > 0,
            remarks=table.remarks if table else reader.start.remarks,
            _reader=reader,
        )


def _stored_file(path: str, options: ReadOptions, stack: ExitStack) -> StoredFile:
    """Find the file itself, or a copy of what can be read only once."""
    name, file, limits = printable_path(path), Path(path), options.limits
    if path == "-":
        name = "standard input"
        file = stack.enter_context(spool_to_disk(sys.stdin.buffer, limits, name))
    elif options.follow_links and exists(file) and file.is_fifo():
        file = spool_pipe(file, limits, name, stack)
    return StoredFile.identify(file, name, limits=limits, follow_links=options.follow_links)


def take_sample(
    source: SourceFile, rows: int, progress: Callable[[int], None] = lambda _done: None
) -> tuple[SourceFile, int]:
    """Return the same file with only some of its records, and how many it has in all.

    The records are evenly spaced, the first and the last among them, and keep their row numbers;
    rejected records count as well. The whole file is read once to count them; `progress` is called
    with the bytes read so far.
    """
    records = 0
    for chunk in source.chunks():
        records += record_count(chunk)
        progress(chunk.bytes_read)
    if records <= rows:
        return source, records
    positions = np.arange(rows, dtype=np.int64) * (records - 1) // max(rows - 1, 1)
    return replace(source, _positions=positions), records


def _sheet_text(table: SheetTable, options: ReadOptions, name: str) -> tuple[TextFile, _Reader]:
    """Open the CSV file of a sheet; `name` is the name of the spreadsheet."""
    if table.header is not None:
        row = Row([*table.header], table.first_row - 1, 0)
        require_header(row, name, options.field_of)
    elif options.has_header:
        raise SourceFileError(f"{name}: sheet '{table.sheet}' has no row that can be its header")
    is_empty = not table.path.stat().st_size
    if is_empty:
        table.path.write_text("\n", "ascii")  # a file without a byte is damaged, not without rows
    text = open_text(StoredFile.identify(table.path, name), "utf-8")
    if not is_empty:
        text.check()
    return text, _Reader.of_sheet(text, options, table)

"""The records of one text: their grammar, their columns and where they start."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from loader.reading.blocks import BlockFile, FileBlock, TextEnd, find_end, split_blocks
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
from loader.reading.encoding import TextFile
from loader.reading.header import refuse_header
from loader.reading.limits import RowMeter
from loader.reading.read_options import ReadOptions
from loader.reading.records import Chunk, chunk_rows, read_chunks
from loader.reading.spreadsheet import SheetTable
from loader.reading.start import Start, find_start, read_head
from loader.reading.top_rows import Row

SAMPLE_ROWS = 1000

PHONES = ("phone_number", "alt_phone")
"""Fields by whose numbers a record is known."""

WIDE = 100
"""In a file of so many columns only one counts as the phone's: patterns have a size limit."""


@dataclass(frozen=True)
class TextReader:
    """How the records of a text are read: their grammar, their columns and where they start.

    `size`: bytes of the file as stored, of which the text may be a copy. `rows_before`: those of
    the load that stand in files before this one.
    """

    text: TextFile
    size: int
    options: ReadOptions
    grammar: Grammar
    columns: tuple[str, ...]
    start: Start
    has_cell_problems: bool = False
    rows_before: int = 0

    @classmethod
    def of_sheet(
        cls, text: TextFile, size: int, options: ReadOptions, table: SheetTable
    ) -> "TextReader":
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
        return cls(text, size, options, grammar, columns, start, table.problems)

    @classmethod
    def find(cls, text: TextFile, options: ReadOptions) -> "TextReader":
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
        size = text.stored.size
        return cls(text, size, options, grammar, columns, start)._without_unnamed()

    def _without_unnamed(self) -> "TextReader":
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
        meter = RowMeter(self.options.limits, self.text.stored.name)
        with closing(self.chunks(SAMPLE_ROWS, meter)) as chunks:
            return next(chunks, None)

    def end(self) -> TextEnd:
        """Read to the end, to see which it is; rows are counted from the first record on."""
        position = self.start.position
        header_end = read_head(self.text)[position - 1 : position] if position else b"\n"
        with self.text.open() as text:
            text.skip(position)
            return find_end(text, self.grammar, self.options.block_size, header_end)

    def chunks(self, chunk_size: int, meter: RowMeter) -> Generator[Chunk, None, None]:
        """Read from the first record on, anew with each call; the meter counts all rows."""
        with self.text.open() as text:
            text.skip(self.start.position)
            chunks = read_chunks(
                text,
                self.grammar,
                self.columns,
                first_row=self.first_row,
                chunk_size=chunk_size,
                block_size=self.options.block_size,
                meter=meter,
            )
            for read in chunks:
                chunk = replace(read, bytes_read=self._stored_bytes(read.bytes_read))
                if not self.has_cell_problems:
                    yield chunk
                    continue
                rows, problems = split_problems(chunk.rows)
                yield replace(chunk, rows=rows, cell_problems=problems)

    def blocks(self) -> Iterator[FileBlock]:
        """Split the text from the first record on."""
        with self.text.open() as text:
            text.skip(self.start.position)
            blocks = split_blocks(
                text,
                self.grammar,
                first_row=self.first_row,
                rows=chunk_rows(self.options.chunk_size, len(self.columns)),
                read_size=self.options.block_size,
            )
            for block in blocks:
                yield replace(block, bytes_read=self._stored_bytes(block.bytes_read))

    @property
    def block_file(self) -> BlockFile:
        """Where these blocks stand: in the file itself, if that has the text as it is."""
        stored, encoding = self.text.stored, self.text.encoding
        is_plain = stored.compression is None and encoding.codec == "utf-8"
        return BlockFile(stored.path.resolve() if is_plain else None, len(encoding.bom))

    @property
    def first_row(self) -> int:
        """The row number of the first record."""
        return self.start.first_row + self.rows_before

    def _stored_bytes(self, bytes_read: int) -> int:
        """Give progress in bytes of the stored file: of a spreadsheet a CSV copy is read."""
        return bytes_read * self.size // self.text.stored.size

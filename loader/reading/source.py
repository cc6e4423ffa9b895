"""What is loaded: all that is known of it before its first row, then its rows.

The whole file is decompressed, decoded and hashed before its first row is given: no row of a
damaged file ever is. Several files that are loaded together are read one after the other.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from loader.errors import SourceFileError, UsageError
from loader.files import exists
from loader.paths import printable_path
from loader.reading.blocks import BlockReader, FileBlock
from loader.reading.encoding import TextFile, open_text
from loader.reading.header import of_names, require_header
from loader.reading.limits import RowMeter
from loader.reading.lines import Integers
from loader.reading.part_files import PartFiles
from loader.reading.parts import Part, read_parts
from loader.reading.read_options import ReadOptions
from loader.reading.records import Chunk
from loader.reading.row_places import ONE_FILE, RowPlaces
from loader.reading.sample import first_rows, merge_chunks, pick_records, record_count
from loader.reading.spreadsheet import SheetTable, spreadsheet_as_csv
from loader.reading.stored import StoredFile, spool_pipe, spool_to_disk
from loader.reading.text_reader import SAMPLE_ROWS, TextReader
from loader.reading.top_rows import Row


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
    first_name: str
    """Of the file, or the first file or folder of several that were given."""
    parts: tuple[Part, ...] = ()
    """The files, if it is several; then `name` is for all of them."""
    places: RowPlaces = ONE_FILE
    _readers: tuple[TextReader, ...]
    """Of each file that is not empty; they have the same columns."""
    _positions: Integers | None = None
    """Which records are read (int64, ascending, from 0); None: all."""

    @property
    def text_size(self) -> int:
        """Bytes of the text, unpacked and as UTF-8."""
        return sum(reader.text.size for reader in self._readers)

    @property
    def chunk_size(self) -> int:
        """Records in a chunk."""
        return self._readers[0].options.chunk_size

    def chunks(self) -> Iterator[Chunk]:
        """Read from the first record on; each record is in one chunk, as a row or as rejected."""
        if self._positions is not None:
            sampled = pick_records(self._all_chunks(), self._positions)
            return merge_chunks(sampled, self.chunk_size)
        # Of many small files each would be a chunk.
        is_one = len(self._readers) == 1
        return self._all_chunks() if is_one else merge_chunks(self._all_chunks(), self.chunk_size)

    def blocks(self) -> Iterator[FileBlock]:
        """Split into blocks that are chunks for `block_reader`: the same records in all.

        None has records of two files.
        """
        before = 0
        for part, reader in enumerate(self._readers):
            for block in reader.blocks():
                yield replace(block, part=part, bytes_read=before + block.bytes_read)
            before += reader.size

    def block_reader(self) -> BlockReader | None:
        """Give what reads the blocks, here or elsewhere; None: only some records are read."""
        if self._positions is not None:
            return None
        first = self._readers[0]
        return BlockReader(
            first.grammar,
            self.columns,
            self.name,
            first.options.limits,
            first.options.block_size,
            first.has_cell_problems,
            tuple(reader.block_file for reader in self._readers),
            self.places,
        )

    def _all_chunks(self) -> Iterator[Chunk]:
        before, meter = 0, RowMeter(self._readers[0].options.limits, self.name, self.places)
        for reader in self._readers:
            for chunk in reader.chunks(self.chunk_size, meter):
                yield replace(chunk, bytes_read=before + chunk.bytes_read)
            before += reader.size


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
            text, reader = _sheet_text(table, stored.size, options, name)
        elif options.sheet is not None:
            raise UsageError(
                f"--sheet {options.sheet}: {name} is no spreadsheet; leave --sheet out"
            )
        else:
            text = open_text(stored, options.encoding).check()
            reader = TextReader.find(text, options)
        sample = reader.sample()
        yield SourceFile(
            name=name,
            first_name=name,
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
            sample=first_rows([sample] if sample else [], reader.columns, SAMPLE_ROWS),
            has_records=sample is not None and record_count(sample) > 0,
            remarks=table.remarks if table else reader.start.remarks,
            _readers=(reader,),
        )


def open_parts(files: PartFiles, options: ReadOptions | None = None) -> SourceFile:
    """Open several files as one, each where it is; one alone is no part, see `open_source`.

    Raises:
        LoaderError: see `loader.reading.parts.read_parts`.
    """
    options = options or ReadOptions()
    options = replace(options, field_of=of_names(options.field_of))
    parts = read_parts(files, options)
    readers, first = parts.readers, parts.readers[0]
    samples: list[Chunk] = []
    for reader in readers:
        if sum(map(record_count, samples)) < SAMPLE_ROWS and (sample := reader.sample()):
            samples.append(sample)
    filled = [part for part in parts.files if part.encoding]
    return SourceFile(
        name=printable_path(files.name),
        first_name=printable_path(files.first),
        sha256=parts.sha256,
        size=sum(part.size for part in parts.files),
        compression=_joined(part.compression for part in filled) or None,
        format="csv",
        sheet=None,
        encoding=_joined(part.encoding for part in filled),
        bom=any(reader.text.encoding.bom for reader in readers),
        delimiter=first.grammar.delimiter,
        header=options.has_header,
        header_row=first.first_row - 1 if options.has_header else None,
        columns=first.columns,
        sample=first_rows(samples, first.columns, SAMPLE_ROWS),
        has_records=any(part.has_records for part in parts.files),
        remarks=parts.remarks,
        parts=parts.files,
        places=parts.places,
        _readers=readers,
    )


def _joined(names: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys(filter(None, names)))


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


def _sheet_text(
    table: SheetTable, size: int, options: ReadOptions, name: str
) -> tuple[TextFile, TextReader]:
    """Open the CSV file of a sheet; `size` and `name` are those of the spreadsheet."""
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
        text = text.check()
    return text, TextReader.of_sheet(text, size, options, table)

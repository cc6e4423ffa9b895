"""The source file: all that is known of it before its first row, then its rows.

The whole file is decompressed, decoded and hashed before its first row is given: no row of a
damaged file ever is.
"""

import glob
import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from loader.errors import NoSuchFileError, SourceFileError, UsageError
from loader.reading.cells import split_problems
from loader.reading.dialect import (
    Grammar,
    Header,
    find_delimiter,
    is_column_name,
    mask_values,
    parse_delimiter,
    read_header,
    unique_names,
)
from loader.reading.encoding import TextFile, open_text
from loader.reading.records import Chunk, Integers, read_chunks
from loader.reading.sample import merge_chunks, pick_records, record_count
from loader.reading.spreadsheet import SheetOptions, SheetTable, spreadsheet_as_csv
from loader.reading.stored import StoredFile, spool_to_disk

HEAD_SIZE = 1 << 20
"""In bytes of text: the header must end within them."""

SAMPLE_ROWS = 1000

MOST_COLUMNS = 1000
"""RE2 repeats a pattern no more often; a table of leads has a tenth of it."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    r"""How a source file is read.

    `delimiter`: one character, `tab` or `\t`; None: found among , tab | and ;
    `encoding`: None: UTF-8, or the one of the byte order mark.
    `layout`: the columns of a file without a header; its rows may have fewer fields.
    `columns`: likewise, as given by `--columns`: the first row must have as many fields.
    `sheet`: of a spreadsheet, see `SheetOptions`. `is_header`: says whether names of columns are
    known; it finds the header below title rows.
    `chunk_size`: records in a chunk. `block_size`: bytes read at once.
    """

    delimiter: str | None = None
    encoding: str | None = None
    layout: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    sheet: str | None = None
    is_header: Callable[[Sequence[str]], bool] = lambda _texts: False
    chunk_size: int = 20_000
    block_size: int = 1 << 20

    @property
    def has_header(self) -> bool:
        """Whether the first row names the columns."""
        return self.layout is None and self.columns is None

    @property
    def of_sheet(self) -> SheetOptions:
        """Those of a spreadsheet."""
        return SheetOptions(sheet=self.sheet, has_header=self.has_header, is_header=self.is_header)


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceFile:
    """A source file that was read to the end once and can be loaded.

    `sha256` and `size` (bytes) are of the file as stored. `compression` is gz, zip, zst, xz or
    None. `format` is xlsx, xlsm, xlsb, xls, ods or csv, which stands for all delimited text;
    `sheet` is the name of the sheet of a spreadsheet, several joined by commas, None for text.
    `columns` are unique. `sample` has the rows among the first 1,000 records, as `Chunk.rows`.
    `remarks` say what of the file is not read.
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
    columns: tuple[str, ...]
    sample: pd.DataFrame
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

    def _all_chunks(self) -> Iterator[Chunk]:
        for chunk in self._reader.chunks(self._reader.options.chunk_size):
            # Of a spreadsheet a CSV copy is read; progress is in bytes of the stored file.
            done = chunk.bytes_read * self.size // self._reader.text.stored.size
            yield replace(chunk, bytes_read=done)


@dataclass(frozen=True)
class _Reader:
    """How the records of a text are read: their grammar, their columns and where they start."""

    text: TextFile
    options: ReadOptions
    grammar: Grammar
    columns: tuple[str, ...]
    start: int
    first_row: int
    has_cell_problems: bool = False

    @classmethod
    def of_sheet(cls, text: TextFile, options: ReadOptions, table: SheetTable) -> "_Reader":
        """Take the header of a sheet, or the columns that are named by the options."""
        name = text.stored.name
        if table.header is None:
            columns = _named_columns(options)
            _refuse_more_columns(table.width, columns, f"{name}: sheet '{table.sheet}'")
        else:
            columns = unique_names([*table.header])
        columns = (*table.place, *columns)
        grammar = Grammar(",", len(columns), short_rows=True)
        return cls(text, options, grammar, columns, 0, table.first_row, table.problems)

    @classmethod
    def find(cls, text: TextFile, options: ReadOptions) -> "_Reader":
        """Find delimiter, columns and first record, from the options or the header."""
        name = text.stored.name
        head = _read_head(text)
        delimiter = (
            parse_delimiter(options.delimiter) if options.delimiter else find_delimiter(head)
        )
        first_record = read_header(head, Grammar(delimiter), name)
        if options.columns:
            _refuse_other_count(first_record, options.columns, name)
            columns, start, first_row = _named_columns(options), 0, 1
        elif options.layout:
            _refuse_header(first_record, options.layout, name)
            columns, start, first_row = options.layout, 0, 1
        else:
            _require_header(first_record, name)
            columns, start = unique_names(first_record.values), first_record.end
            first_row = first_record.row_number + 1
        grammar = Grammar(delimiter, len(columns), short_rows=options.layout is not None)
        return cls(text, options, grammar, columns, start, first_row)

    def chunks(self, chunk_size: int) -> Generator[Chunk, None, None]:
        """Read from the first record on, anew with each call."""
        with self.text.open() as text:
            text.skip(self.start)
            chunks = read_chunks(
                text,
                self.grammar,
                self.columns,
                first_row=self.first_row,
                chunk_size=chunk_size,
                block_size=self.options.block_size,
            )
            for chunk in chunks:
                if not self.has_cell_problems:
                    yield chunk
                    continue
                rows, problems = split_problems(chunk.rows)
                yield replace(chunk, rows=rows, cell_problems=problems)


def printable_path(path: str) -> str:
    """Return a path as text that can be printed and stored, even if its bytes are no UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextmanager
def open_source(path: str, options: ReadOptions | None = None) -> Iterator[SourceFile]:
    """Open a lead file, `-` for standard input, after all of it was checked to be readable.

    Text may be compressed (gz, zip with one member, zst, xz; recognized by content, not by name).
    Of a spreadsheet (xlsx, xlsm, xlsb, xls, ods) one sheet is read, or several with one header.

    Raises:
        NoSuchFileError: there is no such file, or it cannot be read.
        SourceFileError: the file is damaged, not of the encoding, binary or empty, or has no
            header, or only a header; the message says where and what to do.
        UsageError: an option has a value that is not allowed.
    """
    options = options or ReadOptions()
    with ExitStack() as stack:
        if path == "-":
            name, file = "standard input", stack.enter_context(spool_to_disk(sys.stdin.buffer))
        else:
            name, file = printable_path(path), _regular_file(path, stack)
        stored = StoredFile.identify(file, name)
        sha256 = stored.sha256()
        table = None
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
        with closing(reader.chunks(SAMPLE_ROWS)) as chunks:
            sample = next(chunks, None)
        if sample is None:
            raise SourceFileError(f"{name}: there is a header, but no row after it")
        yield SourceFile(
            name=name,
            path=file,
            sha256=sha256,
            size=stored.size,
            compression=stored.compression,
            format=table.format if table else "csv",
            sheet=table.sheet if table else None,
            encoding=text.encoding.name,
            bom=bool(text.encoding.bom),
            delimiter=reader.grammar.delimiter,
            header=options.has_header,
            columns=reader.columns,
            sample=sample.rows,
            remarks=table.remarks if table else (),
            _reader=reader,
        )


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


def expand_globs(patterns: Sequence[str]) -> list[str]:
    """Return the files that names and globs match, in their order, each once; `-` stays `-`."""
    paths: dict[str, None] = {}
    for pattern in patterns:
        if pattern == "-" or Path(pattern).exists():
            found = [pattern]
        else:
            # Path.glob takes no absolute pattern, and drops a leading ./
            names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - see above
            found = [name for name in names if not Path(name).is_dir()]
        if not found:
            raise NoSuchFileError(f"{pattern}: there is no such file")
        paths.update(dict.fromkeys(found))
    return list(paths)


def _regular_file(path: str, stack: ExitStack) -> Path:
    """Return the file itself, or a copy of a pipe or device, which can be read only once."""
    file = Path(path)
    if file.is_file() or file.is_dir() or not file.exists():
        return file
    try:
        return stack.enter_context(spool_to_disk(stack.enter_context(file.open("rb"))))
    except OSError as exc:
        raise NoSuchFileError(f"{path}: {exc.strerror}") from None


def _sheet_text(table: SheetTable, options: ReadOptions, name: str) -> tuple[TextFile, _Reader]:
    """Open the CSV file of a sheet; `name` is the name of the spreadsheet."""
    if table.header is not None:
        _require_header(Header([*table.header], table.first_row - 1, 0), name)
    elif options.has_header:
        raise SourceFileError(f"{name}: sheet '{table.sheet}' has no row that can be its header")
    if not table.path.stat().st_size:
        raise SourceFileError(f"{name}: sheet '{table.sheet}' has a header, but no row after it")
    text = open_text(StoredFile.identify(table.path, name), "utf-8")
    text.check()
    return text, _Reader.of_sheet(text, options, table)


def _named_columns(options: ReadOptions) -> tuple[str, ...]:
    """Give the columns of a file without a header; those that are not used have a number."""
    names = options.columns or options.layout or ()
    return unique_names(["" if name == "-" else name for name in names])


def _refuse_other_count(first_record: Header, columns: tuple[str, ...], name: str) -> None:
    """Refuse a file whose first row has another number of fields than are named."""
    _refuse_header(first_record, tuple(it for it in columns if it != "-"), name, "--columns")
    found = len(first_record.values)
    if found != len(columns):
        raise SourceFileError(
            f"{name}: row {first_record.row_number}, the first, has {found} fields, but --columns"
            f" names {len(columns)}; name each column, by - one that is not used:"
            f" {mask_values(first_record.values)}"
        )


def _refuse_more_columns(width: int, columns: tuple[str, ...], name: str) -> None:
    if width > len(columns):
        raise SourceFileError(
            f"{name} has rows with {width} cells, but {len(columns)} columns are named; name each"
            " column, by - one that is not used"
        )


def _read_head(text: TextFile) -> bytes:
    """Read the first lines, without a last one that is cut off."""
    head = b""
    with text.open() as stream:
        while len(head) <= HEAD_SIZE and (more := stream.read(HEAD_SIZE)):
            head += more
    if len(head) > HEAD_SIZE:
        head = head[:HEAD_SIZE].removesuffix(b"\r")
        head = head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1]
    if not head.strip(b"\r\n"):
        raise SourceFileError(
            f"{text.stored.name}: no line ends within the first {HEAD_SIZE >> 20} MiB, or all of"
            " them are blank; this is not a lead file"
        )
    return head


def _require_header(first_record: Header, name: str) -> None:
    if not all(map(is_column_name, first_record.values)):
        raise SourceFileError(
            f"{name}: row {first_record.row_number} is no header, it has values:"
            f" {mask_values(first_record.values)}; add a line with the names of the columns, or"
            " name them in their order by --columns phone_number,first_name,- (- is not used), or"
            " load with --layout vicidial-standard if they are in that order"
        )
    if len(first_record.values) > MOST_COLUMNS:
        raise SourceFileError(
            f"{name}: the header has {len(first_record.values):,} columns;"
            f" at most {MOST_COLUMNS:,} can be read"
        )


def _refuse_header(
    first_record: Header, layout: tuple[str, ...], name: str, option: str = "--layout"
) -> None:
    values = {value.strip().lower().replace(" ", "_") for value in first_record.values}
    found = sorted(values.intersection(layout))
    # A single match may be data: a title, a source called EMAIL.
    if "phone_number" in found or len(found) > 1:
        raise SourceFileError(
            f"{name}: row {first_record.row_number} is a header, it has {', '.join(found[:3])};"
            f" leave {option} out"
        )

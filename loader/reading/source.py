"""The source file: all that is known of it before its first row, then its rows.

The whole file is decompressed, decoded and hashed before its first row is given: no row of a
damaged file ever is.
"""

import glob
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from loader.errors import NoSuchFileError, SourceFileError
from loader.paths import printable_path
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
from loader.reading.spreadsheet import spreadsheet_as_csv
from loader.reading.stored import StoredFile, spool_to_disk

LAYOUTS: dict[str, tuple[str, ...]] = {
    "vicidial-standard": (
        "vendor_lead_code",
        "source_id",
        "list_id",
        "phone_code",
        "phone_number",
        "title",
        "first_name",
        "middle_initial",
        "last_name",
        "address1",
        "address2",
        "address3",
        "city",
        "state",
        "province",
        "postal_code",
        "country_code",
        "gender",
        "date_of_birth",
        "alt_phone",
        "email",
        "security_phrase",
        "comments",
        "called_count",
        "status",
        "entry_date",
        "multi_alt_phones",
    ),
}
"""The columns of files without a header, by the name of the layout."""

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
    `header`: False: there is none, and the columns are called `column 1` and so on; True: the first
    row is one, whatever it looks like; None: it has to look like one, unless there is a layout.
    `chunk_size`: records in a chunk. `block_size`: bytes read at once.
    """

    delimiter: str | None = None
    encoding: str | None = None
    layout: tuple[str, ...] | None = None
    header: bool | None = None
    chunk_size: int = 20_000
    block_size: int = 1 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceFile:
    """A source file that was read to the end once and can be loaded.

    `sha256` and `size` (bytes) are of the file as stored. `compression` is gz, zip, zst, xz or
    None. `sheet` is the name of the sheet of a spreadsheet, None for a text file. `columns` are
    unique. `sample` has the rows among the first 1,000 records, as `Chunk.rows`.
    """

    name: str
    path: Path
    sha256: str
    size: int
    compression: str | None
    sheet: str | None
    encoding: str
    bom: bool
    delimiter: str
    header: bool
    columns: tuple[str, ...]
    sample: pd.DataFrame
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

    @classmethod
    def find(cls, text: TextFile, options: ReadOptions) -> "_Reader":
        """Find delimiter, columns and first record, from the options or the header."""
        name = text.stored.name
        head = _read_head(text)
        delimiter = (
            parse_delimiter(options.delimiter) if options.delimiter else find_delimiter(head)
        )
        first_record = read_header(head, Grammar(delimiter), name)
        if options.layout:
            _refuse_header(first_record, options.layout, name)
            columns, start, first_row = options.layout, 0, 1
        elif options.header is False:
            columns, start, first_row = unique_names([""] * len(first_record.values)), 0, 1
        else:
            if options.header is None:
                _require_header(first_record, name)
            columns, start = unique_names(first_record.values), first_record.end
            first_row = first_record.row_number + 1
        grammar = Grammar(delimiter, len(columns), short_rows=options.layout is not None)
        return cls(text, options, grammar, columns, start, first_row)

    def chunks(self, chunk_size: int) -> Generator[Chunk, None, None]:
        """Read from the first record on, anew with each call."""
        with self.text.open() as text:
            text.skip(self.start)
            yield from read_chunks(
                text,
                self.grammar,
                self.columns,
                first_row=self.first_row,
                chunk_size=chunk_size,
                block_size=self.options.block_size,
            )


@contextmanager
def open_source(path: str, options: ReadOptions | None = None) -> Iterator[SourceFile]:
    """Open a lead file, `-` for standard input, after all of it was checked to be readable.

    Text may be compressed (gz, zip with one member, zst, xz; recognized by content, not by name).
    Of a spreadsheet (xlsx, xls, ods) the first sheet with data is read.

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
        content, sheet = stored, None
        if stored.is_spreadsheet:
            table, sheet = stack.enter_context(spreadsheet_as_csv(stored))
            content = StoredFile.identify(table, name)
            options = replace(options, delimiter=",", encoding="utf-8")
        text = open_text(content, options.encoding)
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
            sheet=sheet,
            encoding=text.encoding.name,
            bom=bool(text.encoding.bom),
            delimiter=reader.grammar.delimiter,
            header=options.layout is None and options.header is not False,
            columns=reader.columns,
            sample=sample.rows,
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
            " load with --layout vicidial-standard if the columns are in that order"
        )
    if len(first_record.values) > MOST_COLUMNS:
        raise SourceFileError(
            f"{name}: the header has {len(first_record.values):,} columns;"
            f" at most {MOST_COLUMNS:,} can be read"
        )


def _refuse_header(first_record: Header, layout: tuple[str, ...], name: str) -> None:
    values = {value.strip().lower().replace(" ", "_") for value in first_record.values}
    found = sorted(values.intersection(layout))
    # A single match may be data: a title, a source called EMAIL.
    if "phone_number" in found or len(found) > 1:
        raise SourceFileError(
            f"{name}: row {first_record.row_number} is a header, it has {', '.join(found[:3])};"
            " leave --layout out"
        )

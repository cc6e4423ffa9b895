"""The source file: everything that is known of it before its first row, then its rows.

Nothing of a bad file is handed out: the whole file is decompressed, decoded and hashed before the
first row is.
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

from loader.errors import NoSuchFileError, SourceFileError
from loader.reading.dialect import (
    Grammar,
    Header,
    find_delimiter,
    is_column_name,
    named_delimiter,
    read_header,
    shape,
    unique_names,
)
from loader.reading.encoding import TextFile, open_text
from loader.reading.records import Chunk, Integers, read_chunks
from loader.reading.sample import length, merge, pick
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
"""Bytes of text in which the header must be."""

SAMPLE_ROWS = 1000

MOST_COLUMNS = 1000
"""What the regular expressions can count; a table of leads has a tenth of it."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    r"""How a source file is read.

    `delimiter`: one character, `tab` or `\t`; None finds it among , tab | and ;
    `encoding`: None is UTF-8 with or without, UTF-16 with byte order mark.
    `layout`: the columns of a file without header; its rows may end early.
    `chunk_size`: records in a chunk. `block_size`: bytes read at once.
    """

    delimiter: str | None = None
    encoding: str | None = None
    layout: tuple[str, ...] | None = None
    chunk_size: int = 20_000
    block_size: int = 1 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceFile:
    """A source file that was read to the end once and is fit to be loaded.

    `sha256` and `size` (bytes) are those of the file as stored, `compression` is gz, zip, zst, xz
    or None. `sheet` is the sheet of a spreadsheet, None for a file of text. `columns` are unique.
    `sample` are the rows among the first 1,000 records, as in a `Chunk`.
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
    _wanted: Integers | None = None
    """Positions among the records of those that are read; None: all."""

    def chunks(self) -> Iterator[Chunk]:
        """Read the rows, from the first; every record is in one chunk, as a row or as rejected.

        Raises:
            SourceFileError: The file was changed since `open_source` looked at it.
        """
        if self._wanted is None:
            return self._all_chunks()
        picked = pick(self._all_chunks(), self._wanted)
        return merge(picked, self._reader.options.chunk_size)

    def _all_chunks(self) -> Iterator[Chunk]:
        for chunk in self._reader.chunks(self._reader.options.chunk_size):
            # Progress goes by the stored file, which for a spreadsheet is not what is read here.
            done = chunk.bytes_read * self.size // self._reader.text.stored.size
            yield replace(chunk, bytes_read=done)


@dataclass(frozen=True)
class _Reader:
    """How the records of a text are read: what their grammar is and where they start."""

    text: TextFile
    options: ReadOptions
    grammar: Grammar
    columns: tuple[str, ...]
    start: int
    first_row: int

    @classmethod
    def find(cls, text: TextFile, options: ReadOptions) -> "_Reader":
        """Find delimiter, columns and first record, as the options or the header tell."""
        name = text.stored.name
        head = _head_of(text)
        delimiter = (
            named_delimiter(options.delimiter) if options.delimiter else find_delimiter(head)
        )
        first = read_header(head, Grammar(delimiter), name)
        if options.layout:
            _refuse_header(first, options.layout, name)
            columns, start, first_row = options.layout, 0, 1
        else:
            _require_header(first, name)
            columns, start, first_row = unique_names(first.values), first.end, first.row_number + 1
        grammar = Grammar(delimiter, len(columns), short_rows=options.layout is not None)
        return cls(text, options, grammar, columns, start, first_row)

    def chunks(self, chunk_size: int) -> Generator[Chunk, None, None]:
        """Read from the first record on; again from there with each call."""
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


def printable_path(path: str) -> str:
    """Give a path as text that can be printed and stored: its bytes may be no UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextmanager
def open_source(path: str, options: ReadOptions | None = None) -> Iterator[SourceFile]:
    """Open a lead file, `-` for standard input; all of it is proven readable before.

    Text may be compressed (gz, zip with one member, zst, xz; told by content, not by name). Of a
    spreadsheet (xlsx, xls, ods) the first sheet with data is read.

    Raises:
        NoSuchFileError: There is no such file, or it cannot be read.
        SourceFileError: Damaged, not of the encoding, binary, empty, no header, header only; the
            message says where and what to do.
        UsageError: An option has a value that it cannot have.
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
            header=options.layout is None,
            columns=reader.columns,
            sample=sample.rows,
            _reader=reader,
        )


def spread(
    source: SourceFile, rows: int, progress: Callable[[int], None] = lambda _done: None
) -> tuple[SourceFile, int]:
    """Give the same file with only some of its records, and how many there are in all.

    The records are evenly spaced, the first and the last among them, and keep their row numbers;
    those that are no rows count as well. All is read once to count; no record is kept.

    Args:
        source: what `open_source` gives, while it is open.
        rows: how many records to read, at least 1; if there are no more, all of them are read.
        progress: told of the bytes read so far, out of `source.size`.

    Raises:
        SourceFileError: The file was changed since `open_source` looked at it.
    """
    records = 0
    for chunk in source.chunks():
        records += length(chunk)
        progress(chunk.bytes_read)
    if records <= rows:
        return source, records
    wanted = np.arange(rows, dtype=np.int64) * (records - 1) // max(rows - 1, 1)
    return replace(source, _wanted=wanted), records


def expand(patterns: Sequence[str]) -> list[str]:
    """Give the files that names and globs mean, in their order, each once; `-` stays as it is.

    Raises:
        NoSuchFileError: A name or glob means no file.
    """
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
    """Give the file itself, or a copy of what a pipe or device gives once."""
    file = Path(path)
    if file.is_file() or file.is_dir() or not file.exists():
        return file
    try:
        return stack.enter_context(spool_to_disk(stack.enter_context(file.open("rb"))))
    except OSError as exc:
        raise NoSuchFileError(f"{path}: {exc.strerror}") from None


def _head_of(text: TextFile) -> bytes:
    """Read the first lines, whole ones only."""
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


def _require_header(first: Header, name: str) -> None:
    if not all(map(is_column_name, first.values)):
        raise SourceFileError(
            f"{name}: row {first.row_number} is no header, it has values: {shape(first.values)};"
            " add a line with the names of the columns, or load with --layout vicidial-standard"
            " if the columns are in that order"
        )
    if len(first.values) > MOST_COLUMNS:
        raise SourceFileError(
            f"{name}: the header has {len(first.values):,} columns, and {MOST_COLUMNS:,} are the"
            " most that can be read"
        )


def _refuse_header(first: Header, layout: tuple[str, ...], name: str) -> None:
    values = {value.strip().lower().replace(" ", "_") for value in first.values}
    found = sorted(values.intersection(layout))
    # One alone may be data: a lead's title, a source called EMAIL.
    if "phone_number" in found or len(found) > 1:
        raise SourceFileError(
            f"{name}: row {first.row_number} is a header, it has {', '.join(found[:3])};"
            " leave --layout out"
        )

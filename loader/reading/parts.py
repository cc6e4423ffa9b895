"""Several files that are read as one: each where it is, one after the other.

The first one that has rows says what their columns, their delimiter and their header are. Rows are
numbered through all of them, with the headers of later ones.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path

from loader.errors import EmptyFileError, SourceFileError, UsageError
from loader.paths import printable_path
from loader.reading.delimiter import skip_separator_line
from loader.reading.dialect import Grammar
from loader.reading.encoding import open_text
from loader.reading.header import (
    TOP_ROWS,
    header_difference,
    is_lead,
    looks_like_header,
    refuse_header,
    refuse_leads_above,
    rows_above,
)
from loader.reading.part_files import PartFiles
from loader.reading.read_options import ReadOptions
from loader.reading.row_places import RowPlaces
from loader.reading.sample import record_count
from loader.reading.start import Start, read_head
from loader.reading.stored import StoredFile
from loader.reading.text_reader import TextReader
from loader.reading.top_rows import NO_VALUE, Row, read_rows

MOST_NAMED = 5
"""Empty files that a remark names."""


@dataclass(frozen=True)
class Part:
    """One of the files of a load.

    `sha256` and `size` (bytes) are of the file as stored. Its rows have the row numbers from
    `first_row` on; `rows` of them, with its header and blank lines.
    """

    name: str
    sha256: str
    size: int
    compression: str | None
    encoding: str
    has_header: bool
    first_row: int
    rows: int
    has_records: bool
    """There is a row that is neither its header nor blank."""


@dataclass(frozen=True)
class Parts:
    """The files of a load, and what reads those of them that are not empty."""

    files: tuple[Part, ...]
    readers: tuple[TextReader, ...]
    remarks: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Of the files' hashes in their order."""
        return hashlib.sha256("".join(part.sha256 for part in self.files).encode()).hexdigest()

    @property
    def places(self) -> RowPlaces:
        """Where rows stand."""
        filled = [part for part in self.files if part.rows]
        return RowPlaces(
            tuple(part.name for part in filled), tuple(part.first_row for part in filled)
        )


def read_parts(files: PartFiles, options: ReadOptions) -> Parts:
    """Open the parts of a load after all of each was checked to be readable.

    Raises:
        NoSuchFileError: one is not there, or cannot be read.
        SourceFileError: one is damaged, not of the encoding or binary; all are empty; or they do
            not fit together.
        UsageError: an option has a value that is not allowed.
    """
    name = printable_path(files.name)
    if options.sheet is not None:
        raise UsageError(f"--sheet {options.sheet}: {name} has no sheets; leave --sheet out")
    found: list[_OpenPart] = []
    for path in files.paths:
        first = next((part.reader for part in found if part.reader), None)
        found.append(_OpenPart.read(path, options, first))
    filled = [part for part in found if part.reader]
    if not filled:
        raise EmptyFileError(f"{name}: all of its files are empty")
    for before, after in pairwise(filled):
        _refuse_cut(before, after)
    _refuse_repeated(found)
    remarks = [remark for part in found for remark in part.remarks]
    return Parts(*_numbered(found), (*remarks, *_empty_remark(found)))


def _empty_remark(parts: Sequence["_OpenPart"]) -> list[str]:
    names = [part.name for part in parts if not part.reader]
    if not names:
        return []
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return [f"without a row, as it is empty: {', '.join(names[:MOST_NAMED])}{more}"]


def _numbered(parts: Sequence["_OpenPart"]) -> tuple[tuple[Part, ...], tuple[TextReader, ...]]:
    """Number the rows through all parts."""
    files, readers, rows = [], [], 0
    for part in parts:
        files.append(part.described(rows + 1))
        if part.reader:
            readers.append(replace(part.reader, rows_before=rows))
        rows += part.rows
    return tuple(files), tuple(readers)


@dataclass(frozen=True)
class _OpenPart:
    """A part that was read to its end; without a reader it has nothing, or only blank lines."""

    stored: StoredFile | None
    name: str
    sha256: str
    reader: TextReader | None = None
    has_header: bool = False
    has_records: bool = False
    rows: int = 0
    rows_sha256: str = ""
    """Of its text behind the header, as UTF-8."""
    is_open: bool = False
    """It ends within quotes."""
    has_line_break: bool = True
    """It ends with one."""
    remarks: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str, options: ReadOptions, first: TextReader | None) -> "_OpenPart":
        """Read one; `first` reads the first of them that is not empty."""
        name, stored, sha256 = printable_path(path), None, EMPTY
        try:
            stored = StoredFile.identify(
                Path(path), name, limits=options.limits, follow_links=options.follow_links
            )
            if stored.is_spreadsheet:
                raise SourceFileError(
                    f"{name}: a spreadsheet cannot be one of several parts; export it as CSV"
                    " (UTF-8), or load it by itself"
                )
            sha256 = stored.sha256()
            text = open_text(stored, options.encoding).check()
        except EmptyFileError:
            return cls(stored, name, sha256)
        if first:
            start = _find_start(read_head(text), name, first)
            reader = replace(first, text=text, size=stored.size, start=start)
        else:
            reader = TextReader.find(text, options)
        end, sample = reader.end(), reader.sample()
        return cls(
            stored,
            name,
            sha256,
            reader,
            reader.start.first_row > reader.start.header.row_number,
            sample is not None and record_count(sample) > 0,
            reader.start.first_row - 1 + end.rows,
            end.sha256,
            end.is_open,
            end.has_line_break,
            tuple(f"{name}: {remark}" for remark in reader.start.remarks),
        )

    def described(self, first_row: int) -> Part:
        """Describe it, with the number of its first row."""
        return Part(
            name=self.name,
            sha256=self.sha256,
            size=self.stored.size if self.stored else 0,
            compression=self.stored.compression if self.stored else None,
            encoding=self.reader.text.encoding.name if self.reader else "",
            has_header=self.has_header,
            first_row=first_row,
            rows=self.rows,
            has_records=self.has_records,
        )


EMPTY = hashlib.sha256(b"").hexdigest()


def _find_start(head: bytes, name: str, first: TextReader) -> Start:
    """Find where the records of a later part begin: behind the same header, or with it.

    Raises:
        SourceFileError: it has another header, a lead above its header, or no row with as many
            fields as the first part has columns.
    """
    grammar, header, field_of = first.grammar, first.start.header, first.options.field_of
    first_name = first.text.stored.name
    position, row_number, _ = skip_separator_line(head)
    found = read_rows(head, Grammar(grammar.delimiter), position, row_number)
    rows = [*islice(found, TOP_ROWS)]
    if not rows:  # blanks and empty quotes alone
        return Start(grammar.delimiter, Row([], row_number, position), position, row_number)
    if not first.options.has_header:
        refuse_header(rows[0], first.columns, name, "it")
    elif start := _behind_header(rows, name, first):
        return start
    elif looks_like_header(rows[0].values, header.values, field_of):
        difference = header_difference(header.values, rows[0].values)
        raise SourceFileError(
            f"{name}: row {rows[0].row_number} is another header than that of {first_name}"
            f" ({difference}); parts need the same columns in the same order: correct it, or load"
            " the file by itself"
        )
    if not any(_fits(row, grammar) for row in rows):
        raise SourceFileError(
            f"{name}: row {rows[0].row_number} has {len(rows[0].values)} fields, and"
            f" {first_name} has {grammar.columns} columns; is it a part of the same table, with the"
            " same delimiter? Load it by itself if it is not"
        )
    return Start(grammar.delimiter, rows[0], position, row_number)


def _behind_header(rows: Sequence[Row], name: str, first: TextReader) -> Start | None:
    """Find the header of the first part, no deeper than there; None: a later one lacks it."""
    header = first.start.header
    for at, row in enumerate(rows):
        if at and row.row_number > header.row_number:
            return None
        if not header_difference(header.values, row.values):
            leads = [above for above in rows[:at] if is_lead(above.values)]
            if leads:
                refuse_leads_above(row.row_number, leads[0].row_number, name)
            remark = rows_above(rows[0].row_number, row.row_number)
            remarks = (remark,) if remark else ()
            return Start(first.grammar.delimiter, row, row.end, row.row_number + 1, remarks)
    return None


def _fits(row: Row, grammar: Grammar) -> bool:
    """Say whether a row has as many fields as there are columns; blank ones may follow."""
    fewest = grammar.columns if grammar.fewest is None else grammar.fewest
    surplus = row.values[grammar.columns :]
    return len(row.values) >= fewest and not any(value.strip(NO_VALUE) for value in surplus)


def _refuse_cut(before: _OpenPart, after: _OpenPart) -> None:
    """Refuse parts between which a row may be cut in two.

    SourceFileError: the first one ends within a row, and the second one begins with none.
    """
    if after.has_header:
        return
    begins = f"and {after.name} begins without a header"
    if before.is_open:
        raise SourceFileError(
            f"{before.name}: it ends within quotes that are not closed, {begins}: a row with line"
            " breaks in it may be cut in two. Split the file between rows, load it in one piece, or"
            " close the quotes"
        )
    if not before.has_line_break:
        raise SourceFileError(
            f"{before.name}: its last row has no line break, {begins}: a row may be cut in two, as"
            " by split -b. Split the file at line ends, as by split -l; or, if the row is whole,"
            " end it with a line break"
        )


def _refuse_repeated(parts: Sequence[_OpenPart]) -> None:
    """Refuse parts with the same rows, one of them packed, maybe: each would be loaded twice.

    SourceFileError: there are two.
    """
    names: dict[str, str] = {}
    for part in (part for part in parts if part.has_records):
        for content in (part.sha256, part.rows_sha256):
            other = names.setdefault(content, part.name)
            if other != part.name:
                raise SourceFileError(
                    f"{part.name}: it has the same rows as {other}, which would be loaded twice;"
                    " leave one of them out"
                )

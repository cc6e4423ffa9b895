"""Where the records of a text file begin: behind its header, and what stands above it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from loader.errors import SourceFileError
from loader.reading.delimiter import DELIMITERS, likely_delimiters, skip_separator_line
from loader.reading.dialect import Grammar
from loader.reading.encoding import TextFile
from loader.reading.header import (
    TOP_ROWS,
    FieldOf,
    find_known_header,
    refuse_large_header,
    refuse_leads_above,
    require_header,
    rows_above,
)
from loader.reading.limits import MOST_COLUMNS
from loader.reading.top_rows import Row, line_end, read_rows

HEAD_SIZE = 1 << 20
"""In bytes of text: the header must end within them."""


@dataclass(frozen=True)
class Start:
    """Where the records of a file begin.

    `header`: the row with the names of the columns, or the first one of a file without a header.
    `position` is that of the first record in bytes, `first_row` its row number.
    """

    delimiter: str
    header: Row
    position: int
    first_row: int
    remarks: tuple[str, ...] = ()
    """What of the rows above is not read."""


def read_head(text: TextFile) -> bytes:
    """Read the first lines, without a last one that is cut off.

    Raises:
        SourceFileError: no line of them has ended, or has anything.
    """
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


def find_start(
    head: bytes,
    name: str,
    *,
    delimiter: str | None = None,
    skip_rows: int | None = None,
    has_header: bool = True,
    is_certain: bool = False,
    field_of: FieldOf = lambda _column: "",
) -> Start:
    """Find delimiter and header in the text at the start of a file, whose name is for messages.

    A line sep=; is skipped and names the delimiter, unless `delimiter` does. `skip_rows`: so many
    rows are above the header; None: it is the first row, or the one among the first TOP_ROWS
    whose names are known, if those above it are not. Without a header, its place is that of the
    first record. `is_certain`: the first row is the header, whatever it looks like.

    Raises:
        SourceFileError: there is no header or it cannot be read, a lead is above it, or there is no
            row after those to skip.
    """
    position, row_number, separator = skip_separator_line(head)
    if skip_rows:
        position, row_number = max((position, row_number), _skip_rows(head, skip_rows, name))

    delimiters = [delimiter] if delimiter else likely_delimiters(head[position:], separator)

    def rows(delimiter: str) -> Iterator[Row]:
        return read_rows(head, Grammar(delimiter), position, row_number)

    delimiter, *_ = delimiters
    first = next(rows(delimiter), None)
    if first is None:
        behind = f" behind the first {skip_rows}" if skip_rows else ""
        raise SourceFileError(f"{name}: the file has no rows{behind}, only blank lines")
    if not has_header:
        return Start(delimiter, first, position, row_number)
    if is_certain:
        refuse_large_header(first, name)
        return Start(delimiter, first, first.end, first.row_number + 1)
    remark, top = "", first.row_number
    if skip_rows is None:
        tops = {each: list(islice(rows(each), TOP_ROWS)) for each in delimiters}
        delimiter, first = _find_header(tops, name, field_of) or (delimiter, first)
        remark = rows_above(top, first.row_number)
    require_header(first, name, field_of)
    return Start(delimiter, first, first.end, first.row_number + 1, (remark,) if remark else ())


def _find_header(
    tops: Mapping[str, Sequence[Row]], name: str, field_of: FieldOf
) -> tuple[str, Row] | None:
    """Find the delimiter whose first rows have the header that names the most.

    SourceFileError: there is a lead above it.
    """
    found = {}
    for delimiter, rows in tops.items():
        readable = [row.is_closed and len(row.values) <= MOST_COLUMNS for row in rows]
        values = [row.values if it else [] for row, it in zip(rows, readable, strict=True)]
        header = find_known_header(values, field_of)
        if header:
            found[delimiter] = header
    if not found:
        return None
    best = max(found, key=lambda delimiter: found[delimiter].known)
    header, rows = found[best], tops[best]
    row = rows[header.position]
    if header.lead_above is not None:
        refuse_leads_above(row.row_number, rows[header.lead_above].row_number, name)
    return best, row


def _skip_rows(head: bytes, rows: int, name: str) -> tuple[int, int]:
    """Return position and row number after so many rows from the start, blank lines included."""
    position = 0
    for row in range(rows):
        if position >= len(head):
            raise SourceFileError(f"{name}: --skip-rows {rows}: the file has only {row} rows")
        end = line_end(head, position)
        if head[position:end].strip(b"\r\n"):
            records = (Grammar(each).any_record.match(head, position) for each in DELIMITERS)
            end = max(record.end() if record else end for record in records)
        position = end
    return position, rows + 1

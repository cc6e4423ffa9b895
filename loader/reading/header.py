"""Where the records of a file begin: its delimiter, its header, and the lines above it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import NamedTuple

from loader.errors import SourceFileError, UsageError
from loader.paths import shell_quoted
from loader.reading.dialect import Grammar
from loader.reading.limits import MOST_COLUMNS

DELIMITERS = (",", "\t", "|", ";")

SNIFFED_BYTES = 1 << 16
"""Bytes at the start of a file from which its delimiter is found."""

SNIFFED_RECORDS = 1000

TOP_ROWS = 30
"""Rows at the start of a file or a sheet among which its header is looked for."""

LONGEST_NAME = 1000
"""Characters of a column's name."""

# Patterns over text of the file never try the same characters in two ways: no text takes long.
_MAIL = r"[^@\s]+@[^@\s][^@\s.]*\.[^@\s]+"
DATA_WITH_LETTERS = re.compile(
    rf"""{_MAIL}                              # mail address
    |\+?[\d ().-]{{6,}}(x|ext)[ .]*\d+      # phone number with extension
    |[+-]?\d+(\.\d*)?e[+-]?\d+             # number as a spreadsheet shows a large one
    |\d{{1,2}}[-/. ][a-z]{{3,9}}[-/. ]+\d{{2,4}}  # 31-Jan-2024
    |\d{{4}}-\d\d-\d\d[t ][\d:.+]+z?        # 2024-01-31T08:00:00Z
    |[\d/.: -]+[ap]m                        # 1/31/2024 8:00 AM""",
    re.VERBOSE | re.IGNORECASE,
)
"""Values that contain letters and are still no column names."""


MAIL = re.compile(_MAIL)
PHONE = re.compile(r"[\W_]*(?:\d[\W_]*){7,}(?:(?:x|ext)[\W_]*\d+)?", re.IGNORECASE)
DATE = re.compile(
    r"\d{4}([-/.])\d\d?\1\d\d?|\d\d?([-/.])\d\d?\2\d{4}|(19|20)\d\d(0\d|1[0-2])([0-2]\d|3[01])"
)

QUOTED_NAMES = re.compile(r'"[^"]*"([^\w\s"])"')
"""Two quoted values with something between them that was not taken for a delimiter."""

MOMENT = re.compile(
    r"\d{4}[-/.]\d\d?[-/.]\d|\d\d?[-/.]\d\d?[-/.](?:19|20)\d\d|\d:\d|^(?:19|20)\d{10}(?:\d\d)?$"
)
"""A date or a time of day, or digits that are both."""

OTHER_DELIMITERS = re.compile(r"[,;|\t]")
WORDS = re.compile(r"[^\W\d_]+")

SEPARATOR_LINE = re.compile(
    rb"""([\r\n]*)[ ]*"?sep=(\\t|tab|[^\r\n"]?)(?:\2|[,;|\t "])*+(?:\r\n|\r|\n|\Z)""",
    re.IGNORECASE,
)
"""Excel's own first line, sep=; which names the delimiter."""

BLANK_LINES = re.compile(rb"[\r\n]*")
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")

NO_VALUE = "".join(
    map(chr, (*range(9, 14), 26, 32, 34, 160, *range(0x2000, 0x200C), 0x202F, 0x3000, 0xFEFF))
)
"""What a row of blanks and empty quotes has."""

FieldOf = Callable[[str], str]
"""Gives the field that a column of some name would fill, "" if none is known."""


@dataclass(frozen=True)
class Row:
    """A record at the start of a file: its values, its row number, and where it ends (bytes)."""

    values: list[str]
    row_number: int
    end: int
    is_closed: bool = True
    """Whether its quotes are; if not, the values are those of the line alone."""


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
    rows are above the header; None: it is the first row, or the one among the first ROWS_ABOVE
    whose names are known, if those above it are not. Without a header, its place is that of the
    first record. `is_certain`: the first row is the header, whatever it looks like.

    Raises:
        SourceFileError: there is no header or it cannot be read, a lead is above it, or there is no
            row after those to skip.
    """
    position, row_number, separator = _skip_separator_line(head)
    if skip_rows:
        after = _skip_rows(head, skip_rows, name)
        position, row_number = max((position, row_number), after)
    if delimiter is None:
        first = (
            next(_rows(head, Grammar(separator), position, row_number), None) if separator else None
        )
        has_it = first is not None and len(first.values) > 1
        delimiter = separator if has_it else find_delimiter(head[position:])
        candidates: Sequence[str] = [delimiter] if has_it else DELIMITERS
    else:
        candidates = [delimiter]
    first = next(_rows(head, Grammar(delimiter), position, row_number), None)
    if first is None:
        behind = f" behind the first {skip_rows}" if skip_rows else ""
        raise SourceFileError(f"{name}: the file has no rows{behind}, only blank lines")
    if not has_header:
        return Start(delimiter, first, position, row_number)
    if is_certain:
        _refuse_large_header(first, name)
        return Start(delimiter, first, first.end, first.row_number + 1)
    remark, top = "", first.row_number
    if skip_rows is None:
        tops = {
            each: list(islice(_rows(head, Grammar(each), position, row_number), TOP_ROWS))
            for each in (delimiter, *candidates)
        }
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


def _skip_separator_line(head: bytes) -> tuple[int, int, str]:
    """Return position and row number after a line sep=; and its delimiter, "" if none is named."""
    line = SEPARATOR_LINE.match(head)
    if line is None:
        return 0, 1, ""
    named = line.group(2).decode().lower()
    delimiter = "\t" if named in {"\\t", "tab"} else named
    return line.end(), count_lines(line.group(1)) + 2, delimiter


def _skip_rows(head: bytes, rows: int, name: str) -> tuple[int, int]:
    """Return position and row number after so many rows from the start, blank lines included."""
    position = 0
    for row in range(rows):
        if position >= len(head):
            raise SourceFileError(f"{name}: --skip-rows {rows}: the file has only {row} rows")
        end = _line_end(head, position)
        if head[position:end].strip(b"\r\n"):
            records = (Grammar(each).any_record.match(head, position) for each in DELIMITERS)
            end = max(record.end() if record else end for record in records)
        position = end
    return position, rows + 1


class KnownHeader(NamedTuple):
    """The row whose names of columns are known."""

    position: int
    """Among the rows at the start, from 0."""
    known: int
    """Fields that its columns would fill."""
    lead_above: int | None = None
    """The position of a row above it with a phone number; None: there is none."""


def of_names(field_of: FieldOf) -> FieldOf:
    """Let a value that is too long for the name of a column fill no field, at once."""
    return lambda column: field_of(column) if len(column) <= LONGEST_NAME else ""


def find_known_header(rows: Sequence[Sequence[str]], field_of: FieldOf) -> KnownHeader | None:
    """Find the row that names known columns: the first one, or one below that names more.

    Names below the first row may be values of a lead, such as Mobile. So there the phone number's
    must be among them, and another one, unless the rows above have no more than a title.
    """
    is_first_known = bool(rows) and has_known_names(rows[0], field_of)
    fewest, lead_above = 1, None
    for position, values in enumerate(rows):
        known = known_fields(values, field_of)
        if (
            position
            and "phone_number" in known
            and len(known) >= fewest
            and has_known_names(values, field_of)
            and not (is_first_known and lead_above is not None)
        ):
            return KnownHeader(position, len(known), lead_above)
        if sum(bool(each.strip()) for each in values) > 1:
            fewest = max(fewest, 2)
        fewest = max(fewest, len(known) + (2 if "phone_number" in known else 1))
        if lead_above is None and is_lead(values):
            lead_above = position
    return KnownHeader(0, len(known_fields(rows[0], field_of))) if is_first_known else None


def rows_above(first: int, header: int) -> str:
    """Say which rows above a header are not read, "" for none; rows are numbered from 1."""
    if header <= first:
        return ""
    rows = f"row {first} is" if header - first == 1 else f"rows {first} to {header - 1} are"
    return f"{rows} above the header and not read"


def refuse_leads_above(header: int, lead: int, name: str) -> None:
    """Raise SourceFileError: above the header in a row there is a lead in another."""
    raise SourceFileError(
        f"{name}: row {header} names columns, but row {lead} above it has a phone number; put the"
        f" header above the leads, or, if the rows above it are none, add --skip-rows {header - 1}"
    )


def known_fields(values: Sequence[str], field_of: FieldOf) -> set[str]:
    """Return the fields that columns of these names would fill."""
    return set(map(field_of, values)) - {""}


def has_known_names(values: Sequence[str], field_of: FieldOf) -> bool:
    """Return whether a row is a header by its names, even if other ones look like values: 2024."""
    known = known_fields(values, field_of)
    if "phone_number" not in known and len(known) < 2:
        return False
    return not any(
        _is_phone(value) or MAIL.fullmatch(value.strip()) for value in values if not field_of(value)
    )


def is_lead(values: Sequence[str]) -> bool:
    """Say whether a row has a value that is a phone number, or has one among words.

    Of a row with one value that is of it alone, or of one between other delimiters: a title may
    name a number to call.
    """
    filled = [value for value in values if value.strip()]
    if len(filled) == 1:
        filled = OTHER_DELIMITERS.split(filled[0])
        return any(map(_is_sure_phone, filled))
    return any(_is_sure_phone(part) for value in filled for part in WORDS.split(value))


def _is_sure_phone(value: str) -> bool:
    """Say whether a value is a phone number, and no date, time, count or number of an order."""
    text = value.strip()
    if not _is_phone(text) or MOMENT.search(text):
        return False
    digits = sum(map(str.isdigit, text))
    return digits >= 10 or text[0] in "+(0" or bool(re.search(r"\d[-. ()/]+\d", text))


def _is_phone(value: str) -> bool:
    """Say whether a value looks like a phone number, and like no date."""
    text = value.strip()
    return bool(PHONE.fullmatch(text)) and not DATE.fullmatch(text)


def require_header(first: Row, name: str, field_of: FieldOf) -> None:
    """Raise SourceFileError if a row cannot be the header of a file."""
    if not first.is_closed:
        if parted := QUOTED_NAMES.match(first.values[0]):
            raise SourceFileError(
                f"{name}: row {first.row_number}, the first, has values that are parted by"
                f" {parted[1]!r}: add --delimiter {shell_quoted(parted[1])}"
            )
        raise SourceFileError(
            f"{name}: row {first.row_number}, the first, has a quote that is not closed;"
            " close it, or double the quotes inside a value"
        )
    _refuse_large_header(first, name)
    if not all(map(is_column_name, first.values)) and not has_known_names(first.values, field_of):
        raise SourceFileError(
            f"{name}: row {first.row_number} is no header, it has values:"
            f" {mask_values(first.values)}; add a line with the names of the columns, or"
            " name them in their order by --columns phone_number,first_name,- (- is not used), or"
            " load with --layout vicidial-standard if they are in that order"
        )


def _refuse_large_header(first: Row, name: str) -> None:
    """Raise SourceFileError: the header has a name that is too long."""
    for column, value in enumerate(first.values, 1):
        if len(value) > LONGEST_NAME:
            raise SourceFileError(
                f"{name}: row {first.row_number}, the first, has {len(value):,} characters in"
                f" column {column}; the name of a column has at most {LONGEST_NAME:,}: add a line"
                " with the names of the columns, or name them by --columns"
            )


def refuse_header(first: Row, layout: Sequence[str], name: str, option: str = "--layout") -> None:
    """Raise SourceFileError if the first record of a file with a layout is a header."""
    values = {value.strip().lower().replace(" ", "_") for value in first.values}
    found = sorted(values.intersection(layout))
    # A single match may be data: a title, a source called EMAIL.
    if "phone_number" in found or len(found) > 1:
        raise SourceFileError(
            f"{name}: row {first.row_number} is a header, it has {', '.join(found[:3])};"
            f" leave {option} out"
        )


def find_delimiter(head: bytes) -> str:
    r"""Find which of , \t | ; splits the records most evenly.

    The delimiter wins for which most records have as many fields as the first one; of equal ones,
    the one that gives more fields. A file of one column has no delimiter; it gets the comma.
    """
    head = head[_skip_blank_lines(head, 0)[0] :]
    if len(head) > SNIFFED_BYTES:
        lines = max(head.rfind(b"\n", 0, SNIFFED_BYTES), head.rfind(b"\r", 0, SNIFFED_BYTES)) + 1
        head = head[: lines or SNIFFED_BYTES].decode("utf-8", "ignore").encode()

    def evenness(delimiter: str) -> tuple[float, int]:
        rows = islice(_rows(head, Grammar(delimiter), 0, 1), SNIFFED_RECORDS)
        counts = [len(row.values) if row.is_closed else 0 for row in rows]
        first = counts[0] if counts else 0
        return (counts.count(first) / len(counts), first) if first > 1 else (0, 0)

    return max(DELIMITERS, key=evenness)


def parse_delimiter(option: str) -> str:
    """Return the delimiter of `--delimiter`: one ASCII character, but no quote, line end or NUL."""
    delimiter = "\t" if option.lower() in {"tab", "\\t"} else option
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0':
        raise UsageError(
            f"--delimiter {option!r}: give one character such as , or ; or | or the word tab"
        )
    return delimiter


def is_column_name(value: str) -> bool:
    """Return whether a value may be a column name: it is no number, phone, date or mail address."""
    text = value.strip()
    has_digits, has_letters = any(map(str.isdigit, text)), any(map(str.isalpha, text))
    return not (has_digits and not has_letters) and not DATA_WITH_LETTERS.fullmatch(text)


def mask_values(values: list[str]) -> str:
    """Show the form of a row but not its data: letters as x, digits as 9."""
    masked = [re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", value))[:20] for value in values[:8]]
    return " | ".join(masked) + (" | ..." if len(values) > 8 else "")


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Make names unique and not empty: `column 5` for an empty, `Notes (2)` for a repeated one."""
    used: set[str] = set()
    unique = []
    for position, value in enumerate(names, start=1):
        name = value if value.strip() else f"column {position}"
        numbered = (f"{name} ({number})" for number in count(2))
        unique_name = name if name not in used else next(n for n in numbered if n not in used)
        used.add(unique_name)
        unique.append(unique_name)
    return tuple(unique)


def _rows(text: bytes, grammar: Grammar, position: int, row_number: int) -> Iterator[Row]:
    """Yield the records that have a value; one with a broken quote is not closed."""
    position, lines = _skip_blank_lines(text, position)
    row_number += lines
    while position < len(text):
        record = grammar.any_record.match(text, position)
        end = record.end() if record else _line_end(text, position)
        split = grammar.split if record else grammar.split_unquoted
        values = split(text[position:end])
        if any(value.strip(NO_VALUE) for value in values):
            yield Row(values, row_number, end, is_closed=record is not None)
        position, lines = _skip_blank_lines(text, end)
        row_number += 1 + lines


def _line_end(text: bytes, position: int) -> int:
    line = LINE.match(text, position)
    return line.end() if line else len(text)


def _skip_blank_lines(text: bytes, position: int) -> tuple[int, int]:
    """Return the position after the blank lines at `position`, and how many there are."""
    blank = BLANK_LINES.match(text, position)
    skipped = blank.group() if blank else b""
    return position + len(skipped), count_lines(skipped)


def count_lines(text: bytes) -> int:
    """Count the line ends: LF, CRLF and CR."""
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")

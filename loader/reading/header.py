"""The header of a file: which of its first rows names the columns, and which cannot."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from loader.errors import SourceFileError
from loader.paths import shell_quoted
from loader.reading.top_rows import Row

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

FieldOf = Callable[[str], str]
"""Gives the field that a column of some name would fill, "" if none is known."""


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
    refuse_large_header(first, name)
    if not all(map(is_column_name, first.values)) and not has_known_names(first.values, field_of):
        raise SourceFileError(
            f"{name}: row {first.row_number} is no header, it has values:"
            f" {mask_values(first.values)}; add a line with the names of the columns, or"
            " name them in their order by --columns phone_number,first_name,- (- is not used), or"
            " load with --layout vicidial-standard if they are in that order"
        )


def refuse_large_header(first: Row, name: str) -> None:
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


def header_difference(first: Sequence[str], other: Sequence[str]) -> str:
    """Say how the names of columns differ from those of a first header; "": they do not.

    Blanks around names, and columns at the end without a name, do not count.
    """
    names, others = _trimmed(first), _trimmed(other)
    differing = (
        f"column {number} is {that!r}, not {this!r}"
        for number, (this, that) in enumerate(zip(names, others, strict=False), 1)
        if this != that
    )
    counts = f"{len(others)} columns, not {len(names)}" if len(names) != len(others) else ""
    return next(differing, counts)


def _trimmed(header: Sequence[str]) -> list[str]:
    names = [text.strip() for text in header]
    while names and not names[-1]:
        names.pop()
    return names


def looks_like_header(values: Sequence[str], header: Sequence[str], field_of: FieldOf) -> bool:
    """Say whether a row has names of columns: known ones, or several of another header."""
    names = {name.strip().casefold() for name in header if is_column_name(name)} - {""}
    shared = names.intersection(value.strip().casefold() for value in values)
    return has_known_names(values, field_of) or len(shared) > 1


def is_column_name(value: str) -> bool:
    """Return whether a value may be a column name: it is no number, phone, date or mail address."""
    text = value.strip()
    has_digits, has_letters = any(map(str.isdigit, text)), any(map(str.isalpha, text))
    return not (has_digits and not has_letters) and not DATA_WITH_LETTERS.fullmatch(text)


def mask_values(values: list[str]) -> str:
    """Show the form of a row but not its data: letters as x, digits as 9."""
    masked = [re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", value))[:20] for value in values[:8]]
    return " | ".join(masked) + (" | ..." if len(values) > 8 else "")

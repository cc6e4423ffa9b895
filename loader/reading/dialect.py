"""The dialect of a delimited file: its delimiter, its header, and the grammar of its records.

The rules are those of Excel and of Python's csv: a field that starts with a quote ends with one,
quotes inside it are doubled, and it may hold delimiters and line ends; in a field that starts with
anything else, blanks included, a quote is an ordinary character. RE2 patterns are matched against
many lines at once, `re` patterns against one record.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice

from loader.errors import SourceFileError, UsageError

LINE_END = r"(?:\r\n|\r|\n)"


@dataclass(frozen=True)
class Grammar:
    """The records of a file with `columns` columns; `short_rows`: trailing fields may be absent."""

    delimiter: str
    columns: int = 1
    short_rows: bool = False

    @property
    def line(self) -> str:
        r"""RE2 pattern of a physical line, with its line end, that is one complete record."""
        return rf"\A{self._record}{LINE_END}?\z"

    @property
    def closed_line(self) -> str:
        r"""RE2 pattern of a physical line that is well-formed, with any number of fields."""
        return rf"\A{self._field}(?:{self._delimiter}{self._field})*{LINE_END}?\z"

    @property
    def quoted_field(self) -> str:
        """RE2 pattern of a quoted field of a well-formed line, with the delimiter before it."""
        return rf"(\A|{self._delimiter}){self._quoted}"

    @cached_property
    def record(self) -> re.Pattern[bytes]:
        """Pattern of a record with its line end; it may span several physical lines."""
        return re.compile(rf"{self._record}(?:{LINE_END}|\Z)".encode())

    @cached_property
    def any_record(self) -> re.Pattern[bytes]:
        """Like `record`, but with any number of fields."""
        fields = rf"{self._field}(?:{self._delimiter}{self._field})*"
        return re.compile(rf"{fields}(?:{LINE_END}|\Z)".encode())

    def split(self, record: bytes) -> list[str]:
        """Return the values of one well-formed record, without quotes."""
        return [
            value[1:-1].replace('""', '"') if value.startswith('"') else value
            for value in self._values.findall(record.decode())
        ]

    def split_unquoted(self, line: bytes) -> list[str]:
        """Return the text between the delimiters of one malformed line, quotes left in."""
        return line.rstrip(b"\r\n").decode().split(self.delimiter)

    @cached_property
    def _values(self) -> re.Pattern[str]:
        return re.compile(rf"(?:\A|{self._delimiter})({self._quoted}|{self._plain}|)")

    @property
    def _delimiter(self) -> str:
        return rf"\x{ord(self.delimiter):02x}"

    @property
    def _quoted(self) -> str:
        return '"[^"]*(?:""[^"]*)*"'

    @property
    def _plain(self) -> str:
        return rf'[^{self._delimiter}"\r\n][^{self._delimiter}\r\n]*'

    @property
    def _field(self) -> str:
        return f"(?:{self._quoted}|{self._plain}|)"

    @property
    def _record(self) -> str:
        more = self.columns - 1
        fewest = 0 if self.short_rows else more
        return f"{self._field}(?:{self._delimiter}{self._field}){{{fewest},{more}}}"


DELIMITERS = (",", "\t", "|", ";")

SNIFFED_BYTES = 1 << 16
"""Bytes at the start of a file from which its delimiter is found."""

SNIFFED_RECORDS = 1000

DATA_WITH_LETTERS = re.compile(
    r"""[^@\s]+@[^@\s]+\.[^@\s]+             # mail address
    |\+?[\d ().-]{6,}(x|ext)[ .]*\d+        # phone number with extension
    |[+-]?\d+(\.\d*)?e[+-]?\d+             # number as a spreadsheet shows a large one
    |\d{1,2}[-/. ][a-z]{3,9}[-/. ]+\d{2,4}  # 31-Jan-2024
    |\d{4}-\d\d-\d\d[t ][\d:.+]+z?          # 2024-01-31T08:00:00Z
    |[\d/.: -]+[ap]m                        # 1/31/2024 8:00 AM""",
    re.VERBOSE | re.IGNORECASE,
)
"""Values that contain letters and are still no column names."""

BLANK_LINES = re.compile(rb"(?:\r\n|\r|\n)*")
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")


@dataclass(frozen=True)
class Header:
    """The first record: its values, its row number and the byte position of the next record."""

    values: list[str]
    row_number: int
    end: int


def find_delimiter(head: bytes) -> str:
    r"""Find which of , \t | ; splits the records most evenly.

    The delimiter wins for which most records have as many fields as the first one; of equal ones,
    the one that gives more fields. A file of one column has no delimiter; it gets the comma.
    """
    head = head[_skip_blank_lines(head, 0)[0] :]
    if len(head) > SNIFFED_BYTES:
        lines = max(head.rfind(b"\n", 0, SNIFFED_BYTES), head.rfind(b"\r", 0, SNIFFED_BYTES)) + 1
        head = head[: lines or SNIFFED_BYTES]

    def evenness(delimiter: str) -> tuple[float, int]:
        counts = list(islice(_field_counts(head, Grammar(delimiter)), SNIFFED_RECORDS))
        first = counts[0]
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


def read_header(head: bytes, grammar: Grammar, name: str) -> Header:
    """Read the first record that is not a blank line; SourceFileError: it has a broken quote."""
    start, blank_lines = _skip_blank_lines(head, 0)
    row_number = blank_lines + 1
    record = grammar.any_record.match(head, start)
    if record is None:
        raise SourceFileError(
            f"{name}: row {row_number}, the first, has a quote that is not closed;"
            " close it, or double the quotes inside a value"
        )
    return Header(grammar.split(record.group()), row_number, record.end())


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


def _field_counts(text: bytes, grammar: Grammar) -> Iterator[int]:
    """Yield the number of fields of each record, 0 for a line with a broken quote."""
    position, _ = _skip_blank_lines(text, 0)
    while position < len(text):
        if record := grammar.any_record.match(text, position):
            yield len(grammar.split(record.group()))
            position = record.end()
        else:
            yield 0
            line = LINE.match(text, position)
            position = line.end() if line else len(text)
        position, _ = _skip_blank_lines(text, position)


def _skip_blank_lines(text: bytes, position: int) -> tuple[int, int]:
    """Return the position after the blank lines at `position`, and how many there are."""
    blank = BLANK_LINES.match(text, position)
    skipped = blank.group() if blank else b""
    lines = skipped.count(b"\n") + skipped.count(b"\r") - skipped.count(b"\r\n")
    return position + len(skipped), lines

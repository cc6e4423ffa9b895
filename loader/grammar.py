"""What a record of a delimited file looks like: patterns for RE2 (many lines) and re (one).

The rules are those of Excel and of Python's csv: a field that starts with a quote ends with one,
quotes inside it are doubled, and it may hold delimiters and line ends; in a field that starts with
anything else, blanks included, a quote is text like any other.
"""

import re
from dataclasses import dataclass
from functools import cached_property

LINE_END = r"(?:\r\n|\r|\n)"


@dataclass(frozen=True)
class Grammar:
    """The records of a file with `columns` columns; with `short_rows` the last fields may miss."""

    delimiter: str
    columns: int = 1
    short_rows: bool = False

    @property
    def line(self) -> str:
        r"""RE2 pattern of a physical line, line end included, that is a record by itself."""
        return rf"\A{self._record}{LINE_END}?\z"

    @property
    def closed_line(self) -> str:
        r"""RE2 pattern of a physical line that is well-formed, with any number of fields."""
        return rf"\A{self._field}(?:{self._delimiter}{self._field})*{LINE_END}?\z"

    @property
    def quoted_field(self) -> str:
        """RE2 pattern that finds the quoted fields of a well-formed line, with what precedes."""
        return rf"(\A|{self._delimiter}){self._quoted}"

    @cached_property
    def record(self) -> re.Pattern[bytes]:
        """Pattern of a record with its line end; it may go over several physical lines."""
        return re.compile(rf"{self._record}(?:{LINE_END}|\Z)".encode())

    @cached_property
    def any_record(self) -> re.Pattern[bytes]:
        """Pattern of a record as `record`, with any number of fields."""
        fields = rf"{self._field}(?:{self._delimiter}{self._field})*"
        return re.compile(rf"{fields}(?:{LINE_END}|\Z)".encode())

    def split(self, record: bytes) -> list[str]:
        """Give the values of one well-formed record."""
        return [
            value[1:-1].replace('""', '"') if value.startswith('"') else value
            for value in self._values.findall(record.decode())
        ]

    def split_plainly(self, line: bytes) -> list[str]:
        """Give the text between the delimiters of one broken line, quotes untouched."""
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

"""The dialect of a delimited file: the grammar of its records.

The rules are those of Excel and of Python's csv: a field that starts with a quote ends with one,
quotes inside it are doubled, and it may hold delimiters and line ends; in a field that starts with
anything else, blanks included, a quote is an ordinary character. RE2 patterns are matched against
many lines at once, `re` patterns against one record.
"""

import re
from dataclasses import dataclass
from functools import cached_property

LINE_END = r"(?:\r\n|\r|\n)"


BLANKS = " \t\x0b\x0c\x1a"
"""Characters of one byte that are no value: blanks, and Ctrl-Z, old programs' end of a file."""

WIDE_BLANKS = (r"\xc2\xa0", r"\xe2\x80[\x80-\x8b\xaf]", r"\xe3\x80\x80", r"\xef\xbb\xbf")
"""Patterns of the blanks of several bytes: no-break, narrow, wide, of no width."""


@dataclass(frozen=True)
class Grammar:
    """The records of a file with `columns` columns.

    `fewest`: a record must have so many fields, the columns behind them may be absent; None: all.
    Fields behind the last column are no fault if they are blank. `phones`: the positions of the
    columns that hold the phone number, from 0.
    """

    delimiter: str
    columns: int = 1
    fewest: int | None = None
    phones: tuple[int, ...] = ()

    @property
    def short_rows(self) -> bool:
        """Whether the last fields of a record may be absent."""
        return self.fewest is not None and self.fewest < self.columns

    @property
    def line(self) -> str:
        r"""RE2 pattern of a physical line, with its line end, that is one complete record."""
        return rf"\A{self._record}{LINE_END}?\z"

    @property
    def closed_line(self) -> str:
        r"""RE2 pattern of a physical line that is well-formed, with any number of fields."""
        return rf"\A{self._field}(?:{self._delimiter}{self._field})*{LINE_END}?\z"

    @property
    def open_line(self) -> str:
        r"""RE2 pattern of a physical line that ends inside quotes: its record may go on."""
        return rf"\A(?:{self._field}{self._delimiter})*{self._quoted[:-1]}\z"

    @property
    def line_with_surplus(self) -> str:
        """RE2 pattern of a complete record (1) with further, blank fields, and its line end (2)."""
        return rf"\A({self._record})(?:{self._delimiter}{self._blank})+({LINE_END}?)\z"

    @property
    def blank_line(self) -> str:
        """RE2 pattern of a line without a value: delimiters, blanks and empty quotes."""
        return rf"\A{self._blank}(?:{self._delimiter}{self._blank})*{LINE_END}?\z"

    @property
    def blank_line_starts(self) -> bytes:
        """The bytes that a line of `blank_line` can start with, line ends aside."""
        return f'{self.delimiter}{BLANKS}"'.encode() + b"\xc2\xe2\xe3\xef"

    @property
    def line_with_phone(self) -> str:
        """RE2 pattern of a record with what looks like a number in a phone's place.

        One of four fields or more may lack one.
        """
        longest = self.columns - 1
        whole = longest if longest < 3 else longest - 1
        fewest = whole if self.fewest is None else min(max(self.fewest - 1, 1), longest)
        places = "|".join(
            rf"(?:{self._field}{self._delimiter}){{{place}}}{self._phone}"
            rf"(?:{self._delimiter}{self._field}){{{max(fewest - place, 0)},{longest - place}}}"
            for place in self.phones
        )
        return rf"\A(?:{places})(?:{self._delimiter}{self._blank})*{LINE_END}?\z"

    @property
    def line_with_date(self) -> str:
        """RE2 pattern of a line with a date in a phone's place, such as that of a remark."""
        places = "|".join(rf"(?:{self._field}{self._delimiter}){{{at}}}" for at in self.phones)
        date = "(?:(?:19|20)[0-9]{2}[-./][0-9]{1,2}|[0-9]{1,2}[-./][0-9]{1,2})[-./]"
        day = rf'(?:[0-9]{{4}}|[0-9]{{1,2}})(?:[ T"\r\n]|{self._delimiter}|\z)'
        return rf'\A(?:{places})"?{date}{day}'

    @property
    def quoted_field(self) -> str:
        """RE2 pattern of a quoted field of a well-formed line, with the delimiter before it."""
        return rf"(\A|{self._delimiter}){self._quoted}"

    @cached_property
    def record(self) -> re.Pattern[bytes]:
        """Pattern of a record with its line end; it may span several physical lines.

        Group 1 are blank fields behind the last column.
        """
        # Neither part gives back what it took: no line takes long.
        surplus = f"((?:{self._delimiter}{self._blank})*+)"
        return self._compiled(rf"(?>{self._record}){surplus}(?:{LINE_END}|\Z)")

    @cached_property
    def any_record(self) -> re.Pattern[bytes]:
        """Like `record`, but with any number of fields."""
        fields = rf"{self._field}(?:{self._delimiter}{self._field})*"
        return self._compiled(rf"(?>{fields})(?:{LINE_END}|\Z)")

    @cached_property
    def unclosed(self) -> re.Pattern[bytes]:
        """Pattern of the closed fields of a line before the one whose quote is not closed."""
        return self._compiled(rf"(?:{self._field}{self._delimiter})*(?=\")")

    def ends_open(self, text: bytes) -> bool:
        """Say whether a text that starts at a record ends within quotes that are not closed.

        Quotes of a line that are closed before the end, but not where a value ends, are of this
        line alone.
        """
        at = 0
        while at < len(text):
            record = self.any_record.match(text, at)
            if record is None:
                before = self.unclosed.match(text, at)
                if before and not self._quoted_value.match(text, before.end()):
                    return True
                record = self._line_end.search(text, at)
            at = record.end() if record else len(text)
        return False

    def _compiled(self, pattern: str) -> re.Pattern[bytes]:
        """Compile a pattern whose quoted fields give nothing back: it takes no memory for it."""
        return re.compile(pattern.replace(self._quoted, self._quoted_at_once).encode())

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
    def _quoted_value(self) -> re.Pattern[bytes]:
        return self._compiled(self._quoted)

    @cached_property
    def _line_end(self) -> re.Pattern[bytes]:
        return self._compiled(LINE_END)

    @cached_property
    def _values(self) -> re.Pattern[str]:
        return re.compile(rf"(?:\A|{self._delimiter})({self._quoted_at_once}|{self._plain}|)")

    @property
    def _delimiter(self) -> str:
        return rf"\x{ord(self.delimiter):02x}"

    @property
    def _quoted(self) -> str:
        return '"[^"]*(?:""[^"]*)*"'

    @property
    def _quoted_at_once(self) -> str:
        """The same for `re`, as RE2 needs no such pattern."""
        return '"[^"]*+(?:""[^"]*+)*+"'

    @property
    def _plain(self) -> str:
        return rf'[^{self._delimiter}"\r\n][^{self._delimiter}\r\n]*'

    @property
    def _field(self) -> str:
        return f"(?:{self._quoted}|{self._plain}|)"

    @property
    def _blank(self) -> str:
        one_byte = "".join(rf"\x{ord(it):02x}" for it in BLANKS if it != self.delimiter)
        blanks = rf"(?:{'|'.join((f'[{one_byte}]', *WIDE_BLANKS))})*"
        return f'{blanks}(?:"{blanks}"{blanks})?'

    @property
    def _phone(self) -> str:
        between = rf'[^0-9A-Za-z{self._delimiter}"\r\n]{{0,3}}'
        return rf'"?{between}(?:[0-9]{between}){{6}}[^{self._delimiter}\r\n]*'

    @property
    def _record(self) -> str:
        more = self.columns - 1
        fewest = more if self.fewest is None else self.fewest - 1
        return f"{self._field}(?:{self._delimiter}{self._field}){{{fewest},{more}}}"

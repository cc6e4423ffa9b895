"""The rows at the start of a text, read one by one, before its delimiter and header are known."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from loader.reading.dialect import Grammar

BLANK_LINES = re.compile(rb"[\r\n]*")
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")

NO_VALUE = "".join(
    map(chr, (*range(9, 14), 26, 32, 34, 160, *range(0x2000, 0x200C), 0x202F, 0x3000, 0xFEFF))
)
"""What a row of blanks and empty quotes has."""


@dataclass(frozen=True)
class Row:
    """A record at the start of a file: its values, its row number, and where it ends (bytes)."""

    values: list[str]
    row_number: int
    end: int
    is_closed: bool = True
    """Whether its quotes are; if not, the values are those of the line alone."""


def read_rows(text: bytes, grammar: Grammar, position: int, row_number: int) -> Iterator[Row]:
    """Yield the records that have a value; one with a broken quote is not closed."""
    position, lines = skip_blank_lines(text, position)
    row_number += lines
    while position < len(text):
        record = grammar.any_record.match(text, position)
        end = record.end() if record else line_end(text, position)
        split = grammar.split if record else grammar.split_unquoted
        values = split(text[position:end])
        if any(value.strip(NO_VALUE) for value in values):
            yield Row(values, row_number, end, is_closed=record is not None)
        position, lines = skip_blank_lines(text, end)
        row_number += 1 + lines


def line_end(text: bytes, position: int) -> int:
    """Return the position after the physical line at `position`."""
    line = LINE.match(text, position)
    return line.end() if line else len(text)


def skip_blank_lines(text: bytes, position: int) -> tuple[int, int]:
    """Return the position after the blank lines at `position`, and how many there are."""
    blank = BLANK_LINES.match(text, position)
    skipped = blank.group() if blank else b""
    return position + len(skipped), count_lines(skipped)


def count_lines(text: bytes) -> int:
    """Count the line ends: LF, CRLF and CR."""
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")

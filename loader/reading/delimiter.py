"""The delimiter of a text file: found, given, or named by a line of the file itself."""

import re
from itertools import islice

from loader.errors import UsageError
from loader.reading.dialect import Grammar
from loader.reading.top_rows import count_lines, read_rows, skip_blank_lines

DELIMITERS = (",", "\t", "|", ";")

SNIFFED_BYTES = 1 << 16
"""Bytes at the start of a file from which its delimiter is found."""

SNIFFED_RECORDS = 1000

SEPARATOR_LINE = re.compile(
    rb"""([\r\n]*)[ ]*"?sep=(\\t|tab|[^\r\n"]?)(?:\2|[,;|\t "])*+(?:\r\n|\r|\n|\Z)""",
    re.IGNORECASE,
)
"""Excel's own first line, sep=; which names the delimiter."""


def likely_delimiters(text: bytes, separator: str = "") -> list[str]:
    """Give what may be the delimiter of a text, the likeliest first.

    A `separator` that its first line sep=; named is the only one, if it splits the first row.
    """
    if separator:
        first = next(read_rows(text, Grammar(separator), 0, 1), None)
        if first is not None and len(first.values) > 1:
            return [separator]
    return [*dict.fromkeys((find_delimiter(text), *DELIMITERS))]


def find_delimiter(head: bytes) -> str:
    r"""Find which of , \t | ; splits the records most evenly.

    The delimiter wins for which most records have as many fields as the first one; of equal ones,
    the one that gives more fields. A file of one column has no delimiter; it gets the comma.
    """
    head = head[skip_blank_lines(head, 0)[0] :]
    if len(head) > SNIFFED_BYTES:
        lines = max(head.rfind(b"\n", 0, SNIFFED_BYTES), head.rfind(b"\r", 0, SNIFFED_BYTES)) + 1
        head = head[: lines or SNIFFED_BYTES].decode("utf-8", "ignore").encode()

    def evenness(delimiter: str) -> tuple[float, int]:
        rows = islice(read_rows(head, Grammar(delimiter), 0, 1), SNIFFED_RECORDS)
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


def skip_separator_line(head: bytes) -> tuple[int, int, str]:
    """Return position and row number after a line sep=; and its delimiter, "" if none is named."""
    line = SEPARATOR_LINE.match(head)
    if line is None:
        return 0, 1, ""
    named = line.group(2).decode().lower()
    delimiter = "\t" if named in {"\\t", "tab"} else named
    return line.end(), count_lines(line.group(1)) + 2, delimiter

"""The physical lines of a block of text, and which of them are records.

They become an Arrow array over the block itself. A regular expression finds those that are complete
records; only the others (quoted line ends, broken quotes, wrong number of fields) are examined one
by one.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loader.reading.dialect import Grammar

LONGEST_QUOTED_RECORD = 1 << 20
"""In bytes: a record over several lines must end within them. Without this limit a stray quote
would be searched for its end to the end of the file."""

SURELY_A_RECORD = 5
"""Fields of a record. Lines inside a value that all have as many as a record, but no phone number,
are taken for records if they have so many: few values have four delimiters in each line."""

LF, CR = 10, 13

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """The physical lines of a block, line ends included; `array` is a view of `data`."""

    data: bytes
    ends: Integers
    array: pa.BinaryArray

    def start(self, line: int) -> int:
        """Return the position in `data` at which a line starts."""
        return int(self.ends[line - 1]) if line else 0

    def text(self, line: int) -> bytes:
        """Return one line with its line end."""
        return self.data[self.start(line) : int(self.ends[line])]


def split_lines(data: bytes, *, final: bool) -> Lines:
    """Find the physical lines (LF, CRLF, CR); if `final`, the last one may have no line end."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    is_end = buffer == LF
    if b"\r" in data:
        is_return = buffer == CR
        is_return[:-1] &= ~is_end[1:]
        is_return[-1] &= final  # the next byte of the file may be its line feed
        is_end |= is_return
    ends = np.flatnonzero(is_end) + 1
    if final and data and not is_end[-1]:
        ends = np.append(ends, len(data))
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    array = pa.Array.from_buffers(
        pa.binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    return Lines(data, ends, array)


def can_span_lines(lines: Lines, grammar: Grammar) -> bool:
    """Say whether there may be a record over several lines; else each line is one, or blank."""
    return b'"' in lines.data and bool(_matches(lines.array, grammar.open_line).any())


class Span(NamedTuple):
    """A record over several lines."""

    first: int
    last: int
    surplus: int
    """Bytes of blank fields behind the last column, before the line end."""


@dataclass(frozen=True)
class Block:
    """The lines of a block up to `used` bytes, classified.

    `in_row`: the line is part of a row. `starts`: a record or a blank line starts here; any other
    line continues the record before it. `blank_rows`: the lines without a value that are not
    empty. `surplus`: the records of one line that have blank fields behind the last column.
    `rejected`: the lines that are no rows, with whether their quotes are closed.
    """

    lines: Lines
    count: int
    in_row: Mask
    starts: Mask
    blank_rows: Integers
    surplus: Integers
    rejected: list[tuple[int, bool]]
    spans: list[Span]

    @classmethod
    def scan(cls, lines: Lines, grammar: Grammar, *, final: bool) -> "Block":
        """Classify the lines; unless `final`, the last ones may be left to the next block."""
        kinds = _LineKinds.find(lines, grammar)
        odd = np.flatnonzero(~kinds.whole & ~kinds.blank)
        odd_lines = lines.array.take(pa.array(odd))
        closed = _matches(odd_lines, grammar.closed_line)
        surplus = odd[_matches(odd_lines, grammar.line_with_surplus)]
        kinds.whole[surplus] = True
        can_go_on = _matches(odd_lines, grammar.open_line)
        spans, count = _join_lines(kinds, odd[can_go_on], final=final)
        in_row, starts = kinds.whole[:count], np.ones(count, dtype=np.bool_)
        for first, last, _ in spans:
            in_row[first : last + 1] = True
            starts[first + 1 : last + 1] = False
        rejected = [
            (line, is_closed)
            for line, is_closed in zip(odd.tolist(), closed.tolist(), strict=True)
            if line < count and not in_row[line]
        ]
        blank_rows, surplus = (
            found[(found < count) & starts[np.minimum(found, count - 1)]] if count else found[:0]
            for found in (kinds.blank_rows, surplus)
        )
        return cls(lines, count, in_row, starts, blank_rows, surplus, rejected, spans)

    @property
    def used(self) -> int:
        """Bytes of the lines that this block covers; the rest belongs to the next block."""
        return self.lines.start(self.count)

    @property
    def rows(self) -> int:
        """How many row numbers the block uses; blank lines have numbers, too."""
        return int(self.starts.sum())

    @property
    def blank_lines(self) -> int:
        """How many of them are blank."""
        return int((self.starts & ~self.in_row).sum()) - len(self.rejected)

    def parts(self, rows: int) -> Iterator["Block"]:
        """Give the block in parts that use at most so many row numbers each."""
        bounds = [*np.flatnonzero(self.starts)[::rows].tolist(), self.count]
        if len(bounds) <= 2:
            yield self
            return
        for first, end in pairwise(bounds):
            yield self._part(first, end)

    def _part(self, first: int, end: int) -> "Block":
        start = self.lines.start(first)
        lines = Lines(
            self.lines.data[start : self.lines.start(end)],
            self.lines.ends[first:end] - start,
            self.lines.array[first:end],
        )
        blank_rows, surplus = (
            found[slice(*np.searchsorted(found, [first, end]))] - first
            for found in (self.blank_rows, self.surplus)
        )
        rejected = self.rejected[slice(*(bisect_left(self.rejected, (it,)) for it in (first, end)))]
        spans = self.spans[slice(*(bisect_left(self.spans, (it,)) for it in (first, end)))]
        return Block(
            lines,
            end - first,
            self.in_row[first:end],
            self.starts[first:end],
            blank_rows,
            surplus,
            [(line - first, is_closed) for line, is_closed in rejected],
            [span._replace(first=span.first - first, last=span.last - first) for span in spans],
        )


@dataclass(frozen=True)
class _LineKinds:
    """What each line of a block would be by itself.

    `whole`: a record. `blank`: it has no value. `blank_rows`: the lines that have delimiters,
    blanks or empty quotes instead of values.
    """

    lines: Lines
    grammar: Grammar
    whole: Mask
    blank: Mask
    blank_rows: Integers

    @classmethod
    def find(cls, lines: Lines, grammar: Grammar) -> "_LineKinds":
        """Classify the lines, of which few need more than one look."""
        whole = _matches(lines.array, grammar.line)
        first_bytes = np.frombuffer(lines.data, np.uint8)[
            np.append(0, lines.ends[:-1])[: len(whole)]
        ]
        blank = (first_bytes == LF) | (first_bytes == CR)
        can_be_blank = np.zeros(256, dtype=np.bool_)
        can_be_blank[list(grammar.blank_line_starts)] = True
        candidates = np.flatnonzero(can_be_blank[first_bytes])
        without_value = lines.array.take(pa.array(candidates))
        blank_rows = candidates[_matches(without_value, grammar.blank_line)]
        blank[blank_rows] = True
        return cls(lines, grammar, whole & ~blank, blank, blank_rows)

    def is_value(self, first: int, last: int) -> bool:
        """Say whether the lines from the second one on belong to a value of the first one.

        They do not if two of them, or half, are records with a number in a phone's place, or if all
        of them are records of so many fields that no value is written like them. Then two stray
        quotes have met, and the lines between them are leads. Lines do not count that have blanks
        behind delimiters, as people write, in a file that has none.
        """
        text, blank = self.lines.text(first), f"{self.grammar.delimiter} ".encode()
        phones = self._phones if blank in text else self._phones_without_blanks
        lines, whole, with_phone = (
            int(counts[last + 1] - counts[first + 1])
            for counts in (self._values, self._records, phones)
        )
        is_value_unlike = self.grammar.columns > 2 and self.grammar.fewest is None
        if with_phone and (2 * with_phone >= lines or (is_value_unlike and with_phone > 1)):
            return False
        enough = SURELY_A_RECORD if self.grammar.phones else 2
        return (
            self.grammar.fewest is not None
            or self.grammar.columns < enough
            or not 2 <= lines == whole
            or self._fields_if_closed(first) != self.grammar.columns
        )

    def _fields_if_closed(self, line: int) -> int:
        """Count the fields of a line as if its open quote were an ordinary character."""
        text = self.lines.text(line)
        before = self.grammar.unclosed.match(text)
        at = before.end() if before else 0
        closed = len(self.grammar.split(text[:at])) - 1 if at else 0
        return closed + text.count(self.grammar.delimiter.encode(), at) + 1

    @cached_property
    def _values(self) -> Integers:
        return _counts(~self.blank)

    @cached_property
    def _records(self) -> Integers:
        return _counts(self.whole)

    @cached_property
    def _phones(self) -> Integers:
        """Count the lines with a phone's number: a search over the block, for few files need it."""
        return _counts(self._has_phone)

    @cached_property
    def _phones_without_blanks(self) -> Integers:
        """Count those of them without a blank behind a delimiter."""
        has_blank = pc.match_substring(self.lines.array, f"{self.grammar.delimiter} ")
        return _counts(self._has_phone & ~has_blank.to_numpy(zero_copy_only=False))

    @cached_property
    def _has_phone(self) -> Mask:
        has_phone = np.zeros(len(self.whole), dtype=np.bool_)
        if self.grammar.phones:
            filled = np.flatnonzero(~self.blank)
            lines = self.lines.array.take(pa.array(filled))
            found = _matches(lines, self.grammar.line_with_phone)
            found &= ~_matches(lines, self.grammar.line_with_date)
            has_phone[filled[found]] = True
        return has_phone


def _counts(mask: Mask) -> Integers:
    """Count the lines of a kind before each line."""
    return np.append(0, np.cumsum(mask))


def _matches(array: pa.BinaryArray, pattern: str) -> Mask:
    found: Mask = pc.match_substring_regex(array, pattern).to_numpy(zero_copy_only=False)
    return found.astype(np.bool_)


def _join_lines(kinds: _LineKinds, unclosed: Integers, *, final: bool) -> tuple[list[Span], int]:
    """Find the records over several lines; each starts at a line that ends inside quotes.

    The second answer is how many lines are covered: the last record may end in the next block.
    """
    lines, grammar = kinds.lines, kinds.grammar
    spans: list[Span] = []
    if not len(unclosed):
        return spans, len(lines.ends)
    ends = lines.ends.tolist()
    starts = np.append(0, lines.ends)[unclosed]
    limits = np.searchsorted(lines.ends, starts + LONGEST_QUOTED_RECORD).tolist()
    next_line = 0
    for line, start, limit in zip(unclosed.tolist(), starts.tolist(), limits, strict=True):
        if line < next_line:
            continue
        if record := grammar.record.match(lines.data, start, ends[min(limit, len(ends) - 1)]):
            last = bisect_left(ends, record.end())
            if kinds.is_value(line, last):
                next_line = last + 1
                spans.append(Span(line, last, len(record.group(1))))
        elif limit >= len(ends) and not final:
            return spans, line
    return spans, len(lines.ends)

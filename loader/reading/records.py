"""Turns UTF-8 text into rows, block by block; it loses no record and guesses no value.

The physical lines of a block become an Arrow array over the block itself. A regular expression
finds those that are complete records; only the others (quoted line ends, broken quotes, wrong
number of fields) are examined one by one. pyarrow parses the rest.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from loader.frames.arrow import to_series
from loader.reading.cells import no_problems
from loader.reading.dialect import Grammar
from loader.reading.encoding import TextStream
from loader.reasons import Reason

LONGEST_QUOTED_RECORD = 1 << 20
"""In bytes: a record over several lines must end within them. Without this limit a stray quote
would be searched for its end to the end of the file."""

RAW_LENGTH = 500
"""Characters of a rejected line that its details keep."""

ROW_NUMBER = "\0row_number"
"""An extra column; no column of a file can have this name, for files have no NUL bytes."""

LF, CR = 10, 13
BOM = b"\xef\xbb\xbf"

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Chunk:
    """Consecutive records of a source file.

    `rows`: the columns of the source file, dtype `str`, index `row_number` (int64, ascending).
    `rejected`: the records that are no rows, as far as they could be split: the same columns and
    index, other numbers.
    `problems`: why they are rejected: columns `reason` (str: TOO_FEW_FIELDS, TOO_MANY_FIELDS,
    BROKEN_QUOTE) and `details` (str), the index of `rejected`.
    `bytes_read`: bytes of the stored file read so far.
    `cell_problems`: of a spreadsheet, the cells of `rows` whose value is not known, as
    `split_problems` gives them.
    """

    rows: pd.DataFrame
    rejected: pd.DataFrame
    problems: pd.DataFrame
    bytes_read: int
    cell_problems: pd.DataFrame = field(default_factory=no_problems)


class RejectedRecord(NamedTuple):
    """A record that cannot be read as a row."""

    row_number: int
    values: list[str]
    reason: Reason
    details: str


@dataclass(frozen=True)
class Records:
    """Parsed records in file order; `rows` has the columns of the file and `ROW_NUMBER`."""

    rows: pa.Table
    rejected: list[RejectedRecord]

    def __len__(self) -> int:
        return int(self.rows.num_rows) + len(self.rejected)

    def __add__(self, later: "Records") -> "Records":
        return Records(pa.concat_tables([self.rows, later.rows]), self.rejected + later.rejected)

    def split(self, size: int) -> tuple["Records", "Records"]:
        """Split after the first `size` records."""
        numbers = self.rows[ROW_NUMBER].to_numpy()
        rejected_numbers = [record.row_number for record in self.rejected]
        last = np.sort(np.append(numbers, rejected_numbers))[size - 1]
        rows = int(np.searchsorted(numbers, last, side="right"))
        rejected = bisect_right(rejected_numbers, last)
        return (
            Records(self.rows.slice(0, rows), self.rejected[:rejected]),
            Records(self.rows.slice(rows), self.rejected[rejected:]),
        )


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


def read_chunks(
    text: TextStream,
    grammar: Grammar,
    columns: tuple[str, ...],
    *,
    first_row: int,
    chunk_size: int,
    block_size: int,
) -> Iterator[Chunk]:
    """Yield the records of `text` in chunks of `chunk_size` records; the last may be smaller.

    Memory is bounded by a chunk, a block, LONGEST_QUOTED_RECORD and the longest line. `text` starts
    at the first record, whose number is `first_row`; `block_size` bytes are parsed at once.
    """
    blocks = _read_blocks(text, grammar, columns, first_row, block_size)
    for records in _regroup(blocks, chunk_size):
        rejected = records.rejected
        index = pd.Index([r.row_number for r in rejected], name="row_number", dtype="int64")
        yield Chunk(
            _rows_frame(records.rows),
            _frame([record.values for record in rejected], columns, index),
            _frame([(str(r.reason), r.details) for r in rejected], ("reason", "details"), index),
            text.position,
        )


def _read_blocks(
    text: TextStream, grammar: Grammar, columns: tuple[str, ...], row_number: int, block_size: int
) -> Iterator[Records]:
    undecided, final = b"", False
    while not final:
        # Doubled each time: a record over many blocks is not scanned from its start for each.
        block_bytes = text.read(max(block_size, len(undecided)))
        final = not block_bytes
        lines = split_lines(undecided + block_bytes, final=final)
        block = _Block.scan(lines, grammar, final=final)
        yield block.parse(grammar, columns, row_number)
        undecided = lines.data[block.used :]
        row_number += block.rows


def _regroup(blocks: Iterable[Records], size: int) -> Iterator[Records]:
    pending: Records | None = None
    for block in blocks:
        pending = pending + block if pending else block
        while len(pending) >= size:
            full, pending = pending.split(size)
            yield full
    if pending:
        yield pending


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


@dataclass(frozen=True)
class _Block:
    """The lines of a block up to `used` bytes, classified.

    `in_row`: the line is part of a row. `starts`: a record or a blank line starts here; any other
    line continues the record before it. `rejected`: the lines that are no rows, with whether
    their quotes are closed. `spans`: first and last line of the records over several lines.
    """

    lines: Lines
    count: int
    in_row: Mask
    starts: Mask
    rejected: list[tuple[int, bool]]
    spans: list[tuple[int, int]]

    @classmethod
    def scan(cls, lines: Lines, grammar: Grammar, *, final: bool) -> "_Block":
        """Classify the lines; unless `final`, the last ones may be left to the next block."""
        fits = _matches(lines.array, grammar.line)
        first_bytes = np.frombuffer(lines.data, np.uint8)[
            np.append(0, lines.ends[:-1])[: len(fits)]
        ]
        blank = (first_bytes == LF) | (first_bytes == CR)
        odd = np.flatnonzero(~fits & ~blank)
        closed = _matches(lines.array.take(pa.array(odd)), grammar.closed_line)
        spans, count = _join_lines(lines, odd[~closed], grammar, final=final)
        in_row, starts = (fits & ~blank)[:count], np.ones(count, dtype=np.bool_)
        for first, last in spans:
            in_row[first : last + 1] = True
            starts[first + 1 : last + 1] = False
        rejected = [
            (line, is_closed)
            for line, is_closed in zip(odd.tolist(), closed.tolist(), strict=True)
            if line < count and not in_row[line]
        ]
        return cls(lines, count, in_row, starts, rejected, spans)

    @property
    def used(self) -> int:
        """Bytes of the lines that this block covers; the rest belongs to the next block."""
        return self.lines.start(self.count)

    @property
    def rows(self) -> int:
        """How many row numbers the block uses; blank lines have numbers, too."""
        return int(self.starts.sum())

    def parse(self, grammar: Grammar, columns: tuple[str, ...], row_number: int) -> Records:
        """Parse the records, of which the first has the number `row_number`."""
        numbers = row_number - 1 + np.cumsum(self.starts)
        array = self.lines.array[: self.count]
        if grammar.short_rows:
            array = _pad(array, _missing_fields(self, grammar), grammar)
        if not self.in_row.all():
            array = array.filter(pa.array(self.in_row))
        rows = _parse(_text_of(array), grammar, columns, newlines=bool(self.spans))
        row_numbers = numbers[self.in_row & self.starts]
        if rows.num_rows != len(row_numbers):
            raise RuntimeError(
                f"{len(row_numbers)} records were found and {rows.num_rows} parsed"
                f" between rows {row_number} and {row_number + self.rows}"
            )
        rejected = [
            _reject(int(numbers[line]), self.lines.text(line), grammar, is_closed=is_closed)
            for line, is_closed in self.rejected
        ]
        return Records(rows.append_column(ROW_NUMBER, pa.array(row_numbers)), rejected)


def _matches(array: pa.BinaryArray, pattern: str) -> Mask:
    found: Mask = pc.match_substring_regex(array, pattern).to_numpy(zero_copy_only=False)
    return found.astype(np.bool_)


def _join_lines(
    lines: Lines, broken: Integers, grammar: Grammar, *, final: bool
) -> tuple[list[tuple[int, int]], int]:
    """Find the records over several lines; each starts at a line with a `broken` quote.

    The second answer is how many lines are covered: the last record may end in the next block.
    """
    spans: list[tuple[int, int]] = []
    if not len(broken):
        return spans, len(lines.ends)
    ends = lines.ends.tolist()
    starts = np.append(0, lines.ends)[broken]
    limits = np.searchsorted(lines.ends, starts + LONGEST_QUOTED_RECORD).tolist()
    next_line = 0
    for line, start, limit in zip(broken.tolist(), starts.tolist(), limits, strict=True):
        if line < next_line:
            continue
        if record := grammar.record.match(lines.data, start, ends[min(limit, len(ends) - 1)]):
            next_line = bisect_left(ends, record.end()) + 1
            spans.append((line, next_line - 1))
        elif limit >= len(ends) and not final:
            return spans, line
    return spans, len(lines.ends)


def _missing_fields(block: _Block, grammar: Grammar) -> pa.Array:
    """Count for each line the delimiters to add: those that its record lacks, on its last line."""
    unquoted = block.lines.array[: block.count]
    if b'"' in block.lines.data:
        unquoted = pc.replace_substring_regex(unquoted, grammar.quoted_field, r"\1")
    fields = pc.count_substring(unquoted, grammar.delimiter).to_numpy() + 1
    missing = np.where(block.in_row, grammar.columns - fields, 0)
    for first, last in block.spans:
        record = block.lines.data[block.lines.start(first) : int(block.lines.ends[last])]
        missing[first:last] = 0
        missing[last] = grammar.columns - len(grammar.split(record))
    return pa.array(missing)


def _pad(array: pa.BinaryArray, missing: pa.Array, grammar: Grammar) -> pa.BinaryArray:
    delimiters = pc.binary_repeat(pa.scalar(grammar.delimiter.encode()), missing)
    bodies = pc.replace_substring_regex(array, r"[\r\n]+\z", "")
    padded = pc.binary_join_element_wise(bodies, delimiters, b"\n", b"")
    return pc.if_else(pc.equal(missing, 0), array, padded)


def _text_of(array: pa.BinaryArray) -> pa.Buffer:
    """Return the bytes of all lines as one buffer: they are adjacent, so nothing is copied."""
    if not len(array):
        return pa.py_buffer(b"")
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    return data.slice(bounds[0], bounds[-1] - bounds[0])


def _parse(
    text: pa.Buffer, grammar: Grammar, columns: tuple[str, ...], *, newlines: bool
) -> pa.Table:
    schema = pa.schema([(column, pa.large_string()) for column in columns])
    if not text.size:
        return schema.empty_table()
    if text[: len(BOM)].to_pybytes() == BOM:
        # pyarrow takes a byte order mark from the start of any text; this one is data.
        text = pa.py_buffer(BOM + text.to_pybytes())
    return csv.read_csv(
        pa.BufferReader(text),
        csv.ReadOptions(column_names=columns, use_threads=False, block_size=text.size + 1),
        csv.ParseOptions(
            delimiter=grammar.delimiter, newlines_in_values=newlines, ignore_empty_lines=False
        ),
        csv.ConvertOptions(column_types=schema, strings_can_be_null=False),
    )


def _reject(row_number: int, line: bytes, grammar: Grammar, *, is_closed: bool) -> RejectedRecord:
    """Describe a line that is no row. Its surplus fields stay in the last column: none is lost."""
    values = grammar.split(line) if is_closed else grammar.split_unquoted(line)
    found, expected = len(values), grammar.columns
    raw = line.decode().rstrip("\r\n")[:RAW_LENGTH]
    if not is_closed:
        reason, what = Reason.BROKEN_QUOTE, "a quote is not closed, or text follows a closing quote"
    else:
        reason = Reason.TOO_FEW_FIELDS if found < expected else Reason.TOO_MANY_FIELDS
        what = f"{found} {'field' if found == 1 else 'fields'} instead of {expected}"
    last = grammar.delimiter.join(values[expected - 1 :])
    values = [*values[: expected - 1], last] + [""] * (expected - found)
    return RejectedRecord(row_number, values[:expected], reason, f"{what}: {raw}")


def _rows_frame(rows: pa.Table) -> pd.DataFrame:
    index = pd.Index(rows[ROW_NUMBER].to_numpy(), name="row_number")
    columns = rows.drop_columns(ROW_NUMBER).combine_chunks()
    return pd.DataFrame(
        {name: to_series(columns[name], index) for name in columns.column_names}, index=index
    )


def _frame(rows: Sequence[Sequence[str]], columns: Sequence[str], index: pd.Index) -> pd.DataFrame:
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    return pd.DataFrame(
        {
            name: to_series(pa.array(texts, pa.large_string()), index)
            for name, texts in zip(columns, values, strict=True)
        },
        index=index,
    )

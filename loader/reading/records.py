"""Turns UTF-8 text into rows, block by block; it loses no record and guesses no value.

The lines of a block are classified by `loader.reading.lines`; pyarrow parses those that are rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from loader.frames.arrow import to_series
from loader.reading.cells import no_problems
from loader.reading.dialect import Grammar
from loader.reading.limits import ExceededError, RowMeter
from loader.reading.lines import Block, Integers, split_lines
from loader.reading.rejected import DETAILS, REASON, ROW_NUMBER, rejected_records

LARGE_CHUNK = 1 << 25
"""Bytes of records of which no more are put into a chunk, whatever their number."""

MOST_DELIMITERS = 100_000
"""Of a record that is no row. Those of values in quotes count, so it is more than the columns."""

USUAL_COLUMNS = 100
"""Of a wider file, chunks have fewer records."""

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Chunk:
    """Consecutive records of a source file.

    `rows`: the columns of the source file, dtype `str`, index `row_number` (int64, ascending).
    `rejected`: the records that are no rows, as far as they could be split: the same columns and
    index, other numbers.
    `problems`: why they are rejected: columns `reason` (str: TOO_FEW_FIELDS, TOO_MANY_FIELDS,
    BROKEN_QUOTE) and `details` (str), the index of `rejected`.
    `bytes_read`: bytes of the stored file read so far.
    `blank_rows`: how many rows have delimiters, blanks or empty quotes instead of values; they are
    no records. `western`: the row numbers of records that were read as cp1252 (`--encoding mixed`).
    `cell_problems`: of a spreadsheet, the cells of `rows` whose value is not known, as
    `split_problems` gives them.
    """

    rows: pd.DataFrame
    rejected: pd.DataFrame
    problems: pd.DataFrame
    bytes_read: int
    blank_rows: int = 0
    western: pd.Index = field(default_factory=lambda: pd.Index([], dtype="int64"))
    cell_problems: pd.DataFrame = field(default_factory=no_problems)

    @classmethod
    def empty(cls, columns: tuple[str, ...], bytes_read: int) -> "Chunk":
        """Give a chunk without a record."""
        nothing = pd.DataFrame(
            {name: pd.Series(dtype="str") for name in columns},
            index=pd.Index([], name="row_number", dtype="int64"),
        )
        problems = nothing[[]].assign(reason="", details="").astype("str")
        return cls(nothing, nothing, problems, bytes_read)


@dataclass(frozen=True)
class Records:
    """Parsed records in file order; `rows` has the columns of the file and `ROW_NUMBER`.

    `rejected` are no rows, see `rejected_records`. `blank_rows`: the row numbers of rows that have
    delimiters, but no value. `western`: those of records that were not UTF-8 where others are,
    ascending. `size`: bytes of text, about.
    """

    rows: pa.Table
    rejected: pa.Table
    blank_rows: Integers
    western: Integers
    size: int = 0

    def __len__(self) -> int:
        return int(self.rows.num_rows) + int(self.rejected.num_rows)

    def __add__(self, later: "Records") -> "Records":
        return Records(
            pa.concat_tables([self.rows, later.rows]),
            pa.concat_tables([self.rejected, later.rejected]),
            np.concatenate([self.blank_rows, later.blank_rows]),
            np.concatenate([self.western, later.western]),
            self.size + later.size,
        )

    def split(self, size: int) -> tuple["Records", "Records"]:
        """Split after the first `size` records."""
        numbers = self.rows[ROW_NUMBER].to_numpy()
        rejected_numbers = self.rejected[ROW_NUMBER].to_numpy()
        last = np.sort(np.append(numbers, rejected_numbers))[size - 1]
        rows = int(np.searchsorted(numbers, last, side="right"))
        rejected = int(np.searchsorted(rejected_numbers, last, side="right"))
        blank = int(np.searchsorted(self.blank_rows, last))
        western = int(np.searchsorted(self.western, last, side="right"))
        parts = (slice(None, end) for end in (rows, rejected, blank, western))
        rests = (slice(start, None) for start in (rows, rejected, blank, western))
        given = self.size * size // len(self)
        return (
            replace(self._part(*parts), size=given),
            replace(self._part(*rests), size=self.size - given),
        )

    def _part(self, rows: slice, rejected: slice, blank: slice, western: slice) -> "Records":
        table, others = (
            table.slice(part.start or 0, part.stop)
            for table, part in ((self.rows, rows), (self.rejected, rejected))
        )
        return Records(table, others, self.blank_rows[blank], self.western[western])


class Text(Protocol):
    """UTF-8 text, as `TextStream` gives it."""

    text_position: int
    """Bytes of text that were given so far."""

    @property
    def position(self) -> int:
        """Bytes of the stored file that were read so far."""

    def read(self, size: int) -> bytes:
        """Return about `size` bytes, `b""` at the end only."""

    def western_lines(self, start: int, end: int) -> list[int]:
        """Give where lines begin that were read as cp1252, in the text from start to end."""


def read_chunks(
    text: Text,
    grammar: Grammar,
    columns: tuple[str, ...],
    *,
    first_row: int,
    chunk_size: int,
    block_size: int,
    meter: RowMeter,
) -> Iterator[Chunk]:
    """Yield the records of `text` in chunks of `chunk_size` records; some may be smaller.

    They are if records are large or have many columns, so that memory is bounded by a usual chunk,
    a block, LONGEST_QUOTED_RECORD and the longest line. `text` starts at the first record, whose
    number is `first_row`; `block_size` bytes are parsed at once. The meter counts all rows.

    SourceFileError: a limit is exceeded.
    """
    chunk_size = chunk_rows(chunk_size, len(columns))
    blocks = _read_blocks(text, grammar, columns, first_row, block_size, chunk_size, meter)
    for records in _regroup(blocks, chunk_size):
        rejected = _rows_frame(records.rejected)
        problems = rejected[[REASON, DETAILS]]
        yield Chunk(
            _rows_frame(records.rows),
            rejected.drop(columns=[REASON, DETAILS]),
            problems.rename(columns={REASON: "reason", DETAILS: "details"}),
            text.position,
            len(records.blank_rows),
            western=pd.Index(records.western, dtype="int64"),
        )


def chunk_rows(chunk_size: int, columns: int) -> int:
    """Give how many of so many records are a chunk, where they have so many columns."""
    return max(1, chunk_size * USUAL_COLUMNS // max(columns, USUAL_COLUMNS))


def _read_blocks(
    text: Text,
    grammar: Grammar,
    columns: tuple[str, ...],
    row_number: int,
    block_size: int,
    most_rows: int,
    meter: RowMeter,
) -> Iterator[Records]:
    undecided, final, position = b"", False, text.text_position
    while not final:
        # Doubled each time: a record over many blocks is not scanned from its start for each.
        block_bytes = text.read(max(block_size, len(undecided)))
        final = not block_bytes
        lines = split_lines(undecided + block_bytes, final=final)
        block = Block.scan(lines, grammar, final=final)
        blank = block.blank_lines
        meter.add((block.rows - blank) * len(columns), blank=blank, size=block.used)
        western = np.empty(0, np.int64)
        if starts := text.western_lines(position, position + block.used):
            places = np.searchsorted(lines.ends, np.array(starts) - position, side="right")
            western = np.unique((row_number - 1 + np.cumsum(block.starts))[places])
        # One after the other: short lines become many fields, and rejected ones objects.
        for part in block.parts(most_rows):
            first, end = np.searchsorted(western, [row_number, row_number + part.rows])
            _refuse_large_records(part, grammar, row_number, meter)
            records = _parse_block(part, grammar, columns, row_number)
            yield replace(records, western=western[first:end], size=part.used)
            row_number += part.rows
        undecided = lines.data[block.used :]
        position += block.used


def _refuse_large_records(block: Block, grammar: Grammar, row_number: int, meter: RowMeter) -> None:
    """Raise SourceFileError if a record has too long a value, or far too many to be told apart.

    Only records that are long enough for it are looked at, which are few.
    """
    longest = meter.limits.max_field_length
    starts = np.flatnonzero(block.starts)
    places = np.append(0, block.lines.ends)[np.append(starts, block.count)]
    rejected = dict(block.rejected)
    try:
        for at in np.flatnonzero(np.diff(places) > min(longest, MOST_DELIMITERS)).tolist():
            record, line = block.lines.data[places[at] : places[at + 1]], int(starts[at])
            where = meter.places.describe(row_number + at)
            delimiters = record.count(grammar.delimiter.encode())
            if line in rejected and delimiters > MOST_DELIMITERS:
                meter.limits.check_columns(delimiters + 1, where)
            if len(record) > longest and (line in rejected or block.in_row[line]):
                is_closed = rejected.get(line, True)
                values = grammar.split(record) if is_closed else grammar.split_unquoted(record)
                for column, value in enumerate(values, 1):
                    meter.limits.check_field(len(value), f"{where}, column {column},")
    except ExceededError as error:
        raise meter.error(error) from None


def _regroup(blocks: Iterable[Records], size: int) -> Iterator[Records]:
    pending: Records | None = None
    for block in blocks:
        pending = block if pending is None else pending + block
        # A full one waits for the blank rows that may follow it at the end of the file.
        while len(pending) > size:
            full, pending = pending.split(size)
            yield full
        if len(pending) > 1 and pending.size > LARGE_CHUNK:
            full, pending = pending.split(len(pending) - 1)
            yield full
    if pending is not None and (len(pending) or len(pending.blank_rows)):
        yield pending


def _parse_block(
    block: Block, grammar: Grammar, columns: tuple[str, ...], row_number: int
) -> Records:
    """Parse the records of a block, of which the first has the number `row_number`."""
    numbers = row_number - 1 + np.cumsum(block.starts)
    array = _without_surplus(block, grammar)
    if grammar.short_rows:
        array = _pad(array, _missing_fields(block, array, grammar), grammar)
    if not block.in_row.all():
        array = array.filter(pa.array(block.in_row))
    rows = _parse(_text_of(array), grammar, columns, newlines=bool(block.spans))
    row_numbers = numbers[block.in_row & block.starts]
    if rows.num_rows != len(row_numbers):
        raise RuntimeError(
            f"{len(row_numbers)} records were found and {rows.num_rows} parsed"
            f" between rows {row_number} and {row_number + block.rows}"
        )
    return Records(
        rows.append_column(ROW_NUMBER, pa.array(row_numbers)),
        rejected_records(block, numbers, grammar, columns),
        numbers[block.blank_rows],
        np.empty(0, np.int64),
    )


def _without_surplus(block: Block, grammar: Grammar) -> pa.BinaryArray:
    """Give the lines of a block without the blank fields behind the last column."""
    array = block.lines.array[: block.count]
    if len(block.surplus):
        with_surplus = array.take(pa.array(block.surplus))
        trimmed = pc.replace_substring_regex(with_surplus, grammar.line_with_surplus, r"\1\2")
        array = _replace(array, block.surplus, trimmed)
    spans = [span for span in block.spans if span.surplus]
    if spans:
        texts = []
        for _, last, surplus in spans:
            line = block.lines.text(last)
            body = line.rstrip(b"\r\n")
            texts.append(body[: len(body) - surplus] + line[len(body) :])
        array = _replace(array, [span.last for span in spans], pa.array(texts, pa.binary()))
    return array


def _replace(
    array: pa.BinaryArray, at: "Integers | list[int]", values: pa.BinaryArray
) -> pa.BinaryArray:
    order = np.arange(len(array))
    order[at] = len(array) + np.arange(len(values))
    return pa.concat_arrays([array, values]).take(pa.array(order))


def _missing_fields(block: Block, unquoted: pa.BinaryArray, grammar: Grammar) -> pa.Array:
    """Count for each line the delimiters to add: those that its record lacks, on its last line."""
    if b'"' in block.lines.data:
        unquoted = pc.replace_substring_regex(unquoted, grammar.quoted_field, r"\1")
    fields = pc.count_substring(unquoted, grammar.delimiter).to_numpy() + 1
    missing = np.where(block.in_row, grammar.columns - fields, 0)
    for first, last, _ in block.spans:
        record = block.lines.data[block.lines.start(first) : int(block.lines.ends[last])]
        missing[first:last] = 0
        missing[last] = max(grammar.columns - len(grammar.split(record)), 0)
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


def _rows_frame(rows: pa.Table) -> pd.DataFrame:
    index = pd.Index(rows[ROW_NUMBER].to_numpy(), name="row_number")
    columns = rows.drop_columns(ROW_NUMBER).combine_chunks()
    return pd.DataFrame(
        {name: to_series(columns[name], index) for name in columns.column_names}, index=index
    )

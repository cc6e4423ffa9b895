"""Statistics of the rows of a file, counted chunk by chunk in bounded memory."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.blanks import empty_nulls
from loader.checks.clean import PHONES
from loader.fields.mapping import ColumnMapping
from loader.frames.arrow import to_arrow
from loader.options.load import LoadOptions
from loader.phones.regions import main_region
from loader.profile.frequent_values import Bucket, FrequentValues, by_bucket
from loader.profile.odd_values import Chunk
from loader.profile.oddities import Oddity, OddPositions, find_odd_positions
from loader.profile.records import MOST_EXAMPLES, OddExample, RowStatistics
from loader.profile.texts import Texts

PROFILED_FIELDS = frozenset(
    {"vendor_lead_code", "source_id", "phone_number", "first_name", "last_name", "address1",
     "address3", "city", "postal_code", "date_of_birth", "alt_phone", "email", "security_phrase",
     "comments", "owner"}
)  # fmt: skip
"""Fields of which repeated values are worth reporting; those of list_id are not."""

LONGEST_EXAMPLE = 200
"""Characters of a value in an example."""

NUMBER_FILES = 64
"""Files over which numbers are spread; each is sorted in memory."""

NUMBERS_IN_MEMORY = 2**18
"""Numbers that are collected before they are written to the files."""

LONGEST_NUMBER = 18
"""In digits, as in phone_number; with a 1 before them they fit into 64 bits."""

UNKNOWN_TYPE = "UNKNOWN"
"""number_type of numbers that no country gives out."""

POWERS = 10 ** np.arange(LONGEST_NUMBER + 1, dtype=np.int64)


@dataclass(frozen=True)
class ChunkProfile:
    """What is counted of the rows of a chunk."""

    rows: int
    filled: Mapping[str, int]
    """Rows in which a column is not blank, by column."""
    odd: pd.Index
    """Rows that have an oddity."""
    oddities: Mapping[str, int]
    examples: Mapping[str, list[OddExample]]
    """By oddity, the first ones."""
    values: Mapping[str, list[Bucket]]
    """By field."""


@dataclass(frozen=True)
class RowProfiler:
    """Counts the rows of a chunk, each chunk by itself; it can be sent to another machine."""

    mapping: ColumnMapping
    options: LoadOptions
    today: date
    """Ages are counted from it."""

    def profile(self, rows: pd.DataFrame, span: range = range(0)) -> ChunkProfile:
        """Count rows of the file: the source's columns (str); index row_number, ascending.

        `span` has the row numbers of which it is known that there are no other rows.
        """
        texts, filled = self._texts_by_field(rows)
        odd = rows.index[:0]
        oddities: dict[str, int] = {}
        examples: dict[str, list[OddExample]] = {}
        if len(rows) and texts:
            region = self.options.default_region or main_region(self.options.phone_code or "1")
            chunk = Chunk(texts, self.today, self.options.date_format, region)
            odd, oddities, examples = _count_oddities(chunk, rows.index)
        values = {
            field: by_bucket(
                _as_digits(texts[field]) if field in PHONES else texts[field], rows.index, span
            )
            for field in self.mapping.fields
            if field in PROFILED_FIELDS
        }
        return ChunkProfile(len(rows), filled, odd, oddities, examples, values)

    def _texts_by_field(self, rows: pd.DataFrame) -> tuple[dict[str, Texts], dict[str, int]]:
        """Give the values of each field, and count those of each column that are not blank."""
        texts_of: dict[str, Texts] = {}
        fields_of: dict[str, list[str]] = {}
        filled: dict[str, int] = {}
        for field, column in self.mapping.fields.items():
            fields_of.setdefault(column, []).append(field)
        for column in map(str, rows.columns):
            of_column = rows[column]
            if self.options.null_values:
                of_column = empty_nulls(of_column, self.options.null_values)
            texts = Texts(of_column)
            filled[column] = texts.filled
            texts_of |= dict.fromkeys(fields_of.get(column, ()), texts)
        if self.mapping.name_order:
            names = rows[[self.mapping.fields["first_name"]]].set_axis(["first_name"], axis=1)
            split = self.mapping.split_names(names)
            texts_of |= {name: Texts(each) for name, each in split.items()}
        return texts_of, filled


class RowProfile:
    """Collects the `statistics` of all rows of a file; memory does not grow with the file."""

    def __init__(self, profiler: RowProfiler, folder: Path) -> None:
        """Begin with no rows; the caller removes `folder`."""
        self.profiler = profiler
        self._rows = self._odd_rows = 0
        self._filled: Counter[str] = Counter()
        self._oddities: Counter[str] = Counter()
        self._examples: dict[str, list[OddExample]] = {}
        fields = profiler.mapping.fields
        self._values = {field: FrequentValues() for field in fields if field in PROFILED_FIELDS}
        self._numbers = RepeatedNumbers(folder)

    def add(self, chunk: ChunkProfile) -> None:
        """Add the counts of the next rows of the file."""
        self._rows += chunk.rows
        self._odd_rows += len(chunk.odd)
        self._filled.update(chunk.filled)
        self._oddities.update(chunk.oddities)
        for oddity, examples in chunk.examples.items():
            self._examples[oddity] = _first_of(self._examples.get(oddity, []) + examples)
        for field, buckets in chunk.values.items():
            for bucket in buckets:
                self._values[field].add(bucket)

    def add_numbers(self, leads: pd.DataFrame, odd: pd.Index) -> None:
        """Count the numbers of rows, in any order; those of `odd` have an oddity already.

        Columns phone_number (str, digits; "": none) and number_type (str); index row_number.
        """
        self._numbers.add(leads["phone_number"])
        unknown = leads.loc[leads["number_type"] == UNKNOWN_TYPE, "phone_number"]
        if unknown.empty:
            return
        oddity = Oddity.NUMBER_NOT_GIVEN_OUT.value
        self._oddities[oddity] += len(unknown)
        self._odd_rows += len(unknown.index.difference(odd))
        examples = self._examples.setdefault(oddity, [])
        examples += [
            OddExample(row_number=row, field="phone_number", value=value)
            for row, value in zip(
                unknown.index[:MOST_EXAMPLES].tolist(),
                unknown[:MOST_EXAMPLES].tolist(),
                strict=True,
            )
        ]
        examples.sort(key=lambda example: example.row_number)
        del examples[MOST_EXAMPLES:]

    def statistics(self) -> RowStatistics:
        """Return the statistics; call it after all rows were added."""
        repeated = {field: values.most_frequent() for field, values in self._values.items()}
        return RowStatistics(
            rows=self._rows,
            filled=dict(self._filled),
            oddities={each.value: self._oddities[each] for each in Oddity if self._oddities[each]},
            odd_rows=self._odd_rows,
            odd_examples=dict(self._examples),
            repeated={field: most for field, most in repeated.items() if most},
            repeated_numbers=self._numbers.count(),
        )


def _count_oddities(
    chunk: Chunk, row_numbers: pd.Index
) -> tuple[pd.Index, dict[str, int], dict[str, list[OddExample]]]:
    """Give the odd rows, how many there are by oddity, and the first ones as examples."""
    by_oddity: dict[str, list[OddPositions]] = {}
    for found in find_odd_positions(chunk):
        by_oddity.setdefault(found.oddity.value, []).append(found)
    odd, counts, examples = np.zeros(len(row_numbers), dtype=bool), {}, {}
    for oddity, finds in by_oddity.items():
        rows = np.zeros(len(row_numbers), dtype=bool)
        for found in finds:
            rows[found.positions] = True
        odd |= rows
        counts[oddity] = int(rows.sum())
        examples[oddity] = _first_of(_examples(finds, chunk.texts, row_numbers))
    return row_numbers[odd], counts, examples


def _first_of(examples: list[OddExample]) -> list[OddExample]:
    """Give the examples of the first rows, of each row the first one."""
    by_row = {each.row_number: each for each in reversed(examples)}
    return [by_row[row] for row in sorted(by_row)][:MOST_EXAMPLES]


def _as_digits(numbers: Texts) -> Texts:
    """Reduce numbers to their digits, without the 1 of North American numbers."""
    digits = pc.replace_substring_regex(numbers.array, r"[^0-9]+", "")
    digits = pc.replace_substring_regex(digits, r"^1([2-9][0-9]{9})$", r"\1")
    return Texts(pd.Series(digits, dtype="str"))


def _examples(
    finds: list[OddPositions], texts: Mapping[str, Texts], row_numbers: pd.Index
) -> list[OddExample]:
    """Return examples of an oddity, the first ones of each field."""
    examples = []
    for _, field, positions in finds:
        first = positions[np.argsort(row_numbers[positions], kind="stable")[:MOST_EXAMPLES]]
        values = pc.utf8_slice_codeunits(texts[field].take(first), 0, LONGEST_EXAMPLE)
        pairs = zip(row_numbers[first].tolist(), values.to_pylist(), strict=True)
        examples += [OddExample(row_number=row, field=field, value=value) for row, value in pairs]
    return examples


class RepeatedNumbers:
    """Counts the rows whose number an earlier row has; many numbers are stored on disk."""

    def __init__(self, folder: Path) -> None:
        """Store numbers in files of a folder that the caller removes."""
        self._folder = folder
        self._pending: list[npt.NDArray[np.int64]] = []
        self._size = 0

    def add(self, phones: "pd.Series[str]") -> None:
        """Add the numbers (str, digits; "": none) of rows, in any order."""
        numbers = _to_integers(to_arrow(phones[phones != ""]).combine_chunks())
        self._pending.append(numbers)
        self._size += len(numbers)
        if self._size > NUMBERS_IN_MEMORY:
            self._write()

    def count(self) -> int:
        """Return the number of rows whose number is repeated, without one row for each number."""
        self._write()
        files = map(self._part, range(NUMBER_FILES))
        return sum(_repetitions(file) for file in files if file.exists())

    def _write(self) -> None:
        """Append the pending numbers to the files; equal numbers go to the same file."""
        numbers = np.concatenate([np.empty(0, dtype=np.int64), *self._pending])
        self._pending, self._size = [], 0
        if not numbers.size:
            return
        parts = numbers % NUMBER_FILES
        ordered = numbers[np.argsort(parts, kind="stable")]
        ends = np.cumsum(np.bincount(parts, minlength=NUMBER_FILES))
        for part, part_numbers in enumerate(np.split(ordered, ends[:-1])):
            with self._part(part).open("ab") as file:
                file.write(part_numbers.tobytes())

    def _part(self, part: int) -> Path:
        return self._folder / f"numbers-{part:02d}"


def _to_integers(digits: pa.Array) -> npt.NDArray[np.int64]:
    """Convert digits to integers (int64) with a 1 before them, so that 0123 is not 123.

    Texts longer than LONGEST_NUMBER become negative hashes.
    """
    lengths = pc.binary_length(digits).to_numpy()
    short = lengths <= LONGEST_NUMBER
    numbers = np.empty(len(digits), dtype=np.int64)
    parsed = pc.cast(digits.filter(pa.array(short)), pa.int64()).to_numpy()
    numbers[short] = parsed + POWERS[lengths[short]]
    if not short.all():
        long = np.array(digits.filter(pa.array(~short)).to_pylist(), dtype=object)
        numbers[~short] = ~(pd.util.hash_array(long) >> np.uint64(1)).astype(np.int64)
    return numbers


def _repetitions(path: Path) -> int:
    numbers = np.sort(np.fromfile(path, dtype=np.int64))
    return int((numbers[1:] == numbers[:-1]).sum())

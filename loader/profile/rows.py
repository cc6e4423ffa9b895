"""What the rows of a file look like, counted chunk after chunk in memory that stays the same."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.clean import PHONES
from loader.fields.mapping import ColumnMapping
from loader.frames.arrow import to_arrow
from loader.options.load import LoadOptions
from loader.phones.regions import main_region
from loader.profile.frequent_values import FrequentValues
from loader.profile.odd_values import Chunk
from loader.profile.oddities import Found, find_places
from loader.profile.records import MOST_EXAMPLES, OddExample, Seen
from loader.profile.texts import Texts

TELLING = frozenset(
    {"vendor_lead_code", "source_id", "phone_number", "first_name", "last_name", "address1",
     "address3", "city", "postal_code", "date_of_birth", "alt_phone", "email", "security_phrase",
     "comments", "owner"}
)  # fmt: skip
"""Fields of which it says something that many rows have the same value, as list_id does not."""

LONGEST_EXAMPLE = 200
"""Characters of a value that is shown."""

PARTS = 64
"""Files of numbers, each of which is sorted in memory."""

WAITING = 2**18
"""Numbers in memory before they are written."""

LONGEST_NUMBER = 18
"""Digits, as phone_number holds; with a 1 before them they fit into 64 bits."""

POWERS = 10 ** np.arange(LONGEST_NUMBER + 1, dtype=np.int64)


class RowProfile:
    """Looks at all rows of a file and tells what was `seen`; memory does not grow with the file."""

    def __init__(
        self, mapping: ColumnMapping, options: LoadOptions, today: date, folder: Path
    ) -> None:
        """Look by a file's mapping.

        Args:
            mapping: the column of each field.
            options: date_format, and default_region and phone_code for rows of no known country.
            today: that dates of birth are measured by.
            folder: for numbers, in files of its own; the caller removes it.
        """
        self._mapping, self._today, self._format = mapping, today, options.date_format
        self._region = options.default_region or main_region(options.phone_code or "1")
        self._rows = self._odd_rows = 0
        self._filled: dict[str, int] = {}
        self._oddities: dict[str, int] = {}
        self._examples: dict[str, list[OddExample]] = {}
        fields = mapping.fields
        self._values = {field: FrequentValues() for field in fields if field in TELLING}
        self._numbers = RepeatedNumbers(folder)

    def look_at(self, rows: pd.DataFrame) -> None:
        """Look at the next rows of the file.

        Args:
            rows: the source's columns (str, of unique names); index row_number.
        """
        fields: dict[str, Texts] = {}
        named: dict[str, list[str]] = {}
        for field, column in self._mapping.fields.items():
            named.setdefault(column, []).append(field)
        for column in map(str, rows.columns):
            texts = Texts(rows[column])
            self._filled[column] = self._filled.get(column, 0) + texts.filled
            fields |= dict.fromkeys(named.get(column, ()), texts)
        self._rows += len(rows)
        if len(rows) and fields:
            chunk = Chunk(fields, self._today, self._format, self._region)
            self._note(chunk, rows.index)
        for field, values in self._values.items():
            texts = fields[field]
            values.add(_as_digits(texts) if field in PHONES else texts)

    def numbers(self, phones: "pd.Series[str]") -> None:
        """Count the national numbers (digits; "": none) of some rows, whichever they are."""
        self._numbers.add(phones)

    def seen(self) -> Seen:
        """Tell what was seen, once all was looked at."""
        repeated = {field: values.most() for field, values in self._values.items()}
        return Seen(
            rows=self._rows,
            filled=dict(self._filled),
            oddities=dict(self._oddities),
            odd_rows=self._odd_rows,
            odd_examples={oddity: list(shown) for oddity, shown in self._examples.items()},
            repeated={field: most for field, most in repeated.items() if most},
            repeated_numbers=self._numbers.count(),
        )

    def _note(self, chunk: Chunk, row_numbers: pd.Index) -> None:
        """Count rows by oddity, each once, and keep the first as examples."""
        by_oddity: dict[str, list[Found]] = {}
        for found in find_places(chunk):
            by_oddity.setdefault(found.oddity.value, []).append(found)
        odd = np.zeros(len(row_numbers), dtype=bool)
        for oddity, finds in by_oddity.items():
            rows = np.zeros(len(row_numbers), dtype=bool)
            for found in finds:
                rows[found.places] = True
            odd |= rows
            self._oddities[oddity] = self._oddities.get(oddity, 0) + int(rows.sum())
            shown = self._examples.get(oddity, []) + _examples(finds, chunk.texts, row_numbers)
            by_row = {each.row_number: each for each in reversed(shown)}
            self._examples[oddity] = [by_row[row] for row in sorted(by_row)][:MOST_EXAMPLES]
        self._odd_rows += int(odd.sum())


def _as_digits(numbers: Texts) -> Texts:
    """Take numbers by their digits, without North America's 1, however they are written."""
    digits = pc.replace_substring_regex(numbers.array, r"[^0-9]+", "")
    digits = pc.replace_substring_regex(digits, r"^1([2-9][0-9]{9})$", r"\1")
    return Texts(pd.Series(digits, dtype="str"))


def _examples(
    finds: list[Found], texts: Mapping[str, Texts], row_numbers: pd.Index
) -> list[OddExample]:
    """Show the first places of an oddity in each field."""
    shown = []
    for _, field, places in finds:
        first = places[np.argsort(row_numbers[places], kind="stable")[:MOST_EXAMPLES]]
        values = pc.utf8_slice_codeunits(texts[field].take(first), 0, LONGEST_EXAMPLE)
        told = zip(row_numbers[first].tolist(), values.to_pylist(), strict=True)
        shown += [OddExample(row_number=row, field=field, value=value) for row, value in told]
    return shown


class RepeatedNumbers:
    """Counts the rows whose number another row has before them, on disk where they are many."""

    def __init__(self, folder: Path) -> None:
        """Keep numbers in files of a folder, which the caller removes."""
        self._folder = folder
        self._waiting: list[npt.NDArray[np.int64]] = []
        self._size = 0

    def add(self, phones: "pd.Series[str]") -> None:
        """Note the numbers (digits; "": none) of rows, in whatever order."""
        numbers = _as_integers(to_arrow(phones[phones != ""]).combine_chunks())
        self._waiting.append(numbers)
        self._size += len(numbers)
        if self._size > WAITING:
            self._write()

    def count(self) -> int:
        """Give the sum, over all numbers, of the rows that have it but for one."""
        self._write()
        return sum(_repetitions(path) for path in map(self._part, range(PARTS)) if path.exists())

    def _write(self) -> None:
        """Append what waits to the files; equal numbers go to the same one."""
        numbers = np.concatenate([np.empty(0, dtype=np.int64), *self._waiting])
        self._waiting, self._size = [], 0
        if not numbers.size:
            return
        parts = numbers % PARTS
        ordered = numbers[np.argsort(parts, kind="stable")]
        ends = np.cumsum(np.bincount(parts, minlength=PARTS))
        for part, mine in enumerate(np.split(ordered, ends[:-1])):
            with self._part(part).open("ab") as file:
                file.write(mine.tobytes())

    def _part(self, part: int) -> Path:
        return self._folder / f"numbers-{part:02d}"


def _as_integers(digits: pa.Array) -> npt.NDArray[np.int64]:
    """Read each text of digits as the number that it is behind a 1: 0123 is not 123.

    Longer ones than any number stand for themselves by a negative hash.
    """
    lengths = pc.binary_length(digits).to_numpy()
    short = lengths <= LONGEST_NUMBER
    numbers = np.empty(len(digits), dtype=np.int64)
    read = pc.cast(digits.filter(pa.array(short)), pa.int64()).to_numpy()
    numbers[short] = read + POWERS[lengths[short]]
    if not short.all():
        long = np.array(digits.filter(pa.array(~short)).to_pylist(), dtype=object)
        numbers[~short] = ~(pd.util.hash_array(long) >> np.uint64(1)).astype(np.int64)
    return numbers


def _repetitions(path: Path) -> int:
    numbers = np.sort(np.fromfile(path, dtype=np.int64))
    return int((numbers[1:] == numbers[:-1]).sum())

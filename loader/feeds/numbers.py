"""The numbers in the file of a feed, and the rows in which there is none to be found."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.errors import SourceFileError
from loader.frames.arrow import to_arrow, to_mask, to_series
from loader.frames.sorted_numbers import Numbers
from loader.phones.parse import digits_only, is_damaged
from loader.phones.readings import parse_every_phone, parse_phones
from loader.phones.regions import is_placeholder
from loader.reading.header import mask_values
from loader.reading.records import Chunk
from loader.reading.source import SourceFile
from loader.reasons import Reason
from loader.results.lines import count_of

ZEROS = r"^\s*(\+?[0-9]+)[.,]0+\s*$"
"""Digits with decimal zeros, as a float column has them."""

LETTER = "[A-Za-z]"

NO_NUMBER = (
    "correct the value or leave it empty; give its country by + and country code, or that of all "
    "by --default-region"
)
SHORTENED = "export the column of numbers as text"

SHOWN = 3
"""Values that an error names."""

FEWEST_DIGITS = 7
"""Fewer are no number of a person."""


class FeedReader:
    """Reads the file of a feed, once."""

    def __init__(
        self, source: SourceFile, columns: tuple[str, ...], region: str, advice: str = ""
    ) -> None:
        """Take the columns of numbers, and the region (alpha-2 or empty) of national numbers.

        `advice` is what else can be done about values that are no numbers.
        """
        self._source, self._columns, self._region = source, columns, region
        self._advice = advice
        self._problems: list[tuple[int, str, str]] = []
        """Row number, what is wrong, and what to do."""
        self._mended = self._without_rest = 0

    def numbers(self) -> Iterator[Numbers]:
        """Yield the international numbers, chunk by chunk, a row's each as often as it is there.

        Raises:
            SourceFileError: a row cannot be read or has a value that is no number (the first ones
                are named), or there is no number at all.
        """
        count = 0
        for chunk in self._source.chunks():
            self._note_cells(chunk)
            for values in (*self._values(chunk), *self._values_of_rejected(chunk)):
                numbers = self._parse(values)
                count += numbers.size
                yield numbers
            self._refuse_problems()
        if not count:
            raise SourceFileError(
                f"{self._source.name}: there is no number in {self._names}; is it the right file?"
            )

    def notes(self) -> list[str]:
        """Describe what was done to the file, once it is read."""
        notes = [f"of {self._names}"] if len(self._columns) > 1 else []
        if self._source.encoding != "utf-8":
            notes.append(f"read as {self._source.encoding}")
        if self._mended:
            notes.append(f"{count_of(self._mended, 'value')} had decimal zeros")
        if self._without_rest:
            notes.append(f"{count_of(self._without_rest, 'row')} had too few or too many fields")
        return notes

    @property
    def has_number_as_header(self) -> bool:
        """Whether the header has a number, so that it may be none."""
        names = pd.Series(self._source.columns, dtype="str")
        digits = names.map(lambda name: sum(map(str.isdigit, name)))
        return bool((digits >= FEWEST_DIGITS).any() or self._parsed(names)[1].any())

    @property
    def _names(self) -> str:
        names = " and ".join(f"'{name}'" for name in self._columns)
        return f"column{'s' * (len(self._columns) > 1)} {names}"

    def _note_cells(self, chunk: Chunk) -> None:
        """Note cells of a spreadsheet whose value is not known."""
        cells = chunk.cell_problems
        for row, text in cells["text"][cells["column"].isin(self._columns)].items():
            self._problems.append((int(str(row)), text, Reason.CELL_WITHOUT_VALUE.correction))

    def _values(self, chunk: Chunk) -> "Iterator[pd.Series[str]]":
        for column in self._columns:
            yield chunk.rows[column]

    def _values_of_rejected(self, chunk: Chunk) -> "Iterator[pd.Series[str]]":
        """Give the first field of rows with too few or too many, if that is the number.

        Where fields are missing or too many, only the first is certainly where it should be.
        """
        if not len(chunk.rejected):
            return
        first = self._source.columns[0]
        fields = chunk.rejected[first].str.split(self._source.delimiter, n=1).str[0].astype("str")
        is_sure = (chunk.problems["reason"] != Reason.BROKEN_QUOTE) & (fields.str.strip() != "")
        is_sure &= self._columns == (first,)
        for row, reason, details in chunk.problems[~is_sure].itertuples():
            # Behind the colon are the values.
            what = details.partition(":")[0]
            self._problems.append((row, what, Reason[reason].correction))
        self._without_rest += int(is_sure.sum())
        yield fields[is_sure]

    def _parse(self, values: "pd.Series[str]") -> Numbers:
        """Parse values as those of leads are parsed, and more of them; note those that fail."""
        damaged = is_damaged(values)
        if damaged.any():
            mended = to_series(
                pc.replace_substring_regex(to_arrow(values), ZEROS, r"\1"), values.index
            )
            damaged &= mended == values
            self._mended += int((mended != values).sum())
            values = mended
        number, possible = self._parsed(values.mask(damaged, "") if damaged.any() else values)
        found = [number[possible], self._beside(number[possible])]
        # Letters beside a number may have been taken for keypad letters.
        again = ~possible | to_mask(
            pc.match_substring_regex(to_arrow(values), LETTER), values.index
        )
        again &= ~damaged
        if again.any():
            by_digits, possible_again = self._parsed(_digits(values[again]))
            found.append(by_digits[possible_again])
            possible[by_digits.index[possible_again]] = True
        self._note_others(values[~possible], damaged[~possible])
        digits = [to_arrow(each["country_code"] + each["national_number"]) for each in found]
        return np.concatenate([np.asarray(d.cast(pa.uint64()).to_numpy()) for d in digits])

    def _parsed(self, values: "pd.Series[str]") -> "tuple[pd.DataFrame, pd.Series[bool]]":
        """Parse values; return also which are possible numbers."""
        number = parse_phones(values, pd.Series(self._region, index=values.index, dtype="str"))
        return number, number["possible"] == "IS_POSSIBLE"

    def _beside(self, number: pd.DataFrame) -> pd.DataFrame:
        """Parse what stands beside numbers, such as a second one."""
        beside = number["dropped"][number["dropped"] != ""]
        return parse_every_phone(beside, pd.Series(self._region, index=beside.index, dtype="str"))

    def _note_others(self, values: "pd.Series[str]", damaged: "pd.Series[bool]") -> None:
        """Note values that are no numbers, except blank ones."""
        for (row, value), is_shortened in zip(values.items(), damaged, strict=True):
            if not value.strip() or is_placeholder(value):
                continue
            what, advice = f"is no phone number of region {self._region or 'none'}", NO_NUMBER
            if is_shortened:
                what, advice = "was shortened by a spreadsheet", SHORTENED
            advice += self._advice
            self._problems.append((int(str(row)), f"'{mask_values([value])}' {what}", advice))

    def _refuse_problems(self) -> None:
        if not self._problems:
            return
        first, more = sorted(self._problems)[:SHOWN], len(self._problems) - SHOWN
        texts = [f"row {row}: {what}" for row, what, _ in first]
        texts += [f"and {count_of(more, 'more value')}"] if more > 0 else []
        advice = dict.fromkeys(advice for _, _, advice in first)
        raise SourceFileError(
            f"{self._source.name}: {', '.join(texts)}. A feed is used only if all of it can be "
            f"read: {'; '.join(advice)}"
        )


def _digits(values: "pd.Series[str]") -> "pd.Series[str]":
    """Return the digits of values, with the plus before them if there is one."""
    plus = values.str.match(r"[^\w+]*\+").map({True: "+", False: ""})
    return (plus + digits_only(values)).astype("str")

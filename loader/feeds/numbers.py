"""The numbers in the file of a feed, and the rows in which there is none to be found."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.errors import SourceFileError
from loader.feeds.columns import UnusedColumns
from loader.feeds.feed import BARE
from loader.frames.arrow import to_arrow, to_mask, to_series
from loader.frames.sorted_numbers import Numbers
from loader.phones.parse import digits_only, is_damaged, parse_numbers
from loader.phones.readings import parse_every_phone, parse_phones
from loader.phones.regions import calling_code_of, is_calling_code, is_placeholder
from loader.reading.header import mask_values
from loader.reading.mixed import MIXED
from loader.reading.records import Chunk
from loader.reading.source import SourceFile
from loader.reasons import Reason
from loader.results.lines import count_of

ZEROS = r"^\s*(\+?[0-9]+)[.,]0+\s*$"
"""Digits with decimal zeros, as a float column has them."""

LETTER = "[A-Za-z]"

MASKED = r"^[^\p{L}\p{N}]*(?:[0-9][^\p{L}\p{N}]*){1,9}(?:[xX][^\p{L}\p{N}]*){2,}$"
"""Many numbers in one: digits, and X in the place of the others."""
AREA = r"(?P<code>[0-9]*)(?P<area>[0-9]{3})[xX]{7}"
"""A whole area code, as the dialer writes it: 727XXXXXXX, also behind a country code."""

ABROAD = r"^[1-9][0-9]{9,}$"
"""Digits that may begin with a country code."""
DECIMALS = r"^\s*\+?[0-9]+[.,][0-9]{1,3}\s*$"
TRUNK = r"^0[1-9][0-9]{9,10}$"
"""Digits behind a trunk prefix, more than the region's own numbers have."""

NO_AREA = "write whole areas as 727XXXXXXX, and list other numbers one by one"
NO_NUMBER = (
    "correct the value or leave it empty; give its country by + and country code, or that of all "
    "by --default-region"
)
ONE_A_ROW = "give each number a row of its own"
SHORTENED = "export the column of numbers as text"

ANY_BYTE = "cp866"
"""An encoding that every byte is of, and in which ASCII, such as all numbers, is itself."""
NOT_ALL_UTF8 = (MIXED, ANY_BYTE)
"""How a file is read of which no encoding is given, and which is not UTF-8."""

SHOWN = 3
"""Values that an error names."""

FEWEST_DIGITS = 7
"""Fewer are no number of a person."""
MOST_DIGITS = 18
"""More are none either."""


class FeedReader:
    """Reads the file of a feed, once.

    Attributes:
        areas: the area codes that are listed as a whole, behind their country code: 1727.
    """

    def __init__(
        self,
        source: SourceFile,
        columns: tuple[str, ...],
        region: str,
        advice: str = "",
        unused: UnusedColumns | None = None,
    ) -> None:
        """Take the columns of numbers, and the region (alpha-2 or empty) of national numbers.

        `advice` is what else can be done about values that are no numbers; `unused` looks for
        numbers in other columns.
        """
        self._source, self._columns, self._region = source, columns, region
        self._advice, self._unused = advice, unused
        self._problems: list[tuple[int, str, str]] = []
        """Row number, what is wrong, and what to do."""
        self._mended = self._foreign = 0
        self.areas: set[str] = set()

    def numbers(self) -> Iterator[Numbers]:
        """Yield the international numbers, chunk by chunk, a row's each as often as it is there.

        With them come the digits of those that are listed without a country, with `BARE` added.

        Raises:
            SourceFileError: a row cannot be read or has a value that is no number (the first ones
                are named), there is no number at all, or another column has numbers, too.
        """
        count = 0
        for chunk in self._source.chunks():
            self._note_broken(chunk)
            for column in self._columns:
                numbers = self._parse(self._without_areas(chunk.rows[column]))
                count += numbers.size
                yield numbers
            self._refuse_problems()
            if self._unused:
                self._unused.count_numbers(chunk.rows, self._region)
        if not count and not self.areas:
            raise SourceFileError(
                f"{self._source.name}: there is no number in {self._names}; is it the right file?"
            )
        if self._unused:
            self._unused.refuse()

    def notes(self) -> list[str]:
        """Describe what was done to the file, once it is read."""
        notes = [f"of {self._names}"] if len(self._columns) > 1 else []
        if self.areas:
            notes.append(count_of(len(self.areas), "whole area"))
        if self._source.encoding in NOT_ALL_UTF8:
            notes.append("not all of it is UTF-8")
        elif self._source.encoding != "utf-8":
            notes.append(f"read as {self._source.encoding}")
        if self._mended:
            notes.append(f"{count_of(self._mended, 'value')} had decimal zeros")
        if self._foreign:
            notes.append(f"{count_of(self._foreign, 'number')} of other countries without +")
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

    def _note_broken(self, chunk: Chunk) -> None:
        """Note rows that cannot be read, and cells of a spreadsheet whose value is not known."""
        for row, reason, details in chunk.problems.itertuples():
            # Behind the colon are the values.
            what = details.partition(":")[0]
            self._problems.append((row, what, f"{Reason[reason].correction}, or {ONE_A_ROW}"))
        cells = chunk.cell_problems
        for row, text in cells["text"][cells["column"].isin(self._columns)].items():
            self._problems.append((int(str(row)), text, Reason.CELL_WITHOUT_VALUE.correction))

    def _without_areas(self, values: "pd.Series[str]") -> "pd.Series[str]":
        """Note values that stand for many numbers, and leave them out."""
        masked = to_mask(pc.match_substring_regex(to_arrow(values), MASKED), values.index)
        if not masked.any():
            return values
        for row, value in values[masked].items():
            if area := self._area(value):
                self.areas.add(area)
            else:
                what = f"'{value}' stands for many numbers, but for no area code"
                self._problems.append((int(str(row)), what, NO_AREA))
        return values.mask(masked, "")

    def _area(self, value: str) -> str:
        """Return country and area code of a value such as 727XXXXXXX; "": it is no such value."""
        found = re.fullmatch(AREA, re.sub(r"[^0-9xX]", "", value))
        if not found:
            return ""
        code = found["code"].lstrip("0") or calling_code_of(self._region)
        return code + found["area"] if is_calling_code(code) else ""

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
        international = [to_arrow(each["country_code"] + each["national_number"]) for each in found]
        foreign, with_code = self._of_other_countries(number[~possible & ~damaged])
        possible[foreign.index] = True
        self._note_others(values[~possible], damaged[~possible])
        bare = [to_arrow(text) for text in (*map(_bare, found), foreign)]
        parts = [_integers(texts) for texts in (*international, to_arrow(with_code))]
        return np.concatenate([*parts, *(_integers(texts) | BARE for texts in bare)])

    def _of_other_countries(self, number: pd.DataFrame) -> "tuple[pd.Series[str], pd.Series[str]]":
        """Find numbers of other countries, without a plus, among those that are impossible.

        Returns:
            Their digits, and those of them that are international numbers.
        """
        digits = _bare(number[~number["read"].str.match(DECIMALS)])
        may_have_code = digits[digits.str.match(ABROAD)]
        abroad = parse_numbers("+" + may_have_code, may_have_code)
        with_code = may_have_code[abroad["valid"]]
        is_longer = number["possible"][digits.index] == "TOO_LONG"
        with_trunk = digits[is_longer & digits.str.match(TRUNK)]
        foreign = pd.concat([with_code, with_trunk])
        self._foreign += len(foreign)
        return foreign, with_code

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


def is_area(value: str) -> bool:
    """Say whether a value stands for a whole area: 727XXXXXXX."""
    return re.fullmatch(AREA, re.sub(r"[\s()+.-]", "", value)) is not None


def _bare(number: pd.DataFrame) -> "pd.Series[str]":
    """Return the digits of numbers that do not say themselves of which country they are."""
    read = number["read"]
    digits = digits_only(read[~read.str.contains("+", regex=False)])
    return digits[(digits != "") & ~digits.str.startswith("00") & (digits.str.len() <= MOST_DIGITS)]


def _integers(texts: pa.ChunkedArray) -> Numbers:
    return np.asarray(texts.cast(pa.uint64()).to_numpy(), dtype=np.uint64)


def _digits(values: "pd.Series[str]") -> "pd.Series[str]":
    """Return the digits of values, with the plus before them if there is one."""
    plus = values.str.match(r"[^\w+]*\+").map({True: "+", False: ""})
    return (plus + digits_only(values)).astype("str")

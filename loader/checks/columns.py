"""What holds for whole columns of a file: decimals, and the formats of its dates of birth.

A value alone does not tell whether 3/4/2001 is in March, or whether 12.0 lost its cents. All values
of its column do, so that all are looked at before the first is changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, permutations

import pandas as pd

from loader.checks.birth_dates import (
    are_confusable,
    best_formats,
    is_no_date,
    read_by_format,
    read_dates,
)
from loader.checks.blanks import empty_nulls, trim, trim_texts
from loader.checks.decimals import OF_NUMBERS, is_decimal_column
from loader.errors import SourceFileError
from loader.fields.mapping import ColumnMapping
from loader.frames.arrow import arrays_of, arrow_behind, frame_of, to_arrow, to_series
from loader.options.load import LoadOptions
from loader.reading.row_places import ONE_FILE, RowPlaces

BIRTH = "date_of_birth"


@dataclass(frozen=True)
class ColumnFacts:
    """What was decided of whole columns."""

    decimals: frozenset[str] = frozenset()
    """Fields whose values are all digits and .0, which goes off."""
    date_formats: tuple[str, ...] = ()
    """Those of date_of_birth, in the order in which they are tried."""
    remarks: tuple[str, ...] = ()
    """What is to be said of the whole run."""


NOTHING_SPECIAL = ColumnFacts()


def fields_of(rows: pd.DataFrame, mapping: ColumnMapping, options: LoadOptions) -> pd.DataFrame:
    """Give the columns of source rows that fill a field, named as fields.

    Values are trimmed if trim is Y, and words of null_values are empty.
    """
    columns, given = {}, arrays_of(rows)
    for name, column in mapping.fields.items():
        texts = arrow_behind(given[column])
        texts = trim_texts(texts) if options.trim == "Y" else texts
        if options.null_values:
            texts = to_arrow(empty_nulls(to_series(texts, rows.index), options.null_values))
        columns[name] = texts
    fields = frame_of(columns, rows.index)
    names = mapping.split_names(fields)
    return fields.assign(**names) if names else fields


class ColumnSurvey:
    """Looks at the columns of a file, first at a sample of its rows, then at all where it matters.

    Rows are frames as `fields_of` gives them; index row_number.
    """

    def __init__(
        self,
        options: LoadOptions,
        sample: pd.DataFrame,
        today: date,
        places: RowPlaces = ONE_FILE,
    ) -> None:
        """Look at the first rows of the file.

        Raises:
            SourceFileError: most dates of birth are written in another format than those named.
        """
        self._decimals = {
            name for name in map(str, sample)
            if name not in OF_NUMBERS and is_decimal_column(sample[name])
        }  # fmt: skip
        self._formats: _FormatSurvey | None = None
        self._remarks: list[str] = []
        formats = options.date_format
        if BIRTH in sample:
            births = sample[BIRTH]
            if BIRTH in self._decimals:
                births = births.str.replace(r"[.,]0+$", "", regex=True)
            self._remarks += _strange_dates(births, formats, today)
            if len(formats) > 1:
                self._formats = _FormatSurvey(formats, today, places)
        self._given_formats = formats

    @property
    def needs_all_rows(self) -> bool:
        """Whether something is undecided before all rows were added."""
        return bool(self._decimals) or self._formats is not None

    def add(self, rows: pd.DataFrame) -> None:
        """Look at more rows of the file; all rows are to be added, those of the sample too."""
        self._decimals = {
            name for name in self._decimals if is_decimal_column(rows[name], or_blank=True)
        }
        if self._formats:
            self._formats.add(rows[BIRTH])

    def facts(self) -> ColumnFacts:
        """Decide.

        Raises:
            SourceFileError: of two formats that may read a text as different days neither reads
                all that the other reads.
        """
        formats, remarks = self._given_formats, self._remarks
        if self._formats:
            formats, of_order = self._formats.order()
            remarks = [*remarks, *of_order]
        return ColumnFacts(frozenset(self._decimals), formats, tuple(remarks))


class _FormatSurvey:
    """Compares what several formats make of the same dates.

    Formats that no text confuses, such as ISO dates and 12/31/1968, may be mixed in a column.
    """

    def __init__(self, formats: Sequence[str], today: date, places: RowPlaces) -> None:
        self._formats, self._today, self._places = tuple(formats), today, places
        self._both: dict[tuple[str, str], int] = {}
        """The first row that two formats read as different days."""
        self._one: dict[tuple[str, str], int] = {}
        """The first row that the first of two formats reads, and the second does not."""

    def add(self, births: "pd.Series[str]") -> None:
        """Compare them for more dates; index row_number."""
        distinct = trim(births[births != ""]).drop_duplicates()
        read = {each: read_by_format(distinct, each, self._today) for each in self._formats}
        for pair in permutations(self._formats, 2):
            first, second = (read[each] for each in pair)
            differs = first.notna() & second.notna() & (first != second)
            alone = first.notna() & second.isna()
            for found, mask in ((self._both, differs), (self._one, alone)):
                if pair not in found and mask.any():
                    found[pair] = int(mask.index[mask.to_numpy()][0])

    def order(self) -> tuple[tuple[str, ...], list[str]]:
        """Give the formats to try, and what is to be said of them.

        Of two that may read one text as different days only that stays which reads all dates.
        """
        kept, remarks = list(self._formats), []
        for first, second in combinations(self._formats, 2):
            if {first, second} <= {*kept} and are_confusable(first, second, self._today):
                by_first, by_second = self._one.get((first, second)), self._one.get((second, first))
                if by_first and by_second:
                    raise self._refusal(first, second)
                kept.remove(first if by_second else second)
                if not by_first and not by_second and (first, second) in self._both:
                    remarks.append(
                        f"{BIRTH} was read as {first}; {second} would read all its values, too"
                    )
        return tuple(kept), remarks

    def _refusal(self, first: str, second: str) -> SourceFileError:
        both, place = self._both.get((first, second)), self._places.describe
        other = place(both) if both else "other dates"
        return SourceFileError(
            f"{BIRTH}: {place(self._one[first, second])} is {first}, "
            f"{place(self._one[second, first])} is {second}, and {other} may be either; "
            "split the file by its formats, or name the right one alone; nothing was inserted"
        )


def _strange_dates(births: "pd.Series[str]", formats: Sequence[str], today: date) -> list[str]:
    """Say of a sample that most of its dates are not understood, and what would fit.

    Raises:
        SourceFileError: formats are named, and another one fits most of them.
    """
    births = births[~is_no_date(births)]
    strange = births[read_dates(births, formats, today).isna()]
    if len(strange) * 2 <= len(births):
        return []
    best = list(best_formats(strange.drop_duplicates(), today))
    counted = f"{len(strange)} of the first {len(births)} values of {BIRTH} are"
    if formats and best:
        named = " or ".join(best)
        raise SourceFileError(
            f"{counted} not {' or '.join(formats)}; most are --date-format {named}; "
            "nothing was inserted"
        )
    advice = f"--date-format {best[0]}" if best else "--date-format, which may be repeated"
    others = f" (or {', '.join(best[1:])})" if best[1:] else ""
    return [
        f"{counted} no ISO dates, and are stored as 0000-00-00; give their format by "
        f"{advice}{others}"
        if not formats
        else f"{counted} not {' or '.join(formats)}, and are stored as 0000-00-00"
    ]

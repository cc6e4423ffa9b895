"""The forms of the numbers of rows, made once for all questions about the rows or some of them."""

from functools import cached_property

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.duplicates_existing import alt_numbers
from loader.checks.other_numbers import numbers_of
from loader.checks.rules import dnc_forms, with_areas
from loader.frames.arrow import gather, to_arrow, to_series
from loader.options.duplicate_check import Kind
from loader.options.load import LoadOptions
from loader.options.types import DncCheck
from loader.phones.forms import lead_numbers, number_forms


class RowForms:
    """The forms in which the numbers of some rows may stand in tables.

    Each kind is made when it is first asked for: of twenty thousand rows that takes hardly more
    time than of one thousand.
    """

    def __init__(self, leads: pd.DataFrame, options: LoadOptions) -> None:
        """Take rows; nothing is made yet.

        Args:
            leads: what `lead_numbers`, `numbers_of` and `compared_numbers` read; index row_number.
            options: dnc_alt_phones, and whether numbers have one form.
        """
        self._leads, self._options = leads, options
        self._made: dict[tuple[str, str], _ByRow] = {}

    @cached_property
    def numbers(self) -> pd.DataFrame:
        """The numbers of the rows, see `lead_numbers`."""
        return lead_numbers(self._leads)

    @cached_property
    def others(self) -> pd.DataFrame:
        """Their other numbers, see `numbers_of`."""
        return numbers_of(self._leads, self._options)

    def listed(self, check: DncCheck, rows: pd.Index) -> "pd.Series[str]":
        """Give what to look up in a do-not-call list for some rows, see `dnc_forms`.

        Args:
            check: that of the list.
            rows: row numbers, all of them or each once.

        Returns:
            By row number, which repeats; in any order.
        """
        made = self._made.get(("listed", check))
        if made is None:
            made = self._made["listed", check] = _ByRow(self._listed(check), self._leads.index)
        return made.of(rows)

    def compared(self, kind: Kind, rows: pd.Index) -> "pd.Series[str]":
        """Give the forms of the numbers that a kind of duplicate check compares, likewise."""
        by_alt = "alt_phone" if kind is Kind.TITLEALTPHONE else "phone_number"
        made = self._made.get(("compared", by_alt))
        if made is None:
            forms = self._phones
            if kind is Kind.TITLEALTPHONE:
                numbers = alt_numbers(self._leads, self._options)
                forms = number_forms(numbers, as_stored=self._options.one_form)["form"]
            made = self._made["compared", by_alt] = _ByRow(forms, self._leads.index)
        return made.of(rows)

    @cached_property
    def _phones(self) -> "pd.Series[str]":
        """The forms of the numbers, which lists and duplicate checks look for."""
        forms: pd.Series[str] = number_forms(self.numbers, as_stored=self._options.one_form)["form"]
        return forms

    def _listed(self, check: DncCheck) -> "pd.Series[str]":
        if not self._options.dnc_alt_phones:
            return with_areas(self._phones, self.numbers, check, self._options)
        # Nothing but the forms counts here, not whose numbers they are.
        numbers = pd.concat([self.numbers, self.others], ignore_index=True)
        rows = self.numbers.index.append(pd.Index(self.others["row_number"]))
        forms = dnc_forms(numbers, check, self._options)
        return forms.set_axis(rows[forms.index])


class _ByRow:
    """Texts, of which those of some rows are found at once."""

    def __init__(self, texts: "pd.Series[str]", index: pd.Index) -> None:
        self._texts, self._index = texts, index

    def of(self, rows: pd.Index) -> "pd.Series[str]":
        if rows.equals(self._index):
            return self._texts
        lists = self._lists.take(pa.array(self._index.get_indexer(rows)))
        return to_series(lists.flatten(), rows.take(pc.list_parent_indices(lists).to_numpy()))

    @cached_property
    def _lists(self) -> pa.ListArray:
        """The texts of each row."""
        return gather(to_arrow(self._texts).combine_chunks(), self._texts.index, self._index)

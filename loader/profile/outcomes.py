"""What the report tells of the rows that were loaded, and of those that were rejected."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from loader.findings import FINDING_DETAILS, Notices
from loader.frames.arrow import counts
from loader.notices import Notice
from loader.profile.records import (
    LEAD_AGES,
    MOST_EXAMPLES,
    OLDER,
    OTHERS,
    UNKNOWN_AGE,
    RejectedExample,
)
from loader.profile.value_counts import ValueCounts
from loader.reasons import Reason
from loader.results.all_reasons import applying_reasons
from loader.results.summary import by_frequency
from loader.results.wording import reason_names

MOST_STATES = 60
"""Told by name."""

OF_FIELD = {
    Notice.UNKNOWN_GENDER: "gender",
    Notice.INVALID_RANK: "rank",
    Notice.INVALID_DATE_OF_BIRTH: "date_of_birth",
    Notice.INVALID_ENTRY_LIST_ID: "entry_list_id",
    Notice.STATE_ABBREVIATED: "state",
    Notice.STATE_NOT_STORED: "state",
    Notice.COUNTRY_ABBREVIATED: "country_code",
    Notice.COUNTRY_NOT_STORED: "country_code",
    Notice.UNKNOWN_COUNTRY: "country_code",
    Notice.DECIMAL_MENDED: "phone_number",
    Notice.EXTENSION_DROPPED: "phone_number",
    Notice.WORDS_DROPPED: "phone_number",
    Notice.SECOND_NUMBER_DROPPED: "phone_number",
    Notice.PHONE_CODE_IGNORED: "phone_code",
    Notice.ALT_PHONE_ABROAD: "alt_phone",
    Notice.PHONE_PROMOTED: "phone_number",
}
"""Notices that concern one field, unless they name another."""
NAMING_FIELD = frozenset(
    {Notice.VALUE_CUT, Notice.CONTROL_CHARACTERS_DROPPED, Notice.LINE_BREAKS_REPLACED}
    | {Notice.UNSTORABLE_REPLACED, Notice.DECIMAL_MENDED, Notice.DAMAGED_VALUE}
    | {Notice.DAMAGED_ALT_PHONE, Notice.ALT_PHONE_TOO_WIDE}
)
"""Notices with the name of the field."""

DETAILS = tuple(name.removesuffix("=") for name in FINDING_DETAILS)
"""Columns of findings."""

EntryDates = Callable[["pd.Series[int]", bool], "pd.Series[pd.Timestamp]"]
"""Asks when leads, or archived leads, were entered: by lead_id; those that are not there are not in
it."""


class LoadedRows:
    """Counts of loaded rows, in any order."""

    def __init__(self, folder: Path) -> None:
        """Begin with none; the caller removes the folder, see `ValueCounts`."""
        self._states = ValueCounts(folder)  # a column of states may hold anything
        self._offsets: Counter[str] = Counter()
        self._repaired: dict[str, Counter[str]] = {}

    def add(self, leads: pd.DataFrame, notices: Notices) -> None:
        """Count loaded rows by state and gmt_offset_now (float64, hours), and their notices."""
        self._states.add(leads["state"].str.strip().str.upper())
        self._offsets.update(counts(leads["gmt_offset_now"].round(2) + 0.0))
        named = notices[notices["notice"].isin([*OF_FIELD, *NAMING_FIELD])]
        fields = named["notice"].map(OF_FIELD).astype("str")
        if "field" in named:
            is_naming = named["notice"].isin([*NAMING_FIELD])
            fields = named["field"].where(is_naming).fillna(fields)
        rows = pd.DataFrame({"notice": named["notice"], "field": fields, "row": named.index})
        for notice, of_notice in rows.drop_duplicates().groupby("notice"):
            self._repaired.setdefault(str(notice), Counter()).update(counts(of_notice["field"]))

    @property
    def states(self) -> dict[str, int]:
        """Rows by state, in capitals, the most frequent first, then `OTHERS`."""
        named = self._states.most_frequent(MOST_STATES)
        others = self._states.rows - sum(named.values())
        return named | ({OTHERS: others} if others else {})

    @property
    def offsets(self) -> dict[str, int]:
        """Rows by gmt_offset_now, such as -5.00, from west to east."""
        hours = sorted(self._offsets, key=float)
        return {f"{float(offset):.2f}": self._offsets[offset] for offset in hours}

    @property
    def repaired(self) -> dict[str, dict[str, int]]:
        """Rows by notice and field, in the order of the notices."""
        found = self._repaired
        return {n.value: by_frequency(found[n]) for n in Notice if n in found}


class RejectedRows:
    """Counts and examples of rejected rows; few are kept, however many there are."""

    def __init__(self, phone: str, now: datetime, entry_dates: EntryDates) -> None:
        """Begin with none; `phone` is the column that has the phone number, "" if none has."""
        self._phone, self._now, self._entry_dates = phone, now, entry_dates
        self._ages: Counter[str] = Counter()
        self.reasons_all: Counter[str] = Counter()
        """Rows by each reason that applies to them, all feeds as one."""
        self.of_file = 0
        """Duplicates of other rows of the file."""
        self.examples: dict[str, list[RejectedExample]] = {}
        """The first rows of each reason."""

    def add(self, rejected: pd.DataFrame) -> None:
        """Count rejected rows, see `loader.results.files.Results.finish`."""
        kinds = rejected.groupby(["reason_bits", "reason"]).size().reset_index(name="rows")
        for bits, reason, count in kinds.itertuples(index=False):
            names = [each.value for each in applying_reasons(bits, Reason[reason])]
            self.reasons_all.update(dict.fromkeys(names, int(count)))
        self.of_file += int(rejected["duplicate_row"].notna().sum())
        entered = self._entered(rejected)
        self._ages.update(counts(age_names(entered, self._now)))
        for name, rows in rejected.groupby(reason_names(rejected)):
            examples = self.examples.setdefault(str(name), [])
            examples += self._examples(rows.sort_index().head(MOST_EXAMPLES), entered)
            examples.sort(key=lambda example: example.row_number)
            del examples[MOST_EXAMPLES:]

    @property
    def ages(self) -> dict[str, int]:
        """Duplicates of existing leads by the age of the lead, from new to old."""
        names = [*(name for _, name in LEAD_AGES), OLDER, UNKNOWN_AGE]
        return {name: int(self._ages[name]) for name in names if self._ages[name]}

    def _entered(self, rejected: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
        """Give when the existing lead of each duplicate was entered, by row_number."""
        duplicates = rejected[rejected["lead_id"].notna()]
        archived = duplicates["archived"].notna()
        parts = [pd.Series(dtype="datetime64[us]")]
        for is_archived in (False, True):
            ids = duplicates["lead_id"][archived == is_archived].astype("int64")
            if len(ids):
                known = self._entry_dates(ids.drop_duplicates(), is_archived)
                parts.append(known.reindex(ids).set_axis(ids.index))
        entered: pd.Series[pd.Timestamp] = pd.concat(parts).astype("datetime64[us]")
        return entered

    def _examples(
        self, rows: pd.DataFrame, entered: "pd.Series[pd.Timestamp]"
    ) -> list[RejectedExample]:
        """Give a few rows to show."""
        examples = []
        for row, values in zip(rows.index.tolist(), rows.to_dict("records"), strict=True):
            known = {name: value for name, value in values.items() if pd.notna(value)}
            date = entered.get(row)
            examples.append(
                RejectedExample(
                    row_number=row,
                    phone=str(values[self._phone]) if self._phone else "",
                    details={name: known[name] for name in DETAILS if name in known},
                    lead_id=known.get("lead_id"),
                    duplicate_row=known.get("duplicate_row"),
                    entry_date=None if date is None or pd.isna(date) else pd.Timestamp(date),
                )
            )
        return examples


def age_names(entered: "pd.Series[pd.Timestamp]", now: datetime) -> "pd.Series[str]":
    """Name the ages of leads by when they were entered, see `AGES`.

    A lead of tomorrow has no age; what is a few hours ahead is of another clock.
    """
    days = (entered - now) / pd.Timedelta(days=-1)
    days = days.where(days >= -1)
    names = np.array([*(name for _, name in LEAD_AGES), OLDER], dtype=object)
    bounds = np.array([float(bound) for bound, _ in LEAD_AGES])
    place = np.searchsorted(bounds, days.fillna(0.0).to_numpy(), side="right")
    return pd.Series(names[place], index=entered.index).where(days.notna(), UNKNOWN_AGE)

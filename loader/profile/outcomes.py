"""What the report tells of the rows that were loaded, and of those that were rejected."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd

from loader.findings import Notices
from loader.frames.arrow import counts
from loader.profile.records import (
    LEAD_AGES,
    MOST_EXAMPLES,
    OLDER,
    OTHERS,
    UNKNOWN_AGE,
    RejectedExample,
)
from loader.reasons import Notice

MOST_STATES = 60
"""Told by name."""
MOST_COUNTED = 5_000
"""Kept while counting; a column of states may hold anything."""

OF_FIELD = {
    Notice.UNKNOWN_GENDER: "gender",
    Notice.INVALID_RANK: "rank",
    Notice.INVALID_DATE_OF_BIRTH: "date_of_birth",
    Notice.INVALID_ENTRY_LIST_ID: "entry_list_id",
    Notice.LIST_ID_CLEANED: "list_id",
    Notice.UNKNOWN_COUNTRY: "country_code",
    Notice.DECIMAL_MENDED: "phone_number",
    Notice.EXTENSION_DROPPED: "phone_number",
    Notice.PHONE_PROMOTED: "phone_number",
}
"""Notices that always concern one field."""
NAMING_FIELD = frozenset(
    {Notice.VALUE_CUT, Notice.CONTROL_CHARACTERS_DROPPED, Notice.UNSTORABLE_REPLACED}
)
"""Notices with the name of the field."""

EntryDates = Callable[["pd.Series[int]", bool], "pd.Series[pd.Timestamp]"]
"""Asks when leads, or archived leads, were entered: by lead_id; those that are not there are not in
it."""


class LoadedRows:
    """Counts of loaded rows."""

    def __init__(self) -> None:
        self._states: Counter[str] = Counter()
        self._offsets: Counter[str] = Counter()
        self._repaired: dict[str, Counter[str]] = {}

    def add(self, leads: pd.DataFrame, notices: Notices) -> None:
        """Count loaded rows.

        Args:
            leads: state (str), gmt_offset_now (float64, hours); index row_number.
            notices: of these rows.
        """
        self._states.update(counts(leads["state"].str.strip().str.upper()))
        if len(self._states) > MOST_COUNTED:
            self._states = Counter(most_frequent(self._states, MOST_COUNTED // 2))
        self._offsets.update(counts(leads["gmt_offset_now"].round(2) + 0.0))
        named = notices[notices["notice"].isin([*OF_FIELD, *NAMING_FIELD])]
        fields = named["notice"].map(OF_FIELD).astype("str")
        if "field" in named:
            fields = fields.fillna(named["field"])
        rows = pd.DataFrame({"notice": named["notice"], "field": fields, "row": named.index})
        for notice, of_notice in rows.drop_duplicates().groupby("notice"):
            self._repaired.setdefault(str(notice), Counter()).update(counts(of_notice["field"]))

    @property
    def states(self) -> dict[str, int]:
        """Rows by state, in capitals, the most frequent first, then `OTHERS`."""
        return most_frequent(self._states, MOST_STATES)

    @property
    def offsets(self) -> dict[str, int]:
        """Rows by gmt_offset_now, such as -5.00, from west to east."""
        hours = sorted(self._offsets, key=float)
        return {f"{float(offset):.2f}": self._offsets[offset] for offset in hours}

    @property
    def repaired(self) -> dict[str, dict[str, int]]:
        """Rows by notice and field, in the order of the notices."""
        found = self._repaired
        return {n.value: dict(found[n].most_common()) for n in Notice if n in found}


class RejectedRows:
    """Counts and examples of rejected rows; few are kept, however many there are."""

    def __init__(self, phone: str, now: datetime, entry_dates: EntryDates) -> None:
        """Begin with none.

        Args:
            phone: name of the column that has the phone number; "": none has.
            now: by the dialer's clock.
            entry_dates: asks the dialer about existing leads.
        """
        self._phone, self._now, self._entry_dates = phone, now, entry_dates
        self._ages: Counter[str] = Counter()
        self.reasons_all: Counter[str] = Counter()
        """Rows by each reason that applies to them, all feeds as one."""
        self.of_file = 0
        """Duplicates of other rows of the file."""
        self.examples: dict[str, list[RejectedExample]] = {}
        """The first rows of each reason."""

    def add(self, rejected: pd.DataFrame) -> None:
        """Count rejected rows.

        Args:
            rejected: see `loader.results.files.Results.finish`.
        """
        for told, count in counts(rejected["reasons_all"]).items():
            # Only the first reason names its feed.
            names = {name.partition(":")[0] for name in told.split("|")}
            self.reasons_all.update(dict.fromkeys(names, count))
        self.of_file += int(rejected["duplicate_row"].notna().sum())
        entered = self._entered(rejected)
        self._ages.update(counts(age_names(entered, self._now)))
        for reason, rows in rejected.groupby("reason"):
            shown = self.examples.setdefault(str(reason), [])
            shown += self._shown(rows.sort_index().head(MOST_EXAMPLES), entered)
            shown.sort(key=lambda example: example.row_number)
            del shown[MOST_EXAMPLES:]

    @property
    def ages(self) -> dict[str, int]:
        """Duplicates of existing leads by the age of the lead, from new to old."""
        names = [*(name for _, name in LEAD_AGES), OLDER, UNKNOWN_AGE]
        return {name: int(self._ages[name]) for name in names if self._ages[name]}

    def _entered(self, rejected: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
        """Give when the existing lead of each duplicate was entered, by row_number."""
        duplicates = rejected[rejected["lead_id"].notna()]
        archived = duplicates["details"].str.endswith(" archived=Y")
        parts = [pd.Series(dtype="datetime64[us]")]
        for is_archived in (False, True):
            ids = duplicates["lead_id"][archived == is_archived].astype("int64")
            if len(ids):
                known = self._entry_dates(ids.drop_duplicates(), is_archived)
                parts.append(known.reindex(ids).set_axis(ids.index))
        entered: pd.Series[pd.Timestamp] = pd.concat(parts).astype("datetime64[us]")
        return entered

    def _shown(
        self, rows: pd.DataFrame, entered: "pd.Series[pd.Timestamp]"
    ) -> list[RejectedExample]:
        """Give a few rows to show."""
        shown = []
        for row in rows.index.tolist():
            lead_id, earlier = rows["lead_id"][row], rows["duplicate_row"][row]
            details = str(rows["details"][row])
            in_list = re.search(r"\blist_id=(\d+)", details) if pd.notna(lead_id) else None
            date = entered.get(row)
            shown.append(
                RejectedExample(
                    row_number=row,
                    phone=str(rows[self._phone][row]) if self._phone else "",
                    details=details if pd.isna(earlier) else f"row_number={earlier} {details}",
                    lead_id=None if pd.isna(lead_id) else int(lead_id),
                    list_id=in_list[1] if in_list else "",
                    entry_date=None if date is None or pd.isna(date) else pd.Timestamp(date),
                )
            )
        return shown


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


def most_frequent(counts: Counter[str], most: int) -> dict[str, int]:
    """Give the most frequent, then all others as one."""
    named = Counter({name: count for name, count in counts.items() if name != OTHERS})
    found = {name: int(count) for name, count in named.most_common(most)}
    others = int(counts.total()) - sum(found.values())
    return found | ({OTHERS: others} if others else {})

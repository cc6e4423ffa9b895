"""Duplicates among the rows of a run: what sees rows in their order, and remembers them."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from loader.checks.duplicates import (
    find_duplicates,
    forget,
    known_duplicates,
    may_change,
    remember,
)
from loader.checks.duplicates_compared import Compared
from loader.findings import Findings, without_rows
from loader.frames.accepted_keys import AcceptedKeys
from loader.options.load import LoadOptions
from loader.reasons import Reason

EXISTING_LEAD_ID = "existing_lead_id"
"""Column of the lead that a row changes instead of becoming one (on_duplicate)."""


class Settled(NamedTuple):
    """Which rows are duplicates."""

    findings: Findings
    changing: "pd.Series[int] | None"
    """The existing lead (Int64) that a row changes, by row_number; such rows stay. None: duplicates
    change no leads (on_duplicate)."""

    def staying(self, leads: pd.DataFrame) -> pd.DataFrame:
        """Give the leads that nothing was found against.

        Where duplicates change existing leads, column `EXISTING_LEAD_ID` (Int64) has the lead_id,
        or null.
        """
        leads = without_rows(leads, self.findings.index)
        if self.changing is None:
            return leads
        return leads.assign(**{EXISTING_LEAD_ID: self.changing.reindex(leads.index)})


class Settlement:
    """The duplicate checks of one run: chunk after chunk, each after those before it."""

    def __init__(self, options: LoadOptions, folder: Path) -> None:
        """Begin with nothing accepted.

        Args:
            options: the options about duplicates.
            folder: for the keys of accepted rows; the caller removes it.
        """
        self._checks = options.duplicate_checks
        self._changes_leads = options.on_duplicate != "reject"
        self._accepted = [AcceptedKeys(folder) for _ in self._checks]
        self._changing: set[int] = set()

    def settle(self, leads: pd.DataFrame, compared: Compared) -> Settled:
        """Find out which rows are duplicates, in the order in which they come; accept the others.

        Args:
            leads: columns `loader.checks.duplicates.KEYED`; index row_number, in any order. All
                have passed every other check.
            compared: of these leads. Of those that are not contested nothing is remembered.
        """
        leads, compared = compared.of_contested(leads)
        found = find_duplicates(leads, compared, self._checks, self._accepted)
        if not self._changes_leads:
            return Settled(found, None)
        changing = self._first_changes(leads, found)
        return Settled(found.drop(changing.index), changing)

    def also_duplicates(
        self, rows: pd.Index, compared: Compared
    ) -> Iterator[tuple[Reason, pd.Index]]:
        """Say by every check which rejected rows are duplicates besides, when all rows are settled.

        See `loader.checks.duplicates.known_duplicates`.
        """
        return known_duplicates(rows, compared, self._checks, self._accepted)

    def remember(self, leads: pd.DataFrame, compared: Compared) -> None:
        """Take leads as accepted that a process before this one accepted, in their order.

        Args:
            leads: see `settle`.
            compared: of these leads; existing leads are no matter.
        """
        fresh = np.ones(len(leads), dtype=bool)
        if EXISTING_LEAD_ID in leads:
            fresh = leads[EXISTING_LEAD_ID].isna().to_numpy()
            self._changing.update(leads[EXISTING_LEAD_ID][~fresh].tolist())
        if fresh.any():
            remember(leads, compared, self._accepted, fresh)

    def forget(self, refused: Collection[int], loaded: Iterable[int]) -> None:
        """Forget that rows were accepted, which the server then refused.

        Args:
            refused: their row numbers.
            loaded: lead_ids that the run gave out: no row may change these leads.
        """
        forget(self._accepted, refused)
        if self._changes_leads:
            self._changing.update(loaded)

    def _first_changes(self, leads: pd.DataFrame, found: Findings) -> "pd.Series[int]":
        """Choose for each existing lead the first of the rows that are duplicates of it."""
        lead_ids = found["lead_id"][may_change(found)].reindex(leads.index).dropna()
        lead_ids = lead_ids[~lead_ids.isin(self._changing)].drop_duplicates()
        self._changing.update(lead_ids.tolist())
        return lead_ids

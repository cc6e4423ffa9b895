"""The way of a row through the checks, from the columns of a file to a lead or a rejection.

A row is screened by itself, settled among the others (is it a duplicate?), and, if it stays,
completed with what comes with a lead.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Protocol

import pandas as pd

from loader.checks.clean import LOOKED_UP, clean_fields
from loader.checks.defaults import Defaults
from loader.checks.duplicates import (
    find_duplicates,
    forget,
    known_duplicates,
    may_change,
    remember,
    without_campaign,
)
from loader.checks.phone_numbers import ALT_PHONE, normalize_phones
from loader.checks.rules import LIST_RULES, PHONE_RULES, Rule, on_campaign_dnc, on_dnc, on_feeds
from loader.checks.time_zones import Zones
from loader.dialer import Dialer, Lookups
from loader.extras import alt_phones, callbacks, custom_fields, hopper
from loader.extras.rows import ExtraRows
from loader.feeds.feed import Feed
from loader.fields.mapping import ColumnMapping
from loader.findings import Findings, Notices, no_findings, no_notices
from loader.frames.accepted_keys import AcceptedKeys
from loader.options.load import LoadOptions
from loader.phones.parse import digits_only, looks_like_decimals
from loader.reasons import Reason

EXTRAS = (alt_phones, custom_fields, hopper, callbacks)
"""What comes with a lead, in add_lead's order."""

LOOKED_UP_BY = (*(f"{name}_given" for name in LOOKED_UP), "calling_code", "national_number")
"""Columns that nobody needs once all is looked up."""

EXISTING_LEAD_ID = "existing_lead_id"
"""Column of the lead that a row changes instead of becoming one (on_duplicate)."""


class Asking(Protocol):
    """Asks the database about the leads of a chunk; the only thing here that is not pure."""

    def dnc(self, leads: pd.DataFrame) -> Lookups:
        """Ask which numbers must not be called."""

    def duplicates(self, leads: pd.DataFrame) -> Lookups:
        """Ask for the existing leads that rows may be duplicates of."""

    def days_ahead(self, days: Sequence[int]) -> Lookups:
        """Ask which moments lie so many days ahead."""


@dataclass(frozen=True)
class Screened:
    """What the checks of a row by itself say of a chunk: a row is in `leads` or in `rejected`."""

    leads: pd.DataFrame
    """Those that passed."""
    notices: Notices
    """What was noticed of these so far, by row_number."""
    rejected: Findings
    """By the first reason that applies to each."""
    further: Findings
    """Other reasons that apply to them too; a row may have several."""
    asking: pd.DataFrame
    """Those of the rejected whose number is good, so that they may be duplicates besides."""


class Stopwatch(dict[str, float]):
    """Seconds by stage."""

    def __init__(self) -> None:
        super().__init__()
        self._since = perf_counter()

    def lap(self, stage: str) -> None:
        """Count the time since the last lap to a stage."""
        now = perf_counter()
        self[stage] = self.get(stage, 0.0) + now - self._since
        self._since = now


@dataclass
class Checks:
    """One run's checks: chunk after chunk, each seeing what the ones before it accepted."""

    options: LoadOptions
    mapping: ColumnMapping
    dialer: Dialer
    ask: Asking
    folder: Path
    """For the keys of accepted rows; the caller removes it."""
    feeds: Sequence[Feed] = ()
    decimals: bool = False
    """The file's phones are all written as decimals, see `loader.checks.phone_numbers`."""
    seconds: Stopwatch = field(default_factory=Stopwatch)

    def __post_init__(self) -> None:
        labels = custom_fields.labels_of(self.dialer)
        self.filling = Defaults(self.options, self.mapping.fields, labels)
        self.fields_given = [
            n
            for n in self.filling.fields
            if n in {*self.mapping.fields, *self.options.default, *self.options.force}
        ]
        """Fields that the file, or the options by name, give a value."""
        self.zones = Zones(self.options, self.dialer)
        self._accepted = [AcceptedKeys(self.folder) for _ in self.options.duplicate_checks]
        self._changing: set[int] = set()

    def look_at(self, sample: pd.DataFrame) -> None:
        """Decide from the file's first rows what holds for all its rows."""
        self.decimals = looks_like_decimals(sample[self.mapping.fields["phone_number"]])

    def remember(self, leads: pd.DataFrame) -> None:
        """Take leads as accepted that a process before this one completed, in their order."""
        if EXISTING_LEAD_ID in leads:
            changing = leads[EXISTING_LEAD_ID].notna()
            self._changing.update(leads[EXISTING_LEAD_ID][changing].tolist())
            leads = leads[~changing]
        remember(leads, self.options.duplicate_checks, self.dialer, self._accepted)

    def forget(self, refused: Collection[int], loaded: Iterable[int]) -> None:
        """Forget that rows were accepted, which the server then refused.

        Args:
            refused: their row numbers.
            loaded: lead_ids that the run gave out: no row may change these leads.
        """
        forget(self._accepted, refused)
        if self.options.on_duplicate != "reject":
            self._changing.update(loaded)

    def fields(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give the columns of a chunk of source rows that fill a field, named as fields."""
        return rows[list(self.mapping.fields.values())].set_axis(
            list(self.mapping.fields), axis="columns"
        )

    def screen(self, rows: pd.DataFrame) -> Screened:
        """Check each row by itself.

        Args:
            rows: str columns named as fields; index row_number.
        """
        options, dialer, lap = self.options, self.dialer, self.seconds.lap
        rows, of_switches = self.filling.fill(rows)
        leads, unstorable, of_fields = clean_fields(rows, options, dialer.columns)
        outcome = _Outcome(leads, [of_switches, of_fields])
        lap("clean")
        self._list_rules(outcome)
        outcome.reject(unstorable)
        alt_phone = dialer.columns.get("alt_phone", ALT_PHONE)
        outcome.normalized(
            *normalize_phones(outcome.leads, options, decimals=self.decimals, alt_phone=alt_phone)
        )
        self._apply(outcome, PHONE_RULES)
        lap("phones")
        outcome.leads = self.zones.fill_state(outcome.leads)
        lookups = self.ask.dnc(outcome.leads)
        outcome.reject(on_dnc(outcome.leads, options, lookups))
        outcome.reject(on_campaign_dnc(outcome.leads, options, dialer, lookups))
        outcome.reject(on_feeds(outcome.leads, self.feeds))
        lap("do not call")
        offsets, findings, notices = self.zones.offsets(outcome.leads)
        outcome.leads = outcome.leads.assign(gmt_offset_now=offsets)
        outcome.take(findings, notices)
        checks = options.duplicate_checks
        outcome.take(no_findings(), without_campaign(outcome.leads, checks, dialer))
        lap("time zone")
        return outcome.screened()

    def settle(self, leads: pd.DataFrame) -> tuple[Findings, "pd.Series[int]"]:
        """Find out which of the rows that passed are duplicates, in the order in which they come.

        Returns:
            The findings; and where duplicates change existing leads (on_duplicate), the lead_id
            (Int64) of the lead that a row changes, by row_number: these rows stay.
        """
        checks = self.options.duplicate_checks
        lookups = self.ask.duplicates(leads)
        self.seconds.lap("look up")
        found = find_duplicates(leads, checks, self.dialer, lookups, self._accepted)
        changing = self._first_changes(leads, found)
        self.seconds.lap("duplicates")
        return found.drop(changing.index), changing

    def also_duplicates(self, leads: pd.DataFrame) -> Iterator[tuple[Reason, pd.Index]]:
        """Say by every check which rejected rows are duplicates besides, when all rows are settled.

        Args:
            leads: columns `loader.checks.duplicates.KEYED`; index row_number. None of them stays.

        Yields:
            Each check's reason, and the row numbers to which it applies.
        """
        lookups = self.ask.duplicates(leads)
        checks = self.options.duplicate_checks
        yield from known_duplicates(leads, checks, self.dialer, lookups, self._accepted)

    def _first_changes(self, leads: pd.DataFrame, found: Findings) -> "pd.Series[int]":
        """Choose for each existing lead the first of the rows that are duplicates of it."""
        if self.options.on_duplicate == "reject":
            return pd.Series(dtype="Int64")
        lead_ids = found["lead_id"][may_change(found)].reindex(leads.index).dropna()
        lead_ids = lead_ids[~lead_ids.isin(self._changing)].drop_duplicates()
        self._changing.update(lead_ids.tolist())
        return lead_ids

    def staying(
        self, leads: pd.DataFrame, found: Findings, changing: "pd.Series[int]"
    ) -> pd.DataFrame:
        """Give the settled leads that nothing was found against.

        Where duplicates change existing leads, column `EXISTING_LEAD_ID` has the lead_id, or null.
        """
        stay = leads.drop(found.index)
        if self.options.on_duplicate == "reject":
            return stay
        return stay.assign(**{EXISTING_LEAD_ID: changing.reindex(stay.index)})

    def complete(self, leads: pd.DataFrame) -> tuple[pd.DataFrame, Notices]:
        """Decide what comes with each lead. A lead that is changed gets nothing.

        Returns:
            Leads ready to insert, see `loader.writing.leads.as_stored`; with number_type and
            region (str), and what the extras need. Index row_number. And what was noticed of them.

        Raises:
            DatabaseUnavailableError: the look-ups get no answer after all retries; likewise from
                `screen` and `settle`.
        """
        completed = leads
        lookups = self.ask.days_ahead(callbacks.days_asked(leads))
        noticed = [no_notices()]
        for extra in EXTRAS:
            completed, of_extra = extra.decide(completed, self.options, self.dialer, lookups)
            noticed.append(of_extra)
        notices = pd.concat(noticed)
        if EXISTING_LEAD_ID in leads:
            changing = leads.index[leads[EXISTING_LEAD_ID].notna()]
            notices = notices[~notices.index.isin(changing)]
        self.seconds.lap("extras")
        completed = completed.drop(columns=[name for name in LOOKED_UP_BY if name in completed])
        return completed, notices

    def extra_rows(self, leads: pd.DataFrame) -> Iterator[ExtraRows]:
        """Give the rows of other tables that come with inserted leads (column lead_id)."""
        for extra in EXTRAS:
            yield from extra.extra_rows(leads, self.options, self.dialer)

    def _list_rules(self, outcome: "_Outcome") -> None:
        """Apply them with the number's digits alone, which their answers show.

        Of a list only the first problem counts: one that can be none is not defined either.
        """
        leads = outcome.leads.assign(phone_number=digits_only(outcome.leads["phone_number"]))
        for rule in LIST_RULES:
            found = rule(leads, self.options, self.dialer)
            outcome.reject(found)
            leads = leads.drop(found.index) if len(found) else leads

    def _apply(self, outcome: "_Outcome", rules: tuple[Rule, ...]) -> None:
        for rule in rules:
            outcome.reject(rule(outcome.leads, self.options, self.dialer))


class _Outcome:
    """What is decided of a chunk so far: the rows still checked, findings and notices.

    A row that is rejected is checked further, so that all its reasons are known; the first reason
    is the one that counts.
    """

    def __init__(self, leads: pd.DataFrame, notices: list[Notices]) -> None:
        self.leads, self._notices = leads, notices
        self._found: list[Findings] = [no_findings()]

    def reject(self, findings: Findings) -> None:
        """Note what a rule found."""
        if len(findings):
            self._found.append(findings)

    def normalized(self, leads: pd.DataFrame, findings: Findings, notices: Notices) -> None:
        """Go on with normalized leads, but for those whose number is none: no rule can say more."""
        self.take(findings, notices)
        none = findings.index[findings["reason"] != Reason.UNSTORABLE_CHARACTERS]
        self.leads = leads.drop(none) if len(none) else leads

    def take(self, findings: Findings, notices: Notices) -> None:
        """Note what a stage found and noticed."""
        self._notices.append(notices)
        self.reject(findings)

    def screened(self) -> Screened:
        """Give the leads still in with their notices, and all findings, by row_number."""
        found = pd.concat(self._found)
        is_further = found.index.duplicated()
        rejected = found[~is_further].sort_index()
        is_out = self.leads.index.isin(rejected.index)
        leads, asking = self.leads[~is_out], self.leads[is_out]
        notices = pd.concat(self._notices)
        notices = notices[notices.index.isin(leads.index)]
        return Screened(leads, notices, rejected, found[is_further], asking)

"""The way of a row through the checks, from the columns of a file to a lead or a rejection."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import pandas as pd

from loader.accepted import AcceptedKeys
from loader.clean import clean_fields
from loader.duplicate_rule import find_duplicates
from loader.findings import Findings, Notices, in_words, no_findings, notices
from loader.lookups import Dialer, Lookups
from loader.mapping import ColumnMapping
from loader.normalize import ALT_PHONE, normalize_phones
from loader.options import LoadOptions
from loader.phones import digits_only, looks_like_decimals
from loader.reasons import Notice
from loader.rules import LIST_RULES, PHONE_RULES, Rule, on_campaign_dnc, on_dnc
from loader.timezone import gmt_offsets

Asking = Callable[[pd.DataFrame], Lookups]
"""Asks the database about the leads of a chunk; the only thing here that is not pure."""


@dataclass(frozen=True)
class Checked:
    """What the checks say of a chunk: every row is in `accepted` or in `rejected`."""

    accepted: pd.DataFrame
    """Leads ready to insert: see `loader.insert.as_stored`; and number_type, region and
    `notices` (str), those of the row as text. Index row_number."""
    rejected: Findings
    notices: Notices
    """Of the accepted rows."""


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
    decimals: bool = False
    """The file's phones are all written as decimals, see `loader.normalize`."""
    seconds: Stopwatch = field(default_factory=Stopwatch)

    def __post_init__(self) -> None:
        self.accepted = [AcceptedKeys(self.folder) for _ in self.options.duplicate_checks]

    def look_at(self, sample: pd.DataFrame) -> None:
        """Decide from the file's first rows what holds for all its rows."""
        self.decimals = looks_like_decimals(sample[self.mapping.fields["phone_number"]])

    def check(self, rows: pd.DataFrame) -> Checked:
        """Take a chunk of source rows through all stages before the insert.

        Args:
            rows: str columns of the source file; index row_number, ascending.

        Raises:
            DatabaseUnavailableError: the look-ups get no answer after all retries.
        """
        options, dialer, lap = self.options, self.dialer, self.seconds.lap
        mapped = rows[list(self.mapping.fields.values())].set_axis(
            list(self.mapping.fields), axis="columns"
        )
        leads, unstorable, said = clean_fields(mapped, options, dialer.columns)
        outcome = _Outcome(leads, said)
        lap("clean")
        given = outcome.leads["phone_number"]
        outcome.leads["phone_number"] = digits_only(given)
        self._apply(outcome, LIST_RULES)
        outcome.reject(unstorable)
        outcome.leads["phone_number"] = given[outcome.leads.index]
        alt_phone = dialer.columns.get("alt_phone", ALT_PHONE)
        outcome.replace(
            *normalize_phones(outcome.leads, options, decimals=self.decimals, alt_phone=alt_phone)
        )
        self._apply(outcome, PHONE_RULES)
        lap("phones")
        lookups = self.ask(outcome.leads)
        lap("look up")
        outcome.reject(on_dnc(outcome.leads, options, lookups))
        outcome.reject(on_campaign_dnc(outcome.leads, options, lookups))
        outcome.reject_noticing(
            *find_duplicates(
                outcome.leads, options.duplicate_checks, dialer, lookups, self.accepted
            )
        )
        lap("duplicates")
        offsets, said = gmt_offsets(outcome.leads, dialer.phone_codes, dialer.clock)
        outcome.leads["gmt_offset_now"] = offsets
        outcome.said.append(said)
        if options.nanpa_ac_prefix_check == "Y" and not dialer.nanpa_is_loaded:
            rows_left = outcome.leads.index
            outcome.said.append(notices(rows_left, Notice.NANPA_NOT_LOADED, ""))
        lap("time zone")
        return outcome.checked()

    def _apply(self, outcome: "_Outcome", rules: tuple[Rule, ...]) -> None:
        for rule in rules:
            outcome.reject(rule(outcome.leads, self.options, self.dialer))


class _Outcome:
    """What is decided of a chunk so far: the leads still in, and what was said."""

    def __init__(self, leads: pd.DataFrame, said: Notices) -> None:
        self.leads, self.said = leads, [said]
        self.rejected: list[Findings] = [no_findings()]

    def reject(self, findings: Findings) -> None:
        if len(findings):
            findings = findings[findings.index.isin(self.leads.index)]
            self.rejected.append(findings)
            self.leads = self.leads.drop(findings.index)

    def replace(self, leads: pd.DataFrame, findings: Findings, said: Notices) -> None:
        self.leads = leads
        self.reject_noticing(findings, said)

    def reject_noticing(self, findings: Findings, said: Notices) -> None:
        self.said.append(said)
        self.reject(findings)

    def checked(self) -> Checked:
        said = pd.concat(self.said)
        said = said[said.index.isin(self.leads.index)].sort_index(kind="stable")
        return Checked(
            self.leads.assign(notices=in_words(said, self.leads.index)),
            pd.concat(self.rejected).sort_index(),
            said,
        )

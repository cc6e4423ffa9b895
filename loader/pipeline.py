"""The way of a row through the checks, from the columns of a file to a lead or a rejection.

Rows are screened by themselves, settled among the others (`loader.checks.settlement`), and, if they
stay, completed with what comes with a lead. What the dialer's database knows about a chunk is asked
between the stages, which are functions of the chunk and the answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pandas as pd

from loader.checks.clean import LOOKED_UP, clean_fields
from loader.checks.columns import NOTHING_SPECIAL, ColumnFacts, fields_of
from loader.checks.decimals import damaged_values, mend_decimals
from loader.checks.defaults import Defaults
from loader.checks.duplicates import existing_duplicates, without_campaign
from loader.checks.duplicates_compared import Compared, compare_leads
from loader.checks.fit import column_of
from loader.checks.other_numbers import check_other_numbers, listed_numbers
from loader.checks.phone_numbers import normalize_phones
from loader.checks.rules import (
    LIST_RULES,
    PHONE_RULES,
    name_campaigns,
    on_campaign_dnc,
    on_dnc,
    on_feeds,
)
from loader.checks.settlement import EXISTING_LEAD_ID
from loader.checks.states import fit_states
from loader.checks.time_zones import Zones
from loader.clock import Clock
from loader.dialer import Dialer, Lookups
from loader.extras import alt_phones, callbacks, custom_fields, hopper
from loader.extras.rows import ExtraRows
from loader.fields.mapping import ColumnMapping
from loader.findings import (
    AT_INSERT,
    FINDING_TYPES,
    Findings,
    Notices,
    findings,
    join_frames,
    no_findings,
    no_notices,
    without_rows,
)
from loader.options.load import LoadOptions
from loader.phones.parse import looks_like_decimals
from loader.reasons import Reason

EXTRAS = (alt_phones, custom_fields, hopper, callbacks)
"""What comes with a lead, in add_lead's order."""

LOOKED_UP_BY = (*(f"{name}_given" for name in LOOKED_UP), "phone_code_given")
"""Columns that nobody needs once all is looked up."""


@dataclass(frozen=True)
class Chunk:
    """Rows between two stages. A stage does not change its chunk, but gives another one.

    A row that is rejected is checked further, so that all its reasons are known; the first reason
    is the one that counts.
    """

    leads: pd.DataFrame
    """The rows that are still checked. Index row_number; columns as each stage says."""
    findings: tuple[Findings, ...] = ()
    """In the order of the checks."""
    notices: tuple[Notices, ...] = ()
    """In the order in which they were noticed."""

    def reject(self, findings: Findings) -> "Chunk":
        """Add what a rule found."""
        return replace(self, findings=(*self.findings, findings)) if len(findings) else self

    def take(self, findings: Findings, notices: Notices) -> "Chunk":
        """Add what a stage found and noticed."""
        return replace(self.reject(findings), notices=(*self.notices, notices))


@dataclass(frozen=True)
class Screened:
    """What the checks of a row by itself say of a chunk: a row is in `leads` or in `rejected`."""

    leads: pd.DataFrame
    """Those that passed, see `Checks.screen`."""
    notices: Notices
    """What was noticed of these so far."""
    rejected: Findings
    """By the first reason that applies to each."""
    further: Findings
    """Other reasons that apply to them too; a row may have several."""
    with_number: pd.DataFrame
    """Those of the rejected whose number is good, so that they may be duplicates besides."""
    compared: Compared | None = None
    """The leads, compared; None: they wait for that."""

    @classmethod
    def of(cls, chunk: Chunk) -> "Screened":
        """Part the rows of a chunk that is checked."""
        # Of rows without a number there may be notices, too.
        notices = join_frames([no_notices(), *chunk.notices])
        if not chunk.findings:
            nothing = no_findings()
            return cls(chunk.leads, notices, nothing, nothing, chunk.leads[:0])
        found = join_frames(chunk.findings)
        is_further = found.index.duplicated()
        rejected = found[~is_further].sort_index()
        is_rejected = chunk.leads.index.isin(rejected.index)
        leads = chunk.leads[~is_rejected] if is_rejected.any() else chunk.leads
        notices = notices[notices.index.isin(leads.index)] if len(notices) else notices
        return cls(leads, notices, rejected, found[is_further], chunk.leads[is_rejected])


@dataclass(frozen=True)
class Checks:
    """The stages of one run: functions of a chunk and of what the dialer's database answers.

    They ask no database, read no file or clock, and keep nothing of a chunk, so that they, chunks
    and answers can be sent to another thread, process or machine.
    """

    options: LoadOptions
    mapping: ColumnMapping
    dialer: Dialer
    decimals: bool = False
    """The file's phones are all written as decimals, see `loader.checks.phone_numbers`."""
    columns: ColumnFacts = NOTHING_SPECIAL
    """What holds for other columns of the file."""
    defaults: Defaults = field(init=False)
    zones: Zones = field(init=False)

    def __post_init__(self) -> None:
        labels = custom_fields.labels_of(self.dialer)
        defaults = Defaults(self.options, self.mapping.fields, labels)
        object.__setattr__(self, "defaults", defaults)
        object.__setattr__(self, "zones", Zones(self.options, self.dialer))

    @classmethod
    def of_file(
        cls,
        options: LoadOptions,
        mapping: ColumnMapping,
        dialer: Dialer,
        sample: pd.DataFrame,
        columns: ColumnFacts = NOTHING_SPECIAL,
    ) -> "Checks":
        """Decide from a file's first rows what holds for all its phone numbers."""
        phones = fields_of(sample, mapping, options)["phone_number"]
        return cls(options, mapping, dialer, looks_like_decimals(phones), columns)

    def at(self, clock: Clock) -> "Checks":
        """Give the same checks at another time; the tables need not be indexed anew."""
        later = replace(self, dialer=replace(self.dialer, clock=clock))
        object.__setattr__(later, "zones", Zones(self.options, later.dialer, self.zones))
        return later

    @property
    def given_fields(self) -> list[str]:
        """Name the fields that the file, or the options by name, give a value."""
        given = {*self.mapping.fields, *self.options.default, *self.options.force}
        return [name for name in self.defaults.fields if name in given]

    def fields(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give the columns of source rows that fill a field, see `fields_of`."""
        return fields_of(rows, self.mapping, self.options)

    def clean(self, rows: pd.DataFrame) -> Chunk:
        """Make the fields of rows what the table can hold.

        Args:
            rows: as `fields` gives them; index row_number.

        Returns:
            The rows with columns as `clean_fields` gives them.
        """
        rows, of_decimals = mend_decimals(rows, self.columns.decimals)
        noticed = [of_decimals, damaged_values(rows)]
        rows, of_switches = self.defaults.fill(rows)
        leads, unstorable, of_fields = clean_fields(
            rows, self.options, self.dialer.columns, self.dialer.clock.now.date()
        )
        if self.options.campaign_dnc_check != "N" and self.dialer.knows_leads:
            leads, of_campaigns = name_campaigns(leads, self.options, self.dialer)
            noticed.append(of_campaigns)
        chunk = self._list_rules(Chunk(leads))
        return chunk.take(unstorable, join_frames([*noticed, of_switches, of_fields]))

    def normalize(self, chunk: Chunk) -> Chunk:
        """Normalize the phone numbers of cleaned rows, and check them.

        Returns:
            The rows whose number is one, with columns as `normalize_phones` and `fit_states` give
            them. No rule can say more about the others.
        """
        leads, regions, found, noticed = normalize_phones(
            chunk.leads, self.options, decimals=self.decimals, columns=self.dialer.columns
        )
        state_column = column_of("state", self.dialer.columns)
        leads, unfit, of_states = fit_states(leads, regions, state_column, self.options)
        if len(found):
            no_number = found.index[found["reason"] != Reason.UNSTORABLE_CHARACTERS]
            leads = without_rows(leads, no_number)
        chunk = replace(chunk.take(found, noticed).take(unfit, of_states), leads=leads)
        for rule in PHONE_RULES:
            chunk = chunk.reject(rule(leads, self.options, self.dialer))
        return chunk

    def screen(self, chunk: Chunk, answers: Lookups) -> Screened:
        """Finish the checks of each row by itself.

        Args:
            chunk: normalized rows.
            answers: dnc, campaign_dnc, feeds and other_feeds of these rows.

        Returns:
            The leads with state as it is looked up, and gmt_offset_now (float64, hours).
        """
        options, dialer = self.options, self.dialer
        leads = self.zones.fill_state(chunk.leads)
        chunk = self._do_not_call(replace(chunk, leads=leads), answers)
        chunk = chunk.reject(custom_fields.reject_encrypted(leads, options, dialer))
        leads, found, noticed = check_other_numbers(leads, options, dialer, answers)
        chunk = chunk.take(found, noticed)
        offsets, found, noticed = self.zones.offsets(leads)
        chunk = chunk.take(found, noticed)
        chunk = chunk.take(no_findings(), without_campaign(leads, options.duplicate_checks, dialer))
        return Screened.of(replace(chunk, leads=leads.assign(gmt_offset_now=offsets)))

    def compare(
        self, leads: pd.DataFrame, answers: Lookups, numbers: pd.DataFrame | None = None
    ) -> Compared:
        """Compare screened leads, or some of them, for the duplicate checks.

        Args:
            leads: see `screen`.
            answers: existing leads that they may be duplicates of, and keys of their texts.
            numbers: theirs, see `lead_numbers`, and maybe of others, if they are known.
        """
        return compare_leads(leads, self.options, self.dialer, answers, numbers)

    @property
    def needs_recheck(self) -> bool:
        """Whether work of others may change what the checks say of a row: see `recheck`."""
        options = self.options
        lists = (options.dnc_check, options.campaign_dnc_check)
        return bool(options.duplicate_checks or options.feed or set(lists) != {"N"})

    def recheck(self, leads: pd.DataFrame, answers: Lookups) -> Findings:
        """Find the leads that passed, and would not pass by what the database answers now.

        An other number that would have to be taken out (dnc_alt_phones) is a reason, too. A lead
        that changes an existing one must still be its duplicate.

        Args:
            leads: as `complete` gave them, all of them new, or all changing existing ones.
            answers: dnc, campaign_dnc, feeds and other_feeds of these leads; and existing: of new
                leads without the leads of the run itself, of others only those that they change.

        Returns:
            The first reason that applies to each.
        """
        options, chunk = self.options, self._do_not_call(Chunk(leads), answers)
        if options.dnc_alt_phones in {"reject", "clear"}:
            rejecting = options.model_copy(update={"dnc_alt_phones": "reject"})
            chunk = chunk.reject(check_other_numbers(leads, rejecting, self.dialer, answers)[1])
        duplicates = existing_duplicates(leads, options, self.dialer, answers)
        if EXISTING_LEAD_ID in leads and leads[EXISTING_LEAD_ID].notna().all():
            others = leads.index.difference(duplicates.index)
            duplicates = findings(others, Reason.EXISTING_LEAD_GONE)
        found = pd.concat([no_findings(), *chunk.reject(duplicates).findings])
        return found[~found.index.duplicated()].assign(found=AT_INSERT).astype(FINDING_TYPES)

    def hold_listed(
        self, leads: pd.DataFrame, extras: list[ExtraRows], answers: Lookups
    ) -> list[ExtraRows]:
        """Hold back the alternate numbers of stored leads that must not be called by now.

        Args:
            leads: as `complete` gave them.
            extras: their rows, see `extra_rows`.
            answers: dnc, campaign_dnc, feeds and other_feeds of these leads.
        """
        listed = listed_numbers(leads, self.options, self.dialer, answers)
        return [
            alt_phones.hold(extra, listed) if extra.table == alt_phones.TABLE else extra
            for extra in extras
        ]

    def _do_not_call(self, chunk: Chunk, answers: Lookups) -> Chunk:
        """Reject leads whose number must not be called."""
        leads, options = chunk.leads, self.options
        chunk = chunk.reject(on_dnc(leads, options, answers))
        chunk = chunk.reject(on_campaign_dnc(leads, options, self.dialer, answers))
        return chunk.reject(on_feeds(leads, answers))

    def days_ahead(self, leads: pd.DataFrame) -> list[int]:
        """Give the numbers of days whose moments `complete` needs to know."""
        return callbacks.days_asked(leads)

    def complete(self, leads: pd.DataFrame, answers: Lookups) -> tuple[pd.DataFrame, Notices]:
        """Decide what comes with each lead. A lead that is changed gets nothing.

        Args:
            leads: screened, and settled (see `Settled.staying`).
            answers: days_ahead of these leads.

        Returns:
            Leads ready to insert, see `loader.writing.lead_rows.as_stored`; with number_type and
            region (str), and what the extras need. Index row_number. And what was noticed of them.
        """
        completed, noticed = leads, [no_notices()]
        for extra in EXTRAS:
            completed, of_extra = extra.decide(completed, self.options, self.dialer, answers)
            noticed.append(of_extra)
        notices = join_frames(noticed)
        if EXISTING_LEAD_ID in leads:
            changing = leads.index[leads[EXISTING_LEAD_ID].notna()]
            notices = notices[~notices.index.isin(changing)]
        return completed, notices

    def needed(self, leads: pd.DataFrame) -> pd.DataFrame:
        """Leave out the columns of completed leads that nobody needs who inserts them."""
        unneeded = {*LOOKED_UP_BY, *self._unneeded_numbers}
        return leads.drop(columns=[name for name in leads if name in unneeded])

    def extra_rows(self, leads: pd.DataFrame) -> Iterator[ExtraRows]:
        """Give the rows of other tables that come with inserted leads (column lead_id)."""
        for extra in EXTRAS:
            yield from extra.extra_rows(leads, self.options, self.dialer)

    @property
    def _unneeded_numbers(self) -> tuple[str, ...]:
        """Name the columns of numbers that neither `recheck` nor a later process needs."""
        if not self.needs_recheck:
            return ("number_sent", "national_number", "calling_code")
        # They are phone_number and phone_code.
        is_national = self.options.phone_format == "national"
        return ("national_number", "calling_code") if is_national else ()

    def _list_rules(self, chunk: Chunk) -> Chunk:
        """Apply them; of a list only the first problem counts.

        One that can be none is not defined either.
        """
        leads = chunk.leads
        for rule in LIST_RULES:
            found = rule(leads, self.options, self.dialer)
            chunk = chunk.reject(found)
            leads = without_rows(leads, found.index)
        return chunk

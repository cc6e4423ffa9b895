"""What is asked of the dialer's database about a chunk of leads: one statement a question.

A question about many numbers is asked in parts, see `ShortReads`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from loader.checks.duplicates_existing import compared_texts
from loader.checks.rules import dnc_campaigns
from loader.database.connection import Database
from loader.database.server_clock import existing_moments
from loader.database.short_reads import ShortReads
from loader.database.weights import with_keys
from loader.dialer import ARCHIVE, LEADS, NO_NUMBERS, Access, Column, Dialer, Lookups
from loader.feeds.feed import Feed, find_in_feeds
from loader.frames.collation import fold, unknown_keys
from loader.options.load import LoadOptions
from loader.queries.existing import ExistingLeads, Ids, IsOwn, Where
from loader.queries.forms import RowForms
from loader.queries.indexes import (
    CAMPAIGN_DNC,
    DNC_TABLES,
    SEARCHES,
    SYSTEM_DNC,
    among,
    tables_of_leads,
)

if TYPE_CHECKING:
    from loader.options.duplicate_check import Kind


class ChunkQueries:
    """Asks what the checks of one run need to know about a chunk of leads.

    No method asks about one row after the other. Without a database, only the feeds are known.
    """

    def __init__(
        self,
        database: Database | None,
        options: LoadOptions,
        dialer: Dialer,
        feeds: Sequence[Feed] = (),
        folder: Path | None = None,
        before: "ChunkQueries | None" = None,
        *,
        asked_again: bool = False,
    ) -> None:
        """Take what is asked, and what decides about the questions.

        Args:
            database: the dialer's.
            options: what is checked.
            dialer: clock, windows, lists, campaigns and collation are read.
            feeds: numbers that must not be called either.
            folder: for what is kept on disk; None: the one for temporary files.
            before: what asked about the same rows before, see `ExistingLeads`.
            asked_again: the same is asked once more, when it comes to the insert.
        """
        self._database, self.feeds = database, feeds
        self._options, self._dialer = options, dialer
        self._asks_again = before is not None
        if database is not None:
            wheres: list[Where] = [
                (kind, search, table)
                for kind in dict.fromkeys(check.kind for check in options.duplicate_checks)
                for search in SEARCHES[kind]
                for table in tables_of_leads(options)
            ]
            first = before._existing if before is not None else {}
            self._existing: dict[Where, ExistingLeads] = {
                where: ExistingLeads(
                    database, options, dialer, where, folder, first.get(where),
                    asked_again=asked_again,
                )
                for where in wheres
            }  # fmt: skip
            self._lists = {
                table: ShortReads(
                    database,
                    locks=dialer.access.get(table, Access()).locks,
                    at_once=options.read_connections,
                )
                for table in DNC_TABLES
            }

    def do_not_call(self, leads: pd.DataFrame, forms: RowForms | None = None) -> Lookups:
        """Ask which numbers must not be called: one question for each of the two lists.

        Args:
            leads: dnc_campaign_id if campaign_dnc_check is on, and what `lead_numbers` and
                `numbers_of` read (str).
            forms: of rows that these are among, if they are known.

        Returns:
            dnc, campaign_dnc, feeds and other_feeds.
        """
        of_leads = RowForms(leads, self._options)
        on_lists = self.on_lists(leads, forms or of_leads)
        of_feeds = in_feeds(of_leads, self.feeds)
        return replace(on_lists, feeds=of_feeds.feeds, other_feeds=of_feeds.other_feeds)

    def on_lists(self, leads: pd.DataFrame, forms: RowForms) -> Lookups:
        """Ask for dnc and campaign_dnc alone, see `do_not_call`; `forms` are of these rows."""
        if self._database is None or leads.empty or self._asks_no_list:
            return Lookups()
        return Lookups(
            dnc=self._on_system_list(self._database, leads, forms),
            campaign_dnc=self._on_campaign_lists(self._database, leads, forms),
        )

    def prepare(self, forms: RowForms, rows: pd.Index) -> None:
        """Make the forms that questions about some of the rows need; `rows` has all of them."""
        some = rows[:0]
        for check in {self._options.dnc_check, self._options.campaign_dnc_check} - {"N"}:
            forms.listed(check, some)
        for kind, _, _ in self._existing if self._database is not None else ():
            forms.compared(kind, some)

    @property
    def asks_for_lists(self) -> bool:
        """Whether `on_lists` asks the database, which only this process may use."""
        return self._database is not None and not self._asks_no_list

    @property
    def asks_for_leads(self) -> bool:
        """Whether `existing_leads` does."""
        return self._database is not None and bool(self._existing)

    @property
    def _asks_no_list(self) -> bool:
        """Whether no do-not-call list of the dialer counts."""
        return self._options.dnc_check == self._options.campaign_dnc_check == "N"

    def existing_leads(
        self,
        leads: pd.DataFrame,
        is_own: IsOwn | None = None,
        among: Ids | None = None,
        forms: RowForms | None = None,
    ) -> Lookups:
        """Ask for the existing leads that rows may be duplicates of.

        That is one question for each search of each kind of check; two with the archive. Texts
        that need it are asked about by one more, see `loader.frames.collation`, and of many numbers
        their beginnings by one before, see `ShortReads.rows`.

        Args:
            leads: columns `loader.checks.duplicates.KEYED`.
            is_own: says which existing leads do not count, see `ExistingLeads.find`.
            among: lead_ids of those that count; None: all.
            forms: of rows that these are among, if they are known.

        Returns:
            existing; and compares, but where the same was asked before and no lead is found now.
        """
        if self._database is None or leads.empty or not self._existing:
            return Lookups()
        forms = forms or RowForms(leads, self._options)
        parts: dict[Kind, list[pd.DataFrame]] = {}
        for (kind, _, _), search in self._existing.items():
            asked = forms.compared(kind, leads.index)
            if among is None:
                of_search = search.find(leads, asked, is_own)
            else:
                of_search = search.find_among(leads, asked, among)
            parts.setdefault(kind, []).append(of_search)
        existing = {
            kind: pd.concat(each, ignore_index=True) if len(each) > 1 else each[0]
            for kind, each in parts.items()
        }
        found = Lookups(existing=existing)
        if self._asks_again and found.is_empty:
            return found
        return replace(self.text_keys(leads), existing=existing)

    def text_keys(self, leads: pd.DataFrame) -> Lookups:
        """Ask for compares alone, see `existing_leads`."""
        if self._database is None or leads.empty:
            return Lookups()
        texts = {
            kind: compared_texts(leads, kind, self._options, collation)
            for kind, collation in self._dialer.compares.items()
        }
        compares = self._dialer.compares
        if not any(unknown_keys(texts[kind], compares[kind]) for kind in texts):
            return Lookups(compares=compares)
        return self._database.read(
            lambda it: Lookups(
                compares={kind: with_keys(it, texts[kind], compares[kind]) for kind in texts}
            )
        )

    def days_ahead(self, days: Sequence[int]) -> Lookups:
        """Ask for days_ahead, see `existing_moments`; each is before the year 10000."""
        if self._database is None or not days:
            return Lookups()
        moments = [self._dialer.clock.now + timedelta(days=number) for number in days]
        found = self._database.read(lambda connection: existing_moments(connection, moments))
        return Lookups(days_ahead=dict(zip(days, found, strict=True)))

    def _on_system_list(
        self, database: Database, leads: pd.DataFrame, forms: RowForms
    ) -> "pd.Index[str]":
        """Give those of the forms of numbers and area codes that are in vicidial_dnc."""
        check = self._options.dnc_check
        if check == "N":
            return NO_NUMBERS
        question = among(SYSTEM_DNC, "phone_number", self._dialer, "phone_number")
        asked = forms.listed(check, leads.index).unique().tolist()
        found = self._lists[SYSTEM_DNC].rows(question, asked)
        if not found:
            return NO_NUMBERS
        listed = pd.Series([str(row[0]) for row in found], dtype="str")
        return pd.Index(self._as_asked(database, SYSTEM_DNC, listed, asked).dropna())

    def _on_campaign_lists(
        self, database: Database, leads: pd.DataFrame, forms: RowForms
    ) -> "pd.Index[str]":
        """Give, behind the campaign, those that are in vicidial_campaign_dnc for some row's."""
        check = self._options.campaign_dnc_check
        if check == "N":
            return NO_NUMBERS
        own = dnc_campaigns(leads["dnc_campaign_id"].drop_duplicates(), self._dialer)
        campaigns = database.adapter.fold(own).unique().tolist()
        condition = f"{database.adapter.collated('campaign_id')} IN {{}}"
        question = among(
            CAMPAIGN_DNC, "phone_number", self._dialer, "campaign_id, phone_number", condition
        )
        asked = forms.listed(check, leads.index).unique().tolist()
        found = self._lists[CAMPAIGN_DNC].rows(question, asked, campaigns)
        if not found:
            return NO_NUMBERS
        listed = pd.DataFrame(found, columns=["campaign_id", "phone_number"], dtype="str")
        names = self._as_asked(database, CAMPAIGN_DNC, listed["campaign_id"], campaigns)
        numbers = self._as_asked(database, CAMPAIGN_DNC, listed["phone_number"], asked)
        return pd.Index((fold(names) + "|" + numbers).dropna())

    def _as_asked(
        self, database: Database, table: str, listed: "pd.Series[str]", asked: list[str]
    ) -> "pd.Series[str]":
        """Turn what a do-not-call list has into the equal texts that it was asked for.

        Area codes may stand there as 727xxxxxxx, and numbers with blanks behind them.
        """
        columns, texts = self._dialer.tables.get(table, {}), pd.Series(asked, dtype="str")
        column = columns.get(str(listed.name or "phone_number"), Column())
        collation = database.read(lambda it: with_keys(it, [listed, texts], column.collation))
        by_key = texts.set_axis(pd.Index(fold(texts, collation)))
        return fold(listed, collation).map(by_key[~by_key.index.duplicated()]).astype("str")


def in_feeds(forms: RowForms, feeds: Sequence[Feed]) -> Lookups:
    """Give feeds and other_feeds of the rows whose forms these are."""
    if not feeds:
        return Lookups()
    return Lookups(
        feeds=find_in_feeds(forms.numbers, feeds), other_feeds=find_in_feeds(forms.others, feeds)
    )


def look_up_entry_dates(
    reads: ShortReads, lead_ids: "pd.Series[int]", *, archived: bool
) -> "pd.Series[pd.Timestamp]":
    """Ask when leads were entered.

    Args:
        reads: of the table that they are in.
        lead_ids: distinct, at least one.
        archived: they are in vicidial_list_archive.

    Returns:
        entry_date (datetime64, NaT for none) by lead_id, of those that are there.
    """
    table = ARCHIVE if archived else LEADS
    statement = f"SELECT lead_id, entry_date FROM {table} WHERE lead_id IN {{}}"  # noqa: S608 - our own names
    rows = reads.rows(statement, lead_ids.tolist())
    # SQLite keeps any text; a zone behind the time is none of the dialer's.
    dates = [None if date is None else str(date)[:19] for _, date in rows]
    moments = pd.to_datetime(pd.Series(dates, dtype="str"), format="ISO8601", errors="coerce")
    return moments.set_axis(pd.Index([int(number) for number, _ in rows], dtype="int64"))

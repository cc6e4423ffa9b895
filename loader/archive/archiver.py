"""Move leads from vicidial_list to vicidial_list_archive, or back, chunk by chunk.

The dialer changes leads at the same time. So no statement relies on what was read before: each one
checks its conditions itself, and can be repeated after any failure.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Literal

import numpy as np
from sqlalchemy import ColumnElement, Connection, TableClause, literal, true

from loader.archive.children import Children
from loader.archive.chunk import Chunk, Plan
from loader.archive.conditions import holder, leads_in_use, lists_of, loaded_anew, rule_condition
from loader.archive.departures import behind_one_left
from loader.archive.journal import Journal, MovingChunk
from loader.archive.outcome import (
    ChunkResult,
    Preview,
    Stay,
)
from loader.archive.preview import preview
from loader.archive.selection import (
    GivenLeads,
    Ids,
    Leads,
    LeadsLeftBehind,
    LeadsOfRule,
    leads_in,
    refuse_missing,
)
from loader.archive.tables import CHILDREN, HOLDERS, ArchiveTables
from loader.archive.transfer import Transfer
from loader.database.connection import Database
from loader.database.server_clock import read_clock
from loader.dialer import ARCHIVE, LEADS
from loader.errors import LeadIdsError, UsageError
from loader.options.archive import MOST_LEADS, ArchiveOptions, ArchiveRule


def nobody() -> Ids:
    """Give no lead_ids."""
    return np.empty(0, np.int64)


class Archiver:
    """Archives leads, or brings them back.

    Attributes:
        tables: of the leads and their children, and the archives of these.
        clock: the server's when the run began.
    """

    def __init__(
        self,
        database: Database,
        options: ArchiveOptions,
        rule: ArchiveRule | None = None,
        direction: Literal["archive", "dearchive"] = "archive",
    ) -> None:
        """Read how the tables are made; nothing is written.

        Args:
            database: the dialer's.
            options: what to do with the leads; the caller decides when to wait and to stop.
            rule: selects the leads; None: they are given.
            direction: dearchive brings leads back.

        Raises:
            ConfigurationError: tables differ, or are missing.
            UsageError: the rule has no condition, or names a campaign that no list has.
        """
        self.database, self.options, self.rule = database, options, rule
        self.back = direction == "dearchive"
        if rule is not None and rule.is_empty:
            raise UsageError(
                "no condition: all leads would be selected; give lead_ids, or conditions such as "
                "--statuses NA,B or --called-before 90d"
            )
        campaigns = rule.campaigns if rule else ()
        self.clock = database.read(read_clock)
        self._lists = database.read(lambda connection: lists_of(connection, campaigns))
        self.tables = ArchiveTables(database, options, back=self.back)
        self.tables.refuse_unsafe({*self._lists, *(rule.lists if rule else ())})
        self._plan = self._open_plan = self._worded()

    def leads(
        self,
        lead_ids: Ids | None = None,
        *,
        were_there: bool = False,
        only_source: bool = False,
        returned: Callable[[], Ids] = nobody,
    ) -> Leads:
        """Give the leads to move, and make the archives that are missing.

        Args:
            lead_ids: those given, unique; None: those of the rule.
            were_there: they existed when a run that was killed began; some may be gone since.
            only_source: those that are in the other table alone do not exist, either.
            returned: reads which leads came back, ascending; a rule spares them.

        Raises:
            LeadIdsError: some of those given do not exist.
            ConfigurationError: a table is missing, and none is to be made.
            NotAllowedError: a table is missing, and the account may not make it.
        """
        pair, plan = self._plan.transfer.pair, self._plan
        if lead_ids is not None and not were_there:
            places = (pair.source,) if only_source else (pair.source, pair.target)
            existing = [table for table in places if table.name in self.tables.shapes]
            refuse_missing(self.database, existing, lead_ids)
        self.tables.make_missing([LEADS, *(CHILDREN if plan.children else ())])
        if lead_ids is not None:
            return GivenLeads(pair.source, lead_ids)
        behind = LeadsLeftBehind(self.database)
        if plan.children and not self.back:
            behind.places = plan.children.left_behind(self.rule_on)
        index = self.tables.shapes[pair.source.name].unique["lead_id"]
        return LeadsOfRule(
            self.database, pair.source, plan.selected, plan.sparing, behind, index, returned
        )

    def archived(self, lead_ids: Ids) -> Ids:
        """Give those of some leads that are in the archive, ascending."""
        found = self.database.read(lambda it: leads_in(it, ARCHIVE, lead_ids.tolist()))
        return np.sort(found)

    def preview(self, leads: Leads) -> Preview:
        """Count what would be moved."""
        plan = self._plan
        return preview(
            self.database, plan.transfer.pair.source, leads, plan.sparing, self.clock,
            by_last_call=self.rule is not None and self.rule.called_before is not None,
        )  # fmt: skip

    def move(self, lead_ids: Ids, journal: Journal | None = None) -> ChunkResult:
        """Move one chunk of leads: insert, then update, then delete, as the Lead Archive API does.

        A lead that is not in its table was moved before; its children are moved nevertheless.

        Args:
            lead_ids: unique, at most 500.
            journal: gets the leads before they are moved.

        Raises:
            LeadIdsError: there are more.
            NotAllowedError: the account may not do this, or make a table that is missing.
            DatabaseUnavailableError: no answer after all retries; the same again completes it.
        """
        if len(lead_ids) > MOST_LEADS:
            raise LeadIdsError(f"lead_ids cannot exceed {MOST_LEADS} values")
        chunk = Chunk(
            self.tables, self.options, self._plan, lead_ids.tolist(), journal or Journal()
        )
        for attempt in self.database.retrying():
            with attempt:
                chunk.attempt(self.database)
        return chunk.result()

    def settle(self, chunk: MovingChunk) -> tuple[Ids, Ids]:
        """Settle the chunk of a run that was killed: none of its leads stays in both tables.

        What it copied to the archive goes again; where the rule still selects the lead, it is
        copied anew. What it copied to the dialer has been the dialer's since, and leaves the
        archive.

        Returns:
            Leads that moved; leads that are in the other table alone, though the run did not
            delete them: others moved or deleted them.
        """
        transfer = self._plan.transfer
        pair, step = transfer.pair, transfer.let_go if self.back else transfer.take_back

        def places(connection: Connection) -> tuple[Ids, Ids]:
            here, there = (
                leads_in(connection, each.name, chunk.lead_ids.tolist())
                for each in (pair.source, pair.target)
            )
            return here, there

        here, there = self.database.read(places)
        twice = np.intersect1d(here, there)
        ours = np.intersect1d(twice, chunk.lead_ids[~chunk.had_copy]).tolist()
        left: Collection[int] = ()
        if ours and self.options.delete:
            left = self.database.read(lambda connection: transfer.equal(connection, ours))
            self.database.write(lambda connection: step(connection, ours))
            here, there = self.database.read(places)
        away = np.setdiff1d(there, here)
        if self.back:
            return away, nobody()
        if not chunk.was_deleting:
            return nobody(), away
        others = np.isin(away, [*behind_one_left(away.tolist(), left)])
        return away[~others], away[others]

    def rule_on(self, leads: TableClause) -> ColumnElement[bool]:
        """Word which leads of a table the rule selects; without a rule, all."""
        if self.rule is None:
            return true()
        return rule_condition(leads, self.rule, self.clock.now, self._lists)

    def holder_on(self, leads: TableClause) -> ColumnElement[str]:
        """Word which part of the dialer is using a lead of a table; "": none."""
        existing = (name for name in HOLDERS if name in self.tables.shapes)
        return holder(leads, {name: leads_in_use(name) for name in existing})

    def reword(self, place: str, words: str) -> None:
        """Fill a placeholder that `rule_on` left in the statements, for the next chunk."""
        plan = self._open_plan
        self._plan = replace(
            plan,
            transfer=plan.transfer.with_words(place, words),
            status_query=plan.status_query.with_words(place, words),
        )

    def _worded(self) -> Plan:
        """Word the statements; the tables are known."""
        options, tables = self.options, self.tables
        pair, dialect = tables.pair(LEADS), self.database.engine.dialect
        selected, nobody = self.rule_on(pair.source), literal("")
        wanted_held = options.held or ("leave" if self.rule else "take")
        if self.back:
            why = Stay.LOADED_ANEW
            spared = nobody if options.loaded_anew == "take" else loaded_anew(pair.source)
        else:
            why = Stay.HELD
            spared = nobody if wanted_held == "take" else self.holder_on(pair.source)
        # On the way back a spared lead is not copied; on the way out it is not deleted.
        conditions = (selected & (spared == ""), None) if self.back else (selected, spared == "")
        transfer = Transfer(pair, dialect, *conditions)
        children = Children(tables, dialect) if options.with_children else None
        status_query = transfer.status_query(dialect, {"selected": selected, "spared": spared})
        return Plan(selected, (why, spared), transfer, status_query, children)

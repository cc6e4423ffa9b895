"""Move leads from vicidial_list to vicidial_list_archive, or back, chunk by chunk.

The dialer changes leads at the same time. So no statement relies on what was read before: each one
checks its conditions itself, and can be repeated after any failure.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection, TableClause, literal, true

from loader.archive.children import Children
from loader.archive.conditions import holder, leads_in_use, lists_of, loaded_anew, rule_condition
from loader.archive.journal import Journal, MovingChunk
from loader.archive.outcome import (
    LOOKED_AT,
    ChunkResult,
    Counts,
    Preview,
    Stay,
    count_outcomes,
    left_children,
    stayed_of,
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
from loader.archive.transfer import ForLeads, Transfer
from loader.database.connection import Database
from loader.database.locks import turn
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
        self._plan = self._open_plan = _Plan.of(self)

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
        chunk = _Chunk(self, self._plan, lead_ids.tolist(), journal or Journal())
        for attempt in self.database.retrying():
            with attempt:
                chunk.attempt()
        return chunk.result()

    def settle(self, chunk: MovingChunk) -> tuple[Ids, Ids]:
        """Settle the chunk of a run that was killed: none of its leads stays in both tables.

        What it copied to the archive goes again; where the rule still selects the lead, it is
        copied anew. What it copied to the dialer has been the dialer's since, and leaves the
        archive.

        Returns:
            Leads that moved; leads that are in the other table alone, though the run did not begin
            to delete: others moved or deleted them.
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
        if ours and self.options.delete:
            self.database.write(lambda connection: step(connection, ours))
            here, there = self.database.read(places)
        away, nothing = np.setdiff1d(there, here), np.empty(0, np.int64)
        is_known = chunk.was_deleting or self.back
        return (away, nothing) if is_known else (nothing, away)

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


@dataclass(frozen=True)
class _Plan:
    """The statements of an archiver, worded once for all chunks."""

    selected: ColumnElement[bool]
    sparing: tuple[Stay, ColumnElement[str]]
    transfer: Transfer
    status_query: ForLeads
    children: Children | None

    @classmethod
    def of(cls, archiver: Archiver) -> "_Plan":
        """Word the statements of an archiver that knows its tables."""
        options, tables = archiver.options, archiver.tables
        pair, dialect = tables.pair(LEADS), archiver.database.engine.dialect
        selected, nobody = archiver.rule_on(pair.source), literal("")
        wanted_held = options.held or ("leave" if archiver.rule else "take")
        if archiver.back:
            why = Stay.LOADED_ANEW
            spared = nobody if options.loaded_anew == "take" else loaded_anew(pair.source)
        else:
            why = Stay.HELD
            spared = nobody if wanted_held == "take" else archiver.holder_on(pair.source)
        # On the way back a spared lead is not copied; on the way out it is not deleted.
        conditions = (
            (selected & (spared == ""), None) if archiver.back else (selected, spared == "")
        )
        transfer = Transfer(pair, dialect, *conditions)
        children = Children(tables, dialect) if options.with_children else None
        status_query = transfer.status_query(dialect, {"selected": selected, "spared": spared})
        return cls(selected, (why, spared), transfer, status_query, children)


class _Chunk:
    """One chunk that is moved.

    The counts are those of the server. But the result of a statement that failed is not known; then
    the leads themselves are counted.
    """

    def __init__(
        self, archiver: Archiver, plan: _Plan, lead_ids: list[int], journal: Journal
    ) -> None:
        self.archiver, self.options, self.plan = archiver, archiver.options, plan
        self.lead_ids, self.journal = lead_ids, journal
        self.before: pd.DataFrame | None = None
        """The leads before the first statement, see `LOOKED_AT`."""
        self.after: pd.DataFrame | None = None
        """The leads after the last statement, if some stayed or a result is in doubt."""
        self.counts = Counts()
        self.children: dict[str, Counts] = {}
        self.refused: dict[int, int] = {}
        """The server's error code by lead_id."""
        self.left: dict[int, str] = {}
        """The table in which children of a lead are left, by lead_id."""
        self.vanished: set[int] = set()
        """Leads that others deleted while they were moved."""
        self.is_in_doubt = False
        self.session: str | None = None

    def attempt(self) -> None:
        """Move the leads that are not moved yet; can be repeated."""
        database = self.archiver.database
        self.is_in_doubt |= self.before is not None
        if self.session is not None:
            database.end_session(self.session)
        with database.connect() as connection:
            self.session = connection.info.get("session")
            committing = connection.execution_options(isolation_level="AUTOCOMMIT")
            if self.archiver.tables.have_row_locks:
                # While a statement waits for one row, it locks others that the dialer may need.
                committing.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 1")
            # Or a lead that another run moves at this moment would look like a deleted one.
            with turn(database, committing, "archive"):
                self.move(committing)

    def move(self, connection: Connection) -> None:
        """Do the steps, in an order in which they can be repeated after a kill at any point."""
        now = self.read_leads(connection)
        if self.before is None:
            self.before = now
            if self.options.delete:
                self.journal.copying(now)
        tables = self.tables_of_children(connection)
        free = now[now["selected"] & (now["spared"] == "")]
        if self.archiver.back:
            # Children of a lead that does not come back stay, too.
            is_other = now["copied"] & ~now["equal"] & ~self.copied_now(now)
            stays = now[is_other | ~now.index.isin(free.index)]
            coming = set(self.lead_ids) - {*stays["lead_id"].tolist()}
            self.move_children(connection, tables, coming)
        self.refused.clear()
        done = self.plan.transfer.move(
            connection,
            free["lead_id"].tolist(),
            self.options,
            self.refused,
            free["lead_id"][free["copied"] & free["same"] & ~free["equal"]].tolist(),
            self.journal.deleting,
        )
        self.counts = Counts(len(self.before), *done[:3])
        # Without transactions, a refused statement may have done a part.
        self.is_in_doubt |= bool(self.refused)
        if self.is_in_doubt or self.counts.delete_count < len(now):
            self.after = self.read_leads(connection)
            self.take_back(connection, self.after)
            self.let_go(connection, self.after)
            if done.deleted_ids is not None and not self.refused:
                self.drop_vanished(connection, set(free["lead_id"]) - done.deleted_ids)
        if not self.archiver.back:
            self.move_children(connection, tables, self.lead_ids)

    def drop_vanished(self, connection: Connection, not_deleted: set[int]) -> None:
        """Delete the copies of leads that others deleted before their turn came."""
        if self.before is None or self.after is None or self.archiver.back:
            return
        self.vanished |= not_deleted - {*self.after["lead_id"]}
        copied_now = self.vanished - {*self.before["lead_id"][self.before["copied"]]}
        if copied_now and self.options.delete:
            dropped = self.plan.transfer.drop(connection, copied_now)
            inserted = self.counts.insert_count - dropped
            self.counts = self.counts._replace(insert_count=inserted)

    def take_back(self, connection: Connection, after: pd.DataFrame) -> None:
        """Delete the copies of leads that stay after all; a later run might not do it."""
        if self.archiver.back or not self.options.delete:
            return
        is_spared = ~after["selected"] | (after["spared"] != "")
        vain = after["lead_id"][is_spared & self.copied_now(after)]
        if len(vain):
            deleted = self.plan.transfer.take_back(connection, vain.tolist())
            inserted = self.counts.insert_count - deleted
            self.counts = self.counts._replace(insert_count=inserted)
            self.after = after.assign(copied=after["copied"] & ~after["lead_id"].isin(vain))

    def copied_now(self, leads: pd.DataFrame) -> "pd.Series[bool]":
        """Say which leads have a copy that they did not have before the first statement."""
        before = leads[:0] if self.before is None else self.before
        return leads["copied"] & ~leads["lead_id"].isin(before["lead_id"][before["copied"]])

    def let_go(self, connection: Connection, after: pd.DataFrame) -> None:
        """Delete from the archive the leads that came back, and that people have changed since."""
        if not self.archiver.back or not self.options.delete:
            return
        back = after["lead_id"][self.copied_now(after) & after["same"]]
        if len(back):
            deleted = self.plan.transfer.let_go(connection, back.tolist())
            self.counts = self.counts._replace(delete_count=self.counts.delete_count + deleted)
            self.after = after[~after["lead_id"].isin(back)]

    def read_leads(self, connection: Connection) -> pd.DataFrame:
        """Read the leads of the chunk as they are now, see `LOOKED_AT`."""
        rows = self.plan.status_query.run(connection, self.lead_ids).all()
        found = pd.DataFrame([tuple(row) for row in rows], columns=list(LOOKED_AT))
        return found.astype(LOOKED_AT)

    def tables_of_children(self, connection: Connection) -> list[str]:
        """Name the tables that can have children of the leads, and make their missing archives.

        A lead is moved only if its children can follow.
        """
        if self.plan.children is None:
            return []
        names = self.plan.children.tables_of(connection, self.lead_ids)
        self.archiver.tables.make_missing(names)
        return names

    def move_children(
        self, connection: Connection, tables: list[str], lead_ids: Collection[int]
    ) -> None:
        """Move the children of leads, and note the leads of which some are left."""
        if self.plan.children is None:
            return
        for name, rows in self.plan.children.of(tables):
            counts, left = rows.move(connection, lead_ids, self.options)
            self.children[name] = self.children.get(name, Counts()).plus(counts)
            for lead_id, code in left.items():
                self.left[lead_id] = f"{name} (error {code})" if code else name

    def result(self) -> ChunkResult:
        """Give the result of the chunk."""
        counts, stayed = self.counts, left_children(self.left)
        if self.before is None:
            return ChunkResult(counts)
        moved = np.sort(self.before["lead_id"].to_numpy())
        if self.after is not None:
            moved = np.setdiff1d(moved, [*self.after["lead_id"], *self.vanished])
            if self.is_in_doubt:
                known = self.before[~self.before["lead_id"].isin(self.vanished)]
                counts = count_outcomes(known, self.after)
                counts = counts._replace(select_count=len(self.before))
            why, back = self.plan.sparing[0], self.archiver.back
            still_there = stayed_of(self.after, why, self.refused, self.options, back=back)
            stayed = pd.concat([still_there, stayed], ignore_index=True)
        children = {name: counts for name, counts in self.children.items() if any(counts)}
        return ChunkResult(counts, stayed, children, moved)

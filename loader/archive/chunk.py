"""One chunk of leads that is moved: insert, then update, then delete."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection

from loader.archive.children import Children
from loader.archive.departures import Departures
from loader.archive.journal import Journal
from loader.archive.outcome import (
    LOOKED_AT,
    ChunkResult,
    Counts,
    Stay,
    count_outcomes,
    left_children,
    stayed_of,
    taken_by_others,
)
from loader.archive.selection import leads_in
from loader.archive.tables import ArchiveTables
from loader.archive.transfer import ForLeads, Transfer
from loader.database.connection import Database
from loader.database.locks import Confirm, turn
from loader.options.archive import ArchiveOptions


@dataclass(frozen=True)
class Plan:
    """The statements of an archiver, worded once for all chunks."""

    selected: ColumnElement[bool]
    sparing: tuple[Stay, ColumnElement[str]]
    transfer: Transfer
    status_query: ForLeads
    children: Children | None


class Chunk:
    """One chunk that is moved.

    The counts are those of the server. But the result of a statement that failed is not known; then
    the leads themselves are counted.
    """

    def __init__(
        self,
        tables: ArchiveTables,
        options: ArchiveOptions,
        plan: Plan,
        lead_ids: list[int],
        journal: Journal,
    ) -> None:
        """Take the leads, and what notes them before they are moved."""
        self.tables, self.options, self.plan = tables, options, plan
        self.is_back = plan.transfer.pair.is_back
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
        self.departures = Departures()
        self.taken: dict[int, Stay] = {}
        """Leads that others took while they were moved, and what became of their copies."""
        self.is_in_doubt = False
        self.session: str | None = None
        self.confirm: Confirm = lambda _connection: None
        """Raises if it is not the turn of this chunk any more."""

    def attempt(self, database: Database) -> None:
        """Move the leads that are not moved yet; can be repeated."""
        self.is_in_doubt |= self.before is not None
        if self.session is not None:
            database.end_session(self.session)
        with database.connect() as connection:
            self.session = connection.info.get("session")
            committing = connection.execution_options(isolation_level="AUTOCOMMIT")
            if self.tables.have_row_locks:
                # While a statement waits for one row, it locks others that the dialer may need.
                committing.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 1")
            # Or a lead that another run moves at this moment would look like a deleted one.
            with turn(database, committing, "archive") as self.confirm:
                self.move(committing)

    def move(self, connection: Connection) -> None:
        """Do the steps, in an order in which they can be repeated after a kill at any point."""
        now = self.read_leads(connection)
        if self.before is None:
            self.before = now
            if self.options.delete:
                self.journal.copying(now)
        self.note_departures(now)
        tables = self.tables_of_children(connection)
        free = now[now["selected"] & (now["spared"] == "")]
        if self.is_back:
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
            partial(self.deleting, connection),
        )
        # Without transactions, a refused statement may have done a part.
        self.departures.answered(done.deleted_ids, is_all=not self.refused)
        self.counts = Counts(len(self.before), *done[:3])
        self.is_in_doubt |= bool(self.refused)
        if self.is_in_doubt or self.counts.delete_count < len(now):
            self.after = self.read_leads(connection)
            self.take_back(connection, self.after)
            self.let_go(connection, self.after)
            self.note_departures(self.after)
            self.drop_copies(connection)
        if not self.is_back:
            self.move_children(connection, tables, self.lead_ids)

    def deleting(self, connection: Connection, lead_ids: Collection[int]) -> None:
        """Note that leads may be deleted from now on.

        It must still be our turn: on another node of a cluster their copies could be deleted at the
        same time, and neither node would see it.
        """
        self.confirm(connection)
        self.journal.deleting()
        self.departures.asked |= {*lead_ids}

    def note_departures(self, now: pd.DataFrame) -> None:
        """See which leads are gone, and who took them; what comes back has come in any case."""
        if self.before is not None and not self.is_back:
            free = now[now["selected"] & (now["spared"] == "") & now["equal"]]
            left = self.departures.asked.intersection(free["lead_id"]) - self.refused.keys()
            self.departures.attribute({*self.before["lead_id"]} - {*now["lead_id"]}, left)

    def drop_copies(self, connection: Connection) -> None:
        """Delete the copies of leads that others deleted before their turn came.

        What was deleted on request must not live on in the archive. Where others may have made the
        copy, it stays. (Another archiver that relies on ours cannot be told from who deletes.)
        """
        if self.before is None or not self.options.delete:
            return
        new = self.before["lead_id"][~self.before["copied"] & self.before["selected"]]
        taken = self.departures.by_others & {*new.tolist()}
        if not taken:
            return
        found = leads_in(connection, self.plan.transfer.pair.target.name, taken).tolist()
        are_ours = self.is_in_doubt or self.counts.insert_count >= len(new)
        if found and are_ours:
            dropped = self.plan.transfer.drop(connection, found)
            inserted = self.counts.insert_count - dropped
            self.counts = self.counts._replace(insert_count=inserted)
        self.taken |= dict.fromkeys(found, Stay.COPY_REMOVED if are_ours else Stay.COPY_LEFT)

    def take_back(self, connection: Connection, after: pd.DataFrame) -> None:
        """Delete the copies of leads that stay after all; a later run might not do it."""
        if self.is_back or not self.options.delete:
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
        if not self.is_back or not self.options.delete:
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
        self.tables.make_missing(names)
        return names

    def move_children(
        self, connection: Connection, tables: list[str], lead_ids: Collection[int]
    ) -> None:
        """Move the children of leads, and note the leads of which some are left."""
        if self.plan.children is None:
            return
        for name, rows in self.plan.children.of(tables):
            self.confirm(connection)
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
            by_others = self.departures.by_others
            moved = np.setdiff1d(moved, [*self.after["lead_id"], *by_others])
            if self.is_in_doubt:
                known = self.before[~self.before["lead_id"].isin(by_others)]
                counts = count_outcomes(known, self.after)
                counts = counts._replace(select_count=len(self.before))
            why, back = self.plan.sparing[0], self.is_back
            still_there = stayed_of(self.after, why, self.refused, self.options, back=back)
            copies = taken_by_others(self.taken)
            stayed = pd.concat([still_there, copies, stayed], ignore_index=True)
        children = {name: counts for name, counts in self.children.items() if any(counts)}
        return ChunkResult(counts, stayed, children, moved)

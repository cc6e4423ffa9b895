"""Archive the new leads of a run that is undone, if they are as they were loaded.

They are archived with their children. The statement that deletes a lead proves that nobody has
called or changed it: it compares the checksum of the lead with the one from when its fingerprint
was compared with the ledger.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    TableClause,
    case,
    column,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    tuple_,
)

from loader.archive.archiver import Archiver
from loader.archive.conditions import PENDING_CALLBACKS, holder
from loader.archive.journal import Journal
from loader.archive.outcome import ChunkResult, Counts, Stay
from loader.archive.selection import Ids, leads_in
from loader.archive.tables import CHILDREN, HOLDERS
from loader.archive.transfer import ForLeads, for_leads
from loader.database.catalogue import Shape
from loader.database.connection import Database
from loader.dialer import ARCHIVE, CALLBACKS, HOPPER, LEADS
from loader.fields.lead import NEW_LEAD_COLUMNS
from loader.ledger.encoding import SentBatch
from loader.options.archive import ArchiveOptions
from loader.undo.outcome import Kept, LeadsNow, MovedLeads, as_stayed
from loader.undo.sent_leads import SentLeads, find_sent
from loader.writing.fingerprints import fingerprints_of, text_of

WAITING = f"{HOPPER} READY"
"""The holder of a lead that waits in the hopper, from which it can be removed."""
CHUNK_ROWS = "(/* lead_ids and checksums of the chunk */)"
"""The placeholder for lead_ids and checksums in a statement."""
ARCHIVE_ROUNDS = 3
"""Attempts to remove a lead from the hopper: the dialer may insert it again meanwhile."""

CURRENT_TYPES = {
    "lead_id": "int64", "text": "str", "checksum": "int64", "holder": "str", "status": "str",
    "called_count": "str", "called_since_last_reset": "str", "modify_date": "str",
}  # fmt: skip
"""The current state of a lead; "" for columns that the table lacks."""


class LoadedLeads(Archiver):
    """Archives leads that are as they were loaded; the others stay.

    Attributes:
        journal: gets the leads of each chunk before they are moved.
        from_hopper: how many rows were removed from the hopper.
        remarks: what cannot be known.
    """

    def __init__(self, database: Database, options: ArchiveOptions) -> None:
        """Read how the tables are made; an undo decides itself which steps it does."""
        undo_options = {"insert": True, "update": True, "delete": True, "with_children": True}
        self.journal, self.from_hopper = Journal(), 0
        self.remarks: list[str] = []
        super().__init__(database, options.model_copy(update={**undo_options, "held": "leave"}))
        columns = self.tables.shapes[LEADS].columns
        leads = table(LEADS, *map(column, columns))
        optional = (leads.c[n] if n in columns else literal("") for n in list(CURRENT_TYPES)[4:])
        asked = select(
            leads.c.lead_id, self._text, self._checksum, self._held_on(leads), *optional
        ).where(for_leads(leads.c.lead_id))
        self._lead_query = ForLeads(asked, database.engine.dialect)
        self._hopper = self._taking_from_hopper()

    def make_archives(self) -> None:
        """Make missing archives; those of custom fields are made when they are needed."""
        self.tables.make_missing([LEADS, *CHILDREN])

    @property
    def _text(self) -> ColumnElement[str]:
        columns = self.tables.shapes[LEADS].columns
        names = [name for name in NEW_LEAD_COLUMNS if name in columns]
        return literal_column(text_of(names, self.database.adapter))

    @property
    def _checksum(self) -> ColumnElement[int]:
        return func.crc32(func.coalesce(self._text, ""))

    def rule_on(self, leads: TableClause) -> ColumnElement[bool]:
        """Word that leads still have the checksums of the chunk."""
        now = tuple_(leads.c.lead_id, self._checksum)
        return now.op("IN", is_comparison=True)(literal_column(CHUNK_ROWS))

    def holder_on(self, leads: TableClause) -> ColumnElement[str]:
        """Word which part of the dialer is using a lead; rows of the load itself do not count."""
        held = self._held_on(leads)
        if HOPPER not in self.tables.shapes:
            return held
        hopper = table(HOPPER, column("lead_id"), column("status"))
        waiting = select(hopper.c.lead_id).where(hopper.c.status == "READY")
        return case((held != "", held), (leads.c.lead_id.in_(waiting), WAITING), else_="")

    def _held_on(self, leads: TableClause, but: str = "") -> ColumnElement[str]:
        """Word the same, but a lead may wait in the hopper; the table `but` is left out."""
        shapes = self.tables.shapes
        names = (name for name in HOLDERS if name in shapes and name != but)
        return holder(leads, {name: _held_by(name, shapes[name]) for name in names})

    def read_leads(self, leads: pd.DataFrame) -> LeadsNow:
        """Read which leads of a chunk are as they were loaded, and why the others are not.

        Args:
            leads: see `loader.undo.outcome.LOADED_TYPES`; lead_ids are unique.
        """
        return self.database.read(lambda connection: self._read_leads(connection, leads)[0])

    def _read_leads(
        self, connection: Connection, leads: pd.DataFrame
    ) -> tuple[LeadsNow, pd.DataFrame]:
        """Give also what the leads hold, see `CURRENT_TYPES`, by lead_id."""
        ids = leads["lead_id"]
        if ids.empty:
            return LeadsNow(leads), pd.DataFrame(columns=list(CURRENT_TYPES)).astype(CURRENT_TYPES)
        rows = self._lead_query.run(connection, ids).all()
        current = pd.DataFrame([tuple(row) for row in rows], columns=list(CURRENT_TYPES)).astype(
            CURRENT_TYPES
        )
        current = current.fillna("").set_index("lead_id", drop=False)
        found = current.reindex(ids).set_axis(leads.index)
        prints = fingerprints_of(current["text"]).reindex(ids).set_axis(leads.index)
        same = prints.eq(leads["fingerprint"])
        why, details = _why_not(found, same)
        missing = ~ids.isin(current["lead_id"])
        if missing.any():
            archived = ids.isin(self._moved_ids(connection, ids[missing]))
            why = why.mask(missing, Kept.GONE).mask(missing & archived, Kept.ARCHIVED)
        is_free = why == ""
        stayed = leads.assign(fields="", why=why, details=details)[~is_free]
        return LeadsNow(leads[is_free], as_stayed(stayed)), current

    def find_sent(self, sent: SentBatch) -> SentLeads:
        """Find the leads of a batch whose lead_ids the ledger does not have.

        Raises:
            ConfigurationError: a crash has damaged the table.
        """
        self.database.refuse_damage(LEADS, datetime.fromisoformat(sent.moment))
        tables = [name for name in (LEADS, ARCHIVE) if name in self.tables.shapes]
        adapter, text = self.database.adapter, self._text
        return self.database.read(
            lambda connection: find_sent(connection, adapter, sent, tables, text)
        )

    def moved_ids(self, lead_ids: Collection[int]) -> Ids:
        """Read which lead_ids of a chunk the archive has."""
        return self.database.read(lambda connection: self._moved_ids(connection, lead_ids))

    def _moved_ids(self, connection: Connection, lead_ids: Collection[int]) -> Ids:
        if ARCHIVE not in self.tables.shapes:
            return np.empty(0, np.int64)
        return leads_in(connection, ARCHIVE, lead_ids)

    def take(self, leads: pd.DataFrame) -> MovedLeads:
        """Archive the leads of a chunk that are as they were loaded and not in use.

        Leads that are in the archive were moved before; their children are moved nevertheless.

        Args:
            leads: see `read_leads` and `Archiver.move`.
        """
        now, current = self.database.read(lambda connection: self._read_leads(connection, leads))
        free = current.loc[now.free["lead_id"]]
        pairs = zip(free["lead_id"].tolist(), free["checksum"].tolist(), strict=True)
        known = self.database.adapter.row_list(pairs)
        self.reword(CHUNK_ROWS, known)
        is_gone = now.stayed["why"].isin([Kept.GONE, Kept.ARCHIVED])
        stays = now.stayed["lead_id"][~is_gone]
        left = leads["lead_id"][~leads["lead_id"].isin(stays)].to_numpy(np.int64)
        result = ChunkResult(Counts())
        for _ in range(ARCHIVE_ROUNDS):
            if not len(left):
                break
            self.from_hopper += self._take_from_hopper(left, known)
            result = _followed(result, self.move(left, self.journal))
            waits = result.stayed["details"] == WAITING
            left = result.stayed["lead_id"][waits].to_numpy(np.int64)
        stayed = pd.concat([now.stayed[~is_gone], self._stayed(leads, result)])
        return MovedLeads(stayed, result.counts, result.children)

    def _taking_from_hopper(self) -> ForLeads:
        """Word the deletion of waiting leads from the hopper that are as they were loaded."""
        leads = table(LEADS, *map(column, self.tables.shapes[LEADS].columns))
        hopper = table(HOPPER, column("lead_id"), column("status"))
        free = select(leads.c.lead_id).where(
            for_leads(leads.c.lead_id), self.rule_on(leads), self._held_on(leads, HOPPER) == ""
        )
        waiting = (hopper.c.status == "READY", for_leads(hopper.c.lead_id))
        statement = delete(hopper).where(*waiting, hopper.c.lead_id.in_(free))
        return ForLeads(statement, self.database.engine.dialect)

    def _take_from_hopper(self, lead_ids: Ids, known: str) -> int:
        """Remove leads from the hopper, and count the rows."""
        if HOPPER not in self.tables.shapes:
            return 0
        taking = self._hopper.with_words(CHUNK_ROWS, known)
        return self.database.write(
            lambda connection: taking.run(connection, lead_ids.tolist()).rowcount
        )

    def _stayed(self, leads: pd.DataFrame, result: ChunkResult) -> pd.DataFrame:
        """Give the leads that were not archived, with the reasons of an undo."""
        stayed = leads[["row_number", "lead_id"]].merge(result.stayed, on="lead_id")
        stayed = as_stayed(stayed.assign(fields=""))
        unclear = stayed["why"].isin([Stay.NOT_SELECTED, Stay.CHANGED])
        if not unclear.any():
            return stayed
        ids = stayed["lead_id"][unclear]
        now = self.read_leads(leads[leads["lead_id"].isin(ids)])
        locked = now.free.assign(fields="", why=Kept.LOCKED.value, details="")
        return as_stayed(pd.concat([stayed[~unclear], now.stayed, locked]))


def _held_by(name: str, shape: Shape) -> "Select[Any]":
    """Word which leads of a dialer's table are in use, or were inserted since."""
    columns = shape.columns
    place = table(name, *map(column, columns))
    lead_ids = select(place.c.lead_id)
    if name == HOPPER:
        return lead_ids.where(place.c.status != "READY")
    if name != CALLBACKS:
        return lead_ids
    was_touched = place.c.status != "ACTIVE"
    if {"entry_time", "modify_date"} <= columns.keys():
        # A load stores the same value in both.
        was_touched = or_(was_touched, place.c.modify_date != place.c.entry_time)
    return lead_ids.where(place.c.status.in_(PENDING_CALLBACKS), was_touched)


def _why_not(
    found: pd.DataFrame, same: "pd.Series[bool]"
) -> tuple["pd.Series[str]", "pd.Series[str]"]:
    """Give why leads stay ("": they need not), and the details.

    Args:
        found: see `CURRENT_TYPES`; null for missing leads.
        same: whether they are as they were loaded.
    """
    holder = found["holder"].fillna("")
    count = pd.to_numeric(found["called_count"], errors="coerce").fillna(0)
    called = (count > 0) | ~found["called_since_last_reset"].isin(["N", ""])
    why = pd.Series(Kept.CHANGED, found.index, "str")
    details = "modify_date " + found["modify_date"].fillna("")
    why, details = why.mask(holder != "", Kept.HELD), details.mask(holder != "", holder)
    was_called = ~same & called
    why = why.mask(was_called, Kept.CALLED)
    details = details.mask(was_called, "status " + found["status"].fillna(""))
    is_free = same & (holder == "")
    return why.mask(is_free, ""), details.mask(is_free | found["lead_id"].isna(), "")


def _followed(result: ChunkResult, retried: ChunkResult) -> ChunkResult:
    """Combine the result of a chunk with that of its leads that were tried once more."""
    waited = result.stayed["details"] == WAITING
    counts = result.counts.plus(retried.counts)
    if len(result.stayed):
        counts = counts._replace(select_count=result.counts.select_count)
    children = dict(result.children)
    for name, more in retried.children.items():
        children[name] = children.get(name, Counts()).plus(more)
    return ChunkResult(
        counts,
        pd.concat([result.stayed[~waited], retried.stayed]),
        children,
        np.union1d(result.moved, retried.moved),
    )

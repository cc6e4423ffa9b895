"""Insert leads into vicidial_list, batch by batch; every lead_id is proven.

After a failure, the leads above the highest lead_id before the batch show what is stored; see
`loader.writing.batch` for the rest.
"""

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from loader.clock import moment_text
from loader.database.adapter import DIGESTED_BYTES, Written
from loader.database.catalogue import has_insert_trigger, table_names
from loader.database.connection import Database
from loader.database.locks import Confirm
from loader.dialer import ARCHIVE, LEADS
from loader.errors import LoaderError
from loader.findings import Findings, no_findings
from loader.frames.arrow import frame_of
from loader.writing.batch import Batch, BatchLog, Inserted
from loader.writing.doubt import Ids, settle
from loader.writing.fingerprints import (
    IDENTITY,
    SEPARATOR,
    as_texts,
    digests_of,
    fingerprints_of,
    join_as_texts,
    parts_by_bytes,
    read_texts,
    text_of,
)
from loader.writing.given_ids import gone_since, step_of
from loader.writing.guard import Guard
from loader.writing.lead_rows import as_stored
from loader.writing.matching import (
    cells_of,
    identities,
    inserted_of,
    matched,
    may_be_of,
    pair_again,
    pair_equal,
)
from loader.writing.writer import Writer

BatchOfLeads = TypeVar("BatchOfLeads", bound="_LeadBatch")


class LeadLog(BatchLog):
    """Keeps the state of a batch of leads; this one keeps nothing."""

    watermark: int = 0
    """The highest lead_id before it was sent."""
    moment: datetime | None = None
    """Also the entry_date of its leads; None: it was never sent."""
    known = Inserted()
    """What a process before this one knew."""

    next_id: int | None = None
    """The lead_id that was next to be given out then; None: it is not known."""

    def plan(
        self,
        watermark: int,
        moment: datetime,
        fingerprints: "pd.Series[int]",
        next_id: int | None = None,
    ) -> None:
        """Note what identifies the rows, before they are sent for the first time."""

    def leads_of_others(self) -> Collection[int]:
        """Give the lead_ids above the watermark that are known to be of other runs."""
        return ()

    def take_back(self, known: Inserted) -> None:
        """Forget what was noted with rows that are maybe not in; `known` is certain."""


class LeadInserter:
    """Inserts batches into vicidial_list."""

    def __init__(
        self,
        database: Database,
        columns: Iterable[str],
        writer: Writer | None = None,
        guard: Guard | None = None,
    ) -> None:
        """Take the names of the table's columns, a writer that others use too, and a guard."""
        self.database, self.columns = database, frozenset(columns)
        self.writer, self.guard = writer or Writer(database), guard or Guard()
        self.last = Inserted()
        """What is known of the last batch, even where an exception ended it."""

    def insert(self, leads: pd.DataFrame, user: str, log: "LeadLog | None" = None) -> Inserted:
        """Insert one batch; every row comes out stored, refused, doubtful or rejected.

        Args:
            leads: see `as_stored`, and the guard.
            user: the dialer user in whose name they are loaded.
            log: keeps the state of the batch; what it has is not repeated.

        Returns:
            What became of each row, by row_number; the lead_ids are those that it was given.

        Raises:
            DatabaseUnavailableError: no answer after all retries. What is stored by then stays;
                what is known of it is in `last`.
            LoaderError: the database cannot do this; likewise.
        """
        log = log or LeadLog()
        self.last = log.known
        if len(self.last.rows) == len(leads):
            return self.last
        if log.moment is None:
            batch = self._planned(_LeadBatch, leads, user, log)
        else:
            place = _Place(log.watermark, log.moment, log.next_id)
            batch = _LeadBatch(self, leads, user, place, log)
        try:
            batch.insert()
        finally:
            self.last = batch.known
        if batch.has_left:
            raise LoaderError("leads that were just inserted are not in vicidial_list")
        return self.last

    def try_insert(
        self, leads: pd.DataFrame, user: str, log: LeadLog, rejected: Findings, confirm: Confirm
    ) -> None:
        """Insert a batch as long as all goes well; `insert` does what is left, as `log` has it.

        Other connections may insert at the same time.

        Args:
            leads: see `insert`; nothing of them was sent.
            user: likewise.
            log: likewise; what it notes is committed with the leads.
            rejected: what the guard found about these leads.
            confirm: raises an error if that does not hold any more.
        """
        batch = self._planned(_SureBatch, leads, user, log)
        batch.known, batch.confirm = Inserted(rejected=rejected), confirm
        if not batch.try_once():
            log.take_back(batch.known)

    def _planned(
        self, kind: type[BatchOfLeads], leads: pd.DataFrame, user: str, log: LeadLog
    ) -> BatchOfLeads:
        place = self.database.read(self._place)
        batch = kind(self, leads, user, place, log)
        log.plan(place.watermark, place.now, batch.fingerprints, place.next_id)
        return batch

    def _place(self, connection: Connection) -> "_Place":
        statement = "SELECT COALESCE(MAX(lead_id), 0), NOW() FROM vicidial_list"
        highest, now = connection.exec_driver_sql(statement).one()
        next_id = self.database.adapter.next_id(connection, LEADS)
        return _Place(int(highest), datetime.fromisoformat(str(now)), next_id)


class _Place(NamedTuple):
    """Where the leads of a batch are."""

    watermark: int
    """Above this lead_id."""
    now: datetime
    """Their entry_date."""
    next_id: int | None
    """The lead_id that was next, if that is known."""


class _LeadBatch(Batch):
    """A batch of leads, which are found above the highest lead_id before it."""

    def __init__(
        self, inserter: LeadInserter, leads: pd.DataFrame, user: str, place: _Place, log: LeadLog
    ) -> None:
        stored = as_stored(leads, inserter.columns, user, place.now)
        super().__init__(inserter.writer, LEADS, frame_of(stored, leads.index), log)
        self.leads, self.guard, self.lead_log = leads, inserter.guard, log
        self.place, self.known = place, log.known
        self.texts = join_as_texts(stored, leads.index)
        self.fingerprints = fingerprints_of(self.texts)

    def turn(self, connection: Connection) -> AbstractContextManager[None]:
        """Let one run after the other insert."""
        return self.guard.turn(connection)

    def reject(self, rows: pd.DataFrame) -> Findings:
        """Let the guard decide; what is stored of the batch is known by now."""
        stored: Ids = np.asarray(self.known.lead_ids, dtype=np.int64)
        leads = self.leads if len(rows) == len(self.leads) else self.leads.loc[rows.index]
        return self.guard.reject_new(leads, stored)

    def read_back(
        self, connection: Connection, rows: pd.DataFrame, written: Written | None
    ) -> Inserted:
        """Find rows among the leads of the write, or among all leads above the watermark.

        If all are stored as they were sent, one after the other, the server proves it and no row is
        read. Otherwise rows are matched by all their values. Those that a trigger or a column's
        type changed are matched by the columns of `IDENTITY`; the rest by their order, if the write
        took all rows.
        """
        if written and (proven := self._proven(connection, rows, written)):
            return proven
        took_all = written is not None and written.rows == len(rows)
        if written and took_all and not self._commits_all(connection):
            return self._read_places(connection, rows, written)
        first = written.first_id if written and written.rows else self.place.watermark + 1
        since = f"lead_id >= {first}"
        if written is None:
            since = self._since
        stored = read_texts(connection, since, list(rows.columns), self.database.adapter)
        stored = stored[~stored.index.isin(self.known.lead_ids)]
        if stored.empty:
            return Inserted()
        wanted = self.texts[rows.index]
        first_leads = stored[: len(wanted)]
        if first_leads.tolist() == wanted.tolist():
            return inserted_of(
                pd.Series(first_leads.index, index=rows.index, dtype="int64"), first_leads
            )
        all_stored, equal = stored, pair_equal(wanted, stored)
        wanted, stored = wanted.drop(equal.index), stored.drop(equal)
        keeps_list = written is None and not has_insert_trigger(connection, self.table)
        identity = IDENTITY if keeps_list else IDENTITY[:2]
        cut = partial(identities, count=len(identity))
        alike = pair_equal(cut(wanted), cut(stored))
        if took_all:
            wanted, stored = wanted.drop(alike.index), stored.drop(alike)
            rest = pd.Series(stored.index[: len(wanted)], index=wanted.index[: len(stored)])
            alike = pd.concat([alike, rest.astype("int64")])
        inserted = matched(rows, equal, alike, all_stored)
        if keeps_list:
            # Somebody may have changed them since: then they are not as they were loaded.
            inserted.fingerprints[alike.index] = fingerprints_of(as_texts(rows.loc[alike.index]))
        return inserted

    def _read_places(
        self, connection: Connection, rows: pd.DataFrame, written: Written
    ) -> Inserted:
        """Find the rows of a statement that kept all others from inserting, and took all of them.

        Each has the lead_id of its place: a lead that is gone was stored, and deleted since.
        """
        step, places = step_of(connection)[0], np.arange(len(rows), dtype=np.int64)
        lead_ids = pd.Series(written.first_id + step * places, index=rows.index)
        within = f"lead_id BETWEEN {lead_ids.iloc[0]} AND {lead_ids.iloc[-1]}"
        stored = read_texts(connection, within, list(rows.columns), self.database.adapter)
        there = lead_ids[lead_ids.isin(stored.index)]
        is_equal = stored.reindex(there).set_axis(there.index) == self.texts[there.index]
        found = matched(rows, there[is_equal], there[~is_equal], stored)
        gone = lead_ids.drop(there.index)
        lost = dict(zip(gone.index.tolist(), gone.tolist(), strict=True))
        return found + Inserted(doubtful=lost)

    def _commits_all(self, connection: Connection) -> bool:
        return self.database.adapter.is_transactional(connection, LEADS)

    def _proven(
        self, connection: Connection, rows: pd.DataFrame, written: Written
    ) -> Inserted | None:
        """Let the server prove that each row has the lead_id of its place, and all its values.

        A hash that no chance can hit has the leads in their order: a lead of somebody else among
        them, or two that have changed places, are seen.
        """
        if written.rows != len(rows):
            return None
        wanted, fingerprints, names = self.texts, self.fingerprints, list(rows.columns)
        if len(rows) < len(wanted):
            wanted, fingerprints = wanted[rows.index], fingerprints[rows.index]
        counts = parts_by_bytes(wanted, DIGESTED_BYTES)
        adapter = self.database.adapter
        found = adapter.digest_texts(
            connection,
            self.table,
            text_of(names, adapter),
            ord(SEPARATOR),
            written.first_id,
            counts,
        )
        if found is None or found.sha256 != digests_of(wanted, counts):
            return None
        lead_ids = written.first_id + found.step * np.arange(len(rows), dtype=np.int64)
        return Inserted(pd.Series(lead_ids, index=rows.index), fingerprints=fingerprints)

    @property
    def _since(self) -> str:
        """Word which leads may be of this batch; others may have inserted many since."""
        return f"lead_id > {self.place.watermark} AND entry_date = '{moment_text(self.place.now)}'"

    def read_lost(self, connection: Connection, rows: pd.DataFrame) -> Inserted:
        """Find also the leads that somebody has changed, archived or deleted since they were sent.

        Of a lead that was deleted nobody can know more than that there is a hole.
        """
        found = self.read_back(connection, rows, None)
        rest = rows[~rows.index.isin(found.lead_ids.index)]
        if rest.empty or self.place.next_id is None:
            return found
        tables = [name for name in (LEADS, ARCHIVE) if name in table_names(connection)]
        others = self._others(connection, found, list(rows.columns), tables)
        again = pair_again(rest, others)
        lead_ids = pd.concat([found.lead_ids, again])
        others = others[~others.index.isin(again)]
        may_be_ours = may_be_of(cells_of(others, rows), rest)
        ours = others.index[may_be_ours].to_numpy(np.int64)
        if self._commits_all(connection) and lead_ids.empty:
            return found  # all of it was rolled back
        first = max(self.place.next_id, self.place.watermark + 1)
        gone = gone_since(connection, self.database.adapter, first, tables)
        lead_ids = lead_ids.reindex(rows.index).fillna(0).astype("int64")
        doubt = settle(lead_ids, ours, gone, step_of(connection)[0])
        again = pd.concat([again, doubt.changed])
        # As they were sent: what somebody has changed since is not as it was loaded.
        prints = fingerprints_of(as_texts(rows.loc[again.index]))
        return found + Inserted(again, doubtful=doubt.lost, fingerprints=prints)

    def _others(
        self, connection: Connection, found: Inserted, columns: list[str], tables: Iterable[str]
    ) -> "pd.Series[str]":
        """Read the leads of the batch's second that no row was found in, see `read_texts`."""
        adapter = self.database.adapter
        stored = pd.concat(
            [read_texts(connection, self._since, columns, adapter, name) for name in tables]
        )
        known = [*self.known.lead_ids, *found.lead_ids, *self.lead_log.leads_of_others()]
        return stored[~stored.index.duplicated() & ~stored.index.isin(known)].sort_index()


class _SureBatch(_LeadBatch):
    """One of several batches at the same time: all of it is in, as it was sent, or none."""

    confirm: Confirm

    def turn(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002
        """It is the turn of all of them."""
        return nullcontext()

    def reject(self, rows: pd.DataFrame) -> Findings:  # noqa: ARG002
        """That was found of all of them at once."""
        return no_findings()

    def read_back(
        self, connection: Connection, rows: pd.DataFrame, written: Written | None
    ) -> Inserted:
        """Let the server prove it; leads of others must not be searched for rows of this batch."""
        proven = self._proven(connection, rows, written) if written else None
        if proven is None:
            raise LoaderError("leads are not as they were sent")
        self.confirm(connection)
        return proven

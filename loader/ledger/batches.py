"""The batches of one run in the ledger; a process that resumes the run reads them.

An entry is written before its batch is sent, with all that is needed to find the rows in the table.
The result is committed together with the batch if leads and ledger share a database that has
transactions. Otherwise it is written afterwards, and read from the leads if it is missing.
"""

import itertools
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from loader.clock import moment_text
from loader.database.connection import Database
from loader.database.sql import STATEMENT_BYTES
from loader.dialer import LEADS
from loader.errors import LoaderError
from loader.ledger import tables
from loader.ledger.encoding import (
    Json,
    decode_extra,
    decode_inserted,
    decode_numbers,
    decode_rows,
    decode_updated,
    encode_extra,
    encode_inserted,
    encode_numbers,
    encode_rows,
    encode_sent,
    encode_updated,
)
from loader.ledger.runs import Ledger, read_changes
from loader.writing.batch import Inserted
from loader.writing.changes import ChangeLog, Updated
from loader.writing.extras import ExtraLog, InsertedExtra
from loader.writing.leads import LeadLog

Columns = dict[str, Any]
More = Callable[[Connection], None]


class BatchLedger:
    """Makes the entries of a run's batches, in the order in which they are sent."""

    def __init__(self, ledger: Ledger, run: str, owner: str) -> None:
        """Take a run that this process works on, see `RunRecord.owner`."""
        self.ledger, self.run, self.owner = ledger, run, owner
        self._numbers = itertools.count(1)
        self._atomic: dict[str, bool] = {}
        batches = tables.batches.c
        asked = select(batches.row_count).where(batches.run == run).order_by(batches.number)
        self.begun = ledger.database.read(lambda it: it.execute(asked).scalars().all())
        """The rows of each batch that was begun by a process before this one."""

    def is_atomic(self, table: str) -> bool:
        """Say whether rows of a table and the ledger are committed together."""
        if table not in self._atomic:
            database = self.ledger.database
            self._atomic[table] = self.ledger.is_shared and database.read(
                lambda connection: database.adapter.is_transactional(connection, table)
            )
        return self._atomic[table]

    def fence(self) -> None:
        """See that sessions that are lost commit nothing more, see `Ledger.fence`."""
        self.ledger.fence(self.run, self.owner)

    def next_number(self) -> int:
        """Give the number of the next batch."""
        return next(self._numbers)

    def leads(self, rows: pd.Index, database: Database | None = None) -> "LeadEntry":
        """Give the entry of the next batch: of new leads, by row_number.

        `database` has the leads; None: so has the ledger's.
        """
        return LeadEntry(self, self.next_number(), rows, database or self.ledger.database)

    def begin(self, entries: Sequence["LeadEntry"]) -> None:
        """Write new entries, all or none: numbers of batches have no gap, whatever is killed.

        Raises:
            BusyError: another process has taken over the run.
        """
        first, *others = entries

        def begin_others(connection: Connection) -> None:
            for entry in others:
                entry.begin(connection)

        first.write_alone(BEGUN, begin_others)
        for entry in others:
            entry.is_there = True

    def changes(self, rows: pd.Index) -> "ChangeEntry":
        """Give the entry of the next batch: of changes of existing leads."""
        return ChangeEntry(self, self.next_number(), rows)


BEGUN: Columns = {"state": "begun"}
"""Of a batch of which nothing was sent."""


class Entry:
    """One row of the ledger's batches."""

    kind = ""

    def __init__(self, batch_ledger: BatchLedger, number: int, rows: pd.Index) -> None:
        self.batch_ledger, self.number = batch_ledger, number
        first, last = int(rows.min()), int(rows.max())
        self._columns = {"first_row": first, "last_row": last, "row_count": len(rows)}
        self.session: str | None = None
        self.detail: Json = {}
        self.is_there: bool | None = False
        """Whether the table has the row; None: the answer to its commit was lost."""
        batches = tables.batches
        self._mine = (batches.c.run == batch_ledger.run, batches.c.number == number)
        found = None
        if number <= len(batch_ledger.begun):
            found = self._read(batch_ledger.ledger)
        if found is not None:
            if found["kind"] != self.kind or any(found[n] != v for n, v in self._columns.items()):
                raise LoaderError(
                    f"run {batch_ledger.run}: batch {number} of the ledger has other rows than the "
                    "plan in the results folder; `leadloader undo` takes the run back"
                )
            self.is_there, self.session = True, found["session"]
            self.detail = json.loads(found["detail"])
            self.take_up(found)

    def _read(self, ledger: Ledger) -> RowMapping | None:
        """Read the entry, as it is once the session that sent the batch has ended."""
        asked = select(tables.batches).where(*self._mine)
        found = ledger.database.read(lambda it: it.execute(asked).mappings().one_or_none())
        if found is None or not found["session"] or not ledger.is_shared:
            return found
        ledger.database.end_session(found["session"])
        self.fence()
        return ledger.database.read(lambda it: it.execute(asked).mappings().one_or_none())

    def fence(self) -> None:
        """See that a session that is lost commits nothing more, see `Ledger.fence`."""
        self.batch_ledger.fence()

    def take_up(self, found: RowMapping) -> None:
        """Restore the state from the entry that a process before this one wrote."""

    def write(
        self, connection: Connection, columns: Columns, more: More | None = None, *, commits: bool
    ) -> None:
        """Write the entry: by the batch's connection if the ledger is in the same database.

        `more` is written with it. To commit fails if another process has taken over the run.
        """
        if self.batch_ledger.ledger.is_shared:
            # On a cluster each commit changes the row of the run, or it could not be fenced.
            is_node = self.batch_ledger.ledger.database.adapter.is_node
            self._write(connection, columns, more, refuses=commits or is_node)
            if commits:
                self._commit(connection)
        else:
            self.write_alone(columns, more)

    def begin(self, connection: Connection) -> None:
        """Write a new entry in a transaction of several."""
        self._write(connection, BEGUN, refuses=False)
        self.is_there = None

    def write_alone(self, columns: Columns, more: More | None = None) -> None:
        """Write the entry by a separate connection, and commit."""
        database = self.batch_ledger.ledger.database
        for attempt in database.retrying():
            with attempt, database.connect() as connection:
                self._write(connection, columns, more, refuses=True)
                self._commit(connection)

    def _commit(self, connection: Connection) -> None:
        self.is_there = self.is_there or None
        connection.commit()
        self.is_there = True

    def _write(
        self,
        connection: Connection,
        columns: Columns,
        more: More | None = None,
        *,
        refuses: bool,
    ) -> None:
        batch_ledger, batches = self.batch_ledger, tables.batches
        if refuses:
            batch_ledger.ledger.refuse_other_owner(connection, batch_ledger.run, batch_ledger.owner)
        values = {**columns, "detail": json.dumps(self.detail)}
        if not self.is_there:
            key = {"run": batch_ledger.run, "number": self.number, "kind": self.kind}
            new = insert(batches).values(**key, **self._columns, **values)
            repeated = batch_ledger.ledger.database.adapter.insert_or_ignore(new)
            connection.execute(new if self.is_there is False else repeated)
        if self.is_there is not False:
            connection.execute(update(batches).where(*self._mine).values(**values))
        if more:
            more(connection)


class LeadEntry(Entry, LeadLog):
    """The entry of a batch of new leads."""

    kind = "new"

    def __init__(
        self, batch_ledger: BatchLedger, number: int, rows: pd.Index, database: Database
    ) -> None:
        """Take the entry as the ledger has it, or a new one, and the database of the leads."""
        self._extras: dict[str, InsertedExtra] = {}
        self._has_news = False
        self._sent: Json = {}
        self._is_resumed, self._database, self._waits = False, database, database.waits
        super().__init__(batch_ledger, number, rows)

    @property
    def is_late(self) -> bool:
        """Say whether people may have been at work since; see `BatchLog`."""
        return self._is_resumed or self._database.waits > self._waits

    @property
    def is_atomic(self) -> bool:
        """Say whether leads and ledger are committed together."""
        return self.batch_ledger.is_atomic(LEADS)

    def committed(self) -> Inserted:
        """Read the entry."""
        found = self._read(self.batch_ledger.ledger)
        return decode_inserted(json.loads(found["detail"])) if found else Inserted()

    def take_up(self, found: RowMapping) -> None:
        """Restore the state from the entry that a process before this one wrote."""
        if found["moment"] is None:
            return  # it was begun, and never sent
        self.was_sent = self._is_resumed = True
        self.watermark = found["watermark"]
        self.moment = datetime.fromisoformat(found["moment"])
        self.known = decode_inserted(self.detail)
        self._sent = {name: self.detail[name] for name in SENT if name in self.detail}
        self.next_id = self.detail.get("next")
        extras = self.detail.get("extras", {})
        self._extras = {table: decode_extra(each) for table, each in extras.items()}

    def plan(
        self,
        watermark: int,
        moment: datetime,
        fingerprints: "pd.Series[int]",
        next_id: int | None = None,
    ) -> None:
        """Note what identifies the rows."""
        self.watermark, self.moment, self.next_id = watermark, moment, next_id
        self.detail = self._sent = encode_sent(fingerprints, next_id)

    def leads_of_others(self) -> Collection[int]:
        """Read the batches of other runs."""
        its = self.batch_ledger
        return its.ledger.leads_of_others(its.run, self.watermark)

    def take_back(self, known: Inserted) -> None:
        """Forget what was noted and maybe not committed."""
        self.known, self.was_sent = known, True

    def sending(self, connection: Connection, known: Inserted) -> None:
        """Note the session and what is known; the last note may have been rolled back."""
        self.session = connection.info.get("session")
        self.known = known
        self.detail = self._sent | encode_inserted(known)
        self._note(connection, state="sent", commits=True)

    def rejected(self, connection: Connection, known: Inserted) -> None:
        """Note which rows are not sent, unless that is committed together with the others."""
        if not self.is_atomic:
            self.detail = self._sent | encode_inserted(known)
            self._note(connection, state="sent", commits=True)

    def stored(self, connection: Connection, known: Inserted) -> None:
        """Note the result in the transaction of the batch."""
        if not self.batch_ledger.ledger.is_shared:
            return  # not before the commit: `ended` notes it
        self._take(known)
        self._note(connection, state=self._state(known), commits=False)

    def ended(self, known: Inserted) -> None:
        """Note the result, unless the entry has it already."""
        if self.known is not known:
            self._take(known)
            self.write_alone({"state": self._state(known), **self._found(known)})

    def known_extra(self, table: str) -> InsertedExtra | None:
        """Give the result for the rows of one extra table, if it is known."""
        return self._extras.get(table)

    def extra_log(self, table: str) -> ExtraLog:
        """Give what keeps the state of the rows of one extra table."""
        return _ExtraEntry(self, table)

    def set_back(self, fingerprints: "pd.Series[int]") -> None:
        """Replace the fingerprints of leads that were changed after their insert, by lead_id.

        `write_extras` writes it.
        """
        prints, lead_ids = self.known.fingerprints.copy(), self.known.lead_ids
        changed = lead_ids[lead_ids.isin(fingerprints.index)]
        prints[changed.index] = fingerprints[changed].to_numpy()
        self._take(replace(self.known, fingerprints=prints))

    def note_extra(self, table: str, stored: InsertedExtra) -> None:
        """Keep the result of one table; `write_extras` writes it, once for all tables."""
        self.detail.setdefault("extras", {})[table] = encode_extra(stored)
        for noted in (EXTRAS_SENT, EXTRAS_COUNTED):
            self.detail.get(noted, {}).pop(table, None)
        self._has_news = True

    def write_extras(self) -> None:
        """Note the results of the extra tables, unless the entry has them already.

        A process that resumes the batch reads missing results from the tables.
        """
        if self._has_news:
            self.write_alone({})
            self._has_news = False

    def _take(self, known: Inserted) -> None:
        self.known = known
        self.detail = self.detail | encode_inserted(known)
        if self._state(known) == "stored":
            for name in SENT:
                self.detail.pop(name, None)

    def _state(self, known: Inserted) -> str:
        return "stored" if len(known.rows) == self._columns["row_count"] else "sent"

    def _found(self, known: Inserted) -> dict[str, int]:
        ids = known.lead_ids
        if ids.empty:
            return {}
        return {"first_lead_id": int(ids.min()), "last_lead_id": int(ids.max())}

    def _note(self, connection: Connection, *, state: str, commits: bool) -> None:
        moment = self.moment and moment_text(self.moment)
        columns: Columns = {"state": state, "session": self.session, "moment": moment}
        columns |= {"watermark": self.watermark, **self._found(self.known)}
        self.write(connection, columns, commits=commits)


class _ExtraEntry(ExtraLog):
    """Keeps the state of the rows of one extra table of a batch, in the entry of its leads.

    That they are about to be sent is noted before, unless they and the note are committed together.
    """

    def __init__(self, leads: LeadEntry, table: str) -> None:
        self._leads, self._table = leads, table
        self._noted = leads.detail.setdefault(EXTRAS_SENT, {})
        self._counted = leads.detail.setdefault(EXTRAS_COUNTED, {})
        self.session, self.moment = leads.session, leads.moment
        self.was_sent = table in self._noted
        self.stored_rows = decode_rows(self._noted.get(table, []))
        if table in self._counted:
            self.counts = decode_numbers(self._counted[table])
        self._is_atomic = leads.batch_ledger.is_atomic(table)

    @property
    def is_late(self) -> bool:
        """Say whether people may have been at work since; see `BatchLog`."""
        return self._leads.is_late

    def fence(self) -> None:
        """See that a session that is lost commits nothing more, see `Ledger.fence`."""
        self._leads.fence()

    def sending(self, connection: Connection, known: Inserted) -> None:
        """Note what is known, and the session."""
        session = connection.info.get("session")
        counts = None if self.counts is None else encode_numbers(self.counts)
        is_news = self._table not in self._noted or counts != self._counted.get(self._table)
        # A note before this one may have been rolled back.
        self._noted[self._table] = encode_rows(known.lead_ids.index)
        if counts is not None:
            self._counted[self._table] = counts
        if (is_news and not self._is_atomic) or session != self._leads.session:
            self._leads.session = session
            self._leads.write(connection, {"session": session}, commits=True)

    def stored(self, connection: Connection, known: Inserted) -> None:
        """Note what is stored in the transaction of the rows."""
        if self._leads.batch_ledger.ledger.is_shared:
            self._noted[self._table] = encode_rows(known.lead_ids.index)
            self._leads.write(connection, {}, commits=False)


class ChangeEntry(Entry, ChangeLog):
    """The entry of a batch of changes to existing leads; the changes have a separate table."""

    kind = "changes"

    def __init__(self, batch_ledger: BatchLedger, number: int, rows: pd.Index) -> None:
        """Take the entry as the ledger has it, or a new one."""
        self._noted: set[int] = set()
        """Rows whose changes the table has, if the transaction was committed."""
        super().__init__(batch_ledger, number, rows)

    def take_up(self, found: RowMapping) -> None:
        """Restore the state from the entry that a process before this one wrote."""
        changes = read_changes(self.batch_ledger.ledger.database, found["run"], self.number)
        changes = changes.set_index("row_number")
        is_done = changes.pop("done") == 1
        self.planned = changes[~is_done]
        self.known = decode_updated(self.detail, changes[is_done])
        modified = pd.Series(self.detail.get("modified", {}), dtype="str")
        self.modified = modified.set_axis(modified.index.astype("int64"))

    @property
    def is_atomic(self) -> bool:
        """Say whether leads and ledger are committed together."""
        return self.batch_ledger.is_atomic(LEADS)

    def committed(self) -> pd.Index:
        """Read the changes that are noted as done."""
        its = self.batch_ledger
        changes = read_changes(its.ledger.database, its.run, self.number)
        rows: pd.Index = pd.Index(changes["row_number"][changes["done"] == 1].unique())
        return rows

    def sending(
        self, connection: Connection, changes: pd.DataFrame, modified: "pd.Series[str]"
    ) -> None:
        """Note what is about to be changed."""
        self.session = connection.info.get("session")
        self.detail["modified"] = modified.to_dict()
        rows = changes.index.unique()
        self.write(
            connection,
            {"state": "sent", "session": self.session},
            lambda its: self._replace(its, rows, changes, done=0),
            commits=True,
        )

    def stored(self, connection: Connection, sent: pd.Index, done: Updated) -> None:
        """Note what was changed, in the same transaction."""
        if not self.batch_ledger.ledger.is_shared:
            return  # not before the commit: `ended` notes it
        self._noted.update(sent)
        self.write(
            connection,
            {},
            lambda its: self._replace(its, sent, done.changes, done=1),
            commits=False,
        )

    def lost(self, sent: pd.Index) -> None:
        """Forget that it was noted: it may have been rolled back with the changes."""
        self._noted.difference_update(sent)

    def ended(self, known: Updated) -> None:
        """Note what became of all rows."""
        self.detail = encode_updated(known)
        new = known.changes[~known.changes.index.isin([*self._noted])]
        other = [*known.gone, *known.contended, *known.refused, *known.unchanged]
        other += known.rejected.index.tolist()
        rows = pd.Index([*{*new.index, *other} - self._noted], dtype="int64")
        self.write_alone({"state": "stored"}, lambda its: self._replace(its, rows, new, done=1))

    def _replace(
        self, connection: Connection, rows: pd.Index, changes: pd.DataFrame, *, done: int
    ) -> None:
        """Replace the changes that the ledger has for some rows."""
        table, batch_ledger = tables.changes, self.batch_ledger
        mine = (table.c.run == batch_ledger.run, table.c.number == self.number)
        numbers = rows.tolist()
        if numbers and self.is_there is not False:
            connection.execute(delete(table).where(*mine, table.c.row_number.in_(numbers)))
        key = {"run": batch_ledger.run, "number": self.number, "done": done}
        frame = changes.rename_axis("row_number").reset_index()
        bytes_of = frame["old"].str.len().fillna(0) + frame["new"].str.len().fillna(0) + 200
        # A quarter: characters of four bytes.
        statement = np.cumsum(bytes_of.to_numpy()) // (STATEMENT_BYTES // 4)
        for _, part in frame.astype(object).where(frame.notna(), None).groupby(statement):
            rows_of = part.to_dict("records")
            connection.execute(insert(table), [{**key, **row} for row in rows_of])  # type: ignore[dict-item]  # all names are text


SENT = ("sent", "next")
"""What is noted of rows until their result is known."""

EXTRAS_SENT = "extras sent"
"""By table, the rows that come with the leads and are known to be stored; the others may be."""

EXTRAS_COUNTED = "extras counted"
"""By table, what counts the rows of a lead, of those that were sent; only if that was changed."""

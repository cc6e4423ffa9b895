"""The entry of a batch of new leads, and of the rows of other tables that come with them."""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, RowMapping

from loader.clock import moment_text
from loader.database.connection import Database
from loader.ledger.batches import BatchLedger, Columns, Entry
from loader.ledger.encoding import (
    Json,
    decode_extra,
    decode_inserted,
    decode_numbers,
    decode_rows,
    encode_extra,
    encode_inserted,
    encode_numbers,
    encode_rows,
    encode_sent,
)
from loader.ledger.run_batches import RunBatches
from loader.writing.batch import Inserted
from loader.writing.extras import ExtraLog, InsertedExtra
from loader.writing.leads import LeadLog

SENT = ("sent", "next")
"""What is noted of rows until their result is known."""

EXTRAS_SENT = "extras sent"
"""By table, the rows that come with the leads and are known to be stored; the others may be."""

EXTRAS_COUNTED = "extras counted"
"""By table, what counts the rows of a lead, of those that were sent; only if that was changed."""


class LeadEntry(Entry, LeadLog):
    """The entry of a batch of new leads."""

    kind = "new"

    def __init__(self, batch_ledger: BatchLedger, rows: pd.Index, database: Database) -> None:
        """Take the entry, see `Entry`, and the database of the leads."""
        self._extras: dict[str, InsertedExtra] = {}
        self._has_news = False
        self._sent: Json = {}
        self._is_resumed, self._database, self._waits = False, database, database.waits
        super().__init__(batch_ledger, rows)

    @property
    def is_late(self) -> bool:
        """Say whether people may have been at work since; see `BatchLog`."""
        return self._is_resumed or self._database.waits > self._waits

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
        return RunBatches(its.ledger, its.run).leads_of_others(self.watermark)

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
            self.write_alone({"state": self._state(known), **self._lead_id_range(known)})

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

    def _lead_id_range(self, known: Inserted) -> dict[str, int]:
        ids = known.lead_ids
        if ids.empty:
            return {}
        return {"first_lead_id": int(ids.min()), "last_lead_id": int(ids.max())}

    def _note(self, connection: Connection, *, state: str, commits: bool) -> None:
        moment = self.moment and moment_text(self.moment)
        columns: Columns = {"state": state, "session": self.session, "moment": moment}
        columns |= {"watermark": self.watermark, **self._lead_id_range(self.known)}
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

"""What the batches of a run did, as the ledger has it."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pandas as pd
from sqlalchemy import RowMapping, select

from loader.database.connection import Database
from loader.dialer import LEADS
from loader.ledger import tables
from loader.ledger.encoding import SentBatch, decode_inserted, decoded_leads, sent_fingerprints
from loader.ledger.runs import Ledger


class RunBatches:
    """The leads and changes of one run."""

    def __init__(self, ledger: Ledger, run: str) -> None:
        """Take the name of a run that the ledger has."""
        self._ledger, self._database, self._run = ledger, ledger.database, run

    def new_leads(self) -> Iterator[pd.DataFrame]:
        """Give the leads that a run inserted, a frame for each batch.

        Returns:
            row_number (int64), lead_id (int64), fingerprint (uint32): of the lead as it was stored,
            see `loader.writing.fingerprints.read_fingerprints`. Rows without a known result are
            left out.
        """
        for number in self._numbers("new", "sent", "stored"):
            yield decoded_leads(self._batch(number))

    def rows_in(self) -> int:
        """Count the rows of an import that are in so far, as new leads or changes."""
        numbers = self._numbers("changes", "sent", "stored")
        changes = (read_changes(self._database, self._run, number) for number in numbers)
        changed = sum(frame["row_number"][frame["done"] == 1].nunique() for frame in changes)
        return sum(map(len, self.new_leads())) + changed

    def sent_leads(self) -> Iterator[SentBatch]:
        """Give the batches in which some rows have no known result."""
        for number in self._numbers("new", "sent"):
            sent = sent_fingerprints(self._batch(number))
            others = tuple(self.leads_of_others(sent.watermark))
            yield replace(sent, of_others=others, is_certain=self._commits_together())

    def leads_of_others(self, above: int) -> list[int]:
        """Give the lead_ids above one of leads that other runs inserted."""
        batches = tables.batches.c
        asked = select(batches.detail).where(
            batches.run != self._run, batches.kind == "new", batches.last_lead_id > above
        )
        details = self._database.read(lambda it: it.execute(asked).scalars().all())
        found = (decode_inserted(json.loads(detail)) for detail in details)
        return [lead_id for batch in found for lead_id in batch.lead_ids]

    def sessions(self) -> list[str]:
        """Give the sessions that may still be at work for a run, see `Database.end_session`."""
        batches = tables.batches.c
        asked = select(batches.session).where(batches.run == self._run, batches.state == "sent")
        found = self._database.read(lambda connection: connection.execute(asked).scalars().all())
        return [session for session in found if session]

    def changes(self) -> Iterator[pd.DataFrame]:
        """Give what a run changed, or may have changed, in existing leads; a frame for each batch.

        Where changes and ledger are committed together, those that are not noted as done were not
        made.

        Returns:
            row_number (int64), lead_id (int64), field (str), old, new (str, null for NULL).
        """
        is_certain = self._commits_together()
        for number in self._numbers("changes", "sent", "stored"):
            found = read_changes(self._database, self._run, number)
            was_made = (found.pop("done") == 1) | (not is_certain)
            yield found[was_made].reset_index(drop=True)

    def _commits_together(self) -> bool:
        """Say whether leads and what is noted of them are committed together."""
        adapter = self._database.adapter
        return self._ledger.is_shared and self._database.read(
            lambda connection: adapter.is_transactional(connection, LEADS)
        )

    def _numbers(self, kind: str, *states: str) -> list[int]:
        batches = tables.batches.c
        asked = (
            select(batches.number)
            .where(batches.run == self._run, batches.kind == kind, batches.state.in_(states))
            .order_by(batches.number)
        )
        return list(self._database.read(lambda it: it.execute(asked).scalars().all()))

    def _batch(self, number: int) -> RowMapping:
        batches = tables.batches
        asked = select(batches).where(batches.c.run == self._run, batches.c.number == number)
        return self._database.read(lambda connection: connection.execute(asked).mappings().one())


def read_changes(database: Database, run: str, number: int) -> pd.DataFrame:
    """Read the changes of one batch of a run, see `RunBatches.changes`, with `done` (int64)."""
    types = {"row_number": "int64", "lead_id": "int64", "field": "str", "old": "str", "new": "str"}
    changes = tables.changes
    columns = [changes.c[column] for column in (*types, "done")]
    asked = (
        select(*columns)
        .where(changes.c.run == run, changes.c.number == number)
        .order_by(changes.c.row_number)
    )
    rows = database.read(lambda connection: connection.execute(asked).all())
    found = pd.DataFrame([tuple(row) for row in rows], columns=[*types, "done"])
    return found.astype(types | {"done": "int64"})

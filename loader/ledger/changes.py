"""The entry of a batch of changes to existing leads; each change has a row of its own."""

import numpy as np
import pandas as pd
from sqlalchemy import Connection, RowMapping, delete, insert

from loader.database.sql import STATEMENT_BYTES
from loader.ledger import tables
from loader.ledger.batches import BatchLedger, Entry
from loader.ledger.encoding import decode_updated, encode_updated
from loader.ledger.run_batches import read_changes
from loader.writing.changes import ChangeLog, Updated


class ChangeEntry(Entry, ChangeLog):
    """The entry of a batch of changes to existing leads; the changes have a separate table."""

    kind = "changes"

    def __init__(self, batch_ledger: BatchLedger, rows: pd.Index) -> None:
        """Take the entry, see `Entry`."""
        self._noted: set[int] = set()
        """Rows whose changes the table has, if the transaction was committed."""
        super().__init__(batch_ledger, rows)

    def take_up(self, found: RowMapping) -> None:
        """Restore the state from the entry that a process before this one wrote."""
        changes = read_changes(self.batch_ledger.ledger.database, found["run"], self.number)
        changes = changes.set_index("row_number")
        is_done = changes.pop("done") == 1
        self.planned = changes[~is_done]
        self.known = decode_updated(self.detail, changes[is_done])
        modified = pd.Series(self.detail.get("modified", {}), dtype="str")
        self.modified = modified.set_axis(modified.index.astype("int64"))

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

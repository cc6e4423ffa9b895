"""The batches of one run in the ledger; a process that resumes the run reads them.

An entry is written before its batch is sent, with all that is needed to find the rows in the table.
The result is committed together with the batch if leads and ledger share a database that has
transactions. Otherwise it is written afterwards, and read from the leads if it is missing.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection, RowMapping, insert, select, update

from loader.dialer import LEADS
from loader.errors import LoaderError
from loader.ledger import tables
from loader.ledger.runs import Ledger

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

    def begin(self, entries: Sequence["Entry"]) -> None:
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


BEGUN: Columns = {"state": "begun"}
"""Of a batch of which nothing was sent."""


class Entry:
    """One row of the ledger's batches."""

    kind = ""

    def __init__(self, batch_ledger: BatchLedger, rows: pd.Index) -> None:
        """Take the entry of the next batch as the ledger has it, or a new one; rows: row_number.

        Raises:
            LoaderError: the ledger has another batch in its place.
        """
        self.batch_ledger, self.number = batch_ledger, batch_ledger.next_number()
        first, last = int(rows.min()), int(rows.max())
        self._columns = {"first_row": first, "last_row": last, "row_count": len(rows)}
        self.session: str | None = None
        self.detail: dict[str, Any] = {}
        self.is_there: bool | None = False
        """Whether the table has the row; None: the answer to its commit was lost."""
        batches = tables.batches
        self._mine = (batches.c.run == batch_ledger.run, batches.c.number == self.number)
        found = None
        if self.number <= len(batch_ledger.begun):
            found = self._read(batch_ledger.ledger)
        if found is not None:
            if found["kind"] != self.kind or any(found[n] != v for n, v in self._columns.items()):
                raise LoaderError(
                    f"run {batch_ledger.run}: batch {self.number} of the ledger has other rows "
                    "than the plan in the results folder; `leadloader undo` takes the run back"
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

    @property
    def is_atomic(self) -> bool:
        """Say whether leads and ledger are committed together."""
        return self.batch_ledger.is_atomic(LEADS)

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

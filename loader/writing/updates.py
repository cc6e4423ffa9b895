"""Changes to existing leads of vicidial_list, while the dialer changes them too.

A lead is written only if it still has the values that the change is based on: the statement itself
compares them. After a failure the leads are read, and only changes that did not happen are decided
and sent again. That works with and without transactions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from sqlalchemy import Connection

from loader.database.connection import Database
from loader.dialer import LEADS
from loader.errors import RowDataError
from loader.options.load import LoadOptions
from loader.writing.changes import (
    ChangeLog,
    Updated,
    as_changes,
    differing_cells,
    fields_of,
    fields_to_change,
    no_changes,
    wanted_values,
)
from loader.writing.differences import Difference
from loader.writing.guard import Guard

MODIFIED = "modify_date"
"""The dialer's tables set it at each change of a row."""

UPDATE_ROUNDS = 5
"""Attempts to read and write a lead that others change in between."""


class LeadUpdater:
    """Updates or moves the existing leads that the rows of a batch are duplicates of."""

    def __init__(
        self,
        database: Database,
        columns: Iterable[str],
        guard: Guard | None = None,
        *,
        is_atomic: bool = True,
    ) -> None:
        """Take the names of the table's columns, as the database gives them, and a guard.

        `is_atomic`: a change is undone with its transaction.
        """
        self.database, self.columns = database, tuple(columns)
        self.stamp = () if is_atomic or MODIFIED not in self.columns else (MODIFIED,)
        """The column that tells whether anybody wrote a lead, where that matters."""
        self.guard = guard or Guard()
        self.last = Updated()
        """What is known of the last batch, even where an exception ended it."""

    def plan(
        self, leads: pd.DataFrame, options: LoadOptions, fields: Iterable[str]
    ) -> pd.DataFrame:
        """Say what `update` would change now; nothing is written.

        Args:
            leads: existing_lead_id (int64, unique), list_id (int64) and fields (str); index
                row_number.
            options: on_duplicate and update_fields are read.
            fields: those that the file's mapping fills.

        Returns:
            The changes, see `loader.writing.changes.CHANGE_TYPES`.
        """
        before = self.read_leads(leads, fields_to_change(options, fields, self.columns))
        return as_changes(before, wanted_values(leads.loc[before.index], before, options))

    def update(
        self,
        leads: pd.DataFrame,
        options: LoadOptions,
        fields: Iterable[str],
        log: ChangeLog | None = None,
    ) -> Updated:
        """Change the leads of one batch; each change happens once.

        Args:
            leads: see `plan`.
            options: likewise.
            fields: likewise.
            log: keeps the state of the batch; what it has is not repeated.

        Raises:
            DatabaseUnavailableError: no answer after all retries. What is changed by then stays;
                what is known of it is in `last`.
            LoaderError: the database cannot do this; likewise.
        """
        names = fields_to_change(options, fields, self.columns)
        batch = _Batch(self, leads, options, names, log or ChangeLog())
        self.last = batch.known
        if batch.left.empty:
            return self.last
        try:
            for _ in range(UPDATE_ROUNDS):
                if len(batch.left):
                    batch.attempt(batch.left.index)
            batch.note(Updated(contended=tuple(batch.left.index)))
            batch.log.ended(batch.known)
        except KeyboardInterrupt:
            batch.settle()
            raise
        finally:
            self.last = replace(batch.known, in_doubt=batch.in_doubt())
        return self.last

    def read_leads(self, leads: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        """Read the values of existing leads, see `wanted_values`; a missing lead has no row."""
        return self.read_some(leads["existing_lead_id"], names)

    def read_some(self, ids: "pd.Series[int]", names: Sequence[str]) -> pd.DataFrame:
        """Read the same; `ids` has the lead_id of each row."""
        return self.database.read(lambda connection: self.read(connection, ids, names))

    def read(
        self, connection: Connection, ids: "pd.Series[int]", names: Sequence[str]
    ) -> pd.DataFrame:
        """Read the same by a connection."""
        if ids.empty or not names:
            return pd.DataFrame({"lead_id": ids})
        texts = ", ".join(map(self.database.adapter.as_text, names))
        leads = connection.exec_driver_sql(
            f"SELECT lead_id, {texts} FROM vicidial_list "  # noqa: S608 - columns of the table
            f"WHERE lead_id IN ({', '.join(map(str, ids))})"
        ).all()
        types = {"lead_id": "int64"} | dict.fromkeys(names, "str")
        found = pd.DataFrame(leads, columns=list(types)).astype(types)
        # The same order in all processes prevents deadlocks.
        found = found.sort_values("lead_id")
        return found.set_axis(pd.Series(ids.index, index=ids)[found["lead_id"]], axis="index")

    def write(
        self, connection: Connection, before: pd.DataFrame, after: pd.DataFrame
    ) -> "pd.Series[bool]":
        """Change the leads that still have the values of `before`, and say which."""
        update = self.database.adapter.update_unchanged
        return before["lead_id"].isin(update(connection, LEADS, before, after))


@dataclass(frozen=True)
class _Write:
    """The leads of one write, see `wanted_values`; some cells of each are to change."""

    before: pd.DataFrame
    after: pd.DataFrame

    @classmethod
    def of(cls, changes: pd.DataFrame, names: Sequence[str]) -> "_Write | None":
        """Rebuild a write from its changes; cells that it did not change are ""."""
        if changes.empty:
            return None
        lead_ids = changes["lead_id"].groupby(level=0).first()
        ages = []
        for age in ("old", "new"):
            cells = changes.set_index("field", append=True)[age].unstack(fill_value="")
            cells = cells[[name for name in names if name in cells]]
            ages.append(cells.astype("str").assign(lead_id=lead_ids))
        return cls(*ages)

    def done_in(self, stored: pd.DataFrame) -> pd.Index:
        """Give the rows that were written, judged by the current values.

        Others may have changed some cells since. But if one cell still has its old value, the rest
        was not written by us.
        """
        stored = _completed(stored, self.before)
        cells = differing_cells(self.before, self.after)
        written = (cells & ~differing_cells(stored, self.after)).any(axis="columns")
        as_before = (cells & ~differing_cells(stored, self.before)).any(axis="columns")
        return stored.index[written & ~as_before]

    def as_before(self, stored: pd.DataFrame) -> pd.Index:
        """Give the rows whose leads are there, with none of the changes."""
        there = self.before.index.intersection(stored.index)
        cells = differing_cells(stored.loc[there], self.before.loc[there])
        return there[~cells.any(axis="columns")]

    def done(self, rows: pd.Index, stored: pd.DataFrame) -> Updated:
        """Give the changes of rows that were written, by the current values."""
        before, after = self.before.loc[rows], self.after.loc[rows]
        # Others may have changed other cells since, or removed the lead.
        stored, cells = _completed(stored, after), differing_cells(before, after)
        read = {name: stored[name].where(cells[name], before[name]) for name in fields_of(before)}
        stored = before.assign(**read)
        changes = as_changes(before, stored)
        altered = differing_cells(stored, after)
        found = [
            Difference(int(row), name, str(after.at[row, name]), str(stored.at[row, name]))
            for name in map(str, altered)
            for row in rows[altered[name]]
        ]
        unchanged = rows.difference(changes.index)
        return Updated(
            changes,
            unchanged=tuple(unchanged),
            changed=tuple(rows[altered.any(axis="columns")]),
            differences=tuple(found),
        )


def _completed(stored: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Add missing leads as they are in another frame."""
    missing = other.index.difference(stored.index)
    if len(missing):
        stored = pd.concat([stored, other.loc[missing]])
    return stored.loc[other.index]


def _take_modified(leads: pd.DataFrame) -> "pd.Series[str]":
    """Take modify_date out of what was read of leads, if it was."""
    return leads.pop(MODIFIED) if MODIFIED in leads else pd.Series(dtype="str")


def _in_order(changes: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Sort the changes of each row by the order of the table's columns, as `as_changes` does."""
    place = changes["field"].map({name: place for place, name in enumerate(names)})
    ordered = changes.assign(place=place).sort_values("place").sort_index(kind="stable")
    return ordered.drop(columns="place")


class _Batch:
    """One batch of changes."""

    def __init__(
        self,
        updater: LeadUpdater,
        leads: pd.DataFrame,
        options: LoadOptions,
        names: Sequence[str],
        log: ChangeLog,
    ) -> None:
        self.updater, self.database = updater, updater.database
        self.options, self.names, self.log = options, names, log
        self.left = leads
        """The rows without a known result."""
        self.known = Updated()
        self.sent = _Write.of(log.planned, names)
        """What was sent, until its result is known."""
        self.modified = log.modified
        """Likewise, see `ChangeLog.modified`."""
        self.session = log.session
        self.note(replace(log.known, changes=_in_order(log.known.changes, names)))

    def note(self, what: Updated) -> None:
        """Add a result; its rows are not left any more."""
        self.known += what
        others = [*what.unchanged, *what.gone, *what.contended, *what.refused]
        rows = [*what.changes.index, *what.rejected.index, *others]
        self.left = self.left[~self.left.index.isin(rows)]

    def in_doubt(self) -> pd.DataFrame:
        """Give the changes that were sent and may or may not be stored."""
        return as_changes(self.sent.before, self.sent.after) if self.sent else no_changes()

    def attempt(self, rows: pd.Index) -> None:
        """Read leads and write them once; those that others change in between are left."""
        for attempt in self.database.retrying():
            with attempt:
                self.settle()
                self.read_and_write(self.left[self.left.index.isin(rows)])

    def read_and_write(self, leads: pd.DataFrame) -> None:
        """Change leads to the wanted values, based on their current values."""
        if leads.empty:
            return  # all have a result already
        found = self.updater.guard.reject_changes(leads)
        self.note(Updated(rejected=found))
        leads = leads[~leads.index.isin(found.index)]
        before = self.updater.read_leads(leads, [*self.names, *self.updater.stamp])
        modified = _take_modified(before)
        self.note(Updated(gone=tuple(leads.index.difference(before.index))))
        after = wanted_values(leads.loc[before.index], before, self.options)
        cells = differing_cells(before, after)
        changes = cells.any(axis="columns")
        self.note(Updated(unchanged=tuple(before.index[~changes])))
        if not changes.any():
            return
        columns = ["lead_id", *cells.columns[cells.any()]]
        write = _Write(before.loc[changes, columns], after.loc[changes, columns])
        try:
            self.write(write, modified.reindex(write.before.index).dropna())
        except RowDataError as error:
            self.halve(write.before.index, error.code)

    def write(self, write: _Write, modified: "pd.Series[str]") -> None:
        """Write, read back and commit."""
        with self.database.connect() as connection:
            self.log.sending(connection, as_changes(write.before, write.after), modified)
            self.sent, self.session = write, connection.info.get("session")
            self.modified = modified
            written = self.updater.write(connection, write.before, write.after)
            done = write.done(written.index[written], self.read_back(connection, write))
            self.log.stored(connection, write.before.index, done)
            connection.commit()
        self.note(done)
        self.sent = None

    def read_back(self, connection: Connection, write: _Write) -> pd.DataFrame:
        """Read the columns of a write that was sent, as they are stored now."""
        before = write.before
        return self.updater.read(connection, before["lead_id"], fields_of(before))

    def halve(self, rows: pd.Index, code: int) -> None:
        """Find the change that the server refuses, by halves."""
        self.settle()
        rows = rows[rows.isin(self.left.index)]
        if len(rows) <= 1:
            self.note(Updated(refused=dict.fromkeys(rows.tolist(), code)))
            return
        middle = len(rows) // 2
        for half in (rows[:middle], rows[middle:]):
            self.attempt(half)

    def settle(self) -> None:
        """Find the result of a write whose end is not known, after it has ended."""
        write = self.sent
        if write is None:
            return
        self.log.lost(write.before.index)
        if self.session is not None:
            self.database.end_session(self.session)
            self.log.fence()
        if self.log.is_atomic:
            rows = write.before.index.intersection(self.log.committed())
            self.note(write.done(rows, write.after))
            self.sent = None
            return
        self.database.refuse_damage(LEADS)
        lead_ids, names = write.before["lead_id"], fields_of(write.before)
        stored = self.updater.read_some(lead_ids, [*names, *self.updater.stamp])
        modified = _take_modified(stored)
        # Others may have changed the lead since: what was sent counts.
        self.note(write.done(write.done_in(stored), write.after))
        # As it was, but written since: maybe by us, and somebody set it back.
        was = self.modified.reindex(write.as_before(stored)).dropna()
        self.note(Updated(contended=tuple(was.index[was != modified.reindex(was.index)])))
        self.sent = None

"""Revert what a run changed in existing leads, if nobody has changed it since.

A field that does not have the value that the run wrote stays as it is, even if it is changed just
before the statement: see `loader.writing.updates.LeadUpdater.write`. It can be repeated.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from loader.archive.selection import Ids, leads_in
from loader.database.connection import Database
from loader.dialer import ARCHIVE
from loader.errors import RowDataError
from loader.undo.outcome import ChangesNow, Kept, as_stayed, no_stayed
from loader.writing.changes import differing_cells
from loader.writing.updates import UPDATE_ROUNDS, LeadUpdater


class Reverter:
    """Reverts the changes of one batch after the other.

    Changes are as from `loader.ledger.run_batches.RunBatches.changes`: row_number, lead_id (int64),
    field, old, new (str, null for NULL).
    """

    def __init__(
        self, database: Database, columns: Collection[str], tables: Collection[str]
    ) -> None:
        """Take the columns of vicidial_list, and the names of existing tables."""
        self._database, self._columns = database, columns
        self._has_archive = ARCHIVE in tables
        self._updater = LeadUpdater(database, columns)
        self.refused: dict[int, int] = {}
        """The server's error code by lead_id, of leads whose changes it refused to revert."""

    def read_changes(self, changes: pd.DataFrame, *, is_done: bool = False) -> ChangesNow:
        """Read which changes can be reverted, or are reverted, and why the others are not.

        Args:
            changes: of one batch.
            is_done: after `revert`.
        """
        current = self._database.read(lambda connection: self._read(connection, changes))
        now = changes.merge(
            current.melt("lead_id", var_name="field", value_name="now"),
            "left",
            ["lead_id", "field"],
        )
        can_be = _same(now["now"], now["new"])
        is_back = _same(now["now"], now["old"])
        stays = ~(is_back if is_done else is_back | can_be)
        why = pd.Series(Kept.CHANGED, now.index, "str")
        # It still has the value that the run wrote.
        why = why.mask(can_be, Kept.LOCKED)
        codes = now["lead_id"].map(self.refused).astype("Int64")
        why = why.mask(can_be & codes.notna(), Kept.REFUSED)
        details = ("error " + codes.astype("str")).where(why == Kept.REFUSED, "")
        missing = ~now["lead_id"].isin(current["lead_id"])
        if missing.any():
            archived = now["lead_id"].isin(self._archived(now["lead_id"][missing]))
            why = why.mask(missing, Kept.GONE).mask(missing & archived, Kept.ARCHIVED)
            stays |= missing
        stayed = now.assign(why=why, details=details)[stays]
        return ChangesNow(changes[~stays.to_numpy()], _by_lead(stayed))

    def revert(self, changes: pd.DataFrame) -> None:
        """Revert the fields of a batch that still have the values of the run.

        `read_changes` gives the rest. It can be repeated after a failure.
        """
        for _ in range(UPDATE_ROUNDS):
            if self._in_halves(changes):
                return

    def _in_halves(self, changes: pd.DataFrame) -> bool:
        """Revert once; find refused leads by halves; say whether nothing is left."""
        try:
            return self._attempt(changes)
        except RowDataError as error:
            lead_ids = changes["lead_id"].unique()
            if len(lead_ids) == 1:
                self.refused[int(lead_ids[0])] = error.code
                return True
        is_first = changes["lead_id"].isin(lead_ids[: len(lead_ids) // 2])
        # A list, so that both halves are done.
        return all([self._in_halves(changes[is_first]), self._in_halves(changes[~is_first])])

    def _attempt(self, changes: pd.DataFrame) -> bool:
        is_done = False
        for attempt in self._database.retrying():
            with attempt, self._database.connect() as connection:
                before = self._read(connection, changes)
                after = _put_back(before, changes)
                cells = differing_cells(before, after)
                rows = cells.any(axis="columns")
                is_done = not rows.any()
                if not is_done:
                    names = ["lead_id", *cells.columns[cells.any()]]
                    self._updater.write(connection, before.loc[rows, names], after.loc[rows, names])
                    connection.commit()
        return is_done

    def _archived(self, lead_ids: "pd.Series[int]") -> Ids:
        if not self._has_archive:
            return np.empty(0, np.int64)
        return self._database.read(lambda connection: leads_in(connection, ARCHIVE, lead_ids))

    def _read(self, connection: Connection, changes: pd.DataFrame) -> pd.DataFrame:
        """Read the current values of all fields that were changed in some lead, by lead_id."""
        lead_ids = changes["lead_id"].unique()
        wanted = set(changes["field"])
        names = [name for name in self._columns if name in wanted]
        return self._updater.read(connection, pd.Series(lead_ids, index=lead_ids), names)


def _put_back(before: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """Give the wanted values: cells that have the values of the run get the values from before."""
    after = {"lead_id": before["lead_id"]}
    for name in before.columns.drop("lead_id"):
        cells = changes[changes["field"] == name].set_index("lead_id").reindex(before.index)
        is_changed = cells["field"].notna() & _same(before[name], cells["new"])
        after[str(name)] = before[name].where(~is_changed, cells["old"])
    return pd.DataFrame(after)


def _same(one: "pd.Series[str]", other: "pd.Series[str]") -> "pd.Series[bool]":
    """Compare to the letter; NULL equals only NULL."""
    return (one == other) | (one.isna() & other.isna())


def _by_lead(stayed: pd.DataFrame) -> pd.DataFrame:
    """Join the fields of a lead that stay for the same reason into one row."""
    if stayed.empty:
        return no_stayed()
    key = ["row_number", "lead_id", "why", "details"]
    fields = stayed.groupby(key, sort=False)["field"].agg(",".join).rename("fields").reset_index()
    return as_stayed(fields)

"""The leads of a table by a key that it has no index of."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from loader.database.short_reads import Rows, ShortReads
from loader.database.sql import quote_identifier
from loader.frames.key_runs import KeyRuns, hash_keys

ADDED_AT_ONCE = 2**17
"""Rows that are read before their keys are sorted and written."""


class LeadScan:
    """Reads a table once, in short ranges of lead_id, and keeps on disk what look-ups need of it.

    Leads that are added later are read when the next question comes. What changes of a lead that
    was read is not seen.
    """

    def __init__(
        self,
        table: str,
        index: str | None,
        reads: ShortReads,
        read: Callable[[Connection, str, str], Rows],
        keyed: Callable[[Rows], pd.DataFrame],
        lead_ids: Sequence[str],
        folder: Path | None,
    ) -> None:
        """Take what is read; nothing is asked yet.

        Args:
            table: its name.
            index: the name of its index of lead_id; None: it has none, and is read in one go.
            reads: of this table.
            read: reads the leads for which a condition holds, with the hint for an index.
            keyed: gives them as columns key (str), list_id (uint64), phone_code (str) and
                `lead_ids` (Int64).
            lead_ids: names of columns; with lead_id among them, each lead counts by itself.
            folder: for the keys; None: the one for temporary files.
        """
        self._hint = f"FORCE INDEX ({quote_identifier(index)})" if index else ""
        self._table, self._reads, self._read, self._keyed = table, reads, read, keyed
        self._lead_ids, self._keys = tuple(lead_ids), KeyRuns(folder)
        self._phone_codes: dict[str, int] = {}
        self._last = -1

    def begin_behind(self, lead_id: int) -> None:
        """Read no lead up to this one."""
        self._last = lead_id

    def find(self, keys: "pd.Series[str]") -> pd.DataFrame:
        """Give the leads that have one of some distinct keys, see `keyed`.

        Of leads with the same key, list and phone_code there is one row, with the lowest lead_ids,
        unless each counts by itself.
        """
        with self._reads.alone():
            self._catch_up()
            position, values = self._keys.all(hash_keys(keys), 2 + len(self._lead_ids))
            codes = pd.Series([*self._phone_codes], dtype="str")
        names = ("list_id", "phone_code", *self._lead_ids)
        found = pd.DataFrame(dict(zip(names, values, strict=True)))
        found.insert(0, "position", position)
        # No lead_id is the largest number here.
        by_lead = [name for name in ("lead_id",) if name in self._lead_ids]
        same = ["position", "list_id", "phone_code", *by_lead]
        lowest = found.groupby(same, as_index=False).min()
        ids = lowest[list(self._lead_ids)].astype("int64").astype("Int64").replace(-1, pd.NA)
        return ids.assign(
            key=keys.iloc[lowest["position"]].array,
            list_id=lowest["list_id"],
            phone_code=codes.iloc[lowest["phone_code"].astype("int64")].array,
        )

    def _catch_up(self) -> None:
        """Read all leads behind the last one."""
        waiting: Rows = []
        while self._reads.read(lambda connection: self._next(connection, waiting)):
            if len(waiting) >= ADDED_AT_ONCE:
                self._add(waiting)
        self._add(waiting)

    def _next(self, connection: Connection, waiting: Rows) -> tuple[bool, int]:
        """Read the next range; give whether there was one, and how many leads it has."""
        behind = f"SELECT lead_id FROM {self._table} {self._hint} WHERE lead_id > {self._last}"  # noqa: S608 - our own names
        limit = f"ORDER BY lead_id LIMIT {self._reads.size}" if self._hint else ""
        bounds = f"SELECT MAX(lead_id), COUNT(*) FROM ({behind} {limit}) AS leads"  # noqa: S608 - likewise
        last, count = connection.exec_driver_sql(bounds).one()
        if not count:
            return False, 0
        condition = f"lead_id > {self._last} AND lead_id <= {last}"
        waiting.extend(self._read(connection, condition, self._hint))
        self._last = int(last)
        return True, int(count)

    def _add(self, waiting: Rows) -> None:
        """Keep what was read."""
        if not waiting:
            return
        rows = self._keyed(waiting)
        waiting.clear()
        codes = rows["phone_code"].fillna("")
        for code in codes.unique():
            self._phone_codes.setdefault(code, len(self._phone_codes))
        lead_ids = (rows[name].fillna(-1).to_numpy().astype(np.int64) for name in self._lead_ids)
        numbers = codes.map(self._phone_codes).to_numpy().astype(np.int64)
        lists = rows["list_id"].to_numpy().view(np.int64)
        self._keys.add(hash_keys(rows["key"]), lists, numbers, *lead_ids)

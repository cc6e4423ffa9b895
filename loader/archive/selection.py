"""The leads of an archive run, chunk by chunk: given ones, or those that a rule selects."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import ColumnElement, Connection, TableClause, column, func, select, table

from loader.archive.outcome import Stay, as_stayed, no_stayed
from loader.database.connection import Database
from loader.database.sql import quote_identifier
from loader.errors import LeadIdsError

Ids = npt.NDArray[np.int64]

WINDOW = 10_000
"""lead_ids that one statement searches; it locks a MyISAM table for some 30 ms."""
CAME_BACK = "by dearchive"
"""The details of leads that are spared because they came back."""
ASKED_AT_ONCE = 1000
"""Given lead_ids that one statement looks for."""


@dataclass(frozen=True)
class NextLeads:
    """The leads that are next."""

    lead_ids: Ids
    """Ascending; none: a part of the table was searched, and too few were found yet."""
    stayed: pd.DataFrame
    """Leads of the same part of the table that are spared, see `STAYED_TYPES`."""
    finished: bool = False
    """There are no more."""


class Leads(Protocol):
    """The leads of a run; each is given once."""

    @property
    def share(self) -> float:
        """Which part of them was given, from 0 to 1."""

    def take(self, at_most: int) -> NextLeads:
        """Give the next ones, up to so many."""

    def parts(self) -> Iterator[tuple[ColumnElement[bool], list[int]]]:
        """Give conditions, each true of one part of the leads, together of all.

        With each the lead_ids of it that are spared because they came back.
        """


class GivenLeads:
    """Leads whose lead_ids were given."""

    def __init__(self, table: TableClause, lead_ids: Ids) -> None:
        """Take lead_ids that are known to exist."""
        self._table, self._ids, self._given_out = table, np.sort(lead_ids), 0

    @property
    def share(self) -> float:
        """Which part of them was given, from 0 to 1."""
        return self._given_out / len(self._ids) if len(self._ids) else 1.0

    def take(self, at_most: int) -> NextLeads:
        """Give the next ones, up to so many."""
        lead_ids = self._ids[self._given_out : self._given_out + at_most]
        self._given_out += len(lead_ids)
        return NextLeads(lead_ids, no_stayed(), finished=not len(lead_ids))

    def parts(self) -> Iterator[tuple[ColumnElement[bool], list[int]]]:
        """Give conditions that are true of one part of the leads each; no part has spared ones."""
        for start in range(0, len(self._ids), ASKED_AT_ONCE):
            part = self._ids[start : start + ASKED_AT_ONCE].tolist()
            yield self._table.c.lead_id.in_(part), []


class Windows:
    """Reads a table in the order of lead_id, in windows, so that no lock lasts long."""

    def __init__(self, database: Database, table: TableClause, index: str = "") -> None:
        """Read the bounds of the table; leads that are inserted later are left for another run.

        It is read by the index of that name; "": by any.
        """
        self._database, self._table, self._index = database, table, index
        lead_id = table.c.lead_id
        bounds = select(func.min(lead_id), func.max(lead_id))
        first, last = database.read(lambda connection: tuple(connection.execute(bounds).one()))
        self._first = self._next = int(first or 0)
        self._last = int(last) if last is not None else -1

    def share(self, lead_id: int | None) -> float:
        """Give the part of the table up to a lead_id, from 0 to 1; None: up to the last window."""
        until = self._next if lead_id is None else lead_id + 1
        return (until - self._first) / (self._last + 1 - self._first) if self._last >= 0 else 1.0

    def next(self) -> tuple[int, int] | None:
        """Give the next window: its first lead_id and the one behind its last; None: no more."""
        if self._next > self._last:
            return None
        window = self._next, min(self._next + WINDOW, self._last + 1)
        self._next = window[1]
        return window

    def within(self, window: tuple[int, int]) -> ColumnElement[bool]:
        """Word that a lead is in a window."""
        lead_id = self._table.c.lead_id
        return (lead_id >= window[0]) & (lead_id < window[1])

    def rows(
        self,
        window: tuple[int, int],
        columns: list[ColumnElement[str]],
        condition: ColumnElement[bool],
    ) -> list[tuple[Any, ...]]:
        """Read lead_id and other columns of a window, in order; if it is empty, skip the gap."""
        asked = (
            select(self._table.c.lead_id, *columns)
            .distinct()
            .where(self.within(window), condition)
            .order_by(self._table.c.lead_id)
        )
        if self._index:
            # With an index of the condition a server may read all leads for each window.
            asked = asked.with_hint(self._table, f"FORCE INDEX ({self._index})", "mysql")
        rows = self._database.read(lambda connection: list(map(tuple, connection.execute(asked))))
        if not rows:
            self._skip()
        return rows

    def _skip(self) -> None:
        lead_id = self._table.c.lead_id
        asked = select(func.min(lead_id)).where(lead_id >= self._next)
        found = self._database.read(lambda connection: connection.execute(asked).scalar_one())
        self._next = max(self._next, int(found)) if found is not None else self._last + 1


class LeadsLeftBehind:
    """Archived leads of which other tables still have rows.

    Attributes:
        places: the tables, and which of their rows should not be there.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.places: Iterator[tuple[TableClause, ColumnElement[bool]]] = iter(())
        self._found: Ids = np.empty(0, np.int64)
        self._place: tuple[Windows, ColumnElement[bool]] | None = None

    def take(self, at_most: int) -> NextLeads:
        """Give the next ones, up to so many; one may come once for each table."""
        finished = False
        if not len(self._found):
            rows = self._next_rows()
            finished = rows is None
            self._found = np.array([row[0] for row in rows or []], np.int64)
        lead_ids, self._found = self._found[:at_most], self._found[at_most:]
        return NextLeads(lead_ids, no_stayed(), finished)

    def _next_rows(self) -> list[tuple[Any, ...]] | None:
        """Read the next window of this table, or of the next one."""
        while self._place is None or (window := self._place[0].next()) is None:
            place = next(self.places, None)
            if place is None:
                return None
            self._place = Windows(self._database, place[0]), place[1]
        windows, condition = self._place
        return windows.rows(window, [], condition)


class LeadsOfRule:
    """Leads that a rule selects, in the order of lead_id."""

    def __init__(
        self,
        database: Database,
        table: TableClause,
        rule: ColumnElement[bool],
        spared: tuple[Stay, ColumnElement[str]],
        left_behind: LeadsLeftBehind,
        index: str,
        returned: Callable[[], Ids],
    ) -> None:
        """Take the rule, and the leads that come before those of the rule.

        `spared` says why some are spared, and the details, "" of all others; `index` is the name of
        the table's unique index of lead_id; `returned` reads lead_ids that are spared, too.
        """
        self._rule, self._left_behind = rule, left_behind
        self._why, details = spared
        self._returned = returned
        self._windows = Windows(database, table, quote_identifier(index))
        self._details = details.label("details")
        self._found, self._last = no_stayed(), -1
        self._is_caught_up = False

    @property
    def share(self) -> float:
        """Which part of the table was searched, from 0 to 1."""
        return self._windows.share(None if self._found.empty else self._last)

    def take(self, at_most: int) -> NextLeads:
        """Give the next ones, up to so many."""
        if not self._is_caught_up:
            behind = self._left_behind.take(at_most)
            self._is_caught_up = behind.finished
            return replace(behind, finished=False)
        if (self._found["details"] == "").sum() < at_most:
            window = self._windows.next()
            if window:
                rows = self._windows.rows(window, [self._details], self._rule)
                found = pd.DataFrame(rows, columns=["lead_id", "details"])
                found = as_stayed(found.assign(why=self._why.value))
                # After the leads: who brings one back notes that before.
                returned = self._returned() if rows else np.empty(0, np.int64)
                came_back = found["lead_id"].isin(returned) & (found["details"] == "")
                found.loc[came_back, ["why", "details"]] = Stay.CAME_BACK, CAME_BACK
                self._found = pd.concat([self._found, found], ignore_index=True)
                if (self._found["details"] == "").sum() < at_most:
                    return NextLeads(np.empty(0, np.int64), no_stayed())
        return self._first(at_most)

    def _first(self, at_most: int) -> NextLeads:
        """Give the first of those found, up to so many that are not spared."""
        is_free = self._found["details"] == ""
        # Spared leads after the last one of these come with the next chunk.
        count = int((is_free.cumsum() < at_most).sum()) + 1
        first, self._found = self._found[:count], self._found[count:]
        self._last = int(first["lead_id"].iloc[-1]) if len(first) else self._last
        free = is_free[:count]
        return NextLeads(first["lead_id"][free].to_numpy(np.int64), first[~free], not free.any())

    def parts(self) -> Iterator[tuple[ColumnElement[bool], list[int]]]:
        """Give conditions that are true of one part of the leads each, and who came back of it."""
        returned = self._returned()
        while window := self._windows.next():
            first, end = np.searchsorted(returned, window)
            yield self._windows.within(window) & self._rule, returned[first:end].tolist()


def refuse_missing(database: Database, tables: Sequence[TableClause], lead_ids: Ids) -> None:
    """Refuse lead_ids that are in none of the tables.

    Raises:
        LeadIdsError: there are some (Lead Archive API: lead_ids does not exist).
    """
    missing: list[int] = []
    for start in range(0, len(lead_ids), ASKED_AT_ONCE):
        part = lead_ids[start : start + ASKED_AT_ONCE]
        found = database.read(partial(_existing_ids, tables, part.tolist()))
        missing += np.setdiff1d(part, found).tolist()
    if missing:
        raise LeadIdsError("lead_ids does not exist", missing)


def _existing_ids(
    tables: Sequence[TableClause], lead_ids: list[int], connection: Connection
) -> list[int]:
    asked = (select(table.c.lead_id).where(table.c.lead_id.in_(lead_ids)) for table in tables)
    return [int(lead_id) for each in asked for lead_id in connection.scalars(each)]


def leads_in(connection: Connection, name: str, lead_ids: Collection[int]) -> Ids:
    """Read which lead_ids of a chunk a table has."""
    leads = table(name, column("lead_id"))
    asked = select(leads.c.lead_id).where(leads.c.lead_id.in_([int(each) for each in lead_ids]))
    return np.array(connection.scalars(asked).all(), np.int64)

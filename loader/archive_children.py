"""The rows of other tables that belong to leads: they go where their lead goes.

They move while their lead is not in vicidial_list: on the way out after it, on the way back before
it. So nobody can use a lead that lacks some of them, and no other writer has them in hand.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    TableClause,
    column,
    exists,
    func,
    literal,
    not_,
    select,
    table,
    union,
)

from loader.archive_options import ArchiveOptions
from loader.archive_result import Counts
from loader.archive_tables import (
    ARCHIVE,
    CHILDREN,
    LEADS,
    SUFFIX,
    ArchiveTables,
    Pair,
    is_of_leads,
)
from loader.transfer import ForLeads, Transfer, for_leads, in_halves

ALIVE, ARCHIVED = (table(name, column("lead_id")) for name in (LEADS, ARCHIVE))


LeftBehind = tuple[TableClause, ColumnElement[bool]]
"""A table of what belongs to leads, and the condition of rows that should not be there."""


def _is_in(leads: TableClause, lead_id: ColumnElement[Any]) -> ColumnElement[bool]:
    one = select(literal(1)).select_from(leads)
    return exists(one.where(leads.c.lead_id == lead_id))


class Children:
    """Moves what belongs to leads, between the tables of the dialer and their archives."""

    def __init__(self, tables: ArchiveTables, dialect: Dialect) -> None:
        """Take the tables of the run."""
        self._tables, self._dialect = tables, dialect
        self._moves: dict[str, ChildrenOfTable] = {}
        both = (table(name, *map(column, tables.columns[LEADS])) for name in (LEADS, ARCHIVE))
        names = [name for name in ("list_id", "entry_list_id") if name in tables.columns[LEADS]]
        lists = (
            select(*(leads.c[name] for name in names)).where(for_leads(leads.c.lead_id))
            for leads in both
        )
        self._lists = ForLeads(union(*lists), dialect)

    def tables_of(self, connection: Connection, lead_ids: Collection[int]) -> list[str]:
        """Name the dialer's tables that can have rows of leads: custom_... by their lists."""
        lists = {
            int(list_id)
            for row in self._lists.run(connection, lead_ids)
            for list_id in row
            if list_id
        }
        custom = (f"custom_{list_id}" for list_id in sorted(lists))
        return [name for name in (*CHILDREN, *custom) if name in self._tables.columns]

    def left_behind(
        self, rule: Callable[[TableClause], ColumnElement[bool]]
    ) -> Iterator[LeftBehind]:
        """Give for each table which of its leads have rows there although they are archived.

        Such rows are left behind by a run that is killed, or that was not told to take them.

        Args:
            rule: selects leads of the archive.
        """
        archived = table(ARCHIVE, *map(column, self._tables.columns[ARCHIVE]))
        for name in self._tables.columns:
            if is_of_leads(name) and name + SUFFIX in self._tables.columns:
                children = table(name, column("lead_id"))
                is_archived = exists(
                    select(literal(1))
                    .select_from(archived)
                    .where(archived.c.lead_id == children.c.lead_id, rule(archived))
                )
                yield children, is_archived & not_(_is_in(ALIVE, children.c.lead_id))

    def of(self, names: Iterable[str]) -> Iterator[tuple[str, "ChildrenOfTable"]]:
        """Give how the rows of the dialer's tables move; without an archive, none has to."""
        for name in names:
            if name + SUFFIX in self._tables.columns:
                if name not in self._moves:
                    self._moves[name] = ChildrenOfTable(self._tables.pair(name), self._dialect)
                yield name, self._moves[name]


class ChildrenOfTable:
    """The rows of one table."""

    def __init__(self, pair: Pair, dialect: Dialect) -> None:
        source = pair.source.c
        is_moving = _is_in(ARCHIVED, source.lead_id) & not_(_is_in(ALIVE, source.lead_id))
        self._transfer = Transfer(pair, dialect, is_moving)
        moving = select(func.count()).select_from(pair.source)
        self._there = ForLeads(moving.where(for_leads(source.lead_id), is_moving), dialect)

    def move(
        self,
        connection: Connection,
        lead_ids: list[int],
        options: ArchiveOptions,
        refused: dict[int, int],
    ) -> Counts:
        """Move the rows of leads that are in vicidial_list no more, or not yet.

        Args:
            connection: one that commits each statement.
            lead_ids: of the leads.
            options: insert, update and delete are done as with the leads.
            refused: gets the server's error code by lead_id, where it refuses a row.

        Returns:
            The rows found, inserted, updated and deleted.
        """
        found = int(self._there.run(connection, lead_ids).scalar_one()) if lead_ids else 0
        if not found:
            return Counts()
        steps = {
            self._transfer.insert: options.insert,
            self._transfer.update: options.update,
            self._transfer.delete: options.delete,
        }
        done = (
            in_halves(step, connection, lead_ids, refused) if is_asked else 0
            for step, is_asked in steps.items()
        )
        return Counts(found, *done)

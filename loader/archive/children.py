"""The children of leads: rows of other tables, which are moved with their lead.

On the way out they follow after the lead has left vicidial_list, so that nobody uses them. On the
way back they are moved first, so that nobody gets a lead without its children; rows that the dialer
has stay as they are.
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
    true,
    union,
)

from loader.archive.outcome import Counts
from loader.archive.tables import CHILDREN, SUFFIX, ArchiveTables, Pair, is_of_leads
from loader.archive.transfer import ForLeads, Transfer, for_leads
from loader.dialer import ARCHIVE, LEADS
from loader.options.archive import ArchiveOptions

ALIVE, ARCHIVED = (table(name, column("lead_id")) for name in (LEADS, ARCHIVE))


LeftBehind = tuple[TableClause, ColumnElement[bool]]
"""A table of children, and the condition of rows that should not be there."""


def _is_in(leads: TableClause, lead_id: ColumnElement[Any]) -> ColumnElement[bool]:
    one = select(literal(1)).select_from(leads)
    return exists(one.where(leads.c.lead_id == lead_id))


class Children:
    """Moves children between the tables of the dialer and their archives."""

    def __init__(self, tables: ArchiveTables, dialect: Dialect) -> None:
        """Take the tables of the run."""
        self._tables, self._dialect = tables, dialect
        self._moves: dict[str, ChildrenOfTable] = {}
        names = [n for n in ("list_id", "entry_list_id") if n in tables.shapes[LEADS].columns]
        both = (table(name, *map(column, ("lead_id", *names))) for name in (LEADS, ARCHIVE))
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
        return [name for name in (*CHILDREN, *custom) if name in self._tables.shapes]

    def left_behind(
        self, rule: Callable[[TableClause], ColumnElement[bool]]
    ) -> Iterator[LeftBehind]:
        """Give for each table the condition of children whose lead is archived.

        A run leaves such rows behind if it is killed, or was started without children.

        Args:
            rule: selects leads of the archive.
        """
        archived = table(ARCHIVE, *map(column, self._tables.shapes[ARCHIVE].columns))
        for name in filter(is_of_leads, list(self._tables.shapes)):
            children = table(name, column("lead_id"))
            one = select(literal(1)).select_from(archived)
            is_archived = one.where(archived.c.lead_id == children.c.lead_id, rule(archived))
            yield children, exists(is_archived) & not_(_is_in(ALIVE, children.c.lead_id))

    def of(self, names: Iterable[str]) -> Iterator[tuple[str, "ChildrenOfTable"]]:
        """Give what moves the rows of each table; tables without an archive have none to move."""
        for name in names:
            if name + SUFFIX in self._tables.shapes:
                if name not in self._moves:
                    self._moves[name] = ChildrenOfTable(self._tables.pair(name), self._dialect)
                yield name, self._moves[name]


class ChildrenOfTable:
    """The rows of one table."""

    def __init__(self, pair: Pair, dialect: Dialect) -> None:
        """Take the source and the target of the rows."""
        source = pair.source.c
        is_moving: ColumnElement[bool] = true()
        if not pair.is_back:
            is_moving = _is_in(ARCHIVED, source.lead_id) & not_(_is_in(ALIVE, source.lead_id))
        self._transfer = Transfer(pair, dialect, is_moving)
        counting = select(source.lead_id, func.count()).group_by(source.lead_id)
        self._count_query = ForLeads(counting.where(for_leads(source.lead_id), is_moving), dialect)

    def move(
        self, connection: Connection, lead_ids: Collection[int], options: ArchiveOptions
    ) -> tuple[Counts, dict[int, int | None]]:
        """Move the rows of leads.

        Args:
            connection: one that commits each statement.
            lead_ids: of the leads; on the way out, those that are in vicidial_list are left alone.
            options: see `Transfer.move`.

        Returns:
            The counts of rows; and the leads of which some rows are left against the options, each
            with the server's error code if it refused one.
        """
        rows_by_lead = self._count_rows(connection, lead_ids)
        if not rows_by_lead:
            return Counts(), {}
        refused: dict[int, int] = {}
        done = self._transfer.move(connection, list(rows_by_lead), options, refused)
        counts = Counts(sum(rows_by_lead.values()), *done[:3])
        if not options.delete or counts.delete_count == counts.select_count:
            return counts, dict(refused)
        return counts, {
            lead_id: refused.get(lead_id) for lead_id in self._count_rows(connection, rows_by_lead)
        }

    def _count_rows(self, connection: Connection, lead_ids: Collection[int]) -> dict[int, int]:
        """Count the rows that are to be moved, by lead_id."""
        if not lead_ids:
            return {}
        rows: Iterable[Any] = self._count_query.run(connection, lead_ids)
        return {int(lead_id): int(count) for lead_id, count in rows}

"""New lists in the dialer, one for each file; a list is recognized by the mark of its file."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    TableClause,
    column,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy import table as table_of

from loader.database.catalogue import Columns, read_shapes
from loader.database.connection import Database
from loader.dialer import LEADS, LISTS_TABLE
from loader.errors import ConfigurationError, RowDataError

CAMPAIGNS = "vicidial_campaigns"
MARKED = "list_description"
ATTEMPTS = 100
"""To get a list_id, if others make lists at the same time."""

Fill = Callable[[int], Mapping[str, str]]
"""Gives the values of a list with a list_id, by column of vicidial_lists."""


class NewList(NamedTuple):
    """The list of a file."""

    list_id: int
    is_new: bool
    """Whether it was made now; otherwise it existed, made for the same file."""


@dataclass(frozen=True)
class FileMark:
    """How the list of a file is recognized."""

    text: str
    """It ends list_description; the same content has the same."""
    lists: Collection[int] = ()
    """list_ids that loads of the file had: a description may have been edited since."""


def find_list(database: Database, list_ids: tuple[int, int], mark: FileMark) -> NewList:
    """Give the list that a file has, or would get: the next list_id above those in use.

    Args:
        database: the dialer's.
        list_ids: the least and the greatest list_id to give out.
        mark: of the file.

    Raises:
        ConfigurationError: the database lacks what is needed, or all list_ids are given out.
    """
    return database.read(lambda connection: _find(connection, list_ids, mark))


def make_list(database: Database, list_ids: tuple[int, int], mark: FileMark, fill: Fill) -> NewList:
    """Make the list of a file, unless there is one that was made for it before.

    Args:
        database: see `find_list`.
        list_ids: likewise.
        mark: likewise; its text is appended to list_description.
        fill: gives the list's values; texts are cut to the width of their columns.

    Raises:
        ConfigurationError: the database lacks what is needed, there is no such campaign, or all
            list_ids are given out.
        NotAllowedError: the account may not.
    """

    def make() -> NewList:
        """Make the list over one connection; where that is lost, it is called again."""
        with database.connect() as connection:
            columns = _columns(connection)
            for _ in range(ATTEMPTS):
                found = _find(connection, list_ids, mark)
                if not found.is_new:
                    return found
                values = _values(connection, columns, fill(found.list_id), mark.text)
                try:
                    _insert(database, found.list_id, values, has_date="list_changedate" in columns)
                except RowDataError:
                    # Another process was faster; if not, the same error comes in each attempt.
                    connection.rollback()  # the next question sees the current rows
                    continue
                return found
        raise ConfigurationError(
            f"{LISTS_TABLE} refuses a new list {found.list_id}; look at its keys and triggers"
        )

    return database.retrying()(make)


def drop_list(database: Database, list_id: int, mark: str) -> None:
    """Delete a list that was made for a file, if none of its leads was inserted."""
    lists, leads = _table(LISTS_TABLE, "list_id", MARKED), _table(LEADS, "list_id")
    statement = delete(lists).where(
        lists.c.list_id == list_id,
        lists.c[MARKED].endswith(mark, autoescape=True),
        ~exists().where(leads.c.list_id == list_id),
    )
    database.write(lambda connection: connection.execute(statement))


def _find(connection: Connection, list_ids: tuple[int, int], mark: FileMark) -> NewList:
    _columns(connection)
    lists = _table(LISTS_TABLE, "list_id", MARKED)
    first, last = list_ids
    # Also those whose list was deleted: their leads may still be there. It is asked first: a list
    # that another process makes for the same file after it is found below, or has this list_id.
    used = (_within(_table(name, "list_id"), list_ids) for name in (LISTS_TABLE, LEADS))
    highest = max(int(connection.execute(each).scalar() or 0) for each in used)
    is_marked = lists.c[MARKED].endswith(mark.text, autoescape=True)
    for is_its in (is_marked, lists.c.list_id.in_(mark.lists)):
        list_id = connection.execute(_within(lists, list_ids).where(is_its)).scalar()
        if list_id is not None:
            return NewList(int(list_id), is_new=False)
    if highest >= last:
        raise ConfigurationError(
            f"all list_ids from {first} to {last} are given out; raise last_list_id"
        )
    return NewList(max(first, highest + 1), is_new=True)


def _within(table: TableClause, list_ids: tuple[int, int]) -> Select[Any]:
    return select(func.max(table.c.list_id)).where(table.c.list_id.between(*list_ids))


def _columns(connection: Connection) -> Columns:
    shapes = read_shapes(connection, [LISTS_TABLE])
    columns = shapes[LISTS_TABLE].columns if LISTS_TABLE in shapes else {}
    if MARKED not in columns:
        raise ConfigurationError(
            f"new_list needs {LISTS_TABLE}.{MARKED}, a column that the database lacks"
        )
    return columns


def _values(
    connection: Connection, columns: Columns, given: Mapping[str, str], mark: str
) -> dict[str, str]:
    missing = sorted(given.keys() - columns.keys())
    if missing:
        raise ConfigurationError(
            f"new_list: {LISTS_TABLE} lacks the columns {', '.join(missing)}; leave them out"
        )
    campaigns = _table(CAMPAIGNS, "campaign_id")
    wanted = select(campaigns.c.campaign_id).where(campaigns.c.campaign_id == given["campaign_id"])
    if connection.execute(wanted).first() is None:
        raise ConfigurationError(
            f"new_list: the dialer has no campaign {given['campaign_id']}; define it, or name "
            "another"
        )
    values = {name: text[: columns[name].width] for name, text in given.items()}
    width = columns[MARKED].width
    room = None if width is None else width - len(mark) - 1
    return values | {MARKED: f"{given[MARKED][:room]} {mark}".lstrip()}


def _insert(database: Database, list_id: int, values: Mapping[str, str], *, has_date: bool) -> None:
    """Insert it by a separate connection: a failure must not end the one that reads."""
    changed: dict[str, Any] = {"list_changedate": literal_column("now()")} if has_date else {}
    lists = _table(LISTS_TABLE, "list_id", *values, *changed)
    with database.connect() as connection:
        connection.execute(insert(lists).values(list_id=list_id, **values, **changed))
        connection.commit()


def _table(name: str, *columns: str) -> TableClause:
    return table_of(name, *map(column, columns))

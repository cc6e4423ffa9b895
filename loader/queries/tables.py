"""Tables of the dialer that are read whole, as far as they and their columns exist."""

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
from sqlalchemy import Connection

from loader.database.catalogue import ColumnType, read_columns, table_names
from loader.database.connection import Database
from loader.dialer import Column, empty_table
from loader.frames.collation import GENERAL, Collation, fold

if TYPE_CHECKING:
    from loader.frames.moments import MomentKind

MOMENT_TYPE = re.compile(r"(date|datetime|timestamp|time)(?:\((\d)\))?")
"""The definition of a column of dates or times."""

ZONE = {"GMT_offset": "gmt_offset", "DST_range": "dst_range"}
"""Our names of the columns of a time zone, by the dialer's names."""


class TableReader:
    """Reads tables of the dialer; an old dialer lacks some, or some of their columns.

    Attributes:
        tables: the names of all tables that exist.
        types: the columns of those that are read, as the catalogue has them.
        columns: likewise, as what they can store.
        missing: columns that were read and do not exist, `table.column`.
    """

    def __init__(self, connection: Connection, database: Database) -> None:
        self.connection, self.database = connection, database
        self.tables = table_names(connection)
        self.types: dict[str, dict[str, ColumnType]] = {}
        self.columns: dict[str, dict[str, Column]] = {}
        self.missing: dict[str, None] = {}

    def reflect(self, names: Collection[str]) -> None:
        """Read the columns of tables, before their rows; tables that do not exist have none."""
        existing = {*names} & self.tables
        found = read_columns(self.connection, existing)
        self.types = {table: found.get(table, {}) for table in sorted(existing)}
        self.columns = {
            table: {name: _column(kind) for name, kind in columns.items()}
            for table, columns in self.types.items()
        }

    def rows(self, table: str, *names: str) -> list[tuple[Any, ...]]:
        """Read columns of a table. A missing column is null; a missing table has no rows."""
        existing = self.columns.get(table)
        if existing is None:
            return []
        self.missing |= {f"{table}.{name}": None for name in names if name not in existing}
        asked = ", ".join(name if name in existing else "NULL" for name in names)
        statement = f"SELECT {asked} FROM {table}"  # noqa: S608 - our own names
        return [tuple(row) for row in self.connection.exec_driver_sql(statement)]

    def frame(self, table: str, *names: str) -> pd.DataFrame:
        """Read columns of a table as text, named by `ZONE`; a missing table has no rows."""
        rows, columns = self.rows(table, *names), [ZONE.get(name, name) for name in names]
        if not rows:
            return empty_table(*((name, "str") for name in columns)).copy()
        return pd.DataFrame(rows, columns=columns).astype("str").fillna("")


def _column(kind: ColumnType) -> Column:
    moment = MOMENT_TYPE.fullmatch(kind.definition.lower())
    is_short_text = kind.definition.lower().partition("(")[0].endswith("char")
    return Column(
        width=kind.width if is_short_text else None,
        charset=kind.charset,
        moment=cast("MomentKind", moment[1]) if moment else None,
        fraction_digits=int(moment[2] or 0) if moment else 0,
        is_multiline=kind.definition.lower().endswith("text"),
    )


def set_types(frame: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """Set the types of columns; a text that is no number becomes 0."""
    if frame.empty:
        return empty_table(*(dict.fromkeys(frame, "str") | dict(types)).items()).copy()
    numbers = [name for name, kind in types.items() if kind != "str"]
    frame = frame.assign(
        **{name: pd.to_numeric(frame[name], errors="coerce").fillna(0) for name in numbers}
    )
    missing = [name for name in frame if name not in types]
    return frame.astype({**types, **dict.fromkeys(missing, "str")})


def index_by_folded(frame: pd.DataFrame, key: str, collation: Collation = GENERAL) -> pd.DataFrame:
    """Index a table by its folded key; of equal ones the first stays."""
    if frame.empty:
        return frame.set_axis(pd.Index([], dtype="str"))
    by_key = frame.set_index(pd.Index(fold(frame[key], collation), name=None))
    return by_key[~by_key.index.duplicated()]

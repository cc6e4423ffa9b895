"""How tables are made: what has to be alike for a row to go from one to another unchanged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection

WIDEST_CHARSET = "utf8mb4"
"""Has every character of all others."""


class ColumnType(NamedTuple):
    """What values a column can hold."""

    definition: str
    """The database's word for the type, without a whole number's display width."""
    charset: str | None
    """Of text on a server."""
    is_text: bool
    is_nullable: bool
    width: int | None
    """In characters, of text."""

    def holds(self, other: "ColumnType") -> bool:
        """Say whether every value of another column fits into this one unchanged."""
        if other.is_nullable and not self.is_nullable:
            return False
        if self.charset not in {other.charset, WIDEST_CHARSET}:
            return False
        if self.definition == other.definition or (self.is_text and self.charset is None):
            return True  # SQLite knows no widths
        kinds = {each.definition.partition("(")[0] for each in (self, other)}
        return kinds == {"varchar"} and (self.width or 0) >= (other.width or 0)

    def __str__(self) -> str:
        charset = f" CHARACTER SET {self.charset}" if self.charset else ""
        return f"{self.definition}{charset}{'' if self.is_nullable else ' NOT NULL'}"


Columns = Mapping[str, ColumnType]


@dataclass(frozen=True)
class Shape:
    """How one table is made."""

    columns: Columns
    """Without computed ones: nobody can write them."""
    unique: Mapping[str, str]
    """Name of an index by the column that it, alone, has unique."""
    engine: str
    """The storage engine; "view" of what is no table."""


def read_shapes(connection: Connection, names: Iterable[str]) -> dict[str, Shape]:
    """Read how tables are made that are there, by a few statements for all of them."""
    wanted = set(names)
    if connection.dialect.name == "sqlite":
        return _shapes_of_sqlite(connection, wanted)
    read = _Catalogue(connection, wanted)
    columns: dict[str, dict[str, ColumnType]] = {}
    for name, column, *described in read.rows("columns", COLUMNS, "ORDER BY ordinal_position"):
        kind = _column_type(*described)
        if kind:
            columns.setdefault(name, {})[column] = kind
    unique: dict[str, dict[str, str]] = {}
    # Of several, the primary key is the last to be taken.
    for name, index, column in read.rows("statistics", UNIQUE, SINGLE):
        unique.setdefault(name, {})[column] = index
    engines = {name: engine or "view" for name, engine in read.rows("tables", "engine", "")}
    return {name: Shape(columns[name], unique.get(name, {}), engines[name]) for name in columns}


COLUMNS = (
    "column_name, column_type, character_set_name, is_nullable, character_maximum_length, "
    "data_type, extra"
)
UNIQUE = "index_name, MIN(column_name)"
SINGLE = (
    "AND non_unique = 0 GROUP BY table_name, index_name "
    "HAVING COUNT(*) = 1 AND MAX(sub_part) IS NULL ORDER BY index_name = 'PRIMARY', index_name"
)


class _Catalogue:
    """What the server tells of some tables."""

    def __init__(self, connection: Connection, names: set[str]) -> None:
        self._connection, self._names = connection, names

    def rows(self, view: str, columns: str, rest: str) -> list[tuple[Any, ...]]:
        """Read the name of each table, and columns of a view of the information schema, as text."""
        if not self._names:
            return []
        statement = (
            f"SELECT table_name, {columns} FROM information_schema.{view} "  # noqa: S608 - our own
            f"WHERE table_schema = DATABASE() AND table_name IN %s {rest}"
        )
        rows = self._connection.exec_driver_sql(statement, (tuple(self._names),))
        # The server compares without case and so tells of Vicidial_List too.
        texts = (tuple(map(_plain, row)) for row in rows)
        return [row for row in texts if row[0] in self._names]


def _plain(value: object) -> str | None:
    # MySQL 8 gives some of it as bytes.
    return value.decode() if isinstance(value, bytes) else None if value is None else str(value)


def _column_type(
    definition: str,
    charset: str | None,
    is_nullable: str,
    width: str | None,
    kind: str,
    extra: str | None,
) -> ColumnType | None:
    """Give the type of a column; None if it is a computed one."""
    if "VIRTUAL" in (extra or "") or "STORED" in (extra or ""):
        return None
    if kind.endswith("int"):
        definition = f"{kind}{' unsigned' if 'unsigned' in definition else ''}"
    has_text = charset is not None
    return ColumnType(
        definition, charset, has_text, is_nullable == "YES", int(width) if width else None
    )


def _shapes_of_sqlite(connection: Connection, wanted: set[str]) -> dict[str, Shape]:
    statement = (
        'SELECT m.name, m.type, c.name, UPPER(c.type), c."notnull", c.pk FROM sqlite_master AS m '
        "JOIN pragma_table_info(m.name) AS c WHERE m.type IN ('table', 'view') "
        "ORDER BY m.name, c.cid"
    )
    columns: dict[str, dict[str, ColumnType]] = {}
    keys: dict[str, list[str]] = {}
    engines: dict[str, str] = {}
    for name, what, column, kind, not_null, key in connection.exec_driver_sql(statement):
        if name in wanted:
            engines[name] = "view" if what == "view" else "sqlite"
            is_text = "CHAR" in kind or "TEXT" in kind
            columns.setdefault(name, {})[column] = ColumnType(
                kind, None, is_text, not not_null, None
            )
            if key:
                keys.setdefault(name, []).append(column)
    unique = {name: {key[0]: "PRIMARY"} for name, key in keys.items() if len(key) == 1}
    return {name: Shape(columns[name], unique.get(name, {}), engines[name]) for name in columns}


def differences(names: tuple[str, str], source: Columns, target: Columns) -> list[str]:
    """Name the columns whose values could not go from one table to the other unchanged."""
    said = []
    for name, kind in source.items():
        if name not in target:
            said.append(f"{names[1]} lacks {name} {kind}")
        elif not target[name].holds(kind):
            said.append(f"{name} is {kind} in {names[0]} and {target[name]} in {names[1]}")
    return said

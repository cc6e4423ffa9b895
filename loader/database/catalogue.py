"""The catalogue of the database: which tables there are, and how they are made."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, inspect

from loader.database.sql import quote_identifier

WIDEST_CHARSET = "utf8mb4"
"""Has every character of all others."""


class ColumnType(NamedTuple):
    """What values a column can hold."""

    definition: str
    """The database's word for the type, without a whole number's display width."""
    charset: str | None
    """Of text on a server."""
    collation: str | None
    """Likewise."""
    is_text: bool
    is_nullable: bool
    width: int | None
    """In characters, of short texts; of long ones a server gives bytes."""
    is_computed: bool = False
    """Nobody can write it."""

    def holds(self, other: "ColumnType") -> bool:
        """Say whether every value of another column fits into this one unchanged."""
        if other.is_nullable and not self.is_nullable:
            return False
        if self.charset not in {other.charset, WIDEST_CHARSET}:
            return False
        if self.definition == other.definition or (self.is_text and self.charset is None):
            return True  # SQLite ignores widths
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
    """Without computed ones."""
    unique: Mapping[str, str]
    """Name of an index by the column that it, alone, has unique."""
    engine: str
    """The storage engine; "view" of what is no table."""


def table_names(connection: Connection) -> set[str]:
    """Read the names of all tables and views that the account can see."""
    found = inspect(connection)
    return {*found.get_table_names(), *found.get_view_names()}


def index_names(connection: Connection, table: str) -> set[str]:
    """Read the names of the indexes of a table, also of those that are constraints."""
    found = inspect(connection)
    indexes = [*found.get_indexes(table), *found.get_unique_constraints(table)]
    return {str(each["name"]) for each in indexes}


def schema_table_names(connection: Connection, schema: str) -> set[str]:
    """Read the names of all tables and views of any database of a server."""
    statement = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
    return {str(_plain(row[0])) for row in connection.exec_driver_sql(statement, (schema,))}


def storage_engine(connection: Connection, name: str) -> str | None:
    """Read the storage engine of a server's table; None: there is no such table."""
    return dict(_server_rows(connection, {name}, "tables", "engine")).get(name)


def has_insert_trigger(connection: Connection, name: str) -> bool:
    """Say whether a trigger of the site's own may change the rows that a table gets."""
    if _is_sqlite(connection):
        return False
    statement = (
        "SELECT COUNT(*) FROM information_schema.triggers WHERE event_manipulation = 'INSERT' "
        "AND event_object_schema = DATABASE() AND event_object_table = %s"
    )
    return bool(connection.exec_driver_sql(statement, (name,)).scalar())


def read_columns(connection: Connection, names: Iterable[str]) -> dict[str, dict[str, ColumnType]]:
    """Read the columns of tables, in their order, by one statement; of a missing table none."""
    wanted = set(names)
    if _is_sqlite(connection):
        return _read_sqlite(connection, wanted)[0]
    columns: dict[str, dict[str, ColumnType]] = {}
    rows = _server_rows(connection, wanted, "columns", COLUMNS, "ORDER BY ordinal_position")
    for name, column, *described in rows:
        columns.setdefault(name, {})[column] = _column_type(*described)
    return columns


def read_shapes(connection: Connection, names: Iterable[str]) -> dict[str, Shape]:
    """Read how existing tables are made, by a few statements for all of them."""
    wanted = set(names)
    if _is_sqlite(connection):
        columns, unique, engines = _read_sqlite(connection, wanted)
    else:
        columns = read_columns(connection, wanted)
        unique = {}
        # Of several, the primary key is the last to be taken.
        for name, index, column in _server_rows(connection, wanted, "statistics", UNIQUE, SINGLE):
            unique.setdefault(name, {})[column] = index
        tables = _server_rows(connection, wanted, "tables", "engine")
        engines = {name: engine or "view" for name, engine in tables}
    return {
        name: Shape(
            {column: kind for column, kind in of_table.items() if not kind.is_computed},
            unique.get(name, {}),
            engines[name],
        )
        for name, of_table in columns.items()
    }


def keeps_writes_out(connection: Connection, name: str) -> bool:
    """Say whether writes wait as long as a statement reads a table."""
    return not _is_sqlite(connection) and storage_engine(connection, name) != "InnoDB"


def read_indexes(connection: Connection, name: str) -> dict[str, str] | None:
    """Read the indexes of a table that are in use, by the column that each has first.

    None of SQLite: it compares texts by a function, for which it uses no index.
    """
    if _is_sqlite(connection):
        return None
    rows = connection.exec_driver_sql(f"SHOW INDEX FROM {quote_identifier(name)}").mappings()
    found: dict[str, str] = {}
    for row in rows:
        # Only newer servers have indexes that are there and not used.
        is_used = row.get("Ignored", "NO") != "YES" and row.get("Visible", "YES") != "NO"
        is_sorted = row["Index_type"] == "BTREE" and row["Comment"] != "disabled"
        if int(row["Seq_in_index"]) == 1 and is_used and is_sorted:
            found.setdefault(str(row["Column_name"]), str(row["Key_name"]))
    return found


COLUMNS = (
    "column_name, column_type, character_set_name, is_nullable, character_maximum_length, "
    "collation_name, data_type, extra"
)
UNIQUE = "index_name, MIN(column_name)"
SINGLE = (
    "AND non_unique = 0 GROUP BY table_name, index_name "
    "HAVING COUNT(*) = 1 AND MAX(sub_part) IS NULL ORDER BY index_name = 'PRIMARY', index_name"
)


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _server_rows(
    connection: Connection, names: set[str], view: str, columns: str, rest: str = ""
) -> list[tuple[Any, ...]]:
    """Read the name of each table, and columns of a view of the information schema, as text."""
    if not names:
        return []
    statement = (
        f"SELECT table_name, {columns} FROM information_schema.{view} "  # noqa: S608 - our own
        f"WHERE table_schema = DATABASE() AND table_name IN %s {rest}"
    )
    rows = connection.exec_driver_sql(statement, (tuple(names),))
    # The server compares without case, so it also lists Vicidial_List.
    texts = (tuple(map(_plain, row)) for row in rows)
    return [row for row in texts if row[0] in names]


def _plain(value: object) -> str | None:
    # MySQL 8 gives some of it as bytes.
    return value.decode() if isinstance(value, bytes) else None if value is None else str(value)


def _column_type(
    definition: str,
    charset: str | None,
    is_nullable: str,
    width: str | None,
    collation: str | None,
    kind: str,
    extra: str | None,
) -> ColumnType:
    if kind.endswith("int"):
        definition = f"{kind}{' unsigned' if 'unsigned' in definition else ''}"
    return ColumnType(
        definition,
        charset,
        collation,
        is_text=charset is not None,
        is_nullable=is_nullable == "YES",
        width=int(width) if width else None,
        is_computed="VIRTUAL" in (extra or "") or "STORED" in (extra or ""),
    )


def _read_sqlite(
    connection: Connection, wanted: set[str]
) -> tuple[dict[str, dict[str, ColumnType]], dict[str, dict[str, str]], dict[str, str]]:
    """Read columns, unique columns and kinds of tables from their declared types."""
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
            width = re.search(r"CHAR\((\d+)\)", kind)
            columns.setdefault(name, {})[column] = ColumnType(
                kind,
                charset=None,
                collation=None,
                is_text="CHAR" in kind or "TEXT" in kind,
                is_nullable=not not_null,
                width=int(width[1]) if width else None,
            )
            if key:
                keys.setdefault(name, []).append(column)
    unique = {name: {key[0]: "PRIMARY"} for name, key in keys.items() if len(key) == 1}
    return columns, unique, engines


def differences(names: tuple[str, str], source: Columns, target: Columns) -> list[str]:
    """Name the columns whose values could not go from one table to the other unchanged."""
    found = []
    for name, kind in source.items():
        if name not in target:
            found.append(f"{names[1]} lacks {name} {kind}")
        elif not target[name].holds(kind):
            found.append(f"{name} is {kind} in {names[0]} and {target[name]} in {names[1]}")
    return found

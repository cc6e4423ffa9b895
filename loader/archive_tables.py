"""The tables that rows are archived in: how they differ from the dialer's own, and making them."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from sqlalchemy import Connection, TableClause, column, inspect, table

from loader.archive_options import ArchiveOptions
from loader.database import Database
from loader.errors import ConfigurationError, NotAllowedError
from loader.write import quoted

LEADS = "vicidial_list"
CHILDREN = {"vicidial_list_alt_phones": "alt_phone_id", "vicidial_callbacks": "callback_id"}
"""The key of the tables that have rows of leads; custom_<list_id> has the lead_id for its key."""
SUFFIX = "_archive"
ARCHIVE = LEADS + SUFFIX
HOLDERS = ("vicidial_hopper", "vicidial_auto_calls", "vicidial_live_agents", "vicidial_callbacks")
"""Where the dialer names leads that it has in hand, or is going to need."""
WIDEST_CHARSET = "utf8mb4"
"""Has every character of all others."""


class ColumnType(NamedTuple):
    """What has to be alike for a value to stay what it is."""

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
class Pair:
    """Two tables that rows go between; all columns of `source` are in `target`, and can hold it."""

    source: TableClause
    target: TableClause
    key: str
    """Name of the column that both have unique."""
    columns: Columns
    """Of the source."""
    converted: frozenset[str]
    """Names of those whose character sets differ."""

    @classmethod
    def of(cls, names: tuple[str, str], key: str, source: Columns, target: Columns) -> Self:
        """Make the pair of a source and a target, named so, that do not differ."""
        there, here = (table(name, *map(column, source)) for name in names)
        converted = (name for name in source if source[name].charset != target[name].charset)
        return cls(there, here, key, source, frozenset(converted))


def is_of_leads(name: str) -> bool:
    """Say whether a table has rows that belong to leads."""
    return name in CHILDREN or re.fullmatch("custom_[0-9]+", name) is not None


def key_of(name: str) -> str:
    """Give the unique column of a table of leads, or of what belongs to them."""
    return CHILDREN.get(name, "lead_id")


def read_columns(connection: Connection, names: Iterable[str]) -> dict[str, Columns]:
    """Read how tables are made: one statement for all of them.

    Returns:
        The columns of those that are there. Computed ones are left out: nobody can write them.
    """
    if connection.dialect.name == "sqlite":
        return _columns_of_sqlite(connection, names)
    statement = (
        "SELECT table_name, column_name, column_type, character_set_name, is_nullable, "
        "character_maximum_length, data_type, extra FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name IN %s ORDER BY ordinal_position"
    )
    found: dict[str, dict[str, ColumnType]] = {}
    wanted = tuple(names) or ("",)
    for row in connection.exec_driver_sql(statement, (wanted,)):
        name, column_name, definition, charset, nullable, width, kind, extra = map(_plain, row)
        # The server compares without case and so tells of Vicidial_List too.
        if name not in wanted or "VIRTUAL" in str(extra) or "STORED" in str(extra):
            continue
        if str(kind).endswith("int"):
            definition = f"{kind}{' unsigned' if 'unsigned' in str(definition) else ''}"
        found.setdefault(str(name), {})[str(column_name)] = ColumnType(
            str(definition), charset and str(charset), charset is not None, nullable == "YES",
            int(width) if width else None,
        )  # fmt: skip
    return dict(found)


def _plain(value: object) -> str | None:
    # MySQL 8 gives some of it as bytes.
    return value.decode() if isinstance(value, bytes) else None if value is None else str(value)


def _columns_of_sqlite(connection: Connection, names: Iterable[str]) -> dict[str, Columns]:
    statement = (
        'SELECT m.name, c.name, UPPER(c.type), c."notnull" FROM sqlite_master AS m '
        "JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' ORDER BY m.name, c.cid"
    )
    wanted, found = set(names), dict[str, dict[str, ColumnType]]()
    for name, column_name, kind, not_null in connection.exec_driver_sql(statement):
        if name in wanted:
            is_text = "CHAR" in kind or "TEXT" in kind
            found.setdefault(name, {})[column_name] = ColumnType(
                kind, None, is_text, not not_null, None
            )
    return dict(found)


def differences(names: tuple[str, str], source: Columns, target: Columns) -> list[str]:
    """Name the columns whose values could not go from one table to the other unchanged."""
    said = []
    for name, kind in source.items():
        if name not in target:
            said.append(f"{names[1]} lacks {name} {kind}")
        elif not target[name].holds(kind):
            said.append(f"{name} is {kind} in {names[0]} and {target[name]} in {names[1]}")
    return said


def make_archive(database: Database, name: str, columns: Columns) -> None:
    """Make the archive of a table: like it, but its key counts nothing up by itself.

    Raises:
        NotAllowedError: the account may not make tables.
        DatabaseUnavailableError: no answer after all retries.
    """
    archive, key = name + SUFFIX, key_of(name)
    source, target = quoted(name), quoted(archive)
    if database.is_sqlite:
        parts = [f"{quoted(each)} {kind}" for each, kind in columns.items()]
        parts.append(f"PRIMARY KEY ({quoted(key)})")
        statements = [f"CREATE TABLE IF NOT EXISTS {target} ({', '.join(parts)})"]
    else:
        # Done twice it changes nothing, so that one that was killed in between can be done again.
        counter = f"{quoted(key)} {columns[key].definition} NOT NULL"
        statements = [
            f"CREATE TABLE IF NOT EXISTS {target} LIKE {source}",
            f"ALTER TABLE {target} MODIFY {counter}",
        ]

    def make(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()

    try:
        database.read(make)
    except NotAllowedError as error:
        raise NotAllowedError(
            f"{archive} is missing, and the account may not make it; let somebody who may do it: "
            f"{'; '.join(statements)} ({error})"
        ) from None


class ArchiveTables:
    """The tables of one run: what they are like, and those that it has to make.

    Attributes:
        columns: by table, of all that are there.
        made: names of the tables that were made, or in a dry run would be.
        remarks: what the database lacks.
    """

    def __init__(self, database: Database, options: ArchiveOptions, *, back: bool) -> None:
        """Look at the database.

        Raises:
            ConfigurationError: it is no dialer's, or nothing was ever archived in it.
            DatabaseUnavailableError: no answer after all retries.
        """
        self._database, self._options, self._back = database, options, back
        self.made: list[str] = []
        self.columns: dict[str, Columns] = database.read(self._look)
        if LEADS not in self.columns:
            raise ConfigurationError(
                f"the database has no table {LEADS}; is it a dialer's? "
                "`leadloader init` makes the tables on an empty one"
            )
        if back and ARCHIVE not in self.columns:
            raise ConfigurationError(f"the database has no table {ARCHIVE} to bring leads from")
        self.remarks = [
            f"there is no table {name}, so no lead is left alone for being in it"
            for name in HOLDERS
            if name not in self.columns and not back
        ]

    def names(self, table_name: str) -> tuple[str, str]:
        """Give where the rows of a table go from and to."""
        names = (table_name, table_name + SUFFIX)
        return names[::-1] if self._back else names

    def pair(self, name: str) -> Pair:
        """Give the tables that the rows of the table `name` go between."""
        names = self.names(name)
        # In a dry run it may still have to be made.
        source, target = (self.columns.get(each, self.columns[name]) for each in names)
        return Pair.of(names, key_of(name), source, target)

    def make_missing(self, names: Iterable[str]) -> None:
        """Make the archives of tables that have none, where there is something to archive.

        Raises:
            ConfigurationError: one is missing, and none is to be made.
            NotAllowedError: one is missing, and the account may not make it.
            DatabaseUnavailableError: no answer after all retries.
        """
        if self._back:
            return
        for name in names:
            if name in self.columns and name + SUFFIX not in self.columns:
                self._make(name)

    def refuse_differences(self, lists: Collection[int]) -> None:
        """Refuse tables between which values would not stay what they are.

        Args:
            lists: those of the leads, of whose custom tables it is looked at; none: at all.

        Raises:
            ConfigurationError: there are differences; all are named.
        """
        others = lists and {name for name in self.columns if name.startswith("custom_")} - {
            f"custom_{list_id}" for list_id in lists
        }
        said = [
            difference
            for name in self.columns.keys() - (others or set())
            if name + SUFFIX in self.columns
            for difference in differences(
                self.names(name), *(self.columns[each] for each in self.names(name))
            )
        ]
        if said:
            raise ConfigurationError(
                "values would not stay what they are between these tables: "
                f"{'; '.join(sorted(said))}; alter the tables so that they agree"
            )

    def _look(self, connection: Connection) -> dict[str, Columns]:
        there = inspect(connection).get_table_names()
        wanted = {LEADS, ARCHIVE, *HOLDERS}
        if self._options.with_children:
            wanted |= {name for name in there if is_of_leads(name.removesuffix(SUFFIX))}
        return read_columns(connection, sorted(wanted.intersection(there)))

    def _make(self, name: str) -> None:
        if not self._options.create_tables:
            raise ConfigurationError(
                f"the database has no table {name}{SUFFIX}, and --no-create-tables is given; "
                "leave that out, or make the table"
            )
        if not self._options.dry_run:
            make_archive(self._database, name, self.columns[name])
            self.columns |= self._database.read(
                lambda connection: read_columns(connection, [name + SUFFIX])
            )
        self.made.append(name + SUFFIX)

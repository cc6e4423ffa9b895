"""The tables of leads and children, and their archives: checks, and making missing archives."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection, TableClause, column, table
from sqlalchemy.sql.elements import quoted_name

from loader.database.catalogue import Columns, Shape, differences, read_shapes, table_names
from loader.database.connection import Database
from loader.dialer import ARCHIVE, CALLBACKS, HOPPER, LEADS
from loader.errors import ConfigurationError, NotAllowedError
from loader.options.archive import ArchiveOptions

CHILDREN = {"vicidial_list_alt_phones": "alt_phone_id", CALLBACKS: "callback_id"}
"""The tables of children, each with its key; custom_<list_id> has the key lead_id."""
SUFFIX = "_archive"
INNODB = "InnoDB"
HOLDERS = (HOPPER, "vicidial_auto_calls", "vicidial_live_agents", CALLBACKS)
"""Tables that name the leads which the dialer is using, or is going to need."""


@dataclass(frozen=True)
class Pair:
    """Two tables between which rows are moved; `target` has all columns of `source`."""

    source: TableClause
    target: TableClause
    key: str
    """Name of the column that both have unique."""
    columns: Columns
    """Of the source."""
    converted: frozenset[str]
    """Names of those whose character sets differ."""
    is_back: bool
    """The target is the dialer's table, whose rows are newer and stay as they are."""

    @classmethod
    def of(cls, names: tuple[str, str], source: Columns, target: Columns) -> Self:
        """Make the pair of a source and a target that can be moved."""
        # Whether a name is reserved depends on the server; with quotes none is.
        columns = [quoted_name(name, quote=True) for name in source]
        from_table, to_table = (table(name, *map(column, columns)) for name in names)
        converted = (name for name in source if source[name].charset != target[name].charset)
        is_back = names[0].endswith(SUFFIX)
        return cls(from_table, to_table, key_of(names[1]), source, frozenset(converted), is_back)


def is_of_leads(name: str) -> bool:
    """Say whether a table has children of leads."""
    return name in CHILDREN or re.fullmatch("custom_[0-9]+", name) is not None


def key_of(name: str) -> str:
    """Give the unique column of a table of leads or children, or of its archive."""
    return CHILDREN.get(name.removesuffix(SUFFIX), "lead_id")


def make_archive(database: Database, name: str, columns: Columns) -> None:
    """Make the archive of a table: the same columns, but no counter.

    Raises:
        NotAllowedError: the account may not make tables.
    """
    archive = name + SUFFIX
    statements = database.adapter.copy_table(name, archive, key_of(name), columns)

    def make(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    try:
        database.write(make)
    except NotAllowedError as error:
        raise NotAllowedError(
            f"{archive} is missing, and the account may not create it; an administrator can run: "
            f"{'; '.join(statements)} ({error})"
        ) from None


class ArchiveTables:
    """The tables of one run: their shapes, and archives that it has to make.

    Attributes:
        shapes: of all existing tables, by name.
        made: names of the tables that were made, or in a dry run would be.
        remarks: what the database lacks.
    """

    def __init__(self, database: Database, options: ArchiveOptions, *, back: bool) -> None:
        """Read the shapes.

        Raises:
            ConfigurationError: it is no dialer's, or nothing was ever archived in it.
        """
        self._database, self._options, self._back = database, options, back
        self.made: list[str] = []
        self.shapes = database.read(self._read_shapes)
        if LEADS not in self.shapes:
            raise ConfigurationError(
                f"the database has no table {LEADS}; is it a dialer's? "
                "`leadloader init` makes the tables on an empty one"
            )
        if back and ARCHIVE not in self.shapes:
            raise ConfigurationError(f"the database has no table {ARCHIVE} to bring leads from")
        self.remarks = [
            f"there is no table {name}, so no lead is left alone for being in it"
            for name in HOLDERS
            if name not in self.shapes and not back
        ]

    def names(self, table_name: str) -> tuple[str, str]:
        """Give the names of the source and the target for a table."""
        names = (table_name, table_name + SUFFIX)
        return names[::-1] if self._back else names

    def pair(self, name: str) -> Pair:
        """Give the source and the target for a table."""
        names = self.names(name)
        # In a dry run one may still have to be made.
        source, target = (self.shapes.get(each, self.shapes[name]).columns for each in names)
        return Pair.of(names, source, target)

    def make_missing(self, names: Iterable[str]) -> None:
        """Make the missing archives of tables.

        Raises:
            ConfigurationError: one is missing, and none is to be made.
            NotAllowedError: one is missing, and the account may not make it.
        """
        if self._back:
            return
        for name in names:
            if name in self.shapes and name + SUFFIX not in self.shapes:
                self._make(name)

    def refuse_unsafe(self, lists: Collection[int]) -> None:
        """Refuse tables between which rows could be lost or altered.

        Args:
            lists: of the leads, whose custom tables are checked; none: all.

        Raises:
            ConfigurationError: there are such tables; the message names all problems.
        """
        others = {name for name in self.shapes if name.startswith("custom_")} if lists else set()
        others -= {f"custom_{list_id}" for list_id in lists}
        problems = []
        for name in sorted(self.shapes.keys() - others):
            if name == LEADS or is_of_leads(name):
                existing = [each for each in self.names(name) if each in self.shapes]
                problems += [wrong for each in existing for wrong in self._wrong_with(each)]
                if len(existing) == 2:
                    problems += self._wrong_between(*existing)
        if problems:
            raise ConfigurationError(
                f"nothing was moved, for rows could be lost or altered: {'; '.join(problems)}; "
                "alter the tables"
            )

    @property
    def have_row_locks(self) -> bool:
        """Whether statements wait for locked rows."""
        return any(shape.engine == INNODB for shape in self.shapes.values())

    def _wrong_with(self, name: str) -> list[str]:
        shape, key = self.shapes[name], key_of(name)
        if shape.engine == "view":
            return [f"{name} is a view, and a table is needed"]
        if key not in shape.unique:
            return [f"{name} has no unique key of {key} alone"]
        return []

    def _wrong_between(self, source: str, target: str) -> list[str]:
        shapes = self.shapes[source], self.shapes[target]
        problems = differences((source, target), *(shape.columns for shape in shapes))
        engine, keeps_commits = shapes[0].engine, self._database.adapter.keeps_commits
        if engine != INNODB == shapes[1].engine and not self._database.read(keeps_commits):
            problems.append(
                f"{target} is InnoDB and {source} {engine}, and innodb_flush_log_at_trx_commit "
                "is 0: a crash could lose copies whose rows are deleted; set it to 1, or give both "
                "tables one engine"
            )
        return problems

    def _read_shapes(self, connection: Connection) -> dict[str, Shape]:
        existing = table_names(connection)
        wanted = {LEADS, ARCHIVE, *HOLDERS}
        if self._options.with_children:
            wanted |= {name for name in existing if is_of_leads(name.removesuffix(SUFFIX))}
        return read_shapes(connection, wanted & existing)

    def _make(self, name: str) -> None:
        if not self._options.create_tables:
            raise ConfigurationError(
                f"the database has no table {name}{SUFFIX}, and --no-create-tables is given; "
                "leave that out, or make the table"
            )
        if not self._options.dry_run:
            make_archive(self._database, name, self.shapes[name].columns)
            made = self._database.read(lambda connection: read_shapes(connection, [name + SUFFIX]))
            self.shapes = {**self.shapes, **made}
        self.made.append(name + SUFFIX)

"""The rights of a database account; the server checks them for statements that are not executed."""

from collections.abc import Iterable

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from loader.archive.tables import CHILDREN, is_of_leads
from loader.database.catalogue import schema_table_names
from loader.database.connection import Database
from loader.database.error_codes import error_code
from loader.database.sql import quote_identifier
from loader.errors import NotAllowedError
from loader.ledger import versions
from loader.ledger.tables import version as ledger_version
from loader.rights.needs import CUSTOM_FIELDS, Right, Rights, Site

DENIED = frozenset({1044, 1142, 1143, 1227})
NO_TABLE, NO_COLUMN, NO_KEY = 1146, 1054, 1091
"""The server checks the right first, and these afterwards."""

STATEMENTS = {
    "SELECT": "SELECT {column} FROM {table}",
    "INSERT": "INSERT INTO {table} () VALUES ()",
    "UPDATE": "UPDATE {table} SET leadloader_nothing = 0 WHERE FALSE",
    "DELETE": "DELETE FROM {table} WHERE FALSE",
    "CREATE": "CREATE TABLE {table} (leadloader_nothing INT)",
    "ALTER": "ALTER TABLE {table} DROP COLUMN leadloader_nothing",
}
"""Each needs only its privilege; no table has a column leadloader_nothing."""

MOST_JOINED = 61
"""Tables of one join."""

ORDER = list(STATEMENTS)


class DatabaseAccount:
    """An account of a MariaDB or MySQL server, in one database.

    Attributes:
        name: as the server knows it, quoted: `cron`@`localhost`.
        version: the server's.
        site: what the needs depend on.
        remarks: noteworthy settings of the server.
        absent: missing tables for which a right was checked.
    """

    def __init__(self, database: Database) -> None:
        """Connect, and read the account.

        Raises:
            NotAllowedError: name or password are wrong, or it may not use the database.
        """
        self._database, url = database, database.engine.url
        self._name, self._lacking = str(url.database), database.lacking
        self.absent: set[str] = set()
        try:
            database.read(self._read_account)
        except NotAllowedError:
            # An account without any right in the database can still connect to the server.
            self._database = database.anew("")
            self._database.read(self._read_account)

    def missing(self, needs: Rights) -> list[Right]:
        """Give the rights that the account does not have, by table; none on `Database.lacking`."""
        checked = [right for right in _in_order(needs) if right.table not in self._lacking]

        def ask(connection: Connection) -> list[Right]:
            readable = self._readable_together(connection, checked)
            return [it for it in checked if it not in readable and not self._has(connection, it)]

        return self._database.read(ask)

    def grants(self, missing: Iterable[Right]) -> list[str]:
        """Give the statements by which an administrator grants rights, one for each table."""
        by_table: dict[str, dict[str, list[str]]] = {}
        for right in _in_order(missing):
            columns = by_table.setdefault(right.table, {}).setdefault(right.privilege, [])
            columns += [quote_identifier(right.column)] if right.column else []
        return [
            f"GRANT {', '.join(_privilege_text(*each) for each in privileges.items())} "
            f"ON {self._table(table)} TO {self.name};"
            for table, privileges in by_table.items()
        ]

    def _read_account(self, connection: Connection) -> None:
        asked = "SELECT CURRENT_USER(), VERSION(), @@GLOBAL.local_infile, @@GLOBAL.read_only"
        user, self.version, *settings = connection.exec_driver_sql(asked).one()
        self.name = "@".join(quote_identifier(part) for part in user.rsplit("@", 1))
        local_infile, read_only = map(int, settings)
        self.remarks = []
        if read_only:
            self.remarks.append(
                "the server is read-only, as replicas are; only a validation works there"
            )
        if not local_infile:
            self.remarks.append("local_infile is off: leads go in by INSERT, which takes longer")
        tables = schema_table_names(connection, self._name)
        custom = {name for name in tables if is_of_leads(name)} - CHILDREN.keys()
        custom |= self._defined_custom_tables(connection)
        self.site = Site(
            tables=frozenset(tables),
            custom=tuple(sorted(custom)),
            old_ledger=self._old_ledger(connection),
            is_node=self._database.adapter.is_node,
        )

    def _defined_custom_tables(self, connection: Connection) -> set[str]:
        """Read the custom tables of lists with custom fields; none if the account may not."""
        asked = f"SELECT DISTINCT list_id FROM {self._table(CUSTOM_FIELDS)}"  # noqa: S608 - our own name
        try:
            return {f"custom_{list_id}" for (list_id,) in connection.exec_driver_sql(asked)}
        except DBAPIError as error:
            if error_code(error) not in {*DENIED, NO_TABLE}:
                raise
            return set()

    def _old_ledger(self, connection: Connection) -> int:
        """Give the version of a ledger that is older than this program, if the account sees it."""
        asked = f"SELECT MAX(version) FROM {self._table(ledger_version.name)}"  # noqa: S608 - our own name
        try:
            version = connection.exec_driver_sql(asked).scalar()
        except DBAPIError as error:
            if error_code(error) not in {*DENIED, NO_TABLE}:
                raise
            return 0
        return int(version) if version is not None and version < versions.VERSION else 0

    def _table(self, name: str) -> str:
        return f"{quote_identifier(self._name)}.{quote_identifier(name)}"

    def _readable_together(
        self, connection: Connection, rights: Iterable[Right]
    ) -> frozenset[Right]:
        """Give the rights to read existing tables, if one statement proves them all; else none."""
        reading = frozenset(
            it for it in rights if it.privilege == "SELECT" and it.table in self.site.tables
        )
        tables = sorted({right.table for right in reading})
        if not 0 < len(tables) <= MOST_JOINED:
            return frozenset()
        columns = (
            f"{quote_identifier(it.table)}.{quote_identifier(it.column) if it.column else '*'}"
            for it in _in_order(reading)
        )
        statement = f"SELECT {', '.join(columns)} FROM {', '.join(map(self._table, tables))}"  # noqa: S608 - our own names
        try:
            _prepare(connection, statement)
        except DBAPIError as error:
            if error_code(error) not in DENIED | {NO_COLUMN, NO_TABLE}:
                raise
            return frozenset()
        return reading

    def _has(self, connection: Connection, right: Right) -> bool:
        column = quote_identifier(right.column) if right.column else "*"
        statement = STATEMENTS[right.privilege].format(
            table=self._table(right.table), column=column
        )
        try:
            if right.privilege == "ALTER":
                # Any account can prepare it; when it is executed, it finds nothing to alter.
                connection.exec_driver_sql(statement)
            else:
                _prepare(connection, statement)
        except DBAPIError as error:
            code = error_code(error)
            if code in DENIED:
                return False
            if code not in {NO_TABLE, NO_COLUMN, NO_KEY}:
                raise
            if code == NO_TABLE:
                self.absent.add(right.table)
        return True


def _prepare(connection: Connection, statement: str) -> None:
    """Let the server check a statement that is not executed; the next one takes its place."""
    connection.exec_driver_sql("PREPARE leadloader FROM %s", (statement,))


def _in_order(needs: Iterable[Right]) -> list[Right]:
    return sorted(needs, key=lambda it: (it.table, ORDER.index(it.privilege), it.column))


def _privilege_text(privilege: str, columns: list[str]) -> str:
    return f"{privilege} ({', '.join(columns)})" if columns else privilege

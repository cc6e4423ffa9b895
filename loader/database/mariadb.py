"""MariaDB and MySQL: the dialer's servers."""

import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import accumulate
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from sqlalchemy import Connection, CursorResult, Dialect
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from loader.database.adapter import Adapter, Among, Digests, Written
from loader.database.address import CHARSET, PORT, Address
from loader.database.catalogue import Columns, storage_engine
from loader.database.cluster import OF_LAGGING, READS_ALL, Place, Servers
from loader.database.damage import refuse_damage
from loader.database.driver import DriverConnection, ValueRows
from loader.database.encryption import tls_context, warn_if_readable
from loader.database.error_codes import LOCK_WAIT_TIMEOUT, NO_SUCH_THREAD, error_code
from loader.database.sql import (
    NO_PARAMETERS,
    between,
    by_statement,
    column_list,
    escape,
    insert_into,
    is_mariadb,
    literal,
    literals,
    quote_identifier,
)
from loader.errors import ConfigurationError, TransientDatabaseError, UsageError
from loader.frames.arrow import arrow_columns, join_texts, to_arrow
from loader.signals import defer_signals

LOCAL = "localhost"
"""The host of a server where the address names none."""

SMALLEST_PACKET = 1 << 20
"""The default of the oldest servers; what does not fit loses the connection, or comes as NULL."""

SERVER_MODE = "NO_AUTO_VALUE_ON_ZERO"
"""Lax, as the dialer's, whatever the server's: a value that a column cannot take is stored as it
can, a column of the site's own gets its default. LOAD DATA LOCAL knows no strict mode either. What
was stored otherwise than sent is seen when it is read back. But a lead_id 0 stays 0."""

FIRST_WITH_VALUES = (10, 3, 3)
"""The first MariaDB that knows `WITH name (column) AS (VALUES ...)`."""

INTERLEAVED = 2
"""The mode in which ids of a file that comes meanwhile lie between those of another one."""


class MariaDB(Adapter):
    """A database of a server."""

    has_accounts = True
    has_replication = True
    loads_files = True
    list_mark = "%s"
    engine_arguments: ClassVar = {
        "pool_pre_ping": False,
        "pool_size": 1,
        "connect_args": {
            "charset": CHARSET,
            # Before SQLAlchemy asks how the server takes quotes.
            "sql_mode": SERVER_MODE,
        },
    }
    text = "CONVERT({} USING utf8mb4)"
    rows = "({})"
    ignore = "IGNORE"
    # CREATE INDEX needs another right, which the dialer's own account does not have.
    unique_index = "ALTER TABLE {table} ADD UNIQUE INDEX {name} ({columns})"

    def __init__(self, address: Address) -> None:
        """Take the address of the database, and read the certificates for it.

        Raises:
            ConfigurationError: a file of certificates is missing, or is none.
        """
        super().__init__(address)
        self._options, self._unix_socket = address.options, address.unix_socket
        self._name = address.name
        self._tls = tls_context(address.options)
        first = (address.url.host, address.url.port)
        places = [(host or LOCAL, port or PORT) for host, port in (first, *address.others)]
        self._servers = Servers(places)

    def connect(
        self,
        _dialect: Dialect,
        _record: object,
        _arguments: Sequence[Any],
        _options: dict[str, Any],
    ) -> DriverConnection:
        """Connect as `DriverConnection` does, see `Servers.connect`; raises what they do."""
        return self._servers.connect(partial(self._connect_at, _options))

    def connect_beside(self, *given: Any) -> DriverConnection:
        """Connect to the server that the last one was made to, and to no other."""
        return self._connect_at(given[-1], self._servers.current)

    def refuse_left(self, connection: Any, record: object, proxy: object) -> None:  # noqa: ARG002
        """Compare their places."""
        if (connection.host, connection.port) != self._servers.current:
            raise DisconnectionError

    def _connect_at(self, options: Mapping[str, Any], place: Place) -> DriverConnection:
        tls, path = None if self._unix_socket else self._tls, self._unix_socket
        options = {**options, **dict(zip(("host", "port"), place, strict=True))}
        return DriverConnection(self._options, tls, self._name, unix_socket=path, **options)

    @property
    def is_node(self) -> bool:
        """Say what the last connection found."""
        return self._servers.are_nodes

    def prepare(self, connection: Any, record: ConnectionPoolEntry) -> None:
        """Set the session up; a lock that ends with it tells whether it has ended."""
        warn_if_readable(connection)
        session = f"leadloader-{secrets.token_hex(8)}"
        record.info["session"] = session
        with connection.cursor() as cursor:
            cursor.execute(
                "SET SESSION sql_safe_updates = 0, sql_big_selects = 1, completion_type = 0, "
                f"group_concat_max_len = {SMALLEST_PACKET}, "
                f"@session_lasts = GET_LOCK('{session}', 0)"
            )
            if self.is_node:
                cursor.execute(f"SET SESSION wsrep_sync_wait = {READS_ALL}")
                connection.advice = f"{DriverConnection.advice}, {OF_LAGGING}"
            cursor.execute("SELECT @@max_allowed_packet")
            [packet] = cursor.fetchone()
        if packet < SMALLEST_PACKET:
            raise ConfigurationError(
                f"the server's max_allowed_packet is {packet} bytes, and leadloader needs 1 MB "
                f"({SMALLEST_PACKET}); set it in the server's settings, or by SET GLOBAL"
            )

    def check_address(self, *, must_exist: bool) -> None:  # noqa: ARG002 - of a file
        """Refuse the address of a server alone."""
        if not self.url.database:
            name = self.url.set(query={}).render_as_string(hide_password=True)
            raise UsageError(
                f"{name} names no database; write it behind the server: "
                "mysql://user:password@host/asterisk"
            )

    def end_session(self, connection: Connection, session: str) -> None:
        """End whoever holds the lost session's lock, and wait until it is free."""
        holder = connection.exec_driver_sql(f"SELECT IS_USED_LOCK('{session}')").scalar()
        if holder is None:
            return
        try:
            connection.exec_driver_sql(f"KILL {holder}")
        except DBAPIError as error:
            if error_code(error) != NO_SUCH_THREAD:
                raise
        if not connection.exec_driver_sql(f"SELECT GET_LOCK('{session}', 10)").scalar():
            raise TransientDatabaseError(LOCK_WAIT_TIMEOUT)

    def refuse_damage(
        self, connection: Connection, table: str, since: datetime | None, *, repairs: bool
    ) -> None:
        """Check it, see `damage.refuse_damage`."""
        refuse_damage(connection, table, since, repairs=repairs)

    def is_transactional(self, connection: Connection, table: str) -> bool:
        """Ask for its engine."""
        return storage_engine(connection, table) == "InnoDB"

    def next_id(self, connection: Connection, table: str) -> int | None:
        """Read the counter from the definition: the catalogue of MySQL 8 may be a day old."""
        statement = f"SHOW CREATE TABLE {quote_identifier(table)}"
        definition = str(connection.exec_driver_sql(statement).one()[1])
        counter = re.search(r"\bAUTO_INCREMENT=(\d+)", definition.rpartition("\n)")[2])
        return int(counter[1]) if counter else 1

    def keeps_commits(self, connection: Connection) -> bool:
        """Ask the server."""
        statement = "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit"
        return bool(int(connection.exec_driver_sql(statement).scalar_one()))

    def numbers_files_in_a_row(self, connection: Connection) -> bool:
        """Ask the server: MySQL 8 and newer, and nodes of a cluster, give ids to all at once."""
        statement = "SELECT @@GLOBAL.innodb_autoinc_lock_mode"
        return int(connection.exec_driver_sql(statement).scalar_one()) < INTERLEAVED

    def list_value(self, values: Iterable[object]) -> tuple[object, ...]:
        """Give them as a tuple, which the driver expands."""
        return tuple(values)

    def ask_among(
        self, dialect: Dialect, question: Among, values: Iterable[object]
    ) -> tuple[str, object]:
        """Go through the values, and look for each: whatever the server knows of the table's size.

        A server that has just got many leads takes the table for a small one, and would read it
        whole. Older servers, and MySQL, get a list.
        """
        by_index = ""
        if question.index:
            by_index = f" FORCE INDEX ({quote_identifier(question.index)})"
        table, column, collation = question.table, question.column, question.collation
        if not (collation and _takes_values(dialect)):
            head = f"SELECT {question.names} FROM {table}{by_index}"  # noqa: S608 - our own names
            return question.words(head, f"{column} IN {{}}"), self.list_value(values)
        head = (
            f"WITH asked (asked_for) AS (VALUES {{}}) SELECT {question.names} "  # noqa: S608 - likewise
            f"FROM asked STRAIGHT_JOIN {table}{by_index}"
        )
        # The table's column is compared as it is, or no index would do.
        charset = collation.partition("_")[0]
        value = f"CONVERT(asked_for USING {charset}) COLLATE {collation}"
        return question.words(head, f"{column} = {value}"), ValueRows(values)

    def existing_beginnings(
        self, connection: Connection, question: Among, beginnings: Sequence[str]
    ) -> Sequence[str]:
        """Look for the first value of each in the index, of columns that are known to be texts."""
        if question.index is None or question.collation is None:
            return beginnings
        column, index = question.column, quote_identifier(question.index)
        # Digits stand in their order in every collation, wherever letters and blanks stand.
        words = (
            f"(SELECT '{two}' FROM {question.table} FORCE INDEX ({index}) "  # noqa: S608 - our own names, and digits
            f"WHERE {column} >= '{two}'{_before_next(column, two)} LIMIT 1)"
            for two in beginnings
        )
        return [str(two) for (two,) in connection.exec_driver_sql(" UNION ALL ".join(words))]

    def joined_text(self, columns: Sequence[str], separator: int) -> str:
        """Convert them first: columns may have different character sets, and a text has one."""
        texts = ", ".join(map(self.text.format, columns))
        return f"CONCAT_WS(CHAR({separator} USING utf8mb4), {texts})"

    def digest_texts(
        self,
        connection: Connection,
        table: str,
        text: str,
        separator: int,
        first_id: int,
        counts: Sequence[int],
    ) -> Digests | None:
        """Hash them in one statement, of which 64 letters for each part come back.

        The leads of other nodes of a cluster stand in between, and are none of these.
        """
        step, parts = "@@auto_increment_increment", []
        for end, count in zip(accumulate(counts), counts, strict=True):
            first, last = (f"{first_id} + {step} * {n}" for n in (end - count, end - 1))
            parts.append(
                f"SELECT {step}, COUNT(*), SHA2(GROUP_CONCAT({text} ORDER BY lead_id "  # noqa: S608 - columns of the table
                f"SEPARATOR 0x{separator:02x}), 256) FROM {table} WHERE lead_id BETWEEN {first} "
                f"AND {last} AND lead_id % {step} = {first_id} % {step}"
            )
        statement = " UNION ALL ".join(parts)
        answer = connection.exec_driver_sql(statement, execution_options=NO_PARAMETERS).all()
        if [there for _, there, _ in answer] != list(counts):
            return None
        return Digests(int(answer[0][0]), tuple(str(sha256) for _, _, sha256 in answer))

    def copy_table(self, source: str, target: str, key: str, columns: Columns) -> list[str]:
        """Copy the definition; a run that was killed in between can do it again."""
        counter = f"{quote_identifier(key)} {columns[key].definition} NOT NULL"
        table = quote_identifier(target)
        return [
            f"CREATE TABLE IF NOT EXISTS {table} LIKE {quote_identifier(source)}",
            f"ALTER TABLE {table} MODIFY {counter}",
        ]

    def insert_rows(self, connection: Connection, table: str, rows: pd.DataFrame) -> Written:
        """Insert them; by several statements if they are many bytes."""
        first_id, warnings = 0, 0
        for part in by_statement(literals(rows)):
            result = connection.exec_driver_sql(
                f"{insert_into(table, rows)} VALUES ({'),('.join(part)})",
                execution_options=NO_PARAMETERS,
            )
            first_id = first_id or result.lastrowid or 0
            warnings += _warnings(result)
        return Written(len(rows), first_id, warnings)

    def load_file(self, connection: Connection, table: str, rows: pd.DataFrame) -> Written:
        """Send them by LOAD DATA LOCAL INFILE, quoted as CSV, so that no value needs escapes.

        There is no file: the driver answers with the rows.
        """
        columns, same = _part_constants(arrow_columns(rows))
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
        pyarrow.csv.write_csv(pa.table(columns), file := pa.BufferOutputStream(), options)
        driver = connection.connection.driver_connection
        assert isinstance(driver, DriverConnection)  # noqa: S101 - for mypy
        # The server would store a row that is cut off where the driver is.
        with defer_signals(), driver.sending(memoryview(file.getvalue())):
            result = connection.exec_driver_sql(
                f"LOAD DATA LOCAL INFILE 'leads.csv' INTO TABLE {quote_identifier(table)} "
                "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' ENCLOSED BY '\"' ESCAPED BY '' "
                f"LINES TERMINATED BY '\\n' ({column_list(columns)}) {_settings(same)}",
                execution_options=NO_PARAMETERS,
            )
        first_id = connection.exec_driver_sql("SELECT LAST_INSERT_ID()").scalar_one()
        return Written(result.rowcount, int(first_id), _warnings(result))

    def update_unchanged(
        self, connection: Connection, table: str, before: pd.DataFrame, after: pd.DataFrame
    ) -> Collection[int]:
        """Join a table of old and new values; by several statements if they are many bytes.

        The values come as one SELECT for each lead, which every server knows, and which takes a
        tenth of the time of CASE. The first SELECT names the columns and joins nothing.

        The statement itself notes the leads that it changes: what they hold afterwards may be what
        others wrote.
        """
        names = [str(name) for name in before if name != "lead_id"]
        aliases = ["lead_id", *(f"{age}_{n}" for age in ("old", "new") for n in range(len(names)))]
        head = "SELECT " + ", ".join(f"NULL AS {alias}" for alias in aliases)
        new = [f"v.new_{n}" for n in range(len(names))]
        new[0] = f"IF(LENGTH(@written := CONCAT(@written, ' ', v.lead_id)), {new[0]}, NULL)"
        settings = (
            f"leads.{quote_identifier(name)} = {value}"
            for name, value in zip(names, new, strict=True)
        )
        # Binary, or letters of another case and trailing blanks would be the same.
        guards = (
            f"CAST(CONVERT(leads.{name} USING utf8mb4) AS BINARY) <=> CAST(v.old_{n} AS BINARY)"
            for n, name in enumerate(map(quote_identifier, names))
        )
        # By any other way it would go through all leads, and lock them.
        tail = (
            f"STRAIGHT_JOIN {table} AS leads FORCE INDEX (PRIMARY) ON leads.lead_id = v.lead_id "
            f"SET {', '.join(settings)} WHERE {' AND '.join(guards)}"
        )
        written: list[str] = []
        for part in by_statement(_selects(before[names], after[names], before["lead_id"])):
            connection.exec_driver_sql("SET @written = ''")
            connection.exec_driver_sql(
                f"UPDATE ({head}{''.join(part)}) AS v {tail}", execution_options=NO_PARAMETERS
            )
            written += str(connection.exec_driver_sql("SELECT @written").scalar_one()).split()
        return [int(lead_id) for lead_id in written]


def _part_constants(
    columns: Mapping[str, pa.ChunkedArray],
) -> tuple[dict[str, pa.ChunkedArray], dict[str, str]]:
    """Part the columns of rows (at least one) from the values that are the same in all rows.

    The first column stays one: there is no file without columns.
    """
    first = next(iter(columns))
    same = {
        name: column[0].as_py()
        for name, column in columns.items()
        if name != first and pc.all(pc.equal(column, column[0])).as_py()
    }
    return {name: column for name, column in columns.items() if name not in same}, same


def _settings(values: Mapping[str, str]) -> str:
    """Word what a LOAD DATA sets in each row."""
    settings = [f"{quote_identifier(name)} = {literal(text)}" for name, text in values.items()]
    return f"SET {', '.join(settings)}" if settings else ""


def _warnings(result: CursorResult[tuple[object, ...]]) -> int:
    """Give the count that came with the server's answer: no other question has to be asked."""
    return int(getattr(result.context.cursor, "warning_count", 0))


def _selects(
    before: pd.DataFrame, after: pd.DataFrame, lead_ids: "pd.Series[int]"
) -> pa.ChunkedArray:
    """Write lead_id, old and new values of each lead as a SELECT."""
    texts = [between("'", escape(frame[n]), "'") for frame in (before, after) for n in frame]
    values = [pc.fill_null(text, "NULL") for text in texts]
    rows = join_texts([to_arrow(lead_ids.astype("str")), *values], ",")
    return between(" UNION ALL SELECT ", rows, "")


def _before_next(column: str, two: str) -> str:
    """Word that a column is before the texts that begin with the next two digits, if there are."""
    following = str(int(two) + 1).zfill(2)
    return f" AND {column} < '{following}'" if len(following) == len(two) else ""


def _takes_values(dialect: Dialect) -> bool:
    return is_mariadb(dialect) and (dialect.server_version_info or ()) >= FIRST_WITH_VALUES

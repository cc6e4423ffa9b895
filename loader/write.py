"""Rows into a table: the statements that send them, and how each gets in exactly once.

After a failure it is found out first which rows are stored; then the rest goes in. That holds with
and without transactions.
"""

import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import DBAPIError

from loader.database.connection import Database
from loader.database.error_codes import error_code
from loader.database.sql import AS_IT_IS, by_statement, literals, quoted
from loader.errors import RowDataError
from loader.frames.arrow import to_arrow
from loader.signals import unbroken

LOCAL_INFILE_OFF = frozenset({1148, 2068, 3948, 3950, 4166})


class Written(NamedTuple):
    """What the server said of a write."""

    rows: int
    """How many it stored."""
    first_id: int
    """The first id that it gave out, if it stored any row and numbers them."""
    warnings: int
    """How often it stored something else than was sent, or left a row out."""


class Writer:
    """Sends rows by the fastest way that server and account allow."""

    def __init__(self, database: Database) -> None:
        """Take the database; that it refuses files is learnt at the first one."""
        self.database = database
        self.loads_files = not database.is_sqlite

    def write(
        self,
        connection: Connection,
        table: str,
        rows: pd.DataFrame,
        *,
        by_file: bool,
    ) -> Written:
        """Send rows; by a file the server leaves out what it refuses, else it says so.

        Args:
            connection: nothing is committed.
            table: its name in the database.
            rows: at least one; str columns, named as those of the table.
            by_file: the server may be sent a file, if it takes one.

        Raises:
            DBAPIError: what `Database.connect` translates.
        """
        if self.database.is_sqlite:
            return _executemany(connection, table, rows)
        if by_file and self.loads_files:
            try:
                return _load_data(connection, table, rows)
            except DBAPIError as error:
                if error_code(error) not in LOCAL_INFILE_OFF:
                    raise
                self.loads_files = False
        return _insert_values(connection, table, rows)


@dataclass(frozen=True)
class Inserted:
    """What became of the rows of a batch, by their index."""

    lead_ids: "pd.Series[int]" = field(default_factory=lambda: pd.Series(dtype="int64"))
    """Of the rows that are stored."""
    refused: dict[int, int] = field(default_factory=dict)
    """The server's error code, of the rows that it refused."""
    changed: tuple[int, ...] = ()
    """Stored rows that read back differently: the server changed them."""
    fingerprints: "pd.Series[int]" = field(default_factory=lambda: pd.Series(dtype="uint32"))
    """Of leads as they are stored, see `loader.insert.fingerprints_of`; of other rows none."""

    def __add__(self, other: "Inserted") -> "Inserted":
        return Inserted(
            pd.concat([self.lead_ids, other.lead_ids]),
            self.refused | other.refused,
            self.changed + other.changed,
            pd.concat([self.fingerprints, other.fingerprints]),
        )


class BatchLog:
    """Keeps what is known of a batch for those who take it up again; this one keeps nothing."""

    session: str | None = None
    """The one that sent it last, see `Database.end_session`."""
    was_sent: bool = False
    """By a process before this one: nobody knows how far it came."""

    def sending(self, connection: Connection, known: Inserted) -> None:
        """Note that rows are about to be sent over a connection; what was done is committed."""

    def stored(self, connection: Connection, known: Inserted) -> None:
        """Note over the same connection, before the commit, what became of them."""

    def ended(self, known: Inserted) -> None:
        """Note what became of all rows, if that is not done."""


class Batch(ABC):
    """One batch on its way into a table; `known` is what is known of it at any time."""

    def __init__(
        self, writer: Writer, table: str, rows: pd.DataFrame, log: BatchLog | None = None
    ) -> None:
        """Take rows as `Writer.write` sends them, with a unique index (int64)."""
        self.writer, self.database = writer, writer.database
        self.table, self.rows = table, rows
        self.known = Inserted()
        self.log = log or BatchLog()
        self._session = self.log.session

    @abstractmethod
    def read_back(
        self, connection: Connection, rows: pd.DataFrame, written: Written | None
    ) -> Inserted:
        """Say which rows are stored, of those not known yet.

        Args:
            connection: of the write, which is not committed; or another one.
            rows: those that were sent.
            written: what the server said of it; None: it failed, or nobody knows.
        """

    def send(self, connection: Connection, rows: pd.DataFrame, *, by_file: bool) -> Written:
        """Send rows, maybe not for the first time; see `Writer.write`."""
        return self.writer.write(connection, self.table, rows, by_file=by_file)

    def insert(self) -> None:
        """Send the rows; every one that `read_back` finds comes out stored or refused.

        Raises:
            DatabaseUnavailableError: no answer after all retries. What is stored by then stays.
            LoaderError: the database cannot do this; likewise.
        """
        try:
            self._attempt(self.rows, by_file=True, in_doubt=self.log.was_sent)
            self._attempt(self.rows, by_file=False)
        except KeyboardInterrupt:
            self._find_lost(self.rows)
            raise
        self.log.ended(self.known)

    def left(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give the rows of which nothing is known yet."""
        known = self.known.lead_ids.index.union([*self.known.refused])
        return rows[~rows.index.isin(known)]

    def _attempt(self, rows: pd.DataFrame, *, by_file: bool, in_doubt: bool = False) -> None:
        """Write rows; after a lost connection find out first which of them are stored."""
        for attempt in self.database.retrying():
            with attempt:
                if in_doubt:
                    self._find_lost(rows)
                in_doubt = True
                self._write_or_halve(self.left(rows), by_file=by_file)

    def _write_or_halve(self, rows: pd.DataFrame, *, by_file: bool) -> None:
        if rows.empty:
            return
        try:
            self._write(rows, by_file=by_file)
        except RowDataError as error:
            self._halve(rows, error.code)

    def _write(self, rows: pd.DataFrame, *, by_file: bool) -> None:
        """Write, read back and commit."""
        with self.database.connect() as connection:
            self._session = connection.info.get("session")
            self.log.sending(connection, self.known)
            written = self.send(connection, rows, by_file=by_file)
            known = self.known + self.read_back(connection, rows, written)
            self.log.stored(connection, known)
            connection.commit()
        self.known = known

    def _halve(self, rows: pd.DataFrame, code: int) -> None:
        """Corner the row that the server refuses; without transactions, those before it are in."""
        self._find_stored(rows)
        rows = self.left(rows)
        if len(rows) <= 1:
            self.known += Inserted(refused=dict.fromkeys(rows.index.tolist(), code))
            return
        middle = len(rows) // 2
        for half in (rows.iloc[:middle], rows.iloc[middle:]):
            self._attempt(half, by_file=False)

    def _find_lost(self, rows: pd.DataFrame) -> None:
        """Find the rows of a write of which nobody knows how it ended, when it has."""
        if self._session is not None:
            self.database.end_session(self._session)
        self._find_stored(self.left(rows))

    def _find_stored(self, rows: pd.DataFrame) -> None:
        """Find the rows of a failed write that are stored all the same."""
        self.known += self.database.read(lambda connection: self.read_back(connection, rows, None))


def _executemany(connection: Connection, table: str, rows: pd.DataFrame) -> Written:
    marks = ", ".join("?" * len(rows.columns))
    statement = f"{_into(table, rows)} VALUES ({marks})"
    columns = (to_arrow(rows[name]).to_pylist() for name in rows)
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))
    last = connection.exec_driver_sql("SELECT last_insert_rowid()").scalar_one()
    return Written(len(rows), int(last) - len(rows) + 1, 0)


def _load_data(connection: Connection, table: str, rows: pd.DataFrame) -> Written:
    """Send rows by LOAD DATA LOCAL INFILE, quoted as CSV, so that no value needs escapes."""
    columns = pa.table([to_arrow(rows[name]) for name in rows], names=list(rows))
    with tempfile.NamedTemporaryFile(prefix="leadloader-", suffix=".csv") as file:
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
        pyarrow.csv.write_csv(columns, file, options)
        file.flush()
        # The server would store a row that is cut off where the driver is.
        with unbroken():
            result = connection.exec_driver_sql(
                f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE {quoted(table)} "
                "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' ENCLOSED BY '\"' ESCAPED BY '' "
                f"LINES TERMINATED BY '\\n' ({_names(rows)})",
                execution_options=AS_IT_IS,
            )
    first_id = connection.exec_driver_sql("SELECT LAST_INSERT_ID()").scalar_one()
    return Written(result.rowcount, int(first_id), _warnings(result))


def _insert_values(connection: Connection, table: str, rows: pd.DataFrame) -> Written:
    """Send rows by INSERT; by several if they are many bytes."""
    into = _into(table, rows)
    first_id, warnings = 0, 0
    for part in by_statement(literals(rows)):
        result = connection.exec_driver_sql(
            f"{into} VALUES ({'),('.join(part)})", execution_options=AS_IT_IS
        )
        first_id = first_id or result.lastrowid or 0
        warnings += _warnings(result)
    return Written(len(rows), first_id, warnings)


def _warnings(result: CursorResult[tuple[object, ...]]) -> int:
    """Give the count that came with the server's answer: no other question has to be asked."""
    return int(getattr(result.context.cursor, "warning_count", 0))


def _into(table: str, rows: pd.DataFrame) -> str:
    return f"INSERT INTO {quoted(table)} ({_names(rows)})"


def _names(rows: pd.DataFrame) -> str:
    return ", ".join(quoted(str(name)) for name in rows)

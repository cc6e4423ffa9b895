"""The statement that sends rows: LOAD DATA where the server allows it, else INSERT."""

import tempfile
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import DBAPIError

from loader.database.connection import Database
from loader.database.error_codes import error_code
from loader.database.sql import NO_PARAMETERS, by_statement, literals, quote_identifier
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
                f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE {quote_identifier(table)} "
                "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' ENCLOSED BY '\"' ESCAPED BY '' "
                f"LINES TERMINATED BY '\\n' ({_names(rows)})",
                execution_options=NO_PARAMETERS,
            )
    first_id = connection.exec_driver_sql("SELECT LAST_INSERT_ID()").scalar_one()
    return Written(result.rowcount, int(first_id), _warnings(result))


def _insert_values(connection: Connection, table: str, rows: pd.DataFrame) -> Written:
    """Send rows by INSERT; by several if they are many bytes."""
    into = _into(table, rows)
    first_id, warnings = 0, 0
    for part in by_statement(literals(rows)):
        result = connection.exec_driver_sql(
            f"{into} VALUES ({'),('.join(part)})", execution_options=NO_PARAMETERS
        )
        first_id = first_id or result.lastrowid or 0
        warnings += _warnings(result)
    return Written(len(rows), first_id, warnings)


def _warnings(result: CursorResult[tuple[object, ...]]) -> int:
    """Give the count that came with the server's answer: no other question has to be asked."""
    return int(getattr(result.context.cursor, "warning_count", 0))


def _into(table: str, rows: pd.DataFrame) -> str:
    return f"INSERT INTO {quote_identifier(table)} ({_names(rows)})"


def _names(rows: pd.DataFrame) -> str:
    return ", ".join(quote_identifier(str(name)) for name in rows)

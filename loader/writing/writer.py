"""The statement that sends rows: LOAD DATA where the server allows it, else INSERT."""

import time

import pandas as pd
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from loader.database.adapter import Written
from loader.database.connection import Database
from loader.database.error_codes import error_code

LOCAL_INFILE_OFF = frozenset({1148, 2068, 3948, 3950, 4166})


class Writer:
    """Sends rows by the fastest way that server and account allow."""

    def __init__(self, database: Database) -> None:
        """Take the database; whether it refuses files shows at the first one."""
        self.database = database
        self.loads_files = database.adapter.loads_files
        self.longest = 0.0
        """Seconds of the longest statement so far; who measures sets it back."""

    def write(
        self, connection: Connection, table: str, rows: pd.DataFrame, *, by_file: bool
    ) -> Written:
        """Send rows; of a file the server leaves out refused rows, otherwise it raises an error.

        Args:
            connection: nothing is committed.
            table: its name in the database.
            rows: at least one; str columns, named as those of the table.
            by_file: the server may be sent a file, if it takes one.

        Raises:
            DBAPIError: what `Database.connect` translates.
        """
        began = time.perf_counter()
        try:
            return self._write(connection, table, rows, by_file=by_file)
        finally:
            self.longest = max(self.longest, time.perf_counter() - began)

    def _write(
        self, connection: Connection, table: str, rows: pd.DataFrame, *, by_file: bool
    ) -> Written:
        if by_file and self.loads_files:
            try:
                return self.database.adapter.load_file(connection, table, rows)
            except DBAPIError as error:
                if error_code(error) not in LOCAL_INFILE_OFF:
                    raise
                self.loads_files = False
        return self.database.adapter.insert_rows(connection, table, rows)

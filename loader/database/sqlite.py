"""SQLite: the twin of the dialer's server, with the functions of a server that statements use."""

import hashlib
import json
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, Dialect, NullPool
from sqlalchemy.pool import ConnectionPoolEntry

from loader.clock import moment_text
from loader.database.adapter import Adapter, Among, Written
from loader.database.catalogue import Columns
from loader.database.sql import insert_into, quote_identifier
from loader.errors import ConfigurationError
from loader.files import exists
from loader.frames.arrow import to_arrow
from loader.frames.collation import fold, fold_text


class Sqlite(Adapter):
    """A database in a file."""

    has_accounts = False
    has_replication = False
    loads_files = False
    list_mark = "(SELECT value FROM json_each(?))"
    engine_arguments: ClassVar = {"poolclass": NullPool}
    text = "CAST({} AS TEXT)"
    rows = "(VALUES {})"
    ignore = "OR IGNORE"
    unique_index = "CREATE UNIQUE INDEX {name} ON {table} ({columns})"

    def prepare(self, connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ARG002
        """Add the few functions of a server that statements use."""
        connection.execute("PRAGMA busy_timeout = 5000")
        functions: tuple[tuple[str, int, Callable[..., str | float | None]], ...] = (
            ("fold", 1, lambda text: None if text is None else fold_text(str(text))),
            ("now", 0, lambda: moment_text(datetime.now())),  # noqa: DTZ005 - the server's local time
            ("crc32", 1, lambda text: zlib.crc32(str(text).encode())),
            ("utc_timestamp", 0, lambda: moment_text(datetime.now(UTC))),
            ("unix_timestamp", 1, lambda text: datetime.fromisoformat(text).timestamp()),
            ("from_unixtime", 1, lambda seconds: moment_text(datetime.fromtimestamp(seconds))),  # noqa: DTZ006 - likewise
        )
        for name, arguments, function in functions:
            connection.create_function(name, arguments, function)

    def check_address(self, *, must_exist: bool) -> None:
        """Refuse a file that does not exist, if it must."""
        file = self.url.database
        if must_exist and file and not file.startswith("file:") and not exists(Path(file)):
            raise ConfigurationError(
                f"there is no SQLite database {file}; `leadloader init` makes one"
            )

    def lock_file(self, name: str) -> Path:
        """Give a hidden file beside the database."""
        file = Path(self.url.database or "").resolve()
        digest = hashlib.sha256(name.encode()).hexdigest()
        return file.with_name(f".{file.name}.{digest[:16]}.lock")

    def list_value(self, values: Iterable[object]) -> str:
        """Give them as JSON: the number of parameters is limited."""
        return json.dumps(list(values))

    def ask_among(
        self,
        dialect: Dialect,  # noqa: ARG002
        question: Among,
        values: Iterable[object],
    ) -> tuple[str, object]:
        """Read the whole table: it has no index of folded texts."""
        head = f"SELECT {question.names} FROM {question.table}"  # noqa: S608 - our own names
        return question.words(head, f"{self.collated(question.column)} IN {{}}"), self.list_value(
            values
        )

    def collated(self, column: str) -> str:
        """Fold it: SQLite compares to the letter."""
        return f"fold({column})"

    def fold(self, values: "pd.Series[str]") -> "pd.Series[str]":
        """Fold them likewise."""
        return fold(values)

    def joined_text(self, columns: Sequence[str], separator: int) -> str:
        """Join them."""
        return f" || char({separator}) || ".join(f"IFNULL({name}, char(0))" for name in columns)

    def copy_table(self, source: str, target: str, key: str, columns: Columns) -> list[str]:  # noqa: ARG002
        """Define the columns anew."""
        parts = [f"{quote_identifier(name)} {kind}" for name, kind in columns.items()]
        parts.append(f"PRIMARY KEY ({quote_identifier(key)})")
        return [f"CREATE TABLE IF NOT EXISTS {quote_identifier(target)} ({', '.join(parts)})"]

    has_many_writers = has_many_readers = False

    def keep_writers_out(self, connection: Connection) -> bool:
        """Lock the file."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return True

    def insert_rows(self, connection: Connection, table: str, rows: pd.DataFrame) -> Written:
        """Insert them by one statement that SQLite runs for each."""
        marks = ", ".join("?" * len(rows.columns))
        columns = (to_arrow(rows[name]).to_pylist() for name in rows)
        connection.exec_driver_sql(
            f"{insert_into(table, rows)} VALUES ({marks})", list(zip(*columns, strict=True))
        )
        last = connection.exec_driver_sql("SELECT last_insert_rowid()").scalar_one()
        return Written(len(rows), int(last) - len(rows) + 1, 0)

    def update_unchanged(
        self, connection: Connection, table: str, before: pd.DataFrame, after: pd.DataFrame
    ) -> Collection[int]:
        """Keep others out, compare the leads, and change them one by one."""
        self.keep_writers_out(connection)
        names = [str(name) for name in before if name != "lead_id"]
        texts = ", ".join(map(self.as_text, names))
        lead_ids = before["lead_id"].tolist()
        rows = connection.exec_driver_sql(
            f"SELECT lead_id, {texts} FROM {table} "  # noqa: S608 - columns of the table
            f"WHERE lead_id IN ({', '.join(map(str, lead_ids))})"
        )
        current = {row[0]: tuple(row[1:]) for row in rows}
        values = zip(lead_ids, _rows_of(before[names]), _rows_of(after[names]), strict=True)
        changes = [(*new, lead_id) for lead_id, old, new in values if current.get(lead_id) == old]
        if changes:
            # A server sets modify_date by itself.
            settings = [*(f"{quote_identifier(name)} = ?" for name in names), "modify_date = NOW()"]
            connection.exec_driver_sql(
                f"UPDATE {table} SET {', '.join(settings)} WHERE lead_id = ?",  # noqa: S608 - likewise
                changes,
            )
        return [change[-1] for change in changes]


def _rows_of(frame: pd.DataFrame) -> Iterable[tuple[str | None, ...]]:
    columns = (pa.array(frame[name], from_pandas=True).to_pylist() for name in frame)
    return zip(*columns, strict=True)

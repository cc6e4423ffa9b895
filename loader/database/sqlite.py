"""SQLite with the server functions that our statements use."""

import sqlite3
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loader.frames.collation import fold_text

if TYPE_CHECKING:
    from collections.abc import Callable


def prepare_sqlite(connection: sqlite3.Connection) -> None:
    """Give SQLite the few of the server's functions that our questions use."""
    connection.execute("PRAGMA busy_timeout = 5000")
    functions: tuple[tuple[str, int, Callable[..., str | float | None]], ...] = (
        ("fold", 1, lambda text: None if text is None else fold_text(str(text))),
        ("now", 0, lambda: _text(datetime.now())),  # noqa: DTZ005 - the server's local time
        ("crc32", 1, lambda text: zlib.crc32(str(text).encode())),
        ("utc_timestamp", 0, lambda: _text(datetime.now(UTC))),
        ("unix_timestamp", 1, lambda text: datetime.fromisoformat(text).timestamp()),
        ("from_unixtime", 1, lambda seconds: _text(datetime.fromtimestamp(seconds))),  # noqa: DTZ006 - likewise
    )
    for name, arguments, function in functions:
        connection.create_function(name, arguments, function)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")

"""SQL text: quoted names, literals, and values grouped into statements of limited size."""

from collections.abc import Hashable, Iterable, Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Dialect

from loader.frames.arrow import join_texts, to_arrow

STATEMENT_BYTES = 500_000
"""Of one INSERT; the oldest servers accept 1 MB, a lead with all fields full has 3 KB."""

NO_PARAMETERS = {"no_parameters": True}
"""Values and names may hold percent signs, which the driver would take for its own."""


def is_mariadb(dialect: Dialect) -> bool:
    """Say whether the server is a MariaDB, and no MySQL."""
    return bool(getattr(dialect, "is_mariadb", False))


def quote_identifier(name: str) -> str:
    """Quote the name of a table or column for MariaDB, MySQL and SQLite."""
    return "`" + name.replace("`", "``") + "`"


def insert_into(table: str, rows: pd.DataFrame) -> str:
    """Word the beginning of an INSERT, up to the names of the columns."""
    return f"INSERT INTO {quote_identifier(table)} ({column_list(rows)})"


def column_list(names: Iterable[Hashable]) -> str:
    """Word the names of columns; a frame gives its own."""
    return ", ".join(quote_identifier(str(name)) for name in names)


def literals(rows: pd.DataFrame) -> pa.ChunkedArray:
    """Give the values of each row as MariaDB's and MySQL's literals, joined by commas.

    Args:
        rows: str columns. Backslashes must be escapes to the server: `mariadb.SERVER_MODE`.
    """
    return between("'", join_texts([escape(rows[name]) for name in rows], "','"), "'")


def literal(text: str) -> str:
    """Give one text likewise."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def escape(values: "pd.Series[str]") -> pa.ChunkedArray:
    """Escape backslashes and quotes inside literals."""
    text = pc.replace_substring(to_arrow(values), "\\", "\\\\")
    return pc.replace_substring(text, "'", "''")


def between(left: str, texts: pa.ChunkedArray, right: str) -> pa.ChunkedArray:
    """Put each text between two others."""
    ends = [pa.scalar(end, pa.large_string()) for end in (left, right, "")]
    return pc.binary_join_element_wise(ends[0], texts, *ends[1:])


def by_statement(texts: pa.ChunkedArray) -> Iterator[list[str]]:
    """Group texts so that each group fits into one statement."""
    statement = np.cumsum(pc.binary_length(texts).to_numpy()) // STATEMENT_BYTES
    for _, part in pd.Series(texts.to_pylist(), dtype=object).groupby(statement):
        yield part.tolist()

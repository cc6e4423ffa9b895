"""Fingerprints of stored leads, by which a lead is recognized later."""

import hashlib
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from itertools import accumulate

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from loader.database.adapter import Adapter
from loader.database.connection import Database
from loader.database.sql import quote_identifier
from loader.dialer import LEADS
from loader.fields.lead import NEW_LEAD_COLUMNS
from loader.frames.arrow import arrow_columns, join_texts, to_arrow, to_series

SEPARATOR = "\x1f"

IDENTITY = ("entry_date", "phone_number", "list_id")
"""These columns identify a lead even if the site changes the rest. If triggers may change the list,
only the first two are compared, although another load can have the same number at that time."""

MOVING = ("modify_date", "gmt_offset_now")
"""Columns that change in idle leads: the dialer moves time zones."""


def fingerprints_of(texts: "pd.Series[str]") -> "pd.Series[int]":
    """Give 32 bits (uint32) of a hash of each text, by which a change of a lead is recognized."""
    hashed = pd.util.hash_array(texts.to_numpy(dtype=object), categorize=False)
    return pd.Series((hashed >> np.uint64(32)).astype("uint32"), index=texts.index)


def read_fingerprints(
    database: Database, lead_ids: Collection[int], columns: Collection[str]
) -> "pd.Series[int]":
    """Read the fingerprints (uint32) of a chunk of leads, by lead_id; without missing ones."""
    if not len(lead_ids):
        return pd.Series(dtype="uint32", index=pd.Index([], dtype="int64"))
    names = [name for name in NEW_LEAD_COLUMNS if name in columns]
    chosen = f"lead_id IN ({', '.join(str(int(each)) for each in lead_ids)})"
    return fingerprints_of(
        database.read(lambda connection: read_texts(connection, chosen, names, database.adapter))
    )


def as_texts(rows: pd.DataFrame) -> "pd.Series[str]":
    """Join all values of each row into one text, first those that make a lead."""
    return join_as_texts(arrow_columns(rows), rows.index)


def join_as_texts(columns: Mapping[str, pa.ChunkedArray], index: pd.Index) -> "pd.Series[str]":
    """Likewise join columns (large_string), over the index of their rows."""
    return to_series(join_texts([columns[n] for n in compared(columns)], SEPARATOR), index)


def parts_by_bytes(texts: "pd.Series[str]", most: int) -> list[int]:
    """Give how many texts each part has that holds no more than so many bytes, or one text."""
    lengths = pc.binary_length(to_arrow(texts)).to_numpy() + len(SEPARATOR)
    ends, place, before = np.cumsum(lengths), 0, 0
    counts = []
    while place < len(ends):
        end = max(int(np.searchsorted(ends, before + most, side="right")), place + 1)
        counts.append(end - place)
        place, before = end, int(ends[end - 1])
    return counts


def digests_of(texts: "pd.Series[str]", counts: Sequence[int]) -> tuple[str, ...]:
    """Hash the texts of each part as `Adapter.digest_texts` lets a server do it."""
    ends = pa.array([0, *accumulate(counts)], pa.int32())
    parts = pa.ListArray.from_arrays(ends, to_arrow(texts).combine_chunks())
    joined = pc.binary_join(parts, pa.scalar(SEPARATOR, pa.large_string()))
    return tuple(hashlib.sha256(part.as_buffer()).hexdigest() for part in joined)


def compared(columns: Iterable[Hashable]) -> list[str]:
    """Order the columns for comparison, without those that change in idle leads."""
    names = [str(name) for name in columns if name not in {*MOVING, *IDENTITY}]
    return [*IDENTITY, *names]


def read_texts(
    connection: Connection,
    condition: str,
    columns: Sequence[str],
    adapter: Adapter,
    table: str = LEADS,
) -> "pd.Series[str]":
    """Read leads as texts, see `as_texts`, indexed by lead_id, in its order.

    The table may also be the archive, which stands in for vicidial_list then.
    """
    source = table if table == LEADS else f"{table} AS {LEADS}"
    statement = (
        f"SELECT lead_id, {text_of(columns, adapter)} FROM {source} "  # noqa: S608 - columns of the table
        f"WHERE {condition} ORDER BY lead_id"
    )
    leads = connection.exec_driver_sql(statement).all()
    index = pd.Index([lead[0] for lead in leads], dtype="int64")
    return pd.Series([lead[1] or "" for lead in leads], index=index, dtype="str")


def text_of(columns: Iterable[str], adapter: Adapter) -> str:
    """Word the text of a lead, see `as_texts`, in SQL."""
    # Qualified, because a statement may also name the columns of the archive.
    names = [f"vicidial_list.{quote_identifier(name)}" for name in compared(columns)]
    return adapter.joined_text(names, ord(SEPARATOR))

"""What rows that are duplicates change in the existing leads, cell by cell, so it can be undone."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cache

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from loader.fields.lead import NO_DATE, WIDTHS
from loader.findings import Findings, join_findings, no_findings
from loader.frames.arrow import to_arrow, to_mask, to_series
from loader.options.load import LoadOptions
from loader.writing.differences import Difference

CHANGE_TYPES = {"lead_id": "int64", "field": "str", "old": "str", "new": "str"}
"""Columns of a frame of changes; index row_number, repeating. old is null where it was NULL."""

NOTHING = {"gender": "U", "date_of_birth": NO_DATE, "rank": "0"}
"""What a lead holds that says nothing, besides NULL and an empty text."""

UPDATED_FIELDS = frozenset({*WIDTHS, *NOTHING}) - {"phone_code", "phone_number"}
"""Fields that a row may update. Its number is what the duplicate was found by; a lead changes its
list by a move; the rest (status, called_count, ...) tells of the dialer's own work."""


def fields_to_change(
    options: LoadOptions, fields: Iterable[str], columns: Collection[str]
) -> list[str]:
    """Name the columns that duplicates may change.

    Args:
        options: on_duplicate is read: a move changes list_id alone.
        fields: those that the file's mapping fills.
        columns: those that the table has.
    """
    wanted = {"list_id"} if options.on_duplicate == "move" else UPDATED_FIELDS & {*fields}
    return [name for name in columns if name in wanted]


def wanted_values(leads: pd.DataFrame, before: pd.DataFrame, options: LoadOptions) -> pd.DataFrame:
    """Say what the existing leads should hold.

    Args:
        leads: the duplicates as cleaned, with the fields (str; list_id int64); index row_number.
        before: lead_id (int64) and what the lead holds in the fields (str; null for NULL); the
            same index.
        options: on_duplicate and update_fields are read.

    Returns:
        `before` with other values where a row changes them: a move takes the row's list_id; an
        update what the row says, be it everywhere or where the lead says nothing.
    """
    after = {"lead_id": before["lead_id"]}
    for name in fields_of(before):
        stored, given = to_arrow(before[name]), to_arrow(leads[name].astype("str"))
        if options.on_duplicate == "update":
            takes = pc.invert(_says_nothing(given, name))
            if options.update_fields == "empty":
                takes = pc.and_(takes, _says_nothing(stored, name))
            given = pc.if_else(takes, given, stored)
        after[name] = to_series(given, before.index)
    return pd.DataFrame(after)


def fields_of(frame: pd.DataFrame) -> list[str]:
    """Name the fields of such a frame."""
    return [str(name) for name in frame if name != "lead_id"]


def _says_nothing(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    nothing = pa.array(["", NOTHING.get(name, "")], values.type)
    return pc.or_(pc.is_null(values), pc.is_in(values, nothing))


def differing_cells(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Mark the cells that are not the same, to the letter; NULL is the same as NULL only.

    Returns:
        The fields as bool columns, the index of both.
    """
    marks = {name: _differs(to_arrow(one[name]), to_arrow(other[name])) for name in fields_of(one)}
    return pd.DataFrame(
        {name: to_mask(mark, one.index) for name, mark in marks.items()}, index=one.index
    )


def _differs(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    unequal = pc.fill_null(pc.not_equal(one, other), fill_value=False)
    return pc.or_(unequal, pc.xor(pc.is_null(one), pc.is_null(other)))


def as_changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """List the cells that differ, with old and new value, see `CHANGE_TYPES`.

    Args:
        before: lead_id (int64) and fields (str, may be null); index row_number, unique.
        after: the same rows and columns.
    """
    parts = []
    cells = differing_cells(before, after)
    for name in fields_of(before):
        old, new = before[cells[name]], after[cells[name]]
        if len(old):
            values = {"lead_id": old["lead_id"], "field": name, "old": old[name], "new": new[name]}
            parts.append(pd.DataFrame(values, index=old.index))
    if not parts:
        return no_changes()
    return pd.concat(parts).astype(CHANGE_TYPES).sort_index(kind="stable")


@cache
def no_changes() -> pd.DataFrame:
    """Give the frame of no changes; do not modify it, because all callers share it."""
    return pd.DataFrame({}, index=pd.Index([], dtype="int64"), columns=list(CHANGE_TYPES)).astype(
        CHANGE_TYPES
    )


@dataclass(frozen=True)
class Updated:
    """What became of the rows of a batch: each is in one of the first six."""

    changes: pd.DataFrame = field(default_factory=no_changes)
    """The changes that happened, see `CHANGE_TYPES`; new is what was read back."""
    unchanged: tuple[int, ...] = ()
    """Row numbers whose lead already has all values of the row."""
    gone: tuple[int, ...] = ()
    """Row numbers whose lead was deleted or archived meanwhile."""
    contended: tuple[int, ...] = ()
    """Row numbers whose lead others changed in every round before it was written."""
    refused: dict[int, int] = field(default_factory=dict)
    """The server's error code by row number, of the changes that it refused."""
    rejected: Findings = field(default_factory=no_findings)
    """Rows that must not change a lead any more, see `loader.writing.guard`."""
    changed: tuple[int, ...] = ()
    """Row numbers of leads that the server stored otherwise than sent."""
    differences: tuple[Difference, ...] = ()
    """What of them it stored otherwise."""
    in_doubt: pd.DataFrame = field(default_factory=no_changes)
    """Changes that may or may not have happened, after an exception."""

    def __add__(self, other: "Updated") -> "Updated":
        return Updated(
            _chained(self.changes, other.changes),
            self.unchanged + other.unchanged,
            self.gone + other.gone,
            self.contended + other.contended,
            self.refused | other.refused,
            join_findings(self.rejected, other.rejected),
            self.changed + other.changed,
            self.differences + other.differences,
            _chained(self.in_doubt, other.in_doubt),
        )


def _chained(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    if one.empty or other.empty:
        return other if one.empty else one
    return pd.concat([one, other]).sort_index(kind="stable")


class ChangeLog:
    """Keeps the state of a batch for a process that resumes it; this one keeps nothing."""

    session: str | None = None
    """The one that sent it last, see `Database.end_session`."""
    planned = no_changes()
    """Changes that a process before this one sent; they may or may not have happened."""
    modified = pd.Series(dtype="str")
    """The modify_date that their leads had before (str), by row number, as far as it matters."""
    known = Updated()
    """What that process knew."""

    def fence(self) -> None:
        """See that a session that was lost, and cannot be ended, commits nothing more."""

    @property
    def is_atomic(self) -> bool:
        """Say whether what `stored` notes is committed together with the changes."""
        return False

    def committed(self) -> pd.Index:
        """Read which rows' changes are in, where it is atomic; the session has ended."""
        return pd.Index([], dtype="int64")

    def sending(
        self, connection: Connection, changes: pd.DataFrame, modified: "pd.Series[str]"
    ) -> None:
        """Note changes that are about to be sent over a connection; what was done is committed."""

    def stored(self, connection: Connection, sent: pd.Index, done: Updated) -> None:
        """Note over the same connection, before the commit, which of the rows sent were changed."""

    def lost(self, sent: pd.Index) -> None:
        """Forget the noted result of rows: it may not be committed."""

    def ended(self, known: Updated) -> None:
        """Note what became of all rows."""

"""Insert leads into vicidial_list, batch by batch; every lead_id is proven by reading back.

After a failure, the leads above the highest lead_id before the batch show what is stored; see
`loader.writing.batch` for the rest.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

import pandas as pd
import pyarrow.compute as pc
from sqlalchemy import Connection

from loader.clock import format_offsets, moment_text
from loader.database.adapter import Written
from loader.database.catalogue import has_insert_trigger
from loader.database.connection import Database
from loader.dialer import LEADS
from loader.errors import LoaderError
from loader.fields.lead import DEFAULT_VALUES, LEAD_FIELDS
from loader.frames.arrow import repeat, to_arrow, to_series
from loader.writing.batch import Batch, BatchLog, Inserted
from loader.writing.differences import Difference, find_differences
from loader.writing.fingerprints import (
    IDENTITY,
    SEPARATOR,
    as_texts,
    compared,
    fingerprints_of,
    read_texts,
)
from loader.writing.writer import Writer


def as_stored(
    leads: pd.DataFrame, columns: Collection[str], user: str, now: datetime
) -> pd.DataFrame:
    """Complete leads to rows of vicidial_list.

    Args:
        leads: list_id (int64), gmt_offset_now (float64), phone_code, phone_number and any other
            field (str); index row_number.
        columns: those that the table has; an older one may lack some.
        user: in whose name they are loaded.
        now: the server's clock.

    Returns:
        Text columns in the table's names, the same index.
    """
    moment = moment_text(now)
    always = {"entry_date": moment, "modify_date": moment, "last_local_call_time": moment}
    numbers = {
        "list_id": leads["list_id"].astype("str"),
        "gmt_offset_now": format_offsets(leads["gmt_offset_now"]),
    }
    stored = {}
    for name in LEAD_FIELDS:
        given = numbers.get(name, leads.get(name))
        default = DEFAULT_VALUES.get(name, "")
        stored[name] = repeat(default, leads.index) if given is None else given
    for name, value in {**always, "user": user}.items():
        stored[name] = repeat(value, leads.index)
    return pd.DataFrame({name: stored[name] for name in stored if name in columns})


class LeadLog(BatchLog):
    """Keeps the state of a batch of leads; this one keeps nothing."""

    watermark: int = 0
    """The highest lead_id before it was sent."""
    moment: datetime | None = None
    """Also the entry_date of its leads; None: it was never sent."""
    known = Inserted()
    """What a process before this one knew."""

    def plan(self, watermark: int, moment: datetime, fingerprints: "pd.Series[int]") -> None:
        """Note what identifies the rows, before they are sent for the first time."""


class LeadInserter:
    """Inserts batches into vicidial_list."""

    def __init__(
        self, database: Database, columns: Iterable[str], writer: Writer | None = None
    ) -> None:
        """Take the names of the table's columns, and a writer that others use too."""
        self.database, self.columns = database, frozenset(columns)
        self.writer = writer or Writer(database)
        self.last = Inserted()
        """What is known of the last batch, even where an exception ended it."""

    def insert(self, leads: pd.DataFrame, user: str, log: "LeadLog | None" = None) -> Inserted:
        """Insert one batch; every row comes out stored or refused.

        Args:
            leads: see `as_stored`.
            user: the dialer user in whose name they are loaded.
            log: keeps the state of the batch; what it has is not repeated.

        Returns:
            What became of each row, by row_number; the lead_ids are those that it was given.

        Raises:
            DatabaseUnavailableError: no answer after all retries. What is stored by then stays;
                what is known of it is in `last`.
            LoaderError: the database cannot do this; likewise.
        """
        log = log or LeadLog()
        self.last = log.known
        if log.moment is None:
            watermark, now = self.database.read(_watermark)
            rows = as_stored(leads, self.columns, user, now)
            log.plan(watermark, now, fingerprints_of(as_texts(rows)))
        else:
            watermark, rows = log.watermark, as_stored(leads, self.columns, user, log.moment)
        batch = _LeadBatch(self.writer, rows, watermark, log)
        if batch.left(rows).empty:
            return self.last
        try:
            batch.insert()
        finally:
            self.last = batch.known
        if len(batch.left(rows)):
            raise LoaderError("leads that were just inserted are not in vicidial_list")
        return self.last


class _LeadBatch(Batch):
    """A batch of leads, which are found above the highest lead_id before it."""

    def __init__(self, writer: Writer, rows: pd.DataFrame, watermark: int, log: LeadLog) -> None:
        super().__init__(writer, LEADS, rows, log)
        self.watermark, self.known = watermark, log.known

    def read_back(
        self, connection: Connection, rows: pd.DataFrame, written: Written | None
    ) -> Inserted:
        """Find rows among the leads of the write, or among all leads above the watermark.

        Rows are matched by all their values. Those that a trigger or a column's type changed are
        matched by the columns of `IDENTITY`; the rest by their order, if the write took all rows.
        """
        first = written.first_id if written and written.rows else self.watermark + 1
        since = f"lead_id >= {first}"
        if written is None:
            # Others may have inserted many since.
            since += f" AND entry_date = '{rows['entry_date'].iloc[0]}'"
        stored = read_texts(connection, since, list(rows.columns), self.database.adapter)
        stored = stored[~stored.index.isin(self.known.lead_ids)]
        if stored.empty:
            return Inserted()
        wanted = as_texts(rows)
        first_leads = stored[: len(wanted)]
        if first_leads.tolist() == wanted.tolist():
            return _inserted(
                pd.Series(first_leads.index, index=rows.index, dtype="int64"), first_leads
            )
        all_stored = stored
        equal = _pair_equal(wanted, stored)
        wanted, stored = wanted.drop(equal.index), stored.drop(equal)
        keeps_list = written is None and not has_insert_trigger(connection, self.table)
        identity = IDENTITY if keeps_list else IDENTITY[:2]
        alike = _pair_equal(_identities(wanted, len(identity)), _identities(stored, len(identity)))
        if written and written.rows == len(rows):
            wanted, stored = wanted.drop(alike.index), stored.drop(alike)
            rest = pd.Series(stored.index[: len(wanted)], index=wanted.index[: len(stored)])
            alike = pd.concat([alike, rest.astype("int64")])
        lead_ids = pd.concat([equal, alike]).sort_index()
        pairs = (_cells(as_texts(rows.loc[alike.index]), rows), _cells(all_stored[alike], rows))
        found = find_differences(pairs[0], pairs[1].set_axis(alike.index), {})
        changed, known = tuple(sorted(alike.index)), tuple(found)
        return _inserted(lead_ids, all_stored, changed=changed, differences=known)


def _cells(texts: "pd.Series[str]", rows: pd.DataFrame) -> pd.DataFrame:
    """Part the texts of leads into their columns; of a text with a NULL in it there are fewer."""
    names = compared(rows)
    parts = [text.split(SEPARATOR) for text in texts]
    parts = [each if len(each) == len(names) else [""] * len(names) for each in parts]
    return pd.DataFrame(parts, columns=names, index=texts.index, dtype="str")


def _inserted(
    lead_ids: "pd.Series[int]",
    stored: "pd.Series[str]",
    changed: tuple[int, ...] = (),
    differences: tuple[Difference, ...] = (),
) -> Inserted:
    """Give the result for matched rows; `stored` has the texts by lead_id."""
    fingerprints = fingerprints_of(stored[lead_ids]).set_axis(lead_ids.index)
    return Inserted(lead_ids, {}, changed, fingerprints, differences)


def _identities(texts: "pd.Series[str]", count: int) -> "pd.Series[str]":
    parts = rf"^(?P<identity>(?:[^{SEPARATOR}]*{SEPARATOR}){{{count}}})"
    found = pc.struct_field(pc.extract_regex(to_arrow(texts), parts), "identity")
    return to_series(pc.fill_null(found, ""), texts.index)


def _pair_equal(wanted: "pd.Series[str]", stored: "pd.Series[str]") -> "pd.Series[int]":
    """Give lead_ids by row_number for texts that are equal; of several equal ones, in order."""
    place = _told_apart(stored).get_indexer(_told_apart(wanted))
    return pd.Series(stored.index[place[place >= 0]], index=wanted.index[place >= 0], dtype="int64")


def _told_apart(texts: "pd.Series[str]") -> "pd.Index[str]":
    """Number equal texts, to make them unique."""
    nth = texts.groupby(texts).cumcount()
    return pd.Index(texts + SEPARATOR + nth.astype("str"))


def _watermark(connection: Connection) -> tuple[int, datetime]:
    """Give the highest lead_id and the server's clock."""
    statement = "SELECT COALESCE(MAX(lead_id), 0), NOW() FROM vicidial_list"
    highest, now = connection.exec_driver_sql(statement).one()
    return int(highest), datetime.fromisoformat(str(now))

"""The rows that come with leads: alternate numbers, custom fields, hopper, callbacks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    and_,
    cast,
    column,
    delete,
    false,
    func,
    or_,
    select,
    table,
    update,
)

from loader.database.adapter import Written
from loader.database.catalogue import read_columns
from loader.database.connection import Database
from loader.dialer import LEADS
from loader.extras.rows import ExtraRows
from loader.findings import Notices, findings, no_notices
from loader.frames.arrow import join_texts, to_arrow, to_series
from loader.reasons import Reason
from loader.writing.batch import Batch, BatchLog, Inserted, nothing_of
from loader.writing.differences import Difference, find_differences, rows_of
from loader.writing.writer import Writer


@dataclass(frozen=True)
class InsertedExtra:
    """What became of the rows that come with the leads of a batch, by row_number."""

    stored: tuple[int, ...] = ()
    """Leads of which all rows are stored."""
    refused: dict[int, int] = field(default_factory=dict)
    """The server's error code, of the leads of which it refused a row."""
    changed: tuple[int, ...] = ()
    """Leads with rows of which the server stored something else than was sent."""
    generated: "pd.Series[int]" = field(default_factory=partial(nothing_of, "int64"))
    """The numbers that the server gave the rows, if the table numbers them. Rows that the dialer
    has already processed are missing."""
    differences: tuple[Difference, ...] = ()
    """What the server stored otherwise, with the rows of the leads."""
    held: Notices = field(default_factory=no_notices)
    """Of rows that were held back, one each: they are not looked for in `stored`."""


class ExtraLog(BatchLog):
    """Keeps the state of the rows of one extra table; this one keeps nothing."""

    stored_rows: Collection[int] = ()
    """Of the rows, numbered from 0, those that are known to be stored."""
    counts: "pd.Series[int] | None" = None
    """What `ExtraRows.counted` had of the rows that were sent, or are about to be; None: what the
    rows have."""


class ExtraInserter:
    """Inserts what comes with the leads of a batch; the leads are stored."""

    def __init__(
        self,
        database: Database,
        writer: Writer | None = None,
        columns: Collection[str] | None = None,
    ) -> None:
        """Take a writer that others use too.

        Args:
            database: where the leads are.
            writer: for all tables; a new one if there is none.
            columns: those that vicidial_list has, for an older one may lack some; None: all.
        """
        self.database, self.columns = database, columns
        self.writer = writer or Writer(database)
        self.last = InsertedExtra()
        """What is known of the last rows, even where an exception ended it."""

    def insert(self, extra: ExtraRows, log: ExtraLog | None = None) -> InsertedExtra:
        """Insert the rows of one table; every one comes out stored, once, or refused.

        Where a process before this one began, or the connection was lost, people may have been at
        work since: a row that is there is not written again, and what belongs to a lead that is
        gone, or that was called, does not come back.

        The number of statements does not depend on the number of rows, but for those refused.

        Args:
            extra: the rows.
            log: knows whether they were sent before.

        Raises:
            DatabaseUnavailableError: no answer after all retries. What is stored by then stays;
                what is known of it is in `last`. Leads are not set back then.
            LoaderError: the database cannot do this; likewise.
        """
        self.last = InsertedExtra()
        if extra.rows.empty:
            return self.last
        batch = _ExtraBatch(self.writer, extra, log or ExtraLog(), self.columns)
        try:
            batch.begin()
            batch.insert()
        finally:
            self.last = _by_row_number(batch.known, extra)
        if self.last.refused and extra.unless_stored:
            leads = extra.rows["lead_id"][extra.rows.index.isin([*self.last.refused])]
            self._set_back(leads.unique().tolist(), extra)
        if extra.generated:
            self.last = replace(self.last, generated=self._generated(extra))
        return self.last

    def _set_back(self, lead_ids: Collection[int], extra: ExtraRows) -> None:
        """Reset the leads that wait for a row that was refused."""
        columns = extra.unless_stored if self.columns is None else self.columns
        before = {name: value for name, value in extra.unless_stored.items() if name in columns}
        if not before:
            return
        leads = table(LEADS, column("lead_id"), *map(column, before))
        is_new = and_(leads.c.lead_id.in_(lead_ids), ~_was_called(self.columns))
        statement = update(leads).where(is_new).values(**before)
        self.database.write(lambda connection: connection.execute(statement))

    def _generated(self, extra: ExtraRows) -> "pd.Series[int]":
        rows = extra.rows.reset_index(drop=True).astype("str")
        existing = self.database.read(
            lambda connection: _stored(connection, extra, rows, [extra.generated])
        )
        numbers = existing[extra.generated].astype("int64")
        return numbers.set_axis(extra.rows.index[numbers.index])


class _ExtraBatch(Batch):
    """Rows of one table on their way in, numbered from 0: found again by their keys."""

    log: ExtraLog

    def __init__(
        self,
        writer: Writer,
        extra: ExtraRows,
        log: ExtraLog,
        columns: Collection[str] | None,
    ) -> None:
        rows = extra.rows.reset_index(drop=True)
        self.extra, self.lead_ids, self.columns = extra, rows["lead_id"], columns
        super().__init__(writer, extra.table, rows.astype("str"), log)
        self.known = Inserted(self.lead_ids.loc[[*log.stored_rows]])
        if log.counts is not None and extra.counted in self.rows:
            # As they were sent last: so they are found.
            self._set_counts(log.counts.reindex(self.rows.index, fill_value=0))

    def begin(self) -> None:
        """Leave out what must not be sent any more, and see that leftovers give way.

        Once rows were sent, what is there may be ours, or what people made of it.
        """
        if self.log.was_sent:
            return
        if self.log.is_late or self.extra.replaces:
            self._give_way()
        if len(self.extra.held):
            self.known += self._hold(self.known)

    def _give_way(self) -> None:
        for attempt in self.database.retrying():
            with attempt:
                # Between two attempts people may have been at work, too.
                if self.log.is_late:
                    self.database.refuse_damage(LEADS, self.log.moment)
                    self.known += self.database.read(self._overtaken)
                self._make_room()

    def _make_room(self) -> None:
        if self.extra.replaces:
            with self.database.connect() as connection:
                self._delete_leftovers(connection, self._left)
                connection.commit()

    def _hold(self, known: Inserted) -> Inserted:
        """Reject the rows that are held back, of those of which nothing is known."""
        held = self.extra.held.index.difference(known.lead_ids.index)
        if self.extra.counted in self.rows and (len(held) or self.log.counts is not None):
            self._count_anew(known, held)
        return Inserted(rejected=findings(held.difference(known.rows), Reason.OTHER_NUMBER_IN_DNC))

    def _count_anew(self, known: Inserted, held: pd.Index) -> None:
        """Count the rows of a lead that are sent after those that are stored, without a gap."""
        counts = pd.to_numeric(self.rows[self.extra.counted], errors="coerce").fillna(0)
        counts = counts.astype("int64").where(counts.index.isin(known.lead_ids.index), 0)
        is_sent = ~counts.index.isin(known.rows) & ~counts.index.isin(held)
        last = counts.groupby(self.lead_ids).transform("max")
        following = self.lead_ids[is_sent].groupby(self.lead_ids).cumcount() + 1
        counts[is_sent] = last[is_sent] + following
        self._set_counts(counts)
        self.log.counts = counts[counts > 0]

    def _set_counts(self, counts: "pd.Series[int]") -> None:
        """Let rows have these counts; 0: the row is not sent, and not looked for."""
        self.rows[self.extra.counted] = counts.astype("str").where(counts > 0, "")

    @property
    def _left(self) -> pd.DataFrame:
        return self.left(self.rows)

    def _overtaken(self, connection: Connection) -> Inserted:
        """Give rows, never sent, of leads that are gone or were worked with meanwhile.

        So it is also where a lead has a row in the table that the batch did not write: the dialer
        has put it into its hopper, or somebody has filled in its fields.
        """
        left, now = self._left, self._leads(connection, self._left)
        ids = self.lead_ids[left.index]
        is_over = ~ids.isin(now.index)
        if not (self.extra.is_worked_off or self.extra.replaces):
            return Inserted(doubtful=dict.fromkeys(ids.index[is_over], 0))
        found = self.read_back(connection, left, None)
        ours = found.lead_ids.index.difference(pd.Index(found.changed))
        is_there = ids.isin(self._leads_with_rows(connection, left))
        of_others = is_there & ~ids.index.isin(ours)
        if self.extra.is_worked_off:
            is_over |= ids.isin(now.index[now["was_called"]]) | of_others
            return Inserted(doubtful=dict.fromkeys(ids.index[is_over], 0))
        # A field that is empty in the file is no difference: who worked with a lead may fill it in.
        stays = of_others | (is_there & ids.isin(now.index[now["was_touched"]]))
        return Inserted(ids[stays & ~is_over], doubtful=dict.fromkeys(ids.index[is_over], 0))

    def _leads_with_rows(self, connection: Connection, rows: pd.DataFrame) -> list[int]:
        """Read which leads of rows have any row in the table."""
        stored = table(self.table, column("lead_id"))
        ids = self.lead_ids[rows.index].unique().tolist()
        asked = select(stored.c.lead_id).where(stored.c.lead_id.in_(ids)).distinct()
        return [int(lead_id) for lead_id in connection.execute(asked).scalars()]

    def _leads(self, connection: Connection, rows: pd.DataFrame) -> pd.DataFrame:
        """Read which leads of rows are there, and whether they were called or touched at all."""
        leads, ids = table(LEADS, column("lead_id")), self.lead_ids[rows.index].unique().tolist()
        names = ("modify_date", "entry_date")
        was_touched = _was_called(self.columns)
        if self.columns is None or {*names} <= {*self.columns}:
            was_touched = or_(was_touched, column(names[0]) != column(names[1]))
        asked = select(leads.c.lead_id, _was_called(self.columns), was_touched)
        found = connection.execute(asked.where(leads.c.lead_id.in_(ids))).all()
        frame = pd.DataFrame(
            [tuple(row) for row in found], columns=["lead_id", "was_called", "was_touched"]
        )
        return frame.set_index("lead_id").fillna(value=False).astype("bool")

    def _delete_leftovers(self, connection: Connection, rows: pd.DataFrame) -> None:
        """Delete by lead_id only: REPLACE would also use every unique key that the site added.

        Only existing rows are deleted: otherwise InnoDB would lock the gap, and concurrent loads
        would deadlock.
        """
        if rows.empty:
            return
        existing = _stored(connection, self.extra, rows, ["lead_id"]).index
        if len(existing):
            leftovers = table(self.table, column("lead_id"))
            ids = self.lead_ids[existing].tolist()
            connection.execute(delete(leftovers).where(leftovers.c.lead_id.in_(ids)))

    def read_back(
        self, connection: Connection, rows: pd.DataFrame, written: Written | None
    ) -> Inserted:
        """Trust the server if it says that all is stored as sent; otherwise read the rows."""
        all_stored = written is not None and written.rows == len(rows)
        if written and all_stored and not written.warnings:
            return Inserted(self.lead_ids[rows.index])
        existing = _stored(connection, self.extra, rows, [*map(str, rows)])
        types = read_columns(connection, [self.table]).get(self.table, {})
        found = find_differences(rows.loc[existing.index], existing, types, ignore_empty=True)
        stored = rows.index if all_stored else existing.index
        return Inserted(self.lead_ids[stored], changed=rows_of(found), differences=tuple(found))

    def read_lost(self, connection: Connection, rows: pd.DataFrame) -> Inserted:
        """Count what is there as ours, whatever people made of it; see also `ExtraInserter.insert`.

        The rows of a lead that was called by now are worked off, or somebody may have removed them.
        """
        if rows.empty:
            return Inserted()
        found = self.read_back(connection, rows, None)
        found += self._hold(self.known + found)
        if not self.log.is_late:
            return found
        ids = self.lead_ids[rows.index.difference(found.rows)]
        now = self._leads(connection, rows)
        called = ids[ids.isin(now.index[now["was_called"]])]
        worked_off = called if self.extra.is_worked_off else called[:0]
        unclear = ids.index[~ids.isin(now.index)].union(called.index.difference(worked_off.index))
        return Inserted(
            pd.concat([found.lead_ids, worked_off]),
            doubtful=dict.fromkeys(unclear.tolist(), 0),
            rejected=found.rejected,
        )


def _was_called(columns: Collection[str] | None) -> ColumnElement[bool]:
    """Word whether the dialer has called a lead; `columns` are those of the table, None: all."""
    words: dict[str, int | str] = {"called_count": 0, "called_since_last_reset": "N"}
    names = [name for name in words if columns is None or name in columns]
    now = (func.coalesce(column(name), words[name]) != words[name] for name in names)
    return or_(false(), *now)


def _stored(
    connection: Connection, extra: ExtraRows, rows: pd.DataFrame, names: Sequence[str]
) -> pd.DataFrame:
    """Read columns of the stored rows that have the keys of `rows`, as text, in one statement.

    Returns:
        Str columns; the index of `rows` that exist. Of several stored rows with the same key, such
        as one that the dialer has inserted, the last.
    """
    asked = list(dict.fromkeys([*extra.key, *names]))
    stored = table(extra.table, *map(column, dict.fromkeys(["lead_id", *asked])))
    statement = select(*(cast(stored.c[name], String) for name in asked)).where(
        stored.c.lead_id.in_(rows["lead_id"].astype("int64").unique().tolist())
    )
    if extra.generated:
        statement = statement.order_by(column(extra.generated))
    found = pd.DataFrame(connection.execute(statement).all(), columns=asked, dtype="str")
    found.index = pd.Index(_keys(found, extra.key))
    found = found[~found.index.duplicated(keep="last")].fillna("")
    keys = _keys(rows, extra.key)
    keys = keys[keys.isin(found.index)]
    return found[list(names)].loc[keys.tolist()].set_axis(keys.index)


def _keys(rows: pd.DataFrame, key: Sequence[str]) -> "pd.Series[str]":
    return to_series(join_texts([to_arrow(rows[name]) for name in key], "|"), rows.index)


def _by_row_number(known: Inserted, extra: ExtraRows) -> InsertedExtra:
    """Give the result by lead; the rows are numbered from 0."""
    row_numbers, is_held = extra.rows.index, extra.held.index.isin(known.rejected.index)
    held = extra.held.loc[is_held]
    refused = {int(row_numbers[row]): code for row, code in known.refused.items()}
    is_stored = pd.Series(range(len(row_numbers))).isin([*known.lead_ids.index, *held.index])
    complete = is_stored.groupby(row_numbers).all()
    return InsertedExtra(
        stored=tuple(complete.index[complete].tolist()),
        refused=refused,
        changed=tuple(sorted(set(row_numbers[list(known.changed)].tolist()))),
        differences=tuple(
            each._replace(row=int(row_numbers[each.row])) for each in known.differences
        ),
        held=held.set_axis(row_numbers[held.index], axis="index"),
    )

"""Rows into a table: the statements that send them, and how each gets in exactly once.

After a failure it is found out first which rows are stored; then the rest goes in. That holds with
and without transactions.
"""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial

import pandas as pd
from sqlalchemy import Connection

from loader.database.adapter import Written
from loader.errors import (
    DamagedTableError,
    LoaderError,
    RowDataError,
    TransientDatabaseError,
)
from loader.findings import Findings, join_findings, no_findings
from loader.writing.differences import Difference
from loader.writing.writer import Writer


@cache
def nothing_of(kind: str) -> "pd.Series[int]":
    """Give the series without a row; it is one and the same, and not to be changed."""
    return pd.Series(dtype=kind)


@dataclass(frozen=True)
class Inserted:
    """What became of the rows of a batch, by their index."""

    lead_ids: "pd.Series[int]" = field(default_factory=partial(nothing_of, "int64"))
    """Of the rows that are stored."""
    refused: dict[int, int] = field(default_factory=dict)
    """The server's error code, of the rows that it refused."""
    changed: tuple[int, ...] = ()
    """Stored rows that read back differently: the server changed them."""
    fingerprints: "pd.Series[int]" = field(default_factory=partial(nothing_of, "uint32"))
    """Of leads as they are stored, see `fingerprints_of`; of other rows none."""
    differences: tuple[Difference, ...] = ()
    """What the server changed, as far as that is known."""
    doubtful: dict[int, int] = field(default_factory=dict)
    """The lead_id that a row may have had, of rows that were stored and are gone, or maybe were; 0:
    it is not known."""
    rejected: Findings = field(default_factory=no_findings)
    """Rows that must not go in any more, see `loader.writing.guard`."""

    def __add__(self, other: "Inserted") -> "Inserted":
        return Inserted(
            _join(self.lead_ids, other.lead_ids),
            self.refused | other.refused,
            self.changed + other.changed,
            _join(self.fingerprints, other.fingerprints),
            self.differences + other.differences,
            self.doubtful | other.doubtful,
            join_findings(self.rejected, other.rejected),
        )

    @property
    def rows(self) -> pd.Index:
        """The rows of which it says what became."""
        others = [*self.refused, *self.doubtful, *self.rejected.index]
        return self.lead_ids.index.union(others) if others else self.lead_ids.index


def _join(one: "pd.Series[int]", other: "pd.Series[int]") -> "pd.Series[int]":
    if one.empty or other.empty:
        return other if one.empty else one
    return pd.concat([one, other])


class BatchLog:
    """Keeps the state of a batch for a process that resumes it; this one keeps nothing."""

    session: str | None = None
    """The one that sent it last, see `Database.end_session`."""
    was_sent: bool = False
    """By a process before this one: nobody knows how far it came."""
    moment: datetime | None = None
    """The server's time before anything of it was sent; None: it is not known."""

    @property
    def is_late(self) -> bool:
        """Say whether people may have been at work since the batch was begun.

        So it is where a process before this one began it, or the database was waited for since.
        """
        return False

    def fence(self) -> None:
        """See that a session that was lost, and cannot be ended, commits nothing more."""

    @property
    def is_atomic(self) -> bool:
        """Say whether what `stored` notes is committed together with the rows."""
        return False

    def committed(self) -> Inserted:
        """Read what was noted last, where it is atomic; the session that sent it has ended."""
        return Inserted()

    def sending(self, connection: Connection, known: Inserted) -> None:
        """Note that rows are about to be sent over a connection; what was done is committed."""

    def rejected(self, connection: Connection, known: Inserted) -> None:
        """Note over the same connection which rows are not sent after all.

        It must not be committed if the rows are committed together with what `stored` notes.
        """

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

    def read_lost(self, connection: Connection, rows: pd.DataFrame) -> Inserted:
        """Say likewise what became of a write of which nobody knows how it ended, or when."""
        return self.read_back(connection, rows, None)

    def turn(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002
        """Keep others from what would make `reject` wrong, until the rows are committed."""
        return nullcontext()

    def reject(self, rows: pd.DataFrame) -> Findings:  # noqa: ARG002
        """Say which rows must not be sent any more."""
        return no_findings()

    def send(self, connection: Connection, rows: pd.DataFrame, *, by_file: bool) -> Written:
        """Send rows, maybe not for the first time; see `Writer.write`."""
        return self.writer.write(connection, self.table, rows, by_file=by_file)

    def insert(self) -> None:
        """Send the rows; every one comes out stored, refused or doubtful, if it is found.

        Raises:
            DatabaseUnavailableError: no answer after all retries. What is stored by then stays.
            LoaderError: the database cannot do this; likewise.
        """
        try:
            self._attempt(self.rows, by_file=True, in_doubt=self.log.was_sent)
            if self.has_left:
                self._attempt(self.rows, by_file=False)
        except KeyboardInterrupt:
            self._find_lost(self.rows)
            raise
        self.log.ended(self.known)

    def try_once(self) -> bool:
        """Send the rows once, and say whether they are in; if not, `known` is as it was."""
        try:
            self._write(self.left(self.rows), by_file=True)
        except (LoaderError, TransientDatabaseError, RowDataError):
            return False
        return True

    def left(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give the rows of which nothing is known yet."""
        is_left = ~rows.index.isin(self.known.rows)
        return rows if is_left.all() else rows[is_left]

    @property
    def has_left(self) -> bool:
        """Whether nothing is known yet of some row."""
        return not self.rows.index.isin(self.known.rows).all()

    def _attempt(self, rows: pd.DataFrame, *, by_file: bool, in_doubt: bool = False) -> None:
        """Write rows; after a crash or a lost connection find out first which are stored."""
        try:
            self._try(rows, by_file=by_file, in_doubt=in_doubt)
        except DamagedTableError as error:
            self.database.refuse_damage(error.table)
            self._try(rows, by_file=by_file, in_doubt=True)

    def _try(self, rows: pd.DataFrame, *, by_file: bool, in_doubt: bool) -> None:
        """Likewise, of tables that are sound."""
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
        """Look at the rows once more, write, read back and commit."""
        with self.database.connect() as connection:
            self._session = connection.info.get("session")
            self.log.sending(connection, self.known)
            with self.turn(connection):
                with self.database.asked_by(connection):
                    rejected = self.reject(rows)
                if len(rejected):
                    self.known += Inserted(rejected=rejected)
                    self.log.rejected(connection, self.known)
                    rows = self.left(rows)
                known = self.known
                if len(rows):
                    written = self.send(connection, rows, by_file=by_file)
                    known += self.read_back(connection, rows, written)
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
            self.log.fence()
        if self.log.is_atomic:
            committed = self.log.committed()
            # One of them is the other one, and what came to be known since.
            self.known = max(self.known, committed, key=lambda known: len(known.rows))
            return
        self.database.refuse_damage(self.table, self.log.moment)
        rows = self.left(rows)
        self.known += self.database.read(lambda connection: self.read_lost(connection, rows))

    def _find_stored(self, rows: pd.DataFrame) -> None:
        """Find the rows of a failed write that are stored all the same."""
        if self.log.is_atomic:
            return  # it was rolled back
        self.known += self.database.read(lambda connection: self.read_back(connection, rows, None))

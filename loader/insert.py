"""Leads into vicidial_list, a batch at a time, with the id of every one proven by reading back.

After a failure, what became of the batch is found out by looking at the leads above the highest
lead_id noted before it; then the rest goes in. That holds with and without transactions.
"""

import tempfile
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from loader.columnar import joined, to_arrow, to_series
from loader.database import Database, error_code
from loader.errors import LoaderError, RowDataError

SEPARATOR = "\x1f"

CONSTANT = {
    "status": "NEW",
    "called_since_last_reset": "N",
    "called_count": "0",
    "gender": "U",
    "date_of_birth": "0000-00-00",
    "rank": "0",
    "entry_list_id": "0",
}
"""What add_lead stores where a lead says nothing; all other fields are empty."""

TEXTS = (
    "vendor_lead_code", "source_id", "title", "first_name", "middle_initial", "last_name",
    "address1", "address2", "address3", "city", "state", "province", "postal_code",
    "country_code", "alt_phone", "email", "security_phrase", "comments", "owner",
)  # fmt: skip

IDENTITY = ("entry_date", "phone_number")
"""What tells a lead that was sent even if the site's triggers change the rest."""

STATEMENT_BYTES = 500_000
"""Of one INSERT; the oldest servers take 1 MB, a row with all fields full is 3 KB."""

LOCAL_INFILE_OFF = frozenset({1148, 2068, 3948, 3950, 4166})


@dataclass(frozen=True)
class Inserted:
    """What became of the rows of a batch."""

    lead_ids: "pd.Series[int]" = field(default_factory=lambda: pd.Series(dtype="int64"))
    """By row_number, of the rows that are stored."""
    refused: dict[int, int] = field(default_factory=dict)
    """The server's error code by row_number, of the rows that it refused."""
    changed: tuple[int, ...] = ()
    """Row numbers of stored rows that read back differently: the server changed them."""

    def __add__(self, other: "Inserted") -> "Inserted":
        return Inserted(
            pd.concat([self.lead_ids, other.lead_ids]),
            self.refused | other.refused,
            self.changed + other.changed,
        )


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
    moment = now.strftime("%Y-%m-%d %H:%M:%S")
    always = {"entry_date": moment, "modify_date": moment, "last_local_call_time": moment}
    # Adding makes -0.0 the 0.0 that is read back.
    offsets = leads["gmt_offset_now"].round(2) + 0.0
    numbers = {
        "list_id": leads["list_id"].astype("str"),
        "gmt_offset_now": offsets.map({value: f"{value:.2f}" for value in offsets.unique()}),
    }
    stored = {}
    for name in ("list_id", "gmt_offset_now", "phone_code", "phone_number", *TEXTS, *CONSTANT):
        given = numbers.get(name, leads.get(name))
        stored[name] = _repeated(CONSTANT.get(name, ""), leads.index) if given is None else given
    for name, value in {**always, "user": user}.items():
        stored[name] = _repeated(value, leads.index)
    return pd.DataFrame({name: stored[name] for name in stored if name in columns})


def _repeated(value: str, index: pd.Index) -> "pd.Series[str]":
    return to_series(pa.repeat(pa.scalar(value, pa.large_string()), len(index)), index)


class _Written(NamedTuple):
    """What the server said of a write."""

    rows: int
    first_id: int
    """The first lead_id that it gave out, if it stored any row."""


class LeadInserter:
    """Inserts batches into vicidial_list, by the fastest way that server and account allow."""

    def __init__(self, database: Database, columns: Iterable[str]) -> None:
        """Take the names of the table's columns."""
        self.database, self.columns = database, frozenset(columns)
        self.last = Inserted()
        """What is known of the last batch, even where an exception ended it."""
        self._loads_files = not database.is_sqlite

    def insert(self, leads: pd.DataFrame, user: str) -> Inserted:
        """Insert one batch; every row comes out stored or refused.

        Args:
            leads: see `as_stored`.
            user: the dialer user in whose name they are loaded.

        Raises:
            DatabaseUnavailableError: no answer after all retries. What is stored by then stays;
                what is known of it is in `last`.
            LoaderError: the database cannot do this; likewise.
        """
        self.last = Inserted()
        watermark, now = self.database.read(_watermark)
        rows = as_stored(leads, self.columns, user, now)
        batch = _Batch(self, watermark)
        try:
            batch.insert(rows)
        except KeyboardInterrupt:
            batch.find_lost(rows)
            raise
        finally:
            self.last = batch.known
        if len(batch.left(rows)):
            raise LoaderError("leads that were just inserted are not in vicidial_list")
        return self.last

    def write(self, connection: Connection, rows: pd.DataFrame, *, by_file: bool) -> _Written:
        """Send rows; by a file the server leaves out what it refuses, else it says so."""
        if self.database.is_sqlite:
            return _executemany(connection, rows)
        if by_file and self._loads_files:
            try:
                return _load_data(connection, rows)
            except DBAPIError as error:
                if error_code(error) not in LOCAL_INFILE_OFF:
                    raise
                self._loads_files = False
        return _insert_values(connection, rows)


class _Batch:
    """One batch on its way in."""

    def __init__(self, inserter: LeadInserter, watermark: int) -> None:
        self.inserter, self.database, self.watermark = inserter, inserter.database, watermark
        self.known = Inserted()
        self.session: str | None = None

    def insert(self, rows: pd.DataFrame) -> None:
        self.attempt(rows, by_file=True)
        self.attempt(rows, by_file=False)

    def left(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give the rows of which nothing is known yet."""
        known = self.known.lead_ids.index.union([*self.known.refused])
        return rows[~rows.index.isin(known)]

    def attempt(self, rows: pd.DataFrame, *, by_file: bool) -> None:
        """Write rows; after a lost connection find out first which of them are stored."""
        in_doubt = False
        for attempt in self.database.retrying():
            with attempt:
                if in_doubt:
                    self.find_lost(rows)
                in_doubt = True
                self.write_or_halve(self.left(rows), by_file=by_file)

    def write_or_halve(self, rows: pd.DataFrame, *, by_file: bool) -> None:
        if rows.empty:
            return
        try:
            self.write(rows, by_file=by_file)
        except RowDataError as error:
            self.halve(rows, error.code)

    def write(self, rows: pd.DataFrame, *, by_file: bool) -> None:
        """Write, read back and commit."""
        with self.database.connect() as connection:
            self.session = connection.info.get("session")
            written = self.inserter.write(connection, rows, by_file=by_file)
            found = self.read_back(connection, rows, written)
            connection.commit()
        self.known += found

    def halve(self, rows: pd.DataFrame, code: int) -> None:
        """Corner the row that the server refuses; without transactions, those before it are in."""
        self.find_stored(rows)
        rows = self.left(rows)
        if len(rows) <= 1:
            self.known += Inserted(refused=dict.fromkeys(rows.index.tolist(), code))
            return
        middle = len(rows) // 2
        for half in (rows.iloc[:middle], rows.iloc[middle:]):
            self.attempt(half, by_file=False)

    def find_lost(self, rows: pd.DataFrame) -> None:
        """Find the rows of a write of which nobody knows how it ended, when it has."""
        if self.session is not None:
            self.database.end_session(self.session)
        self.find_stored(self.left(rows))

    def find_stored(self, rows: pd.DataFrame) -> None:
        """Find the rows of a failed write that are stored all the same."""
        self.known += self.database.read(lambda connection: self.read_back(connection, rows))

    def read_back(
        self, connection: Connection, rows: pd.DataFrame, written: _Written | None = None
    ) -> Inserted:
        """Find rows among the leads that are new since the watermark, or of the write.

        By all their values; else, changed by a trigger or a column's type, by those that make a
        lead; else, where the write took all rows, in the order of their lead_ids.
        """
        first = written.first_id if written and written.rows else self.watermark + 1
        stored = _leads_from(connection, first, list(rows.columns), sqlite=self.database.is_sqlite)
        stored = stored[~stored.index.isin(self.known.lead_ids)]
        if stored.empty:
            return Inserted()
        wanted = fingerprints(rows)
        own = stored[: len(wanted)]
        if own.tolist() == wanted.tolist():
            return Inserted(pd.Series(own.index, index=rows.index, dtype="int64"))
        equal = _pair_equal(wanted, stored)
        wanted, stored = wanted.drop(equal.index), stored.drop(equal)
        alike = _pair_equal(_identities(wanted), _identities(stored))
        if written and written.rows == len(rows):
            wanted, stored = wanted.drop(alike.index), stored.drop(alike)
            rest = pd.Series(stored.index[: len(wanted)], index=wanted.index[: len(stored)])
            alike = pd.concat([alike, rest.astype("int64")])
        lead_ids = pd.concat([equal, alike]).sort_index()
        return Inserted(lead_ids, changed=tuple(sorted(alike.index)))


def fingerprints(rows: pd.DataFrame) -> "pd.Series[str]":
    """Join all values of each row into one text, first those that make a lead."""
    return to_series(joined([to_arrow(rows[n]) for n in _compared(rows)], SEPARATOR), rows.index)


def _compared(columns: Iterable[Hashable]) -> list[str]:
    """Order the columns for comparison; modify_date moves by itself."""
    names = [str(name) for name in columns if name not in {"modify_date", *IDENTITY}]
    return [*IDENTITY, *names]


def _identities(texts: "pd.Series[str]") -> "pd.Series[str]":
    parts = rf"^(?P<identity>(?:[^{SEPARATOR}]*{SEPARATOR}){{{len(IDENTITY)}}})"
    found = pc.struct_field(pc.extract_regex(to_arrow(texts), parts), "identity")
    return to_series(pc.fill_null(found, ""), texts.index)


def _pair_equal(wanted: "pd.Series[str]", stored: "pd.Series[str]") -> "pd.Series[int]":
    """Give lead_ids by row_number for texts that are equal; of several equal ones, in order."""
    place = _told_apart(stored).get_indexer(_told_apart(wanted))
    return pd.Series(stored.index[place[place >= 0]], index=wanted.index[place >= 0], dtype="int64")


def _told_apart(texts: "pd.Series[str]") -> "pd.Index[str]":
    """Number equal texts."""
    nth = texts.groupby(texts).cumcount()
    return pd.Index(texts + SEPARATOR + nth.astype("str"))


def _watermark(connection: Connection) -> tuple[int, datetime]:
    """Give the highest lead_id and the server's clock."""
    statement = "SELECT COALESCE(MAX(lead_id), 0), NOW() FROM vicidial_list"
    highest, now = connection.exec_driver_sql(statement).one()
    return int(highest), datetime.fromisoformat(str(now))


def _leads_from(
    connection: Connection, first: int, columns: Sequence[str], *, sqlite: bool
) -> "pd.Series[str]":
    """Read the fingerprints of the leads from a lead_id on, indexed by lead_id, in its order."""
    names = [f"`{name}`" for name in _compared(columns)]
    if sqlite:
        text = " || char(31) || ".join(names)
    else:
        # Columns may have different character sets, and what is joined must not.
        texts = ", ".join(f"CONVERT({name} USING utf8mb4)" for name in names)
        text = f"CONCAT_WS(CHAR(31 USING utf8mb4), {texts})"
    statement = (
        f"SELECT lead_id, {text} FROM vicidial_list "  # noqa: S608 - columns of the table
        f"WHERE lead_id >= {first} ORDER BY lead_id"
    )
    leads = connection.exec_driver_sql(statement).all()
    index = pd.Index([lead[0] for lead in leads], dtype="int64")
    return pd.Series([lead[1] or "" for lead in leads], index=index, dtype="str")


def _executemany(connection: Connection, rows: pd.DataFrame) -> _Written:
    marks = ", ".join("?" * len(rows.columns))
    statement = f"INSERT INTO vicidial_list ({_names(rows)}) VALUES ({marks})"  # noqa: S608
    columns = (to_arrow(rows[name]).to_pylist() for name in rows)
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))
    last = connection.exec_driver_sql("SELECT last_insert_rowid()").scalar_one()
    return _Written(len(rows), int(last) - len(rows) + 1)


def _load_data(connection: Connection, rows: pd.DataFrame) -> _Written:
    """Send rows by LOAD DATA LOCAL INFILE, quoted as CSV, so that no value needs escapes."""
    table = pa.table([to_arrow(rows[name]) for name in rows], names=list(rows))
    with tempfile.NamedTemporaryFile(prefix="leadloader-", suffix=".csv") as file:
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
        pyarrow.csv.write_csv(table, file, options)
        file.flush()
        result = connection.exec_driver_sql(
            f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE vicidial_list "
            "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' ENCLOSED BY '\"' ESCAPED BY '' "
            f"LINES TERMINATED BY '\\n' ({_names(rows)})"
        )
    return _Written(result.rowcount, _last_insert_id(connection))


def _insert_values(connection: Connection, rows: pd.DataFrame) -> _Written:
    """Send rows by INSERT, its literals quoted by kernels; by several if they are many bytes."""
    literals = []
    for name in rows:
        text = pc.replace_substring(to_arrow(rows[name]), "\\", "\\\\")
        literals.append(pc.replace_substring(text, "'", "''"))
    values = joined(literals, "','")
    statement = np.cumsum(pc.binary_length(values).to_numpy()) // STATEMENT_BYTES
    texts = pd.Series(values.to_pylist(), dtype=object)
    count, first_id = 0, 0
    for _, part in texts.groupby(statement):
        rows_of_values = "'),('".join(part)
        result = connection.exec_driver_sql(
            f"INSERT INTO vicidial_list ({_names(rows)}) VALUES ('{rows_of_values}')",  # noqa: S608 - quoted above
            execution_options={"no_parameters": True},  # the values may hold percent signs
        )
        count += result.rowcount
        first_id = first_id or result.lastrowid or 0
    return _Written(count, first_id)


def _last_insert_id(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT LAST_INSERT_ID()").scalar_one())


def _names(rows: pd.DataFrame) -> str:
    return ", ".join(f"`{name}`" for name in rows)

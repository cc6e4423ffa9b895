"""Leads into vicidial_list, a batch at a time, with the id of every one proven by reading back.

After a failure, what became of the batch is found out by looking at the leads above the highest
lead_id noted before it; then the rest goes in. That holds with and without transactions.
"""

import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from loader.columnar import joined, to_arrow, to_series
from loader.database import Database, error_code
from loader.errors import RowDataError

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
    always = {
        "entry_date": moment,
        "modify_date": moment,
        "last_local_call_time": moment,
        "user": user,
    }
    rows = pd.DataFrame(
        {
            "list_id": leads["list_id"].astype("str"),
            "gmt_offset_now": leads["gmt_offset_now"].map("{:.2f}".format).astype("str"),
        },
        index=leads.index,
    )
    names = ("phone_code", "phone_number", *TEXTS, *CONSTANT, *always)
    values = {
        name: leads[name] if name in leads else always.get(name, CONSTANT.get(name, ""))
        for name in names
    }
    complete = rows.assign(**values).astype("str")
    return complete[[name for name in complete if name in columns]]


class _Written(NamedTuple):
    """What the server said of a write."""

    rows: int
    first_id: int
    """The first lead_id that it gave out; 0: not said."""


class LeadInserter:
    """Inserts batches into vicidial_list, by the fastest way that server and account allow."""

    def __init__(self, database: Database, columns: Iterable[str]) -> None:
        """Take the names of the table's columns."""
        self.database, self.columns = database, frozenset(columns)
        self._loads_files = not database.is_sqlite

    def insert(self, leads: pd.DataFrame, user: str) -> Inserted:
        """Insert one batch; every row comes out stored or refused.

        Args:
            leads: see `as_stored`.
            user: the dialer user in whose name they are loaded.

        Raises:
            DatabaseUnavailableError: no answer after all retries. What is stored by then stays.
        """
        watermark, now = self.database.read(_watermark)
        return _Batch(self, watermark).insert(as_stored(leads, self.columns, user, now))

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
        self.taken = pd.Series(dtype="int64")

    def insert(self, rows: pd.DataFrame) -> Inserted:
        inserted = self.attempt(rows, by_file=True)
        missing = rows.drop(inserted.lead_ids.index).drop(list(inserted.refused))
        return inserted + self.attempt(missing, by_file=False) if len(missing) else inserted

    def attempt(self, rows: pd.DataFrame, *, by_file: bool) -> Inserted:
        """Write rows; after a lost connection find out first which of them are stored."""
        stored, in_doubt = Inserted(), False
        for attempt in self.database.retrying():
            with attempt:
                if in_doubt:
                    found = self.find_stored(rows)
                    stored, rows = stored + found, rows.drop(found.lead_ids.index)
                in_doubt = True
                if len(rows):
                    stored += self.write_or_halve(rows, by_file=by_file)
        return stored

    def write_or_halve(self, rows: pd.DataFrame, *, by_file: bool) -> Inserted:
        try:
            return self.write(rows, by_file=by_file)
        except RowDataError as error:
            return self.halve(rows, error.code)

    def write(self, rows: pd.DataFrame, *, by_file: bool) -> Inserted:
        """Write, read back and commit."""
        with self.database.connect() as connection:
            written = self.inserter.write(connection, rows, by_file=by_file)
            found = self.read_back(connection, rows, written)
            connection.commit()
        return self.take(found)

    def halve(self, rows: pd.DataFrame, code: int) -> Inserted:
        """Corner the row that the server refuses; without transactions, those before it are in."""
        found = self.find_stored(rows)
        rows = rows.drop(found.lead_ids.index)
        if len(rows) <= 1:
            return found + Inserted(refused=dict.fromkeys(rows.index.tolist(), code))
        middle = len(rows) // 2
        for half in (rows.iloc[:middle], rows.iloc[middle:]):
            found += self.attempt(half, by_file=False)
        return found

    def find_stored(self, rows: pd.DataFrame) -> Inserted:
        """Find the rows of a failed write that are stored all the same."""
        return self.take(self.database.read(lambda connection: self.read_back(connection, rows)))

    def take(self, found: Inserted) -> Inserted:
        """Remember whose lead_ids are known, so that equal rows don't find the same lead."""
        self.taken = pd.concat([self.taken, found.lead_ids])
        return found

    def read_back(
        self, connection: Connection, rows: pd.DataFrame, written: _Written | None = None
    ) -> Inserted:
        """Find rows among the leads above the watermark, by all their values.

        Where a write took every row but some read back differently, a trigger of the site has
        changed them; these are paired in the order of their lead_ids.
        """
        floor = max(self.watermark, written.first_id - 1 if written else 0)
        stored = _leads_above(connection, floor, list(rows.columns), sqlite=self.database.is_sqlite)
        stored = stored[~stored.index.isin(self.taken)]
        wanted = fingerprints(rows)
        if len(stored) == len(wanted) and stored.tolist() == wanted.tolist():
            return Inserted(pd.Series(stored.index, index=rows.index, dtype="int64"))
        found = _pair_equal(wanted, stored)
        if written is None or written.rows < len(rows):
            return Inserted(found)
        changed = wanted.index.difference(found.index, sort=True)
        others = stored.index.difference(pd.Index(found), sort=True)[: len(changed)]
        paired = pd.Series(others, index=changed[: len(others)], dtype="int64")
        return Inserted(pd.concat([found, paired]).sort_index(), changed=tuple(paired.index))


def fingerprints(rows: pd.DataFrame) -> "pd.Series[str]":
    """Join all values of each row into one text."""
    columns = [to_arrow(rows[name]) for name in rows if name != "modify_date"]
    return to_series(joined(columns, SEPARATOR), rows.index)


def _pair_equal(wanted: "pd.Series[str]", stored: "pd.Series[str]") -> "pd.Series[int]":
    """Give lead_ids by row_number for texts that are equal; of several equal ones, in order."""
    rows, leads = (
        pd.DataFrame(
            {"id": texts.index, "text": texts.array, "nth": texts.groupby(texts).cumcount()}
        )
        for texts in (wanted.reset_index(drop=True).set_axis(wanted.index), stored)
    )
    pairs = rows.merge(leads, on=["text", "nth"], suffixes=("_row", "_lead"))
    return pd.Series(pairs["id_lead"].array, index=pd.Index(pairs["id_row"]), dtype="int64")


def _watermark(connection: Connection) -> tuple[int, datetime]:
    """Give the highest lead_id and the server's clock."""
    statement = "SELECT COALESCE(MAX(lead_id), 0), NOW() FROM vicidial_list"
    highest, now = connection.exec_driver_sql(statement).one()
    return int(highest), datetime.fromisoformat(str(now))


def _leads_above(
    connection: Connection, floor: int, columns: Sequence[str], *, sqlite: bool
) -> "pd.Series[str]":
    """Read the fingerprints of the leads above a lead_id, indexed by lead_id, in its order."""
    names = [f"`{name}`" for name in columns if name != "modify_date"]
    if sqlite:
        text = " || char(31) || ".join(names)
    else:
        text = f"CONCAT_WS(CHAR(31 USING utf8mb4), {', '.join(names)})"
    statement = (
        f"SELECT lead_id, {text} FROM vicidial_list "  # noqa: S608 - columns of the table
        f"WHERE lead_id > {floor} ORDER BY lead_id"
    )
    frame = pd.DataFrame(
        [tuple(row) for row in connection.exec_driver_sql(statement)], columns=["lead_id", "text"]
    )
    index = pd.Index(frame["lead_id"].astype("int64"))
    return pd.Series(frame["text"].astype("str").array, index=index)


def _executemany(connection: Connection, rows: pd.DataFrame) -> _Written:
    marks = ", ".join("?" * len(rows.columns))
    statement = f"INSERT INTO vicidial_list ({_names(rows)}) VALUES ({marks})"  # noqa: S608
    columns = (to_arrow(rows[name]).to_pylist() for name in rows)
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))
    return _Written(len(rows), 0)


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
        return _Written(result.rowcount, result.lastrowid or 0)


def _insert_values(connection: Connection, rows: pd.DataFrame) -> _Written:
    """Send rows by one INSERT, its literals quoted by kernels."""
    literals = []
    for name in rows:
        text = pc.replace_substring(to_arrow(rows[name]), "\\", "\\\\")
        literals.append(pc.replace_substring(text, "'", "''"))
    values = "'),('".join(joined(literals, "','").to_pylist())
    result = connection.exec_driver_sql(
        f"INSERT INTO vicidial_list ({_names(rows)}) VALUES ('{values}')",  # noqa: S608 - quoted
        execution_options={"no_parameters": True},  # the values may hold percent signs
    )
    return _Written(result.rowcount, result.lastrowid or 0)


def _names(rows: pd.DataFrame) -> str:
    return ", ".join(f"`{name}`" for name in rows)

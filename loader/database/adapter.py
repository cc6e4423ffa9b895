"""What differs from one kind of database to another: all that the rest of the loader may ask."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pandas as pd
from sqlalchemy import Connection, Dialect, Insert
from sqlalchemy.pool import ConnectionPoolEntry

from loader.database.address import Address
from loader.database.catalogue import Columns
from loader.database.sql import quote_identifier

DIGESTED_BYTES = 500_000
"""Of the texts that a database hashes at once; the oldest servers join no more than 1 MB."""


class Written(NamedTuple):
    """What the database answered to a write."""

    rows: int
    """How many it stored."""
    first_id: int
    """The first id that it gave out, if it stored any row and numbers them."""
    warnings: int
    """How often it stored something else than was sent, or left a row out."""


class Digests(NamedTuple):
    """What the database says of leads that have lead_ids one after the other."""

    step: int
    """From one lead_id to the next."""
    sha256: tuple[str, ...]
    """Of the texts of each part, in the order of lead_id, in UTF-8 with a separator in between."""


@dataclass(frozen=True, kw_only=True)
class Among:
    """A question for the rows of a table whose text column has one of many values."""

    names: str
    """What is selected."""
    table: str
    column: str
    index: str | None = None
    """By which they are found; None: the database chooses."""
    collation: str | None = None
    """Of the column; None: not known."""
    conditions: tuple[str, ...] = ()
    """More of them, whose `{}` stand for lists of values."""
    group: str = ""
    """What the rows are grouped by."""

    def words(self, head: str, condition: str) -> str:
        """Word it with what comes before WHERE, and how the column is compared."""
        conditions = " AND ".join([condition, *self.conditions])
        return f"{head} WHERE {conditions}{f' GROUP BY {self.group}' if self.group else ''}"


class Adapter(ABC):
    """The statements and the behavior of one kind of database."""

    has_accounts: ClassVar[bool]
    """Whether rights are granted to accounts."""
    has_replication: ClassVar[bool]
    """Whether it has replicas, and status variables that show its load."""
    loads_files: ClassVar[bool]
    """Whether it can be sent rows as a file, see `load_file`."""
    list_mark: ClassVar[str]
    """Stands in a statement for a list of values, see `list_value`."""
    engine_arguments: ClassVar[dict[str, Any]]
    """Of SQLAlchemy's `create_engine`."""
    text: ClassVar[str]
    """The value of a column as UTF-8 text."""
    rows: ClassVar[str]
    """Rows as the right side of `(...) IN`."""
    ignore: ClassVar[str]
    """Behind INSERT: do nothing if the row exists already."""
    unique_index: ClassVar[str]
    """The statement that adds one to a table that is there."""

    def __init__(self, address: Address) -> None:
        """Take the address of the database."""
        self.url = address.url

    def as_text(self, column: str) -> str:
        """Word the value of a column as UTF-8 text."""
        return self.text.format(quote_identifier(column))

    def row_list(self, rows: Iterable[tuple[int, int]]) -> str:
        """Word rows as the right side of `(...) IN`."""
        return self.rows.format(", ".join(map(str, rows)) or "(NULL, NULL)")

    def insert_or_ignore(self, statement: Insert) -> Insert:
        """Word an insert so that it does nothing if the row exists already."""
        return statement.prefix_with(self.ignore)

    def add_index(self, name: str, table: str, columns: Iterable[str]) -> str:
        """Word the statement that adds a unique index to a table."""
        names = ", ".join(map(quote_identifier, columns))
        return self.unique_index.format(name=name, table=quote_identifier(table), columns=names)

    def connect(
        self,
        _dialect: Dialect,
        _record: object,
        _arguments: Sequence[Any],
        _options: dict[str, Any],
    ) -> Any:
        """Make a connection of the driver; None: SQLAlchemy makes it."""
        return None

    def connect_beside(self, *given: Any) -> Any:
        """Make a further connection likewise, to the server that was connected to last."""
        return self.connect(*given)

    def refuse_left(  # noqa: B027 - a file is no server
        self, connection: Any, record: object, proxy: object
    ) -> None:
        """Let a connection that waited be made anew if the run has left its server since."""

    @property
    def is_node(self) -> bool:
        """Whether the server that is connected to is a node of a cluster."""
        return False

    @abstractmethod
    def prepare(self, connection: Any, record: ConnectionPoolEntry) -> None:
        """Set up a new connection of the driver."""

    @abstractmethod
    def check_address(self, *, must_exist: bool) -> None:
        """Refuse an address that names no database, or a file that must exist and does not.

        Raises:
            UsageError: it names a server only.
            ConfigurationError: the file does not exist.
        """

    def end_session(self, connection: Connection, session: str) -> None:  # noqa: B027 - SQLite has none
        """End a session whose connection was lost, see `Database.end_session`."""

    def refuse_damage(  # noqa: B027 - SQLite repairs itself
        self, connection: Connection, table: str, since: datetime | None, *, repairs: bool
    ) -> None:
        """Find, and maybe repair, what a crash did to a table, see `Database.refuse_damage`."""

    def is_transactional(self, connection: Connection, table: str) -> bool:  # noqa: ARG002
        """Say whether what is not committed of a table is gone after a crash."""
        return True

    def next_id(self, connection: Connection, table: str) -> int | None:  # noqa: ARG002
        """Give the next number of a table; None: the database does not tell, or never needs to."""
        return None

    def lock_file(self, name: str) -> Path | None:  # noqa: ARG002
        """Give the file that stands for a lock; None: the server has locks."""
        return None

    def numbers_files_in_a_row(self, connection: Connection) -> bool:  # noqa: ARG002 - of a server
        """Say whether the ids of a file's rows follow each other while others insert, too."""
        return True

    def keeps_commits(self, connection: Connection) -> bool:  # noqa: ARG002
        """Say whether what was committed outlives a crash."""
        return True

    @abstractmethod
    def list_value(self, values: Iterable[object]) -> object:
        """Give a list of values as the parameter for `list_mark`."""

    @abstractmethod
    def ask_among(
        self, dialect: Dialect, question: Among, values: Iterable[object]
    ) -> tuple[str, object]:
        """Word a question, with `{}` for each list of values; give the first list as a parameter.

        A row may be found more than once where values are equal in the column's collation.
        """

    def existing_beginnings(
        self,
        connection: Connection,  # noqa: ARG002 - others ask
        question: Among,  # noqa: ARG002 - likewise
        beginnings: Sequence[str],
    ) -> Sequence[str]:
        """Give those of two digits with which, and another digit, any value of the column begins.

        All of them where to ask would take as long as to look for the values.
        """
        return beginnings

    def collated(self, column: str) -> str:
        """Word a text column so that it compares as the dialer's collation does."""
        return column

    def fold(self, values: "pd.Series[str]") -> "pd.Series[str]":
        """Give the texts that a `collated` column is compared with."""
        return values

    @abstractmethod
    def joined_text(self, columns: Sequence[str], separator: int) -> str:
        """Word the values of quoted columns as one text, with a character between them."""

    def digest_texts(
        self,
        connection: Connection,  # noqa: ARG002
        table: str,  # noqa: ARG002
        text: str,  # noqa: ARG002
        separator: int,  # noqa: ARG002
        first_id: int,  # noqa: ARG002
        counts: Sequence[int],  # noqa: ARG002
    ) -> "Digests | None":
        """Let the database hash the texts of leads that have lead_ids one after the other.

        Args:
            connection: nothing is written.
            table: its name.
            text: what is hashed of a lead, see `joined_text`.
            separator: the character that stands between two texts.
            first_id: of the first lead.
            counts: how many leads there are in each part; a part has less than `DIGESTED_BYTES`.

        Returns:
            None: not all of them are there, or the database has no such function.
        """
        return None

    @abstractmethod
    def copy_table(self, source: str, target: str, key: str, columns: Columns) -> list[str]:
        """Word statements that make an empty table like another one, whose key is no counter."""

    has_many_writers = True
    """Whether several connections may write at the same time."""
    has_many_readers = True
    """Whether it is worth while to read over several."""

    def keep_writers_out(self, connection: Connection) -> bool:  # noqa: ARG002
        """Let nobody else write until the transaction ends, if the database can; say whether."""
        return False

    @abstractmethod
    def insert_rows(self, connection: Connection, table: str, rows: pd.DataFrame) -> Written:
        """Insert rows (str columns); raise if one is refused. Nothing is committed."""

    def load_file(self, connection: Connection, table: str, rows: pd.DataFrame) -> Written:
        """Send rows as a file; those that are refused are left out. Nothing is committed."""
        raise NotImplementedError

    @abstractmethod
    def update_unchanged(
        self, connection: Connection, table: str, before: pd.DataFrame, after: pd.DataFrame
    ) -> Collection[int]:
        """Change the leads that still hold what they held before, to the letter.

        Args:
            connection: nothing is committed.
            table: its name.
            before: lead_id (int64) and other columns (str; null for NULL).
            after: the same rows and columns.

        Returns:
            Their lead_ids.
        """

"""Reads in parts, none of which keeps writes out of a table for long."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from loader.database.adapter import Among
from loader.database.connection import Database
from loader.database.throttle import ChunkSize

T = TypeVar("T")

Rows = list[tuple[Any, ...]]

SECONDS = 0.03
"""How long a read is to take: so long do writes wait for it."""

PAUSE = 0.25
"""How long to wait after a read, for each second that it took."""

AT_LEAST, AT_FIRST, AT_MOST = 1_000, 1_000, 45_000
"""Values that a read asks for, or leads that it looks at. Of fewer, most of the time is the way to
the server and back, during which nothing waits; of more, a statement may be larger than the 1 MB
that every server takes."""


class ShortReads:
    """Reads of one table, in parts whose size follows from the time that the last ones took.

    While a statement reads a MyISAM table, all writes wait. There is a pause between two reads, for
    the sake of all that waits. Where writes do not wait for reads, neither do the reads.
    """

    def __init__(self, database: Database, *, locks: bool) -> None:
        """Take the database, and whether reads of the table keep writes out."""
        self._database, self._locks = database, locks
        self._size = ChunkSize(AT_MOST, SECONDS, at_first=AT_FIRST, at_least=AT_LEAST)

    @property
    def size(self) -> int:
        """How much the next read may look at."""
        return self._size.size

    def read(self, question: Callable[[Connection], tuple[T, int]]) -> T:
        """Run one question, see `Database.read`; it also gives how much it looked at."""

        def timed(connection: Connection) -> tuple[T, int, float]:
            began = time.monotonic()
            result, amount = question(connection)
            return result, amount, time.monotonic() - began

        result, amount, seconds = self._database.read(timed)
        self._size.took(amount, seconds)
        if self._locks:
            time.sleep(PAUSE * seconds)
        return result

    def rows(
        self, statement: str | Among, values: Sequence[object], *others: Iterable[object]
    ) -> Rows:
        """Run a statement whose `{}` each stand for a list of values.

        Args:
            statement: what it gives for some of `values` does not depend on the rest of them.
            values: the first list, which may be asked for in parts.
            others: the other lists, none of them empty.
        """
        found: Rows = []
        start = 0
        while start < len(values):
            part = values[start : start + (self.size if self._locks else AT_MOST)]
            start += len(part)
            found += self.read(partial(self._select_part, statement, part, others))
        return found

    def _select_part(
        self,
        statement: str | Among,
        part: Sequence[object],
        others: Sequence[Iterable[object]],
        connection: Connection,
    ) -> tuple[Rows, int]:
        return self.select(connection, statement, part, *others), len(part)

    def select(
        self, connection: Connection, statement: str | Among, *values: Iterable[object]
    ) -> Rows:
        """Run such a statement as it is."""
        adapter = self._database.adapter
        parameters: list[object] = [*map(adapter.list_value, values)]
        if isinstance(statement, Among):
            dialect = connection.dialect
            statement, parameters[0] = adapter.ask_among(dialect, statement, values[0])
        words = statement.format(*[adapter.list_mark] * len(values))
        return [tuple(row) for row in connection.exec_driver_sql(words, tuple(parameters))]

"""Reads in parts: in turn where writes wait for them, else over several connections."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
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

A_CONNECTION = 2_000
"""Values for which it is worth while to ask over one more connection."""

VALUES_A_BEGINNING = 50
"""Beginnings are looked for if there are so many values for each: one takes as long as some 20."""

BEGINNINGS_AT_ONCE = 20
"""For which a read looks where writes wait: each is in another place of the index."""


class ShortReads:
    """Reads of one table, in parts whose size follows from the time that the last ones took.

    While a statement reads a MyISAM table, all writes wait. There is one read at a time, and a
    pause between two, for the sake of all that waits. Where writes do not wait for reads, neither
    do the reads: what is looked for is cut into ranges, and several are asked for at a time.
    """

    def __init__(self, database: Database, *, locks: bool, at_once: int = 1) -> None:
        """Take the database, and how gently it is read.

        Args:
            database: that of the table.
            locks: reads of the table keep writes out.
            at_once: over so many connections, where they do not.
        """
        self._database, self._locks, self._at_once = database, locks, at_once
        self._size = ChunkSize(AT_MOST, SECONDS, at_first=AT_FIRST, at_least=AT_LEAST)

    @property
    def size(self) -> int:
        """How much the next read may look at."""
        return self._size.size

    def alone(self) -> AbstractContextManager[object]:
        """Keep other threads from reading in the block, see `Database.alone`."""
        return self._database.alone()

    def read(self, question: Callable[[Connection], tuple[T, int]]) -> T:
        """Run one question, see `Database.read`; it also gives how much it looked at."""

        def timed(connection: Connection) -> tuple[T, int, float]:
            began = time.monotonic()
            result, amount = question(connection)
            return result, amount, time.monotonic() - began

        with self.alone():
            result, amount, seconds = self._database.read(timed)
            self._size.took(amount, seconds)
            if self._locks:
                time.sleep(PAUSE * seconds)
        return result

    def rows(
        self, statement: str | Among, values: Sequence[object], *others: Iterable[object]
    ) -> Rows:
        """Run a statement whose `{}` each stand for a list of values.

        Of many numbers that are looked for by an index, those are left out before that begin as no
        number of the column does.

        Args:
            statement: what it gives for some of `values` does not depend on the rest of them.
            values: the first list, distinct and of one type, which is asked for in parts. Many are
                sorted: neighbors stand in the same pages of an index.
            others: the other lists, none of them empty.
        """
        if isinstance(statement, Among):
            values = self._not_ruled_out(statement, values)
        if len(values) >= A_CONNECTION:
            values = sorted(values)  # type: ignore[type-var]  # all are texts, or numbers
        if self._locks:
            return self._rows_in_turn(statement, values, others)
        questions = [
            partial(self._select_range, statement, part, others)
            for part in _ranges(values, self._at_once)
        ]
        if not questions:
            return []
        answers = self._database.read_all(questions, self._at_once)
        return [row for rows in answers for row in rows]

    def _rows_in_turn(
        self, statement: str | Among, values: Sequence[object], others: Sequence[Iterable[object]]
    ) -> Rows:
        found: Rows = []
        start = 0
        while start < len(values):
            part = values[start : start + self.size]
            start += len(part)
            found += self.read(partial(self._select_part, statement, part, others))
        return found

    def _not_ruled_out(self, question: Among, values: Sequence[object]) -> Sequence[object]:
        """Leave out the numbers with whose first two digits no value of the column begins.

        In most tables no number has its country code, and none of those that have it is looked for.
        """
        if len(values) < 2 * VALUES_A_BEGINNING:
            return values
        texts = pa.array(values, pa.large_string())
        is_number = pc.match_substring_regex(texts, "^[0-9]{3}")
        of_values = pc.if_else(is_number, pc.utf8_slice_codeunits(texts, 0, 2), None)
        beginnings = of_values.unique().drop_null()
        if not len(beginnings) or len(values) < len(beginnings) * VALUES_A_BEGINNING:
            return values
        adapter, asked = self._database.adapter, beginnings.to_pylist()

        def ask(part: Sequence[str], connection: Connection) -> tuple[Sequence[str], int]:
            return adapter.existing_beginnings(connection, question, part), 0

        at_once = BEGINNINGS_AT_ONCE if self._locks else len(asked)
        parts = (asked[start : start + at_once] for start in range(0, len(asked), at_once))
        there = [two for part in parts for two in self.read(partial(ask, part))]
        may_be_there = pc.is_in(of_values, value_set=pa.array(there, pa.large_string()))
        kept: list[object] = texts.filter(pc.or_(may_be_there, pc.invert(is_number))).to_pylist()
        return kept

    def _select_part(
        self,
        statement: str | Among,
        part: Sequence[object],
        others: Sequence[Iterable[object]],
        connection: Connection,
    ) -> tuple[Rows, int]:
        return self.select(connection, statement, part, *others), len(part)

    def _select_range(
        self,
        statement: str | Among,
        part: Sequence[object],
        others: Sequence[Iterable[object]],
        connection: Connection,
    ) -> Rows:
        return self.select(connection, statement, part, *others)

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


def _ranges(values: Sequence[object], at_once: int) -> list[Sequence[object]]:
    """Cut sorted values into ranges of about the same size; few are one.

    Args:
        values: distinct.
        at_once: how many ranges are asked for at a time.
    """
    count = max(-(-len(values) // AT_MOST), min(at_once, len(values) // A_CONNECTION), 1)
    size = -(-len(values) // count)
    return [values[start : start + size] for start in range(0, len(values), size or 1)]

"""Leads that wait, cut into the batches of one insert each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import NamedTuple

import pandas as pd

from jobs.pace import Pace, Rhythm
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.database.throttle import ChunkSize, Throttle
from loader.dialer import LEADS
from loader.ledger.batches import BatchLedger
from loader.options.throttle import PaceOptions
from loader.writing.writer import Writer

FEWEST, AT_FIRST = 200, 500
"""Rows of a batch: fewer save no time, and nothing is known of the server at the first one."""

MOST_BYTES = 16_000_000
"""Of the values of a batch, all of which are in memory once more while they are sent."""


class Times(NamedTuple):
    """What a name of `PaceOptions.pace` stands for."""

    locking: float
    """Longest seconds of a statement that locks the whole table, as on MyISAM."""
    inserting: float
    """Of another one: others' inserts wait for the next lead_id."""
    pause: float
    """After it, as a multiple of its seconds."""


TIMES = {
    "gentle": Times(0.02, 0.05, 2.0),
    "normal": Times(0.04, 0.1, 0.25),
    "full": Times(1.0, 1.0, 0.0),
}


@contextmanager
def pace_of_inserts(
    database: Database, options: PaceOptions, most_rows: int, watchers: Watchers
) -> Iterator[Pace]:
    """Give the pace of an import.

    Raises:
        LoaderError: what is to be waited for cannot be determined, see `Throttle.check`.
    """
    times = TIMES[options.pace]
    is_locking = not database.read(lambda it: database.adapter.is_transactional(it, LEADS))
    seconds = times.locking if is_locking else times.inserting
    size = ChunkSize(most_rows, seconds, at_first=min(AT_FIRST, most_rows), at_least=FEWEST)
    throttle = Throttle(database, options)
    try:
        throttle.check()
        yield Pace(throttle, Rhythm(size, sleep_ratio=times.pause), watchers)
    finally:
        throttle.close()


class Batches:
    """Cuts leads into batches: those that were begun before as they were, others by the pace."""

    def __init__(self, pace: Pace, ledger: BatchLedger, writers: Sequence[Writer]) -> None:
        """Take what says when a batch may start, which were begun before, and what sends them."""
        self.pace, self.writers = pace, writers
        self._begun = iter(ledger.begun)

    def cut(self, leads: pd.DataFrame, at_once: int = 1) -> Iterator[list[pd.DataFrame]]:
        """Wait, and yield batches of about the same size, each time up to `at_once` of them.

        They are inserted then.

        Raises:
            KeyboardInterrupt: a signal came that nobody else has raised.
        """
        place, most = 0, min(_rows_in(MOST_BYTES, leads), -(-len(leads) // at_once))
        while place < len(leads):
            if self.pace.wait():
                raise KeyboardInterrupt
            begun = next(self._begun, None)
            size = begun or min(self.pace.next_size, most)
            batches = [
                leads[start : start + size]
                for start in range(place, len(leads), size)[: 1 if begun else at_once]
            ]
            place += sum(map(len, batches))
            for writer in self.writers:
                writer.longest = 0.0
            since = perf_counter()
            yield batches
            if not begun:
                longest = max(writer.longest for writer in self.writers)
                self.pace.took(len(batches[0]), longest or perf_counter() - since)


def _rows_in(size: int, leads: pd.DataFrame) -> int:
    """Give how many of the leads have so many bytes, if all are as long."""
    held = int(leads.memory_usage(index=False).sum())
    return max(1, size * len(leads) // max(held, 1))

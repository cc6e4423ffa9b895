"""The chunks of a file through the checks of each row by itself, on as many cores as there are."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import NamedTuple

import pandas as pd

from jobs.load.run import Stopwatch
from loader.checks.duplicates import KEYED
from loader.dialer import Lookups
from loader.pipeline import Checks, Screened
from loader.queries.chunk import ChunkQueries
from loader.workers import Ask, Workers, available_cores, can_fork

ROWS_ALONE = 30_000
"""Rows that one process checks before others are started: a small file is done by then."""

CHUNKS_A_WORKER = 2
"""Chunks that are read ahead for each worker: one is checked, another waits for it."""

NO_ROWS: pd.Index = pd.Index([], dtype="int64")


@dataclass(frozen=True)
class SourceChunk:
    """Rows of the source file on their way through the checks, and what was seen of them."""

    rows: pd.DataFrame
    """The columns of the source (str); index row_number."""
    fields: pd.DataFrame
    """The same rows, named as fields, see `Checks.fields`."""
    western: pd.Index = field(default_factory=lambda: NO_ROWS)
    """Rows that were not UTF-8, where others are."""
    odd: pd.Index = field(default_factory=lambda: NO_ROWS)
    """Rows with a value that looks wrong, see `loader.profile.rows`."""


class _Result(NamedTuple):
    screened: Screened
    seconds: dict[str, float]
    """By stage."""


class Question(NamedTuple):
    """Rows of which the dialer's database is asked."""

    leads: pd.DataFrame
    about_existing: bool = False
    """They are screened, and existing leads are wanted; otherwise do-not-call lists."""


class Screener:
    """Screens chunk after chunk: `clean`, `normalize`, `screen` and `compare` of `Checks`."""

    def __init__(
        self, checks: Checks, queries: ChunkQueries, seconds: Stopwatch, workers: int | None
    ) -> None:
        """Take the stages, who answers their questions, and how many processes may work.

        Args:
            checks: the stages.
            queries: asks what the dialer's database knows; always in this process.
            seconds: counts the time of the stages, that of all processes together.
            workers: processes; None: as many as there are cores. 1: this one alone.
        """
        self._checks, self._queries, self._seconds = checks, queries, seconds
        self._workers = workers or (available_cores() if can_fork() else 1)
        # Otherwise rows are compared when they have their turn, in another order.
        self._compares = checks.options.keep == "first"

    def screen(
        self, chunks: Iterator[SourceChunk]
    ) -> Generator[tuple[SourceChunk, Screened], None, None]:
        """Give each chunk, in its order, with what the checks say of its rows.

        Close it where it is not read to its end.

        Raises:
            WorkerError: a process that worked for this one was killed.
        """
        rows = 0
        for chunk in chunks:
            if rows >= ROWS_ALONE and self._workers > 1:
                yield from self._by_workers(chain([chunk], chunks))
                return
            yield chunk, self._work(chunk.fields, self._answer, self._seconds)
            rows += len(chunk.rows)

    def _by_workers(self, chunks: Iterator[SourceChunk]) -> Iterator[tuple[SourceChunk, Screened]]:
        ahead: deque[SourceChunk] = deque()
        with Workers(self._workers, self._of_worker, self._answer) as workers:
            for chunk in chunks:
                workers.send(chunk.fields)
                ahead.append(chunk)
                if len(ahead) > self._workers * CHUNKS_A_WORKER:
                    yield ahead.popleft(), self._take(workers)
            while ahead:
                yield ahead.popleft(), self._take(workers)

    def _take(self, workers: Workers) -> Screened:
        result: _Result = workers.take()
        self._seconds.lap("workers")
        for stage, seconds in result.seconds.items():
            self._seconds.add(stage, seconds)
        return result.screened

    def _of_worker(self, fields: pd.DataFrame, ask: Ask) -> _Result:
        """Screen a chunk in a worker, which has no database."""

        def answer(question: Question) -> Lookups:
            of_leads, of_lists = self._queries.asks_for_leads, self._queries.asks_for_lists
            needs_database = of_leads if question.about_existing else of_lists
            answered: Lookups = ask(question) if needs_database else self._answer(question)
            return answered

        seconds = Stopwatch()
        return _Result(self._work(fields, answer, seconds), dict(seconds))

    def _answer(self, question: Question) -> Lookups:
        if question.about_existing:
            return self._queries.existing_leads(question.leads)
        return self._queries.do_not_call(question.leads)

    def _work(
        self, fields: pd.DataFrame, ask: Callable[[Question], Lookups], seconds: Stopwatch
    ) -> Screened:
        chunk = self._checks.clean(fields)
        seconds.lap("clean")
        chunk = self._checks.normalize(chunk)
        seconds.lap("phones")
        answers = ask(Question(chunk.leads))
        seconds.lap("do not call")
        screened = self._checks.screen(chunk, answers)
        seconds.lap("time zone")
        if not self._compares:
            return screened
        answers = ask(Question(screened.leads[list(KEYED)], about_existing=True))
        seconds.lap("look up")
        compared = self._checks.compare(screened.leads, answers)
        seconds.lap("duplicates")
        return replace(screened, compared=compared)

"""The chunks of a file through the checks of each row by itself, on as many cores as there are."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import pandas as pd

from jobs.load.reading import RowReader, SourceChunk, Task
from jobs.load.run import Stopwatch
from loader.checks.duplicates import KEYED
from loader.dialer import Lookups
from loader.engines.workers import Ask, Workers, available_cores, can_fork
from loader.feeds.feed import Feed
from loader.pipeline import Checks, Chunk, Screened
from loader.queries.chunk import ChunkQueries, in_feeds
from loader.queries.forms import RowForms
from loader.reading.blocks import FileBlock

if TYPE_CHECKING:
    from jobs.load.on_cluster import OnCluster

ROWS_ALONE = 30_000
"""Rows that one process checks before others are started: a small file is done by then."""

CHUNKS_A_WORKER = 2
"""Chunks that are read ahead for each worker: one is checked, another waits for it."""

ANSWERS_AT_ONCE = 2
"""Questions that this process is at: the database answers one, another is put or understood."""


class Result(NamedTuple):
    """What is found of a chunk."""

    screened: Screened
    seconds: dict[str, float]
    """By stage."""
    chunk: SourceChunk | None = None
    """Its rows, if the task was a block. Without fields, where rows are not compared later."""


class Question(NamedTuple):
    """Rows of which the dialer's database is asked."""

    leads: pd.DataFrame
    about_existing: bool = False
    """They are screened, and existing leads are wanted; otherwise do-not-call lists."""


class Asked(NamedTuple):
    """The questions of which the database knows something."""

    lists: bool
    leads: bool


class Normalized(NamedTuple):
    """A chunk before the lists of numbers are looked into."""

    chunk: Chunk
    in_feeds: Lookups


@dataclass(frozen=True)
class Stages:
    """What is done with a chunk before and after each question; it may be done anywhere."""

    reader: RowReader
    feeds: Sequence[Feed]

    @property
    def checks(self) -> Checks:
        """Those of the rows."""
        return self.reader.checks

    def normalize(self, fields: pd.DataFrame, seconds: Stopwatch) -> Normalized:
        """Make leads of fields, and look for their numbers in the feeds."""
        chunk = self.checks.clean(fields)
        seconds.lap("clean")
        chunk = self.checks.normalize(chunk)
        seconds.lap("phones")
        forms = RowForms(chunk.leads, self.checks.options)
        normalized = Normalized(chunk, in_feeds(forms, self.feeds))
        seconds.lap("do not call")
        return normalized

    def screen(self, normalized: Normalized, on_lists: Lookups, seconds: Stopwatch) -> Screened:
        """Finish the checks of each row by itself; `on_lists` has dnc and campaign_dnc."""
        of_feeds = normalized.in_feeds
        answers = replace(on_lists, feeds=of_feeds.feeds, other_feeds=of_feeds.other_feeds)
        screened = self.checks.screen(normalized.chunk, answers)
        seconds.lap("time zone")
        return screened

    def compare(self, screened: Screened, existing: Lookups, seconds: Stopwatch) -> Screened:
        """Compare what passed for the duplicate checks, but where rows have another order."""
        if not self.compares:
            return screened
        compared = self.checks.compare(screened.leads, existing)
        seconds.lap("duplicates")
        return replace(screened, compared=compared)

    def needed(self, chunk: SourceChunk) -> SourceChunk:
        """Leave out the fields of a chunk that is screened, where nobody needs them later."""
        return replace(chunk, fields=chunk.fields[[]]) if self.compares else chunk

    @property
    def compares(self) -> bool:
        """Whether rows are compared now; otherwise when they have their turn."""
        return self.checks.options.keep == "first"


class SharedWork(Protocol):
    """Others that screen chunks for this process: forked ones, or a cluster."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...

    def send(self, task: Any) -> None:
        """Give the fields of a chunk, or a block, after all that were given before."""

    def take(self) -> Any:
        """Wait for the `Result` of the first chunk whose result was not taken yet."""


class Screener:
    """Screens chunk after chunk: `clean`, `normalize`, `screen` and `compare` of `Checks`."""

    def __init__(
        self,
        reader: RowReader,
        queries: ChunkQueries,
        seconds: Stopwatch,
        folder: Path,
        finished: Path,
    ) -> None:
        """Take the stages, who answers their questions, and how many processes may work, and where.

        Args:
            reader: reads blocks, and has the checks.
            queries: asks what the dialer's database knows; always in this process.
            seconds: counts the time of the stages, that of all processes together.
            folder: for what other processes are to read.
            finished: for what a cluster keeps of blocks; the caller removes it.
        """
        options = reader.checks.options
        workers, self._scheduler = options.workers, options.cluster
        self._queries, self._seconds = queries, seconds
        self._workers = workers or (available_cores() if can_fork() else 1)
        if self._scheduler:
            _on_cluster()  # what is missing is said before anything is read
        self._stages = Stages(reader, queries.feeds)
        self._folder, self._finished = folder, finished

    @property
    def takes_blocks(self) -> bool:
        """Whether the file is to be given in blocks: not where nobody else reads them."""
        can_read = self._stages.reader.blocks is not None
        return can_read and bool(self._workers > 1 or self._scheduler)

    def screen(self, tasks: Iterator[Task]) -> Generator[tuple[SourceChunk, Screened], None, None]:
        """Give each chunk, in its order, with what the checks say of its rows.

        Close it where it is not read to its end.

        Raises:
            WorkerError: a process that worked for this one was killed.
        """
        rows = 0
        for task in tasks:
            if rows >= ROWS_ALONE and (self._workers > 1 or self._scheduler):
                yield from self._by_workers(chain([task], tasks))
                return
            chunk = self._stages.reader.chunk_of(task, self._seconds)
            yield chunk, self._work(chunk.fields, self._answer, self._seconds)
            rows += len(chunk.rows)

    def _by_workers(self, tasks: Iterator[Task]) -> Iterator[tuple[SourceChunk, Screened]]:
        ahead: deque[SourceChunk | None] = deque()
        others, count = self._others()
        with others as workers:
            for task in tasks:
                workers.send(task.fields if isinstance(task, SourceChunk) else task)
                ahead.append(task if isinstance(task, SourceChunk) else None)
                if len(ahead) > count * CHUNKS_A_WORKER:
                    yield self._take(workers, ahead.popleft())
            while ahead:
                yield self._take(workers, ahead.popleft())

    def _others(self) -> tuple[SharedWork, int]:
        """Give who screens chunks, and how many of them there are."""
        if not self._scheduler:
            workers = Workers(self._workers, self._of_worker, self._answer, answers=ANSWERS_AT_ONCE)
            return workers, self._workers
        on_cluster = _on_cluster()(
            self._scheduler, self._workers, self._stages, self._asked, self._answer, self._folder,
            self._finished,
        )  # fmt: skip
        return on_cluster, on_cluster.threads

    def _take(self, workers: SharedWork, chunk: SourceChunk | None) -> tuple[SourceChunk, Screened]:
        """Wait for the next result, that of a chunk; None: of a block, which has become one."""
        result: Result = workers.take()
        self._seconds.lap("workers")
        for stage, seconds in result.seconds.items():
            self._seconds.add(stage, seconds)
        chunk = chunk or result.chunk
        assert chunk is not None  # noqa: S101 - for mypy: one of them is there
        return chunk, result.screened

    def _of_worker(self, task: FileBlock | pd.DataFrame, ask: Ask) -> Result:
        """Screen a block, or the fields of a chunk, in a worker, which has no database."""
        seconds = Stopwatch()
        if isinstance(task, pd.DataFrame):
            return Result(self._work(task, ask, seconds), dict(seconds))
        chunk = self._stages.reader.chunk_of(task, seconds)
        screened = self._work(chunk.fields, ask, seconds)
        return Result(screened, dict(seconds), self._stages.needed(chunk))

    @property
    def _asked(self) -> Asked:
        """Say which questions the database is asked at all."""
        queries = self._queries
        return Asked(queries.asks_for_lists, queries.asks_for_leads and self._stages.compares)

    def _answer(self, question: Question) -> Lookups:
        if question.about_existing:
            return self._queries.existing_leads(question.leads)
        leads = question.leads
        return self._queries.on_lists(leads, RowForms(leads, self._stages.checks.options))

    def _work(
        self, fields: pd.DataFrame, ask: Callable[[Question], Lookups], seconds: Stopwatch
    ) -> Screened:
        stages, asked = self._stages, self._asked
        normalized = stages.normalize(fields, seconds)
        answers = ask(Question(normalized.chunk.leads)) if asked.lists else Lookups()
        seconds.lap("do not call")
        screened = stages.screen(normalized, answers, seconds)
        about = Question(screened.leads[list(KEYED)], about_existing=True)
        answers = ask(about) if asked.leads else Lookups()
        seconds.lap("look up")
        return stages.compare(screened, answers, seconds)


def _on_cluster() -> "type[OnCluster]":
    """Give the class, which needs an extra.

    Raises:
        ConfigurationError: it is not installed.
    """
    from jobs.load.on_cluster import OnCluster  # noqa: PLC0415 - an extra

    return OnCluster

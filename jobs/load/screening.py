"""The chunks of a file through the checks of each row by itself, on as many cores as there are."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pandas as pd

from jobs.load.exchange import Exchange, Places
from jobs.load.finished_blocks import forget_blocks
from jobs.load.phases import Phases, Progress
from jobs.load.reading import RowReader, SourceChunk, Task
from jobs.load.run import Stopwatch
from jobs.load.shared_folder import SharedFolder, SharedFolderError, is_address
from jobs.load.shared_work import ANSWERS_AT_ONCE, SharedWork, results_in_order
from jobs.load.stages import Asked, Question, Result, Stages
from loader.checks.duplicates import KEYED
from loader.dialer import Lookups
from loader.engines.workers import Ask, Workers, available_cores, can_fork
from loader.errors import SourceFileError
from loader.pipeline import Screened
from loader.queries.chunk import ChunkQueries
from loader.queries.forms import RowForms
from loader.reading.blocks import FileBlock
from loader.reading.source import SourceFile

if TYPE_CHECKING:
    from jobs.load.on_cluster import OnCluster

ROWS_ALONE = 30_000
"""Rows that one process checks before others are started: a small file is done by then."""


class Screener:
    """Screens chunk after chunk: `clean`, `normalize`, `screen` and `compare` of `Checks`."""

    def __init__(
        self,
        reader: RowReader,
        queries: ChunkQueries,
        seconds: Stopwatch,
        folder: Path,
        home: Path,
        source: SourceFile,
        progress: Progress,
    ) -> None:
        """Take the stages, who answers their questions, and how many processes may work, and where.

        Args:
            reader: reads blocks, and has the checks.
            queries: asks what the dialer's database knows; always in this process.
            seconds: counts the time of the stages, that of all processes together.
            folder: for what other processes are to read.
            home: a folder for what a cluster keeps of the file, where no option names another.
            source: the file.
            progress: is called as a cluster goes on, see `Phases`.
        """
        options = reader.checks.options
        workers, self._scheduler = options.workers, options.cluster
        self._queries, self._seconds = queries, seconds
        self._workers = workers or (available_cores() if can_fork() else 1)
        if self._scheduler:
            _on_cluster()  # what is missing is said before anything is read
        self._stages = Stages(reader, queries.feeds)
        self._folder, self._source, self._progress = folder, source, progress
        self._home, self._place = home, options.shared_folder

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
        if self._has_phases:
            blocks, tasks = _blocks_of_large_file(tasks)
            if blocks is not None:
                yield from self._in_phases(blocks)
                return
        rows = 0
        for task in tasks:
            if rows >= ROWS_ALONE and (self._workers > 1 or self._scheduler):
                yield from self._by_others(chain([task], tasks))
                return
            chunk = self._stages.reader.chunk_of(task, self._seconds)
            yield chunk, self._work(chunk.fields, self._answer, self._seconds)
            rows += len(chunk.rows)

    def forget_blocks(self) -> None:
        """Remove what a cluster has kept of the file, which was checked."""
        if self._scheduler:
            forget_blocks(self._finished)

    @property
    def _has_phases(self) -> bool:
        """Whether keys are compared before rows have their turn: each row has its keys then."""
        options = self._stages.checks.options
        is_settled_once = self._stages.compares and not options.invalid_phone_fallback
        return bool(self._scheduler and options.duplicate_checks and is_settled_once)

    @property
    def _finished(self) -> Path:
        """The folder of blocks that a cluster has finished; at an address there is none."""
        is_path = self._place and not is_address(self._place)
        return Path(self._place) / self._home.name if is_path else self._home

    def _in_phases(
        self, blocks: Iterator[FileBlock]
    ) -> Generator[tuple[SourceChunk, Screened], None, None]:
        shared = self._shared_folder()
        if shared is None:
            yield from self._by_others(blocks)
            return
        exchange = Exchange.of(shared, self._source.text_size)
        try:
            phases = Phases(exchange, self._folder, self._source.size, self._note)
            with self._cluster(shared, exchange) as cluster:
                phases.check_blocks(cluster, blocks)
                phases.find_meeting_rows(cluster)
            with closing(phases.results()) as results:
                for result in results:
                    yield self._counted(result, None)
        finally:
            shared.remove()

    def _note(self, phase: str, done: int, share: float) -> None:
        self._seconds.lap("workers")
        self._progress(phase, done, share)

    def _by_others(self, tasks: Iterator[Task]) -> Iterator[tuple[SourceChunk, Screened]]:
        if not self._scheduler:
            workers = Workers(self._workers, self._of_worker, self._answer, answers=ANSWERS_AT_ONCE)
            yield from self._in_order(workers, self._workers, tasks)
            return
        shared = self._shared_folder() if self._place else None
        try:
            cluster = self._cluster(shared, None)
            yield from self._in_order(cluster, cluster.threads, tasks)
        finally:
            if shared:
                shared.remove()

    def _in_order(
        self, others: SharedWork, count: int, tasks: Iterator[Task]
    ) -> Iterator[tuple[SourceChunk, Screened]]:
        with others as workers:
            for chunk, result in results_in_order(workers, count, tasks):
                yield self._counted(result, chunk)

    def _shared_folder(self) -> SharedFolder | None:
        """Make a folder that a cluster shares; None: there is none, and no option names one."""
        if self._place:
            return SharedFolder.make(self._place, is_named=True)
        with suppress(SharedFolderError):
            return SharedFolder.make(str(self._home), is_named=False)
        return None

    def _cluster(self, shared: SharedFolder | None, exchange: Exchange | None) -> "OnCluster":
        return _on_cluster()(
            self._scheduler, self._workers, self._stages, self._asked, self._answer,
            Places(self._folder, self._finished, shared, exchange),
        )  # fmt: skip

    def _counted(self, result: Result, chunk: SourceChunk | None) -> tuple[SourceChunk, Screened]:
        """Give a result, that of a chunk; None: of a block, which has become one."""
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
            found = self._queries.existing_leads(question.leads)
            if question.rejected is None or question.rejected.empty:
                return found
            return found.with_texts_of(self._queries.text_keys(question.rejected))
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


def _blocks_of_large_file(
    tasks: Iterator[Task],
) -> tuple[Iterator[FileBlock] | None, Iterator[Task]]:
    """Give the blocks of a file that is too large to be checked alone; else its tasks, anew."""
    first: list[FileBlock] = []
    rows = 0
    try:
        for task in tasks:
            if not isinstance(task, FileBlock):
                return None, chain([task], tasks)
            first.append(task)
            rows += task.rows
            if rows > ROWS_ALONE:
                return chain(first, cast("Iterator[FileBlock]", tasks)), iter(())
    except SourceFileError as error:  # its turn is after the rows before it
        return None, chain(first, _raising(error))
    return None, iter(first)


def _raising(error: SourceFileError) -> Iterator[Task]:
    raise error
    yield


def _on_cluster() -> "type[OnCluster]":
    """Give the class, which needs an extra.

    Raises:
        ConfigurationError: it is not installed.
    """
    from jobs.load.on_cluster import OnCluster  # noqa: PLC0415 - an extra

    return OnCluster

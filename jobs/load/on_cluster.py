"""Chunks through the checks on a Dask cluster; this process answers what the database is asked.

A chunk is three functions of it, one after the other. What they give stays on the cluster; a
thread of this process brings each chunk from one to the next, by way of its questions.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock, Semaphore
from typing import Any, NamedTuple, Self, TypeVar

import pandas as pd

from jobs.load.exchange import Exchange, Places, key_entries
from jobs.load.finished_blocks import FinishedBlocks
from jobs.load.phases import Left
from jobs.load.reading import RowReader, SourceChunk
from jobs.load.run import Stopwatch
from jobs.load.shared_folder import SharedFolder
from jobs.load.shared_work import ANSWERS_AT_ONCE, CHUNKS_A_WORKER, results_in_order
from jobs.load.stages import Asked, Question, Result, Stages
from loader.checks.duplicates import KEYED
from loader.dialer import Lookups
from loader.engines.workers import HEARS_SIGNALS, pickled, unpickled
from loader.errors import LoaderError, MissingBlockError, MissingFeedError, missing_extra_error
from loader.feeds.shared import PART_BYTES, SharedFeed
from loader.frames.key_parts import Rows
from loader.reading.blocks import FileBlock

try:
    from loader.engines.dask import Cluster, node_folder
except ImportError as error:
    raise missing_extra_error("--engine dask", "dask", str(error.name)) from None


T = TypeVar("T")


class _Shared(NamedTuple):
    """The stages, as they are sent: feeds by their files."""

    reader: RowReader
    feeds: tuple[SharedFeed, ...]
    finished: FinishedBlocks
    exchange: Exchange | None

    def stages(self) -> Stages:
        """Give them as this worker has them."""
        return Stages(self.reader, [feed.opened(node_folder()) for feed in self.feeds])

    @property
    def exchange_of_run(self) -> Exchange:
        """Where results are left."""
        assert self.exchange is not None  # noqa: S101 - for mypy: who calls knows
        return self.exchange


class _Step(NamedTuple):
    """What a stage gave, and the seconds of all so far."""

    value: Any
    seconds: dict[str, float]
    chunk: SourceChunk | None
    """The rows of a block."""


class OnCluster:
    """Screens chunks on a cluster, see `SharedWork`.

    Attributes:
        threads: chunks that are computed at a time.
    """

    def __init__(
        self,
        scheduler: str,
        workers: int,
        stages: Stages,
        asked: Asked,
        answer: Callable[[Question], Lookups],
        places: Places,
    ) -> None:
        """Connect to a cluster, see `Cluster`.

        Args:
            scheduler: its address, or `local`.
            workers: processes of a local cluster.
            stages: what it does.
            asked: questions that are asked at all.
            answer: answers them; several threads call it.
            places: folders that it shares with the workers. With an exchange, the results of
                blocks are `Left` there.

        Raises:
            ClusterError: see `Cluster`.
            SharedFolderError: an option names a folder that a worker does not see.
        """
        self._asked, self._answer = asked, answer
        self._is_closing, self._giving, self._finding = False, Lock(), Lock()
        self._answering = Semaphore(ANSWERS_AT_ONCE)
        blocks = stages.reader.blocks
        self._blocks, self._sends_texts = blocks, blocks is None or not blocks.has_plain_file
        self._exchange = places.exchange
        self._coming: deque[Future[Result | Left]] = deque()
        self._sent = 0
        self._feeds = tuple(SharedFeed.of(feed, places.feeds) for feed in stages.feeds)
        self._cluster = Cluster(scheduler, workers)
        self.threads = self._cluster.threads
        self._threads = ThreadPoolExecutor(self.threads * CHUNKS_A_WORKER + 1, "chunk")
        try:
            if places.shared:
                self._prove_seen(places.shared)
            self._give_feeds()
            kept = FinishedBlocks.open(
                places.finished, stages.reader, self._feeds, self._cluster.versions
            )
            sent = bytes(pickled(_Shared(stages.reader, self._feeds, kept, places.exchange)))
            self._shared = self._cluster.submit(unpickled, sent)
        except BaseException:  # Ctrl-C too: no cluster of our own is left behind
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._close()

    def send(self, task: pd.DataFrame | FileBlock) -> None:
        """Give the fields of a chunk, or a block, to the cluster, after all it was given before."""
        sent = task if isinstance(task, FileBlock) else bytes(pickled(task))
        self._coming.append(self._threads.submit(self._through, sent, self._sent))
        self._sent += 1

    def take(self) -> Result | Left:
        """Wait for the result of the first chunk whose result was not taken yet.

        Raises:
            ClusterError: the cluster is lost.
            Exception: that a stage raised, or the answer to a question.
        """
        return _waited(self._coming.popleft())

    def in_order(self, blocks: Iterator[FileBlock]) -> Iterator[Left]:
        """Check blocks, see `BlockWorkers`; errors are those of `take`."""
        for _, left in results_in_order(self, self.threads, blocks):
            yield left

    def rows_that_meet(self, parts: int, blocks: int) -> Iterator[Rows]:
        """Find the rows that share a key, for each part of the keys, see `BlockWorkers`.

        Raises:
            ClusterError: the cluster is lost.
            SharedFolderError: what was left is.
        """
        coming = deque(
            self._threads.submit(self._rows_that_meet, part, blocks) for part in range(parts)
        )
        while coming:  # what was given is not kept: in all it may be large
            yield _waited(coming.popleft())

    def _through(self, task: FileBlock | bytes, number: int) -> Result | Left:
        """Bring a block, or fields, through the stages, and give workers what they lack."""
        while True:
            try:
                return self._stages_of(task, number)
            except MissingFeedError:  # a machine that has come since
                with self._giving:
                    self._give_feeds()
            except MissingBlockError:  # who gets a text needs no file
                self._sends_texts = True

    def _stages_of(self, task: FileBlock | bytes, number: int) -> Result | Left:
        cluster, shared = self._cluster, self._shared
        if isinstance(task, FileBlock) and self._blocks and not self._sends_texts:
            task = self._blocks.without_text(task)
        step = cluster.submit(_normalize, shared, task)
        answers = self._ask(step, _of_lists) if self._asked.lists else Lookups()
        step = cluster.submit(_screen, shared, step, answers)
        about = _of_leads if self._exchange is None else _of_leads_and_rejected
        answers = self._ask(step, about) if self._asked.leads else Lookups()
        if self._exchange is None:
            result: Result = unpickled(
                cluster.result(cluster.submit(_compare, shared, step, answers))
            )
            return result
        self._exchange.write(cluster.result(cluster.submit(_leave, shared, step, answers, number)))
        assert isinstance(task, FileBlock)  # noqa: S101 - for mypy: others are not left
        return Left(task.first_row + task.rows, task.bytes_read)

    def _rows_that_meet(self, part: int, blocks: int) -> Rows:
        cluster, exchange = self._cluster, self._exchange
        assert exchange is not None  # noqa: S101 - for mypy: blocks were left
        found: Rows | None = cluster.result(
            cluster.submit(_rows_that_meet, self._shared, part, blocks)
        )
        if found is not None:
            return found
        with self._finding:  # a part takes memory
            return exchange.rows_that_meet(part, blocks)

    def _ask(self, step: Any, question: Callable[[_Step], bytes]) -> Lookups:
        asked = unpickled(self._cluster.result(self._cluster.submit(question, step)))
        with self._answering:
            if self._is_closing:
                raise LoaderError("nobody waits for the answer")
            return self._answer(asked)

    def _prove_seen(self, shared: SharedFolder) -> None:
        cluster = self._cluster
        for worker in cluster.workers():
            cluster.result(cluster.submit(_sees, shared, on=worker))

    def _give_feeds(self) -> None:
        """Give each machine that lacks a feed's file a copy; another worker of it has it then."""
        cluster = self._cluster
        for feed in self._feeds:
            for worker in cluster.workers():
                if cluster.result(cluster.submit(_has, feed, on=worker)):
                    continue
                with feed.path.open("rb") as file:
                    for offset in range(0, feed.size, PART_BYTES):
                        part = file.read(PART_BYTES)
                        cluster.result(cluster.submit(_take_part, feed, offset, part, on=worker))

    def _close(self) -> None:
        self._is_closing = True
        with suppress(LoaderError):
            for feed in self._feeds:
                for worker in self._cluster.workers():
                    self._cluster.result(self._cluster.submit(_drop, feed, on=worker))
        self._threads.shutdown(wait=False, cancel_futures=True)
        # Who waits for the cluster has an error then.
        self._cluster.close()
        self._threads.shutdown()


def _normalize(shared: _Shared, task: FileBlock | bytes) -> _Step:
    seconds, stages = Stopwatch(), shared.stages()
    if isinstance(task, bytes):
        return _Step(stages.normalize(unpickled(task), seconds), dict(seconds), None)
    if kept := shared.finished.find(task):
        step: _Step = unpickled(kept)
        return step._replace(seconds={})
    chunk = stages.reader.chunk_of(task, seconds)
    normalized = stages.normalize(chunk.fields, seconds)
    step = _Step(normalized, dict(seconds), stages.needed(chunk))
    shared.finished.keep(task, pickled(step))
    return step


def _screen(shared: _Shared, step: _Step, on_lists: Lookups) -> _Step:
    seconds = Stopwatch()
    seconds.update(step.seconds)
    screened = shared.stages().screen(step.value, on_lists, seconds)
    return _Step(screened, dict(seconds), step.chunk)


def _compare(shared: _Shared, step: _Step, existing: Lookups) -> bytes:
    """Give a pickled `Result`."""
    return bytes(pickled(_compared(shared, step, existing)))


def _leave(shared: _Shared, step: _Step, existing: Lookups, number: int) -> dict[str, bytes]:
    """Leave the result of a block and its keys; give files that this worker cannot leave."""
    result = _compared(shared, step, existing)
    keys = key_entries(result, shared.reader.checks, existing)
    return shared.exchange_of_run.leave(number, result, keys)


def _compared(shared: _Shared, step: _Step, existing: Lookups) -> Result:
    seconds = Stopwatch()
    seconds.update(step.seconds)
    screened = shared.stages().compare(step.value, existing, seconds)
    return Result(screened, dict(seconds), step.chunk)


def _rows_that_meet(shared: _Shared, part: int, blocks: int) -> Rows | None:
    """Give the rows that share a key of a part; None: this worker does not see what was left."""
    exchange = shared.exchange_of_run
    return exchange.rows_that_meet(part, blocks) if exchange.folder.is_seen() else None


def _sees(shared: SharedFolder) -> bool:
    return shared.is_seen()


def _of_lists(step: _Step) -> bytes:
    return bytes(pickled(Question(step.value.chunk.leads)))


def _of_leads(step: _Step) -> bytes:
    return bytes(pickled(Question(step.value.leads[list(KEYED)], about_existing=True)))


def _of_leads_and_rejected(step: _Step) -> bytes:
    leads, rejected = (it[list(KEYED)] for it in (step.value.leads, step.value.with_number))
    return bytes(pickled(Question(leads, about_existing=True, rejected=rejected)))


def _has(feed: SharedFeed) -> bool:
    return feed.is_in(node_folder())


def _take_part(feed: SharedFeed, offset: int, part: bytes) -> None:
    feed.take_part(node_folder(), offset, part)


def _drop(feed: SharedFeed) -> None:
    feed.drop(node_folder())


def _waited(future: "Future[T]") -> T:
    """Wait for a result in short waits, so that a signal is heard; see `Workers`."""
    while True:
        with suppress(TimeoutError):
            return future.result(HEARS_SIGNALS)
        if future.done():
            return future.result()

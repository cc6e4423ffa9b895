"""Chunks through the checks on a Dask cluster; this process answers what the database is asked.

A chunk is three functions of it, one after the other. What they give stays on the cluster; a
thread of this process brings each chunk from one to the next, by way of its questions.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock, Semaphore
from typing import Any, NamedTuple, Self

import pandas as pd

from jobs.load.finished_blocks import FinishedBlocks
from jobs.load.reading import RowReader, SourceChunk
from jobs.load.run import Stopwatch
from jobs.load.screening import (
    ANSWERS_AT_ONCE,
    CHUNKS_A_WORKER,
    Asked,
    Question,
    Result,
    Stages,
)
from loader.checks.duplicates import KEYED
from loader.dialer import Lookups
from loader.engines.workers import HEARS_SIGNALS, pickled, unpickled
from loader.errors import LoaderError, MissingBlockError, MissingFeedError, missing_extra_error
from loader.feeds.shared import PART_BYTES, SharedFeed
from loader.reading.blocks import FileBlock

try:
    from loader.engines.dask import Cluster, node_folder
except ImportError as error:
    raise missing_extra_error("--engine dask", "dask", str(error.name)) from None


class _Shared(NamedTuple):
    """The stages, as they are sent: feeds by their files."""

    reader: RowReader
    feeds: tuple[SharedFeed, ...]
    finished: FinishedBlocks

    def stages(self) -> Stages:
        """Give them as this worker has them."""
        return Stages(self.reader, [feed.opened(node_folder()) for feed in self.feeds])


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
        folder: Path,
        finished: Path,
    ) -> None:
        """Connect to a cluster, see `Cluster`.

        Args:
            scheduler: its address, or `local`.
            workers: processes of a local cluster.
            stages: what it does.
            asked: questions that are asked at all.
            answer: answers them; several threads call it.
            folder: for the files of feeds.
            finished: for what is kept of blocks, see `FinishedBlocks`.
        """
        self._asked, self._answer = asked, answer
        self._is_closing, self._giving = False, Lock()
        self._answering = Semaphore(ANSWERS_AT_ONCE)
        blocks = stages.reader.blocks
        self._blocks, self._sends_texts = blocks, blocks is None or not blocks.has_plain_file
        self._coming: deque[Future[Result]] = deque()
        self._feeds = tuple(SharedFeed.of(feed, folder) for feed in stages.feeds)
        self._cluster = Cluster(scheduler, workers)
        self.threads = self._cluster.threads
        self._threads = ThreadPoolExecutor(self.threads * CHUNKS_A_WORKER + 1, "chunk")
        try:
            self._give_feeds()
            kept = FinishedBlocks.open(finished, stages.reader, self._feeds, self._cluster.versions)
            sent = bytes(pickled(_Shared(stages.reader, self._feeds, kept)))
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
        self._coming.append(self._threads.submit(self._through, sent))

    def take(self) -> Result:
        """Wait for the result of the first chunk whose result was not taken yet.

        Raises:
            ClusterError: the cluster is lost.
            Exception: that a stage raised, or the answer to a question.
        """
        first = self._coming.popleft()
        while True:
            # In short waits, so that a signal is heard; see `Workers`.
            with suppress(TimeoutError):
                return first.result(HEARS_SIGNALS)
            if first.done():
                return first.result()

    def _through(self, task: FileBlock | bytes) -> Result:
        """Bring a block, or fields, through the stages, and give workers what they lack."""
        while True:
            try:
                return self._stages_of(task)
            except MissingFeedError:  # a machine that has come since
                with self._giving:
                    self._give_feeds()
            except MissingBlockError:  # who gets a text needs no file
                self._sends_texts = True

    def _stages_of(self, task: FileBlock | bytes) -> Result:
        cluster, shared = self._cluster, self._shared
        if isinstance(task, FileBlock) and self._blocks and not self._sends_texts:
            task = self._blocks.without_text(task)
        step = cluster.submit(_normalize, shared, task)
        answers = self._ask(step, _of_lists) if self._asked.lists else Lookups()
        step = cluster.submit(_screen, shared, step, answers)
        answers = self._ask(step, _of_leads) if self._asked.leads else Lookups()
        step = cluster.submit(_compare, shared, step, answers)
        result: Result = unpickled(cluster.result(step))
        return result

    def _ask(self, step: Any, question: Callable[[_Step], bytes]) -> Lookups:
        asked = unpickled(self._cluster.result(self._cluster.submit(question, step)))
        with self._answering:
            if self._is_closing:
                raise LoaderError("nobody waits for the answer")
            return self._answer(asked)

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
        for future in self._coming:
            future.cancel()
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
    seconds = Stopwatch()
    seconds.update(step.seconds)
    screened = shared.stages().compare(step.value, existing, seconds)
    return bytes(pickled(Result(screened, dict(seconds), step.chunk)))


def _of_lists(step: _Step) -> bytes:
    return bytes(pickled(Question(step.value.chunk.leads)))


def _of_leads(step: _Step) -> bytes:
    return bytes(pickled(Question(step.value.leads[list(KEYED)], about_existing=True)))


def _has(feed: SharedFeed) -> bool:
    return feed.is_in(node_folder())


def _take_part(feed: SharedFeed, offset: int, part: bytes) -> None:
    feed.take_part(node_folder(), offset, part)


def _drop(feed: SharedFeed) -> None:
    feed.drop(node_folder())

"""The phases of a cluster in this process: the same functions, without other processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from jobs.load import exchange, on_cluster, screening
from jobs.load.exchange import MeetingRows, key_entries
from jobs.load.reading import SourceChunk, Task
from jobs.load.screening import Screener
from jobs.load.stages import Question, Result
from loader.checks.duplicates import KEYED
from loader.dialer import Lookups
from loader.frames.key_parts import KeyEntries
from loader.pipeline import Screened


@dataclass
class Raised:
    """What stands for the result of a function that raised."""

    error: BaseException


class OneProcess:
    """Stands in for `loader.engines.dask.Cluster`: what is submitted is done at once, here."""

    def __init__(self, _scheduler: str, _workers: int) -> None:
        self.threads, self.versions = 1, {"python": "this one"}

    def submit(self, function: Callable[..., Any], *arguments: Any, **_on: str) -> Any:
        failed = [each for each in arguments if isinstance(each, Raised)]
        if failed:
            return failed[0]
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001 - it is raised by `result`
            return Raised(error)

    def result(self, value: Any) -> Any:
        if isinstance(value, Raised):
            raise value.error
        return value

    def workers(self) -> list[str]:
        return ["this one"]

    def close(self) -> None: ...


@contextmanager
def in_one_process(folder: Path) -> Iterator[None]:
    """Let the engine dask do its work in this process, from the first row on, with small parts."""
    with (
        patch.object(on_cluster, "Cluster", OneProcess),
        patch.object(on_cluster, "node_folder", lambda: folder),
        patch.object(screening, "ROWS_ALONE", 0),
        patch.object(exchange, "BYTES_A_PART", 150),
    ):
        yield


def _screen_in_phases(
    self: Screener, tasks: Iterator[Task]
) -> Iterator[tuple[SourceChunk, Screened]]:
    """Screen all chunks, whatever they come from, then say of each which rows are contested."""
    results, entries = [], []
    for task in tasks:
        chunk = self._stages.reader.chunk_of(task, self._seconds)
        result, answers = _result_of(self, chunk)
        if not self._has_phases:
            yield chunk, result.screened
            continue
        entries.append(key_entries(result, self._stages.checks, answers))
        results.append(result)
    rows = KeyEntries.join(entries).rows_that_meet()
    last = max((int(it.chunk.rows.index.max()) for it in results if len(it.chunk.rows)), default=0)
    meeting = MeetingRows(last, self._folder)
    meeting.add(rows)
    for result in results:
        marked = meeting.mark_contested(result)
        yield marked.chunk, marked.screened


def _result_of(screener: Screener, chunk: SourceChunk) -> tuple[Any, Lookups]:
    stages, asked, seconds = screener._stages, screener._asked, screener._seconds
    normalized = stages.normalize(chunk.fields, seconds)
    lists = screener._answer(Question(normalized.chunk.leads)) if asked.lists else Lookups()
    screened = stages.screen(normalized, lists, seconds)
    leads, rejected = (it[list(KEYED)] for it in (screened.leads, screened.with_number))
    about = Question(leads, about_existing=True, rejected=rejected)
    answers = screener._answer(about) if asked.leads else Lookups()
    return Result(stages.compare(screened, answers, seconds), {}, chunk), answers


@contextmanager
def any_source_in_phases() -> Iterator[None]:
    """Let rows be settled as those of a cluster are, also where a source has no text."""
    with patch.object(Screener, "screen", _screen_in_phases):
        yield

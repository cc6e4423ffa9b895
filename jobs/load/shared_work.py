"""Work of others than the main process: a few tasks are on their way, results come in order."""

from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol, Self

from jobs.load.reading import SourceChunk, Task

CHUNKS_A_WORKER = 2
"""Chunks that are read ahead for each worker: one is checked, another waits for it."""

ANSWERS_AT_ONCE = 2
"""Questions that this process is at: the database answers one, another is put or understood."""


class SharedWork(Protocol):
    """Others that screen chunks for this process: forked ones, or a cluster."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...

    def send(self, task: Any) -> None:
        """Give the fields of a chunk, or a block, after all that were given before."""

    def take(self) -> Any:
        """Wait for the `Result` of the first chunk whose result was not taken yet."""


def results_in_order(
    workers: SharedWork, count: int, tasks: Iterator[Task]
) -> Iterator[tuple[SourceChunk | None, Any]]:
    """Give the result of each task, and its chunk if it was one; a few tasks are on their way."""
    ahead: deque[SourceChunk | None] = deque()
    for task in tasks:
        workers.send(task.fields if isinstance(task, SourceChunk) else task)
        ahead.append(task if isinstance(task, SourceChunk) else None)
        if len(ahead) > count * CHUNKS_A_WORKER:
            yield ahead.popleft(), workers.take()
    while ahead:
        yield ahead.popleft(), workers.take()

"""A function that several processes compute, with its results in the order of what it was given.

The processes are copies of this one (fork): they start in milliseconds, share its memory, and have
all that the function needs. Each is served by a thread, so that it never waits while the main
thread is busy. What goes to and fro is pickled, frames as Arrow streams.
"""

import contextvars
import ctypes
import gc
import io
import os
import pickle
import resource
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, Queue, SimpleQueue
from typing import Any, NamedTuple, NoReturn, Self

import pandas as pd
import pyarrow as pa

from loader.errors import LoaderError

Ask = Callable[[Any], Any]
"""Asks the main process; what it answers."""
Work = Callable[[Any, Ask], Any]
"""What the processes do with each task."""

PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""
STDERR = 2
HEARS_SIGNALS = 0.5
"""Seconds after which a wait for the workers begins again."""
ASKS, DONE, FAILED = "asks", "done", "failed"


class WorkerError(LoaderError):
    """A process that computes for this one ended before its time; nothing was inserted."""


class ErrorOfWorkerError(Exception):
    """The cause of an error that a worker raised: its traceback there, as text."""


class _Event(NamedTuple):
    """What a worker sent."""

    kind: str
    worker: int
    task: int
    value: Any


def can_fork() -> bool:
    """Say whether there can be workers: elsewhere a forked process cannot be relied on."""
    return sys.platform == "linux"


def available_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if can_fork() else os.cpu_count() or 1


class Workers:
    """Processes that each do `work` with one task at a time, in a context.

    Only the thread that makes them may use them.
    """

    def __init__(
        self,
        count: int,
        work: Work,
        answer: Callable[[Any], Any],
        most_memory: int | None = None,
        answers: int = 1,
    ) -> None:
        """Fork the processes.

        Args:
            count: of processes.
            work: what they do with a task; it and all it refers to are as they are now.
            answer: answers what they ask, in other threads: this one may work meanwhile.
            most_memory: bytes that each may take besides this process's own; work that takes more
                raises MemoryError, or ends its process. None: no limit.
            answers: how many questions are answered at a time.
        """
        self._answer, self._most_memory, self._at_once = answer, most_memory, answers
        self._tasks: SimpleQueue[tuple[int, Any] | None] = SimpleQueue()
        # Not a SimpleQueue: it may wait for ever where it is to wait for a time, see `Stop.wait`.
        self._events: Queue[_Event] = Queue()
        self._questions: SimpleQueue[_Event | None] = SimpleQueue()
        self._answers: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(count)]
        self._results: dict[int, Any] = {}
        self._sent = self._next = 0
        self._pids: list[int] = []
        self._threads: list[threading.Thread] = []
        try:
            for worker, connection in enumerate([self._fork(work) for _ in range(count)]):
                serving = threading.Thread(
                    target=self._serve, args=(worker, connection), daemon=True
                )
                serving.start()
                self._threads.append(serving)
            for _ in range(answers):
                # What is logged there is of the same run.
                context = contextvars.copy_context()
                threading.Thread(target=context.run, args=(self._answer_all,), daemon=True).start()
        except BaseException:  # Ctrl-C too: no process is left behind
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)
        for _ in self._threads:
            self._tasks.put(None)
        # They may be in the midst of an answer, which nobody waits for any more.
        for _ in range(self._at_once):
            self._questions.put(None)
        for answers in self._answers:
            answers.put(None)
        for pid in self._pids:
            os.waitpid(pid, 0)
        self._pids.clear()
        for thread in self._threads:
            thread.join()

    def send(self, task: Any) -> None:
        """Give the workers something to do, after all that they were given before."""
        self._tasks.put((self._sent, task))
        self._sent += 1

    def take(self) -> Any:
        """Wait for the result of the first task whose result was not taken yet.

        Raises:
            WorkerError: a worker was killed, at whichever task.
            Exception: that the work raised at this task, or the answer to a question at any.
        """
        while self._next not in self._results:
            event = self._next_event()
            # What the work raises has its turn as a result has: of several errors in a file the
            # first one is raised, whoever was faster.
            if event.kind == FAILED and not isinstance(event.value, _Raised):
                raise event.value
            self._results[event.task] = event.value
        self._next += 1
        result = self._results.pop(self._next - 1)
        if isinstance(result, _Raised):
            raise result.restored()
        return result

    def _next_event(self) -> _Event:
        """Wait for what a worker sends, or for a signal.

        A signal that comes in the instant before a wait, or to another thread, does not end the
        wait, and Python runs its handler only after it. So the wait is made of short ones.
        """
        while True:
            with suppress(Empty):
                return self._events.get(timeout=HEARS_SIGNALS)

    def _fork(self, work: Work) -> Connection:
        ours, theirs = Pipe()
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # The threads that there are hold no lock that a worker needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            _be_worker(theirs, parent, work, self._most_memory)
        theirs.close()
        self._pids.append(pid)
        return ours

    def _answer_all(self) -> None:
        """Answer question after question; in each of the threads for it."""
        while (asked := self._questions.get()) is not None:
            try:
                self._answers[asked.worker].put(self._answer(asked.value))
            except BaseException as error:  # noqa: BLE001 - it is raised again by `take`
                self._events.put(_Event(FAILED, asked.worker, asked.task, error))

    def _serve(self, worker: int, connection: Connection) -> None:
        """Bring tasks to one worker, and its results and questions back; in a thread of its own."""
        with connection:
            while (given := self._tasks.get()) is not None:
                task, value = given
                try:
                    connection.send_bytes(pickled(value))
                    kind, value = unpickled(connection.recv_bytes())
                    while kind == ASKS:
                        self._questions.put(_Event(ASKS, worker, task, value))
                        connection.send_bytes(pickled(self._answers[worker].get()))
                        kind, value = unpickled(connection.recv_bytes())
                except (EOFError, OSError):
                    kind, value = FAILED, _lost()
                self._events.put(_Event(kind, worker, task, value))
                if kind == FAILED:
                    return


def _lost() -> WorkerError:
    return WorkerError(
        "one of the processes that check rows was ended by something else, perhaps because memory "
        "ran out; nothing was inserted. Run the command again, with smaller --workers or "
        "--chunk-size if memory is short"
    )


def _be_worker(
    connection: Connection, parent: int, work: Work, most_memory: int | None
) -> NoReturn:
    """Do what comes over the connection until it ends; the process ends with it."""
    try:
        _leave_to_parent(connection, parent)
        if most_memory is not None:
            _limit_memory(most_memory)
        while True:
            task = unpickled(connection.recv_bytes())
            connection.send_bytes(_result(connection, work, task))
    except BaseException:  # noqa: BLE001 - the parent has gone, or is told by the end of the pipe
        os._exit(1)
    os._exit(0)


def _leave_to_parent(connection: Connection, parent: int) -> None:
    """Give up what belongs to the parent: signals, connections, locks, its end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # Nothing of the parent is ever closed properly here: its server would take that as its word.
    gc.freeze()
    os.closerange(3, connection.fileno())
    os.closerange(connection.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    pa.set_cpu_count(1)


def _limit_memory(more: int) -> None:
    """Let this process take so many bytes more than it has; what ends at the limit is silent."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for kind, most in ((resource.RLIMIT_AS, size + more), (resource.RLIMIT_CORE, 0)):
        allowed = [it for it in resource.getrlimit(kind) if it != resource.RLIM_INFINITY]
        resource.setrlimit(kind, (min([most, *allowed]),) * 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), STDERR)


def _result(connection: Connection, work: Work, task: Any) -> memoryview:
    def ask(question: Any) -> Any:
        connection.send_bytes(pickled((ASKS, question)))
        return unpickled(connection.recv_bytes())

    try:
        return pickled((DONE, work(task, ask)))
    except Exception as error:  # noqa: BLE001 - it is raised again by `Workers.take`
        return pickled((FAILED, _Raised.of(error)))


class _Raised(NamedTuple):
    """An error of the work, with what pickle leaves out of it."""

    error: Exception
    traceback: str
    place: tuple[str, int]
    """File and line."""

    @classmethod
    def of(cls, error: Exception) -> Self:
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = "".join(traceback.format_tb(error.__traceback__))
        try:
            unpickled(pickle.dumps(error))
        except Exception:  # noqa: BLE001 - of another class, or it cannot be made again
            error = RuntimeError(type(error).__name__)
        return cls(error, text, (last.filename, last.lineno or 0))

    def restored(self) -> Exception:
        """Give the error as it was, as far as that is possible in another process."""
        self.error.__cause__ = ErrorOfWorkerError(f"\n{self.traceback}")
        self.error.place = self.place  # type: ignore[attr-defined]  # see `describe_bug`
        return self.error


class _Pickler(pickle.Pickler):
    """Pickles frames and Arrow's arrays as streams, which have no more of a buffer than is used."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, pa.Array):
            return _array_of, (_stream_of(pa.table([value], [""])),)
        if type(value) is not pd.DataFrame:
            return NotImplemented
        return _frame_of, (
            _stream_of(pa.Table.from_pandas(value, preserve_index=True, nthreads=1)),
        )


def _stream_of(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _array_of(stream: pa.Buffer) -> pa.Array:
    return pa.ipc.open_stream(stream).read_all().column(0).combine_chunks()


def _frame_of(stream: pa.Buffer) -> pd.DataFrame:
    frame: pd.DataFrame = pa.ipc.open_stream(stream).read_all().to_pandas(use_threads=False)
    return frame


def unpickled(value: bytes) -> Any:
    """Give the value that `pickled` made bytes of."""
    return pickle.loads(value)  # noqa: S301 - of our own process


def pickled(value: Any) -> memoryview:
    """Give the bytes of a value for a process of ours; frames have no more than they use."""
    file = io.BytesIO()
    _Pickler(file, protocol=5).dump(value)
    return file.getbuffer()

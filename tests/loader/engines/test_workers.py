"""Processes that compute for this one: order, questions, errors, kills, and what is left behind."""

import contextvars
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from loader.engines.workers import Ask, WorkerError, Workers, pickled
from loader.errors import UsageError, describe_bug

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are workers on Linux alone")


def never(_question: Any) -> Any:
    raise AssertionError("nothing was to be asked")


def is_there(pid: int) -> bool:
    """Say whether a process runs; one that has ended and waits for its parent does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait until a condition holds; say whether it does in time."""
    end = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return holds


def test_results_come_in_the_order_of_the_tasks() -> None:
    def work(task: int, _ask: Ask) -> tuple[int, int]:
        time.sleep(0.02 if task % 2 else 0)
        return task, os.getpid()

    with Workers(2, work, never) as workers:
        for task in range(12):
            workers.send(task)
        results = [workers.take() for _ in range(12)]
    assert [task for task, _ in results] == [*range(12)]
    pids = {pid for _, pid in results}
    assert os.getpid() not in pids
    assert len(pids) == 2
    assert not any(map(is_there, pids))


def test_frames_come_back_as_they_were() -> None:
    frame = pd.DataFrame(
        {
            "text": pd.Series(["a", None, "é"], dtype="str"),
            "number": [1, 2, 3],
            "maybe": pd.Series([1, None, 3], dtype="Int64"),
            "hours": [1.5, float("nan"), 2.0],
            "flag": [True, False, True],
        }
    ).set_axis(pd.Index([7, 7, 9], name="row_number"))
    with Workers(1, lambda task, _ask: task, never) as workers:
        for sent in (frame, frame.iloc[1:], frame.iloc[:0], frame[["text"]]):
            workers.send(sent)
            pd.testing.assert_frame_equal(workers.take(), sent)


def test_a_slice_does_not_take_its_whole_column_along() -> None:
    column = pd.Series(["x" * 1000] * 1000, dtype="str").to_frame("text")
    assert len(pickled(column[:10])) < 20_000


def test_questions_are_answered_by_the_process_that_waits() -> None:
    answered: list[int] = []

    def answer(question: int) -> int:
        answered.append(os.getpid())
        return question * 10

    def work(task: int, ask: Ask) -> int:
        return int(ask(task) + ask(task + 1))

    with Workers(2, work, answer) as workers:
        for task in range(6):
            workers.send(task)
        assert [workers.take() for _ in range(6)] == [20 * task + 10 for task in range(6)]
    assert answered == [os.getpid()] * 12


def test_several_questions_are_answered_at_a_time() -> None:
    both_are_asked = threading.Barrier(2)

    def answer(question: int) -> int:
        both_are_asked.wait(10)
        return question * 10

    with Workers(2, lambda task, ask: ask(task), answer, answers=2) as workers:
        for task in range(6):
            workers.send(task)
        assert [workers.take() for _ in range(6)] == [0, 10, 20, 30, 40, 50]


def test_of_several_errors_that_of_the_first_task_is_raised() -> None:
    may_answer = threading.Event()

    def answer(question: int) -> int:
        assert may_answer.wait(10)
        return question

    def work(task: int, ask: Ask) -> None:
        if task == 0:
            ask(task)
        raise UsageError(f"task {task}")

    with Workers(2, work, answer) as workers:
        for task in range(2):
            workers.send(task)
        assert until(lambda: any(not thread.is_alive() for thread in workers._threads))
        may_answer.set()
        with pytest.raises(UsageError, match="task 0"):
            workers.take()


def test_this_process_works_while_a_question_is_answered() -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def answer(question: int) -> int:
        asked.set()
        assert may_answer.wait(10)
        return question

    with Workers(1, lambda task, ask: ask(task), answer) as workers:
        workers.send(7)
        assert asked.wait(10)
        may_answer.set()
        assert workers.take() == 7


def test_nobody_waits_for_an_answer_that_nobody_wants() -> None:
    asked, never_set = threading.Event(), threading.Event()

    def answer(_question: int) -> int:
        asked.set()
        never_set.wait(60)
        return 0

    began = time.monotonic()
    with Workers(2, lambda task, ask: ask(task), answer) as workers:
        workers.send(1)
        assert asked.wait(10)
        for pid in workers._pids:
            os.kill(pid, signal.SIGKILL)
        workers.send(2)
        with pytest.raises(WorkerError):
            workers.take()
    assert time.monotonic() - began < 30


def test_what_is_logged_of_an_answer_is_of_the_same_run() -> None:
    name = contextvars.ContextVar("name", default="")
    name.set("this run")
    with Workers(1, lambda task, ask: ask(task), lambda _question: name.get()) as workers:
        workers.send(1)
        assert workers.take() == "this run"


def test_an_error_is_raised_where_its_result_is_taken() -> None:
    def work(task: int, _ask: Ask) -> int:
        if task == 1:
            raise UsageError("not this one")
        return task

    with Workers(2, work, never) as workers:
        workers.send(1)
        with pytest.raises(UsageError, match="not this one") as raised:
            workers.take()
    assert "in work" in str(raised.value.__cause__)


def test_a_bug_is_described_by_its_place_in_the_worker() -> None:
    def work(task: int, _ask: Ask) -> int:
        return [*range(task)][task]

    with Workers(1, work, never) as workers:
        workers.send(1)
        with pytest.raises(IndexError) as raised:
            workers.take()
    assert "IndexError in test_workers.py" in describe_bug(raised.value)


def test_an_error_that_cannot_bepickled_is_named() -> None:
    class OddError(Exception):
        def __init__(self, first: str, second: str) -> None:
            super().__init__(first + second)

    def work(_task: int, _ask: Ask) -> int:
        raise OddError("a", "b")

    with Workers(1, work, never) as workers:
        workers.send(1)
        with pytest.raises(RuntimeError, match="OddError"):
            workers.take()


def test_an_answer_that_fails_ends_the_workers() -> None:
    def answer(_question: Any) -> Any:
        raise UsageError("the database is gone")

    with Workers(2, lambda task, ask: ask(task), answer) as workers:
        pids = list(workers._pids)
        workers.send(1)
        with pytest.raises(UsageError):
            workers.take()
    assert not any(map(is_there, pids))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_worker_is_an_error(number: signal.Signals) -> None:
    def work(task: int, _ask: Ask) -> int:
        if task == 3:
            os.kill(os.getpid(), number)
        return task

    with Workers(2, work, never) as workers:
        pids = list(workers._pids)
        for task in range(8):
            workers.send(task)
        with pytest.raises(WorkerError, match="nothing was inserted"):
            any(workers.take() == "never" for _ in range(8))
    assert not any(map(is_there, pids))


def test_workers_leave_signals_of_the_terminal_to_their_parent() -> None:
    with Workers(1, lambda task, _ask: task, never) as workers:
        workers.send(1)
        assert workers.take() == 1
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(workers._pids[0], number)
        workers.send(2)
        assert workers.take() == 2


def test_workers_hold_no_file_of_their_parent(tmp_path: Path) -> None:
    def work(_task: int, _ask: Ask) -> list[str]:
        files = [each for each in Path("/proc/self/fd").iterdir() if int(each.name) > 2]
        return [str(each.readlink()) for each in files if each.is_symlink()]

    with (tmp_path / "lock").open("w"), Workers(2, work, never) as workers:
        workers.send(None)
        names = workers.take()
    assert not [name for name in names if "lock" in name]
    assert len([name for name in names if name.startswith("socket:")]) == 1


PARENT = """
import os, sys, time
from loader.engines.workers import Workers
workers = Workers(2, lambda task, ask: time.sleep(600), None)
for task in range(4): workers.send(task)
print(*workers._pids, flush=True)
workers.take()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_survives_its_parent(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert [is_there(pid) for pid in pids] == [True, True]
        parent.send_signal(number)
        parent.wait()
        assert until(lambda: not any(map(is_there, pids)))


def test_memory_has_a_limit(capfd: pytest.CaptureFixture[str]) -> None:
    def work(size: int, _ask: Ask) -> int:
        os.write(2, b"allocation failed")
        return len(bytearray(size))

    with Workers(1, work, never, 50_000_000) as workers:
        for size in (30_000_000, 900_000_000):
            workers.send(size)
        assert workers.take() == 30_000_000
        with pytest.raises(MemoryError):
            workers.take()
    assert capfd.readouterr().err == ""

"""Signals that ask an archive to end, sent for real."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.signals import CAUGHT, Interrupted, Stop, wait_for_input

LONG = 30.0
"""Seconds; a test that waits so long has failed."""


@pytest.fixture(autouse=True)
def handlers_stay() -> Iterator[None]:
    before = [signal.getsignal(number) for number in CAUGHT]
    yield
    assert [signal.getsignal(number) for number in CAUGHT] == before


@pytest.mark.parametrize("number", CAUGHT)
def test_a_signal_is_noted(number: signal.Signals) -> None:
    with Stop() as stop:
        assert stop.signal is None
        signal.raise_signal(number)
        assert stop.signal == number.name
        stop.wait(LONG)
        assert stop.signal
    assert stop.signal == number.name


def test_without_a_signal_it_waits_its_time() -> None:
    with Stop() as stop:
        began = time.monotonic()
        stop.wait(0.05)
        assert stop.signal is None
        assert time.monotonic() - began >= 0.05
        stop.wait(0)
        assert stop.signal is None
        stop.wait(-1)
        assert stop.signal is None


WAITS = """
from loader.signals import Stop
for _ in range(10_000):
    Stop().wait(1e-6)
"""


def test_a_wait_ends_whose_time_is_over_before_it_begins() -> None:
    """Of 10,000 some are. A SimpleQueue waits for ever then, if nobody has waited for it before."""
    subprocess.run([sys.executable, "-c", WAITS], check=True, timeout=2 * LONG)


def test_a_signal_to_another_thread_ends_the_wait() -> None:
    def send() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    began = time.monotonic()
    with Stop() as stop:
        sender = threading.Timer(0.05, send)
        sender.start()
        stop.wait(LONG)
        sender.join()
        assert stop.signal == "SIGTERM"
    assert time.monotonic() - began < LONG


def test_the_first_signal_counts() -> None:
    with Stop() as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert stop.signal == "SIGINT"


@pytest.mark.parametrize("first", CAUGHT)
def test_sigint_once_more_interrupts(first: signal.Signals) -> None:
    with Stop() as stop:
        signal.raise_signal(first)
        stop.wait(LONG)
        assert stop.signal
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_sigterm_once_more_at_the_same_time_changes_nothing() -> None:
    with Stop() as stop:
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)
        assert stop.signal == "SIGTERM"


def test_a_signal_wakes_at_any_moment() -> None:
    began = time.monotonic()
    for nth in range(200):
        with Stop() as stop:
            # More and more into the wait.
            sender = threading.Timer(nth / 1e5, os.kill, (os.getpid(), signal.SIGTERM))
            sender.start()
            stop.wait(LONG)
            assert stop.signal
            sender.join()
    assert time.monotonic() - began < LONG


def test_a_signal_ends_the_wait_for_input_at_any_moment() -> None:
    began = time.monotonic()
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream, os.fdopen(writing, "w") as typed:
        for nth in range(200):
            with Stop() as stop:
                sender = threading.Timer(nth / 1e5, os.kill, (os.getpid(), signal.SIGTERM))
                sender.start()
                with pytest.raises(Interrupted), stop.end_at_once():
                    wait_for_input(stream)
                sender.join()
        typed.write("yes\n")
        typed.flush()
        wait_for_input(stream)
        assert stream.readline() == "yes\n"
    assert time.monotonic() - began < LONG


def test_a_terminal_that_is_closed_is_a_signal_too() -> None:
    assert {*CAUGHT} == {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


# As of what a shell starts in the background, and of nohup.
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_ignored_signal_stays_ignored(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with Stop() as stop:
            signal.raise_signal(number)
            assert stop.signal is None
            signal.raise_signal(signal.SIGTERM)
            assert stop.signal == "SIGTERM"
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", CAUGHT)
def test_where_there_is_nothing_to_end_cleanly_it_ends_at_once(number: signal.Signals) -> None:
    with Stop() as stop:
        with pytest.raises(Interrupted, match=number.name) as raised, stop.end_at_once():
            signal.raise_signal(number)
        assert raised.value.exit_code == 128 + number
        # What came before was not heeded yet.
        with pytest.raises(Interrupted), stop.end_at_once():
            pytest.fail("it went on")
    with Stop() as stop:
        with stop.end_at_once():
            pass
        signal.raise_signal(number)
        assert stop.signal == number.name


def test_off_the_main_thread_nothing_is_caught() -> None:
    found: list[object] = []

    def work() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with Stop() as stop:
            stop.wait(0.01)
            found.extend([signal.getsignal(signal.SIGTERM) is before, stop.signal])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [True, None]


@pytest.mark.parametrize("number", CAUGHT)
def test_a_second_signal_ends_what_must_not_be_interrupted(number: signal.Signals) -> None:
    started = job(DEFERRED)
    for line in (number.name, None):
        started.send_signal(number)
        if line:
            assert started.stdout is not None
            assert started.stdout.readline() == f"{line}\n"
    output, _ = started.communicate(timeout=LONG)
    assert "over" not in output
    assert started.returncode == -number


DEFERRED = """
from time import sleep
from loader import signals
from loader.signals import Stop, defer_signals
signals.SAME_SIGNAL = 0.0
with Stop() as stop, stop.end_at_once(), defer_signals():
    print("ready", flush=True)
    while not stop.signal:
        sleep(0.01)
    print(stop.signal, flush=True)
    try:
        sleep(60)
    finally:
        print("over", flush=True)
"""

JOB = """
from loader.signals import Stop
with Stop() as stop:
    print("ready", flush=True)
    stop.wait(60)
    print(stop.signal, flush=True)
    stop.signal == "SIGINT" and input()
print("over", flush=True)
"""


def job(program: str = JOB) -> "subprocess.Popen[str]":
    started = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def test_a_process_that_is_terminated_ends_cleanly() -> None:
    started = job()
    started.send_signal(signal.SIGTERM)
    assert started.communicate(timeout=LONG) == ("SIGTERM\nover\n", "")
    assert started.returncode == 0


def test_a_process_that_is_interrupted_twice_ends_at_once() -> None:
    started = job()
    started.send_signal(signal.SIGINT)
    assert started.stdout is not None
    assert started.stdout.readline() == "SIGINT\n"
    started.send_signal(signal.SIGINT)
    output, errors = started.communicate(timeout=LONG)
    assert output == ""
    assert "KeyboardInterrupt" in errors
    assert started.returncode == -signal.SIGINT

"""Signals: they end a job early, but never in the middle of what must be done completely."""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO, Any, BinaryIO, Self


class Signal(KeyboardInterrupt):
    """Raised by a signal, and handled like Ctrl-C; the argument is the signal's name."""


class DeferredSignals:
    """The state of `defer_signals` in this process."""

    depth = 0
    """How many blocks of `defer_signals` are entered."""
    pending: str | None = None
    """The name of the signal that came meanwhile."""


@contextmanager
def defer_signals() -> Iterator[None]:
    """Defer signals to the end of the block, which must be completed; a Signal is raised there.

    Other threads than the main one are never interrupted, so there is nothing to defer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    DeferredSignals.depth += 1
    try:
        yield
    finally:
        DeferredSignals.depth -= 1
        name = None
        if not DeferredSignals.depth:
            name, DeferredSignals.pending = DeferredSignals.pending, None
    if name is not None:
        raise Signal(name)


def wait_for_input(stream: IO[Any], seconds: float | None = None) -> bool:
    """Wait until a stream can be read, or for seconds; say whether it can be read.

    A signal ends the wait at whatever instant it comes; a read that begins in that instant would
    not hear of it. (Other threads than the main one hear of none.)
    """
    end = None if seconds is None else time.monotonic() + seconds
    with _woken_by_signals() as woken:
        while True:
            left = None if end is None else max(end - time.monotonic(), 0)
            # What a signal raises is raised here.
            found = select.select([stream.fileno(), woken], [], [], left)[0]
            if stream.fileno() in found:
                return True
            if not found:
                return False
            os.read(woken, 512)


@contextmanager
def _woken_by_signals() -> Iterator[int]:
    """Give a file that can be read once a signal has come."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False) if is_main else -1
    try:
        yield reading
    finally:
        if is_main:
            signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


def read_pieces(stream: BinaryIO, size: int = 1 << 20) -> Iterator[bytes]:
    """Yield what comes in a stream, at most so many bytes at once; a signal ends the wait for it.

    Nothing may have been read from it by other means, for what it has buffered is not seen.
    """
    while wait_for_input(stream) and (piece := os.read(stream.fileno(), size)):
        yield piece


CAUGHT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


SAME_SIGNAL = 1.0
"""Seconds within which a second SIGTERM or SIGHUP is still the first: `timeout` sends it to the
process and to its group, and a terminal that is closed does likewise."""


class Interrupted(BaseException):
    """A signal ended the job; the argument is its name, such as SIGTERM."""

    @property
    def exit_code(self) -> int:
        """As shells give it: 128 plus the number, so 143 for SIGTERM."""
        return 128 + signal.Signals[str(self)]


class Stop:
    """A context in which the first of the CAUGHT signals is stored and wakes `wait`.

    A later one ends the process at once: who sends two does not want to wait. Ctrl-C does so by
    KeyboardInterrupt where nothing has to be done completely; all else is as `kill -9`.
    Signals that the process ignores from its start stay ignored, such as SIGHUP under nohup. In
    other threads than the main one Python allows no handlers, so nothing is caught.
    """

    def __init__(self) -> None:
        self.signal: str | None = None
        """The name of the first signal, such as SIGTERM; it is kept after the context."""
        self._restore = contextlib.ExitStack()
        self._raises = False
        self._came = 0.0

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in CAUGHT:
                before = signal.getsignal(number)
                # None: the handler was not set by Python, and could not be restored.
                if before not in (signal.SIG_IGN, None):
                    self._restore.callback(signal.signal, number, before)
                    signal.signal(number, self._catch)
        return self

    def __exit__(self, *_error: object) -> None:
        self._restore.close()

    @contextlib.contextmanager
    def end_at_once(self) -> Iterator[None]:
        """Let a signal raise Interrupted in the block, which must be able to end at any point.

        A signal that came before raises it at once.
        """
        self._raises = True
        try:
            if self.signal is not None:
                raise Interrupted(self.signal)
            yield
        except Signal as end:
            raise Interrupted(str(end)) from None
        finally:
            self._raises = False

    def wait(self, seconds: float) -> None:
        """Wait for seconds or until a signal comes; return at once if one has come before."""
        # Not by an Event or a queue: what a handler does to it can deadlock with the wait that it
        # interrupts; and SimpleQueue waits for ever if its time is over before it begins to wait
        # (Python 3.11 and 3.12).
        end = time.monotonic() + seconds
        with _woken_by_signals() as woken:
            while self.signal is None and (left := end - time.monotonic()) > 0:
                if select.select([woken], [], [], left)[0]:
                    os.read(woken, 512)

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal, self._came = signal.Signals(number).name, time.monotonic()
            if self._raises and DeferredSignals.depth:
                DeferredSignals.pending = self.signal
            elif self._raises:
                raise Signal(self.signal)
        elif number == signal.SIGINT and not DeferredSignals.depth:
            raise KeyboardInterrupt
        elif number == signal.SIGINT or time.monotonic() - self._came >= SAME_SIGNAL:
            # Nothing is unwound: what must be done completely was not, and is not to look so.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

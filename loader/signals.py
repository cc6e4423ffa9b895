"""What is done whole or not at all: signals wait for its end."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Self


class Signal(KeyboardInterrupt):
    """Ends what a signal may end, as Ctrl-C would; the argument is its name."""


class Unbroken:
    """What must not be broken off, of this process; a handler of signals sees to it."""

    depth = 0
    waiting: str | None = None
    """The signal that came meanwhile."""


@contextmanager
def unbroken() -> Iterator[None]:
    """Let a signal that would end this wait for its end.

    Raises:
        Signal: one came.
    """
    Unbroken.depth += 1
    try:
        yield
    finally:
        Unbroken.depth -= 1
        name = None
        if not Unbroken.depth:
            name, Unbroken.waiting = Unbroken.waiting, None
    if name is not None:
        raise Signal(name)


CAUGHT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal came where nothing waits to see it; the argument is its name, such as SIGTERM."""

    @property
    def exit_code(self) -> int:
        """As of shells: 143 for SIGTERM."""
        return 128 + signal.Signals[str(self)]


class Stop:
    """While it is entered, the first of these signals is noted and wakes `wait`.

    A SIGINT after that raises KeyboardInterrupt: who asks twice does not want to wait. Signals
    that the process was started to ignore stay ignored, such as SIGHUP by nohup; off the main
    thread, where Python allows no handlers, none are caught.
    """

    def __init__(self) -> None:
        self.signal: str | None = None
        """The first that came, such as SIGTERM; it stays when the context is left."""
        # An Event may not be set by a handler: it can deadlock with the wait that it interrupts.
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._restore = contextlib.ExitStack()
        self._ends_at_once = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in CAUGHT:
                before = signal.getsignal(number)
                # None: a handler that is not Python's, which could not be put back.
                if before not in (signal.SIG_IGN, None):
                    self._restore.callback(signal.signal, number, before)
                    signal.signal(number, self._catch)
        return self

    def __exit__(self, *_error: object) -> None:
        self._restore.close()

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """While what is done ends cleanly at a KeyboardInterrupt, let a signal end it by one.

        Raises:
            Interrupted: a signal came, or had come before.
        """
        self._ends_at_once = True
        try:
            if self.signal is not None:
                raise Interrupted(self.signal)
            yield
        except Signal as end:
            raise Interrupted(str(end)) from None
        finally:
            self._ends_at_once = False

    def wait(self, seconds: float) -> None:
        """Wait so many seconds, or until a signal comes; not at all if one has come."""
        if self.signal is None:
            with contextlib.suppress(Empty):
                self._wakes.get(timeout=max(seconds, 0))

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal = signal.Signals(number).name
            if self._ends_at_once and Unbroken.depth:
                Unbroken.waiting = self.signal
            elif self._ends_at_once:
                raise Signal(self.signal)
            self._wakes.put(None)
        elif number == signal.SIGINT and not Unbroken.depth:
            raise KeyboardInterrupt

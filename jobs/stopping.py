"""SIGTERM and SIGINT as a wish to end cleanly."""

import contextlib
import signal
import threading
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Self

CAUGHT = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """While it is entered, the first SIGTERM or SIGINT is noted and wakes `wait`.

    A SIGINT after that raises KeyboardInterrupt: who asks twice does not want to wait. Signals
    that the process was started to ignore stay ignored; off the main thread, where Python allows
    no handlers, none are caught.
    """

    def __init__(self) -> None:
        self.signal: str | None = None
        """The first that came, such as SIGTERM; it stays when the context is left."""
        # An Event may not be set by a handler: it can deadlock with the wait that it interrupts.
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._restore = contextlib.ExitStack()

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

    def wait(self, seconds: float) -> None:
        """Wait so many seconds, or until a signal comes; not at all if one has come."""
        if self.signal is None:
            with contextlib.suppress(Empty):
                self._wakes.get(timeout=max(seconds, 0))

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal = signal.Signals(number).name
            self._wakes.put(None)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt

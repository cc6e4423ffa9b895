"""Waits of jobs that follow a script."""

from collections.abc import Callable

from loader.signals import Stop


class Scripted(Stop):
    """Nobody waits: what is waited for passes at once, and something may happen meanwhile."""

    def __init__(self, happens: Callable[["Scripted"], None] = lambda _stop: None) -> None:
        super().__init__()
        self.now, self.waits, self._happens = 1000.0, 0, happens

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        self.waits += 1
        self._happens(self)
        return self.signal is not None

    def monotonic(self) -> float:
        return self.now

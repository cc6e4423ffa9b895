"""What is done whole or not at all: signals wait for its end."""

from collections.abc import Iterator
from contextlib import contextmanager


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

"""Calls that wait for one another: they are checked and inserted together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Thread
from time import monotonic
from typing import Generic, NamedTuple, Self, TypeVar

Call = TypeVar("Call")
Reply = TypeVar("Reply")

PATIENCE = 0.5
"""For how much of the time that a group took those that were answered are waited for."""


class QueueFullError(Exception):
    """So many calls wait that another one would wait too long."""


class StoppedError(Exception):
    """No more calls are taken."""


class _Waiting(NamedTuple, Generic[Call, Reply]):
    call: Call
    future: "asyncio.Future[Reply]"


class Gathering(Generic[Call, Reply]):
    """Calls of many connections, for a function of several, in the order in which they came.

    One thread works on them: what comes meanwhile is gathered. An idle one waits a moment for
    others after the first. Who was answered often calls again at once: they are waited for, or
    they would be halved into groups that take turns, each as costly as one of all.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Call]], Sequence[Reply]],
        *,
        seconds: float,
        most: int,
        room: int,
        accepted: Callable[[], None] = lambda: None,
        note: Callable[[int, float], None] = lambda _calls, _seconds: None,
    ) -> None:
        """Take what is done.

        Args:
            work: gives a reply to each of some calls, in their order.
            seconds: how long the first of a group waits for others.
            most: calls of a group.
            room: calls that may wait.
            accepted: is told of each call that is taken.
            note: takes how many calls were worked on, and the seconds that it took.
        """
        self._work, self._seconds, self._most, self._room = work, seconds, most, room
        self._accepted, self._note = accepted, note
        self._waiting: deque[_Waiting[Call, Reply]] = deque()
        self._changed = Condition()
        self._is_stopped = False
        self._expected, self._patience = 0, 0.0
        self._thread = Thread(target=self._run, name="leads")

    def __enter__(self) -> Self:
        """Begin to work."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Work on what waits, and end."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
        self._thread.join()

    @property
    def waiting(self) -> int:
        """How many calls nobody works on yet."""
        return len(self._waiting)

    async def ask(self, call: Call) -> Reply:
        """Wait for the reply to a call; who does not wait any more gets the work done, too.

        Raises:
            QueueFullError: too many wait already.
            StoppedError: the work has ended.
        """
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        with self._changed:
            if self._is_stopped:
                raise StoppedError
            if len(self._waiting) >= self._room:
                raise QueueFullError
            self._waiting.append(_Waiting(call, future))
            self._changed.notify()
        self._accepted()
        return await asyncio.shield(future)

    def _run(self) -> None:
        while group := self._next_group():
            began = monotonic()
            try:
                replies: Sequence[Reply | BaseException] = self._work([it.call for it in group])
            except BaseException as error:  # noqa: BLE001 - who waits has to hear of it
                replies = [error] * len(group)
            seconds = monotonic() - began
            self._expected, self._patience = len(group) + len(self._waiting), seconds * PATIENCE
            loop = group[0].future.get_loop()
            loop.call_soon_threadsafe(_reply, group, replies)
            self._note(len(group), seconds)

    def _next_group(self) -> list[_Waiting[Call, Reply]]:
        """Wait for calls; none: the work is done."""
        with self._changed:
            was_idle = not self._waiting
            if not self._changed.wait_for(self._is_wanted, self._patience):
                self._expected = 0  # who was answered does not call again
                self._changed.wait_for(self._is_wanted)
            if was_idle:
                self._wait(self._most, self._seconds)
            self._wait(min(self._expected, self._most), self._patience)
            return [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]

    def _is_wanted(self) -> bool:
        return bool(self._waiting) or self._is_stopped

    def _wait(self, calls: int, seconds: float) -> None:
        """Wait until so many calls wait, but not for longer than some seconds."""
        self._changed.wait_for(lambda: self._is_stopped or len(self._waiting) >= calls, seconds)


def _reply(
    group: Sequence[_Waiting[Call, Reply]], replies: Sequence[Reply | BaseException]
) -> None:
    for (_, future), reply in zip(group, replies, strict=True):
        if future.done():
            continue  # nobody waits for it
        if isinstance(reply, BaseException):
            future.set_exception(reply)
        else:
            future.set_result(reply)

"""A question in parts, asked at the same time over a run's connection and a few others."""

import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Generic, TypeVar

from sqlalchemy import Connection, Engine

from loader.database.driver import DriverConnection
from loader.errors import TransientDatabaseError

T = TypeVar("T")

LOG = logging.getLogger("leadloader")

TOO_MANY = frozenset({1040, 1041, 1135, 1203, 1226})
"""Codes with which a server that answers refuses one more connection."""

HEARS_SIGNALS = 0.5
"""Seconds after which a wait begins again: a signal that comes just before it does not end it."""


class Parts(Generic[T]):
    """The parts of a question: each is asked by whoever is free, and its answer is kept."""

    def __init__(self, questions: Sequence[Callable[[Connection], T]]) -> None:
        """Take the parts; none depends on another one."""
        self._questions = questions
        self._answers: dict[int, T] = {}
        self._left = deque(range(len(questions)))
        self._changed = threading.Condition()
        self._lines: dict[int, DriverConnection | None] = {}
        """Of those who help, by the number of their thread."""
        self._are_wanted = False
        """Whether anybody waits for an answer."""

    @property
    def left(self) -> int:
        """How many parts nobody asks, or has got an answer to."""
        return len(self._left)

    @property
    def answers(self) -> list[T]:
        """The answers, in the order of the parts."""
        return [self._answers[place] for place in range(len(self._questions))]

    def ask(self, connection: Connection) -> None:
        """Ask what is left, and what others get no answer to, until all is answered.

        Whatever a part raises is raised; it is left then.
        """
        while True:
            while (place := self._take()) is not None:
                self._ask_one(place, connection)
            with self._changed:
                if len(self._answers) == len(self._questions):
                    return
                if not self._left:
                    self._changed.wait(HEARS_SIGNALS)

    def help(self, connection: Connection) -> None:
        """Ask what is left by one more connection; what a part raises is raised likewise."""
        driver = connection.connection.driver_connection
        line = driver if isinstance(driver, DriverConnection) else None
        with self._changed:
            if not self._are_wanted:
                return
            self._lines[threading.get_ident()] = line
        try:
            while (place := self._take()) is not None:
                self._ask_one(place, connection)
        finally:
            with self._changed:
                del self._lines[threading.get_ident()]
                self._changed.notify_all()

    def begin(self) -> None:
        """Let others help from now on."""
        self._are_wanted = True

    def end(self, *, hangs_up: bool) -> None:
        """Wait until nobody helps any more; hang up if nobody waits for their answers."""
        with self._changed:
            self._are_wanted = False
            if hangs_up:
                for line in self._lines.values():
                    if line is not None:
                        line.hang_up()
            while self._lines:
                self._changed.wait(HEARS_SIGNALS)

    def _take(self) -> int | None:
        with self._changed:
            return self._left.popleft() if self._left and self._are_wanted else None

    def _ask_one(self, place: int, connection: Connection) -> None:
        try:
            answer = self._questions[place](connection)
        except BaseException:
            with self._changed:
                self._left.appendleft(place)
                self._changed.notify_all()
            raise
        with self._changed:
            self._answers[place] = answer
            self._changed.notify_all()


class Readers:
    """Connections beside that of a run, which do nothing but help to ask.

    No question fails for them: what they get no answer to is asked by the run's own connection,
    which knows what to do. The server may refuse them; then there are fewer.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        connect: Callable[[Engine], AbstractContextManager[Connection]],
        name: str,
    ) -> None:
        """Take what makes connections; none is made yet.

        Args:
            engine: makes the pool in which they wait.
            connect: takes one from there; raises what `Database.connect` does.
            name: of the database, for the message.
        """
        self._make_engine, self._connect, self._name = engine, connect, name
        self._engine: Engine | None = None
        self._readers: list[_Reader] = []
        self._most: int | None = None
        """How many the server lets in; None: it has refused none."""

    def ask(self, connection: Connection, parts: Parts[T], at_once: int) -> list[T]:
        """Ask all parts over the run's connection and others; raises what it raises there.

        Args:
            connection: the run's own.
            parts: those that were answered before are not asked again.
            at_once: over so many connections.
        """
        parts.begin()
        is_answered = False
        try:
            self._start(parts, min(at_once, parts.left) - 1)
            parts.ask(connection)
            is_answered = True
        finally:
            parts.end(hangs_up=not is_answered)
            for reader in self._readers:
                # One that gets no connection is not waited for.
                if reader.is_connected:
                    reader.join()
        return parts.answers

    def give_up(self, code: int) -> None:
        """Close them for good: a connection is refused that the run cannot do without."""
        if self._engine is not None and self._most != 0:
            self._refused(code)
            self._most = 0
            self._engine.dispose()

    def close(self) -> None:
        """Close those that wait, and those that are being made."""
        for reader in self._readers:
            reader.join()
        if self._engine is not None:
            self._engine.dispose()

    def _start(self, parts: Parts[T], count: int) -> None:
        """Let some help; one that has waited for a connection since before is one of them."""
        self._readers = [reader for reader in self._readers if reader.is_alive()]
        count = min(count, count if self._most is None else self._most) - len(self._readers)
        if count > 0 and self._engine is None:
            self._engine = self._make_engine()
        with suppress(RuntimeError):  # the system has no room for a further thread
            for _ in range(count):
                reader = _Reader(self._read, parts)
                reader.start()
                self._readers.append(reader)

    def _read(self, reader: "_Reader", parts: Parts[T]) -> None:
        assert self._engine is not None  # noqa: S101 - for mypy: who starts it has made it
        try:
            with self._connect(self._engine) as connection:
                reader.is_connected = True
                if self._most == 0:
                    connection.invalidate()  # it was given up meanwhile
                else:
                    parts.help(connection)
        except TransientDatabaseError as error:
            if error.code in TOO_MANY and not reader.is_connected:
                self._refused(error.code)
        except Exception:  # noqa: BLE001 - the run's own connection meets it, too, and raises it
            return

    def _refused(self, code: int) -> None:
        assert self._engine is not None  # noqa: S101 - likewise
        is_new, pool = self._most is None, self._engine.pool
        self._most = pool.checkedin() + pool.checkedout()  # type: ignore[attr-defined]  # of its kind
        if is_new:
            LOG.warning(
                "%s: the server refuses a further connection (error %d); fewer are read over. See "
                "its max_connections and the account's max_user_connections, or give "
                "--read-connections 1",
                self._name,
                code,
            )


class _Reader(threading.Thread):
    """A thread that asks parts of one question over one connection."""

    is_connected = False

    def __init__(self, help_with: "Callable[[_Reader, Parts[T]], None]", parts: Parts[T]) -> None:
        # What is logged there is of the same run.
        context = contextvars.copy_context()
        super().__init__(
            target=context.run, args=(help_with, self, parts), name="reader", daemon=True
        )

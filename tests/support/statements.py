"""Acts right before statements of the program."""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import event

from loader.database.connection import Database


@contextlib.contextmanager
def just_before(database: Database, statement: str, action: Callable[[], object]) -> Iterator[None]:
    """Call `action` once, right before a statement that begins with `statement` is sent."""
    waiting = [action]

    def listener(_c: Any, _cursor: Any, text: str, *_rest: Any) -> None:
        if waiting and text.replace("`", "").startswith(statement):
            waiting.pop()()

    event.listen(database.engine, "before_cursor_execute", listener)
    yield
    event.remove(database.engine, "before_cursor_execute", listener)
    assert not waiting, "it never came"


@contextlib.contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Note the statements that are sent."""
    found: list[str] = []

    def note(*arguments: Any) -> None:
        found.append(arguments[2])

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


STATEMENT = b"\x00\x03"
"""How the first packet of a statement begins, behind its length."""

ANY_STATEMENT = re.compile(rb"...\x00\x03", re.DOTALL)
"""Matches the first packet of whatever statement, COMMIT, ROLLBACK and SET among them."""

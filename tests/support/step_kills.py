"""An import that dies at a given step."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import pytest


class Killed(BaseException):
    """Stands for the end of the process."""


class Point(NamedTuple):
    """A step: a method, and whether the kill comes before or after it."""

    owner: type | ModuleType
    name: str
    moment: str

    def __str__(self) -> str:
        return f"{self.moment} {self.owner.__name__}.{self.name}"


@contextmanager
def killed_at(point: Point, nth: int) -> Iterator[None]:
    """Kill at the nth time that a point is reached."""
    original: Callable[..., Any] = vars(point.owner)[point.name]
    count = itertools.count(1)

    def step(*arguments: Any, **named: Any) -> Any:
        number = next(count)
        if number == nth and point.moment == "before":
            raise Killed
        result = original(*arguments, **named)
        if number == nth:
            raise Killed
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(point.owner, point.name, step)
        yield

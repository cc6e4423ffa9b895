"""Parts of a long series of tests, that can run on several evenings; together they are all of it.

Which part a test, or a point of a test, belongs to depends on its name alone.
"""

import itertools
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self


class Part(NamedTuple):
    """The how many-th of how many parts."""

    number: int
    count: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `3/10`; ValueError if it is none."""
        found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise ValueError(f"{text!r} is no part: give the third of ten as 3/10")
        return cls(int(found[1]), int(found[2]))

    def has(self, name: str) -> bool:
        """Say whether a test belongs to the part."""
        return self._place(name) == 0

    def points(self, name: str) -> Iterator[int]:
        """Give the numbers, from 1, of a test's points that belong to the part, without end."""
        return itertools.count(1 + self._place(name), self.count)

    def _place(self, name: str) -> int:
        return (self.number - 1 - zlib.crc32(name.encode())) % self.count


class Points(Iterator[int]):
    """Numbers of points, of which it counts those that were begun."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers, self.begun = numbers, 0

    def __next__(self) -> int:
        number = next(self._numbers)
        self.begun += 1
        return number


def sample_of(names: Iterable[str], size: int, seed: int) -> set[str]:
    """Choose so many of some names, others with another seed."""
    ranked = sorted(names, key=lambda name: zlib.crc32(f"{seed} {name}".encode()))
    return {*ranked[:size]}

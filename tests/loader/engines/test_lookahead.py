"""The next item is made while one is worked with, and nothing else changes."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from loader.engines.lookahead import look_ahead


def test_items_come_in_their_order() -> None:
    assert list(look_ahead(iter(range(5)))) == [0, 1, 2, 3, 4]
    assert list(look_ahead(iter(()))) == []


def test_the_next_item_is_made_while_one_is_worked_with() -> None:
    begun = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        begun.set()
        yield 2

    chunks = look_ahead(items())
    assert next(chunks) == 1
    assert begun.wait(10)
    assert list(chunks) == [2]


def test_no_more_than_one_is_made_ahead() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(9):
            made.append(number)
            yield number

    with closing(look_ahead(items())) as chunks:
        assert next(chunks) == 0
    assert made == [0, 1]


def test_an_error_comes_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    chunks = look_ahead(items())
    assert next(chunks) == 1
    with pytest.raises(OSError, match="gone"):
        next(chunks)

"""Items that are made one ahead: while one is worked with, a thread makes the next."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

END = object()


def look_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Give items in their order; what making one raises comes when it is its turn.

    It pays where the caller waits for a server meanwhile. Close it where it is not read to its end.
    """
    with ThreadPoolExecutor(1, "look-ahead") as thread:
        coming = thread.submit(next, items, END)
        while (item := coming.result()) is not END:
            coming = thread.submit(next, items, END)
            yield item  # type: ignore[misc]  # END is none of them

"""Feeds for processes on other machines: each maps a file of numbers that it has, proven by hash.

A machine that does not see the file is given a copy of it, part by part.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import file_digest, sha256
from pathlib import Path

import numpy as np

from loader.errors import MissingFeedError
from loader.feeds.feed import BARE, Feed
from loader.frames.sorted_numbers import Numbers

PART_BYTES = 8 * 2**20
NOTHING = np.empty(0, dtype=np.uint64)


@dataclass(frozen=True)
class SharedFeed:
    """A feed whose numbers are in a file."""

    feed: Feed
    """Without its numbers."""
    path: Path
    """Where the process that shares it has the file; elsewhere it may be there or not."""
    sha256: str
    size: int
    """In bytes; 0: the feed has areas alone."""

    @classmethod
    def of(cls, feed: Feed, folder: Path) -> "SharedFeed":
        """Write the numbers of a feed into a file of a folder."""
        path, digest = folder / f"feed-{feed.name}.numbers", sha256()
        with path.open("wb") as file:
            for numbers in (feed.numbers, feed.bare):
                for begin in range(0, numbers.size, PART_BYTES // 8):
                    part = numbers[begin : begin + PART_BYTES // 8].tobytes()
                    digest.update(part)
                    file.write(part)
            size = file.tell()
        bare = replace(feed, numbers=NOTHING, bare=NOTHING)
        return cls(bare, path.resolve(), digest.hexdigest(), size)

    def is_in(self, folder: Path) -> bool:
        """Say whether the file, or a copy in `folder`, is on this machine."""
        return self._found(folder) is not None

    def opened(self, folder: Path) -> Feed:
        """Give the feed with its numbers, mapped from the file or from its copy in `folder`.

        Raises:
            MissingFeedError: neither is on this machine.
        """
        numbers = self._found(folder)
        if numbers is None:
            raise MissingFeedError(f"feed {self.feed.name}: a worker of the cluster lacks its file")
        end = np.searchsorted(numbers, BARE)
        return replace(self.feed, numbers=numbers[:end], bare=numbers[end:])

    def take_part(self, folder: Path, offset: int, part: bytes) -> None:
        """Write a part of the copy in `folder`; the last one completes it.

        Each may come again, and one that went elsewhere leaves no copy that is not whole.
        """
        copy = folder / self.sha256
        if copy.exists():
            return
        coming = copy.with_suffix(".part")
        with coming.open("r+b" if coming.exists() else "wb") as file:
            file.seek(offset)
            file.write(part)
        if offset + len(part) < self.size:
            return
        with coming.open("rb") as file:
            is_whole = file_digest(file, "sha256").hexdigest() == self.sha256
        if is_whole:
            coming.rename(copy)
        else:
            coming.unlink()

    def drop(self, folder: Path) -> None:
        """Remove the copy in `folder`; who has mapped it goes on."""
        (folder / self.sha256).unlink(missing_ok=True)

    def _found(self, folder: Path) -> Numbers | None:
        if not self.size:
            return NOTHING
        for path in (self.path, folder / self.sha256):
            numbers = _mapped(path, self.sha256) if _has_size(path, self.size) else None
            if numbers is not None:
                return numbers
        return None


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


@lru_cache(maxsize=32)
def _mapped(path: Path, digest: str) -> Numbers | None:
    """Map a file if its hash is this one; it is read for that once in a process."""
    with path.open("rb") as file:
        if file_digest(file, "sha256").hexdigest() != digest:
            return None
        return np.asarray(np.memmap(file, dtype=np.uint64, mode="r"))

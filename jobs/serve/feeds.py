"""The feeds of a service that runs for long: a file that changes is read again."""

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, overload

from loader.errors import LoaderError
from loader.feeds.feed import Feed
from loader.feeds.files import read_feeds, refuse_old
from loader.options.load import LoadOptions

LOG = logging.getLogger("leadloader")

SETTLED = 2.0
"""Seconds since the last change of a file after which nobody is writing it."""


class _State(NamedTuple):
    """What tells a file from what it was before."""

    written: float
    """Seconds since the epoch."""
    size: int
    inode: int


class _Known(NamedTuple):
    """What was read of a file."""

    state: _State | None
    """As of before it was read; None: there was no file."""
    feed: Feed | LoaderError
    """Or why it cannot be used."""


class CurrentFeeds(Sequence[Feed]):
    """The feeds as they are in their files, at each look. It is for one thread at a time.

    A look at them raises LoaderError when one cannot be used, or is too old by now: no lead is to
    be added that it may have.
    """

    def __init__(self, options: LoadOptions, folder: Path) -> None:
        """Read them; what is known of their numbers is kept in `folder`.

        Raises:
            LoaderError: one cannot be used.
        """
        self._options, self._folder = options, folder
        self._known = {name: self._read(name) for name in options.feed}
        list(self)

    def _read(self, name: str) -> _Known:
        state = self._state(name)
        alone = self._options.model_copy(update={"feed": {name: self._options.feed[name]}})
        try:
            return _Known(state, read_feeds(alone, self._folder)[0])
        except LoaderError as error:
            return _Known(state, error)

    def _state(self, name: str) -> _State | None:
        try:
            status = self._options.feed[name].file.stat()
        except OSError:
            return None
        return _State(status.st_mtime, status.st_size, status.st_ino)

    def _current(self, name: str) -> Feed:
        state = self._state(name)
        if state != self._known[name].state and (state is None or _is_settled(state)):
            known = self._known[name] = self._read(name)
            if isinstance(known.feed, LoaderError):
                LOG.error("calls are refused: %s", known.feed)
            else:
                LOG.info("feed %s has changed and was read again", name)
        known = self._known[name]
        if isinstance(known.feed, LoaderError):
            raise known.feed
        if known.state:
            file, most = self._options.feed[name].file, self._options.feed_max_age
            refuse_old(name, file, known.state.written, most)
        return known.feed

    def __len__(self) -> int:
        """Count them."""
        return len(self._known)

    def __iter__(self) -> Iterator[Feed]:
        """Look at all of them, in the order of the options."""
        return iter([self._current(name) for name in self._known])

    @overload
    def __getitem__(self, place: int) -> Feed: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Feed]: ...
    def __getitem__(self, place: int | slice) -> Feed | Sequence[Feed]:
        """Look at some."""
        return [*self][place]


def _is_settled(state: _State) -> bool:
    """Say whether nobody writes a file; a time that is to come says nothing."""
    return abs(time.time() - state.written) > SETTLED

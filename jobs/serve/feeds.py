"""The feeds of a service that runs for long: a file that changes is read again."""

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, overload

from loader.errors import FeedFileError, LoaderError
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
    feed: Feed | str
    """Or why it cannot be used."""


class CurrentFeeds(Sequence[Feed]):
    """The feeds as they are in their files, at each look. It is for one thread at a time.

    A look at them raises FeedFileError when one cannot be used, or is too old by now: no lead is to
    be added that it may have.
    """

    def __init__(self, options: LoadOptions, folder: Path) -> None:
        """Read them; what is known of their numbers is kept in `folder`.

        Raises:
            LoaderError: one cannot be used.
        """
        self._options, self._folder = options, folder
        self._known = {name: self._read(name) for name in options.feed}
        self._said = dict.fromkeys(options.feed, "")
        """By name, why the feed cannot be used, as it was logged last."""

    def _read(self, name: str) -> _Known:
        state = self._state(name)
        alone = self._options.model_copy(update={"feed": {name: self._options.feed[name]}})
        return _Known(state, read_feeds(alone, self._folder)[0])

    def _state(self, name: str) -> _State | None:
        try:
            status = self._options.feed[name].file.stat()
        except OSError:
            return None
        return _State(status.st_mtime, status.st_size, status.st_ino)

    def _current(self, name: str) -> Feed:
        state = self._state(name)
        if state != self._known[name].state and (state is None or _is_settled(state)):
            LOG.info("feed %s has changed and is read again", name)
            try:
                self._known[name] = self._read(name)
            except LoaderError as error:
                self._known[name] = _Known(state, str(error))
        known = self._known[name]
        if isinstance(known.feed, str):
            raise FeedFileError(known.feed)
        if known.state:
            file, most = self._options.feed[name].file, self._options.feed_max_age
            refuse_old(name, file, known.state.written, most)
        return known.feed

    def __len__(self) -> int:
        """Count them."""
        return len(self._known)

    def __iter__(self) -> Iterator[Feed]:
        """Look at all of them, in the order of the options."""
        return iter([self._usable(name) for name in self._known])

    def _usable(self, name: str) -> Feed:
        """Give one; who calls is not told what is wrong with files here."""
        try:
            feed, why = self._current(name), ""
        except LoaderError as error:
            feed, why = None, str(error)
        if why and why != self._said[name]:
            LOG.error("calls are refused: %s", why)
        self._said[name] = why
        if feed is None:
            raise FeedFileError(f"feed {name} cannot be used now")
        return feed

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

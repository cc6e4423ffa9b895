"""What a job reports to while it runs: its name, messages, progress, and questions to a person."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from sqlalchemy import Connection

from loader.clock import Clock
from loader.database.server_clock import read_clock
from loader.fields.mapping import ColumnMapping
from loader.reading.source import SourceFile
from loader.results.summary import Summary
from loader.signals import Stop

Progress = Callable[[str, int, int], None]
"""Told of the stage (check, insert), what is done and what there is to do, in its own units."""

Start = Callable[[SourceFile, ColumnMapping], None]
"""Told of the file and its mapping before the first row is loaded."""


@dataclass(frozen=True, kw_only=True)
class Watchers:
    """Who wants to know how a load goes on."""

    named: Callable[[str], None] = lambda _name: None
    """Told the name of the run, first of all."""
    started: Start = lambda _source, _mapping: None
    say: Callable[[str], None] = lambda _message: None
    """Told in words what need not be told."""
    progress: Progress = lambda _stage, _done, _all: None
    confirm: Callable[[Summary], bool] | None = None
    """Asked before anything is inserted, told what would be."""


NOBODY = Watchers()


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Who wants to know how it goes on, who may say to end, and the clocks."""

    named: Callable[[str], None] = lambda _name: None
    """Told the name of the run, first of all."""
    say: Callable[[str], None] = lambda _message: None
    progress: Callable[[int, float], None] = lambda _leads, _share: None
    """Told how many leads were taken, and how much of all there is to do, from 0 to 1."""
    stop: Stop = field(default_factory=Stop)
    """Does all waiting."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds that never go back."""
    read_clock: Callable[[Connection], Clock] = read_clock


@dataclass(frozen=True, kw_only=True)
class NightWatch:
    """Who wants to know how the night goes on, and who may say to end."""

    say: Callable[[str], None] = lambda _message: None
    warn: Callable[[str], None] = lambda _message: None
    """Told what somebody should look at."""
    watching: Callable[[], AbstractContextManager[Watchers]] = lambda: nullcontext(NOBODY)
    """Gives the watchers of a load."""
    moving: Callable[[], AbstractContextManager[Surroundings]] | None = None
    """Gives the surroundings of an archiving."""
    stop: Stop = field(default_factory=Stop)
    """Does all waiting."""

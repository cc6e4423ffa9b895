"""What a job reports to while it runs, the signal that ends it, and the clocks that it reads."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loader.database.server_clock import read_clock
from loader.fields.mapping import ColumnMapping
from loader.reading.source import SourceFile
from loader.results.summary import Summary
from loader.signals import Stop

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from loader.clock import Clock


@dataclass(frozen=True, kw_only=True)
class Watchers:
    """Callbacks of a job, its stop signal and its clocks; the defaults report to nobody."""

    named: Callable[[str], None] = lambda _run: None
    """Called first, with the name of the run."""
    started: Callable[[SourceFile, ColumnMapping], None] = lambda _source, _mapping: None
    """Called with the file and its mapping before the first row is checked."""
    say: Callable[[str], None] = lambda _message: None
    """Called with messages for information."""
    warn: Callable[[str], None] = lambda _message: None
    """Called with messages that need attention."""
    progress: Callable[[str, int, float], None] = lambda _stage, _done, _share: None
    """Called with the stage (such as check, insert or archive), how much of it is done in its own
    units (such as bytes or leads), and the share of the whole from 0 to 1."""
    confirm: Callable[[Summary], bool] | None = None
    """Called before an import inserts anything, with the summary to expect; False ends the run."""
    stop: Stop = field(default_factory=Stop)
    """Notes the signal that ends the job, and does all waiting."""
    monotonic: Callable[[], float] = time.monotonic
    """Gives seconds that never go back."""
    read_clock: "Callable[[Connection], Clock]" = read_clock
    """Reads the clock of the database server."""
    watch_run: "Callable[[str], AbstractContextManager[Watchers]] | None" = None
    """Gives the watchers of one run, by its job, where a job runs other jobs."""

    def of_run(self, job: str) -> "AbstractContextManager[Watchers]":
        """Give the watchers of one run; without `watch_run`, these."""
        return self.watch_run(job) if self.watch_run else nullcontext(self)

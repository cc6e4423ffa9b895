"""The pace of a job that moves leads in chunks: when a chunk may start, its size, and the end."""

import signal
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple, TypeVar

from jobs.watchers import Watchers
from loader.archive.report import Stopped
from loader.database.throttle import ChunkSize, Throttle, Wait
from loader.errors import OfficeHoursError
from loader.options.archive import ArchiveOptions
from loader.options.durations import format_duration
from loader.results.lines import count_of

Result = TypeVar("Result")

SECONDS_BETWEEN_CHECKS = 1.0
"""While a job waits, it checks this often whether it may go on."""


class Ending(NamedTuple):
    """Why a job ended."""

    stopped: Stopped
    why: str
    exit_code: int = 0


class Pace:
    """Waits before each chunk, measures it, and says when no further chunk may start."""

    def __init__(
        self,
        throttle: Throttle,
        options: ArchiveOptions,
        watchers: Watchers,
        *,
        office_hours: Callable[[], str | None] = lambda: None,
        is_throttled: bool = True,
    ) -> None:
        """Start the run time.

        `office_hours` describes them while they are, which ends the job. A job that writes nothing
        is not throttled: it heeds the stop signal alone.
        """
        self.leads_done = 0
        self.seconds_waited: dict[str, float] = defaultdict(float)
        """By kind of wait."""
        self._throttle, self._options, self._watchers = throttle, options, watchers
        self._office_hours, self._is_throttled = office_hours, is_throttled
        self._size = ChunkSize(options.chunk_size, options.chunk_time.total_seconds())
        self._pause = 0.0
        self._waits_for = ""
        self._began = watchers.monotonic()

    @property
    def next_size(self) -> int:
        """The number of leads that the next chunk may have."""
        limit = self._options.limit
        return self._size.size if limit is None else min(self._size.size, limit - self.leads_done)

    def wait(self) -> Ending | None:
        """Wait until the next chunk may start; give the reason if no further one may."""
        if self._pause:
            self._watchers.stop.wait(self._pause)
            self._pause = 0.0
        while (ending := self._ending()) is None:
            reason = self._throttle.why_wait() if self._is_throttled else None
            if reason is None:
                self._waits_for = ""
                break
            self._wait_for(reason)
        return ending

    def run_chunk(self, leads: int, work: Callable[[], Result]) -> tuple[Result, float]:
        """Do the work of a chunk, adapt size and pause, and return the result and the seconds."""
        began = self._watchers.monotonic()
        result = work()
        seconds = self._watchers.monotonic() - began
        self.leads_done += leads
        self._size.took(leads, seconds)
        self._pause = self._throttle.pause_after(seconds)
        return result, seconds

    def _ending(self) -> Ending | None:
        options, name = self._options, self._watchers.stop.signal
        if name:
            return Ending("signal", f"{name} came", 128 + signal.Signals[name])
        if options.limit is not None and self.leads_done >= options.limit:
            return Ending("limit", f"the limit of {count_of(options.limit, 'lead')} is reached")
        elapsed = timedelta(seconds=self._watchers.monotonic() - self._began)
        if options.run_time is not None and elapsed >= options.run_time:
            time = format_duration(options.run_time)
            return Ending("run_time", f"the run_time of {time} is over")
        hours = self._office_hours()
        return Ending("office_hours", hours, OfficeHoursError.exit_code) if hours else None

    def _wait_for(self, reason: Wait) -> None:
        if reason.kind != self._waits_for:
            self._watchers.say(f"waiting: {reason.message}")
            self._waits_for = reason.kind
        began = self._watchers.monotonic()
        self._watchers.stop.wait(SECONDS_BETWEEN_CHECKS)
        self.seconds_waited[reason.kind] += self._watchers.monotonic() - began

"""The pace of a job that writes in chunks: when a chunk may start, its size, and the end."""

import signal
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple, Self, TypeVar

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


class Rhythm(NamedTuple):
    """How much is done at a time, how long the pause after it is, and when that ends."""

    size: ChunkSize
    sleep: float = 0.0
    """Seconds after each chunk."""
    sleep_ratio: float = 0.0
    """The same, as a multiple of the chunk's time."""
    limit: int | None = None
    """Leads after which the job ends."""
    run_time: timedelta | None = None

    @classmethod
    def of_moves(cls, options: ArchiveOptions) -> Self:
        """Take that of jobs that move leads."""
        return cls(
            ChunkSize(options.chunk_size, options.chunk_time.total_seconds()),
            options.sleep.total_seconds(),
            options.sleep_ratio,
            options.limit,
            options.run_time,
        )


class Pace:
    """Waits before each chunk, measures it, and says when no further chunk may start."""

    def __init__(
        self,
        throttle: Throttle,
        rhythm: Rhythm,
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
        self._throttle, self._rhythm, self._watchers = throttle, rhythm, watchers
        self._office_hours, self._is_throttled = office_hours, is_throttled
        self._pause = 0.0
        self._waits_for = ""
        self._began = watchers.monotonic()

    @property
    def next_size(self) -> int:
        """The number of leads that the next chunk may have."""
        size, limit = self._rhythm.size.size, self._rhythm.limit
        return size if limit is None else min(size, limit - self.leads_done)

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
        self.took(leads, seconds)
        return result, seconds

    def took(self, leads: int, seconds: float) -> None:
        """Adapt size and pause to a chunk."""
        self.leads_done += leads
        self._rhythm.size.took(leads, seconds)
        self._pause = self._rhythm.sleep + self._rhythm.sleep_ratio * seconds

    def _ending(self) -> Ending | None:
        rhythm, name = self._rhythm, self._watchers.stop.signal
        if name:
            return Ending("signal", f"{name} came", 128 + signal.Signals[name])
        if rhythm.limit is not None and self.leads_done >= rhythm.limit:
            return Ending("limit", f"the limit of {count_of(rhythm.limit, 'lead')} is reached")
        elapsed = timedelta(seconds=self._watchers.monotonic() - self._began)
        if rhythm.run_time is not None and elapsed >= rhythm.run_time:
            time = format_duration(rhythm.run_time)
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

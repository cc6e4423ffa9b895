"""Office hours by the server's clock: when an archive job must not start or go on."""

from dataclasses import dataclass, replace
from datetime import timedelta

from jobs.watchers import Surroundings
from loader.api.lead_archive import IN_OFFICE_HOURS
from loader.clock import Clock
from loader.database.connection import Database
from loader.errors import OfficeHoursError
from loader.options.office_hours import OfficeHours

ASK_AGAIN = 60.0
"""Seconds after which the server's clock is read anew: it may have been set for summer."""


class ServerTime:
    """The server's clock, read now and then and counted on in between."""

    def __init__(self, database: Database, around: Surroundings) -> None:
        self._database, self._around = database, around
        self._clock: Clock | None = None
        self._read_at = 0.0

    def now(self) -> Clock:
        """Give the time."""
        elapsed = self._around.monotonic() - self._read_at
        if self._clock is None or elapsed > ASK_AGAIN:
            self._clock = self._database.read(self._around.read_clock)
            self._read_at, elapsed = self._around.monotonic(), 0.0
        return replace(self._clock, now=self._clock.now + timedelta(seconds=elapsed))


@dataclass(frozen=True)
class Hours:
    """The office hours, by the server's clock."""

    office_hours: OfficeHours | None
    time: ServerTime

    def refuse(self) -> None:
        """Refuse to begin in them.

        Raises:
            OfficeHoursError: it is office hours.
        """
        said = self.now()
        if said:
            raise OfficeHoursError(f"{IN_OFFICE_HOURS}: {said}")

    def now(self) -> str | None:
        """Say until when, if it is office hours."""
        if self.office_hours is None:
            return None
        clock = self.time.now()
        return self.office_hours.describe(clock) if self.office_hours.is_open(clock) else None

"""Office hours by the server's clock: an archive job must not start or continue in them."""

from dataclasses import dataclass, replace
from datetime import timedelta

from jobs.watchers import Watchers
from loader.api.lead_archive import IN_OFFICE_HOURS
from loader.clock import Clock
from loader.database.connection import Database
from loader.errors import OfficeHoursError
from loader.options.office_hours import OfficeHours

SECONDS_BETWEEN_READS = 60.0
"""The server's clock is read again after this time: daylight saving time may have begun."""


class ServerTime:
    """The server's clock, read now and then and advanced locally in between."""

    def __init__(self, database: Database, watchers: Watchers) -> None:
        self._database, self._watchers = database, watchers
        self._clock: Clock | None = None
        self._read_at = 0.0

    def now(self) -> Clock:
        """Give the present time of the server."""
        elapsed = self._watchers.monotonic() - self._read_at
        if self._clock is None or elapsed > SECONDS_BETWEEN_READS:
            self._clock = self._database.read(self._watchers.read_clock)
            self._read_at, elapsed = self._watchers.monotonic(), 0.0
        return replace(self._clock, now=self._clock.now + timedelta(seconds=elapsed))


@dataclass(frozen=True)
class Hours:
    """The office hours, by the server's clock."""

    office_hours: OfficeHours | None
    time: ServerTime

    def refuse(self) -> None:
        """Refuse to begin during office hours.

        Raises:
            OfficeHoursError: it is office hours.
        """
        description = self.describe()
        if description:
            raise OfficeHoursError(f"{IN_OFFICE_HOURS}: {description}")

    def describe(self) -> str | None:
        """Say when the office hours end; None outside of office hours."""
        if self.office_hours is None:
            return None
        clock = self.time.now()
        return self.office_hours.described(clock) if self.office_hours.is_open(clock) else None

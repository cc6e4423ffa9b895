"""Office hours by the server's clock: an archive job must not start or continue in them."""

from dataclasses import replace
from datetime import timedelta

from jobs.watchers import Watchers
from loader.api.lead_archive import IN_OFFICE_HOURS
from loader.clock import Clock
from loader.database.connection import Database
from loader.errors import OfficeHoursError
from loader.options.office_hours import OfficeHours

SECONDS_BETWEEN_READS = 60.0
"""The server's clock is read again after this time: daylight saving time may have begun."""


class ServerHours:
    """The office hours, by the server's clock."""

    def __init__(
        self, office_hours: OfficeHours | None, database: Database, watchers: Watchers
    ) -> None:
        self._office_hours, self._database, self._watchers = office_hours, database, watchers
        self._clock: Clock | None = None
        self._read_at = 0.0

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
        if self._office_hours is None:
            return None
        clock = self._now()
        return self._office_hours.describe(clock) if self._office_hours.is_open(clock) else None

    def _now(self) -> Clock:
        """Give the server's time; it is read now and then, and advanced locally in between."""
        elapsed = self._watchers.monotonic() - self._read_at
        if self._clock is None or elapsed > SECONDS_BETWEEN_READS:
            self._clock = self._database.read(self._watchers.read_clock)
            self._read_at, elapsed = self._watchers.monotonic(), 0.0
        return replace(self._clock, now=self._clock.now + timedelta(seconds=elapsed))

"""How many rows may be called in each hour of a day, by the call times of lists and states."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd

from loader.checks.call_times import NO_CALL_TIME, OTHER_STATE, call_kinds, open_now
from loader.clock import Clock
from loader.dialer import Dialer
from loader.results.summary import CallHours

KIND = ["call_time", "state", "offset"]

USUAL = (9, 21)
"""First and last hour, at the lead's local time, if no call times are known."""


class CallTimes:
    """Counts rows by call time, state and time zone, which decide when they may be called."""

    def __init__(self, dialer: Dialer | None, clock: Clock, by: str) -> None:
        """Begin with no rows; `by` names the call times used. Without a dialer, `USUAL` applies."""
        self._dialer, self._clock, self._by = dialer, clock, by
        self._rows = pd.Series(dtype="int64")

    def add(self, leads: pd.DataFrame) -> None:
        """Count loaded rows by list_id, gmt_offset_now (float64, hours) and state."""
        if self._dialer:
            kinds = call_kinds(leads.assign(state_given=leads["state"]), self._dialer)
        else:
            offset = leads["gmt_offset_now"].round(2) + 0.0
            kinds = pd.DataFrame(
                {"call_time": NO_CALL_TIME, "state": OTHER_STATE, "offset": offset}
            )
        counts = kinds.groupby(KIND).size()
        self._rows = self._rows.add(counts, fill_value=0) if len(self._rows) else counts

    def hours(self) -> CallHours:
        """Return how many rows may be called in each hour of the dialer's day, at half past."""
        midnight = self._clock.now.replace(hour=0, minute=30, second=0, microsecond=0)
        clocks = [replace(self._clock, now=midnight + timedelta(hours=n)) for n in range(24)]
        sign = "-" if self._clock.offset < timedelta() else "+"
        hours, minutes = divmod(abs(self._clock.offset) // timedelta(minutes=1), 60)
        kinds = self._rows.index.to_frame(index=False) if len(self._rows) else None
        return CallHours(
            day=self._clock.now.date(),
            rows=[0 if kinds is None else self._open_at(clock, kinds) for clock in clocks],
            zone=f"UTC{sign}{hours:02}:{minutes:02}",
            by=self._by,
        )

    def _open_at(self, clock: Clock, kinds: pd.DataFrame) -> int:
        if self._dialer:
            is_open = open_now(kinds, replace(self._dialer, clock=clock)).to_numpy()
        else:
            hour = clock.utc.hour + clock.utc.minute / 60
            local = (hour + kinds["offset"].to_numpy()) % 24
            is_open = (local >= USUAL[0]) & (local < USUAL[1])
        return int(self._rows.to_numpy()[is_open].sum())

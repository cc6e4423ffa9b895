"""What the report of a run tells, gathered while the run goes on."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd

from loader.calling import read_call_times
from loader.database import Database
from loader.errors import LoaderError
from loader.ledger import Ledger
from loader.lookups import Dialer
from loader.mapping import ColumnMapping
from loader.options import LoadOptions
from loader.queries import look_up_entry_dates
from loader.report.call_hours import USUAL, CallTimes
from loader.report.outcomes import LoadedRows, RejectedRows
from loader.report.record import ColumnFill, Details, Estimate, Profile, Seen
from loader.report.score import score_of
from loader.report.seen import Looking
from loader.results import Results
from loader.summary import Tally

USUAL_PACE = 4_000.0
"""Rows a second, measured on a machine of two cores; where nothing better is known."""
ENOUGH = 1_000
"""Rows of an import whose pace says something."""


class Gathering:
    """Looks at all rows of one run, before the checks and after them; what it keeps is bounded."""

    def __init__(
        self,
        mapping: ColumnMapping,
        options: LoadOptions,
        dialer: Dialer,
        database: Database | None,
        files: Results,
        columns: tuple[str, ...],
    ) -> None:
        """Begin with nothing.

        Args:
            mapping: of the file.
            options: of the run.
            dialer: its clock is read.
            database: the dialer's; None: nothing is asked.
            files: the run's; what waits on disk goes with them.
            columns: of the source file.
        """
        self._mapping, self._options, self._database = mapping, options, database
        self._columns, self._dialer = columns, dialer
        folder = files.work / "seen"
        folder.mkdir(exist_ok=True)
        self.looking = Looking(mapping, options, dialer.clock.now.date(), folder)
        self.seen = Seen()
        """What `looking` found, once all rows were read."""
        self.loaded = LoadedRows()
        self.call_times = _call_times(database, dialer)
        phone = files.numbered(mapping.fields["phone_number"])
        self.rejected = RejectedRows(phone, dialer.clock.now, self._entry_dates)

    def read(self) -> None:
        """Note that all rows were read."""
        self.seen = self.looking.seen()

    def ask_no_more(self) -> None:
        """Leave the database alone: it does not answer, or the run was interrupted."""
        self._database = None

    def profile(self, tally: Tally) -> Profile:
        """Say what the file looks like and what it is worth; `estimated` may add to it."""
        fields = {column: field for field, column in self._mapping.fields.items()}
        seen = self.seen
        return Profile(
            rows=seen.rows,
            columns=[
                ColumnFill(column=name, field=fields.get(name, ""), filled=seen.filled.get(name, 0))
                for name in self._columns
            ],
            repaired=self.loaded.repaired,
            oddities=seen.oddities,
            odd_rows=seen.odd_rows,
            repeated_numbers=seen.repeated_numbers,
            states=self.loaded.states,
            offsets=self.loaded.offsets,
            duplicate_ages=self.rejected.ages,
            call_hours=self.call_times.hours() if self.loaded.offsets else None,
            estimate=None,
            score=score_of(
                tally,
                self.rejected.reasons_all,
                seen=seen,
                fields=self._mapping.fields,
                options=self._options,
                knows_leads=self._dialer.knows_leads,
            ),
        )

    def details(self) -> Details:
        """Give the rows that the page shows."""
        return Details(
            now=self._dialer.clock.now,
            rejected=self.rejected.examples,
            odd=self.seen.odd_examples,
            repeated=self.seen.repeated,
        )

    def _entry_dates(self, ids: "pd.Series[int]", archived: bool) -> "pd.Series[pd.Timestamp]":
        if self._database is not None:
            try:
                return look_up_entry_dates(self._database, ids, archived=archived)
            except LoaderError:
                # The rows are decided; of their ages it is said that they are not known.
                self.ask_no_more()
        return pd.Series(dtype="datetime64[us]")


def estimated(rows: int, database: Database | None, ledger_folder: Path) -> Estimate:
    """Say how long rows would take to load, by what is known of imports.

    Args:
        rows: of the whole file.
        database: the dialer's, if there is one to ask.
        ledger_folder: where the ledger is, if it is a file.
    """
    pace, by = _pace(database, ledger_folder)
    return Estimate(seconds=round(rows / pace, 1), rows_a_second=round(pace, 1), by=by)


def _pace(database: Database | None, ledger_folder: Path) -> tuple[float, str]:
    """Give rows a second: of the last import into this database that was large enough."""
    if database is not None:
        with suppress(LoaderError):
            for run in Ledger.to_read(database, ledger_folder).runs(20):
                seconds = (run.ended - run.began).total_seconds() if run.ended else 0.0
                if run.job == "import" and run.state == "done" and run.rows_read >= ENOUGH:
                    return run.rows_read / max(seconds, 0.1), f"as the import {run.run} took"
    return USUAL_PACE, "as measured on a small machine; no import into this database is known"


def _call_times(database: Database | None, dialer: Dialer) -> CallTimes:
    """Find out what says when rows may be called."""
    usual = f"{USUAL[0]}:00 to {USUAL[1]}:00 where the person is"
    if database is None:
        return CallTimes(None, dialer.clock, f"{usual}, for no dialer was asked")
    try:
        known = read_call_times(database)
    except LoaderError:
        return CallTimes(None, dialer.clock, f"{usual}, for the account may not read call times")
    if known.call_times.empty:
        return CallTimes(None, dialer.clock, f"{usual}, for the dialer has no call times")
    known = replace(known, clock=dialer.clock)
    return CallTimes(known, dialer.clock, "the call times of lists, campaigns and states")

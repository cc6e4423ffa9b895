"""What the report of a run tells, gathered while the run goes on."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd

from loader.database.connection import Database
from loader.database.short_reads import ShortReads
from loader.dialer import ARCHIVE, LEADS, Access, Dialer
from loader.errors import LoaderError, describe_bug
from loader.fields.mapping import ColumnMapping
from loader.findings import Notices
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.pipeline import Screened
from loader.profile.call_hours import USUAL, CallTimes
from loader.profile.outcomes import LoadedRows, RejectedRows
from loader.profile.records import Details, RowStatistics
from loader.profile.rows import ChunkProfile, RowProfile, RowProfiler
from loader.profile.score import score_of
from loader.queries.chunk import look_up_entry_dates
from loader.queries.dialable import with_call_times
from loader.results.files import Results
from loader.results.summary import ColumnFill, Estimate, Profile, Tally

USUAL_PACE = 4_000.0
"""Rows a second, measured on a machine of two cores; where nothing better is known."""
ENOUGH = 1_000
"""Rows of an import whose pace says something."""


class ProfileBuilder:
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
        """Begin with nothing; without a database, nothing is asked."""
        self._mapping, self._options, self._database = mapping, options, database
        self._columns, self._dialer = columns, dialer
        folder = files.work / "seen"
        folder.mkdir(exist_ok=True)
        self.row_profiler = RowProfiler(mapping, options, dialer.clock.now.date())
        self._row_profile = RowProfile(self.row_profiler, folder)
        self.seen = RowStatistics()
        """What the rows look like, once all were read."""
        self.loaded = LoadedRows(folder)
        self.call_times = _call_times(database, dialer)
        column = mapping.fields["phone_number"]
        phone = files.numbered(column) if column in files.columns else ""
        self.rejected = RejectedRows(phone, dialer.clock.now, self._entry_dates)
        self.trouble = ""
        """What kept some of it from being told."""

    def read(self, profile: ChunkProfile | str | None) -> None:
        """Add what was counted of rows of the file; a text says why nothing was."""
        if isinstance(profile, str):
            self.trouble = f"the report is not complete: {profile}"
        elif profile is not None:
            with self._aside():
                self._row_profile.add(profile)

    def screened(self, screened: Screened, odd: pd.Index) -> None:
        """Look at the numbers of rows that have one, those that are rejected too.

        `odd` are those of the rows that `read` found odd.
        """
        with self._aside():
            for leads in (screened.leads, screened.with_number):
                self._row_profile.add_numbers(leads, odd)

    def all_read(self) -> None:
        """Note that all rows were read."""
        with self._aside():
            self.seen = self._row_profile.statistics()

    def count_loaded(self, leads: pd.DataFrame, notices: Notices) -> None:
        """Count loaded rows, see `LoadedRows.add`; list_id (int64) is read, too."""
        with self._aside():
            self.loaded.add(leads, notices)
            self.call_times.add(leads)

    def count_rejected(self, rejected: pd.DataFrame) -> None:
        """Count rejected rows, see `RejectedRows.add`."""
        with self._aside():
            self.rejected.add(rejected)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """See that what is only told beside the results keeps no run from its end."""
        try:
            yield
        except OSError:
            raise  # the disk is full, of which the results cannot be written either
        except Exception as error:  # noqa: BLE001 - whatever it is: leads may be in the database
            self.trouble = f"the report is not complete: {describe_bug(error)}"

    def ask_no_more(self) -> None:
        """Leave the database alone: it does not answer, or the run was interrupted."""
        self._database = None

    def profile(self, tally: Tally) -> Profile | None:
        """Say what the file looks like and what it is worth; `estimate` may add to it."""
        with self._aside():
            return self._profile(tally)
        return None

    def _profile(self, tally: Tally) -> Profile:
        fields = {column: field for field, column in self._mapping.fields.items()}
        seen, loaded = self.seen, self.loaded
        of_rows = ("rows", "oddities", "odd_rows", "repeated_numbers")
        return Profile(
            **{name: getattr(seen, name) for name in of_rows},
            **{name: getattr(loaded, name) for name in ("repaired", "states", "offsets")},
            columns=[
                ColumnFill(column=name, field=fields.get(name, ""), filled=seen.filled.get(name, 0))
                for name in self._columns
            ],
            duplicate_ages=self.rejected.ages,
            call_hours=self.call_times.hours() if self.loaded.offsets else None,
            estimate=None,
            score=score_of(
                tally,
                self.rejected.reasons_all,
                duplicates_in_file=self.rejected.of_file,
                statistics=seen,
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
                access = self._dialer.access.get(ARCHIVE if archived else LEADS, Access())
                reads = ShortReads(self._database, locks=access.locks)
                return look_up_entry_dates(reads, ids, archived=archived)
            except LoaderError:
                # The rows are decided; of their ages it is said that they are not known.
                self.ask_no_more()
        return pd.Series(dtype="datetime64[us]")


def estimate(rows: int, database: Database | None, ledger_folder: Path) -> Estimate:
    """Say how long the rows of a file would take to load, by what is known of imports."""
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
    return USUAL_PACE, "a typical rate; this database has no earlier import"


def _call_times(database: Database | None, dialer: Dialer) -> CallTimes:
    """Find out what says when rows may be called."""
    usual = f"{USUAL[0]}:00 to {USUAL[1]}:00 where the person is"
    if database is None:
        return CallTimes(None, dialer.clock, f"{usual}, because no database was used")
    try:
        known = with_call_times(dialer, database)
    except LoaderError:
        return CallTimes(None, dialer.clock, f"{usual}, for the account may not read call times")
    if known.call_times.empty:
        return CallTimes(None, dialer.clock, f"{usual}, for the dialer has no call times")
    return CallTimes(known, dialer.clock, "the call times of lists, campaigns and states")

"""One run over one source file: what it works with, and the account it keeps of every row."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import pandas as pd

from jobs.load.profile import ProfileBuilder
from jobs.watchers import Watchers
from loader.checks.settlement import EXISTING_LEAD_ID, Settlement
from loader.database.connection import Database
from loader.dialer import Dialer
from loader.feeds.feed import Feed
from loader.fields.mapping import ColumnMapping
from loader.findings import Findings, Notices
from loader.frames.arrow import counts
from loader.options.load import LoadOptions
from loader.options.report import AS_USUAL, ReportOptions
from loader.pipeline import Checks
from loader.queries.chunk import ChunkQueries
from loader.queries.existing import Ids
from loader.reading.source import SourceFile
from loader.remote.target import Target
from loader.results.files import Results
from loader.results.summary import Summary, Tally
from loader.results.wording import reason_names

COUNTED = ("number_type", "region", "state", "gmt_offset_now", "list_id", "list_id_given")
"""Columns of loaded rows by which they are counted."""
GOES = "goes_to_list"
"""Whether a counted row goes to the list that it has."""
COUNTED_AT_ONCE = 20_000


class Stopwatch(dict[str, float]):
    """Seconds by stage."""

    def __init__(self) -> None:
        super().__init__()
        self._since = perf_counter()

    def lap(self, stage: str) -> None:
        """Count the time since the last lap to a stage."""
        now = perf_counter()
        self[stage] = self.get(stage, 0.0) + now - self._since
        self._since = now

    def add(self, stage: str, seconds: float) -> None:
        """Count time that another process took for a stage."""
        self[stage] = self.get(stage, 0.0) + seconds


@dataclass(frozen=True, kw_only=True)
class ImportContext:
    """The file, the options, the dialer, what checks the file, and the results so far."""

    source: SourceFile
    mapping: ColumnMapping
    options: LoadOptions
    database: Database | None
    dialer: Dialer
    feeds: Sequence[Feed]
    checks: Checks
    queries: ChunkQueries
    settlement: Settlement
    """Knows the rows that this process has accepted."""
    files: Results
    watchers: Watchers
    profile_builder: ProfileBuilder
    reporting: ReportOptions = AS_USUAL
    target: Target | None = None
    """Another dialer, through whose API leads go; then there is no database."""
    sample_of: int | None = None
    """The rows of the file, if the source has only a sample of them."""
    compared_with: Summary | None = None
    """The summary of the file before this one."""
    remarks: list[str] = field(default_factory=list)
    """What is said of the run besides what its options and tables say."""
    seconds: Stopwatch = field(default_factory=Stopwatch)
    tally: Tally = field(default_factory=Tally)
    """What it has of loaded rows but their number is complete after `count_loaded`."""
    expected: Tally = field(default_factory=Tally)
    """What this process has accepted: the lists of its rows."""
    _uncounted: list[pd.DataFrame] = field(default_factory=list)
    _uncounted_notices: list[Notices] = field(default_factory=list)

    @property
    def destination(self) -> str | None:
        """The address that leads go to, without password; None: the file alone is looked at."""
        if self.database is not None:
            return self.database.name
        return self.target.name if self.target else None

    def source_rows(self, wanted: pd.Index) -> Iterator[pd.DataFrame]:
        """Read some rows of the source file again."""
        for chunk in self.source.chunks():
            rows = chunk.rows[chunk.rows.index.isin(wanted)]
            if len(rows):
                yield rows

    def reject(self, source: pd.DataFrame, found: Findings) -> None:
        """Note rows of the source file that are rejected."""
        if len(found):
            self.files.reject(source, found)
            self.tally.reasons.update(counts(reason_names(found)))

    def take_back(self, rows: pd.Index) -> None:
        """Forget that rows were rejected."""
        for frame in self.files.rejected():
            self.tally.reasons.subtract(counts(reason_names(frame[frame.index.isin(rows)])))
        self.files.take_back(rows)

    def load(
        self,
        accepted: pd.DataFrame,
        notices: Notices,
        lead_ids: "pd.Series[int] | None" = None,
    ) -> None:
        """Note rows that are loaded, but for those without a lead_id.

        In a validation, without lead_ids, all are noted, with that of the lead that they would
        change.
        """
        new = lead_ids is not None
        if lead_ids is None:
            nothing = pd.Series(pd.NA, index=accepted.index, dtype="Int64")
            lead_ids = accepted.get(EXISTING_LEAD_ID, nothing)
        if new and len(lead_ids) < len(accepted):
            accepted = accepted.loc[lead_ids.index]
        self._load(accepted, notices, lead_ids, new=new)

    def change(self, accepted: pd.DataFrame, notices: Notices, changes: pd.DataFrame) -> None:
        """Note rows that changed existing leads, and how."""
        self.files.change(changes)
        self._load(accepted, notices, accepted[EXISTING_LEAD_ID], new=False)

    def _load(
        self, loaded: pd.DataFrame, notices: Notices, lead_ids: "pd.Series[int]", *, new: bool
    ) -> None:
        self.files.load(lead_ids.reindex(loaded.index), notices, new=new)
        self.tally.loaded += len(loaded)
        self._uncounted.append(loaded[list(COUNTED)].assign(**{GOES: self.goes_to_list(loaded)}))
        self._uncounted_notices.append(notices)
        if sum(map(len, self._uncounted)) >= COUNTED_AT_ONCE:
            self.count_loaded()

    def loaded_ids(self) -> Ids:
        """Give the lead_ids of the rows that are in so far, new ones and changed ones."""
        return self.files.lead_ids(new=False)[:, 1]

    def goes_to_list(self, leads: pd.DataFrame) -> "pd.Series[bool]":
        """Say which rows go to the list that they have: one that updates a lead does not."""
        if EXISTING_LEAD_ID not in leads or self.options.on_duplicate == "move":
            return pd.Series(data=True, index=leads.index)
        return leads[EXISTING_LEAD_ID].isna()

    def expect(self, leads: pd.DataFrame) -> None:
        """Count accepted rows by their lists, before anything of them is inserted."""
        count_lists(self.expected, leads[self.goes_to_list(leads)])

    def count_loaded(self) -> None:
        """Count loaded rows; many at a time, for few cost nearly as much."""
        if not self._uncounted:
            return
        loaded = pd.concat(self._uncounted)
        notices = pd.concat(self._uncounted_notices)
        self._uncounted.clear()
        self._uncounted_notices.clear()
        self.tally.notices.update(rows_by_notice(notices))
        self.tally.number_types.update(counts(loaded["number_type"]))
        self.tally.regions.update(counts(loaded["region"]))
        count_lists(self.tally, loaded[loaded[GOES]])
        self.profile_builder.count_loaded(loaded, notices)


def count_lists(tally: Tally, leads: pd.DataFrame) -> None:
    """Count leads by list: list_id (int64), list_id_given (str, "" where the row names none)."""
    tally.lists.update(counts(leads["list_id"]))
    tally.without_list += int((leads["list_id_given"] == "").sum())


def rows_by_notice(notices: Notices) -> Counter[str]:
    """Count the rows of each notice; a row may have the same one of several fields."""
    names = notices["notice"]
    return Counter(counts(names[~names.to_frame().assign(row=names.index).duplicated()]))

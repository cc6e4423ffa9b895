"""The whole file through the checks before anything of it is inserted.

Rows are settled in file order as they are read. Where another of several rows that are duplicates
of one another is to be kept, all wait on disk until the order of preference is known. Rows whose
number was rejected come again, after all others, with another number of theirs.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from jobs.load.reading import Intake, RowReader, SourceChunk, Task
from jobs.load.run import ImportContext
from jobs.load.screening import Screener
from loader.checks.duplicates import KEYED
from loader.checks.duplicates_compared import Compared
from loader.checks.rejected_keys import RejectedKeys
from loader.checks.settlement import Settled
from loader.findings import (
    FINDING_TYPES,
    Findings,
    Notices,
    join_frames,
    no_findings,
    no_notices,
    notices,
)
from loader.frames.arrow import to_arrow
from loader.frames.spool import Spool
from loader.notices import Notice
from loader.options.duplicate_check import CHECKS, Kind, parse_duplicate_check
from loader.pipeline import Screened
from loader.reading.blocks import FileBlock
from loader.reasons import Reason
from loader.results.wording import reason_names

Chunks = Callable[[], Iterator[Task]]
"""Gives rows of the source file, chunk by chunk, or the blocks that have them."""

PHONE_REASONS = {
    Reason.INVALID_PHONE_CODE, Reason.PHONE_NUMBER_TOO_WIDE,
    Reason.DAMAGED_PHONE_NUMBER, Reason.INVALID_PHONE_NUMBER_LENGTH, Reason.INVALID_PHONE_NUMBER,
    Reason.INVALID_PHONE_NUMBER_PREFIX, Reason.INVALID_PHONE_NUMBER_AREACODE,
    Reason.INVALID_PHONE_NUMBER_NANPA_AREACODE_PREFIX, Reason.PHONE_NUMBER_IN_DNC,
    Reason.PHONE_NUMBER_IN_CAMPAIGN_DNC, Reason.PHONE_NUMBER_IN_FEED,
    *(
        check.reason
        for check in parse_duplicate_check("-".join(CHECKS))
        if check.kind in {Kind.PHONE, Kind.PHONEALT}
    ),
}  # fmt: skip
"""Those for which another number of the row is tried: it is the number that is at fault, not, as in
a duplicate by name or title, the person."""


class CheckStage:
    """The checks of one run over its whole file."""

    def __init__(
        self, run: ImportContext, accepted: Spool, columns: Sequence[str] | None = None
    ) -> None:
        """Take a run, and where accepted rows go.

        `columns` are those of leads that are looked at there; None: all that an insert needs.
        """
        self.run, self.checks, self.accepted = run, run.checks, accepted
        self._columns = columns
        blocks = run.source.block_reader()
        self._reader = RowReader(run.checks, blocks, run.profile_builder.row_profiler)
        self._meter = blocks.meter() if blocks else None
        """Of a file that is read in blocks."""
        # Not in the folder of results: that goes with a run that came to nothing.
        home = run.files.folder.parent / f".blocks-{run.source.sha256[:16]}"
        self._screener = Screener(
            self._reader, run.queries, run.seconds, run.files.work, home,
            run.source, run.watchers.progress,
        )  # fmt: skip
        self._uncompared = run.files.spool()
        """Rejected rows that may be duplicates besides: the database was not asked about them."""
        self._rejected_keys = RejectedKeys(run.files.spool())
        """Of all rejected rows that may be."""
        self._refused: list[pd.Series[str]] = []
        """Names of reasons by row_number, of rows for which another number is tried."""

    def check(self) -> None:
        """Take every row of the file through the checks; what passes waits on disk."""
        self._check(self._blocks if self._screener.takes_blocks else self._readable)
        self.run.profile_builder.all_read()
        self._screener.forget_blocks()
        self.run.seconds.lap("report")

    def check_again(self, rows: pd.Index) -> None:
        """Take some rows of the file through the checks, as if they were all of it."""

        def chunks() -> Iterator[SourceChunk]:
            for found in self.run.source_rows(rows):
                yield SourceChunk(found, self.checks.fields(found))

        self._check(chunks)
        self._screener.forget_blocks()

    def _check(self, chunks: Chunks) -> None:
        receivers = _Receivers(
            reject=self._reject, screened=self._screened, duplicates=self._duplicates
        )
        self._round(chunks, receivers)
        for name in self.run.options.invalid_phone_fallback:
            if name in self.checks.mapping.fields and self._refused:
                self._promote(name)
        self._find_all_reasons()

    def _find_all_reasons(self) -> None:
        """Say of rejected rows which are duplicates besides, now that all others are settled."""
        for leads in _joined(self._uncompared.read(), self.run.options.chunk_size):
            compared = self.checks.compare(leads, self.run.queries.existing_leads(leads))
            self._rejected_keys.add(leads.index, compared, leads.index)
        self._uncompared.clear()
        for rows, compared in self._rejected_keys.read():
            for reason, found in self.run.settlement.also_duplicates(rows, compared):
                self.run.files.reason_bits.add(found, reason)
        self.run.seconds.lap("all reasons")

    def _screened(self, chunk: SourceChunk, screened: Screened) -> None:
        """Note what else is known of rejected rows, and all the numbers there are."""
        self.run.files.also(screened.further)
        if self.run.options.duplicate_checks:
            self._uncompared.append(screened.with_number[list(KEYED)])
        self.run.profile_builder.screened(screened, chunk.odd)

    def _duplicates(self, rows: pd.Index, compared: Compared, found: pd.Index) -> None:
        """Let all duplicate checks decide about duplicates, not only the first that found them."""
        if len(self.run.options.duplicate_checks) > 1:
            self._rejected_keys.add(rows, compared, found)

    def _readable(self) -> Iterator[SourceChunk]:
        """Give the rows that can be read, and what is to be noted of them."""
        for chunk in self.run.source.chunks():
            yield self._reader.read(chunk, self.run.seconds)
            self.run.seconds.lap("results")

    def _blocks(self) -> Iterator[FileBlock]:
        """Give the blocks in which others read the file."""
        for block in self.run.source.blocks():
            self.run.seconds.lap("read")
            yield block
            self.run.seconds.lap("results")

    def _note(self, intake: Intake) -> None:
        """Note what was seen of a chunk before its rows were checked."""
        run = self.run
        if self._meter:
            self._meter.add_all(intake.counts)
        run.tally.rows_read += intake.records
        run.tally.blank_rows += intake.blank_rows
        run.reject(intake.rejected, intake.problems)
        run.seconds.lap("read")
        run.profile_builder.read(intake.profile)
        run.seconds.lap("report")
        done = intake.bytes_read
        run.watchers.progress("check", done, done / max(run.source.size, 1))

    def _reject(self, rows: pd.DataFrame, found: Findings) -> None:
        self.run.reject(rows, found)
        if self.run.options.invalid_phone_fallback:
            by_phone = found[found["reason"].isin(PHONE_REASONS)]
            if len(by_phone):
                self._refused.append(reason_names(by_phone))

    def _promote(self, name: str) -> None:
        """Try the number in a field for the rows whose own number was rejected."""
        refused = pd.concat(self._refused).sort_index().astype("str")
        mended: list[pd.Index] = []

        def chunks() -> Iterator[SourceChunk]:
            for rows in self.run.source_rows(refused.index):
                fields = self.checks.fields(rows)
                numbers = fields[name]
                has_number = numbers.str.strip() != ""
                promoted = fields.assign(phone_number=numbers)
                promoted[name] = ""
                yield SourceChunk(rows[has_number], promoted[has_number].astype("str"))

        def accept(rows: pd.Index) -> Notices:
            mended.append(rows)
            return notices(rows, Notice.PHONE_PROMOTED, field=name, instead_of=refused)

        self._round(chunks, _Receivers(accept=accept))
        rows = pd.Index([], dtype="int64").append(mended)
        self.run.take_back(rows)
        refused = refused.drop(rows)
        self._refused = [refused] if len(refused) else []

    def _round(self, chunks: Chunks, receivers: "_Receivers") -> None:
        if self.run.options.keep != "first":
            self._settle_by_preference(chunks, receivers)
            return
        with closing(self._screen(chunks, receivers)) as screened_chunks:
            for chunk, screened in screened_chunks:
                settled = self._settle(screened.leads, receivers, screened.compared)
                self._accept(chunk, screened.leads, screened.notices, settled, receivers)

    def _settle_by_preference(self, chunks: Chunks, receivers: "_Receivers") -> None:
        waiting = []
        with closing(self._screen(chunks, receivers)) as screened_chunks:
            for chunk, screened in screened_chunks:
                waiting.append(_Waiting.of(screened, chunk.fields, self.run.files.spool))
        for each, leads in by_preference(waiting, self.run.options.keep):
            each.settled(self._settle(leads, receivers))
        self._reader = self._reader.without_profile()
        for task, each in zip(chunks(), waiting, strict=True):
            chunk = self._reader.chunk_of(task, self.run.seconds)
            leads, notices = each.leads_with_notices()
            if len(leads):
                self._accept(chunk, leads, notices, each.all_settled(), receivers)

    def _screen(
        self, chunks: Chunks, receivers: "_Receivers"
    ) -> Generator[tuple[SourceChunk, Screened], None, None]:
        """Check rows of the source file by themselves, and note which are rejected."""
        with closing(self._screener.screen(chunks())) as screened_chunks:
            for chunk, screened in screened_chunks:
                if chunk.intake:
                    self._note(chunk.intake)
                receivers.reject(chunk.rows, screened.rejected)
                receivers.screened(chunk, screened)
                yield chunk, screened

    def _settle(
        self, leads: pd.DataFrame, receivers: "_Receivers", compared: Compared | None = None
    ) -> Settled:
        """Find the duplicates among screened leads, in their order."""
        if compared is None:
            answers = self.run.queries.existing_leads(leads)
            self.run.seconds.lap("look up")
            compared = self.checks.compare(leads, answers)
        settled = self.run.settlement.settle(leads, compared)
        receivers.duplicates(leads.index, compared, settled.findings.index)
        self.run.seconds.lap("duplicates")
        return settled

    def _accept(
        self,
        chunk: SourceChunk,
        leads: pd.DataFrame,
        noticed: Notices,
        settled: Settled,
        receivers: "_Receivers",
    ) -> None:
        """Reject the duplicates among leads, and let the others wait for the insert."""
        receivers.reject(chunk.rows, settled.findings)
        leads = settled.staying(leads)
        self.run.expect(leads)
        answers = self.run.queries.days_ahead(self.checks.days_ahead(leads))
        leads, of_extras = self.checks.complete(leads, answers)
        self.run.seconds.lap("extras")
        western = notices(chunk.western, Notice.READ_AS_CP1252)
        noticed = join_frames([western, noticed, receivers.accept(leads.index), of_extras])
        kept = self.checks.needed(leads) if self._columns is None else leads[[*self._columns]]
        self.accepted.append(kept, noticed[noticed.index.isin(leads.index)])


@dataclass(frozen=True, kw_only=True)
class _Receivers:
    """What takes the findings of a round, chunk by chunk."""

    reject: Callable[[pd.DataFrame, Findings], None] = lambda _rows, _found: None
    """Takes rows, some of which are rejected."""
    accept: Callable[[pd.Index], Notices] = lambda _rows: no_notices()
    """Takes the row numbers of leads that stay; gives what there is to notice about them."""
    screened: Callable[[SourceChunk, Screened], None] = lambda _chunk, _screened: None
    duplicates: Callable[[pd.Index, Compared, pd.Index], None] = lambda _rows, _compared, _found: (
        None
    )
    """Takes row numbers, what is known of these rows, and those that are duplicates."""


@dataclass
class _Waiting:
    """A screened chunk on disk until its rows' turn comes, and what was then found."""

    spool: Spool
    counts: frozenset[int]
    """The numbers of filled fields that its rows have."""
    found: Spool
    changes: "list[pd.Series[int] | None]"

    @classmethod
    def of(cls, screened: Screened, fields: pd.DataFrame, spool: Callable[[], Spool]) -> "_Waiting":
        """Put the screened leads of a chunk on disk; `fields` are those of all its rows."""
        filled = filled_fields(fields).reindex(screened.leads.index)
        kept = spool()
        kept.append(screened.leads.assign(filled=filled), screened.notices)
        kept.close()
        return cls(kept, frozenset(filled.unique().tolist()), spool(), [])

    def rows(self) -> pd.DataFrame:
        """Read the leads back, each with how many of its fields are `filled` (int64)."""
        frames = list(self.spool.read())
        return pd.concat(frames) if frames else pd.DataFrame({"filled": []})

    def settled(self, settled: Settled) -> None:
        """Note what was found of some of the rows, in whatever order they have their turn."""
        self.found.append(settled.findings)
        self.found.close()
        self.changes.append(settled.changing)

    def leads_with_notices(self) -> tuple[pd.DataFrame, Notices]:
        """Read the leads back, and what was noticed of them."""
        frames = list(self.spool.read_with_notes())
        if not frames:
            return pd.DataFrame(), no_notices()
        leads, noticed = (pd.concat(parts) for parts in zip(*frames, strict=True))
        return leads.drop(columns="filled"), noticed

    def all_settled(self) -> Settled:
        """Give what was found in all turns, by row_number."""
        frames = [frame.astype(FINDING_TYPES) for frame in self.found.read()]
        found = pd.concat([no_findings(), *frames]).sort_index()
        changes = [changing for changing in self.changes if changing is not None]
        return Settled(found, pd.concat(changes).sort_index() if changes else None)


def _joined(frames: Iterator[pd.DataFrame], most: int) -> Iterator[pd.DataFrame]:
    """Put small frames together, up to about so many rows: each question takes its time."""
    waiting: list[pd.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(map(len, waiting)) >= most:
            yield pd.concat(waiting)
            waiting = []
    if waiting:
        yield pd.concat(waiting)


def by_preference(waiting: list[_Waiting], keep: str) -> Iterator[tuple[_Waiting, pd.DataFrame]]:
    """Give the rows that wait, those to keep before others: the last, or the most filled, first."""
    if keep == "last":
        for each in reversed(waiting):
            if each.counts:
                yield each, each.rows()[::-1].drop(columns="filled")
        return
    for count in sorted(set().union(*(each.counts for each in waiting)), reverse=True):
        for each in waiting:
            if count in each.counts:
                rows = each.rows()
                yield each, rows[rows["filled"] == count].drop(columns="filled")


def filled_fields(fields: pd.DataFrame) -> "pd.Series[int]":
    """Count the fields of each row that are not blank."""
    filled = np.zeros(len(fields), dtype=np.int64)
    for name in fields:
        blank = pc.match_substring_regex(to_arrow(fields[name]), r"^\s*$")
        filled += ~blank.to_numpy()
    return pd.Series(filled, index=fields.index)

"""The rows of the source file on their way to the checks, and what is seen of them before these."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from jobs.load.run import Stopwatch
from loader.checks.blanks import empty_nulls
from loader.errors import describe_bug
from loader.findings import (
    FINDING_TYPES,
    Findings,
    findings,
    join_frames,
    no_findings,
    without_rows,
)
from loader.pipeline import Checks
from loader.profile.rows import ChunkProfile, RowProfiler
from loader.reading.blocks import BlockReader, FileBlock
from loader.reading.limits import RowCounts
from loader.reading.records import Chunk
from loader.reasons import Reason
from loader.results.files import not_corrected

NO_ROWS: pd.Index = pd.Index([], dtype="int64")


@dataclass(frozen=True)
class Intake:
    """What is noted once of a chunk of the file, besides the rows that are checked."""

    records: int
    blank_rows: int
    rejected: pd.DataFrame
    """Records that are no rows, and rows with a value that could not be read: columns of the source
    (str); index row_number."""
    problems: Findings
    """Why."""
    profile: ChunkProfile | str | None
    """A text: why there is none. None: it was not asked for."""
    bytes_read: int
    counts: RowCounts = ()
    """For the meter of the file, if the chunk was a block."""


@dataclass(frozen=True)
class SourceChunk:
    """Rows of the source file on their way through the checks, and what was seen of them."""

    rows: pd.DataFrame
    """The columns of the source (str); index row_number."""
    fields: pd.DataFrame
    """The same rows, named as fields, see `Checks.fields`."""
    western: pd.Index = field(default_factory=lambda: NO_ROWS)
    """Rows that were not UTF-8, where others are."""
    intake: Intake | None = None
    """None: the rows were noted before."""

    @property
    def odd(self) -> pd.Index:
        """Rows with a value that looks wrong, see `loader.profile.rows`."""
        profile = self.intake and self.intake.profile
        return profile.odd if isinstance(profile, ChunkProfile) else NO_ROWS


Task = SourceChunk | FileBlock
"""Rows to be screened: they are read, or a block has them."""


@dataclass(frozen=True)
class RowReader:
    """Makes fields of the records of a file; it can be sent to another machine."""

    checks: Checks
    blocks: BlockReader | None
    """None: the file is not read in blocks."""
    profiler: RowProfiler | None
    """None: they are counted elsewhere."""

    def read(
        self, chunk: Chunk, seconds: Stopwatch, span: range = range(0), *, counts: RowCounts = ()
    ) -> SourceChunk:
        """Give the rows of a chunk that can be read; `span` is as for `RowProfiler`."""
        options, mapping = self.checks.options, self.checks.mapping
        unread = _unread(chunk, mapping.fields.values(), options.null_values)
        seconds.lap("read")
        profile = self._profile(chunk.rows, span)
        seconds.lap("report")
        intake = Intake(
            len(chunk.rows) + len(chunk.rejected),
            chunk.blank_rows,
            join_frames([chunk.rejected, chunk.rows.loc[unread.index]]),
            join_frames([_as_findings(chunk.problems), unread]),
            profile,
            chunk.bytes_read,
            counts,
        )
        rows = without_rows(chunk.rows, unread.index)
        fields = self.checks.fields(rows)
        seconds.lap("read")
        return SourceChunk(rows, fields, chunk.western, intake)

    def chunk_of(self, task: Task, seconds: Stopwatch) -> SourceChunk:
        """Read a block likewise; rows that are read are given as they are.

        Raises:
            MissingBlockError: see `BlockReader`.
        """
        if isinstance(task, SourceChunk):
            return task
        assert self.blocks is not None  # noqa: S101 - for mypy: there is a block
        chunk, counts = self.blocks.read(task)
        span = range(task.first_row, task.first_row + task.rows)
        return self.read(chunk, seconds, span, counts=counts)

    def without_profile(self) -> "RowReader":
        """Give a reader of rows that are counted elsewhere."""
        return replace(self, profiler=None)

    def _profile(self, rows: pd.DataFrame, span: range) -> ChunkProfile | str | None:
        try:
            return self.profiler.profile(rows, span) if self.profiler else None
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - what is only told keeps no run from its end
            return describe_bug(error)


def _unread(chunk: Chunk, columns: Collection[str], null_values: Sequence[str]) -> Findings:
    """Find the rows with a value that could not be read, now or when a reject file was written.

    `columns` are those that are loaded: in others a cell may show what it likes. Errors such as
    #N/A that `null_values` name stand for an empty value.
    """
    found, cells = not_corrected(chunk.rows), chunk.cell_problems
    if cells.empty:
        return found
    is_null = (cells["value"] != "") & (empty_nulls(cells["value"], null_values) == "")
    asked = cells["column"].isin(columns) & ~is_null & ~cells.index.isin(found.index)
    texts = cells["text"][asked]
    texts = texts.groupby(level=0).agg("; ".join)
    without_value = findings(texts.index, Reason.CELL_WITHOUT_VALUE, text=texts)
    return join_frames([found, without_value]).sort_index()


def _as_findings(problems: pd.DataFrame) -> Findings:
    """Turn what the reader rejected into findings."""
    if problems.empty:
        return no_findings()
    found = problems.rename(columns={"details": "text"}).assign(answer="", answer_tail="")
    return found.reindex(columns=list(FINDING_TYPES)).astype(FINDING_TYPES)

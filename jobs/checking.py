"""The whole file through the checks before anything of it is inserted.

Rows are settled in file order as they are read. Where another of several rows that are duplicates
of one another is to be kept, all wait on disk until the order of preference is known. Rows whose
number was rejected come again, after all others, with another number of theirs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from jobs.run import Run
from loader.columnar import to_arrow
from loader.duplicates import CHECKS, Kind, parse_duplicate_check
from loader.findings import FINDING_TYPES, Findings, no_findings, notices
from loader.pipeline import Checks, noticing
from loader.reasons import Notice, Reason
from loader.results import not_corrected
from loader.spool import Spool

Chunks = Callable[[], Iterator[tuple[pd.DataFrame, pd.DataFrame]]]
"""Reads rows of the source file, chunk by chunk, beside the same rows named as fields."""

PHONE_REASONS = {
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


class Checking:
    """The checks of one run over its whole file."""

    def __init__(self, run: Run, checks: Checks, accepted: Spool) -> None:
        """Take checks that have accepted nothing yet, and where accepted rows go."""
        self.run, self.checks, self.accepted = run, checks, accepted
        self._was_read = False
        self._refused: list[pd.Series[str]] = []
        """Reasons by row_number, of rows for which another number is tried."""

    def check(self) -> None:
        """Take every row of the file through the checks; what passes waits on disk."""
        self._check(self._readable)

    def check_again(self, rows: pd.Index) -> None:
        """Take some rows of the file through the checks, as if they were all of it."""

        def chunks() -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
            for found in self.run.source_rows(rows):
                yield found, self.checks.fields(found)

        self._check(chunks)

    def _check(self, chunks: Chunks) -> None:
        self._round(chunks, self._reject)
        for name in self.run.options.invalid_phone_fallback:
            if name in self.checks.mapping.fields and self._refused:
                self._promote(name)

    def _readable(self) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Give the rows that can be read; the first time through, note the others."""
        first, self._was_read = not self._was_read, True
        run, lap = self.run, self.checks.seconds.lap
        for chunk in run.source.chunks():
            unread = not_corrected(chunk.rows)
            if first:
                run.tally.rows_read += len(chunk.rows) + len(chunk.rejected)
                run.reject(chunk.rejected, as_findings(chunk.problems))
                run.reject(chunk.rows, unread)
            rows = chunk.rows.drop(unread.index)
            lap("read")
            yield rows, self.checks.fields(rows)
            lap("results")
            run.watchers.progress("check", chunk.bytes_read, run.source.size)

    def _reject(self, rows: pd.DataFrame, found: Findings) -> None:
        self.run.reject(rows, found)
        if self.run.options.invalid_phone_fallback:
            reasons = found["reason"]
            by_phone = reasons.str.replace(r":.*", "", regex=True).isin(PHONE_REASONS)
            if by_phone.any():
                self._refused.append(reasons[by_phone])

    def _promote(self, name: str) -> None:
        """Try the number in a field for the rows whose own number was rejected."""
        refused = pd.concat(self._refused).sort_index().astype("str")
        mended: list[pd.Index] = []

        def chunks() -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
            for rows in self.run.source_rows(refused.index):
                fields = self.checks.fields(rows)
                numbers = fields[name]
                there = numbers.str.strip() != ""
                promoted = fields.assign(phone_number=numbers)
                promoted[name] = ""
                yield rows[there], promoted[there].astype("str")

        def accept(leads: pd.DataFrame) -> pd.DataFrame:
            mended.append(leads.index)
            details = f"field={name} instead_of=" + refused[leads.index]
            return noticing(leads, notices(leads.index, Notice.PHONE_PROMOTED, details))

        self._round(chunks, lambda _rows, _found: None, accept)
        rows = pd.Index([], dtype="int64").append(mended)
        self.run.take_back(rows)
        refused = refused.drop(rows)
        self._refused = [refused] if len(refused) else []

    def _round(
        self,
        chunks: Chunks,
        reject: Callable[[pd.DataFrame, Findings], None],
        accept: Callable[[pd.DataFrame], pd.DataFrame] = lambda leads: leads,
    ) -> None:
        """Take chunks through all checks."""
        if self.run.options.keep != "first":
            self._settle_by_preference(chunks, reject, accept)
            return
        for rows, fields in chunks():
            screened = self.checks.screen(fields)
            reject(rows, screened.rejected)
            found, changing = self.checks.settle(screened.leads)
            reject(rows, found)
            leads = self.checks.staying(screened.leads, found, changing)
            self.accepted.append(self.checks.complete(accept(leads)))

    def _settle_by_preference(
        self,
        chunks: Chunks,
        reject: Callable[[pd.DataFrame, Findings], None],
        accept: Callable[[pd.DataFrame], pd.DataFrame],
    ) -> None:
        waiting = []
        for rows, fields in chunks():
            screened = self.checks.screen(fields)
            reject(rows, screened.rejected)
            waiting.append(_Waiting.of(screened.leads, fields, self.run.files.spool))
        for each, leads in by_preference(waiting, self.run.options.keep):
            each.settled(*self.checks.settle(leads))
        for (rows, _), each in zip(chunks(), waiting, strict=True):
            found, changing = each.findings(), each.changing()
            reject(rows, found)
            leads = self.checks.staying(each.leads(), found, changing)
            if len(leads):
                self.accepted.append(self.checks.complete(accept(leads)))


@dataclass
class _Waiting:
    """A screened chunk on disk until its rows' turn comes, and what was then found."""

    spool: Spool
    counts: frozenset[int]
    """The numbers of filled fields that its rows have."""
    found: Spool
    changes: "list[pd.Series[int]]"

    @classmethod
    def of(
        cls, leads: pd.DataFrame, fields: pd.DataFrame, spool: Callable[[], Spool]
    ) -> "_Waiting":
        """Put the screened `leads` of a chunk on disk; `fields` are those of all its rows."""
        filled = filled_fields(fields).reindex(leads.index)
        kept = spool()
        kept.append(leads.assign(filled=filled))
        kept.close()
        return cls(kept, frozenset(filled.unique().tolist()), spool(), [])

    def rows(self) -> pd.DataFrame:
        """Read the leads back, each with how many of its fields are `filled` (int64)."""
        frames = list(self.spool.read())
        return pd.concat(frames) if frames else pd.DataFrame({"filled": []})

    def leads(self) -> pd.DataFrame:
        """Read the leads back as they were put away."""
        return self.rows().drop(columns="filled")

    def settled(self, found: Findings, changing: "pd.Series[int]") -> None:
        """Note what was found of some of the rows, in whatever order they have their turn."""
        self.found.append(found)
        self.found.close()
        self.changes.append(changing)

    def findings(self) -> Findings:
        """Give the findings of all turns, by row_number."""
        frames = [frame.astype(FINDING_TYPES) for frame in self.found.read()]
        return pd.concat([no_findings(), *frames]).sort_index()

    def changing(self) -> "pd.Series[int]":
        """Give the existing lead (Int64) of each row that changes one, by row_number."""
        changes: pd.Series[int] = pd.concat([pd.Series(dtype="Int64"), *self.changes])
        return changes.sort_index()


def by_preference(waiting: list[_Waiting], keep: str) -> Iterator[tuple[_Waiting, pd.DataFrame]]:
    """Give the rows that wait, those to keep before others: the last, or the most filled, first."""
    if keep == "last":
        for each in reversed(waiting):
            if each.counts:
                yield each, each.leads()[::-1]
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


def as_findings(problems: pd.DataFrame) -> Findings:
    """Turn what the reader rejected into findings."""
    found = problems.assign(answer="", answer_tail="")
    return found.reindex(columns=list(FINDING_TYPES)).astype(FINDING_TYPES)

"""The jobs archive and dearchive for leads of another dialer, which is reached by its API alone."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from jobs.archive.request import MoveRequest
from jobs.archive.run import MESSAGES
from jobs.pace import Ending
from jobs.watchers import Watchers
from loader.archive.outcome import Counts, Stay
from loader.archive.report import ArchiveReport, report_lines
from loader.archive.results import CHUNK_COLUMNS, MOVED_HEADER
from loader.archive.selection import Ids
from loader.clock import end_of
from loader.errors import (
    LeadIdsError,
    LoaderError,
    OfficeHoursError,
    ResultsError,
    TargetUnavailableError,
    UsageError,
)
from loader.ledger.returned import note_moved, noted_leads
from loader.ledger.runs import Ledger, run_name
from loader.options.archive import ArchiveOptions
from loader.remote.archive import LeadMover, Moved
from loader.remote.calls import Caller
from loader.remote.target import Target
from loader.results.folder import SUMMARY, TEXT, ResultFolder
from loader.results.lines import count_of
from loader.signals import Interrupted

SERVED = {"insert", "update", "delete", "chunk_size"}
"""Options that the API has, or that are about its calls."""

MOST_NAMED = 10
"""lead_ids that a message names."""


def move_by_api(
    request: MoveRequest,
    options: ArchiveOptions,
    target: Target,
    results: Path | None = None,
    *,
    ledger_folder: Path,
    watchers: Watchers | None = None,
) -> ArchiveReport:
    """Move given leads by the Lead Archive API, chunk by chunk.

    Leads that are not there are left out; if no run before this one moved them, the exit code of
    the report is that of wrong lead_ids.

    Returns:
        The report, also if an error ended the run after its first call.

    Raises:
        UsageError: the request or the options need a database.
        ConfigurationError: the key is missing, or certificates cannot be used.
    """
    lead_ids = _given(request, options)
    target.refuse_without_key()
    watchers = watchers or Watchers()
    with closing(Caller(target)) as caller:
        run = _RemoteRun(request, options, target, results, ledger_folder, watchers)
        watchers.say(f"{request.job} {request}: by the API of {target.name}")
        ending = run.move(LeadMover(caller, request.job, _steps(request, options)), lead_ids)
    return run.report(ending)


def _given(request: MoveRequest, options: ArchiveOptions) -> Ids:
    """Give the leads. UsageError: a rule selects them, or an option is given that is not served."""
    if request.lead_ids is None:
        raise UsageError(
            "the API of another dialer takes lead_ids alone: give --lead-ids or --lead-ids-file; "
            "a rule and conditions need a database"
        )
    if unserved := sorted({*options.model_dump(exclude_defaults=True)} - SERVED):
        raise UsageError(
            f"{', '.join(unserved)}: the API of another dialer has nothing of the kind; leave "
            f"{'it' if len(unserved) == 1 else 'them'} out, or name a database"
        )
    return request.lead_ids


def _steps(request: MoveRequest, options: ArchiveOptions) -> dict[str, bool]:
    """Give the steps as the API has them; a way back updates nothing."""
    names = ("insert", "update", "delete") if request.job == "archive" else ("insert", "delete")
    return {f"{name}_leads": getattr(options, name) for name in names}


class _RemoteRun:
    """One run: what was answered so far, and its result files."""

    def __init__(
        self,
        request: MoveRequest,
        options: ArchiveOptions,
        target: Target,
        results: Path | None,
        ledger_folder: Path,
        watchers: Watchers,
    ) -> None:
        self.request, self.options, self.target = request, options, target
        self.watchers, self.began = watchers, datetime.now(UTC)
        self.name = run_name(self.began, request.job)
        watchers.named(self.name)
        self.files = ResultFolder(results or Path("results") / self.name)
        self.files.refuse_results((SUMMARY, "chunks.csv"))
        self.ledger = Ledger.of_target(target.ledger_name, ledger_folder)
        self.before = noted_leads(self.ledger, _kind(request))
        self.done: list[Moved] = []
        self.last_lead_id: int | None = None
        self.unfinished: tuple[int, int] | None = None
        self.chunks: list[tuple[Any, ...]] = []

    def move(self, mover: LeadMover, lead_ids: Ids) -> Ending:
        """Move all chunks; give why it ended, errors included."""
        try:
            for number, chunk in enumerate(_chunks(lead_ids, self.options.chunk_size), 1):
                if self.watchers.stop.signal:
                    end = Interrupted(self.watchers.stop.signal)
                    return Ending("signal", f"{end} came", end.exit_code)
                self._move(mover, number, chunk)
                done = sum(len(each.sent) + len(each.missing) for each in self.done)
                self.watchers.progress(self.request.job, done, done / len(lead_ids))
        except OfficeHoursError as error:
            self.unfinished = None  # nothing of the chunk was done
            return Ending("office_hours", str(error), error.exit_code)
        except LoaderError as error:
            return Ending("error", str(error), error.exit_code)
        return self._done()

    def _move(self, mover: LeadMover, number: int, chunk: Ids) -> None:
        self.unfinished = int(chunk[0]), int(chunk[-1])
        # Before: if the answer is lost, the next run knows why they are missing.
        self._note(number, chunk)
        since = perf_counter()
        try:
            moved = mover.move(chunk)
        except TargetUnavailableError:
            raise  # some may have been moved
        except LoaderError:
            self._note(number, chunk[:0])
            raise
        self._note(number, chunk if moved.is_repeated else moved.sent)
        self.done.append(moved)
        self.last_lead_id, self.unfinished = int(chunk[-1]), None
        ended = datetime.now(UTC).isoformat(timespec="milliseconds")
        seconds = f"{perf_counter() - since:.3f}"
        counts = _counts(moved)
        self.chunks.append((number, chunk[0], chunk[-1], *counts, seconds, ended))

    def _note(self, number: int, lead_ids: Ids) -> None:
        kind, now = _kind(self.request), datetime.now(UTC)
        note_moved(self.ledger, self.name, number, lead_ids, now, kind)

    def _done(self) -> Ending:
        unknown = self._unknown()
        if not len(unknown):
            return Ending("done", "all leads were looked at")
        named = ", ".join(map(str, unknown[:MOST_NAMED])) + ", ..." * (len(unknown) > MOST_NAMED)
        why = f"all others were looked at; {count_of(len(unknown), 'lead_id')} not found: {named}"
        return Ending("done", why, LeadIdsError.exit_code)

    def _unknown(self) -> Ids:
        """Give the leads that were not there, and that neither this nor another run moved."""
        found = [each.missing for each in self.done if not each.is_repeated]
        missing = np.concatenate([np.empty(0, np.int64), *found])
        return missing[~np.isin(missing, self.before)]

    def report(self, ending: Ending) -> ArchiveReport:
        """Make the report and write the result files; the report says if that fails."""
        counts = reduce(Counts.plus, map(_counts, self.done), Counts())
        missing = sum(len(each.missing) for each in self.done)
        sent = sum(len(each.sent) for each in self.done)
        left = counts.select_count - counts.delete_count
        deletes = self.options.delete
        stayed = {str(Stay.CHANGED): left} if left and deletes else {}
        report = ArchiveReport(
            run=self.name, job=self.request.job, which=str(self.request),
            options=self.options.model_dump(mode="json", exclude_defaults=True),
            database=self.target.name, began=self.began, ended=end_of(self.began), made=[],
            remarks=self._remarks(), preview=None, message=MESSAGES.get(ending.stopped, ending.why),
            looked_at=sent + missing, moved=counts.delete_count, stayed=stayed,
            kept=0 if deletes else left, gone=missing + sent - counts.select_count,
            chunks=len(self.done), children={}, stopped_at=self.last_lead_id,
            unfinished=self.unfinished, waited={}, results=str(self.files.folder),
            **counts._asdict(), **ending._asdict(),
        )  # fmt: skip
        try:
            self._write(report)
        except (OSError, ResultsError, UsageError) as error:
            report.remarks.append(f"results folder {self.files.folder}: {error}")
        return report

    def _remarks(self) -> list[str]:
        lost = sum(len(each.missing) for each in self.done if each.is_repeated)
        said = []
        if lost:
            said.append(
                f"an answer was lost: {count_of(lost, 'lead')} of its call had gone when it was "
                "made again, most likely moved by it; the counts are without them"
            )
        if any(_counts(each).select_count > _counts(each).delete_count for each in self.done):
            said.append("which leads stayed is not known; moved.csv is without their chunks")
        return said

    def _write(self, report: ArchiveReport) -> None:
        whole = [it.sent for it in self.done if len(it.sent) == _counts(it).delete_count]
        with self.files.making(), self.files.writing():
            with (self.files.folder / "chunks.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows([CHUNK_COLUMNS, *self.chunks])
            self.files.write("moved.csv", _column(MOVED_HEADER, whole))
            self.files.write("gone.csv", _column(MOVED_HEADER, [it.missing for it in self.done]))
            self.files.write_lines(TEXT, report_lines(report))
            self.files.write_summary(report)


def _kind(request: MoveRequest) -> str:
    """Name the batches of the ledger that have the leads which such runs moved."""
    return f"{request.job} by API"


def _chunks(lead_ids: Ids, size: int) -> Iterator[Ids]:
    for start in range(0, len(lead_ids), size):
        yield lead_ids[start : start + size]


def _counts(moved: Moved) -> Counts:
    return Counts(**moved.counts)


def _column(header: str, lead_ids: Iterable[Ids]) -> str:
    return header + "".join(f"{lead_id}\n" for each in lead_ids for lead_id in each.tolist())

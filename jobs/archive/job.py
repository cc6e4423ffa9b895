"""The jobs archive and dearchive: they move leads between two tables, chunk by chunk."""

import hashlib
import signal
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from jobs.archive.hours import ServerHours
from jobs.pace import Ending, Pace, Rhythm
from jobs.watchers import Watchers
from loader.api.lead_archive import IN_OFFICE_HOURS, SUCCESS
from loader.archive.archiver import Archiver, nobody
from loader.archive.journal import Journal, left_behind, unclear_remark
from loader.archive.preview import undefined
from loader.archive.report import ArchiveReport, PreviewSummary
from loader.archive.results import ArchiveResults, complete_moved
from loader.archive.selection import Ids, Leads
from loader.clock import end_of
from loader.database.address import read_address
from loader.database.connection import Database
from loader.database.throttle import Throttle
from loader.errors import (
    ConfigurationError,
    LoaderError,
    NotAllowedError,
    ResultsError,
    UsageError,
)
from loader.ledger.returned import note_returned, returned_since
from loader.ledger.runs import Ledger, run_name
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.options.office_hours import OfficeHours
from loader.results.lines import count_of
from loader.rights import needs
from loader.rights.refusal import refuse_unreadable, refuse_unwritable

Direction = Literal["archive", "dearchive"]


@dataclass(frozen=True)
class MoveRequest:
    """The leads to move: those with given lead_ids, or those that match a rule."""

    job: Direction
    rule: ArchiveRule | None = None
    lead_ids: Ids | None = None
    only_source: bool = False
    """Given leads that were moved before are refused, as the Lead Archive API does."""

    @classmethod
    def of_leads(
        cls, job: Direction, lead_ids: Iterable[int], *, only_source: bool = False
    ) -> "MoveRequest":
        """Ask for given leads."""
        return cls(job, lead_ids=np.array([*lead_ids], np.int64), only_source=only_source)

    @property
    def digest(self) -> str:
        """Tell requests for other leads apart; "" for a rule, which says itself what it selects."""
        if self.lead_ids is None:
            return ""
        return hashlib.sha256(np.sort(self.lead_ids).astype("<i8").tobytes()).hexdigest()

    def __str__(self) -> str:
        """Describe the leads."""
        if self.lead_ids is not None:
            return count_of(len(self.lead_ids), "given lead")
        conditions = self.rule.conditions() if self.rule else {}
        return f"leads with {', '.join(f'{name} {text}' for name, text in conditions.items())}"


class Folders(NamedTuple):
    """Where a run has its results, and finds what is not its own."""

    earlier: Path | None = None
    """The results of runs before it; None: beside its own."""
    ledger: Path | None = None
    """A ledger that is a file; None: beside its own results."""
    results: Path = Path("results")
    """In which a run makes a folder of its own, if it is given none."""

    def of_ledger(self, results: Path | None) -> Path:
        """Give the folder of the ledger of a run with such results."""
        return self.ledger or (results.parent if results else self.results)


def move(
    request: MoveRequest,
    options: ArchiveOptions,
    database: Database,
    results: Path | None = None,
    *,
    folders: Folders = Folders(),  # noqa: B008 - it does not change
    office_hours: OfficeHours | None = None,
    watchers: Watchers | None = None,
) -> ArchiveReport:
    """Move leads until all are moved or the run is stopped; a dry run counts them only.

    In office hours nothing is archived; leads may be moved back at any time.

    Runs that were killed are settled first, where their results are found. The ledger notes the
    leads that come back, and a rule leaves them alone for a time.

    Returns:
        The report, also if an error ended the run after its first chunk began.

    Raises:
        UsageError: the options leave no step to do.
        OfficeHoursError: it is office hours.
        LeadIdsError: some of the given leads do not exist.
        LoaderError: the run cannot begin, see `loader.errors`; no lead was moved.
        Interrupted: a signal came; no lead was moved.
    """
    watchers = watchers or Watchers()
    if not _steps(request, options) and not options.dry_run:
        flags = ", ".join(f"--no-{step}" for step in STEPS[request.job])
        raise UsageError(f"{flags}: nothing is left to do; leave one out, or use --dry-run")
    if request.job == "dearchive" or options.ignore_office_hours or options.dry_run:
        office_hours = None
    of_move = needs.of_archive if request.job == "archive" else needs.of_dearchive
    hours = ServerHours(office_hours, database, watchers)
    with closing(Throttle(database, options)) as throttle:
        with watchers.stop.end_at_once():
            hours.refuse()
            throttle.check()
            refuse_unreadable(database, lambda site: of_move(options, site))
            refuse_unwritable(database, lambda site: of_move(options, site))
            run = ArchiveRun.begin(request, options, database, results, folders, watchers)
        pace = Pace(throttle, Rhythm.of_moves(options), watchers, office_hours=hours.describe)
        job = ArchiveJob(run, pace, watchers)
        ending = job.run_to_the_end() if run.preview is None else DRY_RUN
    return run.report(ending, job)


def _steps(request: MoveRequest, options: ArchiveOptions) -> list[str]:
    return [step for step in STEPS[request.job] if getattr(options, step)]


STEPS: dict[Direction, tuple[str, ...]] = {
    "archive": ("insert", "update", "delete"),
    "dearchive": ("insert", "delete"),
}
MESSAGES = {"done": SUCCESS, "office_hours": IN_OFFICE_HOURS}
"""The messages that the Lead Archive API defines, by the reason for the end."""

DRY_RUN = Ending("dry_run", "a dry run: nothing was written")


@dataclass(frozen=True, kw_only=True)
class ArchiveRun:
    """A run that is ready to move its first chunk."""

    request: MoveRequest
    began: datetime
    name: str
    archiver: Archiver
    leads: Leads
    files: ArchiveResults
    preview: PreviewSummary | None
    """In a dry run only."""
    remarks: list[str]
    ledger: Ledger | None
    """Notes the leads that come back; None: none do."""

    @classmethod
    def begin(
        cls,
        request: MoveRequest,
        options: ArchiveOptions,
        database: Database,
        results: Path | None,
        folders: Folders,
        watchers: Watchers,
    ) -> "ArchiveRun":
        """Read the tables, create missing archives and select the leads; a dry run counts them."""
        began = datetime.now(UTC)
        name = run_name(began, request.job)
        watchers.named(name)
        folder = results or folders.results / name
        files = ArchiveResults(folder, _command(request, options, database), request.digest)
        with ExitStack() as on_failure:
            on_failure.callback(files.discard)
            archiver = Archiver(database, options, request.rule, request.job)
            below = folders.earlier or folder.parent
            killed = settle_killed(archiver, below, request, files.journal)
            ledger, returned, unread = _ledger(archiver, folders.of_ledger(results))
            leads = archiver.leads(
                request.lead_ids,
                were_there=killed.is_same_request,
                only_source=request.only_source,
                returned=returned,
            )
            steps = f"{', '.join(_steps(request, options))}, up to {options.chunk_size} at a time"
            if options.dry_run:
                steps = "dry run, nothing is written"
            watchers.say(f"{request.job} {request}: {steps}; results in {files.folder}")
            preview = cls._preview(archiver, leads) if options.dry_run else None
            missing = undefined(database, request.rule.lists if request.rule else ())
            remarks = [f"list {list_id} is not defined in the dialer" for list_id in missing]
            remarks += [*killed.remarks, *unread]
            run = cls(
                request=request, began=began, name=name, archiver=archiver, leads=leads,
                files=files, preview=preview, remarks=[*archiver.tables.remarks, *remarks],
                ledger=ledger,
            )  # fmt: skip
            on_failure.pop_all()
        return run

    @staticmethod
    def _preview(archiver: Archiver, leads: Leads) -> PreviewSummary:
        found = archiver.preview(leads)
        if archiver.options.with_children:
            # A dry run records the names of missing archives and creates none.
            archiver.tables.make_missing(f"custom_{each}" for each in found.by_list["list_id"])
        return PreviewSummary.of(found)

    def report(self, ending: Ending, job: "ArchiveJob") -> ArchiveReport:
        """Make the report and write it to the results folder; the report says if that fails."""
        archiver = self.archiver
        report = ArchiveReport(
            run=self.name,
            **_command(self.request, archiver.options, archiver.database),
            began=self.began,
            ended=end_of(self.began),
            made=archiver.tables.made,
            remarks=self.remarks,
            preview=self.preview,
            message=MESSAGES.get(ending.stopped, ending.why),
            **ending._asdict(),
            **job.counts(),
        )
        try:
            self.files.summarize(report)
        except ResultsError as error:
            ended = Ending("error", f"{error}; the summary was not written", error.exit_code)
            if report.exit_code:
                return report.model_copy(update={"remarks": [*self.remarks, ended.why]})
            return report.model_copy(update={"message": ended.why, **ended._asdict()})
        return report


class ArchiveJob:
    """Moves the leads of a run, chunk by chunk."""

    def __init__(self, run: ArchiveRun, pace: Pace, watchers: Watchers) -> None:
        self.run, self.pace, self.watchers = run, pace, watchers
        self.last_lead_id: int | None = None
        self.unfinished: tuple[int, int] | None = None
        """First and last lead_id of the chunk in progress, or of the chunk that failed."""

    def run_to_the_end(self) -> Ending:
        """Move all chunks; return why it ended, errors included."""
        try:
            while True:
                ending = self.pace.wait() or self._next_chunk()
                if ending:
                    return ending
        except LoaderError as error:
            return Ending("error", str(error), error.exit_code)
        except KeyboardInterrupt:
            return Ending("signal", "interrupted", 128 + signal.SIGINT)

    def counts(self) -> dict[str, Any]:
        """Give the report fields that describe what was done so far."""
        waited = self.pace.seconds_waited
        return {
            **self.run.files.as_dict(deleting=self.run.archiver.options.delete),
            "stopped_at": self.last_lead_id,
            "unfinished": self.unfinished,
            "waited": {kind: round(seconds, 3) for kind, seconds in waited.items()},
        }

    def _next_chunk(self) -> Ending | None:
        chunk = self.run.leads.take(self.pace.next_size)
        self.run.files.spare(chunk.stayed)
        if len(chunk.lead_ids):
            self._move(chunk.lead_ids)
        elif chunk.finished:
            return Ending("done", "all leads were looked at")
        else:
            self._report_progress()
        return None

    def _move(self, lead_ids: Ids) -> None:
        self.unfinished = int(lead_ids[0]), int(lead_ids[-1])
        archiver, journal = self.run.archiver, self.run.files.journal
        if self.run.ledger and len(coming := archiver.archived(lead_ids)):
            number = self.run.files.chunks + 1
            note_returned(self.run.ledger, self.run.name, number, coming, archiver.clock.utc)
        done, seconds = self.pace.run_chunk(len(lead_ids), lambda: archiver.move(lead_ids, journal))
        self.last_lead_id, self.unfinished = self.unfinished[1], None
        self.run.files.chunk(lead_ids, done, seconds)
        self._report_progress()

    def _report_progress(self) -> None:
        done, limit = self.pace.leads_done, self.run.archiver.options.limit
        share = max(self.run.leads.share, done / limit if limit else 0.0)
        self.watchers.progress(self.run.request.job, done, share)


def _ledger(archiver: Archiver, folder: Path) -> tuple[Ledger | None, Callable[[], Ids], list[str]]:
    """Give what notes leads that come back, what reads which ones did, and remarks.

    Leads come back, and others are archived, where the ledger cannot be used, too.
    """
    time, database = archiver.options.leave_dearchived, archiver.database
    try:
        if archiver.back:
            if archiver.options.dry_run:
                return None, nobody, []
            ledger = Ledger.open(database, folder)
            return ledger, nobody, [ledger.remark] if ledger.remark else []
        if archiver.rule is None or not time:
            return None, nobody, []
        read = partial(returned_since, Ledger.to_read(database, folder), archiver.clock.utc - time)
        read()
    except UsageError:
        return None, nobody, []  # there is no ledger
    except (NotAllowedError, ConfigurationError) as error:
        what = (
            "a rule may archive again what came back"
            if archiver.back
            else "what dearchive brought back is archived like other leads"
        )
        return None, nobody, [f"{what}: {error}"]
    return None, read, []


class Settled(NamedTuple):
    """What was found of runs that were killed."""

    remarks: tuple[str, ...] = ()
    """What was done, for people."""
    is_same_request: bool = False
    """One of them had begun to move the same given leads."""


def settle_killed(
    archiver: Archiver, folder: Path, request: MoveRequest, journal: Journal
) -> Settled:
    """Settle the chunks of runs that were killed, below a folder, and complete their moved.csv.

    A dry run settles nothing. The journal notes that the request had begun before that is
    forgotten; that another request for given leads had begun is not forgotten.
    """
    said, is_same_request = [], False
    database, options = archiver.database, archiver.options
    for path, chunk in left_behind(folder):
        if chunk is None:
            if not options.dry_run:
                path.unlink(missing_ok=True)
            continue
        if chunk.database != database.name:
            continue
        is_same = bool(chunk.digest) and (chunk.job, chunk.digest) == (request.job, request.digest)
        is_same_request |= is_same
        if options.dry_run or not (is_same or len(chunk.lead_ids)):
            continue
        if is_same:
            journal.take_over()
        its = Archiver(database, options.model_copy(update={"delete": True}), None, chunk.job)
        moved, unclear = its.settle(chunk)
        is_other_request = bool(chunk.digest) and not is_same
        added = complete_moved(path, moved, may_come_again=is_other_request)
        if added:
            said.append(
                f"a run was killed: {count_of(added, 'lead')} that its last chunk moved "
                f"{'was' if added == 1 else 'were'} added to the moved.csv in {path.parent}"
            )
        if len(unclear):
            said.append(unclear_remark(unclear, path.parent))
    return Settled((*said,), is_same_request)


def _command(request: MoveRequest, options: ArchiveOptions, database: Database) -> dict[str, Any]:
    """Give the fields of the report that are the same if the same command is given again."""
    return {
        "job": request.job,
        "which": str(request),
        "options": _given_options(options),
        "database": database.name,
    }


def _given_options(options: ArchiveOptions) -> dict[str, Any]:
    """Give the options that differ from the defaults, without the passwords of replicas."""
    given = options.model_dump(mode="json", exclude_defaults=True)
    if options.replicas:
        given["replicas"] = [read_address(address).name for address in options.replicas]
    return given

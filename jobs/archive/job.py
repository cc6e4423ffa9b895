"""The jobs archive and dearchive: leads from one table into the other, a chunk at a time."""

import signal
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from jobs.archive.hours import Hours, ServerTime
from jobs.pace import Ending, Pace
from jobs.watchers import Watchers
from loader.api.lead_archive import IN_OFFICE_HOURS, SUCCESS
from loader.archive.archiver import Archiver
from loader.archive.preview import undefined
from loader.archive.report import ArchiveReport, PreviewSummary
from loader.archive.results import ArchiveResults
from loader.archive.selection import Ids, Leads
from loader.database.connection import Database
from loader.database.throttle import Throttle
from loader.errors import LoaderError, ResultsError, UsageError
from loader.ledger.runs import run_name
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.options.office_hours import OfficeHours
from loader.results.lines import count_of

Direction = Literal["archive", "dearchive"]


@dataclass(frozen=True)
class Asked:
    """What is to be moved: the leads with given lead_ids, or those of a rule."""

    job: Direction
    rule: ArchiveRule | None = None
    lead_ids: Ids | None = None

    def __str__(self) -> str:
        """Say which leads."""
        if self.lead_ids is not None:
            return count_of(len(self.lead_ids), "given lead")
        conditions = self.rule.described() if self.rule else {}
        return f"leads with {', '.join(f'{name} {said}' for name, said in conditions.items())}"


def move(
    asked: Asked,
    options: ArchiveOptions,
    database: Database,
    results: Path | None = None,
    *,
    office_hours: OfficeHours | None = None,
    watchers: Watchers | None = None,
) -> ArchiveReport:
    """Move leads until all are moved, or something says to end; a dry run looks only.

    Args:
        asked: the leads, and where to.
        options: how.
        database: the dialer's.
        results: folder of the result files; `results/<run>` if not given.
        office_hours: when nothing is archived; moving back is allowed at any time.
        watchers: callbacks, the stop signal and the clocks.

    Returns:
        The report, also of what an error ended after its beginning.

    Raises:
        UsageError: no step is to be done.
        OfficeHoursError: it is office hours.
        LeadIdsError: of the given leads, some are not there.
        LoaderError: it cannot be done, see `loader.errors`; no lead was moved.
        Interrupted: a signal came; no lead was moved.
    """
    watchers = watchers or Watchers()
    _refuse_nothing(asked, options)
    if asked.job == "dearchive" or options.ignore_office_hours or options.dry_run:
        office_hours = None
    hours = Hours(office_hours, ServerTime(database, watchers))
    with closing(Throttle(database, options)) as throttle:
        with watchers.stop.at_once():
            hours.refuse()
            throttle.check()
            run = ArchiveRun.begin(asked, options, database, results, watchers)
        pace = Pace(throttle, options, watchers, office_hours=hours.now)
        job = ArchiveJob(run, pace, watchers)
        ending = job.run_to_the_end() if run.preview is None else DRY_RUN
    return run.report(ending, job)


def _refuse_nothing(asked: Asked, options: ArchiveOptions) -> None:
    steps = _steps(asked, options)
    if not steps and not options.dry_run:
        said = ", ".join(f"--no-{step}" for step in STEPS[asked.job])
        raise UsageError(f"{said}: nothing is left to do; leave one out, or look by --dry-run")


def _steps(asked: Asked, options: ArchiveOptions) -> list[str]:
    return [step for step in STEPS[asked.job] if getattr(options, step)]


STEPS: dict[Direction, tuple[str, ...]] = {
    "archive": ("insert", "update", "delete"),
    "dearchive": ("insert", "delete"),
}
MESSAGES = {"done": SUCCESS, "office_hours": IN_OFFICE_HOURS}
"""The API's, where it has one."""


DRY_RUN = Ending("dry_run", "a dry run: nothing was written")


@dataclass(frozen=True, kw_only=True)
class ArchiveRun:
    """A run for which all is there that it needs."""

    asked: Asked
    began: datetime
    name: str
    archiver: Archiver
    leads: Leads
    files: ArchiveResults
    preview: PreviewSummary | None
    """Of a dry run."""
    remarks: list[str]

    @classmethod
    def begin(
        cls,
        asked: Asked,
        options: ArchiveOptions,
        database: Database,
        results: Path | None,
        watchers: Watchers,
    ) -> "ArchiveRun":
        """Look at the tables, make what is missing, and see what a dry run wants to know."""
        began = datetime.now(UTC)
        name = run_name(began, asked.job)
        watchers.named(name)
        files = ArchiveResults(results or Path("results") / name)
        with ExitStack() as undo:
            undo.callback(files.discard)
            archiver = Archiver(database, options, asked.rule, asked.job)
            leads = archiver.leads(asked.lead_ids)
            todo = f"{', '.join(_steps(asked, options))}, up to {options.chunk_size} at a time"
            if options.dry_run:
                todo = "only looked at, nothing is written"
            watchers.say(f"{asked.job} {asked}: {todo}; results in {files.folder}")
            preview = cls._look(archiver, leads) if options.dry_run else None
            missing = undefined(database, asked.rule.lists if asked.rule else ())
            remarks = [f"list {list_id} is not defined in the dialer" for list_id in missing]
            run = cls(
                asked=asked, began=began, name=name, archiver=archiver, leads=leads, files=files,
                preview=preview, remarks=[*archiver.tables.remarks, *remarks],
            )  # fmt: skip
            undo.pop_all()
        return run

    @staticmethod
    def _look(archiver: Archiver, leads: Leads) -> PreviewSummary:
        found = archiver.preview(leads)
        if archiver.options.with_children:
            # In a dry run they are noted only.
            archiver.tables.make_missing(f"custom_{each}" for each in found.by_list["list_id"])
        return PreviewSummary.of(found)

    def report(self, ending: Ending, job: "ArchiveJob") -> ArchiveReport:
        """Tell how it ended, also in the results; if they cannot be written, tell that too."""
        archiver = self.archiver
        report = ArchiveReport(
            run=self.name,
            job=self.asked.job,
            which=str(self.asked),
            options=_told(archiver.options),
            database=archiver.database.name,
            began=self.began,
            ended=datetime.now(UTC),
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
            ended = Ending("error", f"{error}; the summary is not there", error.exit_code)
            if report.exit_code:
                return report.model_copy(update={"remarks": [*self.remarks, ended.why]})
            return report.model_copy(update={"message": ended.why, **ended._asdict()})
        return report


class ArchiveJob:
    """A run on its way through its leads."""

    def __init__(self, run: ArchiveRun, pace: Pace, watchers: Watchers) -> None:
        self.run, self.pace, self.watchers = run, pace, watchers
        self.last_lead_id: int | None = None
        self.unfinished: tuple[int, int] | None = None
        """First and last lead_id of the chunk that is on its way, or was when an error came."""

    def run_to_the_end(self) -> Ending:
        """Move chunk after chunk; give the reason for the end, also if it is an error."""
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
        """Give the fields of the report that say what was done so far."""
        waited = self.pace.seconds_waited
        return {
            **self.run.files.as_dict(deleting=self.run.archiver.options.delete),
            "stopped_at": self.last_lead_id,
            "unfinished": self.unfinished,
            "waited": {kind: round(seconds, 3) for kind, seconds in waited.items()},
        }

    def _next_chunk(self) -> Ending | None:
        """Move the next chunk; if there are no more leads, say so."""
        taken = self.run.leads.take(self.pace.next_size)
        self.run.files.spare(taken.stayed)
        if len(taken.lead_ids):
            self._move(taken.lead_ids)
        elif taken.finished:
            return Ending("done", "all leads were looked at")
        else:
            self._report_progress()
        return None

    def _move(self, lead_ids: Ids) -> None:
        self.unfinished = int(lead_ids[0]), int(lead_ids[-1])
        archiver = self.run.archiver
        done, seconds = self.pace.run_chunk(len(lead_ids), lambda: archiver.move(lead_ids))
        self.last_lead_id, self.unfinished = self.unfinished[1], None
        self.run.files.chunk(lead_ids, done, seconds)
        self._report_progress()

    def _report_progress(self) -> None:
        share = max(self.run.leads.share, self.pace.share_of_limit)
        self.watchers.progress(self.run.asked.job, self.pace.leads_done, share)


def _told(options: ArchiveOptions) -> dict[str, Any]:
    """Give the options that were set, without the passwords of replicas."""
    told = options.model_dump(mode="json", exclude_defaults=True)
    if options.replicas:
        told["replicas"] = [Database(address).name for address in options.replicas]
    return told

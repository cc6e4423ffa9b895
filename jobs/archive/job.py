"""The jobs archive and dearchive: leads from one table into the other, a chunk at a time."""

import signal
from collections import defaultdict
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jobs.archive.hours import Hours, ServerTime
from jobs.watchers import Surroundings
from loader.api.lead_archive import IN_OFFICE_HOURS, SUCCESS
from loader.archive.archiver import Archiver
from loader.archive.preview import undefined
from loader.archive.report import ArchiveReport, PreviewSummary, Stopped
from loader.archive.results import ArchiveResults
from loader.archive.selection import Ids, Leads
from loader.database.connection import Database
from loader.database.throttle import ChunkSize, Throttle, Wait
from loader.errors import LoaderError, OfficeHoursError, ResultsError, UsageError
from loader.ledger.runs import run_name
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.options.durations import format_duration
from loader.options.office_hours import OfficeHours
from loader.results.lines import count_of

Direction = Literal["archive", "dearchive"]

LOOK_AGAIN = 1.0
"""Seconds between two looks whether there is still a reason to wait."""


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
        conditions = self.rule.conditions() if self.rule else {}
        return f"leads with {', '.join(f'{name} {said}' for name, said in conditions.items())}"


def move(
    asked: Asked,
    options: ArchiveOptions,
    database: Database,
    results: Path | None = None,
    *,
    office_hours: OfficeHours | None = None,
    surroundings: Surroundings | None = None,
) -> ArchiveReport:
    """Move leads until all are moved, or something says to end; a dry run looks only.

    Args:
        asked: the leads, and where to.
        options: how.
        database: the dialer's.
        results: folder of the result files; `results/<run>` if not given.
        office_hours: when nothing is archived; moving back is allowed at any time.
        surroundings: who watches, and what the time is.

    Returns:
        The report, also of what an error ended after its beginning.

    Raises:
        UsageError: no step is to be done.
        OfficeHoursError: it is office hours.
        LeadIdsError: of the given leads, some are not there.
        LoaderError: it cannot be done, see `loader.errors`; no lead was moved.
        Interrupted: a signal came; no lead was moved.
    """
    around = surroundings or Surroundings()
    _refuse_nothing(asked, options)
    if asked.job == "dearchive" or options.ignore_office_hours or options.dry_run:
        office_hours = None
    hours = Hours(office_hours, ServerTime(database, around))
    with closing(Throttle(database, options)) as throttle:
        with around.stop.at_once():
            hours.refuse()
            throttle.check()
            run = ArchiveRun.begin(asked, options, database, results, around)
        moving = ArchiveJob(run, options, throttle, hours, around)
        ending = moving.to_the_end() if run.preview is None else LOOKED
    return run.report(ending, moving)


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


class Ending(NamedTuple):
    """Why it ended."""

    stopped: Stopped
    why: str
    exit_code: int = 0


LOOKED = Ending("dry_run", "a dry run: nothing was written")


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
        around: Surroundings,
    ) -> "ArchiveRun":
        """Look at the tables, make what is missing, and see what a dry run wants to know."""
        began = datetime.now(UTC)
        name = run_name(began, asked.job)
        around.named(name)
        files = ArchiveResults(results or Path("results") / name)
        with ExitStack() as undo:
            undo.callback(files.discard)
            archiver = Archiver(database, options, asked.rule, asked.job)
            leads = archiver.leads(asked.lead_ids)
            todo = f"{', '.join(_steps(asked, options))}, up to {options.chunk_size} at a time"
            if options.dry_run:
                todo = "only looked at, nothing is written"
            around.say(f"{asked.job} {asked}: {todo}; results in {files.folder}")
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

    def report(self, ending: "Ending", moving: "ArchiveJob") -> ArchiveReport:
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
            **moving.told(),
        )
        try:
            self.files.summarize(report)
        except ResultsError as error:
            ended = Ending("error", f"{error}; the summary is not there", error.exit_code)
            if report.exit_code:
                return report.model_copy(update={"remarks": [*self.remarks, ended.why]})
            return report.model_copy(update={"message": ended.why, **ended._asdict()})
        return report


@dataclass
class ArchiveJob:
    """A run on its way through its leads."""

    run: ArchiveRun
    options: ArchiveOptions
    throttle: Throttle
    hours: Hours
    around: Surroundings
    taken: int = 0
    last_lead_id: int | None = None
    unfinished: tuple[int, int] | None = None
    """The chunk that is on its way, or was when an error came."""
    waited: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        self._began = self.around.monotonic()
        self._waits_for = ""
        options = self.options
        self._size = ChunkSize(options.chunk_size, options.chunk_time.total_seconds())

    def to_the_end(self) -> Ending:
        """Move chunk after chunk; what ends that is told, not raised."""
        try:
            while True:
                ending = self._to_end() or self._one_step()
                if ending:
                    return ending
        except LoaderError as error:
            return Ending("error", str(error), error.exit_code)
        except KeyboardInterrupt:
            return Ending("signal", "interrupted", 128 + signal.SIGINT)

    def told(self) -> dict[str, Any]:
        """Give what the report says of it so far."""
        return {
            **self.run.files.as_dict(deleting=self.options.delete),
            "stopped_at": self.last_lead_id,
            "unfinished": self.unfinished,
            "waited": {why: round(seconds, 3) for why, seconds in self.waited.items()},
        }

    def _to_end(self) -> Ending | None:
        """Say why to end before the next chunk, if something says so."""
        options, name = self.options, self.around.stop.signal
        if name:
            return Ending("signal", f"{name} came", 128 + signal.Signals[name])
        if options.limit is not None and self.taken >= options.limit:
            return Ending("limit", f"the limit of {count_of(options.limit, 'lead')} is reached")
        elapsed = timedelta(seconds=self.around.monotonic() - self._began)
        if options.run_time is not None and elapsed >= options.run_time:
            return Ending(
                "run_time", f"the run_time of {format_duration(options.run_time)} is over"
            )
        office_hours = self.hours.now()
        if office_hours:
            return Ending("office_hours", office_hours, OfficeHoursError.exit_code)
        return None

    def _one_step(self) -> Ending | None:
        """Wait a little if there is a reason to, else move a chunk; say so if there is no more."""
        why = self.throttle.why_wait()
        if why:
            self._wait(why)
            return None
        self._waits_for = ""
        size, limit = self._size.size, self.options.limit
        taken = self.run.leads.take(size if limit is None else min(size, limit - self.taken))
        self.run.files.spare(taken.stayed)
        if len(taken.lead_ids):
            self._move(taken.lead_ids)
        elif taken.finished:
            return Ending("done", "all leads were looked at")
        else:
            self._progress()
        return None

    def _wait(self, why: Wait) -> None:
        if why.kind != self._waits_for:
            self.around.say(f"waiting: {why.said}")
            self._waits_for = why.kind
        began = self.around.monotonic()
        self.around.stop.wait(LOOK_AGAIN)
        self.waited[why.kind] += self.around.monotonic() - began

    def _move(self, lead_ids: Ids) -> None:
        began = self.around.monotonic()
        self.unfinished = int(lead_ids[0]), int(lead_ids[-1])
        done = self.run.archiver.move(lead_ids)
        seconds = self.around.monotonic() - began
        self.last_lead_id, self.unfinished = self.unfinished[1], None
        self.taken += len(lead_ids)
        self.run.files.chunk(lead_ids, done, seconds)
        self._size.took(len(lead_ids), seconds)
        self._progress()
        pause = self.throttle.pause_after(seconds)
        if pause:
            self.around.stop.wait(pause)

    def _progress(self) -> None:
        of_limit = self.taken / self.options.limit if self.options.limit else 0.0
        self.around.progress(self.taken, max(self.run.leads.share, of_limit))


def _told(options: ArchiveOptions) -> dict[str, Any]:
    """Give the options that were set, without the passwords of replicas."""
    told = options.model_dump(mode="json", exclude_defaults=True)
    if options.replicas:
        told["replicas"] = [Database(address).name for address in options.replicas]
    return told

"""The jobs archive and dearchive: they move leads between two tables, chunk by chunk."""

import signal
from contextlib import closing
from pathlib import Path
from typing import Any

from jobs.archive.hours import ServerHours
from jobs.archive.request import STEPS, Folders, MoveRequest
from jobs.archive.run import ArchiveRun
from jobs.pace import Ending, Pace, Rhythm
from jobs.watchers import Watchers
from loader.archive.report import ArchiveReport
from loader.archive.selection import Ids
from loader.database.connection import Database
from loader.database.throttle import Throttle
from loader.errors import LoaderError, UsageError
from loader.ledger.returned import note_returned
from loader.options.archive import ArchiveOptions
from loader.options.office_hours import OfficeHours
from loader.rights import needs
from loader.rights.refusal import refuse_unreadable, refuse_unwritable


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
    if not request.steps(options) and not options.dry_run:
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
    return run.report(ending, job.counts())


DRY_RUN = Ending("dry_run", "a dry run: nothing was written")


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

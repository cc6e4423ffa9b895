"""Validations and imports of files that were sent: they wait in a row for one thread."""

import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Self

from jobs.load.request import Job
from jobs.serve.files.job import FileJob, JobRecords, State
from jobs.serve.files.uploads import Upload, Uploads, new_name
from jobs.serve.files.work import Work, outward
from jobs.serve.gathering import QueueFullError, StoppedError
from jobs.watchers import Watchers
from loader.errors import (
    DatabaseUnavailableError,
    LoadedBeforeError,
    LoaderError,
    as_loader_error,
)
from loader.options.load import LoadOptions
from loader.results.summary import Summary
from loader.signals import Stop

LOG = logging.getLogger("leadloader")

IDLE = 60.0
"""Seconds after which a thread without work looks for files that are not needed any more."""

PATIENCE = 60.0
"""Seconds that the job at work may take to stop."""

MOST_LISTED, MOST_LOOKED_AT = 20, 500
"""Jobs of somebody that are listed, and those that are looked at for them."""

GO_ON = (
    "what was loaded stays; it goes on by the button of its page, by POST to its address, or when "
    "the service is started again"
)


NO_ROOM = "what became of it cannot be written down"


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    stage: str = ""
    """Such as check or insert."""
    share: float = 0.0
    """Of the stage, from 0 to 1."""


class FileJobs:
    """All jobs; what is at work or waits goes on when the service is started again."""

    def __init__(self, work: Work, uploads: Uploads, results: Path, room: int) -> None:
        """Take what jobs are done with.

        Args:
            work: does a job.
            uploads: the files.
            results: the folder in which each job has one of its own.
            room: jobs that may wait.
        """
        self._work, self._uploads, self._room = work, uploads, room
        self._records = JobRecords(results)
        self._kept: dict[str, FileJob] = {}
        """Those that are open or unfinished, which need their files."""
        self._waiting: deque[str] = deque()
        self._progress: dict[str, Progress] = {}
        self._changed = Condition()
        self._stop: Stop | None = None
        self._is_stopped = False
        self._thread = Thread(target=self._run, name="files", daemon=True)

    def __enter__(self) -> Self:
        """Take up what a service before this one left, and begin to work."""
        for job in self._records.newest():
            if job.needs_upload:
                self._kept[job.run] = job
                self._waiting.appendleft(job.run)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop the job at work where it can go on, and end."""
        with self._changed:
            self._is_stopped = True
            if self._stop:
                self._stop.signal = "SIGTERM"
            self._changed.notify()
        self._thread.join(PATIENCE)

    def folder(self, job: FileJob) -> Path:
        """Give the folder of a job's results."""
        return self._records.folder(job.run)

    def add(
        self, upload: Upload, options: LoadOptions, job: Job = "validate", *, again: bool = False
    ) -> FileJob:
        """Let a job wait for its turn.

        Args:
            upload: its file.
            options: of the load.
            job: what is done with the file.
            again: import it though it was loaded before.

        Raises:
            QueueFullError: too many wait.
            StoppedError: the service ends.
            OSError: it cannot be recorded.
        """
        given = options.model_dump(mode="json", exclude_defaults=True)
        added = FileJob(
            run=new_name(), job=job, owner=upload.owner, upload=upload.name, file=upload.file,
            options=given, again=again, sent=datetime.now(UTC),
        )  # fmt: skip
        with self._changed:
            self._refuse_full()
            self.folder(added).mkdir(mode=0o700, parents=True)
            self._keep(added)
            self._enqueue(added)
        self._uploads.use(upload)
        return added

    def go_on(self, job: FileJob) -> FileJob:
        """Let an unfinished import go on.

        Raises:
            QueueFullError: too many wait.
            StoppedError: the service ends.
        """
        with self._changed:
            if self._kept.get(job.run, job).state != "unfinished":
                return self._kept.get(job.run, job)
            self._refuse_full()
            job = self._note(job, state="waiting", message="")
            self._enqueue(job)
        return job

    def find(self, run: str, owner: str) -> FileJob | None:
        """Give a job of somebody; None: there is none of that name, or it is another's."""
        job = self._kept.get(run) or self._records.read(run)
        return job if job and job.owner == owner else None

    def recent(self, owner: str) -> list[FileJob]:
        """Give the last jobs of somebody, the newest first."""
        found = (job for job in self._records.newest(MOST_LOOKED_AT) if job.owner == owner)
        return [*islice(found, MOST_LISTED)]

    def has_upload(self, job: FileJob) -> bool:
        """Say whether the file of a job is still here."""
        return self._uploads.path(job.upload).exists()

    def remove_old_uploads(self) -> None:
        """Remove files that were sent long ago, and are of no job that can go on."""
        with self._changed:
            needed = {job.upload for job in self._kept.values()}
        self._uploads.expire(needed)

    def progress(self, job: FileJob) -> Progress:
        """Say how far a job is."""
        return self._progress.get(job.run, Progress())

    def before(self, job: FileJob) -> int:
        """Count the jobs that a waiting one waits for."""
        with self._changed:
            if job.run not in self._waiting:
                return 0
            return self._waiting.index(job.run) + bool(self._progress)

    # ---- what is kept

    def _refuse_full(self) -> None:
        if self._is_stopped:
            raise StoppedError
        if len(self._waiting) >= self._room:
            raise QueueFullError

    def _enqueue(self, job: FileJob) -> None:
        self._waiting.append(job.run)
        self._changed.notify()

    def _note(self, job: FileJob, **columns: Any) -> FileJob:
        """Change the record of a job."""
        job = job.model_copy(update=columns)
        self._keep(job)
        return job

    def _keep(self, job: FileJob) -> None:
        self._records.write(job)
        with self._changed:
            self._kept.pop(job.run, None)
            if job.needs_upload:
                self._kept[job.run] = job

    # ---- work

    def _run(self) -> None:
        while not self._is_stopped:
            job = self._next()
            if job is None:
                self.remove_old_uploads()
                continue
            try:
                self._do(job)
            except OSError as error:
                LOG.warning("files: %s: %s", job.run, as_loader_error(error))
                lost = {"state": "unfinished", "message": f"{NO_ROOM}; {GO_ON}"}
                with self._changed:
                    # It is written down as what goes on.
                    self._kept[job.run] = self._kept[job.run].model_copy(update=lost)
            finally:
                self._progress.pop(job.run, None)
                self._stop = None

    def _next(self) -> FileJob | None:
        """Wait for a job; None: nothing is to be done."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_stopped, IDLE)
            if self._is_stopped or not self._waiting:
                return None
            job = self._kept[self._waiting.popleft()]
            self._progress[job.run] = Progress()
            self._stop = Stop()
        return job

    def _do(self, job: FileJob) -> None:
        if job.ledger_run and self._has_ended(job):
            return
        job = self._note(job, state="running")
        content = self._uploads.path(job.upload)
        names = {content: job.file, self.folder(job): "the results"}
        try:
            summary = self._work.do(job, content, self.folder(job), self._watchers(job))
        except KeyboardInterrupt:
            LOG.info("files: %s waits for the next start of the service", job.run)
        except LoadedBeforeError as error:
            told = outward(str(error), names)
            self._end(job, "failed", told, ledger_run=error.run, loaded_before=True)
        except Exception as error:  # noqa: BLE001 - who asked hears of it
            ours = as_loader_error(error)
            LOG.warning("files: %s: %s", job.run, outward(str(ours), names))
            self._fail(job, ours, outward(str(ours), names))
        else:
            self._complete(job, summary)

    def _watchers(self, job: FileJob) -> Watchers:
        stop = self._stop or Stop()

        def named(name: str) -> None:
            if job.job == "import":
                # Before anything is inserted: who takes it up again has to know of it.
                self._note(self._kept[job.run], ledger_run=name)

        def progress(stage: str, _done: int, share: float) -> None:
            self._progress[job.run] = Progress(stage, share)
            # An insert ends between two batches by itself.
            if stop.signal and stage != "insert":
                raise KeyboardInterrupt(stop.signal)

        return Watchers(named=named, progress=progress, stop=stop)

    def _has_ended(self, job: FileJob) -> bool:
        """Say whether an import had come to its end when a service was killed, and note that.

        What somebody has taken back or given up since then is not loaded again.
        """
        try:
            record = self._work.recorded(job.ledger_run)
        except LoaderError as error:
            self._fail(job, error, str(error))
            return True
        if record.is_unfinished or record.state == "refused":
            return False
        if record.state == "done":
            counts = {name: getattr(record, name) for name in ("rows_read", "loaded", "rejected")}
            self._end(job, "done", "", **counts)
        else:
            self._end(job, "failed", f"the import {job.ledger_run} is {record.state}")
        return True

    def _complete(self, job: FileJob, summary: Summary) -> None:
        counts = summary.model_dump(include={"rows_read", "loaded", "rejected"})
        self._end(job, "done", "", ledger_run=summary.run, **counts)

    def _fail(self, job: FileJob, error: LoaderError, message: str) -> None:
        """Note why a job did not come to its end, and whether it can go on."""
        name = self._kept[job.run].ledger_run
        is_unfinished = False
        if name:
            is_unfinished = isinstance(error, DatabaseUnavailableError)
            with suppress(LoaderError):
                is_unfinished = self._work.recorded(name).is_unfinished
        if is_unfinished:
            self._note(self._kept[job.run], state="unfinished", message=f"{message}; {GO_ON}")
        else:
            self._end(job, "failed", message)

    def _end(self, job: FileJob, state: State, message: str, **columns: Any) -> None:
        job = self._kept[job.run]
        self._note(job, state=state, message=message, ended=datetime.now(UTC), **columns)

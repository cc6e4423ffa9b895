"""One validation or import of a file that was sent, as it is recorded beside its results."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.load.request import Job
from jobs.serve.files.uploads import is_name
from loader.files import open_regular

RECORD = "job.json"

State = Literal["waiting", "running", "done", "failed", "unfinished"]

OPEN: frozenset[State] = frozenset({"waiting", "running"})
"""States of what will go on by itself."""


class FileJob(BaseModel):
    """A validation or an import, as it is kept on disk beside its results."""

    model_config = ConfigDict(frozen=True)

    run: str
    """Its name, and that of its results folder."""
    job: Job
    owner: str
    """Who asked for it, see `Caller.name`."""
    upload: str
    """The name of the file that was sent, see `Uploads`."""
    file: str
    """As who sent it names it."""
    options: dict[str, Any]
    """Of the load, all that are not the default."""
    again: bool = False
    """Import a file that was loaded before."""
    sent: datetime
    state: State = "waiting"
    """failed: nothing was inserted. unfinished: an import that can go on."""
    message: str = ""
    """Why it failed or is unfinished."""
    ledger_run: str = ""
    """The name of an import in the ledger, once it has one."""
    loaded_before: bool = False
    """Whether it failed because an import before it, which `ledger_run` names, loaded the file."""
    ended: datetime | None = None
    rows_read: int | None = None
    """None: it has not ended well. Likewise the others."""
    loaded: int | None = None
    rejected: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it will go on by itself."""
        return self.state in OPEN

    @property
    def needs_upload(self) -> bool:
        """Whether the file that was sent has to stay."""
        return self.is_open or self.state == "unfinished"


class JobRecords:
    """The records of all jobs, each in the folder of its results."""

    def __init__(self, folder: Path) -> None:
        """Take the folder in which each job has one of its own."""
        self._folder = folder

    def folder(self, run: str) -> Path:
        """Give the folder of a job's results."""
        return self._folder / run

    def write(self, job: FileJob) -> None:
        """Write the record of a job, as a whole.

        Raises:
            OSError: it cannot be written.
        """
        path = self.folder(job.run) / RECORD
        part = path.with_suffix(".new")
        part.touch(0o600)
        part.write_text(job.model_dump_json(indent=2), "utf-8")
        part.replace(path)

    def read(self, run: str) -> FileJob | None:
        """Read the record of a job; None: there is none of that name."""
        if not is_name(run):
            return None
        try:
            with open_regular(self.folder(run) / RECORD, follow_links=False) as file:
                return FileJob.model_validate_json(file.read())
        except (OSError, ValidationError):
            return None

    def newest(self, most: int | None = None) -> Iterator[FileJob]:
        """Read the records of so many jobs, the newest first."""
        names: list[str] = []
        with suppress(OSError):
            names = sorted((each.name for each in self._folder.iterdir()), reverse=True)
        for name in [*filter(is_name, names)][:most]:
            if job := self.read(name):
                yield job

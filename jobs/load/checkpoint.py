"""What the checks of a run decided, on disk, so that a crash after them loses nothing.

Nothing is decided anew about a row that may be in the database already: it would be a duplicate of
itself. So a run that is taken up again goes on with what it had decided, round by round: first all
rows that passed, then those that were duplicates of rows which the server refused.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from jobs.load.run import ImportContext
from loader.errors import BusyError
from loader.frames.spool import Spool
from loader.profile.records import RowStatistics
from loader.results.files import LEFTOVERS
from loader.results.folder import work_in

FILE = "plan.json"
FORMAT = 5
"""Of the plan and of what waits beside it; another version of the program may have another one."""


class Checkpoint:
    """The rounds of one run's insert; `rounds` are those that are decided so far."""

    def __init__(
        self, run: ImportContext, name: str, share: Callable[[Path], None] | None = None
    ) -> None:
        """Take a run by its name; `share` takes the folder of the process with all that is needed.

        It is called before anything of a round is inserted.
        """
        self.run, self.name, self._share = run, name, share
        self.rounds: list[Spool] = []
        self._kept: list[dict[str, int]] = []
        self._generation = 0
        self.is_restored = False
        """By a process that has not seen the checks."""

    def add(self, waiting: Spool) -> None:
        """Note a round before anything of it is inserted."""
        self.rounds.append(waiting)
        self._kept.append(waiting.keep())
        tally = self.run.tally
        _write(
            self.run.files.work / FILE,
            {
                "format": FORMAT,
                "generation": self._generation,
                "run": self.name,
                "now": self.run.dialer.clock.now.isoformat(),
                "rounds": self._kept,
                "results": self.run.files.keep(),
                "rows_read": tally.rows_read,
                "blank_rows": tally.blank_rows,
                "reasons": tally.reasons,
                "seen": self.run.profile_builder.seen.model_dump(mode="json"),
            },
        )
        if self._share:
            self._share(self.run.files.work)

    def restore(self) -> None:
        """Take up what a process before this one noted."""
        found = _read(self.run.files.work / FILE)
        for number, kept in enumerate(found["rounds"]):
            files = self.run.files
            waiting = files.next_round(is_kept=True) if number else files.accepted
            waiting.restore(**kept)
            self.rounds.append(waiting)
        self._kept, self._generation = found["rounds"], found["generation"]
        self.run.files.restore(found["results"])
        self.run.tally.rows_read = found["rows_read"]
        self.run.tally.blank_rows = found.get("blank_rows", 0)
        self.run.tally.reasons.update(found["reasons"])
        self.run.profile_builder.seen = RowStatistics.model_validate(found["seen"])
        self.is_restored = True


def read_plan(folder: Path, owner: str = "") -> dict[str, Any]:
    """Read the plan in a results folder; {} if there is none that this version can complete.

    That of the owner counts, if it has one.
    """
    return _find_plan(folder, owner)[1]


def take_over(
    folder: Path, before: str, owner: str, refuse_lost: Callable[[], None] = lambda: None
) -> None:
    """Copy the plan and what waits into a process's own folder, if it has none.

    Those of others go. They may still live, and append to their files until they see that the run
    is lost. So may this one: it may have stood still, while another process has taken over the run.

    Args:
        folder: of the results.
        before: the owner before.
        owner: the process.
        refuse_lost: raises BusyError if the process is not the owner any more.
    """
    own = work_in(folder, owner)
    try:
        try:
            if not own.exists():
                _copy(folder, before, own)
        finally:
            refuse_lost()
    except BusyError:
        shutil.rmtree(own, ignore_errors=True)
        raise
    for other in work_in(folder).iterdir():
        if other.is_dir() and other != own:
            shutil.rmtree(other, ignore_errors=True)


def _copy(folder: Path, before: str, own: Path) -> None:
    path, plan = _find_plan(folder, before)
    if not plan:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(own))
    shutil.copytree(path.parent, own, ignore=shutil.ignore_patterns("plan.*", *LEFTOVERS))
    _write(own / FILE, plan | {"generation": plan["generation"] + 1})


def _find_plan(folder: Path, owner: str) -> tuple[Path, dict[str, Any]]:
    """Find the owner's plan, or the last one: an owner may have ended before it had one.

    The one with most rounds is never behind: a process that has lost the run may have copied one.
    """
    plans = [(path, _read(path)) for path in work_in(folder).glob(f"*/{FILE}")]
    usable = [(path, plan) for path, plan in plans if plan.get("format") == FORMAT]
    return max(
        usable,
        key=lambda found: (
            len(found[1]["rounds"]), found[0].parent.name == owner, found[1]["generation"],
        ),
        default=(Path(), {}),
    )  # fmt: skip


def _read(path: Path) -> dict[str, Any]:
    """Read a plan; {} if it went away."""
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def began_at(folder: Path) -> datetime:
    """Give the dialer's time at which the plan in a results folder was begun."""
    return datetime.fromisoformat(read_plan(folder)["now"])


def _write(path: Path, plan: dict[str, Any]) -> None:
    """Write it whole, then give it its name."""
    written = path.with_suffix(".new")
    with written.open("w", encoding="utf-8") as file:
        json.dump(plan, file)
        file.flush()
        os.fsync(file)
    written.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

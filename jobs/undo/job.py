"""The job undo: a run is taken back, as far as nobody has worked with what it left.

What there is to do is planned first, and every step can be done again: the same command completes
an undo that was broken off. An undo is a run, too, and can itself be taken back.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jobs.pace import Pace
from jobs.undo.task import Task
from jobs.watchers import Watchers
from loader.archive.outcome import Counts
from loader.database.connection import Database
from loader.database.locks import lock
from loader.database.throttle import Throttle
from loader.dialer import LEADS
from loader.errors import UndoneBeforeError
from loader.ledger.runs import Ledger
from loader.options.archive import ArchiveOptions
from loader.signals import Interrupted
from loader.undo.outcome import LOADED_TYPES, Kept, no_stayed
from loader.undo.report import UndoReport
from loader.undo.results import LEADS_PER_STATEMENT, UndoResults, report_of, work_in
from loader.undo.revert import Reverter


def undo(
    run: str,
    database: Database,
    results: Path | None = None,
    *,
    options: ArchiveOptions | None = None,
    dry_run: bool = False,
    beside: Path | None = None,
    watchers: Watchers | None = None,
) -> UndoReport:
    """Take a run back.

    Its leads that nobody has called or changed since go to the archive, with all that belongs to
    them; fields of existing leads that hold what it wrote get back what they held before.

    Args:
        run: its name in the ledger: an import, or an undo.
        database: the dialer's.
        results: folder of the result files; `results/<run>` if not given. An undo that is
            completed has its own.
        options: how fast, see `ArchiveOptions`; what is done is the undo's own matter.
        dry_run: look only, and write the result files.
        beside: folder of the ledger, where that has to be a file; that of `results` if not given.
        watchers: callbacks, and the signal that ends it.

    Raises:
        UndoneBeforeError: the run was undone, and there is nothing more to take back.
        UsageError: there is no such run, or it cannot be undone.
        BusyError: it is being loaded or undone by another process.
        Interrupted: a signal came; the same call goes on.
        LoaderError: it cannot be done, see `loader.errors`; the same call goes on.
    """
    watchers, options = watchers or Watchers(), options or ArchiveOptions()
    beside = beside or (results or Path("results") / "any").parent
    # To look only, nothing is made or written.
    ledger = (Ledger.to_read if dry_run else Ledger.open)(database, beside)
    task = Task.of(ledger, database, run)
    with ExitStack() as stack:
        if not dry_run:
            # As the import itself does.
            name = f"{task.original.sha256} {task.original.options_sha256}"
            stack.enter_context(lock(database, name, f"run {run} is being loaded or undone"))
            task = Task.of(ledger, database, run)
        throttle = stack.enter_context(closing(Throttle(database, options)))
        throttle.check()
        # An undo has no limit and no run time; the settings may have them for archiving.
        endless = options.model_copy(update={"limit": None, "run_time": None})
        pace = Pace(throttle, endless, watchers, is_throttled=not dry_run)
        undoing = UndoJob(task, options, pace, watchers, results, dry_run=dry_run)
        return undoing.completed() or undoing.to_the_end()


class UndoJob:
    """An undo on its way."""

    def __init__(
        self,
        task: Task,
        options: ArchiveOptions,
        pace: Pace,
        watchers: Watchers,
        results: Path | None,
        *,
        dry_run: bool,
    ) -> None:
        """Take what is to be done; nothing is written yet."""
        self.task, self.options, self.dry_run = task, options, dry_run
        self.pace, self.watchers = pace, watchers
        self.own = task.own(results, dry_run=dry_run)
        self.is_new = dry_run or task.before is None
        self.children: dict[str, Counts] = {}
        self.stays: list[pd.DataFrame] = []
        """What stayed although it was free when it was planned."""
        watchers.named(self.own.run)

    def completed(self) -> UndoReport | None:
        """Give the report if all is done, and only the ledger does not know it yet."""
        folder = Path(self.own.results)
        report = None if self.is_new else report_of(folder, self.own.run)
        if report is not None:
            shutil.rmtree(work_in(folder, self.own.run), ignore_errors=True)
            self.task.end(self.own, report)
        return report

    def to_the_end(self) -> UndoReport:
        """Plan, do and account."""
        task = self.task
        self.way = task.way(self.options)
        shapes = self.way.tables.shapes
        self.reverter = Reverter(task.database, list(shapes[LEADS].columns), shapes)
        if self.is_new and task.again and not any(len(free) for free, _ in self._looked_at()):
            raise UndoneBeforeError(
                f"run {task.record.run} was undone before, and nothing more can be taken back"
            )
        self.files = UndoResults(Path(self.own.results), self.own.run)
        try:
            if self.dry_run:
                self.files.plan(self._looked_at())
                return self._account()
            # Before it is planned: a load may still be at it.
            task.begin(self.own)
        except BaseException:  # Ctrl-C too
            if self.is_new:
                self.files.discard()
            raise
        self._do()
        return self._account()

    def _looked_at(self) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        for leads in self.task.leads(self.way):
            self._wait()
            now = self.way.read_leads(leads)
            stayed = now.stayed
            if self.task.again:
                # They went with the undo before this one.
                stayed = stayed[~stayed["why"].isin([Kept.ARCHIVED, Kept.GONE])]
            yield now.free, stayed

    def _do(self) -> None:
        task, watchers = self.task, self.watchers
        said = "undo" if self.is_new else "going on with the undo"
        watchers.say(f"{said} of {task.record.run}; results in {self.files.folder}")
        if not self.files.is_planned:
            self.files.plan(self._looked_at())
        self.way.make_archives()
        for changes in task.changes():
            self._wait()
            self.reverter.revert(changes)
        leads, done = self.files.leads(), 0
        while done < len(leads):
            self._wait()
            chunk = _frame(leads[done : done + self.pace.next_size])
            done += len(chunk)
            self._take(chunk)
            watchers.progress("undo", done, done / len(leads))

    def _take(self, chunk: pd.DataFrame) -> None:
        taken, _seconds = self.pace.run_chunk(len(chunk), lambda: self.way.take(chunk))
        if len(taken.stayed):
            self.stays.append(taken.stayed)
        for name, counts in taken.children.items():
            self.children[name] = self.children.get(name, Counts()).plus(counts)

    def _wait(self) -> None:
        """Wait while the server is busy; end if a signal came."""
        if self.pace.wait():
            raise Interrupted(str(self.watchers.stop.signal))

    def _account(self) -> UndoReport:
        """Say what became of all, by what there is now."""
        files, task = self.files, self.task
        files.begin()
        stays = pd.concat([no_stayed(), *self.stays])
        leads = files.leads()
        for start in range(0, len(leads), LEADS_PER_STATEMENT):
            chunk = _frame(leads[start : start + LEADS_PER_STATEMENT])
            stayed = stays[stays["lead_id"].isin(chunk["lead_id"])]
            is_there = stayed["why"] != Kept.CHILD_LEFT
            gone = chunk[~chunk["lead_id"].isin(stayed["lead_id"][is_there])]
            if not self.dry_run:
                has_arrived = gone["lead_id"].isin(self.way.moved_ids(gone["lead_id"]))
                lost = gone[~has_arrived].assign(fields="", why=Kept.GONE.value, details="")
                gone, stayed = gone[has_arrived], pd.concat([stayed, lost])[list(stays)]
            files.note_leads(gone, stayed)
        for changes in task.changes():
            now = self.reverter.read_changes(changes, is_done=not self.dry_run)
            files.note_changes(now.reverted, now.stayed)
        report = self._report()
        files.finish(report)
        if not self.dry_run:
            task.end(self.own, report)
        return report

    def _report(self) -> UndoReport:
        record = self.task.record
        remarks = [*self.way.tables.remarks, *self.way.remarks, self.task.ledger.remark]
        return UndoReport(
            run=self.own.run,
            of_run=record.run,
            source=self.task.original.source,
            database=self.task.database.name,
            began=self.own.began,
            ended=datetime.now(UTC),
            dry_run=self.dry_run,
            from_hopper=self.way.from_hopper,
            children={n: each._asdict() for n, each in self.children.items() if any(each)},
            made=self.way.tables.made,
            remarks=list(dict.fromkeys(filter(None, remarks))),
            **self.files.as_dict(),
        )


def _frame(leads: Any) -> pd.DataFrame:
    return pd.DataFrame({name: np.asarray(leads[name]) for name in LOADED_TYPES})

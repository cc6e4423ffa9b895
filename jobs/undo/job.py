"""The job undo: it takes back what a run did, except where somebody has worked with it since.

The undo is planned first, and every step can be repeated: the same command completes an undo that
was interrupted. An undo is a run, too, and can itself be undone.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jobs.pace import Pace, Rhythm
from jobs.undo.task import UndoTask
from jobs.watchers import Watchers
from loader.archive.journal import Journal, chunk_in, unclear_remark
from loader.archive.outcome import Counts
from loader.clock import end_of
from loader.database.connection import Database
from loader.database.locks import Confirm, lock
from loader.database.throttle import Throttle
from loader.dialer import LEADS
from loader.errors import UndoneBeforeError
from loader.ledger.runs import Ledger
from loader.options.archive import ArchiveOptions
from loader.paths import find_path
from loader.rights import needs
from loader.rights.refusal import refuse_unreadable, refuse_unreplicated
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
    ledger_folder: Path | None = None,
    watchers: Watchers | None = None,
) -> UndoReport:
    """Undo a run.

    The leads that it inserted and that nobody has called or changed since move to the archive, with
    all that belongs to them. Fields of existing leads that still have the value that the run wrote
    get their old value back.

    The run is an import, or an undo. Of the options the pace counts: an undo decides its steps
    itself. A dry run writes the result files and nothing else.

    Raises:
        UndoneBeforeError: the run was undone before, and nothing more can be undone.
        UsageError: there is no such run (see `Ledger.find`), or it cannot be undone.
        BusyError: another process is loading or undoing it.
        Interrupted: a signal came; the same call completes the undo.
        LoaderError: see `loader.errors`; the same call completes the undo.
    """
    watchers, options = watchers or Watchers(), options or ArchiveOptions()
    refuse_unreadable(database, lambda site: needs.of_undo(options, site))
    folder = ledger_folder or (results.parent if results else Path("results"))
    # A dry run does not create the ledger.
    ledger = (Ledger.to_read if dry_run else Ledger.open)(database, folder)
    run = ledger.find(run).run
    task, confirm = UndoTask.of(ledger, database, run), None
    if not dry_run:
        refuse_unreplicated(database, lambda site: needs.of_undo(options, site))
    with ExitStack() as stack:
        if not dry_run:
            # The lock that an import takes.
            work = f"run {run} is being loaded or undone"
            confirm = stack.enter_context(lock(database, task.original.lock_name, work))
            task = UndoTask.of(ledger, database, run)
        throttle = stack.enter_context(closing(Throttle(database, options)))
        throttle.check()
        # An undo has no limit and no run time; the settings may have them for archiving.
        endless = options.model_copy(update={"limit": None, "run_time": None})
        pace = Pace(throttle, Rhythm.of_moves(endless), watchers, is_throttled=not dry_run)
        job = UndoJob(task, options, pace, watchers, results, dry_run=dry_run)
        job.confirm = confirm
        return job.finish_completed() or job.run_to_the_end()


class UndoJob:
    """Undoes one run."""

    def __init__(
        self,
        task: UndoTask,
        options: ArchiveOptions,
        pace: Pace,
        watchers: Watchers,
        results: Path | None,
        *,
        dry_run: bool,
    ) -> None:
        """Prepare the undo; nothing is written yet."""
        self.task, self.options, self.dry_run = task, options, dry_run
        self.pace, self.watchers = pace, watchers
        self.undo_run = task.undo_run(results, dry_run=dry_run)
        self.is_new = dry_run or task.unfinished_undo is None
        own = (results or Path("results") / self.undo_run.run).absolute()
        self.folder = own if self.is_new else find_path(self.undo_run.results)
        self.children: dict[str, Counts] = {}
        self.stayed: list[pd.DataFrame] = []
        """Leads that stayed although they were free when the undo was planned."""
        self.confirm: Confirm | None = None
        """Raises if another process has the lock on the run."""
        watchers.named(self.undo_run.run)

    def finish_completed(self) -> UndoReport | None:
        """Record the end and give the report if only the entry in the ledger is missing."""
        report = None if self.is_new else report_of(self.folder, self.undo_run.run)
        if report is not None:
            shutil.rmtree(work_in(self.folder, self.undo_run.run), ignore_errors=True)
            self.task.end(self.undo_run, report)
        return report

    def run_to_the_end(self) -> UndoReport:
        """Plan the undo, carry it out and write the results."""
        task = self.task
        self.archiver = task.archiver(self.options)
        shapes = self.archiver.tables.shapes
        self.reverter = Reverter(task.database, list(shapes[LEADS].columns), shapes)
        if (
            self.is_new
            and task.was_undone_before
            and not any(len(free) for free, _stayed in self._plan_leads())
        ):
            raise UndoneBeforeError(
                f"run {task.record.run} was undone before, and nothing more can be undone"
            )
        self.files = UndoResults(self.folder, self.undo_run.run)
        try:
            if self.dry_run:
                self.files.plan(self._plan_leads())
                return self._write_results()
            # Before the undo is planned: from now on a load in progress cannot write.
            task.begin(self.undo_run, self.confirm)
        except BaseException:  # Ctrl-C too
            if self.is_new:
                self.files.discard()
            raise
        self._revert_and_move()
        return self._write_results()

    def _plan_leads(self) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        for leads, in_doubt in self.task.leads(self.archiver):
            self._wait()
            now = self.archiver.read_leads(leads)
            stayed = pd.concat([now.stayed, in_doubt])
            if self.task.was_undone_before:
                # The undo before this one moved them.
                stayed = stayed[~stayed["why"].isin([Kept.ARCHIVED, Kept.GONE])]
            yield now.free, stayed

    def _revert_and_move(self) -> None:
        task, watchers = self.task, self.watchers
        action = "undo" if self.is_new else "continuing the undo"
        watchers.say(f"{action} of {task.record.run}; results in {self.files.folder}")
        if not self.files.is_planned:
            self.files.plan(self._plan_leads())
        self.archiver.make_archives()
        for changes in task.changes():
            self._wait()
            self.reverter.revert(changes)
        self._settle_killed()
        journal = Journal(self.files.journal, "undo", task.database.name)
        self.archiver.journal = journal
        try:
            self._move_all()
        finally:
            journal.close(is_complete=False)

    def _settle_killed(self) -> None:
        """See that no lead stays in both tables that a process before this one had in hand."""
        if chunk := chunk_in(self.files.journal):
            _moved, unclear = self.archiver.settle(chunk)
            if len(unclear):
                self.archiver.remarks.append(unclear_remark(unclear, self.files.folder))

    def _move_all(self) -> None:
        leads, done = self.files.leads(), 0
        while done < len(leads):
            self._wait()
            chunk = _frame(leads[done : done + self.pace.next_size])
            done += len(chunk)
            self._move(chunk)
            self.watchers.progress("undo", done, done / len(leads))

    def _move(self, chunk: pd.DataFrame) -> None:
        result, _seconds = self.pace.run_chunk(len(chunk), lambda: self.archiver.take(chunk))
        if len(result.stayed):
            self.stayed.append(result.stayed)
        for name, counts in result.children.items():
            self.children[name] = self.children.get(name, Counts()).plus(counts)

    def _wait(self) -> None:
        """Wait while the server is busy; end if a signal came."""
        if self.pace.wait():
            raise Interrupted(str(self.watchers.stop.signal))

    def _write_results(self) -> UndoReport:
        """Write what became of each lead and change, by the present state of the database."""
        files, task = self.files, self.task
        files.begin()
        all_stayed = pd.concat([no_stayed(), *self.stayed])
        leads = files.leads()
        for start in range(0, len(leads), LEADS_PER_STATEMENT):
            chunk = _frame(leads[start : start + LEADS_PER_STATEMENT])
            stayed = all_stayed[all_stayed["lead_id"].isin(chunk["lead_id"])]
            is_there = stayed["why"] != Kept.CHILD_LEFT
            gone = chunk[~chunk["lead_id"].isin(stayed["lead_id"][is_there])]
            if not self.dry_run:
                has_arrived = gone["lead_id"].isin(self.archiver.moved_ids(gone["lead_id"]))
                lost = gone[~has_arrived].assign(fields="", why=Kept.GONE.value, details="")
                gone, stayed = gone[has_arrived], pd.concat([stayed, lost])[list(all_stayed)]
            files.note_leads(gone, stayed)
        for changes in task.changes():
            now = self.reverter.read_changes(changes, is_done=not self.dry_run)
            files.note_changes(now.reverted, now.stayed)
        report = self._report()
        files.finish(report)
        if not self.dry_run:
            task.end(self.undo_run, report)
        return report

    def _report(self) -> UndoReport:
        record = self.task.record
        remarks = [*self.archiver.tables.remarks, *self.archiver.remarks, self.task.ledger.remark]
        return UndoReport(
            run=self.undo_run.run,
            of_run=record.run,
            source=self.task.original.source,
            database=self.task.database.name,
            began=self.undo_run.began,
            ended=end_of(self.undo_run.began),
            dry_run=self.dry_run,
            from_hopper=self.archiver.from_hopper,
            children={n: each._asdict() for n, each in self.children.items() if any(each)},
            made=self.archiver.tables.made,
            remarks=list(dict.fromkeys(filter(None, remarks))),
            **self.files.as_dict(),
        )


def _frame(leads: Any) -> pd.DataFrame:
    return pd.DataFrame({name: np.asarray(leads[name]) for name in LOADED_TYPES})

"""A run to undo, as its ledger entry and its result files describe it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.csv

from jobs.load.resume import this_process
from loader.database.connection import Database
from loader.database.locks import Confirm
from loader.errors import ConfigurationError, UsageError
from loader.ledger.records import UNFINISHED, RunRecord
from loader.ledger.run_batches import RunBatches
from loader.ledger.runs import Ledger, run_name
from loader.options.archive import ArchiveOptions
from loader.paths import find_path, printable_path
from loader.undo.archived_leads import ArchivedLeads
from loader.undo.loaded_leads import LoadedLeads
from loader.undo.outcome import LOADED_TYPES, Kept, no_stayed
from loader.undo.report import UndoReport
from loader.undo.results import CHANGES, LEADS_PER_STATEMENT, MOVED, REVERTED

Frames = Iterator[pd.DataFrame]
UndoArchiver = LoadedLeads | ArchivedLeads
"""Moves the leads of a run: those of an import into the archive, those of an undo back."""


@dataclass(frozen=True)
class UndoTask:
    """A run to undo."""

    ledger: Ledger
    database: Database
    record: RunRecord
    original: RunRecord
    """The import that an undo took back; for an import, the import itself."""
    unfinished_undo: RunRecord | None
    """An unfinished undo of this run."""

    @classmethod
    def of(cls, ledger: Ledger, database: Database, run: str) -> "UndoTask":
        """Read a run from the ledger.

        Raises:
            UsageError: there is no such run, or it cannot be undone.
        """
        record = ledger.run(run)
        original = ledger.run(record.of_run) if record.of_run else record
        if record.state == "refused":
            raise UsageError(f"run {run} inserted nothing: {record.message}")
        if original.job == "undo":
            raise UsageError(f"run {run} took back an undo: `leadloader undo {original.of_run}`")
        undos = (each for each in ledger.runs() if each.of_run == run)
        unfinished_undo = next((each for each in undos if each.state == "undoing"), None)
        if record.job == "undo" and unfinished_undo is None and record.state != "done":
            is_undone = record.state == "undone"
            state = "was undone" if is_undone else "is unfinished; complete it first"
            raise UsageError(f"run {run} {state}: `leadloader undo {original.run}`")
        return cls(ledger, database, record, original, unfinished_undo)

    @property
    def was_undone_before(self) -> bool:
        """Whether the run was undone before; leads that stayed then may be free to move now."""
        return bool(self._counts_at_start["state_before"] == "undone")

    @property
    def _batches(self) -> RunBatches:
        return RunBatches(self.ledger, self.record.run)

    @property
    def _counts_at_start(self) -> dict[str, Any]:
        undo = self.unfinished_undo
        return undo.counts if undo else {"state_before": self.record.state}

    def undo_run(self, results: Path | None, *, dry_run: bool) -> RunRecord:
        """Give the ledger record of the undo; a new one is not in the ledger yet.

        An unfinished undo keeps its folder; a dry run does not continue it.
        """
        if self.unfinished_undo is not None and not dry_run:
            return replace(self.unfinished_undo, **this_process())
        began = self.ledger.next_moment()
        name = run_name(began, "undo")
        folder = (results or Path("results") / name).absolute()
        return RunRecord(
            run=name,
            job="undo",
            began=began,
            state="undoing",
            counts=self._counts_at_start,
            results=printable_path(folder),
            of_run=self.record.run,
            **this_process(),
        )

    def begin(self, undo_run: RunRecord, confirm: Confirm | None) -> None:
        """Record the start; an import of this run that is still in progress can write no more.

        `confirm` raises if another process has the lock.
        """
        if self.unfinished_undo is None:
            self.ledger.insert(undo_run, confirm)
        else:
            self.ledger.update(undo_run.run, confirm=confirm, **this_process())
        self.ledger.update(self.record.run, state="undoing", owner=undo_run.owner)
        if undo_run.counts["state_before"] in UNFINISHED:
            for session in self._batches.sessions():
                self.database.end_session(session)

    def end(self, undo_run: RunRecord, report: UndoReport) -> None:
        """Record the end."""
        self.ledger.update(self.record.run, state="undone")
        if self.record.job == "undo":
            state = self.record.counts["state_before"]
            if state in UNFINISHED and report.leads_stayed.get(Kept.LOADED_ANEW):
                state = "undone"  # completed, it would load once more what is there again
            self.ledger.update(self.original.run, state=state)
        done = {name: getattr(report, name) for name in ("moved", "reverted")}
        counts = undo_run.counts | done | {"reasons": report.leads_stayed}
        self.ledger.update(undo_run.run, state="done", ended=report.ended, counts=counts)

    def archiver(self, options: ArchiveOptions) -> UndoArchiver:
        """Give what moves the leads of the run."""
        kind = LoadedLeads if self.record.job == "import" else ArchivedLeads
        return kind(self.database, options)

    def leads(self, archiver: UndoArchiver) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Give the leads of the run, see `LOADED_TYPES`, and what may be some, `STAYED_TYPES`."""
        if isinstance(archiver, ArchivedLeads):
            for frame in _read_moved(self._file(MOVED)):
                yield frame, no_stayed()
            return
        for frame in self._batches.new_leads():
            for start in range(0, len(frame), LEADS_PER_STATEMENT):
                part = frame[start : start + LEADS_PER_STATEMENT].reset_index(drop=True)
                yield part, no_stayed()
        for sent in self._batches.sent_leads():
            yield archiver.find_sent(sent)

    def changes(self) -> Frames:
        """Give what the run changed in existing leads; nothing if it was undone before.

        A field that has the written value again may have been set by another load since.
        """
        if self.was_undone_before:
            return iter(())
        if self.record.job == "import":
            return self._batches.changes()
        return _read_reverted(self._file(REVERTED))

    def _file(self, name: str) -> Path:
        path = find_path(self.record.results) / name
        if not path.exists():
            raise ConfigurationError(
                f"run {self.record.run} cannot be undone without its results: {path} "
                f"on {self.record.host}"
            )
        return path


def _read_moved(path: Path) -> Frames:
    """Read moved.csv; it has no fingerprints of the leads."""
    for frame in pd.read_csv(path, chunksize=LEADS_PER_STATEMENT):
        yield frame.assign(fingerprint=0).astype(LOADED_TYPES).reset_index(drop=True)


def _read_reverted(path: Path) -> Frames:
    """Read reverted.csv, in which quotes distinguish an empty text from NULL."""
    convert = pyarrow.csv.ConvertOptions(
        column_types=CHANGES, strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    with (
        path.open("rb") as file,
        pyarrow.csv.open_csv(file, convert_options=convert, parse_options=parse) as reader,
    ):
        for batch in reader:
            yield batch.to_pandas().astype(dict.fromkeys(("field", "old", "new"), "str"))

"""A run that is to be taken back, as the ledger and its results have it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow.csv

from jobs.load.resume import this_process
from loader.database.connection import Database
from loader.errors import ConfigurationError, UsageError
from loader.ledger.runs import UNFINISHED, Ledger, RunRecord, run_name
from loader.options.archive import ArchiveOptions
from loader.undo.archived_leads import ArchivedLeads
from loader.undo.loaded_leads import LoadedLeads
from loader.undo.outcome import LOADED_TYPES
from loader.undo.report import UndoReport
from loader.undo.results import CHANGES, LEADS_PER_STATEMENT, MOVED, REVERTED

Frames = Iterator[pd.DataFrame]
Way = LoadedLeads | ArchivedLeads
"""How the leads of a run go: those of an import into the archive, those of an undo back."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A run that is to be taken back."""

    ledger: Ledger
    database: Database
    record: RunRecord
    original: RunRecord
    """The import; of an import itself."""
    before: RunRecord | None
    """An undo of it that did not come to its end."""

    @classmethod
    def of(cls, ledger: Ledger, database: Database, run: str) -> "Task":
        """Read what the ledger has of a run.

        Raises:
            UsageError: there is no such run, or it cannot be taken back.
        """
        record = ledger.run(run)
        original = ledger.run(record.of_run) if record.of_run else record
        if record.state == "refused":
            raise UsageError(f"run {run} inserted nothing: {record.message}")
        if original.job == "undo":
            raise UsageError(f"run {run} took back an undo: `leadloader undo {original.of_run}`")
        undos = (each for each in ledger.runs() if each.of_run == run)
        before = next((each for each in undos if each.state == "undoing"), None)
        if record.job == "undo" and before is None and record.state != "done":
            is_undone = record.state == "undone"
            said = "was undone" if is_undone else "has not come to its end; complete it first"
            raise UsageError(f"run {run} {said}: `leadloader undo {original.run}`")
        return cls(
            ledger=ledger, database=database, record=record, original=original, before=before
        )

    @property
    def again(self) -> bool:
        """Whether it was taken back before; some of its leads may have become free since."""
        before = self.before.counts["state_before"] if self.before else self.record.state
        return bool(before == "undone")

    def own(self, results: Path | None, *, dry_run: bool) -> RunRecord:
        """Give the record of the undo; a new one is not in the ledger yet.

        Args:
            results: folder of the results, if one is named; an undo that is completed has its own.
            dry_run: nothing is completed.
        """
        if self.before is not None and not dry_run:
            return replace(self.before, **this_process())
        began = datetime.now(UTC)
        name = run_name(began, "undo")
        folder = (results or Path("results") / name).absolute()
        before = self.before.counts if self.before else {"state_before": self.record.state}
        return RunRecord(
            run=name,
            job="undo",
            began=began,
            state="undoing",
            counts=before,
            results=str(folder),
            of_run=self.record.run,
            **this_process(),
        )

    def begin(self, own: RunRecord) -> None:
        """Note that it begins; a load that may still be at it can write no more."""
        if self.before is None:
            self.ledger.insert(own)
        else:
            self.ledger.update(own.run, **this_process())
        self.ledger.update(self.record.run, state="undoing", owner=own.owner)
        if own.counts["state_before"] in UNFINISHED:
            for session in self.ledger.sessions(self.record.run):
                self.database.end_session(session)

    def end(self, own: RunRecord, report: UndoReport) -> None:
        """Note that it has come to its end."""
        self.ledger.update(self.record.run, state="undone")
        if self.record.job == "undo":
            self.ledger.update(self.original.run, state=self.record.counts["state_before"])
        told = {name: getattr(report, name) for name in ("moved", "reverted")}
        counts = own.counts | told | {"reasons": report.leads_stayed}
        self.ledger.update(own.run, state="done", ended=report.ended, counts=counts)

    def way(self, options: ArchiveOptions) -> Way:
        """Give how its leads go."""
        kind = LoadedLeads if self.record.job == "import" else ArchivedLeads
        return kind(self.database, options)

    def leads(self, way: Way) -> Frames:
        """Give its leads, see `LOADED_TYPES`."""
        if isinstance(way, ArchivedLeads):
            yield from _moved(self._file(MOVED))
            return
        for frame in self.ledger.new_leads(self.record.run):
            for start in range(0, len(frame), LEADS_PER_STATEMENT):
                yield frame[start : start + LEADS_PER_STATEMENT].reset_index(drop=True)
        for sent in self.ledger.sent_leads(self.record.run):
            yield way.find_sent(sent)

    def changes(self) -> Frames:
        """Give what it changed in existing leads; nothing if that was taken back before.

        What holds the same again may be another load's then.
        """
        if self.again:
            return iter(())
        if self.record.job == "import":
            return self.ledger.changes(self.record.run)
        return _reverted(self._file(REVERTED))

    def _file(self, name: str) -> Path:
        path = Path(self.record.results) / name
        if not path.exists():
            raise ConfigurationError(
                f"to take back run {self.record.run}, its results are needed: {path} "
                f"on {self.record.host}"
            )
        return path


def _moved(path: Path) -> Frames:
    """Read moved.csv; what the leads are like is not asked."""
    for frame in pd.read_csv(path, chunksize=LEADS_PER_STATEMENT):
        yield frame.assign(fingerprint=0).astype(LOADED_TYPES).reset_index(drop=True)


def _reverted(path: Path) -> Frames:
    """Read reverted.csv, whose quotes tell an empty text from NULL."""
    convert = pyarrow.csv.ConvertOptions(
        column_types=CHANGES, strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    with pyarrow.csv.open_csv(path, convert_options=convert, parse_options=parse) as reader:
        for batch in reader:
            yield batch.to_pandas().astype(dict.fromkeys(("field", "old", "new"), "str"))

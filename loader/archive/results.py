"""The result folder of an archive run: a row for each chunk, moved lead and lead that stayed."""

import csv
import itertools
import json
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loader.archive.journal import NAME as JOURNAL
from loader.archive.journal import Journal, forget_chunk
from loader.archive.outcome import LEFT, STAYED_TYPES, ChunkResult, Counts, Stay
from loader.archive.report import ArchiveReport, report_lines
from loader.errors import ResultsError
from loader.paths import printable_path
from loader.results.folder import SUMMARY, TEXT, ResultFolder

ROWS = ("chunks.csv", "moved.csv", "stayed.csv")

MOVED_HEADER = "lead_id\n"

CHUNK_COLUMNS = ("chunk", "first_lead_id", "last_lead_id", *Counts._fields, "seconds", "ended")


class ArchiveResults(ResultFolder):
    """The folder of one run, and its counts so far.

    What cannot be written raises a ResultsError, and is counted nevertheless.

    The files are written chunk by chunk, so that they are right even if the run is killed; the
    summary, the last of them, completes them. Files of a run that was killed are renamed, so that
    the same command can be repeated.
    """

    def __init__(
        self, folder: Path, command: Mapping[str, Any] | None = None, digest: str = ""
    ) -> None:
        """Make the folder.

        Args:
            folder: of the results.
            command: what the report of the same command would say of it. Its results are no
                obstacle: whoever was killed at the end gives the command once more.
            digest: of the lead_ids that were given; the journal notes it.

        Raises:
            UsageError: it holds the results of another run, or cannot be made.
        """
        super().__init__(folder)
        command = command or {}
        if not _is_of(folder, command):
            self.refuse_results()
        with self.making():
            _set_aside(folder)
            self.journal = (
                Journal(folder / JOURNAL, str(command["job"]), str(command["database"]), digest)
                if command
                else Journal()
            )
            self._chunks, self._moved, self._stayed = (
                (folder / name).open("w", encoding="utf-8", newline="") for name in ROWS
            )
        self._rows = csv.writer(self._chunks, lineterminator="\n")
        self._rows.writerow(CHUNK_COLUMNS)
        self._moved.write(MOVED_HEADER)
        self._stayed.write(",".join(STAYED_TYPES) + "\n")
        self.chunks, self.counts, self.looked_at, self.moved = 0, Counts(), 0, 0
        self.children: dict[str, Counts] = {}
        self._whys: Counter[str] = Counter()
        self._spared = 0

    def chunk(self, lead_ids: npt.NDArray[np.int64], done: ChunkResult, seconds: float) -> None:
        """Note the result of a chunk."""
        self.chunks += 1
        self.counts = self.counts.plus(done.counts)
        self.looked_at += len(lead_ids)
        self.moved += len(done.moved)
        self._whys.update(done.stayed["why"])
        for table, counts in done.children.items():
            self.children[table] = self.children.get(table, Counts()).plus(counts)
        ended = datetime.now(UTC).isoformat(timespec="milliseconds")
        first, last = lead_ids[0], lead_ids[-1]
        # The leads first: they are needed to bring leads back. Then the journal may forget them.
        with self.writing(self._moved):
            np.savetxt(self._moved, done.moved, fmt="%d")
            self._moved.flush()
            os.fsync(self._moved)
        self._write_stayed(done.stayed)
        with self.writing(self._chunks):
            self._rows.writerow([self.chunks, first, last, *done.counts, f"{seconds:.3f}", ended])

    def spare(self, stayed: pd.DataFrame) -> None:
        """Note leads that were not taken into a chunk, see `STAYED_TYPES`."""
        self.looked_at += len(stayed)
        self._spared += len(stayed)
        self._whys.update(stayed["why"])
        self._write_stayed(stayed)

    @property
    def stayed(self) -> dict[str, int]:
        """Count the leads that stayed, by why."""
        return {str(why): self._whys[why] for why in Stay if self._whys[why]}

    def as_dict(self, *, deleting: bool) -> dict[str, Any]:
        """Give what the report says of the leads.

        Args:
            deleting: leads whose copies equal them were to be deleted.
        """
        stayed = self.stayed
        in_chunks = self.looked_at - self._spared
        still_there = sum(n for why, n in stayed.items() if why not in LEFT) - self._spared
        rest = in_chunks - self.moved - still_there
        # A lead that is still in its table and is not in `stayed` was only to be copied.
        kept = 0 if deleting else max(self.counts.select_count - self.moved - still_there, 0)
        return {
            **self.counts._asdict(),
            "looked_at": self.looked_at,
            "moved": self.moved,
            "gone": rest - kept,
            "kept": kept,
            "chunks": self.chunks,
            "stayed": stayed,
            "children": {table: counts._asdict() for table, counts in self.children.items()},
            "results": printable_path(self.folder),
        }

    def summarize(self, report: ArchiveReport) -> None:
        """Write the summaries; of a chunk that is unfinished the journal stays."""
        self._close()
        goes_on = report.stopped not in {"done", "dry_run"}
        self.journal.close(is_complete=report.unfinished is None, goes_on=goes_on)
        if report.preview:
            self._remove_rows()
        with self.writing():
            self.write_lines(TEXT, report_lines(report))
            self.write_summary(report)

    def discard(self) -> None:
        """Remove all files of a run that had no result, but for what a killed one had begun."""
        self._close()
        self.journal.close(is_complete=not self.journal.is_begun)
        self._remove_rows()
        self.remove()

    def _write_stayed(self, stayed: pd.DataFrame) -> None:
        with self.writing(self._stayed):
            stayed.to_csv(self._stayed, header=False, index=False, columns=list(STAYED_TYPES))

    def _close(self) -> None:
        for file in (self._chunks, self._moved, self._stayed):
            # An error of a write was reported before.
            with suppress(OSError):
                file.close()

    def _remove_rows(self) -> None:
        for name in ROWS:
            (self.folder / name).unlink(missing_ok=True)


def _is_of(folder: Path, command: Mapping[str, Any]) -> bool:
    """Say whether a folder has the results of a command."""
    try:
        found = json.loads((folder / SUMMARY).read_text("utf-8"))
        return bool(command) and all(found[name] == value for name, value in command.items())
    except (OSError, KeyError, TypeError, ValueError):
        return False


def _set_aside(folder: Path) -> None:
    """Rename the files of an earlier run: moved.csv to moved.1.csv, and so on."""
    existing = [folder / name for name in (*ROWS, JOURNAL, SUMMARY, TEXT)]
    existing = [path for path in existing if path.exists()]
    number = next(
        number
        for number in itertools.count(1)
        if not any(path.with_suffix(f".{number}{path.suffix}").exists() for path in existing)
    )
    for path in existing:
        path.rename(path.with_suffix(f".{number}{path.suffix}"))


def complete_moved(
    journal: Path, lead_ids: npt.NDArray[np.int64], *, may_come_again: bool = False
) -> int:
    """Add the leads of a journal to the moved.csv beside it, if they are not there; count them.

    Then the journal forgets them, see `forget_chunk`.

    Raises:
        ResultsError: it cannot be written.
    """
    # moved.1.csv belongs to moving.1.json.
    name = journal.name.replace(Path(JOURNAL).stem, "moved").removesuffix(".json")
    path = journal.with_name(f"{name}.csv")
    try:
        text = path.read_text("utf-8") if path.exists() else ""
        # The last line may be cut off, and of a run that ended in its first chunk all of them.
        whole = text[: text.rfind("\n") + 1] or MOVED_HEADER
        missing = np.setdiff1d(lead_ids, np.array(whole.split()[1:], np.int64))
        added = "".join(f"{lead_id}\n" for lead_id in missing)
        part = path.with_name(f".{path.name}")
        part.write_text(whole + added, "utf-8")
        part.replace(path)
        forget_chunk(journal, may_come_again=may_come_again)
    except OSError as error:
        raise ResultsError(f"results folder {journal.parent}: {error.strerror}") from None
    return len(missing)

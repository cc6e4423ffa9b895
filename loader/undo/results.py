"""The result folder of an undo run: what was moved, reverted and kept."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.errors import UsageError
from loader.frames.arrow import to_arrow
from loader.frames.csv_file import CsvFile
from loader.paths import printable_path
from loader.results.folder import SUMMARY, TEXT, ResultFolder
from loader.undo.outcome import LOADED_TYPES, STAYED_TYPES, Kept
from loader.undo.report import UndoReport, report_lines

MOVED, REVERTED, STAYED = "moved.csv", "reverted.csv", "stayed.csv"

LEAD = np.dtype(list(LOADED_TYPES.items()))

LEADS_PER_STATEMENT = 1000
"""Leads that one statement reads."""

CHANGES = pa.schema(
    {"row_number": pa.int64(), "lead_id": pa.int64()}
    | dict.fromkeys(("field", "old", "new"), pa.large_string())
)
"""Columns of reverted.csv: old is the value before the undo, new the value after it."""


def work_in(folder: Path, run: str) -> Path:
    """Give the hidden folder of an undo that is not finished."""
    return folder / f".{run}"


def report_of(folder: Path, run: str) -> UndoReport | None:
    """Read the report of an undo; None if the folder has none, or that of another run."""
    try:
        text = (folder / SUMMARY).read_text("utf-8")
        is_its = json.loads(text)["run"] == run
    except (FileNotFoundError, KeyError, TypeError, ValueError):  # the file may have any content
        return None
    return UndoReport.model_validate_json(text) if is_its else None


class UndoResults(ResultFolder):
    """The folder of one undo; what cannot be written raises a ResultsError.

    The undo is planned in a hidden folder before anything is done; a process that resumes the undo
    follows the same plan. The files get their names when they are complete.
    """

    def __init__(self, folder: Path, run: str) -> None:
        """Make the folder, or resume an unfinished undo that is in it.

        Raises:
            UsageError: it holds the results of another run, or cannot be made.
        """
        # With the name of the undo: the folder may be that of an unfinished import.
        super().__init__(folder, work_in(folder, run))
        self._leads, self._plan = self.work / "leads", self.work / "planned.csv"
        self._refuse_others()
        with self.making():
            pass
        self._writer: CsvFile | None = None
        self.moved = self.reverted = 0
        self.stayed: dict[str, Counter[str]] = {"leads": Counter(), "changes": Counter()}

    def _refuse_others(self) -> None:
        if self.is_planned and (self.folder / SUMMARY).exists():
            raise UsageError(
                f"{self.folder} holds the results of another run, and the undo "
                f"{self.work.name[1:]} goes on there: move those results to another folder"
            )
        self.refuse_results()
        for other in self.folder.glob(work_in(Path(), "*-undo-*").name):
            # An empty one is of an undo that was killed before it began.
            if other != self.work and any(other.iterdir()):
                raise UsageError(
                    f"{self.folder} holds what the undo {other.name[1:]} needs, which has not come "
                    "to its end; name another folder"
                )

    @property
    def journal(self) -> Path:
        """The file of the journal, see `loader.archive.journal`; other runs do not look for it."""
        return self.work / "undoing.json"

    @property
    def is_planned(self) -> bool:
        """Whether it is known which leads are to be moved."""
        return self._leads.exists()

    def plan(self, looked_at: Iterator[tuple[pd.DataFrame, pd.DataFrame]]) -> None:
        """Write the plan: which leads are to be moved, and which stay.

        Args:
            looked_at: frames of `LOADED_TYPES` and of `STAYED_TYPES`.
        """
        part = self.work / "leads.part"
        with self.writing(), part.open("wb") as leads, self._plan.open("w", newline="") as stays:
            stays.write(",".join(STAYED_TYPES) + "\n")
            for free, stayed in looked_at:
                free.astype(LOADED_TYPES).to_records(index=False).astype(LEAD).tofile(leads)
                stayed.to_csv(stays, header=False, index=False, columns=list(STAYED_TYPES))
            for file in (leads, stays):
                file.flush()
                os.fsync(file)
            part.rename(self._leads)

    def leads(self) -> "np.ndarray[Any, np.dtype[np.void]]":
        """Give the leads that are to be moved, as records like `LOADED_TYPES`."""
        if not self._leads.stat().st_size:
            return np.empty(0, LEAD)
        return np.memmap(self._leads, dtype=LEAD, mode="r")

    def begin(self) -> None:
        """Begin the files, with what the plan leaves."""
        with self.writing():
            shutil.copyfile(self._plan, self.work / STAYED)
            (self.work / MOVED).write_text("row_number,lead_id\n")
            # Quotes distinguish an empty text from NULL.
            self._writer = CsvFile(self.work / REVERTED, CHANGES, quoting="all_valid")
            for planned in pd.read_csv(
                self._plan, dtype=STAYED_TYPES, keep_default_na=False, chunksize=LEADS_PER_STATEMENT
            ):
                self.stayed["leads"].update(planned["why"])

    def note_leads(self, moved: pd.DataFrame, stayed: pd.DataFrame) -> None:
        """Note results of leads: row_number and lead_id of moved ones; `STAYED_TYPES`."""
        self.moved += len(moved)
        self.stayed["leads"].update(stayed["why"])
        with self.writing():
            columns = ["row_number", "lead_id"]
            moved.to_csv(self.work / MOVED, mode="a", header=False, index=False, columns=columns)
        self._note_stayed(stayed)

    def note_changes(self, reverted: pd.DataFrame, stayed: pd.DataFrame) -> None:
        """Note results of changes: the reverted ones as in the ledger; `STAYED_TYPES`."""
        self.reverted += len(reverted)
        fields = stayed["fields"].str.count(",") + 1
        for why, count in fields.groupby(stayed["why"]).sum().items():
            self.stayed["changes"][str(why)] += int(count)
        numbers = [pa.array(reverted[n], pa.int64()) for n in ("row_number", "lead_id")]
        # The value that the run wrote is the old value now.
        texts = [to_arrow(reverted[n].astype("str")) for n in ("field", "new", "old")]
        with self.writing():
            if self._writer:
                self._writer.write_table(pa.table([*numbers, *texts], CHANGES))
        self._note_stayed(stayed)

    def _note_stayed(self, stayed: pd.DataFrame) -> None:
        with self.writing():
            stayed.to_csv(
                self.work / STAYED, mode="a", header=False, index=False, columns=list(STAYED_TYPES)
            )

    def as_dict(self) -> dict[str, Any]:
        """Give what the report says of leads and changes."""
        whys = {
            f"{what}_stayed": {str(why): counts[why] for why in Kept if counts[why]}
            for what, counts in self.stayed.items()
        }
        children = self.stayed["leads"][Kept.CHILD_LEFT]
        return {
            "leads": self.moved + self.stayed["leads"].total() - children,
            "moved": self.moved,
            "changes": self.reverted + self.stayed["changes"].total(),
            "reverted": self.reverted,
            "results": printable_path(self.folder),
            **whys,
        }

    def finish(self, report: UndoReport) -> None:
        """Give the files their names, and write the summaries, the last of them."""
        with self.writing():
            if self._writer:
                self._writer.close()
            self.write_lines(TEXT, report_lines(report))
            self.publish((MOVED, REVERTED, STAYED))
            self.write_summary(report)
            shutil.rmtree(self.work)

    def discard(self) -> None:
        """Remove all files of an undo that was not begun."""
        self.remove()

"""The result files of a run: what became of every row."""

import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from loader.errors import UsageError
from loader.fields.reject_file import CLASH_PREFIX, RESULT_COLUMNS, UNREADABLE, result_columns
from loader.files import exists
from loader.findings import FINDING_TYPES, Findings, Notices, findings, no_findings
from loader.frames.arrow import no_formulas, to_arrow
from loader.frames.csv_file import CsvFile
from loader.frames.spool import Spool
from loader.notices import Notice
from loader.reading.row_places import ONE_FILE, RowPlaces
from loader.reasons import Reason
from loader.results.all_reasons import ReasonBits
from loader.results.folder import (
    PAGE,
    RUN_FILE,
    SUMMARY,
    ResultFolder,
    forget,
    lock_work,
    remove_validation,
    remove_validations_beside,
    run_in,
    work_in,
)
from loader.results.place_columns import PlaceColumns
from loader.results.row_order import RowOrder
from loader.results.wording import finding_texts, notices_text

LOADED, REJECTED, CHANGES = "loaded.csv", "rejected.csv", "changes.csv"

LEAD_SCHEMA = pa.schema({"row_number": pa.int64(), "lead_id": pa.int64()})
LOADED_SCHEMA = LEAD_SCHEMA.append(pa.field("notices", pa.large_string()))
CHANGES_SCHEMA = pa.schema(
    [*LEAD_SCHEMA, *(pa.field(name, pa.large_string()) for name in ("field", "old", "new"))]
)

ROWS_SORTED_AT_ONCE = 50_000
BYTES_SORTED_AT_ONCE = 1 << 26

NEIGHBORS = 64
"""Consecutive numbers of rows that are sorted together, whatever their size."""

ACCEPTED = "accepted-"
"""Files of what waits for the rounds of the insert: with this and a number."""

LEFTOVERS = ("ids", "spool-*", "*.csv")
"""Files of a process that the one after it writes anew."""

NEW, NO_ZONE = 1, 2
"""Flags of loaded rows: the lead is new; no time zone was found for it."""


class Results(ResultFolder):
    """The folder of one run; rows are spooled in a hidden folder until the files are complete."""

    def __init__(
        self,
        folder: Path,
        columns: Sequence[str],
        *,
        run: str = "",
        owner: str = "",
        goes_on: bool = False,
        spreadsheet_safe: bool = False,
        places: RowPlaces = ONE_FILE,
    ) -> None:
        """Make the folder; UsageError: it holds the results of another run, or cannot be made.

        Args:
            folder: where the results go.
            columns: of the source file.
            run: its name, if it is one that can be taken up again.
            owner: the process that works on it; one that took its place has other files.
            goes_on: a process before this one began this very run; what it kept is there.
            spreadsheet_safe: the source's own values, too, shall be no formulas to a spreadsheet.
            places: of its rows, if they stand in several files.
        """
        super().__init__(folder, work_in(folder, owner))
        # A reject file that is loaded again has our columns already.
        result_names = result_columns(columns)
        self.columns = [c for c in columns if c not in result_names]
        self._spreadsheet_safe = spreadsheet_safe
        if goes_on:
            self._drop_leftovers()
        else:
            self._make(run)
        self._spools = self._rounds_of_insert = 0
        self.accepted = self.next_round(is_kept=goes_on)
        self._rejected = Spool(self.work / "rejected")
        self.reason_bits = ReasonBits(self.work / "marks")
        self._ids = self.work / "ids"
        self._ids.touch()
        self._reopened: pd.Series[int] = pd.Series(dtype="int64")
        self._changes: CsvFile | None = None
        self._places = PlaceColumns(places)
        self._loaded_schema = self._places.add_fields(LOADED_SCHEMA)
        self._changes_schema = self._places.add_fields(CHANGES_SCHEMA)
        self._loaded, self._order = CsvFile(self.work / LOADED, self._loaded_schema), RowOrder()

    def _make(self, run: str) -> None:
        self.refuse_results((LOADED, REJECTED, CHANGES, PAGE, SUMMARY))
        other = run_in(self.folder)
        if other not in {"", run}:
            raise UsageError(
                f"{self.folder} is where run {other} works, or has to go on; name another folder"
            )
        remove_validation(self.folder)
        remove_validations_beside(self.folder)
        path = work_in(self.folder) / RUN_FILE
        if not other and exists(path):
            raise UsageError(
                f"{self.folder} is where another validation works; name another folder"
            )
        forget(self.folder)
        with self.making():
            # Locked until the results are written, or the process has ended.
            weakref.finalize(self, os.close, lock_work(self.folder, run))

    def _drop_leftovers(self) -> None:
        """Delete what is written anew: all but what waits for the insert, and was rejected."""
        for pattern in LEFTOVERS:
            for path in self.work.glob(pattern):
                path.unlink(missing_ok=True)

    def spool(self) -> Spool:
        """Make a spool that goes with the process."""
        self._spools += 1
        return Spool(self.work / f"spool-{self._spools}")

    def next_round(self, *, is_kept: bool = False) -> Spool:
        """Make the spool of what waits for the next round of the insert; it can outlive a crash.

        What a process before this one wrote there counts only if it has kept it.
        """
        self._rounds_of_insert += 1
        path = self.work / f"{ACCEPTED}{self._rounds_of_insert}"
        if not is_kept:
            path.unlink(missing_ok=True)
        return Spool(path)

    def keep(self) -> dict[str, Any]:
        """See that all that was rejected so far outlives a crash; give what `restore` needs."""
        self.reason_bits.keep()
        return {
            "rejected": self._rejected.keep(),
            "reopened": {str(row): int(times) for row, times in self._reopened.items()},
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on where a process before this one was when it called `keep`."""
        self._rejected.restore(**kept["rejected"])
        rows = pd.Index([int(row) for row in kept["reopened"]], dtype="int64")
        self._reopened = pd.Series([*kept["reopened"].values()], index=rows, dtype="int64")

    def reject(self, source: pd.DataFrame, findings: Findings) -> None:
        """Note rejected rows, with the columns of the source file, at least of these rows."""
        self.also(findings)
        values = source.loc[findings.index, self.columns]
        # By position, because a source column may have any name.
        values.columns = pd.Index(self._numbered)
        self._rejected.append(values.join(findings).assign(round=self._rounds(findings.index)))

    def also(self, findings: Findings) -> None:
        """Note reasons that apply to rows, be they the first or not."""
        for name in findings["reason"].unique():
            self.reason_bits.add(findings.index[findings["reason"] == name], Reason[name])

    def load(self, lead_ids: "pd.Series[int]", notices: Notices, *, new: bool = True) -> None:
        """Note loaded rows; `new`: they got their lead_id in this run, else they changed leads.

        The lead_ids are by row_number (Int64), and null in a validation.
        """
        rows, ids = lead_ids.index.to_numpy(), lead_ids.astype("Int64")
        texts = notices_text(notices, lead_ids.index)
        columns = [pa.array(rows), pa.array(ids, pa.int64()), to_arrow(texts)]
        table = pa.table(columns, LOADED_SCHEMA)
        self._loaded.write_table(self._places.add(table, rows, self._loaded_schema))
        self._order.add(rows)
        known = ids.notna().to_numpy()
        if known.any():
            zoneless = notices.index[notices["notice"] == Notice.NO_TIME_ZONE]
            flags = NEW * new + NO_ZONE * lead_ids.index[known].isin(zoneless)
            entries = np.stack([rows[known], ids[known].to_numpy(dtype=np.int64), flags], axis=1)
            with self._ids.open("ab") as file:
                entries.tofile(file)

    def change(self, changes: pd.DataFrame) -> None:
        """Note what rows changed of existing leads, see `loader.writing.changes.as_changes`."""
        if self._changes is None:
            # Quotes tell an empty text from NULL, which has none.
            path = self.work / CHANGES
            self._changes = CsvFile(path, self._changes_schema, quoting="all_valid")
        columns = [pa.array(changes.index), pa.array(changes["lead_id"], pa.int64())]
        values = [pa.array(changes[name], pa.large_string()) for name in ("field", "old", "new")]
        columns += map(no_formulas, values) if self._spreadsheet_safe else values
        table, rows = pa.table(columns, CHANGES_SCHEMA), changes.index.to_numpy()
        self._changes.write_table(self._places.add(table, rows, self._changes_schema))

    def reopen(self, duplicates_of: Iterable[int]) -> Findings:
        """Take back the rejections of rows that are duplicates of rows that were not loaded.

        What was found of these rows comes back; they are to be decided anew.
        """
        wanted = list(duplicates_of)
        frames = [frame[frame["duplicate_row"].isin(wanted)] for frame in self.rejected()]
        found = pd.concat(
            [no_findings(), *(frame[list(FINDING_TYPES)].astype(FINDING_TYPES) for frame in frames)]
        )
        self.take_back(found.index)
        return found

    def take_back(self, rows: pd.Index) -> None:
        """Forget that rows were rejected: they are loaded, or decided anew."""
        self.reason_bits.clear(rows)
        again = pd.Series(self._rounds(rows) + 1, index=rows, dtype="int64")
        self._reopened = pd.concat([self._reopened.drop(rows, errors="ignore"), again])

    def _rounds(self, rows: pd.Index) -> npt.NDArray[np.int64]:
        """Say how often each row was taken back; what was found before does not count."""
        return np.asarray(self._reopened.reindex(rows, fill_value=0), dtype=np.int64)

    def rejected(self) -> Iterator[pd.DataFrame]:
        """Read the rejected rows back: numbered source columns and those of findings."""
        for frame in self._rejected.read():
            yield frame[frame["round"] == self._rounds(frame.index)]

    def lead_ids(self, *, new: bool = True) -> npt.NDArray[np.int64]:
        """Give row_number and lead_id of new or all loaded rows, shape (n, 2), by row_number."""
        if not self._ids.stat().st_size:
            return np.empty((0, 2), dtype=np.int64)
        entries = np.memmap(self._ids, dtype=np.int64, mode="r").reshape(-1, 3)
        pairs = entries[entries[:, 2] & NEW > 0, :2] if new else entries[:, :2]
        in_order = bool((np.diff(pairs[:, 0]) > 0).all())
        return pairs if in_order else pairs[np.argsort(pairs[:, 0], kind="stable")]

    def lead_ids_without_zone(self) -> npt.NDArray[np.int64]:
        """Give the lead_ids of loaded rows for which no time zone was found."""
        entries = np.fromfile(self._ids, dtype=np.int64).reshape(-1, 3)
        lead_ids: npt.NDArray[np.int64] = entries[entries[:, 2] & NO_ZONE > 0, 1]
        return lead_ids

    def finish(self, count: Callable[[pd.DataFrame], None] = lambda _rejected: None) -> None:
        """Write rejected.csv, put the lines of loaded.csv in order, and give both their names.

        `count` takes the rejected rows, frame by frame: the source's columns by `numbered` names,
        those of findings, and reason_bits (uint64), see `ReasonBits`.
        """
        ids = self.lead_ids()
        names = _with_result_columns(self.columns)
        if self._spreadsheet_safe:
            names = no_formulas(pa.array(names, pa.large_string())).to_pylist()
        schema = pa.schema([(name, pa.large_string()) for name in names])
        with_places = self._places.add_fields(schema, names)
        writer = CsvFile(self.work / REJECTED, with_places)
        for frame in self._rejected_in_order():
            for start in range(0, len(frame), 20_000):
                part = frame[start : start + 20_000]
                part = part.assign(reason_bits=self.reason_bits.of(part.index))
                count(part)
                table = self._rejected_table(part, ids, schema)
                writer.write_table(self._places.add(table, part.index.to_numpy(), with_places))
        writer.close()
        self._loaded.close()
        self._order.restore(self.work / LOADED, self._loaded_schema)
        if self._changes:
            self._changes.close()
        self.publish((LOADED, REJECTED, *([CHANGES] if self._changes else [])))

    def _rejected_in_order(self) -> Iterator[pd.DataFrame]:
        """Read the rejected rows in the order of the file, so many at a time."""
        bounds = _bounds(self.rejected())
        parts: dict[int, Spool] = {}
        for frame in self.rejected():
            places = np.searchsorted(bounds, frame.index, side="right")
            for part in np.unique(places).tolist():
                spool = parts.get(part) or self.spool()
                spool.append(frame[places == part])
                spool.close()
                parts[part] = spool
        for _, spool in sorted(parts.items()):
            yield pd.concat(spool.read()).sort_index()
            spool.path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Leave nothing of a run that came to nothing."""
        for file in (self._loaded, self.accepted, self._rejected, self._changes):
            # If the disk is full: it goes anyway.
            with suppress(OSError, ValueError):
                if file:
                    file.close()
        self.remove()

    def numbered(self, column: str) -> str:
        """Give the name under which rejected rows have a column of the source."""
        return self._numbered[self.columns.index(column)]

    @property
    def _numbered(self) -> list[str]:
        return [f"column {number}" for number in range(len(self.columns))]

    def _rejected_table(
        self, frame: pd.DataFrame, ids: npt.NDArray[np.int64], schema: pa.Schema
    ) -> pa.Table:
        """Put findings into words, now that the lead_ids of earlier rows of the file are known."""
        lead_ids = _with_new_ids(frame, ids)
        texts = finding_texts(frame.assign(lead_id=lead_ids), self._places.describe)
        values = [to_arrow(frame[name].astype("str")) for name in self._numbered]
        if self._spreadsheet_safe:
            values = [no_formulas(column) for column in values]
        values.append(to_arrow(frame.index.astype("str").to_series()))
        values += [no_formulas(to_arrow(column)) for column in texts]
        return pa.table(values, schema)


def _bounds(frames: Iterable[pd.DataFrame]) -> npt.NDArray[np.int64]:
    """Give the numbers of rows at which the rows of frames are parted, to be sorted in memory."""
    counts: dict[int, int] = {}
    sizes: dict[int, float] = {}
    for frame in frames:
        size = frame.memory_usage(index=False).sum() / max(len(frame), 1)
        places, rows = np.unique(frame.index.to_numpy() // NEIGHBORS, return_counts=True)
        for place, count in zip(places.tolist(), rows.tolist(), strict=True):
            counts[place] = counts.get(place, 0) + count
            sizes[place] = sizes.get(place, 0.0) + count * size
    bounds, rows_so_far, size_so_far = [], 0, 0.0
    for place in sorted(counts):
        rows_so_far, size_so_far = rows_so_far + counts[place], size_so_far + sizes[place]
        if rows_so_far > ROWS_SORTED_AT_ONCE or size_so_far > BYTES_SORTED_AT_ONCE:
            bounds.append(place * NEIGHBORS)
            rows_so_far, size_so_far = counts[place], sizes[place]
    return np.array(bounds, dtype=np.int64)


def not_corrected(rows: pd.DataFrame) -> Findings:
    """Find the rows of a reject file that still say that their fields could not be told apart.

    The reject file is itself well-formed: such a row would load with values in the wrong columns.
    """
    names = {name: column for column, name in result_columns(list(rows.columns)).items()}
    if not names:
        return no_findings()
    advice = "correct the row, and empty its reason to say so"
    parts = [
        findings(rows.index[rows[names["reason"]] == reason.value], reason, text=advice)
        for reason in UNREADABLE
    ]
    return pd.concat(parts).sort_index()


def _with_new_ids(frame: pd.DataFrame, ids: npt.NDArray[np.int64]) -> "pd.Series[int]":
    """Give the lead_id that each row is a duplicate of: known before, or given out in this run."""
    rows = frame["duplicate_row"]
    if not len(ids) or rows.isna().all():
        return frame["lead_id"]
    wanted = rows.fillna(-1).to_numpy(dtype=np.int64)
    place = np.minimum(np.searchsorted(ids[:, 0], wanted), len(ids) - 1)
    new = pd.Series(ids[place, 1], index=frame.index, dtype="Int64")
    return frame["lead_id"].fillna(new.where(ids[place, 0] == wanted))


def _with_result_columns(columns: list[str]) -> list[str]:
    """Add our columns to the source's, under names that the source does not have."""
    return [*columns, *(f"{CLASH_PREFIX}{n}" if n in columns else n for n in RESULT_COLUMNS)]

"""What is said of an archiving as a whole, and the folder that says what became of every lead."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from loader.archive_result import STAYED_TYPES, ChunkResult, Counts, Preview, Stay
from loader.errors import LeadIdsError, LoaderError, OfficeHoursError, UsageError
from loader.results import SUMMARY, refuse_other_results

ROWS, TEXT = ("chunks.csv", "moved.csv", "stayed.csv"), "summary.txt"
CHUNK_COLUMNS = ("chunk", "first_lead_id", "last_lead_id", *Counts._fields, "seconds", "ended")

SUCCESS = "lead_ids batch was successfully processed"
"""The API's message of a 200."""
IN_OFFICE_HOURS = "api cannot be executed during office hours time condition"
"""The API's message of a 403."""

Stopped = Literal["done", "dry_run", "limit", "run_time", "office_hours", "signal", "error"]


class PreviewSummary(BaseModel):
    """What a dry run found: tables as rows by name of their columns, see `Preview`."""

    leads: int
    by_list: list[dict[str, Any]]
    by_status: list[dict[str, Any]]
    by_age: list[dict[str, Any]]
    spared: list[dict[str, Any]]

    @classmethod
    def of(cls, preview: Preview) -> "PreviewSummary":
        """Take the frames of a preview."""
        tables = {name: getattr(preview, name) for name in cls.model_fields if name != "leads"}
        rows = {name: frame.to_dict("records") for name, frame in tables.items()}
        return cls(leads=preview.leads, **rows)


class ArchiveReport(BaseModel):
    """What became of the leads of one command; its counts have the names of the API."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    message: str
    """The API's, where it has one for how this ended."""
    select_count: int
    insert_count: int
    update_count: int
    delete_count: int
    run: str
    job: Literal["archive", "dearchive"]
    which: str
    """The leads that were asked for, in words."""
    options: dict[str, Any]
    database: str
    """Its address without password."""
    began: datetime
    ended: datetime
    stopped: Stopped
    why: str
    """Why it stopped, in words."""
    exit_code: int
    stopped_at: int | None
    """The last lead_id that was looked at; None if none was."""
    chunks: int
    stayed: dict[str, int]
    """Leads that stayed where they were, by why; which ones is in stayed.csv."""
    children: dict[str, dict[str, int]]
    """The counts of the rows that belong to the leads, by the dialer's table."""
    made: list[str]
    """Tables that were made, or by a dry run would be."""
    remarks: list[str]
    """What the database lacks."""
    waited: dict[str, float]
    """Seconds, by why."""
    preview: PreviewSummary | None
    """Of a dry run, which writes nothing to the database."""
    results: str
    """Folder of the result files."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended - self.began).total_seconds()

    @property
    def ended_early(self) -> bool:
        """Whether there may be more to do."""
        return self.stopped not in {"done", "dry_run"}

    @property
    def ending(self) -> str:
        """Why it stopped, and where."""
        if not self.ended_early:
            return self.why
        at = self.stopped_at
        where = "before the first lead" if at is None else f"after lead_id {at}"
        return f"stopped {where}: {self.why}"


class ArchiveResults:
    """The folder of one run, and the account of it so far.

    What is done stands in the files chunk by chunk, so that they tell it even if the run is killed;
    with the summary, the last of them, they are complete.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            UsageError: it holds the results of another run, or cannot be made.
        """
        refuse_other_results(folder, (*ROWS, SUMMARY))
        self.folder, self._made = folder, not folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._chunks, self._moved, self._stayed = (
                (folder / name).open("w", encoding="utf-8", newline="") for name in ROWS
            )
        except OSError as error:
            raise UsageError(f"results folder {folder}: {error.strerror}") from None
        self._rows = csv.writer(self._chunks, lineterminator="\n")
        self._rows.writerow(CHUNK_COLUMNS)
        self._moved.write("lead_id\n")
        self._stayed.write(",".join(STAYED_TYPES) + "\n")
        self.chunks, self.counts = 0, Counts()
        self.children: dict[str, Counts] = {}
        self._whys: Counter[str] = Counter()

    def chunk(self, first: int, last: int, done: ChunkResult, seconds: float) -> None:
        """Note what became of a chunk, from its first lead_id to its last."""
        self.chunks += 1
        self.counts = self.counts.plus(done.counts)
        for table, counts in done.children.items():
            self.children[table] = self.children.get(table, Counts()).plus(counts)
        ended = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._rows.writerow([self.chunks, first, last, *done.counts, f"{seconds:.3f}", ended])
        self._chunks.flush()
        np.savetxt(self._moved, done.moved, fmt="%d")
        self._moved.flush()
        self.stay(done.stayed)

    def stay(self, stayed: pd.DataFrame) -> None:
        """Note leads that stayed where they were, see `STAYED_TYPES`."""
        if len(stayed):
            self._whys.update(stayed["why"])
            stayed.to_csv(self._stayed, header=False, index=False, columns=list(STAYED_TYPES))
            self._stayed.flush()

    @property
    def stayed(self) -> dict[str, int]:
        """Count the leads that stayed, by why."""
        return {str(why): self._whys[why] for why in Stay if self._whys[why]}

    def summarize(self, report: ArchiveReport) -> None:
        """Write the summaries."""
        self._close()
        if report.preview:
            self._remove_rows()
        (self.folder / TEXT).write_text("\n".join(told(report)) + "\n", "utf-8")
        work = self.folder / f".{SUMMARY}"
        work.write_text(report.model_dump_json(indent=2) + "\n", "utf-8")
        work.rename(self.folder / SUMMARY)

    def discard(self) -> None:
        """Leave nothing of a run that came to nothing."""
        self._close()
        self._remove_rows()
        if self._made and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _close(self) -> None:
        for file in (self._chunks, self._moved, self._stayed):
            file.close()

    def _remove_rows(self) -> None:
        for name in ROWS:
            (self.folder / name).unlink(missing_ok=True)


def answer_to(error: LoaderError) -> dict[str, Any]:
    """Give the body with which the API answers an error."""
    if isinstance(error, LeadIdsError):
        lead_ids = list(error.lead_ids)
        return {"message": error.message, "lead_errors": len(lead_ids), "lead_ids": lead_ids}
    return {"message": IN_OFFICE_HOURS if isinstance(error, OfficeHoursError) else str(error)}


def told(report: ArchiveReport) -> list[str]:
    """Tell the report in lines for people."""
    body = _previewed(report.preview, report.job) if report.preview else _moved(report)
    made = "tables that would be made" if report.preview else "tables made"
    lines = [f"{report.job}: {report.which}", *body]
    if report.made:
        lines.append(f"{made}: {', '.join(report.made)}")
    lines += [f"note: {remark}" for remark in report.remarks]
    lines += [f"waited {seconds:,.1f} s: {why}" for why, seconds in report.waited.items()]
    lines.append(report.ending)
    if report.chunks:
        rate = report.select_count / max(report.seconds, 0.001)
        pace = f", {report.chunks:,} chunks, {rate:,.0f} leads/s"
    else:
        pace = ""
    lines.append(f"results: {report.results} ({report.seconds:.1f} s{pace})")
    return lines


def _moved(report: ArchiveReport) -> list[str]:
    counts = [[name, f"{getattr(report, name):,}"] for name in Counts._fields]
    stayed = [[f"  {why}", f"{n:,}", Stay[why].meaning] for why, n in report.stayed.items()]
    lines = aligned([*counts, ["stayed", f"{sum(report.stayed.values()):,}"], *stayed], "<><")
    if report.children:
        head = ["with the leads", *(name.removesuffix("_count") for name in Counts._fields)]
        rows = [
            [f"  {table}", *(f"{counts[name]:,}" for name in Counts._fields)]
            for table, counts in report.children.items()
        ]
        lines += aligned([head, *rows], "<>>>>")
    return lines


def _previewed(preview: PreviewSummary, job: str) -> list[str]:
    done = "archived" if job == "archive" else "put back"
    lines = [f"{preview.leads:,} leads would be {done}; nothing was written"]
    titles = {"by_list": "by list", "by_status": "by status", "by_age": "by age"}
    for name, title in (titles | {"spared": "beside these, what would stay"}).items():
        rows = getattr(preview, name)
        if rows:
            lines += [f"{title}:", *_listed(rows)]
    return lines


def _listed(rows: Sequence[dict[str, Any]]) -> list[str]:
    names = list(rows[0])
    cells = [[f"{row[n]:,}" if n == "leads" else str(row[n]) for n in names] for row in rows]
    indented = [[f"  {line[0]}", *line[1:]] for line in [names, *cells]]
    return aligned(indented, "<" * (len(names) - 1) + ">")


def aligned(rows: Iterable[Sequence[str]], sides: str) -> list[str]:
    """Put cells under one another; `sides` has < or > for each column."""
    lines = [[*row, *[""] * (len(sides) - len(row))] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)
        ).rstrip()
        for line in lines
    ]

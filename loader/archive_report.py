"""What is said of an archiving as a whole, and the folder that says what became of every lead."""

import csv
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, model_validator

from loader.archive_result import STAYED_TYPES, ChunkResult, Counts, Preview, Stay
from loader.errors import ResultsError, UsageError
from loader.results import SUMMARY, refuse_other_results

ROWS, TEXT = ("chunks.csv", "moved.csv", "stayed.csv"), "summary.txt"
CHUNK_COLUMNS = ("chunk", "first_lead_id", "last_lead_id", *Counts._fields, "seconds", "ended")


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
    """What became of the leads of one command.

    Counts that the Lead Archive API has bear its names. All add up: looked_at is the sum of moved,
    stayed (but for CHILD_LEFT, of leads that moved), gone and kept. A chunk that was not
    finished is in none of them.
    """

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    message: str
    """The API's, where it has one for how this ended."""
    select_count: int
    insert_count: int
    update_count: int
    delete_count: int
    looked_at: int
    """Leads that the rule selected or whose lead_ids were given, as far as it came; also those
    that were left alone because the dialer holds them, which select_count leaves out."""
    moved: int
    """Leads that left their table."""
    gone: int
    """Leads that were not in their table any more when their turn came: moved before."""
    kept: int
    """Leads that were to be copied only, and not deleted."""
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
    """The last lead_id of the last chunk that was finished; None if none was."""
    unfinished: tuple[int, int] | None = None
    """The first and the last lead_id of the chunk that an error broke off."""
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

    @model_validator(mode="after")
    def _adds_up(self) -> "ArchiveReport":
        found = self.moved + self.all_stayed + self.gone + self.kept
        if self.looked_at != found:
            raise ValueError(f"{self.looked_at} leads were looked at, and {found} are told of")
        return self

    @property
    def all_stayed(self) -> int:
        """How many leads are still where they were, although they were to be moved."""
        return sum(count for why, count in self.stayed.items() if why != Stay.CHILD_LEFT)

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
        if self.unfinished:
            first, last = self.unfinished
            return (
                f"stopped in the chunk from lead_id {first} to {last}: {self.why}; the chunk is "
                "unfinished: some of its leads may be copied and not deleted; the same command "
                "completes it"
            )
        at = self.stopped_at
        where = "before the first lead" if at is None else f"after lead_id {at}"
        return f"stopped {where}: {self.why}"


class ArchiveResults:
    """The folder of one run, and the account of it so far.

    What is done stands in the files chunk by chunk, so that they tell it even if the run is killed;
    with the summary, the last of them, they are complete. Those of a run that was killed are kept
    under other names, so that the same command can be given again.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            UsageError: it holds the results of another run, or cannot be made.
        """
        refuse_other_results(folder, (SUMMARY,))
        if folder.is_file():
            raise UsageError(f"results folder {folder}: it is a file; name a folder")
        self.folder, self._made = folder, not folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _set_aside(folder)
            self._chunks, self._moved, self._stayed = (
                (folder / name).open("w", encoding="utf-8", newline="") for name in ROWS
            )
        except OSError as error:
            raise UsageError(f"results folder {folder}: {error.strerror}") from None
        self._rows = csv.writer(self._chunks, lineterminator="\n")
        self._rows.writerow(CHUNK_COLUMNS)
        self._moved.write("lead_id\n")
        self._stayed.write(",".join(STAYED_TYPES) + "\n")
        self.chunks, self.counts, self.looked_at, self.moved = 0, Counts(), 0, 0
        self.children: dict[str, Counts] = {}
        self._whys: Counter[str] = Counter()
        self._spared = 0

    def chunk(self, lead_ids: npt.NDArray[np.int64], done: ChunkResult, seconds: float) -> None:
        """Note what became of a chunk.

        Raises:
            ResultsError: it cannot be written; it is counted nevertheless.
        """
        self.chunks += 1
        self.counts = self.counts.plus(done.counts)
        self.looked_at += len(lead_ids)
        self.moved += len(done.moved)
        self._whys.update(done.stayed["why"])
        for table, counts in done.children.items():
            self.children[table] = self.children.get(table, Counts()).plus(counts)
        ended = datetime.now(UTC).isoformat(timespec="milliseconds")
        first, last = lead_ids[0], lead_ids[-1]
        # The leads first: they are what is brought back by.
        with self._writing(self._moved):
            np.savetxt(self._moved, done.moved, fmt="%d")
        self._write_stayed(done.stayed)
        with self._writing(self._chunks):
            self._rows.writerow([self.chunks, first, last, *done.counts, f"{seconds:.3f}", ended])

    def spare(self, stayed: pd.DataFrame) -> None:
        """Note leads that were not taken into a chunk, see `STAYED_TYPES`.

        Raises:
            ResultsError: they cannot be written; they are counted nevertheless.
        """
        self.looked_at += len(stayed)
        self._spared += len(stayed)
        self._whys.update(stayed["why"])
        self._write_stayed(stayed)

    @property
    def stayed(self) -> dict[str, int]:
        """Count the leads that stayed, by why."""
        return {str(why): self._whys[why] for why in Stay if self._whys[why]}

    def told(self, *, deleting: bool) -> dict[str, Any]:
        """Give what the report says of the leads.

        Args:
            deleting: leads whose copies equal them were to be deleted.
        """
        stayed = self.stayed
        taken = self.looked_at - self._spared
        there = sum(stayed.values()) - stayed.get(Stay.CHILD_LEFT, 0) - self._spared
        rest = taken - self.moved - there
        # What is there and did not stay against the will was not to go.
        kept = 0 if deleting else max(self.counts.select_count - self.moved - there, 0)
        return {
            **self.counts._asdict(),
            "looked_at": self.looked_at,
            "moved": self.moved,
            "gone": rest - kept,
            "kept": kept,
            "chunks": self.chunks,
            "stayed": stayed,
            "children": {table: counts._asdict() for table, counts in self.children.items()},
            "results": str(self.folder),
        }

    def summarize(self, report: ArchiveReport) -> None:
        """Write the summaries.

        Raises:
            ResultsError: they cannot be written.
        """
        self._close()
        if report.preview:
            self._remove_rows()
        with self._writing():
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

    def _write_stayed(self, stayed: pd.DataFrame) -> None:
        with self._writing(self._stayed):
            stayed.to_csv(self._stayed, header=False, index=False, columns=list(STAYED_TYPES))

    @contextmanager
    def _writing(self, file: TextIO | None = None) -> Iterator[None]:
        """Write into a file what can be read there at once."""
        try:
            yield
            if file:
                file.flush()
        except OSError as error:
            raise ResultsError(f"results folder {self.folder}: {error.strerror}") from None

    def _close(self) -> None:
        for file in (self._chunks, self._moved, self._stayed):
            # What could not be written was told.
            with suppress(OSError):
                file.close()

    def _remove_rows(self) -> None:
        for name in ROWS:
            (self.folder / name).unlink(missing_ok=True)


def _set_aside(folder: Path) -> None:
    """Rename the files of a run that was killed: moved.csv to moved.1.csv, and so on."""
    there = [folder / name for name in ROWS if (folder / name).exists()]
    number = next(
        number
        for number in itertools.count(1)
        if not any(path.with_suffix(f".{number}.csv").exists() for path in there)
    )
    for path in there:
        path.rename(path.with_suffix(f".{number}.csv"))


def told(report: ArchiveReport) -> list[str]:
    """Tell the report in lines for people."""
    body = _previewed(report, report.preview) if report.preview else _moved(report)
    made = "tables that would be made" if report.preview else "tables made"
    lines = [f"{report.job}: {report.which}", *body]
    if report.made:
        lines.append(f"{made}: {', '.join(report.made)}")
    lines += [f"note: {remark}" for remark in report.remarks]
    lines += [f"waited {seconds:,.1f} s: {why}" for why, seconds in report.waited.items()]
    lines.append(report.ending)
    if report.chunks:
        rate = report.looked_at / max(report.seconds, 0.001)
        pace = f", {many(report.chunks, 'chunk')}, {rate:,.0f} leads/s"
    else:
        pace = ""
    lines.append(f"results: {report.results} ({report.seconds:.1f} s{pace})")
    return lines


def many(count: int, what: str) -> str:
    """Say how many: 1 lead, 1,000 leads."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _moved(report: ArchiveReport) -> list[str]:
    counts = [[name, f"{getattr(report, name):,}"] for name in ("looked_at", *Counts._fields)]
    counts += [["moved", f"{report.moved:,}"], ["stayed", f"{report.all_stayed:,}"]]
    counts += [[f"  {why}", f"{n:,}", Stay[why].meaning] for why, n in report.stayed.items()]
    others = {"gone": "not in their table any more", "kept": "copied, and not to be deleted"}
    counts += [
        [name, f"{getattr(report, name):,}", meaning]
        for name, meaning in others.items()
        if getattr(report, name)
    ]
    lines = aligned(counts, "<><")
    if report.children:
        head = ["with the leads", *(name.removesuffix("_count") for name in Counts._fields)]
        rows = [
            [f"  {table}", *(f"{counts[name]:,}" for name in Counts._fields)]
            for table, counts in report.children.items()
        ]
        lines += aligned([head, *rows], "<>>>>")
    return lines


def _previewed(report: ArchiveReport, preview: PreviewSummary) -> list[str]:
    would, limit = _would_be(report), report.options.get("limit")
    of_limit = f"; the limit takes {limit:,} of them" if limit and limit < preview.leads else ""
    lines = [f"{many(preview.leads, 'lead')} would be {would}{of_limit}; nothing was written"]
    titles = {"by_list": "by list", "by_status": "by status", "by_age": "by age"}
    for name, title in (titles | {"spared": "beside these, what would stay"}).items():
        rows = getattr(preview, name)
        if rows:
            lines += [f"{title}:", *_listed(rows)]
    return lines


def _would_be(report: ArchiveReport) -> str:
    """Say what the steps, of which some may be left out, would do to the leads."""
    inserts, updates, deletes = (
        report.options.get(step, True) for step in ("insert", "update", "delete")
    )
    if deletes:
        done = "archived" if report.job == "archive" else "put back"
        return done if inserts else f"{done} where they have a copy"
    if report.job == "dearchive":
        updates = False
    if inserts:
        return "copied"
    return "brought up to date where their copies differ" if updates else "looked at"


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

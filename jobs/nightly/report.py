"""What became of a night: one record, shown as JSON and as text."""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from loader.errors import ResultsError
from loader.results.lines import align
from loader.results.summary import Dialable

FileOutcome = Literal["loaded", "loaded_before", "failed", "left"]
"""loaded: its rows have their outcomes. loaded_before: its content was, by an earlier run. failed:
nothing of it was inserted, somebody has to look at it. left: it is still in its drop folder, and
the next night takes it, or completes it."""

DRY = {"loaded": "would be loaded", "failed": "would fail", "left": "would be left"}
SAID = {"loaded_before": "loaded before"}


class FileReport(BaseModel):
    """What became of one file."""

    model_config = ConfigDict(extra="forbid")

    file: str
    size: int
    """Bytes."""
    outcome: FileOutcome
    why: str = ""
    """Of what is not simply loaded."""
    exit_code: int = 0
    moved_to: str | None = None
    """Where the file is now; None: where it was."""
    results: str | None = None
    """Folder of its results, on this machine."""
    run: str | None = None
    """That loaded it, this time or before."""
    list_id: int | None = None
    """The list that was made for it."""
    rows_read: int = 0
    loaded: int = 0
    rejected: int = 0
    reasons: dict[str, int] = {}
    """Rejected rows by reason."""
    dialable: list[Dialable] | None = None
    """Of the new leads, by list, what the dialer could call when the load was done."""
    seconds: float = 0.0


class SourceReport(BaseModel):
    """What became of the files of one source."""

    model_config = ConfigDict(extra="forbid")

    name: str
    folder: str
    """Its address without password."""
    problem: str = ""
    """Why nothing could be taken from it."""
    exit_code: int = 0
    """Of the problem."""
    files: list[FileReport] = []

    @property
    def codes(self) -> list[int]:
        """Give the exit code of each thing that could go wrong."""
        return [self.exit_code, *(file.exit_code for file in self.files)]


class ArchivingReport(BaseModel):
    """What became of the leads of one rule."""

    model_config = ConfigDict(extra="forbid")

    rule: str
    moved: int = 0
    stayed: int = 0
    why: str
    """Why it ended, or did not begin."""
    exit_code: int = 0
    run: str | None = None
    results: str | None = None


class NightReport(BaseModel):
    """What became of all files, and of the archiving after them."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    run: str
    job: Literal["nightly"] = "nightly"
    dry_run: bool
    database: str
    """Its address without password."""
    began: datetime
    ended: datetime
    sources: list[SourceReport]
    archives: list[ArchivingReport]
    why: str = ""
    """What ended it before its time."""
    exit_code: int
    """That of the first thing that went wrong."""
    results: str
    """Folder of this report."""

    @property
    def files(self) -> list[FileReport]:
        """Give those of all sources."""
        return [file for source in self.sources for file in source.files]

    @property
    def text(self) -> str:
        """Tell it to people."""
        return "".join(f"{line}\n" for line in _lines(self))

    def write(self, folder: Path) -> None:
        """Write report.json and report.txt, each whole before it has its name.

        Raises:
            ResultsError: they cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in (
                ("report.json", self.model_dump_json(indent=2) + "\n"),
                ("report.txt", self.text),
            ):
                part = folder / f".{name}.part"
                with part.open("w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(folder / name)
        except OSError as error:
            raise ResultsError(f"report of the night in {folder}: {error.strerror}") from None


def _lines(report: NightReport) -> Iterator[str]:
    minutes = (report.ended - report.began).total_seconds() / 60
    dry = ", a dry run: nothing was written" if report.dry_run else ""
    yield f"night {report.run}: {report.began:%Y-%m-%d %H:%M} UTC, {minutes:.1f} minutes{dry}"
    yield f"database {report.database}"
    outcomes = Counter(file.outcome for file in report.files)
    told = [f"{count} {_word(name, report)}" for name, count in outcomes.items()]
    yield f"files: {', '.join(told) or 'none'}"
    loaded, rejected = (sum(getattr(f, n) for f in report.files) for n in ("loaded", "rejected"))
    yield f"rows: {loaded:,} loaded, {rejected:,} rejected"
    for source in report.sources:
        yield ""
        yield f"{source.name} ({source.folder}){'' if source.files else ': no file'}"
        if source.problem:
            yield f"  {source.problem}"
        if source.files:
            rows = align([_cells(file, report) for file in source.files], "<<>>")
            for row, file in zip(rows, source.files, strict=True):
                yield from (row, *_details(file))
    if report.archives:
        yield ""
        yield "archive"
        cells = [
            [f"  {a.rule}", f"{a.moved:,} moved", f"{a.stayed:,} stayed", a.why]
            for a in report.archives
        ]
        yield from align(cells, "<>><")
    if report.why:
        yield ""
        yield f"ended before its time: {report.why}"


def _cells(file: FileReport, report: NightReport) -> list[str]:
    cells = [f"  {file.file}", _word(file.outcome, report)]
    if file.rows_read:
        cells += [f"{file.loaded:,} loaded", f"{file.rejected:,} rejected"]
    return cells


def _details(file: FileReport) -> Iterator[str]:
    told = {
        "why": file.why,
        "list": f"{file.list_id}" if file.list_id else "",
        "rejected": ", ".join(f"{name} {count:,}" for name, count in file.reasons.items()),
        "dialable now": ", ".join(
            f"{each.dialable:,} of {each.leads:,} in list {each.list_id}"
            for each in file.dialable or ()
        ),
        "moved to": file.moved_to or "",
        "results": file.results or "",
    }
    yield from (f"    {name}: {said}" for name, said in told.items() if said)


def _word(outcome: str, report: NightReport) -> str:
    words = {**SAID, **DRY} if report.dry_run else SAID
    return words.get(outcome, outcome)

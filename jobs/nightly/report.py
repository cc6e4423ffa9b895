"""The report of a night, as JSON and as text."""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from loader.errors import ResultsError
from loader.paths import visible_line
from loader.report.destinations import checks_off, default_list, list_state
from loader.results.lines import align
from loader.results.summary import Dialable, LoadedList

FileOutcome = Literal["loaded", "empty", "loaded_before", "failed", "left", "elsewhere"]
"""loaded: every row has an outcome. empty: it has no row. loaded_before: an earlier run loaded the
same content. failed: nothing was inserted, and somebody has to fix the file. left: the file is
still in its drop folder, and the next night loads or completes it. elsewhere: the night of another
machine took it, and counts its rows."""

DRY = {"loaded": "would be loaded", "failed": "would fail", "left": "would be left"}
MOST_LISTS = 8
"""That are named of one file."""
WORDS = {"loaded_before": "loaded before", "elsewhere": "by another night"}

MOST_IGNORED = 20
"""Entries that the text names."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FileReport(_Record):
    """The outcome of one file."""

    file: str
    size: int
    """Bytes."""
    outcome: FileOutcome
    why: str = ""
    """The reason, unless the file is simply loaded."""
    exit_code: int = 0
    moved_to: str | None = None
    """Where the file is now; None: in its drop folder."""
    results: str | None = None
    """Folder of its results, on this machine."""
    run: str | None = None
    """The run that loaded it, in this night or before."""
    host: str = ""
    """The machine whose night has the file, if it is another one."""
    list_id: int | None = None
    """The list that was created for it."""
    rows_read: int = 0
    loaded: int = 0
    """Rows that are in, those of earlier nights too."""
    loaded_before: int = 0
    """Of them, those that an earlier night loaded, which could not complete the file."""
    rejected: int = 0
    reasons: dict[str, int] = {}
    """Rejected rows by reason."""
    lists: list[LoadedList] = []
    """The lists that its rows went into."""
    without_list: int = 0
    """Loaded rows that named no list: they are in list 999."""
    checks_off: list[str] = []
    """Which of duplicate_check, dnc_check and campaign_dnc_check were off."""
    has_feeds: bool = False
    """Whether numbers were looked for in feeds."""
    remarks: list[str] = []
    """What was missing or done otherwise for the whole file, and what its feeds are."""
    dialable: list[Dialable] | None = None
    """New leads that the dialer could call when the load was done, by list."""
    seconds: float = 0.0

    @property
    def still_in(self) -> int:
        """Rows that an earlier night loaded and that are in."""
        return min(self.loaded_before, self.loaded)


class IgnoredEntry(_Record):
    """Something in a drop folder that is not loaded, and is neither hidden nor unfinished."""

    file: str
    why: str


class SourceReport(_Record):
    """The outcomes of the files of one source."""

    name: str
    folder: str
    """Its address without password."""
    problem: str = ""
    """Why no file of it could be loaded, or none behind those that were."""
    exit_code: int = 0
    """The exit code of the problem."""
    files: list[FileReport] = []
    ignored: list[IgnoredEntry] = []

    def describe(self, settled: int) -> str:
        """Say what was found: how many files are to be loaded, and what is not."""
        if self.problem:
            return f"{self.name}: {self.problem}"
        left = f", {len(self.files)} still growing" if self.files else ""
        if self.ignored:
            first = f"{self.ignored[0].file}: {self.ignored[0].why}"
            left += f", {len(self.ignored)} not to be loaded ({first})"
        return (
            f"{self.name}: {settled} {'file' if settled == 1 else 'files'} in {self.folder}{left}"
        )

    @property
    def codes(self) -> list[int]:
        """The exit codes of the source and of its files."""
        return [self.exit_code, *(file.exit_code for file in self.files)]


class ArchivingReport(_Record):
    """The outcome of archiving by one rule."""

    rule: str
    moved: int = 0
    stayed: int = 0
    why: str
    """Why it ended or did not begin."""
    exit_code: int = 0
    run: str | None = None
    results: str | None = None


class NightReport(_Record):
    """The outcomes of all files, and of the archiving after them."""

    version: Literal[1] = 1
    run: str
    job: Literal["nightly"] = "nightly"
    host: str = ""
    """The machine whose night it is."""
    dry_run: bool
    database: str
    """Its address without password."""
    began: datetime
    ended: datetime
    sources: list[SourceReport]
    archives: list[ArchivingReport]
    why: str = ""
    """What ended the night early."""
    exit_code: int
    """The first exit code that is not 0."""
    results: str
    """The folder of this report."""

    @property
    def files(self) -> list[FileReport]:
        """The files of all sources."""
        return [file for source in self.sources for file in source.files]

    @property
    def headline(self) -> str:
        """The night in a few words, which count what the text counts."""
        outcomes = _outcomes(self)
        parts = [f"files: {outcomes}" if outcomes else "no file"]
        problems = sum(bool(source.problem) for source in self.sources)
        ended = sum(bool(archive.exit_code) for archive in self.archives)
        for count, what in (
            (problems, "sources with a problem"), (ended, "archivings that failed"),
        ):  # fmt: skip
            parts += [f"{what}: {count}"] if count else []
        return "; ".join([*parts, *(["ended before its time"] if self.why else [])])

    @property
    def text(self) -> str:
        """The report as text."""
        return "".join(f"{visible_line(line)}\n" for line in _lines(self))

    def write(self, folder: Path) -> None:
        """Write report.json and report.txt; each gets its name when it is complete.

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
    on = f" on {report.host}" if report.host else ""
    yield f"night {report.run}{on}: {report.began:%Y-%m-%d %H:%M} UTC, {minutes:.1f} minutes{dry}"
    yield f"database {report.database}"
    yield f"files: {_outcomes(report) or 'none'}"
    loaded, rejected = (sum(getattr(f, n) for f in report.files) for n in ("loaded", "rejected"))
    before = sum(file.still_in for file in report.files)
    earlier = f" ({before:,} more in earlier nights)" if before else ""
    yield f"rows: {loaded - before:,} loaded{earlier}, {rejected:,} rejected"
    for source in report.sources:
        yield ""
        yield f"{source.name} ({source.folder}){'' if source.files else ': no file'}"
        if source.problem:
            yield f"  {source.problem}"
        if source.files:
            rows = align([_cells(file, report) for file in source.files], "<<>>")
            for row, file in zip(rows, source.files, strict=True):
                yield from (row, *_details(file))
        yield from _ignored(source)
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


def _outcomes(report: NightReport) -> str:
    """Count the files by outcome."""
    outcomes = Counter(file.outcome for file in report.files)
    return ", ".join(f"{count} {_word(name, report)}" for name, count in outcomes.items())


def _cells(file: FileReport, report: NightReport) -> list[str]:
    cells = [f"  {visible_line(file.file)}", _word(file.outcome, report)]
    if file.rows_read or file.loaded:
        cells += [f"{file.loaded:,} loaded", f"{file.rejected:,} rejected"]
    return cells


def _details(file: FileReport) -> Iterator[str]:
    before = f"{file.still_in:,} of the loaded rows" if file.still_in else ""
    details = {
        "why": file.why,
        "by": f"run {file.run} on {file.host}" if file.host else "",
        "in earlier nights": before,
        "list": f"{file.list_id}" if file.list_id else "",
        "lists": ", ".join(_list(each) for each in file.lists[:MOST_LISTS])
        + (f", and {len(file.lists) - MOST_LISTS:,} more" if file.lists[MOST_LISTS:] else ""),
        "note": default_list(file.without_list, done=True),
        "checks": checks_off(file.checks_off, has_feeds=file.has_feeds),
        "rejected": ", ".join(f"{name} {count:,}" for name, count in file.reasons.items()),
        "dialable now": ", ".join(
            f"{each.dialable:,} of {each.leads:,} in list {each.list_id}"
            for each in file.dialable or ()
        ),
        "moved to": file.moved_to or "",
        "results": file.results or "",
    }
    yield from (f"    {name}: {text}" for name, text in details.items() if text)
    yield from (f"    note: {remark}" for remark in file.remarks)


def _ignored(source: SourceReport) -> Iterator[str]:
    for entry in source.ignored[:MOST_IGNORED]:
        yield f"  not loaded: {entry.file}: {entry.why}"
    if len(source.ignored) > MOST_IGNORED:
        yield f"  not loaded: {len(source.ignored) - MOST_IGNORED:,} more, see report.json"


def _list(each: LoadedList) -> str:
    name = f" {each.list_name}" if each.list_name else ""
    state = f" ({list_state(each)})" if list_state(each) else ""
    return f"{each.leads:,} in {each.list_id}{name}{state}"


def _word(outcome: str, report: NightReport) -> str:
    words = {**WORDS, **DRY} if report.dry_run else WORDS
    return words.get(outcome, outcome)

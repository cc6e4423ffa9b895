"""The outcome of one run, as notification, metrics, lineage and log have it in common."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatch
from pathlib import Path
from typing import Any

from loader.archive.outcome import LEFT
from loader.archive.report import ArchiveReport
from loader.clock import end_of
from loader.errors import as_loader_error
from loader.paths import printable_path
from loader.results.summary import Summary
from loader.signals import Interrupted
from loader.undo.outcome import Kept
from loader.undo.report import UndoReport

MOST_REASONS = 5
"""Reasons that a description names."""


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """The outcome of a load, an archiving or a night. It has no personal data."""

    job: str
    what: str
    """The file, or a description of the leads."""
    source: str = ""
    """The name under which runs are compared: a nightly's source, or a rule."""
    run: str = ""
    """The name of the run; "" if it ended before it had one."""
    began: datetime
    ended: datetime
    exit_code: int = 0
    message: str = ""
    """Why the run failed or ended early, or a note."""
    rows: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Numbers of rows or leads by outcome and reason (may be ""); each row counts once."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By stage."""
    results: str = ""
    """Folder of the result files, an absolute path."""
    report: Summary | ArchiveReport | UndoReport | None = None
    """The complete report."""

    @property
    def outcomes(self) -> dict[str, int]:
        """Count the rows by outcome."""
        counts = Counter[str]()
        for (outcome, _), count in self.rows.items():
            counts[outcome] += count
        return dict(counts)

    @property
    def reasons(self) -> dict[str, int]:
        """Count the rows that have a reason, the most frequent first."""
        found = {reason: n for (_, reason), n in self.rows.items() if reason}
        return dict(sorted(found.items(), key=lambda each: -each[1]))

    @property
    def reject_rate(self) -> float:
        """The share of rejected rows, from 0 to 1."""
        all_ = sum(self.rows.values())
        return self.outcomes.get("rejected", 0) / all_ if all_ else 0.0

    @property
    def headline(self) -> str:
        """The result in a few words."""
        counts = ", ".join(f"{n:,} {outcome}" for outcome, n in self.outcomes.items())
        return "failed" if self.exit_code else counts or "done"

    def describe(self) -> str:
        """Describe the outcome in a sentence or two."""
        parts = [self.message] if self.message else []
        if self.rows:
            parts.append(", ".join(f"{n:,} {outcome}" for outcome, n in self.outcomes.items()))
        if self.reasons:
            most = [f"{name} {n:,}" for name, n in list(self.reasons.items())[:MOST_REASONS]]
            parts.append(", ".join(most) + (", ..." if len(self.reasons) > MOST_REASONS else ""))
        if self.results:
            parts.append(f"results in {self.results}")
        text = "; ".join(parts) or "done"
        # Most errors name the file themselves.
        names = (f"{self.what}:", f"{Path(self.what).name}:")
        return text if text.startswith(names) else f"{self.what}: {text}"


@singledispatch
def outcome_of(report: object) -> RunOutcome:
    """Give the outcome of the run that a report is about; an outcome is returned as it is."""
    raise TypeError(f"there is no outcome of a {type(report).__name__}")


@outcome_of.register
def _of_outcome(report: RunOutcome) -> RunOutcome:
    return report


def _outcome(
    report: Summary | ArchiveReport | UndoReport,
    what: str,
    rows: Mapping[tuple[str, str], int],
    **others: Any,
) -> RunOutcome:
    """Give the outcome with what all reports have in common."""
    common = {name: getattr(report, name) for name in ("job", "run", "began", "ended")}
    results = printable_path(Path(report.results).absolute())
    return RunOutcome(what=what, rows=rows, results=results, report=report, **common, **others)


@outcome_of.register
def _of_summary(report: Summary) -> RunOutcome:
    rows = {("loaded", ""): report.loaded}
    rows |= {("rejected", reason): count for reason, count in report.reasons.items()}
    return _outcome(report, report.file.name, rows, seconds=report.seconds)


@outcome_of.register
def _of_archive(report: ArchiveReport) -> RunOutcome:
    rows = {("moved", ""): report.moved}
    # A lead of which something else is left is among the moved, or gone.
    stayed = {why: n for why, n in report.stayed.items() if why not in LEFT}
    rows |= {("stayed", why): count for why, count in stayed.items()}
    others = {("gone", ""): report.gone, ("kept", ""): report.kept}
    rows |= {outcome: count for outcome, count in others.items() if count}
    message = report.ending if report.ended_early else ""
    return _outcome(report, report.which, rows, exit_code=report.exit_code, message=message)


@outcome_of.register
def _of_undo(report: UndoReport) -> RunOutcome:
    left = {why: n for why, n in report.leads_stayed.items() if why != Kept.CHILD_LEFT}
    rows = {("moved", ""): report.moved, ("reverted", ""): report.reverted}
    for why in dict.fromkeys([*left, *report.changes_stayed]):
        rows["stayed", why] = left.get(why, 0) + report.changes_stayed.get(why, 0)
    return _outcome(report, f"run {report.of_run} of {report.source}", rows)


def outcome_of_error(
    error: BaseException, job: str, what: str, began: datetime, run: str = ""
) -> RunOutcome:
    """Give the outcome of a run that failed."""
    message, exit_code = "interrupted", 130
    if isinstance(error, Interrupted):
        message, exit_code = f"{error} came", error.exit_code
    elif isinstance(error, Exception):
        why = as_loader_error(error)
        message, exit_code = str(why), why.exit_code
    return RunOutcome(
        job=job,
        what=what,
        run=run,
        began=began,
        ended=end_of(began),
        exit_code=exit_code,
        message=message,
    )

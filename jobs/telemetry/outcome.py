"""What became of one run, in the words that those who are told have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import singledispatch
from pathlib import Path

from loader.archive.outcome import Stay
from loader.archive.report import ArchiveReport
from loader.errors import LoaderError, describe_bug
from loader.results.summary import Summary
from loader.signals import Interrupted
from loader.undo.outcome import Kept
from loader.undo.report import UndoReport

MOST = 5
"""Reasons that are told by name."""


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """One run: of a file, of an archiving, of a night. It holds nothing of any person."""

    job: str
    what: str
    """The file, or the leads that were asked for."""
    source: str = ""
    """Under which name runs are compared: of nightly's source, or of the rule."""
    run: str = ""
    """Its name; "" if it came to none."""
    began: datetime
    ended: datetime
    exit_code: int = 0
    message: str = ""
    """Why it failed or ended early, or a note."""
    rows: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Rows or leads by outcome and reason, which may be ""; each is in one of them."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By stage."""
    results: str = ""
    """Folder of the result files, from the root: it is read elsewhere."""
    report: Summary | ArchiveReport | UndoReport | None = None
    """All of it."""

    @property
    def outcomes(self) -> dict[str, int]:
        """Count the rows by outcome."""
        counts: dict[str, int] = {}
        for (outcome, _), count in self.rows.items():
            counts[outcome] = counts.get(outcome, 0) + count
        return counts

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
        """Say in a few words how it went."""
        counts = ", ".join(f"{n:,} {outcome}" for outcome, n in self.outcomes.items())
        return "failed" if self.exit_code else counts or "done"

    def told(self) -> str:
        """Tell it in a sentence or two."""
        parts = [self.message] if self.message else []
        if self.rows:
            parts.append(", ".join(f"{n:,} {outcome}" for outcome, n in self.outcomes.items()))
        if self.reasons:
            most = [f"{name} {n:,}" for name, n in list(self.reasons.items())[:MOST]]
            parts.append(", ".join(most) + (", ..." if len(self.reasons) > MOST else ""))
        if self.results:
            parts.append(f"results in {self.results}")
        told = "; ".join(parts) or "done"
        # Most errors name the file themselves.
        names = (f"{self.what}:", f"{Path(self.what).name}:")
        return told if told.startswith(names) else f"{self.what}: {told}"


@singledispatch
def account_of(report: object) -> RunOutcome:
    """Give the account of a report; of an account, itself."""
    raise TypeError(f"there is no account of a {type(report).__name__}")


@account_of.register
def _of_account(report: RunOutcome) -> RunOutcome:
    return report


@account_of.register
def _of_summary(report: Summary) -> RunOutcome:
    rows = {("loaded", ""): report.loaded}
    rows |= {("rejected", reason): count for reason, count in report.reasons.items()}
    return RunOutcome(
        job=report.job,
        what=report.file.name,
        run=report.run,
        began=report.began,
        ended=report.ended,
        rows=rows,
        seconds=report.seconds,
        results=str(Path(report.results).absolute()),
        report=report,
    )


@account_of.register
def _of_archive(report: ArchiveReport) -> RunOutcome:
    rows = {("moved", ""): report.moved}
    # Of a lead whose child was left behind, the lead itself is among the moved.
    stayed = {why: n for why, n in report.stayed.items() if why != Stay.CHILD_LEFT}
    rows |= {("stayed", why): count for why, count in stayed.items()}
    others = {("gone", ""): report.gone, ("kept", ""): report.kept}
    rows |= {outcome: count for outcome, count in others.items() if count}
    return RunOutcome(
        job=report.job,
        what=report.which,
        run=report.run,
        began=report.began,
        ended=report.ended,
        exit_code=report.exit_code,
        message=report.ending if report.ended_early else "",
        rows=rows,
        results=str(Path(report.results).absolute()),
        report=report,
    )


@account_of.register
def _of_undo(report: UndoReport) -> RunOutcome:
    left = {why: n for why, n in report.leads_stayed.items() if why != Kept.CHILD_LEFT}
    rows = {("moved", ""): report.moved, ("reverted", ""): report.reverted}
    for why in dict.fromkeys([*left, *report.changes_stayed]):
        rows["stayed", why] = left.get(why, 0) + report.changes_stayed.get(why, 0)
    return RunOutcome(
        job=report.job,
        what=f"run {report.of_run} of {report.source}",
        run=report.run,
        began=report.began,
        ended=report.ended,
        rows=rows,
        results=str(Path(report.results).absolute()),
        report=report,
    )


def account_of_error(
    error: BaseException, job: str, what: str, began: datetime, run: str = ""
) -> RunOutcome:
    """Give the account of a run that came to nothing.

    Args:
        error: what ended it; of an error that is not ours the place is told, for its text may hold
            a person's data.
        job: the job.
        what: the file, or the leads that were asked for.
        began: when it began.
        run: its name, if it came to one.
    """
    message, exit_code = _ending(error)
    return RunOutcome(
        job=job,
        what=what,
        run=run,
        began=began,
        ended=datetime.now(UTC),
        exit_code=exit_code,
        message=message,
    )


def _ending(error: BaseException) -> tuple[str, int]:
    """Say what ended a run, and with which exit code."""
    if isinstance(error, LoaderError):
        return str(error), error.exit_code
    if isinstance(error, Interrupted):
        return f"{error} came", error.exit_code
    if isinstance(error, Exception):
        return describe_bug(error), LoaderError.exit_code
    return "interrupted", 130

"""Reports how runs went, by notification, metrics and lineage.

A command creates one `Telemetry` before it begins, so that a missing extra is found before anything
is loaded, and reports every run to it: `began`, then `ended` or `failed`; a night `end_command`.

Metrics and lineage are written after each run. One notification for all runs is sent when the
context is left; an error that leaves the context is reported, too. `source` is the label under
which the metrics of runs are compared: the name of the source (not of the file) in a nightly, the
name of the rule in an archiving.

A report that cannot be delivered never fails a run: it is a message to `warn`. Validations and dry
runs write nothing, and are not reported.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from jobs.telemetry.lineage import Lineage, Started
from jobs.telemetry.metrics import Metrics
from jobs.telemetry.notify import Notifier
from jobs.telemetry.outcome import RunOutcome, outcome_of, outcome_of_error
from jobs.watchers import Watchers
from loader.archive.report import ArchiveReport
from loader.clock import end_of
from loader.errors import BusyError
from loader.results.summary import Summary
from loader.undo.report import UndoReport

if TYPE_CHECKING:
    from jobs.settings.settings import Settings
    from loader.fields.mapping import ColumnMapping
    from loader.reading.source import SourceFile

MOST_FAILED_EVENTS = 2
"""After so many undelivered events no more are sent."""


@dataclass
class RunEvent:
    """The run in progress."""

    job: str
    what: str
    source: str
    began: datetime
    name: str = ""
    started: Started | None = None
    """The lineage event of its start."""


class Telemetry:
    """Reports the runs of one command."""

    def __init__(
        self,
        settings: "Settings",
        job: str,
        *,
        warn: Callable[[str], None],
        dry_run: bool = False,
    ) -> None:
        """Prepare the notifier, the metrics and the lineage; a dry run reports nothing.

        Raises:
            ConfigurationError: an extra is not installed, or an address is invalid.
        """
        self._job, self._warn = job, warn
        self._began = datetime.now(UTC)
        self._outcomes: list[RunOutcome] = []
        self._text = self._headline = ""
        self._run: RunEvent | None = None
        self._failed_events = 0
        self._last_error: BaseException | None = None
        reports = job != "validate" and not dry_run
        notify, path, lineage = settings.notify, settings.metrics_file, settings.lineage
        self._notifier = Notifier(notify) if notify and reports else None
        self._metrics = Metrics(path) if path and reports else None
        self._lineage = Lineage(lineage) if lineage and reports else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Send the notification; it includes an error that ended the command early."""
        if error is not None and error is not self._last_error:
            self.failed(error)
        if self._notifier:
            notify = self._notifier.notify
            missed = notify(self._job, self._outcomes, self._text, self._headline)
            for service in missed:
                self._warn(f"the notification could not be delivered to {service}")

    def began(self, what: str, *, source: str = "", job: str = "") -> None:
        """Report the start of a run.

        Args:
            what: the path of a file, or a description of the leads to move.
            source: the name under which the metrics of such runs are compared.
            job: of the run, if it differs from the command: import for a file of a night.
        """
        self._run = RunEvent(job or self._job, what, source, datetime.now(UTC))

    def watching(self, watchers: Watchers) -> Watchers:
        """Give watchers that report the start of the load, in addition to other watchers."""

        def named(name: str) -> None:
            watchers.named(name)
            if self._run:
                self._run.name = name

        def started(source: "SourceFile", mapping: "ColumnMapping") -> None:
            watchers.started(source, mapping)
            self._started(source, mapping)

        return replace(watchers, named=named, started=started)

    def ended(self, report: Summary | ArchiveReport | UndoReport | RunOutcome) -> None:
        """Report the end of a run."""
        run, self._run = self._run, None
        outcome = outcome_of(report)
        if run:
            outcome = replace(outcome, source=outcome.source or run.source)
        self._report(outcome, run)

    def failed(self, error: BaseException) -> None:
        """Report an error that ended the run in progress, or the command.

        A LoaderError with exit code 0 is a note.
        """
        self._last_error = error
        run, self._run = self._run, None
        run = run or RunEvent(self._job, self._job, "", self._began)
        outcome = outcome_of_error(error, run.job, run.what, run.began, run.name)
        self._report(replace(outcome, source=run.source), run)

    def postponed(self, error: BusyError) -> None:
        """Forget the run in progress, which another process kept from its begin: it is tried again.

        One that had begun has failed.
        """
        if self._run and self._run.name:
            self.failed(error)
        self._run = None

    def end_command(self, text: str, headline: str, exit_code: int) -> None:
        """Report the end of a night: text and headline to notify of it, and its exit code."""
        self._text, self._headline = text, headline
        if not exit_code:
            self._outcomes = [replace(each, exit_code=0) for each in self._outcomes]
        job, ended = self._job, end_of(self._began)
        night = RunOutcome(job=job, what=job, began=self._began, ended=ended, exit_code=exit_code)
        self._measure(night)
        if not any(each.exit_code or not exit_code for each in self._outcomes):
            self._outcomes.append(night)

    def _report(self, outcome: RunOutcome, run: RunEvent | None) -> None:
        self._outcomes.append(outcome)
        self._measure(outcome)
        started = run.started if run else None
        if self._lineage and (outcome.report or outcome.exit_code or started):
            try:
                self._lineage.ended(outcome, started)
            except (OSError, RuntimeError) as error:
                self._no_lineage(error)

    def _measure(self, outcome: RunOutcome) -> None:
        if self._metrics:
            try:
                self._metrics.add(outcome)
            except OSError as error:
                self._warn(f"metrics file {self._metrics.path}: {error.strerror or error}")
                self._metrics = None

    def _started(self, source: "SourceFile", mapping: "ColumnMapping") -> None:
        run = self._run
        if self._lineage and run:
            try:
                run.started = self._lineage.started(
                    run.job, run.name, run.what, source, mapping.fields, run.began
                )
            except (OSError, RuntimeError) as error:
                self._no_lineage(error)

    def _no_lineage(self, error: Exception) -> None:
        if self._lineage:
            # The kind only: the text may hold the address with its password.
            kind = type(error.__cause__ or error).__name__
            self._warn(f"OpenLineage: {self._lineage.goes_to} could not be reached: {kind}")
            self._failed_events += 1
            if self._failed_events == MOST_FAILED_EVENTS:
                # Each waits for the timeout of its client, and a night has many files.
                self._lineage = None

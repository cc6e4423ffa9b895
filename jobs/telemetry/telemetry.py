"""Reports how runs went, by notification, metrics and lineage.

A command creates one `Telemetry` before it begins, so that a missing extra is found before anything
is loaded, and reports every run to it::

    with Telemetry(settings, "nightly", warn=terminal.warn) as telemetry:
        for source, path in ...:
            telemetry.began(path, source=source.name, job="import")
            try:
                with terminal.watching() as watchers:
                    request = LoadRequest(path, ..., watchers=telemetry.watching(watchers))
                    summary = load(request)
                telemetry.ended(summary)
            except LoaderError as error:
                telemetry.failed(error)
        telemetry.began("worked leads", source=rule_name, job="archive")
        telemetry.ended(move(...))
        telemetry.end_command(text, exit_code)

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
        """Prepare the notifier, the metrics and the lineage.

        Args:
            settings: addresses and files to report to.
            job: of the command: import, archive, nightly ...
            warn: called if a report cannot be delivered.
            dry_run: report nothing.

        Raises:
            ConfigurationError: an extra is not installed, or an address is invalid.
        """
        self._job, self._warn = job, warn
        self._began = datetime.now(UTC)
        self._outcomes: list[RunOutcome] = []
        self._text = ""
        self._run: RunEvent | None = None
        self._failed_events = 0
        self._last_error: BaseException | None = None
        self._notifier: Notifier | None = None
        self._metrics: Metrics | None = None
        self._lineage: Lineage | None = None
        if job == "validate" or dry_run:
            return
        if settings.notify:
            self._notifier = Notifier(settings.notify)
        if settings.metrics_file:
            self._metrics = Metrics(settings.metrics_file)
        if settings.lineage:
            self._lineage = Lineage(settings.lineage)

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
            for service in self._notifier.notify(self._job, self._outcomes, self._text):
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
        """Report the end of a run, by its report or by a `RunOutcome`."""
        run, self._run = self._run, None
        outcome = outcome_of(report)
        if run:
            outcome = replace(outcome, source=outcome.source or run.source)
        self._report(outcome, run)

    def failed(self, error: BaseException) -> None:
        """Report an error that ended the run in progress, or the command.

        Args:
            error: a LoaderError with exit code 0 is a note; of an unexpected error only its place
                is reported.
        """
        self._last_error = error
        run, self._run = self._run, None
        run = run or RunEvent(self._job, self._job, "", self._began)
        outcome = outcome_of_error(error, run.job, run.what, run.began, run.name)
        self._report(replace(outcome, source=run.source), run)

    def end_command(self, text: str, exit_code: int) -> None:
        """Report the end of a command that has several runs: the night.

        Args:
            text: of the notification; without a text it has a line for each run.
            exit_code: of the command; it decides whether the command failed.
        """
        self._text = text
        if not exit_code:
            self._outcomes = [replace(each, exit_code=0) for each in self._outcomes]
        now = datetime.now(UTC)
        night = RunOutcome(
            job=self._job, what=self._job, began=self._began, ended=now, exit_code=exit_code
        )
        self._measure(night)
        is_reported = (
            any(each.exit_code for each in self._outcomes) if exit_code else self._outcomes
        )
        self._outcomes += [] if is_reported else [night]

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

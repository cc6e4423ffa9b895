"""The one funnel: who is told how runs went, by notification, metrics and lineage.

A command makes one `Telemetry` before it begins, so that what is missing for it is found before
anything is loaded, and tells it of every run::

    with Telemetry(settings, "nightly", warn=terminal.warn) as telling:
        for source, path in ...:
            telling.began(path, source=source.name, job="import")
            try:
                with terminal.watching() as watchers:
                    summary = load(path, ..., watchers=telling.watching(watchers))
                telling.ended(summary)
            except LoaderError as error:
                telling.failed(error)
        telling.began("worked leads", source=rule_name, job="archive")
        telling.ended(move(...))
        telling.whole(text, exit_code)

Metrics and lineage are written run by run, the notification when the context is left: one for all
runs. What leaves the context as an error is told of too. `source` is the label under which the
metrics of runs are compared: of nightly, the name of the source, not of the file; of an archiving,
the name of the rule.

What cannot be told never fails a run: it is said to `warn`. Validations and dry runs write
nothing, and nobody is told of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from jobs.telemetry.lineage import Lineage, Started
from jobs.telemetry.metrics import Metrics
from jobs.telemetry.notify import Notifier
from jobs.telemetry.outcome import RunOutcome, account_of, account_of_error
from jobs.watchers import Watchers
from loader.archive.report import ArchiveReport
from loader.results.summary import Summary
from loader.undo.report import UndoReport

if TYPE_CHECKING:
    from jobs.settings.settings import Settings
    from loader.fields.mapping import ColumnMapping
    from loader.reading.source import SourceFile

MOST_MISSES = 2
"""Events that are not taken; after them no more are sent."""


@dataclass
class RunEvent:
    """The run that is on its way."""

    job: str
    what: str
    source: str
    began: datetime
    name: str = ""
    started: Started | None = None
    """What lineage knows of its beginning."""


class Telemetry:
    """Tells of the runs of one command."""

    def __init__(
        self,
        settings: "Settings",
        job: str,
        *,
        warn: Callable[[str], None],
        dry_run: bool = False,
    ) -> None:
        """Prepare it.

        Args:
            settings: who is to be told.
            job: of the command: import, archive, nightly ...
            warn: told of what cannot be told.
            dry_run: nobody is told.

        Raises:
            ConfigurationError: an extra is not installed, or an address is not to be understood.
        """
        self._job, self._warn = job, warn
        self._began = datetime.now(UTC)
        self._accounts: list[RunOutcome] = []
        self._text = ""
        self._run: RunEvent | None = None
        self._misses = 0
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
        """Notify; what ended the command before its time is told too."""
        if error is not None and error is not self._last_error:
            self.failed(error)
        if self._notifier:
            for missed in self._notifier.tell(self._job, self._accounts, self._text):
                self._warn(f"the notification could not be delivered to {missed}")

    def began(self, what: str, *, source: str = "", job: str = "") -> None:
        """Say what is done next.

        Args:
            what: the path of a file, or which leads are moved.
            source: under which name the metrics of such runs are compared.
            job: of the run, where it is not the command's: import for a file of a night.
        """
        self._run = RunEvent(job or self._job, what, source, datetime.now(UTC))

    def watching(self, watchers: Watchers) -> Watchers:
        """Give watchers of the load that began, who tell of its beginning, beside others."""

        def named(name: str) -> None:
            watchers.named(name)
            if self._run:
                self._run.name = name

        def started(source: "SourceFile", mapping: "ColumnMapping") -> None:
            watchers.started(source, mapping)
            self._started(source, mapping)

        return replace(watchers, named=named, started=started)

    def ended(self, report: Summary | ArchiveReport | UndoReport | RunOutcome) -> None:
        """Tell of a run that has a report; of one that has none of these, by an `Account`."""
        run, self._run = self._run, None
        account = account_of(report)
        if run:
            account = replace(account, source=account.source or run.source)
        self._tell(account, run)

    def failed(self, error: BaseException) -> None:
        """Tell of the run that began, or of the command, that an error ended it.

        Args:
            error: a LoaderError, which is a note if its exit code is 0; of one that is not ours
                only the place is told.
        """
        self._last_error = error
        run, self._run = self._run, None
        run = run or RunEvent(self._job, self._job, "", self._began)
        account = account_of_error(error, run.job, run.what, run.began, run.name)
        self._tell(replace(account, source=run.source), run)

    def whole(self, text: str, exit_code: int) -> None:
        """Tell of the command as a whole, of which runs are parts: the night.

        Args:
            text: of the notification; without it, a line for each run.
            exit_code: of the command, which alone says whether it failed.
        """
        self._text = text
        if not exit_code:
            self._accounts = [replace(each, exit_code=0) for each in self._accounts]
        now = datetime.now(UTC)
        night = RunOutcome(
            job=self._job, what=self._job, began=self._began, ended=now, exit_code=exit_code
        )
        self._measure(night)
        is_told = any(each.exit_code for each in self._accounts) if exit_code else self._accounts
        self._accounts += [] if is_told else [night]

    def _tell(self, account: RunOutcome, run: RunEvent | None) -> None:
        self._accounts.append(account)
        self._measure(account)
        started = run.started if run else None
        if self._lineage and (account.report or account.exit_code or started):
            try:
                self._lineage.ended(account, started)
            except (OSError, RuntimeError) as error:
                self._no_lineage(error)

    def _measure(self, account: RunOutcome) -> None:
        if self._metrics:
            try:
                self._metrics.add(account)
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
            self._warn(f"OpenLineage: {self._lineage.goes_to} could not be told: {kind}")
            self._misses += 1
            if self._misses == MOST_MISSES:
                # Each costs the patience of its client, and a night has many files.
                self._lineage = None

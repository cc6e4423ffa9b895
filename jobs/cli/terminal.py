"""What a person sees: messages and progress on standard error, the summary on standard output."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TextIO, TypeVar, cast

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from jobs.telemetry.logs import bind, configure, log, unbind
from jobs.telemetry.outcome import RunOutcome, outcome_of
from loader.errors import LoadedBeforeError, LoaderError
from loader.report.source_file import describe_format
from loader.results.summary import Summary
from loader.signals import wait_for_input

if TYPE_CHECKING:
    from jobs.settings.settings import Settings
    from jobs.watchers import Watchers
    from loader.archive.report import ArchiveReport
    from loader.fields.mapping import ColumnMapping
    from loader.reading.source import SourceFile

Report = TypeVar("Report", bound=BaseModel)

A_MINUTE = 60.0


class Terminal:
    """Shows how loads go on, as far as the settings want it."""

    def __init__(self, settings: "Settings", job: str = "") -> None:
        """Color only on a terminal, and not where NO_COLOR is set: Rich sees to both."""
        self.quiet, self.json = settings.quiet, settings.json_summary
        self.for_machines = settings.log_format == "json"
        self.several, self.run = False, ""
        self.out = Console(highlight=False)
        if not self.out.is_terminal:
            # Nothing is lost in a pipe or a file, whatever width a terminal would have.
            self.out.width = 200
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)
        configure(settings.log_format, quiet=settings.quiet, console=self.err)
        if job:
            bind(job=job)

    def say(self, message: str, **facts: Any) -> None:
        """Tell something that need not be told; facts are for machines."""
        log().info(message, **facts)

    def warn(self, message: str) -> None:
        """Tell what somebody should know, and what fails nothing."""
        log().warning(message)

    def complain(self, error: LoaderError) -> None:
        """Tell what went wrong."""
        log().error(str(error), exit_code=error.exit_code)

    def _bar(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            console=self.err,
            transient=True,
            disable=self.quiet or not self._is_watched,
        )

    @property
    def _can_ask(self) -> bool:
        """Whether somebody sits at the terminal who can answer."""
        return sys.stdin is not None and sys.stdin.isatty() and self._is_watched

    @property
    def _is_watched(self) -> bool:
        return self.err.is_terminal and not self.for_machines

    def watch_run(self, job: str) -> "AbstractContextManager[Watchers]":
        """Show the progress of one run of a night."""
        return self.moving() if job == "archive" else self.watching()

    @contextmanager
    def watching(self, *, ask: bool = False, may_ask: bool = False) -> Iterator["Watchers"]:
        """Show the progress of one load, on a terminal only.

        Args:
            ask: always, before the insert.
            may_ask: before rows that name no list are inserted, if somebody is there to answer.
        """
        from jobs.watchers import Watchers

        bar = self._bar()
        tasks: dict[str, TaskID] = {}

        def progress(stage: str, _done: int, share: float) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=1.0)
            bar.update(tasks[stage], completed=share)

        def confirm(expected: Summary) -> bool:
            if not ask and not expected.without_list:
                return True
            bar.stop()
            agreed = self._confirm(expected, ask=ask)
            bar.start()
            return agreed

        unbind("run")
        with bar:
            yield Watchers(
                named=self.name,
                started=self.describe,
                say=self.say,
                warn=self.warn,
                progress=progress,
                confirm=confirm if ask or (may_ask and self._can_ask) else None,
            )

    def _confirm(self, expected: Summary, *, ask: bool) -> bool:
        from rich.prompt import Confirm

        from jobs.cli.summary import show
        from loader.report.destinations import default_list

        if ask:
            # The data of the command may go elsewhere; who answers sees both.
            show(expected, self.err, foreseen=True)
            question = f"Load {expected.loaded:,} rows?"
        else:
            question = f"{default_list(expected.without_list, done=False)}; go on?"
        # The end of the input is no yes.
        return Confirm.ask(question, console=self.err, default=False, stream=cast("TextIO", KEYS))

    @contextmanager
    def moving(self) -> Iterator["Watchers"]:
        """Show the progress of moving leads: a bar on a terminal, elsewhere a line a minute.

        SIGTERM, SIGINT and SIGHUP are a wish to end meanwhile.
        """
        from jobs.watchers import Watchers
        from loader.signals import Stop

        bar = self._bar()
        task = bar.add_task("", total=1.0)
        began = reported = time.monotonic()

        def progress(_stage: str, leads: int, share: float) -> None:
            nonlocal reported
            now = time.monotonic()
            bar.update(task, completed=share, description=pace(leads, now - began))
            if not self._is_watched and now - reported >= A_MINUTE:
                reported = now
                self.say(f"{pace(leads, now - began)}, {outlook(share, now - began)}")

        with Stop() as stop, bar:
            yield Watchers(named=self.name, say=self.say, progress=progress, stop=stop)

    def name(self, run: str) -> None:
        """Let messages bear the name of the run, for machines; `describe` tells it to people."""
        self.run = run
        bind(run=run)

    def describe(self, source: "SourceFile", mapping: "ColumnMapping") -> None:
        """Tell what was found out about a file, before anything of it is loaded."""
        looks = f"{source.name}: {describe_format(source)}"
        # Machines keep what they read: of the columns only names that the loader knows.
        self.say(looks, file=source.name, sha256=source.sha256, fields=sorted(mapping.fields))
        if self.for_machines:
            return
        self.say(f"  run {self.run}")
        fields: dict[str, str] = {}
        for field, column in mapping.fields.items():
            fields[column] = f"{fields[column]}, {field}" if column in fields else field
        width = max(map(len, fields.values()))
        for column in source.columns:
            if column in fields:
                self.say(f"  {fields[column]:<{width}}  from {column!r}")
        if mapping.unmapped:
            self.say(f"  not loaded: {', '.join(map(repr, mapping.unmapped))}")
        if mapping.set_by_dialer:
            names = ", ".join(map(repr, mapping.set_by_dialer))
            self.say(f"  not loaded, for the dialer sets them itself: {names}")

    def show(self, summary: Summary) -> None:
        """Give the summary: the data of the command."""
        self.note(outcome_of(summary))
        if self.json:
            # Of several files a line each, as jq and its kin read it.
            print(summary.model_dump_json(indent=None if self.several else 2), flush=True)
        elif not self.quiet:
            from jobs.cli.summary import show

            show(summary, self.out)

    def skip(self, before: LoadedBeforeError) -> None:
        """Tell that a file was loaded before."""
        self.say(str(before))
        if self.json:
            print(json.dumps({"loaded_before": before.run, "message": str(before)}), flush=True)

    def show_moved(self, report: "ArchiveReport") -> None:
        """Give the report of moving leads; why it ended early is told even to who wants quiet."""
        from loader.archive.report import report_lines

        self.note(outcome_of(report))
        if report.ended_early and (self.json or self.quiet or report.exit_code):
            (log().error if report.exit_code else log().warning)(report.ending)
        self.show_report(report, report_lines)

    def show_report(self, report: Report, report_lines: Callable[[Report], list[str]]) -> None:
        """Give a report, as JSON or in lines for people: the data of the command."""
        if self.json:
            print(report.model_dump_json(indent=2), flush=True)
        elif not self.quiet:
            for line in report_lines(report):
                self.out.print(escape(line), soft_wrap=True)

    def note(self, account: RunOutcome) -> None:
        """Let machines know how a run ended; people see the summary."""
        if self.for_machines:
            facts: dict[str, Any] = {"outcomes": account.outcomes, "reasons": account.reasons}
            seconds = (account.ended - account.began).total_seconds()
            self.say(
                account.describe(), **facts, seconds=round(seconds, 3), results=account.results
            )


class _Keys:
    """What is typed, line by line.

    Python's own `input` drops a signal that comes while it flushes, and is deaf to one that comes
    right before it reads: the next key would count as an answer.
    """

    def readline(self) -> str:
        """Give the next line without its end."""
        wait_for_input(sys.stdin)
        return sys.stdin.readline().rstrip("\r\n")


KEYS = _Keys()


def pace(leads: int, seconds: float) -> str:
    """Say how many leads were done, and how fast."""
    return f"{leads:,} {'lead' if leads == 1 else 'leads'}, {leads / max(seconds, 0.001):,.0f}/s"


def outlook(share: float, seconds: float) -> str:
    """Say how much is done, and how long the rest will take if it goes on like this."""
    if not share:
        return "0%"
    return f"{share:.0%}, about {timedelta(seconds=round(seconds * (1 - share) / share))} left"

"""The job nightly: the files of all sources, then the archiving, then the report of both."""

import signal
import socket
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from jobs.nightly.archiving import RuleArchiver
from jobs.nightly.claims import ClaimedError, Claims, shares_ledger
from jobs.nightly.destination import Destination
from jobs.nightly.files import SourceFiles, file_report
from jobs.nightly.folders import DropFolder, Found, LocalFolder
from jobs.nightly.leftovers import remove_leftovers
from jobs.nightly.others import WENT_AWAY, name_others
from jobs.nightly.remote_folder import RemoteFolder
from jobs.nightly.report import (
    ArchivingReport,
    FileReport,
    IgnoredEntry,
    NightReport,
    SourceReport,
)
from jobs.settings.nightly import Source
from jobs.settings.settings import Settings
from jobs.telemetry.logs import unbind
from jobs.telemetry.telemetry import Telemetry
from jobs.watchers import Watchers
from loader.clock import end_of
from loader.database.connection import Database
from loader.database.locks import A_LOOK, held_file, is_held, lock
from loader.errors import (
    BusyError,
    ConfigurationError,
    DatabaseUnavailableError,
    FeedFileError,
    LoaderError,
    ResultsError,
    TargetUnavailableError,
    UsageError,
)
from loader.ledger.runs import run_name
from loader.paths import printable_path

LOCK = ".lock"

NO_FEED = "a feed of its source cannot be used"


def nightly(
    settings: Settings,
    destination: Destination,
    telemetry: Telemetry,
    *,
    dry_run: bool = False,
    watchers: Watchers | None = None,
) -> NightReport:
    """Load the files in the drop folders, archive, and write the report.

    A dry run validates the files and counts the leads; only the report is written. Nights of
    several machines share the files, where the ledger is in the database.

    Returns:
        The report, also if an error or a signal ended the night early.

    Raises:
        UsageError: there is no source, or the destination cannot do what is asked.
        ConfigurationError: the options of a source contradict one another; nothing was done.
        BusyError: another night is in progress, which has the same folder, or another ledger.
        DatabaseUnavailableError: no answer after all retries.
        ResultsError: the report cannot be written; everything else is done.
    """
    began = datetime.now(UTC)
    watchers = watchers or Watchers()
    folder = settings.nightly.folder / run_name(began, "nightly")
    night = Night(settings, destination, telemetry, watchers, began, folder, dry_run=dry_run)
    night.refuse_bad_settings()
    with ExitStack() as stack:
        if not dry_run:
            is_alone = not shares_ledger(destination, settings.ledger_folder)
            _lock(stack, settings.nightly.folder, destination.database if is_alone else None)
            remove_leftovers(settings, destination)
        night.load_all()
        night.archive()
        report = night.report()
        telemetry.end_command(report.text, report.headline, report.exit_code)
        report.write(folder)
    return report


def _lock(stack: ExitStack, folder: Path, database: Database | None) -> None:
    """Lock out other nights: by a file in their folder, and by a lock in a database, if any."""
    what = "a night is under way"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"folder of the nights {folder}: {error.strerror}") from None
    stack.enter_context(held_file(folder / LOCK, what))
    if database is not None:
        stack.enter_context(lock(database, "nightly", what))


@dataclass
class _Visit:
    """One source in this night."""

    files: SourceFiles
    report: SourceReport
    settled: list[Found] = field(default_factory=list)
    """The files that have stopped growing."""

    @property
    def folder(self) -> DropFolder:
        return self.files.folder


class _Held(NamedTuple):
    """A file that another process has."""

    visit: _Visit
    found: Found
    why: BusyError


class Night:
    """One night."""

    def __init__(
        self,
        settings: Settings,
        destination: Destination,
        telemetry: Telemetry,
        watchers: Watchers,
        began: datetime,
        folder: Path,
        *,
        dry_run: bool,
    ) -> None:
        self._settings, self._destination, self._telemetry = settings, destination, telemetry
        self._watchers, self._began = watchers, began
        self._folder, self._dry_run = folder, dry_run
        self._claims = Claims(None) if dry_run else Claims.of(destination)
        self._held: list[_Held] = []
        self._visits = [self._visit(source) for source in settings.sources]
        self._archives: list[ArchivingReport] = []
        self._why, self._exit_code = "", 0

    def _visit(self, source: Source) -> _Visit:
        where = self._settings.nightly.folder
        folder = RemoteFolder(source, where) if source.is_remote else LocalFolder(source)
        files = SourceFiles(
            settings=self._settings,
            source=source,
            folder=folder,
            destination=self._destination,
            claims=self._claims,
            watchers=self._watchers,
            telemetry=self._telemetry,
            day=self._began.astimezone().date(),
            dry_run_results=self._folder if self._dry_run else None,
        )
        address = printable_path(folder.address)
        return _Visit(files, SourceReport(name=source.name, folder=address))

    def refuse_bad_settings(self) -> None:
        """Check the settings before anything is done.

        Raises:
            UsageError: there is no source, or the destination cannot do what is asked.
            ConfigurationError: options contradict one another, or a rule has no condition.
        """
        if not self._visits:
            raise UsageError(
                "nightly needs sources of files: a table [[source]] with name and folder for each "
                "in the settings file, which --config names"
            )
        for visit in self._visits:
            visit.files.refuse_bad_settings()
        self._destination.refuse_without_database(self._settings)
        for name in self._settings.nightly.archive:
            if self._settings.archive.rule(name, {}).is_empty:
                raise ConfigurationError(
                    f"[archive.{name}] has no condition and would archive every lead"
                )

    def load_all(self) -> None:
        """Load the files of all sources that have stopped growing.

        Those that another process has are looked at again after all others, until a machine that
        is gone would have given them back.
        """
        self._find_settled()
        self._load_each([(visit, found) for visit in self._visits for found in visit.settled])
        until = self._watchers.monotonic() + self._claims.patience
        while self._held and self._watchers.monotonic() < until and not self._must_end():
            self._watchers.stop.wait(A_LOOK)
            held, self._held = self._held, []
            free: list[_Held] = []
            for each in held:
                (self._held if self._is_held(each) else free).append(each)
            self._load_each([(each.visit, each.found) for each in free])
        self._report_others()

    def _is_held(self, held: _Held) -> bool:
        """Say whether another process still has a file, without reading the file once more."""
        name, database = held.why.lock_name, self._destination.database
        with suppress(LoaderError):  # the load says that the database does not answer
            return bool(name and database and is_held(database, name))
        return False

    def _load_each(self, files: Iterable[tuple[_Visit, Found]]) -> None:
        for visit, found in files:
            try:
                self._add(visit, self._load(visit, found))
            except BusyError as error:
                self._held.append(_Held(visit, found, error))

    def _add(self, visit: _Visit, report: FileReport) -> None:
        visit.report.files.append(report)
        self._say(visit, report)

    def _report_others(self) -> None:
        """Report the files that other processes have, and name those who took what went away."""
        others = []
        for visit, found, error in self._held:
            others.append(visit.files.report_others(found, error))
            self._add(visit, others[-1])
        reports = [each for visit in self._visits for each in visit.report.files]
        others += [each for each in reports if each.why == WENT_AWAY]
        if others and not self._dry_run:
            count = Counter(each.file for each in reports)
            unique = [each for each in others if count[each.file] == 1]
            with suppress(LoaderError):  # then it is not known who has them
                folder = self._settings.ledger_folder
                ledger = self._destination.ledger(folder, is_to_read=True)
                name_others(unique, ledger, self._destination.database, self._began)

    def _find_settled(self) -> None:
        """List all drop folders twice, to find the files that have stopped growing."""
        before = {visit.report.name: self._list(visit) for visit in self._visits}
        waits = [v.files.source.settle for v in self._visits if before[v.report.name]]
        seconds = max((wait.total_seconds() for wait in waits), default=0.0)
        if seconds:
            self._watchers.say(f"waiting {seconds:g} s, to see which files are still growing")
            self._watchers.stop.wait(seconds)
        for visit in self._visits:
            found = first = before[visit.report.name]
            if seconds and not visit.report.problem:
                found = self._list(visit)
            settled = {each for each in first if each.size}.intersection(found)
            visit.settled = [each for each in found if each in settled]
            visit.report.files = [
                file_report(each, "left", "still growing" if each.size else "empty so far")
                for each in found
                if each not in settled
            ]
            if visit.settled and not self._dry_run:
                try:
                    visit.folder.prove_writable()
                except LoaderError as error:
                    visit.settled = self._give_up(visit, error)
            say = self._watchers.warn if visit.report.problem else self._watchers.say
            say(visit.report.describe(len(visit.settled)))

    def _list(self, visit: _Visit) -> list[Found]:
        try:
            files, ignored = visit.folder.list_entries()
        except LoaderError as error:
            return self._give_up(visit, error)
        visit.report.ignored = [
            IgnoredEntry(file=printable_path(name), why=why) for name, why in ignored
        ]
        return files

    def _give_up(self, visit: _Visit, error: LoaderError) -> list[Found]:
        visit.report.problem, visit.report.exit_code = str(error), error.exit_code
        return []

    def _load(self, visit: _Visit, found: Found) -> FileReport:
        """Load one file, unless the night is to end."""
        unbind("run")  # further messages are not about the file before
        if self._must_end():
            return file_report(found, "left", f"its turn did not come: {self._why}")
        if visit.report.problem:
            return file_report(found, "left", NO_FEED, visit.report.exit_code)
        try:
            report = visit.files.load(found)
        except FeedFileError as error:
            self._give_up(visit, error)
            self._watchers.warn(f"{visit.report.name}: {error}")
            return file_report(found, "left", NO_FEED, error.exit_code)
        except KeyboardInterrupt:
            if not self._must_end():
                self._end("interrupted", 128 + signal.SIGINT)
            return visit.files.report_left(found, f"{self._why}: the next night completes it")
        if report.exit_code == DatabaseUnavailableError.exit_code:
            self._end_without_dialer(report.why)
        return report

    def _end_without_dialer(self, why: str) -> None:
        """End the night if the dialer does not answer: every further file would wait in vain."""
        database = self._destination.database
        if database is None:
            self._end(why, TargetUnavailableError.exit_code)
            return
        try:
            database.read(lambda connection: connection.exec_driver_sql("SELECT 1"))
        except LoaderError as error:
            self._end(str(error), error.exit_code)

    def _must_end(self) -> bool:
        """Say whether the night has to end; a signal is one reason."""
        stop = self._watchers.stop.signal
        if stop and not self._why:
            self._end(f"{stop} came", 128 + signal.Signals[stop])
        return bool(self._why)

    def _end(self, why: str, exit_code: int) -> None:
        self._why, self._exit_code = why, exit_code

    def _say(self, visit: _Visit, report: FileReport) -> None:
        counts = f", {report.loaded:,} of {report.rows_read:,} rows" if report.rows_read else ""
        why = f": {report.why}" if report.why else ""
        outcome = report.outcome.replace("_", " ")
        say = self._watchers.warn if report.exit_code else self._watchers.say
        say(f"{visit.report.name}/{report.file}: {outcome}{counts}{why}")

    def archive(self) -> None:
        """Archive by the rules of [nightly], outside of office hours; one night alone does."""
        archiver = RuleArchiver(
            settings=self._settings,
            destination=self._destination,
            telemetry=self._telemetry,
            watchers=self._watchers,
            folder=self._folder,
            began=self._began,
            is_shared=self._claims.are_shared,
            dry_run=self._dry_run,
            end=self._end,
        )
        with ExitStack() as stack:
            refusal = self._claim_archiving(stack)
            for name in self._settings.nightly.archive:
                if self._must_end():
                    report = ArchivingReport(rule=name, why=f"its turn did not come: {self._why}")
                elif refusal:
                    code = refusal.exit_code
                    report = ArchivingReport(rule=name, why=str(refusal), exit_code=code)
                else:
                    report = archiver.archive(name)
                self._archives.append(report)
                say = self._watchers.warn if report.exit_code else self._watchers.say
                say(f"archive {name}: {report.moved:,} leads moved, {report.why}")

    def _claim_archiving(self, stack: ExitStack) -> LoaderError | None:
        """Be the night that archives, until the stack is closed; give why that cannot be.

        It is waited for until a machine that is gone would have given the archiving back.
        """
        if self._must_end() or not self._settings.nightly.archive:
            return None
        for held in self._held:
            if isinstance(held.why, ClaimedError):
                name = printable_path(held.found.name)
                return ClaimedError(f"the night that still loads {name} archives after it")
        until = self._watchers.monotonic() + self._claims.patience
        while True:
            try:
                stack.enter_context(self._claims.claim_archiving())
            except LoaderError as error:
                is_claimed = isinstance(error, ClaimedError) and not self._must_end()
                if not is_claimed or self._watchers.monotonic() >= until:
                    return error
                self._watchers.stop.wait(A_LOOK)
            else:
                return None

    def report(self) -> NightReport:
        """Create the report of the night."""
        codes = [self._exit_code]
        codes += [code for visit in self._visits for code in visit.report.codes]
        codes += [archive.exit_code for archive in self._archives]
        return NightReport(
            run=self._folder.name,
            host=socket.gethostname(),
            dry_run=self._dry_run,
            database=self._destination.name,
            began=self._began,
            ended=end_of(self._began),
            sources=[visit.report for visit in self._visits],
            archives=self._archives,
            why=self._why,
            exit_code=next(filter(None, codes), 0),
            results=printable_path(self._folder),
        )

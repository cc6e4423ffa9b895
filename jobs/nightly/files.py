"""The files of one source on their way through a night: loaded, and moved to where they belong."""

import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from jobs.load.job import load
from jobs.nightly.folders import DropFolder, Found, Target
from jobs.nightly.report import FileOutcome, FileReport
from jobs.settings.nightly import Source
from jobs.settings.settings import Settings
from jobs.telemetry.telemetry import Telemetry
from jobs.watchers import NightWatch, Watchers
from loader.database.connection import Database
from loader.errors import (
    ConfigurationError,
    FeedFileError,
    LoadedBeforeError,
    LoaderError,
    NoSuchFileError,
    RejectRateError,
    ResultsError,
    SourceFileError,
    UsageError,
    bug_of_ours,
)
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.options.report import ReportOptions
from loader.report.comparison import read_summary
from loader.results.summary import Summary
from loader.writing.lists import NewList, drop_list, find_list, make_list

OF_THE_FILE = (SourceFileError, RejectRateError, UsageError)
"""Errors that another night would meet again; nothing was inserted."""

CHANGED = "it changed meanwhile and stays where it is: somebody still writes it; raise settle"


@dataclass(frozen=True, kw_only=True)
class SourceFiles:
    """Loads the files of one source."""

    settings: Settings
    source: Source
    folder: DropFolder
    database: Database
    watch: NightWatch
    telling: Telemetry
    """Told of each run."""
    day: date
    """On which the night began."""
    dry: Path | None
    """Where a dry run, which moves nothing, puts its results."""

    def take(self, found: Found) -> FileReport:
        """Load a file and move it away; whatever happens to it is told, not raised."""
        began = time.monotonic()
        try:
            report = self._take(found)
        except LoaderError as error:
            report = _report(found, "left", str(error), error.exit_code)
        except Exception as error:  # noqa: BLE001 - a bug that one file meets stops no others
            report = _report(found, "left", bug_of_ours(error), LoaderError.exit_code)
        finally:
            with suppress(OSError):
                self.folder.forget(found.name)
        return report.model_copy(update={"seconds": round(time.monotonic() - began, 3)})

    def refuse_bad_settings(self) -> None:
        """See before the first file that the options go together.

        Raises:
            ConfigurationError: they do not.
        """
        self.settings.options_of(
            self.source, {"force_list_id": "999"} if self.source.new_list else {}
        )

    def _take(self, found: Found) -> FileReport:
        there = self.folder.find(found.name)
        if there != found:
            why = "still growing: it changed since it was looked at" if there else "it went away"
            return _report(found, "left", why)
        path = self.folder.fetch(found)
        options: LoadOptions | None = None
        new_list: NewList | None = None
        mark = _mark(path) if self.source.new_list else ""
        try:
            groups, options = self._by_name(found.name)
            new_list = self._list(groups, found.name, mark)
            if new_list:
                options = options.model_copy(update=self._into(new_list))
            summary = self._load(path, found, options)
        except LoadedBeforeError as error:
            report = self._loaded_before(found, error)
        except FeedFileError:
            raise  # the file may be good
        except OF_THE_FILE as error:
            if new_list and new_list.is_new and not self.dry:
                drop_list(self.database, new_list.list_id, mark)
            return self._failed(found, path, options, error)
        else:
            report = self._loaded(found, summary)
        return report.model_copy(update={"list_id": new_list.list_id if new_list else None})

    def _by_name(self, name: str) -> tuple[dict[str, str], LoadOptions]:
        """Give what the groups of file_name match in a file's name, and so the file's options."""
        groups = self.source.groups(name)
        if groups is None:
            raise SourceFileError(
                f"its name does not match file_name, {self.source.file_name}; rename it and put it "
                "back"
            )
        try:
            return groups, self.settings.options_of(self.source, groups)
        except ConfigurationError as error:
            # The settings alone were seen to be good.
            raise SourceFileError(str(error)) from None

    def _list(self, groups: dict[str, str], file: str, mark: str) -> NewList | None:
        """Make the list of a file, or find the one that was made for its content before."""
        template = self.source.new_list
        if template is None:
            return None
        list_ids = template.first_list_id, template.last_list_id
        if self.dry:
            return find_list(self.database, list_ids, mark)
        words = dict.fromkeys(template.words, "") | groups
        words |= {"file": file, "stem": file.partition(".")[0], "source": self.source.name}

        def fill(list_id: int) -> dict[str, str]:
            return {
                name: text.format_map({**words, "list_id": list_id, "date": self.day})
                for name, text in template.texts.items()
            }

        return make_list(self.database, list_ids, mark, fill)

    def _into(self, new_list: NewList) -> dict[str, str]:
        """Give the options by which all rows go into a list, which a dry run has not made."""
        options = {"force_list_id": str(new_list.list_id)}
        return options | ({"list_exists_check": "N"} if self.dry and new_list.is_new else {})

    def _load(self, path: Path, found: Found, options: LoadOptions) -> Summary:
        if self.dry:
            results = self.dry / self.source.name / f"{found.name}.results"
            return load(
                str(path),
                options,
                self.database,
                results,
                job="validate",
                reporting=self._reporting,
            )
        results = self.folder.target("done", str(self.day), found.name).results
        self.telling.began(str(path), source=self.source.name, job="import")
        try:
            with self.watch.watching() as watchers:
                summary = load(
                    str(path),
                    options,
                    self.database,
                    results,
                    job="import",
                    watchers=self._ending(self.telling.watching(watchers)),
                    beside=self.settings.ledger_folder,
                    reporting=self._reporting,
                )
        except BaseException as error:
            self.telling.failed(error)
            raise
        self.telling.ended(summary)
        return summary

    @property
    def _reporting(self) -> ReportOptions:
        """Compare each file with the one before it; a sample would leave rows out."""
        last = self.folder.last_summary()
        try:
            _ = last and read_summary(last)
        except LoaderError:
            last = None
        wanted = self.settings.reporting
        own = {"source": self.source.name, "sample": None, "compare": last}
        return wanted.model_copy(update=own)

    def _ending(self, watchers: Watchers) -> Watchers:
        """Let a signal end a load after its batch: the next night completes it."""

        def progress(stage: str, done: int, all_: int) -> None:
            watchers.progress(stage, done, all_)
            if self.watch.stop.signal:
                raise KeyboardInterrupt

        return replace(watchers, progress=progress)

    def _loaded(self, found: Found, summary: Summary) -> FileReport:
        report = FileReport(
            file=found.name,
            size=found.size,
            outcome="loaded",
            run=summary.run,
            results=summary.results,
            rows_read=summary.rows_read,
            loaded=summary.loaded,
            rejected=summary.rejected,
            reasons=summary.reasons,
            dialable=summary.dialable,
        )
        return report if self.dry else self._done(found, report, summary.results)

    def _loaded_before(self, found: Found, error: LoadedBeforeError) -> FileReport:
        report = _report(found, "loaded_before", str(error), run=error.run)
        results = ""
        with suppress(LoaderError):
            # Killed between load and move: the file belongs beside the results of that run.
            results = self._ledger().run(error.run).results
        return self._done(found, report, results)

    def _failed(
        self, found: Found, path: Path, options: LoadOptions | None, error: LoaderError
    ) -> FileReport:
        report = _report(found, "failed", str(error), error.exit_code)
        if self.dry:
            return report
        target = self.folder.target("failed", str(self.day), found.name)
        if isinstance(error, RejectRateError) and options:
            everything = options.model_copy(update={"max_reject_rate": 1.0})
            with suppress(LoaderError):
                load(
                    str(path),
                    everything,
                    self.database,
                    target.results,
                    job="validate",
                    reporting=self._reporting,
                )
        try:
            target.results.mkdir(parents=True, exist_ok=True)
            (target.results / "error.txt").write_text(f"{error}\n", "utf-8")
        except OSError as full:
            raise ResultsError(f"{target.results}: {full.strerror}; {error}") from None
        report = report.model_copy(update={"results": str(target.results)})
        return self._moved(found, report, target)

    def _done(self, found: Found, report: FileReport, results: str) -> FileReport:
        """Move a file beside its results, or to a place of its own where another one is there."""
        beside = self.folder.target_of(Path(results)) if results else None
        return self._moved(
            found, report, beside or self.folder.target("done", str(self.day), found.name)
        )

    def _moved(self, found: Found, report: FileReport, target: Target) -> FileReport:
        """Move a file that is still what was loaded."""
        if self.folder.find(found.name) != found:
            said = f"{report.why}; {CHANGED}" if report.why else CHANGED
            return report.model_copy(
                update={"outcome": "left", "why": said, "exit_code": SourceFileError.exit_code}
            )
        try:
            self.folder.move(found.name, target)
        except LoaderError as error:
            said = f"{report.why}; {error}" if report.why else str(error)
            return report.model_copy(update={"why": said, "exit_code": error.exit_code})
        return report.model_copy(update={"moved_to": target.file})

    def _ledger(self) -> Ledger:
        return Ledger.open(self.database, self.settings.ledger_folder)


def _report(
    found: Found, outcome: FileOutcome, why: str, exit_code: int = 0, run: str | None = None
) -> FileReport:
    return FileReport(
        file=found.name, size=found.size, outcome=outcome, why=why, exit_code=exit_code, run=run
    )


def _mark(path: Path) -> str:
    """Give what stands for the content of a file in the description of its list."""
    try:
        with path.open("rb") as file:
            return f"[{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}]"
    except OSError as error:
        raise NoSuchFileError(f"{path}: {error.strerror}") from None

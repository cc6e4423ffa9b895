"""The files of one source in a night: each is loaded, then moved out of the drop folder."""

import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from jobs.load.job import load
from jobs.nightly.claims import ClaimedError, Claims
from jobs.nightly.destination import Destination
from jobs.nightly.folders import RESULTS, DropFolder, Found, Target, are_of
from jobs.nightly.others import WENT_AWAY
from jobs.nightly.report import FileOutcome, FileReport
from jobs.settings.nightly import Source
from jobs.settings.settings import Settings
from jobs.telemetry.telemetry import Telemetry
from jobs.watchers import Watchers
from loader.errors import (
    BusyError,
    ConfigurationError,
    FeedFileError,
    LoadedBeforeError,
    LoaderError,
    NoSuchFileError,
    RejectRateError,
    ResultsError,
    SourceFileError,
    UsageError,
    as_loader_error,
)
from loader.files import cut_name, open_regular
from loader.ledger.run_batches import RunBatches
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.options.report import ReportOptions
from loader.paths import printable_path, visible_line
from loader.report.comparison import read_summary
from loader.report.destinations import has_feeds
from loader.results.summary import Summary
from loader.writing.lists import FileMark, NewList, drop_list, find_list, make_list

ERROR = "error.txt"
"""Says in the results why a file could not be loaded."""

OF_THE_FILE = (SourceFileError, RejectRateError, UsageError)
"""Errors that every further night would meet again; nothing was inserted."""


class Begun(NamedTuple):
    """The run of a file in this night."""

    run: str
    rows_before: int
    """Rows of the file that an earlier night had loaded."""


CHANGED = "it changed meanwhile and stays where it is: somebody still writes it; raise settle"


@dataclass(frozen=True, kw_only=True)
class SourceFiles:
    """Loads the files of one source."""

    settings: Settings
    source: Source
    folder: DropFolder
    destination: Destination
    claims: Claims
    watchers: Watchers
    """Of the night."""
    telemetry: Telemetry
    day: date
    """The day on which the night began."""
    dry_run_results: Path | None
    """Folder for the results of a dry run, which moves nothing; None: no dry run."""
    begun: dict[str, Begun] = field(default_factory=dict)
    """By name of a file."""
    looked_at: dict[tuple[str, str], str] = field(default_factory=dict)
    """In a dry run: names of files, by their content and options."""

    def load(self, found: Found) -> FileReport:
        """Load a file and move it away; errors are reported, not raised.

        Raises:
            FeedFileError: a feed cannot be used; the file stays.
            BusyError: another process has it, which may give it back; a ClaimedError if that is
                another night.
        """
        began = time.monotonic()
        try:
            with self.claims.claim_file(self.source.name, found.name):
                report = self._load_and_move(found)
        except (FeedFileError, BusyError):
            raise  # the file may be good, and the night decides about it
        except Exception as error:  # noqa: BLE001 - a bug in one file must not stop the others
            why = as_loader_error(error)
            report = self.report_left(found, str(why), why.exit_code)
        finally:
            with suppress(OSError):
                self.folder.forget(found.name)
        return report.model_copy(update={"seconds": round(time.monotonic() - began, 3)})

    def report_left(self, found: Found, why: str, exit_code: int = 0) -> FileReport:
        """Report a file that stays, with the rows of it that are in."""
        report = file_report(found, "left", why, exit_code)
        if begun := self.begun.get(found.name):
            update: dict[str, object] = {"run": begun.run, "loaded_before": begun.rows_before}
            try:
                update["loaded"] = RunBatches(self._ledger, begun.run).rows_in()
            except LoaderError:
                update["loaded"] = begun.rows_before
                update["remarks"] = ["how many of its rows are in now is not known"]
            report = report.model_copy(update=update)
        return report

    def report_others(self, found: Found, error: BusyError) -> FileReport:
        """Report likewise a file that another process has to the end."""
        if not isinstance(error, ClaimedError):
            self.telemetry.began(printable_path(found.name), source=self.source.name, job="import")
            self.telemetry.failed(error)
        return self.report_left(found, str(error), error.exit_code)

    def refuse_bad_settings(self) -> None:
        """Check the options of the source before the first file is loaded.

        Raises:
            ConfigurationError: they contradict one another.
        """
        self.settings.options_of(
            self.source, {"force_list_id": "999"} if self.source.new_list else {}
        )

    def _load_and_move(self, found: Found) -> FileReport:
        present = self.folder.find(found.name)
        if present != found:
            why = "still growing: it changed since it was listed" if present else WENT_AWAY
            return self.report_left(found, why)
        new_list: NewList | None = None
        sha256 = mark = ""
        try:
            groups, options = self._options_by_name(found.name)
            # Before it is downloaded, which may fill a disk.
            options.limits.check_stored(found.size, printable_path(found.name))
            path = self.folder.fetch(found)
            if self.source.new_list:
                sha256 = _sha256(path)
                mark = f"[{sha256[:16]}]"
            new_list = self._list_for(groups, found.name, mark, sha256)
            if new_list:
                options = options.model_copy(update=self._options_for(new_list))
            summary = self._import(path, found, options)
        except LoadedBeforeError as error:
            report = self._report_loaded_before(found, error)
        except FeedFileError:
            self._drop_vain(new_list, mark, sha256)
            raise
        except OF_THE_FILE as error:
            self._drop_vain(new_list, mark, sha256)
            return self._move_failed(found, error)
        else:
            if not summary.rows_read:
                self._drop_vain(new_list, mark, sha256)
                new_list = None
            report = self._report_loaded(found, summary)
        return report.model_copy(update={"list_id": new_list.list_id if new_list else None})

    def _drop_vain(self, new_list: NewList | None, mark: str, sha256: str) -> None:
        """Delete the list that was made for a file of which nothing was ever inserted.

        A night that was killed may have made it.
        """
        if new_list is None or self.dry_run_results:
            return
        self.claims.refuse_lost()
        if new_list.is_new or not self._ledger.ever_inserted(sha256):
            drop_list(self.destination.with_tables, new_list.list_id, mark)

    def _options_by_name(self, name: str) -> tuple[dict[str, str], LoadOptions]:
        """Give the texts that the groups of file_name match, and the options with them."""
        groups = self.source.groups(name)
        if groups is None:
            raise SourceFileError(
                f"its name does not match file_name, {self.source.file_name}; rename it and put it "
                "back"
            )
        try:
            return groups, self.settings.options_of(self.source, groups)
        except ConfigurationError as error:
            # The settings were checked before, so it is due to the name.
            raise SourceFileError(str(error)) from None

    def _list_for(
        self, groups: dict[str, str], file: str, mark: str, sha256: str
    ) -> NewList | None:
        """Create the list for a file, or find the one that has the same content."""
        template = self.source.new_list
        if template is None:
            return None
        list_ids = template.first_list_id, template.last_list_id
        file_mark = FileMark(mark, self._earlier_lists(sha256))
        if self.dry_run_results:
            return find_list(self.destination.with_tables, list_ids, file_mark)
        words = dict.fromkeys(template.words, "") | groups
        words |= {"file": file, "stem": file.partition(".")[0], "source": self.source.name}

        def fill(list_id: int) -> dict[str, str]:
            return {
                name: text.format_map({**words, "list_id": list_id, "date": self.day})
                for name, text in template.texts.items()
            }

        return make_list(self.destination.with_tables, list_ids, file_mark, fill)

    def _earlier_lists(self, sha256: str) -> list[int]:
        """Give the lists in which a file was loaded, or is to be completed."""
        with suppress(UsageError):  # a dry run makes no ledger
            return self._ledger.forced_lists(sha256)
        return []

    @property
    def _ledger(self) -> Ledger:
        is_to_read = self.dry_run_results is not None
        return self.destination.ledger(self.settings.ledger_folder, is_to_read=is_to_read)

    def _options_for(self, new_list: NewList) -> dict[str, str]:
        """Give the options that put all rows into a list, which does not exist in a dry run."""
        is_missing = self.dry_run_results and new_list.is_new
        options = {"force_list_id": str(new_list.list_id)}
        return options | ({"list_exists_check": "N"} if is_missing else {})

    def _validate(self, path: Path, options: LoadOptions, results: Path) -> Summary:
        return load(
            self.destination.request(
                str(path), options, results, job="validate", follow_links=False,
                report=self._report_options,
            )
        )  # fmt: skip

    def _import(self, path: Path, found: Found, options: LoadOptions) -> Summary:
        if self.dry_run_results:
            name = cut_name(found.name, RESULTS) + RESULTS
            results = self.dry_run_results / self.source.name / name
            return self._validate(path, options, results)
        day, name = str(self.day), found.name
        results = self.folder.target("done", day, name).results
        refused = self.folder.target("failed", day, name, lambda it: are_of(it, path)).results
        self.telemetry.began(str(path), source=self.source.name, job="import")
        try:
            with self.watchers.of_run("import") as watchers:
                request = self.destination.request(
                    str(path), options, results, refused, job="import",
                    follow_links=False, is_of_drop_folder=True,
                    find_results=self.folder.results_here,
                    storage=self.folder.storage if self.claims.are_shared else None,
                    watchers=self._watching(found, self.telemetry.watching(watchers)),
                    ledger_folder=self.settings.ledger_folder, report=self._report_options,
                    pace=self.settings.pacing,
                )  # fmt: skip
                summary = load(request)
        except BusyError as error:
            self.telemetry.postponed(error)
            raise
        except BaseException as error:
            self.telemetry.failed(error)
            raise
        self.telemetry.ended(summary)
        return summary

    @property
    def _report_options(self) -> ReportOptions:
        """Compare each file with the one before it; load whole files, not samples."""
        last = self.folder.last_summary()
        try:
            _ = last and read_summary(last)
        except LoaderError:
            last = None
        own = {"source": self.source.name, "sample": None, "compare": last}
        return self.settings.reporting.model_copy(update=own)

    def _watching(self, found: Found, watchers: Watchers) -> Watchers:
        """Note the run of a file; end it at a signal, after its current batch."""

        def named(name: str) -> None:
            watchers.named(name)
            self.begun[found.name] = Begun(name, RunBatches(self._ledger, name).rows_in())

        def progress(stage: str, done: int, share: float) -> None:
            watchers.progress(stage, done, share)
            if self.watchers.stop.signal:
                raise KeyboardInterrupt

        return replace(watchers, named=named, progress=progress)

    def _report_loaded(self, found: Found, summary: Summary) -> FileReport:
        names = (
            "run", "results", "rows_read", "loaded", "rejected", "reasons", "dialable", "lists",
            "without_list", "checks_off",
        )  # fmt: skip
        counts = {name: getattr(summary, name) for name in names}
        report = file_report(found, "loaded" if summary.rows_read else "empty", "")
        if self.dry_run_results:
            same = (summary.file.sha256, str(summary.options))
            first = self.looked_at.setdefault(same, found.name)
            if first != found.name:
                why = f"the same content as {printable_path(first)}"
                return file_report(found, "loaded_before", why)
        counts |= {"remarks": summary.remarks, "has_feeds": has_feeds(summary)}
        if begun := self.begun.get(found.name):
            counts["loaded_before"] = begun.rows_before
        report = report.model_copy(update=counts)
        return report if self.dry_run_results else self._move_done(found, report, summary.results)

    def _report_loaded_before(self, found: Found, error: LoadedBeforeError) -> FileReport:
        report = file_report(found, "loaded_before", str(error), run=error.run)
        results = ""
        with suppress(LoaderError):
            # After a kill between load and move, the file belongs with the results of that run.
            results = self._ledger.run(error.run).results
        return self._move_done(found, report, results)

    def _move_failed(self, found: Found, error: LoaderError) -> FileReport:
        report = file_report(found, "failed", str(error), error.exit_code)
        results = error.results if isinstance(error, RejectRateError) else None
        if self.dry_run_results:
            return report.model_copy(update={"results": results and printable_path(results)})
        self.claims.refuse_lost()
        target = self.folder.target_of(results, "failed") if results else None
        text = f"{visible_line(str(error))}\n"
        target = target or self.folder.target(
            "failed", str(self.day), found.name, lambda it: _says(it, text)
        )
        try:
            self.folder.make(target.results)
            (target.results / ERROR).write_text(text, "utf-8")
        except OSError as full:
            raise ResultsError(f"{target.results}: {full.strerror}; {error}") from None
        report = report.model_copy(update={"results": printable_path(target.results)})
        return self._move(found, report, target)

    def _move_done(self, found: Found, report: FileReport, results: str) -> FileReport:
        """Move a file to where its results are, or to a new place if that one is occupied."""
        target = self.folder.target_of(self.folder.results_here(results)) if results else None
        target = target or self.folder.target("done", str(self.day), found.name)
        return self._move(found, report, target)

    def _move(self, found: Found, report: FileReport, target: Target) -> FileReport:
        """Move a file unless it has changed since it was loaded, or another night may have it."""
        self.claims.refuse_lost()
        if self.folder.find(found.name) != found:
            why = f"{report.why}; {CHANGED}" if report.why else CHANGED
            return report.model_copy(
                update={"outcome": "left", "why": why, "exit_code": SourceFileError.exit_code}
            )
        try:
            self.folder.move(found.name, target)
        except LoaderError as error:
            self.claims.refuse_lost()  # another night may have moved it at this very moment
            why = f"{report.why}; {error}" if report.why else str(error)
            return report.model_copy(update={"why": why, "exit_code": error.exit_code})
        return report.model_copy(update={"moved_to": printable_path(target.file)})


def _says(results: Path, text: str) -> bool:
    """Say whether there is nothing in results but an error's text, or its beginning."""
    try:
        if {each.name for each in results.iterdir()} - {ERROR}:
            return False
        with open_regular(results / ERROR, follow_links=False) as file:
            return text.encode().startswith(file.read(len(text.encode()) + 1))
    except FileNotFoundError:
        return True
    except OSError:
        return False


def file_report(
    found: Found, outcome: FileOutcome, why: str, exit_code: int = 0, run: str | None = None
) -> FileReport:
    """Report a file of which nothing was loaded."""
    return FileReport(
        file=printable_path(found.name),
        size=found.size,
        outcome=outcome,
        why=why,
        exit_code=exit_code,
        run=run,
    )


def _sha256(path: Path) -> str:
    """Give the SHA-256 of a file's content; the description of its list has the beginning."""
    try:
        with open_regular(path, follow_links=False) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise NoSuchFileError(f"{path}: {error.strerror}") from None

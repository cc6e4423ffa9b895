"""Archiving at the end of a night, by the rules of [nightly]."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jobs.archive.job import move
from jobs.archive.request import Folders, MoveRequest
from jobs.nightly.destination import Destination
from jobs.nightly.report import ArchivingReport
from jobs.settings.settings import Settings
from jobs.telemetry.telemetry import Telemetry
from jobs.watchers import Watchers
from loader.archive.report import ArchiveReport
from loader.errors import LoaderError, OfficeHoursError
from loader.signals import Interrupted


@dataclass(frozen=True, kw_only=True)
class RuleArchiver:
    """Archives by one rule after the other."""

    settings: Settings
    destination: Destination
    telemetry: Telemetry
    watchers: Watchers
    """Of the night."""
    folder: Path
    """Of the night's report."""
    dry_run: bool
    end: Callable[[str, int], None]
    """Ends the night, with why and an exit code."""

    def archive(self, rule: str) -> ArchivingReport:
        """Archive by a rule, outside of office hours; errors and signals are reported."""
        try:
            return self._report(rule, self._move(rule))
        except OfficeHoursError as error:
            return ArchivingReport(rule=rule, why=str(error))
        except LoaderError as error:
            self.telemetry.failed(error)
            return ArchivingReport(rule=rule, why=str(error), exit_code=error.exit_code)
        except Interrupted as error:
            self.end(f"{error} came", error.exit_code)
            return ArchivingReport(rule=rule, why=f"{error} came, before anything was moved")

    def _move(self, rule: str) -> ArchiveReport:
        settings, options = self.settings, self.settings.archive.options
        self.telemetry.began(f"rule {rule}", source=rule, job="archive")
        with self.watchers.of_run("archive") as watchers:
            return move(
                MoveRequest("archive", rule=settings.archive.rule(rule, {})),
                options.model_copy(update={"dry_run": True}) if self.dry_run else options,
                self.destination.with_tables,
                self.folder / f"archive-{rule}",
                folders=Folders(self.folder.parent, settings.ledger_folder),
                office_hours=settings.office_hours,
                watchers=watchers,
            )

    def _report(self, rule: str, report: ArchiveReport) -> ArchivingReport:
        self.telemetry.ended(report)
        if report.stopped == "signal":
            self.end(report.why, report.exit_code)
        is_success = report.stopped in {"office_hours", "signal"}
        return ArchivingReport(
            rule=rule,
            moved=report.preview.leads if report.preview else report.moved,
            stayed=report.all_stayed,
            why=report.ending,
            exit_code=0 if is_success else report.exit_code,
            run=report.run,
            results=report.results,
        )

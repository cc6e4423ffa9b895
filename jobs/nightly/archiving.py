"""Archiving at the end of a night, by the rules of [nightly]."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jobs.archive.job import move
from jobs.archive.request import Folders, MoveRequest
from jobs.nightly.destination import Destination
from jobs.nightly.report import ArchivingReport
from jobs.nightly.shared_limit import SharedLimit
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
    began: datetime
    """When the night began, aware."""
    is_shared: bool
    """Whether nights of other machines may archive, too."""
    dry_run: bool
    end: Callable[[str, int], None]
    """Ends the night, with why and an exit code."""

    def archive(self, rule: str) -> ArchivingReport:
        """Archive by a rule, outside of office hours; errors and signals are reported."""
        try:
            shared = self._shared_limit(rule)
            if shared and not shared.left:
                return ArchivingReport(rule=rule, why=shared.remark)
            return self._report(rule, self._move(rule, shared), shared)
        except OfficeHoursError as error:
            return ArchivingReport(rule=rule, why=str(error))
        except LoaderError as error:
            self.telemetry.failed(error)
            return ArchivingReport(rule=rule, why=str(error), exit_code=error.exit_code)
        except Interrupted as error:
            self.end(f"{error} came", error.exit_code)
            return ArchivingReport(rule=rule, why=f"{error} came, before anything was moved")

    def _shared_limit(self, rule: str) -> SharedLimit | None:
        """Give the limit of a rule, if it has one that other nights may have used."""
        options = self.settings.archive.options
        if options.limit is None or not self.is_shared:
            return None
        ledger = self.destination.ledger(self.settings.ledger_folder, is_to_read=False)
        if not ledger.is_shared:
            return None
        return SharedLimit(
            ledger=ledger, rule=rule, began=self.began, limit=options.limit,
            chunk_size=options.chunk_size,
        )  # fmt: skip

    def _move(self, rule: str, shared: SharedLimit | None) -> ArchiveReport:
        settings, options = self.settings, self.settings.archive.options
        if self.dry_run:
            options = options.model_copy(update={"dry_run": True})
        if shared:
            options = options.model_copy(update={"limit": shared.left})
        self.telemetry.began(f"rule {rule}", source=rule, job="archive")
        with self.watchers.of_run("archive") as watchers:
            return move(
                MoveRequest("archive", rule=settings.archive.rule(rule, {})),
                options,
                self.destination.with_tables,
                self.folder / f"archive-{rule}",
                folders=Folders(self.folder.parent, settings.ledger_folder),
                office_hours=settings.office_hours,
                watchers=shared.watching(watchers) if shared else watchers,
            )

    def _report(
        self, rule: str, report: ArchiveReport, shared: SharedLimit | None
    ) -> ArchivingReport:
        self.telemetry.ended(report)
        if shared and not report.unfinished:
            with suppress(LoaderError):  # then a chunk too many counts for the nights of others
                shared.ended()
        if report.stopped == "signal":
            self.end(report.why, report.exit_code)
        is_success = report.stopped in {"office_hours", "signal"}
        return ArchivingReport(
            rule=rule,
            moved=report.preview.leads if report.preview else report.moved,
            stayed=report.all_stayed,
            why="; ".join(filter(None, [report.ending, shared.remark if shared else ""])),
            exit_code=0 if is_success else report.exit_code,
            run=report.run,
            results=report.results,
        )

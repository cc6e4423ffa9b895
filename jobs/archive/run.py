"""A run of archive or dearchive: how it begins, after those that were killed, and its report."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from jobs.archive.request import Folders, MoveRequest
from jobs.pace import Ending
from jobs.watchers import Watchers
from loader.api.lead_archive import IN_OFFICE_HOURS, SUCCESS
from loader.archive.archiver import Archiver, nobody
from loader.archive.journal import Journal, left_behind, unclear_remark
from loader.archive.preview import undefined
from loader.archive.report import ArchiveReport, PreviewSummary
from loader.archive.results import ArchiveResults, complete_moved
from loader.archive.selection import Ids, Leads
from loader.clock import end_of
from loader.database.address import read_address
from loader.database.connection import Database
from loader.errors import ConfigurationError, NotAllowedError, ResultsError, UsageError
from loader.ledger.returned import returned_since
from loader.ledger.runs import Ledger, run_name
from loader.options.archive import ArchiveOptions
from loader.results.lines import count_of

MESSAGES = {"done": SUCCESS, "office_hours": IN_OFFICE_HOURS}
"""The messages that the Lead Archive API defines, by the reason for the end."""


@dataclass(frozen=True, kw_only=True)
class ArchiveRun:
    """A run that is ready to move its first chunk."""

    request: MoveRequest
    began: datetime
    name: str
    archiver: Archiver
    leads: Leads
    files: ArchiveResults
    preview: PreviewSummary | None
    """In a dry run only."""
    remarks: list[str]
    ledger: Ledger | None
    """Notes the leads that come back; None: none do."""

    @classmethod
    def begin(
        cls,
        request: MoveRequest,
        options: ArchiveOptions,
        database: Database,
        results: Path | None,
        folders: Folders,
        watchers: Watchers,
    ) -> "ArchiveRun":
        """Read the tables, create missing archives and select the leads; a dry run counts them."""
        began = datetime.now(UTC)
        name = run_name(began, request.job)
        watchers.named(name)
        folder = results or folders.results / name
        files = ArchiveResults(folder, _command(request, options, database), request.digest)
        with ExitStack() as on_failure:
            on_failure.callback(files.discard)
            archiver = Archiver(database, options, request.rule, request.job)
            below = folders.earlier or folder.parent
            killed = settle_killed(archiver, below, request, files.journal)
            ledger, returned, unread = _ledger(archiver, folders.of_ledger(results))
            leads = archiver.leads(
                request.lead_ids,
                were_there=killed.is_same_request,
                only_source=request.only_source,
                returned=returned,
            )
            steps = f"{', '.join(request.steps(options))}, up to {options.chunk_size} at a time"
            if options.dry_run:
                steps = "dry run, nothing is written"
            watchers.say(f"{request.job} {request}: {steps}; results in {files.folder}")
            preview = cls._preview(archiver, leads) if options.dry_run else None
            missing = undefined(database, request.rule.lists if request.rule else ())
            remarks = [f"list {list_id} is not defined in the dialer" for list_id in missing]
            remarks += [*killed.remarks, *unread]
            run = cls(
                request=request, began=began, name=name, archiver=archiver, leads=leads,
                files=files, preview=preview, remarks=[*archiver.tables.remarks, *remarks],
                ledger=ledger,
            )  # fmt: skip
            on_failure.pop_all()
        return run

    @staticmethod
    def _preview(archiver: Archiver, leads: Leads) -> PreviewSummary:
        found = archiver.preview(leads)
        if archiver.options.with_children:
            # A dry run records the names of missing archives and creates none.
            archiver.tables.make_missing(f"custom_{each}" for each in found.by_list["list_id"])
        return PreviewSummary.of(found)

    def report(self, ending: Ending, counts: Mapping[str, Any]) -> ArchiveReport:
        """Make the report and write it to the results folder; the report says if that fails.

        Args:
            ending: why the run ended.
            counts: the fields that say what was done.
        """
        archiver = self.archiver
        report = ArchiveReport(
            run=self.name,
            **_command(self.request, archiver.options, archiver.database),
            began=self.began,
            ended=end_of(self.began),
            made=archiver.tables.made,
            remarks=self.remarks,
            preview=self.preview,
            message=MESSAGES.get(ending.stopped, ending.why),
            **ending._asdict(),
            **counts,
        )
        try:
            self.files.summarize(report)
        except ResultsError as error:
            ended = Ending("error", f"{error}; the summary was not written", error.exit_code)
            if report.exit_code:
                return report.model_copy(update={"remarks": [*self.remarks, ended.why]})
            return report.model_copy(update={"message": ended.why, **ended._asdict()})
        return report


def _ledger(archiver: Archiver, folder: Path) -> tuple[Ledger | None, Callable[[], Ids], list[str]]:
    """Give what notes leads that come back, what reads which ones did, and remarks.

    Leads come back, and others are archived, where the ledger cannot be used, too.
    """
    time, database = archiver.options.leave_dearchived, archiver.database
    try:
        if archiver.back:
            if archiver.options.dry_run:
                return None, nobody, []
            ledger = Ledger.open(database, folder)
            return ledger, nobody, [ledger.remark] if ledger.remark else []
        if archiver.rule is None or not time:
            return None, nobody, []
        read = partial(returned_since, Ledger.to_read(database, folder), archiver.clock.utc - time)
        read()
    except UsageError:
        return None, nobody, []  # there is no ledger
    except (NotAllowedError, ConfigurationError) as error:
        what = (
            "a rule may archive again what came back"
            if archiver.back
            else "what dearchive brought back is archived like other leads"
        )
        return None, nobody, [f"{what}: {error}"]
    return None, read, []


class Settled(NamedTuple):
    """What was found of runs that were killed."""

    remarks: tuple[str, ...] = ()
    """What was done, for people."""
    is_same_request: bool = False
    """One of them had begun to move the same given leads."""


def settle_killed(
    archiver: Archiver, folder: Path, request: MoveRequest, journal: Journal
) -> Settled:
    """Settle the chunks of runs that were killed, below a folder, and complete their moved.csv.

    A dry run settles nothing. The journal notes that the request had begun before that is
    forgotten; that another request for given leads had begun is not forgotten.
    """
    said, is_same_request = [], False
    database, options = archiver.database, archiver.options
    for path, chunk in left_behind(folder):
        if chunk is None:
            if not options.dry_run:
                path.unlink(missing_ok=True)
            continue
        if chunk.database != database.name:
            continue
        is_same = bool(chunk.digest) and (chunk.job, chunk.digest) == (request.job, request.digest)
        is_same_request |= is_same
        if options.dry_run or not (is_same or len(chunk.lead_ids)):
            continue
        if is_same:
            journal.take_over()
        its = Archiver(database, options.model_copy(update={"delete": True}), None, chunk.job)
        moved, unclear = its.settle(chunk)
        is_other_request = bool(chunk.digest) and not is_same
        added = complete_moved(path, moved, may_come_again=is_other_request)
        if added:
            said.append(
                f"a run was killed: {count_of(added, 'lead')} that its last chunk moved "
                f"{'was' if added == 1 else 'were'} added to the moved.csv in {path.parent}"
            )
        if len(unclear):
            said.append(unclear_remark(unclear, path.parent))
    return Settled((*said,), is_same_request)


def _command(request: MoveRequest, options: ArchiveOptions, database: Database) -> dict[str, Any]:
    """Give the fields of the report that are the same if the same command is given again."""
    return {
        "job": request.job,
        "which": str(request),
        "options": _given_options(options),
        "database": database.name,
    }


def _given_options(options: ArchiveOptions) -> dict[str, Any]:
    """Give the options that differ from the defaults, without the passwords of replicas."""
    given = options.model_dump(mode="json", exclude_defaults=True)
    if options.replicas:
        given["replicas"] = [read_address(address).name for address in options.replicas]
    return given

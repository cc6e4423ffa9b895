"""The commands archive and dearchive. Heavy modules are imported late."""

import json
from typing import TYPE_CHECKING, Any

import typer

from jobs.cli.load import warn_of_insecure
from jobs.cli.parameters import given_flags, given_settings
from jobs.settings.database import open_database, target_of
from jobs.settings.flags import flag_name

if TYPE_CHECKING:
    from jobs.archive.request import Direction, MoveRequest
    from jobs.settings.settings import Settings
    from jobs.watchers import Watchers
    from loader.archive.report import ArchiveReport
    from loader.remote.target import Target


def move_leads(ctx: typer.Context, **given: Any) -> None:
    """Move leads between vicidial_list and its archive."""
    from jobs.archive.job import move
    from jobs.archive.request import Folders
    from jobs.cli.terminal import Terminal
    from jobs.telemetry.telemetry import Telemetry
    from loader.api.lead_archive import answer_to
    from loader.errors import LoaderError
    from loader.options.archive import ArchiveRule

    is_json = bool(given["json_summary"])
    try:
        names = given.keys() & {"lead_ids", "lead_ids_file", "rule", *ArchiveRule.model_fields}
        which = {name: given.pop(name) for name in names}
        which, settings = given_flags(which), given_settings(given, table="archive")
        job: Direction = "archive" if ctx.command.name == "archive" else "dearchive"
        is_json, terminal = settings.json_summary, Terminal(settings, job)
        rule, options = which.get("rule", ""), settings.archive.options
        target = target_of(settings, given)
        asked = _asked(job, which, settings)
        warn_of_insecure(target, terminal)
        telling = Telemetry(settings, job, warn=terminal.warn, dry_run=options.dry_run)
        with telling, terminal.moving() as watchers:
            telling.began(str(asked), source=rule)
            if target:
                report = _move_by_api(asked, target, settings, watchers)
            else:
                report = move(
                    asked,
                    options,
                    open_database(settings, sleep=watchers.stop.wait),
                    settings.results,
                    folders=Folders(ledger=settings.ledger_folder),
                    office_hours=settings.office_hours,
                    watchers=watchers,
                )
            telling.ended(report)
    except LoaderError as error:
        if is_json:
            print(json.dumps(answer_to(error)), flush=True)
        raise
    terminal.show_moved(report)
    raise typer.Exit(report.exit_code)


def _move_by_api(
    asked: "MoveRequest", target: "Target", settings: "Settings", watchers: "Watchers"
) -> "ArchiveReport":
    """Move leads of another dialer, by its API."""
    from loader.errors import missing_extra_error

    try:
        from jobs.archive.remote import move_by_api
    except ImportError:
        raise missing_extra_error("--target", "remote", "httpx2") from None
    return move_by_api(
        asked,
        settings.archive.options,
        target,
        settings.results,
        ledger_folder=settings.ledger_folder,
        watchers=watchers,
    )


def _asked(job: "Direction", which: dict[str, Any], settings: "Settings") -> "MoveRequest":
    """Say which leads are to be moved: given ones, or those of a rule.

    Raises:
        UsageError: both, or neither; a rule without any condition.
        LeadIdsError: the lead_ids cannot be read.
    """
    from jobs.archive.request import MoveRequest
    from loader.archive.lead_ids import parse_lead_ids, read_lead_ids
    from loader.errors import UsageError
    from loader.signals import Stop

    if which.keys() & {"lead_ids", "lead_ids_file"} and len(which) > 1:
        names = " and ".join(sorted(map(flag_name, which)))
        raise UsageError(f"{names}: give either lead_ids, in one way, or a rule")
    if "lead_ids" in which:
        return MoveRequest(job, lead_ids=parse_lead_ids(which["lead_ids"]))
    if "lead_ids_file" in which:
        with Stop() as stop, stop.end_at_once():
            return MoveRequest(job, lead_ids=read_lead_ids(which["lead_ids_file"]))
    rule = settings.archive.rule(which.pop("rule", None), which)
    if rule.is_empty:
        raise UsageError(
            f"{job} needs to know which leads: give --lead-ids, --lead-ids-file, --rule, or "
            "conditions such as --statuses and --called-before"
        )
    return MoveRequest(job, rule=rule)

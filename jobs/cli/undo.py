"""The command undo: a run is taken back."""

from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from jobs.cli.parameters import given_run, given_settings
from jobs.settings.database import open_database, target_of

if TYPE_CHECKING:
    from jobs.settings.settings import Settings
    from loader.remote.target import Target


def undo_run(
    run: Annotated[str, typer.Argument(help="As `leadloader runs` names it", metavar="RUN")],
    **given: Any,
) -> None:
    """Take a run back, as far as nobody has worked with what it left."""
    from jobs.cli.terminal import Terminal
    from jobs.telemetry.outcome import outcome_of
    from jobs.telemetry.telemetry import Telemetry
    from jobs.undo.job import undo
    from loader.signals import Interrupted
    from loader.undo.report import report_lines

    run, settings = given_run(run), given_settings(given, table="archive")
    if target := target_of(settings, given):
        _refuse_target(run, target, settings)
    terminal = Terminal(settings, "undo")
    dry_run = settings.archive.options.dry_run
    telling = Telemetry(settings, "undo", warn=terminal.warn, dry_run=dry_run)
    try:
        with telling, terminal.moving() as watchers:
            telling.began(f"run {run}")
            report = undo(
                run,
                open_database(settings, sleep=watchers.stop.wait),
                settings.results,
                options=settings.archive.options,
                dry_run=dry_run,
                ledger_folder=settings.ledger_folder,
                watchers=watchers,
            )
            telling.ended(report)
    except Interrupted as signal:
        terminal.warn(f"{signal} came; what was undone stays undone; the same command continues")
        raise typer.Exit(signal.exit_code) from None
    terminal.note(outcome_of(report))
    terminal.show_report(report, report_lines)


def _refuse_target(run: str, target: "Target", settings: "Settings") -> NoReturn:
    """Say why what was sent through an API stays. UsageError: that, or there is no such run."""
    from loader.errors import UsageError
    from loader.ledger.runs import Ledger

    ledger = Ledger.to_read_of_target(target.ledger_name, settings.ledger_folder)
    record = ledger.find(run)
    raise UsageError(
        f"run {record.run} was sent through the API of {target.name}, which deletes no leads; "
        f"{record.results}/loaded.csv has their lead_ids, and archive --target --lead-ids-file "
        "takes it"
    )

"""The command undo: a run is taken back."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.parameters import given_flags
from jobs.settings.database import open_database

if TYPE_CHECKING:
    from jobs.cli.terminal import Terminal
    from loader.undo.report import UndoReport


def undo_run(
    run: Annotated[str, typer.Argument(help="As `leadloader runs` names it", metavar="RUN")],
    **given: Any,
) -> None:
    """Take a run back, as far as nobody has worked with what it left."""
    from jobs.cli.terminal import Terminal
    from jobs.settings.settings import read_settings
    from jobs.telemetry.telemetry import Telemetry
    from jobs.undo.job import undo
    from loader.options.archive import ArchiveOptions
    from loader.signals import Interrupted

    flags = given_flags(given)
    config = flags.pop("config", None)
    options = {name: flags.pop(name) for name in flags.keys() & ArchiveOptions.model_fields.keys()}
    settings = read_settings({**flags, "archive": options}, config)
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
    _show(report, terminal)


def _show(report: "UndoReport", terminal: "Terminal") -> None:
    from rich.markup import escape

    from jobs.telemetry.outcome import outcome_of
    from loader.undo.report import report_lines

    terminal.note(outcome_of(report))
    if terminal.json:
        print(report.model_dump_json(indent=2), flush=True)
    elif not terminal.quiet:
        for line in report_lines(report):
            terminal.out.print(escape(line), soft_wrap=True)

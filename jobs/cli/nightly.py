"""The command nightly. What is heavy is imported late."""

from typing import Any

import typer

from jobs.cli.load import warn_of_insecure
from jobs.cli.parameters import given_settings
from jobs.settings.database import open_database, target_of


def nightly(**given: Any) -> None:
    """Load what lies in the drop folders, archive, and report."""
    from jobs.cli.terminal import Terminal
    from jobs.nightly.destination import Destination
    from jobs.nightly.job import nightly as spend_the_night
    from jobs.telemetry.telemetry import Telemetry
    from jobs.watchers import Watchers
    from loader.signals import Stop

    dry_run = bool(given.pop("dry_run"))
    only = given.pop("only") or ()
    settings = given_settings(given).with_sources(only)
    terminal, target = Terminal(settings, "nightly"), target_of(settings, given)
    warn_of_insecure(target, terminal)
    with (
        Telemetry(settings, "nightly", warn=terminal.warn, dry_run=dry_run) as telling,
        Stop() as stop,
    ):
        watchers = Watchers(
            say=terminal.say, warn=terminal.warn, stop=stop, watch_run=terminal.watch_run
        )
        destination = Destination(target or open_database(settings, sleep=stop.wait))
        report = spend_the_night(settings, destination, telling, dry_run=dry_run, watchers=watchers)
    if terminal.json:
        print(report.model_dump_json(indent=2), flush=True)
    elif not terminal.quiet:
        print(report.text, end="", flush=True)
    raise typer.Exit(report.exit_code)

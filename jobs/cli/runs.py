"""The command runs: what the ledger has of the runs that were."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.parameters import given_run, given_settings

if TYPE_CHECKING:
    from jobs.settings.settings import Settings


MOST = 1_000_000
"""Runs that are listed at once."""


def runs(
    run: Annotated[str | None, typer.Argument(help="Show this one in full", metavar="RUN")] = None,
    limit: Annotated[int, typer.Option(help="The newest N", metavar="N", min=1, max=MOST)] = 20,
    json_summary: Annotated[
        bool, typer.Option("--json", help="Print JSON, a line for each run")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Give RUN up: it is not completed any more")
    ] = False,
    **given: Any,
) -> None:
    """List the runs of imports and undos, the newest first, or show one."""
    from rich.console import Console

    from jobs.cli.run_table import as_json, run_table, runs_table
    from jobs.settings.database import open_database
    from loader.ledger.runs import Ledger

    settings = given_settings(given)
    if forget:
        _forget(run, settings)
        return
    ledger = Ledger.to_read(open_database(settings), settings.ledger_folder)
    records = ledger.runs(limit) if run is None else [ledger.run(given_run(run))]
    if json_summary:
        for record in records:
            print(as_json(record))
        return
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = 200
    out.print(runs_table(records) if run is None else run_table(records[0]))


def _forget(run: str | None, settings: "Settings") -> None:
    """Give a run up, and say what it left."""
    from jobs.load.resume import give_up
    from jobs.settings.database import open_database
    from loader.errors import UsageError
    from loader.ledger.runs import Ledger

    if run is None:
        raise UsageError("name the run to give up: leadloader runs RUN --forget")
    database, name = open_database(settings), given_run(run)
    record = give_up(name, Ledger.open(database, settings.ledger_folder), database)
    left = "nothing is loaded"
    if record.state != "refused":
        left = f"{record.loaded} rows or more are loaded; `leadloader undo {name}` takes them back"
    print(f"run {name} is given up; {left}")

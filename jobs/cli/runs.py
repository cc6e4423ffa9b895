"""The command runs: what the ledger has of the runs that were."""

from pathlib import Path
from typing import Annotated

import typer


def runs(
    run: Annotated[str | None, typer.Argument(help="Show this one in full", metavar="RUN")] = None,
    database: Annotated[
        str | None, typer.Option(help="mysql://..., sqlite:///leads.db", metavar="URL")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings file (TOML)", metavar="FILE")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="Beside it the ledger is, if it is a file", metavar="DIR")
    ] = None,
    limit: Annotated[int, typer.Option(help="The newest so many", metavar="N", min=1)] = 20,
    json_summary: Annotated[
        bool, typer.Option("--json", help="Print JSON, a line for each run")
    ] = False,
) -> None:
    """List the runs of imports and undos, the newest first, or show one."""
    from rich.console import Console

    from jobs.cli.run_table import as_json, run_table, runs_table
    from jobs.settings.database import open_database
    from jobs.settings.settings import read_settings
    from loader.ledger.runs import Ledger

    given = {"database": database, "results": results}
    settings = read_settings({k: v for k, v in given.items() if v is not None}, config)
    ledger = Ledger.to_read(open_database(settings), settings.ledger_folder)
    records = ledger.runs(limit) if run is None else [ledger.run(run)]
    if json_summary:
        for record in records:
            print(as_json(record))
        return
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = 200
    out.print(runs_table(records) if run is None else run_table(records[0]))

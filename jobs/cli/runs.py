"""The command runs: what the ledger has of the runs that were."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.parameters import given_run, given_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jobs.settings.settings import Settings
    from loader.database.connection import Database
    from loader.ledger.records import RunRecord
    from loader.ledger.runs import Ledger
    from loader.remote.target import Target


MOST = 1_000_000
"""Runs that are listed at once."""


def runs(
    run: Annotated[
        str | None,
        typer.Argument(help="Show this one, or the latest, in full", metavar="RUN"),
    ] = None,
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

    from jobs.cli.run_table import as_json, run_table, runs_list
    from jobs.settings.database import target_of
    from loader.ledger.parts import parts_of
    from loader.ledger.runs import Ledger

    settings = given_settings(given)
    if forget:
        _forget(run, settings, target_of(settings, given))
        return
    ledger, database = _open_ledger(settings, target_of(settings, given), Ledger.to_read)
    records = ledger.runs(limit) if run is None else [ledger.find(given_run(run))]
    at_work = {each.run: _is_at_work(each, ledger, database) for each in records}
    parts = [] if run is None else parts_of(ledger, records[0].of_run or records[0].run)
    if json_summary:
        for record in records:
            print(as_json(record, parts, at_work=at_work[record.run]))
        return
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = 200
    out.print(
        runs_list(records, at_work, out.width)
        if run is None
        else run_table(records[0], parts, at_work=at_work[records[0].run])
    )


def _open_ledger(
    settings: "Settings",
    target: "Target | None",
    opening: "Callable[[Database, Path], Ledger]",
) -> "tuple[Ledger, Database]":
    """Open the ledger of a target, or that of the database, and what it is in."""
    from jobs.settings.database import open_database
    from loader.ledger.runs import Ledger

    if target:
        ledger = Ledger.to_read_of_target(target.ledger_name, settings.ledger_folder)
        return ledger, ledger.database
    database = open_database(settings)
    return opening(database, settings.ledger_folder), database


def _is_at_work(record: "RunRecord", ledger: "Ledger", database: "Database") -> bool | None:
    """Say whether a process is at work on a run that has not ended; None: nobody can see it."""
    from loader.database.locks import is_held

    if not record.may_be_at_work:
        return False
    original = record
    while original.of_run:
        original = ledger.run(original.of_run)
    return is_held(database, original.lock_name)


def _forget(run: str | None, settings: "Settings", target: "Target | None") -> None:
    """Give a run up, and say what it left."""
    from jobs.load.resume import give_up
    from loader.errors import UsageError
    from loader.ledger.runs import Ledger

    if run is None:
        raise UsageError("name the run to give up: leadloader runs RUN --forget")
    ledger, database = _open_ledger(settings, target, Ledger.open)
    name = ledger.find(given_run(run)).run
    record = give_up(name, ledger, database)
    left = "nothing is loaded"
    if record.state != "refused":
        back = "" if target else f"; `leadloader undo {name}` takes them back"
        left = f"{record.loaded} rows or more are loaded{back}"
    print(f"run {name} is given up; {left}")

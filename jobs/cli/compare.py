"""The command compare: what sources' files are like over time, by the summaries of their runs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime


def compare(
    dirs: Annotated[
        list[Path],
        typer.Argument(help="Results folders, or summary.json files", metavar="DIR..."),
    ],
    output: Annotated[
        Path | None, typer.Option(help="The page (compare.html)", metavar="FILE")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only runs since then", metavar="DATE|90d")
    ] = None,
    json_summary: Annotated[
        bool, typer.Option("--json", help="Print JSON; no page without --output")
    ] = False,
) -> None:
    """Compare sources by the summaries of their files: a page, and a table in short."""
    from rich.console import Console
    from rich.markup import escape

    from jobs.compare.page import MOST_SOURCES, note_on, render_compared, table_of, write_page
    from jobs.compare.runs import compare_runs, describe_left_out
    from loader.paths import visible_line

    compared = compare_runs(dirs, _moment(since))
    for warning in compared.warnings:
        print(f"leadloader: {visible_line(warning)}", file=sys.stderr)
    if output or not json_summary:
        path = write_page(render_compared(compared), output)
    if json_summary:
        print(compared.model_dump_json(indent=2))
        return
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = 200
    out.print(table_of(compared.sources))
    more = len(compared.sources) - MOST_SOURCES
    notes = [note_on(it.unknown_parts for it in compared.sources[:MOST_SOURCES])]
    notes += [f"and {more:,} more sources, all by --json" if more > 0 else ""]
    notes += [describe_left_out(compared.left_out), f"page: {path}"]
    for note in filter(None, notes):
        out.print(escape(visible_line(note)), soft_wrap=True)


def _moment(since: str | None) -> "datetime | None":
    from datetime import datetime

    from loader.errors import UsageError
    from loader.options.durations import moment_before, parse_moment

    if since is None:
        return None
    try:
        return moment_before(parse_moment(since), datetime.now().astimezone()).astimezone()
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None

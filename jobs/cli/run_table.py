"""What the ledger has of runs, for people and for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from loader.ledger.parts import KnownPart
from loader.ledger.records import RunRecord
from loader.options.load import LoadOptions
from loader.paths import find_path, visible_line
from loader.results.folder import SUMMARY

WIDE = 140
"""Characters of a line in which a table of runs can be read."""


MOST_PARTS = 50
"""Files of a run that are listed; as JSON it is all of them."""


def as_json(record: RunRecord, parts: Sequence[KnownPart] = (), *, at_work: bool | None) -> str:
    """Give a run, and its files if they are several; without what a process knows itself by."""
    values = {name: value for name, value in asdict(record).items() if name != "owner"}
    values["at_work"] = at_work
    if parts:
        values["parts"] = [part._asdict() for part in parts]
    return json.dumps(values, default=str, ensure_ascii=False)


def _state(record: RunRecord, *, at_work: bool | None) -> str:
    """Give the state of a run; of one that has not ended, also whether a process is at work."""
    if not record.may_be_at_work or at_work is None:
        return record.state
    return f"{record.state}, {'at work' if at_work else 'broken off'}"


def runs_list(records: list[RunRecord], at_work: Mapping[str, bool | None], width: int) -> Group:
    """List runs as a table, or where that is too wide a few lines for each."""
    if width >= WIDE:
        return Group(_runs_table(records, at_work))
    return Group(*(_run_lines(each, at_work=at_work[each.run]) for each in records))


def _run_lines(record: RunRecord, *, at_work: bool | None) -> str:
    return (
        f"[bold]{record.run}[/bold]  {record.job}, {_state(record, at_work=at_work)}\n"
        f"  {_moment(record.began)}  rows {record.rows_read:,}, loaded {record.loaded:,}, "
        f"rejected {record.rejected:,}\n  {_what(record)}"
    )


def _what(record: RunRecord) -> str:
    return escape(visible_line(record.source or f"of {record.of_run}"))


def _runs_table(records: list[RunRecord], at_work: Mapping[str, bool | None]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "job", "began", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "loaded", "rejected"):
        table.add_column(name, justify="right")
    table.add_column("file", overflow="fold")
    for each in records:
        counts = (f"{count:,}" for count in (each.rows_read, each.loaded, each.rejected))
        table.add_row(
            each.run,
            each.job,
            _moment(each.began),
            _state(each, at_work=at_work[each.run]),
            *counts,
            _what(each),
        )
    return table


def run_table(record: RunRecord, parts: Sequence[KnownPart] = (), *, at_work: bool | None) -> Table:
    """Show all that the ledger has of one run, and the files of its results that are here.

    Args:
        record: the run.
        parts: the files that it read as one, or the import did that it takes back.
        at_work: whether a process is at work on it; None: nobody can see it.
    """
    usual = LoadOptions().model_dump(mode="json")
    options = {name: v for name, v in record.options.items() if v != usual.get(name)}
    facts = {
        "run": record.run,
        "job": record.job,
        "state": _state(record, at_work=at_work),
        "why": record.message,
        "file": record.source,
        "SHA-256": record.sha256,
        **{f"  {part.name}": _part(part) for part in parts[:MOST_PARTS]},
        "  more files": len(parts) - MOST_PARTS if len(parts) > MOST_PARTS else "",
        "takes back": record.of_run,
        "began": _moment(record.began),
        "ended": record.ended and _moment(record.ended),
        "by": f"{record.os_user} on {record.host}, process {record.pid}",
        "rows read": f"{record.rows_read:,}",
        "loaded": f"{record.loaded:,}",
        "rejected": f"{record.rejected:,}",
        **{f"  {name}": f"{count:,}" for name, count in record.counts.get("reasons", {}).items()},
        "lists": ", ".join(
            f"{list_id} ({leads:,})" for list_id, leads in record.counts.get("lists", {}).items()
        ),
        "fields": ", ".join(f"{field} from {name!r}" for field, name in record.mapping.items()),
        "options": ", ".join(f"{name}={value}" for name, value in options.items()),
        "results": record.results,
        "files": ", ".join(_files(record)),
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(escape(visible_line(name)), escape(visible_line(str(value))))
    if step := _next_step(record, at_work=at_work):
        table.add_row("next", step)
    return table


def _next_step(record: RunRecord, *, at_work: bool | None) -> str:
    """Say what is to be done about a run; "": nothing."""
    if at_work:
        return "wait until the process has ended"
    if record.is_unfinished:
        return "the same command completes it, leadloader undo takes it back"
    if record.state == "given up":
        return f"leadloader undo {record.run} takes back what it loaded"
    if record.state == "undoing":
        undone = record.of_run or record.run
        return f"it is being undone; leadloader undo {undone} completes that"
    return ""


def _part(part: KnownPart) -> str:
    rows = f"rows {part.first_row:,} to {part.first_row + part.row_count - 1:,}"
    return f"{rows if part.row_count else 'empty'}, SHA-256 {part.sha256}"


def _files(record: RunRecord) -> list[str]:
    """Name the files of the results of a run, if they are on this machine."""
    folder = find_path(record.results) if record.results else None
    if folder is None:
        return []
    try:
        summary = json.loads((folder / SUMMARY).read_text("utf-8"))
        is_its = summary.get("run") == record.run
        return sorted(it.name for it in folder.iterdir() if is_its and it.name[0] != ".")
    except (OSError, ValueError, AttributeError):
        return []  # they were moved or removed, or are on another machine


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"

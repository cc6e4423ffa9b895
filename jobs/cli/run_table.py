"""What the ledger has of runs, for people and for programs."""

import json
from dataclasses import asdict
from datetime import datetime

from rich.markup import escape
from rich.table import Table

from loader.ledger.runs import RunRecord
from loader.options.load import LoadOptions
from loader.paths import visible_line


def as_json(record: RunRecord) -> str:
    """Give a run on one line; without what a process knows itself by."""
    values = {name: value for name, value in asdict(record).items() if name != "owner"}
    return json.dumps(values, default=str, ensure_ascii=False)


def runs_table(records: list[RunRecord]) -> Table:
    """List runs, a line for each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "job", "began", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "loaded", "rejected"):
        table.add_column(name, justify="right")
    table.add_column("file", overflow="fold")
    for each in records:
        counts = (f"{count:,}" for count in (each.rows_read, each.loaded, each.rejected))
        what = each.source or f"of {each.of_run}"
        table.add_row(
            each.run, each.job, _moment(each.began), each.state, *counts, escape(visible_line(what))
        )
    return table


def run_table(record: RunRecord) -> Table:
    """Show all that the ledger has of one run."""
    usual = LoadOptions().model_dump(mode="json")
    options = {name: v for name, v in record.options.items() if v != usual.get(name)}
    facts = {
        "run": record.run,
        "job": record.job,
        "state": record.state,
        "why": record.message,
        "file": record.source,
        "SHA-256": record.sha256,
        "takes back": record.of_run,
        "began": _moment(record.began),
        "ended": record.ended and _moment(record.ended),
        "by": f"{record.os_user} on {record.host}, process {record.pid}",
        "rows read": f"{record.rows_read:,}",
        "loaded": f"{record.loaded:,}",
        "rejected": f"{record.rejected:,}",
        **{f"  {name}": f"{count:,}" for name, count in record.counts.get("reasons", {}).items()},
        "fields": ", ".join(f"{field} from {name!r}" for field, name in record.mapping.items()),
        "options": ", ".join(f"{name}={value}" for name, value in options.items()),
        "results": record.results,
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, escape(visible_line(str(value))))
    if record.is_unfinished:
        table.add_row("next", "the same command completes it, leadloader undo takes it back")
    elif record.state == "given up":
        table.add_row("next", f"leadloader undo {record.run} takes back what it loaded")
    elif record.state == "undoing":
        undone = record.of_run or record.run
        table.add_row("next", f"it is being undone; leadloader undo {undone} completes that")
    return table


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"

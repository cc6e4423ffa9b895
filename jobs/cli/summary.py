"""The summary of a load in short, for people: tables with bars on a terminal, else plain text."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.bar import Bar
from rich.cells import cell_len, set_cell_size
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from jobs.cli.sections import Row, Section, list_facts, list_sections, safe_line, shorten
from loader.reasons import Reason
from loader.report.destinations import SAFE, checks_off_of, default_list
from loader.results.folder import PAGE
from loader.results.lines import count_of
from loader.results.summary import Summary

INDENT = "  "
JOBS = {"import": "import", "validate": "validation"}


def show(summary: Summary, console: Console, *, foreseen: bool = False) -> None:
    """Print the summary, with bars if the console is a terminal that can show them."""
    bars = draws(console)
    for part in tables(summary, bars=bars):
        console.print(part, soft_wrap=not bars)
    for line in closing(summary, foreseen=foreseen):
        console.print(Text(line), soft_wrap=not bars)


def draws(console: Console) -> bool:
    """Say whether a console is a terminal that can show bars."""
    is_dumb = console.is_dumb_terminal or console.legacy_windows
    return console.is_terminal and not is_dumb and console.encoding.startswith("utf")


def tables(summary: Summary, *, bars: bool) -> Iterator[RenderableType]:
    """Give the summary but for its closing lines, in parts with an empty line between them.

    Without bars: lines that are not to be wrapped, in ASCII but for what is from the file.
    """
    yield Text(_title(summary), "bold" if bars else "")
    for warning in _warnings(summary):
        yield Text(warning, "bold yellow" if bars else "")
    for group in list_sections(summary):
        shape = _table if bars else _lines
        drawn: list[RenderableType] = [shape(it) for it in group if it.rows]
        if bars and len(drawn) > 1:
            drawn = [Columns(drawn, padding=(0, 2))]
        for each in drawn:
            yield Text("")
            yield each
    facts = list_facts(summary, bars=bars)
    if facts:
        yield Text("")
        yield _fact_table(facts) if bars else Text("\n".join(f"{name}: {it}" for name, it in facts))
    yield Text("")


def closing(summary: Summary, *, foreseen: bool = False) -> list[str]:
    """Say what to do and, unless it is only `foreseen`, where the results are and what it took."""
    lines = [f"note: {safe_line(remark)}" for remark in summary.remarks]
    if where := default_list(summary.without_list, done=summary.job == "import"):
        lines.append(f"note: {where}")
    worst = max(summary.reasons, key=lambda name: summary.reasons[name], default=None)
    if worst:
        advice = Reason.of(worst).advice
        lines.append(f"what to do about {safe_line(worst)}, the most frequent: {advice}")
    return lines if foreseen else lines + _done(summary)


def _done(summary: Summary) -> list[str]:
    lines = []
    if summary.lead_ids:
        ranges = ", ".join(
            str(first) if first == last else f"{first} to {last}"
            for first, last in summary.lead_ids[:5]
        )
        more = ", ..." if len(summary.lead_ids) > 5 else ""
        lines.append(f"lead_ids: {ranges}{more}")
    seconds = sum(summary.seconds.values())
    lines.append(f"results: {safe_line(summary.results)} ({seconds:.1f} s)")
    page = Path(summary.results) / PAGE
    if page.exists():  # a remark says why it was not made
        lines.append(f"page: {safe_line(str(page))}")
    return lines


def _title(summary: Summary) -> str:
    source = f" (source {shorten(summary.source)})" if summary.source else ""
    return f"{JOBS[summary.job]} of {safe_line(summary.file.name)}{source}"


def _warnings(summary: Summary) -> Iterator[str]:
    if summary.sample_of is not None:
        yield (
            f"a sample: {summary.rows_read:,} of {count_of(summary.sample_of, 'row')}, "
            "spread evenly over the file"
        )
    if summary.database is None:
        yield "no database: the file alone was looked at"
    if not summary.rows_read:
        yield "the file has a header, but no row after it: nothing to load"
    if summary.blank_rows:
        be = "is" if summary.blank_rows == 1 else "are"
        yield f"{count_of(summary.blank_rows, 'row')} without a value {be} left out"
    if off := checks_off_of(summary):
        yield f"{off}: {SAFE}" if summary.database else off


def _table(section: Section) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    first, *others = section.heads
    table.add_column(Text(first), overflow="fold")
    for head in others:
        table.add_column(Text(head), justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for row in section.rows:
        name, meaning = Text(_indented(row)), Text(row.meaning, "dim")
        if row.bar:
            last: RenderableType = Bar(1, *row.bar, width=section.bar_width, color=row.color)
        else:
            last = "" if section.beneath else meaning
        is_beneath = section.beneath and row.meaning
        cell = Group(name, Padding(meaning, (0, 0, 0, 2 * len(INDENT)))) if is_beneath else name
        style = "bold" if row.heading else ""
        table.add_row(cell, *map(Text, row.numbers), last, style=style)
    return table


def _fact_table(facts: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in facts:
        table.add_row(Text(name), Text(fact))
    return table


def _lines(section: Section) -> Text:
    """Align what a table would, each row in one line."""
    rows = [section.heads, *((_indented(row), *row.numbers) for row in section.rows)]
    meanings = ["", *(row.meaning for row in section.rows)]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for (first, *others), meaning in zip(rows, meanings, strict=True):
        name = set_cell_size(first, widths[0])
        numbers = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([name, *numbers, meaning]).rstrip())
    return Text("\n".join(lines))


def _indented(row: Row) -> str:
    return row.name if row.heading else INDENT + row.name

"""The page of a run: one self-contained HTML file that loads nothing from the network.

Import it only when a page is made: the library for charts is slow to import.
"""

import re
from collections.abc import Mapping
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from loader.notices import Notice
from loader.obstacles import Obstacle
from loader.profile.records import MOST_EXAMPLES, Details
from loader.profile.score import unknown_parts
from loader.report import pictures, view
from loader.report.destinations import list_state
from loader.report.source_file import DELIMITERS
from loader.report.view import LONG_VALUE, comparison
from loader.report.wording import (
    FILTERS,
    duration,
    mask_list_id,
    mask_numbers,
    moment,
    number,
    size,
    unchecked_parts,
    words,
)
from loader.results.lines import count_of
from loader.results.summary import Summary

__all__ = ["environment", "mask_numbers", "render_page"]

MOST_COLUMNS = 150
MOST_UNMAPPED = 20
"""Columns shown that are not loaded; more of them are folded."""
MOST_NAMES = 30
MOST_REMARKS = 40
MOST_OPTIONS = 60
MOST_LISTS = 50
MOST_PARTS = 100

FILE_OPTIONS = {"feed", "mapping_file"}
"""Options that name files; their folders are not shown."""
PERSONAL = {"user", "callback_user", "callback_comments"}
"""Options, and keys in options, that are not shown, for the page may be sent to the vendor."""
FOLDER_PATTERN = re.compile(r"(?<![\w:/.])/(?:[^\s/:'\",;]+/)+")


class ColumnFill(NamedTuple):
    """A column of the file: how many of its values are filled."""

    column: str
    field: str
    not_loaded: str
    """Why it is not loaded, if it is mapped to no field."""
    rows: int | None
    share: float | None


@cache
def environment() -> Environment:
    """Return the templates of all pages; values are escaped, an undefined one is an error.

    A page extends `base.html.jinja` and defines its blocks title, content and footer. The filters
    are those of `loader.report.wording`.
    """
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= FILTERS
    templates.globals["version"] = version("leadloader")
    return templates


def render_page(summary: Summary, details: Details, *, show_phones: bool = False) -> str:
    """Return the page of a run; it has less than two megabytes for any file.

    Summaries of older versions may have no profile. The middle of each phone number is masked
    unless `show_phones`.
    """
    template = environment().get_template("report.html.jinja")
    return template.render(
        **_header_values(summary),
        **_row_values(summary, details, show_phones),
        **_run_values(summary, details, show_phones),
    )


def _header_values(summary: Summary) -> dict[str, Any]:
    score = summary.profile.score if summary.profile else None
    return {
        "kind": "Import report" if summary.job == "import" else "Validation report",
        "is_import": summary.job == "import",
        "name": PurePath(summary.file.name).name or summary.file.name,
        "headline": view.headline(summary),
        "worst": view.worst(summary),
        "done": view.done(summary),
        "warnings": view.warnings(summary),
        "tiles": view.tiles(summary),
        "file_facts": file_facts(summary),
        "parts": parts(summary),
        "more_parts": max(len(summary.file.parts) - MOST_PARTS, 0),
        "lead_ids": lead_ids(summary),
        "score": score,
        "unchecked_parts": unchecked_parts(unknown_parts(score), len(score.parts)) if score else "",
    }


def _row_values(summary: Summary, details: Details, show_phones: bool) -> dict[str, Any]:
    profile = summary.profile
    return {
        "reasons": view.reasons(summary, details, show_phones=show_phones),
        "oddities": view.oddities(profile, details, show_phones=show_phones) if profile else [],
        "odd_rows": profile.odd_rows if profile else 0,
        "row_place": partial(view.row_place, places=summary.file.places),
        "repeated": view.repeated_values(details, show_phones=show_phones),
        "repeated_numbers": profile.repeated_numbers if profile else 0,
        "columns": columns(summary),
        "more_columns": max(
            len(profile.columns if profile else summary.file.columns) - MOST_COLUMNS, 0
        ),
        "has_fill": profile is not None,
        "notices": notices(summary),
    }


def _run_values(summary: Summary, details: Details, show_phones: bool) -> dict[str, Any]:
    steps = view.funnel(summary)
    return {
        "funnel": steps,
        "funnel_chart": pictures.funnel(steps),
        "reasons_chart": pictures.reasons(summary),
        "pictures": pictures.pictures(summary, details.now),
        "loading": estimate_text(summary),
        "comparison": comparison(summary),
        "lists": lists(summary, show_phones=show_phones),
        "more_lists": max(len(summary.lists) - MOST_LISTS, 0),
        "dialable": dialable(summary, show_phones=show_phones),
        "options": options(summary),
        "remarks": [FOLDER_PATTERN.sub("", each) for each in summary.remarks[:MOST_REMARKS]],
        "more_remarks": max(len(summary.remarks) - MOST_REMARKS, 0),
        "run": summary.run,
        "began": moment(summary.began),
        "took": duration((summary.ended - summary.began).total_seconds()),
    }


def lists(summary: Summary, *, show_phones: bool) -> list[tuple[str, str, str, int]]:
    """Return of each list its id, its name, what is known of it, and how many rows went there."""
    return [
        (
            str(it.list_id) if show_phones else mask_list_id(str(it.list_id)),
            it.list_name if show_phones else mask_numbers(it.list_name[:LONG_VALUE]),
            list_state(it),
            it.leads,
        )
        for it in summary.lists[:MOST_LISTS]
    ]


def file_facts(summary: Summary) -> list[tuple[str, str]]:
    """Return labels and values that describe the file."""
    file = summary.file
    name = PurePath(file.name).name or file.name
    exact, short = count_of(file.size, "byte"), size(file.size)
    compression = f", {file.compression}" if file.compression else ""
    header = "with a header" if file.header else "without a header"
    read = number(summary.rows_read)
    rows = read if summary.sample_of is None else f"{number(summary.sample_of)}, {read} checked"
    facts = [
        ("Name", name),
        ("Source", summary.source),
        ("SHA-256", file.sha256),
        ("Size", (short if short == exact else f"{short} ({exact})") + compression),
        ("Rows", rows),
        ("Columns", f"{number(len(file.columns))}, {header}"),
        *_format_facts(summary),
        ("Checked", moment(summary.began)),
    ]
    return [(name, value) for name, value in facts if value]


def parts(summary: Summary) -> list[tuple[str, str, str, str]]:
    """Return of several files each one's name, SHA-256, size, and the row numbers of its rows."""
    return [
        (
            PurePath(part.name).name,
            part.sha256,
            size(part.size),
            f"{number(part.first_row)} to {number(part.first_row + part.rows - 1)}"
            if part.rows
            else "none",
        )
        for part in summary.file.parts[:MOST_PARTS]
    ]


def _format_facts(summary: Summary) -> list[tuple[str, str]]:
    """Describe the format."""
    file = summary.file
    if file.sheet is not None:
        return [("Format", file.format), ("Sheet", file.sheet)]
    mark = "with byte order mark" if file.bom else "no byte order mark"
    return [
        ("Encoding", f"{file.encoding}, {mark}"),
        ("Delimiter", DELIMITERS.get(file.delimiter, repr(file.delimiter))),
    ]


def columns(summary: Summary) -> tuple[list[ColumnFill], list[ColumnFill]]:
    """Return the columns of the file, those to show and those to fold."""
    mapping, profile = summary.mapping, summary.profile
    not_loaded = dict.fromkeys(mapping.unmapped, "not loaded")
    not_loaded |= dict.fromkeys(mapping.set_by_dialer, "not loaded: the dialer sets it itself")
    known: list[tuple[str, str, int | None]]
    if profile is None:
        fields = {column: field for field, column in mapping.fields.items()}
        known = [(column, fields.get(column, ""), None) for column in summary.file.columns]
    else:
        known = [(each.column, each.field, each.filled) for each in profile.columns]
    rows = profile.rows if profile else 0
    fills = [
        ColumnFill(mask_numbers(column[:LONG_VALUE]), field,
               "" if field else not_loaded.get(column, "not loaded"),
               filled, filled / rows if filled is not None and rows else None)
        for column, field, filled in known
    ]  # fmt: skip
    # If there are very many, those that are loaded come first.
    if len(fills) > MOST_COLUMNS:
        fills.sort(key=lambda each: not each.field)
    del fills[MOST_COLUMNS:]
    folded = [each for each in fills if not each.field][MOST_UNMAPPED:]
    hidden = set(map(id, folded))
    return [each for each in fills if id(each) not in hidden], folded


def notices(summary: Summary) -> list[tuple[str, str, int, str, str]]:
    """Return the notices about loaded rows: label, name, rows, meaning, fields."""
    repaired = summary.profile.repaired if summary.profile else {}
    noticed = []
    for name, rows in summary.notices.items():
        fields = sorted(repaired.get(name, {}).items(), key=lambda item: -item[1])
        field_counts = ", ".join(
            f"{field[:LONG_VALUE]} {number(count)}" for field, count in fields[:MOST_NAMES]
        )
        noticed.append((words(name), name, rows, Notice[name].meaning, field_counts))
    return noticed


def estimate_text(summary: Summary) -> str:
    """Return the estimate of how long it takes to load the file; "": there is none."""
    estimate = summary.profile.estimate if summary.profile else None
    if estimate is None:
        return ""
    time = duration(estimate.seconds)
    about = time if time.startswith("less") else f"about {time}"
    return (
        f"To load, the whole file would take {about}, at "
        f"{number(round(estimate.rows_a_second))} rows a second ({estimate.by})."
    )


def options(summary: Summary) -> list[tuple[str, str]]:
    """Return the options that are not default, without personal ones and folders."""
    public = [each for each in summary.options.items() if each[0] not in PERSONAL][:MOST_OPTIONS]
    texts = [(name, _option(value, name in FILE_OPTIONS)) for name, value in public]
    return [(name, value) for name, value in texts if value]


def _option(value: object, is_file: bool) -> str:
    if isinstance(value, Mapping):
        pairs = [(key, each) for key, each in value.items() if key not in PERSONAL][:MOST_NAMES]
        text = ", ".join(f"{key} = {_option(each, is_file)}" for key, each in pairs)
    elif isinstance(value, list | tuple):
        text = ", ".join(_option(each, is_file) for each in value[:MOST_NAMES])
    else:
        text = PureWindowsPath(str(value)).name if is_file else str(value)
    return text[:LONG_VALUE]


def dialable(summary: Summary, *, show_phones: bool) -> list[dict[str, Any]]:
    """Return by list how many new leads the dialer could call at the end of the load."""
    return [
        {
            "list_id": str(each.list_id) if show_phones else mask_list_id(str(each.list_id)),
            "campaign_id": each.campaign_id,
            "leads": each.leads,
            "dialable": each.dialable,
            "obstacles": [
                (Obstacle[name].meaning, count) for name, count in each.obstacles.items()
            ],
        }
        for each in (summary.dialable or [])[:MOST_LISTS]
    ]


def lead_ids(summary: Summary) -> str:
    """Return the ranges of lead_ids of the loaded leads."""
    runs = [
        str(first) if first == last else f"{first} to {last}"
        for first, last in summary.lead_ids[:MOST_EXAMPLES]
    ]
    more = f" and {number(len(summary.lead_ids) - len(runs))} more ranges"
    return ", ".join(runs) + (more if len(summary.lead_ids) > len(runs) else "")

"""The page of a run: one HTML file that explains itself and asks nothing of the network.

To be imported late: what draws the charts takes its time.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from loader.obstacles import Obstacle
from loader.profile.records import MOST_EXAMPLES, Details
from loader.profile.score import unknown_parts
from loader.reasons import Notice
from loader.report import pictures, view
from loader.report.view import LONG_VALUE, comparison
from loader.report.wording import (
    FILTERS,
    duration,
    mask_numbers,
    masked_list,
    moment,
    not_looked_at,
    number,
    size,
    words,
)
from loader.results.lines import count_of
from loader.results.summary import Summary

__all__ = ["environment", "mask_numbers", "render_page"]

DELIMITERS = {",": "comma", "\t": "tab", "|": "pipe", ";": "semicolon"}
SPREADSHEETS = {".xlsx", ".xlsm", ".xls", ".ods"}
MOST_COLUMNS = 150
MOST_IDLE = 20
"""Columns that are not loaded; the others are folded."""
MOST_NAMES = 30
MOST_REMARKS = 40
MOST_OPTIONS = 60
MOST_LISTS = 50

FILES = {"feed", "mapping_file"}
"""Options that name files: where these are is nobody else's business."""
PEOPLE = {"user", "callback_user", "callback_comments"}
"""Options, and fields of options, that are not for the vendor's eyes."""
FOLDER = re.compile(r"(?<![\w:/.])/(?:[^\s/:'\",;]+/)+")


class Filled(NamedTuple):
    """One column of the file."""

    column: str
    field: str
    fate: str
    """Where it fills no field: what becomes of it."""
    rows: int | None
    share: float | None


@cache
def environment() -> Environment:
    """Give the templates of all pages: values are escaped, and what is not there is an error.

    A page extends `base.html.jinja` and fills its blocks title, content and footer; the filters
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
    """Give the page of a run, of less than two megabytes whatever the file was like.

    Args:
        summary: of the run; one of an older version may lack its profile.
        details: values of single rows.
        show_phones: show phone numbers as they are; else the middle of each is hidden.
    """
    template = environment().get_template("report.html.jinja")
    return template.render(
        **_head(summary),
        **_rows(summary, details, show_phones),
        **_run(summary, details, show_phones),
    )


def _head(summary: Summary) -> dict[str, Any]:
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
        "lead_ids": lead_ids(summary),
        "score": score,
        "not_looked_at": not_looked_at(unknown_parts(score), len(score.parts)) if score else "",
    }


def _rows(summary: Summary, details: Details, show_phones: bool) -> dict[str, Any]:
    profile = summary.profile
    told = columns(summary)
    return {
        "reasons": view.reasons(summary, details, show_phones=show_phones),
        "oddities": view.oddities(profile, details, show_phones=show_phones) if profile else [],
        "odd_rows": profile.odd_rows if profile else 0,
        "repeated": view.repeated_values(details, show_phones=show_phones),
        "repeated_numbers": profile.repeated_numbers if profile else 0,
        "columns": told,
        "more_columns": max(
            len(profile.columns if profile else summary.file.columns) - MOST_COLUMNS, 0
        ),
        "has_fill": profile is not None,
        "notices": notices(summary),
    }


def _run(summary: Summary, details: Details, show_phones: bool) -> dict[str, Any]:
    steps = view.funnel(summary)
    return {
        "funnel": steps,
        "funnel_chart": pictures.funnel(steps),
        "reasons_chart": pictures.reasons(summary),
        "pictures": pictures.pictures(summary, details.now),
        "loading": estimate_text(summary),
        "comparison": comparison(summary),
        "dialable": dialable(summary, show_phones=show_phones),
        "options": options(summary),
        "remarks": [FOLDER.sub("", each) for each in summary.remarks[:MOST_REMARKS]],
        "more_remarks": max(len(summary.remarks) - MOST_REMARKS, 0),
        "run": summary.run,
        "began": moment(summary.began),
        "took": duration((summary.ended - summary.began).total_seconds()),
    }


def file_facts(summary: Summary) -> list[tuple[str, str]]:
    """Say what the file is."""
    file = summary.file
    name = PurePath(file.name).name or file.name
    exact, short = count_of(file.size, "byte"), size(file.size)
    packed = f", {file.compression}" if file.compression else ""
    header = "with a header" if file.header else "without a header"
    read = number(summary.rows_read)
    rows = read if summary.sample_of is None else f"{number(summary.sample_of)}, {read} looked at"
    facts = [
        ("Name", name),
        ("Source", summary.source),
        ("SHA-256", file.sha256),
        ("Size", (short if short == exact else f"{short} ({exact})") + packed),
        ("Rows", rows),
        ("Columns", f"{number(len(file.columns))}, {header}"),
        *_written(summary, PurePath(name).suffix.lower()),
        ("Looked at", moment(summary.began)),
    ]
    return [(name, value) for name, value in facts if value]


def _written(summary: Summary, extension: str) -> list[tuple[str, str]]:
    """Say how the file is written; of a spreadsheet that is not what its rows were read from."""
    file = summary.file
    if extension in SPREADSHEETS:
        return [("Format", f"spreadsheet ({extension})")]
    mark = "with byte order mark" if file.bom else "no byte order mark"
    return [
        ("Encoding", f"{file.encoding}, {mark}"),
        ("Delimiter", DELIMITERS.get(file.delimiter, repr(file.delimiter))),
    ]


def columns(summary: Summary) -> tuple[list[Filled], list[Filled]]:
    """Give the columns of the file: what each fills, and how often it is filled itself."""
    mapping, profile = summary.mapping, summary.profile
    fates = dict.fromkeys(mapping.unmapped, "not loaded")
    fates |= dict.fromkeys(mapping.set_by_dialer, "not loaded: the dialer sets it itself")
    known: list[tuple[str, str, int | None]]
    if profile is None:
        fields = {column: field for field, column in mapping.fields.items()}
        known = [(column, fields.get(column, ""), None) for column in summary.file.columns]
    else:
        known = [(each.column, each.field, each.filled) for each in profile.columns]
    rows = profile.rows if profile else 0
    told = [
        Filled(mask_numbers(column[:LONG_VALUE]), field,
               "" if field else fates.get(column, "not loaded"),
               filled, filled / rows if filled is not None and rows else None)
        for column, field, filled in known
    ]  # fmt: skip
    # Of very many, those that are loaded are looked for.
    ordered = told if len(told) <= MOST_COLUMNS else sorted(told, key=lambda each: not each.field)
    return split_columns(ordered[:MOST_COLUMNS])


def split_columns(told: list[Filled]) -> tuple[list[Filled], list[Filled]]:
    """Part the columns to show from those to fold: the latter part of those that are not loaded."""
    folded = [each for each in told if not each.field][MOST_IDLE:]
    hidden = set(map(id, folded))
    return [each for each in told if id(each) not in hidden], folded


def notices(summary: Summary) -> list[tuple[str, str, int, str, str]]:
    """Give what was noticed about loaded rows: label, name, rows, meaning, fields."""
    repaired = summary.profile.repaired if summary.profile else {}
    told = []
    for name, rows in summary.notices.items():
        fields = sorted(repaired.get(name, {}).items(), key=lambda item: -item[1])
        said = ", ".join(
            f"{field[:LONG_VALUE]} {number(count)}" for field, count in fields[:MOST_NAMES]
        )
        told.append((words(name), name, rows, Notice[name].meaning, said))
    return told


def estimate_text(summary: Summary) -> str:
    """Say how long the file would take to load."""
    estimate = summary.profile.estimate if summary.profile else None
    if estimate is None:
        return ""
    took = duration(estimate.seconds)
    about = took if took.startswith("less") else f"about {took}"
    return (
        f"To load, the whole file would take {about}, at "
        f"{number(round(estimate.rows_a_second))} rows a second ({estimate.by})."
    )


def options(summary: Summary) -> list[tuple[str, str]]:
    """Give the options that are not as they are by default, but for people and folders."""
    told = {name: value for name, value in summary.options.items() if name not in PEOPLE}
    said = [(name, _option(told[name], name in FILES)) for name in list(told)[:MOST_OPTIONS]]
    return [(name, value) for name, value in said if value]


def _option(value: object, is_file: bool) -> str:
    if isinstance(value, Mapping):
        pairs = [(key, each) for key, each in value.items() if key not in PEOPLE][:MOST_NAMES]
        said = ", ".join(f"{key} = {_option(each, is_file)}" for key, each in pairs)
    elif isinstance(value, list | tuple):
        said = ", ".join(_option(each, is_file) for each in value[:MOST_NAMES])
    else:
        said = PureWindowsPath(str(value)).name if is_file else str(value)
    return said[:LONG_VALUE]


def dialable(summary: Summary, *, show_phones: bool) -> list[dict[str, Any]]:
    """Say by list how many new leads the dialer could call when the load was done."""
    return [
        {
            "list_id": str(each.list_id) if show_phones else masked_list(str(each.list_id)),
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
    """Give the lead_ids of what was loaded."""
    runs = [
        str(first) if first == last else f"{first} to {last}"
        for first, last in summary.lead_ids[:MOST_EXAMPLES]
    ]
    more = f" and {number(len(summary.lead_ids) - len(runs))} more ranges"
    return ", ".join(runs) + (more if len(summary.lead_ids) > len(runs) else "")

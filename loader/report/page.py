"""The page of a run: one HTML file that explains itself and asks nothing of the network.

To be imported late: what draws the charts takes its time.
"""

from functools import cache
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from loader.report import pictures, view
from loader.report.moved import comparison
from loader.report.record import Details
from loader.report.shown import FILTERS, duration, masked, moment
from loader.summary import Summary

__all__ = ["environment", "masked", "render_page"]


@cache
def environment() -> Environment:
    """Give the templates of all pages: values are escaped, and what is not there is an error.

    A page extends `base.html.jinja` and fills its blocks title, content and footer; the filters
    are those of `loader.report.shown`.
    """
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
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
        **_head(summary), **_rows(summary, details, show_phones), **_run(summary, details)
    )


def _head(summary: Summary) -> dict[str, Any]:
    return {
        "kind": "Import report" if summary.job == "import" else "Validation report",
        "is_import": summary.job == "import",
        "name": PurePath(summary.file.name).name or summary.file.name,
        "headline": view.headline(summary),
        "worst": view.worst(summary),
        "done": view.done(summary),
        "warnings": view.warnings(summary),
        "tiles": view.tiles(summary),
        "file_facts": view.file_facts(summary),
        "lead_ids": view.lead_ids(summary),
        "score": summary.profile.score if summary.profile else None,
    }


def _rows(summary: Summary, details: Details, show_phones: bool) -> dict[str, Any]:
    profile = summary.profile
    return {
        "reasons": view.reasons(summary, details, show_phones=show_phones),
        "oddities": view.oddities(profile, details, show_phones=show_phones) if profile else [],
        "odd_rows": profile.odd_rows if profile else 0,
        "repeated": view.repeated(details, show_phones=show_phones),
        "repeated_numbers": profile.repeated_numbers if profile else 0,
        "columns": view.columns(summary),
        "most_columns": view.MOST_COLUMNS,
        "has_fill": profile is not None,
        "notices": view.notices(summary),
    }


def _run(summary: Summary, details: Details) -> dict[str, Any]:
    steps = view.funnel(summary)
    return {
        "funnel": steps,
        "funnel_chart": pictures.funnel(steps),
        "reasons_chart": pictures.reasons(summary),
        "pictures": pictures.pictures(summary, details.now),
        "loading": view.loading(summary),
        "comparison": comparison(summary),
        "dialable": view.dialable(summary),
        "options": view.options(summary),
        "remarks": summary.remarks[: view.MOST_REMARKS],
        "more_remarks": max(len(summary.remarks) - view.MOST_REMARKS, 0),
        "run": summary.run,
        "began": moment(summary.began),
        "took": duration((summary.ended - summary.began).total_seconds()),
    }

"""What the page of a job says of its results, as plain values."""

from pathlib import Path
from typing import Any, NamedTuple

from loader.errors import LoaderError
from loader.reasons import Reason
from loader.report import view
from loader.report.comparison import read_summary
from loader.report.destinations import list_state
from loader.report.wording import words
from loader.results.folder import SUMMARY
from loader.results.summary import Summary

MOST_LISTS = 20
MOST_REASONS = 30


class WhyRejected(NamedTuple):
    """One reason."""

    label: str
    rows: int
    meaning: str
    advice: str


def result_values(folder: Path) -> dict[str, Any] | None:
    """Give what is shown of the results in a folder; None: there are none."""
    if not (folder / SUMMARY).is_file():
        return None
    try:
        summary = read_summary(folder / SUMMARY)
    except LoaderError:
        return None
    return {
        "headline": view.headline(summary),
        "worst": view.worst(summary),
        "warnings": view.warnings(summary),
        "tiles": view.tiles(summary),
        "funnel": view.funnel(summary),
        "rows": summary.rows_read,
        "loaded": summary.loaded,
        "rejected": summary.rejected,
        "reasons": _reasons(summary),
        "lists": [(str(it.list_id), it.list_name, list_state(it), it.leads)
                  for it in summary.lists[:MOST_LISTS]],
        "more_lists": max(len(summary.lists) - MOST_LISTS, 0),
    }  # fmt: skip


def _reasons(summary: Summary) -> list[WhyRejected]:
    ranked = sorted(summary.reasons.items(), key=lambda each: -each[1])[:MOST_REASONS]
    return [
        WhyRejected(words(name), rows, Reason.of(name).meaning, Reason.of(name).correction)
        for name, rows in ranked
    ]

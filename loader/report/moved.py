"""What is otherwise than in the file before, as plain values for the page."""

from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any, NamedTuple

from loader.report.record import Change
from loader.report.shown import MINUS, NOTHING, moment, number, percent, words
from loader.summary import Summary

MOST_NAMES = 30


class Moved(NamedTuple):
    """One line of a comparison."""

    name: str
    before: str
    now: str
    change: str
    worse: bool | None
    """None: neither better nor worse."""


def comparison(summary: Summary) -> dict[str, Any] | None:
    """Say what is otherwise than in the file before of the same source."""
    told = summary.comparison
    if told is None:
        return None
    moved = [_moved("Rows", told.rows, number)]
    moved.append(_moved("Rejected share", told.reject_rate, percent, better=-1))
    moved.append(_moved("Quality score", told.score, lambda value: f"{value:.0f}", better=1))
    rejected = [
        _moved(words(each.name), each, percent, better=-1) for each in _largest(told.reasons)
    ]
    filled = [_moved(each.name, each, percent, better=1) for each in _largest(told.fill_rates)]
    return {
        "file": PurePath(told.file).name,
        "began": moment(told.began),
        "parts": [("", moved), ("Rejected, by reason", rejected), ("Filled", filled)],
        "came": told.columns_came[:MOST_NAMES],
        "went": told.columns_went[:MOST_NAMES],
        "more_came": max(len(told.columns_came) - MOST_NAMES, 0),
        "more_went": max(len(told.columns_went) - MOST_NAMES, 0),
    }


def _largest(changes: Iterable[Change]) -> list[Change]:
    ranked = sorted(changes, key=lambda each: -abs((each.now or 0) - (each.before or 0)))
    return ranked[:MOST_NAMES]


def _moved(name: str, change: Change, write: Callable[[float], str], better: int = 0) -> Moved:
    """Write both numbers and what is between them.

    Args:
        name: what they are of.
        change: the two.
        write: writes one of them.
        better: 1 if more is better, -1 if less is, 0 if neither.
    """
    before, now = change.before, change.now
    was, is_now = [NOTHING if value is None else write(value) for value in (before, now)]
    if before is None or now is None or was == is_now:
        return Moved(name, was, is_now, "" if before is None or now is None else "same", None)
    delta = now - before
    sign = "+" if delta > 0 else MINUS
    if write is percent:
        said = f"{sign}{abs(delta) * 100:.1f} points"
    elif write is number:
        said = f"{sign}{percent(abs(delta) / before)}" if before else f"{sign}{number(abs(delta))}"
    else:
        said = f"{sign}{write(abs(delta))}"
    return Moved(name, was, is_now, said, delta * better < 0 if better else None)

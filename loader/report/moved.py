"""What is otherwise than in the file before, as plain values for the page."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from loader.profile.records import Change
from loader.report.shown import MINUS, NOTHING, masked, moment, number, percent, points, words
from loader.report.view import LONG
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
    moved.append(_moved("Quality score", told.score, points, better=1))
    rejected = [
        _moved(words(each.name), each, percent, better=-1) for each in _largest(told.reasons)
    ]
    filled = [
        _moved(masked(each.name[:LONG]), each, percent, better=1)
        for each in _largest(told.fill_rates)
    ]
    return {
        "file": PurePath(told.file).name,
        "began": moment(told.began),
        "parts": [("", moved), ("Rejected, by reason", rejected), ("Filled", filled)],
        "came": _names(told.columns_came),
        "went": _names(told.columns_went),
        "more_came": max(len(told.columns_came) - MOST_NAMES, 0),
        "more_went": max(len(told.columns_went) - MOST_NAMES, 0),
    }


def _names(columns: Sequence[str]) -> list[str]:
    """Give the first names; those of a file without a header are values of a person."""
    return [masked(column[:LONG]) for column in columns[:MOST_NAMES]]


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
        far = f"{abs(delta) * 100:.1f}"
        said = f"{sign}{'<0.1' if far == '0.0' else far} points"
    elif write is number:
        said = f"{sign}{percent(abs(delta) / before)}" if before else f"{sign}{number(abs(delta))}"
    else:
        said = f"{sign}{abs(delta):.1f}"
    return Moved(name, was, is_now, said, delta * better < 0 if better else None)

"""What the summary of a load tells people, as rows under headings; `summary` prints them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from loader.notices import Notice
from loader.paths import visible_line
from loader.profile.records import OTHERS
from loader.profile.score import unknown_parts
from loader.reasons import Reason
from loader.report.destinations import list_state
from loader.report.wording import (
    MOST_SHOWN,
    duration,
    number,
    percent,
    points,
    spark,
    unchecked_parts,
)
from loader.results.lines import count_of
from loader.results.summary import CallHours, Change, Comparison, Profile, Summary

MOST = 8
"""Of what a file may have hundreds of (countries, columns, lists), so many are named."""

MOVED = 0.05
"""Smallest change of a fill rate that is shown."""

NUMBERED = re.compile("⟨(U\\+[0-9A-F]{4,6})⟩")

BAR_WIDTH, SHARE_WIDTH = 12, 8


@dataclass(frozen=True)
class Row:
    """A line of a section."""

    name: str
    numbers: tuple[str, ...]
    meaning: str = ""
    bar: tuple[float, float] | None = None
    """Where it begins and ends, from 0 to 1."""
    color: str = "default"
    heading: bool = False


@dataclass(frozen=True)
class Section:
    """Rows under a heading, which names their numbers too."""

    heads: tuple[str, ...]
    rows: Sequence[Row]
    bar_width: int = SHARE_WIDTH
    beneath: bool = False
    """Of a table: the meaning is below the name, else in a column of its own."""


def list_sections(summary: Summary) -> Iterator[tuple[Section, ...]]:
    """Give the sections, those that belong beside one another together."""
    profile = summary.profile
    yield (_funnel(summary),)
    yield (_noticed(summary),)
    if profile:
        yield _score(profile), _filled(profile)
    if summary.comparison:
        yield (_compared(summary.comparison),)
    yield (_lists(summary),)
    yield (_dialable(summary),)


def _funnel(summary: Summary) -> Section:
    """Tell how many rows fell at which check."""
    all_ = max(summary.rows_read, 1)
    rows = [Row("rows read", ("", f"{summary.rows_read:,}"), "", (0, 1), heading=True)]
    for reason, count, left in summary.funnel:
        bar, numbers = (left / all_, (left + count) / all_), (f"-{count:,}", f"{left:,}")
        rows.append(Row(safe_line(reason), numbers, Reason.of(reason).meaning, bar, "red"))
    done = "loaded" if summary.job == "import" else "would be loaded"
    bar = (0, summary.loaded / all_)
    rows.append(Row(done, ("", f"{summary.loaded:,}"), "", bar, "green", heading=True))
    return Section(("", "rows", "left"), rows, BAR_WIDTH, beneath=True)


def _noticed(summary: Summary) -> Section:
    repaired = summary.profile.repaired if summary.profile else {}
    rows = []
    for name, count in summary.notices.items():
        fields = f" ({_counted(repaired[name])})" if repaired.get(name) else ""
        rows.append(Row(safe_line(name), (f"{count:,}",), Notice[name].meaning + fields))
    return Section(("noticed", "rows"), rows)


def _score(profile: Profile) -> Section:
    score = profile.score
    of = "none, for no row was read" if score.points is None else f"{points(score.points)} of 100"
    rows = [
        Row(part.name, ("-",), "not checked")
        if part.share is None
        else Row(part.name, (percent(part.share),), "", (0, part.share), "cyan")
        for part in score.parts
    ]
    return Section((f"score: {of}", ""), rows)


def _filled(profile: Profile) -> Section:
    """Tell how full the fields are that are not filled in every row."""
    of = max(profile.rows, 1)
    rows = [
        Row(shorten(it.field), (percent(it.filled / of),), "", (0, it.filled / of), "cyan")
        for it in profile.columns
        if it.field and it.filled < profile.rows
    ]
    return Section(("filled", ""), rows)


def _compared(comparison: Comparison) -> Section:
    rows = [
        Row("rows", (_known(comparison.rows, number))),
        Row("rejected", (_known(comparison.reject_rate, percent))),
        Row("score", (_known(comparison.score, points))),
    ]
    moved = sorted((it for it in comparison.fill_rates if _movement(it) < -MOVED), key=_movement)
    rows += [Row(f"{shorten(it.name)} filled", _known(it, percent)) for it in moved[:MOST]]
    if len(moved) > MOST:
        rows.append(Row(f"and {count_of(len(moved) - MOST, 'other fill rate')}", ("", "")))
    for how, columns in (("came", comparison.columns_came), ("went", comparison.columns_went)):
        if columns:
            rows.append(Row(f"columns that {how}", ("", str(len(columns))), _named(columns)))
    about = f"compared with {safe_line(comparison.file)}, {comparison.began:%Y-%m-%d}"
    return Section((about, "before", "now"), rows)


def _lists(summary: Summary) -> Section:
    """Tell into which lists the rows went."""
    rows = [
        Row(f"{it.list_id:>4}  {shorten(it.list_name)}".rstrip(), (f"{it.leads:,}",),
            shorten(list_state(it)))
        for it in summary.lists[:MOST]
    ]  # fmt: skip
    if rest := summary.lists[MOST:]:
        count = sum(it.leads for it in rest)
        rows.append(Row(count_of(len(rest), "other list"), (f"{count:,}",)))
    went = "went into list" if summary.job == "import" else "would go into list"
    return Section((went, "leads"), rows)


def _dialable(summary: Summary) -> Section:
    """Tell how many new leads the dialer could call now, and why not the others."""
    lists = summary.dialable or []
    rows = [
        Row(
            f"{each.list_id:>4}  {safe_line(each.campaign_id)}",
            (f"{each.leads:,}", f"{each.dialable:,}"),
            ", ".join(f"{count:,} {name}" for name, count in each.obstacles.items()),
        )
        for each in lists[:MOST]
    ]
    if rest := lists[MOST:]:
        numbers = f"{sum(it.leads for it in rest):,}", f"{sum(it.dialable for it in rest):,}"
        rows.append(Row(f"{count_of(len(rest), 'other list')}", numbers))
    return Section(("  list  campaign", "new leads", "dialable now"), rows)


def list_facts(summary: Summary, *, bars: bool) -> list[tuple[str, str]]:
    """Tell in a line each, by name, what else there is to know; with `bars` hours are drawn."""
    profile = summary.profile
    of_files = {"files as one": _parts(summary)}
    facts = of_files | {
        "number types": _counted(summary.number_types),
        "countries": _counted(summary.regions),
    }
    if profile:
        full = [it.field for it in profile.columns if it.field and it.filled == profile.rows]
        facts = (
            of_files
            | {
                "score": unchecked_parts(unknown_parts(profile.score), len(profile.score.parts)),
                "filled in every row": _named(full) if profile.rows else "",
            }
            | facts
        )
        if odd := profile.odd_rows:
            facts["look wrong"] = f"{count_of(odd, 'row')}: {_counted(profile.oddities, most=None)}"
        if repeated := profile.repeated_numbers:
            facts["repeated numbers"] = count_of(repeated, "row")
        facts["duplicates are of leads"] = _counted(profile.duplicate_ages, in_order=True)
    if profile and profile.call_hours:
        day = profile.call_hours
        hours = f"0h {spark(day.rows)} 24h, {_most(day)}" if bars else _hours_written(day)
        zone = f"{safe_line(day.zone)}, by {safe_line(day.by.removeprefix('by '))}"
        facts[f"callable on {day.day}"] = f"{hours}; {zone}"
    if profile and profile.estimate:
        it = profile.estimate
        how = f"{it.rows_a_second:,.0f} rows a second: {safe_line(it.by)}"
        facts["loading the whole file"] = f"{duration(it.seconds)} ({how})"
    return [(name, fact) for name, fact in facts.items() if fact]


def _parts(summary: Summary) -> str:
    """Name several files, and which row numbers the rows of each have."""
    parts, places = [it for it in summary.file.parts if it.rows], summary.file.places
    named = [
        f"{shorten(name)} (rows {part.first_row:,} to {part.first_row + part.rows - 1:,})"
        for part, name in zip(parts[:MOST], places.files, strict=False)
    ]
    more = [f"and {count_of(len(parts) - MOST, 'other')}"] if len(parts) > MOST else []
    return ", ".join([*named, *more])


def _hours_written(hours: CallHours) -> str:
    """Write the rows of each hour; hours with as many together: 09-20: 812."""
    spans = []
    for rows, same in groupby(range(len(hours.rows)), lambda hour: hours.rows[hour]):
        first, *others = same
        spans.append(f"{first:02}-{(others or [first])[-1] + 1:02}h {rows:,}")
    return ", ".join(spans)


def _most(hours: CallHours) -> str:
    most = max(hours.rows, default=0)
    if not most:
        return "none"
    return f"most at {hours.rows.index(most)}h: {most:,}"


def _counted(counts: Mapping[str, int], *, most: int | None = MOST, in_order: bool = False) -> str:
    """Write counts by name, the most frequent first unless they have an order of their own."""
    counts = {name: count for name, count in counts.items() if count}
    rest = counts.pop(OTHERS, 0)
    names = list(counts) if in_order else sorted(counts, key=lambda name: -counts[name])
    parts = [f"{shorten(name) or 'unknown'} {counts[name]:,}" for name in names[:most]]
    rest += sum(counts[name] for name in names[len(parts) :])
    return ", ".join([*parts, f"others {rest:,}"] if rest else parts)


def _named(names: Sequence[str]) -> str:
    more = [f"and {count_of(len(names) - MOST, 'other')}"] if len(names) > MOST else []
    return ", ".join([*map(shorten, names[:MOST]), *more])


def _known(change: Change, written: Callable[[float], str]) -> tuple[str, str]:
    before, now = ("?" if it is None else written(it) for it in (change.before, change.now))
    return before, now


def _movement(change: Change) -> float:
    """Give how far something moved, less than 0, so that what moved most is the least."""
    if change.before is None or change.now is None:
        return 0.0
    return -abs(change.now - change.before)


def shorten(text: str) -> str:
    """Write a name that may be of any length."""
    return safe_line(text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "...")


def safe_line(text: str) -> str:
    """Write text that may be anybody's so that it drives no terminal and stays on its line."""
    return NUMBERED.sub(r"<\1>", visible_line(text))

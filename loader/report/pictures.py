"""The charts of a run's page: what of a summary is drawn, and in which words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from loader.profile.records import LEAD_AGES, OLDER, OTHERS, UNKNOWN_AGE
from loader.report import charts
from loader.report.view import Step
from loader.report.wording import MINUS, mask_numbers, words
from loader.results.lines import count_of
from loader.results.summary import CallHours, Summary

NOT_KNOWN = "not known"
OF_DUPLICATES = "Leads that rejected rows are duplicates of, by the days since their entry_date."
SHORTER = {
    "Duplicate phone number": "Duplicate", "Duplicate phone or alt phone": "Phone or alt",
    "Duplicate title alt phone": "Same title", "Duplicate name phone": "Same name",
    "Invalid phone number NANPA areacode prefix": "No such NANPA prefix",
    "Phone number in": "In", "phone number": "number", " in campaign lists": " in campaign",
}  # fmt: skip
"""Said in fewer letters where there is little room: each reason in its own."""


class Picture(NamedTuple):
    """One chart."""

    caption: str
    drawing: Markup
    note: str = ""
    apart: str = ""
    """What is drawn in another color."""


def funnel(steps: list[Step]) -> Markup:
    """Draw the rows that are left after each step."""
    return charts.funnel(
        "Rows left after each check", [(short(each.label), each.taken, each.left) for each in steps]
    )


def reasons(summary: Summary) -> Markup | None:
    """Draw the rows that each reason took, if there are several."""
    if len(summary.reasons) < 2:
        return None
    named = Counter[str]()
    for name, rows in summary.reasons.items():
        named[short(words(name))] += rows  # the names of feeds may begin alike
    return charts.bars("Rejected rows by reason", named)


def short(label: str) -> str:
    """Say a reason in fewer letters."""
    for long, brief in SHORTER.items():
        label = label.replace(long, brief)
    return label


def pictures(summary: Summary, now: datetime) -> list[Picture]:
    """Draw what there is to draw; `now` is by the dialer's clock."""
    profile = summary.profile
    types = {name.replace("_", " ").lower(): rows for name, rows in summary.number_types.items()}
    drawn = [_bars("Kinds of numbers", types), _bars("Countries of the numbers", summary.regions)]
    if profile:
        zones = {zone(offset): rows for offset, rows in profile.offsets.items()}
        ages = in_years(profile.duplicate_ages)
        drawn += [
            _hours(profile.call_hours, now, whose=_clock(summary)),
            _bars("States", profile.states),
            _bars("Time zones", zones, in_order=True),
            _bars("Age of existing leads", ages, in_order=True, note=OF_DUPLICATES),
        ]
    return [each for each in drawn if each]


def _bars(
    caption: str, counts: Mapping[str, int], *, in_order: bool = False, note: str = ""
) -> Picture | None:
    named = {mask_numbers(label) or NOT_KNOWN: rows for label, rows in counts.items()}
    if not any(named.values()):
        return None
    return Picture(caption, charts.bars(caption, named, in_order=in_order), note)


def _clock(summary: Summary) -> str:
    return "this computer's clock" if summary.database is None else "the dialer's clock"


def _hours(hours: CallHours | None, now: datetime, *, whose: str) -> Picture | None:
    if hours is None or not any(hours.rows):
        return None
    today = now.date() == hours.day
    caption = "When these leads may be called"
    return Picture(
        caption,
        charts.hours(caption, hours.rows, now.hour if today else None),
        f"{hours.day:%A} {hours.day.day} {hours.day:%B %Y}, by {whose} ({hours.zone}): "
        f"{_most(hours.rows)}. Call times: {hours.by}.",
        f"now, {now.hour}:00 to {now.hour + 1}:00: {_rows(hours.rows[now.hour])}" if today else "",
    )


def _most(rows: Sequence[int]) -> str:
    """Say when the most rows may be called."""
    most = max(rows)
    if min(rows) == most:
        return f"{_rows(most)} at any hour"
    best = rows.index(most)
    until = next((hour for hour in range(best, len(rows)) if rows[hour] != most), len(rows))
    return f"{_rows(most)}, the most, from {best}:00 to {until}:00"


def _rows(count: int) -> str:
    return count_of(count, "row") if count else "no row"


def in_years(ages: Mapping[str, int]) -> dict[str, int]:
    """Put ages of leads in their order, without gaps between the youngest and the oldest."""
    if not ages:
        return {}
    order = [*(name for _, name in LEAD_AGES), OLDER]
    known = [place for place, name in enumerate(order) if ages.get(name)]
    span = order[known[0] : known[-1] + 1] if known else []
    others = {name: rows for name, rows in ages.items() if name not in order and rows}
    unknown = {NOT_KNOWN: others.pop(UNKNOWN_AGE)} if UNKNOWN_AGE in others else {}
    return {name: ages.get(name, 0) for name in span} | others | unknown


def zone(offset: str) -> str:
    """Write a gmt_offset_now as people do: -5.00 is UTC-5."""
    if offset in {"", OTHERS}:
        return offset
    hours, minutes = divmod(round(abs(float(offset)) * 60), 60)
    sign = MINUS if float(offset) < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "")

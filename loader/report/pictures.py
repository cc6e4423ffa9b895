"""The charts of a run's page: what of a summary is drawn, and in which words."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from loader.report import charts
from loader.report.record import AGES, OLDER, OTHERS, UNKNOWN_AGE, CallHours
from loader.report.shown import MINUS, many, words
from loader.report.view import Step
from loader.summary import Summary

NOT_KNOWN = "not known"
OF_DUPLICATES = "Leads that rejected rows are duplicates of, by the days since their entry_date."
SHORTER = {
    "Duplicate phone number": "Duplicate", "Duplicate phone or alt phone": "Duplicate (alt)",
    "Phone number in": "In", "phone number": "number", " in campaign lists": " in campaign",
}  # fmt: skip
"""Said in fewer letters where there is little room."""


class Picture(NamedTuple):
    """One chart."""

    caption: str
    drawing: Markup
    note: str = ""


def funnel(steps: list[Step]) -> Markup:
    """Draw the rows that are left after each step."""
    return charts.funnel(
        "Rows left after each check", [(short(each.label), each.taken, each.left) for each in steps]
    )


def reasons(summary: Summary) -> Markup | None:
    """Draw the rows that each reason took, if there are several."""
    if len(summary.reasons) < 2:
        return None
    named = {short(words(name)): rows for name, rows in summary.reasons.items()}
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
            _hours(profile.call_hours, now),
            _bars("States", profile.states),
            _bars("Time zones", zones, in_order=True),
            _bars("Age of existing leads", ages, in_order=True, note=OF_DUPLICATES),
        ]
    return [each for each in drawn if each]


def _bars(
    caption: str, counts: Mapping[str, int], *, in_order: bool = False, note: str = ""
) -> Picture | None:
    named = {label or NOT_KNOWN: rows for label, rows in counts.items()}
    if not any(named.values()):
        return None
    return Picture(caption, charts.bars(caption, named, in_order=in_order), note)


def _hours(hours: CallHours | None, now: datetime) -> Picture | None:
    if hours is None or not any(hours.rows):
        return None
    today = now.date() == hours.day
    said = f"{hours.day:%A} {hours.day.day} {hours.day:%B %Y}, by the dialer's clock ({hours.zone})"
    best = max(range(24), key=lambda hour: hours.rows[hour])
    most = f"{many(hours.rows[best], 'row')}, the most, from {best}:00 to {best + 1}:00"
    if today:
        rows = hours.rows[now.hour]
        most = f"{many(rows, 'row')} may be called at the current hour, {now.hour}:00; {most}"
    caption = "When these leads may be called"
    drawing = charts.hours(caption, hours.rows, now.hour if today else None)
    return Picture(caption, drawing, f"{said}: {most}. Call times: {hours.by}.")


def in_years(ages: Mapping[str, int]) -> dict[str, int]:
    """Put ages of leads in their order, without gaps between the youngest and the oldest."""
    if not ages:
        return {}
    order = [*(name for _, name in AGES), OLDER]
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

"""The charts of a run's page, with their captions and notes."""

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
AGES_NOTE = "Leads that rejected rows are duplicates of, by the days since their entry_date."
SHORT_FORMS = {
    "Duplicate phone number": "Duplicate", "Duplicate phone or alt phone": "Phone or alt",
    "Duplicate title alt phone": "Same title", "Duplicate name phone": "Same name",
    "Invalid phone number NANPA areacode prefix": "No such NANPA prefix",
    "Phone number in": "In", "phone number": "number", " in campaign lists": " in campaign",
}  # fmt: skip
"""Short forms for charts; each reason keeps a name of its own."""


class Picture(NamedTuple):
    """One chart."""

    caption: str
    drawing: Markup
    note: str = ""
    legend: str = ""
    """Of what is highlighted."""


def funnel(steps: list[Step]) -> Markup:
    """Draw the rows that are left after each step."""
    return charts.funnel(
        "Rows left after each check", [(shorten(it.label), it.rejected, it.left) for it in steps]
    )


def reasons(summary: Summary) -> Markup | None:
    """Draw the rejected rows by reason, if there are several reasons."""
    if len(summary.reasons) < 2:
        return None
    counts = Counter[str]()
    for name, rows in summary.reasons.items():
        # Added up, because long names of feeds may be cut to the same label.
        counts[shorten(words(name))] += rows
    return charts.bars("Rejected rows by reason", counts)


def shorten(label: str) -> str:
    """Shorten the label of a reason."""
    for long, short in SHORT_FORMS.items():
        label = label.replace(long, short)
    return label


def pictures(summary: Summary, now: datetime) -> list[Picture]:
    """Draw all charts for which there are rows; `now` is by the dialer's clock."""
    profile = summary.profile
    types = {name.replace("_", " ").lower(): rows for name, rows in summary.number_types.items()}
    made = [_bars("Kinds of numbers", types), _bars("Countries of the numbers", summary.regions)]
    if profile:
        zones = {zone(offset): rows for offset, rows in profile.offsets.items()}
        ages = sorted_ages(profile.duplicate_ages)
        made += [
            _hours(profile.call_hours, now, of_dialer=summary.database is not None),
            _bars("States", profile.states),
            _bars("Time zones", zones, in_order=True),
            _bars("Age of existing leads", ages, in_order=True, note=AGES_NOTE),
        ]
    return [each for each in made if each]


def _bars(
    caption: str, counts: Mapping[str, int], *, in_order: bool = False, note: str = ""
) -> Picture | None:
    counts_by_label = {mask_numbers(label) or NOT_KNOWN: rows for label, rows in counts.items()}
    if not any(counts_by_label.values()):
        return None
    return Picture(caption, charts.bars(caption, counts_by_label, in_order=in_order), note)


def _hours(hours: CallHours | None, now: datetime, *, of_dialer: bool) -> Picture | None:
    if hours is None or not any(hours.rows):
        return None
    today, rows_now = now.date() == hours.day, _row_count(hours.rows[now.hour])
    clock_name = "the dialer's clock" if of_dialer else "this computer's clock"
    caption = "When these leads may be called"
    return Picture(
        caption,
        charts.hours(caption, hours.rows, now.hour if today else None),
        f"{hours.day:%A} {hours.day.day} {hours.day:%B %Y}, by {clock_name} ({hours.zone}): "
        f"{_busiest_hours(hours.rows)}. Call times: {hours.by}.",
        f"now, {now.hour}:00 to {now.hour + 1}:00: {rows_now}" if today else "",
    )


def _busiest_hours(rows: Sequence[int]) -> str:
    """Describe when the most rows may be called."""
    most = max(rows)
    if min(rows) == most:
        return f"{_row_count(most)} at any hour"
    best = rows.index(most)
    until = next((hour for hour in range(best, len(rows)) if rows[hour] != most), len(rows))
    return f"{_row_count(most)}, the most, from {best}:00 to {until}:00"


def _row_count(count: int) -> str:
    return count_of(count, "row") if count else "no row"


def sorted_ages(ages: Mapping[str, int]) -> dict[str, int]:
    """Sort groups of ages from young to old, with the empty groups between them."""
    if not ages:
        return {}
    order = [*(name for _, name in LEAD_AGES), OLDER]
    known = [place for place, name in enumerate(order) if ages.get(name)]
    span = order[known[0] : known[-1] + 1] if known else []
    others = {name: rows for name, rows in ages.items() if name not in order and rows}
    unknown = {NOT_KNOWN: others.pop(UNKNOWN_AGE)} if UNKNOWN_AGE in others else {}
    return {name: ages.get(name, 0) for name in span} | others | unknown


def zone(offset: str) -> str:
    """Format a gmt_offset_now: -5.00 is UTC-5."""
    if offset in {"", OTHERS}:
        return offset
    hours, minutes = divmod(round(abs(float(offset)) * 60), 60)
    sign = MINUS if float(offset) < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "")

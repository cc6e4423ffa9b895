"""What the page of a run says of rows, as plain values: the template only lays it out."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import PurePath
from typing import Any, NamedTuple

from loader.fields.reject_file import UNREADABLE
from loader.profile.oddities import Oddity
from loader.profile.records import MOST_EXAMPLES, OTHERS, Details, RejectedExample
from loader.reading.row_places import ONE_FILE, RowPlaces
from loader.reasons import Reason
from loader.report.destinations import checks_off_of, default_list
from loader.report.wording import (
    MINUS,
    NOTHING,
    ago,
    mask_list_id,
    mask_numbers,
    mask_person,
    moment,
    number,
    percent,
    points,
    visible,
    words,
)
from loader.results.lines import count_of
from loader.results.summary import Change, Profile, Summary

MOST_STEPS = 60
MOST_FIELDS = 40
"""What is shown of what has no bounds of its own."""
LONG_VALUE = 500
"""Characters of a value that are looked at: more than are ever shown."""

DATES = {"date_of_birth", "entry_date", "callback_datetime"}
"""Fields whose values have many digits and are no numbers to call, if they look like a date:"""
DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T]\d{1,2}:\d\d(:\d\d)?)?|[12]\d{7}")


class Step(NamedTuple):
    """One line of the funnel."""

    label: str
    code: str
    """The reason as files name it."""
    rejected: int
    """By this check."""
    left: int


class Why(NamedTuple):
    """One reason or oddity, with examples."""

    label: str
    code: str
    rows: int
    share: float
    """Of the rows read."""
    also: int
    """Rows it applies to at all, if these are more."""
    meaning: str
    advice: str
    """For who delivered the file; may be empty."""
    to_load: str
    """For who loads it; may be empty."""
    examples: list[Any]


class Rejected(NamedTuple):
    """An example of a reason."""

    row: str
    phone: str
    details: str
    age: str


def done(summary: Summary) -> str:
    """Say what became of the rows that passed, in a word for tables."""
    return "were loaded" if summary.job == "import" else "would be loaded"


def headline(summary: Summary) -> str:
    """Say in one sentence what of the file is fit to load."""
    was, rows, loaded = summary.job == "import", summary.rows_read, summary.loaded
    able = "were loaded" if was else "can be loaded"
    if not rows:
        return "The file has no rows."
    if summary.sample_of is not None:
        share = percent(loaded / rows)
        return f"Of a sample of {count_of(rows, 'row')}, {number(loaded)} {able}: {share}."
    if rows == 1:
        outcome = ("was not loaded", "was loaded") if was else ("cannot be loaded", "can be loaded")
        return f"The one row of the file {outcome[loaded]}."
    if loaded in {0, rows}:
        return f"{'All' if loaded else 'None of the'} {number(rows)} rows {able}."
    return f"{number(loaded)} of {number(rows)} rows {able}: {percent(loaded / rows)}."


def worst(summary: Summary) -> str:
    """Say how many rows were rejected, and why most of them, if one reason took the most."""
    if not summary.reasons:
        return ""
    first, *others = sorted(summary.reasons.items(), key=lambda each: -each[1])
    be = "would be" if summary.job != "import" else "was" if summary.rejected == 1 else "were"
    count = f"{count_of(summary.rejected, 'row')} {be} rejected"
    because = f"because {why(first[0], file_alone=summary.database is None)}"
    if not others:
        return f"{count}{', all' if summary.rejected > 1 else ''} {because}."
    if others[0][1] == first[1]:
        return f"{count}."
    return f"{count}, most often ({number(first[1])}) {because}."


def warnings(summary: Summary) -> list[str]:
    """Say what to know before reading on."""
    lines = []
    if summary.sample_of is not None:
        lines.append(
            f"All figures are of a sample of {number(summary.rows_read)} of the "
            f"{count_of(summary.sample_of, 'row')}, spread over the file."
        )
    if summary.database is None:
        lines.append(
            "Only the file was checked: no do-not-call list of the dialer, no existing leads. "
            "A load may reject more rows."
        )
    if off := checks_off_of(summary):
        lines.append(f"Checks that were off: {off}.")
    if where := default_list(summary.without_list, done=summary.job == "import"):
        lines.append(f"{where[:1].upper()}{where[1:]}.")
    if summary.blank_rows:
        be = "is" if summary.blank_rows == 1 else "are"
        lines.append(f"{count_of(summary.blank_rows, 'row')} without a value {be} left out.")
    return lines


def tiles(summary: Summary) -> list[tuple[str, str, str]]:
    """Give the figures to see first: name, figure, and a word to it."""
    rows, able = summary.rows_read, "loaded" if summary.job == "import" else "can be loaded"
    share = summary.loaded / rows if rows else None
    sample = summary.sample_of
    figures = [
        ("rows read", number(rows), f"of {number(sample)}" if sample is not None else "all"),
        (able, number(summary.loaded), percent(share)),
        ("rejected", number(summary.rejected), percent(summary.rejected / rows if rows else None)),
    ]
    profile = summary.profile
    if profile and profile.score.points is not None:
        figures.append(("quality score", points(profile.score.points), "of 100"))
    if profile and profile.rows:
        odd = profile.odd_rows
        figures.append(("rows that look wrong", number(odd), percent(odd / profile.rows)))
    return figures


def funnel(summary: Summary) -> list[Step]:
    """Give the way from the rows read to those that pass; each line is the one before, less."""
    rows = summary.rows_read
    steps = [Step("Rows read", "", 0, rows)]
    checks = summary.funnel
    if len(checks) > MOST_STEPS:
        kept, rest = checks[: MOST_STEPS - 1], checks[MOST_STEPS - 1 :]
        checks = [*kept, (OTHERS, sum(rejected for _, rejected, _ in rest), rest[-1][2])]
    for name, rejected, left in checks:
        steps.append(Step(words(name), "" if name == OTHERS else name, rejected, left))
    able = "Loaded" if summary.job == "import" else "Can be loaded"
    steps.append(Step(able, "", 0, summary.loaded))
    for before, step in pairwise(steps):
        if step.left != before.left - step.rejected:
            raise ValueError(f"the funnel does not add up at {step.label}: {steps}")
    return steps


def reasons(summary: Summary, details: Details, *, show_phones: bool) -> list[Why]:
    """Say of each reason what it means, what to do, and to which rows it applies."""
    ranked = sorted(summary.reasons, key=lambda name: -summary.reasons[name])[:MOST_STEPS]
    ranked_reasons, places = [], summary.file.places
    for name in ranked:
        reason, rows = Reason.of(name), summary.reasons[name]
        also = summary.reasons_all.get(name, 0)
        found = details.rejected.get(name, [])[:MOST_EXAMPLES]
        examples = [
            _rejected(name, each, details.now, places, show_phones=show_phones) for each in found
        ]
        share = rows / summary.rows_read
        # The meaning of a reason knows no feed's name.
        meaning = why(name, file_alone=False) if ":" in name else reason.meaning
        ranked_reasons.append(
            Why(words(name), name, rows, share, also if also > rows else 0, meaning,
                reason.correction, reason.operation, examples)
        )  # fmt: skip
    return ranked_reasons


def row_place(row: int, places: RowPlaces) -> str:
    """Say in a table of rows which row it is."""
    return places.describe(row).removeprefix("row ")


def _rejected(
    name: str, example: RejectedExample, now: datetime, places: RowPlaces, *, show_phones: bool
) -> Rejected:
    # Where fields could not be told apart, what stands in the place of the phone may be anything.
    phone = "" if Reason.of(name) in UNREADABLE else example.phone[:LONG_VALUE]
    since = example.entry_date
    return Rejected(
        row_place(example.row_number, places),
        phone if show_phones else mask_numbers(phone),
        describe_example(name, example, places, show_phones=show_phones),
        f"{since:%Y-%m-%d}, {ago(since, now)}" if since else "",
    )


def why(name: str, *, file_alone: bool) -> str:
    """Give what follows "because" of rows that were rejected for the reason of that name.

    `file_alone`: there was no database, so duplicates are of rows of the file.
    """
    reason, (_, _, of) = Reason.of(name), name.partition(":")
    because = reason.in_file if file_alone else reason.because
    return because + (f" {visible(of, 40)}" if of else "")


PROBLEMS = {
    "is_possible_local_only": "a local number without area code", "too_short": "too short",
    "too_long": "too long", "invalid_length": "of no length that its country has",
    "invalid_country_code": "there is no such country code", "not_a_number": "no number",
    "is_possible": "longer than the dialer can store",
}  # fmt: skip
"""What `loader.phones.parse` says of a number."""
FORMS = {
    "field": "in the field {}", "list_id": "list {}", "campaign_id": "campaign {}",
    "zones": "{}", "error": "database error {}",
}  # fmt: skip


def describe_example(
    name: str, example: RejectedExample, places: RowPlaces = ONE_FILE, *, show_phones: bool
) -> str:
    """Say in words what the details of a rejected row say, and nothing that is said beside them."""
    hide, hide_list = (str, str) if show_phones else (mask_numbers, mask_list_id)
    reason = Reason.of(name)
    details = {key: value[:LONG_VALUE] for key, value in example.details.items()}
    if example.lead_id is not None:
        place = f" in list {hide_list(details['list_id'])}" if "list_id" in details else ""
        archived = ", archived" if "archived" in details else ""
        return f"lead {example.lead_id}{place}{archived}"
    if example.duplicate_row is not None:
        place = places.describe(example.duplicate_row)
        where = place if places.files else f"{place} of this file"
        return f"{reason.likeness or 'same as'} {where}"
    if "phone_number" in details:
        given = details["phone_number"]
        other = "" if _same_number(given, example.phone) else f"the number {hide(given)}"
        return ", ".join(filter(None, (other, PROBLEMS.get(details.get("problem", ""), ""))))
    for key, form in FORMS.items():
        if key in details:
            value = details[key]
            return form.format(hide_list(value) if key == "list_id" else hide(value))
    return hide(details.get("text", ""))


def _same_number(one: str, other: str) -> bool:
    """Say whether both have the same digits, but for a country code; or one has none."""
    few, many_ = sorted((re.sub(r"\D", "", text[:LONG_VALUE]) for text in (one, other)), key=len)
    return many_.endswith(few)


def oddities(profile: Profile, details: Details, *, show_phones: bool) -> list[Why]:
    """Say likewise what looks wrong in rows, though it rejects none."""
    ranked = sorted(profile.oddities, key=lambda name: -profile.oddities[name])
    ranked_oddities = []
    for name in ranked:
        oddity, rows = Oddity[name], profile.oddities[name]
        examples = [
            each.model_copy(update={"value": _masked(each.value, each.field, show_phones)})
            for each in details.odd.get(name, [])[:MOST_EXAMPLES]
        ]
        share = rows / profile.rows if profile.rows else 0.0
        ranked_oddities.append(Why(words(name), name, rows, share, 0, oddity.meaning,
                        oddity.advice, "", examples))  # fmt: skip
    return ranked_oddities


def _masked(
    value: str,
    field: str,
    show: bool,
    mask: Callable[[str, str], str] = lambda value, _field: mask_numbers(value),
) -> str:
    is_date = field in DATES and DATE.fullmatch(value)
    return value[:LONG_VALUE] if show or is_date else mask(value[:LONG_VALUE], field)


def repeated_values(
    details: Details, *, show_phones: bool
) -> list[tuple[str, list[tuple[str, int]]]]:
    """Give by field the values that many rows have, with how many."""
    return [
        (
            field,
            [
                (_masked(each.value, field, show_phones, mask_person), each.rows)
                for each in values[:MOST_EXAMPLES]
            ],
        )
        for field, values in list(details.repeated.items())[:MOST_FIELDS]
    ]


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
    compared = summary.comparison
    if compared is None:
        return None
    changes = [_moved("Rows", compared.rows, number)]
    changes.append(_moved("Rejected share", compared.reject_rate, percent, better=-1))
    changes.append(_moved("Quality score", compared.score, points, better=1))
    rejected = [
        _moved(words(each.name), each, percent, better=-1) for each in _largest(compared.reasons)
    ]
    filled = [
        _moved(mask_numbers(each.name[:LONG_VALUE]), each, percent, better=1)
        for each in _largest(compared.fill_rates)
    ]
    return {
        "file": PurePath(compared.file).name,
        "began": moment(compared.began),
        "parts": [("", changes), ("Rejected, by reason", rejected), ("Filled", filled)],
        "came": _names(compared.columns_came),
        "went": _names(compared.columns_went),
        "more_came": max(len(compared.columns_came) - MOST_NAMES, 0),
        "more_went": max(len(compared.columns_went) - MOST_NAMES, 0),
    }


def _names(columns: Sequence[str]) -> list[str]:
    """Give the first names; those of a file without a header are values of a person."""
    return [mask_numbers(column[:LONG_VALUE]) for column in columns[:MOST_NAMES]]


def _largest(changes: Iterable[Change]) -> list[Change]:
    ranked = sorted(changes, key=lambda each: -abs((each.now or 0) - (each.before or 0)))
    return ranked[:MOST_NAMES]


def _moved(name: str, change: Change, write: Callable[[float], str], better: int = 0) -> Moved:
    """Write both numbers and what is between them; `better`: 1 if more is better, -1 if less."""
    before, now = change.before, change.now
    was, is_now = [NOTHING if value is None else write(value) for value in (before, now)]
    if before is None or now is None or was == is_now:
        return Moved(name, was, is_now, "" if before is None or now is None else "same", None)
    delta = now - before
    sign = "+" if delta > 0 else MINUS
    if write is percent:
        far = f"{abs(delta) * 100:.1f}"
        difference = f"{sign}{'<0.1' if far == '0.0' else far} points"
    elif write is number:
        difference = (
            f"{sign}{percent(abs(delta) / before)}" if before else f"{sign}{number(abs(delta))}"
        )
    else:
        difference = f"{sign}{abs(delta):.1f}"
    return Moved(name, was, is_now, difference, delta * better < 0 if better else None)

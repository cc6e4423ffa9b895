"""What the page of a run says, as plain values: the template only lays it out."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import PurePath
from typing import Any, NamedTuple

from loader.dialable import Obstacle
from loader.reasons import Notice, Reason
from loader.report.oddities import Oddity
from loader.report.record import (
    MOST_EXAMPLES,
    OTHERS,
    Details,
    Profile,
    RejectedExample,
)
from loader.report.shown import (
    ago,
    duration,
    many,
    masked,
    masked_details,
    moment,
    number,
    percent,
    size,
    words,
)
from loader.summary import Summary

MOST_STEPS = 60
MOST_COLUMNS = 150
MOST_FIELDS = 40
MOST_NAMES = 30
MOST_REMARKS = 40
MOST_OPTIONS = 60
MOST_LISTS = 50
"""What is shown of what has no bounds of its own."""
LONG = 500
"""Characters of a value that are looked at: more than are ever shown."""

DELIMITERS = {",": "comma", "\t": "tab", "|": "pipe", ";": "semicolon"}
NOT_PHONES = {"date_of_birth", "entry_date", "callback_datetime"}
"""Fields whose values have many digits and are no numbers to call."""


class Step(NamedTuple):
    """One line of the funnel."""

    label: str
    code: str
    """The reason as files name it."""
    taken: int
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
    examples: list[Any]


class Rejected(NamedTuple):
    """An example of a reason."""

    row_number: int
    phone: str
    details: str
    lead_id: int | None
    list_id: str
    age: str


class Odd(NamedTuple):
    """An example of an oddity."""

    row_number: int
    field: str
    value: str


class Filled(NamedTuple):
    """One column of the file."""

    column: str
    field: str
    fate: str
    """Where it fills no field: what becomes of it."""
    rows: int | None
    share: float | None


def done(summary: Summary) -> str:
    """Say what became of the rows that passed, in a word for tables."""
    return "were loaded" if summary.job == "import" else "would be loaded"


def headline(summary: Summary) -> str:
    """Say in one sentence what of the file is fit to load."""
    able = "were loaded" if summary.job == "import" else "can be loaded"
    rows, loaded = summary.rows_read, summary.loaded
    if not rows:
        return "The file has no rows."
    if summary.sample_of is not None:
        share = percent(loaded / rows)
        return f"Of a sample of {many(rows, 'row')}, {number(loaded)} {able}: {share}."
    if loaded == rows > 1:
        return f"All {number(rows)} rows {able}."
    if not loaded:
        return f"None of the {many(rows, 'row')} {able}."
    return f"{number(loaded)} of {many(rows, 'row')} {able}: {percent(loaded / rows)}."


def worst(summary: Summary) -> str:
    """Name the reason that took the most rows."""
    if not summary.reasons:
        return ""
    name = max(summary.reasons, key=lambda reason: summary.reasons[reason])
    reason, rows = Reason.of(name), summary.reasons[name]
    was = "was" if summary.job == "import" else "would be"
    were = "were" if summary.job == "import" else "would be"
    return (
        f"{many(summary.rejected, 'row')} {was if summary.rejected == 1 else were} rejected, "
        f"most often ({number(rows)}) because {reason.meaning}."
    )


def warnings(summary: Summary) -> list[str]:
    """Say what to know before reading on."""
    said = []
    if summary.sample_of is not None:
        said.append(
            f"All figures are of a sample of {number(summary.rows_read)} of the "
            f"{many(summary.sample_of, 'row')}, spread over the file."
        )
    if summary.database is None:
        said.append(
            "The file alone was looked at: no do-not-call list of the dialer, no existing leads. "
            "A load may reject more rows."
        )
    return said


def tiles(summary: Summary) -> list[tuple[str, str, str]]:
    """Give the figures to see first: name, figure, and a word to it."""
    rows, able = summary.rows_read, "loaded" if summary.job == "import" else "can be loaded"
    share = summary.loaded / rows if rows else None
    sample = summary.sample_of
    shown = [
        ("rows read", number(rows), f"of {number(sample)}" if sample is not None else "all"),
        (able, number(summary.loaded), percent(share)),
        ("rejected", number(summary.rejected), percent(None if share is None else 1 - share)),
    ]
    profile = summary.profile
    if profile and profile.score.points is not None:
        shown.append(("quality score", f"{profile.score.points:.0f}", "of 100"))
    if profile and profile.rows:
        odd = profile.odd_rows
        shown.append(("look wrong", number(odd), percent(odd / profile.rows)))
    return shown


def file_facts(summary: Summary) -> list[tuple[str, str]]:
    """Say what the file is."""
    file = summary.file
    packed = f", {file.compression}" if file.compression else ""
    mark = "with byte order mark" if file.bom else "no byte order mark"
    header = "with a header" if file.header else "without a header"
    read = number(summary.rows_read)
    rows = read if summary.sample_of is None else f"{number(summary.sample_of)}, {read} looked at"
    facts = [
        ("Name", PurePath(file.name).name or file.name),
        ("Source", summary.source),
        ("SHA-256", file.sha256),
        ("Size", f"{size(file.size)} ({many(file.size, 'byte')}){packed}"),
        ("Rows", rows),
        ("Columns", f"{number(len(file.columns))}, {header}"),
        ("Encoding", f"{file.encoding}, {mark}"),
        ("Delimiter", DELIMITERS.get(file.delimiter, repr(file.delimiter))),
        ("Looked at", moment(summary.began)),
    ]
    return [(name, value) for name, value in facts if value]


def funnel(summary: Summary) -> list[Step]:
    """Give the way from the rows read to those that pass; each line is the one before, less.

    Raises:
        ValueError: it does not add up, which `Summary` does not let happen.
    """
    rows = summary.rows_read
    steps = [Step("Rows read", "", 0, rows)]
    told = summary.funnel
    if len(told) > MOST_STEPS:
        kept, rest = told[: MOST_STEPS - 1], told[MOST_STEPS - 1 :]
        told = [*kept, (OTHERS, sum(taken for _, taken, _ in rest), rest[-1][2])]
    for name, taken, left in told:
        steps.append(Step(words(name), "" if name == OTHERS else name, taken, left))
    steps.append(Step(done(summary).capitalize(), "", 0, summary.loaded))
    for before, step in pairwise(steps):
        if step.left != before.left - step.taken:
            raise ValueError(f"the funnel does not add up at {step.label}: {steps}")
    return steps


def reasons(summary: Summary, details: Details, *, show_phones: bool) -> list[Why]:
    """Say of each reason what it means, what to do, and of which rows it was said."""
    ranked = sorted(summary.reasons, key=lambda name: -summary.reasons[name])[:MOST_STEPS]
    told = []
    for name in ranked:
        reason, rows = Reason.of(name), summary.reasons[name]
        also = summary.reasons_all.get(name, 0)
        found = details.rejected.get(name, [])[:MOST_EXAMPLES]
        examples = [_rejected(each, details.now, show_phones=show_phones) for each in found]
        share = rows / summary.rows_read
        told.append(
            Why(words(name), name, rows, share, also if also > rows else 0, reason.meaning,
                reason.advice, examples)
        )  # fmt: skip
    return told


def _rejected(example: RejectedExample, now: datetime, *, show_phones: bool) -> Rejected:
    """Leave out of the details what has places of its own."""
    known = {f"lead_id={example.lead_id}", f"list_id={example.list_id}"}
    rest = " ".join(word for word in example.details[:LONG].split(" ") if word not in known)
    since, phone = example.entry_date, example.phone[:LONG]
    return Rejected(
        example.row_number,
        phone if show_phones else masked(phone),
        rest if show_phones else masked_details(rest),
        example.lead_id,
        example.list_id,
        f"{since:%Y-%m-%d}, {ago(since, now)}" if since else "",
    )


def oddities(profile: Profile, details: Details, *, show_phones: bool) -> list[Why]:
    """Say likewise what looks wrong in rows, though it rejects none."""
    ranked = sorted(profile.oddities, key=lambda name: -profile.oddities[name])
    told = []
    for name in ranked:
        oddity, rows = Oddity[name], profile.oddities[name]
        found = details.odd.get(name, [])[:MOST_EXAMPLES]
        examples = [
            Odd(each.row_number, each.field, _masked(each.value, each.field, show_phones))
            for each in found
        ]
        share = rows / profile.rows if profile.rows else 0.0
        told.append(Why(words(name), name, rows, share, 0, oddity.meaning, oddity.advice, examples))
    return told


def _masked(value: str, field: str, show: bool) -> str:
    return value[:LONG] if show or field in NOT_PHONES else masked(value[:LONG])


def repeated(details: Details, *, show_phones: bool) -> list[tuple[str, list[tuple[str, int]]]]:
    """Give by field the values that many rows have, with how many."""
    return [
        (
            field,
            [
                (_masked(each.value, field, show_phones), each.rows)
                for each in values[:MOST_EXAMPLES]
            ],
        )
        for field, values in list(details.repeated.items())[:MOST_FIELDS]
    ]


def columns(summary: Summary) -> list[Filled]:
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
        Filled(masked(column[:LONG]), field, "" if field else fates.get(column, "not loaded"),
               filled, filled / rows if filled is not None and rows else None)
        for column, field, filled in known
    ]  # fmt: skip
    # Of very many, those that are loaded are looked for.
    return told if len(told) <= MOST_COLUMNS else sorted(told, key=lambda each: not each.field)


def notices(summary: Summary) -> list[tuple[str, str, int, str, str]]:
    """Give what was noticed about loaded rows: label, name, rows, meaning, fields."""
    repaired = summary.profile.repaired if summary.profile else {}
    told = []
    for name, rows in summary.notices.items():
        fields = sorted(repaired.get(name, {}).items(), key=lambda item: -item[1])
        said = ", ".join(f"{field[:LONG]} {number(count)}" for field, count in fields[:MOST_NAMES])
        told.append((words(name), name, rows, Notice[name].meaning, said))
    return told


def loading(summary: Summary) -> str:
    """Say how long the rows would take to load."""
    estimate = summary.profile.estimate if summary.profile else None
    if estimate is None:
        return ""
    took = duration(estimate.seconds)
    about = took if took.startswith("less") else f"about {took}"
    return (
        f"Loading these rows would take {about}, at {number(round(estimate.rows_a_second))} rows a "
        f"second ({estimate.by})."
    )


def options(summary: Summary) -> list[tuple[str, str]]:
    """Give the options that are not as they are by default."""
    return [(name, _option(value)) for name, value in list(summary.options.items())[:MOST_OPTIONS]]


def _option(value: object) -> str:
    if isinstance(value, Mapping):
        pairs = list(value.items())[:MOST_NAMES]
        said = ", ".join(f"{_option(key)} = {_option(each)}" for key, each in pairs)
    elif isinstance(value, list | tuple):
        said = ", ".join(_option(each) for each in value[:MOST_NAMES])
    else:
        said = str(value)
    return said[:LONG]


def dialable(summary: Summary) -> list[dict[str, Any]]:
    """Say by list how many new leads the dialer could call when the load was done."""
    return [
        {
            "list_id": each.list_id,
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

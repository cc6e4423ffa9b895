"""Files of the same source beside one another, by the summaries of their runs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from loader.errors import LoaderError, NoSuchFileError, UsageError
from loader.reasons import Reason
from loader.results.folder import SUMMARY
from loader.results.summary import Change, Comparison, Summary

JOBS = ("import", "validate")
"""Those that write summaries; archive and undo call their reports so, too."""

VERSION: int = Summary.model_fields["version"].default

EXTENSIONS = re.compile(
    r"(\.(csv|tsv|tab|txt|dat|psv|xlsx|xlsm|xls|xlsb|ods|gz|zip|zst|xz|bz2|pgp|gpg))+$"
)
SEPARATORS = "-._ /"
BEGIN, END = r"(?<![^\W_])", r"(?![^\W_])"
"""Neither a letter nor a digit touches what is between them."""
YEAR, YY = r"20[0-3]\d", r"(?:1[5-9]|[23]\d)"
MM, DD = "(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
M, D = f"(?:{MM}|[1-9])", f"(?:{DD}|[1-9])"
MONTH_NAMES = "january|february|march|april|june|july|august|september|october|november|december"
"""Not may, which is a word besides."""
MONTH = f"(?:{MONTH_NAMES}|sept|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
NTH = f"{D}(?:st|nd|rd|th)?"
GAP = r"[\W_]*+"
OF_YEAR = f"{GAP}(?:{YEAR}|{YY})"
HOUR, SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"


def _joined(*orders: tuple[str, ...], by: str = SEPARATORS) -> str:
    """Match the parts of a date in one of several orders, with the same sign between all."""
    return "|".join(re.escape(sign).join(order) for order in orders for sign in by or [""])


CLOCK = _joined((HOUR, SIXTY, SIXTY), (HOUR, SIXTY), by="-._: h")
TIME = (
    rf"(?:{GAP}(?:at|t)?{GAP}(?:{CLOCK}|{HOUR}{SIXTY}(?:{SIXTY})?)(?:\.\d+)?"
    r"(?:[\W_]?[ap]m)?(?:z|\+\d\d:?\d\d)?)?"
)
"""Of day, behind a date."""
DATES = re.compile(
    # Of eight digits, or with the year first: it is a date even if letters touch it.
    rf"(?<!\d)(?:{_joined((YEAR, MM, DD), (DD, MM, YEAR), (MM, DD, YEAR), by='')}"
    rf"|{_joined((YEAR, M, D))}){TIME}(?!\d)"
    rf"|{BEGIN}(?:{_joined((D, M, YEAR), (M, D, YEAR), (YY, MM, DD), (DD, MM, YY), (MM, DD, YY))}"
    rf"|{_joined((YY, MM, DD), (DD, MM, YY), (MM, DD, YY), by='')}"
    rf"|{NTH}{GAP}{MONTH}(?:{OF_YEAR})?|{MONTH}{GAP}{NTH}(?:{OF_YEAR})?"
    rf"|{YEAR}{GAP}{MONTH}{GAP}{NTH}){TIME}{END}"
    # Months, quarters, weeks and years; a Unix time in seconds or milliseconds.
    rf"|{BEGIN}(?:{MONTH}{OF_YEAR}|{YEAR}{GAP}{MONTH}|{YEAR}{MM}"
    rf"|{_joined((YEAR, MM), (MM, YEAR), by='-./')}"
    rf"|{YEAR}[\W_]?(?:q[1-4]|w{SIXTY})|q[1-4][\W_]?{YEAR}"
    rf"|20[1-3]\d|1[6-9]\d{{8}}(?:\d{{3}})?){END}"
    rf"|{BEGIN}(?:{MONTH_NAMES})(?=[\W_]*$)"
)
COUNTER = re.compile(r"(?<![\W_])(?:[\W_]++(?:\d\d?|0\d+)(?!\d))?(?:[\W_]*\(\d+\))*$")
"""At the end, by itself: " 2", "_003", "(2)"; not "_101", which is rather a list_id."""
BETWEEN = re.compile(r"[\W_]+")


def compare(before: Summary, now: Summary) -> Comparison:
    """Compare two files of the same source.

    Rates are of the rows that were read of each, so that a sample can be compared, too.

    Args:
        before: of the earlier file; without a profile, as older summaries are, what it would tell
            is not known.
        now: of the later one.
    """
    reasons = sorted(before.reasons.keys() | now.reasons.keys(), key=_place)
    rates = _fill_rates(before), _fill_rates(now)
    return Comparison(
        file=before.file.name,
        began=before.began,
        rows=Change(
            name="rows",
            before=before.sample_of or before.rows_read,
            now=now.sample_of or now.rows_read,
        ),
        reject_rate=Change(name="reject rate", before=reject_rate(before), now=reject_rate(now)),
        score=Change(name="score", before=points(before), now=points(now)),
        reasons=[
            Change(
                name=name,
                before=_share(before.reasons.get(name, 0), before.rows_read),
                now=_share(now.reasons.get(name, 0), now.rows_read),
            )
            for name in reasons
        ],
        fill_rates=[
            Change(name=name, before=rates[0].get(name), now=rates[1].get(name))
            for name in _either(rates[1], rates[0])
        ],
        columns_came=_without(now.file.columns, before.file.columns),
        columns_went=_without(before.file.columns, now.file.columns),
    )


def reject_rate(summary: Summary) -> float | None:
    """Give the share of the rows that were rejected, from 0 to 1; None: no row was read."""
    return _share(summary.rejected, summary.rows_read)


def points(summary: Summary) -> float | None:
    """Give the score, from 0 to 100; None: it is not known."""
    return summary.profile.score.points if summary.profile else None


def read_summary(path: Path) -> Summary:
    """Read the summary of an import or a validation.

    Args:
        path: a summary.json, or the results folder that has it.

    Raises:
        NoSuchFileError: it is not there, or cannot be read; a folder has none, as that of a run
            that is not at its end.
        UsageError: it is no summary, or one of a later version.
    """
    if path.is_dir():
        path = _in_folder(path)
    content = read_json(path)
    if not is_summary(content):
        raise UsageError(
            f"{path} is no summary of an import or a validation; {SUMMARY} in a results folder is"
        )
    return summary_of(content, path)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        NoSuchFileError: it is not there, or cannot be read.
        UsageError: it is no JSON.
    """
    try:
        return from_json(path.read_bytes(), allow_inf_nan=False)
    except OSError as error:
        raise NoSuchFileError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}") from None


def is_summary(content: Any) -> bool:
    """Say whether JSON is what an import or a validation writes, of whatever version."""
    return (
        isinstance(content, dict)
        and content.get("job") in JOBS
        and {"run", "file", "rows_read", "reasons"} <= content.keys()
    )


def summary_of(content: Mapping[str, Any], path: Path) -> Summary:
    """Take JSON as a summary.

    Args:
        content: for which `is_summary` is true.
        path: where it is from, for messages.

    Raises:
        UsageError: a later version wrote it, or it is not as it was written.
    """
    version = content.get("version")
    if isinstance(version, int) and version > VERSION:
        raise _later(path, f"version {version}")
    try:
        return Summary.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise _later(path, f"with {place}") from None
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path} is damaged: {place and f'{place}: '}{message}") from None


def source_of(file_name: str) -> str:
    """Name the source of a file where nobody named it: what stays the same from file to file.

    Dates, times and a counter at the end are taken out; what else has digits is kept, since
    vendor1 is not vendor2. "ACME_leads_2026-11-21 (2).csv.gz" is of "acme leads". Of a name that is
    nothing but a date, all but the extensions stays.
    """
    name = PurePath(file_name.replace("\\", "/")).name.lower()
    stem = EXTENSIONS.sub("", name) or name
    # A date stays as one sign, so that the number before it is not at the end.
    words = BETWEEN.sub(" ", COUNTER.sub("", DATES.sub("\0", stem))).strip()
    return words or stem.strip() or "file"


def _in_folder(folder: Path) -> Path:
    if (folder / SUMMARY).exists():
        return folder / SUMMARY
    if (folder / ".work").exists():
        raise NoSuchFileError(
            f"{folder} has no {SUMMARY}: its run still works, or was ended before it was done; the "
            "same command again completes it"
        )
    raise NoSuchFileError(f"{folder} has no {SUMMARY}: it is not the results folder of a run")


def _later(path: Path, what: str) -> LoaderError:
    return UsageError(f"{path} was written by a later leadloader ({what}): update this one")


def _fill_rates(summary: Summary) -> dict[str, float]:
    """Give the fill rates by field, then those of the columns that fill none by column."""
    profile = summary.profile
    if profile is None or not profile.rows:
        return {}
    of_fields = {it.field: it.filled / profile.rows for it in profile.columns if it.field}
    of_others = {it.column: it.filled / profile.rows for it in profile.columns if not it.field}
    return of_fields | {name: of_others[name] for name in _without(of_others, of_fields)}


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _place(reason: str) -> tuple[int, str]:
    """Sort reasons in the order of the checks, what is unknown last."""
    order = list(Reason.__members__)
    name = reason.partition(":")[0]
    return (order.index(name) if name in order else len(order), reason)


def _either(first: Iterable[str], second: Iterable[str]) -> Iterator[str]:
    yield from dict.fromkeys([*first, *second])


def _without(names: Iterable[str], others: Iterable[str]) -> list[str]:
    others = set(others)
    return [name for name in names if name not in others]

"""Compares files of the same source, by the summaries of their runs."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from loader.errors import LoaderError, NoSuchFileError, UsageError
from loader.files import exists, read_whole
from loader.reasons import Reason
from loader.results.folder import SUMMARY
from loader.results.summary import Change, Comparison, Summary

JOBS = ("import", "validate")
"""The jobs whose summary.json this is; archive and undo have other ones of that name."""

VERSION: int = Summary.model_fields["version"].default

EXTENSIONS = re.compile(
    r"(\.(csv|tsv|tab|txt|dat|psv|xlsx|xlsm|xls|xlsb|ods|gz|zip|zst|xz|bz2|pgp|gpg))+$"
)
MOST = 10**18
"""Of anything that is counted."""

SEPARATORS = "-._ /"
BEGIN, END = r"(?<![^\W_])", r"(?![^\W_])"
"""No letter or digit may be adjacent to what is between them."""
YEAR, YY = r"20[0-3]\d", r"(?:1[5-9]|[23]\d)"
MM, DD = "(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
M, D = f"(?:{MM}|[1-9])", f"(?:{DD}|[1-9])"
MONTH_NAMES = "january|february|march|april|june|july|august|september|october|november|december"
"""Without may, which is a common word, too."""
MONTH = f"(?:{MONTH_NAMES}|sept|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
ORDINAL_DAY = f"{D}(?:st|nd|rd|th)?"
GAP = r"[\W_]*+"
OF_YEAR = f"{GAP}(?:{YEAR}|{YY})"
HOUR, MINUTE = r"(?:[01]\d|2[0-3])", r"[0-5]\d"


def _joined(*orders: tuple[str, ...], by: str = SEPARATORS) -> str:
    """Return a pattern of the parts of a date in several orders, with the same separator."""
    return "|".join(re.escape(sign).join(order) for order in orders for sign in by or [""])


CLOCK = _joined((HOUR, MINUTE, MINUTE), (HOUR, MINUTE), by="-._: h")
TIME = (
    rf"(?:{GAP}(?:at|t)?{GAP}(?:{CLOCK}|{HOUR}{MINUTE}(?:{MINUTE})?)(?:\.\d+)?"
    r"(?:[\W_]?[ap]m)?(?:z|\+\d\d:?\d\d)?)?"
)
"""An optional time of day after a date."""
DATES = re.compile(
    # Eight digits, or with the year first: a date even if letters are adjacent to it.
    rf"(?<!\d)(?:{_joined((YEAR, MM, DD), (DD, MM, YEAR), (MM, DD, YEAR), by='')}"
    rf"|{_joined((YEAR, M, D))}){TIME}(?!\d)"
    rf"|{BEGIN}(?:{_joined((D, M, YEAR), (M, D, YEAR), (YY, MM, DD), (DD, MM, YY), (MM, DD, YY))}"
    rf"|{_joined((YY, MM, DD), (DD, MM, YY), (MM, DD, YY), by='')}"
    rf"|{ORDINAL_DAY}{GAP}{MONTH}(?:{OF_YEAR})?|{MONTH}{GAP}{ORDINAL_DAY}(?:{OF_YEAR})?"
    rf"|{YEAR}{GAP}{MONTH}{GAP}{ORDINAL_DAY}){TIME}{END}"
    # Months, quarters, weeks and years; Unix times in seconds or milliseconds.
    rf"|{BEGIN}(?:{MONTH}{OF_YEAR}|{YEAR}{GAP}{MONTH}|{YEAR}{MM}"
    rf"|{_joined((YEAR, MM), (MM, YEAR), by='-./')}"
    rf"|{YEAR}[\W_]?(?:q[1-4]|w{MINUTE})|q[1-4][\W_]?{YEAR}"
    rf"|20[1-3]\d|1[6-9]\d{{8}}(?:\d{{3}})?){END}"
    rf"|{BEGIN}(?:{MONTH_NAMES})(?=[\W_]*$)"
)
COUNTER = re.compile(r"(?<![\W_])(?:[\W_]++(?:\d\d?|0\d+)(?!\d))?(?:[\W_]*\(\d+\))*$")
"""A counter at the end: " 2", "_003", "(2)"; not "_101", which may be a list_id."""
SEPARATORS_BETWEEN_WORDS = re.compile(r"[\W_]+")


def compare(before: Summary, now: Summary) -> Comparison:
    """Compare two files of the same source; without a profile, score and fill rates are unknown.

    Rates are relative to the rows read, so that a sample can be compared, too.
    """
    reasons = sorted(before.reasons.keys() | now.reasons.keys(), key=_check_order)
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
            for name in rates[1] | rates[0]
        ],
        columns_came=_difference(now.file.columns, before.file.columns),
        columns_went=_difference(before.file.columns, now.file.columns),
    )


def reject_rate(summary: Summary) -> float | None:
    """Return the share of rejected rows, from 0 to 1; None: no row was read."""
    return _share(summary.rejected, summary.rows_read)


def points(summary: Summary) -> float | None:
    """Return the score, from 0 to 100; None: unknown."""
    return summary.profile.score.points if summary.profile else None


def read_summary(path: Path) -> Summary:
    """Read the summary of an import or a validation: a summary.json, or the folder that has it.

    Raises:
        NoSuchFileError: there is no such file, it cannot be read, or the folder has none, for
            example because its run has not ended.
        UsageError: the file is no such summary, or one of a later version.
    """
    if exists(path) and path.is_dir():
        path = _summary_path(path)
    content = read_json(path)
    if not is_summary(content):
        raise UsageError(
            f"{path} is no summary of an import or a validation; give {SUMMARY} of a results folder"
        )
    return parse_summary(content, path)


def read_json(path: Path) -> Any:
    """Read a JSON file; NoSuchFileError: it cannot be read. UsageError: it is no JSON."""
    try:
        return _without_huge_numbers(from_json(read_whole(path), allow_inf_nan=False))
    except OSError as error:
        raise NoSuchFileError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}") from None


def _without_huge_numbers(content: Any) -> Any:
    """Give JSON back; ValueError: a number in it is none that a summary can have."""
    waiting = [content]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, int) and abs(each) > MOST:
            raise ValueError("a number is too large")
    return content


def is_summary(content: Any) -> bool:
    """Return whether JSON is a summary of an import or a validation, of any version."""
    return (
        isinstance(content, dict)
        and content.get("job") in list(JOBS)
        and {"run", "file", "rows_read", "reasons"} <= content.keys()
    )


def parse_summary(content: Mapping[str, Any], path: Path) -> Summary:
    """Parse the JSON of a summary; UsageError: it is damaged, or a later version wrote it."""
    version = content.get("version")
    if isinstance(version, int) and version > VERSION:
        raise _later_version_error(path, f"version {version}")
    try:
        return Summary.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        location = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise _later_version_error(path, f"with {location}") from None
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path} is damaged: {location and f'{location}: '}{message}") from None


def source_of(file_name: str) -> str:
    """Derive the name of a file's source: the part of the file name that does not change.

    Dates, times and a counter at the end are removed, other digits are kept: vendor1 is not
    vendor2. "ACME_leads_2026-11-21 (2).csv.gz" is of "acme leads". If the name is only a date, only
    the extensions are removed.
    """
    name = PurePath(file_name.replace("\\", "/")).name.lower()
    stem = EXTENSIONS.sub("", name) or name
    # A date is replaced by a character, so that a number before it is not taken for a counter.
    words = SEPARATORS_BETWEEN_WORDS.sub(" ", COUNTER.sub("", DATES.sub("\0", stem))).strip()
    return words or stem.strip() or "file"


def _summary_path(folder: Path) -> Path:
    if (folder / SUMMARY).exists():
        return folder / SUMMARY
    if (folder / ".work").exists():
        raise NoSuchFileError(
            f"{folder} has no {SUMMARY}: its run is not finished, or was stopped; the same command "
            "completes it"
        )
    raise NoSuchFileError(f"{folder} has no {SUMMARY}: it is not the results folder of a run")


def _later_version_error(path: Path, what: str) -> LoaderError:
    return UsageError(f"{path} was written by a later leadloader ({what}): update this one")


def _fill_rates(summary: Summary) -> dict[str, float]:
    """Return fill rates by field, then by column those of the columns that are not mapped."""
    profile = summary.profile
    if profile is None or not profile.rows:
        return {}
    rates: dict[str, float] = {}
    for column in sorted(profile.columns, key=lambda column: not column.field):
        rates.setdefault(column.field or column.column, column.filled / profile.rows)
    return rates


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _check_order(reason: str) -> tuple[int, str]:
    """Return a sort key: reasons in the order of the checks, unknown ones last."""
    order = list(Reason.__members__)
    name = reason.partition(":")[0]
    return (order.index(name) if name in order else len(order), reason)


def _difference(names: Iterable[str], others: Iterable[str]) -> list[str]:
    others = set(others)
    return [name for name in names if name not in others]

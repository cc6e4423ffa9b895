"""What the server stored otherwise than it was sent, value by value, as the columns compare."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import pandas as pd

from loader.database.catalogue import ColumnType

LONGEST = 100
"""Characters of a value that are kept to be shown."""

_MOMENT = re.compile(
    r"(\d{4})\D(\d{1,2})\D(\d{1,2})(?:[T ]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?)?",
    re.ASCII,
)
_DIGITS = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)(?:\.(\d+))?)?", re.ASCII)
_TIME = re.compile(r"(-?)(\d{1,3}):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?", re.ASCII)


class Difference(NamedTuple):
    """A value that the server stored otherwise than it was sent."""

    row: int
    field: str
    sent: str
    stored: str


def find_differences(
    sent: pd.DataFrame,
    stored: pd.DataFrame,
    types: Mapping[str, ColumnType],
    *,
    ignore_empty: bool = False,
) -> list[Difference]:
    """Compare rows as they were sent and as they are stored, as texts.

    Args:
        sent: str columns; index row_number.
        stored: the same columns and index.
        types: of the columns, by name; a column without one is compared to the letter.
        ignore_empty: what was sent empty is stored as the empty value of the column's type.
    """
    found = []
    for name in map(str, sent):
        unequal = sent[name] != stored[name]
        if ignore_empty:
            unequal &= sent[name] != ""
        definition = types[name].definition if name in types else ""
        for row in sent.index[unequal].tolist():
            one, other = str(sent.at[row, name]), str(stored.at[row, name])
            if not is_same(definition, one, other):
                found.append(Difference(row, name, one[:LONGEST], other[:LONGEST]))
    return sorted(found, key=lambda each: each.row)


def rows_of(differences: Iterable[Difference]) -> tuple[int, ...]:
    """Give the rows that they are of, each once, ascending."""
    return tuple(sorted({each.row for each in differences}))


def is_same(definition: str, sent: str, stored: str) -> bool:
    """Say whether two texts are the same value to a column of a type: 13:05 and 13:05:00.

    Texts that the type cannot hold as they are, such as 12.345 in decimal(8,2), are not.

    Args:
        definition: as the catalogue has it: `decimal(8,2)`, `enum('a','b')`.
        sent: what was sent.
        stored: what was read back.
    """
    kind = definition.lower().partition("(")[0].partition(" ")[0]
    compares = _COMPARISONS.get(kind)
    return sent == stored if compares is None else compares(sent.strip(), stored)


def _by(read: Callable[[str], Any]) -> Callable[[str, str], bool]:
    """Compare what two texts are read as; None: nothing."""
    return lambda sent, stored: read(sent) is not None and read(sent) == read(stored)


def _close(precision: float) -> Callable[[str, str], bool]:
    """Compare numbers that are stored, or shown, with a certain precision."""

    def compare(sent: str, stored: str) -> bool:
        one, other = _number(sent), _number(stored)
        if one is None or other is None:
            return False
        return math.isclose(one, other, rel_tol=precision)

    return compare


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _year(text: str) -> Decimal | None:
    """Read a year as its column does: 24 is 2024, 70 is 1970."""
    number = _number(text)
    if number is None or not re.fullmatch("[0-9]{1,2}", text):
        return number
    return number + (2000 if number < 70 else 1900)


def _moment(text: str) -> tuple[int, ...] | None:
    found = _MOMENT.fullmatch(text) or _DIGITS.fullmatch(text)
    return _parts(found.groups()) if found else None


def _time(text: str) -> tuple[int, ...] | None:
    found = _TIME.fullmatch(text)
    return (found[1] == "-", *_parts(found.groups()[1:])) if found else None


def _parts(groups: Iterable[str | None]) -> tuple[int, ...]:
    """Give the numbers; the last are digits after a point."""
    *whole, fraction = groups
    return (*(int(part or 0) for part in whole), int((fraction or "").ljust(6, "0")[:6] or 0))


_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), _by(_number)),
    "year": _by(_year),
    "decimal": _by(_number),
    "float": _close(1e-5),
    "double": _close(1e-14),
    **dict.fromkeys(("date", "datetime", "timestamp"), _by(_moment)),
    "time": _by(_time),
    "enum": _by(str.casefold),
    "set": _by(lambda text: sorted(text.casefold().split(","))),
    "char": _by(lambda text: text.rstrip(" ")),
}
"""By the name of a type; values of other types are compared to the letter."""

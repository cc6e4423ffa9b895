"""Which columns of a feed have the numbers, and whether others have some, too."""

import re
from functools import cache

import pandas as pd
import pyarrow.compute as pc

from loader.errors import SourceFileError
from loader.fields.lead import normalize_name, usual_names
from loader.frames.arrow import to_arrow, to_mask, to_series
from loader.options.feed import FeedFile
from loader.paths import printable_path
from loader.phones.parse import digits_only, parse_numbers
from loader.phones.readings import parse_phones
from loader.reading.source import SourceFile

NUMBERED = r"[0-9]+$"
"""phone2, phone 3: how further columns of a kind are named."""

_PHONE = re.compile(r"phone|caller|tel|mobile|cell|fax|landline|daytime|evening")
_NUMBERS_OF_OTHERS = re.compile(
    r"(?:account|acct|order|invoice|case|customer|client|vendor|member|policy|ticket|licen[cs]e|kunden?)"
    r"(?:no|nr|num|number|nummer|id|code|ref)?"
)
"""Columns whose values look like numbers, and are none; `_OTHERS` are likewise."""
_OTHERS = frozenset(
    {"id", "ids", "code", "key", "ref", "reference", "ssn", "zip", "postal", "plz", "date", "datum"}
    | {"fecha", "time", "timestamp", "stamp", "created", "updated", "modified", "recordid", "uuid"}
    | {"rowid", "leadid", "userid", "listid", "zipcode", "postalcode"}
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_DATE = (
    r"^\s*(?:19|20)[0-9]{2}[-./ ]?(?:0[1-9]|1[0-2])[-./ ]?(?:0[1-9]|[12][0-9]|3[01])"
    r"|^\s*[0-9]{1,2}[-./][0-9]{1,2}[-./](?:19|20)[0-9]{2}(?:[^0-9]|$)"
)
_HAS_NUMBER = r"^(?:[^0-9]*[0-9]){9,18}[^0-9]*$"
"""Digits of a number with its area code; zips, dates and small ids have fewer."""

ENOUGH = 20_000
"""Values of a column by which it is judged."""


class UnusedColumns:
    """Looks for numbers in the columns of a feed that are not read.

    They are found where more than half of the values of a column are valid numbers, of nine digits
    or more, and neither the values nor the column's name say that these are dates or ids.
    """

    def __init__(
        self, name: str, feed: FeedFile, source: SourceFile, used: tuple[str, ...]
    ) -> None:
        """Take the feed, its file, and the columns that are read."""
        self._name, self._feed, self._source, self._used = name, feed, source, used
        columns = [each for each in source.columns if each not in used and not _is_other(each)]
        self._filled = dict.fromkeys(columns, 0)
        self._numbers = dict.fromkeys(columns, 0)

    def count_numbers(self, rows: pd.DataFrame, region: str) -> None:
        """Count the numbers of some rows (str), taken as those of a region (alpha-2 or empty)."""
        for column in self._filled:
            if self._filled[column] > ENOUGH:
                continue
            values = rows[column][:ENOUGH]
            self._filled[column] += int((values.str.strip() != "").sum())
            texts = pc.replace_substring_regex(to_arrow(values), r"[.,]0+\s*$", "")
            may_be = pc.and_not(
                pc.match_substring_regex(texts, _HAS_NUMBER),
                pc.match_substring_regex(texts, _DATE),
            )
            values = to_series(texts, values.index)[to_mask(may_be, values.index)]
            regions = pd.Series(region, index=values.index, dtype="str")
            known = parse_phones(values, regions)["valid"]
            abroad = parse_numbers("+" + digits_only(values[~known]), regions[~known])["valid"]
            self._numbers[column] += int(known.sum() + abroad.sum())

    def refuse(self) -> None:
        """Refuse a file that has numbers which would not be looked for.

        Raises:
            SourceFileError: it has.
        """
        found = [name for name, count in self._numbers.items() if 2 * count > self._filled[name]]
        if found:
            every = ", ".join(f'"{column}"' for column in (*self._used, *found))
            used = ", ".join(f'"{column}"' for column in self._used)
            raise SourceFileError(
                f"{self._source.name}: {quoted(tuple(found))} has numbers, too, and is not read. "
                "Name all columns of numbers in the settings: "
                f"{example(self._name, self._feed, f'column = [{every}]')}; or "
                f"column = [{used}] if the others do not count"
            )


def columns_of_numbers(name: str, feed: FeedFile, source: SourceFile) -> tuple[str, ...]:
    """Return the columns of a feed that have its numbers, see `loader.feeds.files.read_feeds`.

    Raises:
        SourceFileError: there is none, or none of that name.
    """
    if feed.column:
        found = [_column(each, source) for each in feed.column]
        return tuple(dict.fromkeys(found))
    if not source.header or len(source.columns) == 1:
        return source.columns
    found = [column for column in source.columns if _is_phone(column)]
    if not found:
        setting = f'column = "{source.columns[0]}"'
        raise SourceFileError(
            f"{source.name}: which of the columns {quoted(source.columns)} has the numbers? Name "
            f"it in the settings: {example(name, feed, setting)}; or "
            "give --feed a file of numbers alone"
        )
    return tuple(found)


def example(name: str, feed: FeedFile, setting: str) -> str:
    """Word a line of settings that says how a feed is read."""
    return f'feed.{name} = {{file = "{printable_path(feed.file)}", {setting}}}'


def quoted(columns: tuple[str, ...]) -> str:
    """Word names of columns."""
    return ", ".join(f"'{name}'" for name in columns)


def _column(wanted: int | str, source: SourceFile) -> str:
    columns = source.columns
    if isinstance(wanted, int):
        if wanted > len(columns):
            raise SourceFileError(
                f"{source.name}: it has no column {wanted}; its first row has {len(columns)}"
            )
        return columns[wanted - 1]
    if wanted in columns:
        return wanted
    found = [c for c in columns if normalize_name(c) == normalize_name(wanted)]
    if len(found) == 1 and normalize_name(wanted):
        return found[0]
    raise SourceFileError(
        f"{source.name}: it has no column {wanted!r}; it has {quoted(columns)}"
        if source.header
        else f"{source.name}: it has no header; give the column by its number, such as 1"
    )


def _is_phone(column: str) -> bool:
    """Say whether a column has a usual name of phone_number or alt_phone, or a further one."""
    name = normalize_name(column)
    return name in _phone_names() or re.sub(NUMBERED, "", name) in _phone_names()


@cache
def _phone_names() -> frozenset[str]:
    names = usual_names()
    return frozenset(
        normalize_name(each)
        for field in ("phone_number", "alt_phone")
        for each in (field, *names[field])
    )


def _is_other(column: str) -> bool:
    """Say whether the name of a column says that its values are no phone numbers."""
    name, words = normalize_name(column), [word.lower() for word in _WORD.findall(column)]
    if _PHONE.search(name):
        return False
    is_other = bool(words) and (words[-1] in _OTHERS or words[0] in _OTHERS)
    return is_other or _NUMBERS_OF_OTHERS.fullmatch(name) is not None

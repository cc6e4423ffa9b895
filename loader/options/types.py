"""Types of options that several models share."""

import re
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

Switch = Literal["Y", "N"]

DncCheck = Literal["Y", "N", "AREACODE"]


def split_at_commas(value: object) -> object:
    """Take a list also as text with commas."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def whole_number_as_text(value: object) -> object:
    """Take what TOML has without quotes: 6666."""
    return str(value) if type(value) is int else value


def _as_statuses(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,6}", name):
            raise ValueError(
                f"{name!r} is no status, which is 1 to 6 letters, digits, _ or -; "
                "write several as NEW,NA"
            )
    return names


def _as_table_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
            raise ValueError(f"{name!r} is no name of a dialer's table, such as vicidial_hopper")
    return names


def _one_or_several(value: object) -> object:
    """Take one text for a list of one: a format of dates may have commas in it."""
    return (value,) if isinstance(value, str) else value


def _as_date_formats(formats: tuple[str, ...]) -> tuple[str, ...]:
    for each in formats:
        # It has to read what it writes, to the day.
        day = date(1980, 12, 31)
        try:
            good = datetime.strptime(day.strftime(each), each).date() == day  # noqa: DTZ007 - a day
        except ValueError:
            good = False
        if not good:
            raise ValueError(f"{each!r} gives no date; write it such as %d.%m.%Y")
    return tuple(dict.fromkeys(formats))


Text = Annotated[str, BeforeValidator(whole_number_as_text)]

Statuses = Annotated[
    tuple[Text, ...], BeforeValidator(split_at_commas), AfterValidator(_as_statuses)
]

TableNames = Annotated[
    tuple[str, ...], BeforeValidator(split_at_commas), AfterValidator(_as_table_names)
]

Digits = Annotated[str, BeforeValidator(str), Field(pattern=r"^[0-9]*$")]

DateFormats = Annotated[
    tuple[str, ...], BeforeValidator(_one_or_several), AfterValidator(_as_date_formats)
]
"""Formats of dates in strptime's letters, each once."""

NullValues = Annotated[tuple[Text, ...], BeforeValidator(split_at_commas)]
"""Words that stand for nothing."""

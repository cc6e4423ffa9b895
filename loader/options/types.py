"""Types of options that several models share."""

import re
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


Text = Annotated[str, BeforeValidator(whole_number_as_text)]

Statuses = Annotated[
    tuple[Text, ...], BeforeValidator(split_at_commas), AfterValidator(_as_statuses)
]

TableNames = Annotated[
    tuple[str, ...], BeforeValidator(split_at_commas), AfterValidator(_as_table_names)
]


def _split_columns(value: object) -> object:
    """Take a list also as text with commas; a column without a name stays."""
    return (
        [part.strip() for part in value.split(",")] if isinstance(value, str) and value else value
    )


def _as_columns(names: tuple[str, ...]) -> tuple[str, ...]:
    if "" in names:
        raise ValueError("a column has no name; write - for one that is not used")
    return names


ColumnNames = Annotated[
    tuple[str, ...], BeforeValidator(_split_columns), AfterValidator(_as_columns)
]

SheetName = Annotated[Text, Field(min_length=1)] | None

Digits = Annotated[str, BeforeValidator(str), Field(pattern=r"^[0-9]*$")]

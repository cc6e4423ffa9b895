"""Types of options, each with what it takes: typing errors end a command before anything is done.

`""` stands for an option that is not given, where that is the default.
"""

import codecs
import re
from collections.abc import Collection
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from loader.options.suggestion import did_you_mean

STATUS = "[A-Za-z0-9_-]{1,6}"

Switch = Literal["Y", "N"]

DncCheck = Literal["Y", "N", "AREACODE"]


def split_at_commas(value: object) -> object:
    """Take a list also as text with commas."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def split_some_at_commas(value: object) -> object:
    """Likewise, but text has to name at least one, for none would ask for nothing."""
    parts = split_at_commas(value)
    if isinstance(value, str) and not parts:
        raise ValueError("it is empty; give at least one, or leave it out")
    return parts


def whole_number_as_text(value: object) -> object:
    """Take what TOML has without quotes: 6666."""
    return str(value) if type(value) is int else value


def _as_statuses(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(STATUS, name):
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
    tuple[Text, ...], BeforeValidator(split_some_at_commas), AfterValidator(_as_statuses)
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

SMALLEST_LIST_ID = 100
HIGHEST_PRIORITY = 99

CALLBACK_TYPES = ("USERONLY", "ANYONE")
USUAL_ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1", "cp437", "mac-roman")
TZ_METHODS = ("POSTAL", "NANPA", "POSTAL-NANPA", "NANPA-POSTAL", "TZCODE")


def check_choice(given: str, choices: Collection[str]) -> str:
    """Take one of a few texts, or nothing. ValueError names them."""
    if given and given not in choices:
        raise ValueError(f"{given!r} is none of {', '.join(choices)}{did_you_mean(given, choices)}")
    return given


def check_list_id(given: str) -> str:
    """Take what a list can be called: 3 to 12 digits, at least 100. ValueError: it is none."""
    if given and (not re.fullmatch("[0-9]{3,12}", given) or int(given) < SMALLEST_LIST_ID):
        raise ValueError(f"{given!r} is no list_id; give 3 to 12 digits, at least 100")
    return given


def check_phone_code(given: str) -> str:
    """Take the calling code of a country. ValueError: no country has it."""
    if given:
        # Imported late: reading the options has to stay quick.
        from loader.phones.regions import is_calling_code  # noqa: PLC0415

        if not is_calling_code(given):
            meant = meant_code(given)
            raise ValueError(
                f"{given!r} is the calling code of no country; give digits such as 1 or 44"
                + (f"; did you mean {meant}?" if meant else "")
            )
    return given


def meant_code(given: str) -> str:
    """Give the calling code that a text is understood as in a column: of 1-876, +1 or US 1."""
    from loader.phones.phone_codes import read_phone_code  # noqa: PLC0415

    return read_phone_code(given).code


def check_tz_method(given: str) -> str:
    """Take the methods of add_lead: POSTAL and NANPA in any letter case, TZCODE by itself."""
    if given.upper() not in TZ_METHODS or (given != "TZCODE" and given.upper() == "TZCODE"):
        return check_choice(given, TZ_METHODS)
    return given


def check_priority(given: str) -> str:
    """Take a whole number from -99 to 99. ValueError: it is none."""
    if not re.fullmatch("[+-]?0*[0-9]{1,2}", given):
        raise ValueError(
            f"{given!r} is no priority; give a whole number from -{HIGHEST_PRIORITY} to "
            f"{HIGHEST_PRIORITY}"
        )
    return given


def check_name(given: str) -> str:
    """Take what names of the dialer are made of: others would be dropped, and another one meant."""
    if re.search("[^A-Za-z0-9_-]", given):
        meant = re.sub("[^A-Za-z0-9_-]", "", given)
        raise ValueError(
            f"{given!r} has characters that no name of the dialer has; give letters, digits, _ "
            "and -" + (f"; did you mean {meant}?" if meant else "")
        )
    return given


def check_callback_datetime(given: str) -> str:
    """Take what a column callback_datetime may hold, or nothing. ValueError: it is no such time."""
    if given and not _is_callback_time(given):
        raise ValueError(
            f"{given!r} is no time of a callback; write it such as 2026-12-31 10:00:00, "
            f"2026-12-31, NOW or 3DAYS{did_you_mean(given, ['NOW', '3DAYS', '1DAYS'])}"
        )
    return given


def _is_callback_time(given: str) -> bool:
    # Imported late: reading the options has to stay quick, and pandas is slow.
    from loader.frames.callback_times import is_callback_time  # noqa: PLC0415

    return is_callback_time(given)


def check_encoding(given: str) -> str:
    """Take the name of an encoding of text. ValueError: there is none of that name."""
    try:
        is_known = given == "mixed" or codecs.lookup(given)._is_text_encoding
    except LookupError:
        is_known = False
    if not is_known:
        raise ValueError(
            f"{given!r} is no encoding; usual ones are {', '.join(USUAL_ENCODINGS)}"
            + did_you_mean(given, USUAL_ENCODINGS)
        )
    return given


def check_status(given: str) -> str:
    """Take the name of a status, or nothing. ValueError: no status is called so."""
    if given and not re.fullmatch(STATUS, given):
        raise ValueError(f"{given!r} is no status; give 1 to 6 letters, digits, _ or -")
    return given


def _one_of(*choices: str) -> AfterValidator:
    return AfterValidator(lambda given: check_choice(given, choices))


ListId = Annotated[Digits, AfterValidator(check_list_id)]
PhoneCode = Annotated[Digits, Field(max_length=10), AfterValidator(check_phone_code)]
TzMethod = Annotated[str, AfterValidator(check_tz_method)]
Priority = Annotated[Text, AfterValidator(check_priority)]
Name = Annotated[Text, AfterValidator(check_name)]
EncodingName = Annotated[str, AfterValidator(check_encoding)]
CallbackType = Annotated[str, _one_of(*CALLBACK_TYPES)]
CallbackTime = Annotated[str, AfterValidator(check_callback_datetime)]
Status = Annotated[Text, AfterValidator(check_status)]
DateFormats = Annotated[
    tuple[str, ...], BeforeValidator(_one_or_several), AfterValidator(_as_date_formats)
]
"""Formats of dates in strptime's letters, each once."""

NullValues = Annotated[tuple[Text, ...], BeforeValidator(split_at_commas)]
"""Words that stand for nothing."""

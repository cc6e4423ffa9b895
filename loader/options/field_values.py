"""The values of default and force: what a field can hold, where that is a closed set or a range."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime

from loader.fields.lead import (
    LARGEST_ENTRY_LIST_ID,
    NEVER_LOADED,
    NO_DATE,
    RANKS,
    usual_names,
)
from loader.options.suggestion import did_you_mean
from loader.options.types import (
    CALLBACK_TYPES,
    check_callback_datetime,
    check_choice,
    check_list_id,
    check_name,
    check_phone_code,
    check_priority,
    check_status,
)


def check_field_values(
    values: Mapping[str, str], *, has_custom_fields: bool, date_format: object = None
) -> None:
    """Check what default or force give to fields; a value that is empty is always fine.

    Args:
        values: by name of the field.
        has_custom_fields: names that no field of a lead has may be labels of custom fields.
        date_format: a strptime format, or several, by which dates of birth are read, too.

    Raises:
        ValueError: there is no such field, or it cannot hold the value; begins with its name.
    """
    for name, value in values.items():
        if name not in usual_names() and (name in NEVER_LOADED or not has_custom_fields):
            raise ValueError(_unknown_field(name))
        if not value:
            continue
        try:
            if name == "date_of_birth":
                _check_date(value, date_format)
            elif name in CHECKS:
                CHECKS[name](value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def _unknown_field(name: str) -> str:
    return (
        f"{name!r} is no field of a lead; the fields are {', '.join(usual_names())}; labels of "
        f"custom fields count with custom_fields Y{did_you_mean(name, usual_names())}"
    )


def _check_gender(value: str) -> None:
    check_choice(value, ("M", "F", "U"))


def _check_switch(value: str) -> None:
    check_choice(value, ("Y", "N"))


def _check_callback_type(value: str) -> None:
    check_choice(value, CALLBACK_TYPES)


def _check_rank(value: str) -> None:
    if not re.fullmatch("[+-]?[0-9]{1,9}", value) or not RANKS[0] <= int(value) <= RANKS[1]:
        raise ValueError(f"{value!r} is no rank; give a whole number from {RANKS[0]} to {RANKS[1]}")


def _check_entry_list_id(value: str) -> None:
    if not re.fullmatch("[0-9]{1,20}", value) or int(value) > LARGEST_ENTRY_LIST_ID:
        raise ValueError(f"{value!r} is no entry_list_id; give a whole number")


def _check_country(value: str) -> None:
    # Imported late: reading the options has to stay quick.
    from loader.phones.regions import named_region  # noqa: PLC0415

    if not named_region(value):
        raise ValueError(f"{value!r} is no country; give such as US, USA or GB")


def _check_date(value: str, date_format: object) -> None:
    """Take a date in ISO, with zeros for what is not known, or by the formats."""
    formats = (date_format,) if isinstance(date_format, str) else date_format or ()
    for each in formats if isinstance(formats, tuple | list) else ():
        try:
            datetime.strptime(value, each)  # noqa: DTZ007 - a day
        except ValueError:
            continue
        return
    iso = re.fullmatch("([0-9]{4})-([0-9]{2})-([0-9]{2})", value)
    try:
        good = iso is not None and bool(date(int(iso[1]) or 4, int(iso[2]) or 1, int(iso[3]) or 1))
    except ValueError:
        good = False
    if not good and value != NO_DATE:
        raise ValueError(f"{value!r} is no date of birth; write it such as 1980-12-31")


CHECKS: Mapping[str, Callable[[str], object]] = {
    "list_id": check_list_id,
    "phone_code": check_phone_code,
    "gender": _check_gender,
    "rank": _check_rank,
    "entry_list_id": _check_entry_list_id,
    "country_code": _check_country,
    "campaign_id": check_name,
    "add_to_hopper": _check_switch,
    "hopper_priority": check_priority,
    "callback": _check_switch,
    "callback_status": check_status,
    "callback_datetime": check_callback_datetime,
    "callback_type": _check_callback_type,
    "callback_user": check_name,
}
"""By field. What is not here is text of any kind, which is cut to its column with a notice."""

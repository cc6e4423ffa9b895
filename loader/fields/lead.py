"""The fields of a lead: their names, widths, usual column names and default values."""

import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

WIDTHS: Mapping[str, int] = {
    "vendor_lead_code": 20,
    "source_id": 50,
    "phone_code": 10,
    "phone_number": 18,
    "title": 4,
    "first_name": 30,
    "middle_initial": 1,
    "last_name": 30,
    "address1": 100,
    "address2": 100,
    "address3": 100,
    "city": 50,
    "state": 2,
    "province": 50,
    "postal_code": 10,
    "country_code": 3,
    "alt_phone": 12,
    "email": 70,
    "security_phrase": 100,
    "comments": 255,
    "owner": 20,
}
"""Widths of the text fields in characters, where no table gives other ones."""

RANKS = (-(2**15), 2**15 - 1)
"""The lowest and the highest rank that the column holds."""
LARGEST_LIST_ID = 2**63 - 1
LARGEST_ENTRY_LIST_ID = 2**64 - 1

NO_DATE = "0000-00-00"

CUSTOM_PREFIX = "custom:"
"""Prefix of the label of a custom field, where fields are named."""


NEVER_LOADED = frozenset(
    {"lead_id", "entry_date", "modify_date", "status", "user", "gmt_offset_now",
     "called_since_last_reset", "called_count", "last_local_call_time"}
)  # fmt: skip
"""Columns of vicidial_list that only the dialer sets; add_lead accepts them from nobody."""


@cache
def usual_names() -> Mapping[str, Sequence[str]]:
    """Return the usual column names of each field (names.toml)."""
    names: dict[str, list[str]] = tomllib.loads(
        files("loader.fields").joinpath("names.toml").read_text("utf-8")
    )
    return names


def normalize_name(name: str) -> str:
    """Reduce a name to its letters and digits, in lower case and without accents."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in letters if letter.isalnum())


@cache
def _fields_by_name() -> Mapping[str, str]:
    fields = {
        normalize_name(name): field for field, names in usual_names().items() for name in names
    }
    return fields | {normalize_name(field): field for field in usual_names()}


def field_of_name(name: str) -> str | None:
    """Return the field of which a text is the name, or a usual one; None: of no field."""
    return _fields_by_name().get(normalize_name(name))


DEFAULT_VALUES = {
    "status": "NEW",
    "called_since_last_reset": "N",
    "called_count": "0",
    "gender": "U",
    "date_of_birth": NO_DATE,
    "rank": "0",
    "entry_list_id": "0",
}
"""What add_lead stores in fields without a value; in all other fields it stores an empty text."""

TEXT_FIELDS = tuple(field for field in WIDTHS if field not in {"phone_code", "phone_number"})

LEAD_FIELDS = (
    "list_id", "gmt_offset_now", "phone_code", "phone_number", *TEXT_FIELDS, *DEFAULT_VALUES,
)  # fmt: skip

NEW_LEAD_COLUMNS = (*LEAD_FIELDS, "entry_date", "modify_date", "last_local_call_time", "user")
"""The columns that a new lead is given values in, as far as the table has them."""

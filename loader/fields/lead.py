"""The fields of a lead: their names, widths, usual column names and default values."""

import difflib
import re
import tomllib
import unicodedata
from collections.abc import Collection, Mapping, Sequence
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

CLOSE = 0.8
"""How like a name must be to be proposed, as difflib's ratio: 1 is the same."""

SHORTEST_PART = 4
"""Letters of a usual name that is recognized within a longer one."""

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


def nearest_field(name: str, among: Collection[str] | None = None) -> str | None:
    """Return the field that a column is probably meant for, by its name; None: it says none.

    Some name of the field is almost the same, or is part of it: Customer Phone Number. `among`: the
    fields to choose from; None: all.
    """
    names = {
        it: field for it, field in _fields_by_name().items() if among is None or field in among
    }
    close = difflib.get_close_matches(normalize_name(name), names, 1, CLOSE)
    if close:
        return names[close[0]]
    words = [normalize_name(word) for word in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name)]
    parts = {
        "".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, len(words) + 1)
    }
    contained = [part for part in parts & names.keys() if len(part) >= SHORTEST_PART]
    return names[max(contained, key=lambda part: (len(part), part))] if contained else None


def unknown_field(name: str, labels: Collection[str] = ()) -> str:
    """Say that a text is the name of no field, and which are."""
    close = difflib.get_close_matches(name, [*usual_names(), *labels], 1, CLOSE)
    field = close[0] if close else nearest_field(name)
    hint = f"did you mean {field}? " if field else ""
    known = ", ".join([*usual_names(), *labels])
    custom = "" if labels else "; labels of custom fields count with custom_fields Y"
    return f"{name!r} is no field of a lead; {hint}the fields are {known}{custom}"


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

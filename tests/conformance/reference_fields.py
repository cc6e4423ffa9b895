"""What a value becomes on its way into `vicidial_list`: a plain reference for the tests."""

import re
import unicodedata
from functools import cache

#: Widths of the text columns that a lead may fill.
WIDTHS = {
    "vendor_lead_code": 20,
    "source_id": 50,
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
BIGGEST_UNSIGNED = 2**64 - 1
NO_DATE = "0000-00-00"
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

#: Numbers that a spreadsheet or a float column wrote: 7.27556E+09, 7275551212.0.
DAMAGED = re.compile(r"[+-]?\d+(?:[.,]\d*)?[eE][+-]?\d+|[+-]?\d+[.,]0{1,2}")

#: Scripts whose cases the collation does not know.
LATER = (("\u10a0", "\u1e00"), ("\u2c00", "\u2e00"), ("\ua640", "\uac00"))


@cache
def fold(value: str) -> str:
    """Return what `value` is compared by: case, accents and trailing blanks do not matter."""
    return "".join(map(_weight, value.rstrip(" ")))


def _weight(character: str) -> str:
    """Return the base letter in upper case, as utf8mb3_general_ci weighs a character.

    Its table is older than many scripts: it knows case and accents of Latin, Greek and Cyrillic
    letters (and takes the short i of Russian for a letter of its own), not of Georgian or kana.
    """
    upper = character.upper()
    later = any(start <= character < end for start, end in LATER)
    if later or (len(upper) > 1 and character != "\u00df" and not _marks(upper[1:])):
        return character
    parts = unicodedata.normalize("NFD", upper[0])
    accented = len(parts) > 1 and _marks(parts[1:]) and parts[0].isalpha()
    known = parts[0] < "\u0500" and upper[0] < "\u2000" and upper[0] != "\u0419"
    return parts[0] if accented and known else upper[0]


def _marks(text: str) -> bool:
    return all(unicodedata.combining(mark) for mark in text)


def digits(value: str) -> str:
    """Keep the ASCII digits of a value."""
    return re.sub(r"[^0-9]", "", value)


def phone_digits(value: str) -> str:
    """Keep the digits of a phone number, those of other scripts as ASCII."""
    return "".join(str(unicodedata.decimal(c)) for c in value if c.isdecimal())


def damaged(value: str) -> bool:
    """Say whether a spreadsheet wrote this phone number."""
    return DAMAGED.fullmatch(value.strip()) is not None


def keep(value: str, highest: int = 0xFFFF) -> tuple[str, list[str]]:
    """Return the value with nothing dropped but what the column cannot hold, and the notices."""
    notices = []
    kept = "".join(c for c in value if unicodedata.category(c) != "Cc")
    if kept != value:
        notices.append("CONTROL")
    plain = "".join(c if ord(c) <= highest else "?" for c in kept)
    if plain != kept:
        notices.append("UNSTORABLE")
    return plain, notices


def stored_gender(value: str) -> tuple[str, list[str]]:
    """Return M, F or U, of which only capitals count; an unknown value is U with a notice."""
    name = re.sub(r"[^A-Z]", "", value)
    known = name in ("M", "F", "U")
    return name if known else "U", ["GENDER"] if value.strip() and not known else []


def stored_rank(value: str) -> tuple[int, list[str]]:
    """Return a whole number in the range of a smallint, else 0 with a notice."""
    text = value.strip()
    if re.fullmatch(r"[+-]?[0-9]+", text) and -32768 <= int(text) <= 32767:
        return int(text), []
    return 0, ["RANK"] if text else []


def stored_list_id(value: str) -> int:
    """Return a list_id as the column holds it: digits only, at most the biggest it can hold."""
    return min(int(digits(value) or 0), BIGGEST_UNSIGNED)


def stored_date_of_birth(value: str) -> tuple[str, list[str]]:
    """Return the date as the database reads the digits and hyphens of `value`."""
    text = re.sub(r"[^0-9-]", "", value)
    date = read_date(text)
    return date or NO_DATE, ["DATE_OF_BIRTH"] if value.strip() and not date else []


def read_date(text: str) -> str | None:
    """Read digits and hyphens as MariaDB does; None where it finds no date."""
    if re.fullmatch(r"[0-9]+", text):
        width = 4 if len(text) in (4, 8) or len(text) >= 14 else 2
        found = re.match(rf"([0-9]{{{width}}})([0-9]{{1,2}})([0-9]{{1,2}})", text)
    else:
        found = re.match(r"([0-9]+)-([0-9]+)-([0-9]+)", text)
    if not found:
        return None
    year, month, day = (int(part) for part in found.groups())
    if len(found[1]) == 2 and (year or month or day):
        year += 2000 if year < 70 else 1900
    return f"{year:04}-{month:02}-{day:02}" if exists(year, month, day) else None


def exists(year: int, month: int, day: int) -> bool:
    """Say whether the database takes the date; month and day may be 0."""
    if year > 9999 or month > 12 or day > 31:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or (year % 400 == 0 and year != 0))
    if month == 2 and leap:
        return day <= 29
    return month == 0 or day <= MONTH_DAYS[month - 1]

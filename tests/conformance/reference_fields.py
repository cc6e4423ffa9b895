"""What a value becomes on its way into `vicidial_list`: a plain reference for the tests."""

import re
import unicodedata
from functools import cache

from loader.phones.regions import country_abbreviation, named_region

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

SEPARATORS = "\t\n\v\f\r\x85\u2028\u2029"
BLANKS = " \u00a0\u1680\u202f\u205f\u3000\ufeff\u2060\u180e" + "".join(
    map(chr, (*range(0x2000, 0x2010), *range(0x202A, 0x202F), *range(0x2061, 0x2065)))
)
BLANKS += "\u2066\u2067\u2068\u2069\u2800\u3164"

MALE = (
    "m", "male", "man", "masculine", "masculin", "masculino", "maschio", "maschile",
    "m\u00e4nnlich", "maennlich", "mann", "homme", "hombre", "homem", "var\u00f3n", "varon",
)  # fmt: skip
FEMALE = (
    "f", "w", "female", "woman", "feminine", "f\u00e9minin", "feminin", "femenino", "feminino",
    "femmina", "femminile", "weiblich", "frau", "femme", "mujer", "mulher", "fem",
)  # fmt: skip

#: What may follow the time of a date.
ZONE = re.compile(r"(?i)(?: ?[AP]\.?M\.?)?(?: ?(?:[A-Z]{1,5}|[+-]\d\d(?::?\d\d)?))?", re.ASCII)

STATES = {
    "AK": "Alaska", "AL": "Alabama", "AR": "Arkansas", "AS": "American Samoa", "AZ": "Arizona",
    "CA": "California", "CO": "Colorado", "CT": "Connecticut", "DC": "District of Columbia",
    "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "GU": "Guam", "HI": "Hawaii", "IA": "Iowa",
    "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "KS": "Kansas", "KY": "Kentucky",
    "LA": "Louisiana", "MA": "Massachusetts", "MD": "Maryland", "ME": "Maine", "MI": "Michigan",
    "MN": "Minnesota", "MO": "Missouri", "MP": "Northern Mariana Islands", "MS": "Mississippi",
    "MT": "Montana", "NC": "North Carolina", "ND": "North Dakota", "NE": "Nebraska",
    "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NV": "Nevada",
    "NY": "New York", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania",
    "PR": "Puerto Rico", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VA": "Virginia", "VI": "Virgin Islands",
    "VT": "Vermont", "WA": "Washington", "WI": "Wisconsin", "WV": "West Virginia", "WY": "Wyoming",
    "AB": "Alberta", "BC": "British Columbia", "MB": "Manitoba", "NB": "New Brunswick",
    "NL": "Newfoundland and Labrador", "NS": "Nova Scotia", "NT": "Northwest Territories",
    "NU": "Nunavut", "ON": "Ontario", "PE": "Prince Edward Island", "QC": "Quebec",
    "SK": "Saskatchewan", "YT": "Yukon",
    "ACT": "Australian Capital Territory", "NSW": "New South Wales", "QLD": "Queensland",
    "SA": "South Australia", "TAS": "Tasmania", "VIC": "Victoria",
}  # fmt: skip
AUSTRALIAN = ("South Australia",)

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
    lines = join_lines(value)
    if lines != value:
        notices.append("LINES")
    kept = "".join(c for c in lines if unicodedata.category(c) != "Cc")
    if kept != lines:
        notices.append("CONTROL")
    plain = "".join(c if ord(c) <= highest else "?" for c in kept)
    if plain != kept:
        notices.append("UNSTORABLE")
    return plain, notices


def join_lines(value: str) -> str:
    """Put one blank in the place of line breaks and tabs, and of what is blank beside them."""
    parts = [[]]  # type: list[list[str]]
    for character in value:
        if character in SEPARATORS:
            parts.append([])
        else:
            parts[-1].append(character)
    words = ["".join(part) for part in parts]
    if len(words) == 1:
        return value
    inner = [word.strip(BLANKS) for word in words[1:-1]]
    return " ".join([words[0].rstrip(BLANKS), *filter(None, inner), words[-1].lstrip(BLANKS)])


def stored_gender(value: str) -> tuple[str, list[str]]:
    """Return M, F or U, of letters or words; an unknown value is U with a notice."""
    word = value.strip().rstrip(".").lower()
    for letter, words in {"M": MALE, "F": FEMALE, "U": ("u", "unknown", "")}.items():
        if word in words:
            return letter, []
    return "U", ["GENDER"]


def stored_state(value: str) -> str:
    """Return the abbreviation of a state that is longer than two letters; else the value.

    "": its first letters are another state's.
    """
    if len(value) <= 2 or value != value.strip():
        return value
    name = re.sub(r"[^a-z]+", " ", value.lower().replace(".", "")).strip()
    spelled = {code.lower(): code for code in STATES} | {
        full.lower(): code for code, full in STATES.items()
    }
    spelled |= {" ".join(code.lower()): code for code in STATES}
    if name.upper() == value.upper() and name in spelled and len(spelled[name]) == len(value):
        return value
    if name in spelled:
        return spelled[name]
    own = value[:2].upper()
    return "" if own in STATES and STATES[own] not in AUSTRALIAN else value


def stored_country(value: str) -> str:
    """Return the code of a country that is longer than three letters; else the value.

    "": its first letters are another country's. The names are those of loader/phones/regions.toml.
    """
    if len(value) <= 3 or value != value.strip():
        return value
    return country_abbreviation(value) or ("" if named_region(value[:3]) else value)


def stored_rank(value: str) -> tuple[int, list[str]]:
    """Return a whole number in the range of a smallint, else 0 with a notice."""
    text = value.strip()
    if re.fullmatch(r"[+-]?[0-9]+", text) and -32768 <= int(text) <= 32767:
        return int(text), []
    return 0, ["RANK"] if text else []


def is_number(value: str) -> bool:
    """Say whether a value is digits alone."""
    return value.isascii() and value.isdigit()


def stored_list_id(value: str) -> int:
    """Return an entry_list_id as the column holds it: at most the biggest; no number is 0."""
    text = value.strip()
    return min(int(text), BIGGEST_UNSIGNED) if is_number(text) else 0


def stored_date_of_birth(value: str) -> tuple[str, list[str]]:
    """Return an ISO date, with hyphens or without; a time may follow."""
    text = value.strip()
    if re.fullmatch(r"(0{1,4}-0{1,2}-0{1,2}([T ][0:.]+Z?)?|0+)?", text):
        return NO_DATE, []
    date_with_time = (
        r"(\d{4})-(\d\d?)-(\d\d?)(?:(?:T| +)(\d\d?):(\d\d)(?::?(\d\d)([.,]\d+)?)?(.*))?",
        r"([3-9]\d)-(\d\d?)-(\d\d?)(?:(?:T| +)(\d\d?):(\d\d)(?::?(\d\d)([.,]\d+)?)?(.*))?",
        r"([3-9]\d)(\d\d)(\d\d)()()()()()",
        r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?([.,]\d+)?(.*))?",
    )
    found = next(filter(None, (re.fullmatch(p, text, re.ASCII) for p in date_with_time)), None)
    if found and ZONE.fullmatch(found[8] or ""):
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
        if len(found[1]) == 2:  # no day of a month, so that it is a year
            year = 1900 + year if year > 31 else 0
        good = hour <= 24 and minute <= 59 and second <= 60
        if good and 1 <= month <= 12 and day >= 1 and year and exists(year, month, day):
            return f"{year:04}-{month:02}-{day:02}", []
    return NO_DATE, ["DATE_OF_BIRTH"]


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


def alt_phone(text: str) -> str:
    """Drop the marks of an alternate number that is too long, as the dialer drops them of all."""
    if len(text) <= WIDTHS["alt_phone"] or sum(c.isdecimal() for c in text) < 7:
        return text
    return "".join(c for c in text.replace("+", " ") if c.isalnum() or c in "-_.' ")

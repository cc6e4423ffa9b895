"""Formats of values on a page: numbers for people, and untrusted text made harmless."""

import math
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from markupsafe import Markup

from loader.paths import visible_line
from loader.reasons import title_of
from loader.results.lines import count_of

MOST_SHOWN = 120
"""Characters of a value that are shown."""

DIGIT_SEPARATORS = r"(?:ext(?:ension)?|x|(?<=\d)e[+-]?(?=\d)|[\W_]){0,6}"
NUMBERS = re.compile(rf"\d(?:{DIGIT_SEPARATORS}\d){{6,}}|\d[\d.,]{{0,30}}e[+-]?\d+", re.IGNORECASE)
"""Seven or more digits with few other characters between them, or scientific notation."""
LONGEST_LIST_ID = 8
"""In digits; a longer one may be a phone number in the wrong column."""
PERSONAL_TEXTS = {
    "first_name", "middle_initial", "last_name", "address1", "address2", "address3", "comments",
    "security_phrase",
}  # fmt: skip
"""Fields whose words are a person's."""
PHONE_FIELDS = {"phone_number", "alt_phone", "address3"}
WORD = re.compile(r"\w+")
MASK = "\N{BULLET}"
NOTHING, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"

SIZES = ("bytes", "KB", "MB", "GB", "TB")
PERIODS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
DURATION_UNITS = (("year", 365), ("month", 30), ("week", 7), ("day", 1))


def visible(text: str, most: int = MOST_SHOWN) -> str:
    """Format a value as `visible_line` does; what is longer than `most` is cut."""
    # Only the part that can be shown is processed: a value may have megabytes.
    line = visible_line(text[: most + 1])
    return line if len(line) <= most else line[: most - 1] + "…"


def as_html(text: object, most: int = MOST_SHOWN) -> Markup:
    """Return a value as escaped HTML that cannot change the direction of the text around it."""
    return Markup("<bdi>{}</bdi>").format(visible(str(text), most))


def mask_numbers(text: str) -> str:
    """Mask the middle of each number of seven or more digits: 7275551234 becomes 727•••••34.

    Digits with up to six other characters, x or ext between them count as one number; so does
    7.27556E+09.
    """
    return NUMBERS.sub(_mask_digits, text)


def mask_words(text: str) -> str:
    """Mask all of each word but its first character: 12 Main St becomes 1• M••• S•."""
    return WORD.sub(lambda word: word[0][0] + MASK * (len(word[0]) - 1), text)


def mask_person(value: str, field: str) -> str:
    """Mask what a field says of a person: a mail address up to its domain, names, streets.

    Of phone numbers the middle, in whatever they are short; of other fields long numbers alone.
    """
    if field == "email":
        name, at, domain = value.rpartition("@")
        return mask_words(name) + at + (domain if at else mask_words(domain))
    if field in PERSONAL_TEXTS:
        return mask_words(value)
    masked = mask_numbers(value)
    return mask_words(value) if field in PHONE_FIELDS and masked == value else masked


def mask_list_id(list_id: str) -> str:
    """Mask the middle of a list_id that may be a phone number."""
    return list_id if len(list_id) <= LONGEST_LIST_ID else mask_numbers(list_id)


def _mask_digits(number: re.Match[str]) -> str:
    text = number[0]
    places = [place for place, character in enumerate(text) if character.isdecimal()]
    masked_places = set(places[3:-2])
    return "".join(MASK if place in masked_places else each for place, each in enumerate(text))


def number(value: float) -> str:
    """Format a count: 1,234,567; with one decimal place if it is no whole number."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def percent(share: float | None) -> str:
    """Format a share from 0 to 1; only exactly 0 and 1 become 0% and 100%; None: a dash."""
    if share is None:
        return NOTHING
    if share in {0, 1}:
        return f"{share:.0%}"
    if 0 < share < 0.001:
        return "<0.1%"
    return "99.9%" if 0.999 < share < 1 else f"{share:.1%}"


def points(score: float) -> str:
    """Format a score from 0 to 100; only exactly 0 and 100 become 0.0 and 100.0."""
    return f"{score if score in {0, 100} else min(max(score, 0.1), 99.9):.1f}"


def unchecked_parts(unknown: int, parts: int) -> str:
    """Warn that some parts of a score were not checked, for those who compare scores."""
    if not unknown:
        return ""
    be = "was" if unknown == 1 else "were"
    return f"{unknown} of {parts} parts {be} not checked; compare only lists with the same checks"


def size(count: int) -> str:
    """Format a number of bytes: 1.4 MB."""
    value = float(count)
    for unit in SIZES:
        if value < 1000 or unit == SIZES[-1]:
            break
        value /= 1000
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"


def duration(seconds: float) -> str:
    """Format a duration in its two largest units: 2 hours 5 minutes."""
    if seconds < 1:
        return "less than a second"
    left, units = round(seconds), []
    for noun, length in PERIODS:
        count, left = divmod(left, length)
        if count:
            units.append(count_of(count, noun))
        elif units:
            break
    return " ".join(units[:2])


def ago(since: datetime, now: datetime) -> str:
    """Format the time from `since` to `now`, both of the same zone: 3 months ago."""
    days = (now.date() - since.date()) // timedelta(days=1)
    for noun, length in DURATION_UNITS:
        if days >= length:
            return f"{count_of(days // length, noun)} ago"
    return "today" if days == 0 else "after today"


def moment(when: datetime) -> str:
    """Format a date and a time of day: 22 November 2026, 09:05 UTC."""
    zone = when.tzname()
    return f"{when.day} {when:%B %Y, %H:%M}" + (f" {zone}" if zone else "")


def words(name: str) -> str:
    """Format the name of a reason, notice or oddity in words: Phone number in DNC."""
    plain, _, rest = name.partition(":")
    return title_of(plain) + (f": {visible(rest, 40)}" if rest else "")


FILTERS = {
    each.__name__: each
    for each in (
        as_html, count_of, duration, mask_numbers, moment, number, percent, points, size, visible,
        words,
    )
}  # fmt: skip
"""Filters of the templates, by name."""


BARS = "▁▂▃▄▅▆▇█"


def spark(values: Iterable[float], highest: float | None = None) -> str:
    """Draw numbers as a line of bars, one character each; "" for no numbers.

    The highest bar stands for `highest`, by default the largest number, and for anything beyond;
    negative numbers and NaN are drawn as 0.
    """
    numbers = [0.0 if math.isnan(value) else max(0.0, value) for value in values]
    top = max(numbers, default=0.0) if highest is None else highest
    return "".join(_bar(number, top) for number in numbers)


def _bar(number: float, top: float) -> str:
    share = min(1.0, number / top) if number < top else float(number > 0)
    return BARS[round(share * (len(BARS) - 1))]

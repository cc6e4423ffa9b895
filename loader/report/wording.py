"""How values are written on a page: numbers for people, and text of strangers made harmless."""

import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

from markupsafe import Markup

from loader.reasons import title_of
from loader.results.lines import count_of

MOST_SHOWN = 120
"""Characters of a value that are shown."""

UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Unicode categories of characters that turn or break lines, or that nobody sees."""
JOINERS = {"\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}"}
"""Belong to how emoji and some scripts are written."""

BETWEEN = r"(?:ext(?:ension)?|x|(?<=\d)e[+-]?(?=\d)|[\W_]){0,6}"
NUMBERS = re.compile(rf"\d(?:{BETWEEN}\d){{6,}}|\d[\d.,]{{0,30}}e[+-]?\d+", re.IGNORECASE)
"""Seven digits and more with a little between them, and numbers in scientific notation."""
LONGEST_LIST_ID = 8
"""Digits; what is longer may be a phone number in the wrong column."""
MASK = "\N{BULLET}"
NOTHING, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"

SIZES = ("bytes", "KB", "MB", "GB", "TB")
PERIODS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
DURATION_UNITS = (("year", 365), ("month", 30), ("week", 7), ("day", 1))


def visible(text: str, most: int = MOST_SHOWN) -> str:
    """Write a value so that it stays one line, within its bounds, and hides nothing.

    A character that controls how others are shown, such as U+202E, is written by its number.

    Args:
        text: of anybody; lone surrogates may be in it.
        most: characters; longer text is cut, and ends in an ellipsis.
    """
    # Only what can be shown is looked at: a value may have megabytes.
    seen = "".join(_seen(character) for character in text[: most + 1])
    return seen if len(seen) <= most else seen[: most - 1] + "…"


def _seen(character: str) -> str:
    if unicodedata.category(character) in UNSEEN and character not in JOINERS:
        return f"⟨U+{ord(character):04X}⟩"
    return character


def as_html(text: object, most: int = MOST_SHOWN) -> Markup:
    """Give a value as HTML that disturbs nothing around it, whichever way it is written."""
    return Markup("<bdi>{}</bdi>").format(visible(str(text), most))


def mask_numbers(text: str) -> str:
    """Hide the middle of each number of seven digits and more: 7275551234 is 727•••••34.

    Digits count as one number with up to six signs, or x and ext, between them; and so do those of
    7.27556E+09.
    """
    return NUMBERS.sub(_hidden, text)


def masked_list(list_id: str) -> str:
    """Hide the middle of a list_id that may be a phone number."""
    return list_id if len(list_id) <= LONGEST_LIST_ID else mask_numbers(list_id)


def _hidden(number: re.Match[str]) -> str:
    text = number[0]
    places = [place for place, character in enumerate(text) if character.isdecimal()]
    hidden = set(places[3:-2])
    return "".join(MASK if place in hidden else each for place, each in enumerate(text))


def number(value: float) -> str:
    """Write a count: 1,234,567; with one decimal place if it has any."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def percent(share: float | None) -> str:
    """Write a share from 0 to 1; none and all are said only of exactly none and all."""
    if share is None:
        return NOTHING
    if share in {0, 1}:
        return f"{share:.0%}"
    if 0 < share < 0.001:
        return "<0.1%"
    return "99.9%" if 0.999 < share < 1 else f"{share:.1%}"


def points(score: float) -> str:
    """Write a score from 0 to 100; none and all are said only of exactly none and all."""
    return f"{score if score in {0, 100} else min(max(score, 0.1), 99.9):.1f}"


def not_looked_at(unknown: int, parts: int) -> str:
    """Say how many parts of a score are not known, which matters to who compares scores."""
    if not unknown:
        return ""
    be = "was" if unknown == 1 else "were"
    return (
        f"{unknown} of {parts} parts {be} not looked at; compare only lists that were checked alike"
    )


def size(count: int) -> str:
    """Write a number of bytes: 1.4 MB."""
    value = float(count)
    for unit in SIZES:
        if value < 1000 or unit == SIZES[-1]:
            break
        value /= 1000
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"


def duration(seconds: float) -> str:
    """Write how long something takes, in its two largest units: 2 hours 5 minutes."""
    if seconds < 1:
        return "less than a second"
    left, said = round(seconds), []
    for noun, length in PERIODS:
        count, left = divmod(left, length)
        if count:
            said.append(count_of(count, noun))
        elif said:
            break
    return " ".join(said[:2])


def ago(since: datetime, now: datetime) -> str:
    """Write how long ago something was, by two clocks alike: 3 months ago."""
    days = (now.date() - since.date()) // timedelta(days=1)
    for noun, length in DURATION_UNITS:
        if days >= length:
            return f"{count_of(days // length, noun)} ago"
    return "today" if days == 0 else "after today"


def moment(when: datetime) -> str:
    """Write a date and a time of day: 22 November 2026, 09:05 UTC."""
    zone = when.tzname()
    return f"{when.day} {when:%B %Y, %H:%M}" + (f" {zone}" if zone else "")


def words(name: str) -> str:
    """Write the name of a member of an enumeration in words: Phone number in DNC."""
    plain, _, rest = name.partition(":")
    return title_of(plain) + (f": {visible(rest, 40)}" if rest else "")


FILTERS = {
    each.__name__: each
    for each in (
        as_html, count_of, duration, mask_numbers, moment, number, percent, points, size, visible,
        words,
    )
}  # fmt: skip
"""For templates."""


BARS = "▁▂▃▄▅▆▇█"


def spark(values: Iterable[float], highest: float | None = None) -> str:
    """Draw numbers from 0 on as bars, one character each; "" for no numbers.

    The highest bar stands for `highest`, by default for the largest number; what is beyond is
    drawn as high, and what is below 0, or is no number, as low as 0.
    """
    numbers = [0.0 if math.isnan(value) else max(0.0, value) for value in values]
    top = max(numbers, default=0.0) if highest is None else highest
    return "".join(_bar(number, top) for number in numbers)


def _bar(number: float, top: float) -> str:
    share = min(1.0, number / top) if number < top else float(number > 0)
    return BARS[round(share * (len(BARS) - 1))]

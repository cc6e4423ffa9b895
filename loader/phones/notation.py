"""Finds the one number in what people write into a phone field.

`0171 1234567 Handy`, `727·555·1212`, `7275551212 or 7275551213`: phonenumbers would add the keypad
digits of the words, or join the digits of both numbers, and somebody else would be called.

A text is broken at its words, and at the marks that may part two numbers. What is taken is a number
that is complete by itself; digits from both sides of a word are never joined.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneNumberType,
    ValidationResult,
    country_code_for_region,
)

LONGEST_SUFFIX = 2
"""Digits behind a slash that replace the last ones of a number: 030 1234567/68."""
SURE_LENGTH = 8
"""National digits of a number that cannot be an area code and a part of the number."""
SHORTEST_NUMBER = 7
"""Digits; what has fewer is no second number, but a part of one, or something else."""
LONGEST_TEXT = 250
"""Characters, as of phonenumbers: to read a text takes a square of its length."""

_WORD = r"[^\W\d_]+"
_ORDINAL = r"(?<!\d)\d{1,2}(?=(?:st|nd|rd|th)\b)"
_WORDS = re.compile(rf"((?:{_ORDINAL})?{_WORD}(?:[^\d+]*(?:{_ORDINAL})?{_WORD})*)")
_MARK = re.compile(r"[;,/|&:~\\\n=#*(]+|(?=\+)")
_EXTENSION = re.compile(
    r"(?:;\s*ext=|"
    r"[ \t,;:(\[.-]*(?:(?<!\w)e?xt(?:ensi[oó]n|en|n)?|(?<!\w)доб|(?<!\w)anexo)[:.]?[ \t,-]*)"
    r"(?P<labelled>\d{1,20})#?[)\]\s]*$"
    r"|[ \t,;(\[.-]*(?:(?<![^\W\d_])x|(?<!\w)int|#)[:.]?[ \t,-]*(?P<marked>\d{1,9})#?[)\]\s]*$"
    r"|(?P<pause>[ \t]*(?:[,;]+|~)[ \t]*)(?P<paused>\d{1,6})#?\s*$",
    re.IGNORECASE,
)
"""As phonenumbers reads extensions."""
EDGES = " \t\n:;,.()[]{}<>/|\\-_=~&·•…'\"*#"
_THOUSANDS = re.compile(r"\+?\d{1,3}(?:,\d{3}){2,}")
_KEYPAD_WORDS = re.compile(r"\s*\(?\+?[\d\s().-]*\d[)\s.-]*[A-Za-z]+(?:[\s.-]+[A-Za-z]+)?\s*")
_TOLL_FREE = re.compile(
    r"\s*(?P<head>(?P<one>\+?1[\s.-]*)?\(?8(?:00|33|44|55|66|77|88)\)?)(?P<gap>[\s.-]*)"
    r"(?P<word>[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*)\s*"
)
"""1-877-KARS-4-KIDS, 1 800 CONTACTS."""
_SUBSCRIBER, _LONGEST_WORD, _FEWEST_LETTERS = 7, 10, 4
"""Digits behind an area code of North America, and how long the words for them are."""
_JOINED_CAPITALS = re.compile(r".*\d[.-]?[A-Z]+(?:-[A-Z]+)?\s*")
_LABELS = frozenset(
    re.findall(
        r"\w+",
        "home house work business office desk mobile mob cell cellphone cellular phone tel "
        "telephone fax main direct private personal other unknown none null nothing missing "
        "invalid wrong disconnected number nobody mother father husband wife spouse partner "
        "neighbor neighbour son daughter assistant answer voicemail unavailable busy refused "
        "declined pending removed deleted",
    )
)
"""Words that say something about a number, and are not dialled as a part of it."""
_SERVICES = frozenset(
    {
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
    }
)
"""Types of numbers that are advertised as words."""


class Reading(NamedTuple):
    """What is dialled of a text."""

    text: str
    """The number, without what is left out; "": there is none, or it is unclear which."""
    extension: str = ""
    dropped: str = ""
    """What is left out: words, or a second number."""
    is_unclear: bool = False
    """Digits are there, but not in one place."""


class _Check(NamedTuple):
    """What phonenumbers says of a part of a text."""

    length: int = 0
    """National digits of a possible number, else 0."""
    is_valid: bool = False
    is_service: bool = False


def read_phone(text: str, region: str) -> Reading:
    """Find the number in a text that is dialled in a region (alpha-2, or "").

    The first number that its country gives out is taken; without one, the only possible one. A
    text with digits that is longer than LONGEST_TEXT is unclear.
    """
    plain = tidy(text[: LONGEST_TEXT + 1])
    if len(plain) > LONGEST_TEXT or len(text) > LONGEST_TEXT:
        return Reading("", is_unclear=any(map(str.isdecimal, text)))
    found = _EXTENSION.search(plain)
    if found:
        head = _read_number(plain[: found.start()], region)
        if head.text and _is_extension(plain, found, head, region):
            extension = found["labelled"] or found["marked"] or found["paused"]
            return head._replace(extension=extension)
    return _read_number(plain, region)


def tidy(text: str) -> str:
    """Write all digits in ASCII, and drop marks that cannot be seen: direction, zero width."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in normal
        if unicodedata.category(letter) not in {"Cf", "Mn", "Me"}
    )


def words_of(text: str) -> str:
    """Trim what was left out to its words and digits; "" if it has none of them."""
    return text.strip(EDGES) if re.search(r"[^\W_]", text) else ""


def _is_extension(plain: str, found: re.Match[str], head: Reading, region: str) -> bool:
    """Tell an extension from the last digits of a number: 727~555~1212."""
    if found["pause"] is None:
        return True
    check = _check(head.text, region)
    if check.is_valid:
        return True
    whole = _check(_joined(plain), region)
    return bool(check.length) and not whole.length


def _read_number(text: str, region: str) -> Reading:
    """Read a text without an extension."""
    parts = _split_at_words(text)
    numbers = [(place, _in_segment(part, region)) for place, part in enumerate(parts)]
    found = _choose([(place, reading) for place, reading in numbers if reading], parts, region)
    if found is not None:
        return found
    keypad = _toll_free(text, region) or _keypad(text, region)
    if keypad:
        return Reading(keypad)
    with_digits = [part for part in parts if _digits(part)]
    if len(with_digits) != 1:
        return Reading("", is_unclear=len(with_digits) > 1)
    (only,) = with_digits
    if _check(_joined(only), region).length:
        # Possible, and so are parts of it.
        return Reading("", is_unclear=True)
    return Reading(_joined(only), dropped=words_of(text.replace(only, " ", 1)))


def _choose(found: list[tuple[int, Reading]], parts: list[str], region: str) -> Reading | None:
    """Choose among the numbers between words: the first valid one, else the only one."""
    valid = [each for each in found if _check(each[1].text, region).is_valid]
    choice = valid or found
    if not choice or (not valid and len(found) > 1):
        return None
    place, reading = choice[0]
    if not all(_is_left_out(part) for part in parts[:place]):
        return None
    if not valid and any(_digits(part) for part in parts[place + 1 :]):
        return None
    rest = ("".join(parts[:place]), reading.dropped, "".join(parts[place + 1 :]))
    return reading._replace(dropped=words_of(" ".join(filter(None, map(str.strip, rest)))))


def _is_left_out(part: str) -> bool:
    """Say whether digits before a number are none of its own: they count what follows, or are one.

    Others may be its country or area code.
    """
    digits = _digits(part)
    return not digits or len(digits) >= SHORTEST_NUMBER or (len(digits) == 1 and "+" not in part)


def _in_segment(segment: str, region: str) -> Reading | None:
    """Find the number in a text without words: all of it, or what is before or behind a mark."""
    whole = Reading(_joined(segment))
    check = _check(whole.text, region)
    marks = [
        mark
        for mark in _MARK.finditer(segment)
        if _digits(segment[: mark.start()]) and _digits(segment[mark.end() :])
    ]
    if not marks and not re.search(r"\d\D*\s\D*\d", segment):
        return whole if check.length else None
    is_grouped = _has_one_mark(segment, [mark[0] for mark in marks])
    may_be_several = not is_grouped and any(
        _check(_joined(segment[: mark.start()]), region).length >= SURE_LENGTH for mark in marks
    )
    return (
        (whole if check.is_valid and is_grouped else None)
        or _first_of_several(segment, marks, region, whole_is_valid=check.is_valid)
        or (whole if check.is_valid else None)
        or _behind_mark(segment, marks, region)
        or (whole if check.length and not may_be_several else None)
    )


def _has_one_mark(segment: str, marks: list[str]) -> bool:
    """Say whether marks group the digits of one number: the same mark, without blanks around it."""
    if _THOUSANDS.fullmatch(segment.strip()):
        return True
    if len(marks) < 2 or len(set(marks)) > 1 or len(marks[0]) != 1:
        return False
    groups = segment.split(marks[0])
    return all(group == group.strip() for group in groups[1:-1]) and not (
        marks[0] == "/" and len(_digits(groups[-1])) <= LONGEST_SUFFIX
    )


def _first_of_several(
    segment: str, marks: list[re.Match[str]], region: str, *, whole_is_valid: bool
) -> Reading | None:
    """Take what is before a mark, if it is a number and what follows is no part of it."""
    for mark in marks:
        text, rest = _joined(segment[: mark.start()]), segment[mark.end() :]
        check, more = _check(text, region), len(_digits(rest))
        is_second = check.length >= SURE_LENGTH and (more > 4 or not whole_is_valid)
        is_suffix = more <= LONGEST_SUFFIX and check.length >= SHORTEST_NUMBER - 1
        if check.is_valid and (is_second or is_suffix):
            return Reading(text, dropped=segment[mark.start() :].strip())
    for blank in re.finditer(r"\s[-\s]*", segment):
        text, rest = _joined(segment[: blank.start()]), _joined(segment[blank.end() :])
        if len(_digits(rest)) >= SHORTEST_NUMBER and len(_digits(text)) >= SHORTEST_NUMBER:
            first, second = _check(text, region), _check(rest, region)
            starts_anew = rest.lstrip()[:1] in {"0", "+"} or not whole_is_valid
            if first.is_valid and second.is_valid and starts_anew:
                return Reading(text, dropped=rest.strip())
    return None


def _behind_mark(segment: str, marks: list[re.Match[str]], region: str) -> Reading | None:
    """Take a number behind a mark, if what is before it counts the numbers or dials abroad."""
    for mark in marks:
        before = segment[: mark.start()]
        if _is_left_out(before) or _digits(before) in {"0", "00", "011"}:
            text = _joined(segment[mark.end() :])
            if _check(text, region).is_valid:
                return Reading(text, dropped=before.strip())
    return None


def _toll_free(text: str, region: str) -> str:
    """Give the digits of a toll-free number of North America that ends in words; "": it is none.

    Digits may stand among the letters, and of longer words what is dialled beyond the number's
    length does not count. Blanks and small letters are rather a remark: 800 no answer.
    """
    found = _TOLL_FREE.fullmatch(text)
    if not found or not (found["one"] or country_code_for_region(region) == 1):
        return ""
    word = re.sub(r"[.-]", "", found["word"])
    is_written_so = found["one"] or not re.search(r"\s", found["gap"]) or word.isupper()
    is_word = len(re.sub("[0-9]", "", word)) >= _FEWEST_LETTERS and not _has_label(text)
    if not (is_written_so and is_word and _SUBSCRIBER <= len(word) <= _LONGEST_WORD):
        return ""
    digits = phonenumbers.convert_alpha_characters_in_number(word)
    dialled = f"{found['head']} {digits[:_SUBSCRIBER]}"
    is_complete = _check(_joined(text), region).length
    return dialled if not is_complete and _check(dialled, region).is_service else ""


def _keypad(text: str, region: str) -> str:
    """Give the digits of a number whose words are dialled on the keypad: 1-800-FLOWERS.

    The number must be one that its country gives out, and incomplete without the words. Numbers
    of services may be written in any way, others in capitals that follow the digits directly.
    """
    if not _KEYPAD_WORDS.fullmatch(text):
        return ""
    if sum(map(len, re.findall(_WORD, text))) < 3 or _has_label(text):
        return ""
    if _check(_joined(text), region).length:
        return ""
    dialled = phonenumbers.convert_alpha_characters_in_number(text)
    check = _check(dialled, region)
    written_so = check.is_service or _JOINED_CAPITALS.fullmatch(text) is not None
    return dialled if check.is_valid and written_so else ""


def _has_label(text: str) -> bool:
    return any(word.lower() in _LABELS for word in re.findall(_WORD, text))


def _split_at_words(text: str) -> list[str]:
    """Part a text at its words, which are kept: digits, words, digits."""
    return _WORDS.split(text)


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter in "0123456789")


def _joined(text: str) -> str:
    """Give the digits of a text, with blanks for all marks, and the plus that comes first."""
    beginning, _, rest = text.partition("+")
    if _digits(beginning):
        return re.sub(r"[^0-9]+", " ", text)
    return ("+" if "+" in text else "") + re.sub(r"[^0-9]+", " ", rest if "+" in text else text)


@lru_cache(maxsize=10_000)
def _check(text: str, region: str) -> _Check:
    try:
        number = phonenumbers.parse(text, region or None)
    except NumberParseException:
        return _Check()
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return _Check()
    kind = phonenumbers.number_type(number)
    return _Check(
        len(phonenumbers.national_significant_number(number)),
        kind != PhoneNumberType.UNKNOWN,
        kind in _SERVICES,
    )

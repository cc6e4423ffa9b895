"""Dates and times as the database reads them, letter by letter: a plain reference for the tests."""

import re
import string

from tests.conformance.reference_fields import exists

BLANKS = " \t\n\r\f\v"


class Reader:
    """Reads numbers and what stands between them."""

    def __init__(self, text: str) -> None:
        self.text = text

    def number(self, most: int = 20) -> int | None:
        """Take the digits that come next, or so many of them."""
        found = re.match(rf"[0-9]{{1,{most}}}", self.text)
        if found is None:
            return None
        self.text = self.text[found.end() :]
        return int(found[0])

    def skip(self, characters: str, most: int = 1) -> bool:
        """Take characters of a kind that come next."""
        kept = self.text.lstrip(characters) if most > 1 else self.text[1:]
        if self.text[:1] not in characters or not self.text:
            return False
        self.text = kept
        return True


def read_moment(text: str) -> str | None:
    """Read a date, perhaps with a time, as YYYY-MM-DD HH:MM:SS; None where there is none."""
    return read_beginning(text)[0]


def read_whole_moment(text: str) -> str | None:
    """Read a date, perhaps with a time; None also where something else follows."""
    moment, rest = read_beginning(text)
    return None if re.sub(r"^\.[0-9]*", "", rest).strip() else moment


def read_beginning(text: str) -> tuple[str | None, str]:
    """Read a date, and give what follows."""
    text = text.lstrip(BLANKS)
    if text.startswith("+"):
        text = text[1:].lstrip(BLANKS)
    whole = re.match(r"([0-9]+)(T[0-9]*)?(\.[0-9]*)?", text)
    if whole is None:
        return None, text
    digits = len(re.sub("[^0-9]", "", whole[1] + (whole[2] or "")))
    behind = text[whole.end() :].lstrip(BLANKS)
    alone = not whole[3] or digits >= 12
    if alone and not any(c.isdigit() or c in string.punctuation for c in behind[:1]):
        return moment_of_digits(text, 4 if digits in (4, 8) or digits >= 14 else 2)
    return moment_between_marks(text)


def moment_of_digits(text: str, width: int) -> tuple[str | None, str]:
    """Read a date in digits alone."""
    reader, numbers = Reader(text), []
    for number, most in enumerate((width, 2, 2, 2, 2, 2)):
        if number == 3:
            reader.skip("T")
        value = reader.number(most)
        if value is None:
            break
        numbers.append(value)
    return written(numbers, width, ""), reader.text


def moment_between_marks(text: str) -> tuple[str | None, str]:
    """Read a date whose numbers any punctuation parts."""
    reader, numbers = Reader(text), []
    width = len(text) - len(text.lstrip(string.digits))
    for number in range(6):
        if number == 3:
            parted = reader.skip("T" + string.punctuation) or reader.skip(BLANKS, most=99)
        else:
            parted = number == 0 or reader.skip(string.punctuation)
        value = reader.number() if parted else None
        if value is None:
            break
        numbers.append(value)
    return written(numbers, width, reader.text), reader.text


def written(numbers: list[int], width: int, rest: str) -> str | None:
    """Write a date, if there is one."""
    if len(numbers) < 3:
        return None
    year, month, day, hour, minute, second = (*numbers, 0, 0, 0)[:6]
    if width == 2 and (any(numbers) or re.match(r"\.0*[1-9]", rest)):
        year += 2000 if year < 70 else 1900
    if not exists(year, month, day) or hour > 23 or minute > 59 or second > 59:
        return None
    return f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"


def read_time(text: str) -> str | None:
    """Read a time of hours, minutes and seconds, or of a date with a time; None: there is none."""
    text = text.strip(BLANKS)
    date = read_moment(text) if re.match(r"[0-9]+[^0-9:.][0-9]+[^0-9][0-9]+[ T]", text) else None
    if date:
        return date.partition(" ")[2]
    found = re.match(r"(-?)(?:([0-9]+)\s+(?=[0-9]))?([0-9]+)(?::([0-9]+))?(?::([0-9]+))?", text)
    if not found:
        return None
    sign, days, first, *others = found.groups()
    if others[0] or days:
        hour, minute, second = int(first), int(others[0] or 0), int(others[1] or 0)
    else:
        hour, minute, second = int(first) // 10000, int(first) // 100 % 100, int(first) % 100
    hour += 24 * int(days or 0)
    if minute > 59 or second > 59:
        return None
    if hour > 838:
        hour, minute, second = 838, 59, 59
    return f"{sign}{hour:02}:{minute:02}:{second:02}"

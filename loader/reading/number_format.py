"""Number formats of spreadsheet cells: a number as its cell shows it.

Rules: ECMA-376 part 1, 18.8.30 and 18.8.31 (number formats), 18.17.4 (dates). A format of digits
alone, such as that of ZIP codes, is applied. What marks an amount, which is thousands, decimals and
currencies, is left out: the number itself is given.
"""

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

LARGEST_EXACT = 1e15
"""A spreadsheet keeps 15 digits of a number; from here on some are lost."""

GENERAL = "General"

LONGEST_CODE = 1000
"""Characters of a format code; spreadsheet programs take 255."""

BUILT_IN = {
    0: GENERAL, 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00",
    12: "# ?/?", 13: "# ??/??", **dict.fromkeys(range(14, 18), "yyyy-mm-dd"),
    **dict.fromkeys(range(18, 22), "hh:mm:ss"), 22: "yyyy-mm-dd hh:mm",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 53), 54, 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((*range(32, 36), 53, 55, 56), "yyyy-mm-dd"),
    45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss", 49: "@",
}  # fmt: skip
"""Format codes by the numbers that stand for them in every file; of others a file has the code."""

_TOKEN = re.compile(
    r"""\[(?P<bracket>[^\]]*)\]|"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<width>.)|\*(?P<fill>.)
    |(?P<general>General)|(?P<half>AM/PM|A/P)|(?P<plain>.)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?[0-9.]+)")
_COMPARISONS = {
    "<": float.__lt__, "<=": float.__le__, ">": float.__gt__, ">=": float.__ge__,
    "=": float.__eq__, "<>": float.__ne__,
}  # fmt: skip
_CURRENCIES = frozenset("$€£¥₹₽₩₺₴₪")
_LITERALS = frozenset("-+(): '\xa0\u202f")
"""Characters that a format shows without quotes, and that mark no amount."""
_LARGEST_DAY = 2958465
"""31 December 9999, the last day that a spreadsheet knows."""


@dataclass(frozen=True)
class _Section:
    """One of up to four parts of a format code; `marks` are its letters, literals not among them.

    `parts` are its digit places (0, #) and literals, in order; `is_mask`: nothing else is in it.
    """

    condition: tuple[str, float] | None
    marks: str
    parts: tuple[tuple[str, bool], ...]
    is_elapsed: bool
    is_mask: bool


class NumberFormat:
    """A format code, ready to write numbers."""

    def __init__(self, code: str) -> None:
        """Take a code as a file has it, with up to four sections."""
        self._sections = [_section(text) for text in _split_sections(code)[:3]]
        marks = self._sections[0].marks
        # Decided by the first section, as all of a date's are one.
        self.is_date = bool(set(marks) & set("yd")) or ("m" in marks and not set(marks) & set("hs"))
        self.is_time = bool(set(marks) & set("hs")) or self._sections[0].is_elapsed
        self._is_elapsed = self._sections[0].is_elapsed
        self.is_plain = not (
            self.is_date or self.is_time or any(s.is_mask or "%" in s.marks for s in self._sections)
        )

    def text(self, value: float, *, from_1904: bool = False) -> str:
        """Write a number: ISO dates and times, digits in their mask, percents; else the number.

        `from_1904`: the workbook counts its days from 1904-01-01.
        """
        if self.is_plain or not math.isfinite(value):
            return plain_number(value)
        if self.is_date or self.is_time:
            return self._moment(value, from_1904=from_1904)
        section = self._section_of(value)
        if "%" in section.marks:
            return f"{plain_number(float(f'{value * 100:.15G}'))}%"
        if section.is_mask and value.is_integer() and abs(value) < LARGEST_EXACT:
            sign = "-" if value < 0 and section is self._sections[0] else ""
            return sign + _in_mask(str(abs(int(value))), section.parts)
        return plain_number(value)

    def _section_of(self, value: float) -> _Section:
        sections = self._sections
        if any(section.condition for section in sections):
            for section in sections:
                if section.condition is None:
                    return section
                comparison, limit = section.condition
                if _COMPARISONS[comparison](value, limit):
                    return section
            return sections[-1]
        number = 1 if value < 0 else 2 if value == 0 else 0
        return sections[number] if number < len(sections) else sections[0]

    def _moment(self, value: float, *, from_1904: bool) -> str:
        if self._is_elapsed or (not self.is_date and 0 <= value < 1):
            minutes, seconds = divmod(round(abs(value) * 86_400), 60)
            sign = "-" if value < 0 else ""
            return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
        day = value + 1462 if from_1904 else value
        if not value >= 0 or not 0 <= day < _LARGEST_DAY + 1:
            return plain_number(value)  # the cell shows ####, for no date is so
        if day < 60:
            day += 1  # Excel has a 29 February 1900, which there never was
        moment = datetime(1899, 12, 30) + timedelta(seconds=round(day * 86_400))  # noqa: DTZ001 - a cell has no zone
        shows_time = self.is_time and moment.time() != datetime.min.time()
        return moment.isoformat(sep=" ") if shows_time else moment.date().isoformat()


@lru_cache(maxsize=4096)
def number_format(code: str) -> NumberFormat:
    """Return the format of a code; each is parsed once. One that no program writes is General."""
    return NumberFormat(code if len(code) <= LONGEST_CODE else GENERAL)


def plain_number(value: float) -> str:
    """Write the 15 digits of a number: 7275551212 without `.0`, from LARGEST_EXACT on as 1E+15."""
    if value.is_integer() and abs(value) < LARGEST_EXACT:
        return str(int(value))
    return f"{value:.15G}"


def _split_sections(code: str) -> list[str]:
    """Split at the semicolons that are no literals."""
    sections = [""]
    for token in _TOKEN.finditer(code):
        if token.group() == ";":
            sections.append("")
        else:
            sections[-1] += token.group()
    return sections


def _section(text: str) -> _Section:
    condition, marks, is_elapsed, is_mask = None, "", False, True
    parts: list[tuple[str, bool]] = []
    for token in _TOKEN.finditer(text):
        bracket, plain = token["bracket"], token["plain"]
        if bracket is not None:
            if found := _CONDITION.fullmatch(bracket):
                condition = found[1], float(found[2])
            elif bracket.lower() in {"h", "hh", "m", "mm", "s", "ss"}:
                is_elapsed = True
            elif bracket.startswith("$") and bracket[1:].partition("-")[0]:
                is_mask = False  # a currency
        elif plain is not None and plain in "0#":
            parts.append((plain, True))
        elif plain is not None and plain in _LITERALS:
            parts.append((plain, False))
        elif plain is not None:
            # Not in a mask: . , / ? E % @ and the letters of dates.
            marks += plain.lower()
            is_mask = False
        elif token["general"] is not None or token["half"] is not None:
            is_mask = False
        else:
            literal = token["quoted"] or token["escaped"] or ""
            is_mask &= not set(literal) & _CURRENCIES
            parts.extend((letter, False) for letter in literal)
    digits = [part for part, is_digit in parts if is_digit]
    return _Section(condition, marks, tuple(parts), is_elapsed, is_mask and bool(digits))


def _in_mask(digits: str, parts: tuple[tuple[str, bool], ...]) -> str:
    """Fill the digit places from the right; the first takes all digits that are left over.

    A place # without a digit stays empty, a 0 shows 0. Literals are always shown.
    """
    digits = "" if digits == "0" else digits
    places = sum(is_digit for _, is_digit in parts)
    first, rest = digits[: max(len(digits) - places, 0)], digits[-places:]
    shown, left, is_first = [], places, True
    for letter, is_digit in parts:
        if not is_digit:
            shown.append(letter)
            continue
        surplus = first if is_first else ""
        is_first = False
        if left <= len(rest):
            shown.append(surplus + rest[len(rest) - left])
        elif letter == "0":
            shown.append("0")
        left -= 1
    return "".join(shown).strip()

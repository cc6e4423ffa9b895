"""What phonenumbers says of each phone, fast enough for a whole chunk, and the guard before it.

Only the distinct pairs of value and region are looked at. Ordinary forms are parsed by Arrow's
string kernels, which follow `phonenumbers.parse` step by step with the patterns of its own
metadata; what is not ordinary, or where a step would rewrite the number, is parsed by
phonenumbers itself. Both give the same answer for every region; a property test holds them to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneNumber,
    PhoneNumberType,
    ValidationResult,
)

from loader.frames.arrow import to_arrow, to_mask, to_series
from loader.phones.numbering_plans import (
    LONGEST_TEXT,
    NUMBER_TYPES,
    POSSIBLE,
    TOO_LONG,
    Mask,
    Plan,
    describe,
    length,
    matches,
    place_of_country_code,
    plan_of,
)

Positions = npt.NDArray[np.int64]

# All of these phonenumbers drops wherever they stand. "x", "~", "#", "," and ";" are not among
# them: they may start an extension. A plus counts only as the first character of the number.
_PUNCTUATION = r" ().\-/\[\]\x{a0}\x{2010}-\x{2015}"
_ORDINARY = rf"^[{_PUNCTUATION}]*\+?[{_PUNCTUATION}0-9]*$"

_SPREADSHEET_EDGE = r"[\s'\"=\x{a0}]*"
# Zeros behind the one point: one or two behind any number long enough for a phone, more only
# behind a whole national number (01234.000000 is how some people write a British phone).
_DAMAGED = (
    rf"^{_SPREADSHEET_EDGE}[+-]?(?:"
    r"[0-9]+(?:[.,][0-9]*)?[eE][+-]?[0-9]{1,3}|[0-9]{5,}[.,]0{1,2}|[0-9]{10,}[.,]0+"
    rf"){_SPREADSHEET_EDGE}$"
)
_DECIMAL = r"^\s*([0-9]+)\.0\s*$"

_ANSWER = pa.schema(
    {
        "row": pa.int64(),
        "country_code": pa.large_string(),
        "national_number": pa.large_string(),
        "possible": pa.large_string(),
        "valid": pa.bool_(),
        "number_type": pa.large_string(),
        "region": pa.large_string(),
    }
)
_COLUMNS = (
    "country_code",
    "national_number",
    "extension",
    "possible",
    "valid",
    "number_type",
    "region",
)
_PROBLEM = {
    NumberParseException.INVALID_COUNTRY_CODE: "INVALID_COUNTRY_CODE",
    NumberParseException.NOT_A_NUMBER: "NOT_A_NUMBER",
    NumberParseException.TOO_SHORT_AFTER_IDD: "TOO_SHORT",
    NumberParseException.TOO_SHORT_NSN: "TOO_SHORT",
    NumberParseException.TOO_LONG: "TOO_LONG",
}


def is_damaged(values: "pd.Series[str]") -> "pd.Series[bool]":
    """Tell which numbers a spreadsheet or a float column damaged.

    That is scientific notation (`7.27556E+09`, `7,27556e9`) and decimals (`7275551212.0`,
    `7275551212,00`). Many would parse, as a wrong number, so this is asked before parsing.
    """
    return to_mask(pc.match_substring_regex(to_arrow(values), _DAMAGED), values.index)


def looks_like_decimals(values: "pd.Series[str]") -> bool:
    """Tell whether every non-empty value is digits and `.0`, as a float column is written."""
    texts = to_arrow(values)
    decimals = pc.match_substring_regex(texts, _DECIMAL)
    blank = pc.match_substring_regex(texts, r"^\s*$")
    return bool(pc.any(decimals).as_py() and pc.all(pc.or_(decimals, blank)).as_py())


def mend_decimals(values: "pd.Series[str]") -> "pd.Series[str]":
    """Take the `.0` off the values that are digits and `.0`; others stay as they are."""
    return to_series(pc.replace_substring_regex(to_arrow(values), _DECIMAL, r"\1"), values.index)


def digits_only(values: "pd.Series[str]") -> "pd.Series[str]":
    """Give the digits as sent; other scripts' digits become ASCII (`normalize_digits_only`)."""
    texts = to_arrow(values).combine_chunks()
    digits = _ascii_digits(texts)
    foreign = pc.invert(pc.string_is_ascii(texts))
    if pc.any(foreign).as_py():
        encoded = texts.filter(foreign).dictionary_encode()
        normal = map(phonenumbers.normalize_digits_only, encoded.dictionary.to_pylist())
        replacement = pa.array(normal, pa.large_string()).take(encoded.indices)
        digits = pc.replace_with_mask(digits, foreign, replacement)
    return to_series(digits, values.index)


def parse_numbers(values: "pd.Series[str]", regions: "pd.Series[str]") -> pd.DataFrame:
    """Give what phonenumbers says of each value, dialled in the region beside it.

    Args:
        values: numbers in any notation.
        regions: ISO 3166 alpha-2 such as `US`; with `""` or an unknown one only `+...` parses.

    Returns:
        Over the same index, without nulls: `country_code` (str, digits; empty if the value does not
        parse), `national_number` (str, the national significant number with its leading zeros),
        `extension` (str), `possible` (str, a name of `ValidationResult`, or `NOT_A_NUMBER`),
        `valid` (bool), `number_type` (str, a name of `PhoneNumberType`), `region` (str, alpha-2,
        `001` for country codes of no region, or empty).
    """
    texts = to_arrow(values).combine_chunks().dictionary_encode()
    places = to_arrow(regions).combine_chunks().dictionary_encode()
    width = max(len(places.dictionary), 1)
    pairs = pc.add(
        pc.multiply(texts.indices.cast(pa.int64()), width), places.indices.cast(pa.int64())
    ).dictionary_encode()
    text, place = np.divmod(pairs.dictionary.to_numpy(), width)
    answers = _parse(texts.dictionary.take(pa.array(text)), place, places.dictionary.to_pylist())
    rows = answers.take(pairs.indices)
    columns = {name: to_series(rows[name], values.index) for name in _COLUMNS if name != "valid"}
    valid = to_mask(rows["valid"], values.index)
    return pd.DataFrame({**columns, "valid": valid}, columns=_COLUMNS, index=values.index)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Some of the distinct texts: their positions, and the ASCII digits that are left of each."""

    rows: Positions
    digits: pa.Array

    def where(self, mask: Mask) -> "_Numbers":
        """Give those for which the mask, one entry for each, is true."""
        return _Numbers(self.rows[mask], self.digits.filter(pa.array(mask)))

    def split(self, codes: npt.NDArray[np.integer]) -> "Iterator[tuple[int, _Numbers]]":
        """Give the numbers of each code, which is not negative."""
        order = np.argsort(codes, kind="stable")
        found, starts = np.unique(codes[order], return_index=True)
        for code, part in zip(found.tolist(), np.split(order, starts[1:]), strict=False):
            yield code, _Numbers(self.rows[part], self.digits.take(pa.array(part)))


def _joined(parts: list[_Numbers]) -> _Numbers:
    return _Numbers(
        np.concatenate([part.rows for part in parts]),
        pa.concat_arrays([part.digits for part in parts]),
    )


def _parse(texts: pa.Array, place: Positions, places: list[str]) -> pa.Table:
    """Answer for distinct pairs of a text and a position in `places`."""
    parsed: dict[int, list[_Numbers]] = {}
    left = np.ones(len(texts), dtype=bool)
    for country_code, numbers in _parse_ordinary(texts, place, places):
        parsed.setdefault(country_code, []).append(numbers)
        left[numbers.rows] = False
    rest = np.flatnonzero(left)
    asked = _ask_phonenumbers(
        texts.take(pa.array(rest)).to_pylist(), [places[code] for code in place[rest]]
    )
    codes = np.array([answer[0] for answer in asked], dtype=np.int64)
    others = _Numbers(rest, pa.array([answer[1] for answer in asked], pa.large_string()))
    answers = [_ANSWER.empty_table()]
    for country_code, numbers in others.split(codes):
        if country_code:
            parsed.setdefault(country_code, []).append(numbers)
        else:
            problems = [answer[3] for answer in asked if not answer[0]]
            answers.append(_unparsed(numbers.rows, problems))
    answers += [_answer(code, _joined(parts)) for code, parts in parsed.items()]
    answer = pa.concat_tables(answers).sort_by("row")
    extension = np.zeros(len(texts), dtype=np.int64)
    extension[rest] = np.arange(1, len(rest) + 1)
    spelled = pa.array(["", *(answer[2] for answer in asked)], pa.large_string())
    return answer.append_column("extension", spelled.take(pa.array(extension)))


def _ask_phonenumbers(texts: list[str], regions: list[str]) -> list[tuple[int, str, str, str]]:
    """Let phonenumbers parse: country code, national number, extension, or 0 and the problem."""
    answers = []
    for text, region in zip(texts, regions, strict=True):
        try:
            number = phonenumbers.parse(text, region or None)
        except NumberParseException as problem:
            answers.append((0, "", "", _PROBLEM[problem.error_type]))
        else:
            national = phonenumbers.national_significant_number(number)
            answers.append((number.country_code or 0, national, number.extension or "", ""))
    return answers


def _parse_ordinary(
    texts: pa.Array, place: Positions, places: list[str]
) -> Iterator[tuple[int, _Numbers]]:
    """Parse by kernels: country codes and national numbers. What is not given is left to do."""
    digits = _ascii_digits(texts)
    ordinary = matches(texts, _ORDINARY) & (length(digits) > 2)
    ordinary &= pc.utf8_length(texts).to_numpy() <= LONGEST_TEXT
    numbers = _Numbers(np.arange(len(texts)), digits).where(ordinary)
    plus = pc.match_substring(texts, "+").to_numpy(zero_copy_only=False)[ordinary]
    dialled = [numbers.where(plus)]
    at_home: dict[str, list[_Numbers]] = {}
    home = numbers.where(~plus)
    for code, here in home.split(place[home.rows]):
        plan = plan_of(places[code]) if places[code] in SUPPORTED_REGIONS else None
        if plan is None:
            continue
        abroad, coded, uncoded = _take_off_codes(here, plan)
        dialled.append(abroad)
        at_home.setdefault(place_of_country_code(int(plan.country_code)), []).append(coded)
        at_home.setdefault(places[code], []).append(uncoded)
    for where, called in _by_country_code(_joined(dialled)):
        at_home.setdefault(where, []).append(called)
    for where, parts in at_home.items():
        plan = plan_of(where)
        if plan is not None:
            yield int(plan.country_code), _national(_joined(parts), plan)


def _take_off_codes(numbers: _Numbers, plan: Plan) -> tuple[_Numbers, _Numbers, _Numbers]:
    """Follow `_maybe_extract_country_code` for numbers without plus, dialled in the plan's region.

    Returns:
        Numbers after an international prefix, those that had the own country code, without it,
        and those without. In none of them: numbers that phonenumbers itself must parse.
    """
    away = np.zeros(len(numbers.rows), dtype=bool)
    if plan.idd is not None:
        away = matches(numbers.digits, plan.idd)
    abroad = numbers.where(away)
    if plan.idd is not None and len(abroad.rows):
        # A zero may not follow, else it is no such prefix; then no country code is found below.
        shorter = pc.replace_substring_regex(abroad.digits, plan.idd, "", max_replacements=1)
        abroad = _Numbers(abroad.rows, shorter)
    home = numbers.where(~away)
    begins = pc.starts_with(home.digits, plan.country_code).to_numpy(zero_copy_only=False)
    full = home.where(begins)
    rest, unsure = plan.without_national_prefix(
        pc.utf8_slice_codeunits(full.digits, len(plan.country_code))
    )
    pattern = plan.general.pattern
    better = ~matches(full.digits, pattern) & matches(rest, pattern)
    better |= plan.possible[length(full.digits)] == TOO_LONG
    uncoded = _joined([home.where(~begins), full.where(~better & ~unsure)])
    return abroad, _Numbers(full.rows, rest).where(better & ~unsure), uncoded


def _by_country_code(numbers: _Numbers) -> Iterator[tuple[str, _Numbers]]:
    """Take off the country codes; numbers with an unknown one are not given."""
    heads = pc.utf8_slice_codeunits(numbers.digits, 0, 3).dictionary_encode()
    codes = np.array([_country_code(head) for head in heads.dictionary.to_pylist()], dtype=np.int64)
    for country_code, part in numbers.split(codes[heads.indices.to_numpy()]):
        if country_code:
            rest = pc.utf8_slice_codeunits(part.digits, len(str(country_code)))
            yield place_of_country_code(country_code), _Numbers(part.rows, rest)


def _country_code(head: str) -> int:
    """Find the country code that three digits begin with, else 0 (`_extract_country_code`)."""
    if len(head) < 3 or head.startswith("0"):
        return 0
    lengths = range(1, 4)
    return next((int(head[:n]) for n in lengths if int(head[:n]) in COUNTRY_CODE_TO_REGION_CODE), 0)


def _national(numbers: _Numbers, plan: Plan) -> _Numbers:
    """Give the national significant numbers, as the last part of `parse` does."""
    stripped, unsure = plan.without_national_prefix(numbers.digits)
    better = pa.array(plan.is_full_number(stripped))
    national = pc.if_else(better, stripped, numbers.digits)
    lengths = length(national)
    # Shorter and longer ones `parse` refuses.
    return _Numbers(numbers.rows, national).where(~unsure & (lengths >= 2) & (lengths <= 17))


def _ascii_digits(texts: pa.Array) -> pa.Array:
    """Drop all bytes but ASCII digits: the kernels' own regex replacement takes thrice the time."""
    _, offset_buffer, data_buffer = texts.buffers()
    if not len(texts) or data_buffer is None:
        return texts
    offsets = np.frombuffer(offset_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    kept = (data >= ord("0")) & (data <= ord("9"))
    ends = np.concatenate([[0], np.cumsum(kept)])[offsets - offsets[0]]
    return pa.LargeStringArray.from_buffers(
        len(texts), pa.py_buffer(ends), pa.py_buffer(data[kept])
    )


def _answer(country_code: int, numbers: _Numbers) -> pa.Table:
    """Describe the national numbers of one country code."""
    known = describe(country_code, numbers.digits)
    if known is None:
        return _answer_by_phonenumbers(country_code, numbers)
    return pa.Table.from_arrays(
        [
            pa.array(numbers.rows),
            pa.repeat(pa.scalar(str(country_code), pa.large_string()), len(numbers.rows)),
            numbers.digits,
            pa.array(POSSIBLE, pa.large_string()).take(pa.array(known.possible)),
            # The same question to phonenumbers: `is_valid_number` asks for the type.
            pa.array(known.number_type != NUMBER_TYPES.index("UNKNOWN")),
            pa.array(NUMBER_TYPES, pa.large_string()).take(pa.array(known.number_type)),
            pa.array(known.regions, pa.large_string()).take(pa.array(known.region)),
        ],
        schema=_ANSWER,
    )


def _answer_by_phonenumbers(country_code: int, numbers: _Numbers) -> pa.Table:
    """Do the same one by one: a newer metadata may have a pattern that RE2 does not know."""
    answers = []
    for row, national in zip(numbers.rows.tolist(), numbers.digits.to_pylist(), strict=True):
        zeros = len(national) - len(str(int(national)))
        number = PhoneNumber(
            country_code=country_code,
            national_number=int(national),
            italian_leading_zero=zeros > 0,
            number_of_leading_zeros=zeros,
        )
        possible = phonenumbers.is_possible_number_with_reason(number)
        answers.append(
            {
                "row": row,
                "country_code": str(country_code),
                "national_number": national,
                "possible": ValidationResult.to_string(possible),
                "valid": phonenumbers.is_valid_number(number),
                "number_type": PhoneNumberType.to_string(phonenumbers.number_type(number)),
                "region": phonenumbers.region_code_for_number(number) or "",
            }
        )
    return pa.Table.from_pylist(answers, schema=_ANSWER)


def _unparsed(rows: Positions, problems: list[str]) -> pa.Table:
    """Answer for texts that are no number; `possible` says why."""
    empty = pa.repeat(pa.scalar("", pa.large_string()), len(rows))
    unknown = pa.repeat(pa.scalar("UNKNOWN", pa.large_string()), len(rows))
    invalid = pa.repeat(pa.scalar(False), len(rows))
    why = pa.array(problems, pa.large_string())
    return pa.Table.from_arrays(
        [pa.array(rows), empty, empty, why, invalid, unknown, empty], schema=_ANSWER
    )


def parse_phones(given: "pd.Series[str]", regions: "pd.Series[str]") -> pd.DataFrame:
    """Parse, taking a leading 00 for a plus where it is not the region's own way to dial abroad.

    Most of the world writes it so, also to people who would dial 011.
    """
    number = parse_numbers(given, regions)
    abroad = (number["possible"] != "IS_POSSIBLE") & given.str.match(r"\s*00[1-9]")
    if abroad.any():
        again = parse_numbers("+" + given[abroad].str.strip().str[2:], regions[abroad])
        better = again["possible"] == "IS_POSSIBLE"
        number.loc[again.index[better]] = again[better]
    return number

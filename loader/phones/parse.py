"""Parses phone numbers, a whole chunk at a time, with the results of phonenumbers.

Each distinct pair of value and region is parsed once. Ordinary forms are parsed by Arrow's string
kernels, which follow `phonenumbers.parse` step by step with the patterns of its metadata. All
others are parsed by phonenumbers itself. A property test
proves that both give the same results for every region.
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

from loader.frames.arrow import Mask, Values, as_mask, frame_of, to_arrow, to_mask, to_series
from loader.phones.numbering_plans import (
    LONGEST_TEXT,
    NUMBER_TYPES,
    POSSIBLE,
    TOO_LONG,
    Plan,
    describe,
    length,
    matches,
    plan_name,
    plan_of,
)

Positions = npt.NDArray[np.int64]

# Characters that phonenumbers drops anywhere. "x", "~", "#", "," and ";" are not among them: they
# may start an extension. A plus counts only as the first character of the number.
_PUNCTUATION = r" ().\-/\[\]\x{a0}\x{2010}-\x{2015}"
ORDINARY = rf"^[{_PUNCTUATION}]*\+?[{_PUNCTUATION}0-9]*$"
"""What kernels parse: digits and marks that phonenumbers drops."""

_SPREADSHEET_EDGE = r"[\s'\"=\x{a0}]*"
# Decimal zeros: one or two after any number long enough for a phone, more only after a complete
# national number, for some people write British phones like 01234.000000.
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
_COLUMNS = ("country_code", "national_number", "extension", *_ANSWER.names[3:])
_PROBLEM = {
    NumberParseException.INVALID_COUNTRY_CODE: "INVALID_COUNTRY_CODE",
    NumberParseException.NOT_A_NUMBER: "NOT_A_NUMBER",
    NumberParseException.TOO_SHORT_AFTER_IDD: "TOO_SHORT",
    NumberParseException.TOO_SHORT_NSN: "TOO_SHORT",
    NumberParseException.TOO_LONG: "TOO_LONG",
}


def is_damaged(values: "pd.Series[str]") -> "pd.Series[bool]":
    """Return which numbers a spreadsheet or a float column damaged.

    These have scientific notation (`7.27556E+09`, `7,27556e9`) or decimals (`7275551212.0`,
    `7275551212,00`). Many would parse as a wrong number, so check before parsing.
    """
    return to_mask(pc.match_substring_regex(to_arrow(values), _DAMAGED), values.index)


def looks_like_decimals(values: "pd.Series[str]") -> bool:
    """Return whether every value that is not blank is digits and `.0`, as in a float column."""
    texts = to_arrow(values)
    decimals = pc.match_substring_regex(texts, _DECIMAL)
    blank = pc.match_substring_regex(texts, r"^\s*$")
    return bool(pc.any(decimals).as_py() and pc.all(pc.or_(decimals, blank)).as_py())


def mend_decimals(values: "pd.Series[str]") -> "pd.Series[str]":
    """Remove the `.0` of values that are digits and `.0`; other values do not change."""
    return to_series(pc.replace_substring_regex(to_arrow(values), _DECIMAL, r"\1"), values.index)


def digits_only(values: "pd.Series[str]") -> "pd.Series[str]":
    """Return the digits of each value, all scripts' in ASCII (`normalize_digits_only`)."""
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
    """Parse each value as a number dialled in its region, with the results of phonenumbers.

    Args:
        values: numbers in any notation.
        regions: ISO 3166 alpha-2 such as `US`; with `""` or an unknown region only `+...` parses.

    Returns:
        Index of `values`; columns, without nulls: `country_code` (str, digits; empty if the value
        does not parse), `national_number` (str, with its leading zeros), `extension` (str),
        `possible` (str, a name of `ValidationResult`, or `NOT_A_NUMBER`), `valid` (bool),
        `number_type` (str, a name of `PhoneNumberType`), `region` (str, alpha-2, `001` for country
        codes of no region, or empty).
    """
    return frame_of(parse_columns(values, regions), values.index)


def parse_columns(values: "pd.Series[str]", regions: "pd.Series[str]") -> dict[str, Values]:
    """Give the columns of `parse_numbers`."""
    if not len(values):
        return _no_numbers()
    texts = to_arrow(values).combine_chunks().dictionary_encode()
    region_names = to_arrow(regions).combine_chunks().dictionary_encode()
    width = max(len(region_names.dictionary), 1)
    pairs = pc.add(
        pc.multiply(texts.indices.cast(pa.int64()), width), region_names.indices.cast(pa.int64())
    ).dictionary_encode()
    text, region_codes = np.divmod(pairs.dictionary.to_numpy(), width)
    answers = _parse(
        texts.dictionary.take(pa.array(text)), region_codes, region_names.dictionary.to_pylist()
    )
    rows = answers.take(pairs.indices)
    return {name: as_mask(rows[name]) if name == "valid" else rows[name] for name in _COLUMNS}


def _no_numbers() -> dict[str, Values]:
    """Give the answer to no values."""
    nothing = pa.array([], pa.large_string())
    return {name: np.empty(0, bool) if name == "valid" else nothing for name in _COLUMNS}


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Some of the distinct texts: their positions, and what remains of each in ASCII digits."""

    rows: Positions
    digits: pa.Array

    def where(self, mask: Mask) -> "_Numbers":
        """Return the numbers for which the mask is true."""
        return _Numbers(self.rows[mask], self.digits.filter(pa.array(mask)))

    def split(self, codes: npt.NDArray[np.integer]) -> "Iterator[tuple[int, _Numbers]]":
        """Yield the numbers of each code; codes are not negative."""
        order = np.argsort(codes, kind="stable")
        found, starts = np.unique(codes[order], return_index=True)
        for code, part in zip(found.tolist(), np.split(order, starts[1:]), strict=False):
            yield code, _Numbers(self.rows[part], self.digits.take(pa.array(part)))


def _concatenate(parts: list[_Numbers]) -> _Numbers:
    return _Numbers(
        np.concatenate([part.rows for part in parts]),
        pa.concat_arrays([part.digits for part in parts]),
    )


def _parse(texts: pa.Array, region_codes: Positions, region_names: list[str]) -> pa.Table:
    """Parse distinct pairs of a text and a position in `region_names`."""
    parsed: dict[int, list[_Numbers]] = {}
    unparsed = np.ones(len(texts), dtype=bool)
    for country_code, numbers in _parse_with_kernels(texts, region_codes, region_names):
        parsed.setdefault(country_code, []).append(numbers)
        unparsed[numbers.rows] = False
    rest = np.flatnonzero(unparsed)
    parsed_singly = _parse_with_phonenumbers(
        texts.take(pa.array(rest)).to_pylist(), [region_names[code] for code in region_codes[rest]]
    )
    codes = np.array([answer[0] for answer in parsed_singly], dtype=np.int64)
    others = _Numbers(rest, pa.array([answer[1] for answer in parsed_singly], pa.large_string()))
    answers = [_ANSWER.empty_table()]
    for country_code, numbers in others.split(codes):
        if country_code:
            parsed.setdefault(country_code, []).append(numbers)
        else:
            problems = [answer[3] for answer in parsed_singly if not answer[0]]
            answers.append(_unparsed(numbers.rows, problems))
    answers += [_describe_numbers(code, _concatenate(parts)) for code, parts in parsed.items()]
    answer = pa.concat_tables(answers).sort_by("row")
    extension = np.zeros(len(texts), dtype=np.int64)
    extension[rest] = np.arange(1, len(rest) + 1)
    extensions = pa.array(["", *(answer[2] for answer in parsed_singly)], pa.large_string())
    return answer.append_column("extension", extensions.take(pa.array(extension)))


def _parse_with_phonenumbers(
    texts: list[str], regions: list[str]
) -> list[tuple[int, str, str, str]]:
    """Parse one by one: country code, national number, extension and "", or 0, "", "", problem."""
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


def _parse_with_kernels(
    texts: pa.Array, region_codes: Positions, region_names: list[str]
) -> Iterator[tuple[int, _Numbers]]:
    """Yield country codes and their national numbers, of the texts that kernels can parse."""
    digits = _ascii_digits(texts)
    ordinary = matches(texts, ORDINARY) & (length(digits) > 2)
    ordinary &= pc.utf8_length(texts).to_numpy() <= LONGEST_TEXT
    numbers = _Numbers(np.arange(len(texts)), digits).where(ordinary)
    plus = pc.match_substring(texts, "+").to_numpy(zero_copy_only=False)[ordinary]
    international = [numbers.where(plus)]
    by_plan: dict[str, list[_Numbers]] = {}
    domestic = numbers.where(~plus)
    for code, in_region in domestic.split(region_codes[domestic.rows]):
        plan = plan_of(region_names[code]) if region_names[code] in SUPPORTED_REGIONS else None
        if plan is None:
            continue
        abroad, with_own_code, without_code = _strip_own_country_code(in_region, plan)
        international.append(abroad)
        by_plan.setdefault(plan_name(int(plan.country_code)), []).append(with_own_code)
        by_plan.setdefault(region_names[code], []).append(without_code)
    for where, numbers_of_plan in _split_country_codes(_concatenate(international)):
        by_plan.setdefault(where, []).append(numbers_of_plan)
    for where, parts in by_plan.items():
        plan = plan_of(where)
        if plan is not None:
            yield int(plan.country_code), _national(_concatenate(parts), plan)


def _strip_own_country_code(numbers: _Numbers, plan: Plan) -> tuple[_Numbers, _Numbers, _Numbers]:
    """Follow `_maybe_extract_country_code` for numbers without plus, dialled in the plan's region.

    Returns what follows an international prefix, what follows the plan's country code, and the
    numbers that had neither.
    """
    has_idd = np.zeros(len(numbers.rows), dtype=bool)
    if plan.idd is not None:
        has_idd = matches(numbers.digits, plan.idd)
    abroad = numbers.where(has_idd)
    if plan.idd is not None and len(abroad.rows):
        # If a zero follows, it was no such prefix; then no country code is found below.
        shorter = pc.replace_substring_regex(abroad.digits, plan.idd, "", max_replacements=1)
        abroad = _Numbers(abroad.rows, shorter)
    domestic = numbers.where(~has_idd)
    begins = pc.starts_with(domestic.digits, plan.country_code).to_numpy(zero_copy_only=False)
    full = domestic.where(begins)
    rest = plan.without_national_prefix(
        pc.utf8_slice_codeunits(full.digits, len(plan.country_code))
    )
    pattern = plan.general.pattern
    better = ~matches(full.digits, pattern) & matches(rest, pattern)
    better |= plan.possible[length(full.digits)] == TOO_LONG
    without_code = _concatenate([domestic.where(~begins), full.where(~better)])
    return abroad, _Numbers(full.rows, rest).where(better), without_code


def _split_country_codes(numbers: _Numbers) -> Iterator[tuple[str, _Numbers]]:
    """Yield plan names and the numbers without their country code; unknown codes are left out."""
    heads = pc.utf8_slice_codeunits(numbers.digits, 0, 3).dictionary_encode()
    codes = np.array([_country_code(head) for head in heads.dictionary.to_pylist()], dtype=np.int64)
    for country_code, part in numbers.split(codes[heads.indices.to_numpy()]):
        if country_code:
            rest = pc.utf8_slice_codeunits(part.digits, len(str(country_code)))
            yield plan_name(country_code), _Numbers(part.rows, rest)


def _country_code(head: str) -> int:
    """Return the country code at the start of three digits, else 0 (`_extract_country_code`)."""
    if len(head) < 3 or head.startswith("0"):
        return 0
    lengths = range(1, 4)
    return next((int(head[:n]) for n in lengths if int(head[:n]) in COUNTRY_CODE_TO_REGION_CODE), 0)


def _national(numbers: _Numbers, plan: Plan) -> _Numbers:
    """Return the national significant numbers, as the last part of `parse` does."""
    stripped = plan.without_national_prefix(numbers.digits)
    better = pa.array(plan.is_full_number(stripped))
    national = pc.if_else(better, stripped, numbers.digits)
    lengths = length(national)
    # `parse` rejects shorter and longer ones.
    return _Numbers(numbers.rows, national).where((lengths >= 2) & (lengths <= 17))


def _ascii_digits(texts: pa.Array) -> pa.Array:
    """Drop all bytes but ASCII digits; the kernels' regex replacement takes three times as long."""
    _, offset_buffer, data_buffer = texts.buffers()
    if not len(texts) or data_buffer is None:
        return texts
    offsets = np.frombuffer(offset_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    is_digit = (data >= ord("0")) & (data <= ord("9"))
    ends = np.concatenate([[0], np.cumsum(is_digit)])[offsets - offsets[0]]
    return pa.LargeStringArray.from_buffers(
        len(texts), pa.py_buffer(ends), pa.py_buffer(data[is_digit])
    )


def _describe_numbers(country_code: int, numbers: _Numbers) -> pa.Table:
    """Describe the national numbers of one country code."""
    known = describe(country_code, numbers.digits)
    if known is None:
        return _describe_with_phonenumbers(country_code, numbers)
    return pa.Table.from_arrays(
        [
            pa.array(numbers.rows),
            pa.repeat(pa.scalar(str(country_code), pa.large_string()), len(numbers.rows)),
            numbers.digits,
            pa.array(POSSIBLE, pa.large_string()).take(pa.array(known.possible)),
            # `is_valid_number` is defined by the type.
            pa.array(known.number_type != NUMBER_TYPES.index("UNKNOWN")),
            pa.array(NUMBER_TYPES, pa.large_string()).take(pa.array(known.number_type)),
            pa.array(known.regions, pa.large_string()).take(pa.array(known.region)),
        ],
        schema=_ANSWER,
    )


def _describe_with_phonenumbers(country_code: int, numbers: _Numbers) -> pa.Table:
    """Do the same one by one: newer metadata may have a pattern that RE2 cannot run."""
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
    """Describe texts that are no number; `possible` says why."""
    empty = pa.repeat(pa.scalar("", pa.large_string()), len(rows))
    unknown = pa.repeat(pa.scalar("UNKNOWN", pa.large_string()), len(rows))
    invalid = pa.repeat(pa.scalar(False), len(rows))
    why = pa.array(problems, pa.large_string())
    return pa.Table.from_arrays(
        [pa.array(rows), empty, empty, why, invalid, unknown, empty], schema=_ANSWER
    )

"""The forms in which one number may stand in tables and files: as sent, national, and so on.

A number is `7275551212` in one table and `17275551212` in another. Whoever looks for it looks for
each form. Extensions and words belong to no form.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import PhoneMetadata

from loader.frames.arrow import (
    Mask,
    are_equal,
    choose,
    first_letters,
    frame_of,
    join_columns,
    keep,
    to_arrow,
)
from loader.phones.parse import digits_only, parse_numbers
from loader.phones.readings import begin_with_code, behind_code, parse_phones
from loader.phones.regions import main_region, map_distinct, region_of_phone_code

NUMBER, SENT, NATIONAL, WITH_CODE, WITH_TRUNK, WITHOUT_CODE = range(6)
"""Kinds of forms: the stored number, the digits of the file, the national number, that one behind
its country code or its trunk prefix (0 in Great Britain, 1 in North America), and what
`without_code` gives."""

ABROAD = r"(?:00)?[1-9][0-9]{9}"
"""How a number with its country code begins."""

MOST_DIGITS = 18
"""Of a phone_code that is a number: so many are below 2^63."""

AREA = "XXXXXXX"
"""What stands behind an area code in a do-not-call list that has all of it."""


def lead_numbers(leads: pd.DataFrame) -> pd.DataFrame:
    """Give what is known of the phone_number of leads.

    Args:
        leads: str columns phone_number and phone_code; number_sent, calling_code, national_number
            and number_type where they are not to be taken from these.

    Returns:
        Index of `leads`; columns, without nulls: `number` (str, as stored), `sent` (str, digits
        of the file), `national` (str), `code` (str, country code without zeros, or empty) and
        `is_sure` (bool: the number exists in that country).
    """
    number = leads["phone_number"]
    sure = np.ones(len(leads), dtype=bool)
    if "number_type" in leads:
        sure = ~are_equal(leads["number_type"], "UNKNOWN")
    columns = {
        "number": to_arrow(number),
        "sent": to_arrow(leads.get("number_sent", number)),
        "national": to_arrow(leads.get("national_number", number)),
        "code": to_arrow(lead_codes(leads)),
        "is_sure": sure,
    }
    return frame_of(columns, leads.index)


def lead_codes(leads: pd.DataFrame) -> "pd.Series[str]":
    """Give `code` alone of what `lead_numbers` gives."""
    if "calling_code" not in leads:
        return country_codes(leads["phone_code"])
    codes = leads["calling_code"]
    unknown = are_equal(codes, "")
    return choose(~unknown, codes, country_codes(leads["phone_code"])) if unknown.any() else codes


def other_numbers(texts: "pd.Series[str]", codes: "pd.Series[str]") -> pd.DataFrame:
    """Give the same of other numbers of leads, which may be of any country, or no numbers.

    Args:
        texts: numbers in any notation.
        codes: the country codes of their leads.
    """
    parsed = parse_phones(texts, region_of_phone_code(codes))
    digits = digits_only(texts)
    foreign = (parsed["possible"] != "IS_POSSIBLE") & digits.str.match(ABROAD)
    if foreign.any():
        abroad = parse_numbers("+" + digits[foreign].str.removeprefix("00"), codes[foreign])
        better = abroad.index[abroad["possible"] == "IS_POSSIBLE"]
        parsed.loc[better, list(abroad.columns)] = abroad.loc[better]
    good = parsed["possible"] == "IS_POSSIBLE"
    whole = (digits != "") & (parsed["extension"] == "") & (parsed["dropped"] == "")
    sent = digits.where(whole, parsed["national_number"])
    sent = sent.where(sent != "", texts)
    columns = {
        "number": texts,
        "sent": sent,
        "national": parsed["national_number"].where(good, sent),
        "code": parsed["country_code"].where(good, ""),
        "is_sure": parsed["valid"],
    }
    return pd.DataFrame(columns, index=texts.index)


def number_forms(numbers: pd.DataFrame, *, as_stored: bool = False) -> pd.DataFrame:
    """Give all forms of numbers.

    Args:
        numbers: as from `lead_numbers`.
        as_stored: the stored number is the only form, as the dialer compares.

    Returns:
        Index of `numbers`, which repeats; columns `form` (str) and `kind` (int8, NUMBER first).
        A form that is another one of its number again is left out, but for an unusual one.
    """
    number = numbers["number"]
    parts = [(number, NUMBER)]
    if not as_stored:
        sent, national = numbers["sent"], numbers["national"]
        with_code, with_trunk = _prefixed(numbers, national)
        parts += [
            *_others(SENT, sent, number),
            *_others(NATIONAL, national, number, sent),
            *_others(WITH_CODE, with_code, sent, national),
            *_others(WITH_TRUNK, with_trunk, sent, with_code, national),
        ]
        parts += _forms_without_code(numbers, without_code(numbers))
    return _long(parts)


def without_code(numbers: pd.DataFrame) -> "pd.Series[str]":
    """Give the other national number of digits that may begin with their own country code.

    `4915112345678` in Germany is a national number of Aurich, but more likely one with the country
    code in front: nothing but its length would tell, and German numbers have any.

    Args:
        numbers: as from `lead_numbers`.

    Returns:
        Index of `numbers`, only of those that can be read in both ways.
    """
    sent, national, code = numbers["sent"], numbers["national"], numbers["code"]
    is_open = begin_with_code(sent, code) & ~are_equal(sent, join_columns([code, national]))
    if not is_open.any():
        return sent[:0]
    found = behind_code(keep(is_open, sent), keep(is_open, code))["national_number"]
    return found[found != national[found.index]]


def area_forms(numbers: pd.DataFrame, *, as_stored: bool = False) -> pd.DataFrame:
    """Give the forms in which a whole area code may stand: `727XXXXXXX`, `1727XXXXXXX`.

    Arguments and results are those of `number_forms`. The dialer takes the first three digits of a
    number of any country.
    """
    areas = {name: first_letters(numbers[name], 3) for name in ("number", "sent", "national")}
    number, sent, national = areas.values()
    parts = [(number, NUMBER)]
    if not as_stored:
        with_code, with_trunk = _prefixed(numbers, national)
        parts += [
            *_others(SENT, sent, number),
            *_others(NATIONAL, national, number, sent),
            *_others(WITH_CODE, with_code, national),
            *_others(WITH_TRUNK, with_trunk, with_code, national),
        ]
        parts += _forms_without_code(numbers, first_letters(without_code(numbers), 3))
    found = _long(parts)
    return found.assign(form=found["form"] + AREA)


def _prefixed(
    numbers: pd.DataFrame, national: "pd.Series[str]"
) -> "tuple[pd.Series[str], pd.Series[str]]":
    """Put country code and trunk prefix before national numbers or area codes."""
    code = numbers["code"]
    prefix = map_distinct(code, trunk_prefix)
    return join_columns([code, national]), join_columns([prefix, national])


def _forms_without_code(
    numbers: pd.DataFrame, rest: "pd.Series[str]"
) -> "list[tuple[pd.Series[str], int]]":
    """Give what `without_code` gives, or its area codes, as it stands and behind a trunk prefix."""
    if rest.empty:
        return []
    _, with_trunk = _prefixed(numbers.loc[rest.index], rest)
    return [(rest, WITHOUT_CODE), *_others(WITHOUT_CODE, with_trunk, rest)]


def _others(
    kind: int, texts: "pd.Series[str]", *known: "pd.Series[str]"
) -> "list[tuple[pd.Series[str], int]]":
    """Give those of texts that are not known in their row, if there are any."""
    is_known = np.logical_or.reduce([are_equal(texts, each) for each in known])
    return [] if is_known.all() else [(keep(~is_known, texts), kind)]


def _long(parts: "list[tuple[pd.Series[str], int]]") -> pd.DataFrame:
    first, *others = (texts.index for texts, _ in parts)
    chunks = [chunk for texts, _ in parts for chunk in to_arrow(texts).chunks]
    forms = pa.chunked_array(chunks, pa.large_string())
    kinds = np.repeat([np.int8(kind) for _, kind in parts], [len(texts) for texts, _ in parts])
    return frame_of({"form": forms, "kind": kinds}, first.append(others))


@cache
def trunk_prefix(country_code: str) -> str:
    """Return what is dialled before a national number inside its country: 0, 1, 8, 06 or nothing.

    Source: the metadata of phonenumbers, of the code's main region.
    """
    region = main_region(country_code)
    metadata = PhoneMetadata.metadata_for_region(region) if region else None
    prefix = metadata.national_prefix if metadata else None
    return phonenumbers.normalize_digits_only(prefix or "")


def country_codes(phone_codes: "pd.Series[str]") -> "pd.Series[str]":
    """Return phone_codes as country codes are written: `0044` is 44, `1809` is 1; null is empty."""
    return map_distinct(phone_codes.fillna(""), country_code)


@cache
def country_code(phone_code: str) -> str:
    """Likewise of one phone_code."""
    digits = phonenumbers.normalize_digits_only(phone_code).lstrip("0")
    return "1" if len(digits) == 4 and digits.startswith("1") else digits


def code_numbers(phone_codes: "pd.Series[str]") -> npt.NDArray[np.int64]:
    """Return phone_codes as numbers, see `country_codes`; -1 for none, and above 18 digits."""
    encoded = to_arrow(phone_codes.fillna("")).combine_chunks().dictionary_encode()
    codes = map(country_code, encoded.dictionary.to_pylist())
    numbers = [int(code) if 0 < len(code) <= MOST_DIGITS else -1 for code in codes]
    distinct = np.array(numbers, dtype=np.int64)
    return np.asarray(distinct[encoded.indices.to_numpy()])


def digits_as_sent(given: "pd.Series[str]", number: pd.DataFrame) -> "pd.Series[str]":
    """Return the digits of numbers as they stood in the file.

    Where there are an extension or words, whose digits are not the number's, that is the national
    number.

    Args:
        given: what the file has.
        number: what it was parsed as, see `parse_phones`.
    """
    texts = to_arrow(given)
    # Every letter there is: that pattern takes as long to read as thousands of texts.
    letter = "[A-Za-z]" if pc.all(pc.string_is_ascii(texts), min_count=0).as_py() else r"\p{L}"
    has_words: Mask = pc.match_substring_regex(texts, letter).to_numpy()
    national = number["national_number"]
    is_whole = are_equal(number["extension"], "") & are_equal(number["dropped"], "") & ~has_words
    return choose(is_whole | are_equal(national, ""), digits_only(given), national)


def can_be(digits: "pd.Series[str]", codes: "pd.Series[str]") -> npt.NDArray[np.bool_]:
    """Say whether digits can be a number that is dialled in the country of a code."""
    parsed = parse_numbers(digits, region_of_phone_code(codes))
    return (parsed["possible"] == "IS_POSSIBLE").to_numpy()

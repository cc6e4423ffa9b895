"""The region of a lead, by its country calling code or by the name of its country."""

import tomllib
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import pyarrow as pa
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    REGION_CODE_FOR_NON_GEO_ENTITY,
    SUPPORTED_REGIONS,
    country_code_for_region,
)

from loader.frames.arrow import to_arrow, to_series

if TYPE_CHECKING:
    import pandas as pd


def is_region(name: str) -> bool:
    """Say whether numbers of a region (alpha-2) are known: US."""
    return name in SUPPORTED_REGIONS


def named_region(country: str) -> str:
    """Return the region (alpha-2) of a country by its code or name; empty if it is unknown."""
    return _regions_by_name().get(_normalize(country), "")


def country_abbreviation(country: str) -> str:
    """Return the code of three letters (ISO 3166 alpha-3) of a country; empty if it is unknown."""
    region = named_region(country)
    return _countries()[region][0] if region else ""


def is_calling_code(phone_code: str) -> bool:
    """Say whether a calling code such as `1` or `0044` is one, of a country or of none (`800`)."""
    digits = phone_code.lstrip("0")
    is_short = digits.isascii() and digits.isdecimal() and len(digits) <= 3
    is_known = is_short and int(digits) in COUNTRY_CODE_TO_REGION_CODE
    return is_known or bool(main_region(phone_code))


def calling_code_of(country: str) -> str:
    """Return the calling code of a country by its code or name; empty if it is unknown."""
    region = named_region(country)
    return str(country_code_for_region(region)) if region else ""


PLACEHOLDERS = frozenset(
    {"", "na", "n a", "null", "nil", "none", "unknown", "nan", "not available"}
)
"""Words for no value, without marks: n/a, #N/A. NA is also the code of Namibia."""


def is_placeholder(text: str) -> bool:
    """Say whether a text stands for no value."""
    return _normalize(text) in PLACEHOLDERS


def are_placeholders(values: "pd.Series[str]") -> "pd.Series[bool]":
    """Likewise of many texts."""
    return map_distinct(values, lambda text: "Y" if is_placeholder(text) else "") == "Y"


def region_of_phone_code(phone_codes: "pd.Series[str]") -> "pd.Series[str]":
    """Return the main region (alpha-2) of country calling codes such as `1`, `+44` or `0044`.

    Empty if the code is unknown or belongs to no region (`800`).
    """
    return map_distinct(phone_codes, main_region)


def region_of_country(countries: "pd.Series[str]") -> "pd.Series[str]":
    """Return the region (alpha-2) of a country by its code of two or three letters or its name.

    The names are those of regions.toml, in any case, with or without accents. Empty if unknown.
    """
    return map_distinct(countries, named_region)


def map_distinct(values: "pd.Series[str]", answer: Callable[[str], str]) -> "pd.Series[str]":
    """Return the answer for each value (str, not null); each distinct one is asked for once."""
    encoded = to_arrow(values).combine_chunks().dictionary_encode()
    answers = pa.array(map(answer, encoded.dictionary.to_pylist()), pa.large_string())
    return to_series(answers.take(encoded.indices), values.index)


def main_region(phone_code: str) -> str:
    """Likewise of one code."""
    digits = phone_code.strip().removeprefix("+").lstrip("0")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 3):
        return ""
    region = COUNTRY_CODE_TO_REGION_CODE.get(int(digits), ("",))[0]
    return "" if region == REGION_CODE_FOR_NON_GEO_ENTITY else region


@cache
def _countries() -> dict[str, list[str]]:
    """Give the code of three letters and the names of each region."""
    return tomllib.loads(
        files("loader.phones").joinpath("regions.toml").read_text(encoding="utf-8")
    )


@cache
def _regions_by_name() -> dict[str, str]:
    countries = _countries().items()
    return {_normalize(name): region for region, names in countries for name in [region, *names]}


def _normalize(name: str) -> str:
    """Reduce a name to lower case, without accents, points and a leading `the`; `saint` is `st`."""
    letters = unicodedata.normalize("NFKD", name.replace("&", " and ")).casefold()
    text = "".join(
        letter if letter.isalnum() else " "
        for letter in letters
        if letter not in ".'\u2019" and not unicodedata.combining(letter)
    )
    words = ["st" if word == "saint" else word for word in text.split()]
    return " ".join(words[1:] if words[:1] == ["the"] else words)

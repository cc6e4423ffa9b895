"""Phone numbers of all regions: how many a second, and whether each is as phonenumbers has it."""

import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberType,
    ValidationResult,
)
from rich.console import Console

from loader.phones.parse import parse_numbers

PART = 100_000
"""Numbers that are made and parsed at a time."""
USUAL = ("US", "CA", "GB", "DE", "FR", "IT", "ES", "MX", "BR", "IN", "AU", "PH")
"""Regions that half of the numbers are of."""
MARKS = np.array(list(" ()-./+0"))

COLUMNS = (
    "country_code", "national_number", "extension", "possible", "valid", "number_type", "region",
)  # fmt: skip


def numbers(count: int, seed: int, *, mangled: bool) -> pd.DataFrame:
    """Make numbers: examples of all regions and types with other digits, in several forms.

    Args:
        count: of numbers.
        seed: the same numbers for the same seed.
        mangled: some have a digit replaced by a mark, and some are dialled in another region.

    Returns:
        Columns value and region (str), the region in which it is dialled.
    """
    random = np.random.default_rng(seed)
    every = sorted(phonenumbers.SUPPORTED_REGIONS)
    examples = {region: _examples(region) for region in every}
    regions = np.where(
        random.random(count) < 0.5, random.choice(USUAL, count), random.choice(every, count)
    )
    values = []
    forms = random.integers(0, 8 if mangled else 7, count)
    draws = random.random((count, 4))
    for region, form, draw in zip(regions.tolist(), forms.tolist(), draws.tolist(), strict=True):
        known = examples[region]
        national, code = known[int(draw[0] * len(known))]
        kept = 1 + int(draw[1] * len(national))
        tail = str(int(draw[2] * 1e15)).zfill(15)[: len(national) - kept]
        values.append(_written(national[:kept] + tail, code, form, draw[3]))
    at_home = random.random(count) < (0.9 if mangled else 1)
    dialled_in = np.where(at_home, regions, random.choice(every, count))
    return pd.DataFrame({"value": values, "region": dialled_in}, dtype="str")


def _examples(region: str) -> list[tuple[str, str]]:
    """Give national numbers of a region, one of each type that it has, and their country code."""
    found = [phonenumbers.example_number_for_type(region, kind) for kind in range(11)]
    known = [number for number in found if number]
    return [
        (phonenumbers.national_significant_number(number), str(number.country_code))
        for number in known
    ]


def _written(national: str, code: str, form: int, draw: float) -> str:
    """Write a number in one of eight forms, the last of them mangled."""
    grouped = f"({national[:3]}) {national[3:6]}-{national[6:]}"
    place = int(draw * len(national))
    mark = str(MARKS[int(draw * 1e6) % len(MARKS)])
    mangled = national[:place] + mark + national[place + 1 :]
    return (
        national, f"+{code}{national}", f"+{code} {grouped}", grouped, f"0{national}",
        f"{code}{national}", f"00{code} {national}", mangled,
    )[form]  # fmt: skip


def by_phonenumbers(sent: pd.DataFrame) -> pd.DataFrame:
    """Parse one by one: the columns of `parse_numbers`."""
    pairs = zip(sent["value"], sent["region"], strict=True)
    return pd.DataFrame([_parsed(*pair) for pair in pairs], columns=COLUMNS, index=sent.index)


_PROBLEMS = {
    NumberParseException.INVALID_COUNTRY_CODE: "INVALID_COUNTRY_CODE",
    NumberParseException.NOT_A_NUMBER: "NOT_A_NUMBER",
    NumberParseException.TOO_SHORT_AFTER_IDD: "TOO_SHORT",
    NumberParseException.TOO_SHORT_NSN: "TOO_SHORT",
    NumberParseException.TOO_LONG: "TOO_LONG",
}


def _parsed(value: str, region: str) -> tuple[str, str, str, str, bool, str, str]:
    try:
        number: PhoneNumber = phonenumbers.parse(value, region)
    except NumberParseException as problem:
        return "", "", "", _PROBLEMS[problem.error_type], False, "UNKNOWN", ""
    return (
        str(number.country_code),
        phonenumbers.national_significant_number(number),
        number.extension or "",
        ValidationResult.to_string(phonenumbers.is_possible_number_with_reason(number)),
        phonenumbers.is_valid_number(number),
        PhoneNumberType.to_string(phonenumbers.number_type(number)),
        phonenumbers.region_code_for_number(number) or "",
    )


def phones(console: Console, count: int, compared: int) -> int:
    """Parse so many numbers, and compare as many with phonenumbers; give the differences."""
    seconds, distinct = 0.0, 0
    for sent in _parts(count, mangled=False):
        distinct += len(sent.drop_duplicates())
        start = time.process_time()
        parse_numbers(sent["value"], sent["region"])
        seconds += time.process_time() - start
    console.print(
        f"phones: {distinct / seconds:,.0f} distinct numbers of all regions a second of one core "
        f"({count:,} numbers in {seconds:.1f} s)"
    )
    differences = 0
    for sent in _parts(compared, mangled=True):
        ours = parse_numbers(sent["value"], sent["region"])[list(COLUMNS)]
        theirs = by_phonenumbers(sent)
        differs = (ours.astype("object") != theirs.astype("object")).any(axis=1)
        differences += int(differs.sum())
        for row in np.flatnonzero(differs)[:3].tolist():
            console.print(
                sent.iloc[row].tolist(), ours.iloc[row].tolist(), theirs.iloc[row].tolist()
            )
    console.print(f"phones: {differences} of {compared:,} differ from phonenumbers")
    return differences


def _parts(count: int, *, mangled: bool) -> Iterator[pd.DataFrame]:
    for seed, start in enumerate(range(0, count, PART)):
        yield numbers(min(PART, count - start), seed, mangled=mangled)

"""Country calling codes as lists of countries write them: 1, +44, 0044, 1-876, `44 (UK)`."""

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from loader.frames.arrow import are_equal, frame_of, to_arrow, to_series
from loader.phones.notation import tidy
from loader.phones.regions import calling_code_of, is_placeholder

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTERNATIONAL_PREFIX = re.compile(r"^(?:0011|011|0+)(?=[1-9])")
LONGEST_TEXT = 250
"""Characters; a longer text is no phone code."""
_DECIMALS = r"^(\s*\+?\s*[0-9]{1,4})[.,]0+\s*$"


class PhoneCode(NamedTuple):
    """What a text says of the country that a number belongs to."""

    code: str = ""
    """The country calling code; "": it says nothing, or is not understood."""
    areas: str = ""
    """How numbers begin that belong to it, joined by `|`: 876 for 1-876. "": in any way."""
    is_understood: bool = True


def read_phone_codes(values: "pd.Series[str]") -> pd.DataFrame:
    """Read phone codes; each distinct text once.

    Returns:
        Index of `values`; columns code and areas (str), is_understood (bool), see `PhoneCode`. A
        code of blanks, zeros, or a word such as n/a says nothing, and is understood.
    """
    encoded = to_arrow(values).combine_chunks().dictionary_encode()
    read = [read_phone_code(text) for text in encoded.dictionary.to_pylist()]
    codes, areas = (
        pa.array(texts, pa.large_string()).take(encoded.indices)
        for texts in ([each.code for each in read], [each.areas for each in read])
    )
    understood = np.array([each.is_understood for each in read], dtype=bool)
    columns = {
        "code": codes,
        "areas": areas,
        "is_understood": understood[encoded.indices.to_numpy()],
    }
    return frame_of(columns, values.index)


def codes_as_sent(given: "pd.Series[str]", read: pd.DataFrame) -> "pd.Series[str]":
    """Return the phone codes as they were sent where they are a calling code alone, or unknown.

    Of others (see `read_phone_codes`) the calling code is all: an area behind it, as in 1-876,
    begins the number, and would be dialled twice.
    """
    is_code_alone = given.str.lstrip("0") == read["code"]
    return given.where(is_code_alone | (read["code"] == ""), read["code"])


def is_of_other_area(codes: pd.DataFrame, number: pd.DataFrame) -> "pd.Series[bool]":
    """Return which numbers (see `parse_numbers`) do not begin like the area of their phone code.

    A number of another country does not count: it says so itself.
    """
    other = pd.Series(data=False, index=codes.index)
    has_area = ~are_equal(codes["areas"], "")
    if not has_area.any():
        return other
    with_area = codes[has_area & are_equal(codes["code"], number["country_code"])]
    for areas, group in with_area.groupby("areas"):
        national = number.loc[group.index, "national_number"]
        other.loc[group.index] = ~national.str.startswith(tuple(str(areas).split("|")))
    return other


def read_phone_code(text: str) -> PhoneCode:
    """Read one phone code.

    1-809, 1-829 are several codes of one country, and so are 1-809/829. `44 (UK)` is the code
    alone; a name or an abbreviation without a code is that of its country.
    """
    if len(text.strip()) > LONGEST_TEXT:
        return PhoneCode(is_understood=False)
    plain = tidy(text).strip()
    digits = re.sub(r"[^0-9]", "", plain)
    if not digits:
        return _named(plain)
    if not digits.strip("0"):
        return PhoneCode()
    found = list(_codes(plain))
    if len({code for code, _ in found}) != 1 or not found[0][0]:
        return PhoneCode(is_understood=False)
    areas = "" if any(not area for _, area in found) else "|".join(area for _, area in found)
    return PhoneCode(found[0][0], areas)


def mend_phone_codes(values: "pd.Series[str]") -> "pd.Series[str]":
    """Remove the decimals that a spreadsheet put behind codes: 44.0."""
    return to_series(pc.replace_substring_regex(to_arrow(values), _DECIMALS, r"\1"), values.index)


def _named(text: str) -> PhoneCode:
    """Read a phone code without digits."""
    if is_placeholder(text):
        return PhoneCode()
    code = calling_code_of(text)
    return PhoneCode(code, is_understood=bool(code))


def _codes(text: str) -> "Iterator[tuple[str, str]]":
    """Yield code and area of each of several codes; the code is empty where it is unknown.

    In 1-809/829 the second is an area of the first one's code: it is as long as the first area.
    """
    first: tuple[str, str] | None = None
    for each in re.split(r"[,;|/&]|\band\b|\bor\b", re.sub(r"\(0\)", "", text)):
        digits = _INTERNATIONAL_PREFIX.sub("", re.sub(r"[^0-9]", "", each))
        if not digits:
            continue
        if first and first[1] and len(digits) == len(first[1]) and _is_bare(each):
            yield first[0], digits
            continue
        code = next((digits[:n] for n in (1, 2, 3) if _is_known(digits[:n])), "")
        first = first or (code, digits[len(code) :])
        yield code, digits[len(code) :]


def _is_bare(text: str) -> bool:
    """Say whether digits stand together, without a plus or a mark behind a code."""
    return re.fullmatch(r"[\s(]*-?\d+[\s)]*", text) is not None


def _is_known(code: str) -> bool:
    return not code.startswith("0") and int(code) in COUNTRY_CODE_TO_REGION_CODE

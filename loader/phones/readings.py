"""Phone numbers of a whole chunk, as people write them into a field.

Numbers in an ordinary notation go to `loader.phones.parse` as they are. Others are first read by
patterns, or one by one (`loader.phones.notation`).
"""

from functools import reduce

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import (
    Mask,
    are_equal,
    as_mask,
    choose,
    frame_of,
    join_texts,
    keep,
    to_arrow,
    to_mask,
    to_series,
)
from loader.phones.notation import EDGES, Reading, read_phone
from loader.phones.parse import ORDINARY, digits_only, parse_columns, parse_numbers
from loader.phones.regions import calling_code_of, map_distinct

# A date and a time: their digits may be those of a number.
_MOMENT = (
    r"^\s*(?:[0-9]{4}[-./][0-9]{1,2}|[0-9]{1,2}[-./][0-9]{1,2})[-./][0-9]{1,4}"
    r"[ T]+[0-9]{1,2}:[0-9]{2}"
)
_DIALLED_ABROAD = r"^[\s(]*00[\s)-]*([1-9])"
# A slash behind what may be a whole number; behind an area code it is ordinary.
_SLASH_BEHIND_NUMBER = r"(?:[0-9][^0-9/]*){6,}/[^0-9]*[0-9]"
LONGEST_CODE = 3
"""Digits of a country code."""
FEWEST_WITH_CODE = 11
"""Digits of a number behind its country code, of a country in which numbers have many lengths."""
LONGER_THAN_NATIONAL = 12
"""Digits; people have no national numbers with so many, though plans allow them."""

_SHORTEST_TWO = 18
"""Characters of two numbers with a blank between them."""
_LONG = r"(?:[0-9][^0-9]*){14,}"
_SHORTEST_DROPPED = 6
"""Digits of what may be a number besides."""
# Digits in one place, with no words and none of the marks that may part two numbers among them.
_BETWEEN = r"[^\p{L}\p{N};,/|&+:~\\\n=#*"
_ONE_NUMBER = (
    r"^(?P<before>(?:[^\p{N}+]*[^\p{L}\p{N}+])?)(?P<number>(?:\+[^\p{L}\p{N}+]*)?"
    rf"[0-9](?:{_BETWEEN}]*[0-9]){{0,5}}(?:{_BETWEEN}(]*[0-9])*)(?P<after>(?:[^\p{{L}}\p{{N}}][^\p{{N}}]*)?)$"
)


def parse_phones(values: "pd.Series[str]", regions: "pd.Series[str]") -> pd.DataFrame:
    """Parse numbers as people write them: with words, labels, odd marks, or two in one field.

    Words count as keypad digits only in numbers such as 1-800-FLOWERS (see
    `loader.phones.notation`). A leading 00 is read as a plus before the region's own country code,
    and where the number is not valid without it: most of the world writes international numbers so,
    even to people who dial 011. A country code without either is read as one where the digits are
    valid in no other way. A date with a time is no number.

    Returns:
        What `parse_numbers` returns, and columns `read` (str: the part of the value that is the
        number; the whole value where nothing is left out) and `dropped` (str: the words, or the
        second number, that are left out, else empty). `possible` is UNCLEAR, with no number, where
        a value holds digits in several places and none of them is surely the number.
    """
    is_moment = as_mask(pc.match_substring_regex(to_arrow(values), _MOMENT))
    values = choose(~is_moment, values, "")
    unusual = as_mask(_is_unusual(to_arrow(values)))
    columns = parse_columns(choose(~unusual, values, ""), regions)
    columns["read"] = to_arrow(values)
    columns["dropped"] = pa.repeat(pa.scalar("", pa.large_string()), len(values))
    number = frame_of(columns, values.index)
    if unusual.any():
        number.loc[unusual] = _parse_unusual(values[unusual], regions[unusual])
    return _without_code(_dialled_abroad(number, regions))


def begin_with_code(digits: "pd.Series[str]", codes: "pd.Series[str]") -> Mask:
    """Say which digits begin with the country code of their row."""
    texts, of_row = to_arrow(digits), to_arrow(codes)
    # Mostly all codes have the same size.
    found = pc.unique(pc.binary_length(of_row)).to_pylist()
    sizes = {min(max(size, 1), LONGEST_CODE) for size in found} or {1}
    heads = (pc.equal(pc.utf8_slice_codeunits(texts, 0, size), of_row) for size in sizes)
    begins: Mask = reduce(pc.or_, heads).fill_null(False).to_numpy()
    return begins


def behind_code(digits: "pd.Series[str]", codes: "pd.Series[str]") -> pd.DataFrame:
    """Parse digits that begin with the country code of their row as numbers behind that code.

    Returns:
        What `parse_numbers` returns, of those digits that are a possible number so.
    """
    begins = begin_with_code(digits, codes)
    digits, codes = keep(begins, digits), keep(begins, codes)
    if digits.empty:
        return parse_numbers(digits, codes)
    number = parse_numbers("+" + digits, codes)
    is_own = number["country_code"] == codes
    return number[(number["possible"] == "IS_POSSIBLE") & is_own]


def _dialled_abroad(number: pd.DataFrame, regions: "pd.Series[str]") -> pd.DataFrame:
    """Read a leading 00 as a plus, see `parse_phones`."""
    texts = to_arrow(number["read"])
    abroad = number.index[as_mask(pc.match_substring_regex(texts, _DIALLED_ABROAD))]
    if abroad.empty:
        return number
    international = number.loc[abroad, "read"].str.replace(_DIALLED_ABROAD, r"+\1", regex=True)
    again = parse_numbers(international, regions[abroad])
    is_own = again["country_code"] == map_distinct(regions[abroad], calling_code_of)
    is_better = (again["possible"] == "IS_POSSIBLE") & (is_own | ~number["valid"][abroad])
    return _replaced(number, again[is_better])


def _without_code(number: pd.DataFrame) -> pd.DataFrame:
    """Take the country code off digits that are valid only without it, see `parse_phones`.

    phonenumbers keeps it where the whole is a possible national number, as in Germany. Where both
    are valid, the whole is one if it is short enough, and the rest is no mobile number.
    """
    national = number["national_number"]
    is_long = as_mask(pc.greater_equal(pc.utf8_length(to_arrow(national)), FEWEST_WITH_CODE))
    asked = are_equal(number["possible"], "IS_POSSIBLE") & (is_long | ~number["valid"].to_numpy())
    if asked.any():
        asked &= are_equal(national, digits_only(number["read"]))
    if not asked.any():
        return number
    whole = number[asked]
    again = behind_code(whole["national_number"], whole["country_code"])
    is_longer = whole["national_number"].str.len() >= LONGER_THAN_NATIONAL
    is_better = ~whole["valid"] | is_longer | (whole["number_type"] == "FIXED_LINE")
    is_mobile = again["number_type"] == "MOBILE"
    good = again["valid"] & is_better[again.index]
    good &= is_mobile | is_longer[again.index] | ~whole["valid"][again.index]
    return _replaced(number, again[good])


def _replaced(number: pd.DataFrame, again: pd.DataFrame) -> pd.DataFrame:
    """Replace what numbers were parsed as; their extensions stay."""
    if again.empty:
        return number
    number = number.copy()
    columns = [name for name in again.columns if name != "extension"]
    number.loc[again.index, columns] = again[columns]
    return number


def parse_every_phone(values: "pd.Series[str]", regions: "pd.Series[str]") -> pd.DataFrame:
    """Parse as `parse_phones`, and likewise what it left out, as long as that is a number, too.

    The index of the answer has a value's place once for each of its possible numbers, or never.
    """
    found = []
    while len(values):
        number = parse_phones(values, regions)
        found.append(number[number["possible"] == "IS_POSSIBLE"])
        rest = number["dropped"].where(number["possible"] == "IS_POSSIBLE", "")
        values = rest[rest.str.count(r"\d") >= _SHORTEST_DROPPED]
        regions = regions.loc[values.index]
    return pd.concat(found) if found else parse_phones(values, regions)


def _is_unusual(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return which texts are more than one number in ordinary notation, and are not blank.

    `030 1234567/68` is ordinary for phonenumbers, but what follows the slash is no part of it.
    """
    unusual = pc.invert(pc.match_substring_regex(texts, ORDINARY))
    if pc.any(pc.match_substring(texts, "/")).as_py():
        unusual = pc.or_(unusual, pc.match_substring_regex(texts, _SLASH_BEHIND_NUMBER))
    long = pc.greater_equal(pc.utf8_length(texts), _SHORTEST_TWO)
    if pc.any(long).as_py():
        unusual = pc.or_(unusual, pc.and_(long, pc.match_substring_regex(texts, _LONG)))
    return unusual


def _parse_unusual(values: "pd.Series[str]", regions: "pd.Series[str]") -> pd.DataFrame:
    """Parse texts that hold more than a number, or a number in an odd notation.

    Where digits stand in one place, kernels find them. Others are read one by one.
    """
    found = pc.extract_regex(to_arrow(values), _ONE_NUMBER)
    number_text, *around = (
        to_series(pc.fill_null(pc.struct_field(found, name), ""), values.index)
        for name in ("number", "before", "after")
    )
    digits = to_series(
        pc.replace_substring_regex(to_arrow(number_text), "[^0-9+]+", " "), values.index
    )
    number = parse_numbers(digits, regions)
    dropped = join_texts([to_arrow(text) for text in around], " ")
    has_words = pc.match_substring_regex(dropped, r"[\p{L}\p{N}]")
    trimmed = pc.utf8_trim(pc.if_else(has_words, dropped, ""), characters=EDGES)
    number = number.assign(read=digits, dropped=to_series(trimmed, values.index))
    long = to_mask(pc.match_substring_regex(to_arrow(digits), _LONG), values.index)
    pending = number.index[(number["possible"] != "IS_POSSIBLE") | long]
    if len(pending):
        number.loc[pending] = _read_singly(values[pending], regions[pending])
    return number


def _read_singly(values: "pd.Series[str]", regions: "pd.Series[str]") -> pd.DataFrame:
    """Read distinct texts one by one, then parse what was read."""
    pairs = pd.DataFrame({"value": values, "region": regions})
    distinct = pairs.drop_duplicates()
    readings = pd.DataFrame(
        [read_phone(*pair) for pair in distinct.itertuples(index=False, name=None)],
        columns=list(Reading._fields),
    ).astype({"text": "str", "extension": "str", "dropped": "str"})
    distinct = pd.concat([distinct.reset_index(drop=True), readings], axis="columns")
    read = pairs.merge(distinct, how="left").set_axis(values.index)
    number = parse_numbers(read["text"], regions).assign(
        extension=read["extension"], read=read["text"], dropped=read["dropped"]
    )
    number.loc[read["is_unclear"], "possible"] = "UNCLEAR"
    return number

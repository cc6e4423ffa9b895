"""Alternate numbers of a lead: alt_phone, and what it has in common with multi_alt_phones."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import pyarrow.compute as pc

from loader.checks.fit import fit_field
from loader.dialer import Column
from loader.findings import Findings, Notices, notices
from loader.frames.arrow import to_arrow, to_series
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.phones.parse import is_damaged
from loader.phones.readings import behind_code, parse_phones

FIELD = "alt_phone"
SECOND_NUMBER_LENGTH = 7
"""Digits; fewer are no second number."""
_DECIMALS = r"^\s*(\+?[0-9]{5,})[.,]0+\s*$"
# What the dialer keeps of an alt_phone, as far as numbers are concerned.
_UNKEPT = r"[^\p{L}\p{N}\-_.' ]"


class Alternates(NamedTuple):
    """Alternate numbers as they are read."""

    given: "pd.Series[str]"
    """Without the decimals of a spreadsheet; empty where a spreadsheet damaged the number."""
    number: pd.DataFrame
    """See `parse_phones`."""
    is_number: "pd.Series[bool]"


def read_alternates(given: "pd.Series[str]", regions: Sequence["pd.Series[str]"]) -> Alternates:
    """Read alternate numbers, in the first of several regions in which they are valid."""
    mended, damaged = mend_alternates(given)
    values = mended.where(~damaged, "")
    number = parse_phones(values, regions[0])
    for others in regions[1:]:
        again = (values != "") & ~number["valid"] & (others != regions[0])
        if again.any():
            elsewhere = parse_phones(values[again], others[again])
            better = elsewhere[elsewhere["valid"]]
            number.loc[better.index] = better
    return Alternates(values, number, number["possible"] == "IS_POSSIBLE")


def mend_alternates(given: "pd.Series[str]") -> tuple["pd.Series[str]", "pd.Series[bool]"]:
    """Remove decimals of spreadsheets; also return which numbers are lost."""
    texts = pc.replace_substring_regex(to_arrow(given), _DECIMALS, r"\1")
    mended = to_series(texts, given.index)
    return mended, is_damaged(mended)


def fit_alt_phone(
    leads: pd.DataFrame,
    regions: Sequence["pd.Series[str]"],
    column: Column,
    options: LoadOptions,
) -> tuple["pd.Series[str]", Findings, Notices]:
    """Normalize alt_phone, and make it fit its column.

    The dialer dials it with the lead's phone_code, so a number of another country keeps its own:
    +44 20 7946 0958 beside a lead of country 1 is 442079460958. What is no number is stored as it
    is, but a number is never cut.

    Args:
        leads: columns alt_phone and phone_code (str); index row_number.
        regions: those in which numbers may be dialled, the lead's own first.
        column: what it has to fit into.
        options: phone_format, phone_validation and unstorable are read.

    Returns:
        The values, the rows rejected because of unstorable characters, and notices.
    """
    mended, lost = mend_alternates(leads[FIELD])
    values, noticed = (
        mended.where(~lost, ""),
        spreadsheet_notices(FIELD, leads[FIELD], mended, lost),
    )
    if options.phone_format == "national":
        found = read_alternates(values, regions)
        number = found.number[found.is_number]
        abroad = number["country_code"] != leads["phone_code"].reindex(number.index)
        digits = number["national_number"].where(
            ~abroad, number["country_code"] + number["national_number"]
        )
        digits = _without_code(digits, number[~abroad], column)
        values = digits.reindex(leads.index).fillna(values)
        noticed.append(notices(digits.index[abroad], Notice.ALT_PHONE_ABROAD, value=digits))
        noticed += notices_of_dropped(number, extensions=True, field=FIELD)
    values, too_wide = _without_wide_numbers(values, column, options)
    noticed.append(notices(too_wide.index, Notice.ALT_PHONE_TOO_WIDE, field=FIELD, value=too_wide))
    values, unfit, of_field = fit_field(values.rename(FIELD), column, options)
    return values, unfit, pd.concat([*noticed, of_field])


def _without_code(
    digits: "pd.Series[str]", number: pd.DataFrame, column: Column
) -> "pd.Series[str]":
    """Take the country code off numbers that fit their column only without it."""
    if column.width is None:
        return digits
    wide = number[number["national_number"].str.len() > column.width]
    shorter = behind_code(wide["national_number"], wide["country_code"])["national_number"]
    return digits.where(~digits.index.isin(shorter.index), shorter.reindex(digits.index))


def spreadsheet_notices(
    field: str, given: "pd.Series[str]", mended: "pd.Series[str]", lost: "pd.Series[bool]"
) -> list[Notices]:
    """Say which numbers a spreadsheet changed, see `mend_alternates`."""
    damaged = given[lost]
    return [
        notices(given.index[(mended != given) & ~lost], Notice.DECIMAL_MENDED, field=field),
        notices(damaged.index, Notice.DAMAGED_ALT_PHONE, field=field, value=damaged.str.strip()),
    ]


def notices_of_dropped(
    number: pd.DataFrame, *, extensions: bool, field: str | None = None
) -> list[Notices]:
    """Say what stood beside numbers (see `parse_phones`); no field: it is phone_number."""
    named = {"field": field} if field else {}
    dropped = number.loc[number["dropped"] != "", "dropped"]
    second = dropped.str.count(r"\d") >= SECOND_NUMBER_LENGTH
    kinds = [
        (Notice.WORDS_DROPPED, dropped[~second]),
        (Notice.SECOND_NUMBER_DROPPED, dropped[second]),
    ]
    if extensions:
        extension = number.loc[number["extension"] != "", "extension"]
        kinds.insert(0, (Notice.EXTENSION_DROPPED, extension))
    return [notices(values.index, kind, **named, value=values) for kind, values in kinds]


def _without_wide_numbers(
    values: "pd.Series[str]", column: Column, options: LoadOptions
) -> tuple["pd.Series[str]", "pd.Series[str]"]:
    """Empty values that hold a number and do not fit; also return those.

    As the dialer does, marks such as parentheses give way first. In the dialer's own way, the rest
    is cut.
    """
    nothing = values.iloc[:0]
    if column.width is None:
        return values, nothing
    wide = values[values.str.len() > column.width]
    if wide.empty:
        return values, nothing
    texts = pc.replace_substring_regex(to_arrow(wide), r"\+", " ")
    kept = to_series(pc.replace_substring_regex(texts, _UNKEPT, ""), wide.index)
    is_number = wide.str.count(r"\d") >= SECOND_NUMBER_LENGTH
    replaced = wide.where(~is_number, kept)
    values = values.where(~values.index.isin(wide.index), replaced.reindex(values.index))
    if options.phone_format == "as-given" and options.phone_validation == "length":
        return values, nothing
    lost = wide[is_number & (replaced.str.len() > column.width)]
    return values.where(~values.index.isin(lost.index), ""), lost

"""Alternate numbers of a lead: alt_phone, and what it has in common with multi_alt_phones."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import pyarrow.compute as pc

from loader.checks.fit import fit_field
from loader.dialer import Column
from loader.findings import Findings, Notices, join_frames, no_findings, no_notices, notices
from loader.frames.arrow import are_equal, keep, to_arrow, to_series
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.phones.parse import digits_only, is_damaged
from loader.phones.readings import behind_code, parse_phones
from loader.phones.regions import region_of_phone_code

FIELD = "alt_phone"
SECOND_NUMBER_LENGTH = 7
"""Digits; fewer are no second number."""
_DECIMALS = r"^\s*(\+?[0-9]{5,})[.,]0+\s*$"
# Cut, 1-800-FLOWERS and more would be another number.
_TOLL_FREE = r"\s*(?:\+?1[\s.-]*)?\(?8(?:00|33|44|55|66|77|88)\)?[\s.-]*[A-Za-z0-9]"
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
    given: "pd.Series[str]",
    codes: "pd.Series[str]",
    dialled_in: "pd.Series[str]",
    column: Column,
    options: LoadOptions,
) -> tuple["pd.Series[str]", Findings, Notices]:
    """Normalize alt_phone, and make it fit its column.

    The dialer dials it with the lead's phone_code, so a number of another country keeps its own:
    +44 20 7946 0958 beside a lead of country 1 is 442079460958. What is no number is stored as it
    is, but a number is never cut.

    Args:
        given: the values; index row_number.
        codes: phone_code of their leads.
        dialled_in: the regions of their numbers, in which an alternate one may be dialled that is
            none in that of phone_code.
        column: what it has to fit into.
        options: phone_format, phone_validation and unstorable are read.

    Returns:
        The values, the rows rejected because of unstorable characters, and notices.
    """
    if are_equal(given, "").all():
        return given, no_findings(), no_notices()
    regions = [region_of_phone_code(codes), dialled_in]
    mended, lost = mend_alternates(given)
    values, noticed = mended.where(~lost, ""), spreadsheet_notices(FIELD, given, mended, lost)
    if options.phone_format == "national":
        values, of_numbers = _to_national(values, codes, regions, column)
        noticed += of_numbers
    if options.one_form:
        # In the dialer's own way, what is too long without its marks is cut.
        loses_marks = _are_wider(values, column.width) & _has_digits_of_number(values)
        values = values.where(~loses_marks, _without_marks(values))
    else:
        values, _, of_wide = narrow_numbers(values, regions, column.width, FIELD)
        noticed += of_wide
    values, unfit, of_field = fit_field(values.rename(FIELD), column, options)
    return values, unfit, join_frames([*noticed, of_field])


def _to_national(
    values: "pd.Series[str]",
    codes: "pd.Series[str]",
    regions: Sequence["pd.Series[str]"],
    column: Column,
) -> tuple["pd.Series[str]", list[Notices]]:
    """Give national numbers; of another country than phone_code, with its code before them."""
    found = read_alternates(values, regions)
    number = found.number[found.is_number]
    abroad = number["country_code"] != codes.reindex(number.index)
    digits = number["national_number"]
    if abroad.any():
        digits = digits.where(~abroad, number["country_code"] + digits)
    digits = _without_code(digits, number[~abroad], column)
    noticed = [
        notices(digits.index[abroad], Notice.ALT_PHONE_ABROAD, value=digits),
        *notices_of_dropped(number, extensions=True, field=FIELD),
    ]
    # Most of them are numbers: then there is nothing to fill.
    all_are = len(digits) == len(values)
    return digits if all_are else digits.reindex(values.index).fillna(values), noticed


def _without_code(
    digits: "pd.Series[str]", number: pd.DataFrame, column: Column
) -> "pd.Series[str]":
    """Take the country code off numbers that fit their column only without it."""
    if column.width is None:
        return digits
    wide = number[number["national_number"].str.len() > column.width]
    if wide.empty:
        return digits
    shorter = behind_code(wide["national_number"], wide["country_code"])["national_number"]
    return digits.where(~digits.index.isin(shorter.index), shorter.reindex(digits.index))


def spreadsheet_notices(
    field: str, given: "pd.Series[str]", mended: "pd.Series[str]", lost: "pd.Series[bool]"
) -> list[Notices]:
    """Say which numbers a spreadsheet changed, see `mend_alternates`."""
    damaged = given[lost]
    if damaged.empty and mended.equals(given):
        return []
    return [
        notices(given.index[(mended != given) & ~lost], Notice.DECIMAL_MENDED, field=field),
        notices(damaged.index, Notice.DAMAGED_ALT_PHONE, field=field, value=damaged.str.strip()),
    ]


def notices_of_dropped(
    number: pd.DataFrame, *, extensions: bool, field: str | None = None
) -> list[Notices]:
    """Say what stood beside numbers (see `parse_phones`); no field: it is phone_number."""
    named = {"field": field} if field else {}
    dropped = keep(~are_equal(number["dropped"], ""), number["dropped"])
    if dropped.empty and not (extensions and not are_equal(number["extension"], "").all()):
        return []
    second = dropped.str.count(r"\d") >= SECOND_NUMBER_LENGTH
    kinds = [
        (Notice.WORDS_DROPPED, dropped[~second]),
        (Notice.SECOND_NUMBER_DROPPED, dropped[second]),
    ]
    if extensions:
        extension = number.loc[number["extension"] != "", "extension"]
        kinds.insert(0, (Notice.EXTENSION_DROPPED, extension))
    return [notices(values.index, kind, **named, value=values) for kind, values in kinds]


def narrow_numbers(
    values: "pd.Series[str]",
    regions: Sequence["pd.Series[str]"],
    width: int | None,
    field: str,
) -> tuple["pd.Series[str]", "pd.Series[bool]", list[Notices]]:
    """Make numbers that do not fit their column narrower: a number is never cut.

    As in the dialer, marks such as parentheses give way first; if that is not enough, the digits of
    the number are all that is kept, and what is no part of it goes off.

    Args:
        values: the numbers, or other texts, which do not change.
        regions: those in which numbers may be dialled, see `read_alternates`.
        width: of the column, in characters; None: any.
        field: where the values are from, for the notices.

    Returns:
        The values, empty where the digits do not fit either; for which that is so; and notices.
    """
    lost = pd.Series(data=False, index=values.index)
    wide = values[_are_wider(values, width)]
    if wide.empty:
        return values, lost, []
    found = read_alternates(wide, [each.loc[wide.index] for each in regions])
    is_number = found.is_number | _has_digits_of_number(wide) | wide.str.match(_TOLL_FREE)
    kept = _without_marks(wide).str.strip()
    must_shrink = is_number & _are_wider(kept, width)
    digits = digits_only(found.number["read"])
    is_whole = found.is_number | (digits.str.len() >= SECOND_NUMBER_LENGTH)
    digits = digits.where(is_whole & ~_are_wider(digits, width), "")
    narrow = wide.where(~is_number, kept).where(~must_shrink, digits)
    lost.loc[wide.index] = must_shrink & (digits == "")
    noticed = notices_of_dropped(
        found.number[must_shrink & (digits != "")], extensions=True, field=field
    )
    noticed.append(notices(lost.index[lost], Notice.ALT_PHONE_TOO_WIDE, field=field, value=values))
    return narrow.reindex(values.index).fillna(values), lost, noticed


def _are_wider(values: "pd.Series[str]", width: int | None) -> "pd.Series[bool]":
    if width is None:
        return pd.Series(data=False, index=values.index)
    return values.str.len() > width


def _has_digits_of_number(values: "pd.Series[str]") -> "pd.Series[bool]":
    return values.str.count(r"\d") >= SECOND_NUMBER_LENGTH


def _without_marks(values: "pd.Series[str]") -> "pd.Series[str]":
    """Keep what the dialer keeps of an alt_phone."""
    texts = pc.replace_substring_regex(to_arrow(values), r"\+", " ")
    return to_series(pc.replace_substring_regex(texts, _UNKEPT, ""), values.index)

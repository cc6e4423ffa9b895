"""Numbers that a spreadsheet or a data frame wrote as decimals: 33701.0, 1.2E+11.

A column of whole numbers with gaps in it is written so by pandas. Where a whole column is so, the
.0 goes off; elsewhere it may be part of the value, as in a price.
"""

from collections.abc import Collection

import pandas as pd
import pyarrow.compute as pc

from loader.fields.lead import CUSTOM_PREFIX
from loader.findings import Notices, join_frames, no_notices, notices
from loader.frames.arrow import to_arrow, to_mask, to_series
from loader.notices import Notice

OF_NUMBERS = frozenset({"phone_number", "alt_phone", "phone_code", "multi_alt_phones"})
"""Fields whose decimals are mended where phone numbers are read."""

IDENTIFIERS = (
    "vendor_lead_code", "source_id", "address1", "address2", "address3", "postal_code",
    "security_phrase", "owner",
)  # fmt: skip
"""Fields in which 55.0 is no amount."""

WHOLE_NUMBERS = ("list_id", "rank", "entry_list_id", "date_of_birth")
"""Fields of whole numbers, and of dates in digits."""

_DECIMAL = r"^(-?[0-9]+)[.,]0$"
_DECIMAL_OF_NUMBER = r"^(-?[0-9]+)(?:[.,]0|\.00)$"
"""In fields that are no amounts of money."""
_SCIENTIFIC = r"^[+-]?[0-9]+(?:[.,][0-9]+[eE][+-]?|[eE][+-])[0-9]{1,3}$"
_DAMAGED_IDENTIFIER = f"{_DECIMAL_OF_NUMBER}|{_SCIENTIFIC}"
_NOTHING = r"^(?i:nan|null|none|n/a|#n/a|\\n)?$"
"""What a column of numbers has besides: gaps, and numbers that are lost already."""


def _pattern_of(field: str) -> str:
    return _DECIMAL_OF_NUMBER if field in {*IDENTIFIERS, *WHOLE_NUMBERS} else _DECIMAL


def is_decimal_column(values: "pd.Series[str]", *, or_blank: bool = False) -> bool:
    """Say whether all values are digits and .0, gaps and damaged ones apart.

    Of a column without a single decimal `or_blank` is the answer. It is named as its field.
    """
    texts = to_arrow(values)
    decimals = pc.match_substring_regex(texts, _pattern_of(str(values.name)))
    others = texts.filter(pc.invert(decimals))
    expected = pc.match_substring_regex(others, f"{_NOTHING}|{_SCIENTIFIC}")
    if not pc.all(expected, min_count=0).as_py():
        return False
    return or_blank or len(others) < len(texts)


def mend_decimals(rows: pd.DataFrame, fields: Collection[str]) -> tuple[pd.DataFrame, Notices]:
    """Take the .0 off the values of some fields, whose whole columns have it.

    Args:
        rows: str columns named as fields, trimmed; index row_number.
        fields: names of columns of `rows`; others are ignored.
    """
    mended, noticed = {}, [no_notices()]
    for name in sorted({*fields} & {*rows}):
        values = rows[name]
        texts = pc.replace_substring_regex(to_arrow(values), _pattern_of(name), r"\1")
        mended[name] = to_series(texts, rows.index)
        changed = rows.index[values != mended[name]]
        noticed.append(notices(changed, Notice.DECIMAL_MENDED, field=name))
    return rows.assign(**mended) if mended else rows, join_frames(noticed)


def damaged_values(rows: pd.DataFrame) -> Notices:
    """Notice values that a spreadsheet seems to have damaged: 1.2E+11, and 55.0 in `IDENTIFIERS`.

    Args:
        rows: as for `mend_decimals`, mended.
    """
    noticed = [no_notices()]
    for name in map(str, rows):
        if name in IDENTIFIERS or name.startswith(CUSTOM_PREFIX):
            pattern = _DAMAGED_IDENTIFIER if name in IDENTIFIERS else _SCIENTIFIC
            found = pc.match_substring_regex(to_arrow(rows[name]), pattern)
            odd = rows.index[to_mask(found, rows.index)]
            label = name.removeprefix(CUSTOM_PREFIX)
            noticed.append(notices(odd, Notice.DAMAGED_VALUE, field=label, value=rows[name]))
    return join_frames(noticed)

"""From the values of a file to values that vicidial_list can hold.

No letter is lost in silence: every change is a notice.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.birth_dates import is_no_date, read_dates
from loader.checks.countries import abbreviate_countries
from loader.checks.fit import column_of, fit_field
from loader.dialer import Column
from loader.fields.lead import LARGEST_ENTRY_LIST_ID, LARGEST_LIST_ID, NO_DATE, RANKS, WIDTHS
from loader.findings import (
    Findings,
    Notices,
    in_order,
    join_frames,
    no_findings,
    no_notices,
    notices,
    without_rows,
)
from loader.frames.arrow import (
    are_equal,
    each_distinct,
    frame_of,
    named,
    repeat,
    to_arrow,
    to_mask,
    to_series,
)
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.phones.phone_codes import mend_phone_codes

ALWAYS = ("phone_code", "title", "first_name", "last_name", "state", "country_code", "alt_phone")
"""Fields that later stages look at: they are there, empty, when the file does not have them."""

PHONES = ("phone_number", "phone_code", "alt_phone")
"""Fields that are made to fit when they are read as phone numbers."""

FITTED_LATER = (*PHONES, "state")
"""Those, and the state, whose country may be that of the number."""

LOOKED_UP = ("state", "country_code", "postal_code", "owner")
"""Fields by which something is looked up: as they are given, not as a narrow column cuts them."""

DEFAULT_LIST_ID = "999"
_LIST_ID = re.compile("[0-9]{3,}")


def clean_fields(
    rows: pd.DataFrame, options: LoadOptions, columns: Mapping[str, Column], today: date
) -> tuple[pd.DataFrame, Findings, Notices]:
    """Make the fields of a chunk fit their columns.

    Args:
        rows: index row_number; str columns named as lead fields, trimmed if trim is Y.
        options: list_id, date_format, trim and unstorable are read.
        columns: of vicidial_list, by name; without an entry, `WIDTHS` hold.
        today: nobody is born after it.

    Returns:
        The leads (the same rows and columns, `ALWAYS` added; `FITTED_LATER` are left to
        `loader.checks.phone_numbers` and `states`, but for control characters, and phone_code
        becomes its digits; list_id becomes int64, -1 where no list can have it, and what it was is
        kept in list_id_given; of phone_code and `LOOKED_UP` the values as given are kept in
        state_given and so on), the rows rejected because of unstorable characters, and notices.
    """
    empty = repeat("", rows.index)
    leads: dict[str, pd.Series[Any]] = {str(name): values for name, values in rows.items()}
    leads |= {name: empty for name in (*ALWAYS, "list_id") if name not in leads}
    noticed, rejected = [no_notices()], no_findings()
    leads["phone_code_given"], notice = _phone_code(leads["phone_code"])
    noticed.append(notice)
    leads["phone_code"] = _without(leads["phone_code_given"], r"[^0-9]")
    if "campaign_id" in leads:
        leads["campaign_id"] = plain_name(leads["campaign_id"])
    leads |= {f"{name}_given": leads.get(name, empty) for name in LOOKED_UP}
    width = column_of("country_code", columns).width
    leads["country_code"], of_countries = abbreviate_countries(leads["country_code"], width)
    noticed += of_countries
    for name in [name for name in leads if name in WIDTHS and leads[name] is not empty]:
        column = Column() if name in FITTED_LATER else column_of(name, columns)
        leads[name], unfit, of_field = fit_field(named(leads[name], name), column, options)
        noticed.append(of_field)
        rejected = join_frames([rejected, without_rows(unfit, rejected.index)])
    leads["list_id_given"], list_ids = _list_id(leads["list_id"], options)
    for name, clean in _SPECIAL.items():
        if name in leads:
            leads[name], notice = clean(leads[name])
            noticed.append(notice)
    if "date_of_birth" in leads:
        leads["date_of_birth"], notice = _date_of_birth(leads["date_of_birth"], options, today)
        noticed.append(notice)
    columns_of_leads = {
        name: list_ids if name == "list_id" else to_arrow(values) for name, values in leads.items()
    }
    return frame_of(columns_of_leads, rows.index), in_order(rejected), join_frames(noticed)


def _phone_code(values: "pd.Series[str]") -> tuple["pd.Series[str]", Notices]:
    """Mend what a spreadsheet did to codes."""
    mended = mend_phone_codes(values)
    rows = values.index[~are_equal(mended, values)]
    return mended, notices(rows, Notice.DECIMAL_MENDED, field="phone_code")


def _list_id(
    given: "pd.Series[str]", options: LoadOptions
) -> tuple["pd.Series[str]", npt.NDArray[np.int64]]:
    """Give the text of list_id, and the list: the default for a blank, -1: impossible.

    Nothing but digits is a list: the name of one may have the digits of another.
    """
    encoded = to_arrow(given).combine_chunks().dictionary_encode()
    stripped = pc.utf8_trim_whitespace(encoded.dictionary).to_pylist()
    texts = pa.array([text or options.list_id for text in stripped], pa.large_string())
    default = _list_of(options.list_id)
    default = int(DEFAULT_LIST_ID) if default < 0 else default
    lists = np.array([_list_of(text) if text else default for text in stripped], dtype=np.int64)
    list_ids: npt.NDArray[np.int64] = lists[encoded.indices.to_numpy()]
    return to_series(texts.take(encoded.indices), given.index), list_ids


def _list_of(text: str) -> int:
    """Give the list that a text names; -1: there can be no such list."""
    digits = text.lstrip("0") or "0"
    if not _LIST_ID.fullmatch(text) or len(digits) > len(str(LARGEST_LIST_ID)):
        return -1
    return int(digits) if int(digits) <= LARGEST_LIST_ID else -1


def plain_name(values: "pd.Series[str]") -> "pd.Series[str]":
    """Keep what names of the dialer are made of, as add_lead."""
    return _without(values, r"[^0-9A-Za-z_-]")


def _without(values: "pd.Series[str]", pattern: str) -> "pd.Series[str]":
    return to_series(pc.replace_substring_regex(to_arrow(values), pattern, ""), values.index)


GENDERS = {
    "m": "M", "male": "M", "man": "M", "masculine": "M", "masculin": "M", "masculino": "M",
    "maschio": "M", "maschile": "M", "männlich": "M", "maennlich": "M", "mann": "M", "homme": "M",
    "hombre": "M", "homem": "M", "varón": "M", "varon": "M",
    "f": "F", "female": "F", "woman": "F", "feminine": "F", "féminin": "F", "feminin": "F",
    "femenino": "F", "feminino": "F", "femmina": "F", "femminile": "F", "weiblich": "F", "w": "F",
    "frau": "F", "femme": "F", "mujer": "F", "mulher": "F", "fem": "F",
    "u": "U", "unknown": "U",
}  # fmt: skip
"""What columns say, in small letters, by what is stored; all else is unknown."""


def _gender(values: "pd.Series[str]") -> tuple["pd.Series[str]", Notices]:
    """Read M, F or U; all else is U."""
    stored = each_distinct(values, _stored_genders)
    rows = values.index[stored == ""]
    noticed = notices(rows, Notice.UNKNOWN_GENDER, value=values)
    return (stored.mask(stored == "", "U") if len(rows) else stored), noticed


def _stored_genders(values: "pd.Series[str]") -> "pd.Series[str]":
    """Give M, F or U; "" for words that mean none of them."""
    words = values.str.strip().str.rstrip(".").str.lower()
    return words.map(GENDERS).astype("str").fillna(words.map({"": "U"}).astype("str")).fillna("")


def _rank(values: "pd.Series[str]") -> tuple["pd.Series[str]", Notices]:
    """Keep whole numbers that the column holds; all else is 0."""
    texts = values.str.strip()
    whole = to_mask(pc.match_substring_regex(to_arrow(texts), r"^[+-]?0*[0-9]{1,5}$"), values.index)
    number = pd.to_numeric(texts.where(whole, "0")).astype("int64")
    good = whole & number.between(*RANKS)
    rows = values.index[~good & (texts != "")]
    return number.where(good, 0).astype("str"), notices(rows, Notice.INVALID_RANK, value=values)


def _entry_list_id(values: "pd.Series[str]") -> tuple["pd.Series[str]", Notices]:
    """Keep numbers; as the column does, hold what is too large at its largest value."""
    texts = values.str.strip()
    is_number = to_mask(pc.match_substring_regex(to_arrow(texts), "^[0-9]+$"), texts.index)
    digits = texts.where(is_number, "0").str.lstrip("0")
    largest = str(LARGEST_ENTRY_LIST_ID)
    length = digits.str.len()
    over = (length > len(largest)) | ((length == len(largest)) & (digits > largest))
    stored = digits.where(~over, largest).where(digits != "", "0")
    rows = values.index[over | (~is_number & (texts != ""))]
    return stored, notices(rows, Notice.INVALID_ENTRY_LIST_ID, value=values)


def _date_of_birth(
    values: "pd.Series[str]", options: LoadOptions, today: date
) -> tuple["pd.Series[str]", Notices]:
    """Read dates by `date_format`, else ISO dates; what is no date is 0000-00-00."""
    dates = read_dates(values, options.date_format, today)
    unknown = dates.isna()
    rows = values.index[unknown & ~is_no_date(values)] if unknown.any() else values.index[:0]
    return dates.fillna(NO_DATE), notices(rows, Notice.INVALID_DATE_OF_BIRTH, value=values)


_SPECIAL = {"gender": _gender, "rank": _rank, "entry_list_id": _entry_list_id}
"""The fields that are not plain text, but for the date of birth."""

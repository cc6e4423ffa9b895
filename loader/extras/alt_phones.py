"""Alternate numbers, `number_code_note!number_code_note`: rows of vicidial_list_alt_phones."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.fit import fit_field
from loader.checks.phone_numbers import DEFAULT_PHONE_CODE
from loader.dialer import Column, Dialer, Lookups
from loader.extras.rows import ExtraRows, rows_of_table
from loader.findings import Notices, no_notices, notices
from loader.frames.arrow import join_texts, to_arrow, to_series
from loader.options.load import LoadOptions
from loader.phones.parse import is_damaged, parse_phones
from loader.phones.regions import region_of_phone_code
from loader.reasons import Notice

FIELD = "multi_alt_phones"
TABLE = "vicidial_list_alt_phones"

ALT_PHONE_WIDTHS = {"phone_number": 18, "phone_code": 10, "alt_phone_note": 30}
"""What each number has, in the order in which it is written; widths where no table says otherwise,
in characters."""

SHORTEST = 6
"""Characters of the field; fewer are no number (add_lead: MULTI-ALT-PHONE)."""

PART = r"^(?P<phone_number>[^_]*)_?(?P<phone_code>[^_]*)_?(?P<alt_phone_note>[^_]*)"


class _Parts(NamedTuple):
    """The numbers of some leads."""

    rows: pd.DataFrame
    """Columns of `ALT_PHONE_WIDTHS` (str), and place (int64), that of the lead. Index from 0."""
    offsets: pa.Array
    """Where the numbers of each lead begin."""


def decide(
    leads: pd.DataFrame, options: LoadOptions, dialer: Dialer, _lookups: Lookups
) -> tuple[pd.DataFrame, Notices]:
    """Make the alternate numbers what will be stored (add_lead: multi_alt_phones).

    Args:
        leads: region and, if the file has it, multi_alt_phones (str); index row_number.
        options: phone_format and trim are read. Unstorable characters are replaced in any case.
        dialer: the columns of the table.

    Returns:
        The leads, with multi_alt_phones written anew: as it will be stored, empty where add_lead
        ignores it; and notices.
    """
    if FIELD not in leads:
        return leads, no_notices()
    columns = dialer.tables.get(TABLE, {})
    charset = columns.get("alt_phone_note", Column()).charset
    replacing = options.model_copy(update={"unstorable": "notice"})
    texts, _, of_text = fit_field(leads[FIELD], Column(charset=charset), replacing)
    loaded = texts[texts.str.len() >= SHORTEST]
    parts = _split(loaded)
    rows = parts.rows
    if options.phone_format == "national":
        rows = _national(rows, leads.loc[loaded.index, "region"])
    rows["phone_code"] = rows["phone_code"].where(rows["phone_code"] != "", DEFAULT_PHONE_CODE)
    rows, cut = _cut(rows, columns)
    count = rows["place"].value_counts(sort=False).sort_index().astype("str")
    noticed = [
        of_text,
        notices(loaded.index[cut], Notice.VALUE_CUT, field=FIELD),
        notices(loaded.index, Notice.ALT_PHONES_LOADED, count=count.set_axis(loaded.index)),
    ]
    written = _join(parts._replace(rows=rows), loaded.index)
    return leads.assign(**{FIELD: written.reindex(leads.index, fill_value="")}), pd.concat(noticed)


def extra_rows(leads: pd.DataFrame, _options: LoadOptions, dialer: Dialer) -> Iterator[ExtraRows]:
    """Give the alternate numbers of leads, counted from 1.

    Args:
        leads: as `decide` left them, with lead_id (int64).
        dialer: the columns that the table has.
    """
    if FIELD not in leads:
        return
    leads = leads[leads[FIELD] != ""]
    if leads.empty:
        return
    rows = _split(leads[FIELD]).rows
    lead_ids = leads["lead_id"].to_numpy()[rows["place"]]
    counts = rows.groupby("place").cumcount() + 1
    values = {
        "lead_id": lead_ids,
        **{name: rows[name].array for name in ALT_PHONE_WIDTHS},
        "alt_phone_count": counts.astype("str").array,
        "active": "Y",
    }
    yield ExtraRows(
        table=TABLE,
        notice=Notice.ALT_PHONES_LOADED,
        rows=rows_of_table(TABLE, values, leads.index[rows["place"]], dialer),
        key=("lead_id", "alt_phone_count"),
    )


def _split(texts: "pd.Series[str]") -> _Parts:
    """Part texts at their exclamation marks, and the parts at the first underlines."""
    lists = pc.split_pattern(to_arrow(texts).combine_chunks(), "!")
    found = pc.extract_regex(pc.list_flatten(lists), PART)
    place = pc.list_parent_indices(lists).to_numpy()
    index = pd.RangeIndex(len(place))
    columns = {name: to_series(pc.struct_field(found, name), index) for name in ALT_PHONE_WIDTHS}
    return _Parts(pd.DataFrame({**columns, "place": place}, index=index), lists.offsets)


def _join(parts: _Parts, index: pd.Index) -> "pd.Series[str]":
    """Write the numbers of each lead in one text, as `_split` reads it."""
    texts = join_texts(
        [to_arrow(parts.rows[name]) for name in ALT_PHONE_WIDTHS], "_"
    ).combine_chunks()
    lists = pa.ListArray.from_arrays(parts.offsets, texts)
    return to_series(pc.binary_join(lists, pa.scalar("!", pa.large_string())), index)


def _national(rows: pd.DataFrame, region: "pd.Series[str]") -> pd.DataFrame:
    """Normalize numbers as alt_phone: dialled in the region of their code, else in the lead's."""
    given, codes = rows["phone_number"], rows["phone_code"]
    of_lead = region.iloc[rows["place"]].set_axis(rows.index)
    number = parse_phones(
        given.where(~is_damaged(given), ""), region_of_phone_code(codes).where(codes != "", of_lead)
    )
    good = number["possible"] == "IS_POSSIBLE"
    return rows.assign(
        phone_number=number["national_number"].where(good, given),
        phone_code=number["country_code"].where(good, codes),
    )


def _cut(
    rows: pd.DataFrame, columns: Mapping[str, Column]
) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Cut values to their columns' widths; give the places of the leads that had longer ones."""
    rows, long = rows.copy(), pd.Series(data=False, index=rows.index)
    for name, usual in ALT_PHONE_WIDTHS.items():
        width = columns.get(name, Column(width=usual)).width
        if width is not None:
            long |= rows[name].str.len() > width
            rows[name] = rows[name].str.slice(0, width)
    return rows, np.unique(rows["place"][long])

"""Alternate numbers, `number_code_note!number_code_note`: rows of vicidial_list_alt_phones."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.alternate_numbers import (
    mend_alternates,
    narrow_numbers,
    notices_of_dropped,
    read_alternates,
    spreadsheet_notices,
)
from loader.checks.fit import fit_field
from loader.checks.phone_numbers import DEFAULT_PHONE_CODE
from loader.dialer import Column, Dialer, Lookups
from loader.extras.rows import ExtraRows, rows_of_table
from loader.findings import Notices, join_frames, no_notices, notices
from loader.frames.arrow import join_texts, to_arrow, to_series
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.phones.phone_codes import (
    codes_as_sent,
    is_of_other_area,
    mend_phone_codes,
    read_phone_codes,
)
from loader.phones.regions import region_of_phone_code

FIELD = "multi_alt_phones"
TABLE = "vicidial_list_alt_phones"

ALT_PHONE_WIDTHS = {"phone_number": 18, "phone_code": 10, "alt_phone_note": 30}
"""What each number has, in the order in which it is written; widths where no table says otherwise,
in characters."""

SHORTEST = 6
"""Characters of the field; fewer are no number (add_lead: MULTI-ALT-PHONE)."""

PART = r"^(?P<phone_number>[^_]*)_?(?P<phone_code>[^_]*)_?(?P<alt_phone_note>[^_]*)"


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
    rows = _split(loaded)
    row_numbers = loaded.index.to_numpy()
    noticed = [of_text]
    rows, lost = _mend(rows, noticed, row_numbers)
    if not options.one_form:
        region = leads.loc[loaded.index, "region"]
        rows, wide = _normalize(rows, region, options, columns, noticed, row_numbers)
        lost |= wide
    rows = rows[~lost].reset_index(drop=True)
    rows["phone_code"] = rows["phone_code"].where(rows["phone_code"] != "", DEFAULT_PHONE_CODE)
    rows, cut = _cut(rows, columns)
    count = rows["place"].value_counts(sort=False).sort_index().astype("str")
    count = count.set_axis(loaded.index[count.index])
    noticed += [
        notices(loaded.index[cut], Notice.VALUE_CUT, field=FIELD),
        notices(count.index, Notice.ALT_PHONES_LOADED, count=count),
    ]
    written = _join(rows, loaded.index)
    return leads.assign(**{FIELD: written.reindex(leads.index, fill_value="")}), join_frames(
        noticed
    )


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
    rows = _split(leads[FIELD])
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
        counted="alt_phone_count",
    )


def hold(extra: ExtraRows, listed: pd.DataFrame) -> ExtraRows:
    """Hold back the numbers of stored leads that must not be called by now.

    Args:
        extra: as `extra_rows` gave them.
        listed: of the same leads, see `loader.checks.other_numbers.listed_numbers`.
    """
    listed = listed[listed["field"] == FIELD]
    rows = extra.rows.index.to_series()
    places = pd.MultiIndex.from_arrays([rows, rows.groupby(level=0).cumcount()])
    at = places.get_indexer(pd.MultiIndex.from_frame(listed[["row_number", "entry"]]))
    held = notices(
        listed.index,
        Notice.OTHER_NUMBER_REMOVED,
        field=FIELD,
        phone_number=listed["number"],
        found_in=listed["found_in"],
    )
    return replace(extra, held=held.set_axis(at, axis="index").loc[at >= 0])


def _split(texts: "pd.Series[str]") -> pd.DataFrame:
    """Part texts at their exclamation marks, and the parts at the first underlines.

    Returns:
        Columns of `ALT_PHONE_WIDTHS` (str), and place (int64), that of the lead. Index from 0.
    """
    lists = pc.split_pattern(to_arrow(texts).combine_chunks(), "!")
    found = pc.extract_regex(pc.list_flatten(lists), PART)
    place = pc.list_parent_indices(lists).to_numpy()
    index = pd.RangeIndex(len(place))
    columns = {name: to_series(pc.struct_field(found, name), index) for name in ALT_PHONE_WIDTHS}
    return pd.DataFrame({**columns, "place": place}, index=index)


def _join(rows: pd.DataFrame, index: pd.Index) -> "pd.Series[str]":
    """Write the numbers of each lead in one text, as `_split` reads it; empty where it has none."""
    texts = join_texts([to_arrow(rows[name]) for name in ALT_PHONE_WIDTHS], "_").combine_chunks()
    offsets = np.searchsorted(rows["place"].to_numpy(), np.arange(len(index) + 1))
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts)
    return to_series(pc.binary_join(lists, pa.scalar("!", pa.large_string())), index)


def _mend(
    rows: pd.DataFrame, noticed: list[Notices], row_numbers: npt.NDArray[np.int64]
) -> tuple[pd.DataFrame, "pd.Series[bool]"]:
    """Mend what a spreadsheet did to numbers and their codes; return which numbers are lost."""
    given = rows["phone_number"]
    mended, lost = mend_alternates(given)
    noticed += _of_rows(spreadsheet_notices(FIELD, given, mended, lost), rows, row_numbers)
    codes = mend_phone_codes(rows["phone_code"])
    return rows.assign(phone_number=mended, phone_code=codes), lost


def _normalize(
    rows: pd.DataFrame,
    region: "pd.Series[str]",
    options: LoadOptions,
    columns: Mapping[str, Column],
    noticed: list[Notices],
    row_numbers: npt.NDArray[np.int64],
) -> tuple[pd.DataFrame, "pd.Series[bool]"]:
    """Write numbers and codes as they are dialled; return which numbers fit no column."""
    read = read_phone_codes(rows["phone_code"])
    regions = _regions(rows, read, region)
    if options.phone_format == "national":
        rows = _national(rows, read, regions, noticed, row_numbers)
    else:
        rows = rows.assign(phone_code=codes_as_sent(rows["phone_code"], read))
    width = columns.get("phone_number", Column(width=ALT_PHONE_WIDTHS["phone_number"])).width
    numbers, wide, of_wide = narrow_numbers(rows["phone_number"], [regions], width, FIELD)
    noticed += _of_rows(of_wide, rows, row_numbers)
    return rows.assign(phone_number=numbers), wide


def _regions(rows: pd.DataFrame, read: pd.DataFrame, region: "pd.Series[str]") -> "pd.Series[str]":
    """Give the regions in which numbers are dialled: that of their code, else their lead's."""
    of_lead = region.iloc[rows["place"]].set_axis(rows.index)
    is_named = (read["code"] != "") | ~read["is_understood"]
    return region_of_phone_code(read["code"]).where(is_named, of_lead)


def _national(
    rows: pd.DataFrame,
    read: pd.DataFrame,
    regions: "pd.Series[str]",
    noticed: list[Notices],
    row_numbers: npt.NDArray[np.int64],
) -> pd.DataFrame:
    """Normalize numbers as alt_phone."""
    given, codes = rows["phone_number"], rows["phone_code"]
    found = read_alternates(given, [regions])
    good = found.is_number & ~is_of_other_area(read, found.number)
    number = found.number[good]
    noticed += _of_rows(notices_of_dropped(number, extensions=True, field=FIELD), rows, row_numbers)
    return rows.assign(
        phone_number=found.number["national_number"].where(good, given),
        phone_code=found.number["country_code"].where(good, codes),
    )


def _of_rows(
    found: list[Notices], rows: pd.DataFrame, row_numbers: npt.NDArray[np.int64]
) -> list[Notices]:
    """Turn notices of numbers into notices of their leads."""
    return [
        each.set_axis(pd.Index(row_numbers[rows.loc[each.index, "place"]], dtype="int64"))
        for each in found
    ]


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

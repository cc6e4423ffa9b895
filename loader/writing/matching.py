"""Rows and leads that are the same: by all their values, by some of them, or by their place."""

from functools import partial

import pandas as pd
import pyarrow.compute as pc

from loader.fields.lead import NEVER_LOADED
from loader.frames.arrow import join_texts, to_arrow, to_series
from loader.writing.batch import Inserted
from loader.writing.differences import Difference, find_differences
from loader.writing.fingerprints import IDENTITY, SEPARATOR, as_texts, compared, fingerprints_of

WORKED_ON = frozenset({*NEVER_LOADED, "list_id", "entry_list_id"}) - {"entry_date"}
"""Columns that change when a lead is called or moved."""

TELLING = ("phone_number", "alt_phone", "vendor_lead_code", "email", "address1")
"""Columns by which a lead is known again; of names it takes both."""


def may_be_of(leads: pd.DataFrame, rows: pd.DataFrame) -> "pd.Series[bool]":
    """Say which leads may be one of some rows that somebody has changed: others came meanwhile.

    They are of the same list, and have something of a row that tells who it is; if rows have
    nothing of that but their number, which may have been corrected, any may.
    """
    named = [each for each in TELLING if each in rows and each in leads]
    pairs = [(leads[name], rows[name]) for name in named]
    if {"first_name", "last_name"} <= {*rows} & {*leads}:
        of_leads, of_rows = (each["first_name"] + "|" + each["last_name"] for each in (leads, rows))
        pairs.append((of_leads, of_rows))
    tells = [(of_leads, of_rows[~of_rows.isin(("", "|"))]) for of_leads, of_rows in pairs]
    shares = pd.Series(data=False, index=leads.index)
    for of_leads, of_rows in tells:
        shares |= of_leads.isin(of_rows)
    if all(of_rows.name == "phone_number" or of_rows.empty for _, of_rows in tells):
        shares[:] = True
    return shares & leads["list_id"].isin(rows["list_id"])


def matched(
    rows: pd.DataFrame,
    equal: "pd.Series[int]",
    alike: "pd.Series[int]",
    stored: "pd.Series[str]",
) -> Inserted:
    """Give the result for rows that are stored as they were sent, and for others that are alike."""
    pairs = (cells_of(as_texts(rows.loc[alike.index]), rows), cells_of(stored[alike], rows))
    found = find_differences(pairs[0], pairs[1].set_axis(alike.index), {})
    lead_ids = pd.concat([equal, alike]).sort_index()
    changed = tuple(sorted(alike.index))
    return inserted_of(lead_ids, stored, changed=changed, differences=tuple(found))


def cells_of(texts: "pd.Series[str]", rows: pd.DataFrame) -> pd.DataFrame:
    """Part the texts of leads into their columns; of a text with a NULL in it there are fewer."""
    names = compared(rows)
    parts = [text.split(SEPARATOR) for text in texts]
    parts = [each if len(each) == len(names) else [""] * len(names) for each in parts]
    return pd.DataFrame(parts, columns=names, index=texts.index, dtype="str")


def inserted_of(
    lead_ids: "pd.Series[int]",
    stored: "pd.Series[str]",
    changed: tuple[int, ...] = (),
    differences: tuple[Difference, ...] = (),
) -> Inserted:
    """Give the result for matched rows; `stored` has the texts by lead_id."""
    fingerprints = fingerprints_of(stored[lead_ids]).set_axis(lead_ids.index)
    return Inserted(lead_ids, changed=changed, fingerprints=fingerprints, differences=differences)


def identities(texts: "pd.Series[str]", count: int = len(IDENTITY)) -> "pd.Series[str]":
    """Give the first columns of the texts of leads, see `IDENTITY`."""
    parts = rf"^(?P<identity>(?:[^{SEPARATOR}]*{SEPARATOR}){{{count}}})"
    found = pc.struct_field(pc.extract_regex(to_arrow(texts), parts), "identity")
    return to_series(pc.fill_null(found, ""), texts.index)


def pair_equal(wanted: "pd.Series[str]", stored: "pd.Series[str]") -> "pd.Series[int]":
    """Give lead_ids by row_number for texts that are equal; of several equal ones, in order."""
    place = _told_apart(stored).get_indexer(_told_apart(wanted))
    return pd.Series(stored.index[place[place >= 0]], index=wanted.index[place >= 0], dtype="int64")


def pair_again(rows: pd.DataFrame, stored: "pd.Series[str]") -> "pd.Series[int]":
    """Find rows among leads that were worked with, or moved to another list, see `pair_equal`."""
    wanted = as_texts(rows)
    pairs = [pair_equal(wanted, stored)]
    for key in (identities, partial(_values_of_file, rows=rows)):
        left = wanted.drop(pd.concat(pairs).index)
        there = stored.drop(pd.concat(pairs))
        pairs.append(pair_equal(key(left), key(there)))
    return pd.concat(pairs)


def _values_of_file(texts: "pd.Series[str]", rows: pd.DataFrame) -> "pd.Series[str]":
    """Give the values of leads that a file gave them, and that work does not change.

    The number alone is not enough: another load may have it, in the same second.
    """
    cells = cells_of(texts, rows)
    kept = [to_arrow(cells[name]) for name in cells if name not in WORKED_ON]
    return to_series(join_texts(kept, SEPARATOR), texts.index)


def _told_apart(texts: "pd.Series[str]") -> "pd.Index[str]":
    """Number equal texts, to make them unique."""
    nth = texts.groupby(texts).cumcount()
    return pd.Index(texts + SEPARATOR + nth.astype("str"))

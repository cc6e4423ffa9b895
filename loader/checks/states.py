"""States of leads: the abbreviation in place of a name that is too long for its column."""

import pandas as pd
import pyarrow.compute as pc

from loader.findings import Notices, notices
from loader.frames.arrow import to_arrow, to_mask
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.phones.regions import main_region, region_of_country, region_of_phone_code
from loader.phones.states import is_abbreviation, state_abbreviation


def abbreviate_states(
    leads: pd.DataFrame, width: int | None, options: LoadOptions
) -> tuple["pd.Series[str]", list[Notices]]:
    """Put abbreviations in the place of names of states that are longer than the column.

    A name whose first letters are the abbreviation of another state is not stored: `Mexico City` is
    not Maine. Others are left to be cut.

    Args:
        leads: str columns state, phone_code and country_code; index row_number.
        width: of the column, in characters; None: it holds names.
        options: phone_code and default_region are read.
    """
    states = leads["state"]
    if width is None:
        return states, []
    is_long = to_mask(pc.greater(pc.utf8_length(to_arrow(states)), width), states.index)
    if not is_long.any():
        return states, []
    given = states[is_long]
    pairs = pd.DataFrame({"state": given, "region": _regions(leads.loc[given.index], options)})
    distinct = pairs.drop_duplicates()
    answers = [
        _stored(state, region, width)
        for state, region in zip(distinct["state"], distinct["region"], strict=True)
    ]
    stored = pairs.merge(distinct.assign(stored=answers), how="left")["stored"]
    stored = stored.set_axis(given.index).astype("str")
    changed = stored != given
    dropped = given[stored == ""]
    named = given[changed & (stored != "") & (given.str.len() > stored.str.len())]
    noticed = [
        notices(named.index, Notice.STATE_ABBREVIATED, value=named),
        notices(dropped.index, Notice.STATE_NOT_STORED, value=dropped),
    ]
    return states.where(~is_long, stored.reindex(states.index)).astype("str"), noticed


def _regions(leads: pd.DataFrame, options: LoadOptions) -> "pd.Series[str]":
    """Give the region of rows by country_code, else phone_code, else what holds for the run."""
    regions = region_of_country(leads["country_code"])
    by_code = region_of_phone_code(leads["phone_code"])
    regions = regions.where(regions != "", by_code)
    fallback = options.default_region or main_region(options.phone_code or "1")
    is_silent = (regions == "") & (leads["phone_code"].str.strip() == "")
    return regions.where(~is_silent, fallback)


def _stored(state: str, region: str, width: int) -> str:
    """Give what is stored, or, where it is longer than the column, what is to be cut."""
    if state != state.strip() or is_abbreviation(state, "61"):
        return state  # trim is N, or NSW: the dialer goes by the first two letters
    abbreviation = state_abbreviation(state, region)
    if abbreviation and (len(abbreviation) <= width or is_abbreviation(abbreviation, "61")):
        return abbreviation
    return "" if is_abbreviation(state[:width]) else state

"""States of leads: the abbreviation in place of a name that is too long for its column."""

import pandas as pd

from loader.checks.fit import fit_field
from loader.dialer import Column
from loader.findings import Findings, Notices, join_frames, notices
from loader.frames.arrow import are_longer
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.phones.regions import are_placeholders, region_of_country, region_of_phone_code
from loader.phones.states import are_letters_of_state, home_of, is_abbreviation, named_state


def fit_states(
    leads: pd.DataFrame, regions: "pd.Series[str]", column: Column, options: LoadOptions
) -> tuple[pd.DataFrame, Findings, Notices]:
    """Make states fit their column: names that are longer become abbreviations.

    What would be taken for another state of the row's country, or of the USA or Canada, is not
    stored: `Mexico City` is not Maine, nor is Victoria of Australia the Virgin Islands. Others are
    left to be cut.

    Args:
        leads: str columns state, country_code_given and calling_code; index row_number.
        regions: those that their numbers are dialled in, see `normalize_phones`.
        column: what states have to fit into; without a width, it holds names.
        options: trim, unstorable and what makes the dialer's own way are read.

    Returns:
        The leads, with state as it is stored, and state_given, which is not cut: NSW; the rows
        rejected because of unstorable characters; and notices.
    """
    states, noticed = _abbreviate(leads, regions, column.width, options)
    fitted, unfit, of_column = fit_field(states, column, options)
    return leads.assign(state=fitted, state_given=states), unfit, join_frames([*noticed, of_column])


def _abbreviate(
    leads: pd.DataFrame, regions: "pd.Series[str]", width: int | None, options: LoadOptions
) -> tuple["pd.Series[str]", list[Notices]]:
    """Put abbreviations in the place of long names, and nothing in that of misleading ones."""
    states = leads["state"]
    if width is None:
        return states, []
    is_long = are_longer(states, width)
    if not is_long.any():
        return states, []
    given = states[is_long]
    long = leads.loc[given.index]
    pairs = pd.DataFrame({"state": given, "region": _regions(long, regions[is_long])})
    distinct = pairs.drop_duplicates()
    answers = [
        state if _is_left_to_dialer(state, options) else _stored(state, region, width)
        for state, region in zip(distinct["state"], distinct["region"], strict=True)
    ]
    stored = pairs.merge(distinct.assign(stored=answers), how="left")["stored"]
    stored = stored.set_axis(given.index).astype("str")
    dropped = given[stored == ""]
    named = given[(stored != given) & (stored != "") & (given.str.len() > stored.str.len())]
    noticed = [
        notices(named.index, Notice.STATE_ABBREVIATED, value=named),
        notices(dropped.index, Notice.STATE_NOT_STORED, value=dropped),
    ]
    return states.where(~is_long, stored.reindex(states.index)).astype("str"), noticed


def _regions(leads: pd.DataFrame, dialled_in: "pd.Series[str]") -> "pd.Series[str]":
    """Give the region of rows by their country; where it says nothing, by their number.

    That is the country whose number it was read as, be it valid or not.
    """
    countries = leads["country_code_given"]
    regions = region_of_country(countries).where(~are_placeholders(countries), "")
    of_numbers = region_of_phone_code(leads["calling_code"])
    of_numbers = of_numbers.where(of_numbers != "", dialled_in)
    return regions.where(regions != "", of_numbers)


def _is_left_to_dialer(state: str, options: LoadOptions) -> bool:
    """Say whether the dialer has an answer of its own: blanks are kept, and of NSW two letters."""
    return state != state.strip() or (options.one_form and is_abbreviation(state, "61"))


def _stored(state: str, region: str, width: int) -> str:
    """Give what is stored, or, where it is longer than the column, what is to be cut."""
    home, (code, abbreviation) = home_of(region), named_state(state, region)
    # Of Australia's, the dialer goes by the first two letters.
    kept = abbreviation if len(abbreviation) <= width or code == "61" else ""
    if kept and code == home:
        return kept
    text = kept or state
    is_misleading = are_letters_of_state(text[:width], {home, "1"} - {code})
    return "" if is_misleading else text

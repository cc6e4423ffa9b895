"""Countries of leads: the code of three letters in place of a name that its column would cut."""

import pandas as pd

from loader.findings import Notices, notices
from loader.frames.arrow import are_longer
from loader.notices import Notice
from loader.phones.regions import country_abbreviation, map_distinct, named_region


def abbreviate_countries(
    countries: "pd.Series[str]", width: int | None
) -> tuple["pd.Series[str]", list[Notices]]:
    """Put ISO 3166 codes in the place of names of countries that are longer than the column.

    An unknown name whose first letters are the code of some country is not stored: `Arge` is not
    Argentina. Others are left to be cut.

    Args:
        countries: country_code as given; index row_number.
        width: of the column, in characters; None: it holds names.
    """
    if width is None:
        return countries, []
    is_long = are_longer(countries, width)
    if not is_long.any():
        return countries, []
    given = countries[is_long]
    stored = map_distinct(given, lambda country: _stored(country, width))
    named = given[(stored != given) & (stored != "")]
    dropped = given[stored == ""]
    noticed = [
        notices(named.index, Notice.COUNTRY_ABBREVIATED, value=named),
        notices(dropped.index, Notice.COUNTRY_NOT_STORED, value=dropped),
    ]
    return countries.where(~is_long, stored.reindex(countries.index)).astype("str"), noticed


def _stored(country: str, width: int) -> str:
    """Give what is stored, or, where it is longer than the column, what is to be cut."""
    if country != country.strip():
        return country  # trim is N: the dialer keeps blanks, and cuts
    abbreviation = country_abbreviation(country)
    if abbreviation and len(abbreviation) <= width:
        return abbreviation
    return "" if named_region(country[:width]) else country

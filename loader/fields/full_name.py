"""First and last name that a file has in one column."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FIRST_LAST = ("first_name", "last_name")

NAME_PAIRS = ("first_name+last_name", "last_name+first_name")
"""Orders of the two in a column, as `map` names them."""

FULL_NAMES = frozenset(
    {"name", "fullname", "contactname", "customername", "clientname", "leadname", "contact"}
)
"""Names of columns that probably have both, as `normalize_name` writes them."""

_TITLE = r"(?:mr|mrs|ms|miss|mx|dr|prof|rev|hon|sir|herr|frau)\.?"
_SUFFIX = r"(?:jr|sr|ii|iii|iv|v|m\.?d|ph\.?d|esq|dds|cpa)\.?"


def split_full_names(
    names: "pd.Series[str]", order: str
) -> "tuple[pd.Series[str], pd.Series[str]]":
    """Split full names into first and last name; nothing of a name is lost.

    By `order`, one of `NAME_PAIRS`, the first word is the first name or the last name, and the
    rest the other. "Last, First" is known by its comma in both; a suffix such as Jr. stays with
    the last name, a title such as Dr. with the first name. A single word is the name that comes
    first, behind a title the last name.
    """
    texts = names.str.replace(r"\s+", " ", regex=True).str.strip(" ,")
    suffix = texts.str.extract(rf"(?i)(?P<before>^.*?) ?, ?(?P<suffix>{_SUFFIX})$")
    plain = texts.where(suffix["before"].isna(), suffix["before"])
    comma = plain.str.extract(r"^(?P<last>[^,]+?) ?, ?(?P<first>.+)$")
    words = plain.str.extract(rf"(?i)^(?P<title>(?:{_TITLE} )*)(?P<one>[^ ]*) ?(?P<rest>.*)$")
    one, rest = words["one"], words["rest"]
    title = words["title"].str.strip()
    is_first = order == NAME_PAIRS[0]
    first, last = (one, rest) if is_first else (rest, one)
    alone = (rest == "") & (title != "")
    first, last = first.where(~alone, ""), last.where(~alone, one)
    first = (title + " " + first).str.strip()
    has_comma = comma["last"].notna()
    first = first.where(~has_comma, comma["first"])
    last = last.where(~has_comma, comma["last"])
    last = last.where(suffix["suffix"].isna(), last + ", " + suffix["suffix"].fillna(""))
    return first.astype("str"), last.astype("str")

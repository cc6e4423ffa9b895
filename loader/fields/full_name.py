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
_SUFFIX = (
    r"(?:(?:jr|sr|2nd|3rd|4th|ii|iii|iv|m\.?d|ph\.?d|ed\.?d|esq|dds|dmd|dvm|cpa|rn|mba|dr|prof)\.?|v)"
    r"(?![^ ,])"
)
"""V. with a point is an initial."""
_SUFFIXES = rf", {_SUFFIX}(?:,? {_SUFFIX})*"
"""One or more behind a comma."""
_NOT_ALONE = rf"(?![^ ,]+(?: {_SUFFIX})+,)(?=[^ ,]+ [^ ,])[^,]*[^ ,]"
"""First and last name, not Smith or Smith Jr."""
_ENDS_IN_SUFFIXES = rf"(?i)^(?P<before>{_NOT_ALONE}|[^,]+,.+?)(?P<suffixes>{_SUFFIXES})$"
"""What would be a suffix behind a last name alone, such as V, is the first name."""
_LONGEST_WITH_SUFFIX = 200
"""Characters of a name whose suffixes are looked for: to find them takes a square of its length."""
_LAST_FIRST = rf"(?i)^(?P<last>[^,]*[^ ,](?:{_SUFFIXES})?), (?P<first>.+)$"


def split_full_names(
    names: "pd.Series[str]", order: str
) -> "tuple[pd.Series[str], pd.Series[str]]":
    """Split full names into first and last name; nothing of a name is lost.

    By `order`, one of `NAME_PAIRS`, the first word is the first name or the last name, and the
    rest the other. "Last, First" is known by its comma in both; suffixes such as Jr. stay with
    the last name, a title such as Dr. with the first name. A single word is the name that comes
    first, behind a title the last name.
    """
    texts = names.str.replace(r"\s+", " ", regex=True)
    texts = texts.str.replace(r"(?: ?,)+ ?", ", ", regex=True).str.strip(" ,")
    short = texts.where(texts.str.len() <= _LONGEST_WITH_SUFFIX, "")
    suffix = short.str.extract(_ENDS_IN_SUFFIXES)
    plain = texts.where(suffix["before"].isna(), suffix["before"])
    comma = plain.str.extract(_LAST_FIRST)
    words = plain.str.extract(rf"(?i)^(?P<title>(?:{_TITLE} )*)(?P<one>[^ ]*) ?(?P<rest>.*)$")
    one, rest = words["one"], words["rest"]
    title = words["title"].str.strip()
    is_first = order == NAME_PAIRS[0]
    first, last = (one, rest) if is_first else (rest, one)
    alone = (title != "") & rest.str.fullmatch(rf"(?i)(?:{_SUFFIX} ?)*")
    first, last = first.where(~alone, ""), last.where(~alone, (one + " " + rest).str.strip())
    first = (title + " " + first).str.strip()
    has_comma = comma["last"].notna()
    first = first.where(~has_comma, comma["first"])
    last = last.where(~has_comma, comma["last"])
    last += suffix["suffixes"].fillna("")
    return first.astype("str"), last.astype("str")

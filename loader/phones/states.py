"""The abbreviations of states and provinces by what people write for them."""

import tomllib
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib.resources import files

from loader.phones.number_zones import states_by_calling_code

CALLING_CODES = {
    **dict.fromkeys(("US", "CA", "PR", "GU", "VI", "AS", "MP"), "1"),
    "AU": "61",
    "MX": "52",
    "BR": "55",
}
"""Of the regions whose states are known."""

_BEFORE = ("state of ", "commonwealth of ", "province of ", "prov of ", "estado de ", "us ", "usa ",
           "ca ", "can ", "canada ", "au ", "aus ")  # fmt: skip
_BEHIND = (" state", " province", " prov", " us", " usa", " u s", " u s a", " united states",
           " united states of america", " can", " canada", " au", " aus", " australia")  # fmt: skip
"""Words around the name of a state."""


def home_of(region: str) -> str:
    """Give the calling code under which the states of a region (alpha-2) are known, or "".

    An unknown region ("") is taken for the USA or Canada.
    """
    return CALLING_CODES.get(region, "") if region else "1"


def named_state(name: str, region: str) -> tuple[str, str]:
    """Find a state by its name, or by another form of its abbreviation.

    Args:
        name: `Florida`, `Fla.`, `N.Y.`, `US-FL`, `FL - Florida`, `Québec`; letter case and accents
            do not matter.
        region: the row's (alpha-2), whose states come first; then those of the USA, Canada and
            Australia count. Mexico's and Brazil's do in their own regions alone.

    Returns:
        The calling code of its country, and its abbreviation; both "" if no state is known by this
        name, or no states of the region.
    """
    text, home = normalize_state(name), home_of(region)
    for code in dict.fromkeys((home, "1", "61")) if home else ():
        abbreviation = _find(text, _abbreviations()[code])
        if abbreviation:
            return code, abbreviation
    return "", ""


def is_abbreviation(text: str, code: str) -> bool:
    """Say whether letters are the abbreviation of a state, by the calling code of its country."""
    return text.upper() in states_by_calling_code()[code]


def are_letters_of_state(text: str, codes: Collection[str]) -> bool:
    """Say whether letters are the abbreviation of a state, or its beginning in a narrow column."""
    states = states_by_calling_code()
    return any(
        abbreviation[: len(text)] == text.upper()
        for code in codes
        for abbreviation in states.get(code, ())
    )


def normalize_state(name: str) -> str:
    """Reduce a name to words in lower case, without accents, points and apostrophes."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    kept = (
        letter if letter.isalpha() else " "
        for letter in letters
        if letter not in ".'`\u2019\u02bb\u02bc" and not unicodedata.combining(letter)
    )  # fmt: skip
    return " ".join("".join(kept).split())


@cache
def state_names() -> frozenset[str]:
    """Give all names of states, normalized; not the abbreviations."""
    full = {
        normalize_state(name)
        for states in states_by_calling_code().values()
        for name, *_ in states.values()
    }
    more = {
        normalize_state(name)
        for states in _more_names().values()
        for names in states.values()
        for name in names
    }
    return frozenset(full | more)


def _find(text: str, table: Mapping[str, str]) -> str:
    """Find a normalized text, also with words around it, or the abbreviation beside the name."""
    for variant in _variants(text):
        if variant in table:
            return table[variant]
    first, _, rest = text.partition(" ")
    start, _, last = text.rpartition(" ")
    for abbreviation, name in ((first, rest), (last, start)):
        if table.get(abbreviation) and table.get(abbreviation) == table.get(name):
            return table[name]
    return ""


def _variants(text: str) -> Iterator[str]:
    yield text
    without = [text.removeprefix(words) for words in _BEFORE if text.startswith(words)]
    without += [text.removesuffix(words) for words in _BEHIND if text.endswith(words)]
    yield from without
    for shorter in without:
        yield from (shorter.removesuffix(words) for words in _BEHIND if shorter.endswith(words))


@cache
def _abbreviations() -> Mapping[str, Mapping[str, str]]:
    """Give abbreviations by calling code and normalized name."""
    more = _more_names()
    return {
        code: {
            normalize_state(each): abbreviation
            for abbreviation, (name, *_) in states.items()
            for each in (
                name,
                abbreviation,
                " ".join(abbreviation),
                *more.get(code, {}).get(abbreviation, ()),
            )
        }
        for code, states in states_by_calling_code().items()
    }


@cache
def _more_names() -> Mapping[str, Mapping[str, list[str]]]:
    text = files("loader.phones").joinpath("state_names.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)

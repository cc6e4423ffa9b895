"""The collation of a column: keys that are equal where the dialer's server calls texts equal.

A collation may have rules of its own: it may ignore case, accents, or blanks of any kind at the
end, and take several letters for one. Of plain ASCII text the key is made here, where the server
showed that it has no such rules for it. The keys of all other texts are asked of the server (see
`loader.database.weights`). Where there is no server, utf8mb3_general_ci stands in.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import to_arrow, to_series

_SHORT_I = "\u0419"
"""Cyrillic: a letter by itself, though Unicode decomposes it into I and a breve."""

_NOT_PLAIN = r"[^ -~]"
"""A character that is not printable ASCII."""


@dataclass(frozen=True)
class Collation:
    """How a column compares texts."""

    name: str = ""
    """As the server has it; empty: there is no server to ask."""
    ignores_case: bool | None = True
    """Of plain ASCII text. None: it has further rules, and the server is asked about every text."""
    pads: bool = True
    """Blanks at the end do not count."""
    is_exact: bool = False
    """Every character counts as itself: nothing has to be asked."""
    keys: Mapping[str, str] | None = None
    """Of texts that a server was asked about. None: utf8mb3_general_ci stands in for it."""

    def knowing(self, keys: Mapping[str, str]) -> "Collation":
        """Give the same collation with the keys of texts that are to be compared."""
        return replace(self, keys=keys)


GENERAL = Collation()
"""utf8mb3_general_ci as far as it is known without a server."""


def general_ci(character: str) -> str:
    """Return the weight of a character as in utf8mb3_general_ci: upper case, without accents.

    Used where there is no server to ask. It agrees with servers for the letters of modern Latin,
    Greek and Cyrillic alphabets.
    """
    upper = character.upper()[0]
    if upper == _SHORT_I:
        return upper
    parts = unicodedata.normalize("NFD", upper)
    return parts[0] if len(parts) > 1 and all(map(unicodedata.combining, parts[1:])) else upper


def fold_text(text: str) -> str:
    """Return the key of one text where there is no server to ask."""
    text = text.rstrip(" ")
    return text.upper() if text.isascii() else "".join(map(general_ci, text))


def fold(texts: "pd.Series[str]", collation: Collation = GENERAL) -> "pd.Series[str]":
    """Return the key of each text (str); null stays null.

    Args:
        texts: any texts.
        collation: of the column that they are compared with. If it has keys, then of all texts
            that `unknown_keys` gives.
    """
    encoded = to_arrow(texts).combine_chunks().dictionary_encode()
    distinct = encoded.dictionary
    folded = pc.utf8_rtrim(distinct, " ") if collation.pads else distinct
    if not collation.is_exact:
        is_unknown = _is_unknown(distinct, collation)
        if collation.ignores_case is not False:
            folded = pc.ascii_upper(folded)
        if pc.any(is_unknown).as_py():
            words = distinct.filter(is_unknown).to_pylist()
            keys = _stand_in(words) if collation.keys is None else map(collation.keys.get, words)
            asked = pa.array(keys, type=folded.type)
            folded = pc.replace_with_mask(folded, is_unknown, asked)
    return to_series(folded.take(encoded.indices), texts.index)


def unknown_keys(columns: Iterable["pd.Series[str]"], collation: Collation) -> list[str]:
    """Give the distinct texts of columns whose keys a server has to be asked for."""
    if collation.is_exact or not collation.name:
        return []
    found: dict[str, None] = {}
    for texts in columns:
        distinct = pc.unique(to_arrow(texts)).drop_null()
        found |= dict.fromkeys(distinct.filter(_is_unknown(distinct, collation)).to_pylist())
    return list(found)


def _is_unknown(texts: pa.Array, collation: Collation) -> pa.Array:
    """Say which texts have keys that do not follow from their letters' cases and last blanks."""
    if collation.ignores_case is None:
        return pa.repeat(pa.scalar(value=True), len(texts))
    if not collation.name:
        return pc.invert(pc.string_is_ascii(texts))
    return pc.match_substring_regex(texts, _NOT_PLAIN)


def _stand_in(words: list[str]) -> list[str]:
    """Fold each distinct letter once."""
    weights = {ord(letter): general_ci(letter) for letter in set().union(*words)}
    return [word.rstrip(" ").translate(weights) for word in words]

"""When two texts are equal to the dialer's database: its collation, as keys that compare by bytes.

The dialer's tables compare without regard to case, accents and trailing blanks
(utf8mb3_general_ci and its kin), one character at a time. Folding each character to its weight
gives keys that are equal exactly when the server calls the texts equal.
"""

import unicodedata
from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import to_arrow, to_series

CharacterFold = Callable[[str], str]
"""Gives the weight of one character, as text."""


_SHORT_I = "\u0419"
"""Of Cyrillic: a letter of its own, though Unicode takes it for an I with a breve."""


def general_ci(character: str) -> str:
    """Fold one character much as utf8mb3_general_ci does: in upper case, without its accents.

    This stands in where no server can be asked for its weights. It agrees for the letters of
    today's Latin, Greek and Cyrillic alphabets.
    """
    upper = character.upper()[0]
    if upper == _SHORT_I:
        return upper
    parts = unicodedata.normalize("NFD", upper)
    return parts[0] if len(parts) > 1 and all(map(unicodedata.combining, parts[1:])) else upper


def fold_text(text: str, character_fold: CharacterFold | None = general_ci) -> str:
    """Fold one text; trailing blanks do not count. Without a fold, all else does."""
    stripped = text.rstrip(" ")
    return stripped if character_fold is None else "".join(map(character_fold, stripped))


def fold(
    texts: "pd.Series[str]", character_fold: CharacterFold | None = general_ci
) -> "pd.Series[str]":
    """Give the comparison key of each text.

    ASCII is folded by kernels; of the distinct texts with other letters each letter is looked at
    once.
    """
    encoded = to_arrow(texts).combine_chunks().dictionary_encode()
    folded = pc.utf8_rtrim(encoded.dictionary, " ")
    if character_fold is not None:
        others = pc.invert(pc.string_is_ascii(folded))
        words = folded.filter(others).to_pylist()
        weights = {ord(letter): character_fold(letter) for letter in set().union(*words)}
        weighed = pa.array([word.translate(weights) for word in words], type=folded.type)
        folded = pc.replace_with_mask(pc.ascii_upper(folded), others, weighed)
    return to_series(folded.take(encoded.indices), texts.index)

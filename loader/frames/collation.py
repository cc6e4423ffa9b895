"""The collation of the dialer's database: keys that are equal where the server calls texts equal.

The dialer's tables ignore case, accents and trailing blanks (utf8mb3_general_ci and similar ones)
and compare one character at a time. So a key is a text with each character replaced by its weight.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import to_arrow, to_series

CharacterFold = Callable[[str], str]
"""Returns the weight of a character, as text."""


_SHORT_I = "\u0419"
"""Cyrillic: a letter by itself, though Unicode decomposes it into I and a breve."""


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


@dataclass(frozen=True, eq=False)
class WeightFold:
    """Folds characters by the weights that a server gives them."""

    weights: Mapping[str, str]
    """Of each character the hexadecimal digits; a character without one weighs as itself."""
    letters: Mapping[str, str]
    """ASCII in capitals by the digits of one weight."""
    width: int
    """Digits of one weight; a character may have several."""

    def __call__(self, character: str) -> str:
        """Give the weight of one character, as text."""
        text = self.weights.get(character, character)
        units = (text[start : start + self.width] for start in range(0, len(text), self.width))
        return "".join(self.letters.get(unit, unit) for unit in units)


def fold_text(text: str, character_fold: CharacterFold | None = general_ci) -> str:
    """Return the key of one text; None as `character_fold`: only trailing blanks are ignored."""
    stripped = text.rstrip(" ")
    return stripped if character_fold is None else "".join(map(character_fold, stripped))


def fold(
    texts: "pd.Series[str]", character_fold: CharacterFold | None = general_ci
) -> "pd.Series[str]":
    """Return the key of each text (str).

    ASCII is folded by kernels; in texts with other letters each distinct letter is folded once.
    """
    encoded = to_arrow(texts).combine_chunks().dictionary_encode()
    folded = pc.utf8_rtrim(encoded.dictionary, " ")
    if character_fold is not None:
        not_ascii = pc.invert(pc.string_is_ascii(folded))
        words = folded.filter(not_ascii).to_pylist()
        weights = {ord(letter): character_fold(letter) for letter in set().union(*words)}
        weighted_words = pa.array([word.translate(weights) for word in words], type=folded.type)
        folded = pc.replace_with_mask(pc.ascii_upper(folded), not_ascii, weighted_words)
    return to_series(folded.take(encoded.indices), texts.index)

"""What somebody who made a typing error may have meant."""

import difflib
from collections.abc import Iterable, Mapping

WORDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("yes", "true", "on", "1"), ("Y", "true")),
    **dict.fromkeys(("no", "false", "off", "0"), ("N", "false")),
    "male": ("M",), "man": ("M",), "female": ("F",), "woman": ("F",), "unknown": ("U",),
}  # fmt: skip
"""Words for values that are no more than a letter, with what they may stand for."""


def did_you_mean(given: object, choices: Iterable[str]) -> str:
    """Give `; did you mean AREACODE?` for the choice that is nearest to a value; "": none is."""
    names = {name.casefold(): name for name in choices if name}
    text = str(given).strip().casefold()
    meant = names.get(text)
    if meant is None:
        meant = next((word for word in WORDS.get(text, ()) if word in names.values()), None)
    if meant is None:
        near = difflib.get_close_matches(text, names, 1)
        meant = names[near[0]] if near else None
    return f"; did you mean {meant}?" if meant else ""

"""Collations as the server has them, and the keys of texts by its weights."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from string import ascii_lowercase

import pandas as pd
from sqlalchemy import Connection

from loader.errors import ConfigurationError
from loader.frames.collation import GENERAL, Collation, unknown_keys

PLAIN = [chr(code) for code in range(0x20, 0x7F)]
"""Printable ASCII."""

LEVELS = ("", " LEVEL 1", " LEVEL 2", " LEVEL 3")
"""What WEIGHT_STRING is asked for: all weights, and base letters, accents, cases."""

PER_ROW, PER_STATEMENT = 50, 2000
"""Texts that are asked about in one row of the answer, and by one statement."""


UNWEIGHED = {"big5_chinese_ci", "big5_chinese_nopad_ci", "latin2_czech_cs"}
"""Collations that give texts the same weight though they are not equal, or the other way round."""

UNWEIGHED_BY_MYSQL = {"cp1250_czech_cs"}
"""Likewise, but not on MariaDB, which can be asked for each level of weights."""


@dataclass(frozen=True)
class _Weights:
    """How one server weighs the texts of one collation."""

    collation: Collation
    levels: tuple[str, ...]
    """Of `LEVELS`: what the keys are made of."""
    blanks: tuple[str, ...]
    """The weight of a blank in each of these, hexadecimal."""
    letters: dict[str, str] = field(default_factory=dict)
    """Plain letters by their weight, where the keys of plain texts are made without the server."""

    def key(self, weights: Iterable[str]) -> str:
        """Make a key of a text's weights in each level."""
        parts = []
        for number, (weight, blank) in enumerate(zip(weights, self.blanks, strict=True)):
            # Accents and cases of what weighs nothing are nothing, at the end of any text.
            strips = self.collation.pads or number
            parts.append(_without_end(weight, blank) if strips and blank else weight)
        width = len(self.blanks[0])
        if not self.letters:
            return "|".join(parts)
        units = (parts[0][start : start + width] for start in range(0, len(parts[0]), width))
        # No plain text has the character that marks a weight.
        return "".join(self.letters.get(unit) or f"\x1f{unit}" for unit in units)


_KNOWN: dict[tuple[str, str], _Weights] = {}


def read_collation(connection: Connection, name: str | None) -> Collation:
    """Ask a server how a collation compares; None, as of SQLite's columns: `GENERAL`."""
    return GENERAL if name is None else _weights_of(connection, name).collation


def with_keys(
    connection: Connection, columns: Iterable["pd.Series[str]"], collation: Collation
) -> Collation:
    """Give a collation with the keys of all texts of columns, asking the server where it has to."""
    unknown = unknown_keys(columns, collation)
    if not unknown:
        return collation
    weights = _weights_of(connection, collation.name)
    found = _ask(connection, unknown, collation.name, weights.levels)
    return collation.knowing({text: weights.key(parts) for text, parts in found})


def _weights_of(connection: Connection, name: str) -> _Weights:
    version = _version(connection)
    if (version, name) not in _KNOWN:
        _KNOWN[version, name] = _read_weights(connection, name, "MariaDB" in version)
    return _KNOWN[version, name]


def _version(connection: Connection) -> str:
    """Give the server's version; a connection asks for it once."""
    if "version" not in connection.info:
        found = connection.exec_driver_sql("SELECT VERSION()").scalar_one()
        connection.info["version"] = str(found)
    return str(connection.info["version"])


def _read_weights(connection: Connection, name: str, has_levels: bool) -> _Weights:
    """Find out whether the keys of plain texts can be made without the server, and how.

    They can where each plain character has one weight, that of its capital or one of its own, and
    where no two letters together weigh anything else.

    Raises:
        ConfigurationError: the server's weights do not say which texts it calls equal.
    """
    if name in UNWEIGHED or (name in UNWEIGHED_BY_MYSQL and not has_levels):
        raise ConfigurationError(
            f"duplicates cannot be looked for in columns of collation {name}; convert the table "
            "to another one, such as utf8mb4_general_ci"
        )
    charset = name.partition("_")[0]
    pads = f"SELECT CONVERT('a' USING {charset}) COLLATE {name} = CONVERT('a ' USING {charset})"
    is_padded = bool(connection.exec_driver_sql(pads).scalar_one())
    if name.endswith("_bin") or name == "binary":
        return _Weights(Collation(name, ignores_case=False, pads=is_padded, is_exact=True), (), ())
    pairs = [one + other for one in ascii_lowercase for other in ascii_lowercase]
    found = {t: w for t, (w,) in _ask(connection, [*PLAIN, *pairs], name, LEVELS[:1])}
    first = {t: w for t, (w,) in _ask(connection, ["a"], name, LEVELS[1:2])} if has_levels else {}
    single = {character: found[character] for character in PLAIN}
    width = len(single["a"])
    is_simple = first.get("a", single["a"]) == single["a"] and all(
        len(single[pair[0]]) == width and found[pair] == single[pair[0]] + single[pair[1]]
        for pair in pairs
    )
    for ignores_case, change in ((True, str.upper), (False, str)):
        if is_simple and _are_equal(single, change):
            letters = {weight: change(character) for character, weight in single.items()}
            collation = Collation(name, ignores_case=ignores_case, pads=is_padded)
            return _Weights(collation, LEVELS[:1], (single[" "],), letters)
    levels = LEVELS[1:] if has_levels else LEVELS[:1]
    (_, blanks), *_ = _ask(connection, [" "], name, levels)
    return _Weights(Collation(name, ignores_case=None, pads=is_padded), levels, blanks)


def _are_equal(weights: dict[str, str], change: Callable[[str], str]) -> bool:
    """Say whether exactly those characters have the same weight that are changed to the same."""
    return len(set(weights.values())) == len({*map(change, weights)}) and all(
        weight == weights[change(character)] for character, weight in weights.items()
    )


def _ask(
    connection: Connection, texts: Iterable[str], name: str, levels: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Ask for the weights of texts in each level, hexadecimal."""
    charset = name.partition("_")[0]
    text = f"CONVERT(%s USING {charset}) COLLATE {name}"
    weights = ", ".join(f"HEX(WEIGHT_STRING({text}{level}))" for level in levels)
    row = ", ".join([weights] * PER_ROW)
    for part in _parts([*texts], PER_STATEMENT):
        rows = _parts(part, PER_ROW)
        padded = [*part, *[""] * (PER_ROW - len(rows[-1]))]
        statement = " UNION ALL ".join([f"SELECT {row}"] * len(rows))
        values = tuple(text for text in padded for _ in levels)
        answers = connection.exec_driver_sql(statement, values)
        found = [weight or "" for answer in answers for weight in answer]
        yield from zip(part, map(tuple, _parts(found, len(levels))), strict=False)


def _parts(values: Sequence[str], size: int) -> list[Sequence[str]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def _without_end(weight: str, end: str) -> str:
    """Remove a weight from the end of weights, as often as it is there."""
    units = [weight[start : start + len(end)] for start in range(0, len(weight), len(end))]
    while units and units[-1] == end:
        units.pop()
    return "".join(units)

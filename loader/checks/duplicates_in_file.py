"""The duplicate checks of add_lead: what is compared, where, since when, and who comes first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loader.frames.key_runs import Hashes

SETTLE_ROUNDS = 20
"""Of deciding sets of rows, after which those still undecided are decided one by one."""

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Keys:
    """What each row asks for, and offers to later rows, under one check.

    Codes are whole numbers from 0; equal codes mean equal to the check, -1 means nothing. Every
    array has one entry for each row, in file order.
    """

    asks: tuple[Codes, ...]
    """One array, or one more for each other reading of the digits."""
    offers: tuple[Codes, ...]
    """The same, and for PHONEALT those of alt_phone: a lead is found by either number."""


def earlier_duplicates(keys: Sequence[Keys], rejected: npt.NDArray[np.bool_]) -> Codes:
    """Say for each check and row which accepted earlier row makes it a duplicate.

    The outcome is that of sending the rows one after the other: a row that is rejected, by
    whichever check, never makes a later row a duplicate. Whole sets of rows are decided at a
    time: accepted are those that no undecided earlier row can touch, rejected those that an
    accepted earlier row matches, and so on.

    Args:
        keys: one for each check.
        rejected: the rows that are duplicates of existing leads in some check.

    Returns:
        An array of shape (checks, rows): the position of the first accepted earlier row that
        matches, or -1.
    """
    rows = len(rejected)
    state = [_FirstOffers(key, rows) for key in keys]
    undecided = np.flatnonzero(~rejected)
    for _ in range(SETTLE_ROUNDS):
        if not undecided.size:
            break
        undecided = _decide(state, undecided)
    # What is left are long chains of rows, each waiting for the one before it.
    for row in undecided.tolist():
        if not any(first.has_accepted(row) for first in state):
            for first in state:
                first.accept_one(row)
    return np.stack([first.matches() for first in state])


def _decide(state: "Sequence[_FirstOffers]", undecided: Codes) -> Codes:
    """Accept and reject what can be decided now; give the rows that still wait."""
    hit = np.zeros(undecided.size, dtype=bool)
    waits = np.zeros(undecided.size, dtype=bool)
    for first in state:
        hit |= first.accepted_before(undecided)
        waits |= first.undecided_before(undecided)
    accept = undecided[~hit & ~waits]
    for first in state:
        first.accept(accept)
    return undecided[waits & ~hit]


class _FirstOffers:
    """The first accepted, and the first undecided, row that offers each code of one check."""

    def __init__(self, keys: Keys, rows: int) -> None:
        self.keys, self.none = keys, rows
        codes = max(int(codes.max(initial=-1)) for codes in (*keys.asks, *keys.offers))
        # One entry more than codes: -1, nothing, indexes the last, which stays unset.
        self.accepted = np.full(codes + 2, rows, dtype=np.int64)
        self.undecided = self.accepted.copy()

    def accept(self, rows: Codes) -> None:
        """Accept rows, at positions in ascending order; later rows may match them."""
        self._note(self.accepted, rows)

    def _note(self, first: Codes, rows: Codes) -> None:
        # Written backwards, so that the first row of a code is written last and stays.
        backwards = rows[::-1]
        for offers in self.keys.offers:
            codes = offers[backwards]
            first[codes] = np.minimum(first[codes], backwards)
        first[-1] = self.none

    def accepted_before(self, rows: Codes) -> npt.NDArray[np.bool_]:
        """Say of each row whether an accepted earlier row matches it."""
        return np.asarray(self._first(self.accepted, rows) < rows)

    def has_accepted(self, row: int) -> bool:
        """Say the same of one row."""
        return any(self.accepted[asks[row]] < row for asks in self.keys.asks)

    def _first(self, first: Codes, rows: Codes | slice) -> Codes:
        """Give the first of the rows that offer something that each row asks for."""
        return np.asarray(np.minimum.reduce([first[asks[rows]] for asks in self.keys.asks]))

    def undecided_before(self, undecided: Codes) -> npt.NDArray[np.bool_]:
        """Say of each undecided row whether an earlier one of them matches it."""
        self.undecided.fill(self.none)
        self._note(self.undecided, undecided)
        return np.asarray(self._first(self.undecided, undecided) < undecided)

    def accept_one(self, row: int) -> None:
        """Accept one row, cheaper than `accept` does."""
        for offers in self.keys.offers:
            code = offers[row]
            if code >= 0:
                self.accepted[code] = min(self.accepted[code], row)

    def matches(self) -> Codes:
        """Give the first accepted earlier row that matches each row, or -1."""
        found = self._first(self.accepted, slice(None))
        return np.where(found < np.arange(self.none), found, -1)


def encode(asks: Sequence[Hashes], others: Sequence[Hashes] = ()) -> Keys:
    """Turn keys into codes; no key asks for, or offers, nothing.

    Args:
        asks: what rows ask for, and offer.
        others: what they offer besides.
    """
    hashes = np.concatenate([*asks, *others], axis=1)
    first, second = (pd.factorize(half)[0] for half in hashes)
    codes, _ = pd.factorize(first * (second.max(initial=0) + 1) + second)
    codes = np.where(hashes[0] != 0, codes, -1).astype(np.int64)
    parts = tuple(np.split(codes, len(asks) + len(others)))
    return Keys(parts[: len(asks)], parts)

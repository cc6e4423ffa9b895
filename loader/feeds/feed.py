"""Feeds: files of numbers that must not be loaded, such as litigators or reassigned numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import first_letters, to_arrow
from loader.frames.sorted_numbers import Numbers
from loader.phones.forms import number_forms, without_code
from loader.results.lines import count_of

BARE = np.uint64(1 << 63)
"""Is added to the digits of numbers that are listed without a country; these sort behind others."""
NO_MARK = np.uint64(0)

AREA_LENGTH = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Feed:
    """The numbers of one feed; `loader.feeds.files` reads it."""

    name: str
    path: Path
    numbers: Numbers
    """International numbers, ascending, each once; on disk."""
    bare: Numbers
    """Likewise the digits of those that are listed without a country, with `BARE` added."""
    areas: frozenset[str] = frozenset()
    """Area codes of which every number is listed, behind their country code: 1727."""
    age: int
    """Full days since the file was written."""
    notes: tuple[str, ...] = ()
    """What was done to its values, for who wants to know."""

    @classmethod
    def of(cls, listed: Numbers, **rest: Any) -> "Feed":
        """Make a feed of numbers and bare digits in one ascending array; `rest`: other fields."""
        end = np.searchsorted(listed, BARE)
        return cls(numbers=listed[:end], bare=listed[end:], **rest)

    def contains(self, numbers: pd.DataFrame) -> "pd.Series[bool]":
        """Return for each number whether it is in the feed.

        A number that is listed without a country is looked for as one of every country, in each of
        its forms.

        Args:
            numbers: as from `loader.phones.forms.lead_numbers`. Where a number may not be one of
                its country, its digits alone are looked for, too, as an international number.
        """
        nationals = pd.concat([numbers["national"], without_code(numbers)])
        codes = numbers["code"].reindex(nationals.index)
        unsure = numbers["sent"][~numbers["is_sure"]]
        forms = number_forms(numbers)["form"]
        found = [
            _among(self.numbers, pd.concat([codes + nationals, unsure])),
            _among(self.bare, forms, BARE),
        ]
        if self.areas:
            in_area = (codes + first_letters(nationals, AREA_LENGTH)).isin(self.areas)
            found.append(nationals.index[in_area])
        return pd.Series(numbers.index.isin(found[0].append(found[1:])), index=numbers.index)


def find_in_feeds(numbers: pd.DataFrame, feeds: Sequence[Feed]) -> dict[str, pd.Index]:
    """Give by the name of each feed the index of the numbers that it has, see `Feed.contains`."""
    return {feed.name: numbers.index[feed.contains(numbers)] for feed in feeds}


def _among(listed: Numbers, texts: "pd.Series[str]", mark: np.uint64 = NO_MARK) -> pd.Index:
    """Return the index of the digits that are listed with a mark."""
    if not listed.size:
        return texts.index[:0]
    digits = _integers(texts) | mark
    # In order, so that a search finds in the caches what the one before it has read.
    order = np.argsort(digits)
    in_order = digits[order]
    position = np.minimum(np.searchsorted(listed, in_order), listed.size - 1)
    found: pd.Index = texts.index[np.sort(order[listed[position] == in_order])]
    return found


def feed_remarks(feeds: Sequence[Feed]) -> list[str]:
    """Describe each feed: how many numbers it has, its age, and what was done to its values."""
    remarks = []
    for feed in feeds:
        numbers, days = count_of(feed.numbers.size, "number"), count_of(feed.age, "day")
        remarks.append(", ".join([f"feed {feed.name}: {numbers}, {days} old", *feed.notes]))
    return remarks


def _integers(texts: "pd.Series[str]") -> Numbers:
    """Return digits as feeds store numbers; 0 where there is no usable number."""
    arrow = to_arrow(texts)
    # Nineteen digits may have the bit of BARE; no numbering plan has as many.
    fits = pc.match_substring_regex(arrow, "^[0-9]{1,18}$")
    digits = pc.if_else(fits, arrow, pa.scalar("0", pa.large_string()))
    return np.asarray(digits.cast(pa.uint64()).to_numpy(), dtype=np.uint64)

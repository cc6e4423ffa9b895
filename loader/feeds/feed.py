"""Feeds: files of numbers that must not be loaded, such as litigators or reassigned numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import to_arrow
from loader.frames.sorted_numbers import Numbers
from loader.results.lines import count_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Feed:
    """The numbers of one feed; `loader.feeds.files` reads it."""

    name: str
    path: Path
    numbers: Numbers
    """International numbers, ascending, each once; on disk."""
    age: int
    """Full days since the file was written."""
    notes: tuple[str, ...] = ()
    """What was done to its values, for who wants to know."""

    def contains(self, numbers: pd.DataFrame) -> "pd.Series[bool]":
        """Return for each number whether it is in the feed.

        Args:
            numbers: as from `loader.phones.forms.lead_numbers`. Where a number may not be one of
                its country, its digits alone are looked for, too, as an international number.
        """
        hit = self._has(numbers["code"] + numbers["national"])
        unsure = ~numbers["is_sure"]
        if unsure.any():
            hit[unsure] |= self._has(numbers["sent"][unsure])
        return hit

    def _has(self, texts: "pd.Series[str]") -> "pd.Series[bool]":
        digits = _international(texts)
        position = np.minimum(np.searchsorted(self.numbers, digits), self.numbers.size - 1)
        return pd.Series(self.numbers[position] == digits, index=texts.index)


def find_in_feeds(numbers: pd.DataFrame, feeds: Sequence[Feed]) -> dict[str, pd.Index]:
    """Give by the name of each feed the index of the numbers that it has, see `Feed.contains`."""
    return {feed.name: numbers.index[feed.contains(numbers)] for feed in feeds}


def feed_remarks(feeds: Sequence[Feed]) -> list[str]:
    """Describe each feed: how many numbers it has, its age, and what was done to its values."""
    remarks = []
    for feed in feeds:
        numbers, days = count_of(feed.numbers.size, "number"), count_of(feed.age, "day")
        remarks.append(", ".join([f"feed {feed.name}: {numbers}, {days} old", *feed.notes]))
    return remarks


def _international(texts: "pd.Series[str]") -> Numbers:
    """Return digits as feeds store numbers; 0 where there is no usable number."""
    arrow = to_arrow(texts)
    # Twenty digits may exceed 64 bits; no numbering plan has as many.
    fits = pc.match_substring_regex(arrow, "^[0-9]{1,19}$")
    digits = pc.if_else(fits, arrow, pa.scalar("0", pa.large_string()))
    return np.asarray(digits.cast(pa.uint64()).to_numpy(), dtype=np.uint64)

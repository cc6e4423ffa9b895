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

    def contains(self, leads: pd.DataFrame) -> "pd.Series[bool]":
        """Return for each lead whether its number is in the feed.

        Its number is calling_code and national_number, or, where calling_code is empty, phone_code
        and phone_number.
        """
        lead_numbers = _international(leads)
        position = np.minimum(np.searchsorted(self.numbers, lead_numbers), self.numbers.size - 1)
        return pd.Series(self.numbers[position] == lead_numbers, index=leads.index)


def find_in_feeds(leads: pd.DataFrame, feeds: Sequence[Feed]) -> dict[str, pd.Index]:
    """Give by the name of each feed the row numbers of the leads that have a number of it."""
    return {feed.name: leads.index[feed.contains(leads)] for feed in feeds}


def feed_remarks(feeds: Sequence[Feed]) -> list[str]:
    """Describe each feed: how many numbers it has, its age, and what was done to its values."""
    remarks = []
    for feed in feeds:
        numbers, days = count_of(feed.numbers.size, "number"), count_of(feed.age, "day")
        remarks.append(", ".join([f"feed {feed.name}: {numbers}, {days} old", *feed.notes]))
    return remarks


def _international(leads: pd.DataFrame) -> Numbers:
    """Return the numbers of leads as feeds store them; 0 if a lead has no usable number."""
    dialled = leads["phone_code"].str.lstrip("0") + leads["phone_number"]
    parsed = leads["calling_code"] + leads["national_number"]
    texts = to_arrow(parsed.where(leads["calling_code"] != "", dialled))
    # Twenty digits may exceed 64 bits; no numbering plan has as many.
    fits = pc.match_substring_regex(texts, "^[0-9]{1,19}$")
    digits = pc.if_else(fits, texts, pa.scalar("0", pa.large_string()))
    return np.asarray(digits.cast(pa.uint64()).to_numpy(), dtype=np.uint64)

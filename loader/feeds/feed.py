"""Feeds: further files of numbers not to load, such as litigators or reassigned numbers."""

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
    """The numbers of one feed, see `loader.feeds.files`."""

    name: str
    path: Path
    numbers: Numbers
    """Sorted, each once; on disk."""
    unread: int
    """How many values of the file are no numbers."""
    age: int
    """Whole days since the file was written."""

    def contains(self, leads: pd.DataFrame) -> "pd.Series[bool]":
        """Say which leads have a number of the feed.

        Args:
            leads: columns calling_code, national_number, phone_code and phone_number (str); the
                last two count where no calling_code was found.
        """
        asked = _international(leads)
        place = np.minimum(np.searchsorted(self.numbers, asked), self.numbers.size - 1)
        return pd.Series(self.numbers[place] == asked, index=leads.index)


def feed_remarks(feeds: Sequence[Feed]) -> list[str]:
    """Say of each feed how many numbers it has, how old it is and what was not understood."""
    return [_remark(feed) for feed in feeds]


def _remark(feed: Feed) -> str:
    numbers, days = count_of(feed.numbers.size, "number"), count_of(feed.age, "day")
    said = f"feed {feed.name}: {numbers}, {days} old"
    if not feed.unread:
        return said
    none = "was no number" if feed.unread == 1 else "were no numbers"
    return f"{said}, {count_of(feed.unread, 'value')} {none}"


def _international(leads: pd.DataFrame) -> Numbers:
    """Give the leads' numbers as feeds have them; 0 where the digits are none of any country."""
    dialled = leads["phone_code"].str.lstrip("0") + leads["phone_number"]
    parsed = leads["calling_code"] + leads["national_number"]
    texts = to_arrow(parsed.where(leads["calling_code"] != "", dialled))
    # Twenty digits may be more than the type holds; no plan has so many.
    fits = pc.match_substring_regex(texts, "^[0-9]{1,19}$")
    digits = pc.if_else(fits, texts, pa.scalar("0", pa.large_string()))
    return np.asarray(digits.cast(pa.uint64()).to_numpy(), dtype=np.uint64)

"""What is done with a chunk by itself, and what is asked about it on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import pandas as pd

from jobs.load.reading import RowReader, SourceChunk
from jobs.load.run import Stopwatch
from loader.dialer import Lookups
from loader.feeds.feed import Feed
from loader.pipeline import Checks, Chunk, Screened
from loader.queries.chunk import in_feeds
from loader.queries.forms import RowForms


class Result(NamedTuple):
    """What is found of a chunk."""

    screened: Screened
    seconds: dict[str, float]
    """By stage."""
    chunk: SourceChunk | None = None
    """Its rows, if the task was a block. Without fields, where rows are not compared later."""


class Question(NamedTuple):
    """Rows of which the dialer's database is asked."""

    leads: pd.DataFrame
    about_existing: bool = False
    """They are screened, and existing leads are wanted; otherwise do-not-call lists."""
    rejected: pd.DataFrame | None = None
    """Others, of which the keys of texts are wanted, too."""


class Asked(NamedTuple):
    """The questions of which the database knows something."""

    lists: bool
    leads: bool


class Normalized(NamedTuple):
    """A chunk before the lists of numbers are looked into."""

    chunk: Chunk
    in_feeds: Lookups


@dataclass(frozen=True)
class Stages:
    """What is done with a chunk before and after each question; it may be done anywhere."""

    reader: RowReader
    feeds: Sequence[Feed]

    @property
    def checks(self) -> Checks:
        """Those of the rows."""
        return self.reader.checks

    def normalize(self, fields: pd.DataFrame, seconds: Stopwatch) -> Normalized:
        """Make leads of fields, and look for their numbers in the feeds."""
        chunk = self.checks.clean(fields)
        seconds.lap("clean")
        chunk = self.checks.normalize(chunk)
        seconds.lap("phones")
        forms = RowForms(chunk.leads, self.checks.options)
        normalized = Normalized(chunk, in_feeds(forms, self.feeds))
        seconds.lap("do not call")
        return normalized

    def screen(self, normalized: Normalized, on_lists: Lookups, seconds: Stopwatch) -> Screened:
        """Finish the checks of each row by itself; `on_lists` has dnc and campaign_dnc."""
        of_feeds = normalized.in_feeds
        answers = replace(on_lists, feeds=of_feeds.feeds, other_feeds=of_feeds.other_feeds)
        screened = self.checks.screen(normalized.chunk, answers)
        seconds.lap("time zone")
        return screened

    def compare(self, screened: Screened, existing: Lookups, seconds: Stopwatch) -> Screened:
        """Compare what passed for the duplicate checks, but where rows have another order."""
        if not self.compares:
            return screened
        compared = self.checks.compare(screened.leads, existing)
        seconds.lap("duplicates")
        return replace(screened, compared=compared)

    def needed(self, chunk: SourceChunk) -> SourceChunk:
        """Leave out the fields of a chunk that is screened, where nobody needs them later."""
        return replace(chunk, fields=chunk.fields[[]]) if self.compares else chunk

    @property
    def compares(self) -> bool:
        """Whether rows are compared now; otherwise when they have their turn."""
        return self.checks.options.keep == "first"

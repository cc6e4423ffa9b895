"""What an archive or dearchive is asked for."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from loader.archive.selection import Ids
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.results.lines import count_of

Direction = Literal["archive", "dearchive"]

STEPS: dict[Direction, tuple[str, ...]] = {
    "archive": ("insert", "update", "delete"),
    "dearchive": ("insert", "delete"),
}
"""By the name of their options."""


@dataclass(frozen=True)
class MoveRequest:
    """The leads to move: those with given lead_ids, or those that match a rule."""

    job: Direction
    rule: ArchiveRule | None = None
    lead_ids: Ids | None = None
    only_source: bool = False
    """Given leads that were moved before are refused, as the Lead Archive API does."""

    @classmethod
    def of_leads(
        cls, job: Direction, lead_ids: Iterable[int], *, only_source: bool = False
    ) -> "MoveRequest":
        """Ask for given leads."""
        return cls(job, lead_ids=np.array([*lead_ids], np.int64), only_source=only_source)

    @property
    def digest(self) -> str:
        """Tell requests for other leads apart; "" for a rule, which says itself what it selects."""
        if self.lead_ids is None:
            return ""
        return hashlib.sha256(np.sort(self.lead_ids).astype("<i8").tobytes()).hexdigest()

    def steps(self, options: ArchiveOptions) -> list[str]:
        """Give the steps that the options leave to do."""
        return [step for step in STEPS[self.job] if getattr(options, step)]

    def __str__(self) -> str:
        """Describe the leads."""
        if self.lead_ids is not None:
            return count_of(len(self.lead_ids), "given lead")
        conditions = self.rule.conditions() if self.rule else {}
        return f"leads with {', '.join(f'{name} {text}' for name, text in conditions.items())}"


class Folders(NamedTuple):
    """Where a run has its results, and finds what is not its own."""

    earlier: Path | None = None
    """The results of runs before it; None: beside its own."""
    ledger: Path | None = None
    """A ledger that is a file; None: beside its own results."""
    results: Path = Path("results")
    """In which a run makes a folder of its own, if it is given none."""

    def of_ledger(self, results: Path | None) -> Path:
        """Give the folder of the ledger of a run with such results."""
        return self.ledger or (results.parent if results else self.results)

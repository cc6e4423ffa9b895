"""Who took the leads of a chunk out of their table: the run, or others at the same time.

The answer to a DELETE says which leads it took. Where that is lost, some can be known nevertheless:
it goes through the leads in their order, so that it took none behind one that it left.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field


def behind_one_left(gone: Iterable[int], left: Collection[int]) -> set[int]:
    """Give those leads that a DELETE of which no answer came cannot have taken.

    Args:
        gone: lead_ids of leads that it was to take, and that are not there.
        left: lead_ids of those that it was to take as they are, and that are there.
    """
    return {lead_id for lead_id in gone if left and lead_id > min(left)}


@dataclass
class Departures:
    """The leads of one chunk that left their table, by lead_id."""

    ours: set[int] = field(default_factory=set)
    """Taken by the run."""
    by_others: set[int] = field(default_factory=set)
    """Deleted, or archived, by others."""
    asked: set[int] = field(default_factory=set)
    """Leads for which a DELETE was sent, and no answer has come that names leads."""

    def answered(self, lead_ids: frozenset[int] | None, *, is_all: bool) -> None:
        """Note which leads DELETEs took, or some of them; None: it is not known."""
        if lead_ids is not None:
            self.ours |= lead_ids
            if is_all:
                self.asked.clear()

    def attribute(self, gone: Iterable[int], left: Collection[int]) -> None:
        """Say of all leads that are gone by now who took them, see `behind_one_left`."""
        new = {*gone} - self.ours - self.by_others
        maybe_ours = new & self.asked
        others = (new - maybe_ours) | behind_one_left(maybe_ours, left)
        self.by_others |= others
        self.ours |= new - others

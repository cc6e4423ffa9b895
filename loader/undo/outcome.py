"""What becomes of the leads and the changes of a run that is taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from loader.archive.outcome import Counts, Explained, Stay


class Kept(Explained):
    """Why something stays as the run left it, or as others made it since."""

    CALLED = "CALLED", "it was called since; the details have its status"
    CHANGED = "CHANGED", "it was changed since; of an existing lead, the fields that were"
    HELD = "HELD", "the dialer has it in hand; the details say where"
    ARCHIVED = "ARCHIVED", "it was archived since"
    GONE = "GONE", "it was deleted since"
    BACK = "BACK", "it was put back since"
    LOADED_ANEW = "LOADED_ANEW", Stay.LOADED_ANEW.meaning
    IN_BOTH = "IN_BOTH", Stay.IN_BOTH.meaning
    ANOTHER_LEAD = "ANOTHER_LEAD", Stay.ANOTHER_LEAD.meaning
    LOCKED = "LOCKED", "others held or changed it all the while"
    REFUSED = "REFUSED", "the server refused it; the details have its error code"
    CHILD_LEFT = "CHILD_LEFT", Stay.CHILD_LEFT.meaning


LOADED_TYPES = {"row_number": "int64", "lead_id": "int64", "fingerprint": "uint32"}
"""New leads of a run, as the ledger has them."""

STAYED_TYPES = {
    "row_number": "int64", "lead_id": "int64", "fields": "str", "why": "str", "details": "str",
}  # fmt: skip
"""What stays: a lead of the run's, or (fields, joined by commas) what it changed in another."""


def no_stayed() -> pd.DataFrame:
    """Give a frame of what stays without any."""
    return pd.DataFrame(columns=list(STAYED_TYPES)).astype(STAYED_TYPES)


def as_stayed(rows: pd.DataFrame) -> pd.DataFrame:
    """Give what stays the columns of `STAYED_TYPES`."""
    return rows[list(STAYED_TYPES)].astype(STAYED_TYPES)


@dataclass(frozen=True)
class LeadsNow:
    """New leads of a run as they are now."""

    free: pd.DataFrame
    """Those that are as they were loaded, see `LOADED_TYPES`."""
    stayed: pd.DataFrame = field(default_factory=no_stayed)
    """The others, see `STAYED_TYPES`."""


@dataclass(frozen=True)
class ChangesNow:
    """Changes of existing leads, or what is left of them."""

    reverted: pd.DataFrame
    """Those that are reverted, or can be: row_number, lead_id, field, old, new, as the ledger has
    them."""
    stayed: pd.DataFrame = field(default_factory=no_stayed)
    """The others, see `STAYED_TYPES`."""


@dataclass(frozen=True)
class MovedLeads:
    """What became of one chunk of leads."""

    stayed: pd.DataFrame = field(default_factory=no_stayed)
    """See `STAYED_TYPES`."""
    counts: Counts = field(default_factory=Counts)
    children: Mapping[str, Counts] = field(default_factory=dict)
    """Of the rows that belong to the leads, by the dialer's table."""

"""The results of an undo: leads and changes."""

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
    COPY_LEFT = "COPY_LEFT", Stay.COPY_LEFT.meaning
    COPY_REMOVED = "COPY_REMOVED", Stay.COPY_REMOVED.meaning
    IN_DOUBT = (
        "IN_DOUBT",
        "it may have been stored when the load was broken off, and changed or deleted since; which "
        "lead it is, nobody can tell",
    )


LOADED_TYPES = {"row_number": "int64", "lead_id": "int64", "fingerprint": "uint32"}
"""New leads of a run, as the ledger has them."""

STAYED_TYPES = {
    "row_number": "int64", "lead_id": "int64", "fields": "str", "why": "str", "details": "str",
}  # fmt: skip
"""What stays: a lead of the run, or changed fields (joined by commas) of another lead."""


def no_stayed() -> pd.DataFrame:
    """Give an empty frame of what stays."""
    return pd.DataFrame(columns=list(STAYED_TYPES)).astype(STAYED_TYPES)


def as_stayed(rows: pd.DataFrame) -> pd.DataFrame:
    """Reduce what stays to the columns of `STAYED_TYPES`."""
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
    """Changes to existing leads, as they are now."""

    reverted: pd.DataFrame
    """Those that are reverted, or can be: row_number, lead_id, field, old, new."""
    stayed: pd.DataFrame = field(default_factory=no_stayed)
    """The others, see `STAYED_TYPES`."""


@dataclass(frozen=True)
class MovedLeads:
    """The result of one chunk of leads."""

    stayed: pd.DataFrame = field(default_factory=no_stayed)
    """See `STAYED_TYPES`."""
    counts: Counts = field(default_factory=Counts)
    children: Mapping[str, Counts] = field(default_factory=dict)
    """Of the children, by the dialer's table."""

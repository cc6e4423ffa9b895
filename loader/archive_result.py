"""What became of the leads of a chunk on their way to the archive, or back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd


class Stay(StrEnum):
    """Why a lead stayed where it was, although it was selected; `meaning` is for people."""

    meaning: str

    def __new__(cls, code: str, meaning: str) -> "Stay":
        """Take the code and what it means."""
        self = str.__new__(cls, code)
        self._value_, self.meaning = code, meaning
        return self

    HELD = "HELD", "the dialer has it in hand; the details say where"
    CHANGED = "CHANGED", "it was changed or used meanwhile, or differs from its copy (--no-update)"
    NOT_SELECTED = "NOT_SELECTED", "it changed meanwhile, and the rule does not select it any more"
    NOT_COPIED = "NOT_COPIED", "it has no copy, and none was to be made (--no-insert)"
    ANOTHER_LEAD = "ANOTHER_LEAD", "the archive has another lead with this lead_id"
    LOCKED = "LOCKED", "another transaction held it for longer than a second"
    REFUSED = "REFUSED", "the server refused the copy; the details have its error code"
    IN_BOTH = "IN_BOTH", "a lead with this lead_id is in vicidial_list, and is not equal"
    LOADED_ANEW = "LOADED_ANEW", "the same number was loaded into the same list again since"
    CHILD_LEFT = (
        "CHILD_LEFT",
        "it moved, but not all that belongs to it: a row changed meanwhile, is there already and "
        "not equal, or was refused; the details name its table",
    )


STAYED_TYPES = {"lead_id": "int64", "why": "str", "details": "str"}


def no_stayed() -> pd.DataFrame:
    """Give a frame of leads that stayed, see `STAYED_TYPES`, without any."""
    return pd.DataFrame(columns=list(STAYED_TYPES)).astype(STAYED_TYPES)


class Counts(NamedTuple):
    """Rows found, inserted, updated and deleted, as the Lead Archive API counts them."""

    select_count: int = 0
    insert_count: int = 0
    update_count: int = 0
    delete_count: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """Add count by count."""
        return Counts(*(one + more for one, more in zip(self, other, strict=True)))


@dataclass(frozen=True)
class ChunkResult:
    """What became of one chunk."""

    counts: Counts
    stayed: pd.DataFrame = field(default_factory=no_stayed)
    """The leads that are still where they were, see `STAYED_TYPES`."""
    children: Mapping[str, Counts] = field(default_factory=dict)
    """Likewise of the rows that belong to the leads, by the dialer's table."""
    moved: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """lead_ids of the leads that left their table, ascending."""


@dataclass(frozen=True)
class Preview:
    """What would be moved. Frames have a column `leads` (int64) behind those that they name."""

    leads: int
    spared: pd.DataFrame
    """Columns why (see `Stay`) and details (str): leads beside those, that would stay."""
    by_list: pd.DataFrame
    """Columns list_id (int64), list_name and campaign_id (str)."""
    by_status: pd.DataFrame
    """Column status (str)."""
    by_age: pd.DataFrame
    """Column age (str): since the lead was loaded; from the youngest on."""

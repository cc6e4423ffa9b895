"""The results of moving a chunk of leads to the archive, or back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from loader.errors import LOCK_CODES
from loader.options.archive import ArchiveOptions


class Explained(StrEnum):
    """Codes, each with a `meaning` for people."""

    meaning: str

    def __new__(cls, code: str, meaning: str) -> Self:
        """Take the code and what it means."""
        self = str.__new__(cls, code)
        self._value_, self.meaning = code, meaning
        return self


class Stay(Explained):
    """Why a lead stayed where it was, although it was selected."""

    HELD = "HELD", "the dialer has it in hand; the details say where"
    CAME_BACK = "CAME_BACK", "dearchive brought it back not long ago, see leave_dearchived"
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
    COPY_LEFT = (
        "COPY_LEFT",
        "others took it while it was moved, and made the copy that is in the archive, or may have",
    )
    COPY_REMOVED = (
        "COPY_REMOVED",
        "others deleted it between its copy and its turn to be deleted; its copy was taken out of "
        "the archive again",
    )


LEFT = (Stay.CHILD_LEFT, Stay.COPY_LEFT, Stay.COPY_REMOVED)
"""Said of leads that are not in their table any more."""


STAYED_TYPES = {"lead_id": "int64", "why": "str", "details": "str"}


def no_stayed() -> pd.DataFrame:
    """Give a frame of leads that stayed, see `STAYED_TYPES`, without any."""
    return pd.DataFrame(columns=list(STAYED_TYPES)).astype(STAYED_TYPES)


def as_stayed(leads: pd.DataFrame) -> pd.DataFrame:
    """Reduce leads that stayed to the columns of `STAYED_TYPES`."""
    return leads[list(STAYED_TYPES)].astype(STAYED_TYPES)


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
    """The counts of the children, by the dialer's table."""
    moved: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """lead_ids of the leads that left their table, ascending."""


@dataclass(frozen=True)
class Preview:
    """What would be moved. Each frame has one more column, leads (int64)."""

    leads: int
    spared: pd.DataFrame
    """Columns why (see `Stay`) and details (str): further leads, which would stay."""
    by_list: pd.DataFrame
    """Columns list_id (int64), list_name and campaign_id (str)."""
    by_status: pd.DataFrame
    """Column status (str)."""
    by_age: pd.DataFrame
    """Column age (str): since the lead was loaded; from the youngest on."""
    by_last_call: pd.DataFrame
    """Likewise, since the lead was called last; without rows if the rule does not ask for that."""


LOOKED_AT = {
    "lead_id": "int64", "copied": "bool", "equal": "bool", "same": "bool", "selected": "bool",
    "spared": "str",
}  # fmt: skip
"""Of leads in their table: whether the other table has a copy, whether that equals the lead,
whether it is of the same lead at all, whether the rule selects the lead, and why it is spared ("":
it is not)."""


def count_outcomes(before: pd.DataFrame, after: pd.DataFrame) -> Counts:
    """Count what was done if the server's counts are not known, by frames of `LOOKED_AT`."""
    now = after.set_index("lead_id").reindex(before["lead_id"])
    left = now["copied"].isna().to_numpy()
    copied = left | now["copied"].eq(other=True).to_numpy()
    equal = left | now["equal"].eq(other=True).to_numpy()
    was_copied, was_equal = before["copied"].to_numpy(), before["equal"].to_numpy()
    return Counts(
        len(before),
        int((copied & ~was_copied).sum()),
        int((was_copied & ~was_equal & equal).sum()),
        int(left.sum()),
    )


def stayed_of(
    after: pd.DataFrame,
    sparing: Stay,
    refused: Mapping[int, int],
    options: ArchiveOptions,
    *,
    back: bool,
) -> pd.DataFrame:
    """Say why leads are still in their table; if none is to be deleted, only of those left alone.

    They are given as `LOOKED_AT` and `STAYED_TYPES`; `refused` has the server's error codes.
    """
    why = pd.Series(Stay.IN_BOTH if back else Stay.CHANGED, after.index, "str")
    if not back:
        why = why.mask(after["copied"] & ~after["same"], Stay.ANOTHER_LEAD)
    if not options.insert:
        why = why.mask(~after["copied"], Stay.NOT_COPIED)
    code = after["lead_id"].map(refused).astype("Int64")
    is_locked = code.isin(list(LOCK_CODES))
    why = why.mask(code.notna(), Stay.REFUSED).mask(is_locked, Stay.LOCKED)
    why = why.mask(~after["selected"], Stay.NOT_SELECTED)
    why = why.mask(after["spared"] != "", sparing)
    is_refused = why.isin([Stay.REFUSED, Stay.LOCKED])
    details = after["spared"].mask(is_refused, "error " + code.astype("str"))
    stayed = after.assign(why=why, details=details)
    if not options.delete:
        stayed = stayed[is_refused | why.isin([sparing, Stay.NOT_SELECTED, Stay.ANOTHER_LEAD])]
    return as_stayed(stayed)


def taken_by_others(lead_ids: Mapping[int, Stay]) -> pd.DataFrame:
    """List leads that others took while they were moved, as leads that stayed."""
    rows = [(lead_id, why, "") for lead_id, why in sorted(lead_ids.items())]
    return pd.DataFrame(rows, columns=list(STAYED_TYPES)).astype(STAYED_TYPES)


def left_children(left: Mapping[int, str]) -> pd.DataFrame:
    """List the leads whose children were left behind, as leads that stayed."""
    rows = [(lead_id, Stay.CHILD_LEFT, where) for lead_id, where in left.items()]
    return pd.DataFrame(rows, columns=list(STAYED_TYPES)).astype(STAYED_TYPES)

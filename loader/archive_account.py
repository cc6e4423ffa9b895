"""What became of a chunk's leads, told by what there was of them and what there is."""

from collections.abc import Mapping

import pandas as pd

from loader.archive_options import ArchiveOptions
from loader.archive_result import STAYED_TYPES, Counts, Stay
from loader.errors import LOCK_CODES

LOOKED_AT = {
    "lead_id": "int64", "copied": "bool", "equal": "bool", "same": "bool", "selected": "bool",
    "spared": "str",
}  # fmt: skip
"""Of leads that are in their table: whether there is a copy in the other one, whether that equals
the lead, whether it is of the same lead at all, whether the rule selects the lead, and who spares
it ("" for nobody)."""


def counted(before: pd.DataFrame, after: pd.DataFrame) -> Counts:
    """Count what was done where the server's own counts are not known.

    Args:
        before: see `LOOKED_AT`.
        after: likewise, of those that are still there; who left was copied.
    """
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
    """Say of leads that are still there why; if none is to be deleted, only of those left alone.

    Args:
        after: see `LOOKED_AT`.
        sparing: why some are spared.
        refused: the server's error code by lead_id.
        options: insert and delete are read.
        back: they were on their way from the archive.

    Returns:
        See `loader.archive_result.STAYED_TYPES`.
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
    return stayed[list(STAYED_TYPES)].astype(STAYED_TYPES)


def left_children(left: Mapping[int, str]) -> pd.DataFrame:
    """Tell leads of which something was left behind, by where, as leads that stayed are told."""
    rows = [(lead_id, Stay.CHILD_LEFT, where) for lead_id, where in left.items()]
    return pd.DataFrame(rows, columns=list(STAYED_TYPES)).astype(STAYED_TYPES)

"""What became of a chunk's leads, told by what there was of them and what there is."""

from collections.abc import Mapping

import pandas as pd

from loader.archive_options import ArchiveOptions
from loader.archive_result import STAYED_TYPES, Counts, Stay

LOOKED_AT = {
    "lead_id": "int64", "copied": "bool", "equal": "bool", "selected": "bool", "spared": "str",
}  # fmt: skip
"""Of leads that are in their table: whether there is a copy in the other one, whether that equals
the lead, whether the rule selects the lead, and who spares it ("" for nobody)."""


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
    if not options.insert:
        why = why.mask(~after["copied"], Stay.NOT_COPIED)
    why = why.mask(after["lead_id"].isin(refused.keys()), Stay.REFUSED)
    why = why.mask(~after["selected"], Stay.NOT_SELECTED)
    why = why.mask(after["spared"] != "", sparing)
    codes = "error " + after["lead_id"].map(refused).astype("Int64").astype("str")
    stayed = after.assign(why=why, details=after["spared"].mask(why == Stay.REFUSED, codes))
    if not options.delete:
        stayed = stayed[why.isin([sparing, Stay.NOT_SELECTED, Stay.REFUSED])]
    return stayed[list(STAYED_TYPES)].astype(STAYED_TYPES)


def refused_rows(refused: Mapping[int, int], why: Stay) -> pd.DataFrame:
    """Give the same for leads that the server refused, by its error codes."""
    rows = [(lead_id, why, f"error {code}") for lead_id, code in refused.items()]
    return pd.DataFrame(rows, columns=list(STAYED_TYPES)).astype(STAYED_TYPES)

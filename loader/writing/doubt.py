"""What became of the rows of a broken write whose leads were not found as they were sent.

A statement stores its rows in their order, and gives them lead_ids one after the other. So between
the leads that are found, the place of a row says which lead_id it got, if it got one. A lead with
that lead_id was changed since; if there is none, the lead was deleted, and must not come back.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Ids = npt.NDArray[np.int64]


class Doubt(NamedTuple):
    """Rows that were stored, or may have been; the others were not."""

    changed: "pd.Series[int]"
    """The lead_ids of leads that somebody has changed since, by row_number."""
    lost: dict[int, int]
    """The lead_ids of leads that are gone, by row_number; 0: which one is not known."""


def settle(found: "pd.Series[int]", ours: Ids, gone: Ids, step: int) -> Doubt:
    """Say what became of the rows of a write that are not found.

    Args:
        found: the lead_id of each row, in the order in which they were sent; 0: not found.
        ours: the lead_ids of leads that no row was found in, but which are of the write's second.
        gone: lead_ids that were given out since the batch was planned, and that no table has.
        step: the server's auto_increment_increment.
    """
    lead_ids: Ids = np.asarray(found, dtype=np.int64)
    candidates = np.union1d(ours, gone)
    pairs = np.zeros(len(lead_ids), dtype=np.int64)
    for first, end in _gaps(lead_ids):
        before = int(lead_ids[first - 1]) if first else 0
        after = int(lead_ids[end]) if end < len(lead_ids) else 0
        between = candidates[(candidates > before) & ((candidates < after) | (after == 0))]
        pairs[first:end] = _paired(between, end - first, before, after, step)
    changed = np.isin(pairs, ours)
    lost = (pairs != 0) & ~changed
    return Doubt(
        pd.Series(pairs, index=found.index)[changed],
        dict(zip(found.index[lost].tolist(), np.maximum(pairs[lost], 0).tolist(), strict=True)),
    )


def _gaps(lead_ids: Ids) -> Iterator[tuple[int, int]]:
    """Give begin and end of each stretch of rows that are not found."""
    missing = np.concatenate([[0], lead_ids == 0, [0]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(missing)).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)


def _paired(between: Ids, count: int, before: int, after: int, step: int) -> Ids:
    """Give the lead_id that each row of a gap may have had; 0: none, -1: nobody knows which.

    Args:
        between: the lead_ids that may be theirs.
        count: of the rows.
        before: lead_id of the row in front; 0: it is not found.
        after: lead_id of the row behind; likewise.
        step: from one lead_id to the next.
    """
    pairs = np.zeros(count, dtype=np.int64)
    if before and not after:
        # The write may have been broken off: theirs come at once, without a hole.
        theirs = np.equal(between, before + step * np.arange(1, len(between) + 1))
        between = between[: int(np.logical_and.accumulate(theirs).sum())][:count]
        pairs[: len(between)] = between
    elif after and not before:
        theirs = np.equal(between[::-1], after - step * np.arange(1, len(between) + 1))
        between = between[len(between) - int(np.logical_and.accumulate(theirs).sum()) :][-count:]
        if len(between):
            pairs[-len(between) :] = between
    elif len(between) == count:
        pairs[:] = between
    elif after:
        pairs[:] = -1 if len(between) else 0
    else:
        pairs[: len(between)] = -1
    return pairs

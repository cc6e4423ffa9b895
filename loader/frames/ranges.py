"""Ranges of consecutive numbers."""

import numpy as np
import numpy.typing as npt

Range = tuple[int, int]
"""First and last of consecutive numbers."""


def consecutive(numbers: npt.NDArray[np.int64]) -> list[Range]:
    """Return the ranges of consecutive numbers, ascending."""
    if not len(numbers):
        return []
    ordered = np.sort(numbers)
    breaks = np.flatnonzero(np.diff(ordered) != 1)
    firsts = np.append(ordered[0], ordered[breaks + 1])
    lasts = np.append(ordered[breaks], ordered[-1])
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))

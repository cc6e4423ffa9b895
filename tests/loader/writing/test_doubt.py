"""Rows of a broken write whose leads are not found as they were sent."""

import numpy as np
import pandas as pd
import pytest

from loader.writing.doubt import settle

# found, leads of nobody, lead_ids of nothing, step; what is changed, what is lost
CASES = {
    "nothing was stored": ([0, 0], [], [], 1, {}, {}),
    "the write was broken off": ([11, 12, 0, 0], [], [], 1, {}, {}),
    "one was deleted": ([11, 0, 13], [], [12], 1, {}, {1: 12}),
    "one got another number": ([11, 0, 13], [12], [], 1, {1: 12}, {}),
    "one was refused": ([11, 0, 12], [], [], 1, {}, {}),
    "one of two was refused": ([11, 0, 0, 13], [], [12], 1, {}, {1: 0, 2: 0}),
    "the first were deleted": ([0, 0, 13, 14], [], [11, 12], 1, {}, {0: 11, 1: 12}),
    "the first were refused": ([0, 0, 13, 14], [], [9], 1, {}, {}),
    "the last was deleted": ([11, 12, 0, 0], [], [13], 1, {}, {2: 13}),
    "others came behind, and went": ([11, 12, 0, 0], [], [15, 16], 1, {}, {}),
    "others came before, and went": ([0, 12], [], [8, 11], 1, {}, {0: 11}),
    "all were deleted": ([0, 0], [], [11, 12], 1, {}, {0: 11, 1: 12}),
    "some were deleted": ([0, 0, 0], [], [11, 12], 1, {}, {0: 0, 1: 0}),
    "all got other numbers": ([0, 0], [11, 12], [], 1, {0: 11, 1: 12}, {}),
    "the server counts by two": ([11, 0, 15, 0], [], [13, 17, 21], 2, {}, {1: 13, 3: 17}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_place_of_a_row_says_what_became_of_it(
    case: tuple[list[int], list[int], list[int], int, dict[int, int], dict[int, int]],
) -> None:
    found, ours, gone, step, changed, lost = case
    ids = [np.array(each, dtype=np.int64) for each in (ours, gone)]
    doubt = settle(pd.Series(found, dtype="int64"), ids[0], ids[1], step)
    assert (doubt.changed.to_dict(), doubt.lost) == (changed, lost)

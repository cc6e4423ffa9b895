"""All reasons of each row, on disk."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.reasons import Reason
from loader.results.all_reasons import BITS, BLOCK, ReasonBits, applying_reasons

ROWS = st.sets(
    st.integers(1, 40) | st.integers(BLOCK - 3, BLOCK + 3) | st.integers(5 * BLOCK, 5 * BLOCK + 9),
    min_size=1,
    max_size=30,
)
"""Row numbers on both sides of the edges of blocks, and beyond what was written so far."""


def test_every_reason_has_a_bit_of_its_own() -> None:
    assert list(BITS) == list(Reason)
    assert len({int(bit) for bit in BITS.values()}) == len(Reason) <= 64


@pytest.mark.property
@given(st.lists(st.tuples(ROWS, st.sampled_from([*Reason, None])), max_size=12))
def test_what_is_marked_is_found(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[set[int], Reason | None]]
) -> None:
    path = tmp_path_factory.mktemp("marks") / "marks"
    expected: dict[int, set[Reason]] = {}
    for rows, reason in steps:
        marks = ReasonBits(path)  # as a process does that goes on
        index = pd.Index(sorted(rows, reverse=True))
        if reason is None:
            marks.clear(index)
        else:
            marks.add(index, reason)
        for row in rows:
            expected[row] = expected.get(row, set()) | {reason} if reason else set()
        marks.keep()
    asked = pd.Index([3, BLOCK, 9 * BLOCK, *expected])
    words = ReasonBits(path).of(asked).tolist()
    found = [{reason for reason, bit in BITS.items() if word & int(bit)} for word in words]
    assert found == [expected.get(row, set()) for row in asked]


def test_reasons_are_given_the_first_one_first(tmp_path: Path) -> None:
    marks, rows = ReasonBits(tmp_path / "marks"), pd.Index([7, 2, 5, 9])
    same, feed = Reason.DUPLICATE_PHONE_NUMBER_IN_SYSTEM, Reason.PHONE_NUMBER_IN_FEED
    marks.add(rows, same)
    marks.add(rows[:2], feed)
    marks.add(rows[3:], Reason.NOT_INSERTED)
    first = [feed, same, Reason.BROKEN_QUOTE, Reason.NOT_INSERTED]
    assert list(map(applying_reasons, marks.of(rows), first)) == [
        [feed, same], [same, feed], [Reason.BROKEN_QUOTE, same], [Reason.NOT_INSERTED],
    ]  # fmt: skip

"""Which rows share a key, found part by part."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.frames.key_parts import ASKS, OFFERS, KeyEntries

SECRET = b"a secret"
BOTH = ASKS | OFFERS
Key = tuple[int, int, int]
"""Hash, row and role."""
KEYS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 9), st.sampled_from([ASKS, OFFERS, BOTH])),
    max_size=30,
)


def entries(keys: list[Key]) -> KeyEntries:
    hashes, rows, roles = np.array(keys, np.int64).reshape(-1, 3).T
    # In the upper half, by which they are parted.
    spread = hashes.astype(np.uint64) << np.uint64(33)
    return KeyEntries(spread, rows << 2 | roles)


def meeting(keys: list[Key]) -> set[int]:
    """Give the rows that meet, one by one."""
    return {
        row
        for key, row, role in keys
        for other_key, other, other_role in keys
        if key == other_key and row != other and role | other_role == BOTH
    }


@pytest.mark.property
@given(keys=KEYS)
def test_rows_that_meet_are_found(keys: list[Key]) -> None:
    found = entries(keys).rows_that_meet()
    assert {*found.tolist()} >= meeting(keys)
    assert {*np.diff(found).tolist()} <= {*range(1, 9)}
    by_key: dict[int, set[int]] = {}
    for key, row, _ in keys:
        by_key.setdefault(key, set()).add(row)
    assert {*found.tolist()} <= set().union(*(rows for rows in by_key.values() if len(rows) > 1))


@pytest.mark.property
@given(keys=KEYS, parts=st.sampled_from([1, 2, 7]))
def test_parts_have_all_entries_and_equal_keys_together(keys: list[Key], parts: int) -> None:
    whole = entries(keys)
    file = whole.to_file(parts, SECRET)
    parted = [KeyEntries.from_file(file, part, SECRET) for part in range(parts)]
    assert sorted(zip(*KeyEntries.join(parted), strict=True)) == sorted(zip(*whole, strict=True))
    by_part = [{*part.hashes.tolist()} for part in parted]
    assert sum(map(len, by_part)) == len(set().union(*by_part))
    rows = [row for part in parted for row in part.rows_that_meet().tolist()]
    assert {*rows} == {*whole.rows_that_meet().tolist()}


def test_rows_that_only_offer_or_only_ask_do_not_meet() -> None:
    assert (
        not entries([(5, 1, OFFERS), (5, 2, OFFERS), (6, 3, ASKS), (6, 4, ASKS)])
        .rows_that_meet()
        .size
    )
    assert not entries([(5, 1, BOTH), (5, 1, OFFERS)]).rows_that_meet().size


def test_no_key_is_no_entry() -> None:
    keys = np.array([[0, 8, 0], [0, 9, 0]], np.uint64)
    of_keys = KeyEntries.of(keys, np.array([2, 3, 4]), BOTH)
    assert of_keys.hashes.tolist() == [8]
    assert (of_keys.entries >> 2).tolist() == [3]


def test_a_file_that_is_not_whole_is_not_read() -> None:
    file = entries([(5, 1, BOTH)]).to_file(1, SECRET)
    with pytest.raises(pa.ArrowInvalid):
        KeyEntries.from_file(file.slice(0, len(file) - 3), 0, SECRET)


def test_keys_that_others_wrote_are_not_read() -> None:
    file = entries([(5, 1, BOTH)]).to_file(1, SECRET)
    changed = file.to_pybytes().replace((1 << 2 | BOTH).to_bytes(8, "little"), bytes(8))
    for other, secret in ((file, b"another"), (pa.py_buffer(changed), SECRET)):
        with pytest.raises(ValueError, match="not as they were written"):
            KeyEntries.from_file(other, 0, secret)

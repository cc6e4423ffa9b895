"""Values are counted exactly, whether their counts are in memory or on disk."""

import tempfile
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.profile import value_counts
from loader.profile.value_counts import ValueCounts

VALUES = st.lists(st.lists(st.sampled_from(["", "é", "Z", *"abcdefgh"]), max_size=12), max_size=8)


@pytest.mark.property
@given(chunks=VALUES, in_memory=st.integers(0, 9), files=st.integers(1, 4), most=st.integers(1, 5))
def test_all_are_counted_exactly_in_any_chunks(
    chunks: list[list[str]], in_memory: int, files: int, most: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(value_counts, "MOST_IN_MEMORY", in_memory)
        patch.setattr(value_counts, "FILES", files)
        counted = ValueCounts(Path(folder))
        for chunk in chunks:
            counted.add(pd.Series(chunk, dtype="str"))
        found = counted.most_frequent(most)
        assert counted.most_frequent(most) == found
    known = Counter(value for chunk in chunks for value in chunk)
    ranked = sorted(known.items(), key=lambda each: (-each[1], each[0]))
    assert list(found.items()) == ranked[:most]
    assert counted.rows == known.total()


def test_memory_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_counts, "MOST_IN_MEMORY", 100)
    counted = ValueCounts(tmp_path)
    for start in range(0, 20_000, 1_000):
        counted.add(pd.Series(range(start, start + 1_000)).astype("str"))
        counted.add(pd.Series(["often"] * (start // 1_000)))
        assert len(counted._counts) <= 100
    assert counted.most_frequent(2) == {"often": 190, "0": 1}


def test_what_a_killed_process_left_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_counts, "MOST_IN_MEMORY", 0)
    for _ in range(2):
        counted = ValueCounts(tmp_path)
        counted.add(pd.Series(["a", "b", "a"], dtype="str"))
    assert counted.most_frequent(9) == {"a": 2, "b": 1}

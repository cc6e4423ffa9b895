"""The keys of accepted rows, kept on disk."""

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.frames import key_runs
from loader.frames.accepted_keys import AcceptedKeys
from loader.frames.key_runs import Hashes, KeyRuns, hash_keys

Batch = list[tuple[str, int]]
"""Keys and their lists; None in the place of a key is no key."""


def hashes(keys: list[str]) -> Hashes:
    return hash_keys(pd.Series(keys, dtype="str"))


def add(keys: AcceptedKeys, batch: Batch, first_row: int) -> None:
    rows = np.arange(first_row, first_row + len(batch), dtype=np.int64)
    lists = np.array([list_id for _, list_id in batch], dtype=np.int64)
    keys.add(hashes([key for key, _ in batch]), rows, lists, rows + 7)


KEYS = [f"{scope}\x1f{phone}" for scope in ("", "101", "\u00e9") for phone in range(8)]


@pytest.mark.property
@given(
    batches=st.lists(
        st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 2**63 - 1)), max_size=9),
        max_size=12,
    ),
    largest=st.sampled_from((4, key_runs.LARGEST_RUN)),
    few=st.sampled_from((0, 2, key_runs.FEW)),
    bits=st.sampled_from((3, 16)),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_finds_the_first_row_of_a_key_like_a_dict(
    batches: list[Batch],
    largest: int,
    few: int,
    bits: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(key_runs, "FEW", few)
    monkeypatch.setattr(key_runs, "LARGEST_RUN", largest)
    monkeypatch.setattr(key_runs, "FILTER_BITS", bits)
    keys, known = AcceptedKeys(tmp_path), dict[str, tuple[int, int]]()
    row = 2
    for batch in batches:
        add(keys, batch, row)
        for offset, (key, list_id) in enumerate(batch):
            known.setdefault(key, (row + offset, list_id))
        row += len(batch)
        rows, lists, codes = keys.find(hashes(KEYS))
        assert list(zip(rows.tolist(), lists.tolist(), strict=True)) == [
            known.get(key, (-1, -1)) for key in KEYS
        ]
        assert [code for code in codes.tolist() if code >= 0] == [
            row + 7 for row in rows.tolist() if row >= 0
        ]


def test_keys_of_several_checks_share_a_folder(tmp_path: Path) -> None:
    phones, names = AcceptedKeys(tmp_path), AcceptedKeys(tmp_path)
    add(phones, [(f"phone {n}", n) for n in range(3000)], 0)
    add(names, [("name", 7)], 0)
    for keys, wanted, row in ((phones, "phone 2999", 2999), (names, "name", 0)):
        assert keys.find(hashes([wanted, "other"]))[0].tolist() == [row, -1]


def test_nothing_is_found_before_something_is_added(tmp_path: Path) -> None:
    keys = AcceptedKeys(tmp_path)
    add(keys, [], 0)
    assert keys.find(hashes(["a"]))[0].tolist() == [-1]
    assert keys.find(hashes([]))[0].tolist() == []
    add(keys, [("a", 1)], 0)
    assert keys.find(hashes([]))[0].tolist() == []


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    keys = AcceptedKeys(tmp_path)
    for start in range(0, 100, 10):
        add(keys, [(str(n), n) for n in range(start, start + 10)], start)
    assert keys.find(hashes(["99"]))[0].tolist() == [99]
    assert not list(tmp_path.iterdir())


def test_the_entries_are_on_disk_not_in_memory(tmp_path: Path) -> None:
    keys = AcceptedKeys(tmp_path)
    tracemalloc.start()
    add(keys, [(str(n), n) for n in range(50_000)], 0)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 50_000 * 5 * 8 / 2


def test_drop_removes_only_the_keys_of_its_rows(tmp_path: Path) -> None:
    keys = AcceptedKeys(tmp_path)
    four = hashes(["a", "b", "a", "c"])
    numbers = np.array([2, 3, 4, 5])
    keys.add(four, numbers, np.full(4, 101), np.full(4, 1))
    keys.drop(np.array([2, 5]))
    assert keys.find(four)[0].tolist() == [4, 3, 4, -1]
    keys.drop(np.array([3, 4]))
    assert keys.find(four)[0].tolist() == [-1] * 4


@pytest.mark.property
@given(
    batches=st.lists(st.lists(st.sampled_from(KEYS), max_size=9), max_size=12),
    asked=st.lists(st.sampled_from(KEYS), unique=True),
    largest=st.sampled_from((4, key_runs.LARGEST_RUN)),
    few=st.sampled_from((0, 2, key_runs.FEW)),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_finds_all_that_was_added_for_a_key(
    batches: list[list[str]],
    asked: list[str],
    largest: int,
    few: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(key_runs, "FEW", few)
    monkeypatch.setattr(key_runs, "LARGEST_RUN", largest)
    keys, known = KeyRuns(tmp_path), list[tuple[str, int]]()
    for batch in batches:
        numbers = np.arange(len(known), len(known) + len(batch), dtype=np.int64)
        keys.add(hashes(batch), numbers, -numbers)
        known += zip(batch, numbers.tolist(), strict=True)
    positions, (numbers, negative) = keys.all(hashes(asked), 2)
    found = [(asked[at], n) for at, n in zip(positions.tolist(), numbers.tolist(), strict=True)]
    assert sorted(found) == sorted(pair for pair in known if pair[0] in asked)
    assert (negative.astype(np.int64) == -numbers.astype(np.int64)).all()

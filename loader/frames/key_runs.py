"""Numbers by keys, any number of them, on disk but for a few, so that memory is bounded."""

import mmap
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc

from loader.frames.arrow import as_mask, to_arrow

_HASH_KEYS = ("leadloader-key-1", "leadloader-key-2")

Hashes = npt.NDArray[np.uint64]
"""Shape (2, n): two hashes of each of n keys, both 0 for no key."""
Entries = npt.NDArray[np.uint64]
"""Shape (2 + k, n): hash (sorted by it), second hash, and k values of each of n keys."""

FEW = 2**10
"""Entries that need no file; of such runs there are never more than ten."""

LARGEST_RUN = 2**20
"""In entries: sorted runs of this size are not merged any more, so that memory is bounded."""


FILTER_BITS = 28
"""First bits of a hash by which it is noted that there may be such a key: 32 MiB of notes."""


class _Filter:
    """Notes which hashes there may be, so that few others are looked for in many runs."""

    def __init__(self, runs: "list[_Run]") -> None:
        self._notes = np.zeros((1 << FILTER_BITS) // 8 or 1, np.uint8)
        for run in runs:
            self.add(run.entries[0])
            run.let_go()

    def add(self, hashes: npt.NDArray[np.uint64]) -> None:
        """Note hashes."""
        places, bits = self._places(hashes)
        np.bitwise_or.at(self._notes, places, bits)

    def may_have(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Say of which hashes there may be a key."""
        places, bits = self._places(hashes)
        found: npt.NDArray[np.bool_] = (self._notes[places] & bits) != 0
        return found

    @staticmethod
    def _places(
        hashes: npt.NDArray[np.uint64],
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint8]]:
        first = hashes >> np.uint64(64 - FILTER_BITS)
        bits = np.uint8(1) << (first & np.uint64(7)).astype(np.uint8)
        return (first >> np.uint64(3)).astype(np.intp), bits


class _Run:
    """Entries in an unnamed file, of which memory has what is looked at until `let_go`.

    Few entries are in memory.
    """

    def __init__(self, entries: Entries, places: npt.NDArray[np.intp], folder: Path | None) -> None:
        """Keep the entries that stand at some places, in that order."""
        self._map: mmap.mmap | None = None
        if places.size <= FEW:
            self.entries = entries[:, places]
            return
        with tempfile.TemporaryFile(prefix="keys-", dir=folder) as file:
            for row in entries:
                row[places].tofile(file)
            file.flush()
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.entries = np.frombuffer(self._map, np.uint64).reshape(len(entries), -1)

    @property
    def size(self) -> int:
        """How many entries there are."""
        return int(self.entries.shape[1])

    def let_go(self) -> None:
        """Leave to the system what was looked at: with ten million keys it is most of them."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)


class KeyRuns:
    """Keys with values (64 bits), in sorted runs in unnamed files, which vanish with it.

    Keys are known by their hashes, see `hash_keys`. Sorted runs of similar size are merged, so that
    a look-up searches few of them and each entry is written only a few times.
    """

    def __init__(self, folder: Path | None) -> None:
        """Take the folder of the files; None: the one for temporary files."""
        self._folder = folder
        self._runs: list[_Run] = []
        self._filter: _Filter | None = None
        """Where there are so many keys that it is worth its memory."""

    def add(self, keys: Hashes, *values: npt.NDArray[np.int64]) -> None:
        """Add keys with their values, n of each; keys may repeat."""
        if not keys.size:
            return
        entries = np.stack([*keys, *(value.view(np.uint64) for value in values)])
        while self._runs and self._runs[-1].size <= min(2 * entries.shape[1], LARGEST_RUN):
            entries = _appended(self._runs.pop(), entries)
        # Stable, so that of equal keys the one added first stays first.
        order = np.argsort(entries[0], kind="stable")
        self._runs.append(_Run(entries, order, self._folder))
        if self._filter:
            self._filter.add(keys[0])
        elif self._runs[0].size > LARGEST_RUN:
            self._filter = _Filter(self._runs)

    def first(self, keys: Hashes, values: int) -> npt.NDArray[np.int64]:
        """Find the values that were added first for each key: shape (values, n); -1: none."""
        asked = np.arange(keys.shape[1])
        if self._filter:
            asked = np.flatnonzero(self._filter.may_have(keys[0]))
        # Numbers in their order are found several times as fast in a large run.
        order = asked[np.argsort(keys[0, asked])]
        hashes, other_hashes = keys[:, order]
        found = np.full((values, order.size), -1, dtype=np.int64)
        # The oldest run has what was added first.
        for run in self._runs:
            first_hashes, second_hashes, *of_keys = run.entries
            position = np.minimum(np.searchsorted(first_hashes, hashes), first_hashes.size - 1)
            # What is not looked at is not in memory.
            hit = np.flatnonzero((found[0] < 0) & (first_hashes[position] == hashes))
            hit = hit[second_hashes[position[hit]] == other_hashes[hit]]
            for place, value in enumerate(of_keys):
                found[place, hit] = value[position[hit]].view(np.int64)
            run.let_go()
        in_order = np.full((values, keys.shape[1]), -1, dtype=np.int64)
        in_order[:, order] = found
        return in_order

    def all(self, keys: Hashes, values: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint64]]:
        """Find all that was added for keys: m positions of keys, and shape (values, m)."""
        hashes, other_hashes = keys
        positions, found = [np.empty(0, np.intp)], [np.empty((values, 0), np.uint64)]
        for each in self._runs:
            run = each.entries
            first = np.searchsorted(run[0], hashes)
            count = np.searchsorted(run[0], hashes, side="right") - first
            position = np.repeat(np.arange(hashes.size), count)
            # The entries of each key stand side by side.
            entry = np.arange(count.sum()) + np.repeat(first - (count.cumsum() - count), count)
            same = run[1, entry] == other_hashes[position]
            positions.append(position[same])
            found.append(run[2:, entry[same]])
            each.let_go()
        return np.concatenate(positions), np.concatenate(found, axis=1)

    def keep(self, wanted: Callable[[Entries], npt.NDArray[np.bool_]]) -> None:
        """Keep the entries of each run that are wanted, and no others."""
        kept = []
        for run in self._runs:
            mask = wanted(run.entries)
            if mask.any():
                kept.append(_Run(run.entries, np.flatnonzero(mask), self._folder))
        self._runs = kept


def _appended(run: _Run, entries: Entries) -> Entries:
    """Put entries behind those of a run, with no more in memory than they need."""
    both = np.empty((len(entries), run.size + entries.shape[1]), np.uint64)
    for target, before, more in zip(both, run.entries, entries, strict=True):
        target[: run.size], target[run.size :] = before, more
        run.let_go()
    return both


def hash_keys(keys: "pd.Series[str]") -> Hashes:
    """Give what keys (str; null: none) are known by.

    These are 127 bits of SipHash: the probability that any two of a billion different keys have the
    same is below 1 to 10^20.
    """
    texts = keys.to_numpy(dtype=object)
    is_key = as_mask(pc.is_valid(to_arrow(keys)))
    hashes = np.zeros((len(_HASH_KEYS), len(keys)), dtype=np.uint64)
    for half, hash_key in zip(hashes, _HASH_KEYS, strict=True):
        half[is_key] = pd.util.hash_array(texts[is_key], hash_key=hash_key, categorize=False)
    # 0 means no key.
    hashes[0, is_key] |= np.uint64(1)
    return hashes

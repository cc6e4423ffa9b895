"""Numbers by keys, any number of them, on disk, so that memory is bounded."""

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

_HASH_KEYS = ("leadloader-key-1", "leadloader-key-2")

Entries = npt.NDArray[np.uint64]
"""Shape (2 + k, n): hash (sorted by it), second hash, and k values of each of n keys."""

LARGEST_RUN = 2**21
"""In entries: sorted runs of this size are not merged any more, so that memory is bounded."""


class KeyRuns:
    """Keys (str) with values (64 bits), in sorted runs in unnamed files, which vanish with it.

    Keys are compared by 128 bits of SipHash: the probability that any two of a billion different
    keys are equal is about 1 to 10^21. Sorted runs of similar size are merged, so that a look-up
    searches few of them and each entry is written only a few times.
    """

    def __init__(self, folder: Path | None) -> None:
        """Take the folder of the files; None: the one for temporary files."""
        self._folder = folder
        self._runs: list[Entries] = []

    def add(self, keys: "pd.Series[str]", *values: npt.NDArray[np.int64]) -> None:
        """Add keys (str, not null) with their values, n of each; keys may repeat."""
        if not len(keys):
            return
        entries = np.stack([*_hashes(keys), *(value.astype(np.uint64) for value in values)])
        while self._runs and self._runs[-1].shape[1] <= min(2 * entries.shape[1], LARGEST_RUN):
            entries = np.concatenate([self._runs.pop(), entries], axis=1)
        # Stable, so that of equal keys the one added first stays first.
        self._runs.append(self._write(entries[:, np.argsort(entries[0], kind="stable")]))

    def first(self, keys: "pd.Series[str]", values: int) -> npt.NDArray[np.int64]:
        """Find the values that were added first for each key: shape (values, n); -1: none."""
        hashes, other_hashes = _hashes(keys)
        found = np.full((values, len(keys)), -1, dtype=np.int64)
        # The oldest run has what was added first.
        for first_hashes, second_hashes, *of_keys in self._runs:
            position = np.minimum(np.searchsorted(first_hashes, hashes), first_hashes.size - 1)
            hit = (
                (found[0] < 0)
                & (first_hashes[position] == hashes)
                & (second_hashes[position] == other_hashes)
            )
            for place, value in enumerate(of_keys):
                found[place, hit] = value[position[hit]].astype(np.int64)
        return found

    def all(
        self, keys: "pd.Series[str]", values: int
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint64]]:
        """Find all that was added for keys: m positions of keys, and shape (values, m)."""
        hashes, other_hashes = _hashes(keys)
        positions, found = [np.empty(0, np.intp)], [np.empty((values, 0), np.uint64)]
        for run in self._runs:
            first = np.searchsorted(run[0], hashes)
            count = np.searchsorted(run[0], hashes, side="right") - first
            position = np.repeat(np.arange(len(keys)), count)
            # The entries of each key stand side by side.
            entry = np.arange(count.sum()) + np.repeat(first - (count.cumsum() - count), count)
            same = run[1, entry] == other_hashes[position]
            positions.append(position[same])
            found.append(run[2:, entry[same]])
        return np.concatenate(positions), np.concatenate(found, axis=1)

    def _write(self, entries: Entries) -> Entries:
        with tempfile.TemporaryFile(prefix="keys-", dir=self._folder) as file:
            entries.tofile(file)
            file.flush()
            return np.memmap(file, dtype=np.uint64, mode="r", shape=entries.shape)


def _hashes(keys: "pd.Series[str]") -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    texts = keys.to_numpy(dtype=object)
    first_hashes, second_hashes = (
        pd.util.hash_array(texts, hash_key=key, categorize=False) for key in _HASH_KEYS
    )
    return first_hashes, second_hashes

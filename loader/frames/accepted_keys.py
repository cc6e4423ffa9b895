"""The keys of the rows that a run has accepted so far, on disk, so that memory is bounded."""

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

_HASH_KEYS = ("leadloader-key-1", "leadloader-key-2")

Entries = npt.NDArray[np.uint64]
"""Shape (5, n): hash (sorted by it), second hash, row_number, list_id and phone_code."""

LARGEST_RUN = 2**21
"""In entries: sorted runs of this size are not merged any more, so that memory is bounded."""


class AcceptedKeys:
    """Finds by key the first accepted row of earlier chunks, in the order in which rows were added.

    Keys are compared by 128 bits of SipHash: the probability that any two of a billion different
    keys are equal is about 1 to 10^21. Sorted runs of similar size are merged, so that a look-up
    searches few of them and each entry is written only a few times.
    """

    def __init__(self, folder: Path) -> None:
        """Store the entries in unnamed files in `folder`, which vanish with this object."""
        self._folder = folder
        self._runs: list[Entries] = []

    def add(self, keys: "pd.Series[str]", *values: npt.NDArray[np.int64]) -> None:
        """Add keys (str, not null) with their values; of equal keys the first counts.

        Args:
            keys: n texts.
            values: row_number, list_id and phone_code, n of each.
        """
        if not len(keys):
            return
        entries = np.stack([*_hashes(keys), *(value.astype(np.uint64) for value in values)])
        while self._runs and self._runs[-1].shape[1] <= min(2 * entries.shape[1], LARGEST_RUN):
            entries = np.concatenate([self._runs.pop(), entries], axis=1)
        # Stable, so that of equal keys the one added first stays first.
        self._runs.append(self._write(entries[:, np.argsort(entries[0], kind="stable")]))

    def find(self, keys: "pd.Series[str]") -> npt.NDArray[np.int64]:
        """Find the first row with each key.

        Returns:
            Shape (3, n): row_number, list_id and phone_code; -1 if there is none.
        """
        hashes, other_hashes = _hashes(keys)
        found = np.full((3, len(keys)), -1, dtype=np.int64)
        # The oldest run has the rows that were added first.
        for first_hashes, second_hashes, *values in self._runs:
            position = np.minimum(np.searchsorted(first_hashes, hashes), first_hashes.size - 1)
            hit = (
                (found[0] < 0)
                & (first_hashes[position] == hashes)
                & (second_hashes[position] == other_hashes)
            )
            for place, value in enumerate(values):
                found[place, hit] = value[position[hit]].astype(np.int64)
        return found

    def drop(self, rows: npt.NDArray[np.int64]) -> None:
        """Remove the keys of rows (row_number, int64)."""
        remaining = (run[:, ~np.isin(run[2], rows.astype(np.uint64))] for run in self._runs)
        self._runs = [self._write(run) for run in remaining if run.size]

    def _write(self, entries: Entries) -> Entries:
        with tempfile.TemporaryFile(prefix="accepted-", dir=self._folder) as file:
            entries.tofile(file)
            file.flush()
            return np.memmap(file, dtype=np.uint64, mode="r", shape=entries.shape)


def _hashes(keys: "pd.Series[str]") -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    texts = keys.to_numpy(dtype=object)
    first_hashes, second_hashes = (
        pd.util.hash_array(texts, hash_key=key, categorize=False) for key in _HASH_KEYS
    )
    return first_hashes, second_hashes

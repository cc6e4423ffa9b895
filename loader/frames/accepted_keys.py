"""The keys of the rows accepted so far in a run, on disk, so that a file of any size fits."""

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

_HASH_KEYS = ("leadloader-key-1", "leadloader-key-2")

Entries = npt.NDArray[np.uint64]
"""Of shape (4, n): hash, by which they are sorted, second hash, row_number, list_id."""

LARGEST_RUN = 2**21
"""Entries of a run that is not merged any more, so that memory is bounded."""


class AcceptedKeys:
    """Finds the first accepted row of earlier chunks that offers a key: the one added first.

    Keys are compared by 128 bits of SipHash: two of a billion different keys share them with a
    probability of about 1 to 10^21. Sorted runs are merged when they have grown alike, so that a
    look-up searches few of them and each entry is written a few times only.
    """

    def __init__(self, folder: Path) -> None:
        """Keep the entries in files in a folder; they have no names, and go with this object."""
        self._folder = folder
        self._runs: list[Entries] = []

    def add(
        self, keys: "pd.Series[str]", rows: npt.NDArray[np.int64], lists: npt.NDArray[np.int64]
    ) -> None:
        """Note keys (str, not null) with row_number and list_id; of equal ones the first counts."""
        if not len(keys):
            return
        entries = np.stack([*_hashes(keys), rows.astype(np.uint64), lists.astype(np.uint64)])
        while self._runs and self._runs[-1].shape[1] <= min(2 * entries.shape[1], LARGEST_RUN):
            entries = np.concatenate([self._runs.pop(), entries], axis=1)
        # Stable, so that of equal keys the one added first stays first.
        self._runs.append(self._write(entries[:, np.argsort(entries[0], kind="stable")]))

    def find(self, keys: "pd.Series[str]") -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Give row_number and list_id of the row first added with each key; -1: there is none."""
        hashes, checks = _hashes(keys)
        rows = np.full(len(keys), -1, dtype=np.int64)
        lists = rows.copy()
        # The oldest run has what was added first.
        for known, second, row, list_id in self._runs:
            place = np.minimum(np.searchsorted(known, hashes), known.size - 1)
            hit = (rows < 0) & (known[place] == hashes) & (second[place] == checks)
            rows[hit], lists[hit] = row[place[hit]], list_id[place[hit]]
        return rows, lists

    def drop(self, rows: npt.NDArray[np.int64]) -> None:
        """Forget the keys of some rows."""
        left = (run[:, ~np.isin(run[2], rows.astype(np.uint64))] for run in self._runs)
        self._runs = [self._write(run) for run in left if run.size]

    def _write(self, entries: Entries) -> Entries:
        with tempfile.TemporaryFile(prefix="accepted-", dir=self._folder) as file:
            entries.tofile(file)
            file.flush()
            return np.memmap(file, dtype=np.uint64, mode="r", shape=entries.shape)


def _hashes(keys: "pd.Series[str]") -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    texts = keys.to_numpy(dtype=object)
    first, second = (
        pd.util.hash_array(texts, hash_key=key, categorize=False) for key in _HASH_KEYS
    )
    return first, second

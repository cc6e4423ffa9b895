"""What the duplicate checks know of rejected rows, on disk until all others are settled."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from loader.checks.duplicates_compared import Compared, OfferedKeys
from loader.frames.key_runs import Hashes
from loader.frames.spool import Spool

MOST_READINGS = 3
"""Of the digits of one number: those of `OfferedKeys.asks`."""


class RejectedKeys:
    """The keys that rejected rows ask for, and which of them meet an existing lead."""

    def __init__(self, spool: Spool) -> None:
        """Begin with no rows, in an empty spool."""
        self._spool = spool

    def add(self, rows: pd.Index, compared: Compared, rejected: pd.Index) -> None:
        """Keep what is known of those rows that are rejected.

        Args:
            rows: row numbers.
            compared: of these rows.
            rejected: some of them.
        """
        if not len(rejected) or not compared.keys:
            return
        place = rows.get_indexer(rejected)
        columns = {
            f"{check} {reading} {half}": hashes[half, place]
            for check, keys in enumerate(compared.keys)
            for reading, hashes in enumerate(_padded(keys.asks))
            for half in range(2)
        }
        columns |= {
            f"{check} existing": rejected.isin(found.index)
            for check, found in enumerate(compared.existing)
        }
        self._spool.append(pd.DataFrame(columns, index=rejected))

    def read(self) -> Iterator[tuple[pd.Index, Compared]]:
        """Yield row numbers, and what is known of these rows; of existing leads, whose they are."""
        for frame in self._spool.read():
            checks = range(len(frame.columns) // (2 * MOST_READINGS + 1))
            yield (
                frame.index,
                Compared(
                    tuple(OfferedKeys(_asks(frame, check)) for check in checks),
                    tuple(frame.loc[frame[f"{check} existing"], []] for check in checks),
                ),
            )


def _padded(asks: tuple[Hashes, ...]) -> tuple[Hashes, ...]:
    """Give as many readings for every row as there may be: all frames have the same columns."""
    return asks + (np.zeros_like(asks[0]),) * (MOST_READINGS - len(asks))


def _asks(frame: pd.DataFrame, check: int) -> tuple[Hashes, ...]:
    readings = (
        np.stack([frame[f"{check} {reading} {half}"].to_numpy() for half in range(2)])
        for reading in range(MOST_READINGS)
    )
    return tuple(hashes for hashes in readings if hashes.any())

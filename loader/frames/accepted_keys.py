"""The keys of the rows that a run has accepted so far."""

import numpy as np
import numpy.typing as npt

from loader.frames.key_runs import Hashes, KeyRuns


class AcceptedKeys(KeyRuns):
    """Finds by key the first accepted row of earlier chunks, in the order in which rows were added.

    The values of a key are row_number, list_id and phone_code.
    """

    def find(self, keys: Hashes) -> npt.NDArray[np.int64]:
        """Find the first row with each key.

        Returns:
            Shape (3, n): row_number, list_id and phone_code; -1 if there is none.
        """
        return self.first(keys, 3)

    def drop(self, rows: npt.NDArray[np.int64]) -> None:
        """Remove the keys of rows (row_number, int64)."""
        self.keep(lambda entries: ~np.isin(entries[2], rows.astype(np.uint64)))

"""The last word on rows that passed the checks, right before they are sent."""

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from loader.findings import Findings, no_findings


class Guard:
    """Looks at leads once more, by what the database has now; this one lets all of them in."""

    def turn(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002
        """Wait for other runs that insert; then they wait until the transaction has ended.

        Args:
            connection: of the write; nothing of its transaction is read or written yet.
        """
        return nullcontext()

    def reject_new(
        self,
        leads: pd.DataFrame,  # noqa: ARG002
        stored: npt.NDArray[np.int64],  # noqa: ARG002
    ) -> Findings:
        """Find the new leads that must not go in any more.

        Args:
            leads: as `loader.pipeline.Checks.complete` gave them.
            stored: lead_ids of the rest of their batch.
        """
        return no_findings()

    def reject_changes(self, leads: pd.DataFrame) -> Findings:  # noqa: ARG002
        """Find likewise the rows that must not change existing leads any more."""
        return no_findings()

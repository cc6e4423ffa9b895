"""The checks once more, of rows that are about to be inserted: others have been at work since.

That was seconds ago, or hours if the run was killed in between. Runs that look for duplicates
insert one after the other, a batch at a time. The dialer itself waits for nobody: what it writes
between this look and the end of the batch is not seen.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from loader.checks.settlement import EXISTING_LEAD_ID
from loader.database.connection import Database
from loader.database.locks import Confirm, shared_turn, writing_turn
from loader.extras.rows import ExtraRows
from loader.feeds.feed import Feed
from loader.findings import Findings, no_findings
from loader.pipeline import Checks
from loader.queries.chunk import ChunkQueries
from loader.queries.existing import Ids, IsOwn
from loader.queries.forms import RowForms
from loader.writing.guard import Guard


class Recheck(Guard):
    """Asks the database about a batch what its checks asked about a chunk."""

    def __init__(
        self,
        checks: Checks,
        database: Database,
        before: ChunkQueries,
        own: Callable[[], Ids],
        folder: Path,
        feeds: Sequence[Feed] = (),
    ) -> None:
        """Take the checks and what asked the database for them.

        Args:
            checks: what the leads have passed.
            database: the dialer's.
            before: asked about the same leads before.
            own: gives the lead_ids that the run has inserted so far.
            folder: for what is kept on disk.
            feeds: those that the checks of another process looked into; their own are known.
        """
        self.checks, self.database, self.own = checks, database, own
        self.needs_turns = bool(checks.options.duplicate_checks)
        self.queries = ChunkQueries(
            database, checks.options, checks.dialer, feeds, folder, before=before
        )
        self.forms: RowForms | None = None
        """Of the rows of which the next batches are."""

    def forms_of(self, leads: pd.DataFrame) -> RowForms:
        """Make once what is asked of rows that are inserted in batches; it needs no database."""
        forms = RowForms(leads, self.checks.options)
        if self.checks.needs_recheck:
            self.queries.prepare(forms, leads.index)
        return forms

    def turn(self, connection: Connection) -> AbstractContextManager[None]:
        """Let runs that look for duplicates insert one after the other."""
        if not self.needs_turns:
            return nullcontext()
        return writing_turn(self.database, connection, "insert")

    def shared_turn(self) -> AbstractContextManager[Confirm]:
        """Let runs likewise insert one after the other, over several connections each."""
        if not self.needs_turns:
            return nullcontext(lambda _connection: None)
        return shared_turn(self.database, "insert")

    def reject_new(self, leads: pd.DataFrame, stored: Ids) -> Findings:
        """Find new leads that must not be called, or that are duplicates of others' leads."""

        def is_own(lead_ids: Ids) -> "npt.NDArray[np.bool_]":
            if not len(lead_ids):
                return np.zeros(0, dtype=bool)
            own = np.concatenate([stored, self.own()])
            return np.isin(lead_ids, own)

        return self._reject(leads, is_own=is_own)

    def reject_changes(self, leads: pd.DataFrame) -> Findings:
        """Find rows that must not be called, or are no duplicates of their lead any more."""
        return self._reject(leads, among=leads[EXISTING_LEAD_ID].to_numpy(np.int64))

    def hold_listed(self, leads: pd.DataFrame, extras: list[ExtraRows]) -> list[ExtraRows]:
        """Hold back what comes with stored leads and must not be stored any more."""
        if self.checks.options.dnc_alt_phones not in {"reject", "clear"} or not extras:
            return extras
        return self.checks.hold_listed(leads, extras, self.queries.do_not_call(leads))

    def _reject(
        self, leads: pd.DataFrame, is_own: IsOwn | None = None, among: Ids | None = None
    ) -> Findings:
        if not self.checks.needs_recheck:
            return no_findings()
        answers = self.queries.do_not_call(leads, self.forms)
        found = self.queries.existing_leads(leads, is_own, among, self.forms)
        answers = replace(answers, existing=found.existing, compares=found.compares)
        if among is None and answers.is_empty:
            return no_findings()
        return self.checks.recheck(leads, answers)

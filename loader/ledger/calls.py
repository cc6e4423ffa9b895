"""The calls of a batch of leads that are sent through an API, in the ledger.

What was answered is noted before the next calls are made, and with it which these are: a process
that resumes the run knows which leads may be there without an answer.
"""

import base64
from datetime import datetime
from typing import NamedTuple

import pandas as pd
from sqlalchemy import RowMapping

from loader.api.add_lead_answers import LeadAnswer
from loader.ledger.batches import BatchLedger, Columns, Entry

FINGERPRINT_BYTES = 4


class SentCall(NamedTuple):
    """A call that is about to be made, or was."""

    watermark: int
    """A lead_id that was given out before; 0: none was known."""
    sent_at: datetime
    """UTC."""


class CallEntry(Entry):
    """The entry of a batch; its lead_ids are where those of other batches of new leads are."""

    kind = "new"

    def __init__(self, batch_ledger: BatchLedger, rows: pd.Index) -> None:
        """Take the entry as the ledger has it, or a new one."""
        self.answers: dict[int, LeadAnswer] = {}
        """By row_number."""
        self.unanswered: dict[int, SentCall] = {}
        """Calls that may have been made, by row_number."""
        super().__init__(batch_ledger, batch_ledger.next_number(), rows)

    def take_up(self, found: RowMapping) -> None:  # noqa: ARG002 - its detail is read already
        """Restore what a process before this one noted."""
        answers, calls = self.detail.get("answers", {}), self.detail.get("calls", {})
        self.answers = {int(row): LeadAnswer.of(noted) for row, noted in answers.items()}
        self.unanswered = {
            int(row): SentCall(watermark, datetime.fromisoformat(sent_at))
            for row, (watermark, sent_at) in calls.items()
        }

    def answered(self, row: int, answer: LeadAnswer) -> None:
        """Take an answer; `note` writes it."""
        self.answers[row] = answer
        self.unanswered.pop(row, None)

    def note(self) -> None:
        """Write all answers, and the calls without one.

        Raises:
            BusyError: another process has taken over the run.
        """
        added = {row: it.lead_id for row, it in self.answers.items() if not it.reason}
        no_prints = base64.b64encode(bytes(FINGERPRINT_BYTES * len(added))).decode()
        self.detail = {
            "lead_ids": [[row, lead_id, 1] for row, lead_id in added.items()],
            "fingerprints": no_prints,
            "answers": {str(row): it.as_dict() for row, it in self.answers.items()},
            "calls": {
                str(row): (call.watermark, call.sent_at.isoformat())
                for row, call in self.unanswered.items()
            },
        }
        is_done = len(self.answers) == self._columns["row_count"]
        columns: Columns = {"state": "stored" if is_done else "sent"}
        if added:
            columns |= {"first_lead_id": min(added.values()), "last_lead_id": max(added.values())}
        self.write_alone(columns)

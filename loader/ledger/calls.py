"""The calls of a batch of leads that are sent through an API.

The ledger has an entry of the batch before its first call, and what became of it after the last.
In between a file has each call before it is made, and each answer before the next call: a process
that resumes the run knows which leads may be there without an answer. What is written to the file
outlives the process; to outlive the machine it would have to wait for the disk at every call. So
after a start of the machine all that has no answer there may have been sent.
"""

import base64
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

import pandas as pd
from sqlalchemy import Connection, RowMapping, select, update

from loader.api.add_lead_answers import LeadAnswer
from loader.clock import moment_text
from loader.ledger import tables
from loader.ledger.batches import BatchLedger, Columns, Entry
from loader.ledger.runs import Ledger

FINGERPRINT_BYTES = 4

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Has another text after each start of the machine."""


class SentCall(NamedTuple):
    """A call that is about to be made, or was."""

    watermark: int
    """A lead_id that was given out before; 0: none was known."""
    sent_at: datetime
    """UTC."""


class CallEntry(Entry):
    """The entry of a batch; its lead_ids are where those of other batches of new leads are."""

    kind = "new"

    def __init__(self, batch_ledger: BatchLedger, rows: pd.Index, path: Path) -> None:
        """Take the entry as the ledger and the file at a path have it, or a new one."""
        self.answers: dict[int, LeadAnswer] = {}
        """By row_number."""
        self.unanswered: dict[int, SentCall] = {}
        """Calls that may have been made, by row_number."""
        self._rows, self._path = rows, path
        self._file: IO[bytes] | None = None
        super().__init__(batch_ledger, rows)

    def take_up(self, found: RowMapping) -> None:
        """Restore what a process before this one noted."""
        noted = self.detail.get("answers", {})
        self.answers = {int(row): LeadAnswer.of(answer) for row, answer in noted.items()}
        if found["state"] == "stored":
            return
        for row, kind, value in self._lines():
            if kind == "answer":
                self.answers[row] = LeadAnswer.of(value)
                self.unanswered.pop(row, None)
            else:
                self.unanswered[row] = SentCall(value[0], datetime.fromisoformat(value[1]))
        if self.detail.get("boot") != _boot() or not self._path.exists():
            moment = datetime.fromisoformat(found["moment"]).replace(tzinfo=UTC)
            left = self._rows.difference([*self.answers, *self.unanswered])
            self.unanswered |= dict.fromkeys(left, SentCall(found["watermark"], moment))

    def start(self, watermark: int) -> None:
        """Write that calls are made from now on, of which a lead_id is known that was before.

        Raises:
            BusyError: another process has taken over the run.
        """
        if not self.is_there:
            self._path.write_bytes(self._head)
            self.detail = {"boot": _boot()}
            now = moment_text(datetime.now(UTC))
            self.write_alone({"state": "sent", "moment": now, "watermark": watermark})
        self._file = self._path.open("ab", buffering=0)

    def note(
        self, answers: Iterable[tuple[int, LeadAnswer]], calls: Iterable[tuple[int, SentCall]]
    ) -> None:
        """Note answers that came, and calls that are about to be made, by row_number."""
        lines: list[tuple[int, str, Any]] = []
        for row, answer in answers:
            self.answers[row] = answer
            self.unanswered.pop(row, None)
            lines.append((row, "answer", answer.as_dict()))
        for row, call in calls:
            self.unanswered[row] = call
            lines.append((row, "call", (call.watermark, call.sent_at.isoformat())))
        if lines and self._file:
            self._file.write("".join(f"{json.dumps(line)}\n" for line in lines).encode())

    def end(self) -> None:
        """Write what became of the batch, as far as it is known.

        Raises:
            BusyError: another process has taken over the run.
        """
        if self._file:
            self._file.close()
        added = {row: it.lead_id for row, it in self.answers.items() if not it.reason}
        no_prints = base64.b64encode(bytes(FINGERPRINT_BYTES * len(added))).decode()
        self.detail |= {
            "lead_ids": [[row, lead_id, 1] for row, lead_id in sorted(added.items())],
            "fingerprints": no_prints,
            "answers": {str(row): it.as_dict() for row, it in self.answers.items()},
        }
        is_done = len(self.answers) == len(self._rows)
        columns: Columns = {"state": "stored" if is_done else "sent"}
        if added:
            columns |= {"first_lead_id": min(added.values()), "last_lead_id": max(added.values())}
        self.write_alone(columns)

    @property
    def _head(self) -> bytes:
        """The first line of the file, which says of which batch it is."""
        return f"{json.dumps([self.batch_ledger.run, self.number])}\n".encode()

    def _lines(self) -> Iterator[tuple[int, str, Any]]:
        """Read the file, if it is of this batch; a line that was broken off is none."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        head, *lines = content.split(b"\n")[:-1]
        if head + b"\n" == self._head:
            yield from (json.loads(line) for line in lines)


def _boot() -> str:
    """Tell the starts of the machine apart; what cannot be told apart is another one."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except OSError:
        return os.urandom(8).hex()


def forget_answers(ledger: Ledger, run: str) -> None:
    """Keep of the answers to a run that is done the lead_ids alone: they name persons."""
    batches = tables.batches
    its = select(batches.c.number, batches.c.detail).where(batches.c.run == run)

    def write(connection: Connection) -> None:
        for number, noted in connection.execute(its).all():
            detail = {name: it for name, it in json.loads(noted).items() if name != "answers"}
            entry = update(batches).where(batches.c.run == run, batches.c.number == number)
            connection.execute(entry.values(detail=json.dumps(detail)))

    ledger.database.write(write)

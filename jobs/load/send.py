"""What passed the checks through the API of another dialer, call by call."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from queue import Empty, Queue
from typing import Any, NamedTuple

import pandas as pd

from jobs.load.checkpoint import Checkpoint
from jobs.load.rounds import WriteStage
from jobs.load.run import ImportContext
from loader.api.add_lead import DETAILS
from loader.api.add_lead_answers import LeadAnswer
from loader.errors import LoaderError
from loader.fields.lead import CUSTOM_PREFIX, usual_names
from loader.findings import FINDING_TYPES, Findings, Notices, join_frames, no_findings, notices
from loader.frames.collation import fold_text
from loader.frames.spool import Spool
from loader.ledger.batches import BatchLedger
from loader.ledger.calls import CallEntry, SentCall
from loader.notices import Notice
from loader.options.duplicate_check import Kind
from loader.reasons import Reason
from loader.remote.calls import Caller
from loader.remote.leads import LeadCall, LeadSender
from loader.remote.target import Target
from loader.signals import defer_signals

CALLS_PER_BATCH = 500
"""Before and after them the ledger waits for the disk, and few calls are made at the end."""

A_WAIT = 0.2
"""Seconds after which a signal that came in a wait is heard."""

CALLS = "calls.jsonl"
"""File of the calls of the batch that is being sent, see `CallEntry`."""

ALONE = 20
"""Calls that are made one at a time until a lead_id is known: of one whose answer is lost before
that, nobody could tell whether the lead that is found is its own."""

LAST_DIGITS = 7
"""In which all forms of a number are the same."""

ANSWERED = {
    *DETAILS, Notice.NO_TIME_ZONE, Notice.TIME_ZONE_OF_NUMBER, Notice.AMBIGUOUS_TIME_ZONE,
}  # fmt: skip
"""What the other dialer decides, whatever was noticed here."""


class _Waiting(NamedTuple):
    """A call that waits for its turn."""

    call: LeadCall
    keys: frozenset[str]
    """It is not made while another one with one of them is, or waits before it."""


class _Batch(NamedTuple):
    """Leads of which calls are made."""

    leads: pd.DataFrame
    notices: Notices
    entry: CallEntry


class SendStage(WriteStage):
    """The calls of one run."""

    def __init__(
        self, run: ImportContext, target: Target, checkpoint: Checkpoint, ledger: BatchLedger
    ) -> None:
        """Take a run, where its leads go, what its checks decided, and the entries of batches.

        Raises:
            ConfigurationError: the target's certificates cannot be used.
        """
        super().__init__(run, checkpoint)
        self._ledger, self._target = ledger, target
        self._begun = iter(ledger.begun)
        self._caller = Caller(target)
        self._sender = LeadSender(self._caller, run.options)
        self._threads = ThreadPoolExecutor(target.concurrency)
        self._came: Queue[tuple[int, LeadAnswer | Exception]] = Queue()
        self._flying: dict[int, frozenset[str]] = {}
        """Keys of the calls that are being made, by row_number."""
        self._watermark = self._answered = 0
        self._batch: _Batch | None = None
        self._rejected: dict[int, LeadAnswer] = {}
        """Of this round, by row_number."""

    def write_all(self) -> LoaderError | KeyboardInterrupt | None:
        """Make the calls, see `WriteStage.write_all`."""
        with closing(self._caller):
            return super().write_all()

    def write_rounds(self) -> None:
        """Make the calls by several threads; when one fails, those that are being made end."""
        with self._threads:
            try:
                super().write_rounds()
            finally:
                self._caller.end()

    def write(self, waiting: Spool) -> None:
        """Make the calls of a round."""
        self.run.seconds.lap("results")
        for leads, noticed in waiting.read_with_notes():
            for batch in self._cut(leads):
                self._send(batch, noticed[noticed.index.isin(batch.index)])
                self.run.seconds.lap("insert")
                loaded = self.run.tally.loaded
                self.run.watchers.progress("insert", loaded, loaded / waiting.rows)

    def _cut(self, leads: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Cut leads into batches: those that were begun before as they were."""
        place = 0
        while place < len(leads):
            size = next(self._begun, CALLS_PER_BATCH)
            yield leads[place : place + size]
            place += size

    def _send(self, leads: pd.DataFrame, noticed: Notices) -> None:
        entry = CallEntry(self._ledger, leads.index, self.run.files.work / CALLS)
        self._batch = _Batch(leads, noticed, entry)
        for answer in entry.answers.values():
            self._see(answer)
        if waiting := deque(self._calls(leads, entry)):
            entry.start(self._watermark)
        while waiting or self._flying:
            calls = self._next(waiting)
            now = datetime.now(UTC)
            sent = [(call.row, SentCall(call.watermark, call.sent_at or now)) for call in calls]
            entry.note((), sent)
            for call in calls:
                self._threads.submit(self._make, call)
            self._take(entry)
        self._finish_batch()

    def _calls(self, leads: pd.DataFrame, entry: CallEntry) -> Iterator[_Waiting]:
        """Give the calls of leads without an answer, in the order of the file."""
        left = leads[~leads.index.isin([*entry.answers])]
        rows = left.assign(list_id=left["list_id_given"])
        columns = map(str, rows)
        names = [it for it in columns if it in usual_names() or it.startswith(CUSTOM_PREFIX)]
        kinds = {check.kind for check in self.options.duplicate_checks}
        for row, lead in zip(left.index, rows[names].to_dict("records"), strict=True):
            sent = entry.unanswered.get(row)
            call = LeadCall(int(row), {str(name): str(value) for name, value in lead.items()})
            if sent:
                call = replace(call, watermark=sent.watermark, sent_at=sent.sent_at)
            yield _Waiting(call, keys_of(call.lead, kinds))

    def _next(self, waiting: deque[_Waiting]) -> list[LeadCall]:
        """Take the calls that can be made now."""
        is_alone = not self._watermark and self._answered < ALONE
        room = (1 if is_alone else self._target.concurrency) - len(self._flying)
        busy = set().union(*self._flying.values())
        calls: list[LeadCall] = []
        skipped: list[_Waiting] = []
        while waiting and len(calls) < room:
            each = waiting.popleft()
            if busy & each.keys:
                skipped.append(each)
            else:
                call = each.call
                calls.append(call if call.sent_at else replace(call, watermark=self._watermark))
                self._flying[call.row] = each.keys
            busy |= each.keys
        waiting.extendleft(reversed(skipped))
        return calls

    def _make(self, call: LeadCall) -> None:
        """Make a call, in a thread."""
        try:
            self._came.put((call.row, self._sender.send(call)))
        except Exception as error:  # noqa: BLE001 - the main thread raises it
            self._came.put((call.row, error))

    def _take(self, entry: CallEntry) -> None:
        """Wait for an answer, and take all that there are; then raise what ended a call."""
        came: list[tuple[int, LeadAnswer | Exception]] = []
        while not came:
            # An answer that is taken off the queue is noted, whatever signal comes in between.
            with defer_signals():
                if came := [*self._come(A_WAIT)]:
                    self._note(entry, came)
        for _, answer in came:
            if isinstance(answer, Exception):
                raise answer

    def _come(self, seconds: float = 0.0) -> Iterator[tuple[int, LeadAnswer | Exception]]:
        """Give what has come; wait so long for the first of it."""
        with suppress(Empty):
            if seconds:
                yield self._came.get(timeout=seconds)
            while True:
                yield self._came.get_nowait()

    def _note(self, entry: CallEntry, came: Iterable[tuple[int, LeadAnswer | Exception]]) -> None:
        """Note what was answered."""
        answers = []
        for row, answer in came:
            self._flying.pop(row, None)
            if not isinstance(answer, Exception):
                answers.append((row, answer))
                self._see(answer)
        entry.note(answers, ())

    def _see(self, answer: LeadAnswer) -> None:
        self._answered += 1
        self._watermark = max(self._watermark, answer.lead_id)

    def _finish_batch(self) -> None:
        """Note what became of the rows of the batch, as far as it is known."""
        if self._batch is None:
            return
        with defer_signals():
            (leads, noticed, entry), self._batch = self._batch, None
            entry.end()
            self._rejected |= {row: it for row, it in entry.answers.items() if it.reason}
            added = {row: it for row, it in sorted(entry.answers.items()) if not it.reason}
            if added:
                leads = leads.loc[[*added]]
                ids = pd.Series({row: it.lead_id for row, it in added.items()}, dtype="int64")
                self.run.load(_placed(leads, added), _noticed(noticed, added), ids)

    def take_found(self) -> tuple[Findings, set[int]]:
        """Take the rows that were rejected; of those in doubt a lead may be there."""
        rejected, self._rejected = self._rejected, {}
        not_in = {row for row, it in rejected.items() if it.reason != Reason.IN_DOUBT}
        return findings_of(rejected), not_in

    def give_up(self) -> None:
        """Note the answers that came while the others ended."""
        if self._batch is not None:
            self._note(self._batch.entry, self._come())
            self._finish_batch()
        self.reject(self.take_found()[0])


def keys_of(lead: Mapping[str, str], kinds: Iterable[Kind]) -> frozenset[str]:
    """Give what leads have in common whose order matters: numbers, and what checks compare.

    Some that are different may have a key in common; none that a check finds equal have none.
    """
    keys = {lead["phone_number"][-LAST_DIGITS:]}
    alt_phone = lead.get("alt_phone", "")
    if Kind.PHONEALT in kinds and alt_phone:
        keys.add(alt_phone[-LAST_DIGITS:])
    if Kind.TITLEALTPHONE in kinds:
        keys.add(f"{fold_text(lead.get('title', ''))} {alt_phone}")
    return frozenset(keys)


def findings_of(answers: Mapping[int, LeadAnswer]) -> Findings:
    """Give the findings about rows that were rejected, by row_number."""
    if not answers:
        return no_findings()
    in_order = sorted(answers.items())
    rows = [_finding(answer) for _, answer in in_order]
    found = pd.DataFrame(rows, index=pd.Index([row for row, _ in in_order], dtype="int64"))
    return found.reindex(columns=list(FINDING_TYPES)).astype(FINDING_TYPES)


def _finding(answer: LeadAnswer) -> dict[str, Any]:
    reason = Reason[answer.reason]
    found: dict[str, Any] = {"reason": reason.value, "answer": "", "answer_tail": ""}
    if reason.answer and reason is not Reason.REFUSED_BY_SERVER:  # that one has the statement
        found |= {"answer": answer.answer, "answer_tail": answer.answer_tail}
    if reason.likeness:
        is_of_list = reason.endswith("_IN_LIST")
        found["list_id"] = (answer.answer if is_of_list else answer.answer_tail).split("|")[
            -2 if is_of_list else 1
        ]
    return found | {"lead_id": answer.lead_id or None}


def _placed(leads: pd.DataFrame, added: Mapping[int, LeadAnswer]) -> pd.DataFrame:
    """Give leads the time zone that the other dialer found."""
    offsets = {row: float(it.offset) for row, it in added.items() if it.offset}
    found = pd.Series(offsets, dtype="float64").reindex(leads.index)
    return leads.assign(gmt_offset_now=found.fillna(leads["gmt_offset_now"]))


def _noticed(noticed: Notices, added: Mapping[int, LeadAnswer]) -> Notices:
    """Give what was noticed here of rows that were added, and what was answered."""
    own = noticed[noticed.index.isin([*added]) & ~noticed["notice"].isin(ANSWERED)]
    rows = [row for row, it in added.items() for _ in it.notices]
    answered = pd.DataFrame(
        [notice for it in added.values() for notice in it.notices],
        index=pd.Index(rows, dtype="int64"), columns=None if rows else ["notice"],
    ).astype("str")  # fmt: skip
    zoneless = pd.Index([row for row, it in added.items() if it.offset == ""], dtype="int64")
    return join_frames([own, answered, notices(zoneless, Notice.NO_TIME_ZONE)])

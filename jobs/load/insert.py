"""What passed the checks into the database, batch by batch, with an account of every row."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import pandas as pd

from jobs.load.batches import Batches
from jobs.load.checkpoint import Checkpoint
from jobs.load.lanes import Lanes
from jobs.load.recheck import Recheck
from jobs.load.rounds import WriteStage
from jobs.load.run import ImportContext
from jobs.pace import Pace
from loader.checks.settlement import EXISTING_LEAD_ID
from loader.database.connection import Database
from loader.dialer import LEADS
from loader.engines.lookahead import look_ahead
from loader.errors import LoaderError
from loader.extras.rows import ExtraRows
from loader.findings import (
    AT_INSERT,
    Findings,
    Notices,
    findings,
    join_findings,
    no_findings,
    no_notices,
)
from loader.frames.spool import Spool
from loader.ledger.batches import BatchLedger
from loader.ledger.changes import ChangeEntry
from loader.ledger.leads import LeadEntry
from loader.queries.forms import RowForms
from loader.reasons import Reason
from loader.results.files import REJECTED
from loader.results.lines import count_of
from loader.signals import defer_signals
from loader.writing.batch import Inserted
from loader.writing.changes import Updated
from loader.writing.extras import ExtraInserter, InsertedExtra
from loader.writing.fingerprints import read_fingerprints
from loader.writing.leads import LeadInserter
from loader.writing.notices import changed_by_server, of_changes, with_stored_extra, without_extras
from loader.writing.updates import LeadUpdater
from loader.writing.writer import Writer


class InsertStage(WriteStage):
    """The insert of one run: leads, what comes with them, and changes of existing leads."""

    def __init__(
        self,
        run: ImportContext,
        database: Database,
        checkpoint: Checkpoint,
        ledger: BatchLedger,
        pace: Pace,
    ) -> None:
        """Take a run, what its checks decided, the entries of the batches, and their pace."""
        super().__init__(run, checkpoint)
        self.ledger = ledger
        writer = Writer(database)
        self.recheck = Recheck(
            run.checks, database, run.queries, run.loaded_ids, run.files.work,
            # Those that this process has read are those that its own checks looked into.
            feeds=run.feeds if checkpoint.is_restored else (),
        )  # fmt: skip
        self.lanes = Lanes(run, database, ledger, self.recheck)
        self.batches = Batches(pace, ledger, [writer, *self.lanes.writers])
        self.inserter = LeadInserter(database, run.dialer.columns, writer, self.recheck)
        self.extras = ExtraInserter(database, writer, run.dialer.columns)
        self.updater = LeadUpdater(
            database, run.dialer.columns, self.recheck, is_atomic=ledger.is_atomic(LEADS)
        )
        self.batch = NO_BATCH
        """The one on its way in, which the results do not have yet."""
        self.ahead: deque[tuple[_Batch, LeadEntry]] = deque()
        """Those that come next; of some it is noted already that they are in."""
        self.refused: dict[int, int] = {}
        """The server's error codes by row_number."""
        self.doubtful: dict[int, int] = {}
        """The lead_ids that rows in doubt may have had, by row_number."""
        self.missed: list[int] = []
        """Rows whose existing lead went away or was being changed."""
        self.rejected = no_findings()
        """Rows that were found at the insert not to pass any more."""
        self._ever_rejected = 0

    def said_at_the_end(self) -> list[str]:
        """Say which rows were rejected late, and what was waited for."""
        said = []
        if self._ever_rejected:
            rows = count_of(self._ever_rejected, "row")
            said.append(
                f"{rows} passed the checks, and not the same checks when it came to the insert: "
                f"others were at work in between ({REJECTED} has found={AT_INSERT} in the details)"
            )
        return said + [
            f"the insert waited {seconds:.0f} s: {reason}"
            for reason, seconds in self.batches.pace.seconds_waited.items()
        ]

    def write_rounds(self) -> None:
        """Insert, over several connections if there are any."""
        with self.lanes:
            super().write_rounds()

    def write(self, waiting: Spool) -> None:
        """Insert the leads of a round."""
        self.run.seconds.lap("results")
        with closing(look_ahead(self._prepared(waiting))) as chunks:
            for chunk in chunks:
                self._insert_chunk(chunk, waiting)

    def _prepared(self, waiting: Spool) -> Iterator["_Chunk"]:
        """Read what waits, and make what will be asked of it."""
        for leads, noticed in waiting.read_with_notes():
            yield _Chunk(leads, noticed, self.recheck.forms_of(leads))

    def _insert_chunk(self, chunk: "_Chunk", waiting: Spool) -> None:
        leads, noticed, self.recheck.forms = chunk
        changing = leads[EXISTING_LEAD_ID].notna() if EXISTING_LEAD_ID in leads else None
        new = leads if changing is None else leads[~changing]
        for batches in self.batches.cut(new, self.lanes.count):
            self._send_ahead(batches, noticed)
            while self.ahead:
                self._insert_new(*self.ahead.popleft())
                self._say_how_far(waiting)
        if changing is not None:
            changes = leads[changing].astype({EXISTING_LEAD_ID: "int64"})
            for (batch,) in self.batches.cut(changes):
                self._change(batch, noticed)
                self._say_how_far(waiting)

    def _say_how_far(self, waiting: Spool) -> None:
        self.run.seconds.lap("insert")
        loaded = self.run.tally.loaded
        self.run.watchers.progress("insert", loaded, loaded / waiting.rows)

    def _send_ahead(self, batches: Sequence[pd.DataFrame], noticed: Notices) -> None:
        """Begin batches, and send them at the same time if there are several connections."""
        entries = [LeadEntry(self.ledger, each.index, self.inserter.database) for each in batches]
        for leads, entry in zip(batches, entries, strict=True):
            self.ahead.append((_Batch.of(leads, noticed), entry))
        self.lanes.send(batches, entries)

    def _insert_new(self, batch: "_Batch", entry: LeadEntry) -> None:
        self.batch = batch
        inserted = self.inserter.insert(batch.leads, self.options.user, entry)
        self.refused |= inserted.refused
        self.doubtful |= inserted.doubtful
        self.rejected = join_findings(self.rejected, inserted.rejected)
        self.batch = self._insert_extras(self._stored(inserted), entry)
        entry.write_extras()
        self._finish_batch()

    def _finish_batch(self) -> None:
        """Note the leads of the batch that are stored."""
        with defer_signals():
            leads, noticed = self.batch
            self.run.load(leads, noticed, leads["lead_id"])
            self.batch = NO_BATCH

    def _stored(self, last: Inserted) -> "_Batch":
        """Give the leads of the batch that are stored, as far as is known, with their lead_id."""
        ids = last.lead_ids.reindex(self.batch.leads.index).dropna().astype("int64")
        leads = self.batch.leads.loc[ids.index].assign(lead_id=ids)
        rows = ids.index[ids.index.isin(last.changed)]
        found = [each for each in last.differences if each.row in rows]
        changed = changed_by_server(rows, found)
        return _Batch.of(leads, pd.concat([self.batch.notices, changed]))

    def _insert_extras(self, batch: "_Batch", entry: LeadEntry) -> "_Batch":
        """Insert what comes with stored leads; give them with notices of what became of it."""
        (leads, noticed), waiting = batch, list(self.checks.extra_rows(batch.leads))
        if entry.is_late:
            waiting = self.recheck.hold_listed(leads, waiting)
        while waiting:
            extra = waiting.pop(0)
            try:
                stored = self._insert_extra(extra, entry)
            except (LoaderError, KeyboardInterrupt):
                noticed = with_stored_extra(noticed, extra, self.extras.last)
                self.batch = _Batch(leads, without_extras(noticed, waiting))
                raise
            noticed = with_stored_extra(noticed, extra, stored)
        return _Batch(leads, noticed)

    def _insert_extra(self, extra: ExtraRows, entry: LeadEntry) -> InsertedExtra:
        known = entry.known_extra(extra.table)
        if known is None:
            known = self.extras.insert(extra, entry.extra_log(extra.table))
            if known.refused and extra.unless_stored:
                ids = extra.rows["lead_id"][extra.rows.index.isin([*known.refused])].unique()
                inserter = self.inserter
                entry.set_back(read_fingerprints(inserter.database, ids, inserter.columns))
            entry.note_extra(extra.table, known)
        return known

    def _change(self, leads: pd.DataFrame, noticed: Notices) -> None:
        self.batch = _Batch.of(leads, noticed)
        entry = ChangeEntry(self.ledger, leads.index)
        updated = self.updater.update(leads, self.options, self.checks.given_fields, entry)
        with defer_signals():
            self._note_changes(updated)
            self.batch = NO_BATCH

    def _note_changes(self, updated: Updated) -> None:
        self.refused |= updated.refused
        self.missed += [*updated.gone, *updated.contended]
        self.rejected = join_findings(self.rejected, updated.rejected)
        known = updated.changes.index.union([*updated.unchanged])
        leads = self.batch.leads
        leads = leads.loc[leads.index.isin(known)]
        noticed = [
            self.batch.notices,
            of_changes(leads.index, updated.changes),
            changed_by_server(
                leads.index[leads.index.isin(updated.changed)],
                [each for each in updated.differences if each.row in leads.index],
            ),
        ]
        self.run.change(*_Batch.of(leads, pd.concat(noticed)), updated.changes)

    def take_found(self) -> tuple[Findings, set[int]]:
        """Take what was found in a round; and the rows of it that make no other one a duplicate."""
        codes = pd.Series(self.refused, dtype="int64").sort_index()
        ids = pd.Series(self.doubtful, dtype="Int64").sort_index()
        in_doubt = findings(ids.index, Reason.IN_DOUBT)
        if len(in_doubt):
            in_doubt["lead_id"] = ids.mask(ids == 0)
        found = [
            findings(codes.index, Reason.REFUSED_BY_SERVER, error=codes.astype("str")),
            findings(pd.Index(sorted(self.missed), dtype="int64"), Reason.EXISTING_LEAD_GONE),
            in_doubt,
            self.rejected,
        ]
        not_in = {*self.refused, *self.rejected.index.tolist()}
        self._ever_rejected += len(self.rejected)
        self.refused, self.doubtful, self.missed, self.rejected = {}, {}, [], no_findings()
        return pd.concat(found).sort_index(), not_in

    def _leave_out_extras(self, last: Inserted) -> None:
        """Take of the batch the leads that are stored, and nothing that comes with them."""
        leads, noticed = self._stored(last)
        self.batch = _Batch(leads, without_extras(noticed, self.checks.extra_rows(leads)))

    def give_up(self) -> None:
        """Note all that is known of batches on their way."""
        run, leads = self.run, self.batch.leads
        if EXISTING_LEAD_ID in leads and leads[EXISTING_LEAD_ID].notna().any():
            self._note_changes(self.updater.last)
            # They may have happened: who looks after the leads has to know the old values.
            run.files.change(self.updater.last.in_doubt)
        elif len(leads):
            if "lead_id" not in leads:
                # The insert of the leads itself ended, and nothing that comes with them was sent.
                self._leave_out_extras(self.inserter.last)
            self._finish_batch()
        while self.ahead:
            self.batch, entry = self.ahead.popleft()
            self._leave_out_extras(entry.known)
            self._finish_batch()


class _Chunk(NamedTuple):
    """Leads that passed the checks, and what the database is asked about them."""

    leads: pd.DataFrame
    notices: Notices
    forms: RowForms


class _Batch(NamedTuple):
    """Leads on their way in."""

    leads: pd.DataFrame
    """With column lead_id (int64) once all is known of them."""
    notices: Notices

    @classmethod
    def of(cls, leads: pd.DataFrame, notices: Notices) -> "_Batch":
        """Take leads, and of the notices theirs."""
        return cls(leads, notices[notices.index.isin(leads.index)])


NO_BATCH = _Batch(pd.DataFrame(), no_notices())

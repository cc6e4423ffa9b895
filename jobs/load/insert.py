"""What passed the checks into the database, batch by batch, with an account of every row."""

from collections import Counter
from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd

from jobs.load.check import CheckStage
from jobs.load.checkpoint import Checkpoint
from jobs.load.run import ImportContext
from loader.database.connection import Database
from loader.errors import BusyError, LoaderError, NoSuchFileError, SourceFileError
from loader.extras.rows import ExtraRows
from loader.findings import findings
from loader.frames.arrow import counts
from loader.frames.spool import Spool
from loader.ledger.batches import BatchLedger, LeadEntry
from loader.pipeline import EXISTING_LEAD_ID, Checks
from loader.reasons import Notice, Reason
from loader.results.files import REJECTED
from loader.signals import defer_signals
from loader.writing.changes import Updated
from loader.writing.extras import ExtraInserter, InsertedExtra
from loader.writing.fingerprints import read_fingerprints
from loader.writing.leads import LeadInserter
from loader.writing.updates import LeadUpdater
from loader.writing.writer import Writer


class InsertStage:
    """The insert of one run: leads, what comes with them, and changes of existing leads."""

    def __init__(
        self,
        run: ImportContext,
        checks: Checks,
        database: Database,
        plan: Checkpoint,
        journal: BatchLedger,
    ) -> None:
        """Take what has checked the file, what it decided, and the entries of the batches."""
        self.run, self.checks, self.options = run, checks, run.options
        self.plan, self.journal = plan, journal
        writer = Writer(database)
        self.inserter = LeadInserter(database, run.dialer.columns, writer)
        self.extras = ExtraInserter(database, writer, run.dialer.columns)
        self.updater = LeadUpdater(database, run.dialer.columns)
        self.batch = pd.DataFrame(columns=["notices", "number_type", "region"], dtype="str")
        """The one on its way in, which the results do not have yet."""
        self.refused: dict[int, int] = {}
        """The server's error codes by row_number."""
        self._ever_refused: set[int] = set()
        self.missed: list[int] = []
        """Rows whose existing lead went away or was being changed."""

    def insert_all(self) -> LoaderError | KeyboardInterrupt | None:
        """Insert what waits.

        Returns:
            What ended the insert before its time; the results account for every row all the same.

        Raises:
            BusyError: another process has taken the run over, and accounts for it.
            SourceFileError: the source file has changed, so nobody can account for its rows.
            NoSuchFileError: likewise, or is not there any more.
        """
        try:
            self._insert_rounds()
        except BusyError:
            raise  # the results are another process's now
        except (LoaderError, KeyboardInterrupt) as error:
            self.run.gathering.ask_no_more()
            try:
                self._give_up()
            except (SourceFileError, NoSuchFileError) as gone:
                raise type(gone)(
                    f"{gone}; {self._so_far()}: put the file back as it was, and the same command "
                    "loads the others"
                ) from None
            if isinstance(error, KeyboardInterrupt):
                return error
            return type(error)(
                f"{error}; {self._so_far()}, {REJECTED} in {self.run.files.folder} has the others: "
                "the same command loads them"
            )
        return None

    def _so_far(self) -> str:
        tally = self.run.tally
        return f"{tally.loaded} of {tally.rows_read} rows were loaded so far"

    def _insert_rounds(self) -> None:
        """Insert what passed the checks; then what were duplicates of rows that were refused."""
        done = 0
        while done < len(self.plan.rounds):
            self._insert(self.plan.rounds[done])
            done += 1
            refused, self.refused = self.refused, {}
            self._ever_refused.update(refused)
            missed, self.missed = self.missed, []
            # If there is a next round already, all this was done before it.
            if (refused or missed) and done == len(self.plan.rounds):
                self._reject(refused, missed)
                self._check_again(refused)

    def _insert(self, waiting: Spool) -> None:
        """Insert batch by batch."""
        lap, progress = self.checks.seconds.lap, self.run.watchers.progress
        for batch in waiting.read(self.options.batch_size):
            lap("results")
            changing = batch[EXISTING_LEAD_ID].notna() if EXISTING_LEAD_ID in batch else None
            new = batch if changing is None else batch[~changing]
            if len(new):
                self._insert_new(new)
            if changing is not None and changing.any():
                self._change(batch[changing].astype({EXISTING_LEAD_ID: "int64"}))
            lap("insert")
            loaded = self.run.tally.loaded
            progress("insert", loaded, loaded / waiting.rows)

    def _insert_new(self, leads: pd.DataFrame) -> None:
        self.batch = leads
        entry = self.journal.leads(leads.index)
        inserted = self.inserter.insert(leads, self.options.user, entry)
        self.refused |= inserted.refused
        self.batch = self._insert_extras(self._stored(), entry)
        entry.write_extras()
        with defer_signals():
            self.run.load(self.batch, self.batch["lead_id"])
            self.batch = self.batch.iloc[:0]

    def _stored(self) -> pd.DataFrame:
        """Give the leads of the batch that are stored, as far as is known, with their lead_id."""
        last = self.inserter.last
        ids = last.lead_ids.reindex(self.batch.index).dropna().astype("int64")
        stored = with_notice(
            self.batch.loc[ids.index], last.changed, Notice.CHANGED_BY_SERVER.value
        )
        return stored.assign(lead_id=ids)

    def _insert_extras(self, leads: pd.DataFrame, entry: LeadEntry) -> pd.DataFrame:
        """Insert what comes with leads; give them with notices that say what became of it."""
        waiting = list(self.checks.extra_rows(leads))
        while waiting:
            extra = waiting.pop(0)
            try:
                stored = self._insert_extra(extra, entry)
            except (LoaderError, KeyboardInterrupt):
                self.batch = without(told(leads, extra, self.extras.last), waiting)
                raise
            leads = told(leads, extra, stored)
        return leads

    def _insert_extra(self, extra: ExtraRows, entry: LeadEntry) -> InsertedExtra:
        known = entry.known_extra(extra.table)
        if known is None:
            known = self.extras.insert(extra, entry.extra_log())
            if known.refused and extra.unless_stored:
                ids = extra.rows["lead_id"][extra.rows.index.isin([*known.refused])].unique()
                inserter = self.inserter
                entry.set_back(read_fingerprints(inserter.database, ids, inserter.columns))
            entry.note_extra(extra.table, known)
        return known

    def _change(self, leads: pd.DataFrame) -> None:
        """Change the existing leads that rows are duplicates of."""
        self.batch, entry = leads, self.journal.changes(leads.index)
        fields = self.checks.fields_given
        updated = self.updater.update(leads, self.options, fields, entry)
        with defer_signals():
            self._note_changes(leads, updated)
            self.batch = self.batch.iloc[:0]

    def _note_changes(self, leads: pd.DataFrame, updated: Updated) -> None:
        self.refused |= updated.refused
        self.missed += [*updated.gone, *updated.contended]
        known = updated.changes.index.union([*updated.unchanged])
        leads = changes_told(leads.loc[leads.index.isin(known)], updated.changes)
        leads = with_notice(leads, updated.changed, Notice.CHANGED_BY_SERVER.value)
        self.run.change(leads, updated.changes)

    def _reject(self, refused: dict[int, int], missed: list[int]) -> None:
        codes = pd.Series(refused, dtype="int64").sort_index()
        found = [
            findings(codes.index, Reason.REFUSED_BY_SERVER, "error=" + codes.astype("str"), ""),
            findings(pd.Index(sorted(missed), dtype="int64"), Reason.EXISTING_LEAD_GONE, "", ""),
        ]
        rejected = pd.concat(found).sort_index()
        for rows in self.run.source_rows(rejected.index):
            self.run.reject(rows, rejected.loc[rows.index])

    def _check_again(self, refused: Collection[int]) -> None:
        """Decide anew about duplicates of refused rows, whose reason is gone."""
        reopened = self.run.files.reopen(refused)
        if reopened.empty:
            return
        self.run.tally.reasons.subtract(counts(reopened["reason"]))
        if self.plan.is_restored:
            self._remember()
        again = self.run.files.next_round()
        self.checks.forget(self._ever_refused, self.run.files.lead_ids()[:, 1])
        CheckStage(self.run, self.checks, again).check_again(reopened.index)
        self.plan.add(again)

    def _remember(self) -> None:
        """Tell the checks what a process before this one accepted."""
        for accepted in self.plan.rounds:
            for leads in accepted.read():
                self.checks.remember(leads)
        self.plan.is_restored = False

    def _give_up(self) -> None:
        """Account for every row of a run that ended before its time."""
        run = self.run
        if EXISTING_LEAD_ID in self.batch and self.batch[EXISTING_LEAD_ID].notna().any():
            self._note_changes(self.batch, self.updater.last)
            # They may have happened: who looks after the leads has to know the old values.
            run.files.change(self.updater.last.in_doubt)
        elif len(self.batch):
            if "lead_id" not in self.batch:
                # The insert of the leads itself ended, and nothing that comes with them was sent.
                stored = self._stored()
                self.batch = without(stored, self.checks.extra_rows(stored))
            run.load(self.batch, self.batch["lead_id"])
        rejected = [(frame.index, counts(frame["reason"])) for frame in run.files.rejected()]
        run.tally.reasons = Counter()
        for _, reasons in rejected:
            run.tally.reasons.update(reasons)
        done = run.files.lead_ids(new=False)[:, 0]
        accounted = np.concatenate([done, *(rows for rows, _ in rejected)])
        for chunk in run.source.chunks():
            rows = chunk.rows[~chunk.rows.index.isin(accounted)]
            run.reject(rows, findings(rows.index, Reason.NOT_INSERTED, "", ""))


def with_notice(leads: pd.DataFrame, rows: Collection[int], notice: str) -> pd.DataFrame:
    """Add a notice, in words, to some rows."""
    if not len(rows):
        return leads
    more = leads["notices"].where(leads["notices"] == "", leads["notices"] + "; ") + notice
    return leads.assign(notices=more.where(leads.index.isin(rows), leads["notices"]))


def told(leads: pd.DataFrame, extra: ExtraRows, stored: InsertedExtra) -> pd.DataFrame:
    """Say of leads what became of their rows in one table.

    Args:
        leads: column notices, which say already that these rows are stored.
        extra: the rows.
        stored: what is known of them.
    """
    leads = with_notice(leads, stored.changed, f"{Notice.CHANGED_BY_SERVER} table={extra.table}")
    failed = extra.rows.index.unique().difference([*stored.stored])
    codes = pd.Series(stored.refused, dtype="str").reindex(failed).fillna("unknown")
    not_stored = f"{Notice.EXTRA_NOT_STORED} table={extra.table} error=" + codes.astype("str")
    leads = _said_instead(leads, rf"{extra.notice}\b[^;]*", not_stored)
    numbers = stored.generated[~stored.generated.index.duplicated()]
    with_number = f"{extra.notice} {extra.generated}=" + numbers.astype("str")
    return _said_instead(leads, rf"{extra.notice}\b", with_number)


def without(leads: pd.DataFrame, waiting: Iterable[ExtraRows]) -> pd.DataFrame:
    """Say of leads that their rows in some tables were not sent."""
    for extra in waiting:
        leads = told(leads, extra, InsertedExtra())
    return leads


def _said_instead(leads: pd.DataFrame, pattern: str, said: "pd.Series[str]") -> pd.DataFrame:
    """Put words in the place of the notice that matches, in those of some leads."""
    if said.empty:
        return leads
    notices = leads["notices"]
    # Where a notice begins: details may hold any word of the file.
    parts = notices[said.index].str.split(rf"(?:^|(?<=; )){pattern}", n=1, regex=True)
    told = parts.str[0] + said + parts.str[1].fillna("")
    return leads.assign(notices=told.reindex(leads.index).fillna(notices).astype("str"))


def changes_told(leads: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """Say of rows which fields of an existing lead they changed."""
    moved = changes[changes["field"] == "list_id"]
    updated = changes.groupby(level=0)["field"].agg(",".join).drop(moved.index)
    unchanged = leads.index.difference(changes.index)
    said = pd.concat(
        [
            Notice.MOVED_EXISTING_LEAD.value + " from_list_id=" + moved["old"],
            Notice.UPDATED_EXISTING_LEAD.value + " fields=" + updated.astype("str"),
            pd.Series(Notice.EXISTING_LEAD_UNCHANGED.value, index=unchanged),
        ]
    ).astype("str")
    before = leads["notices"].where(leads["notices"] == "", leads["notices"] + "; ")
    return leads.assign(notices=before + said.reindex(leads.index))

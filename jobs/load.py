"""The jobs import and validate: one source file through the checks, and into the database."""

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from loader.database import Database
from loader.duplicates import Kind
from loader.errors import LoaderError, RejectRateError, UsageError
from loader.facts import read_dialer
from loader.findings import FINDING_TYPES, Findings, findings
from loader.insert import Inserted, LeadInserter
from loader.lookups import Dialer, Lookups
from loader.mapping import ColumnMapping, map_columns, read_mapping_file
from loader.options import LoadOptions
from loader.pipeline import Checks
from loader.queries import look_up
from loader.reasons import Notice, Reason
from loader.results import REJECTED, Results, not_corrected
from loader.source import LAYOUTS, ReadOptions, SourceFile, open_source
from loader.spool import Spool
from loader.summary import FileSummary, MappingSummary, Summary, Tally, in_order
from loader.timezone import Clock

Job = Literal["import", "validate"]

Progress = Callable[[str, int, int], None]
"""Told of the stage (check, insert), what is done and what there is to do, in its own units."""

Start = Callable[[SourceFile, ColumnMapping], None]
"""Told of the file and its mapping before the first row is loaded."""


@dataclass(frozen=True, kw_only=True)
class Watchers:
    """Who wants to know how a load goes on."""

    started: Start = lambda _source, _mapping: None
    progress: Progress = lambda _stage, _done, _all: None


def load(
    path: str,
    options: LoadOptions,
    database: Database | None,
    results: Path | None = None,
    *,
    job: Job,
    watchers: Watchers = Watchers(),
) -> Summary:
    """Check a lead file and, as an import, insert what passes.

    Everything is checked before anything is inserted.

    Args:
        path: of the file, `-` for standard input.
        options: what decides about the rows.
        database: the dialer's; a validation without one looks at the file alone.
        results: folder of the result files; `results/<run>` if not given.
        job: validate writes nothing but the results.
        watchers: told how it goes on.

    Raises:
        LoaderError: the run cannot be made, see `loader.errors`; nothing was inserted, unless it
            is a DatabaseUnavailableError, which leaves the batches that were committed.
    """
    with open_source(path, _read_options(options)) as source:
        return load_source(source, options, database, results, job=job, watchers=watchers)


def load_source(
    source: SourceFile,
    options: LoadOptions,
    database: Database | None,
    results: Path | None = None,
    *,
    job: Job,
    watchers: Watchers = Watchers(),
) -> Summary:
    """Do the same with a source file that is open."""
    began = datetime.now(UTC)
    vendor = read_mapping_file(options.mapping_file) if options.mapping_file else None
    mapping = map_columns(source.name, source.columns, options.map, vendor)
    dialer = read_dialer(database, options) if database else without_database()
    run = f"{began:%Y%m%d-%H%M%S}-{source.sha256[:8]}-{secrets.token_hex(2)}"
    files = Results(results or Path("results") / run, source.columns)
    watchers.started(source, mapping)
    try:
        loading = _Loading(source, mapping, options, database, dialer, files, watchers)
        loading.check()
        loading.refuse_bad_file()
    except BaseException:
        files.discard()
        raise
    ended = loading.finish(insert=job == "import")
    summary = loading.summarize(run, job, began)
    if ended is not None:
        raise ended
    return summary


class _Loading:
    """One run over one source file."""

    def __init__(
        self,
        source: SourceFile,
        mapping: ColumnMapping,
        options: LoadOptions,
        database: Database | None,
        dialer: Dialer,
        files: Results,
        watchers: Watchers,
    ) -> None:
        self.source, self.mapping, self.options = source, mapping, options
        self.database, self.dialer, self.files = database, dialer, files
        self.watchers, self.tally = watchers, Tally()
        self.checks = self._checks("checked")
        self.batch = pd.DataFrame(columns=["notices", "number_type", "region"], dtype="str")
        """The last one on its way in."""

    def _checks(self, folder: str) -> Checks:
        """Make checks that have accepted nothing yet."""
        keys = self.files.work / folder
        keys.mkdir()
        checks = Checks(self.options, self.mapping, self.dialer, self._ask, keys)
        checks.look_at(self.source.sample)
        return checks

    def _ask(self, leads: pd.DataFrame) -> Lookups:
        return (
            look_up(self.database, leads, self.options, self.dialer) if self.database else Lookups()
        )

    def check(self) -> None:
        """Take the whole file through the checks; what passes waits on disk."""
        for chunk in self.source.chunks():
            self.checks.seconds.lap("read")
            self.tally.rows_read += len(chunk.rows) + len(chunk.rejected)
            self._reject(chunk.rejected, as_findings(chunk.problems))
            unread = not_corrected(chunk.rows)
            self._reject(chunk.rows, unread)
            checked = self.checks.check(chunk.rows.drop(unread.index))
            self._reject(chunk.rows, checked.rejected)
            self.files.accepted.append(checked.accepted)
            self.checks.seconds.lap("results")
            self.watchers.progress("check", chunk.bytes_read, self.source.size)

    def refuse_bad_file(self) -> None:
        """Stop before the insert if too much of the file is bad."""
        limit, rate = self.options.max_reject_rate, self.tally.reject_rate
        if rate > limit:
            worst = self.tally.reasons.most_common(3)
            raise RejectRateError(
                f"{self.source.name}: {self.tally.rejected} of {self.tally.rows_read} rows "
                f"({rate:.1%}) would be rejected, more than the {limit:.1%} that max_reject_rate "
                f"allows; nothing was inserted. Most: {', '.join(f'{r} {n}' for r, n in worst)}. "
                "Which rows: leadloader validate, without max_reject_rate"
            )

    def finish(self, *, insert: bool) -> LoaderError | KeyboardInterrupt | None:
        """Insert what waits, or only note it, and write the result files.

        Returns:
            What ended the insert before its time; the results account for every row all the same.
        """
        ended: LoaderError | KeyboardInterrupt | None = None
        if insert and self.database:
            inserter = LeadInserter(self.database, self.dialer.columns)
            try:
                self._insert(self.files.accepted, inserter)
            except (LoaderError, KeyboardInterrupt) as error:
                self._give_up(inserter.last)
                ended = error
        else:
            for accepted in self.files.accepted.read():
                self._load(accepted, None)
        self.files.finish()
        self.checks.seconds.lap("results")
        if isinstance(ended, LoaderError):
            ended = type(ended)(
                f"{ended}; {self.tally.loaded} of {self.tally.rows_read} rows were loaded, the "
                f"others are in {self.files.folder / REJECTED}: then load that file"
            )
        return ended

    def _insert(self, waiting: Spool, inserter: LeadInserter) -> None:
        """Insert batch by batch; then look again at the duplicates of refused rows."""
        refused: dict[int, int] = {}
        for batch in waiting.read(self.options.batch_size):
            self.checks.seconds.lap("results")
            self.batch = batch
            inserted = inserter.insert(batch, self.options.user)
            self.checks.seconds.lap("insert")
            ids = inserted.lead_ids.reindex(batch.index).dropna().astype("int64")
            self._load(with_notice(batch, inserted.changed, Notice.CHANGED_BY_SERVER), ids)
            refused |= inserted.refused
            self.watchers.progress("insert", self.tally.loaded, waiting.rows)
        if refused:
            self._reject_refused(refused)
            self._check_again(refused, inserter)

    def _reject_refused(self, refused: dict[int, int]) -> None:
        codes = pd.Series(refused, dtype="int64").sort_index()
        found = findings(codes.index, Reason.REFUSED_BY_SERVER, "error=" + codes.astype("str"), "")
        for rows in self._source_rows(codes.index):
            self._reject(rows, found.loc[rows.index])

    def _check_again(self, refused: dict[int, int], inserter: LeadInserter) -> None:
        """Decide anew about duplicates of refused rows, whose reason is gone."""
        reopened = self.files.reopen(refused)
        if reopened.empty:
            return
        self.tally.reasons.subtract(counts(reopened["reason"]))
        again = Spool(self.files.work / f"again-{len(list(self.files.work.iterdir()))}")
        checks, self.checks = self.checks, self._checks(again.path.name + "-keys")
        for rows in self._source_rows(reopened.index):
            checked = self.checks.check(rows)
            self._reject(rows, checked.rejected)
            again.append(checked.accepted)
        self.checks.seconds = checks.seconds
        self._insert(again, inserter)

    def _give_up(self, last: Inserted) -> None:
        """Account for every row of a run that ended before its time."""
        ids = last.lead_ids[~last.lead_ids.index.isin(self.files.lead_ids()[:, 0])]
        self._load(with_notice(self.batch, last.changed, Notice.CHANGED_BY_SERVER), ids)
        done = self.files.lead_ids()[:, 0]
        rejected = [(frame.index, counts(frame["reason"])) for frame in self.files.rejected()]
        self.tally.reasons = Counter()
        for _, reasons in rejected:
            self.tally.reasons.update(reasons)
        accounted = np.concatenate([done, *(rows for rows, _ in rejected)])
        for chunk in self.source.chunks():
            rows = chunk.rows[~chunk.rows.index.isin(accounted)]
            self._reject(rows, findings(rows.index, Reason.NOT_INSERTED, "", ""))

    def _source_rows(self, wanted: pd.Index) -> Iterator[pd.DataFrame]:
        """Read some rows of the source file again."""
        for chunk in self.source.chunks():
            rows = chunk.rows[chunk.rows.index.isin(wanted)]
            if len(rows):
                yield rows

    def _reject(self, source: pd.DataFrame, found: Findings) -> None:
        if len(found):
            self.files.reject(source, found)
            self.tally.reasons.update(counts(found["reason"]))

    def _load(self, accepted: pd.DataFrame, lead_ids: "pd.Series[int] | None") -> None:
        """Note rows that are loaded, those with a lead_id; in a validation all."""
        loaded = accepted if lead_ids is None else accepted.loc[lead_ids.index]
        self.files.load(loaded, lead_ids)
        self.tally.loaded += len(loaded)
        self.tally.notices.update(noticed(loaded["notices"]))
        self.tally.number_types.update(counts(loaded["number_type"]))
        self.tally.regions.update(counts(loaded["region"]))

    def summarize(self, run: str, job: Job, began: datetime) -> Summary:
        """Reconcile the counts and write the summary, the last of the result files."""
        source, tally = self.source, self.tally
        summary = Summary(
            run=run,
            job=job,
            file=FileSummary(
                **{
                    name: getattr(source, name)
                    for name in FileSummary.model_fields
                    if name != "columns"
                },
                columns=list(source.columns),
            ),
            mapping=MappingSummary(
                fields=dict(self.mapping.fields),
                unmapped=list(self.mapping.unmapped),
                set_by_dialer=list(self.mapping.set_by_dialer),
            ),
            options=self.options.model_dump(mode="json", exclude_defaults=True),
            database=self.database.name if self.database else None,
            began=began,
            ended=datetime.now(UTC),
            rows_read=tally.rows_read,
            loaded=tally.loaded,
            rejected=tally.rejected,
            reasons=in_order(tally.reasons, Reason),
            notices=in_order(tally.notices, Notice),
            lead_ids=consecutive(self.files.lead_ids()[:, 1]),
            number_types=dict(tally.number_types.most_common()),
            regions=dict(tally.regions.most_common()),
            remarks=remarks(self.options, self.dialer, self.mapping),
            seconds={stage: round(time, 3) for stage, time in self.checks.seconds.items()},
            results=str(self.files.folder),
        )
        self.files.summarize(summary)
        return summary


def as_findings(problems: pd.DataFrame) -> Findings:
    """Turn what the reader rejected into findings."""
    found = problems.assign(answer="", answer_tail="")
    return found.reindex(columns=list(FINDING_TYPES)).astype(FINDING_TYPES)


def counts(values: "pd.Series[str]") -> dict[str, int]:
    """Count the rows of each value."""
    return {str(value): int(count) for value, count in values.value_counts().items()}


def with_notice(batch: pd.DataFrame, rows: Collection[int], notice: Notice) -> pd.DataFrame:
    """Add a notice to some rows of a batch."""
    told = batch["notices"].where(batch["notices"] == "", batch["notices"] + "; ") + notice.value
    return batch.assign(notices=told.where(batch.index.isin(rows), batch["notices"]))


def noticed(notices: "pd.Series[str]") -> dict[str, int]:
    """Count the rows of each notice, of rows that tell theirs as in loaded.csv."""
    told = notices[notices != ""].str.split("; ").explode()
    names = told.astype("str").str.replace(r" .*", "", regex=True)
    # A row may tell the same of several fields.
    return counts(names[~names.to_frame().assign(row=names.index).duplicated()])


def consecutive(lead_ids: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Give first and last of each run of lead_ids that follow one another."""
    if not len(lead_ids):
        return []
    ids = np.sort(lead_ids)
    breaks = np.flatnonzero(np.diff(ids) != 1)
    firsts, lasts = np.append(ids[0], ids[breaks + 1]), np.append(ids[breaks], ids[-1])
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def remarks(options: LoadOptions, dialer: Dialer, mapping: ColumnMapping) -> list[str]:
    """Say what holds for the whole run and is not as one might expect."""
    said = []
    if not dialer.knows_leads:
        said.append("without a database only the file itself was looked at" + skipped(options))
    elif dialer.phone_codes.empty:
        said.append("vicidial_phone_codes is empty: time zones are phonenumbers' own")
    if options.campaign_dnc_check != "N" and not options.campaign_id:
        said.append(
            "campaign_dnc_check without campaign_id looks only at numbers that are listed for no "
            "campaign"
        )
    compared = {
        Kind.TITLEALTPHONE: {"title", "alt_phone"},
        Kind.NAMEPHONE: {"first_name", "last_name"},
    }
    for kind in dict.fromkeys(check.kind for check in options.duplicate_checks):
        missing = sorted(compared.get(kind, set()) - mapping.fields.keys())
        if missing:
            said.append(
                f"DUP{kind.value} compares {' and '.join(missing)}, which no column of the file "
                "fills: empty equals empty"
            )
    if options.nanpa_ac_prefix_check == "Y" and not dialer.nanpa_is_loaded:
        said.append("NANPA options disabled, NANPA prefix data not loaded")
    return said


def skipped(options: LoadOptions) -> str:
    """Name the checks that were asked for and need a database."""
    names = ("list_exists_check", "usacan_areacode_check", "nanpa_ac_prefix_check", "dnc_check",
             "campaign_dnc_check")  # fmt: skip
    missing = [name for name in names if getattr(options, name) != "N"]
    return f"; not done: {', '.join(missing)}" if missing else ""


def without_database() -> Dialer:
    """Give the facts where there is no dialer to ask: empty tables, this machine's clock."""
    now = datetime.now().astimezone()
    offset = now.utcoffset() or timedelta()
    clock = Clock(now=now.replace(tzinfo=None, microsecond=0), offset=offset)
    return Dialer(clock=clock, columns={}, knows_leads=False)


def _read_options(options: LoadOptions) -> ReadOptions:
    layout = None
    if options.layout is not None:
        if options.layout not in LAYOUTS:
            known = ", ".join(LAYOUTS)
            raise UsageError(f"layout: {options.layout!r} is not known; there is {known}")
        layout = LAYOUTS[options.layout]
    return ReadOptions(
        delimiter=options.delimiter,
        encoding=options.encoding,
        layout=layout,
        chunk_size=options.chunk_size,
    )

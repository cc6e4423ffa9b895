"""The jobs import and validate: one source file through the checks, and into the database."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from jobs.accounting import Job, foreseen, report, summarize
from jobs.checking import Checking
from jobs.gathering import Gathering
from jobs.inserting import Inserting, changes_told
from jobs.naming import run_name
from jobs.plan import Plan, began_at
from jobs.recording import Recording, recorded
from jobs.remarks import SEARCHED
from jobs.reporting import AS_USUAL, Reporting
from jobs.run import Run
from jobs.watchers import NOBODY, Watchers
from loader.custom_fields import labels_of
from loader.database import Database
from loader.errors import (
    ConfigurationError,
    DeclinedError,
    LoaderError,
    RejectRateError,
    UsageError,
)
from loader.facts import read_dialer
from loader.feed_files import read_feeds
from loader.lookups import Dialer
from loader.mapping import ColumnMapping, map_columns, read_mapping_file
from loader.options import LoadOptions
from loader.pipeline import EXISTING, Checks
from loader.report.comparison import read_summary
from loader.results import Results, disk_explained
from loader.source import LAYOUTS, ReadOptions, SourceFile, open_source, spread
from loader.summary import Summary
from loader.timezone import Clock
from loader.update import LeadUpdater


def load(  # noqa: PLR0913 - most of them are named
    path: str,
    options: LoadOptions,
    database: Database | None,
    results: Path | None = None,
    *,
    job: Job,
    watchers: Watchers = NOBODY,
    again: bool = False,
    beside: Path | None = None,
    reporting: Reporting = AS_USUAL,
) -> Summary:
    """Check a lead file and, as an import, insert what passes.

    Everything is checked before anything is inserted. An import that did not come to its end is
    taken up where it was; a file that was loaded before with the same options is not loaded.

    Args:
        path: of the file, `-` for standard input.
        options: what decides about the rows.
        database: the dialer's; a validation without one looks at the file alone.
        results: folder of the result files; `results/<run>` if not given.
        job: validate writes nothing but the results.
        watchers: told how it goes on.
        again: import a file that was loaded before.
        beside: folder of the ledger, where that has to be a file; that of `results` if not given.
        reporting: how it is to be reported.

    Raises:
        DeclinedError: `watchers.confirm` said no; nothing was inserted.
        LoadedBeforeError: the file was loaded before with the same options.
        BusyError: another process loads it now.
        LoaderError: the run cannot be made, see `loader.errors`; nothing was inserted, unless it
            is a DatabaseUnavailableError, which leaves the batches that were committed: the same
            call completes the run.
    """
    with open_source(path, _read_options(options)) as source:
        return load_source(
            source, options, database, results, job=job, watchers=watchers, again=again,
            beside=beside, reporting=reporting,
        )  # fmt: skip


@disk_explained()
def load_source(  # noqa: PLR0913 - most of them are named
    source: SourceFile,
    options: LoadOptions,
    database: Database | None,
    results: Path | None = None,
    *,
    job: Job,
    watchers: Watchers = NOBODY,
    again: bool = False,
    beside: Path | None = None,
    reporting: Reporting = AS_USUAL,
) -> Summary:
    """Do the same with a source file that is open."""
    task = _Task(
        options=options,
        database=database,
        results=results,
        watchers=watchers,
        reporting=reporting,
        ledger_folder=beside or (results or Path("results") / "any").parent,
    )
    if job == "validate" or database is None:
        return _run(source, task)
    if reporting.sample is not None:
        raise UsageError("a sample can be validated, but not imported")
    with recorded(source, options, database, results, again=again, beside=beside) as recording:
        options = recording.options(options)
        return _run(
            source, replace(task, options=options, results=recording.folder, recording=recording)
        )


@dataclass(frozen=True, kw_only=True)
class _Task:
    """What is to be done with a source file."""

    options: LoadOptions
    database: Database | None
    results: Path | None
    watchers: Watchers
    reporting: Reporting
    ledger_folder: Path
    recording: Recording | None = None
    """Of an import."""

    @property
    def goes_on(self) -> bool:
        """Whether a process before this one has decided all, and inserted some of it or nothing."""
        return self.recording is not None and self.recording.goes_on


def _run(source: SourceFile, task: _Task) -> Summary:
    """Take the file through the checks, and as an import, which is recorded, into the database."""
    recording, watchers = task.recording, task.watchers
    began = recording.record.began if recording else datetime.now(UTC)
    name = recording.record.run if recording else run_name(began, source.sha256[:8])
    dialer, mapping = _dialer_and_mapping(source, task)
    watchers.named(name)
    own = recording.record.run if recording else ""
    files = Results(
        task.results or Path("results") / name,
        source.columns,
        run=own,
        goes_on=task.goes_on,
        spreadsheet_safe=task.reporting.spreadsheet_safe,
    )
    try:
        run = _new_run(source, task, files, dialer, mapping)
        checks = run.new_checks("checked")
        refuse_missing_tables(checks)
        watchers.started(source, mapping)
        plan = Plan(run, name)
        if task.goes_on:
            watchers.say(f"{source.name}: going on with run {name}, which did not come to its end")
            plan.restore()
        else:
            Checking(run, checks, files.accepted).check()
            refuse_bad_file(run)
            if recording:
                _confirm(foreseen(run, name, began, checks.seconds), watchers)
                plan.add(files.accepted)
                recording.inserting(mapping.fields, run.tally.rows_read, run.tally.rejected)
    except BaseException:  # Ctrl-C too: the database is as it was, and there is nothing to tell
        # If it is another process's by now, so is the folder.
        if not task.goes_on and not (recording and recording.is_lost()):
            files.discard()
        raise
    return _to_the_end(run, checks, plan, task, began)


def _dialer_and_mapping(source: SourceFile, task: _Task) -> tuple[Dialer, ColumnMapping]:
    """Read what the dialer is set up like, and find the columns of its fields."""
    options = task.options
    dialer = read_dialer(task.database, options) if task.database else without_database()
    if task.recording and task.goes_on:
        # Rows that come with leads are found again by all that they say, the time too.
        began = began_at(task.recording.folder)
        dialer = replace(dialer, clock=replace(dialer.clock, now=began))
    labels = labels_of(dialer)
    vendor = read_mapping_file(options.mapping_file, labels) if options.mapping_file else None
    return dialer, map_columns(source.name, source.columns, options.map, vendor, labels)


def _new_run(
    source: SourceFile, task: _Task, files: Results, dialer: Dialer, mapping: ColumnMapping
) -> Run:
    """Put together what the run works with.

    Raises:
        LoaderError: a feed, or the summary to compare with, cannot be used.
    """
    options, reporting = task.options, task.reporting
    compared_with = read_summary(reporting.compare) if reporting.compare else None
    rows, records = source, None
    if reporting.sample is not None:

        def counted(done: int) -> None:
            task.watchers.progress("count", done, source.size)

        rows, records = spread(source, reporting.sample, counted)
    # All numbers that could be loaded were looked for in the feeds.
    passed = task.goes_on and not options.invalid_phone_fallback
    return Run(
        source=rows,
        mapping=mapping,
        options=options,
        database=task.database,
        dialer=dialer,
        feeds=[] if passed else read_feeds(options, files.work),
        files=files,
        watchers=task.watchers,
        gathering=Gathering(mapping, options, dialer, task.database, files, source.columns),
        reporting=reporting,
        sample_of=None if rows is source else records,
        compared_with=compared_with,
    )


def _confirm(expected: Summary, watchers: Watchers) -> None:
    """Ask whether to go on, if somebody wants to be asked.

    Raises:
        DeclinedError: the answer is no.
    """
    if watchers.confirm and not watchers.confirm(expected):
        raise DeclinedError(f"{expected.file.name}: nothing was inserted")


def _to_the_end(run: Run, checks: Checks, plan: Plan, task: _Task, began: datetime) -> Summary:
    """Insert what is decided, and account for it."""
    recording = task.recording
    ended = finish(run, checks, plan, recording)
    job: Job = "import" if recording else "validate"
    summary = summarize(run, plan.name, job, began, checks.seconds)
    if recording and recording.ledger.remark:
        summary.remarks.append(recording.ledger.remark)
    summary = report(summary, run, task.ledger_folder, is_done=ended is None)
    if ended is not None:
        raise ended
    if recording:
        recording.done(summary)
    run.files.forget()
    return summary


def refuse_missing_tables(checks: Checks) -> None:
    """Stop before anything is read if the database lacks what the rows or a check need.

    Raises:
        ConfigurationError: it lacks a table, or a column that a duplicate check compares.
    """
    needs = {
        "multi_alt_phones": "vicidial_list_alt_phones",
        "add_to_hopper": "vicidial_hopper",
        "callback": "vicidial_callbacks",
    }
    reads = {
        "dnc_check": "vicidial_dnc",
        "campaign_dnc_check": "vicidial_campaign_dnc",
        "duplicate_scope_archive": "vicidial_list_archive",
    }
    wanted = {name: table for name, table in needs.items() if name in checks.filling.fields}
    wanted |= {name: reads[name] for name in reads if getattr(checks.options, name) != "N"}
    if not checks.dialer.knows_leads:
        return
    for name, table in wanted.items():
        if table not in checks.dialer.tables:
            raise ConfigurationError(f"{name} needs {table}, a table that the database lacks")
    _refuse_missing_columns(checks.options, checks.dialer)


def _refuse_missing_columns(options: LoadOptions, dialer: Dialer) -> None:
    """Stop if a duplicate check compares a column that the leads do not have."""
    searched = {"vicidial_list": dialer.columns}
    if options.duplicate_scope_archive == "Y":
        searched["vicidial_list_archive"] = dialer.tables["vicidial_list_archive"]
    for check in options.duplicate_checks:
        for table, columns in searched.items():
            for name in sorted(SEARCHED.get(check.kind, set()) - columns.keys()):
                raise ConfigurationError(
                    f"{check} needs {table}.{name}, a column that the database lacks"
                )


def refuse_bad_file(run: Run) -> None:
    """Stop before the insert if too much of the file is bad."""
    limit, tally = run.options.max_reject_rate, run.tally
    if tally.reject_rate > limit:
        worst = tally.reasons.most_common(3)
        raise RejectRateError(
            f"{run.source.name}: {tally.rejected} of {tally.rows_read} rows "
            f"({tally.reject_rate:.1%}) would be rejected, more than the {limit:.1%} that "
            "max_reject_rate allows; nothing was inserted. Most: "
            f"{', '.join(f'{r} {n}' for r, n in worst)}. "
            "Which rows: leadloader validate, without max_reject_rate"
        )


def finish(
    run: Run, checks: Checks, plan: Plan, recording: Recording | None
) -> LoaderError | KeyboardInterrupt | None:
    """Insert what waits, or only note it, and write the result files.

    Returns:
        What ended the insert before its time; the results account for every row all the same.
    """
    ended = None
    if recording and run.database:
        ended = Inserting(run, checks, run.database, plan, recording.journal()).insert_all()
    else:
        changes = run.options.on_duplicate != "reject"
        for accepted in run.files.accepted.read(run.options.batch_size if changes else None):
            run.load(_with_planned_changes(accepted, run, checks))
    run.files.finish(run.gathering.count_rejected)
    checks.seconds.lap("results")
    return ended


def _with_planned_changes(leads: pd.DataFrame, run: Run, checks: Checks) -> pd.DataFrame:
    """Say of the rows that would change existing leads what they would change."""
    if run.database is None or EXISTING not in leads or leads[EXISTING].isna().all():
        return leads
    changing = leads[leads[EXISTING].notna()].astype({EXISTING: "int64"})
    updater = LeadUpdater(run.database, run.dialer.columns)
    changes = updater.plan(changing, run.options, checks.fields_given)
    run.files.change(changes)
    words = changes_told(changing, changes)["notices"]
    return leads.assign(notices=words.reindex(leads.index).fillna(leads["notices"]))


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

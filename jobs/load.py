"""The jobs import and validate: one source file through the checks, and into the database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jobs.checking import Checking
from jobs.inserting import Inserting, changes_told
from jobs.naming import run_name
from jobs.plan import Plan, began_at
from jobs.recording import Recording, recorded
from jobs.remarks import SEARCHED, remarks
from jobs.run import NOBODY, Run, Watchers
from loader.custom_fields import labels_of
from loader.database import Database
from loader.errors import ConfigurationError, LoaderError, RejectRateError, UsageError
from loader.facts import read_dialer
from loader.feed_files import read_feeds
from loader.lookups import Dialer
from loader.mapping import map_columns, read_mapping_file
from loader.options import LoadOptions
from loader.pipeline import EXISTING, Checks
from loader.reasons import Notice, Reason
from loader.results import Results, disk_explained
from loader.source import LAYOUTS, ReadOptions, SourceFile, open_source, shown
from loader.summary import FileSummary, MappingSummary, Summary, in_order
from loader.timezone import Clock
from loader.update import LeadUpdater

Job = Literal["import", "validate"]


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

    Raises:
        LoadedBeforeError: the file was loaded before with the same options.
        BusyError: another process loads it now.
        LoaderError: the run cannot be made, see `loader.errors`; nothing was inserted, unless it
            is a DatabaseUnavailableError, which leaves the batches that were committed: the same
            call completes the run.
    """
    with open_source(path, _read_options(options)) as source:
        return load_source(
            source, options, database, results, job=job, watchers=watchers, again=again,
            beside=beside,
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
) -> Summary:
    """Do the same with a source file that is open."""
    if job == "validate" or database is None:
        return _run(source, options, database, results, watchers)
    with recorded(source, options, database, results, again=again, beside=beside) as recording:
        options = recording.options(options)
        return _run(source, options, database, recording.folder, watchers, recording)


def _run(
    source: SourceFile,
    options: LoadOptions,
    database: Database | None,
    results: Path | None,
    watchers: Watchers,
    recording: Recording | None = None,
) -> Summary:
    """Take the file through the checks, and as an import, which is recorded, into the database."""
    began = recording.record.began if recording else datetime.now(UTC)
    dialer = read_dialer(database, options) if database else without_database()
    goes_on = recording is not None and recording.goes_on
    if recording and goes_on:
        # Rows that come with leads are found again by all that they say, the time too.
        dialer = replace(dialer, clock=replace(dialer.clock, now=began_at(recording.folder)))
    labels = labels_of(dialer)
    vendor = read_mapping_file(options.mapping_file, labels) if options.mapping_file else None
    mapping = map_columns(source.name, source.columns, options.map, vendor, labels)
    name = recording.record.run if recording else run_name(began, source.sha256[:8])
    watchers.named(name)
    own = recording.record.run if recording else ""
    # All numbers that could be loaded were looked for in the feeds.
    passed = goes_on and not options.invalid_phone_fallback
    files = Results(results or Path("results") / name, source.columns, run=own, goes_on=goes_on)
    try:
        run = Run(
            source=source,
            mapping=mapping,
            options=options,
            database=database,
            dialer=dialer,
            feeds=[] if passed else read_feeds(options, files.work),
            files=files,
            watchers=watchers,
        )
        checks = run.new_checks("checked")
        refuse_missing_tables(checks)
        watchers.started(source, mapping)
        plan = Plan(run, name)
        if goes_on:
            watchers.say(f"{source.name}: going on with run {name}, which did not come to its end")
            plan.restore()
        else:
            Checking(run, checks, files.accepted).check()
            refuse_bad_file(run)
            if recording:
                plan.add(files.accepted)
                recording.inserting(mapping.fields, run.tally.rows_read, run.tally.rejected)
    except BaseException:  # Ctrl-C too: the database is as it was, and there is nothing to tell
        # If it is another process's by now, so is the folder.
        if not goes_on and not (recording and recording.is_lost()):
            files.discard()
        raise
    return _to_the_end(run, checks, plan, recording, began)


def _to_the_end(
    run: Run, checks: Checks, plan: Plan, recording: Recording | None, began: datetime
) -> Summary:
    """Insert what is decided, and account for it."""
    files = run.files
    ended = finish(run, checks, plan, recording)
    summary = summarize(run, checks, plan.name, "import" if recording else "validate", began)
    if recording and recording.ledger.remark:
        summary.remarks.append(recording.ledger.remark)
    files.summarize(summary)
    if ended is not None:
        raise ended
    if recording:
        recording.done(summary)
    files.forget()
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
        for accepted in run.files.accepted.read(run.options.batch_size):
            run.load(_with_planned_changes(accepted, run, checks))
    run.files.finish()
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


def summarize(run: Run, checks: Checks, name: str, job: Job, began: datetime) -> Summary:
    """Reconcile the counts."""
    source, tally, files = run.source, run.tally, run.files
    described = {n: getattr(source, n) for n in FileSummary.model_fields if n != "columns"}
    return Summary(
        run=name,
        job=job,
        file=FileSummary(**described, columns=list(source.columns)),
        mapping=MappingSummary(
            fields=dict(run.mapping.fields),
            unmapped=list(run.mapping.unmapped),
            set_by_dialer=list(run.mapping.set_by_dialer),
        ),
        options=run.options.model_dump(mode="json", exclude_defaults=True),
        database=run.database.name if run.database else None,
        began=began,
        ended=datetime.now(UTC),
        rows_read=tally.rows_read,
        loaded=tally.loaded,
        rejected=tally.rejected,
        reasons=in_order(tally.reasons, Reason),
        notices=in_order(tally.notices, Notice),
        lead_ids=consecutive(files.lead_ids()[:, 1]),
        number_types=dict(tally.number_types.most_common()),
        regions=dict(tally.regions.most_common()),
        remarks=remarks(run.options, run.dialer, run.mapping, run.feeds),
        seconds={stage: round(time, 3) for stage, time in checks.seconds.items()},
        results=shown(str(files.folder)),
    )


def consecutive(lead_ids: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Give first and last of each run of lead_ids that follow one another."""
    if not len(lead_ids):
        return []
    ids = np.sort(lead_ids)
    breaks = np.flatnonzero(np.diff(ids) != 1)
    firsts, lasts = np.append(ids[0], ids[breaks + 1]), np.append(ids[breaks], ids[-1])
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


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

"""The jobs import and validate: one source file through the checks, and into the database."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from jobs.load.begin import (
    Task,
    dialer_and_mapping,
    new_run,
    read_options,
    refuse_bad_file,
    refuse_missing_tables,
)
from jobs.load.check import CheckStage
from jobs.load.checkpoint import Checkpoint
from jobs.load.insert import InsertStage, changes_told
from jobs.load.resume import ImportRun, open_run
from jobs.load.run import ImportContext
from jobs.load.summarize import Job, expected_summary, report, summarize
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.errors import (
    DeclinedError,
    LoaderError,
    UsageError,
)
from loader.ledger.runs import run_name
from loader.options.load import LoadOptions
from loader.options.report import AS_USUAL, ReportOptions
from loader.pipeline import EXISTING_LEAD_ID, Checks
from loader.reading.source import SourceFile, open_source
from loader.results.files import Results
from loader.results.folder import translate_disk_errors
from loader.results.summary import Summary
from loader.writing.updates import LeadUpdater


def load(  # noqa: PLR0913 - most of them are named
    path: str,
    options: LoadOptions,
    database: Database | None,
    results: Path | None = None,
    *,
    job: Job,
    watchers: Watchers | None = None,
    again: bool = False,
    beside: Path | None = None,
    reporting: ReportOptions = AS_USUAL,
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
    with open_source(path, read_options(options)) as source:
        return load_source(
            source, options, database, results, job=job, watchers=watchers, again=again,
            beside=beside, reporting=reporting,
        )  # fmt: skip


@translate_disk_errors()
def load_source(  # noqa: PLR0913 - most of them are named
    source: SourceFile,
    options: LoadOptions,
    database: Database | None,
    results: Path | None = None,
    *,
    job: Job,
    watchers: Watchers | None = None,
    again: bool = False,
    beside: Path | None = None,
    reporting: ReportOptions = AS_USUAL,
) -> Summary:
    """Do the same with a source file that is open."""
    task = Task(
        options=options,
        database=database,
        results=results,
        watchers=watchers or Watchers(),
        reporting=reporting,
        ledger_folder=beside or (results or Path("results") / "any").parent,
    )
    if job == "validate" or database is None:
        return _run(source, task)
    if reporting.sample is not None:
        raise UsageError("a sample can be validated, but not imported")
    with open_run(source, options, database, results, again=again, beside=beside) as recording:
        options = recording.options(options)
        return _run(
            source, replace(task, options=options, results=recording.folder, recording=recording)
        )


def _run(source: SourceFile, task: Task) -> Summary:
    """Take the file through the checks, and as an import, which is recorded, into the database."""
    recording, watchers = task.recording, task.watchers
    began = recording.record.began if recording else datetime.now(UTC)
    name = recording.record.run if recording else run_name(began, source.sha256[:8])
    dialer, mapping = dialer_and_mapping(source, task)
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
        run = new_run(source, task, files, dialer, mapping)
        checks = run.new_checks("checked")
        refuse_missing_tables(checks)
        watchers.started(source, mapping)
        plan = Checkpoint(run, name)
        if task.goes_on:
            watchers.say(f"{source.name}: going on with run {name}, which did not come to its end")
            plan.restore()
        else:
            CheckStage(run, checks, files.accepted).check()
            refuse_bad_file(run)
            if recording:
                _confirm(expected_summary(run, name, began, checks.seconds), watchers)
                plan.add(files.accepted)
                recording.inserting(mapping.fields, run.tally.rows_read, run.tally.rejected)
    except BaseException:  # Ctrl-C too: the database is as it was, and there is nothing to tell
        # If it is another process's by now, so is the folder.
        if not task.goes_on and not (recording and recording.is_lost()):
            files.discard()
        raise
    return _to_the_end(run, checks, plan, task, began)


def _confirm(expected: Summary, watchers: Watchers) -> None:
    """Ask whether to go on, if somebody wants to be asked.

    Raises:
        DeclinedError: the answer is no.
    """
    if watchers.confirm and not watchers.confirm(expected):
        raise DeclinedError(f"{expected.file.name}: nothing was inserted")


def _to_the_end(
    run: ImportContext, checks: Checks, plan: Checkpoint, task: Task, began: datetime
) -> Summary:
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


def finish(
    run: ImportContext, checks: Checks, plan: Checkpoint, recording: ImportRun | None
) -> LoaderError | KeyboardInterrupt | None:
    """Insert what waits, or only note it, and write the result files.

    Returns:
        What ended the insert before its time; the results account for every row all the same.
    """
    ended = None
    if recording and run.database:
        ended = InsertStage(run, checks, run.database, plan, recording.journal()).insert_all()
    else:
        changes = run.options.on_duplicate != "reject"
        for accepted in run.files.accepted.read(run.options.batch_size if changes else None):
            run.load(_with_planned_changes(accepted, run, checks))
    run.files.finish(run.gathering.count_rejected)
    checks.seconds.lap("results")
    return ended


def _with_planned_changes(leads: pd.DataFrame, run: ImportContext, checks: Checks) -> pd.DataFrame:
    """Say of the rows that would change existing leads what they would change."""
    if (
        run.database is None
        or EXISTING_LEAD_ID not in leads
        or leads[EXISTING_LEAD_ID].isna().all()
    ):
        return leads
    changing = leads[leads[EXISTING_LEAD_ID].notna()].astype({EXISTING_LEAD_ID: "int64"})
    updater = LeadUpdater(run.database, run.dialer.columns)
    changes = updater.plan(changing, run.options, checks.fields_given)
    run.files.change(changes)
    words = changes_told(changing, changes)["notices"]
    return leads.assign(notices=words.reindex(leads.index).fillna(leads["notices"]))

"""The jobs import and validate: one source file through the checks, and into the database."""

from datetime import UTC, datetime

import pandas as pd

from jobs.load.begin import (
    Load,
    dialer_and_mapping,
    new_run,
    refuse_bad_file,
    refuse_missing_tables,
)
from jobs.load.check import CheckStage
from jobs.load.checkpoint import Checkpoint
from jobs.load.insert import InsertStage, changes_told
from jobs.load.request import LoadRequest
from jobs.load.resume import ImportRun, open_run
from jobs.load.run import ImportContext
from jobs.load.summarize import Job, expected_summary, report, summarize
from jobs.watchers import Watchers
from loader.errors import (
    DeclinedError,
    LoaderError,
    UsageError,
)
from loader.ledger.runs import run_name
from loader.pipeline import EXISTING_LEAD_ID, Checks
from loader.reading.source import SourceFile
from loader.results.files import Results
from loader.results.folder import translate_disk_errors
from loader.results.summary import Summary
from loader.writing.updates import LeadUpdater


def load(request: LoadRequest) -> Summary:
    """Check a lead file and, as an import, insert what passes.

    Everything is checked before anything is inserted. An import that did not come to its end is
    taken up where it was; a file that was loaded before with the same options is not loaded.

    Raises:
        DeclinedError: `request.watchers.confirm` said no; nothing was inserted.
        LoadedBeforeError: the file was loaded before with the same options.
        BusyError: another process loads it now.
        LoaderError: the run cannot be made, see `loader.errors`; nothing was inserted, unless it
            is a DatabaseUnavailableError, which leaves the batches that were committed: the same
            call completes the run.
    """
    with request.open_source() as source:
        return _load(source, request)


@translate_disk_errors()
def _load(source: SourceFile, request: LoadRequest) -> Summary:
    if request.job == "validate" or request.database is None:
        return _run(Load(request, source, request.options))
    if request.report.sample is not None:
        raise UsageError("a sample can be validated, but not imported")
    with open_run(source, request, request.database) as import_run:
        return _run(Load(request, source, import_run.options(request.options), import_run))


def _run(load: Load) -> Summary:
    """Take the file through the checks, and as an import, which is recorded, into the database."""
    source, import_run, watchers = load.source, load.import_run, load.request.watchers
    began = import_run.record.began if import_run else datetime.now(UTC)
    name = import_run.record.run if import_run else run_name(began, source.sha256[:8])
    dialer, mapping = dialer_and_mapping(load)
    watchers.named(name)
    files = Results(
        import_run.folder if import_run else load.request.results_of(name),
        source.columns,
        run=name if import_run else "",
        goes_on=load.goes_on,
        spreadsheet_safe=load.request.report.spreadsheet_safe,
    )
    try:
        run = new_run(load, files, dialer, mapping)
        checks = run.new_checks("checked")
        refuse_missing_tables(checks)
        watchers.started(source, mapping)
        plan = Checkpoint(run, name)
        if load.goes_on:
            watchers.say(f"{source.name}: going on with run {name}, which did not come to its end")
            plan.restore()
        else:
            CheckStage(run, checks, files.accepted).check()
            refuse_bad_file(run)
            if import_run:
                _confirm(expected_summary(run, name, began, checks.seconds), watchers)
                plan.add(files.accepted)
                import_run.inserting(mapping.fields, run.tally.rows_read, run.tally.rejected)
    except BaseException:  # Ctrl-C too: the database is as it was, and there is nothing to tell
        # If it is another process's by now, so is the folder.
        if not load.goes_on and not (import_run and import_run.is_lost()):
            files.discard()
        raise
    return _to_the_end(run, checks, plan, load, began)


def _confirm(expected: Summary, watchers: Watchers) -> None:
    """Ask whether to go on, if somebody wants to be asked.

    Raises:
        DeclinedError: the answer is no.
    """
    if watchers.confirm and not watchers.confirm(expected):
        raise DeclinedError(f"{expected.file.name}: nothing was inserted")


def _to_the_end(
    run: ImportContext, checks: Checks, plan: Checkpoint, load: Load, began: datetime
) -> Summary:
    """Insert what is decided, and account for it."""
    import_run = load.import_run
    ended = finish(run, checks, plan, import_run)
    job: Job = "import" if import_run else "validate"
    summary = summarize(run, plan.name, job, began, checks.seconds)
    if import_run and import_run.ledger.remark:
        summary.remarks.append(import_run.ledger.remark)
    summary = report(summary, run, load.request.ledger_path, is_done=ended is None)
    if ended is not None:
        raise ended
    if import_run:
        import_run.done(summary)
    run.files.forget()
    return summary


def finish(
    run: ImportContext, checks: Checks, plan: Checkpoint, import_run: ImportRun | None
) -> LoaderError | KeyboardInterrupt | None:
    """Insert what waits, or only note it, and write the result files.

    Returns:
        What ended the insert before its time; the results account for every row all the same.
    """
    ended = None
    if import_run and run.database:
        ended = InsertStage(run, checks, run.database, plan, import_run.journal()).insert_all()
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

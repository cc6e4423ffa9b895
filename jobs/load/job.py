"""The jobs import and validate: they check a source file, and an import inserts its leads."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NoReturn

import pandas as pd

from jobs.load.batches import pace_of_inserts
from jobs.load.begin import (
    Load,
    dialer_and_mapping,
    hidden_urls_remark,
    new_run,
    refusal_by_limits,
    refuse_missing_tables,
    refuse_unreadable_tables,
    refuse_unwritable_custom,
    refuse_unwritable_tables,
)
from jobs.load.check import CheckStage
from jobs.load.checkpoint import Checkpoint
from jobs.load.destinations import names_no_list, refuse_unknown_campaign
from jobs.load.insert import InsertStage
from jobs.load.lanes import refuse_several_connections
from jobs.load.new_lead_urls import NewLeadRequests, check_new_lead_urls
from jobs.load.remote import refuse_without_api
from jobs.load.request import Job, LoadRequest
from jobs.load.resume import open_run
from jobs.load.run import COUNTED, ImportContext
from jobs.load.summarize import expected_summary, report, summarize
from loader.checks.settlement import EXISTING_LEAD_ID
from loader.errors import (
    DatabaseUnavailableError,
    DeclinedError,
    LoaderError,
    RejectRateError,
    UsageError,
    as_loader_error,
)
from loader.fields.mapping import ColumnMapping
from loader.findings import Notices, no_notices
from loader.ledger.calls import forget_answers
from loader.ledger.runs import Ledger, run_name
from loader.options.load import LoadOptions
from loader.reading.source import SourceFile
from loader.report.destinations import default_list
from loader.results.files import Results
from loader.results.folder import forget
from loader.results.summary import Summary
from loader.writing.notices import of_changes
from loader.writing.updates import LeadUpdater

ROWS_PER_QUESTION = 1_000
"""Rows whose existing leads are read at a time by a validation."""


def load(request: LoadRequest) -> Summary:
    """Check a lead file and, as an import, insert what passes.

    Everything is checked before anything is inserted. An incomplete import is resumed; a file that
    was loaded before with the same options is not loaded again.

    Raises:
        RejectRateError: more rows are rejected than a limit allows; the results say which.
        DeclinedError: `request.watchers.confirm` returned False; nothing was inserted.
        LoadedBeforeError: the file was loaded before with the same options.
        BusyError: another process is loading it.
        LoaderError: see `loader.errors`; nothing was inserted. Only a DatabaseUnavailableError
            leaves the batches that were committed: the same call completes the run.
    """
    try:
        with request.open_source() as source:
            return _load(source, request)
    except (OSError, MemoryError) as error:
        raise as_loader_error(error) from None


def _load(source: SourceFile, request: LoadRequest) -> Summary:
    refuse_unreadable_tables(request)
    options, database = request.options, request.database
    if request.target:
        refuse_without_api(request)
    if request.job == "validate" or (database is None and request.target is None):
        return _run(Load(request, source, options))
    if request.report.sample is not None:
        raise UsageError("a sample can be validated, but not imported")
    if request.target or database is None:
        return _send(source, request)
    inserts = pace_of_inserts(database, request.pace, options.batch_size, request.watchers)
    with inserts as pace:
        ledger = Ledger.open(database, request.ledger_path)
        with open_run(source, request, ledger, database) as import_run:
            if request.pace.pace == "gentle":
                options = options.model_copy(update={"read_connections": 1})
            return _run(Load(request, source, options, import_run, pace))


def _send(source: SourceFile, request: LoadRequest) -> Summary:
    """Load through another dialer's API; the ledger is a file here."""
    assert request.target is not None  # noqa: S101 - for mypy: who calls knows
    request.target.refuse_without_login()
    ledger = Ledger.of_target(request.target.ledger_name, request.ledger_path)
    with open_run(source, request, ledger, ledger.database) as import_run:
        return _run(Load(request, source, request.options, import_run))


def _run(load: Load) -> Summary:
    source, import_run, watchers = load.source, load.import_run, load.request.watchers
    began = import_run.record.began if import_run else datetime.now(UTC)
    name = import_run.record.run if import_run else run_name(began, source.sha256[:8])
    dialer, mapping = dialer_and_mapping(load)
    watchers.named(name)
    files = _open_results(load, name)
    try:
        run = new_run(load, files, dialer, mapping)
        refuse_missing_tables(run.checks, load.request.database)
        if import_run and load.request.database:
            refuse_unwritable_tables(run.checks, load.request.database)
            refuse_several_connections(run, import_run.batches())
        check_new_lead_urls(run.options, run.dialer.new_lead_urls)
        run.remarks.extend(hidden_urls_remark(run.options, load.request.database))
        if not load.is_resumed:
            refuse_unknown_campaign(run.options, run.dialer)
        _say_where_rows_go(load, mapping)
        watchers.started(source, mapping)
        checkpoint = Checkpoint(run, name, import_run.share if import_run else None)
        if load.is_resumed:
            watchers.say(f"{source.name}: resuming run {name}, which is incomplete")
            checkpoint.restore()
        else:
            columns = None if import_run else _kept_columns(load.options)
            CheckStage(run, files.accepted, columns).check()
            if refusal := refusal_by_limits(run):
                _refuse(run, checkpoint, load, began, refusal)
            if import_run:
                if load.request.database:
                    refuse_unwritable_custom(run, load.request.database)
                _confirm(expected_summary(run, name, began), load, mapping)
                checkpoint.add(files.accepted)
                import_run.inserting(mapping.fields, run.tally.rows_read, run.tally.rejected)
    except RejectRateError:
        raise  # the results say which rows
    except BaseException:  # Ctrl-C too: nothing was inserted
        # What belongs to a process that has taken over the run is not touched.
        if not load.is_resumed:
            files.discard()
        raise
    return _complete(run, checkpoint, load, began)


def _open_results(load: Load, name: str) -> Results:
    """Make the folder of the results, where unfinished ones of other processes are removed."""
    import_run = load.import_run
    if import_run:
        import_run.prove_owner()
    return Results(
        import_run.folder if import_run else load.request.results_of(name),
        load.source.columns,
        run=name if import_run else "",
        owner=import_run.record.owner if import_run else "",
        goes_on=load.is_resumed,
        spreadsheet_safe=load.request.report.spreadsheet_safe,
        places=load.source.places,
    )


def _refuse(
    run: ImportContext,
    checkpoint: Checkpoint,
    load: Load,
    began: datetime,
    refusal: RejectRateError,
) -> NoReturn:
    """Leave the results of a file of which nothing is inserted, those of a validation."""
    if load.request.refused_results:
        run.files.relocate(load.request.refused_results)
    finish(run, checkpoint, None)
    summary = summarize(run, checkpoint.name, "validate", began)
    summary.remarks.append(str(refusal))
    report(summary, run, load.request.ledger_path, is_done=True)
    run.files.remove()
    refusal.results = run.files.folder
    if load.import_run:
        load.import_run.leaves_results(run.files.folder)
    raise refusal


def _say_where_rows_go(load: Load, mapping: ColumnMapping) -> None:
    """Say first that the rows go to list 999, if nothing names another one.

    Where somebody can be asked, `_confirm` does.
    """
    watchers, name = load.request.watchers, load.source.name
    if load.is_resumed or not names_no_list(load.options, mapping):
        return
    would = "would go" if load.import_run is None else "go"
    where = (
        "list_exists_check rejects them"
        if load.options.list_exists_check == "Y"
        else f"they {would} to list 999"
    )
    text = f"{name}: the rows name no list, so {where}; --list-id names one"
    if load.import_run is None:
        watchers.say(text)
    elif watchers.confirm is None:
        watchers.warn(text)


def _confirm(expected: Summary, load: Load, mapping: ColumnMapping) -> None:
    """Ask whether to go on, where somebody can be asked; else say what would be asked."""
    watchers, where = load.request.watchers, default_list(expected.without_list, done=False)
    if watchers.confirm is None:
        if where and not names_no_list(load.options, mapping):
            watchers.warn(f"{expected.file.name}: {where}; --list-id names another one")
    elif not watchers.confirm(expected):
        raise DeclinedError(f"{expected.file.name}: nothing was inserted")


def _complete(run: ImportContext, checkpoint: Checkpoint, load: Load, began: datetime) -> Summary:
    import_run = load.import_run
    error = finish(run, checkpoint, load)
    job: Job = "import" if import_run else "validate"
    summary = summarize(run, checkpoint.name, job, began)
    if import_run and import_run.ledger.remark:
        summary.remarks.append(import_run.ledger.remark)
    summary = report(summary, run, load.request.ledger_path, is_done=error is None)
    if error is not None:
        raise error
    if import_run:
        import_run.share_results()
        import_run.done(summary)
        if run.target:
            forget_answers(import_run.ledger, import_run.record.run)
    forget(run.files.folder)
    if import_run:
        import_run.forget_checkpoint()
    return summary


def finish(
    run: ImportContext, checkpoint: Checkpoint, load: Load | None
) -> LoaderError | KeyboardInterrupt | None:
    """Insert what passed the checks, or only record it, and write the result files.

    Returns:
        The error that interrupted the insert; the results account for every row all the same.
    """
    error = None
    import_run = load and load.import_run
    if import_run and run.target:
        from jobs.load.send import SendStage  # noqa: PLC0415 - an extra

        error = SendStage(run, run.target, checkpoint, import_run.batches()).write_all()
        import_run.refuse_lost()
    elif load and load.pace and import_run and run.database:
        ledger = import_run.batches()
        error = InsertStage(run, run.database, checkpoint, ledger, load.pace).write_all()
        if not isinstance(error, DatabaseUnavailableError):
            import_run.refuse_lost()
        error = error or NewLeadRequests(run, run.database).send_all()
    else:
        columns = _kept_columns(run.options)
        size = ROWS_PER_QUESTION if columns is None else None
        for accepted, notices in run.files.accepted.read_with_notes(size, columns):
            planned = _notices_of_planned_changes(accepted, run)
            run.load(accepted, pd.concat([notices, planned]))
    run.files.finish(run.profile_builder.count_rejected)
    run.seconds.lap("results")
    return error


def _kept_columns(options: LoadOptions) -> Sequence[str] | None:
    """Name the columns of accepted leads that a validation looks at; None: all, to plan changes."""
    return COUNTED if options.on_duplicate == "reject" else None


def _notices_of_planned_changes(leads: pd.DataFrame, run: ImportContext) -> Notices:
    """Notice what the rows that would change existing leads would change."""
    is_new = EXISTING_LEAD_ID not in leads or leads[EXISTING_LEAD_ID].isna().all()
    if run.database is None or is_new:
        return no_notices()
    changing = leads[leads[EXISTING_LEAD_ID].notna()].astype({EXISTING_LEAD_ID: "int64"})
    updater = LeadUpdater(run.database, run.dialer.columns)
    changes = updater.plan(changing, run.options, run.checks.given_fields)
    run.files.change(changes)
    return of_changes(changing.index, changes)

"""The start of a load: read the dialer, map the columns, refuse what cannot be loaded."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from jobs.load.checkpoint import began_at
from jobs.load.profile import ProfileBuilder
from jobs.load.remarks import SEARCHED
from jobs.load.resume import ImportRun
from jobs.load.run import ImportContext
from jobs.watchers import Watchers
from loader.clock import Clock
from loader.database.connection import Database
from loader.dialer import Dialer
from loader.errors import ConfigurationError, RejectRateError, UsageError
from loader.extras.custom_fields import labels_of
from loader.feeds.files import read_feeds
from loader.fields.mapping import ColumnMapping, map_columns, read_mapping_file
from loader.options.load import LoadOptions
from loader.options.report import ReportOptions
from loader.pipeline import Checks
from loader.queries.facts import read_dialer
from loader.reading.source import LAYOUTS, ReadOptions, SourceFile, take_sample
from loader.report.comparison import read_summary
from loader.results.files import Results


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be done with a source file."""

    options: LoadOptions
    database: Database | None
    results: Path | None
    watchers: Watchers
    reporting: ReportOptions
    ledger_folder: Path
    recording: ImportRun | None = None
    """Of an import."""

    @property
    def goes_on(self) -> bool:
        """Whether a process before this one has decided all, and inserted some of it or nothing."""
        return self.recording is not None and self.recording.goes_on


def dialer_and_mapping(source: SourceFile, task: Task) -> tuple[Dialer, ColumnMapping]:
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


def new_run(
    source: SourceFile, task: Task, files: Results, dialer: Dialer, mapping: ColumnMapping
) -> ImportContext:
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

        rows, records = take_sample(source, reporting.sample, counted)
    # All numbers that could be loaded were looked for in the feeds.
    passed = task.goes_on and not options.invalid_phone_fallback
    return ImportContext(
        source=rows,
        mapping=mapping,
        options=options,
        database=task.database,
        dialer=dialer,
        feeds=[] if passed else read_feeds(options, files.work),
        files=files,
        watchers=task.watchers,
        gathering=ProfileBuilder(mapping, options, dialer, task.database, files, source.columns),
        reporting=reporting,
        sample_of=None if rows is source else records,
        compared_with=compared_with,
    )


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


def refuse_bad_file(run: ImportContext) -> None:
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


def without_database() -> Dialer:
    """Give the facts where there is no dialer to ask: empty tables, this machine's clock."""
    now = datetime.now().astimezone()
    offset = now.utcoffset() or timedelta()
    clock = Clock(now=now.replace(tzinfo=None, microsecond=0), offset=offset)
    return Dialer(clock=clock, columns={}, knows_leads=False)


def read_options(options: LoadOptions) -> ReadOptions:
    """Give the options of reading the file.

    Raises:
        UsageError: the layout is not known.
    """
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

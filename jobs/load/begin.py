"""The start of a load: it reads the dialer, maps the columns and refuses what cannot be loaded."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jobs.load.checkpoint import began_at
from jobs.load.profile import ProfileBuilder
from jobs.load.remarks import SEARCHED
from jobs.load.remote import with_columns_as_labels
from jobs.load.request import LoadRequest, vendor_mapping
from jobs.load.resume import ImportRun
from jobs.load.run import ImportContext
from jobs.pace import Pace
from loader.checks.columns import ColumnFacts, ColumnSurvey, fields_of
from loader.checks.settlement import Settlement
from loader.clock import Clock
from loader.database.catalogue import table_names
from loader.database.connection import Database
from loader.dialer import Dialer
from loader.errors import ConfigurationError, RejectRateError, SourceFileError
from loader.extras.custom_fields import labels_of
from loader.feeds.files import read_feeds
from loader.fields.mapping import ColumnMapping, map_columns
from loader.options.load import LoadOptions
from loader.pipeline import Checks
from loader.queries.chunk import ChunkQueries
from loader.queries.facts import read_dialer
from loader.queries.leads import URLS
from loader.reading.source import SourceFile, take_sample
from loader.reasons import Limit
from loader.report.comparison import read_summary
from loader.results.files import Results
from loader.results.summary import by_frequency
from loader.rights import needs
from loader.rights.refusal import refuse_unreadable, refuse_unwritable, unreadable

LIMITS = {
    Limit.REJECTS: "would be rejected because something is wrong with them",
    Limit.DUPLICATES: "are duplicates or have a do-not-call number",
}
"""The limits of a run, and what is true of the rows that each counts."""


@dataclass(frozen=True)
class Load:
    """A load whose source file is open."""

    request: LoadRequest
    source: SourceFile
    options: LoadOptions
    import_run: ImportRun | None = None
    """None: a validation."""
    pace: Pace | None = None
    """Of an import."""

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier process has checked the whole file."""
        return self.import_run is not None and self.import_run.is_resumed


def dialer_and_mapping(load: Load) -> tuple[Dialer, ColumnMapping]:
    """Read the setup of the dialer, and map the columns of the file to its fields."""
    options, source, database = load.options, load.source, load.request.database
    dialer = read_dialer(database, options) if database else dialer_without_database()
    if load.request.target and options.custom_fields == "Y":
        dialer = with_columns_as_labels(dialer, options, source.columns)
    if load.import_run and load.is_resumed:
        # Rows of other tables are found again by all their values, times included.
        began = began_at(load.import_run.folder)
        dialer = replace(dialer, clock=replace(dialer.clock, now=began))
    labels = labels_of(dialer)
    vendor = vendor_mapping(options, labels)
    mapping = map_columns(
        source.name, source.columns, options.map, vendor, labels, options.map_optional
    )
    return dialer, mapping


def new_run(load: Load, files: Results, dialer: Dialer, mapping: ColumnMapping) -> ImportContext:
    """Create the context of the run.

    Raises:
        LoaderError: a feed or the summary to compare with cannot be used.
    """
    options, request, source = load.options, load.request, load.source
    reporting, database, watchers = request.report, request.database, request.watchers
    compared_with = read_summary(reporting.compare) if reporting.compare else None
    rows, records = source, None
    if reporting.sample is not None:
        size = max(source.size, 1)
        rows, records = take_sample(
            source, reporting.sample, lambda done: watchers.progress("count", done, done / size)
        )
    feeds = read_feeds(options, files.work)
    accepted_keys = files.work / "checked"
    accepted_keys.mkdir(exist_ok=True)
    columns = survey_columns(rows, options, mapping, dialer)
    reading = options.model_copy(update={"date_format": columns.date_formats})
    return ImportContext(
        source=rows,
        mapping=mapping,
        options=options,
        database=database,
        dialer=dialer,
        feeds=feeds,
        checks=Checks.of_file(reading, mapping, dialer, rows.sample, columns),
        queries=ChunkQueries(
            database, options, dialer, feeds, accepted_keys, asked_again=load.pace is not None
        ),
        settlement=Settlement(options, accepted_keys),
        files=files,
        watchers=watchers,
        profile_builder=ProfileBuilder(mapping, reading, dialer, database, files, source.columns),
        reporting=reporting,
        sample_of=None if rows is source else records,
        target=request.target,
        compared_with=compared_with,
    )


def refuse_unreadable_tables(request: LoadRequest) -> None:
    """Refuse a database account that cannot see what the options read.

    Raises:
        NotAllowedError: see `refuse_unreadable`.
        UsageError: likewise.
    """
    options, is_dialable_checked = request.options, request.report.check_dialable
    if request.database is not None:
        refuse_unreadable(
            request.database,
            lambda site: needs.of_import(options, site, check_dialable=is_dialable_checked),
        )


def survey_columns(
    source: SourceFile, options: LoadOptions, mapping: ColumnMapping, dialer: Dialer
) -> ColumnFacts:
    """Find what holds for whole columns of the file; it is read once more where that matters.

    Raises:
        SourceFileError: the formats of dates do not fit the file.
    """
    sample = fields_of(source.sample, mapping, options)
    try:
        survey = ColumnSurvey(options, sample, dialer.clock.now.date(), source.places)
        if survey.needs_all_rows:
            for chunk in source.chunks():
                survey.add(fields_of(chunk.rows, mapping, options))
        return survey.facts()
    except SourceFileError as error:
        raise SourceFileError(f"{source.name}: {error}") from None


def refuse_missing_tables(checks: Checks, database: Database | None) -> None:
    """Refuse to load if the database lacks a table or column that the rows or a check need.

    Raises:
        ConfigurationError: a table is missing, one in which time zones or states are looked up is
            empty, or a column is missing that a duplicate check compares.
        NotAllowedError: the account cannot see a table that the columns of the file need.
    """
    if database is None:
        return
    existing, dialer = database.read(table_names), checks.dialer
    codes = {
        "vicidial_phone_codes": dialer.phone_codes,
        "vicidial_postal_codes": dialer.postal_codes,
        "vicidial_nanpa_prefix_codes": dialer.nanpa,
    }
    for name, tables in needs.tables_of(checks.options, checks.defaults.fields).items():
        for table in sorted({*tables} - existing):
            _refuse_absent_table(database, name, table)
        for table in sorted({*tables} & codes.keys()):
            if codes[table].empty and not checks.options.one_form:
                raise ConfigurationError(f"{name} needs {table}, which is empty")
    _refuse_missing_columns(checks.options, checks.dialer)


def refuse_unwritable_tables(checks: Checks, database: Database) -> None:
    """Refuse to import if the account may not write to all tables that the rows go to.

    Those of custom fields are not known before the lists of the rows are.

    NotAllowedError: see `loader.rights.refusal.refuse_unwritable`.
    """
    fields = checks.defaults.fields
    refuse_unwritable(database, lambda _site: needs.of_insert(checks.options, fields))


def refuse_unwritable_custom(run: ImportContext, database: Database) -> None:
    """Likewise of the tables of custom fields of the lists that rows go to."""
    tables = {f"custom_{list_id}" for list_id in run.expected.lists}
    if run.options.custom_fields == "Y":
        refuse_unwritable(
            database,
            lambda site: needs.of_custom_fields(run.options, tables.intersection(site.custom)),
        )


def hidden_urls_remark(options: LoadOptions, database: Database | None) -> list[str]:
    """Say that the account cannot see whether the dialer requests addresses for new leads."""
    if database is None or options.new_lead_url == "send" or URLS in database.read(table_names):
        return []
    hidden = unreadable(database, URLS)
    return [f"whether the lists have addresses for new leads is not known: {hidden}"] * bool(hidden)


def _refuse_absent_table(database: Database, name: str, table: str) -> None:
    """Refuse a load that needs a table which is missing, or which the account cannot see."""
    refuse_unreadable(database, lambda _site: needs.rights(["SELECT"], [table]))
    raise ConfigurationError(f"{name} needs {table}, a table that the database lacks")


def _refuse_missing_columns(options: LoadOptions, dialer: Dialer) -> None:
    """Refuse to load if a duplicate check compares a column that the leads do not have."""
    searched = {"vicidial_list": dialer.columns}
    if options.duplicate_scope_archive == "Y":
        searched["vicidial_list_archive"] = dialer.tables["vicidial_list_archive"]
    for check in options.duplicate_checks:
        for table, columns in searched.items():
            for name in sorted(SEARCHED.get(check.kind, set()) - columns.keys()):
                raise ConfigurationError(
                    f"{check} needs {table}.{name}, a column that the database lacks"
                )


def refusal_by_limits(run: ImportContext) -> RejectRateError | None:
    """Say whether more rows are rejected than one of the limits allows; None: they are not."""
    rows = run.tally.rows_read
    for limit, what in LIMITS.items():
        counted, most = run.tally.counted_by(limit), getattr(run.options, limit)
        count = counted.total()
        if count > most * rows:
            most_frequent = by_frequency(counted, 3).items()
            worst = ", ".join(f"{reason} {number}" for reason, number in most_frequent)
            return RejectRateError(
                f"{run.source.name}: {count} of {rows} rows ({count / rows:.1%}) {what}, more than "
                f"the {most:.1%} that {limit} allows; nothing was inserted. Most: {worst}"
            )
    return None


def dialer_without_database() -> Dialer:
    """Give a dialer for loads without a database: empty tables and the clock of this machine."""
    now = datetime.now().astimezone()
    offset = now.utcoffset() or timedelta()
    clock = Clock(now=now.replace(tzinfo=None, microsecond=0), offset=offset)
    return Dialer(clock=clock, columns={}, knows_leads=False)

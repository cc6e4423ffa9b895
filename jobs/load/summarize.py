"""The account of a run: its counts, what they mean, and the page that shows it."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.load.destinations import checks_off, loaded_lists
from jobs.load.new_lead_urls import new_lead_url_remark
from jobs.load.profile import estimate
from jobs.load.remarks import remarks
from jobs.load.request import Job
from jobs.load.run import ImportContext
from loader.clock import end_of
from loader.database.connection import Database
from loader.errors import LoaderError, describe_bug
from loader.frames.ranges import consecutive
from loader.notices import Notice
from loader.paths import printable_path, printable_values
from loader.queries.dialable import CallRules
from loader.reading.source import SourceFile
from loader.reasons import Reason
from loader.report.comparison import compare, source_of
from loader.results.folder import PAGE
from loader.results.summary import (
    FileSummary,
    MappingSummary,
    PartSummary,
    Score,
    Summary,
    Tally,
    by_frequency,
    in_order,
)

MANY_UNKNOWN = 0.1
"""Share of numbers that no country gives out, above which it is said."""
NO_FILTERS = {"", "NONE"}
"""What lead_filter_id says where a campaign has none."""


def with_dialable(
    summary: Summary, database: Database, without_zone: npt.NDArray[np.int64]
) -> Summary:
    """Find out which new leads of a load that is done could be called; add it to its summary.

    The load is done whatever comes of it: what fails is a remark. `without_zone` has the lead_ids
    of rows for which no time zone was found.
    """
    found = None
    try:
        calling = CallRules(database)
        found = calling.count_dialable(summary.lead_ids, without_zone)
        remarks = _remarks(calling, {each.campaign_id for each in found})
    except LoaderError as error:
        remarks = [f"what could be called is not known: {error}"]
    return summary.model_copy(update={"dialable": found, "remarks": [*summary.remarks, *remarks]})


def _remarks(calling: CallRules, campaigns: set[str]) -> list[str]:
    notes = [f"the database has no {name}, so it keeps no lead back" for name in calling.missing]
    filters = calling.campaigns.set_index("campaign_id")["lead_filter_id"]
    return notes + [
        f"campaign {campaign} calls by the lead filter {name}, which was not looked at"
        for campaign, name in filters.items()
        if campaign in campaigns and name not in NO_FILTERS
    ]


def summarize(run: ImportContext, name: str, job: Job, began: datetime) -> Summary:
    """Reconcile the counts of a run of which all rows are accounted for."""
    run.count_loaded()
    source, tally, files = run.source, run.tally, run.files
    profile = run.profile_builder.profile(tally)
    trouble = [run.profile_builder.trouble] if run.profile_builder.trouble else []
    return Summary(
        run=name,
        job=job,
        source=run.reporting.source or source_of(Path(source.first_name).name),
        file=file_summary(source),
        mapping=MappingSummary(
            fields=dict(run.mapping.fields),
            unmapped=list(run.mapping.unmapped),
            set_by_dialer=list(run.mapping.set_by_dialer),
        ),
        options=printable_values(run.options.model_dump(mode="json", exclude_defaults=True)),
        database=run.destination,
        began=began,
        ended=end_of(began),
        rows_read=tally.rows_read,
        blank_rows=tally.blank_rows,
        sample_of=run.sample_of,
        loaded=tally.loaded,
        rejected=tally.rejected,
        reasons=in_order(tally.reasons, Reason),
        reasons_all=in_order(run.profile_builder.rejected.reasons_all, Reason),
        notices=in_order(tally.notices, Notice),
        checks_off=checks_off(run.options, has_database=run.destination is not None),
        lists=loaded_lists(tally.lists, None),
        without_list=tally.without_list,
        lead_ids=consecutive(files.lead_ids()[:, 1]),
        number_types=by_frequency(tally.number_types),
        regions=by_frequency(tally.regions),
        remarks=[
            *source.remarks,
            *remarks(run.options, run.dialer, run.mapping, run.feeds, sent_to=sent_to(run)),
            *new_lead_url_remark(run.options, run.dialer.new_lead_urls, tally.lists),
            *run.remarks,
            *run.checks.columns.remarks,
            *numbers_remark(tally),
            *trouble,
        ],
        profile=profile,
        seconds={stage: round(time, 3) for stage, time in run.seconds.items()},
        results=printable_path(files.folder),
    )


def file_summary(source: SourceFile) -> FileSummary:
    """Describe a file, or several."""
    names = FileSummary.model_fields.keys() - {"columns", "parts"}
    described = {name: getattr(source, name) for name in names}
    parts = [
        PartSummary(**{name: getattr(part, name) for name in PartSummary.model_fields})
        for part in source.parts
    ]
    return FileSummary(**described, columns=list(source.columns), parts=parts)


def sent_to(run: ImportContext) -> str:
    """Name the dialer through whose API the rows go; empty: there is none."""
    return run.target.name if run.target else ""


def numbers_remark(tally: Tally) -> list[str]:
    """Say so if many of the numbers are none that their country gives out."""
    total, unknown = tally.number_types.total(), tally.number_types["UNKNOWN"]
    if unknown <= MANY_UNKNOWN * total:
        return []
    return [
        f"{unknown} of {total} numbers ({unknown / total:.0%}) are none that their country gives "
        "out: is it the right one (phone_code, default_region)? --phone-validation valid rejects "
        "them"
    ]


def expected_summary(run: ImportContext, name: str, began: datetime) -> Summary:
    """Say what an import is about to do, when all is checked and nothing is inserted."""
    tally = run.tally
    loaded = tally.rows_read - tally.rejected
    lists = {name: getattr(run.expected, name) for name in ("lists", "without_list")}
    before = replace(run, tally=tally.model_copy(update={"loaded": loaded, **lists}))
    summary = summarize(before, name, "validate", began)
    summary.lists = loaded_lists(run.expected.lists, run.database)
    # What the score needs of rejected rows is counted when they are written.
    if summary.profile:
        summary.profile.score = Score(points=None, parts=[])
    return summary


def report(summary: Summary, run: ImportContext, ledger_folder: Path, *, is_done: bool) -> Summary:
    """Write the page, then the summary, with which the results are complete; give it as written.

    Only a run that was not ended before its time `is_done`: the database may be asked more.
    """
    reporting, database = run.reporting, run.database if is_done else None
    summary.lists = loaded_lists(run.tally.lists, database)
    if summary.profile and summary.job == "validate" and summary.loaded:
        rows = summary.sample_of or summary.rows_read
        expected = estimate(rows, database, ledger_folder)
        profile = summary.profile.model_copy(update={"estimate": expected})
        summary = summary.model_copy(update={"profile": profile})
    if run.compared_with:
        summary = summary.model_copy(update={"comparison": compare(run.compared_with, summary)})
    if reporting.check_dialable and database and summary.job == "import":
        summary = with_dialable(summary, database, run.files.lead_ids_without_zone())
    if reporting.page:
        _show(summary, run)
    run.files.write_summary(summary)
    return summary


def _show(summary: Summary, run: ImportContext) -> None:
    """Write the page; if it cannot be made, the summary says so."""
    # Not every run has a page, and the rows are loaded before the charts are made.
    from loader.report.page import render_page  # noqa: PLC0415 - late: it loads the charts

    try:
        details, show_phones = run.profile_builder.details(), run.reporting.show_phones
        run.files.write(PAGE, render_page(summary, details, show_phones=show_phones))
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - the leads are loaded, with or without a page
        summary.remarks.append(f"the page was not made: {describe_bug(error)}")

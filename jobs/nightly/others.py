"""What the nights of other machines, and imports by hand, do with the files of a night."""

import os
import socket
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import PurePath

from jobs.nightly.report import FileReport
from loader.ledger.records import RunRecord
from loader.ledger.runs import Ledger

WENT_AWAY = "it went away"
"""Why a file was not loaded: another night took it, or somebody moved it."""

CLOCKS_DIFFER = timedelta(hours=1)
"""By how much those of two machines may."""


def name_others(reports: Iterable[FileReport], ledger: Ledger, since: datetime) -> None:
    """Say of files that went away, or that another process has, which run and machine has them.

    Args:
        reports: of such files; they are changed.
        ledger: of the leads.
        since: when the night began, aware.

    Raises:
        DatabaseUnavailableError: no answer after all retries.
    """
    runs = runs_of_others(ledger, since)
    for report in reports:
        run = runs.get(report.file)
        if run is None:
            continue
        report.run, report.host = run.run, run.host
        if report.why == WENT_AWAY:
            report.outcome, report.why = "elsewhere", run.state
            if run.rows_read:
                report.why += f", {run.loaded:,} of {run.rows_read:,} rows loaded"


def runs_of_others(ledger: Ledger, since: datetime) -> dict[str, RunRecord]:
    """Give the imports that other processes did since a moment, or are at.

    Args:
        ledger: of the leads.
        since: an aware time.

    Returns:
        By the printable name of the file; not those of two files that have the same name.
    """
    me = socket.gethostname(), os.getpid()
    found = ledger.imports_since(since - CLOCKS_DIFFER)
    others = [(PurePath(each.source).name, each) for each in found if (each.host, each.pid) != me]
    count = Counter(name for name, _ in others)
    return {name: run for name, run in others if count[name] == 1}

"""What the nights of other machines, and imports by hand, do with the files of a night."""

import os
import socket
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from pathlib import PurePath

from jobs.nightly.report import FileReport
from loader.database.connection import Database
from loader.database.locks import is_held
from loader.ledger.records import RunRecord
from loader.ledger.runs import Ledger

WENT_AWAY = "it went away"
"""Why a file was not loaded: another night took it, or somebody moved it."""

CLOCKS_DIFFER = timedelta(hours=1)
"""By how much those of two machines may."""


def name_others(
    reports: Iterable[FileReport], ledger: Ledger, database: Database | None, since: datetime
) -> None:
    """Say of files that went away, or that another process has, which run and machine has them.

    Args:
        reports: of such files, whose names no other file of the night has; they are changed.
        ledger: of the leads.
        database: of the locks; None: there are none.
        since: when the night began, aware.

    Raises:
        DatabaseUnavailableError: no answer after all retries.
    """
    reports = [*reports]
    runs = runs_of_others({each.file for each in reports}, ledger, database, since)
    for report in reports:
        run = runs.get(report.file)
        if run is None:
            continue
        report.run, report.host = run.run, run.host
        if report.why == WENT_AWAY:
            report.outcome, report.why = "elsewhere", run.state
            if run.rows_read:
                report.why += f", {run.loaded:,} of {run.rows_read:,} rows loaded"


def runs_of_others(
    files: Collection[str], ledger: Ledger, database: Database | None, since: datetime
) -> dict[str, RunRecord]:
    """Give the imports that other processes did since a moment, or are at.

    Args:
        files: printable names of the files that are looked for.
        ledger: of the leads.
        database: of the locks; None: there are none.
        since: an aware time.

    Returns:
        By name of the file; not those of two files that have the same name.
    """
    host, pid = socket.gethostname(), os.getpid()

    def has_its_file(run: RunRecord) -> bool:
        if run.is_unfinished:  # one that was killed has none: its file stays where it is
            return database is None or is_held(database, run.lock_name) is not False
        # The clock of this machine is known.
        return run.host != host or run.ended is None or run.ended >= since

    found = [
        (PurePath(run.source).name, run)
        for run in ledger.imports_since(since - CLOCKS_DIFFER)
        if (run.host, run.pid) != (host, pid)
    ]
    others = [(name, run) for name, run in found if name in files and has_its_file(run)]
    count = Counter(name for name, _ in others)
    return {name: run for name, run in others if count[name] == 1}

"""Imports into tables of different sizes."""

import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from jobs.load.job import load
from jobs.load.request import LoadRequest
from loader.database.connection import Database
from loader.options.throttle import PaceOptions
from tests.bench.imports import LISTED, OPTIONS, prepared
from tests.bench.leads import write_leads
from tests.support.server import PrivateServer

SIZES = (200_000, 2_000_000, 10_000_000)
"""Leads in the table."""


def growth(console: Console, folder: Path, rows: int) -> None:
    """Import the same number of rows into InnoDB tables of each size, at full pace."""
    # As servers of dialers have it; with what is usual in tests the disk would be measured.
    server = PrivateServer("--innodb-buffer-pool-size=4G", "--innodb-log-file-size=512M")
    accepted = rows - len(range(0, rows, LISTED))
    table = Table(title=f"{rows:,} rows into InnoDB, {OPTIONS.duplicate_check}")
    for name in ("leads before", "rows/s", "by stage, s"):
        table.add_column(name, justify="right")
    try:
        for size in SIZES:
            source = folder / f"into-{size}.csv"
            write_leads(source, rows, first=size)
            url = prepared(server, "InnoDB", size, rows)
            request = LoadRequest(
                str(source), OPTIONS, Database(url), folder / str(size), job="import",
                pace=PaceOptions(pace="full"),
            )  # fmt: skip
            start = time.perf_counter()
            summary = load(request)
            rate = accepted / (time.perf_counter() - start)
            assert summary.loaded == accepted
            by_stage = ", ".join(f"{stage} {value:.1f}" for stage, value in summary.seconds.items())
            console.print(f"into {size:,}: {rate:,.0f} rows/s")
            table.add_row(f"{size:,}", f"{rate:,.0f}", by_stage)
        console.print(table)
    finally:
        server.close()

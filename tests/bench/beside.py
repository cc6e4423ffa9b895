"""What a dialer that is at work feels of an import beside it, at each pace."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import numpy as np
from rich.console import Console
from rich.table import Table

from jobs.load.job import load
from jobs.load.request import LoadRequest
from loader.database.connection import Database
from loader.options.throttle import PaceOptions
from tests.bench.imports import EXISTING, OPTIONS, prepared
from tests.bench.leads import write_leads
from tests.support.server import PrivateServer

IDLE = 20.0
"""Seconds for which the dialer works alone."""

PACES = get_args(PaceOptions.model_fields["pace"].annotation)


def beside(console: Console, folder: Path, rows: int) -> None:
    """Measure a dialer's statements alone, then while so many rows are imported."""
    source = folder / "beside.csv"
    write_leads(source, rows, first=EXISTING)
    table = Table(title=f"a dialer's statements while {rows:,} rows are loaded, milliseconds")
    for name in ("engine", "pace", "seconds", "median", "p99", "longest", "p99 / idle"):
        table.add_column(name, justify="right")
    server = PrivateServer()
    try:
        for engine_name in ("InnoDB", "MyISAM"):
            idle = 0.0
            for pace in ("idle", *PACES):
                url = prepared(server, engine_name)
                began = time.perf_counter()
                with Dialer(url) as dialer:
                    if pace == "idle":
                        time.sleep(IDLE)
                    else:
                        results = folder / f"beside-{engine_name}-{pace}"
                        options = PaceOptions(pace=pace)
                        load(
                            LoadRequest(
                                str(source), OPTIONS, Database(url), results, job="import",
                                pace=options,
                            )
                        )  # fmt: skip
                seconds = time.perf_counter() - began
                p99 = float(np.quantile(dialer.taken, 0.99))
                idle = idle or p99
                times = (np.median(dialer.taken), p99, dialer.taken.max())
                table.add_row(
                    engine_name, pace, f"{seconds:.1f}", *(f"{1000 * it:.1f}" for it in times),
                    f"{p99 / idle:.1f}",
                )  # fmt: skip
        console.print(table)
    finally:
        server.close()


class Dialer:
    """A dialer in a process of its own; `taken` has the seconds of its statements afterwards."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "tests.bench.dialer", url, str(EXISTING)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.taken = np.empty(0)

    def __enter__(self) -> "Dialer":
        return self

    def __exit__(self, *_error: object) -> None:
        found, _ = self._process.communicate()
        self.taken = np.concatenate([*map(np.array, json.loads(found).values())])

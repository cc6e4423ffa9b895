"""Questions, validations and imports over one and several connections that read, side by side."""

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from rich.console import Console
from rich.table import Table

from jobs.load.job import load
from jobs.load.request import Job, LoadRequest
from loader.database.connection import Database
from loader.database.short_reads import ShortReads
from loader.options.load import LoadOptions
from loader.options.throttle import PaceOptions
from loader.queries.facts import read_dialer
from loader.queries.indexes import SYSTEM_DNC, among
from tests.bench.beside import Dialer
from tests.bench.imports import LISTED, OPTIONS, prepared
from tests.bench.leads import phones, write_leads
from tests.support.server import PrivateServer

CONNECTIONS = (1, 2, 4)
ASKED, TIMES = 20_000, 50
"""Numbers of a question, and how often it is asked."""
CHECKED = OPTIONS.model_copy(update={"duplicate_check": "DUPSYS"})


def reads(console: Console, folder: Path, rows: int, rounds: int, existing: int) -> None:
    """Ask, validate and import likewise over each number of connections, round by round."""
    server = PrivateServer("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M")
    source = folder / "leads.csv"
    write_leads(source, rows, first=existing)
    try:
        url = prepared(server, "InnoDB", existing, rows)
        _questions(console, server, url, existing)
        table = Table(title=f"{rows:,} rows against {existing:,} on InnoDB, DUPSYS and DNC")
        for name in (
            "job",
            "connections",
            "rows/s",
            "beside one",
            "server works, s",
            "by stage, s",
        ):
            table.add_column(name, justify="right")
        for job in get_args(Job):
            runs: dict[int, list[_Run]] = {count: [] for count in CONNECTIONS}
            for number in range(rounds):
                for count in CONNECTIONS:
                    given = url if job == "validate" else prepared(server, "InnoDB", existing, rows)
                    results = folder / f"{job}-{count}-{number}"
                    runs[count].append(_load(server, source, given, job, count, results))
            for count, found in runs.items():
                pairs = zip(found, runs[1], strict=True)
                ratio = statistics.median(one.seconds / its.seconds for its, one in pairs)
                rate = rows / statistics.median(its.seconds for its in found)
                worked = statistics.median(its.server_worked for its in found)
                stages = [f"{name} {seconds:.1f}" for name, seconds in found[-1].stages.items()]
                table.add_row(
                    job, f"{count}", f"{rate:,.0f}", f"{ratio:.2f}", f"{worked:.1f}",
                    ", ".join(stages),
                )  # fmt: skip
        console.print(table)
        _beside(console, server, source, folder)
    finally:
        server.close()


class _Run(NamedTuple):
    """What a load took."""

    seconds: float
    server_worked: float
    stages: dict[str, float]


def _load(
    server: PrivateServer, source: Path, url: str, job: Job, count: int, results: Path,
    pace: str = "full",
) -> _Run:  # fmt: skip
    options = CHECKED.model_copy(update={"read_connections": count})
    database = Database(url)
    request = LoadRequest(
        str(source), options, database, results, job=job, pace=PaceOptions(pace=pace)
    )
    worked, began = _cpu(server), time.perf_counter()
    summary = load(request)
    seconds = time.perf_counter() - began
    database.engine.dispose()
    return _Run(seconds, _cpu(server) - worked, summary.seconds)


def _beside(console: Console, server: PrivateServer, source: Path, folder: Path) -> None:
    """Measure what a dialer feels of imports at the normal pace."""
    table = Table(title="a dialer's statements beside an import, normal pace, milliseconds")
    for name in ("connections", "median", "p99", "longest"):
        table.add_column(name, justify="right")
    for count in CONNECTIONS:
        url = prepared(server, "InnoDB")
        with Dialer(url) as dialer:
            _load(server, source, url, "import", count, folder / f"beside-{count}", "normal")
        times = (np.median(dialer.taken), np.quantile(dialer.taken, 0.99), dialer.taken.max())
        table.add_row(f"{count}", *(f"{1000 * it:.1f}" for it in times))
    console.print(table)


def _questions(console: Console, server: PrivateServer, url: str, existing: int) -> None:
    """Time one question, and what server and client work for it: what they wait is left."""
    database = Database(url)
    dialer = read_dialer(database, LoadOptions(**CHECKED.model_dump(exclude_unset=True)))
    question = among(SYSTEM_DNC, "phone_number", dialer, "phone_number")
    numbers = phones(existing + np.arange(ASKED) * 7).astype(str).tolist()
    table = Table(title=f"a question for {ASKED:,} numbers, one in {LISTED} there, milliseconds")
    for name in ("connections", "at best", "beside one", "median", "server works", "client works"):
        table.add_column(name, justify="right")
    asking = {count: ShortReads(database, locks=False, at_once=count) for count in CONNECTIONS}
    found: dict[int, list[_Asked]] = {count: [] for count in CONNECTIONS}
    for _ in range(1 + TIMES):
        for count, its in asking.items():
            found[count].append(_timed(server, partial(its.rows, question, numbers)))
    best = {count: min(its.took for its in each[1:]) for count, each in found.items()}
    for count, each in found.items():
        _, *worked = (1000 * statistics.mean(values) for values in zip(*each[1:], strict=True))
        median = 1000 * statistics.median(its.took for its in each[1:])
        table.add_row(
            f"{count}", f"{1000 * best[count]:.1f}", f"{best[1] / best[count]:.2f}",
            f"{median:.1f}", *(f"{its:.1f}" for its in worked),
        )  # fmt: skip
    console.print(table)
    database.engine.dispose()


class _Asked(NamedTuple):
    """Seconds that a question took, and that each side worked for it."""

    took: float
    server_worked: float
    client_worked: float


def _timed(server: PrivateServer, ask: Callable[[], object]) -> _Asked:
    before, own, began = _cpu(server), time.process_time(), time.perf_counter()
    ask()
    took, own = time.perf_counter() - began, time.process_time() - own
    return _Asked(took, _cpu(server) - before, own)


def _cpu(server: PrivateServer) -> float:
    """Give the seconds that the server's process has computed."""
    pid = server.execute("SELECT @@pid_file")[0][0]
    fields = Path(f"/proc/{Path(str(pid)).read_text().strip()}/stat").read_text().rpartition(")")[2]
    return sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")

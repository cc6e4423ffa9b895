"""Questions, validations and imports over one and several connections that read, side by side."""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from jobs.load.job import load
from jobs.load.request import LoadRequest
from loader.database.connection import Database
from loader.database.short_reads import ShortReads
from loader.options.load import LoadOptions
from loader.options.throttle import PaceOptions
from loader.queries.facts import read_dialer
from loader.queries.indexes import SYSTEM_DNC, among
from tests.bench.imports import LISTED, OPTIONS, prepared
from tests.bench.leads import phones, write_leads
from tests.support.server import PrivateServer

CONNECTIONS = (1, 2, 4)
ASKED, TIMES = 20_000, 20
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
        table = Table(
            title=f"{rows:,} rows against {existing:,} on InnoDB, DUPSYS and DNC, {rounds} rounds"
        )
        for name in ("job", "connections", "rows/s", "beside one", "by stage, s"):
            table.add_column(name, justify="right")
        for job in ("validate", "import"):
            rates: dict[int, list[float]] = {count: [] for count in CONNECTIONS}
            stages: dict[int, str] = {}
            for number in range(rounds):
                for count in CONNECTIONS:
                    given = url if job == "validate" else prepared(server, "InnoDB", existing, rows)
                    results = folder / f"{job}-{count}-{number}"
                    began = time.perf_counter()
                    seconds = _load(source, given, job, count, results)
                    rates[count].append(rows / (time.perf_counter() - began))
                    stages[count] = ", ".join(f"{name} {it:.1f}" for name, it in seconds.items())
            for count, found in rates.items():
                ratio = statistics.median(f / one for f, one in zip(found, rates[1], strict=True))
                table.add_row(
                    job,
                    f"{count}",
                    f"{statistics.median(found):,.0f}",
                    f"{ratio:.2f}",
                    stages[count],
                )
        console.print(table)
    finally:
        server.close()


def _load(source: Path, url: str, job: str, count: int, results: Path) -> dict[str, float]:
    options = CHECKED.model_copy(update={"read_connections": count})
    database = Database(url)
    request = LoadRequest(
        str(source), options, database, results, job=job, pace=PaceOptions(pace="full")
    )
    summary = load(request)
    database.engine.dispose()
    return summary.seconds


def _questions(console: Console, server: PrivateServer, url: str, existing: int) -> None:
    """Time one question, and what server and client work for it: what they wait is left."""
    database = Database(url)
    dialer = read_dialer(database, LoadOptions(**CHECKED.model_dump(exclude_unset=True)))
    question = among(SYSTEM_DNC, "phone_number", dialer, "phone_number")
    numbers = phones(existing + np.arange(ASKED) * 7).astype(str).tolist()
    table = Table(title=f"a question for {ASKED:,} numbers, one in {LISTED} there, milliseconds")
    for name in ("connections", "takes", "beside one", "server works", "client works"):
        table.add_column(name, justify="right")
    one = 0.0
    for count in CONNECTIONS:
        its = ShortReads(database, locks=False, at_once=count)
        its.rows(question, numbers)
        took, server_worked, client_worked = _timed(
            server, lambda its=its: its.rows(question, numbers)
        )
        one = one or took
        table.add_row(
            f"{count}", f"{took:.1f}", f"{one / took:.2f}", f"{server_worked:.1f}",
            f"{client_worked:.1f}",
        )  # fmt: skip
    console.print(table)
    database.engine.dispose()


def _timed(server: PrivateServer, ask: Callable[[], object]) -> tuple[float, float, float]:
    """Give the median of how long it takes, and what each side works for it; milliseconds."""
    taken = []
    before, own = _cpu(server), time.process_time()
    for _ in range(TIMES):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    own, its = time.process_time() - own, _cpu(server) - before
    return 1000 * statistics.median(taken), 1000 * its / TIMES, 1000 * own / TIMES


def _cpu(server: PrivateServer) -> float:
    """Give the seconds that the server's process has computed."""
    pid = server.execute("SELECT @@pid_file")[0][0]
    fields = Path(f"/proc/{Path(str(pid)).read_text().strip()}/stat").read_text().rpartition(")")[2]
    return sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")

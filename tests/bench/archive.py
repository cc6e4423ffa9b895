"""leadloader's archive beside Percona's pt-archiver, as whole processes on the same server."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, make_url

from loader.database import schema
from tests.support.server import PrivateServer, run
from tests.support.worked_leads import PROCESSED, insert_leads

CHUNK = 500

ROOM_IN_MEMORY = "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=96M"

SYNCED = (
    "--debug-no-sync=0",
    "--innodb-flush-method=O_DIRECT",
    "--innodb-flush-log-at-trx-commit=1",
)
"""What the tests turn off, as an installed server has it."""

Command = Callable[[str, Path], list[str]]
"""Gives the command for the database at an address, with a folder that it may write to."""


def leadloader(url: str, folder: Path) -> list[str]:
    """Archive by rule as a user does, with nothing but chunk and statuses said."""
    return [
        str(Path(sys.executable).with_name("leadloader")), "archive", "--database", url,
        "--statuses", ",".join(PROCESSED), "--chunk-size", str(CHUNK),
        "--results", str(folder), "--quiet",
    ]  # fmt: skip


def pt_archiver(url: str, _folder: Path) -> list[str]:
    """Archive as it usually is done: row by row, a commit for each chunk.

    Without its charset, names with accents come out of a bulk insert in other columns.
    """
    address = make_url(url)
    dsn = (
        f"h={address.host},P={address.port},u={address.username},p={address.password},"
        f"D={address.database},L=1,t="
    )
    statuses = ", ".join(f"'{status}'" for status in PROCESSED)
    return [
        "pt-archiver", "--source", f"{dsn}vicidial_list", "--dest", f"{dsn}vicidial_list_archive",
        "--where", f"status IN ({statuses})", "--limit", str(CHUNK), "--commit-each",
        "--no-check-charset", "--no-version-check", "--charset", "utf8",
    ]  # fmt: skip


def pt_archiver_in_bulk(url: str, folder: Path) -> list[str]:
    """Archive with its fastest options: LOAD DATA and one DELETE for each chunk."""
    return [*pt_archiver(url, folder), "--bulk-insert", "--bulk-delete"]


def archive(
    console: Console, folder: Path, leads: int, processed: int, rounds: int, *, synced: bool
) -> None:
    """Archive the `processed` ones of so many leads by each contender, in turn, on both engines."""
    contenders: dict[str, Command] = {"leadloader archive": leadloader}
    if shutil.which("pt-archiver"):
        contenders |= {
            "pt-archiver": pt_archiver,
            "pt-archiver --bulk-insert --bulk-delete": pt_archiver_in_bulk,
        }
    else:
        console.print(
            "Without pt-archiver to compare with; get it by: "
            "apt-get install --no-install-recommends percona-toolkit"
        )
    server = PrivateServer(*ROOM_IN_MEMORY, *(SYNCED if synced else ()))
    try:
        table = Table(
            "engine", "chunks of 500", "rows/s", "seconds", "start-up, s", "rows/s without it",
            "ours to it", "without start-up",
            title=f"{processed:,} of {leads:,} leads into vicidial_list_archive",
        )  # fmt: skip
        for engine_name in ("MyISAM", "InnoDB"):
            original = _database(server, engine_name, leads, processed)
            times: dict[str, list[float]] = {name: [] for name in contenders}
            starts: dict[str, list[float]] = {name: [] for name in contenders}
            for command in contenders.values():
                nothing = _database(server, engine_name, 0, 0)
                _seconds(command, nothing, folder)
                _drop(server, nothing)
            for _ in range(rounds):
                for name, command in contenders.items():
                    nothing = _database(server, engine_name, 0, 0)
                    starts[name].append(_seconds(command, nothing, folder))
                    url = _copy(server, engine_name, original)
                    times[name].append(_seconds(command, url, folder))
                    _check(url, original, leads, processed)
                    for each in (nothing, url):
                        _drop(server, each)
            _drop(server, original)
            _tell(table, engine_name, processed, times, starts)
        console.print(
            f"MariaDB {server.execute('SELECT VERSION()')[0][0]}, "
            + ("each commit synced to disk" if synced else "nothing synced to disk")
            + f"; whole processes, start-up in them; medians of {rounds}"
        )
        console.print(table)
    finally:
        server.close()


def _tell(
    table: Table,
    engine_name: str,
    processed: int,
    times: dict[str, list[float]],
    starts: dict[str, list[float]],
) -> None:
    medians = {name: statistics.median(starts[name]) for name in times}
    alone = {name: [each - medians[name] for each in times[name]] for name in times}
    for name, seconds in times.items():
        median, median_alone = statistics.median(seconds), statistics.median(alone[name])
        ratios = (_ratio(by_name, name) for by_name in (times, alone))
        table.add_row(
            engine_name, name, f"{processed / median:,.0f}",
            f"{median:.2f} ({min(seconds):.2f} to {max(seconds):.2f})", f"{medians[name]:.2f}",
            f"{processed / median_alone:,.0f}", *(f"{ratio:.2f}" for ratio in ratios),
        )  # fmt: skip


def _ratio(seconds: dict[str, list[float]], other: str) -> float:
    """Say how many times as fast the first contender is as another: the median of the rounds."""
    ours, *_ = seconds.values()
    return statistics.median(their / our for their, our in zip(seconds[other], ours, strict=True))


def _database(server: PrivateServer, engine_name: str, leads: int, processed: int) -> str:
    """Make a database with all of the dialer's tables and so many leads."""
    url = server.new_database()
    engine = create_engine(url)
    schema.create_missing(engine, storage_engine=engine_name)
    engine.dispose()
    if leads:
        insert_leads(url, leads, processed)
    return url


def _copy(server: PrivateServer, engine_name: str, original: str) -> str:
    url = _database(server, engine_name, 0, 0)
    run(url, f"INSERT INTO vicidial_list SELECT * FROM {_name(original)}.vicidial_list")
    return url


def _check(url: str, original: str, leads: int, processed: int) -> None:
    """Whoever was fast has moved exactly these rows, and they are what they were."""
    count, values = _contents(original, "vicidial_list")
    stayed, values_stayed = _contents(url, "vicidial_list")
    moved, values_moved = _contents(url, "vicidial_list_archive")
    statuses = ", ".join(f"'{status}'" for status in PROCESSED)
    wrong = f"SELECT COUNT(*) FROM vicidial_list WHERE status IN ({statuses})"
    assert (count, stayed, moved) == (leads, leads - processed, processed)
    assert run(url, wrong) == [(0,)]
    assert values_stayed + values_moved == values, "rows are not what they were"


def _contents(url: str, name: str) -> tuple[int, int]:
    """Give the count of the rows and a sum over all their values."""
    columns = ", ".join(f"`{row[0]}`" for row in run(url, f"SHOW COLUMNS FROM {name}"))
    found = run(url, f"SELECT COUNT(*), SUM(CRC32(JSON_ARRAY({columns}))) FROM {name}")
    return int(found[0][0]), int(found[0][1] or 0)


def _seconds(command: Command, url: str, folder: Path) -> float:
    arguments = command(url, folder / f"archive-{time.time_ns()}")
    # An installed program is compiled, whatever is usual where it is developed.
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    start = time.perf_counter()
    done = subprocess.run(
        arguments, check=False, capture_output=True, text=True, env=os.environ | compiled
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{arguments[0]} ended with {done.returncode}:\n{done.stderr}")
    return seconds


def _name(url: str) -> str:
    return str(make_url(url).database)


def _drop(server: PrivateServer, url: str) -> None:
    server.execute(f"DROP DATABASE {_name(url)}")

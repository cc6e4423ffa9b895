"""A large file through the local engine and through a Dask cluster: time, memory, same results."""

import filecmp
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench.imports import EXISTING, prepared
from tests.bench.leads import phones, write_leads
from tests.support.server import PrivateServer

CHECKS = "DUPSYS-DUPNAMEPHONELIST"
REPEATED = 10
"""One in so many rows has the number of an earlier one."""
IN_FEED = 40
"""One in so many numbers of the feed may be that of a lead."""
WORKERS = 2
NUMBERS_AT_ONCE = 1_000_000
SECONDS_BETWEEN_LOOKS = 0.5
TICKS = os.sysconf("SC_CLK_TCK")
UNLIKE = ("run", "began", "ended", "seconds", "results", "options")
"""What two summaries of the same results may differ in."""
PROGRAM = "import sys; from jobs.cli.main import run; sys.exit(run(sys.argv[1:]))"


def scale(console: Console, folder: Path, rows: int, listed: int) -> None:
    """Validate a file against a feed and existing leads; on the cluster a worker is killed."""
    source, feed = folder / "leads.csv", folder / "feed.csv"
    _write_repeating(source, rows)
    _write_feed(feed, listed)
    console.print(
        f"{rows:,} rows ({source.stat().st_size / 1e6:,.0f} MB), {CHECKS}, a feed of {listed:,} "
        f"numbers, {EXISTING:,} existing leads"
    )
    server = PrivateServer()
    try:
        url = prepared(server, "InnoDB")
        flags = [
            str(source), "--database", url, "--list-id", "101", "--duplicate-check", CHECKS,
            "--feed", f"large={feed}", "--max-file-size", "100000",
        ]  # fmt: skip
        local = _Measured(folder / "local")
        local.run([*flags, "--workers", str(WORKERS)], {})
        local.tell(console, f"engine local, {WORKERS} workers")
        with _Cluster(folder) as cluster:
            dask = _Measured(folder / "dask", kill=cluster.workers[0], bytes_of=source)
            dask.run(
                [*flags, "--engine", "dask", "--scheduler", cluster.address], cluster.processes
            )
            dask.tell(console, f"engine dask, {WORKERS} workers, one of them killed on the way")
        console.print(f"results: {'the same' if local.has_results_of(dask) else 'NOT THE SAME'}")
    finally:
        server.close()


@dataclass
class _Use:
    """What a process has used."""

    cpu: float = 0.0
    """Seconds."""
    peak: int = 0
    """KiB, with the pages of files that it has mapped."""
    own: int = 0
    """KiB at most, without these."""


@dataclass
class _Measured:
    """A validation in a process of its own, and what it and others use meanwhile."""

    results: Path
    kill: "subprocess.Popen[bytes] | None" = None
    """Is killed when a third of the file was read."""
    bytes_of: Path | None = None
    seconds: float = 0.0
    uses: dict[str, _Use] = field(default_factory=dict)

    def run(self, flags: Sequence[str], others: Mapping[str, "subprocess.Popen[bytes]"]) -> None:
        began = time.perf_counter()
        command = [sys.executable, "-c", PROGRAM, "validate", *flags]
        with subprocess.Popen(
            [*command, "--results", str(self.results), "--quiet"], stdout=subprocess.DEVNULL
        ) as process:
            while process.poll() is None:
                self._look("main process", process.pid)
                for name, other in others.items():
                    self._look(name, other.pid)
                for number, pid in enumerate(_children(process.pid), start=1):
                    self._look(f"worker {number}", pid)
                if self.kill and self._share_read(process.pid) > 1 / 3:
                    self.kill.send_signal(signal.SIGKILL)
                    self.kill = None
                time.sleep(SECONDS_BETWEEN_LOOKS)
            assert process.returncode == 0
        self.seconds = time.perf_counter() - began

    def tell(self, console: Console, what: str) -> None:
        table = Table(title=f"{what}: {self.seconds:,.0f} s")
        for name in ("process", "CPU, s", "peak memory, MiB", "of it not mapped, MiB"):
            table.add_column(name, justify="right")
        for name, use in self.uses.items():
            table.add_row(
                name, f"{use.cpu:,.0f}", f"{use.peak / 1024:,.0f}", f"{use.own / 1024:,.0f}"
            )
        console.print(table)
        console.print(f"by stage: {_summary(self.results)['seconds']}")

    def has_results_of(self, other: "_Measured") -> bool:
        summaries = [_summary(each.results) for each in (self, other)]
        for summary in summaries:
            for name in UNLIKE:
                del summary[name]
        names = ("loaded.csv", "rejected.csv")
        return summaries[0] == summaries[1] and all(
            filecmp.cmp(self.results / name, other.results / name, shallow=False) for name in names
        )

    def _look(self, name: str, pid: int) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text("ascii")
            times = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        except (OSError, ProcessLookupError):
            return
        sizes = dict(line.split(":", 1) for line in status.splitlines())
        if "VmHWM" not in sizes:
            return
        use = self.uses.setdefault(name, _Use())
        use.cpu = (int(times[11]) + int(times[12])) / TICKS
        use.peak = int(sizes["VmHWM"].split()[0])
        use.own = max(use.own, int(sizes["RssAnon"].split()[0]))

    def _share_read(self, pid: int) -> float:
        """Say how much of the file was split into blocks, by where it is being read."""
        assert self.bytes_of is not None
        places = [0]
        if "worker 1" in self.uses and self.uses["worker 1"].cpu > 10:
            for link in Path(f"/proc/{pid}/fd").iterdir():
                try:
                    if link.readlink() == self.bytes_of:
                        info = Path(f"/proc/{pid}/fdinfo/{link.name}").read_text("ascii")
                        places.append(int(info.split()[1]))
                except OSError:
                    continue
        return max(places) / self.bytes_of.stat().st_size


class _Cluster:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self.address = "tcp://127.0.0.1:18786"
        scheduler = _dask("scheduler", "--host", "127.0.0.1", "--port", "18786", "--no-dashboard")
        self.workers = [
            _dask(
                "worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
                "--local-directory", str(folder),
            )
            for _ in range(WORKERS)
        ]  # fmt: skip
        named = {f"worker {number}": each for number, each in enumerate(self.workers, start=1)}
        self.processes = {"scheduler": scheduler, **named}
        time.sleep(20)  # they import all that they need

    def __enter__(self) -> "_Cluster":
        return self

    def __exit__(self, *_error: object) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


def _dask(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _children(pid: int) -> list[int]:
    try:
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split())]
    except OSError:
        return []


def _summary(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "summary.json").read_text("utf-8"))
    return found


def _write_repeating(path: Path, rows: int) -> None:
    unique = rows - rows // REPEATED
    write_leads(path, unique)
    more = path.with_suffix(".more")
    write_leads(more, rows // REPEATED, first=unique // 3)
    with path.open("ab") as out, more.open("rb") as file:
        file.readline()
        while data := file.read(1 << 24):
            out.write(data)
    more.unlink()


def _write_feed(path: Path, numbers: int) -> None:
    with path.open("wb") as file:
        file.write(b"phone\n")
        for start in range(0, numbers, NUMBERS_AT_ONCE):
            at = np.arange(start, min(start + NUMBERS_AT_ONCE, numbers))
            # Those of others begin where no file of leads ends.
            at = np.where(at % IN_FEED == 0, at // 2, at + 30_000_000)
            lines = np.char.add("+1", phones(at).astype(str)).astype("S12").tolist()
            file.write(b"\n".join(lines) + b"\n")

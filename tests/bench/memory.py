"""A validation's peak memory."""

import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from loader.results.folder import PAGE
from tests.bench.imports import EXISTING, prepared
from tests.bench.leads import write_leads
from tests.support.server import PrivateServer


def memory(console: Console, folder: Path, rows: int) -> None:
    """Validate a large file without and with a database, each in a process of its own.

    A tenth of the existing leads' number is in the file.
    """
    source = folder / "large.csv"
    write_leads(source, rows, first=EXISTING - EXISTING // 10)
    tell(console, source, rows, "no database", "none", "--duplicate-check", "DUPSYS90DAY")
    server = PrivateServer()
    try:
        for engine_name in ("InnoDB", "MyISAM"):
            url = prepared(server, engine_name)
            flags = ["--duplicate-check", "DUPSYS90DAY", "--dnc-check", "Y", "--list-id", "101"]
            tell(console, source, rows, f"{engine_name}, {EXISTING:,} leads", url, *flags)
    finally:
        server.close()


def tell(console: Console, source: Path, rows: int, what: str, url: str, *flags: str) -> None:
    """Validate and tell seconds, peak memory, and the size of the page."""
    program = (
        "import sys, re, pathlib; from jobs.cli.main import run; code = run(sys.argv[1:]);"
        "print(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1]);"
        "sys.exit(code)"
    )
    start = time.perf_counter()
    results = source.with_name(f"results of {what}")
    done = subprocess.run(
        [
            sys.executable, "-c", program, "validate", str(source), "--quiet", *flags,
            "--database", url, "--results", str(results),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    size = source.stat().st_size / 1e6
    peak = int(done.stdout.split()[-1]) / 1024
    page = (results / PAGE).stat().st_size / 1e3
    console.print(
        f"validate, {what}: {rows:,} rows ({size:.0f} MB) in {seconds:.1f} s "
        f"({rows / seconds:,.0f} rows/s), peak memory {peak:.0f} MiB, page {page:.0f} kB"
    )

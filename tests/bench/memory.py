"""A validation's peak memory."""

import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from tests.bench.leads import write_leads


def memory(console: Console, folder: Path, rows: int) -> None:
    """Validate a large file in a process of its own and tell its peak memory."""
    source = folder / "large.csv"
    write_leads(source, rows)
    program = (
        "import sys, re, pathlib; from jobs.command import run; code = run(sys.argv[1:]);"
        "print(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1]);"
        "sys.exit(code)"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [
            sys.executable, "-c", program, "validate", str(source), "--quiet",
            "--duplicate-check", "DUPSYS90DAY", "--database", "none",
            "--results", str(folder / "large"),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    size = source.stat().st_size / 1e6
    peak = int(done.stdout.split()[-1]) / 1024
    console.print(
        f"validate, no database: {rows:,} rows ({size:.0f} MB) in {seconds:.1f} s "
        f"({rows / seconds:,.0f} rows/s), peak memory {peak:.0f} MiB"
    )

"""How long a small file takes, from the start of the program to its end."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from tests.bench.imports import EXISTING, prepared
from tests.bench.leads import write_leads
from tests.support.server import PrivateServer

ROWS = 100


def start(console: Console, folder: Path, rounds: int) -> None:
    """Import 100 rows into a database, as a user does; the first time does not count."""
    server = PrivateServer()
    try:
        url = prepared(server, "InnoDB")
        # An installed program is compiled, whatever is usual where it is developed.
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        seconds = []
        for number in range(rounds + 1):
            source = folder / f"small-{number}.csv"
            write_leads(source, ROWS, first=EXISTING + ROWS * number)
            began = time.perf_counter()
            subprocess.run(
                [
                    str(Path(sys.executable).with_name("leadloader")), "import", str(source),
                    "--database", url, "--list-id", "101", "--duplicate-check", "DUPSYS90DAY",
                    "--dnc-check", "Y", "--results", str(folder / f"small-{number}"), "--quiet",
                ],
                check=True, capture_output=True, env=os.environ | compiled,
            )  # fmt: skip
            seconds.append(time.perf_counter() - began)
        console.print(
            f"import of {ROWS} rows into {EXISTING:,} leads on InnoDB, from start to exit: "
            f"{statistics.median(seconds[1:]):.2f} s, median of {rounds}"
        )
    finally:
        server.close()

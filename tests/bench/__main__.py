"""`make bench`: what is measured, beside what; all of it, or what is named."""

import argparse
import os
import platform
import tempfile
from pathlib import Path

from rich.console import Console

from tests.bench.archive import archive
from tests.bench.beside import beside
from tests.bench.growth import growth
from tests.bench.imports import EXISTING, imports
from tests.bench.memory import memory
from tests.bench.phones import phones
from tests.bench.reads import reads
from tests.bench.scale import scale
from tests.bench.serve import serve
from tests.bench.start import start

MEASUREMENTS = ("imports", "start", "beside", "memory", "archive", "phones", "serve")
LARGE = ("growth", "scale", "reads")
"""Those that take long: only if they are named."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("what", nargs="*", help=f"some of {', '.join(MEASUREMENTS + LARGE)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100_000, help="of an import")
    parser.add_argument("--existing", type=int, default=EXISTING, help="leads before an import")
    parser.add_argument("--beside-rows", type=int, default=200_000, help="beside a dialer")
    parser.add_argument("--memory-rows", type=int, default=2_000_000, help="of the validation")
    parser.add_argument(
        "--scale-rows", type=int, default=2_000_000, help="on one and many machines"
    )
    parser.add_argument("--scale-feed", type=int, default=5_000_000, help="numbers beside them")
    parser.add_argument("--phones", type=int, default=1_000_000, help="numbers to parse")
    parser.add_argument("--compared", type=int, default=200_000, help="with phonenumbers")
    parser.add_argument("--leads", type=int, default=220_000, help="in the table of the archive")
    parser.add_argument("--processed", type=int, default=20_000, help="of them to be archived")
    parser.add_argument(
        "--synced", action="store_true", help="archive: the server syncs each commit to disk"
    )
    arguments = parser.parse_args()
    what = arguments.what or MEASUREMENTS
    if unknown := set(what) - {*MEASUREMENTS, *LARGE}:
        known = ", ".join(MEASUREMENTS + LARGE)
        parser.error(f"there is no {', '.join(unknown)}; there are {known}")
    arguments.what = what
    return arguments


def main() -> None:
    arguments = _arguments()
    what = arguments.what
    console = Console()
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory(prefix="leadloader-bench-") as name:
        folder, of = Path(name), arguments
        measures = {
            "imports": lambda: imports(console, folder, of.rows, of.rounds, of.existing),
            "reads": lambda: reads(console, folder, of.rows, of.rounds, of.existing),
            "growth": lambda: growth(console, folder, of.rows),
            "start": lambda: start(console, folder, of.rounds),
            "beside": lambda: beside(console, folder, of.beside_rows),
            "memory": lambda: memory(console, folder, of.memory_rows),
            "scale": lambda: scale(console, folder, of.scale_rows, of.scale_feed),
            "phones": lambda: phones(console, of.phones, of.compared),
            "serve": lambda: serve(console, folder),
            "archive": lambda: archive(
                console, folder, of.leads, of.processed, of.rounds, synced=of.synced
            ),
        }
        if any(measure() for name, measure in measures.items() if name in what):
            raise SystemExit(1)


main()

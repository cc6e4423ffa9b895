"""A process of `serve` over a database."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(database_url: str, folder: Path, *flags: str) -> Iterator[str]:
    """Start it in a folder, and give its address."""
    command = [sys.executable, "-m", "leadloader", "serve", "--port", "0", *flags]
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "LEADLOADER_DATABASE": database_url,
    }  # fmt: skip
    with subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            said = ""
            for line in process.stderr:
                said += line
                if found := re.search("listening at (.*)", line):
                    yield found[1].strip()
                    break
            else:
                raise AssertionError(said)
        finally:
            process.terminate()
            process.wait()

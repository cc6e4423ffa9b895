"""Calls of the installed program, in a folder, with nothing of the shell that the tests have."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

TOPS = ("loader", "jobs", "sample_data")
"""The packages of the wheel."""


def run(
    program: Path, folder: Path, *arguments: str, more: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "80", **(more or {})}
    return subprocess.run(
        [str(program), *arguments], cwd=folder, env=environment, check=False,
        capture_output=True, text=True,
    )  # fmt: skip


def lines(done: "subprocess.CompletedProcess[str]") -> Sequence[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()

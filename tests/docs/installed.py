"""Calls of the installed program, in a folder, with nothing of the shell that the tests have."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.warm import SCRIPT, run_warm

TOPS = ("loader", "jobs", "sample_data")
"""The packages of the wheel."""


def run(
    program: Path, folder: Path, *arguments: str, more: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Start it as a shell does."""
    return subprocess.run(
        [str(program), *arguments], cwd=folder, env=_environment(folder, more), check=False,
        capture_output=True, text=True,
    )  # fmt: skip


def run_imported(
    program: Path, folder: Path, *arguments: str, more: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Let a process go on with it that has imported all its modules, which takes most of a call."""
    return run_warm(
        program, *arguments, program=SCRIPT, python=str(program.with_name("python")), cwd=folder,
        env=_environment(folder, more),
    )  # fmt: skip


def _environment(folder: Path, more: Mapping[str, str] | None) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "80", **(more or {})}


def lines(done: "subprocess.CompletedProcess[str]") -> Sequence[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()

"""The folder of a run's results: whose it is, and errors of its disk."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from loader.errors import ResultsError, UsageError

SUMMARY, PAGE = "summary.json", "report.html"

RUN_FILE = "run"
"""Who works in the folder."""


def run_in(folder: Path) -> str:
    """Give the name of the run that works in a folder, or did until it was killed; "": none."""
    path = folder / ".work" / RUN_FILE
    return path.read_text("utf-8") if path.exists() else ""


def forget(folder: Path) -> None:
    """Delete what a run needs in its folder that is not at its end."""
    shutil.rmtree(folder / ".work", ignore_errors=True)


@contextmanager
def translate_disk_errors() -> Iterator[None]:
    """Say clearly that files cannot be written; for those that are read, their readers say it.

    Raises:
        ResultsError: a full disk, a limit of the size of files.
    """
    try:
        yield
    except OSError as error:
        raise ResultsError(
            f"results or a temporary file cannot be written: {error.strerror or error}; what was "
            "done is not lost: make room, and the same command completes it"
        ) from None


def refuse_other_results(folder: Path, names: Sequence[str]) -> None:
    """Keep results from being overwritten.

    Raises:
        UsageError: the folder holds one of the files.
    """
    if any((folder / name).exists() for name in names):
        raise UsageError(f"{folder} holds the results of another run; name another folder")

"""A load in a process of its own, which can be killed from outside or at a step of its own."""

import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loader.reading.part_files import PartFiles

CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"})
"""Python's audit events of changes of files; `open` for writing is one, too."""

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT

CONTEXT = multiprocessing.get_context("forkserver")
# Imported once, because it takes a second.
CONTEXT.set_forkserver_preload(
    ["jobs.load.job", "loader.database.connection", "tests.support.loads"]
)


def start(
    url: str,
    path: "Path | PartFiles",
    options: Mapping[str, Any],
    results: Path,
    dies_before: int = 0,
) -> BaseProcess:
    """Start a load.

    Args:
        url: of the database.
        path: of the file, or several.
        options: of the load.
        results: folder of the results.
        dies_before: number of the step that changes a file before which it kills itself; 0: none.
    """
    process = CONTEXT.Process(target=_load, args=(url, path, dict(options), results, dies_before))
    process.start()
    return process


def _load(
    url: str, path: "Path | PartFiles", options: dict[str, Any], results: Path, dies_before: int
) -> None:
    from jobs.load.job import load  # noqa: PLC0415 - heavy, and only the child needs it
    from jobs.load.request import LoadRequest  # noqa: PLC0415
    from loader.database.connection import Database  # noqa: PLC0415
    from loader.options.load import LoadOptions  # noqa: PLC0415
    from tests.support.loads import workers_from_the_first_row  # noqa: PLC0415

    sys.dont_write_bytecode = True
    if dies_before:
        _die_before(dies_before)
    wanted, source = LoadOptions(**options), str(path) if isinstance(path, Path) else path
    with workers_from_the_first_row():
        load(LoadRequest(source, wanted, Database(url), results, job="import"))


def is_change(event: str, arguments: tuple[Any, ...]) -> bool:
    """Say whether an audit event tells of a change of a file."""
    if event == "open":
        return isinstance(arguments[2], int) and arguments[2] & WRITES != 0
    return event in CHANGES


def _die_before(nth: int) -> None:
    steps = itertools.count(1)

    def kill_at_step(event: str, arguments: tuple[Any, ...]) -> None:
        if is_change(event, arguments) and next(steps) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill_at_step)

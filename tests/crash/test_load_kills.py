"""A load that is killed, with its server or alone, is completed by the same command.

`make test` takes some of its steps, `make crashes` every one: each statement, each commit, each
packet of rows, and each change of a file.
"""

import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from loader.errors import LoadedBeforeError
from tests.crash.load_points import (
    LOADS,
    ROWS,
    STATEMENT,
    STEP,
    Crash,
    Dialer,
    LoadDialers,
    Loss,
    Point,
)
from tests.support import failpoints
from tests.support.proxy import Moment, Proxy
from tests.support.server import PrivateServer

pytestmark = pytest.mark.engines("myisam", "innodb")

LOSSES: tuple[tuple[Loss, Moment], ...] = (
    ("line", "before"),
    ("line for good", "after"),
    ("server", "during"),
    ("server", "after"),
    ("client", "during"),
    ("client", "after"),
)
"""Before a step it is as after the one before, but for a line: then it is sent again."""

SOME_LOSSES: tuple[tuple[Loss, Moment], ...] = (
    ("line", "after"),
    ("server", "during"),
    ("client", "during"),
)
SAMPLE: tuple[Crash, ...] = (
    Crash("update", "line", "after", STEP, 4),  # the run's own entry is committed
    Crash("refused by file", "line", "after", STEP, 9),  # that of a batch of leads
    Crash("update", "line", "after", STEP, 36),  # that of changes
    Crash("update", "client", "during", ROWS, 1),
    Crash("refused by file", "client", "during", STEP, 40),  # a lead is set back
    Crash("update", "server", "during", STEP, 10),  # leads
    Crash("update", "server for good", "during", STEP, 38),  # changes
    Crash("connections", "line", "after", STEP, 11),
    Crash("connections", "client", "during", STEP, 12),
    Crash("connections", "server", "during", STEP, 13),
)
SAMPLE_OF_STEPS = (51, 72)
"""The second round waits on disk and is not noted yet; all is done but to tidy up."""

EVERY: tuple[Crash, ...] = (
    *(Crash("update", *loss, packet, None) for packet in (STEP, ROWS) for loss in LOSSES),
    *(
        Crash(name, *loss, STEP, None)
        for name in ("move", "refused", "refused by file", "connections")
        for loss in SOME_LOSSES
    ),
    Crash("update", "line", "after", STATEMENT, None),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    full = metafunc.config.getoption("full")
    if "crash" in metafunc.fixturenames:
        metafunc.parametrize("crash", EVERY if full else SAMPLE, ids=str)
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", LOADS if full else ["refused by file"])


@pytest.fixture
def step(points: Iterator[int], pytestconfig: pytest.Config) -> Iterator[int]:
    """Numbers of the steps at which a process kills itself."""
    return points if pytestconfig.getoption("full") else iter(SAMPLE_OF_STEPS)


def completed(dialer: Dialer, results: Path) -> dict[str, Any]:
    """Give the same command once more; give what there is then."""
    dialer.start()
    with suppress(LoadedBeforeError):
        dialer.load(dialer.url, results)
    return dialer.account(results)


@pytest.mark.sample(1)
def test_the_same_command_completes_what_was_lost(
    load_dialers: LoadDialers,
    engine_name: str,
    private_server: PrivateServer,
    tmp_path: Path,
    crash: Crash,
    points: Iterator[int],
) -> None:
    dialer = load_dialers(engine_name, crash.load)
    for number in points if crash.nth is None else [crash.nth]:
        dialer.set_back()
        results = tmp_path / f"{number}"
        with Proxy(private_server) as proxy:
            came = Point(dialer, proxy, results).reached(crash, number)
        assert completed(dialer, results) == dialer.expected, f"after packet {number}"
        if not came:
            assert number > 1
            break
        print(f"point {engine_name} {crash} {number}")


def test_the_same_command_completes_what_was_killed_between_two_steps(
    load_dialers: LoadDialers, engine_name: str, tmp_path: Path, name: str, step: Iterator[int]
) -> None:
    dialer = load_dialers(engine_name, name)
    for number in step:
        dialer.set_back()
        results = tmp_path / f"{number}"
        child = failpoints.start(dialer.url, dialer.path, dialer.options, results, number)
        child.join()
        assert completed(dialer, results) == dialer.expected, f"after step {number}"
        if child.exitcode == 0:
            assert number > 1
            break
        assert child.exitcode == -signal.SIGKILL
        print(f"point {engine_name} {name} step {number}")

"""A load that is killed, with its server or alone, is completed by the same command.

`make test` takes some of its steps, `make crashes` every one: each statement, each commit, each
packet of rows, and each change of a file.
"""

import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import cycle, product, starmap
from pathlib import Path
from typing import Any

import pytest

from loader.errors import LoadedBeforeError
from tests.conftest import part_of
from tests.crash.load_points import (
    LOADS,
    QUESTION,
    ROWS,
    STATEMENT,
    STEP,
    Crash,
    Dialer,
    LoadDialers,
    Loss,
    Parallelism,
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
POINTS: tuple[Crash, ...] = (
    Crash("update", "line", "after", STEP, 4),  # the run's own entry is committed
    Crash("refused by file", "line", "after", STEP, 9),  # that of a batch of leads
    Crash("update", "line", "after", STEP, 36),  # that of changes
    Crash("update", "client", "during", ROWS, 1),
    Crash("refused by file", "client", "during", STEP, 40),  # a lead is set back
    Crash("update", "server", "during", STEP, 10),  # leads
    Crash("update", "server for good", "during", STEP, 38),  # changes
    Crash("update", "line", "after", STEP, 11),  # batches of several connections
    Crash("update", "client", "during", STEP, 12),
    Crash("update", "server", "during", STEP, 13),
    Crash("update", "line", "after", QUESTION, 1),  # workers wait for the answer
    Crash("update", "client", "during", QUESTION, 2),
    Crash("update", "server", "during", QUESTION, 2),
)
PARALLEL = tuple(starmap(Parallelism, product((1, 2, 4), (1, 2))))
SAMPLE = tuple(
    crash._replace(parallelism=parallelism)
    for crash, parallelism in zip(POINTS, cycle(PARALLEL), strict=False)
)
"""Each point once, in one of the ways of `PARALLEL`."""
SAMPLE_OF_STEPS = (51, 72)
"""By one worker the second round waits on disk and is not noted yet; all is done but to tidy up."""

EVERY: tuple[Crash, ...] = (
    *(Crash("update", *loss, packet, None) for packet in (STEP, ROWS) for loss in LOSSES),
    *(
        Crash(name, *loss, STEP, None)
        for name in ("move", "refused", "refused by file")
        for loss in SOME_LOSSES
    ),
    *(Crash("update", *loss, STEP, None, Parallelism(connections=2)) for loss in SOME_LOSSES),
    *(Crash("update", *loss, QUESTION, None, Parallelism(2, 2)) for loss in SOME_LOSSES),
    *(crash._replace(parallelism=parallelism) for crash in POINTS for parallelism in PARALLEL),
    Crash("update", "line", "after", STATEMENT, None),
)
EVERY_STEP = (
    *((name, Parallelism()) for name in LOADS),
    ("update", Parallelism(1, 2)),
    ("update", Parallelism(4, 2)),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    full = metafunc.config.getoption("full")
    if "crash" in metafunc.fixturenames:
        metafunc.parametrize("crash", EVERY if full else SAMPLE, ids=str)
    if "load" in metafunc.fixturenames:
        some = [("refused by file", parallelism) for parallelism in PARALLEL]
        loads = {*EVERY_STEP, *some} if full else some
        metafunc.parametrize("load", sorted(loads), ids=lambda load: "-".join(map(str, load)))


@pytest.fixture
def packets(crash: Crash, points: Iterator[int], request: pytest.FixtureRequest) -> Iterator[int]:
    """Numbers of the packets at which something is lost."""
    return points if crash.nth is None else in_part([crash.nth], request)


@pytest.fixture
def steps(
    load: tuple[str, Parallelism], points: Iterator[int], request: pytest.FixtureRequest
) -> Iterator[int]:
    """Numbers of the steps at which a process kills itself."""
    is_every = request.config.getoption("full") and load in EVERY_STEP
    return points if is_every else in_part(SAMPLE_OF_STEPS, request)


def in_part(numbers: Iterable[int], request: pytest.FixtureRequest) -> Iterator[int]:
    """Give the numbers if the test is in the part that runs."""
    return iter(numbers if part_of(request.config).has(request.node.nodeid) else ())


def completed(dialer: Dialer, results: Path) -> dict[str, Any]:
    """Give the same command once more; give what there is then."""
    dialer.start()
    with suppress(LoadedBeforeError):
        dialer.load(dialer.url, results)
    return dialer.account(results)


@pytest.mark.sample(2)
def test_the_same_command_completes_what_was_lost(
    load_dialers: LoadDialers,
    engine_name: str,
    private_server: PrivateServer,
    tmp_path: Path,
    crash: Crash,
    packets: Iterator[int],
) -> None:
    dialer = load_dialers(engine_name, crash.load, crash.parallelism)
    for number in packets:
        dialer.set_back()
        results = tmp_path / f"{number}"
        with Proxy(private_server) as proxy:
            came = Point(dialer, proxy, results).reached(crash, number)
        assert completed(dialer, results) == dialer.expected, f"after packet {number}"
        if not came:
            assert number > 1
            assert crash.nth is None
            break
        print(f"point {engine_name} {crash} {number}")


@pytest.mark.sample(1)
def test_the_same_command_completes_what_was_killed_between_two_steps(
    load_dialers: LoadDialers,
    engine_name: str,
    tmp_path: Path,
    load: tuple[str, Parallelism],
    steps: Iterator[int],
) -> None:
    dialer = load_dialers(engine_name, *load)
    for number in steps:
        dialer.set_back()
        results = tmp_path / f"{number}"
        child = failpoints.start(dialer.url, dialer.path, dialer.options, results, number)
        child.join()
        assert completed(dialer, results) == dialer.expected, f"after step {number}"
        if child.exitcode == 0:
            assert number > 1
            break
        assert child.exitcode == -signal.SIGKILL
        print(f"point {engine_name} {load} step {number}")

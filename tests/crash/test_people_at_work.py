"""A load is killed, a dialer and agents work with its leads and older ones, and it is completed.

A seed (`make crashes SEED=7`) decides what they do; an oracle says what must be there in the end.
`make test` takes some points, `make crashes` every one.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from loader.database.connection import Database
from loader.errors import LoadedBeforeError
from loader.ledger.runs import Ledger
from tests.crash.load_oracle import Oracle
from tests.crash.load_points import STEP, Crash, Dialer, LoadDialers, Loss, Point, assert_in_ledger
from tests.support import failpoints
from tests.support.loads import outcome_of
from tests.support.people import People, State
from tests.support.proxy import Moment, Proxy
from tests.support.server import PrivateServer

pytestmark = pytest.mark.engines("myisam", "innodb")

LOSSES: tuple[tuple[Loss, Moment], ...] = (
    ("client", "during"),
    ("client", "after"),
    ("line", "before"),
    ("line", "after"),
    ("line for good", "after"),
    ("server", "during"),
    ("server for good", "after"),
)
LOADS = ("plain", "update", "move")
EVERY = tuple(Crash(load, *loss, STEP, None) for load in LOADS for loss in LOSSES)
SAMPLE = (
    Crash("plain", "client", "after", STEP, 8),  # leads
    Crash("update", "client", "during", STEP, 16),
    Crash("update", "client", "after", STEP, 26),
    Crash("move", "line", "after", STEP, 18),
)
SAMPLE_OF_STEPS = (30, 60)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    full = metafunc.config.getoption("full")
    if "crash" in metafunc.fixturenames:
        metafunc.parametrize("crash", EVERY if full else SAMPLE, ids=str)
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", LOADS if full else ["update"])


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    number: int = pytestconfig.getoption("seed")
    return number


def complete(dialer: Dialer, results: Path, people: People) -> None:
    """Let people work, if they have not, give the same command once more, and look at the end."""
    dialer.start()
    work(dialer, people)()
    with suppress(LoadedBeforeError):
        dialer.load(dialer.url, results)
    outcome = outcome_of(results)
    database = Database(dialer.url)
    assert_in_ledger(Ledger.open(database, results), outcome)
    database.engine.dispose()
    problems = [*Oracle(dialer, people).problems(State.of(dialer.url), outcome)]
    assert not problems, f"{people}\n" + "\n".join(problems)


def work(dialer: Dialer, people: People) -> Callable[[], None]:
    """Give what lets them work once."""
    numbers = [row["phone_number"] for row in dialer.rows]
    return lambda: None if people.have_worked else people.work(numbers=numbers)


def test_nothing_that_people_did_is_undone(
    load_dialers: LoadDialers,
    engine_name: str,
    private_server: PrivateServer,
    tmp_path: Path,
    crash: Crash,
    points: Iterator[int],
    seed: int,
) -> None:
    dialer = load_dialers(engine_name, crash.load)
    for number in points if crash.nth is None else [crash.nth]:
        dialer.set_back()
        results = tmp_path / f"{number}"
        people = People(dialer.url, f"{seed} {engine_name} {crash} {number}")
        with Proxy(private_server) as proxy:
            point = Point(dialer, proxy, results, work(dialer, people))
            came = point.reached(crash, number)
        if not came:
            assert number > 1
            break
        print(f"point {engine_name} {crash} {number}")
        complete(dialer, results, people)


def test_nor_what_they_did_between_two_steps(
    load_dialers: LoadDialers,
    engine_name: str,
    tmp_path: Path,
    name: str,
    points: Iterator[int],
    seed: int,
    pytestconfig: pytest.Config,
) -> None:
    dialer = load_dialers(engine_name, name)
    for number in points if pytestconfig.getoption("full") else SAMPLE_OF_STEPS:
        dialer.set_back()
        results = tmp_path / f"{number}"
        people = People(dialer.url, f"{seed} {engine_name} {name} step {number}")
        child = failpoints.start(dialer.url, dialer.path, dialer.options, results, number)
        child.join()
        if child.exitcode == 0:
            assert number > 1
            break
        print(f"point {engine_name} {name} step {number}")
        complete(dialer, results, people)

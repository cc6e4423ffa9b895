"""A load is killed, a dialer and agents work with its leads and older ones, and it is completed.

A seed (`make crashes SEED=7`) decides what they do; an oracle says what must be there in the end.
`make test` takes some points, `make crashes` every one.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import make_url

from loader.database.connection import Database
from loader.errors import LoadedBeforeError
from loader.ledger.batches import Entry
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.results.files import Results
from loader.writing.extras import ExtraInserter
from loader.writing.updates import LeadUpdater
from loader.writing.writer import Writer
from tests.crash.load_oracle import Oracle
from tests.crash.load_points import (
    LEADS,
    OPTIONS,
    STEP,
    TABLES,
    Crash,
    Dialer,
    Ending,
    LoadDialers,
    Loss,
    Parallelism,
    Point,
    assert_in_ledger,
    rows,
)
from tests.support import failpoints, step_kills
from tests.support.loads import Loads, load_file, outcome_of
from tests.support.people import People, State
from tests.support.proxy import Moment, Proxy
from tests.support.server import PrivateServer, fill

ON_SERVERS = pytest.mark.engines("myisam", "innodb")

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
SAMPLE_OF_STEPS = (60,)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    full = metafunc.config.getoption("full")
    if "crash" in metafunc.fixturenames:
        metafunc.parametrize("crash", EVERY if full else SAMPLE, ids=str)
    if "step" in metafunc.fixturenames:
        metafunc.parametrize("step", STEPS if full else STEPS[1::4], ids=str)
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
    assert_nothing_is_undone(dialer.rows, dialer.whole, people, results)


def assert_nothing_is_undone(
    rows: list[dict[str, str]], whole: Ending, people: People, results: Path
) -> None:
    outcome, database = outcome_of(results), Database(people.url)
    assert_in_ledger(Ledger.open(database, results), outcome)
    database.engine.dispose()
    problems = [*Oracle(rows, whole, people).problems(State.of(people.url), outcome)]
    assert not problems, f"{people}\n" + "\n".join(problems)


def work(dialer: Dialer, people: People) -> Callable[[], None]:
    """Give what lets them work once."""
    numbers = [row["phone_number"] for row in dialer.rows]
    return lambda: None if people.have_worked else people.work(numbers=numbers)


@pytest.mark.sample(1)
@ON_SERVERS
def test_nothing_that_people_did_is_undone(
    load_dialers: LoadDialers,
    engine_name: str,
    private_server: PrivateServer,
    tmp_path: Path,
    crash: Crash,
    points: Iterator[int],
    seed: int,
) -> None:
    dialer = load_dialers(engine_name, crash.load, crash.parallelism)
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


@ON_SERVERS
def test_nor_what_they_did_between_two_steps(
    load_dialers: LoadDialers,
    engine_name: str,
    tmp_path: Path,
    name: str,
    points: Iterator[int],
    seed: int,
    pytestconfig: pytest.Config,
) -> None:
    dialer = load_dialers(engine_name, name, Parallelism())
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


STEPS = tuple(
    step_kills.Point(owner, name, moment)
    for owner, name in (
        (Writer, "write"),
        (LeadUpdater, "write"),
        (Entry, "write"),
        (Entry, "write_alone"),
        (ExtraInserter, "insert"),
        (Results, "load"),
    )
    for moment in ("before", "after")
)


@pytest.mark.sample(1)
@pytest.mark.engines("sqlite")
def test_nor_what_they_did_to_a_file(
    database_url: str,
    tmp_path: Path,
    step: step_kills.Point,
    points: Iterator[int],
    seed: int,
    pytestconfig: pytest.Config,
) -> None:
    fill(database_url, TABLES | {"vicidial_list": LEADS})
    path = Loads(tmp_path).file(rows())
    template = Path(str(make_url(database_url).database))

    def copied(name: str) -> str:
        return f"sqlite:///{shutil.copy(template, tmp_path / f'{name}.sqlite')}"

    def load(url: str, results: Path) -> None:
        database = Database(url, sleep=lambda _seconds: None)
        try:
            load_file(path, LoadOptions(**OPTIONS, on_duplicate="update"), database, results)
        finally:
            database.engine.dispose()

    url = copied("whole")
    load(url, tmp_path / "whole")
    whole = Ending(State.of(url), outcome_of(tmp_path / "whole"))
    for number in points if pytestconfig.getoption("full") else [2]:
        url, results = copied(f"{number}"), tmp_path / f"{number}"
        people = People(url, f"{seed} {step} {number}")
        try:
            with step_kills.killed_at(step, number):
                load(url, results)
        except step_kills.Killed:
            people.work(numbers=[row["phone_number"] for row in rows()])
        else:
            assert number > 1
            break
        with suppress(LoadedBeforeError):
            load(url, results)
        assert_nothing_is_undone(rows(), whole, people, results)

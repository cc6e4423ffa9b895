"""Options, profiles and databases that all tests share."""

import functools
import gc
import os
import shutil
import signal
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import seed, settings
from sqlalchemy import make_url

from loader.database import schema
from loader.database.connection import Database
from loader.signals import CAUGHT
from tests.support.cluster import Cluster
from tests.support.install_programs import (
    BROWSER_ADVICE,
    GALERA_ADVICE,
    find_browser,
    find_server,
    knows_galera,
)
from tests.support.parts import Part, Points, sample_of
from tests.support.products import PRODUCT
from tests.support.server import PrivateServer, Server, empty, plain_engine, run
from tests.support.warm import end_warm

if TYPE_CHECKING:
    from tests.support.browser import Browser

ENGINES = ("sqlite", "myisam", "innodb")
SERVERS = {"myisam", "innodb"}
"""Engines of one server."""

WRITING = Path(__file__).parent / "loader" / "writing"
"""The folder of tests of statements that are others on SQLite."""

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest and tempfile make folders of our own in it
ROOM = 4 << 30
"""Bytes that must be free there: servers and folders of a whole run need less than half of it."""

settings.register_profile("dev", max_examples=10, deadline=None)
settings.register_profile("fuzz", max_examples=2000, deadline=None)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "dev")
settings.load_profile(PROFILE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cases",
        type=Path,
        default=Path(__file__).parent / "conformance",
        help="folder of recorded cases to replay",
    )
    parser.addoption(
        "--full",
        action="store_true",
        help="replay every recorded case on every engine, kill an archive at every statement",
    )
    parser.addoption(
        "--engines",
        help="where the tests that need a database run: some of " + ", ".join(ENGINES),
    )
    parser.addoption(
        "--every-engine",
        action="store_true",
        help="run each test on every engine that it is for, not on one of them, and no samples",
    )
    parser.addoption(
        "--part",
        default="1/1",
        help="the part of the tests, and of the points at which they kill, that is to run: 3/10",
    )
    parser.addoption(
        "--seed",
        type=int,
        default=0,
        help="another number: people do other things in tests/crash, `make fuzz` has other inputs",
    )


def pytest_configure(config: pytest.Config) -> None:
    write_to_memory()
    for number in CAUGHT:
        # In the background and under nohup a shell has some ignored, and so would all commands.
        if signal.getsignal(number) is signal.SIG_IGN:
            given = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, given)
    config.addinivalue_line("markers", "cluster: needs galera-4; `make cluster` runs these alone")
    config.addinivalue_line("markers", "engines(name, ...): needs one of these databases")
    config.addinivalue_line(
        "markers", "sample(n): so many of its parameters; all with --every-engine and with --full"
    )
    config.addinivalue_line(
        "markers", "fuzz_rounds(n): `make fuzz` repeats it so often, if it uses `fuzz_round`"
    )
    try:
        part_of(config)
    except ValueError as error:
        raise pytest.UsageError(f"--part: {error}") from None
    unknown = set(chosen_engines(config)) - set(ENGINES)
    if unknown:
        raise pytest.UsageError(f"--engines knows {', '.join(ENGINES)}, not {', '.join(unknown)}")


def write_to_memory() -> None:
    """Let temporary files be in memory, if nobody said where and there is room.

    What is written has to outlive a process that is killed, never the machine, and a disk makes
    each table and each commit wait.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    about = os.statvfs(MEMORY)
    if about.f_bavail * about.f_frsize >= ROOM and not about.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def part_of(config: pytest.Config) -> Part:
    return Part.of(config.getoption("part"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of other parts; one that has points decides itself which of them it does.

    Of a test that is marked so, parameters are left out, too. Three nodes on one machine want all
    of it: their tests run alone.
    """
    part, unsampled = part_of(config), out_of_sample(config, items)
    is_of_cluster = config.option.markexpr == "cluster"
    others = [
        item
        for item in items
        if item.nodeid in unsampled
        or (item.get_closest_marker("cluster") and not is_of_cluster)
        or ("points" not in getattr(item, "fixturenames", ()) and not part.has(item.nodeid))
    ]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in {*others}]


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the tests do: libraries, and the tests.

    It looks less often, too: most objects end without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def pytest_sessionfinish() -> None:
    end_warm()


def out_of_sample(config: pytest.Config, items: list[pytest.Item]) -> set[str]:
    """Name the tests whose parameters are in no sample; the seed chooses the samples."""
    if config.getoption("every_engine") or config.getoption("full") or PROFILE == "fuzz":
        return set()
    of_tests: dict[tuple[str, int], list[str]] = defaultdict(list)
    for item in items:
        if mark := item.get_closest_marker("sample"):
            of_tests[item.nodeid.partition("[")[0], mark.args[0]].append(item.nodeid)
    number = config.getoption("seed")
    return {
        name
        for (_, size), names in of_tests.items()
        for name in set(names) - sample_of(names, size, number)
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Count the inputs of a property test; under `make fuzz` its name and a seed choose them.

    An input is an example, or each one of its argument `batch`.
    """
    test = getattr(item, "function", None)
    if not (item.get_closest_marker("property") and hasattr(test, "hypothesis")):
        return (yield)
    if PROFILE == "fuzz":
        seed(zlib.crc32(f"{item.config.getoption('seed')} {item.nodeid}".encode()))(test)
    inner, inputs = test.hypothesis.inner_test, 0

    @functools.wraps(inner)
    def counted(*arguments: object, **named: Any) -> object:
        nonlocal inputs
        inputs += len(named["batch"]) if "batch" in named else 1
        return inner(*arguments, **named)

    test.hypothesis.inner_test = counted
    try:
        return (yield)
    finally:
        test.hypothesis.inner_test = inner
        item.user_properties.append(("inputs", inputs))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how much was done of what is done in parts."""
    done = Counter[str]()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "teardown":
                done.update({k: v for k, v in report.user_properties if k in COUNTED})
    wanted = {"points": config.getoption("full"), "inputs": PROFILE == "fuzz"}
    for name, what in COUNTED.items():
        if wanted[name]:
            part, number = config.getoption("part"), config.getoption("seed")
            terminalreporter.write_line(f"{done[name]:,} {what} (part {part}, seed {number})")


COUNTED = {
    "points": "points in tests that go through them all",
    "inputs": "inputs of property tests",
}


def chosen_engines(config: pytest.Config) -> tuple[str, ...]:
    named: str | None = config.getoption("engines")
    return tuple(named.split(",")) if named else ENGINES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that need an engine on each chosen one that their mark allows."""
    if "fuzz_round" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("fuzz_rounds")
        rounds = mark.args[0] if mark and PROFILE == "fuzz" else 1
        metafunc.parametrize("fuzz_round", range(rounds))
    if "engine_name" in metafunc.fixturenames and "case" not in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("engines")
        allowed = mark.args if mark else ENGINES
        names = [name for name in chosen_engines(metafunc.config) if name in allowed]
        metafunc.parametrize(
            "engine_name", few_engines(names, metafunc.definition), scope="session"
        )


def few_engines(names: list[str], test: pytest.Item) -> list[str]:
    """Leave one engine, chosen by the test's name, unless engines, or all of them, were chosen.

    Of a test of statements that are others on SQLite, leave that beside one of the server's.
    """
    option = test.config.getoption
    if option("engines") or option("every_engine") or option("full") or not names:
        return names
    kinds = [[name for name in names if name in SERVERS], [n for n in names if n not in SERVERS]]
    groups = [kind for kind in kinds if kind] if WRITING in test.path.parents else [names]
    number = zlib.crc32(test.nodeid.encode())
    return [group[number % len(group)] for group in groups]


@pytest.fixture(autouse=True)
def umask_stays() -> Iterator[None]:
    """A command sets the umask of its process, which is the tests' own where they call `run`."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def points(request: pytest.FixtureRequest) -> Iterator[Iterator[int]]:
    """Numbers of the points of this test that belong to the part which runs, without end.

    The test takes them one after the other, as long as there is such a point.
    """
    points = Points(part_of(request.config).points(request.node.nodeid))
    yield points
    request.node.user_properties.append(("points", points.begun))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server of this test process, started when the first test needs it."""
    address = os.environ.get("LEADLOADER_TEST_DATABASE")
    if not address and not PRODUCT.find():
        pytest.fail(PRODUCT.advice, pytrace=False)
    server = Server(address) if address else PrivateServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A headless browser; of one module, because no other event loop may run meanwhile."""
    from tests.support.browser import Browser  # noqa: PLC0415 - slow, and for tests of pages only

    if not find_browser():
        pytest.fail(BROWSER_ADVICE, pytrace=False)
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def private_server(server: Server) -> Iterator[PrivateServer]:
    """A server that a test may kill or restart; a test leaves it running."""
    if isinstance(server, PrivateServer):
        yield server
    elif PRODUCT.find():
        server = PrivateServer()
        yield server
        server.close()
    else:
        pytest.skip(
            "the server of LEADLOADER_TEST_DATABASE must not be killed, and there is no other"
        )


@pytest.fixture(scope="session")
def started_cluster() -> Iterator[Cluster]:
    """Three nodes of this test process, started when the first test needs them."""
    if not PRODUCT.is_mariadb or not knows_galera() or not find_server():
        pytest.skip(GALERA_ADVICE)
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(started_cluster: Cluster) -> Cluster:
    """A cluster whose nodes a test may kill; all of them run, and are Synced."""
    started_cluster.heal()
    return started_cluster


@pytest.fixture(scope="session")
def database_with_tables(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Return the address of this process's database on an engine, made at the first call."""

    @functools.cache
    def make(engine_name: str) -> str:
        if engine_name == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('template') / 'leads.sqlite'}"
        else:
            url = request.getfixturevalue("server").new_database()
        engine = plain_engine(url)
        schema.create_missing(engine, storage_engine=engine_name)
        engine.dispose()
        return url

    return make


@pytest.fixture
def database_url(
    engine_name: str, database_with_tables: Callable[[str], str], tmp_path: Path
) -> str:
    """The address of a database with all dialer tables, empty, their ids at 1."""
    url = database_with_tables(engine_name)
    if engine_name == "sqlite":
        template = str(make_url(url).database)
        return f"sqlite:///{shutil.copy(template, tmp_path / 'leads.sqlite')}"
    empty(url)
    return url


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in this process ask a server again without a wait."""
    monkeypatch.setitem(Database.__init__.__kwdefaults__, "sleep", lambda _seconds: None)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of `database_url`, which is tried again without a wait."""
    database = Database(database_url, sleep=lambda _seconds: None)
    yield database
    database.engine.dispose()


@pytest.fixture
def empty_database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables, for tests that make or alter them."""
    if engine_name == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    url: str = request.getfixturevalue("server").new_database()
    return url


@pytest.fixture
def leads_url(
    engine_name: str, database_with_tables: Callable[[str], str], request: pytest.FixtureRequest
) -> str:
    """The address of a database with an empty vicidial_list that a test may alter."""
    if engine_name == "sqlite":
        url: str = request.getfixturevalue("database_url")
        return url
    template = make_url(database_with_tables(engine_name)).database
    url = request.getfixturevalue("server").new_database()
    # A killed server leaves MyISAM tables open; reading repairs them.
    run(url, f"SELECT COUNT(*) FROM {template}.vicidial_list")
    run(url, f"CREATE TABLE vicidial_list LIKE {template}.vicidial_list")
    return url


@pytest.fixture
def leads_database(leads_url: str) -> Iterator[Database]:
    """The database of `leads_url`, which is tried again without a wait."""
    database = Database(leads_url, sleep=lambda _seconds: None)
    yield database
    database.engine.dispose()


@pytest.fixture
def read_only_url(engine_name: str, database_url: str, request: pytest.FixtureRequest) -> str:
    """The address of `database_url` for an account that can only SELECT."""
    if engine_name == "sqlite":
        return f"sqlite:///file:{make_url(database_url).database}?mode=ro&uri=true"
    url: str = request.getfixturevalue("server").new_reader(database_url)
    return url

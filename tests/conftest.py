"""Options, profiles and databases that all tests share."""

import functools
import os
import shutil
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, make_url

from loader.database import schema
from loader.database.connection import Database
from loader.signals import CAUGHT
from tests.support.install_programs import BROWSER_ADVICE, SERVER_ADVICE, find_browser, find_server
from tests.support.server import PrivateServer, Server, empty, run

if TYPE_CHECKING:
    from tests.support.browser import Browser

ENGINES = ("sqlite", "myisam", "innodb")
SERVERS = {"myisam", "innodb"}
"""Engines of one server."""

settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile("fuzz", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


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
        help="run tests that are for MyISAM and InnoDB on both, not on one of them each",
    )


def pytest_configure(config: pytest.Config) -> None:
    for number in CAUGHT:
        # In the background and under nohup a shell has some ignored, and so would all commands.
        if signal.getsignal(number) is signal.SIG_IGN:
            given = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, given)
    config.addinivalue_line("markers", "engines(name, ...): needs one of these databases")
    unknown = set(chosen_engines(config)) - set(ENGINES)
    if unknown:
        raise pytest.UsageError(f"--engines knows {', '.join(ENGINES)}, not {', '.join(unknown)}")


def chosen_engines(config: pytest.Config) -> tuple[str, ...]:
    named: str | None = config.getoption("engines")
    return tuple(named.split(",")) if named else ENGINES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that need an engine on each chosen one that their mark allows."""
    if "engine_name" in metafunc.fixturenames and "case" not in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("engines")
        allowed = mark.args if mark else ENGINES
        names = [name for name in chosen_engines(metafunc.config) if name in allowed]
        metafunc.parametrize(
            "engine_name", few_engines(names, metafunc.definition), scope="session"
        )


def few_engines(names: list[str], test: pytest.Item) -> list[str]:
    """Leave out MyISAM or InnoDB, chosen by the test's name, unless engines were chosen."""
    option = test.config.getoption
    if option("engines") or option("every_engine") or option("full") or not {*names} >= SERVERS:
        return names
    left_out = sorted(SERVERS)[zlib.crc32(test.nodeid.encode()) % 2]
    return [name for name in names if name != left_out]


@pytest.fixture(autouse=True)
def umask_stays() -> Iterator[None]:
    """A command sets the umask of its process, which is the tests' own where they call `run`."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The MariaDB server of this test process, started when the first test needs it."""
    address = os.environ.get("LEADLOADER_TEST_DATABASE")
    if not address and not find_server():
        pytest.fail(SERVER_ADVICE, pytrace=False)
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
    elif find_server():
        server = PrivateServer()
        yield server
        server.close()
    else:
        pytest.skip(
            "the server of LEADLOADER_TEST_DATABASE must not be killed, and there is no mariadbd"
        )


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
        engine = create_engine(url)
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

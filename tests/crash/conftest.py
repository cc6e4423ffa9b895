"""What the tests of killed loads and archives share."""

import functools
from collections.abc import Callable, Iterator

import pytest

from tests.crash import archive_points
from tests.crash.load_points import Dialer, LoadDialers, Parallelism
from tests.support.server import PrivateServer


@pytest.fixture(scope="module")
def load_dialers(
    private_server: PrivateServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LoadDialers]:
    """Give the dialer of an engine and a load, made at the first call."""

    @functools.cache
    def make(engine_name: str, name: str, parallelism: Parallelism) -> Dialer:
        folder = tmp_path_factory.mktemp("undisturbed")
        return Dialer(private_server, engine_name, name, parallelism, folder)

    yield make
    private_server.execute("SET GLOBAL local_infile = 1")


@pytest.fixture(scope="module")
def archive_dialers(private_server: PrivateServer) -> Callable[[str], archive_points.Dialer]:
    """Give the dialer of an engine, made at the first call."""
    return functools.cache(functools.partial(archive_points.Dialer, private_server))


@pytest.fixture
def archive_dialer(
    archive_dialers: Callable[[str], archive_points.Dialer], engine_name: str
) -> archive_points.Dialer:
    """Give the dialer of the engine of a test."""
    return archive_dialers(engine_name)

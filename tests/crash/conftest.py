"""What the tests of killed loads share."""

import functools

import pytest

from tests.crash.load_points import Dialer, LoadDialers
from tests.support.server import PrivateServer


@pytest.fixture(scope="module")
def load_dialers(
    private_server: PrivateServer, tmp_path_factory: pytest.TempPathFactory
) -> LoadDialers:
    """Give the dialer of an engine and a load, made at the first call."""

    @functools.cache
    def make(engine_name: str, name: str) -> Dialer:
        return Dialer(private_server, engine_name, name, tmp_path_factory.mktemp("undisturbed"))

    return make

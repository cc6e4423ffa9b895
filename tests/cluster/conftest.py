"""A dialer's database on a Galera cluster of three nodes; `make cluster` runs these tests."""

from collections.abc import Callable, Iterator

import pytest

from loader.database import leases, schema
from loader.database.connection import Database
from tests.support.cluster import Cluster
from tests.support.server import empty, plain_engine


@pytest.fixture(scope="module")
def url(started_cluster: Cluster) -> str:
    """The address of a dialer's database by the first node."""
    url = started_cluster.nodes[0].new_database()
    engine = plain_engine(url)
    schema.create_missing(engine, storage_engine="InnoDB")
    engine.dispose()
    return url


@pytest.fixture
def leads(cluster: Cluster, url: str) -> Iterator[str]:
    """The same, with empty tables, and without a ledger."""
    yield url
    cluster.heal()
    empty(url)


@pytest.fixture
def through(cluster: Cluster, leads: str) -> Callable[..., Database]:
    """Give the database by some of the nodes."""
    return lambda *numbers: Database(cluster.address(leads, *numbers))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases expire soon, and yet later than a cluster needs to leave a node out."""
    monkeypatch.setattr(leases, "LASTS", 8)
    monkeypatch.setattr(leases, "BEAT", 0.2)

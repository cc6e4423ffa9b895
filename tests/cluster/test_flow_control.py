"""A node that lags stops the others, until it has what they wrote: flow control."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loader.database.connection import Database
from tests.cluster.loads import OPTIONS, file_of, loaded, locked, phones, wait_for
from tests.support.cluster import Cluster
from tests.support.loads import load_file, outcome_of

pytestmark = pytest.mark.cluster

LIMIT = "SET GLOBAL wsrep_provider_options = 'gcs.fc_limit={};gcs.fc_single_primary=YES'"


@pytest.fixture
def strict(cluster: Cluster) -> Iterator[None]:
    """Let the last node stop the others as soon as a few transactions wait to be stored there."""
    cluster.nodes[2].execute(LIMIT.format(1))
    yield
    cluster.nodes[2].execute(LIMIT.format(16))


def is_stopped(cluster: Cluster) -> bool:
    return cluster.nodes[0].status("wsrep_flow_control_status").lower() == "on"


@pytest.mark.usefixtures("strict")
def test_an_import_waits_for_a_node_that_lags(
    cluster: Cluster,
    through: Callable[..., Database],
    leads: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path, out = file_of(tmp_path, 3000), tmp_path / "out"
    options = OPTIONS.model_copy(update={"batch_size": 100})
    work = threading.Thread(target=load_file, args=(path, options, through(0), out))
    with locked(cluster.nodes[2], leads, "vicidial_list"):
        work.start()
        wait_for(lambda: is_stopped(cluster))
        wait_for(lambda: "it is waited for up to" in caplog.text)
        assert work.is_alive()
    work.join()
    assert len(outcome_of(out).loaded) == 3000
    assert loaded(cluster, leads) == phones(3000)

"""A node that lags stops the others, until it has what they wrote: flow control."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from loader.database.connection import Database
from loader.errors import DatabaseUnavailableError
from loader.options.connection import ConnectionOptions
from tests.cluster.loads import OPTIONS, file_of, loaded, locked, phones, wait_for
from tests.support.cluster import Cluster
from tests.support.loads import load_file, outcome_of

pytestmark = pytest.mark.cluster

LIMIT = "SET GLOBAL wsrep_provider_options = 'gcs.fc_limit={}'"


@pytest.fixture
def strict(cluster: Cluster) -> Iterator[None]:
    """Let the last node stop the others as soon as a few transactions wait to be stored there."""
    cluster.nodes[2].execute(LIMIT.format(1))
    yield
    cluster.nodes[2].execute(LIMIT.format(16))


def is_stopped(cluster: Cluster) -> bool:
    return cluster.nodes[0].status("wsrep_flow_control_active") == "true"


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
    with ThreadPoolExecutor() as threads:
        with locked(cluster.nodes[2], leads, "vicidial_list"):
            loading = threads.submit(load_file, path, options, through(0), out)
            wait_for(lambda: is_stopped(cluster))
            wait_for(lambda: "whether one lags and stops the others" in caplog.text)
            assert not loading.done()
        loading.result()
    assert len(outcome_of(out).loaded) == 3000
    assert loaded(cluster, leads) == phones(3000)


@pytest.mark.usefixtures("strict")
def test_an_import_that_waited_too_long_is_completed_by_the_same_command(
    cluster: Cluster, through: Callable[..., Database], leads: str, tmp_path: Path
) -> None:
    path, out = file_of(tmp_path, 3000), tmp_path / "out"
    options = OPTIONS.model_copy(update={"batch_size": 100})
    patience = timedelta(seconds=1)
    hasty = ConnectionOptions(read_timeout=patience, load_timeout=patience)
    impatient = Database(cluster.address(leads, 0), hasty, sleep=lambda _seconds: None)
    with locked(cluster.nodes[2], leads, "vicidial_list"):
        with pytest.raises(DatabaseUnavailableError, match="of 3000 rows were loaded so far"):
            load_file(path, options, impatient, out)
        assert is_stopped(cluster)
    load_file(path, options, through(1), out)
    assert len(outcome_of(out).loaded) == 3000
    assert loaded(cluster, leads) == phones(3000)

"""Nights of several machines, each through a node of its own."""

import os
import signal
from pathlib import Path

import pytest

from jobs.watchers import Watchers
from tests.cluster.loads import loaded
from tests.support.cluster import Cluster
from tests.support.nights import AT_THE_SECOND_BATCH, Site, WhileItWaits, rows, start_and_hold
from tests.support.server import run

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGSTOP])
def test_nights_through_two_nodes_share_the_files(
    cluster: Cluster, leads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: int
) -> None:
    """The machine of one is gone, or stands still; when it goes on it commits and moves nothing."""
    monkeypatch.chdir(tmp_path)
    run(leads, "DELETE FROM vicidial_lists", "DELETE FROM vicidial_campaigns")
    site = Site(tmp_path, cluster.address(leads, 0))
    site.settings("batch_size = 1\nduplicate_check = 'DUPLIST'")
    other = site.machine("other")
    other.url = cluster.address(leads, 1)
    other.settings("duplicate_check = 'DUPLIST'")
    site.put("a.csv", rows(1, 2, 3))
    site.put("b.csv", rows(4))
    soon_gone = "from loader.database import leases; leases.LASTS, leases.BEAT = 4, 0.2\n"
    first = start_and_hold(site, soon_gone + AT_THE_SECOND_BATCH)
    night = other.watched(Watchers(stop=WhileItWaits(lambda: os.kill(first.pid, ends))))
    outcomes = {each.file: (each.outcome, each.loaded_before) for each in night.files}
    assert outcomes == {"b.csv": ("loaded", 0), "a.csv": ("loaded", 2)}
    if ends == signal.SIGSTOP:
        os.kill(first.pid, signal.SIGCONT)
    said, _ = first.communicate("")
    if ends == signal.SIGSTOP:
        assert "files: 2 by another night" in said
    assert loaded(cluster, leads) == [f"727555000{number}" for number in (1, 2, 3, 4)]
    (day,) = (site.drop / "done").iterdir()
    assert {path.name for path in day.glob("*.csv")} == {"a.csv", "b.csv"}

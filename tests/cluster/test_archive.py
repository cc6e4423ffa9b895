"""Archives on several nodes of a cluster at the same time."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from loader.database.connection import Database
from tests.support.archives import ARCHIVE, LEADS, lead, put
from tests.support.cluster import Cluster
from tests.support.warm import Warm

pytestmark = pytest.mark.cluster

COUNT = 100


@pytest.mark.parametrize(
    ("way", "source", "target"), [("archive", LEADS, ARCHIVE), ("dearchive", ARCHIVE, LEADS)]
)
def test_each_lead_is_moved_once(
    cluster: Cluster, through: Callable[..., Database], leads: str, tmp_path: Path,
    way: str, source: str, target: str,
) -> None:  # fmt: skip
    put(through(2), *(lead(number) for number in range(1, COUNT + 1)), table=source)
    before = cluster.same(leads, f"SELECT * FROM {source} ORDER BY lead_id")
    folders = [tmp_path / "one", tmp_path / "two"]
    commands = [
        Warm(
            way, "--statuses", "NA", "--chunk-size", "10", "--sleep", "0s", "--quiet",
            "--database", cluster.address(leads, number), "--results", folder,
        )
        for number, folder in enumerate(folders)
    ]  # fmt: skip
    assert [command.wait() for command in commands] == [0, 0]
    reports = [json.loads((folder / "summary.json").read_text("utf-8")) for folder in folders]
    assert sum(report["delete_count"] for report in reports) == COUNT
    assert all(report["stayed"] == {} for report in reports)
    assert cluster.same(leads, f"SELECT * FROM {target} ORDER BY lead_id") == before
    assert cluster.same(leads, f"SELECT * FROM {source}") == []

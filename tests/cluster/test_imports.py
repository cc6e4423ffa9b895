"""Imports into a cluster, whose nodes are lost on the way."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from jobs.cli.main import run as run_command
from loader.database.connection import Database
from loader.errors import (
    BusyError,
    DatabaseUnavailableError,
    LoadedBeforeError,
    PartsLoadedBeforeError,
)
from loader.options.load import LoadOptions
from tests.cluster.loads import OPTIONS, cut_leases, file_of, loaded, phones
from tests.support.cluster import Cluster
from tests.support.loads import Loads, load_file, outcome_of
from tests.support.server import run
from tests.support.warm import Warm

pytestmark = pytest.mark.cluster


def test_one_of_two_imports_of_a_file_does_it(
    cluster: Cluster,
    through: Callable[..., Database],
    leads: str,
    tmp_path: Path,
) -> None:
    path, ends = file_of(tmp_path, 300), []

    def work(number: int) -> None:
        try:
            load_file(path, OPTIONS, through(number), tmp_path / f"out-{number}")
            ends.append("loaded")
        except (BusyError, LoadedBeforeError):
            ends.append("refused")

    workers = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(ends) == ["loaded", "refused"]
    assert loaded(cluster, leads) == phones(300)
    assert len(cluster.same(leads, "SELECT DISTINCT lead_id % 3 FROM vicidial_list")) == 1


def test_a_part_by_itself_and_among_others_is_loaded_by_one(
    cluster: Cluster, through: Callable[..., Database], leads: str, tmp_path: Path
) -> None:
    loads, numbers = Loads(tmp_path), phones(300)
    files = loads.parts("\n".join(["phone_number", *numbers[:150], ""]), "\n".join(
        ["phone_number", *numbers[150:]]))  # fmt: skip
    options, ends = LoadOptions(force_list_id="101", list_exists_check="N"), []
    wanted = (Path(files.paths[1]), files)

    def work(number: int) -> None:
        try:
            load_file(wanted[number], options, through(number), tmp_path / f"out-{number}")
            ends.append(number)
        except (BusyError, LoadedBeforeError, PartsLoadedBeforeError):
            pass

    workers = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(ends) <= 1
    expected = [[], numbers[150:], numbers][sum(number + 1 for number in ends)]
    assert loaded(cluster, leads) == expected
    if not ends:  # each has seen the other begin
        work(1)
    # The second node has what the first one has noted.
    with pytest.raises(LoadedBeforeError):
        load_file(wanted[0], options, through(2), tmp_path / "again")
    found = cluster.same(leads, "SELECT number, row_count FROM leadloader_parts ORDER BY number")
    assert found in ([], [(1, 151), (2, 151)])
    asked = "SELECT engine FROM information_schema.tables WHERE table_name = 'leadloader_parts'"
    assert cluster.same(leads, asked) == [("InnoDB",)]


def test_several_connections_take_one_turn(
    cluster: Cluster, through: Callable[..., Database], leads: str, tmp_path: Path
) -> None:
    options = OPTIONS.model_copy(update={"batch_size": 250, "connections": 3})
    for number, count in enumerate((1500, 3000)):
        path, out = file_of(tmp_path, count), tmp_path / f"out-{number}"
        load_file(path, options, through(number, 2), out)
        assert len(outcome_of(out).loaded) == 1500
    assert loaded(cluster, leads) == phones(3000)


def killing(cluster: Cluster, database: Database, moment: str, count: int) -> None:
    """Kill the first node before a statement of some kind is sent for the so-many-th time."""
    left = [count]

    def kill(*_: Any) -> None:
        left[0] -= 1
        if not left[0]:
            cluster.nodes[0].kill()

    def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(moment):
            kill()

    if moment == "COMMIT":
        event.listen(database.engine, "commit", kill)
    else:
        event.listen(database.engine, "before_cursor_execute", before)


@pytest.mark.parametrize(
    ("moment", "count"),
    [("LOAD DATA", 1), ("LOAD DATA", 2), ("UPDATE leadloader_batches", 2), ("COMMIT", 5)]
    + [("COMMIT", number) for number in (8, 9, 10)],
)
def test_an_import_goes_on_through_another_node(
    cluster: Cluster,
    through: Callable[..., Database],
    leads: str,
    tmp_path: Path,
    moment: str,
    count: int,
) -> None:
    database = through(0, 1, 2)
    killing(cluster, database, moment, count)
    options = OPTIONS.model_copy(update={"batch_size": 500})
    load_file(file_of(tmp_path, 1500), options, database, tmp_path / "out")
    assert not cluster.nodes[0].is_running
    assert len(outcome_of(tmp_path / "out").loaded) == 1500
    assert loaded(cluster, leads) == phones(1500)


@pytest.mark.parametrize("moment", ["LOAD DATA", "UPDATE leadloader_batches"])
def test_a_node_that_has_lost_the_others_is_left(
    cluster: Cluster, through: Callable[..., Database], leads: str, tmp_path: Path, moment: str
) -> None:
    database, seen = through(0, 1, 2), 0

    def isolate(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal seen
        seen += statement.startswith(moment)
        if seen == 2:
            seen += 1
            cluster.nodes[0].isolate()
            while cluster.nodes[0].status("wsrep_ready") == "ON":
                time.sleep(0.1)

    event.listen(database.engine, "before_cursor_execute", isolate)
    options = OPTIONS.model_copy(update={"batch_size": 500})
    try:
        load_file(file_of(tmp_path, 1500), options, database, tmp_path / "out")
    finally:
        cluster.nodes[0].isolate(ends=True)
    assert seen > 2
    assert len(outcome_of(tmp_path / "out").loaded) == 1500
    assert loaded(cluster, leads) == phones(1500)


def test_the_same_command_through_another_node_completes(
    cluster: Cluster, through: Callable[..., Database], leads: str, tmp_path: Path
) -> None:
    database = Database(cluster.address(leads, 0), sleep=lambda _seconds: None)
    path = file_of(tmp_path, 1500)
    killing(cluster, database, "LOAD DATA", 2)
    options = OPTIONS.model_copy(update={"batch_size": 500})
    with pytest.raises(DatabaseUnavailableError, match="500 of 1500 rows were loaded so far"):
        load_file(path, options, database, tmp_path / "out")
    load_file(path, options, through(1), tmp_path / "out")
    assert len(outcome_of(tmp_path / "out").loaded) == 1500
    assert loaded(cluster, leads) == phones(1500)


def test_what_one_node_loaded_another_one_takes_back(
    cluster: Cluster, leads: str, tmp_path: Path
) -> None:
    path, by_node = file_of(tmp_path, 300), cluster.address
    words = ["--force-list-id", "101", "--list-exists-check", "N"]
    command = ["import", str(path), *words, "--results", str(tmp_path / "out")]
    assert run_command([*command, "--database", by_node(leads, 0)]) == 0
    moving = ["--database", by_node(leads, 1), "--results"]
    try:
        assert run_command(["undo", "latest", *moving, str(tmp_path / "undo")]) == 0
        assert loaded(cluster, leads) == []
        archived = "SELECT COUNT(*) FROM vicidial_list_archive"
        assert cluster.same(leads, archived) == [(300,)]
    finally:
        run(leads, "DELETE FROM vicidial_list_archive")


def test_nodes_are_killed_one_after_the_other(
    cluster: Cluster,
    through: Callable[..., Database],
    leads: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """The one that leads go to is killed, and comes back while the next one is killed, too."""
    count = 100_000 if request.config.getoption("full") else 5_000
    database, batches = through(0, 1, 2), 0

    def kill(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal batches
        batches += statement.startswith("LOAD DATA")
        if batches == 5 and cluster.nodes[0].is_running:
            cluster.nodes[0].kill()
        if batches == 12 and cluster.nodes[1].is_running:
            cluster.nodes[0].rejoin()
            cluster.nodes[1].kill()

    event.listen(database.engine, "before_cursor_execute", kill)
    options = OPTIONS.model_copy(update={"batch_size": count // 20})
    load_file(file_of(tmp_path, count), options, database, tmp_path / "out")
    assert [node.is_running for node in cluster.nodes] == [True, False, True]
    cluster.heal()
    assert len(outcome_of(tmp_path / "out").loaded) == count
    assert loaded(cluster, leads) == phones(count)


IMPORT = """
import os, sys
from sqlalchemy import event
from jobs.cli.main import run
from loader.database import connection

class Dying(connection.Database):
    def _open(self, address):
        super()._open(address)
        self.left = 2
        event.listen(self.engine, "before_cursor_execute", self.look)

    def look(self, _connection, _cursor, statement, *_):
        self.left -= statement.startswith("LOAD DATA")
        if not self.left:
            os.kill(os.getpid(), 9)

connection.Database = Dying
run(sys.argv[1:])
"""


def test_a_killed_import_is_completed_when_its_lease_is_over(
    cluster: Cluster, through: Callable[..., Database], leads: str, tmp_path: Path
) -> None:
    path, out = file_of(tmp_path, 1500), tmp_path / "out"
    words = ["--force-list-id", "101", "--list-exists-check", "N", "--duplicate-check", "DUPSYS"]
    command = ["import", str(path), *words, "--batch-size", "500", "--results", str(out)]
    first = Warm(*command, "--database", cluster.address(leads, 0), program=IMPORT)
    assert first.wait() == -9
    cut_leases(leads)
    cluster.nodes[0].kill()
    assert run_command([*command, "--database", cluster.address(leads, 1)]) == 0
    assert len(outcome_of(out).loaded) == 1500
    assert loaded(cluster, leads) == phones(1500)

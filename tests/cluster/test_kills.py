"""A sample of the crash matrix on a cluster: the line, the process or its node is lost.

Commands name the other nodes behind the one that is lost, and go on through them; where they name
that one alone, the same command through another node completes the work.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jobs.cli.main import run as run_command
from loader.database.connection import Database
from loader.errors import LoadedBeforeError
from loader.signals import Stop
from tests.cluster.loads import cut_leases
from tests.crash import archive_points, load_points, undo_points
from tests.crash.load_points import ROWS, STEP, Parallelism, Point
from tests.support.cluster import Cluster, FirstNode
from tests.support.proxy import Proxy
from tests.support.statements import STATEMENT
from tests.support.undos import folder
from tests.support.warm import Warm

pytestmark = pytest.mark.cluster

OTHERS = (1, 2)


@pytest.fixture(scope="module")
def node(started_cluster: Cluster) -> FirstNode:
    started_cluster.heal()
    return FirstNode(started_cluster)


@pytest.fixture
def patient(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits in this process lets the nodes come back."""
    monkeypatch.setattr(Stop, "wait", lambda _stop, _seconds: (cluster.heal(), False)[1])


# --- imports ---

ONE, TWO = Parallelism(), Parallelism(connections=2)
LOADS = (
    (load_points.Crash("update", "line", "after", STEP, 4), ONE),
    (load_points.Crash("update", "line", "after", STEP, 36), ONE),
    (load_points.Crash("refused by file", "client", "during", STEP, 40), ONE),
    (load_points.Crash("update", "client", "during", ROWS, 1), ONE),
    (load_points.Crash("update", "server", "during", STEP, 10), ONE),
    (load_points.Crash("move", "server", "after", STEP, 16), ONE),
    (load_points.Crash("refused by file", "server", "after", STEP, 9), ONE),
    (load_points.Crash("update", "server for good", "during", STEP, 38), ONE),
    (load_points.Crash("update", "line", "after", STEP, 11), TWO),
    (load_points.Crash("update", "client", "during", STEP, 12), TWO),
    (load_points.Crash("update", "server", "during", STEP, 13), TWO),
)


@pytest.fixture(scope="module")
def load_dialers(
    node: FirstNode, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, Parallelism], load_points.Dialer]]:
    """Give the dialer of a load, made at the first call."""

    @functools.cache
    def make(name: str, parallelism: Parallelism) -> load_points.Dialer:
        folder = tmp_path_factory.mktemp("undisturbed")
        return load_points.Dialer(node, "innodb", name, parallelism, folder)

    yield make
    node.execute("SET GLOBAL local_infile = 1")


@pytest.mark.parametrize(("crash", "parallelism"), LOADS, ids=str)
def test_an_import_is_completed(
    cluster: Cluster,
    node: FirstNode,
    load_dialers: Callable[[str, Parallelism], load_points.Dialer],
    tmp_path: Path,
    crash: load_points.Crash,
    parallelism: Parallelism,
) -> None:
    dialer = load_dialers(crash.load, parallelism)
    dialer.set_back()
    with Proxy(node) as proxy:
        point = Point(dialer, proxy, tmp_path / "results")
        if not crash.loss.endswith("for good"):
            point.url = cluster.beside(point.url, *OTHERS)
        assert point.reached(crash, crash.nth)
    cut_leases(cluster.address(dialer.url, 1))
    with suppress(LoadedBeforeError):
        dialer.load(cluster.address(dialer.url, 1), tmp_path / "results")
    cluster.heal()
    assert dialer.account(tmp_path / "results") == dialer.expected
    cluster.same(dialer.url, "SELECT * FROM vicidial_list ORDER BY lead_id")


# --- moves ---

MOVES = (
    archive_points.Crash("connection", "after", "archive", "DELETE", 1),
    archive_points.Crash("server", "before", "archive", "INSERT", 3),
    archive_points.Crash("server", "during", "archive", "DELETE", 2),
    archive_points.Crash("client", "during", "archive", "DELETE", 1),
    archive_points.Crash("connection", "after", "dearchive", "INSERT", 2),
    archive_points.Crash("server", "after", "dearchive", "DELETE", 1),
    archive_points.Crash("server", "during", "dearchive", "INSERT", 1),
    archive_points.Crash("client", "after", "dearchive", "INSERT", 1),
)


@pytest.fixture(scope="module")
def archive_dialer(node: FirstNode) -> archive_points.Dialer:
    return archive_points.Dialer(node, "innodb")


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("crash", MOVES, ids=lambda it: "-".join(map(str, it)))
def test_leads_are_moved(
    cluster: Cluster,
    node: FirstNode,
    archive_dialer: archive_points.Dialer,
    tmp_path: Path,
    crash: archive_points.Crash,
) -> None:
    url, other = archive_dialer.url, cluster.address(archive_dialer.url, 1)
    archive_dialer.set_back()
    if crash.way == "dearchive":
        archive_points.done(archive_points.command("archive", other, tmp_path / "before"))
    with Proxy(node) as proxy:
        through = cluster.beside(proxy.via(url), *OTHERS)
        arguments = archive_points.command(crash.way, through, tmp_path / "first")
        assert archive_points.interrupted(crash, crash.nth, node, proxy, arguments)
    cut_leases(other)
    report = archive_points.done(archive_points.command(crash.way, other, tmp_path / "again"))
    if crash.what != "client":
        assert archive_points.counts(report) == [0, 0, 0, 0]
    cluster.heal()
    is_archive = crash.way == "archive"
    expected = archive_dialer.archived if is_archive else archive_dialer.restored
    for number in range(len(cluster.nodes)):
        assert archive_points.rows(cluster.address(url, number)) == expected


# --- undo ---

UNDOS = (
    undo_points.Crash("client", "during", "UPDATE (SELECT", 1),
    undo_points.Crash("client", "after", "DELETE", 1),
    undo_points.Crash("server", "during", "UPDATE (SELECT", 1),
    undo_points.Crash("server", "after", "DELETE", 2),
    undo_points.Crash("server", "before", "INSERT INTO vicidial_list_archive", 1),
    undo_points.Crash("connection", "after", "DELETE", 2),
)


@pytest.fixture
def loaded_dialer(leads: str, tmp_path: Path) -> Iterator[undo_points.Dialer]:
    database = Database(leads)
    yield undo_points.load_leads(database, tmp_path)
    database.engine.dispose()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("crash", UNDOS, ids=lambda it: "-".join(map(str, it)))
def test_an_import_is_taken_back(
    cluster: Cluster,
    node: FirstNode,
    loaded_dialer: undo_points.Dialer,
    leads: str,
    tmp_path: Path,
    crash: undo_points.Crash,
) -> None:
    results, came = folder(tmp_path), threading.Event()

    def command(url: str) -> list[str]:
        words = ["--database", url, "--results", str(results), "--quiet"]
        return ["undo", loaded_dialer.run, *words]

    with Proxy(node) as proxy:
        arguments = command(cluster.beside(proxy.via(leads), *OTHERS))
        at = (crash.moment, STATEMENT + crash.statement.encode())
        if crash.what == "client":
            with Warm(*arguments) as client:
                loss = lambda: (came.set(), client.kill())  # noqa: E731 - as in load_points
                proxy.at(*at, loss, nth=crash.nth, loses=True)
            cut_leases(leads)
            assert run_command(command(cluster.address(leads, 1))) == 0
        else:
            loss = lambda: (came.set(), crash.what == "server" and node.kill())  # noqa: E731
            proxy.at(*at, loss, nth=crash.nth, loses=True)
            assert run_command(arguments) == 0
    assert came.is_set()
    cluster.heal()
    loaded_dialer.database.engine.dispose()
    undo_points.assert_undone(loaded_dialer, undo_points.report_in(results))
    cluster.same(leads, "SELECT * FROM vicidial_list ORDER BY lead_id")

"""An undo that is killed, with its server or alone, is completed by the same command.

`make test` does that at some of its steps, `make crashes` at all.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.cli.main import run as run_command
from jobs.undo.job import undo
from jobs.undo.task import UndoTask
from loader.archive import transfer
from loader.database.connection import Database
from loader.errors import UndoneBeforeError
from loader.ledger.runs import Ledger
from loader.signals import Stop
from loader.undo.loaded_leads import LoadedLeads
from loader.undo.results import UndoResults
from loader.writing.updates import LeadUpdater
from tests.crash.undo_points import Crash, Dialer, assert_undone, load_leads, report_in
from tests.support.archives import sql
from tests.support.products import PRODUCT
from tests.support.proxy import Moment, Proxy
from tests.support.server import PrivateServer
from tests.support.statements import ANY_STATEMENT, STATEMENT, just_before
from tests.support.step_kills import Killed, Point, killed_at
from tests.support.undos import drop_archives, folder
from tests.support.warm import Warm

ON_SERVERS = pytest.mark.engines("myisam", "innodb")


@pytest.fixture
def dialer(database: Database, tmp_path: Path) -> Iterator[Dialer]:
    dialer = load_leads(database, tmp_path)
    if database.engine.dialect.name != "sqlite":
        # Or a kill of the server would have them repaired.
        sql(database, "FLUSH TABLES")
    yield dialer
    drop_archives(database)


POINTS = tuple(
    (Point(owner, name, moment), nth)
    for owner, names, nths in (
        (Ledger, ("insert",), (1,)),
        (Ledger, ("update",), (1, 2, 3)),
        (UndoTask, ("begin",), (1,)),
        (UndoResults, ("plan", "begin", "note_leads", "note_changes", "finish"), (1,)),
        (LeadUpdater, ("write",), (1,)),
        (LoadedLeads, ("_take_from_hopper",), (1,)),
        (transfer, ("in_halves",), (1, 2, 3, 4, 5, 6)),
    )
    for name in names
    for nth in nths
    for moment in ("before", "after")
)


SAMPLE = tuple(each for each in POINTS if each[0].moment == "after" and each[1] == 1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    every = metafunc.config.getoption("full")
    if "point" in metafunc.fixturenames:
        points = POINTS if every else SAMPLE
        metafunc.parametrize(("point", "nth"), points, ids=[f"{p}-{nth}" for p, nth in points])
    if "crash" in metafunc.fixturenames:
        crashes = CRASHES if every else CRASHES[::3]
        metafunc.parametrize("crash", crashes, ids=["-".join(map(str, each)) for each in crashes])
    if "nth_statement" in metafunc.fixturenames:
        metafunc.parametrize("nth_statement", range(1, STATEMENTS + 1, 1 if every else 29))


@pytest.mark.sample(1)
@pytest.mark.engines("sqlite")
def test_the_same_call_completes_it(dialer: Dialer, tmp_path: Path, point: Point, nth: int) -> None:
    with killed_at(point, nth), pytest.raises(Killed):
        undo(dialer.run, dialer.database, folder(tmp_path))
    try:
        report = undo(dialer.run, dialer.database, folder(tmp_path))
    except UndoneBeforeError:  # it was complete
        report = report_in(folder(tmp_path))
    assert_undone(dialer, report)


STATEMENTS = 130
"""An undo has no more, some of which another try repeats."""


CRASHES = (
    Crash("client", "during", "UPDATE (SELECT", 1),
    Crash("client", "after", "DELETE", 1),
    Crash("client", "before", "DELETE", 2),
    Crash("server", "after", "DELETE", 2),
    Crash("client", "after", "DELETE", 3),
    Crash("server", "during", "UPDATE (SELECT", 1),
    Crash("server", "before", "INSERT INTO vicidial_list_archive", 1),
    Crash("connection", "after", "DELETE", 2),
    Crash("connection", "before", "INSERT INTO custom_101_archive", 1),
)


@pytest.fixture
def patient(private_server: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the server in this process starts it."""

    def start(_stop: Stop, _seconds: float) -> bool:
        if not private_server.is_running:
            private_server.start()
        return False

    monkeypatch.setattr(Stop, "wait", start)


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.usefixtures("patient")
def test_what_really_dies(
    dialer: Dialer, private_server: PrivateServer, tmp_path: Path, crash: Crash
) -> None:
    results, url = folder(tmp_path), dialer.database.engine.url
    address = url.render_as_string(hide_password=False)
    came = threading.Event()
    statement = STATEMENT + crash.statement.encode()
    at: dict[str, Any] = {"moment": crash.moment, "containing": statement, "nth": crash.nth}

    def command(database: str) -> list[str]:
        return ["undo", dialer.run, "--database", database, "--results", str(results), "--quiet"]

    with Proxy(private_server) as proxy:
        arguments = command(proxy.via(address))
        if crash.what == "client":
            with Warm(*arguments) as client:
                proxy.at(action=lambda: (came.set(), client.kill()), loses=True, **at)
        else:
            lose = private_server.kill if crash.what == "server" else lambda: None
            proxy.at(action=lambda: (came.set(), lose()), loses=True, **at)
            assert run_command(arguments) == 0
    assert came.is_set()
    if crash.what == "client":
        assert not (results / "summary.json").exists()
        assert run_command(command(address)) == 0
    dialer.database.engine.dispose()
    assert_undone(dialer, report_in(results))


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_connection_may_be_lost_at_any_statement(
    dialer: Dialer,
    private_server: PrivateServer,
    tmp_path: Path,
    moment: Moment,
    nth_statement: int,
) -> None:
    """COMMIT, ROLLBACK and SET are statements, too; and the first one of all is."""
    results = folder(tmp_path)
    address = dialer.database.engine.url.render_as_string(hide_password=False)
    with Proxy(private_server) as proxy:
        proxy.at(moment, ANY_STATEMENT, lambda: None, nth=nth_statement, loses=True)
        database = ["--database", proxy.via(address), "--results", str(results), "--quiet"]
        assert run_command(["undo", dialer.run, *database]) == 0
    dialer.database.engine.dispose()
    assert_undone(dialer, report_in(results))


@pytest.mark.skipif(not PRODUCT.is_mariadb, reason="MariaDB alone has innodb_snapshot_isolation")
@pytest.mark.sample(1)
@pytest.mark.engines("innodb")
@pytest.mark.parametrize("lead_id", [1, 2])
def test_a_lead_that_is_changed_since_it_was_read(
    dialer: Dialer, private_server: PrivateServer, tmp_path: Path, lead_id: int
) -> None:
    """Newer servers refuse to change it then (error 1020): it is read again."""
    called = f"UPDATE vicidial_list SET city = 'Rome' WHERE lead_id = {lead_id}"
    [(before,)] = private_server.execute("SELECT @@GLOBAL.innodb_snapshot_isolation")
    private_server.execute("SET GLOBAL innodb_snapshot_isolation = ON")
    try:
        dialer.database.engine.dispose()
        with just_before(dialer.database, "UPDATE (SELECT", lambda: sql(dialer.database, called)):
            report = undo(dialer.run, dialer.database, folder(tmp_path))
    finally:
        private_server.execute(f"SET GLOBAL innodb_snapshot_isolation = {before}")
        dialer.database.engine.dispose()
    assert report.changes_stayed == {"CHANGED": 1}
    assert (report.moved, report.reverted) == (3, 7)
    cities = "SELECT city FROM vicidial_list WHERE lead_id = "
    assert sql(dialer.database, f"{cities}{lead_id}") == [("Rome",)]

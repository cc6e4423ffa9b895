"""The dialer's database is a Galera cluster of three nodes."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from jobs.cli.main import run as run_command
from jobs.watchers import Watchers
from loader.database import leases, schema
from loader.database.connection import Database
from loader.database.leases import Lease
from loader.database.locks import is_held, lock, turn
from loader.errors import (
    BusyError,
    ConfigurationError,
    DatabaseUnavailableError,
    LoadedBeforeError,
    TransientDatabaseError,
)
from loader.ledger.runs import Ledger, RunRecord
from loader.options.connection import ConnectionOptions
from loader.options.load import LoadOptions
from tests.support.certificates import make_authority
from tests.support.cluster import Cluster
from tests.support.loads import load_file, outcome_of
from tests.support.nights import AT_THE_SECOND_BATCH, Site, WhileItWaits, held, rows
from tests.support.server import plain_engine, run
from tests.support.warm import Warm

pytestmark = pytest.mark.cluster


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
    """The same, without leads and without a ledger."""
    yield url
    cluster.heal()
    tables = [name for (name,) in run(url, "SHOW TABLES") if name.startswith("leadloader_")]
    run(url, "DELETE FROM vicidial_list", *(f"DROP TABLE {name}" for name in tables))


@pytest.fixture
def through(cluster: Cluster, leads: str) -> Callable[..., Database]:
    """Give the database by some of the nodes."""
    return lambda *numbers: Database(cluster.address(leads, *numbers))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases expire soon, and yet later than a cluster needs to leave a node out."""
    monkeypatch.setattr(leases, "LASTS", 8)
    monkeypatch.setattr(leases, "BEAT", 0.2)


def phones(count: int) -> list[str]:
    return [str(7_275_550_000 + number) for number in range(count)]


def file_of(folder: Path, count: int) -> Path:
    path = folder / "leads.csv"
    path.write_text("\n".join(["phone_number", *phones(count)]) + "\n")
    return path


OPTIONS = LoadOptions(force_list_id="101", list_exists_check="N", duplicate_check="DUPSYS")


def loaded(cluster: Cluster, url: str) -> list[str]:
    statement = "SELECT phone_number FROM vicidial_list ORDER BY phone_number, lead_id"
    return [phone for (phone,) in cluster.same(url, statement)]


# --- tables ---


def test_init_makes_tables_that_all_nodes_have(cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.nodes[0].new_database()
    assert run_command(["init", "--database", cluster.address(url, 1)]) == 0
    engines = "SELECT DISTINCT engine FROM information_schema.tables WHERE table_schema = "
    assert cluster.same(url, engines + "DATABASE()") == [("InnoDB",)]


def test_an_import_into_tables_of_one_node_is_refused(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = cluster.nodes[0].new_database()
    engine = plain_engine(url)
    schema.create_missing(engine)
    engine.dispose()
    path, database = file_of(tmp_path, 2), Database(url)
    with pytest.raises(ConfigurationError, match=r"vicidial_list \(MyISAM\).*ENGINE=InnoDB"):
        load_file(path, OPTIONS, database, tmp_path / "out")
    command = ["archive", "--statuses", "NEW", "--database", url]
    assert run_command([*command, "--results", str(tmp_path / "archive")]) == 78
    assert "node of a cluster" in capsys.readouterr().err
    database.engine.dispose()


# --- addresses ---


def test_the_first_node_that_answers_and_is_synced_is_taken(
    cluster: Cluster, through: Callable[..., Database]
) -> None:
    def place(database: Database) -> int:
        return int(database.read(lambda it: it.exec_driver_sql("SELECT @@port").scalar_one()))

    database = through(0, 1, 2)
    assert place(database) == cluster.nodes[0].port
    cluster.nodes[1].execute("SET GLOBAL wsrep_desync = ON")
    cluster.nodes[0].kill()
    try:
        assert place(database) == cluster.nodes[2].port
        with pytest.raises(DatabaseUnavailableError) as error:
            place(through(0, 1))
    finally:
        cluster.nodes[1].execute("SET GLOBAL wsrep_desync = OFF")
    one, two = (f"127.0.0.1:{cluster.nodes[number].port}" for number in (0, 1))
    assert f"{one} does not answer (error 2003)" in str(error.value)
    assert f"{two} is a node that is not Synced (Donor/Desynced)" in str(error.value)


@pytest.mark.parametrize("mode", ["verify-identity", "verify-ca", "required"])
def test_the_line_to_each_node_is_encrypted(cluster: Cluster, leads: str, mode: str) -> None:
    url = leads.replace("?ssl_mode=disabled", "")
    authority = None if mode == "required" else cluster.authority
    encrypting = ConnectionOptions(ssl_mode=mode, ssl_ca=authority)
    for numbers in ((0,), (1,), (2,), (0, 1, 2)):
        database = Database(cluster.address(url, *numbers), encrypting)
        asked = "SHOW SESSION STATUS LIKE 'Ssl_cipher'"
        assert database.read(lambda it: it.exec_driver_sql(asked).one())[1]  # noqa: B023 - at once


def test_a_node_with_another_certificate_is_refused(
    cluster: Cluster, leads: str, tmp_path: Path
) -> None:
    """No other node is taken instead: that something stands between would not be seen."""
    other = make_authority(tmp_path, "other")
    url = leads.replace("ssl_mode=disabled", f"ssl_ca={other}")
    with pytest.raises(ConfigurationError, match=r"certificate of 127.0.0.1 is refused"):
        Database(cluster.address(url)).read(lambda it: it.exec_driver_sql("SELECT 1").all())


# --- leases ---


def test_a_lock_holds_on_all_nodes(through: Callable[..., Database]) -> None:
    one, two = through(0), through(1)
    with lock(one, "night", "a night is under way"):
        assert is_held(two, "night")
        with (
            pytest.raises(BusyError, match=r"a night is under way already, by process [0-9]+ on "),
            lock(two, "night", "a night is under way"),
        ):
            pass
        with lock(two, "another", "another job runs"):
            pass
    assert not is_held(two, "night")
    with lock(two, "night", "a night is under way"):
        pass


def test_who_is_late_can_commit_nothing(
    through: Callable[..., Database], leads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One node stands still while another process takes the lease over."""
    monkeypatch.setattr(leases, "LASTS", 1)
    one, two = through(0), through(1)
    lease = Lease("work")
    one.read(lease.take)
    change = "INSERT INTO vicidial_list (phone_number) VALUES ('1')"

    def commit_late() -> None:
        with one.connect() as late:
            lease.confirm(late)
            late.exec_driver_sql(change)
            with leases.hold(two, "work", "somebody works"):
                late.commit()

    with pytest.raises(TransientDatabaseError):
        commit_late()
    with pytest.raises(TransientDatabaseError), one.connect() as later:
        lease.confirm(later)
    assert run(leads, "SELECT COUNT(*) FROM vicidial_list") == [(0,)]


def test_a_commit_on_a_lost_node_is_refused_by_the_fence(
    through: Callable[..., Database], leads: str, tmp_path: Path
) -> None:
    """No node can end the session of another one."""
    one, two = through(0), through(1)
    ledger = Ledger.open(two, tmp_path)
    ledger.insert(RunRecord(run="run", job="import", began=datetime.now(UTC), owner="we"))

    def commit_late() -> None:
        with one.connect() as late:
            ledger.refuse_other_owner(late, "run", "we")
            late.exec_driver_sql("INSERT INTO vicidial_list (phone_number) VALUES ('1')")
            ledger.fence("run", "we")
            late.commit()

    with pytest.raises(TransientDatabaseError):
        commit_late()
    assert run(leads, "SELECT COUNT(*) FROM vicidial_list") == [(0,)]


def test_turns_are_taken_by_one_after_the_other(
    through: Callable[..., Database], leads: str, cluster: Cluster
) -> None:
    run(leads, "INSERT INTO vicidial_list (phone_number, called_count) VALUES ('1', 0)")

    def count(database: Database) -> None:
        for _ in range(10):
            with database.connect() as connection, turn(database, connection, "count", 30):
                asked = "SELECT called_count FROM vicidial_list"
                now = connection.exec_driver_sql(asked).scalar_one()
                connection.exec_driver_sql(f"UPDATE vicidial_list SET called_count = {now + 1}")
                connection.commit()

    workers = [threading.Thread(target=count, args=(through(number),)) for number in (0, 1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert cluster.same(leads, "SELECT called_count FROM vicidial_list") == [(30,)]


# --- imports ---


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
    # Its lease lasts as long as any: it is not looked at how short those of the tests are.
    cut_short = "UPDATE leadloader_leases SET expires = UTC_TIMESTAMP(6) + INTERVAL 3 SECOND"
    run(leads, cut_short)
    cluster.nodes[0].kill()
    assert run_command([*command, "--database", cluster.address(leads, 1)]) == 0
    assert len(outcome_of(out).loaded) == 1500
    assert loaded(cluster, leads) == phones(1500)


# --- nights ---


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
    first = held(site, soon_gone + AT_THE_SECOND_BATCH)
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

"""Which nodes of a cluster are taken, and which tables on them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jobs.cli.main import run as run_command
from loader.database import schema
from loader.database.connection import Database
from loader.errors import ConfigurationError, DatabaseUnavailableError
from loader.options.connection import ConnectionOptions
from tests.cluster.loads import OPTIONS, file_of, is_asked, locked, wait_for
from tests.support.certificates import make_authority
from tests.support.cluster import Cluster
from tests.support.loads import load_file
from tests.support.server import plain_engine

pytestmark = pytest.mark.cluster


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


# --- reads ---


def test_what_one_node_committed_another_one_reads(
    cluster: Cluster, through: Callable[..., Database], leads: str
) -> None:
    """Also while it is not stored there yet: it is waited for."""
    count = "SELECT COUNT(*) FROM vicidial_list"
    insert = "INSERT INTO vicidial_list (phone_number) VALUES ('1')"
    one, two = through(0), through(1)

    def read() -> int:
        return int(two.read(lambda it: it.exec_driver_sql(count).scalar_one()))

    assert read() == 0
    with ThreadPoolExecutor() as threads:
        with locked(cluster.nodes[1], leads, "vicidial_list"):
            one.write(lambda it: it.exec_driver_sql(insert))
            reading = threads.submit(read)
            wait_for(lambda: reading.done() or is_asked(cluster.nodes[1]))
        assert reading.result() == 1


def test_a_node_that_lags_for_too_long_is_said_to(
    cluster: Cluster, through: Callable[..., Database], leads: str
) -> None:
    patience = "SET GLOBAL wsrep_provider_options = 'repl.causal_read_timeout={}'"
    insert = "INSERT INTO vicidial_list (phone_number) VALUES ('1')"
    cluster.nodes[1].execute(patience.format("PT0.1S"))
    try:
        with locked(cluster.nodes[1], leads, "vicidial_list"):
            through(0).write(lambda it: it.exec_driver_sql(insert))
            with pytest.raises(DatabaseUnavailableError, match=r"or this node lags \(error 1205"):
                through(1).read(lambda it: it.exec_driver_sql("SELECT 1 FROM vicidial_list").all())
    finally:
        cluster.nodes[1].execute(patience.format("PT30S"))

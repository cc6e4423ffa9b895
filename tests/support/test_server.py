import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pymysql
import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from tests.support import install_programs
from tests.support.proxy import Proxy
from tests.support.server import PrivateServer, Server, driver_options, empty, fill

LOST = 2013
COM_QUERY = b"\x03"


def select(url: str, statement: str) -> list[tuple[Any, ...]]:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def run(url: str, *statements: str) -> None:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def phones(url: str) -> list[str]:
    return [row[0] for row in select(url, "SELECT phone_number FROM vicidial_dnc ORDER BY 1")]


# --- rows ---


def test_fill_and_empty(database_url: str) -> None:
    for _ in range(2):
        fill(
            database_url,
            {
                "vicidial_list": [
                    {"phone_number": "1", "rank": 5},
                    {"phone_number": "2", "title": None},
                    {"phone_number": "3", "rank": 6},
                ],
                "vicidial_lists": [{"list_id": 101, "campaign_id": "CAMP1"}],
                "custom_tables": [
                    {"table": "custom_101", "columns": {"born": "DATE", "a b": "TEXT"}}
                ],
                "custom_101": [{"lead_id": 1, "born": "1980-01-15", "a b": "x"}],
                "vicidial_users": [],
            },
        )
        rows = select(database_url, "SELECT lead_id, phone_number, title FROM vicidial_list")
        assert sorted(rows) == [(1, "1", None), (2, "2", None), (3, "3", None)]
        assert select(database_url, "SELECT local_call_time FROM vicidial_lists") == [("campaign",)]
        assert [str(value) for value in select(database_url, "SELECT * FROM custom_101")[0]] == [
            "1",
            "1980-01-15",
            "x",
        ]
        if database_url.startswith("sqlite"):
            break  # every test has its own file
        empty(database_url)
        assert select(database_url, "SELECT * FROM vicidial_lists") == []
        assert select(database_url, "SHOW TABLES LIKE 'custom%'") == []


@pytest.mark.engines("innodb")
def test_empty_does_not_wait_for_a_forgotten_transaction(database_url: str) -> None:
    with create_engine(database_url).connect() as forgotten:
        forgotten.execute(text("INSERT INTO vicidial_dnc VALUES ('1')"))
        empty(database_url)
        assert phones(database_url) == []
        forgotten.invalidate()


def test_a_test_begins_with_an_empty_database(database_url: str) -> None:
    tables = ("vicidial_list", "vicidial_dnc", "vicidial_lists")
    assert [select(database_url, f"SELECT * FROM {table}") for table in tables] == [[], [], []]


def test_a_reader_cannot_write(database_url: str, read_only_url: str) -> None:
    fill(database_url, {"vicidial_dnc": [{"phone_number": "7275551212"}]})
    assert phones(read_only_url) == ["7275551212"]
    with pytest.raises(DBAPIError, match=r"denied|readonly"):
        run(read_only_url, "INSERT INTO vicidial_dnc VALUES ('1')")
    assert phones(database_url) == ["7275551212"]


# --- the private server ---


@pytest.mark.engines("myisam", "innodb")
def test_a_killed_server_keeps_what_was_committed(
    private_server: PrivateServer, engine_name: str
) -> None:
    url = private_server.new_database()
    run(url, f"CREATE TABLE vicidial_dnc (phone_number CHAR(9) PRIMARY KEY) ENGINE {engine_name}")
    run(url, "INSERT INTO vicidial_dnc VALUES ('1'), ('2')")
    private_server.kill()
    with pytest.raises(DBAPIError, match="refused"):
        phones(url)
    private_server.start()
    assert phones(url) == ["1", "2"]
    private_server.restart("--sql-mode=")
    assert private_server.execute("SELECT @@sql_mode") == [("",)]
    private_server.restart()
    assert phones(url) == ["1", "2"]


def test_a_server_ends_with_the_process_that_started_it(private_server: PrivateServer) -> None:
    script = """
        import os, signal
        from tests.support.server import PrivateServer
        server = PrivateServer()
        print(server.socket, server.execute("SELECT 1"), sep="\\n", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    # The server and its watcher hold the other end of the pipe, so this returns after both.
    child = subprocess.run(
        [sys.executable, "-c", "\n".join(map(str.strip, script.splitlines()))],
        check=False,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    path, answer = child.stdout.splitlines()
    assert answer == "[(1,)]"
    assert not Path(path).parent.exists()


# --- the proxy ---


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        yield proxy


def connect(proxy: Proxy, url: str) -> "pymysql.Connection[Any]":
    """Connect without SQLAlchemy, so that the packets are those of the test alone."""
    return pymysql.connect(**driver_options(proxy.via(url)), autocommit=True, local_infile=True)


def insert(connection: "pymysql.Connection[Any]", phone: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO vicidial_dnc VALUES (%s)", [phone])


@pytest.mark.engines("myisam", "innodb")
@pytest.mark.parametrize(
    ("cut", "arrived"),
    [(Proxy.cut_before, ["1"]), (Proxy.cut_after, ["1", "2"])],
    ids=["before", "after"],
)
def test_a_statement_is_lost_or_its_answer(
    proxy: Proxy, database_url: str, cut: Any, arrived: list[str]
) -> None:
    cut(proxy, b"INSERT", nth=2)
    connection = connect(proxy, database_url)
    insert(connection, "1")
    with pytest.raises(pymysql.OperationalError) as lost:
        insert(connection, "2")
    assert lost.value.args[0] == LOST
    assert phones(database_url) == arrived
    connection = connect(proxy, database_url)
    insert(connection, "3")
    connection.close()
    assert phones(database_url) == [*arrived, "3"]
    assert proxy.connections == 2


@pytest.mark.engines("myisam", "innodb")
@pytest.mark.parametrize(
    ("cut", "at", "rows"),
    [
        (Proxy.cut_before, b"LOAD DATA", 0),
        (Proxy.cut_before, b"7275551", 0),
        (Proxy.cut_after, b"LOAD DATA", 2),
    ],
    ids=["statement", "rows", "answer"],
)
def test_load_data_is_lost_or_its_last_answer(
    proxy: Proxy, database_url: str, cut: Any, at: bytes, rows: int
) -> None:
    cut(proxy, at)
    with NamedTemporaryFile() as file, connect(proxy, database_url).cursor() as cursor:
        file.write(b"7275551\n7275552\n")
        file.flush()
        with pytest.raises(pymysql.OperationalError) as lost:
            cursor.execute(f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE vicidial_dnc")
    assert lost.value.args[0] == LOST
    assert len(phones(database_url)) == rows


@pytest.mark.engines("innodb")
@pytest.mark.parametrize(
    ("cut", "arrived"), [(Proxy.cut_before, []), (Proxy.cut_after, ["1"])], ids=["before", "after"]
)
def test_a_commit_is_lost_or_its_answer(
    proxy: Proxy, database_url: str, cut: Any, arrived: list[str]
) -> None:
    cut(proxy, COM_QUERY + b"COMMIT")
    with pytest.raises(DBAPIError) as lost:
        run(proxy.via(database_url), "INSERT INTO vicidial_dnc VALUES ('1')")
    assert lost.value.connection_invalidated
    assert phones(database_url) == arrived


@pytest.mark.engines("myisam", "innodb")
@pytest.mark.parametrize(
    ("moment", "found"), [("before", ["1"]), ("after", ["1", "2"])], ids=["before", "after"]
)
@pytest.mark.parametrize("loses", [False, True], ids=["goes on", "is lost"])
def test_a_statement_or_its_answer_waits_for_an_action(
    proxy: Proxy, database_url: str, moment: Any, found: list[str], *, loses: bool
) -> None:
    seen: list[str] = []
    connection = connect(proxy, database_url)
    proxy.at(moment, b"INSERT", lambda: seen.extend(phones(database_url)), nth=2, loses=loses)
    insert(connection, "1")
    if loses:
        with pytest.raises(pymysql.OperationalError):
            insert(connection, "2")
        assert phones(database_url) == found
    else:
        insert(connection, "2")
        insert(connection, "3")
        assert phones(database_url) == ["1", "2", "3"]
        connection.close()
    assert seen == found


def test_a_server_is_killed_while_it_is_at_a_statement(private_server: PrivateServer) -> None:
    with Proxy(private_server) as proxy:
        proxy.at("during", b"SLEEP", private_server.kill)
        with pytest.raises(DBAPIError):
            run(proxy.via(private_server.url()), "SELECT SLEEP(60)")
    private_server.start()
    assert private_server.execute("SELECT 1") == [(1,)]


@pytest.mark.engines("innodb")
def test_all_connections_are_lost_at_once(proxy: Proxy, database_url: str) -> None:
    both = [connect(proxy, database_url) for _ in range(2)]
    proxy.cut()
    for connection in both:
        with pytest.raises(pymysql.OperationalError):
            insert(connection, "1")
    assert phones(database_url) == []


@pytest.mark.engines("innodb")
def test_a_closed_proxy_answers_nobody(proxy: Proxy, database_url: str) -> None:
    proxy.close()
    with pytest.raises(pymysql.OperationalError, match="refused"):
        connect(proxy, database_url)


# --- the installer ---


def test_the_installer_is_silent_where_there_is_a_server(server: Server) -> None:
    done = subprocess.run(
        [sys.executable, install_programs.__file__], check=True, capture_output=True, text=True
    )
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize(
    ("finder", "variable", "package"),
    [
        ("find_server", "LEADLOADER_TEST_DATABASE", "mariadb-server-core"),
        ("find_browser", "LEADLOADER_TEST_BROWSER", "chromium"),
    ],
)
def test_the_installer_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    finder: str,
    variable: str,
    package: str,
) -> None:
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(install_programs, finder, lambda: None)
    monkeypatch.setattr(install_programs, "privilege", lambda: None)
    assert install_programs.main() == 1
    advice = capsys.readouterr().err
    assert f"apt-get install --no-install-recommends {package}" in advice
    assert f"{variable}=" in advice


def test_a_browser_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLOADER_TEST_BROWSER", "/nowhere/chrome")
    assert install_programs.find_browser() is None
    monkeypatch.setenv("LEADLOADER_TEST_BROWSER", sys.executable)
    assert install_programs.find_browser() == sys.executable

"""No server gets a file, the password, or more than the rows that are meant for it."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from jobs.cli.main import run
from loader.database.address import read_address
from loader.database.connection import Database
from loader.database.driver import DriverConnection
from loader.database.throttle import Throttle
from loader.errors import DatabaseUnavailableError, LoaderError, UntrustedServerError
from loader.options.archive import ArchiveOptions
from tests.support.rogue_server import RogueServer
from tests.support.server import Server

SECRET = b"root:x:0:0"


@pytest.fixture
def wanted(tmp_path: Path) -> Path:
    """A file that is nobody's business."""
    path = tmp_path / "passwd"
    path.write_bytes(SECRET * 1000)
    return path


@pytest.mark.sample(1)
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("at", [b"SET NAMES", b"AUTOCOMMIT", b"sql_mode", b"SESSION", b"SELECT"])
@pytest.mark.parametrize("command", ["import", "validate"])
def test_no_statement_is_answered_with_a_file(
    at: bytes, command: str, wanted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("leads.csv").write_text("phone\n7275551111\n")
    with RogueServer(str(wanted), at) as server:
        code = run([command, "leads.csv", "--database", server.url])
    assert code in {69, 78}
    assert at in server.heard
    assert SECRET not in server.heard
    said = capsys.readouterr().err
    assert "bug" not in said
    assert "pass-w0rd" not in said


def test_it_is_said_that_a_server_asked_for_a_file(wanted: Path) -> None:
    with RogueServer(str(wanted), b"SELECT") as server:
        with pytest.raises(UntrustedServerError, match="asked for a file of this machine"):
            Database(server.url).read(lambda it: it.exec_driver_sql("SELECT 1").all())
        # It is not tried again.
        assert sum(b"SELECT" in packet for packet in server.received) == 1


def test_a_replica_gets_no_file_either(server: Server, wanted: Path) -> None:
    database = Database(server.url())
    with RogueServer(str(wanted), b"SELECT") as rogue:
        options = ArchiveOptions(replicas=(rogue.url,), max_lag=timedelta(seconds=1))
        throttle = Throttle(database, options)
        with pytest.raises(LoaderError, match="asked for a file"):
            throttle.check()
        throttle.close()
    assert SECRET not in rogue.heard
    database.engine.dispose()


def connect(url: str) -> DriverConnection:
    address = read_address(url)
    at = make_url(url)
    return DriverConnection(
        address.options, None, address.name,
        host=at.host, port=at.port, user=at.username, password=at.password,
    )  # fmt: skip


def test_our_rows_are_sent_whatever_file_is_named(wanted: Path) -> None:
    with RogueServer(str(wanted), b"LOAD DATA") as server:
        connection = connect(server.url)
        with connection.sending(b"our rows"), connection.cursor() as cursor:
            cursor.execute("LOAD DATA LOCAL INFILE 'leads.csv' INTO TABLE vicidial_list")
            # Once.
            with pytest.raises(UntrustedServerError):
                cursor.execute("LOAD DATA LOCAL INFILE 'leads.csv' INTO TABLE vicidial_list")
    assert b"our rows" in server.received
    assert SECRET not in server.heard


@pytest.mark.parametrize(
    "plugin",
    [b"mysql_clear_password", b"dialog", b"mysql_old_password", b"sha256_password",
     b"caching_sha2_password"],
)  # fmt: skip
@pytest.mark.parametrize("greets", [b"mysql_native_password", b"itself"])
def test_the_password_is_given_to_no_server_that_asks(plugin: bytes, greets: bytes) -> None:
    named = plugin if greets == b"itself" else greets
    with (
        RogueServer(plugin=plugin, greets_with=named) as server,
        pytest.raises(UntrustedServerError, match="asks for the password") as caught,
    ):
        Database(server.url).read(lambda it: it.exec_driver_sql("SELECT 1").all())
    assert b"pass-w0rd" not in server.heard
    assert "pass-w0rd" not in str(caught.value)
    # A server that does not know the name of the account asks in either way.
    assert ("name or password is wrong" in str(caught.value)) == (b"sha2" in plugin)
    # Not even the wish for a key, with which the server could read it.
    assert not {b"\x01", b"\x02"} & {*server.received}


@pytest.mark.parametrize(
    "greeting",
    [
        b"SSH-2.0-OpenSSH_9.2p1", b"\x0a", b"\x0a5.5\0", b"\xff" * 50, b"\x0a" + b"x" * 300,
        b"\x0a\xff.\0" + b"\xff" * 60,
    ],
)  # fmt: skip
def test_what_is_no_server_is_no_bug(greeting: bytes) -> None:

    with RogueServer(greeting=greeting) as server:
        database = Database(server.url, sleep=lambda _seconds: None)
        with pytest.raises((UntrustedServerError, DatabaseUnavailableError)):
            database.read(lambda it: it.exec_driver_sql("SELECT 1").all())

"""TLS: which servers are talked to, by which mode, and what is said of the others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from jobs.cli.main import run as run_command
from jobs.telemetry import logs
from loader.database import encryption
from loader.database.connection import Database
from loader.database.encryption import is_elsewhere
from loader.errors import ConfigurationError, UntrustedServerError
from loader.options.connection import ConnectionOptions
from tests.support.certificates import make_authority, make_certificate
from tests.support.products import PRODUCT
from tests.support.server import PrivateServer, Server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_authority(folder, "other")
    make_certificate(make_authority(folder, "ca"), "server")
    make_certificate(folder / "ca.pem", "client")
    return folder


@pytest.fixture(scope="module")
def encrypting(folder: Path) -> Iterator[PrivateServer]:
    server = PrivateServer(
        f"--ssl-ca={folder / 'ca.pem'}",
        f"--ssl-cert={folder / 'server.pem'}",
        f"--ssl-key={folder / 'server.key'}",
    )
    yield server
    server.close()


def at(server: Server, host: str = "127.0.0.1", **query: object) -> str:
    texts = {name: str(value) for name, value in query.items()}
    address = make_url(server.url()).set(host=host, query=texts)
    return address.render_as_string(hide_password=False)


def cipher(url: str, options: ConnectionOptions | None = None) -> str:
    """Connect, and ask by what the connection is encrypted."""
    database = Database(url, options)
    try:
        return str(
            database.read(lambda it: it.exec_driver_sql("SHOW STATUS LIKE 'Ssl_cipher'").one()[1])
        )
    finally:
        database.engine.dispose()


GOOD: list[tuple[str, dict[str, str], bool]] = [
    ("127.0.0.1", {}, True),
    ("127.0.0.1", {"ssl_mode": "preferred"}, True),
    ("127.0.0.1", {"ssl_mode": "disabled"}, False),
    ("127.0.0.1", {"ssl_mode": "required"}, True),
    ("127.0.0.1", {"ssl_ca": "ca.pem"}, True),
    ("127.0.0.1", {"ssl_mode": "verify-ca", "ssl_ca": "ca.pem"}, True),
    ("127.0.0.1", {"ssl_mode": "verify-identity", "ssl_ca": "ca.pem"}, True),
    ("localhost", {"ssl_mode": "verify-ca", "ssl_ca": "ca.pem"}, True),
    ("127.0.0.1", {"ssl_ca": "ca.pem", "ssl_cert": "client.pem", "ssl_key": "client.key"}, True),
]
BAD: list[tuple[str, dict[str, str], str]] = [
    ("localhost", {"ssl_ca": "ca.pem"}, "Hostname mismatch"),
    ("localhost", {"ssl_mode": "verify-identity", "ssl_ca": "ca.pem"}, "Hostname mismatch"),
    ("127.0.0.1", {"ssl_ca": "other.pem"}, "certificate of 127.0.0.1 is refused"),
    ("127.0.0.1", {"ssl_mode": "verify-ca", "ssl_ca": "other.pem"}, "is refused"),
    ("127.0.0.1", {"ssl_mode": "verify-ca"}, "is refused"),
    ("127.0.0.1", {"ssl_mode": "verify-identity"}, "is refused"),
    ("127.0.0.1", {"ssl_ca": "none.pem"}, "ssl_ca: .*none.pem: No such file"),
    ("127.0.0.1", {"ssl_ca": "ca.key"}, "ssl_ca: .*has no certificate"),
    ("127.0.0.1", {"ssl_cert": "none.pem"}, "ssl_cert: .*none.pem: No such file"),
    ("127.0.0.1", {"ssl_cert": "client.pem", "ssl_key": "none.key"}, "ssl_key: .*No such file"),
    ("127.0.0.1", {"ssl_cert": "client.pem", "ssl_key": "ca.key"}, "no certificate and its"),
]


def placed(folder: Path, query: dict[str, str]) -> dict[str, Any]:
    files = {"ssl_ca", "ssl_cert", "ssl_key"}
    return {name: folder / value if name in files else value for name, value in query.items()}


@pytest.mark.parametrize(("host", "query", "is_encrypted"), GOOD)
def test_who_is_talked_to(
    encrypting: PrivateServer, folder: Path, host: str, query: dict[str, str], is_encrypted: bool
) -> None:
    assert bool(cipher(at(encrypting, host, **placed(folder, query)))) is is_encrypted
    # Settings say it as addresses do.
    options = ConnectionOptions(**placed(folder, query))
    assert bool(cipher(at(encrypting, host), options)) is is_encrypted


@pytest.mark.parametrize(("host", "query", "says"), BAD)
def test_who_is_not(
    encrypting: PrivateServer, folder: Path, host: str, query: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        cipher(at(encrypting, host, **placed(folder, query)))
    with pytest.raises(ConfigurationError, match=says):
        cipher(at(encrypting, host), ConnectionOptions(**placed(folder, query)))


@pytest.mark.skipif(not PRODUCT.asks_for_passwords, reason="only MySQL 8 and newer does")
def test_a_first_log_in_gives_the_password_to_who_has_shown_a_certificate(
    encrypting: PrivateServer, folder: Path
) -> None:
    password = make_url(encrypting.url()).password
    encrypting.execute(f"CREATE USER newcomer@'%' IDENTIFIED BY '{password}'")

    def address(**query: object) -> str:
        return at(encrypting, **query).replace("//tester:", "//newcomer:")

    with pytest.raises(UntrustedServerError, match=r"ssl_ca with its ca\.pem"):
        cipher(address(ssl_mode="required"))
    assert cipher(address(ssl_mode="verify-ca", ssl_ca=folder / "ca.pem"))
    # Now it knows the password well enough for a proof.
    assert cipher(address(ssl_mode="required"))
    assert not cipher(address(ssl_mode="disabled"))


@pytest.mark.parametrize("mode", ["required", "verify-ca", "verify-identity"])
def test_a_server_that_cannot_encrypt(server: Server, mode: str) -> None:
    assert not cipher(at(server, ssl_mode="preferred"))
    with pytest.raises(ConfigurationError, match="does not encrypt"):
        cipher(at(server, ssl_mode=mode))


def test_an_address_goes_before_the_settings(encrypting: PrivateServer, folder: Path) -> None:
    others = ConnectionOptions(ssl_mode="verify-ca", ssl_ca=folder / "other.pem")
    assert not cipher(at(encrypting, ssl_mode="disabled"), others)
    assert cipher(at(encrypting, ssl_ca=folder / "ca.pem"), others)


def test_flags_of_a_command(
    encrypting: PrivateServer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    database = make_url(encrypting.new_database()).database
    address = make_url(at(encrypting)).set(database=database).render_as_string(hide_password=False)
    right, wrong = ([f"--ssl-ca={folder / name}.pem"] for name in ("ca", "other"))
    assert run_command(["init", "--database", address, *wrong]) == 78
    assert "is refused" in capsys.readouterr().err
    assert run_command(["init", "--database", address, *right]) == 0
    assert run_command(["runs", "--database", address, *right]) == 0
    assert run_command(["init", "--database", address, "--ssl-ca", "none.pem"]) == 78
    said = capsys.readouterr().err
    assert "ssl_ca: none.pem: No such file" in said
    assert "room" not in said


# --- a line that others can read ---


@pytest.mark.parametrize(
    ("peer", "elsewhere"),
    [("", False), ("127.0.0.1", False), ("127.3.0.1", False), ("::1", False), ("10.0.0.5", True),
     ("192.0.2.1", True), ("fe80::1%eth0", True)],
)  # fmt: skip
def test_which_servers_are_elsewhere(peer: str, elsewhere: bool) -> None:
    assert is_elsewhere(peer) is elsewhere


@pytest.mark.parametrize("mode", ["disabled", "required"])
def test_a_line_that_others_can_read_is_warned_of_once(
    encrypting: PrivateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(encryption, "is_elsewhere", lambda _peer: True)
    monkeypatch.setattr(encryption, "_WARNED", set())
    # Other tests may have left the console of theirs.
    logs.reset()
    database = make_url(encrypting.new_database()).database
    address = make_url(at(encrypting, ssl_mode=mode)).set(database=database)
    Path("leads.csv").write_text("phone\n7275551111\n")
    url = address.render_as_string(hide_password=False)
    assert run_command(["init", "--database", url]) == 0
    assert run_command(["import", "leads.csv", "--database", url, "--yes"]) == 0
    said = capsys.readouterr().err
    assert said.count("is not encrypted") == (mode == "disabled")
    assert str(address.password) not in said


@pytest.mark.parametrize(
    ("behind", "says"),
    [
        ("?ssl_ca=&ssl_mode=", "has no value for ssl_ca, ssl_mode"),
        ("?ssl_ca", "has no value for ssl_ca"),
        ("?ssl_mode=required&ssl_ca=", "has no value for ssl_ca"),
        ("?ssl_disabled", "has no value for ssl_disabled"),
        ("&ssl_mode=required", "options behind a &; the first one stands behind a \\?"),
    ],
)
def test_an_option_without_a_value_is_refused(behind: str, says: str) -> None:
    """A variable may be unset: nobody would know that nothing is verified."""
    with pytest.raises(ConfigurationError, match=says):
        Database(f"mysql://user:password@host/asterisk{behind}")

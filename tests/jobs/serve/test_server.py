"""The command serve: where it listens, how it ends, and clients that sites have."""

import contextlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from jobs.cli.main import run
from jobs.serve.server import MORE_CONNECTIONS, listening_socket
from jobs.settings.listening import refuse_open_address
from jobs.settings.serve import ServeSettings
from loader.database.connection import Database
from loader.errors import ConfigurationError
from tests.jobs.serve.serving import PAGE
from tests.support.certificates import make_authority, make_certificate
from tests.support.service import IN_CLEAR, USER, Service, add_user, service

pytestmark = pytest.mark.engines("sqlite")

ADDED = "SUCCESS: add_lead LEAD HAS BEEN ADDED - 7275551111|6666|999|1|-5"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "leads.example.com"])  # noqa: S104 - it is refused
def test_it_does_not_listen_to_others_in_clear(host: str) -> None:
    with pytest.raises(ConfigurationError, match="can be reached from other machines"):
        refuse_open_address(ServeSettings(host=host))
    refuse_open_address(ServeSettings(host=host, behind_proxy=True))
    refuse_open_address(ServeSettings(host=host, tls_cert=Path("a"), tls_key=Path("b")))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_may_call_in_clear(host: str) -> None:
    refuse_open_address(ServeSettings(host=host))


def test_answers_do_not_wait_for_an_acknowledgement() -> None:
    with listening_socket(ServeSettings(port=0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP, "asyncio sets TCP_NODELAY for these alone"


def test_an_open_address_ends_the_command(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--database", database_url, "--host", "0.0.0.0"]) == 78  # noqa: S104 - it is refused
    assert "--tls-cert and --tls-key, or --behind-proxy" in capsys.readouterr().err


def test_a_port_that_somebody_has(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert run(["serve", "--database", database_url, "--port", port]) == 74
    said = capsys.readouterr().err
    assert f"cannot listen at 127.0.0.1, port {port}" in said


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_that_cannot_be_used(
    database_url: str, tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    cert = tmp_path / "cert.pem"
    if content:
        cert.write_text(content)
    flags = ["--tls-cert", str(cert), "--tls-key", str(cert)]
    assert run(["serve", "--database", database_url, *flags]) == 78
    assert f"serve: tls_cert: {cert}: " in capsys.readouterr().err


def test_options_of_files_end_the_command(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "site.toml"
    config.write_text('on_duplicate = "update"\n')
    assert run(["serve", "--database", database_url, "--config", str(config)]) == 64
    assert "serve cannot follow it" in capsys.readouterr().err


def test_it_speaks_tls(database_url: str, tmp_path: Path) -> None:
    add_user(database_url)
    authority = make_authority(tmp_path, "authority")
    cert = make_certificate(authority, "leads")
    flags = ("--tls-cert", str(cert), "--tls-key", str(cert.with_suffix(".key")))
    with service(database_url, tmp_path / "serve", *flags) as running:
        context = ssl.create_default_context(cafile=str(authority))
        address = f"https://127.0.0.1:{running.port}{PAGE}"
        sent = {**USER, "function": "add_lead", "phone_number": "7275551111"}
        assert httpx2.get(address, params=sent, verify=context).text == f"{ADDED}\n"


def test_what_was_accepted_is_answered_when_it_is_told_to_end(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database_url)
    answers: list[Any] = []
    with service(database_url, tmp_path / "serve") as running:
        # A writer of the database keeps the lead waiting.
        with database.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            calling = threading.Thread(
                target=lambda: answers.append(running.call(phone_number="7275551111"))
            )
            calling.start()
            while _accepted(running) == 0:
                time.sleep(0.01)
            ending = threading.Thread(target=lambda: answers.append(running.stop()))
            ending.start()
            connection.rollback()
        calling.join()
        ending.join()
    assert [ADDED] in answers
    assert 0 in answers


def _accepted(running: Service) -> int:
    """Count the calls that were checked for their user, as far as that has come."""
    text = httpx2.get(f"{running.address}/metrics", verify=IN_CLEAR).text
    line = next(it for it in text.splitlines() if it.startswith("leadloader_accepted_calls_total"))
    return int(float(line.split()[1]))


def test_connections_are_bounded(database_url: str, tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text("[serve]\nqueue = 1\n")
    with (
        service(database_url, tmp_path / "serve", "--config", str(config)) as running,
        contextlib.ExitStack() as idle,
    ):
        for _ in range(1 + MORE_CONNECTIONS):
            idle.enter_context(socket.create_connection(("127.0.0.1", running.port)))
        assert httpx2.get(f"{running.address}/health", verify=IN_CLEAR).status_code == 503


def test_ctrl_c_ends_it_too(database_url: str, tmp_path: Path) -> None:
    with service(database_url, tmp_path / "serve") as running:
        assert running.signal(signal.SIGINT) == 0
    assert "Traceback" not in running.log.read_text()


def test_an_access_log_has_neither_passwords_nor_persons(database_url: str, tmp_path: Path) -> None:
    add_user(database_url)
    config = tmp_path / "site.toml"
    config.write_text("[serve]\naccess_log = true\n")
    with service(database_url, tmp_path / "serve", "--config", str(config)) as running:
        assert running.call(phone_number="7275551111") == [ADDED]
        httpx2.post(f"{running.address}/nowhere%1b[31m?pass=1234", data={"pass": "1234"})
        running.stop()
    log = running.log.read_text()
    assert f"127.0.0.1 GET {PAGE} 200\n" in log
    assert "127.0.0.1 POST (no such address) 404\n" in log
    assert not [secret for secret in ("1234", "7275551111", "\x1b") if secret in log]
    assert "nowhere" not in log


CURL = """curl -s -X GET "{}/vicidial/non_agent_api.php?source=test&user=6666&pass=1234\
&function=add_lead&phone_number=7275551111"
"""
CURL_FORM = """curl -s -X POST "{}/goAPIv2/goDashboard/goAPI.server/vicidial/non_agent_api.php" \
  -H "Content-Type: application/x-www-form-urlencoded" \
  --data-urlencode "source=test" --data-urlencode "user=6666" --data-urlencode "pass=1234" \
  --data-urlencode "function=add_lead" --data-urlencode "phone_number=7275551111"
"""
PERL = """perl -MHTTP::Tiny -e '
    my $sent = HTTP::Tiny->new->www_form_urlencode({{
        source => "test", user => "6666", pass => "1234", function => "add_lead",
        phone_number => "7275551111", first_name => "Jos\\xc3\\xa9", comments => "a&b=c",
    }});
    print HTTP::Tiny->new->get("{}/vicidial/non_agent_api.php?$sent")->{{content}};'
"""
PHP = """php -r '
    $sent = http_build_query(["source" => "test", "user" => "6666", "pass" => "1234",
        "function" => "add_lead", "phone_number" => "7275551111"]);
    echo file_get_contents("{}/vicidial/non_agent_api.php?$sent");'
"""


CLIENTS = {"get": CURL, "form": CURL_FORM, "perl": PERL, "php": PHP}


@pytest.mark.parametrize("command", CLIENTS.values(), ids=CLIENTS)
def test_clients_of_sites(database_url: str, tmp_path: Path, command: str) -> None:
    if shutil.which(command.split(maxsplit=1)[0]) is None:
        pytest.skip(f"{command.split(maxsplit=1)[0]} is not here")
    add_user(database_url)
    with service(database_url, tmp_path / "serve") as running:
        text = command.format(running.address)
        done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{ADDED}\n", "")

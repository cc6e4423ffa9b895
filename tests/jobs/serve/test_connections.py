"""Clients that fall silent in the middle of something, or that never end."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest

from jobs.serve import connections
from loader.database.connection import Database
from tests.jobs.serve.serving import PAGE, serving, settings_of
from tests.support.service import PATIENCE, add_user

pytestmark = pytest.mark.engines("sqlite")

SHORT = 0.3
LATE = b"HTTP/1.1 408 Request Timeout\r\n"
FORM = (
    f"POST {PAGE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n"
)
CALL = f"{PAGE}?function=version"


@pytest.fixture
def address(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(connections, "SECONDS_OF_REQUEST", SHORT)
    monkeypatch.setattr(connections, "SECONDS_OF_ANSWER", SHORT)
    add_user(database_url)
    with serving(settings_of(tmp_path), database) as client:
        parts = urlsplit(str(client.base_url))
        yield str(parts.hostname), int(parts.port or 0)


def all_of(line: socket.socket) -> bytes:
    """Read until the other end hangs up."""
    line.settimeout(PATIENCE)
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := line.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\r\n", id="an empty line"),
        pytest.param(f"GET {CALL} HTTP/1.1\r\nHost:".encode(), id="half a head"),
        pytest.param(f"{FORM}Content-Length: 99\r\n\r\na=".encode(), id="half a body"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", [0, 1], ids=["first", "second"])
def test_half_a_request(address: tuple[str, int], sent: bytes, before: int) -> None:
    with socket.create_connection(address) as line:
        if before:
            line.sendall(f"GET {CALL} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            said = b""
            while b"EPOCH" not in said:
                said += line.recv(1 << 16)
        began = time.monotonic()
        line.sendall(sent)
        said = all_of(line)
    assert time.monotonic() - began > SHORT / 2
    assert said.startswith(LATE) if len(sent) > 2 else not said


def test_a_client_that_drips(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as line:
        line.sendall(f"GET {CALL} HTTP/1.1\r\nHost: a\r\n".encode())
        line.settimeout(0.02)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                line.sendall(b"a")
                said = line.recv(100)
                break
            except TimeoutError:
                continue
    assert said.startswith(LATE)


def test_a_large_body_may_take_longer(address: tuple[str, int]) -> None:
    body = b"function=version&comments=" + b"x" * 20_000
    with socket.create_connection(address) as line:
        line.sendall(f"{FORM}Content-Length: {len(body)}\r\n\r\n".encode())
        line.sendall(body[:10_000])
        time.sleep(2 * SHORT)  # its bytes give it ten seconds more
        line.sendall(body[10_000:])
        assert all_of(line).startswith(b"HTTP/1.1 200")


def test_a_head_without_end(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as line:
        line.sendall(f"GET {CALL} HTTP/1.1\r\n".encode())
        with contextlib.suppress(ConnectionError):
            for number in range(10_000):
                line.sendall(f"X-{number}: {'x' * 1000}\r\n".encode())
        assert number < 9_999


def test_answers_that_nobody_takes(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    has_ended, of_uvicorn = Event(), connections.PatientProtocol.connection_lost

    def note_end(its: connections.PatientProtocol, error: Exception | None) -> None:
        of_uvicorn(its, error)
        has_ended.set()

    monkeypatch.setattr(connections.PatientProtocol, "connection_lost", note_end)
    asked = b"GET /static/htmx.min.js HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(address) as line:
        line.sendall(asked * 500)  # more than the system keeps for a client
        assert has_ended.wait(PATIENCE)
        assert all_of(line).count(b"HTTP/1.1 200") < 500


def test_requests_in_advance_are_answered_all(address: tuple[str, int]) -> None:
    asked = f"GET {CALL} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    with socket.create_connection(address) as line:
        line.sendall(asked * 50 + asked.replace(b"Host: a", b"Connection: close"))
        assert all_of(line).count(b"HTTP/1.1 200") == 51

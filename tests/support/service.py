"""A service for the tests: `leadloader serve` in a process of its own, and calls of it.

How it starts from nothing is shown by tests/jobs/serve/test_files_api.py.
"""

import contextlib
import os
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx2

from loader.database.connection import Database
from tests.support.server import free_port
from tests.support.warm import PROGRAM, Warm

PATIENCE = 60.0
"""Seconds that a service may take to listen, or to end."""

IN_CLEAR = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of addresses in clear: one of their own, with all certificates, is made slowly."""

USER = {"source": "test", "user": "6666", "pass": "1234"}


class Service:
    """A running service, at a free port of this machine."""

    def __init__(self, database: str, folder: Path, *flags: str) -> None:
        """Start it, and wait until it listens; `flags` come behind `serve`."""
        self._flags = ("--database", database, *flags)
        self.folder, self.log = folder, folder / "serve.log"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: Warm | None = None
        self.start()

    def start(self, program: str = PROGRAM) -> None:
        """Start it anew, at the same port; `program` is another that ends as `leadloader` does."""
        self.folder.mkdir(exist_ok=True, parents=True)
        with self.log.open("ab") as log:
            self._process = Warm(
                "serve", *self._flags, "--port", self.port, program=program,
                cwd=self.folder, stderr=log, stdout=log,
                env=os.environ | {"HOME": str(self.folder)},
            )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"serve does not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.02)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def stop(self) -> int:
        """End it as systemd does, and give its exit code."""
        return self.signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> int:
        """Send a signal, and wait for the end."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(PATIENCE)

    def call(self, **parameters: str) -> list[str]:
        """Call add_lead by GET, and give the lines."""
        query = urlencode({**USER, "function": "add_lead", **parameters})
        address = f"{self.address}/vicidial/non_agent_api.php?{query}"
        answer = httpx2.get(address, timeout=PATIENCE, verify=IN_CLEAR)
        return answer.text.splitlines()


@contextlib.contextmanager
def service(database: str, folder: Path, *flags: str) -> Iterator[Service]:
    """Give a service that ends with the block."""
    running = Service(database, folder, *flags)
    try:
        yield running
    finally:
        running.kill()


def add_user(database: str, **columns: object) -> None:
    """Add a user who may add leads, but for what `columns` say."""
    user = {
        "user": "6666", "pass": "1234", "user_level": 9, "modify_leads": "1",
        "vdc_agent_api_access": "1", **columns,
    }  # fmt: skip
    names, marks = ", ".join(user), ", ".join(repr(value) for value in user.values())
    Database(database).write(
        lambda it: it.exec_driver_sql(f"INSERT INTO vicidial_users ({names}) VALUES ({marks})")
    )

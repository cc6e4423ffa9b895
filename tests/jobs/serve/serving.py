"""An application that listens at a port of this machine, in a thread, and calls of it."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import uvicorn
from starlette.applications import Starlette

from jobs.serve.app import application
from jobs.serve.server import server_config
from jobs.settings.serve import ServeSettings
from jobs.settings.settings import Settings
from loader.database.connection import Database
from tests.support.service import PATIENCE, free_port

PAGE = "/vicidial/non_agent_api.php"


@contextlib.contextmanager
def serving(settings: Settings, database: Database) -> Iterator[httpx2.Client]:
    """Give a client of an application over real HTTP."""
    with application(settings, database) as app, _listening(app) as client:
        yield client


@contextlib.contextmanager
def _listening(app: Starlette) -> Iterator[httpx2.Client]:
    port = free_port()
    config = server_config(app, ServeSettings())
    config.port = port
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        end = time.monotonic() + PATIENCE
        while not server.started:
            assert thread.is_alive(), "it does not start"
            assert time.monotonic() < end
            time.sleep(0.005)
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def add_lead(client: httpx2.Client, **parameters: str) -> list[str]:
    """Call add_lead as user 6666, and give the lines."""
    sent = {"source": "test", "user": "6666", "pass": "1234", "function": "add_lead", **parameters}
    answer = client.get(PAGE, params=sent)
    assert answer.status_code in {200, 503}, answer.text
    return answer.text.splitlines()


def settings_of(folder: Path, **given: object) -> Settings:
    return Settings(results=folder / "results", **given)  # type: ignore[arg-type]

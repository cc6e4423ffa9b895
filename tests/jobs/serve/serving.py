"""An application that listens in a thread of the tests, and calls of it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx2

from jobs.serve.app import application
from jobs.settings.settings import Settings
from loader.database.connection import Database
from tests.support.listening import listening
from tests.support.service import IN_CLEAR, PATIENCE

PAGE = "/vicidial/non_agent_api.php"


@contextlib.contextmanager
def serving(settings: Settings, database: Database) -> Iterator[httpx2.Client]:
    """Give a client of an application over real HTTP."""
    with (
        application(settings, database) as app,
        listening(app) as address,
        httpx2.Client(base_url=address, timeout=PATIENCE, verify=IN_CLEAR) as client,
    ):
        yield client


def add_lead(client: httpx2.Client, **parameters: str) -> list[str]:
    """Call add_lead as user 6666, and give the lines."""
    sent = {"source": "test", "user": "6666", "pass": "1234", "function": "add_lead", **parameters}
    answer = client.get(PAGE, params=sent)
    assert answer.status_code in {200, 503}, answer.text
    return answer.text.splitlines()


def settings_of(folder: Path, **given: object) -> Settings:
    return Settings(results=folder / "results", **given)  # type: ignore[arg-type]

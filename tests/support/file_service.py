"""A service that runs in a thread of the tests, over real HTTP."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import text

from jobs.serve.app import application
from jobs.settings.settings import Settings
from loader.database.connection import Database
from tests.support.listening import listening

USER, PASSWORD = "6666", "secret"
PATIENCE = 60


@dataclass
class Service:
    """A running service, and who asks it."""

    address: str
    folder: Path
    """Of its results."""
    login: tuple[str, str] = (USER, PASSWORD)

    def ask(self, method: str, path: str, **request: Any) -> requests.Response:
        """Send a request as the user."""
        given = {"auth": self.login, "allow_redirects": False} | request
        return requests.request(method, self.address + path, timeout=PATIENCE, **given)

    def send(self, content: str | bytes, job: str = "validate", **parameters: Any) -> Any:
        """Send a file as the body of a request."""
        query = {"job": job, "file_name": "leads.csv"} | parameters
        return self.ask("POST", "/api/files", data=content, params=query)

    def ended(self, sent: requests.Response) -> dict[str, Any]:
        """Wait for the end of a job."""
        assert sent.status_code == 202, sent.text
        return self.end_of(sent.headers["Location"])

    def end_of(self, address: str) -> dict[str, Any]:
        """Wait for the end of the job at an address."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            state: dict[str, Any] = self.ask("GET", address).json()
            if state["state"] not in {"waiting", "running"}:
                return state
            time.sleep(0.05)
        raise TimeoutError(state)


@contextmanager
def serving(url: str, folder: Path, **settings: Any) -> Iterator[Service]:
    """Run a service with a database."""
    given = {"database": url, "results": folder / "results", "serve": {"refresh": 0}} | settings
    with application(Settings(**given), Database(url)) as app, listening(app) as address:
        yield Service(address, folder / "results")


def add_user(database: Database, user: str = USER, **columns: Any) -> None:
    """Give the dialer a user who may load leads."""
    row = {
        "user": user, "pass": PASSWORD, "user_level": 9, "modify_leads": "1",
        "vdc_agent_api_access": "1", "api_allowed_functions": "ALL_FUNCTIONS", "active": "Y",
        "full_name": "Joe", "user_group": "ADMIN",
    } | columns  # fmt: skip
    insert_row(database, "vicidial_users", row)


def insert_row(database: Database, table: str, row: Mapping[str, Any]) -> None:
    names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    statement = text(f"INSERT INTO {table} ({names}) VALUES ({marks})")
    database.write(lambda it: it.execute(statement, dict(row)))


def add_list(database: Database, list_id: int, campaign_id: str = "SALES", name: str = "") -> None:
    row = {"list_id": list_id, "campaign_id": campaign_id, "list_name": name, "active": "Y"}
    insert_row(database, "vicidial_lists", row)

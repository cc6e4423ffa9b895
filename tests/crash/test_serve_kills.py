"""A service and its database are killed and started again, while many connections call."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.database import schema
from loader.database.connection import Database
from tests.crash.callers import Caller, call_and_kill
from tests.support.server import PrivateServer
from tests.support.service import Service, add_user

CONNECTIONS = 50
CALLS, ALL_CALLS = 400, 10_000


@pytest.fixture
def own_server() -> Iterator[PrivateServer]:
    server = PrivateServer()
    yield server
    server.close()


def test_every_success_is_in_the_database_once(
    own_server: PrivateServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    calls = ALL_CALLS if request.config.getoption("--full") else CALLS
    url = own_server.new_database()
    database = Database(url)
    schema.create_missing(database.engine, storage_engine="InnoDB")
    add_user(url)
    running = Service(url, tmp_path / "serve")
    try:
        numbers = iter(range(2_000_000, 2_000_000 + calls))
        callers = [Caller(running.port, numbers) for _ in range(CONNECTIONS)]
        kinds = itertools.cycle([lambda: restart(running), lambda: own_server_dies(own_server)])
        asyncio.run(call_and_kill(callers, [calls * part // 5 for part in range(1, 5)], kinds))
        assert running.stop() == 0
    finally:
        running.kill()
    check(database, callers, calls)


def restart(running: Service) -> None:
    running.kill()
    running.start()


def own_server_dies(server: PrivateServer) -> None:
    server.kill()
    server.start()


def check(database: Database, callers: list[Caller], calls: int) -> None:
    added = {phone: lead_id for each in callers for phone, lead_id in each.added.items()}
    existing = {phone: lead_id for each in callers for phone, lead_id in each.existing.items()}
    lost = sum((each.lost for each in callers), Counter())
    rows = database.read(
        lambda it: it.exec_driver_sql("SELECT lead_id, phone_number FROM vicidial_list").all()
    )
    stored = {str(phone): int(lead_id) for lead_id, phone in rows}
    assert len(rows) == len(stored) == calls, "a number is twice in the database, or lost"
    assert added | existing == stored
    assert added.keys().isdisjoint(existing)
    assert lost, "nothing was killed while it was at work"

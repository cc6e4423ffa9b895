"""A service and its database are killed and started again, while many connections call."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from loader.database import schema
from loader.database.connection import Database
from tests.support.server import PrivateServer
from tests.support.service import USER, Service, add_user

CONNECTIONS = 50
CALLS, ALL_CALLS = 400, 10_000


@dataclass
class Caller:
    """Calls add_lead for one number after the other, each until it has an answer."""

    port: int
    numbers: Iterator[int]
    added: dict[str, int] = field(default_factory=dict)
    """lead_id by number, of those of which an answer said so."""
    existing: dict[str, int] = field(default_factory=dict)
    """Likewise of those that were there when they were sent again."""
    lost: Counter[str] = field(default_factory=Counter)

    async def call_all(self) -> None:
        for number in self.numbers:
            await self._until_answered(f"727{number:07}")

    async def _until_answered(self, phone: str) -> None:
        while True:
            try:
                status, text = await asyncio.wait_for(self._call(phone), 120)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.lost[type(error).__name__] += 1
                await asyncio.sleep(0.05)
                continue
            if status == 503:
                self.lost["503"] += 1
                await asyncio.sleep(0.05)
                continue
            words, _, fields = text.partition(" - ")
            if words.startswith("SUCCESS"):
                self.added[phone] = int(fields.split("|")[3])
            else:
                assert words.startswith("ERROR: add_lead DUPLICATE PHONE NUMBER IN SYSTEM"), text
                self.existing[phone] = int(fields.split("|")[2])
            return

    async def _call(self, phone: str) -> tuple[int, str]:
        query = urlencode({**USER, "phone_number": phone, "duplicate_check": "DUPSYS"})
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"GET /api/leads?{query} HTTP/1.0\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.read()
        finally:
            writer.close()
        if not body:
            raise asyncio.IncompleteReadError(b"", None)
        return int(head.split()[1]), body.decode().splitlines()[0]


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


async def call_and_kill(
    callers: list[Caller], points: list[int], kills: Iterator[Callable[[], None]]
) -> None:
    """Call, and kill the next one each time that so many answers have come."""
    calling = [asyncio.create_task(each.call_all()) for each in callers]
    for point in points:
        while answers(callers) < point and not all(each.done() for each in calling):
            await asyncio.sleep(0.002)
        await asyncio.to_thread(next(kills))
    await asyncio.gather(*calling)


def answers(callers: list[Caller]) -> int:
    return sum(len(each.added) + len(each.existing) for each in callers)


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

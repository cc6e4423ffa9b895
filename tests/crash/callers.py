"""Many connections that call add_lead until each call has an answer, whatever is killed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.support.service import USER


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

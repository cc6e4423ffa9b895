"""Calls of add_lead at the same time, at one service or at several."""

import asyncio
from collections import Counter

import httpx2

from loader.database.connection import Database
from tests.jobs.serve.serving import PAGE
from tests.support.service import PATIENCE, USER

CALL = {**USER, "function": "add_lead", "phone_number": "7275551111", "duplicate_check": "DUPSYS"}


async def call_at_once(addresses: list[str], calls: list[dict[str, str]]) -> list[httpx2.Response]:
    """Make calls at the same time, one after the other at the next address."""
    async with httpx2.AsyncClient(timeout=PATIENCE) as client:
        called = [
            client.get(f"{addresses[number % len(addresses)]}{PAGE}", params=call)
            for number, call in enumerate(calls)
        ]
        return await asyncio.gather(*called)


def at_once(clients: list[httpx2.Client], calls: list[dict[str, str]]) -> list[str]:
    addresses = [str(each.base_url).rstrip("/") for each in clients]
    return [answer.text.strip() for answer in asyncio.run(call_at_once(addresses, calls))]


def check_one_is_in(answers: list[str], database: Database) -> None:
    added = [answer for answer in answers if answer.startswith("SUCCESS")]
    assert len(added) == 1
    lead_id = added[0].split("|")[3]
    line = f"ERROR: add_lead DUPLICATE PHONE NUMBER IN SYSTEM - 7275551111|999|{lead_id}|999"
    assert Counter(answers) == {added[0]: 1, line: len(answers) - 1}
    found = database.read(lambda it: it.exec_driver_sql("SELECT lead_id FROM vicidial_list").all())
    assert [str(row[0]) for row in found] == [lead_id]

"""Calls of add_lead a second, and how long one takes, by how many connections make them."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from rich.console import Console
from sqlalchemy import make_url

from tests.bench.imports import prepared
from tests.bench.leads import AREAS, phones
from tests.support.server import PrivateServer
from tests.support.service import USER, Service, add_user

CONNECTIONS = (1, 8, 32, 128)
SECONDS = 8.0
OPTIONS = {"list_id": "101", "duplicate_check": "DUPSYS", "dnc_check": "Y"}


def serve(console: Console, folder: Path) -> None:
    """Call a service on InnoDB, whose table has leads, with DUPSYS and dnc_check."""
    server = PrivateServer()
    try:
        url = prepared(server, "InnoDB")
        add_user(url)
        _add_phone_codes(server, url)
        running = Service(url, folder / "serve")
        numbers = itertools.count(5_000_000)
        try:
            for connections in CONNECTIONS:
                asyncio.run(_measure(running.port, 4, numbers, 2.0))
                began = time.monotonic()
                waits = asyncio.run(_measure(running.port, connections, numbers, SECONDS))
                rate = len(waits) / (time.monotonic() - began)
                waits.sort()
                console.print(
                    f"add_lead by {connections} connections: {rate:,.0f} calls/s, median "
                    f"{statistics.median(waits) * 1000:.0f} ms, p99 "
                    f"{waits[int(len(waits) * 0.99)] * 1000:.0f} ms"
                )
        finally:
            running.kill()
    finally:
        server.close()


def _add_phone_codes(server: PrivateServer, url: str) -> None:
    """Give the dialer the area codes of the numbers, as each one has them."""
    rows = ", ".join(f"(1, 'USA', '{area}', 'FL', '-5', 'Y', 'SSM-FSN')" for area in AREAS)
    server.execute(
        f"INSERT INTO {make_url(url).database}.vicidial_phone_codes "
        f"(country_code, country, areacode, state, GMT_offset, DST, DST_range) VALUES {rows}"
    )


async def _measure(
    port: int, connections: int, numbers: Iterator[int], seconds: float
) -> list[float]:
    """Call for some seconds; give the seconds that each call took."""
    end = time.monotonic() + seconds
    found = await asyncio.gather(*(_calls(port, numbers, end) for _ in range(connections)))
    return list(itertools.chain(*found))


async def _calls(port: int, numbers: Iterator[int], end: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waits = []
    while time.monotonic() < end:
        number = next(numbers)
        lead = {"phone_number": str(phones(number)), "first_name": "Ann", "last_name": "Lee"}
        query = urlencode(
            {**USER, "function": "add_lead", **OPTIONS, **lead, "vendor_lead_code": f"V{number}"}
        )
        began = time.monotonic()
        writer.write(
            f"GET /vicidial/non_agent_api.php?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        waits.append(time.monotonic() - began)
        if b"SUCCESS" not in body:
            raise RuntimeError(body.decode())
    writer.close()
    return waits

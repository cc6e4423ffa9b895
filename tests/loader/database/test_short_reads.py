"""The size of reads, and the pauses between them."""

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from loader.database import short_reads
from loader.database.connection import Database
from loader.database.short_reads import ShortReads
from tests.support.server import fill


class Clock:
    """A clock that goes on by what a read is said to take."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.pauses = 0.0, list[float]()
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.pauses.append)

    def question(self, seconds: float, amount: int) -> Any:
        def ask(_connection: Connection) -> tuple[str, int]:
            self.now += seconds
            return "answer", amount

        return ask


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'some.db'}")


def test_a_read_is_as_large_as_the_time_of_the_last_one_allows(
    clock: Clock, database: Database
) -> None:
    reads = ShortReads(database, locks=True)
    assert reads.read(clock.question(0.001, reads.size)) == "answer"
    assert reads.size == 2 * short_reads.AT_FIRST
    for _ in range(20):
        reads.read(clock.question(0.1, reads.size))
    assert reads.size == short_reads.AT_LEAST
    for _ in range(20):
        reads.read(clock.question(0.001, reads.size))
    assert reads.size == short_reads.AT_MOST
    reads.read(clock.question(0.001, 0))  # nothing was there to read
    assert reads.size == short_reads.AT_MOST


def test_there_is_a_pause_where_writes_wait(clock: Clock, database: Database) -> None:
    ShortReads(database, locks=False).read(clock.question(0.2, 1))
    assert clock.pauses == []
    ShortReads(database, locks=True).read(clock.question(0.2, 1))
    assert clock.pauses == pytest.approx([0.2 * short_reads.PAUSE])


def test_values_are_asked_for_in_parts_where_writes_wait(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_reads, "AT_LEAST", 2)
    monkeypatch.setattr(short_reads, "AT_FIRST", 2)
    monkeypatch.setattr(short_reads, "AT_MOST", 2)
    statement = "SELECT a.value, b.value FROM {} AS a, {} AS b"
    for locks in (True, False):
        rows = ShortReads(database, locks=locks).rows(statement, [1, 2, 3, 4, 5], ["x", "y"])
        assert sorted(rows) == [(n, letter) for n in (1, 2, 3, 4, 5) for letter in "xy"]


@pytest.mark.engines("innodb")
@pytest.mark.parametrize(
    "texts",
    [
        ["7275550101", "727XXXXXXX"],
        ["7275550101", "a'), ('b", "back\\slash", "é", "100%", ""],
        ["", ""],
    ],
    ids=["plain", "special", "empty"],
)
def test_texts_are_found_as_they_are(texts: list[str], database_url: str) -> None:
    """Plain texts are sent by a shorter way than the driver's."""
    rows = [{"campaign_id": str(n), "phone_number": each} for n, each in enumerate(texts)]
    fill(database_url, {"vicidial_campaign_dnc": rows})
    server = Database(database_url)
    statement = "SELECT phone_number FROM vicidial_campaign_dnc WHERE phone_number IN {}"
    found = ShortReads(server, locks=False).rows(statement, texts)
    assert sorted(number for (number,) in found) == sorted(texts)
    server.engine.dispose()

"""The size of reads, and the pauses between them."""

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from loader.database import short_reads
from loader.database.adapter import Among
from loader.database.connection import Database
from loader.database.short_reads import ShortReads
from tests.support.products import known_collations
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


STORED = [
    "7275550101", "17275550102 ", "0207", "447911123456", "12", "1", "", "727XXXXXXX",
    "\uff11\uff12", "a", "19999", "99A", "99", "995", "0", " 33",
]  # fmt: skip
NOT_STORED = ["18005550100", "1800XXXXXXX", "3355501", "9", "00447911123456", "995x", "727"]


@pytest.mark.engines("innodb")
@pytest.mark.parametrize(
    "collation",
    known_collations(
        "utf8mb3_general_ci",
        "utf8mb4_unicode_ci",
        "utf8mb4_unicode_nopad_ci",
        "utf8mb4_0900_ai_ci",
        "utf8mb4_bin",
        "latin1_swedish_ci",
        "cp1251_general_ci",
    ),
)
def test_numbers_that_no_value_begins_like_are_not_asked_for(
    database_url: str, collation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_reads, "VALUES_A_BEGINNING", 1)
    server = Database(database_url)
    charset = collation.partition("_")[0]
    stored = [each for each in STORED if each.isascii() or charset.startswith("utf8")]
    sent: list[tuple[Any, ...]] = []
    with server.engine.begin() as connection:
        of_column = f"CHARACTER SET {charset} COLLATE {collation}"
        connection.exec_driver_sql(f"CREATE TABLE numbers (n VARCHAR(20) {of_column}, KEY n (n))")
        for each in stored:
            connection.exec_driver_sql("INSERT INTO numbers VALUES (%s)", (each,))
    asked = [*stored, *NOT_STORED]
    with server.engine.connect() as connection:
        expected = {
            str(n)
            for each in asked
            for (n,) in connection.exec_driver_sql("SELECT n FROM numbers WHERE n = %s", (each,))
        }
    event.listen(server.engine, "before_cursor_execute", lambda *given: sent.append(given[3]))
    question = Among(names="n", table="numbers", column="n", index="n", collation=collation)
    found = ShortReads(server, locks=False).rows(question, asked)
    assert {n for (n,) in found} == expected
    assert len(expected) == len(stored)
    [values] = [given[0] for given in sent if given]
    assert {*asked} - {*values} == {"18005550100", "1800XXXXXXX", "3355501", "00447911123456"}
    server.engine.dispose()


@pytest.mark.engines("innodb")
def test_texts_that_are_no_numbers_are_all_asked_for(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_reads, "VALUES_A_BEGINNING", 1)
    fill(database_url, {"vicidial_dnc": [{"phone_number": "abc"}]})
    server = Database(database_url)
    question = Among(
        names="phone_number", table="vicidial_dnc", column="phone_number", index="PRIMARY"
    )
    assert ShortReads(server, locks=False).rows(question, ["abc", "", "x"]) == [("abc",)]
    server.engine.dispose()


@pytest.mark.engines("innodb")
@pytest.mark.parametrize("kind", ["BIGINT", "DECIMAL(20)"])
def test_columns_of_numbers_are_asked_for_all(
    database_url: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They compare otherwise, and no site is kept from having one."""
    monkeypatch.setattr(short_reads, "VALUES_A_BEGINNING", 1)
    server = Database(database_url)
    with server.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE numbers (n {kind}, KEY n (n))")
        connection.exec_driver_sql("INSERT INTO numbers VALUES (7275550101)")
    question = Among(names="n", table="numbers", column="n", index="n")
    found = ShortReads(server, locks=False).rows(question, ["7275550101", "8005550101"])
    assert [int(n) for (n,) in found] == [7275550101]
    server.engine.dispose()

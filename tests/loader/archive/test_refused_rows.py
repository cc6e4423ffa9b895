"""Rows that the server refuses stay, each told by itself; the others go on."""

from collections.abc import Iterator

import pytest

from loader.database.connection import Database
from tests.support.archives import ARCHIVE, LEADS, lead, move, put, rows, sql
from tests.support.server import fill

TOLD = {"sqlite": "error 19", "myisam": "error 1644", "innodb": "error 1644"}


def refuse(database: Database, event: str, table: str, condition: str) -> str:
    """Let the database refuse some rows; give what ends that."""
    if database.engine.dialect.name == "sqlite":
        body = f"WHEN {condition} BEGIN SELECT RAISE(ABORT, 'no'); END"
    else:
        body = f"FOR EACH ROW IF {condition} THEN SIGNAL SQLSTATE '45000'; END IF"
    sql(database, f"CREATE TRIGGER refusing BEFORE {event} ON {table} {body}")
    return "DROP TRIGGER refusing"


@pytest.fixture
def ten(database: Database) -> Iterator[None]:
    """Ten leads; two of them were archived before, and changed since."""
    put(database, *map(lead, range(1, 11)))
    put(database, lead(4, status="OLD"), lead(5, status="OLD"), table=ARCHIVE)
    yield
    sql(database, "DROP TRIGGER IF EXISTS refusing")


@pytest.mark.usefixtures("ten")
def test_no_copy_is_made(database: Database, engine_name: str) -> None:
    refuse(database, "INSERT", ARCHIVE, "NEW.lead_id IN (2, 9)")
    moved = move(database, list(range(1, 11)))
    assert moved.stayed == dict.fromkeys((2, 9), ("REFUSED", TOLD[engine_name]))
    assert moved.counts == (10, 6, 2, 8)
    assert (set(rows(database)), len(rows(database, ARCHIVE))) == ({2, 9}, 8)


@pytest.mark.usefixtures("ten")
def test_no_copy_is_brought_up_to_date(database: Database, engine_name: str) -> None:
    refuse(database, "UPDATE", ARCHIVE, "NEW.lead_id = 5")
    moved = move(database, list(range(1, 11)))
    assert moved.stayed == {5: ("REFUSED", TOLD[engine_name])}
    assert moved.counts == (10, 8, 1, 9)


@pytest.mark.usefixtures("ten")
def test_no_lead_is_deleted(database: Database, engine_name: str) -> None:
    refuse(database, "DELETE", LEADS, "OLD.lead_id = 10")
    moved = move(database, list(range(1, 11)))
    assert moved.stayed == {10: ("REFUSED", TOLD[engine_name])}
    assert moved.counts == (10, 8, 2, 9)
    assert set(rows(database)) == {10}
    sql(database, "DROP TRIGGER refusing")
    assert move(database, list(range(1, 11))).counts == (1, 0, 0, 1)


@pytest.mark.usefixtures("ten")
def test_a_row_that_belongs_to_a_lead(database: Database, engine_name: str) -> None:
    alt = "vicidial_list_alt_phones"
    phones = [{"alt_phone_id": n, "lead_id": n, "phone_number": "1"} for n in (1, 2, 3)]
    fill(database.engine, {alt: phones})
    move(database, [10], with_children=True)  # makes the archives
    try:
        refuse(database, "INSERT", f"{alt}_archive", "NEW.lead_id = 2")
        moved = move(database, list(range(1, 10)), with_children=True)
        assert moved.counts[0] == moved.counts[3] == 9
        assert moved.stayed == {2: ("CHILD_LEFT", f"{alt} ({TOLD[engine_name]})")}
        assert set(rows(database, alt)) == {2}
        sql(database, "DROP TRIGGER refusing")
        assert move(database, {"lists": 101}, with_children=True).children == {alt: (1, 1, 0, 1)}
        assert set(rows(database, f"{alt}_archive")) == {1, 2, 3}
    finally:
        for name in (alt, "vicidial_callbacks"):
            sql(database, f"DROP TABLE IF EXISTS {name}_archive")

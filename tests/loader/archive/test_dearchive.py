"""The way back: what was loaded since stays, and so does its archived namesake."""

import pytest

from loader.database.connection import Database
from loader.errors import LeadIdsError
from tests.support.archives import ARCHIVE, LEADS, archiver, ids, lead, move, put, rows, sql

PHONE = "7275551212"


def test_ids_in_both_tables(database: Database) -> None:
    """One is equal, as after a kill; one was changed since; one is another person's."""
    put(database, lead(1), lead(2, comments="since"), lead(3, phone_number=PHONE))
    put(database, lead(1), lead(2), lead(3), lead(4), table=ARCHIVE)
    before = rows(database)
    moved = move(database, [1, 2, 3, 4], "dearchive")
    assert moved.counts == (4, 1, 0, 2)
    assert moved.stayed == {2: ("IN_BOTH", ""), 3: ("IN_BOTH", "")}
    assert {key: row for key, row in rows(database).items() if key != 4} == before
    assert set(rows(database, ARCHIVE)) == {2, 3}


def test_ids_that_are_back_already(database: Database) -> None:
    put(database, lead(1))
    put(database, lead(2), table=ARCHIVE)
    assert move(database, [1, 2], "dearchive").counts == (1, 1, 0, 1)
    assert move(database, [1, 2], "dearchive").counts == (0, 0, 0, 0)
    with pytest.raises(LeadIdsError, match="lead_ids does not exist: 3"):
        archiver(database, direction="dearchive").leads(ids(1, 2, 3))


def test_a_lead_id_above_the_counter(database: Database) -> None:
    """The counter was set back: by a restart of an old InnoDB, by a restored backup."""
    put(database, lead(1))
    put(database, lead(5000), table=ARCHIVE)
    assert move(database, [5000], "dearchive").counts == (1, 1, 0, 1)
    sql(database, f"INSERT INTO {LEADS} (phone_number) VALUES ('{PHONE}')")
    assert sorted(rows(database)) == [1, 5000, 5001]


def test_a_lead_loaded_anew_meanwhile(database: Database) -> None:
    since = "2026-06-01 10:00:00"
    put(
        database,
        lead(11, phone_number=lead(1)["phone_number"], entry_date=since),
        lead(12, phone_number=lead(2)["phone_number"], entry_date=since, list_id=102),
        lead(13, phone_number=lead(3)["phone_number"], entry_date="2026-01-01 00:00:00"),
    )
    put(database, *map(lead, (1, 2, 3)), table=ARCHIVE)
    for which in ([1, 2, 3], {"statuses": "NA"}):
        mover = archiver(database, which if isinstance(which, dict) else None, "dearchive")
        spared = mover.preview(
            mover.leads(ids(1, 2, 3) if isinstance(which, list) else None)
        ).spared
        assert spared.to_dict("records") == [
            {"why": "LOADED_ANEW", "details": "as a later lead", "leads": 1}
        ]
    moved = move(database, [1, 2, 3], "dearchive")
    assert moved.counts == (3, 2, 0, 2)
    assert moved.stayed == {1: ("LOADED_ANEW", "lead_id=11")}
    assert set(rows(database)) == {2, 3, 11, 12, 13}
    assert move(database, [1], "dearchive", loaded_anew="take").counts == (1, 1, 0, 1)


@pytest.mark.parametrize("chunk", [1, 500])
def test_old_duplicates_come_back_together(database: Database, chunk: int) -> None:
    put(
        database,
        *(lead(n, phone_number=PHONE, entry_date=f"2026-01-0{n} 00:00:00") for n in (1, 2, 3)),
    )
    before = rows(database)
    move(database, [1, 2, 3])
    assert move(database, {"statuses": "NA"}, "dearchive", chunk=chunk).stayed == {}
    assert rows(database) == before


def test_duplicates_after_a_kill_between_copy_and_delete(database: Database) -> None:
    both = [lead(n, phone_number=PHONE, entry_date=f"2026-01-0{n} 00:00:00") for n in (1, 2)]
    for table in (LEADS, ARCHIVE):
        put(database, *both, table=table)
    moved = move(database, {"statuses": "NA"}, "dearchive")
    assert (moved.counts, moved.stayed) == ((2, 0, 0, 2), {})
    assert (set(rows(database)), rows(database, ARCHIVE)) == ({1, 2}, {})


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("phone_code", "archived", "later", "is_anew"),
    [
        ("1", "7275551212", "17275551212", True),
        ("1", "17275551212", "7275551212", True),
        ("44", "07911123456", "7911123456", True),
        ("44", "7911123456", "07911123456", True),
        ("44", "07911123456", "447911123456", True),
        ("44", "447911123456", "07911123456", True),
        ("49", "17112345678", "4917112345678", True),
        ("49", "4917112345678", "017112345678", True),
        ("49", "491701234567", "1701234567", True),
        (None, "7275551212", "7275551212", True),
        (None, "7275551212", "17275551212", False),
        ("1", "7275551212", "7275551213", False),
        ("44", "7911123456", "17911123456", False),
        ("1", "2079460958", "442079460958", False),
    ],
)
def test_a_number_loaded_anew_in_another_form(
    phone_code: str | None, archived: str, later: str, is_anew: bool, database: Database
) -> None:
    old = lead(1, phone_number=archived, phone_code=phone_code, entry_date="2026-01-01 00:00:00")
    put(database, old, table=ARCHIVE)
    put(database, lead(11, phone_number=later, entry_date="2026-02-01 00:00:00"))
    moved = move(database, [1], "dearchive")
    assert moved.stayed == ({1: ("LOADED_ANEW", "lead_id=11")} if is_anew else {})

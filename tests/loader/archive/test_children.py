"""What belongs to a lead goes where the lead goes."""

from typing import Any

import pytest

from loader.database.connection import Database
from loader.errors import ConfigurationError
from tests.support.archives import (
    ARCHIVE,
    LEADS,
    archiver,
    ids,
    lead,
    make_archives,
    move,
    put,
    rows,
    sql,
    take,
)
from tests.support.server import fill

ALT, CALLBACKS = "vicidial_list_alt_phones", "vicidial_callbacks"


@pytest.fixture
def family(database: Database) -> Any:
    """Five leads with rows in all tables; 4 belongs to a list whose custom table is another's."""
    custom = [
        {"table": f"custom_{list_id}", "columns": {"color": "varchar(20)", "when": "varchar(10)"}}
        for list_id in (101, 102, 103)
    ]
    put(
        database,
        lead(1, entry_list_id=101), lead(2), lead(3, list_id=102, entry_list_id=101),
        lead(4, list_id=104), lead(5, status="NEW", entry_list_id=101),
    )  # fmt: skip
    fill(
        database.engine,
        {
            "custom_tables": custom,
            "custom_101": [{"lead_id": n, "color": f"Red{n}", "when": None} for n in (1, 2, 3, 5)],
            "custom_102": [{"lead_id": 3, "color": "Blue ", "when": ""}],
            "custom_103": [{"lead_id": 77, "color": "nobody's", "when": ""}],
            ALT: [
                {"alt_phone_id": 10 * n + m, "lead_id": n, "phone_number": f"72{n}{m}"}
                for n in (1, 3, 5, 77)
                for m in (1, 2)
            ],
            CALLBACKS: [
                {"callback_id": n, "lead_id": n, "status": "INACTIVE", "comments": f"call {n}"}
                for n in (1, 4, 5)
            ],
        },
    )
    yield
    for name in ("custom_101", "custom_102", "custom_103", ALT, CALLBACKS):
        sql(database, f"DROP TABLE IF EXISTS {name}_archive")


def children(database: Database) -> dict[str, dict[int, tuple[Any, ...]]]:
    names = ("custom_101", "custom_102", "custom_103", ALT, CALLBACKS)
    return {name: rows(database, name) for name in names}


def archived_children(database: Database) -> dict[str, dict[int, tuple[Any, ...]]]:
    return {
        name: rows(database, f"{name}_archive")
        for name in ("custom_101", "custom_102", ALT, CALLBACKS)
    }


OF_ARCHIVED = {
    "custom_101": {1, 2, 3}, "custom_102": {3}, ALT: {11, 12, 31, 32}, CALLBACKS: {1, 4},
}  # fmt: skip


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize("which", [[1, 2, 3, 4], {"statuses": "NA"}], ids=str)
def test_out_and_back(database: Database, which: Any) -> None:
    leads, before = rows(database), children(database)
    moved = move(database, which, with_children=True, chunk=2)
    assert moved.counts == (4, 4, 0, 4)
    assert moved.children == {
        name: (len(keys), len(keys), 0, len(keys)) for name, keys in OF_ARCHIVED.items()
    }
    after, archived = children(database), archived_children(database)
    for name, keys in OF_ARCHIVED.items():
        assert archived[name] == {key: before[name][key] for key in keys}
        assert after[name].keys() == before[name].keys() - keys
    assert after["custom_103"] == before["custom_103"]

    back = move(database, which, "dearchive", with_children=True, chunk=2)
    assert (back.counts, back.children) == (moved.counts, moved.children)
    assert (rows(database), children(database)) == (leads, before)
    assert archived_children(database) == {name: {} for name in OF_ARCHIVED}


@pytest.mark.usefixtures("family")
def test_without_children_they_stay(database: Database) -> None:
    before = children(database)
    assert move(database, {"statuses": "NA"}).children == {}
    assert children(database) == before


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize("which", [[1, 2, 3, 4], {"statuses": "NA"}], ids=str)
def test_those_left_behind_are_fetched(database: Database, which: Any) -> None:
    """So it is after a kill between the leads and what belongs to them."""
    before = children(database)
    move(database, which)
    make_archives(database, with_children=True)
    for list_id in (101, 102):  # as a killed run has made them
        archiver(database, with_children=True).tables.make_missing([f"custom_{list_id}"])
    moved = move(database, which, with_children=True)
    assert moved.counts == (0, 0, 0, 0)
    assert moved.stayed == {}
    archived = archived_children(database)
    for name, keys in OF_ARCHIVED.items():
        assert archived[name] == {key: before[name][key] for key in keys}
    # What belongs to leads of another rule, or to no lead at all, is not ours.
    assert set(rows(database, ALT)) == {51, 52, 771, 772}
    assert rows(database, "custom_103") == before["custom_103"]


@pytest.mark.usefixtures("family")
def test_of_a_lead_that_stays_all_stays(database: Database) -> None:
    before = children(database)
    put(database, lead(1, entry_list_id=101, status="OLD"), table=ARCHIVE)
    moved = move(database, [1], with_children=True, update=False)
    assert moved.stayed == {1: ("CHANGED", "")}
    assert (moved.children, children(database)) == ({}, before)
    # Likewise on the way back.
    back = move(database, [1], "dearchive", with_children=True)
    assert back.stayed == {1: ("IN_BOTH", "")}
    assert (back.children, children(database)) == ({}, before)


@pytest.mark.usefixtures("family")
def test_leads_deleted_by_others_leave_their_rows(database: Database) -> None:
    mover = archiver(database, {"statuses": "NA"}, with_children=True)
    taken = take(mover.leads())
    sql(database, f"DELETE FROM {LEADS} WHERE lead_id IN (1, 2)")
    moved = mover.move(taken)
    assert moved.counts == (2, 2, 0, 2)
    assert set(rows(database, "custom_101")) == {1, 2, 5}


@pytest.mark.usefixtures("family")
def test_copies_that_differ_are_brought_up_to_date(database: Database) -> None:
    make_archives(database, with_children=True)
    mover = archiver(database, with_children=True)
    sql(database, f"INSERT INTO {ALT}_archive SELECT * FROM {ALT} WHERE alt_phone_id = 11")
    sql(database, f"UPDATE {ALT}_archive SET phone_number = 'old' WHERE alt_phone_id = 11")
    moved = mover.move(ids(1))
    assert moved.children[ALT] == (2, 1, 1, 2)
    found = sql(database, f"SELECT phone_number FROM {ALT}_archive WHERE alt_phone_id = 11")
    assert found == [("7211",)]


@pytest.mark.usefixtures("family")
def test_no_lead_leaves_where_its_rows_cannot_follow(database: Database) -> None:
    move(database, [4], with_children=True)  # makes the archives but those of custom tables
    before = rows(database)
    with pytest.raises(ConfigurationError, match="no table custom_101_archive"):
        move(database, [1], with_children=True, create_tables=False)
    assert rows(database) == before

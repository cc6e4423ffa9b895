"""Leads go to the archive and back, whole, and nothing else does."""

from typing import Any

import pytest

from loader.database.connection import Database
from loader.errors import LeadIdsError, UsageError
from tests.support.archives import (
    ARCHIVE,
    LEADS,
    archiver,
    ids,
    lead,
    move,
    put,
    put_many,
    rows,
    sql,
    take,
)

ON_SERVERS = pytest.mark.engines("myisam", "innodb")


@pytest.mark.sample(1)
@pytest.mark.parametrize("count", [0, 1, 499, 500, 501])
def test_any_number_of_leads(database: Database, count: int) -> None:
    put(database, *(lead(number) for number in range(1, 602)))
    before = rows(database)
    moved = move(database, list(range(1, count + 1)))
    assert moved.counts == (count, count, 0, count)
    assert len(moved.chunks) == -(-count // 500)
    assert moved.lead_ids == list(range(1, count + 1))
    assert moved.stayed == {}
    assert rows(database, ARCHIVE) == {key: before[key] for key in range(1, count + 1)}
    assert rows(database) == {key: before[key] for key in range(count + 1, 602)}
    back = move(database, list(range(1, count + 1)), "dearchive")
    assert back.counts == (count, count, 0, count)
    assert rows(database) == before
    assert rows(database, ARCHIVE) == {}


def test_many_leads(database: Database) -> None:
    put_many(database, 3_456)
    before = rows(database)
    moved = move(database, list(range(3_456, 0, -1)))
    assert moved.counts == (3_456, 3_456, 0, 3_456)
    assert moved.lead_ids == list(range(1, 3_457))
    assert (rows(database), rows(database, ARCHIVE)) == ({}, before)


def test_one_request_has_at_most_500(database: Database) -> None:
    with pytest.raises(LeadIdsError, match="lead_ids cannot exceed 500 values"):
        archiver(database).move(ids(*range(1, 502)))


def test_all_must_exist_before_anything_is_moved(database: Database) -> None:
    put(database, *map(lead, (1, 2)))
    put(database, lead(3), table=ARCHIVE)
    with pytest.raises(LeadIdsError, match="lead_ids does not exist: 4, 5") as raised:
        archiver(database).leads(ids(1, 4, 2, 5, 3))
    assert raised.value.lead_ids == (4, 5)


def test_what_is_in_the_archive_already_is_done(database: Database) -> None:
    put(database, *map(lead, (1, 2)))
    assert move(database, [1]).counts == (1, 1, 0, 1)
    assert move(database, [1, 2]).counts == (1, 1, 0, 1)
    assert set(rows(database, ARCHIVE)) == {1, 2}


@pytest.mark.parametrize(
    ("options", "counts", "left", "archived"),
    [
        ({}, (2, 1, 1, 2), set(), "NA"),
        ({"insert": False}, (2, 0, 1, 1), {1}, "NA"),
        ({"update": False}, (2, 1, 0, 1), {2}, "OLD"),
        ({"delete": False}, (2, 1, 1, 0), {1, 2}, "NA"),
        ({"insert": False, "update": False, "delete": False}, (2, 0, 0, 0), {1, 2}, "OLD"),
    ],
    ids=str,
)
def test_steps_that_are_asked_for(
    database: Database, options: Any, counts: Any, left: set[int], archived: str
) -> None:
    put(database, lead(1), lead(2))
    put(database, lead(2, status="OLD"), table=ARCHIVE)
    moved = move(database, [1, 2], **options)
    assert moved.counts == counts
    assert set(rows(database)) == left
    assert sql(database, f"SELECT status FROM {ARCHIVE} WHERE lead_id = 2") == [(archived,)]
    stayed = {1: "NOT_COPIED", 2: "CHANGED"} if options.get("delete", True) else {}
    assert {key: why for key, (why, _) in moved.stayed.items()} == {
        key: stayed[key] for key in left & stayed.keys()
    }


ALMOST = [
    ("last_name", "Özil", "özil"),
    ("last_name", "Ozil", "Özil"),
    ("last_name", "Ozil", "Ozil "),
    ("comments", None, ""),
    ("comments", "", None),
    ("owner", None, ""),
    ("gmt_offset_now", "-5.00", "-5.01"),
    ("called_count", 0, None),
    ("modify_date", "2026-04-01 10:00:00", "2026-04-01 10:00:01"),
    ("last_local_call_time", None, "2026-04-01 10:00:00"),
    ("date_of_birth", None, "1970-01-01"),
    ("gender", "U", None),
    ("called_since_last_reset", "Y1", "Y10"),
    ("rank", 0, 1),
]


def test_almost_equal_is_not_equal(database: Database) -> None:
    pairs = list(enumerate(ALMOST, start=1))
    put(database, *(lead(key, **{field: mine}) for key, (field, mine, _) in pairs))
    put(
        database,
        *(lead(key, **{field: theirs}) for key, (field, _, theirs) in pairs),
        table=ARCHIVE,
    )
    keys = [key for key, _ in pairs]
    before, archived = rows(database), rows(database, ARCHIVE)
    # Each differs in one column, by what Python takes for different.
    assert [key for key in keys if before[key] == archived[key]] == []
    for rule in (keys, {"lists": 101}):
        stayed = move(database, rule, update=False)
        assert stayed.counts == (len(keys), 0, 0, 0)
        assert stayed.stayed == dict.fromkeys(keys, ("CHANGED", ""))
    # The way back brings nothing over what is there.
    back = move(database, keys, "dearchive")
    assert back.counts == (len(keys), 0, 0, 0)
    assert back.stayed == dict.fromkeys(keys, ("IN_BOTH", ""))
    assert (rows(database), rows(database, ARCHIVE)) == (before, archived)
    assert move(database, keys).counts == (len(keys), 0, len(keys), len(keys))
    assert (rows(database), rows(database, ARCHIVE)) == ({}, before)


# --- by a rule ---


def days_ago(database: Database, days: int) -> str:
    with database.connect() as connection:
        if database.engine.dialect.name == "sqlite":
            asked = f"SELECT datetime('now', 'localtime', '-{days} days')"
        else:
            asked = f"SELECT NOW() - INTERVAL {days} DAY"
        return str(connection.exec_driver_sql(asked).scalar_one())


RULES: list[tuple[dict[str, Any], set[int]]] = [
    ({"statuses": "NA"}, {1, 2, 3, 4, 7, 8}),
    ({"statuses": ["B", "DROP"]}, {5, 6}),
    ({"lists": 102}, {2}),
    ({"lists": [102, 999]}, {2, 7}),
    ({"campaigns": "camp2"}, {2, 3}),
    ({"campaigns": ["CAMP2"], "lists": "103"}, {3}),
    ({"called_before": "30d"}, {3, 5}),
    ({"called_before": "2001-01-01"}, set()),
    ({"loaded_before": "90d"}, {4, 5}),
    ({"loaded_before": "2020-01-01"}, {5}),
    ({"min_called_count": 4}, {6}),
    ({"statuses": "NA", "called_before": "30d", "loaded_before": "1d"}, {3}),
]


@pytest.fixture
def varied(database: Database) -> None:
    """Eight leads, each out of the ordinary in one way."""
    recent, old, older = (days_ago(database, days) for days in (5, 40, 100))
    usual = {"entry_date": old, "last_local_call_time": recent}
    put(
        database,
        lead(1, **usual),
        lead(2, **usual | {"list_id": 102}),
        lead(3, **usual | {"last_local_call_time": old, "list_id": 103}),
        lead(4, **usual | {"entry_date": older, "last_local_call_time": "2008-01-01 00:00:00"}),
        lead(5, entry_date="2019-01-01 00:00:00", last_local_call_time=older, status="B"),
        lead(6, **usual | {"called_count": 4, "status": "DROP"}),
        lead(7, **usual | {"entry_date": None, "list_id": 999}),
        lead(8, **usual | {"entry_date": "0000-00-00 00:00:00", "last_local_call_time": None}),
    )
    lists = [(101, "CAMP1"), (102, "CAMP2"), (103, "CAMP2")]
    for list_id, campaign in lists:
        sql(
            database,
            f"INSERT INTO vicidial_lists (list_id, campaign_id) VALUES ({list_id}, '{campaign}')",
        )


@pytest.mark.sample(2)
@pytest.mark.engines("sqlite", "innodb")
@pytest.mark.parametrize(("rule", "selected"), RULES, ids=str)
@pytest.mark.usefixtures("varied")
def test_rules(database: Database, rule: dict[str, Any], selected: set[int]) -> None:
    preview = archiver(database, rule, dry_run=True)
    shown = preview.preview(preview.leads())
    assert shown.leads == len(selected)
    moved = move(database, rule, chunk=2)
    assert set(rows(database, ARCHIVE)) == selected
    assert moved.counts == (len(selected), len(selected), 0, len(selected))
    # The same rule selects the same in the archive.
    assert move(database, rule, "dearchive", chunk=2).counts == moved.counts
    assert set(rows(database)) == set(range(1, 9))


@pytest.mark.engines("sqlite", "innodb")
@pytest.mark.usefixtures("varied")
@pytest.mark.parametrize(
    ("rule", "of_load", "of_call"),
    [
        ({"called_before": "30d"}, {"31 to 90 days": 1, "over a year": 1},
         {"31 to 90 days": 1, "91 to 180 days": 1}),
        ({"loaded_before": "90d"}, {"91 to 180 days": 1, "over a year": 1}, {}),
    ],
)  # fmt: skip
def test_a_dry_run_has_the_ages_that_its_rule_speaks_of(
    database: Database, rule: dict[str, Any], of_load: dict[str, int], of_call: dict[str, int]
) -> None:
    looked = archiver(database, rule, dry_run=True)
    found = looked.preview(looked.leads())
    frames = (found.by_age, found.by_last_call)
    ages = [dict(zip(each["age"], each["leads"], strict=True)) for each in frames]
    assert ages == [of_load, of_call]


def test_campaigns_without_lists_are_named(database: Database) -> None:
    with pytest.raises(UsageError, match="no list is of campaign NONE, NIL"):
        archiver(database, {"campaigns": ["NONE", "NIL"]})


def test_gaps_and_windows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loader.archive.selection.WINDOW", 10)
    there = [1, 9, 10, 11, 12, 40, 41, 999_999, 4_000_000_000]
    put(database, *(lead(key) for key in there), lead(13, status="NEW"))
    mover = archiver(database, {"statuses": "NA"})
    leads = mover.leads()
    shares, taken = [leads.share], []
    while len(chunk := take(leads, 2)):
        shares.append(leads.share)
        taken.append(chunk.tolist())
    assert taken == [[1, 9], [10, 11], [12, 40], [41, 999_999], [4_000_000_000]]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_leads_inserted_meanwhile_are_for_another_time(database: Database) -> None:
    put(database, lead(1), lead(2))
    mover = archiver(database, {"statuses": "NA"})
    leads = mover.leads()
    put(database, lead(3))
    assert take(leads).tolist() == [1, 2]


# --- who is spared ---

HOLDING = {
    "vicidial_hopper": {"lead_id": 1, "list_id": 101},
    "vicidial_auto_calls": {"lead_id": 1, "server_ip": ""},
    "vicidial_live_agents": {"lead_id": 1, "server_ip": ""},
    "vicidial_callbacks": {"lead_id": 1, "status": "ACTIVE"},
}


def hold(database: Database, table: str) -> None:
    values = ", ".join(map(repr, HOLDING[table].values()))
    sql(database, f"INSERT INTO {table} ({', '.join(HOLDING[table])}) VALUES ({values})")


@pytest.mark.parametrize("holder", HOLDING)
def test_held_leads_stay(database: Database, holder: str) -> None:
    put(database, *map(lead, (1, 2)))
    hold(database, holder)
    moved = move(database, {"statuses": "NA"})
    assert moved.counts == (1, 1, 0, 1)
    assert moved.stayed == {1: ("HELD", holder)}
    mover = archiver(database, {"statuses": "NA"})
    spared = mover.preview(mover.leads()).spared
    assert spared.to_dict("records") == [{"why": "HELD", "details": holder, "leads": 1}]
    # Given ones are taken, as the API takes them, unless they are to be left.
    left = move(database, [1], held="leave")
    assert (left.counts, left.stayed) == ((1, 0, 0, 0), {1: ("HELD", holder)})
    assert move(database, {"statuses": "NA"}, held="take").counts == (1, 1, 0, 1)


def test_given_leads_are_taken_though_held(database: Database) -> None:
    put(database, lead(1, status="INCALL"))
    hold(database, "vicidial_hopper")
    assert move(database, [1]).counts == (1, 1, 0, 1)


@pytest.mark.parametrize("status", ["INCALL", "QUEUE", "DISPO"])
def test_leads_in_a_call_stay(database: Database, status: str) -> None:
    put(database, lead(1), lead(2, status=status))
    moved = move(database, {"lists": 101})
    assert moved.stayed == {2: ("HELD", f"status {status}")}
    assert set(rows(database, ARCHIVE)) == {1}


def test_done_callbacks_hold_nobody(database: Database) -> None:
    put(database, lead(1))
    sql(database, "INSERT INTO vicidial_callbacks (lead_id, status) VALUES (1, 'INACTIVE')")
    assert move(database, {"statuses": "NA"}).stayed == {}


def test_what_comes_between_selection_and_chunk(database: Database) -> None:
    """The statements look again: a lead is not taken for what it was a moment ago."""
    put(database, *map(lead, range(1, 6)))
    mover = archiver(database, {"statuses": "NA"})
    taken = take(mover.leads())
    sql(database, f"UPDATE {LEADS} SET status = 'SALE' WHERE lead_id = 2")
    sql(database, f"UPDATE {LEADS} SET status = 'INCALL' WHERE lead_id = 3")
    sql(database, "INSERT INTO vicidial_hopper (lead_id, list_id) VALUES (4, 101)")
    sql(database, f"DELETE FROM {LEADS} WHERE lead_id = 5")
    result = mover.move(taken)
    assert (result.counts, result.moved.tolist()) == ((4, 1, 0, 1), [1])
    assert {row[0]: row[1:] for row in result.stayed.itertuples(index=False, name=None)} == {
        2: ("NOT_SELECTED", ""), 3: ("HELD", "status INCALL"), 4: ("HELD", "vicidial_hopper"),
    }  # fmt: skip
    assert set(rows(database, ARCHIVE)) == {1}


@ON_SERVERS
def test_tables_of_holders_may_be_missing(leads_database: Database) -> None:
    """An old dialer's, or one that was only tried out."""
    put(leads_database, *map(lead, (1, 2)))
    mover = archiver(leads_database, {"min_called_count": 1})
    assert [remark.split(",")[0] for remark in mover.tables.remarks] == [
        f"there is no table {name}" for name in HOLDING
    ]
    assert mover.move(take(mover.leads())).counts == (2, 2, 0, 2)

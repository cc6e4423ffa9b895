"""What servers, schemas and dialers do that could cost a lead: each found once, and kept out."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

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
from tests.support.products import PRODUCT
from tests.support.server import PrivateServer, Server, fill
from tests.support.statements import just_before

ON_SERVERS = pytest.mark.engines("myisam", "innodb")
ALT = "vicidial_list_alt_phones"


@pytest.fixture
def family(database: Database) -> Iterator[Database]:
    """A database for leads with alternate phones and custom fields."""
    columns = {"color": "varchar(20)"}
    fill(database.engine, {"custom_tables": [{"table": "custom_101", "columns": columns}]})
    yield database
    for name in ("custom_101", ALT, "vicidial_callbacks"):
        sql(database, f"DROP TABLE IF EXISTS {name}_archive")


def colors(database: Database, table: str = "custom_101") -> list[tuple[Any, ...]]:
    return sql(database, f"SELECT lead_id, color FROM {table} ORDER BY lead_id")


def phones(database: Database, table: str = ALT) -> list[tuple[Any, ...]]:
    return sql(database, f"SELECT alt_phone_id, lead_id, phone_number FROM {table} ORDER BY 1")


@contextlib.contextmanager
def server_wide(server: Server, name: str, value: object) -> Iterator[None]:
    [(before,)] = server.execute(f"SELECT @@GLOBAL.{name}")
    server.execute(f"SET GLOBAL {name} = %s", value)
    try:
        yield
    finally:
        server.execute(f"SET GLOBAL {name} = %s", before)


# --- counters that were set back ---


def test_another_lead_in_the_archive_is_not_replaced(database: Database) -> None:
    put(database, lead(1), lead(2), lead(3))
    old = {"entry_date": "2020-01-01 00:00:00"}
    put(
        database,
        lead(1, phone_number="3055550001", **old), lead(2, **old), lead(3, phone_number="305"),
        table=ARCHIVE,
    )  # fmt: skip
    before, archived = rows(database), rows(database, ARCHIVE)
    for which in ([1, 2, 3], {"statuses": "NA"}):
        moved = move(database, which)
        assert moved.stayed == {1: ("ANOTHER_LEAD", "")}
    assert rows(database) == {1: before[1]}
    assert rows(database, ARCHIVE) == before | {1: archived[1]}


def test_an_alternate_phone_of_another_lead_is_not_replaced(family: Database) -> None:
    put(family, lead(1), lead(2))
    fill(family.engine, {ALT: [{"alt_phone_id": 1, "lead_id": 1, "phone_number": "1111"}]})
    move(family, [1], with_children=True)
    fill(family.engine, {ALT: [{"alt_phone_id": 1, "lead_id": 2, "phone_number": "2222"}]})
    moved = move(family, [2], with_children=True)
    assert moved.stayed == {2: ("CHILD_LEFT", ALT)}
    assert phones(family, f"{ALT}_archive") == [(1, 1, "1111")]
    assert phones(family) == [(1, 2, "2222")]
    # Likewise on the way back.
    back = move(family, [1], "dearchive", with_children=True)
    assert back.stayed == {1: ("CHILD_LEFT", ALT)}
    assert phones(family) == [(1, 2, "2222")]
    assert phones(family, f"{ALT}_archive") == [(1, 1, "1111")]


def test_lead_id_0_is_one_like_others(database: Database) -> None:
    put(database, lead(5))
    if database.engine.dialect.name != "sqlite":
        sql(database, "SELECT 1")
    with database.connect() as connection:
        connection.exec_driver_sql(f"UPDATE {LEADS} SET lead_id = 0")
        connection.commit()
    before = rows(database)
    assert set(before) == {0}
    assert move(database, [0]).counts == (1, 1, 0, 1)
    assert move(database, [0], "dearchive").counts == (1, 1, 0, 1)
    assert rows(database) == before


# --- what belongs to leads ---


def test_what_the_dialer_has_is_newer(family: Database) -> None:
    put(family, lead(1, entry_list_id=101))
    fill(family.engine, {"custom_101": [{"lead_id": 1, "color": "old"}]})
    move(family, [1], with_children=True)
    move(family, [1], "dearchive")
    fill(family.engine, {"custom_101": [{"lead_id": 1, "color": "new"}]})
    move(family, [1])
    back = move(family, [1], "dearchive", with_children=True)
    assert (back.counts, back.stayed) == ((1, 1, 0, 1), {1: ("CHILD_LEFT", "custom_101")})
    assert colors(family) == [(1, "new")]
    assert colors(family, "custom_101_archive") == [(1, "old")]


def test_what_was_left_in_the_archive_follows(family: Database) -> None:
    put(family, lead(1, entry_list_id=101))
    fill(family.engine, {"custom_101": [{"lead_id": 1, "color": "red"}]})
    move(family, [1], with_children=True)
    move(family, [1], "dearchive")
    assert colors(family) == []
    back = move(family, [1], "dearchive", with_children=True)
    assert (back.counts, back.children) == ((0, 0, 0, 0), {"custom_101": (1, 1, 0, 1)})
    assert colors(family) == [(1, "red")]


def test_what_was_left_in_a_table_without_archive_follows(family: Database) -> None:
    put(family, lead(1, entry_list_id=101), lead(2, list_id=102))
    fill(
        family.engine,
        {
            "custom_101": [{"lead_id": 1, "color": "red"}],
            ALT: [{"alt_phone_id": n, "lead_id": n, "phone_number": f"{n}"} for n in (1, 2)],
        },
    )
    move(family, [1, 2])
    moved = move(family, {"statuses": "NA"}, with_children=True)
    assert moved.children == {"custom_101": (1, 1, 0, 1), ALT: (2, 2, 0, 2)}
    assert colors(family, "custom_101_archive") == [(1, "red")]


@pytest.mark.parametrize("way", ["archive", "dearchive"])
def test_a_row_that_is_changed_in_between_is_told(family: Database, way: Any) -> None:
    put(family, lead(1, entry_list_id=101))
    fill(family.engine, {"custom_101": [{"lead_id": 1, "color": "red"}]})
    make_archives(family, with_children=True)
    source = "custom_101"
    if way == "dearchive":
        move(family, [1], with_children=True)
        source = "custom_101_archive"
    change = f"UPDATE {source} SET color = 'RED'"
    with just_before(family, f"DELETE FROM {source}", lambda: sql(family, change)):
        moved = move(family, [1], way, with_children=True)
    assert moved.stayed == {1: ("CHILD_LEFT", "custom_101")}
    assert colors(family, source) == [(1, "RED")]
    if way == "archive":
        again = move(family, [1], with_children=True)
        assert (again.stayed, again.children) == ({}, {"custom_101": (1, 0, 1, 1)})
        assert colors(family, "custom_101_archive") == [(1, "RED")]


# --- between two statements ---


def test_a_number_loaded_anew_in_the_last_moment(database: Database) -> None:
    put(database, lead(1), table=ARCHIVE)
    again = lead(9, phone_number=lead(1)["phone_number"], entry_date="2026-06-01 10:00:00")
    with just_before(database, f"INSERT INTO {LEADS}", lambda: put(database, again)):
        moved = move(database, [1], "dearchive")
    assert moved.stayed == {1: ("LOADED_ANEW", "lead_id=9")}
    assert (set(rows(database)), set(rows(database, ARCHIVE))) == ({9}, {1})


def test_a_lead_that_has_come_back_is_the_dialers(family: Database) -> None:
    """Whoever changes it before it leaves the archive changes what counts."""
    put(family, lead(1, entry_list_id=101), lead(2))
    fill(family.engine, {"custom_101": [{"lead_id": 1, "color": "red"}]})
    move(family, [1, 2], with_children=True)
    change = f"UPDATE {LEADS} SET first_name = 'Eve' WHERE lead_id = 1"
    with just_before(family, f"DELETE FROM {ARCHIVE}", lambda: sql(family, change)):
        back = move(family, [1, 2], "dearchive", with_children=True)
    assert (back.counts, back.stayed) == ((2, 2, 0, 2), {})
    assert (set(rows(family)), set(rows(family, ARCHIVE))) == ({1, 2}, set())
    assert sql(family, f"SELECT first_name FROM {LEADS} WHERE lead_id = 1") == [("Eve",)]
    assert colors(family) == [(1, "red")]


@ON_SERVERS
def test_so_it_is_where_the_answer_to_its_copy_was_lost(family: Database) -> None:
    put(family, lead(1, entry_list_id=101), lead(2))
    fill(family.engine, {"custom_101": [{"lead_id": 1, "color": "red"}]})
    move(family, [1, 2], with_children=True)

    def change() -> None:
        sql(family, f"UPDATE {LEADS} SET first_name = 'Eve' WHERE lead_id = 1")
        others = (
            "SELECT id FROM information_schema.processlist "
            "WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        )
        for (session,) in sql(family, others):
            with contextlib.suppress(DBAPIError):  # it has ended
                sql(family, f"KILL {session}")

    with just_before(family, f"DELETE FROM {ARCHIVE}", change):
        back = move(family, [1, 2], "dearchive", with_children=True)
    assert (back.counts, back.stayed) == ((2, 2, 0, 2), {})
    assert (set(rows(family)), set(rows(family, ARCHIVE))) == ({1, 2}, set())
    assert sql(family, f"SELECT first_name FROM {LEADS} WHERE lead_id = 1") == [("Eve",)]
    assert colors(family) == [(1, "red")]


def test_a_lead_that_is_dialled_in_the_last_moment(database: Database) -> None:
    put(database, lead(1), lead(2))
    hold = "INSERT INTO vicidial_auto_calls (lead_id) VALUES (2)"
    with just_before(database, f"DELETE FROM {LEADS}", lambda: sql(database, hold)):
        moved = move(database, {"statuses": "NA"})
    assert moved.stayed == {2: ("HELD", "vicidial_auto_calls")}
    assert moved.counts == (2, 1, 0, 1)
    assert (set(rows(database)), set(rows(database, ARCHIVE))) == ({2}, {1})
    sql(database, "DELETE FROM vicidial_auto_calls")
    assert move(database, {"statuses": "NA"}).counts == (1, 1, 0, 1)


def test_a_lead_that_is_sold_in_the_last_moment(database: Database) -> None:
    """Its copy goes again: no later run would select the lead, and bring the copy up to date."""
    put(database, *map(lead, (1, 2, 3)))
    put(database, lead(3, status="OLD"), table=ARCHIVE)
    sold = f"UPDATE {LEADS} SET status = 'SALE' WHERE lead_id IN (2, 3)"
    with just_before(database, f"DELETE FROM {LEADS}", lambda: sql(database, sold)):
        moved = move(database, {"statuses": "NA"})
    assert moved.stayed == dict.fromkeys((2, 3), ("NOT_SELECTED", ""))
    # A copy that was there before is none of ours.
    assert (set(rows(database)), set(rows(database, ARCHIVE))) == ({2, 3}, {1, 3})


def test_one_take_looks_at_one_window(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that whoever asks to wait or to end is heard in between."""
    monkeypatch.setattr("loader.archive.selection.WINDOW", 10)
    put(database, *(lead(number, status="NEW") for number in range(1, 40)), lead(40))
    leads = archiver(database, {"statuses": "NA"}).leads()
    # The first looks for what belongs to archived leads.
    found = [leads.take(500) for _ in range(6)]
    assert [each.lead_ids.tolist() for each in found] == [[], [], [], [], [], [40]]
    assert not any(each.finished for each in found)
    assert leads.take(500).finished


# --- servers and schemas ---


@ON_SERVERS
def test_a_row_that_is_locked_for_long(
    database: Database, engine_name: str, private_server: PrivateServer
) -> None:
    if engine_name == "myisam":
        pytest.skip("it locks tables, for a statement")
    put(database, *map(lead, (1, 2, 3)))
    with database.engine.connect() as other:
        other.exec_driver_sql(f"UPDATE {LEADS} SET comments = 'busy' WHERE lead_id = 2")
        moved = move(database, {"statuses": "NA"})
        assert moved.counts == (3, 2, 0, 2)
        assert moved.stayed == {2: ("LOCKED", "error 1205")}
        other.commit()
    assert move(database, {"statuses": "NA"}).counts == (1, 1, 0, 1)


@ON_SERVERS
@pytest.mark.parametrize(
    ("name", "value"),
    [("sql_mode", "ANSI"), ("sql_mode", "NO_BACKSLASH_ESCAPES"), ("sql_mode", "TRADITIONAL"),
     ("sql_safe_updates", 1), (PRODUCT.isolation, "READ-COMMITTED")],
    ids=str,
)  # fmt: skip
def test_whatever_the_server_is_set_to(
    family: Database, private_server: PrivateServer, name: str, value: object
) -> None:
    put(family, lead(1, entry_list_id=101, comments="back\\slash'"), lead(2, owner=""))
    fill(family.engine, {"custom_101": [{"lead_id": 1, "color": 'a"b'}]})
    before = rows(family)
    with server_wide(private_server, name, value):
        family.engine.dispose()
        moved = move(family, {"statuses": "NA"}, with_children=True)
        assert moved.counts == (2, 2, 0, 2)
        assert move(family, [1, 2], "dearchive", with_children=True).counts == (2, 2, 0, 2)
    family.engine.dispose()
    assert (rows(family), colors(family)) == (before, [(1, 'a"b')])


@ON_SERVERS
def test_a_connection_that_is_ended_between_two_chunks(
    database: Database, private_server: PrivateServer
) -> None:
    put(database, *map(lead, (1, 2, 3)))
    mover = archiver(database, {"statuses": "NA"})
    assert mover.move(ids(1)).counts == (1, 1, 0, 1)
    with database.connect() as connection:
        session = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
    private_server.execute(f"KILL {session}")
    assert mover.move(ids(2)).counts == (1, 1, 0, 1)
    private_server.restart()
    assert mover.move(ids(3)).counts == (1, 1, 0, 1)
    assert set(rows(database, ARCHIVE)) == {1, 2, 3}


@ON_SERVERS
def test_tables_that_could_lose_rows_are_refused(
    leads_database: Database, engine_name: str, private_server: PrivateServer
) -> None:
    make_archives(leads_database)
    other = "InnoDB" if engine_name == "myisam" else "MyISAM"
    sql(leads_database, f"ALTER TABLE {ARCHIVE} ENGINE = {other}")
    way, back = ("archive", "dearchive")[:: 1 if other == "InnoDB" else -1]
    with server_wide(private_server, "innodb_flush_log_at_trx_commit", 0):
        with pytest.raises(ConfigurationError, match="a crash could lose copies"):
            archiver(leads_database, direction=way)
        archiver(leads_database, direction=back)
    with server_wide(private_server, "innodb_flush_log_at_trx_commit", 1):
        archiver(leads_database, direction=way)
    sql(leads_database, f"ALTER TABLE {ARCHIVE} DROP PRIMARY KEY, ADD INDEX (lead_id)")
    with pytest.raises(ConfigurationError, match=f"{ARCHIVE} has no unique key of lead_id alone"):
        archiver(leads_database)
    sql(leads_database, f"DROP TABLE {ARCHIVE}")
    sql(leads_database, f"CREATE VIEW {ARCHIVE} AS SELECT * FROM {LEADS}")
    with pytest.raises(ConfigurationError, match=f"{ARCHIVE} is a view"):
        archiver(leads_database)


@ON_SERVERS
def test_a_unique_key_need_not_be_the_primary_one(leads_database: Database) -> None:
    make_archives(leads_database)
    sql(leads_database, f"ALTER TABLE {ARCHIVE} DROP PRIMARY KEY, ADD UNIQUE one_each (lead_id)")
    put(leads_database, lead(1))
    assert move(leads_database, {"lists": 101}).counts == (1, 1, 0, 1)
    assert move(leads_database, {"lists": 101}, "dearchive").counts == (1, 1, 0, 1)


@ON_SERVERS
def test_several_rows_for_a_lead_are_refused(family: Database) -> None:
    sql(family, "ALTER TABLE custom_101 DROP PRIMARY KEY, ADD INDEX (lead_id)")
    put(family, lead(1, entry_list_id=101))
    with pytest.raises(ConfigurationError, match="custom_101 has no unique key of lead_id alone"):
        move(family, [1], with_children=True)
    assert set(rows(family)) == {1}


@ON_SERVERS
def test_column_names_that_are_words_of_sql(family: Database) -> None:
    words = ("portion", "sql_cache", "rank", "group", "p(lead_ids)", "100%", "a:b", "`")
    quoted = [f"`{word.replace('`', '``')}`" for word in words]
    additions = ", ".join(f"ADD {word} VARCHAR(5)" for word in quoted)
    with family.connect() as connection:
        connection.exec_driver_sql(
            f"ALTER TABLE custom_101 {additions}", execution_options={"no_parameters": True}
        )
    put(family, lead(1, entry_list_id=101))
    fill(family.engine, {"custom_101": [{"lead_id": 1, "color": "%s"}]})
    before = rows(family, "custom_101")
    moved = move(family, [1], with_children=True)
    assert moved.children == {"custom_101": (1, 1, 0, 1)}
    assert rows(family, "custom_101_archive") == before


def test_leads_never_called_are_not_taken_for_called(database: Database) -> None:
    """add_lead and its like store the moment of the load as that of the last call."""
    loaded = "2020-01-01 10:00:00"
    put(
        database,
        lead(1, entry_date=loaded, last_local_call_time=loaded, called_count=0),
        lead(2, entry_date=loaded, last_local_call_time="2008-01-01 00:00:00", called_count=0),
        lead(3, entry_date=loaded, last_local_call_time=loaded, called_count=1),
        lead(4, entry_date=loaded, last_local_call_time="2020-01-02 00:00:00", called_count=0),
        lead(5, entry_date=loaded, last_local_call_time=None, called_count=0),
    )
    assert take(archiver(database, {"called_before": "90d"}).leads()).tolist() == [3, 4]

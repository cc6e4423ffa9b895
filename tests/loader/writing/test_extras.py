"""What comes with leads, in its tables: each row once, whatever happens meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import event, make_url

from loader.database.connection import Database
from loader.errors import ConfigurationError, DatabaseUnavailableError
from loader.extras.rows import ExtraRows
from loader.notices import Notice
from loader.writing.extras import ExtraInserter, InsertedExtra
from loader.writing.writer import Writer
from tests.support.products import PRODUCT
from tests.support.proxy import Proxy
from tests.support.server import Server, run

BY_FILE, BY_INSERT = "by file", "by INSERT"
ON_SERVERS = pytest.mark.engines("myisam", "innodb")
TABLES = ("vicidial_list", "vicidial_list_alt_phones", "vicidial_hopper")
ALT_PHONES = ("lead_id", "alt_phone_count")


def alt_phones(*numbers: str, lead_ids: list[int] | None = None) -> ExtraRows:
    """Make alternate numbers, two of each lead, from lead 11 and row 2 on."""
    places = [place // 2 for place in range(len(numbers))]
    rows = pd.DataFrame(
        {
            "lead_id": lead_ids or [11 + place for place in places],
            "phone_number": list(numbers),
            "alt_phone_count": [str(place % 2 + 1) for place in range(len(numbers))],
        },
        index=[2 + place for place in places],
    ).astype({"phone_number": "str", "alt_phone_count": "str"})
    return ExtraRows(
        table="vicidial_list_alt_phones",
        notice=Notice.ALT_PHONES_LOADED,
        rows=rows,
        key=ALT_PHONES,
    )


def hopper(*users: str) -> ExtraRows:
    """Make rows of the hopper, from lead 11 and row 2 on."""
    rows = pd.DataFrame(
        {"lead_id": range(11, 11 + len(users)), "list_id": "101", "user": list(users)},
        index=range(2, 2 + len(users)),
    ).astype({"list_id": "str", "user": "str"})
    return ExtraRows(
        table="vicidial_hopper",
        notice=Notice.ADDED_TO_HOPPER,
        rows=rows,
        generated="hopper_id",
        unless_stored={"status": "NEW", "entry_list_id": "0"},
    )


def custom(*colors: str, **columns: Any) -> ExtraRows:
    """Make rows of the custom table, from lead 11 and row 2 on."""
    rows = pd.DataFrame(
        {"lead_id": range(11, 11 + len(colors)), "color": list(colors), **columns},
        index=range(2, 2 + len(colors)),
    )
    return ExtraRows(
        table="custom_101",
        notice=Notice.CUSTOM_FIELDS_ADDED,
        rows=rows.astype(dict.fromkeys(rows.columns.drop("lead_id"), "str")),
        unless_stored={"status": "NEW", "entry_list_id": "0"},
        replaces=True,
    )


def nothing(_seconds: float) -> None:
    """Wait for nobody."""


def writer_into(database: Database, way: str) -> Writer:
    writer = Writer(database)
    writer.loads_files &= way == BY_FILE
    return writer


def inserter_into(database: Database, way: str = BY_FILE) -> ExtraInserter:
    return ExtraInserter(database, writer_into(database, way))


def insert(url: str, extra: ExtraRows, *, way: str = BY_FILE) -> InsertedExtra:
    database = Database(url, sleep=nothing)
    inserted = inserter_into(database, way).insert(extra)
    database.engine.dispose()
    return inserted


def numbers(url: str) -> list[tuple[Any, ...]]:
    return run(
        url,
        "SELECT lead_id, alt_phone_count, phone_number FROM vicidial_list_alt_phones "
        "ORDER BY alt_phone_id",
    )


def users(url: str) -> list[tuple[Any, ...]]:
    return run(url, "SELECT hopper_id, lead_id, user FROM vicidial_hopper ORDER BY hopper_id")


def colors(url: str) -> list[tuple[Any, ...]]:
    return run(url, "SELECT lead_id, color FROM custom_101 ORDER BY lead_id")


@pytest.fixture
def url(
    engine_name: str, database_with_tables: Callable[[str], str], request: pytest.FixtureRequest
) -> str:
    """The address of a database with the tables of these tests, which they may alter."""
    if engine_name == "sqlite":
        url: str = request.getfixturevalue("database_url")
        run(url, "CREATE TABLE custom_101 (lead_id INTEGER PRIMARY KEY, color TEXT, size TEXT)")
        return url
    template = make_url(database_with_tables(engine_name)).database
    url = request.getfixturevalue("server").new_database()
    run(
        url,
        *(f"CREATE TABLE {name} LIKE {template}.{name}" for name in TABLES),
        "CREATE TABLE custom_101 (lead_id INT UNSIGNED PRIMARY KEY, color VARCHAR(30), "
        f"size VARCHAR(30)) ENGINE={engine_name}",
    )
    return url


@pytest.fixture(params=[BY_FILE, BY_INSERT])
def way(request: pytest.FixtureRequest, engine_name: str) -> str:
    """How rows go to the server; SQLite has one way only."""
    if engine_name == "sqlite" and request.param == BY_INSERT:
        pytest.skip("SQLite knows one way")
    return str(request.param)


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        yield proxy


@contextmanager
def recorded(url: str) -> Iterator[tuple[Database, list[str]]]:
    """Give a database and the statements sent to it."""
    database, statements = Database(url, sleep=nothing), list[str]()
    event.listen(
        database.engine, "before_cursor_execute", lambda *args: statements.append(str(args[2]))
    )
    yield database, statements
    database.engine.dispose()


# --- what is stored ---


def test_all_rows_of_all_leads_are_stored(url: str, way: str) -> None:
    inserted = insert(url, alt_phones("a", "b", "", "d'\\", "e"), way=way)
    assert inserted.stored == (2, 3, 4)
    assert (inserted.refused, inserted.changed) == ({}, ())
    assert inserted.generated.empty
    assert numbers(url) == [(11, 1, "a"), (11, 2, "b"), (12, 1, ""), (12, 2, "d'\\"), (13, 1, "e")]


def test_the_numbers_that_the_server_gave_are_told(url: str, way: str) -> None:
    # The dialer may have been faster with a lead.
    run(url, "INSERT INTO vicidial_hopper (lead_id, list_id, user) VALUES (7, 1, ''), (12, 1, '')")
    inserted = insert(url, hopper("a", "b", "c"), way=way)
    assert inserted.generated.to_dict() == {2: 3, 3: 4, 4: 5}
    assert users(url)[2:] == [(3, 11, "a"), (4, 12, "b"), (5, 13, "c")]


def test_leftovers_of_other_leads_give_way(url: str, way: str) -> None:
    run(url, "INSERT INTO custom_101 VALUES (7, 'other', 'S'), (12, 'old', 'XL')")
    inserted = insert(url, custom("red", "green"), way=way)
    assert inserted.stored == (2, 3)
    assert colors(url) == [(7, "other"), (11, "red"), (12, "green")]
    assert run(url, "SELECT size FROM custom_101 WHERE lead_id = 12") == [(None,)]


def test_rows_of_other_leads_are_never_touched(url: str, way: str) -> None:
    run(
        url,
        "CREATE UNIQUE INDEX of_the_site ON custom_101 (color)",
        "INSERT INTO custom_101 VALUES (7, 'red', 'S'), (12, 'old', 'XL'), (13, 'older', 'M')",
    )
    leads_wait(url, 4)
    inserted = insert(url, custom("red", "green", "blue", "blue"), way=way)
    assert inserted.stored == (3, 4)
    assert inserted.refused == dict.fromkeys((2, 5), 19 if url.startswith("sqlite") else 1062)
    assert colors(url) == [(7, "red"), (12, "green"), (13, "blue")]
    assert run(url, "SELECT size FROM custom_101 WHERE lead_id = 7") == [("S",)]
    set_back = "SELECT lead_id FROM vicidial_list WHERE entry_list_id = 0"
    assert [row[0] for row in run(url, set_back)] == [11, 14]


def test_nothing_is_sent_for_no_rows(url: str) -> None:
    extra = alt_phones()
    with recorded(url) as (database, statements):
        assert inserter_into(database).insert(extra).stored == ()
    assert statements == []


def test_leftovers_give_way_in_one_statement(url: str, way: str) -> None:
    run(url, *(f"INSERT INTO custom_101 VALUES ({11 + n}, 'old', '')" for n in range(40)))
    with recorded(url) as (database, statements):
        inserter_into(database, way).insert(custom(*["b"] * 50))
    assert colors(url) == [(11 + n, "b") for n in range(50)]
    assert sum("DELETE" in statement for statement in statements) == 1
    assert len(statements) <= 4


@pytest.mark.parametrize("make", [alt_phones, hopper, custom])
def test_the_number_of_statements_is_that_of_one_row(
    url: str, way: str, make: Callable[..., ExtraRows]
) -> None:
    counts = []
    for extra in (make("a"), make(*["b"] * 400)):
        run(url, f"DELETE FROM {extra.table}")
        with recorded(url) as (database, statements):
            inserter = inserter_into(database, way)
            inserter.insert(extra)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert counts[0] <= 3


# --- what the server refuses ---

REFUSALS = {
    "trigger": (
        "CREATE TRIGGER no_bad BEFORE INSERT ON {table} FOR EACH ROW IF NEW.{column} LIKE 'bad%' "
        "THEN SIGNAL SQLSTATE '45000'; END IF",
        1644,
    ),
    "check": (
        "ALTER TABLE {table} ADD CONSTRAINT no_bad CHECK ({column} NOT LIKE 'bad%')",
        PRODUCT.check_error,
    ),
}
if PRODUCT.is_old:
    del REFUSALS["check"]
ON_SQLITE = (
    "CREATE TRIGGER no_bad BEFORE INSERT ON {table} WHEN NEW.{column} LIKE 'bad%' "
    "BEGIN SELECT RAISE(ABORT, 'Smith'); END"
)
COLUMN = {alt_phones: "phone_number", hopper: "user", custom: "color"}


def refuse_bad(url: str, how: str, extra: ExtraRows, column: str) -> int:
    """Make the table refuse values that begin with bad; give the error's number."""
    if url.startswith("sqlite"):
        if how != "trigger":
            pytest.skip("not on SQLite")
        run(url, ON_SQLITE.format(table=extra.table, column=column))
        return 19
    statement, code = REFUSALS[how]
    run(url, statement.format(table=extra.table, column=column))
    return code


def leads_wait(url: str, count: int) -> None:
    """Store leads from lead_id 11 on that wait for their rows, and one that is not of the batch."""
    run(
        url,
        "INSERT INTO vicidial_list (lead_id, phone_number, status, entry_list_id, modify_date) "
        "VALUES (7, '1', 'CBHOLD', 101, '2020-02-02'), "
        + ", ".join(f"({11 + n}, '1', 'CBHOLD', 101, '2020-02-02')" for n in range(count)),
    )


@pytest.mark.parametrize("how", REFUSALS)
@pytest.mark.parametrize("make", [hopper, custom])
def test_refused_rows_set_their_leads_back_and_the_others_are_stored(
    url: str, way: str, how: str, make: Callable[..., ExtraRows]
) -> None:
    extra = make("a", "bad1", "c", "d", "bad2", "bad3", "g")
    code = refuse_bad(url, how, extra, COLUMN[make])
    leads_wait(url, 7)
    with recorded(url) as (database, statements):
        inserted = inserter_into(database, way).insert(extra)
    assert inserted.refused == {3: code, 6: code, 7: code}
    assert inserted.stored == (2, 4, 5, 8)
    there = colors(url) if make is custom else [row[1:] for row in users(url)]
    assert there == [(11, "a"), (13, "c"), (14, "d"), (17, "g")]
    waiting = "SELECT lead_id FROM vicidial_list WHERE status = 'CBHOLD' AND entry_list_id = 101"
    assert [row[0] for row in run(url, waiting)] == [7, 11, 13, 14, 17]
    assert run(url, "SELECT DISTINCT status FROM vicidial_list ORDER BY status")[1:] == [("NEW",)]
    assert sum("UPDATE" in statement for statement in statements) == 1
    if make is hopper:
        assert sorted(inserted.generated.index) == [2, 4, 5, 8]


@pytest.mark.parametrize(
    ("lacks", "updates"), [("entry_list_id", 1), ("status", 1), (None, 0)], ids=str
)
def test_only_what_vicidial_list_has_is_set_back(
    url: str, way: str, lacks: str | None, updates: int
) -> None:
    if lacks and PRODUCT.is_old:
        pytest.skip("it renames no column by its name alone")
    extra = hopper("a", "bad")
    refuse_bad(url, "trigger", extra, "user")
    leads_wait(url, 2)
    columns = {"lead_id", "status", "entry_list_id"} - {lacks} if lacks else {"lead_id"}
    if lacks:
        run(url, f"ALTER TABLE vicidial_list RENAME COLUMN {lacks} TO of_the_site")
    with recorded(url) as (database, statements):
        inserter = ExtraInserter(database, writer_into(database, way), columns)
        inserted = inserter.insert(extra)
    assert list(inserted.refused) == [3]
    assert sum("UPDATE" in statement for statement in statements) == updates
    if lacks:
        (there,) = columns - {"lead_id", lacks}
        expected = {"status": "NEW", "entry_list_id": 0}[there]
        query = f"SELECT {there}, of_the_site FROM vicidial_list WHERE lead_id = 12"
        assert run(url, query) == [(expected, {"status": "CBHOLD", "entry_list_id": 101}[lacks])]


@pytest.mark.parametrize("how", REFUSALS)
def test_a_refused_row_of_a_lead_is_told_and_its_others_are_stored(
    url: str, way: str, how: str
) -> None:
    extra = alt_phones("a", "bad", "c", "d")
    code = refuse_bad(url, how, extra, "phone_number")
    with recorded(url) as (database, statements):
        inserted = inserter_into(database, way).insert(extra)
    assert inserted.refused == {2: code}
    assert inserted.stored == (3,)
    assert numbers(url) == [(11, 1, "a"), (12, 1, "c"), (12, 2, "d")]
    assert not any("UPDATE" in statement for statement in statements)


@ON_SERVERS
def test_a_key_of_the_site_refuses_rows(url: str, way: str) -> None:
    run(url, "ALTER TABLE vicidial_hopper ADD UNIQUE KEY once (user)")
    run(url, "INSERT INTO vicidial_hopper (lead_id, list_id, user) VALUES (7, 1, 'b')")
    inserted = insert(url, hopper("a", "b", "c"), way=way)
    assert inserted.refused == {3: 1062}
    assert [row[1:] for row in users(url)] == [(7, "b"), (11, "a"), (13, "c")]


def test_a_table_that_is_gone_ends_it(url: str, way: str) -> None:
    run(url, "DROP TABLE custom_101")
    with pytest.raises(ConfigurationError):
        insert(url, custom("a"), way=way)


# --- what the server changes ---


@ON_SERVERS
@pytest.mark.parametrize("make", [hopper, custom])
def test_what_the_server_stores_otherwise_is_told(
    url: str, way: str, make: Callable[..., ExtraRows]
) -> None:
    extra = make("1", "x9", "7", "")
    run(url, f"ALTER TABLE {extra.table} MODIFY {COLUMN[make]} INT, ADD site_own INT DEFAULT 4")
    inserted = insert(url, extra, way=way)
    assert inserted.stored == (2, 3, 4, 5)
    assert inserted.changed == (3,), "0 is how a number is empty"
    assert len(colors(url) if make is custom else users(url)) == 4


# --- lost connections ---

CUTS = {BY_FILE: (b"LOAD DATA", b"COMMIT"), BY_INSERT: (b" INTO `", b"COMMIT")}


@ON_SERVERS
@pytest.mark.parametrize("make", [alt_phones, hopper, custom])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("way", "statement"), [(way, cut) for way, cuts in CUTS.items() for cut in cuts], ids=str
)
def test_nothing_is_lost_or_stored_twice_when_the_connection_is(
    url: str,
    proxy: Proxy,
    way: str,
    statement: bytes,
    moment: str,
    make: Callable[..., ExtraRows],
) -> None:
    extra = make("a", "b", "c", "d")
    database = Database(proxy.via(url), sleep=nothing)
    getattr(proxy, f"cut_{moment}")(statement)
    inserted = inserter_into(database, way).insert(extra)
    database.engine.dispose()
    assert proxy.connections == 2
    assert inserted.stored == tuple(extra.rows.index.unique())
    assert (inserted.refused, inserted.changed) == ({}, ())
    there = {alt_phones: numbers, hopper: users, custom: colors}[make](url)
    assert [row[-1] for row in there] == ["a", "b", "c", "d"]
    if make is hopper:
        assert inserted.generated.to_dict() == {row[1] - 9: row[0] for row in there}


@ON_SERVERS
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("way", "statement"),
    [(way, cut) for way, cuts in CUTS.items() for cut in (b"DELETE", *cuts)],
    ids=str,
)
def test_leftovers_give_way_although_the_connection_is_lost(
    url: str, proxy: Proxy, way: str, statement: bytes, moment: str
) -> None:
    run(
        url,
        "ALTER TABLE custom_101 ADD UNIQUE (color)",
        "INSERT INTO custom_101 VALUES (7, 'b', 'S'), (11, 'c', 'M'), (13, 'old', 'L')",
    )
    database = Database(proxy.via(url), sleep=nothing)
    getattr(proxy, f"cut_{moment}")(statement)
    inserted = inserter_into(database, way).insert(custom("a", "b", "c"))
    database.engine.dispose()
    assert proxy.connections == 2
    assert (inserted.stored, inserted.refused, inserted.changed) == ((2, 4), {3: 1062}, ())
    assert run(url, "SELECT * FROM custom_101 ORDER BY lead_id") == [
        (7, "b", "S"), (11, "a", None), (13, "c", None)
    ]  # fmt: skip


@ON_SERVERS
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
@pytest.mark.parametrize("make", [alt_phones, custom])
def test_a_connection_lost_while_a_refused_row_is_sought(
    url: str, proxy: Proxy, nth: int, make: Callable[..., ExtraRows]
) -> None:
    extra = make("a", "b", "c", "bad", "e", "f")
    refuse_bad(url, "trigger", extra, COLUMN[make])
    leads_wait(url, 6)
    database = Database(proxy.via(url), sleep=nothing)
    proxy.cut_after(b" INTO `", nth)
    inserted = inserter_into(database, BY_INSERT).insert(extra)
    database.engine.dispose()
    assert list(inserted.refused.values()) == [1644]
    there = colors(url) if make is custom else numbers(url)
    assert sorted(row[-1] for row in there) == ["a", "b", "c", "e", "f"]


@ON_SERVERS
@pytest.mark.parametrize("moment", ["before", "after"])
def test_leads_are_set_back_although_the_connection_is_lost(
    url: str, proxy: Proxy, moment: str
) -> None:
    extra = hopper("a", "bad")
    refuse_bad(url, "trigger", extra, "user")
    leads_wait(url, 2)
    database = Database(proxy.via(url), sleep=nothing)
    getattr(proxy, f"cut_{moment}")(b"UPDATE")
    inserter_into(database).insert(extra)
    database.engine.dispose()
    assert run(url, "SELECT lead_id FROM vicidial_list WHERE status = 'NEW'") == [(12,)]


@ON_SERVERS
def test_what_is_known_stays_known_when_the_database_goes_away(url: str, proxy: Proxy) -> None:
    extra = hopper("a", "b", "c", "d")
    refuse_bad(url, "trigger", hopper(), "user")
    extra.rows["user"] = ["a", "b", "bad", "d"]
    database = Database(proxy.via(url), sleep=nothing)
    inserter = inserter_into(database, BY_INSERT)
    # The whole, then the first half; the second half does not get through any more.
    seen = []

    def close_at_the_third(*event_arguments: Any) -> None:
        if " INTO `" in event_arguments[2]:
            seen.append(event_arguments[2])
            if len(seen) == 3:
                proxy.close()

    event.listen(database.engine, "before_cursor_execute", close_at_the_third)
    with pytest.raises(DatabaseUnavailableError):
        inserter.insert(extra)
    database.engine.dispose()
    assert set(inserter.last.stored) == {row[1] - 9 for row in users(url)} == {2, 3}


def test_an_interruption_leaves_known_what_is_stored(url: str, way: str) -> None:
    database = Database(url, sleep=nothing)
    inserter = inserter_into(database, way)
    interrupted = []

    def interrupt(_connection: object) -> None:
        if not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt

    event.listen(database.engine, "commit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        inserter.insert(hopper("a", "b"))
    database.engine.dispose()
    assert set(inserter.last.stored) == {row[1] - 9 for row in users(url)}

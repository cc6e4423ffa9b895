"""Batches into vicidial_list: what is stored, whose id is whose, and what the server refuses."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import NullPool, create_engine, event

from loader.database.connection import Database
from loader.database.schema import create_missing, metadata
from loader.writing.batch import Inserted
from loader.writing.differences import Difference
from loader.writing.leads import LeadInserter
from tests.support.products import PRODUCT
from tests.support.proxy import Proxy
from tests.support.server import PrivateServer, Server, run

COLUMNS = list(metadata.tables["vicidial_list"].columns.keys())
BY_FILE, BY_INSERT = "by file", "by INSERT"
ON_SERVERS = pytest.mark.engines("myisam", "innodb")


def leads(*last_names: str, **columns: Any) -> pd.DataFrame:
    """Make leads whose phones are different, from row 2 on, as a file's are."""
    rows = pd.DataFrame(
        {
            "list_id": 101,
            "gmt_offset_now": -5.0,
            "phone_code": "1",
            "phone_number": [f"727555{number:04}" for number in range(len(last_names))],
            "last_name": list(last_names),
        }
        | columns,
        index=pd.RangeIndex(2, len(last_names) + 2),
    )
    texts = rows.columns.difference(["list_id", "gmt_offset_now"])
    return rows.astype(dict.fromkeys(texts, "str"))


def nothing(_seconds: float) -> None:
    """Wait for nobody."""


def inserter_into(database: Database, way: str = BY_FILE) -> LeadInserter:
    inserter = LeadInserter(database, COLUMNS)
    # As it is after the server has refused a file.
    inserter.writer.loads_files &= way == BY_FILE
    return inserter


def insert(url: str, rows: pd.DataFrame, *, way: str = BY_FILE) -> Inserted:
    database = Database(url, sleep=nothing)
    inserted = inserter_into(database, way).insert(rows, "tester")
    database.engine.dispose()
    return inserted


def names(url: str) -> dict[int, str]:
    """Give all leads: last_name by lead_id."""
    return dict(run(url, "SELECT lead_id, last_name FROM vicidial_list ORDER BY lead_id"))


def assert_right(url: str, rows: pd.DataFrame, inserted: Inserted) -> None:
    """Each row is stored once, under the lead_id that is said, or refused; and nothing else is."""
    expected = rows["last_name"].drop(list(inserted.refused))
    stored = {inserted.lead_ids[row]: name for row, name in expected.items()}
    assert names(url) == stored
    assert list(inserted.lead_ids.index) == list(expected.index)


@pytest.fixture(params=[BY_FILE, BY_INSERT])
def way(request: pytest.FixtureRequest, engine_name: str) -> str:
    """How batches go to the server; SQLite has one way only."""
    if engine_name == "sqlite" and request.param == BY_INSERT:
        pytest.skip("SQLite knows one way")
    return str(request.param)


# --- what is stored ---

ODD = (
    "O'Brien", '"quoted"', "a,b", '","', "back\\slash", "last\\", "100%s %(x)s", "%", "line\nline",
    "\r\n", "tab\ttab", "\\N", "NULL", "", " ", "  blanks  ", "emoji \U0001f600", "e\u0301ß",
    "\u200b", "'; DROP TABLE vicidial_list; --", "\\'", '"', "'", "''", '""', "\\\\", "0", "\x00",
    "\x1a",
)  # fmt: skip


@pytest.fixture(scope="session")
def three_ways(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[LeadInserter]]:
    """A utf8mb4 table by each way, for all examples of the properties."""
    addresses = {
        BY_FILE: server.new_database(),
        BY_INSERT: server.new_database(),
        "SQLite": f"sqlite:///{tmp_path_factory.mktemp('ways') / 'leads.sqlite'}",
    }
    for address in addresses.values():
        engine = create_engine(address, poolclass=NullPool)
        create_missing(engine, charset="utf8mb4", collation="utf8mb4_general_ci")
    databases = {way: Database(address, sleep=nothing) for way, address in addresses.items()}
    yield [inserter_into(database, way) for way, database in databases.items()]
    for database in databases.values():
        database.engine.dispose()


def assert_same_by_all(three_ways: list[LeadInserter], texts: list[str]) -> None:
    for inserter in three_ways:
        with inserter.database.connect() as connection:
            connection.exec_driver_sql("DELETE FROM vicidial_list")
            connection.commit()
        rows = leads(*["Lee"] * len(texts), comments=texts, vendor_lead_code="x")
        inserted = inserter.insert(rows, "tester")
        assert not inserted.changed
        assert not inserted.refused
        query = "SELECT comments FROM vicidial_list ORDER BY lead_id"
        with inserter.database.connect() as connection:
            assert connection.exec_driver_sql(query).scalars().all() == texts


def test_odd_values_are_stored_as_they_are(three_ways: list[LeadInserter]) -> None:
    assert_same_by_all(three_ways, list(ODD))


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.text(
            st.one_of(
                st.sampled_from("\\'\"%,\n\r\t ;#`NULL\u00e9\U0001f600"),
                st.characters(exclude_categories=["Cs"]),
            ),
            max_size=60,
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_text_is_stored_as_it_is(three_ways: list[LeadInserter], texts: list[str]) -> None:
    assert_same_by_all(three_ways, texts)


@ON_SERVERS
@pytest.mark.parametrize("mode", ["STRICT_ALL_TABLES,NO_ZERO_DATE,NO_BACKSLASH_ESCAPES", ""])
def test_numbers_and_dates_are_stored_whatever_the_servers_mode(
    leads_url: str, way: str, mode: str, server: Server
) -> None:
    before = server.execute("SELECT @@GLOBAL.sql_mode")[0][0]
    server.execute("SET GLOBAL sql_mode = %s", mode)
    rows = leads(
        "a\\", "b", "c",
        list_id=[2**63 - 1, 999, 101],
        gmt_offset_now=[-12.0, 5.75, -0.0],
        rank=["-5", "32767", "0"],
        entry_list_id=["18446744073709551615", "0", "7"],
        date_of_birth=["1980-02-00", "0000-00-00", "2000-02-29"],
        gender=["F", "U", "M"],
    )  # fmt: skip
    try:
        inserted = insert(leads_url, rows, way=way)
    finally:
        server.execute("SET GLOBAL sql_mode = %s", before)
    assert not inserted.changed
    columns = "list_id, gmt_offset_now, `rank`, entry_list_id, date_of_birth, gender, last_name"
    stored = run(leads_url, f"SELECT CONCAT_WS('|', {columns}) FROM vicidial_list ORDER BY lead_id")
    assert [row[0] for row in stored] == [
        "9223372036854775807|-12.00|-5|18446744073709551615|1980-02-00|F|a\\",
        "999|5.75|32767|0|0000-00-00|U|b",
        "101|0.00|0|7|2000-02-29|M|c",
    ]


def test_a_lead_that_says_little_is_completed_as_add_lead_does(database_url: str) -> None:
    inserted = insert(database_url, leads("Lee"))
    assert inserted.lead_ids.to_dict() == {2: 1}
    shown = (
        "status, user, called_since_last_reset, called_count, gender, date_of_birth, "
        "`rank`, owner, entry_list_id, comments, title"
    )
    row = [str(value) for value in run(database_url, f"SELECT {shown} FROM vicidial_list")[0]]
    assert row == ["NEW", "tester", "N", "0", "U", "0000-00-00", "0", "", "0", "", ""]
    moments = run(
        database_url, "SELECT entry_date, modify_date, last_local_call_time FROM vicidial_list"
    )[0]
    assert len(set(map(str, moments))) == 1


def test_what_the_extras_decide_of_a_lead_is_stored(database_url: str) -> None:
    insert(database_url, leads("a", "b", status=["CBHOLD", "NEW"], entry_list_id=["101", "0"]))
    query = "SELECT status, entry_list_id FROM vicidial_list ORDER BY lead_id"
    assert run(database_url, query) == [("CBHOLD", 101), ("NEW", 0)]


@ON_SERVERS
def test_without_local_infile_rows_go_in_by_insert(leads_url: str, server: Server) -> None:
    rows = leads(*ODD[:5])
    server.execute("SET GLOBAL local_infile = 0")
    try:
        with recorded(leads_url) as (database, statements):
            inserter = inserter_into(database)
            inserted = inserter.insert(rows, "tester")
            assert_right(leads_url, rows, inserted)
            inserter.insert(rows, "tester")
    finally:
        server.execute("SET GLOBAL local_infile = 1")
    # Once is enough to learn it.
    assert [sum(word in s for s in statements) for word in ("LOAD DATA", "INSERT")] == [1, 2]


@ON_SERVERS
def test_a_batch_larger_than_a_packet_goes_in(leads_url: str, server: Server) -> None:
    rows = leads(*["Lee"] * 1500, comments="é" * 255, address1="x" * 100)
    before = server.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    server.execute("SET GLOBAL max_allowed_packet = 1048576")
    try:
        inserted = insert(leads_url, rows, way=BY_INSERT)
    finally:
        server.execute(f"SET GLOBAL max_allowed_packet = {before}")
    assert inserted.lead_ids.tolist() == list(range(1, 1501))


# --- whose id is whose ---


@contextmanager
def recorded(
    url: str, before: dict[str, Callable[[], object]] | None = None
) -> Iterator[tuple[Database, list[str]]]:
    """Give a database and the statements sent to it; `before` one that holds a text, do this."""
    database, statements = Database(url, sleep=nothing), list[str]()
    once = dict(before or {})

    def note(*event_arguments: Any) -> None:
        statement = str(event_arguments[2])
        statements.append(statement)
        for text in [text for text in once if text in statement]:
            once.pop(text)()

    event.listen(database.engine, "before_cursor_execute", note)
    yield database, statements
    database.engine.dispose()
    assert not once, "the statement was never sent"


WRITES = {BY_FILE: "LOAD DATA", BY_INSERT: "INSERT INTO"}
OTHERS = (
    "INSERT INTO vicidial_list (phone_number, last_name, list_id, modify_date) "
    "VALUES ('7275550000', 'other', 101, NOW()), ('1', 'other', 5, NOW())"
)


@ON_SERVERS
@pytest.mark.parametrize("step", [1, 3])
def test_ids_are_right_while_others_insert(
    leads_url: str, way: str, step: int, server: Server
) -> None:
    server.execute(f"SET GLOBAL auto_increment_increment = {step}")
    try:
        others = {
            text: lambda: run(leads_url, OTHERS) for text in ("MAX(lead_id)", WRITES[way], "CONCAT")
        }
        with recorded(leads_url, others) as (database, _):
            inserter = inserter_into(database, way)
            rows = leads(*"abcabc")
            first = inserter.insert(rows, "tester")
            run(leads_url, OTHERS)
            second = inserter.insert(rows, "tester")
    finally:
        server.execute("SET GLOBAL auto_increment_increment = 1")
    stored = names(leads_url)
    for inserted in (first, second):
        assert [stored[number] for number in inserted.lead_ids] == list("abcabc")
        assert set(inserted.lead_ids.diff().dropna()) == {step}
        assert not inserted.changed
    assert len(stored) == 12 + 8
    assert not set(first.lead_ids) & set(second.lead_ids)


def test_equal_rows_get_an_id_each(database_url: str, way: str) -> None:
    rows = leads(*["Lee"] * 5, phone_number="7275551111")
    inserted = insert(database_url, rows, way=way)
    assert inserted.lead_ids.to_dict() == {2: 1, 3: 2, 4: 3, 5: 4, 6: 5}


@ON_SERVERS
def test_two_imports_at_a_time_know_their_own_ids(leads_url: str, way: str) -> None:
    both = threading.Barrier(2, timeout=30)
    found: dict[str, list[Inserted]] = {"left": [], "right": []}

    def load(name: str) -> None:
        database = Database(leads_url, sleep=nothing)
        inserter = inserter_into(database, way)
        for _ in range(8):
            both.wait()
            # The same phones in the same second.
            found[name].append(inserter.insert(leads(*[name] * 200), "tester"))
        database.engine.dispose()

    threads = [threading.Thread(target=load, args=[name]) for name in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = names(leads_url)
    assert len(stored) == 2 * 8 * 200
    for name, parts in found.items():
        ids = pd.concat([part.lead_ids for part in parts])
        assert ids.is_unique
        assert {stored[number] for number in ids} == {name}
        assert not any(part.changed for part in parts)


# --- what the server refuses ---

REFUSALS = {
    "trigger": (
        "CREATE TRIGGER no_bad BEFORE INSERT ON vicidial_list FOR EACH ROW IF NEW.last_name LIKE "
        "'bad%' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Smith'; END IF",
        1644,
    ),
    "trigger with a number of its own": (
        "CREATE TRIGGER no_bad BEFORE INSERT ON vicidial_list FOR EACH ROW IF NEW.last_name LIKE "
        "'bad%' THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 30001; END IF",
        30001,
    ),
    "check": (
        "ALTER TABLE vicidial_list ADD CONSTRAINT no_bad CHECK (last_name NOT LIKE 'bad%')",
        PRODUCT.check_error,
    ),
    "key": ("ALTER TABLE vicidial_list ADD UNIQUE KEY no_bad (last_name)", 1062),
}
if PRODUCT.is_old:
    del REFUSALS["check"]
SQLITE_REFUSALS = {
    "trigger": (
        "CREATE TRIGGER no_bad BEFORE INSERT ON vicidial_list WHEN NEW.last_name LIKE 'bad%' "
        "BEGIN SELECT RAISE(ABORT, 'Smith'); END",
        19,
    ),
    "key": ("CREATE UNIQUE INDEX no_bad ON vicidial_list (last_name)", 19),
}


def refuse_bad(url: str, how: str) -> int:
    """Make the table refuse last names that begin with bad; give the error's number."""
    known = SQLITE_REFUSALS if url.startswith("sqlite") else REFUSALS
    if how not in known:
        pytest.skip("not on SQLite")
    statement, code = known[how]
    run(url, statement)
    if how == "key":
        run(
            url,
            "INSERT INTO vicidial_list (phone_number, last_name) VALUES "
            + ", ".join(f"('1', 'bad{number}')" for number in range(20)),
            "DELETE FROM vicidial_list WHERE last_name NOT LIKE 'bad%'",
        )
    return code


@pytest.mark.parametrize(
    ("how", "count", "bad"),
    [
        *(("trigger", 3, bad) for bad in ([0], [1], [2], [0, 1], [0, 2], [0, 1, 2])),
        *((how, 16, [0, 7, 8, 15]) for how in REFUSALS),
        *((how, 3, [0, 1, 2]) for how in ("check", "key") if how in REFUSALS),
        *((how, 200, [199]) for how in ("check", "key") if how in REFUSALS),
        ("trigger", 1, [0]),
    ],
    ids=str,
)
def test_a_refused_row_is_found_and_the_rest_goes_in_once(
    leads_url: str, how: str, count: int, bad: list[int]
) -> None:
    code = refuse_bad(leads_url, how)
    there = names(leads_url)
    rows = leads(*(f"{'bad' if n in bad else 'good'}{n % 20}x{n}" for n in range(count)))
    if how == "key":
        rows["last_name"] = [f"bad{n % 20}" if n in bad else f"good{n}" for n in range(count)]
    inserted = insert(leads_url, rows)
    assert inserted.refused == {n + 2: code for n in bad}
    assert not inserted.changed
    new = {number: name for number, name in names(leads_url).items() if number not in there}
    expected = rows["last_name"].drop(list(inserted.refused))
    assert {inserted.lead_ids[row]: name for row, name in expected.items()} == new


@pytest.mark.parametrize("how", [how for how in ("trigger", "check") if how in REFUSALS])
def test_one_refused_row_in_a_thousand_costs_few_statements(leads_url: str, how: str) -> None:
    refuse_bad(leads_url, how)
    rows = leads(*(f"good{n}" for n in range(1000)))
    rows.loc[700, "last_name"] = "bad1"
    with recorded(leads_url) as (database, statements):
        inserted = inserter_into(database).insert(rows, "tester")
    assert list(inserted.refused) == [700]
    assert len(inserted.lead_ids) == 999
    # At each halving: a write and its reading back, a failed write and a look at what is there;
    # SQLite is asked for the id besides.
    most = 5 if database.engine.dialect.name == "sqlite" else 4
    assert len(statements) <= most * math.ceil(math.log2(1000)) + 8


@ON_SERVERS
def test_equal_rows_under_a_key_of_the_site(leads_url: str, way: str) -> None:
    run(leads_url, "ALTER TABLE vicidial_list ADD UNIQUE KEY once (phone_number)")
    rows = leads(*"aabaa", phone_number=["1", "1", "2", "1", "2"])
    inserted = insert(leads_url, rows, way=way)
    assert inserted.refused == {3: 1062, 5: 1062, 6: 1062}
    assert_right(leads_url, rows, inserted)


# --- what the server changes ---

CHANGES = {
    "name": "SET NEW.last_name = UPPER(NEW.last_name)",
    "null": "SET NEW.last_name = UPPER(NEW.last_name), NEW.owner = NULL, NEW.user = NULL",
    "all": (
        "SET NEW.last_name = UPPER(NEW.last_name), NEW.entry_date = '2020-02-02', NEW.list_id = 7, "
        "NEW.phone_number = '0', NEW.status = 'X'"
    ),
}


@ON_SERVERS
@pytest.mark.parametrize("change", CHANGES)
def test_what_a_trigger_changes_is_stored_once_and_said(
    leads_url: str, way: str, change: str
) -> None:
    run(
        leads_url,
        f"CREATE TRIGGER change_it BEFORE INSERT ON vicidial_list FOR EACH ROW {CHANGES[change]}",
    )
    others = {"CONCAT": lambda: run(leads_url, OTHERS)}
    with recorded(leads_url, others) as (database, _):
        inserted = inserter_into(database, way).insert(leads(*"abca"), "tester")
    assert inserted.lead_ids.to_dict() == {2: 1, 3: 2, 4: 3, 5: 4}
    assert inserted.changed == (2, 3, 4, 5)
    assert list(names(leads_url).values()) == [*"ABCA", "OTHER", "OTHER"]


@ON_SERVERS
def test_rows_that_a_trigger_changes_are_found_again_beside_a_refused_one(
    leads_url: str, way: str
) -> None:
    run(
        leads_url,
        "CREATE TRIGGER change_it BEFORE INSERT ON vicidial_list FOR EACH ROW BEGIN "
        "IF NEW.last_name = 'bad' THEN SIGNAL SQLSTATE '45000'; END IF; "
        "SET NEW.last_name = UPPER(NEW.last_name); END",
    )
    inserted = insert(leads_url, leads("a", "b", "bad", "c", "bad", "d"), way=way)
    assert sorted(inserted.refused) == [4, 6]
    assert inserted.changed == (2, 3, 5, 7)
    assert list(names(leads_url).values()) == list("ABCD")


@ON_SERVERS
def test_a_value_that_a_column_of_the_site_cannot_take_is_stored_as_the_dialer_would(
    leads_url: str, way: str
) -> None:
    run(
        leads_url,
        "ALTER TABLE vicidial_list MODIFY city ENUM('Rome', 'Oslo') NOT NULL, "
        "MODIFY vendor_lead_code INT, ADD site_own VARCHAR(5) NOT NULL, "
        "ADD site_number INT NOT NULL DEFAULT 7",
    )
    rows = leads(*"abc", city=["Rome", "Paris", "Oslo"], vendor_lead_code=["1", "2", "x9"])
    inserted = insert(leads_url, rows, way=way)
    assert_right(leads_url, rows, inserted)
    assert inserted.changed == (3, 4)
    assert inserted.differences == (
        Difference(3, "city", "Paris", ""), Difference(4, "vendor_lead_code", "x9", "0")
    )  # fmt: skip
    shown = "city, vendor_lead_code, site_own, site_number"
    assert run(leads_url, f"SELECT {shown} FROM vicidial_list ORDER BY lead_id") == [
        ("Rome", 1, "", 7), ("", 2, "", 7), ("Oslo", 0, "", 7)
    ]  # fmt: skip


@ON_SERVERS
def test_columns_of_different_character_sets_are_read_back(leads_url: str, way: str) -> None:
    run(
        leads_url,
        "ALTER TABLE vicidial_list MODIFY last_name VARCHAR(30) CHARACTER SET latin1, "
        "MODIFY first_name VARCHAR(30) CHARACTER SET latin2, "
        "MODIFY city VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, "
        "MODIFY comments TEXT CHARACTER SET utf8mb3 COLLATE utf8mb3_bin",
    )
    rows = leads("Müller€", "b", first_name="Łucja", city="\U0001f600 Łódź", comments="Ω")
    inserted = insert(leads_url, rows, way=way)
    assert not inserted.changed
    assert_right(leads_url, rows, inserted)


@ON_SERVERS
def test_an_older_table_gets_what_it_has_columns_for(leads_url: str, way: str) -> None:
    gone = ["owner", "rank", "entry_list_id"]
    run(leads_url, f"ALTER TABLE vicidial_list {', '.join(f'DROP `{name}`' for name in gone)}")
    rows = leads(*"ab", owner="x", rank="3")
    database = Database(leads_url, sleep=nothing)
    inserter = inserter_into(database, way)
    inserter.columns -= set(gone)
    inserted = inserter.insert(rows, "tester")
    database.engine.dispose()
    assert_right(leads_url, rows, inserted)
    assert not inserted.changed


# --- lost connections ---

CUTS = {
    BY_FILE: (b"MAX(lead_id)", b"LOAD DATA", b"LAST_INSERT_ID", b"CONCAT_WS", b"COMMIT"),
    BY_INSERT: (b"MAX(lead_id)", b"INSERT INTO", b"CONCAT_WS", b"COMMIT"),
}


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        yield proxy


@pytest.mark.sample(6)
@ON_SERVERS
@pytest.mark.parametrize("twice", [False, True], ids=["once", "and at the next look"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("way", "statement"), [(way, cut) for way, cuts in CUTS.items() for cut in cuts], ids=str
)
def test_nothing_is_lost_or_stored_twice_when_the_connection_is(
    database_url: str, proxy: Proxy, way: str, statement: bytes, moment: str, *, twice: bool
) -> None:
    rows = leads(*"abcabc", phone_number=["1", "2", "3", "1", "2", "4"])
    database = Database(proxy.via(database_url), sleep=nothing)
    inserter = inserter_into(database, way)
    before = inserter.insert(rows, "tester")
    getattr(proxy, f"cut_{moment}")(statement)
    if twice:
        proxy.cut_after(b"CONCAT_WS", nth=2 if statement == b"CONCAT_WS" else 1)
    inserted = inserter.insert(rows, "tester")
    database.engine.dispose()
    assert not inserted.changed
    stored = names(database_url)
    assert [stored[number] for number in inserted.lead_ids] == list("abcabc")
    assert len(stored) == 12
    assert not set(before.lead_ids) & set(inserted.lead_ids)
    assert proxy.connections == 2 + twice


@ON_SERVERS
@pytest.mark.parametrize("statement", [b"LOAD DATA", b"CONCAT_WS", b"COMMIT"], ids=str)
def test_rows_that_a_trigger_changes_are_found_again_after_a_lost_connection(
    leads_url: str, proxy: Proxy, statement: bytes
) -> None:
    run(
        leads_url,
        "CREATE TRIGGER change_it BEFORE INSERT ON vicidial_list FOR EACH ROW "
        "SET NEW.last_name = UPPER(NEW.last_name), NEW.list_id = 7",
    )
    database = Database(proxy.via(leads_url), sleep=nothing)
    proxy.cut_after(statement)
    inserted = inserter_into(database).insert(leads(*"abc"), "tester")
    database.engine.dispose()
    assert inserted.changed == (2, 3, 4)
    assert names(leads_url) == dict(zip(inserted.lead_ids, "ABC", strict=True))


@ON_SERVERS
@pytest.mark.parametrize("nth", [1, 2, 3, 5])
def test_a_connection_lost_while_a_refused_row_is_sought(
    leads_url: str, proxy: Proxy, nth: int
) -> None:
    refuse_bad(leads_url, "trigger")
    rows = leads("a", "b", "bad", "c", "d", "bad", "e")
    database = Database(proxy.via(leads_url), sleep=nothing)
    proxy.cut_after(b"INSERT INTO", nth)
    inserted = inserter_into(database).insert(rows, "tester")
    database.engine.dispose()
    assert inserted.refused == {4: 1644, 7: 1644}
    assert_right(leads_url, rows, inserted)


@ON_SERVERS
@pytest.mark.parametrize("moment", ["LOAD DATA", "CONCAT_WS", "commit"])
def test_a_server_that_dies_and_comes_back(
    leads_url: str, private_server: PrivateServer, moment: str
) -> None:
    rows = leads(*"abcab", phone_number=["1", "2", "3", "1", "4"])
    database = Database(leads_url, sleep=lambda _seconds: restart(private_server))

    deaths = []

    def die(*arguments: Any) -> None:
        if not deaths and (len(arguments) == 1 or moment in arguments[2]):
            private_server.kill()
            deaths.append(moment)

    event.listen(database.engine, "commit" if moment == "commit" else "after_cursor_execute", die)
    inserted = inserter_into(database).insert(rows, "tester")
    database.engine.dispose()
    assert deaths
    assert_right(leads_url, rows, inserted)


def restart(server: PrivateServer) -> None:
    if server._process is None:
        server.start()


@contextmanager
def others_hold(url: str, statement: str) -> Iterator[Any]:
    """Hold a lock over a connection of another program."""
    with closing(create_engine(url, poolclass=NullPool).raw_connection()) as connection:
        connection.cursor().execute(statement)
        yield connection.cursor()


def wait_until(server: Server, state: str, count: int = 1) -> None:
    """Wait until so many sessions are in a state that the server names."""
    deadline = time.monotonic() + 20
    query = "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE %s"
    while server.execute(query, f"%{state}%")[0][0] != count:
        assert time.monotonic() < deadline, f"never {state}"


GATE = (
    "CREATE TRIGGER gate BEFORE INSERT ON vicidial_list FOR EACH ROW "
    "IF NEW.last_name = 'b' AND @is_first THEN "
    "SET @waited = GET_LOCK('gate', 20) + RELEASE_LOCK('gate'); END IF"
)


@contextmanager
def cut_when(server: Server, proxy: Proxy, state: str) -> Iterator[threading.Thread]:
    """Lose the connections when the server is at something; then it goes on by itself."""

    def cut() -> None:
        wait_until(server, state)
        proxy.cut()

    thread = threading.Thread(target=cut)
    yield thread
    thread.join()
    wait_until(server, state, 0)


@pytest.mark.engines("myisam")
def test_a_statement_that_outlives_its_connection_stores_nothing_behind_our_back(
    leads_url: str, proxy: Proxy, server: Server
) -> None:
    run(leads_url, GATE)
    rows = leads(*"abc")
    database = Database(proxy.via(leads_url), sleep=nothing)
    first = iter("1")

    def mark_first(connection: Any, _record: object) -> None:
        connection.cursor().execute(f"SET @is_first = {next(first, '0')}")

    event.listen(database.engine, "connect", mark_first)
    with (
        cut_when(server, proxy, "User lock") as cutting,
        others_hold(leads_url, "SELECT GET_LOCK('gate', 0)"),
    ):
        cutting.start()
        inserted = inserter_into(database, BY_INSERT).insert(rows, "tester")
    database.engine.dispose()
    assert_right(leads_url, rows, inserted)


COMMIT_WAITS = "backup lock" if PRODUCT.is_mariadb else "commit lock"


@pytest.mark.engines("innodb")
def test_a_commit_that_outlives_its_connection_stores_nothing_behind_our_back(
    leads_url: str, proxy: Proxy, server: Server
) -> None:
    rows = leads(*"abc")
    database = Database(proxy.via(leads_url), sleep=nothing)
    with (
        cut_when(server, proxy, COMMIT_WAITS) as cutting,
        others_hold(leads_url, "SELECT 1") as other,
    ):

        def lock(_connection: object) -> None:
            if not cutting.ident:
                other.execute("FLUSH TABLES WITH READ LOCK")
                cutting.start()

        def unlock_before_the_second(*event_arguments: Any) -> None:
            if cutting.ident and "LOAD DATA" in event_arguments[2]:
                other.execute("UNLOCK TABLES")

        event.listen(database.engine, "commit", lock)
        event.listen(database.engine, "before_cursor_execute", unlock_before_the_second)
        inserted = inserter_into(database).insert(rows, "tester")
    database.engine.dispose()
    assert_right(leads_url, rows, inserted)

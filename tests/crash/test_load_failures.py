"""A whole load while the server refuses rows, dies, or may not be written to."""

import csv
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, event

from jobs.cli.main import run as run_command
from loader.database.connection import Database
from loader.errors import ConfigurationError, DatabaseUnavailableError, LoaderError
from loader.options.load import LoadOptions
from loader.results.summary import Summary
from tests.support.loads import Loads as Files
from tests.support.loads import Outcome, assert_extras_match, leads, load_file, outcome_of
from tests.support.proxy import Proxy
from tests.support.server import PrivateServer, Server, fill, plain_engine

ON_SERVERS = pytest.mark.engines("myisam", "innodb")


def nothing(_seconds: float) -> None:
    """Wait for nobody."""


def run(url: str, statement: str) -> list[tuple[Any, ...]]:
    with plain_engine(url, poolclass=NullPool).begin() as connection:
        result = connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
        return [tuple(row) for row in result] if result.returns_rows else []


class Loads:
    """Loads files of phones and last names, each into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.results = folder

    def file(self, rows: Iterable[tuple[str, str]]) -> Path:
        path = self.folder / f"leads-{self.count}.csv"
        lines = ["phone,last name", *(f"{phone},{name}" for phone, name in rows)]
        path.write_text("\n".join(lines) + "\n")
        return path

    def load(self, path: Path, database: Database, job: Any = "import", **options: Any) -> Summary:
        self.count += 1
        self.results = self.folder / f"out-{self.count}"
        return load_file(path, LoadOptions(**options), database, self.results, job)

    def csv(self, name: str) -> dict[int, dict[str, str]]:
        with (self.results / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        numbers = [int(row["row_number"]) for row in rows]
        assert len(set(numbers)) == len(numbers)
        return dict(zip(numbers, rows, strict=True))

    def reasons(self) -> dict[int, str]:
        return {number: row["reason"] for number, row in self.csv("rejected.csv").items()}

    def summary(self) -> Summary:
        return Summary.model_validate(json.loads((self.results / "summary.json").read_text()))

    def assert_complete(self, url: str, rows_read: int) -> None:
        """Every row is in one file, and what the file says is in the table."""
        loaded, rejected, summary = self.csv("loaded.csv"), self.reasons(), self.summary()
        assert set(loaded) | set(rejected) == set(range(2, rows_read + 2))
        assert not set(loaded) & set(rejected)
        assert (summary.rows_read, summary.loaded, summary.rejected) == (
            rows_read, len(loaded), len(rejected)
        )  # fmt: skip
        assert summary.reasons == Counter(rejected.values())
        ids = {row[0] for row in run(url, "SELECT lead_id FROM vicidial_list")}
        assert {int(row["lead_id"]) for row in loaded.values()} <= ids


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def names(url: str) -> list[str]:
    return [row[0] for row in run(url, "SELECT last_name FROM vicidial_list ORDER BY lead_id")]


@pytest.fixture
def refusing_bad(database_url: str, engine_name: str) -> Any:
    """The server refuses last names that begin with bad."""
    if engine_name == "sqlite":
        body = "WHEN NEW.last_name LIKE 'bad%' BEGIN SELECT RAISE(ABORT, 'no'); END"
    else:
        body = "FOR EACH ROW IF NEW.last_name LIKE 'bad%' THEN SIGNAL SQLSTATE '45000'; END IF"
    run(database_url, f"CREATE TRIGGER no_bad BEFORE INSERT ON vicidial_list {body}")
    yield
    run(database_url, "DROP TRIGGER no_bad")


# --- refused rows and their duplicates ---

A, B, C = "7275551111", "7275552222", "7275553333"


@pytest.mark.usefixtures("refusing_bad")
def test_rows_of_the_file_count_whatever_duplicate_statuses_say(
    database: Database, loads: Loads
) -> None:
    rows = [(A, "a"), (B, "bad1"), (B, "b"), (A, "c")]
    loads.load(loads.file(rows), database, duplicate_check="DUPSYS", duplicate_statuses="NA")
    assert loads.reasons() == {3: "REFUSED_BY_SERVER", 5: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM"}
    again = [(A, "bad1"), (A, "d"), (A, "e")]
    loads.load(loads.file(again), database, duplicate_check="DUPSYS", duplicate_statuses="NA")
    assert loads.reasons() == {2: "REFUSED_BY_SERVER", 4: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM"}


@pytest.mark.sample(1)
@pytest.mark.parametrize("size", [{"chunk_size": 2, "batch_size": 1}, {}], ids=str)
@pytest.mark.parametrize(
    ("rows", "stored", "refused", "duplicates"),
    [
        ([(A, "bad1"), (A, "bad2"), (A, "c"), (A, "d")], ["c"], {2, 3}, {5: 4}),
        (
            [(A, "bad1"), (B, "x"), (A, "a"), (C, "bad2"), (B, "y"), (C, "bad3"), (C, "c")],
            ["x", "a", "c"],
            {2, 5, 7},
            {6: 3},
        ),
    ],
    ids=["chain", "several"],
)
@pytest.mark.usefixtures("refusing_bad")
def test_duplicates_of_a_refused_row_are_freed(
    database: Database,
    loads: Loads,
    rows: list[tuple[str, str]],
    stored: list[str],
    refused: set[int],
    duplicates: dict[int, int],
    size: dict[str, int],
) -> None:
    database_url = database.engine.url.render_as_string(hide_password=False)
    loads.load(loads.file(rows), database, duplicate_check="DUPSYS", **size)
    loads.assert_complete(database_url, len(rows))
    assert sorted(names(database_url)) == sorted(stored)
    reasons = loads.reasons()
    assert {n for n, reason in reasons.items() if reason == "REFUSED_BY_SERVER"} == refused
    assert set(reasons) - refused == set(duplicates)
    loaded, rejected = loads.csv("loaded.csv"), loads.csv("rejected.csv")
    for row, first in duplicates.items():
        assert f"lead_id={loaded[first]['lead_id']}" in rejected[row]["details"]


# --- the database goes away ---


def some(count: int) -> list[tuple[str, str]]:
    return [(f"727555{number:04}", f"name{number}") for number in range(count)]


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("statement", [b"LOAD DATA", b"CONCAT_WS"], ids=str)
def test_what_was_not_inserted_is_loaded_by_the_same_command(
    database_url: str, server: Server, loads: Loads, statement: bytes, moment: str
) -> None:
    path, options = loads.file(some(10)), {"batch_size": 3, "duplicate_check": "DUPSYS"}
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url), sleep=lambda _seconds: proxy.close())
        # The third batch fails, and the database is gone for good.
        getattr(proxy, f"cut_{moment}")(statement, nth=3)
        with pytest.raises(DatabaseUnavailableError) as caught:
            loads.load(path, database, **options)
        database.engine.dispose()
    loads.assert_complete(database_url, 10)
    assert len(loads.csv("loaded.csv")) == 6
    assert set(loads.reasons().values()) == {"NOT_INSERTED"}
    told = f"6 of 10 rows were loaded so far, rejected.csv in {loads.results} has the others"
    assert told in str(caught.value)
    again, loads.count = Database(database_url), 0
    loads.load(path, again, **options)
    again.engine.dispose()
    loads.assert_complete(database_url, 10)
    assert len(loads.csv("loaded.csv")) == 10
    assert sorted(names(database_url)) == sorted(name for _, name in some(10))


@ON_SERVERS
def test_what_is_known_of_the_last_batch_is_not_lost(
    database_url: str, server: Server, loads: Loads, refusing_bad: None
) -> None:
    good = some(8)
    rows = [*good[:4], (A, "bad"), *good[4:]]
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url), sleep=lambda _seconds: proxy.close())
        # The rows before are committed when the half with the bad one is on its way.
        proxy.cut_before(b"'bad'")
        with pytest.raises(DatabaseUnavailableError):
            loads.load(loads.file(rows), database)
        database.engine.dispose()
    loads.assert_complete(database_url, 9)
    assert len(loads.csv("loaded.csv")) == len(names(database_url)) == 4
    again = Database(database_url)
    loads.load(loads.results / "rejected.csv", again)
    again.engine.dispose()
    assert sorted(names(database_url)) == sorted(name for _, name in some(8))
    assert list(loads.reasons().values()) == ["REFUSED_BY_SERVER"]


@ON_SERVERS
def test_a_database_lost_while_duplicates_are_looked_at_again(
    database_url: str, server: Server, loads: Loads, refusing_bad: None
) -> None:
    rows = [(A, "bad"), (A, "a"), (B, "b"), (B, "c"), (A, "d")]
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url), sleep=lambda _seconds: proxy.close())
        proxy.cut_before(b"MAX(lead_id)", nth=2)
        with pytest.raises(DatabaseUnavailableError):
            loads.load(loads.file(rows), database, duplicate_check="DUPSYS")
        database.engine.dispose()
    loads.assert_complete(database_url, 5)
    assert loads.reasons() == {
        2: "REFUSED_BY_SERVER",
        3: "NOT_INSERTED",
        5: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM",
        6: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM",
    }


@ON_SERVERS
def test_rights_that_are_lost_on_the_way_end_the_load_in_order(
    database_url: str, loads: Loads
) -> None:
    database = Database(database_url, sleep=nothing)
    count = iter(range(100))

    def rename(*arguments: Any) -> None:
        if "MAX(lead_id)" in arguments[2] and next(count) == 2:
            run(database_url, "RENAME TABLE vicidial_list TO away")

    event.listen(database.engine, "before_cursor_execute", rename)
    with pytest.raises(ConfigurationError, match=r"error 1146.*6 of 10 rows were loaded"):
        loads.load(loads.file(some(10)), database, batch_size=3)
    database.engine.dispose()
    run(database_url, "RENAME TABLE away TO vicidial_list")
    loads.assert_complete(database_url, 10)
    assert Counter(loads.reasons().values()) == {"NOT_INSERTED": 4}


@pytest.mark.parametrize(
    ("moment", "statement"),
    [
        ("before", "`vicidial_list`"),
        ("after", "`vicidial_list`"),
        ("after", "FROM vicidial_list WHERE"),
    ],
)
def test_an_interrupt_leaves_complete_results(
    database_url: str, loads: Loads, statement: str, moment: str
) -> None:
    database = Database(database_url, sleep=nothing)
    count = iter(range(100))

    def interrupt(*arguments: Any) -> None:
        if statement in arguments[2] and next(count) == 1:
            raise KeyboardInterrupt

    event.listen(database.engine, f"{moment}_cursor_execute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        loads.load(loads.file(some(10)), database, batch_size=3)
    database.engine.dispose()
    loads.assert_complete(database_url, 10)
    # Without transactions the batch stays, and is told as loaded.
    assert len(loads.csv("loaded.csv")) == len(names(database_url))


@ON_SERVERS
def test_a_server_that_dies_and_comes_back_loses_nothing(
    database_url: str, private_server: PrivateServer, loads: Loads
) -> None:
    def start(_seconds: float) -> None:
        if private_server._process is None:
            private_server.start()

    database = Database(database_url, sleep=start)
    count = iter(range(100))

    def kill(*arguments: Any) -> None:
        if "LOAD DATA" in arguments[2] and next(count) == 2:
            private_server.kill()

    event.listen(database.engine, "after_cursor_execute", kill)
    loads.load(loads.file(some(10)), database, batch_size=3)
    database.engine.dispose()
    loads.assert_complete(database_url, 10)
    assert names(database_url) == [name for _, name in some(10)]


def test_a_load_that_a_limit_refused_inserts_nothing_and_leaves_its_results(
    database: Database, database_url: str, loads: Loads
) -> None:
    with pytest.raises(LoaderError, match="max_reject_rate"):
        loads.load(loads.file([("1", "x"), (A, "y")]), database, max_reject_rate=0.1)
    assert names(database_url) == []
    assert "INVALID_PHONE_NUMBER_LENGTH" in (loads.results / "rejected.csv").read_text("utf-8")


# --- what the server changes, what columns cannot hold ---


@ON_SERVERS
def test_a_lead_that_the_server_changed_is_told(
    database: Database, database_url: str, loads: Loads
) -> None:
    run(
        database_url,
        "CREATE TRIGGER shout BEFORE INSERT ON vicidial_list FOR EACH ROW "
        "SET NEW.last_name = UPPER(NEW.last_name)",
    )
    summary = loads.load(loads.file([(A, "a"), (B, "B")]), database)
    run(database_url, "DROP TRIGGER shout")
    loads.assert_complete(database_url, 2)
    assert summary.notices["CHANGED_BY_SERVER"] == 1


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.parametrize(
    ("charset", "name", "stored"),
    [
        ("latin1", "Müller€Łx", "Müller€?x"),
        ("utf8mb3", "Łuk\U0001f600x", "Łuk?x"),
        ("utf8mb4", "Łuk\U0001f600x", "Łuk\U0001f600x"),
    ],
)
def test_what_a_column_cannot_hold_is_replaced_or_rejected(
    database_url: str, loads: Loads, charset: str, name: str, stored: str
) -> None:
    run(
        database_url,
        f"ALTER TABLE vicidial_list MODIFY last_name VARCHAR(30) CHARACTER SET {charset}",
    )
    database = Database(database_url)
    try:
        path = loads.file([(A, name)])
        summary = loads.load(path, database)
        assert names(database_url) == [stored]
        assert summary.notices == ({} if name == stored else {"UNSTORABLE_REPLACED": 1})
        summary = loads.load(path, database, unstorable="reject")
        assert summary.reasons == ({} if name == stored else {"UNSTORABLE_CHARACTERS": 1})
    finally:
        database.engine.dispose()
        run(database_url, "DELETE FROM vicidial_list")
        run(
            database_url,
            "ALTER TABLE vicidial_list MODIFY last_name VARCHAR(30) CHARACTER SET utf8mb3 "
            "COLLATE utf8mb3_general_ci",
        )


# --- several at a time, and none ---


@ON_SERVERS
def test_two_loads_at_a_time(database_url: str, tmp_path: Path) -> None:
    both = {}
    for word in ("left", "right"):
        (tmp_path / word).mkdir()
        both[word] = Loads(tmp_path / word)

    def go(word: str, loads: Loads) -> None:
        rows = [(phone, f"{word}{number}") for number, (phone, _) in enumerate(some(300))]
        database = Database(database_url)
        loads.load(loads.file(rows), database, batch_size=20)
        database.engine.dispose()

    threads = [threading.Thread(target=go, args=pair) for pair in both.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = dict(run(database_url, "SELECT lead_id, last_name FROM vicidial_list"))
    assert len(stored) == 600
    for word, loads in both.items():
        loads.assert_complete(database_url, 300)
        for number, row in loads.csv("loaded.csv").items():
            assert stored[int(row["lead_id"])] == f"{word}{number - 2}"


@ON_SERVERS
def test_a_load_takes_few_connections(database_url: str, server: Server, loads: Loads) -> None:
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url))
        loads.load(
            loads.file(some(100)), database, batch_size=5, chunk_size=20, duplicate_check="DUPSYS"
        )
        database.engine.dispose()
        # One holds the lock of the file.
        assert proxy.connections == 2


@pytest.mark.engines("innodb")
def test_a_batch_is_one_transaction(database: Database, database_url: str, loads: Loads) -> None:
    events = list[str]()
    event.listen(database.engine, "commit", lambda _connection: events.append("commit"))

    def noted(*arguments: Any) -> None:
        events.extend(word for word in ("LOAD DATA", "leadloader_batches") if word in arguments[2])

    event.listen(database.engine, "before_cursor_execute", noted)
    loads.load(loads.file(some(10)), database, batch_size=4)
    places = [place for place, name in enumerate(events) if name == "LOAD DATA"]
    assert len(places) == 3
    for place in places:
        # The entry is there before the batch, and what became of it is committed with it.
        before, after = events[place - 2 : place], events[place : place + 3]
        assert before == ["leadloader_batches", "commit"]
        assert after == ["LOAD DATA", "leadloader_batches", "commit"]


CHECKS = {
    "duplicate_check": "DUPSYS90DAY-DUPLIST-DUPCAMP-DUPPHONEALTSYS-DUPNAMEPHONECAMP",
    "dnc_check": "AREACODE",
    "campaign_dnc_check": "AREACODE",
    "campaign_id": "TEST",
    "usacan_prefix_check": "Y",
    "usacan_areacode_check": "Y",
    "nanpa_ac_prefix_check": "Y",
    "list_exists_check": "Y",
    "list_id": "101",
    "user": "loader",
}  # fmt: skip
TABLES: dict[str, list[dict[str, Any]]] = {
    "vicidial_lists": [{"list_id": 101, "campaign_id": "TEST"}],
    "vicidial_campaigns": [{"campaign_id": "TEST"}],
    "vicidial_users": [
        {
            "user": "loader", "user_level": 9, "modify_leads": "1",
            "vdc_agent_api_access": "1", "user_group": "ADMIN",
        }
    ],
    "vicidial_user_groups": [{"user_group": "ADMIN", "allowed_campaigns": " -ALL-CAMPAIGNS- - -"}],
    "vicidial_phone_codes": [
        {
            "country_code": 1, "country": "USA", "areacode": area, "state": "FL",
            "GMT_offset": "-5", "DST": "Y", "DST_range": "SSM-FSN",
        }
        for area in ("727", "212")
    ],
    "vicidial_nanpa_prefix_codes": [
        {"areacode": "727", "prefix": f"{prefix}"} for prefix in range(550, 565)
    ],
    "vicidial_dnc": [{"phone_number": "7275552222"}],
    "vicidial_campaign_dnc": [{"phone_number": "7275553333", "campaign_id": "TEST"}],
    "vicidial_list": [
        {
            "phone_number": "7275554444", "list_id": 101, "last_name": "there",
            "entry_date": "2099-01-01 00:00:00", "modify_date": "2020-01-01 00:00:00",
        }
    ],
}  # fmt: skip


def test_a_validation_writes_nothing_and_says_what_the_import_does(
    database_url: str, read_only_url: str, loads: Loads
) -> None:
    fill(database_url, TABLES)
    rows = [
        (A, "a"), (A, "again"), ("7275552222", "dnc"), ("7275553333", "campaign"),
        ("7275554444", "there"), ("7271", "short"), ("7275991111", "no prefix"),
        ("9995551111", "no area code"), ("2125551111", "no NANPA"), ("7275556666", "b"),
    ]  # fmt: skip
    before = checksums(database_url)
    verdicts = []
    for job, url in (("validate", read_only_url), ("import", database_url)):
        database = Database(url)
        summary = loads.load(loads.file(rows), database, job, **CHECKS)
        database.engine.dispose()
        verdicts.append((loads.reasons(), set(loads.csv("loaded.csv")), summary.reasons))
        if job == "validate":
            assert checksums(database_url) == before
            assert not any(row["lead_id"] for row in loads.csv("loaded.csv").values())
    assert verdicts[0] == verdicts[1]
    assert checksums(database_url) != before
    assert len(verdicts[0][2]) >= 5


def checksums(url: str) -> list[Any]:
    """Tell the contents of all tables that a load could write to."""
    tables = ["vicidial_list", "vicidial_dnc", "vicidial_lists", "vicidial_hopper"]
    return [run(url, f"SELECT * FROM {table}") for table in tables]


# --- what comes with leads, and changes of existing ones ---

EXTRA_TABLES: dict[str, list[dict[str, Any]]] = {
    "system_settings": [{"custom_fields_enabled": "1"}],
    "vicidial_campaigns": [{"campaign_id": "TEST"}],
    "vicidial_lists": [{"list_id": 101, "campaign_id": "TEST"}],
    "vicidial_lists_fields": [{"list_id": 101, "field_label": "colour", "field_type": "TEXT"}],
    "custom_tables": [{"table": "custom_101", "columns": {"colour": "VARCHAR(20)"}}],
}
EXTRA_OPTIONS: dict[str, Any] = {
    "list_id": "101",
    "campaign_id": "TEST",
    "custom_fields": "Y",
    "add_to_hopper": "Y",
    "callback": "Y",
    "callback_datetime": "2030-01-02",
    "batch_size": 4,
}
ALL_EXTRAS = ("vicidial_list_alt_phones", "custom_101", "vicidial_hopper", "vicidial_callbacks")


def rich(count: int) -> list[dict[str, str]]:
    """Give rows with everything that can come with a lead."""
    return [
        {
            "phone_number": phone, "last_name": name, "colour": name, "callback_comments": name,
            "vendor_lead_code": name, "multi_alt_phones": f"7275550000_1_{name}!7275550001_1_x",
        }
        for phone, name in some(count)
    ]  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.parametrize(
    ("moment", "table"), [("before", "vicidial_hopper"), *(("after", name) for name in ALL_EXTRAS)]
)
def test_a_lost_connection_doubles_no_extra_and_loses_none(
    database_url: str, server: Server, files: Files, table: str, moment: str
) -> None:
    fill(database_url, EXTRA_TABLES)
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url), sleep=nothing)
        getattr(proxy, f"cut_{moment}")(f"INTO TABLE `{table}`".encode(), nth=2)
        outcome = files.load(rich(10), database, **EXTRA_OPTIONS)
        assert proxy.connections == 3
        assert_extras_match(outcome, database)
        database.engine.dispose()
    assert outcome.summary.notices == {
        "ALT_PHONES_LOADED": 10,
        "CUSTOM_FIELDS_ADDED": 10,
        "ADDED_TO_HOPPER": 10,
        "CALLBACK_ADDED": 10,
    }


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.parametrize("table", ["custom_101", "vicidial_callbacks"])
def test_a_server_that_is_gone_for_good_before_extras(
    database_url: str,
    server: Server,
    files: Files,
    table: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(database_url, EXTRA_TABLES)
    path = files.file(rich(10))
    flags = [
        part for name, value in EXTRA_OPTIONS.items()
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]  # fmt: skip
    with Proxy(server) as proxy:

        def impatient(address: str, **_: object) -> Database:
            return Database(address, sleep=lambda _seconds: proxy.close())

        monkeypatch.setattr("loader.database.connection.Database", impatient)
        proxy.cut_before(f"INTO TABLE `{table}`".encode(), nth=2)
        address = ["--database", proxy.via(database_url), "--results", str(tmp_path / "out")]
        assert run_command(["import", str(path), *flags, *address]) == 69
    assert "8 of 10 rows were loaded" in capsys.readouterr().err
    outcome = outcome_of(tmp_path / "out")
    assert outcome.reasons == {10: "NOT_INSERTED", 11: "NOT_INSERTED"}
    missing = ALL_EXTRAS[ALL_EXTRAS.index(table) :]
    for number in range(6, 10):
        told = [said for said in outcome.notices(number) if "EXTRA_NOT_STORED" in said]
        assert told == [f"EXTRA_NOT_STORED table={name} error=unknown" for name in missing]
    assert not any("EXTRA_NOT_STORED" in outcome.names(number) for number in range(2, 6))
    database = Database(database_url)
    assert_extras_match(outcome, database)
    database.engine.dispose()


def refuse(url: str, engine_name: str, event: str, table: str, column: str) -> Callable[[], Any]:
    """Let the database refuse rows of a table that say bad; give what ends it."""
    if engine_name == "sqlite":
        body = f"WHEN NEW.{column} LIKE 'bad%' BEGIN SELECT RAISE(ABORT, 'no'); END"
    else:
        body = f"FOR EACH ROW IF NEW.{column} LIKE 'bad%' THEN SIGNAL SQLSTATE '45000'; END IF"
    run(url, f"CREATE TRIGGER refuses BEFORE {event} ON {table} {body}")
    return lambda: run(url, "DROP TRIGGER refuses")


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("table", "column", "notice"),
    [
        ("vicidial_list_alt_phones", "alt_phone_note", "ALT_PHONES_LOADED"),
        ("custom_101", "colour", "CUSTOM_FIELDS_ADDED"),
        ("vicidial_hopper", "vendor_lead_code", "ADDED_TO_HOPPER"),
        ("vicidial_callbacks", "comments", "CALLBACK_ADDED"),
    ],
)
def test_an_extra_that_the_server_refuses(
    database_url: str,
    engine_name: str,
    database: Database,
    files: Files,
    table: str,
    column: str,
    notice: str,
) -> None:
    fill(database_url, EXTRA_TABLES)
    rows = rich(6)
    for row in (rows[1], rows[4]):
        row.update({name: row[name].replace("name", "bad") for name in row})
    done = refuse(database_url, engine_name, "INSERT", table, column)
    outcome = files.load(rows, database, **EXTRA_OPTIONS | {"batch_size": 100})
    done()
    assert outcome.reasons == {}
    code = 19 if engine_name == "sqlite" else 1644
    for number in outcome.loaded:
        bad = number in {3, 6}
        said = f"EXTRA_NOT_STORED table={table} error={code}"
        assert (said in outcome.notices(number)) == bad
        assert (notice in outcome.names(number)) != bad
    if notice == "ALT_PHONES_LOADED":
        # The second number of a lead whose first one is refused is there, and not spoken of.
        run(database_url, "DELETE FROM vicidial_list_alt_phones WHERE lead_id IN (2, 5)")
    assert_extras_match(outcome, database)


@ON_SERVERS
def test_nothing_is_told_of_extras_that_were_never_sent(
    database_url: str, server: Server, files: Files, refusing_bad: None
) -> None:
    fill(database_url, EXTRA_TABLES)
    rows = rich(8)
    rows[4]["last_name"] = "bad"
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url), sleep=lambda _seconds: proxy.close())
        # The leads before are committed when the half with the bad one is on its way.
        proxy.cut_before(b"'bad'")
        with pytest.raises(DatabaseUnavailableError):
            files.load(rows, database, **EXTRA_OPTIONS | {"batch_size": 100})
        database.engine.dispose()
    outcome = outcome_of(files.results)
    assert len(outcome.loaded) == len(names(database_url)) == 4
    for number in outcome.loaded:
        assert outcome.notices(number) == [
            f"EXTRA_NOT_STORED table={table} error=unknown" for table in ALL_EXTRAS
        ]
    again = Database(database_url)
    assert_extras_match(outcome, again)
    again.engine.dispose()


@pytest.mark.engines("myisam")
def test_a_lead_that_the_server_changed_is_told_once(
    database_url: str, server: Server, files: Files
) -> None:
    fill(database_url, EXTRA_TABLES)
    upper = "FOR EACH ROW SET NEW.last_name = UPPER(NEW.last_name)"
    run(database_url, f"CREATE TRIGGER shout BEFORE INSERT ON vicidial_list {upper}")
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url), sleep=lambda _seconds: proxy.close())
        proxy.cut_before(b"TABLE `vicidial_hopper`")
        with pytest.raises(DatabaseUnavailableError):
            files.load(rich(2), database, **EXTRA_OPTIONS)
        database.engine.dispose()
    run(database_url, "DROP TRIGGER shout")
    outcome = outcome_of(files.results)
    assert [outcome.names(n).count("CHANGED_BY_SERVER") for n in (2, 3)] == [1, 1]


def existing(count: int) -> dict[str, list[dict[str, Any]]]:
    """Give leads that rows of `some` are duplicates of."""
    return {
        "vicidial_list": [
            {
                "phone_number": phone, "list_id": 101, "last_name": None, "city": "",
                "modify_date": "2020-01-01 00:00:00", "entry_date": "2020-01-01 00:00:00",
            }
            for phone, _ in some(count)
        ]
    }  # fmt: skip


def updating(count: int) -> list[dict[str, str]]:
    return [{"phone_number": p, "last_name": n, "city": f"c{n}"} for p, n in some(count)]


UPDATE: dict[str, Any] = {"duplicate_check": "DUPSYS", "on_duplicate": "update", "batch_size": 4}


def assert_changes_told(outcome: Outcome, url: str) -> None:
    """changes.csv says of the leads what they hold, and of no other lead."""
    stored = run(url, "SELECT lead_id, last_name, city FROM vicidial_list")
    told: dict[int, dict[str, str | None]] = {}
    for row, lead_id, field, old, new in outcome.changes():
        assert outcome.lead_ids[row] == lead_id
        assert old == {"last_name": None, "city": ""}[field]
        assert field not in told.setdefault(lead_id, {})
        told[lead_id][field] = new
    for lead_id, *held in stored:
        fields = told.get(lead_id, {})
        assert held == [fields.get("last_name"), fields.get("city", "")]


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_connection_lost_while_leads_are_updated(
    database_url: str, server: Server, files: Files, moment: str
) -> None:
    fill(database_url, existing(10))
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url), sleep=nothing)
        getattr(proxy, f"cut_{moment}")(b"UPDATE (", nth=2)
        outcome = files.load(updating(12), database, **UPDATE)
        database.engine.dispose()
        assert proxy.connections == 3
    assert outcome.summary.notices == {"UPDATED_EXISTING_LEAD": 10}
    assert len(outcome.changes()) == 20
    assert names(database_url) == [name for _, name in some(12)]
    run(database_url, "DELETE FROM vicidial_list WHERE lead_id > 10")
    assert_changes_told(outcome, database_url)


@ON_SERVERS
def test_a_server_that_is_gone_for_good_while_leads_are_updated(
    database_url: str, server: Server, files: Files
) -> None:
    fill(database_url, existing(10))
    with Proxy(server) as proxy:
        database = Database(proxy.via(database_url), sleep=lambda _seconds: proxy.close())
        proxy.cut_before(b"UPDATE (", nth=2)
        with pytest.raises(DatabaseUnavailableError) as caught:
            files.load(updating(10), database, **UPDATE)
        database.engine.dispose()
    assert caught.value.exit_code == 69
    outcome = outcome_of(files.results)
    assert outcome.reasons == dict.fromkeys(range(6, 12), "NOT_INSERTED")
    # Of the batch on its way changes.csv tells what may have happened.
    assert {row for row, *_ in outcome.changes()} == {*range(2, 10)}
    assert [name for name in names(database_url) if name] == [name for _, name in some(4)]
    again = Database(database_url)
    repeated = files.load(files.results / "rejected.csv", again, **UPDATE)
    again.engine.dispose()
    assert repeated.summary.notices == {"UPDATED_EXISTING_LEAD": 6}
    assert names(database_url) == [name for _, name in some(10)]


def test_a_change_that_the_server_refuses(
    database_url: str, engine_name: str, database: Database, files: Files
) -> None:
    fill(database_url, existing(6))
    rows = updating(7)
    rows[3]["city"] = "bad"
    done = refuse(database_url, engine_name, "UPDATE", "vicidial_list", "city")
    outcome = files.load([*rows, rows[3]], database, **UPDATE)
    done()
    assert outcome.reasons == {5: "REFUSED_BY_SERVER", 9: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM"}
    run(database_url, "DELETE FROM vicidial_list WHERE lead_id > 6")
    assert_changes_told(outcome, database_url)


# --- refused rows where others than the first of duplicates stay ---


@pytest.mark.sample(1)
@pytest.mark.usefixtures("refusing_bad")
@pytest.mark.parametrize(
    ("keep", "stays"), [("first", "a"), ("last", "c"), ("best", "b")], ids=["f", "l", "b"]
)
@pytest.mark.engines("sqlite", "innodb")
def test_of_the_duplicates_of_a_refused_row_the_preferred_one_stays(
    database: Database, files: Files, keep: str, stays: str
) -> None:
    bad = {"phone_number": A, "last_name": "bad", "city": "x", "title": "y", "email": "z"}
    rows = [
        bad,
        {"phone_number": A, "last_name": "a"},
        {"phone_number": A, "last_name": "b", "city": "x"},
        {"phone_number": A, "last_name": "c"},
        bad,
    ]
    outcome = files.load(rows, database, duplicate_check="DUPSYS", keep=keep, chunk_size=2)
    assert leads(database, "last_name") == [(stays,)]
    refused = {number for number, why in outcome.reasons.items() if why == "REFUSED_BY_SERVER"}
    assert refused == {2, 6} - ({6} if keep == "first" else {2} if keep == "last" else set())


@pytest.mark.usefixtures("refusing_bad")
def test_a_promoted_row_that_the_server_refuses_is_accounted_for(
    database: Database, files: Files
) -> None:
    rows = [
        {"phone_number": "12", "alt_phone": A, "last_name": "bad"},
        {"phone_number": "13", "alt_phone": B, "last_name": "b"},
        {"phone_number": C, "alt_phone": "", "last_name": "bad"},
        {"phone_number": C, "alt_phone": "14", "last_name": "c"},
        {"phone_number": C, "alt_phone": "7275554444", "last_name": "d"},
        {"phone_number": B, "alt_phone": "", "last_name": "e"},
    ]
    options = {"duplicate_check": "DUPSYS", "invalid_phone_fallback": "alt_phone"}
    outcome = files.load(rows, database, **options)
    assert outcome.reasons == {
        2: "REFUSED_BY_SERVER",
        3: "INVALID_PHONE_NUMBER_LENGTH",
        4: "REFUSED_BY_SERVER",
    }
    assert sorted(leads(database, "phone_number", "last_name")) == [
        (B, "e"), (C, "c"), ("7275554444", "d")
    ]  # fmt: skip
    assert outcome.rejected[2]["phone_number"] == "12"


@pytest.mark.sample(1)
@pytest.mark.usefixtures("refusing_bad")
@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("on_duplicate", ["update", "move"])
def test_rows_never_change_leads_of_their_own_file(
    database: Database, files: Files, on_duplicate: str
) -> None:
    rows = [
        {"phone_number": A, "alt_phone": "", "last_name": "bad", "list_id": "101", "city": ""},
        {"phone_number": B, "alt_phone": A, "last_name": "b", "list_id": "101", "city": ""},
        {"phone_number": A, "alt_phone": "", "last_name": "c", "list_id": "102", "city": "x"},
    ]
    outcome = files.load(
        rows, database, duplicate_check="DUPPHONEALTSYS", on_duplicate=on_duplicate
    )
    assert leads(database, "last_name", "city", "list_id") == [("b", "", "101")]
    assert outcome.reasons == {
        2: "REFUSED_BY_SERVER",
        4: "DUPLICATE_PHONE_OR_ALT_PHONE_IN_SYSTEM",
    }

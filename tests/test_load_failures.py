"""A whole load while the server refuses rows, dies, or may not be written to."""

import csv
import json
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, event

from jobs.load import load
from loader.database import Database
from loader.errors import ConfigurationError, DatabaseUnavailableError, LoaderError
from loader.options import LoadOptions
from loader.summary import Summary
from tests.proxy import Proxy
from tests.server import PrivateServer, Server, fill

ON_SERVERS = pytest.mark.engines("myisam", "innodb")


def nothing(_seconds: float) -> None:
    """Wait for nobody."""


def run(url: str, statement: str) -> list[tuple[Any, ...]]:
    with create_engine(url, poolclass=NullPool).begin() as connection:
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
        return load(str(path), LoadOptions(**options), database, self.results, job=job)

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
        assert not (self.results / ".work").exists()


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


@pytest.fixture
def database(database_url: str) -> Any:
    database = Database(database_url, sleep=nothing)
    yield database
    database.engine.dispose()


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


@ON_SERVERS
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("statement", [b"LOAD DATA", b"CONCAT_WS"], ids=str)
def test_what_was_not_inserted_is_loaded_from_the_reject_file(
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
    rejected = loads.results / "rejected.csv"
    assert f"6 of 10 rows were loaded, the others are in {rejected}" in str(caught.value)
    again = Database(database_url)
    loads.load(rejected, again, **options)
    again.engine.dispose()
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
    [("before", "INTO"), ("after", "INTO"), ("after", "FROM vicidial_list WHERE")],
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


def test_nothing_is_left_of_a_load_that_was_refused_before_the_insert(
    database: Database, loads: Loads
) -> None:
    with pytest.raises(LoaderError, match="max_reject_rate"):
        loads.load(loads.file([("1", "x"), (A, "y")]), database, max_reject_rate=0.1)
    assert not loads.results.exists()


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
            "ALTER TABLE vicidial_list MODIFY last_name VARCHAR(30) CHARACTER SET utf8mb3",
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
        assert proxy.connections == 1


@pytest.mark.engines("innodb")
def test_a_batch_is_one_transaction(database: Database, database_url: str, loads: Loads) -> None:
    events = list[str]()
    event.listen(database.engine, "commit", lambda _connection: events.append("commit"))
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda *arguments: events.append("write") if "LOAD DATA" in arguments[2] else None,
    )
    loads.load(loads.file(some(10)), database, batch_size=4)
    assert events == ["write", "commit"] * 3


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

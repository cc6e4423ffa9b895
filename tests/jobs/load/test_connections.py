"""Several connections: the same leads as with one, and each exactly once."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, make_url

from jobs.load.lanes import Lanes
from jobs.load.recheck import Recheck
from loader.database import locks
from loader.database.connection import Database
from loader.errors import ConfigurationError, DatabaseUnavailableError
from loader.findings import Findings
from loader.ledger.batches import BatchLedger
from loader.ledger.leads import LeadEntry
from loader.options.load import LoadOptions
from loader.writing.leads import LeadInserter
from loader.writing.writer import Writer
from tests.support.loads import Loads, Outcome, assert_extras_match, leads, load_file, outcome_of
from tests.support.products import PRODUCT
from tests.support.proxy import Proxy
from tests.support.server import Server, fill, run
from tests.support.step_kills import Killed, Point, killed_at

ON_INNODB = pytest.mark.engines("innodb")
COUNT = 23
BAD = {4: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM", 6: "INVALID_PHONE_NUMBER_LENGTH"}


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def rows(count: int = COUNT) -> list[dict[str, str]]:
    """Give rows of which the third is another one again, and the fifth has no number."""
    found = [
        {"phone_number": str(7_275_551_000 + n), "first_name": f"name {n}", "list_id": "101"}
        for n in range(count)
    ]
    found[2]["phone_number"] = found[1]["phone_number"]
    found[4]["phone_number"] = "12"
    return found


OPTIONS: dict[str, Any] = {
    "batch_size": 4, "connections": 3, "duplicate_check": "DUPSYS", "list_id": "101",
}  # fmt: skip
OTHERS_LEAD = (
    "INSERT INTO vicidial_list (phone_number, first_name, list_id, entry_date) "
    "VALUES ('7275551001', 'other', 101, NOW())"
)
"""With the number of the second row."""


def load(loads: Loads, database: Database, **options: Any) -> Outcome:
    return loads.load(rows(), database, **OPTIONS | options)


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows of each batch that went the way of one connection; others are quick."""
    found, original = list[int](), LeadInserter.insert

    def insert(self: LeadInserter, batch: Any, user: str, log: Any) -> Any:
        if len(log.known.rows) < len(batch):
            found.append(len(batch))
        return original(self, batch, user, log)

    monkeypatch.setattr(LeadInserter, "insert", insert)
    return found


@pytest.fixture
def before_insert(database: Database) -> Iterator[Callable[[str], None]]:
    """Give what makes a trigger for the test, by what it does with each new lead."""

    def make(statement: str) -> None:
        create = "CREATE TRIGGER its_own BEFORE INSERT ON vicidial_list FOR EACH ROW"
        run(url_of(database), f"{create} {statement}")

    yield make
    run(url_of(database), "DROP TRIGGER IF EXISTS its_own")


def states(database: Database) -> list[tuple[str, int]]:
    asked = "SELECT state, COUNT(*) FROM leadloader_batches GROUP BY state"
    return database.read(lambda it: [tuple(row) for row in it.exec_driver_sql(asked)])


def assert_all_in(outcome: Outcome, database: Database) -> None:
    """Check that the table has exactly the leads that the results say, each once."""
    stored = leads(database, "lead_id", "first_name")
    names = {lead_id: f"name {number - 2}" for number, lead_id in outcome.lead_ids.items()}
    assert {int(str(lead_id)): name for lead_id, name in stored} == names
    assert len(stored) == len({name for _, name in stored})
    assert_extras_match(outcome, database)


@pytest.mark.sample(1)
@ON_INNODB
@pytest.mark.parametrize("connections", [2, 3, 64])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_all_leads_are_in_once(
    connections: int, batch_size: int, database: Database, loads: Loads, sent: list[int]
) -> None:
    outcome = load(loads, database, batch_size=batch_size, connections=connections)
    assert_all_in(outcome, database)
    assert outcome.reasons == BAD
    # What is left over behind groups of batches is alone.
    assert len(sent) <= 1
    assert [state for state, _ in states(database)] == ["stored"]


@pytest.mark.sample(1)
@ON_INNODB
@pytest.mark.parametrize("seed", range(3))
def test_all_is_as_with_one_connection_but_lead_ids(
    seed: int, database: Database, loads: Loads, before_insert: Callable[[str], None]
) -> None:
    """Of any rows, some of which the server refuses or changes."""
    before_insert(
        "IF NEW.last_name = 'bad' THEN SIGNAL SQLSTATE '45000'; "
        "ELSEIF NEW.last_name = 'odd' THEN SET NEW.city = 'elsewhere'; END IF"
    )
    choose = random.Random(seed)  # noqa: S311 - data of tests
    given = [
        {
            "phone_number": str(7_275_551_000 + choose.randrange(38)),
            "first_name": f"name {n}",
            "last_name": choose.choice(["", "", "", "good", "bad", "odd"]),
            "list_id": "101",
        }
        for n in range(50)
    ]
    found = []
    for connections in (1, 2, 5):
        options = OPTIONS | {"connections": connections, "batch_size": choose.randrange(1, 12)}
        outcome = loads.load(given, database, **options)
        names = leads(database, "first_name", "last_name", "city", "phone_number")
        assert len(names) == outcome.summary.loaded
        about = {number: outcome.names(number) for number in outcome.loaded}
        ids = {lead_id: number for number, lead_id in outcome.lead_ids.items()}
        stored = leads(database, "lead_id", "first_name")
        assert all(f"name {ids[int(str(n))] - 2}" == name for n, name in stored)
        found.append((about, outcome.reasons, sorted(map(repr, names))))
        tables = ("vicidial_list", "leadloader_runs", "leadloader_batches")
        run(url_of(database), *(f"DELETE FROM {name}" for name in tables))
    assert found[0] == found[1] == found[2]


@ON_INNODB
def test_what_comes_with_leads(database: Database, loads: Loads, sent: list[int]) -> None:
    fill(database.engine, {"vicidial_campaigns": [{"campaign_id": "TEST", "active": "Y"}]})
    outcome = load(
        loads, database, campaign_id="TEST", add_to_hopper="Y", callback="Y",
        callback_datetime="2030-01-02 10:00:00",
    )  # fmt: skip
    assert_all_in(outcome, database)
    assert all({"ADDED_TO_HOPPER", "CALLBACK_ADDED"} & {*outcome.names(n)} for n in outcome.loaded)
    assert not sent


@ON_INNODB
def test_rows_that_the_server_refuses(
    database: Database, loads: Loads, sent: list[int], before_insert: Callable[[str], None]
) -> None:
    before_insert("IF NEW.first_name IN ('name 1', 'name 9') THEN SIGNAL SQLSTATE '45000'; END IF")
    outcome = load(loads, database)
    assert_all_in(outcome, database)
    refused = dict.fromkeys((3, 11), "REFUSED_BY_SERVER")
    # The row that was a duplicate of a refused one is none.
    assert outcome.reasons == refused | {6: BAD[6]}
    assert len(sent) >= 2


@ON_INNODB
def test_values_that_the_server_changes(
    database: Database, loads: Loads, sent: list[int], before_insert: Callable[[str], None]
) -> None:
    before_insert("IF NEW.first_name = 'name 9' THEN SET NEW.city = 'elsewhere'; END IF")
    outcome = load(loads, database)
    assert_all_in(outcome, database)
    noticed = {n: outcome.names(n) for n in outcome.loaded if outcome.names(n)}
    assert noticed == {11: ["CHANGED_BY_SERVER"]}
    assert len(sent) == 1


@ON_INNODB
@pytest.mark.parametrize("mode", ["increments", "somebody"])
def test_lead_ids_that_do_not_follow_each_other(
    mode: str, database: Database, loads: Loads, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster gives out each third one; somebody else inserts at the same time."""
    original, url = Writer.write, url_of(database)

    def write(self: Writer, *arguments: Any, **named: Any) -> Any:
        insert = "INSERT INTO vicidial_list (phone_number, first_name) VALUES ('1', 'other')"
        if mode == "somebody":
            run(url, insert)
        return original(self, *arguments, **named)

    monkeypatch.setattr(Writer, "write", write)
    server.execute(f"SET GLOBAL auto_increment_increment = {3 if mode == 'increments' else 1}")
    try:
        outcome = load(loads, Database(url))
    finally:
        server.execute("SET GLOBAL auto_increment_increment = 1")
    run(url, "DELETE FROM vicidial_list WHERE first_name = 'other'")
    assert_all_in(outcome, database)
    assert outcome.reasons == BAD


@pytest.mark.sample(1)
@ON_INNODB
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    "statement", [b"LOAD DATA", b"SHA2(", b"UPDATE leadloader_batches", b"COMMIT"]
)
@pytest.mark.parametrize("nth", [1, 2, 4, 6])
def test_a_line_that_is_lost(
    nth: int, statement: bytes, moment: Any, database: Database, loads: Loads, server: Server
) -> None:
    """Whichever it is of: of one of several batches, of their turn, or of the run."""
    with Proxy(server) as proxy:
        proxy.at(moment, statement, lambda: None, nth=nth, loses=True)
        through = Database(proxy.via(url_of(database)), sleep=lambda _seconds: None)
        outcome = load(loads, through)
    assert_all_in(outcome, database)
    assert outcome.reasons == BAD


@ON_INNODB
def test_without_its_turn_nothing_is_committed(
    database: Database, loads: Loads, monkeypatch: pytest.MonkeyPatch, sent: list[int]
) -> None:
    """The session that holds it is killed, and another run takes its turn."""
    turn, reject_new = locks.turn, Recheck.reject_new
    url, holders, killed = url_of(database), list[int](), list[int]()

    @contextmanager
    def noted(its: Database, connection: Connection, *arguments: Any) -> Iterator[Any]:
        with turn(its, connection, *arguments) as confirm:
            holders.append(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one())
            yield confirm

    def killing(self: Recheck, *arguments: Any) -> Findings:
        found = reject_new(self, *arguments)
        if not killed:
            killed.append(holders[-1])
            run(url, f"KILL {killed[0]}", OTHERS_LEAD)
        return found

    monkeypatch.setattr(locks, "turn", noted)
    monkeypatch.setattr(Recheck, "reject_new", killing)
    outcome = load(loads, database)
    # The look that each batch takes when it is sent again finds it.
    assert outcome.reasons == BAD | {3: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM"}
    assert sum(sent) == 12
    run(url, "DELETE FROM vicidial_list WHERE first_name = 'other'")
    assert_all_in(outcome, database)


@pytest.mark.sample(1)
@ON_INNODB
@pytest.mark.parametrize(
    "point",
    [
        Point(BatchLedger, "begin", "after"),
        Point(LeadInserter, "try_insert", "before"),
        Point(LeadInserter, "try_insert", "after"),
        Point(Lanes, "send", "after"),
        Point(LeadInserter, "insert", "before"),
        Point(LeadEntry, "stored", "after"),
        Point(LeadEntry, "sending", "after"),
    ],
    ids=str,
)
@pytest.mark.parametrize("connections", [1, 3])
def test_a_run_that_is_killed_goes_on(
    connections: int, point: Point, database: Database, loads: Loads
) -> None:
    """With as many connections, or with another number."""
    path, folder = loads.file(rows()), loads.folder / "out"
    for _ in range(2):
        with pytest.raises(Killed), killed_at(point, 1):
            load_file(path, LoadOptions(**OPTIONS), database, folder)
        numbers = run(url_of(database), "SELECT number FROM leadloader_batches ORDER BY number")
        assert [number for (number,) in numbers] == [*range(1, len(numbers) + 1)]
    load_file(path, LoadOptions(**OPTIONS | {"connections": connections}), database, folder)
    outcome = outcome_of(folder)
    assert_all_in(outcome, database)
    assert outcome.reasons == BAD


@ON_INNODB
def test_leads_that_are_in_are_told_when_the_server_goes(
    database: Database, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes when all batches of a group are stored, and the first of them is accounted for."""
    original = LeadInserter.insert

    def insert(self: LeadInserter, *arguments: Any) -> Any:
        original(self, *arguments)
        raise DatabaseUnavailableError("it is gone")

    monkeypatch.setattr(LeadInserter, "insert", insert)
    path, folder = loads.file(rows()), loads.folder / "out"
    with pytest.raises(DatabaseUnavailableError, match="it is gone"):
        load_file(path, LoadOptions(**OPTIONS), database, folder)
    outcome = outcome_of(folder)
    assert len(outcome.loaded) == 12
    assert_all_in(outcome, database)
    monkeypatch.undo()
    load_file(path, LoadOptions(**OPTIONS), database, folder)
    again = outcome_of(folder)
    assert_all_in(again, database)
    assert again.reasons == BAD


@ON_INNODB
def test_more_connections_than_the_account_may_have(
    database: Database, loads: Loads, server: Server
) -> None:
    address = server.new_account(url_of(database))
    name = f"{make_url(address).username}@'%'"
    server.execute(f"GRANT ALL ON {make_url(address).database}.* TO {name}")
    change = "GRANT USAGE ON *.* TO" if PRODUCT.is_old else "ALTER USER"
    server.execute(f"{change} {name} WITH MAX_USER_CONNECTIONS 5")
    restricted = Database(address, sleep=lambda _seconds: None)
    path, folder = loads.file(rows()), loads.folder / "out"
    with pytest.raises(DatabaseUnavailableError, match="0 of 23 rows were loaded so far"):
        load_file(path, LoadOptions(**OPTIONS | {"connections": 6}), restricted, folder)
    assert leads(database, "lead_id") == []
    load_file(path, LoadOptions(**OPTIONS | {"connections": 2}), restricted, folder)
    restricted.engine.dispose()
    assert_all_in(outcome_of(folder), database)


@pytest.mark.engines("sqlite", "myisam")
def test_where_it_cannot_be_done_it_is_refused(database: Database, loads: Loads) -> None:
    with pytest.raises(ConfigurationError, match="connections: 3 need a vicidial_list on InnoDB"):
        load(loads, database)
    assert leads(database, "lead_id") == []
    assert load(loads, database, job="validate").summary.loaded == COUNT - len(BAD)

"""Others are at work between the checks of a row and its insert: it is looked at once more.

What would not pass any more is rejected, for the reason that it would have had, and says when that
was found. Without others everything is as if nobody had looked again.
"""

import os
import random
import re
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from jobs.load.recheck import Recheck
from jobs.watchers import Watchers
from loader.database import locks, schema
from loader.database.connection import Database
from loader.database.locks import turn
from loader.dialer import Lookups
from loader.errors import FeedFileError, RowDataError
from loader.ledger.leads import LeadEntry
from loader.options.load import LoadOptions
from loader.writing.guard import Guard
from loader.writing.writer import Writer
from tests.support.loads import Loads, Outcome, leads, load_file, outcome_of
from tests.support.proxy import Proxy
from tests.support.server import Server, fill, run
from tests.support.step_kills import Killed, Point, killed_at
from tests.support.warm import Warm

FIRST = 7_275_551_000
TABLES: dict[str, list[dict[str, Any]]] = {
    "vicidial_campaigns": [{"campaign_id": "SALES"}],
    "vicidial_lists": [{"list_id": n, "campaign_id": "SALES"} for n in (101, 102)],
}
ROWS_OF_LEADS = re.compile(rb"...\x00\x03(LOAD DATA|INSERT INTO .?vicidial_list\b)", re.DOTALL)
"""Several connections send INSERT to a server that numbers files in between each other."""

ITS_TURN = re.compile(rb"(?s).{5}SELECT GET_LOCK\('leadloader:[0-9a-f]{40}', 20\)")
"""The packet by which a run waits for others that insert."""


def rows(count: int, first: int = FIRST, **values: str) -> list[dict[str, str]]:
    return [{"phone_number": str(first + n), "first_name": f"n{n}", **values} for n in range(count)]


class Site:
    """A dialer's database, in which somebody works while files are loaded."""

    def __init__(
        self, database: Database, url: str, folder: Path, tables: dict[str, Any] = TABLES
    ) -> None:
        fill(url, tables)
        self.database, self.url, self.folder = database, url, folder
        self.loads = Loads(folder)

    def work(self, *statements: str) -> Callable[[], None]:
        """Give what runs statements, each by a connection of its own."""

        def work() -> None:
            for each in statements:
                run(self.url, each)

        return work

    def load(
        self, file: Path, *, between: Callable[[], Any] = lambda: None, **options: Any
    ) -> Outcome:
        """Load a file; `between` happens when it is checked, and nothing is inserted."""
        results = self.folder / f"results-{file.stem}"
        watchers = Watchers(confirm=lambda _expected: (between(), True)[1])
        wanted = LoadOptions(**{"list_id": "101"} | options)
        load_file(file, wanted, self.database, results, watchers=watchers)
        return outcome_of(results)

    def kill(self, file: Path, point: Point, nth: int = 1, **options: Any) -> None:
        with pytest.raises(Killed), killed_at(point, nth):
            self.load(file, **options)

    def numbers(self) -> Counter[str]:
        """Count the leads of each number."""
        return Counter(str(number) for (number,) in leads(self.database, "phone_number"))


@pytest.fixture
def site(database: Database, database_url: str, tmp_path: Path) -> Site:
    return Site(database, database_url, tmp_path)


def assert_each_once(site: Site, count: int) -> None:
    assert site.numbers() == Counter(str(FIRST + n) for n in range(count))


# --- another file ---


def test_a_file_that_was_loaded_meanwhile(site: Site) -> None:
    one, other = site.loads.file(rows(6)), site.loads.file(rows(5)[::-1])
    outcome = site.load(
        one,
        between=lambda: site.load(other, duplicate_check="DUPSYS"),
        duplicate_check="DUPSYS",
        batch_size=2,
    )
    assert_each_once(site, 6)
    assert outcome.reasons == dict.fromkeys(range(2, 7), "DUPLICATE_PHONE_NUMBER_IN_SYSTEM")
    assert outcome.rejected[2]["details"] == "lead_id=5 list_id=101 found=at insert"
    answer = "ERROR: add_lead DUPLICATE PHONE NUMBER IN SYSTEM - 7275551000|101|5|101"
    assert outcome.rejected[2]["add_lead"] == answer
    assert [*outcome.loaded] == [7]
    remarks = [remark for remark in outcome.summary.remarks if "at insert" in remark]
    assert remarks == [
        "5 rows passed the checks, and not the same checks when it came to the insert: others were "
        "at work in between (rejected.csv has found=at insert in the details)"
    ]


@pytest.mark.sample(1)
@pytest.mark.parametrize(("batch", "connections"), [(4, 1), (100, 1), (4, 2), (100, 3)])
@pytest.mark.engines("myisam", "innodb")
def test_two_files_at_once(
    batch: int, connections: int, server: Server, site: Site, engine_name: str
) -> None:
    """One process holds its turn, its rows on their way, when the other one comes to insert."""
    if engine_name == "myisam" and connections > 1:
        pytest.skip("one connection inserts into MyISAM")
    count, held, came = 10, threading.Event(), threading.Event()
    files = [site.loads.file(rows(count)), site.loads.file(rows(count)[::-1])]
    with Proxy(server) as first, Proxy(server) as second:

        def command(proxy: Proxy, file: Path) -> list[str]:
            return [
                "import", str(file), "--list-id", "101",
                "--database", proxy.via(site.url), "--duplicate-check", "DUPSYS",
                "--batch-size", str(batch), "--results", str(site.folder / file.stem),
                "--connections", str(connections),
            ]  # fmt: skip

        first.at("before", ROWS_OF_LEADS, lambda: (held.set(), came.wait(60)))
        second.at("before", ITS_TURN, came.set)
        processes = [Warm(*command(first, files[0]))]
        assert held.wait(60)
        processes.append(Warm(*command(second, files[1])))
        assert [process.wait(120) for process in processes] == [0, 0]
    assert came.is_set()
    assert_each_once(site, count)
    outcomes = [outcome_of(site.folder / file.stem) for file in files]
    assert sum(outcome.summary.loaded for outcome in outcomes) == count
    rejected = [row for outcome in outcomes for row in outcome.rejected.values()]
    assert {row["reason"] for row in rejected} == {"DUPLICATE_PHONE_NUMBER_IN_SYSTEM"}
    if connections == 1:  # another batch may be in when the second file is checked
        assert all("found=at insert" in row["details"] for row in rejected)


@pytest.mark.engines("myisam", "innodb")
def test_runs_take_turns(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who waits longer than is usual for a batch says so, and goes on waiting."""
    monkeypatch.setattr(locks, "PATIENCE", 0)
    file, other, asked = site.loads.file(rows(5)), Database(site.url), []
    insert = locks._server_name(other.engine.url, "insert")
    with ExitStack() as at_it:
        holder = at_it.enter_context(other.connect())
        at_it.enter_context(turn(other, holder, "insert"))

        def look(*arguments: Any) -> None:
            if f"SELECT GET_LOCK('{insert}'" in arguments[2]:
                asked.append(arguments[2])
                if len(asked) == 4:
                    at_it.close()

        event.listen(site.database.engine, "before_cursor_execute", look)
        outcome = site.load(file, duplicate_check="DUPSYS")
    assert (outcome.summary.loaded, len(asked)) == (5, 4)
    assert caplog.messages == ["another process is at its insert; this one waits for its turn"] * 3
    other.engine.dispose()


@pytest.mark.engines("myisam", "innodb")
def test_a_turn_ends_with_an_error(site: Site) -> None:
    other = Database(site.url)
    with (
        pytest.raises(RowDataError),
        site.database.connect() as connection,
        turn(site.database, connection, "insert"),
    ):
        connection.exec_driver_sql("SIGNAL SQLSTATE '45000'")
    with other.connect() as connection, turn(other, connection, "insert"):
        pass
    other.engine.dispose()


# --- do-not-call lists ---

NUMBER, OTHER = str(FIRST + 1), "7275559999"
LISTED = {
    "system": (f"INSERT INTO vicidial_dnc VALUES ('{NUMBER}')", {"dnc_check": "Y"}),
    "area code": (
        "INSERT INTO vicidial_dnc VALUES ('727XXXXXXX')",
        {"dnc_check": "AREACODE"},
    ),
    "campaign": (
        "INSERT INTO vicidial_campaign_dnc (campaign_id, phone_number) "
        f"VALUES ('SALES', '{NUMBER}')",
        {"campaign_dnc_check": "Y", "campaign_id": "SALES"},
    ),
    "other number, reject": (
        f"INSERT INTO vicidial_dnc VALUES ('{OTHER}')",
        {"dnc_check": "Y", "dnc_alt_phones": "reject"},
    ),
    "other number, clear": (
        f"INSERT INTO vicidial_dnc VALUES ('{OTHER}')",
        {"dnc_check": "Y", "dnc_alt_phones": "clear"},
    ),
}
REASONS = {
    "system": {3: "PHONE_NUMBER_IN_DNC"},
    "area code": dict.fromkeys((2, 3, 4), "PHONE_NUMBER_IN_DNC"),
    "campaign": {3: "PHONE_NUMBER_IN_CAMPAIGN_DNC"},
    "other number, reject": {3: "OTHER_NUMBER_IN_DNC"},
    "other number, clear": {3: "OTHER_NUMBER_IN_DNC"},
}
BEFORE, SENT = Point(Writer, "write", "before"), Point(Writer, "write", "after")


@pytest.mark.sample(1)
@pytest.mark.parametrize("what", LISTED)
@pytest.mark.parametrize("is_killed", [False, True], ids=["check and insert", "killed"])
def test_a_number_that_came_onto_a_list(*, what: str, is_killed: bool, site: Site) -> None:
    statement, options = LISTED[what]
    given = rows(3)
    given[1]["alt_phone"] = OTHER
    file, insert = site.loads.file(given), site.work(statement)
    if is_killed:
        site.kill(file, BEFORE, **options)
        insert()
    outcome = site.load(file, **options, **({} if is_killed else {"between": insert}))
    assert outcome.reasons == REASONS[what]
    assert "found=at insert" in outcome.rejected[3]["details"]
    assert sum(site.numbers().values()) == outcome.summary.loaded == 3 - len(REASONS[what])


# --- between a kill and the completion ---


@pytest.mark.sample(1)
@pytest.mark.parametrize("point", [BEFORE, SENT], ids=str)
def test_what_happened_between_a_kill_and_the_completion(
    point: Point, site: Site, engine_name: str
) -> None:
    options = {"duplicate_check": "DUPSYS", "dnc_check": "Y", "batch_size": 3}
    # In the same second the same values in the same list would be the very rows in doubt.
    others = rows(3, FIRST + 5, first_name="other", list_id="102")
    file, other = site.loads.file(rows(9)), site.loads.file(others)
    site.kill(file, point, 2, **options)
    site.work(f"INSERT INTO vicidial_dnc VALUES ('{FIRST + 4}')")()
    assert site.load(other).summary.loaded == 3
    outcome = site.load(file, **options)
    # What was in before anything happened is no duplicate, neither of itself nor of what came.
    is_in = engine_name == "myisam" and point == SENT
    late = {8: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM", 9: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM"}
    if not is_in:
        late |= {6: "PHONE_NUMBER_IN_DNC", 7: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM"}
    assert outcome.reasons == late
    assert site.numbers() == Counter(str(FIRST + n) for n in range(9) if is_in or n != 4) + (
        Counter([str(FIRST + 5)] * is_in)
    )


NOTED = [Point(LeadEntry, name, "after") for name in ("rejected", "stored")]


@pytest.mark.sample(1)
@pytest.mark.parametrize("point", [NOTED[0], BEFORE, SENT, NOTED[1]], ids=str)
def test_a_rejection_at_the_insert_outlives_a_kill(point: Point, site: Site) -> None:
    """The row was never sent: nobody looks for its lead, or takes it for a deleted one."""
    options = {"dnc_check": "Y", "batch_size": 5}
    file = site.loads.file(rows(5))
    listing = site.work(f"INSERT INTO vicidial_dnc VALUES ('{FIRST + 4}')")
    site.kill(file, point, **options, between=listing)
    site.work(
        "INSERT INTO vicidial_list (phone_number, entry_date) "
        "SELECT '1', entry_date FROM vicidial_list LIMIT 1",
        "DELETE FROM vicidial_list WHERE phone_number = '1'",
    )()
    outcome = site.load(file, **options)
    assert outcome.reasons == {6: "PHONE_NUMBER_IN_DNC"}
    assert_each_once(site, 4)


def test_a_feed_counts_as_it_is_when_the_run_is_completed(site: Site, tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text(f"phone_number\n{OTHER}\n")
    options: dict[str, Any] = {"feed": {"litigators": feed}, "feed_max_age": 2}
    file = site.loads.file(rows(3))
    site.kill(file, BEFORE, **options)
    feed.write_text(f"phone_number\n{NUMBER}\n")
    os.utime(feed, (time.time() - 3 * 86_400,) * 2)
    with pytest.raises(FeedFileError, match=r"feed litigators: .* 3.0 days ago"):
        site.load(file, **options)
    os.utime(feed)
    outcome = site.load(file, **options)
    assert outcome.reasons == {3: "PHONE_NUMBER_IN_FEED:litigators"}
    assert outcome.summary.loaded == 2


# --- existing leads, and rows that depend on one another ---


def test_rows_that_change_existing_leads(site: Site) -> None:
    options = {"duplicate_check": "DUPSYS", "dnc_check": "Y", "on_duplicate": "update"}
    site.load(site.loads.file(rows(4)), **options)
    changes = rows(5, last_name="new")
    outcome = site.load(
        site.loads.file(changes),
        between=site.work(
            f"INSERT INTO vicidial_dnc VALUES ('{FIRST}')",
            "UPDATE vicidial_list SET phone_number = '7275557777' WHERE lead_id = 2",
            f"INSERT INTO vicidial_list (phone_number, list_id) VALUES ('{FIRST + 4}', 101)",
        ),
        update_fields="all",
        **options,
    )
    assert outcome.reasons == {
        2: "PHONE_NUMBER_IN_DNC", 3: "EXISTING_LEAD_GONE", 6: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM",
    }  # fmt: skip
    assert all(row["details"].endswith("found=at insert") for row in outcome.rejected.values())
    names = [name or "" for (name,) in leads(site.database, "last_name")]
    assert names == ["", "", "new", "new", ""]


def test_a_row_that_was_a_duplicate_of_one_rejected_at_the_insert_is_loaded(site: Site) -> None:
    given = rows(2)
    given[0]["alt_phone"] = given[1]["phone_number"]
    outcome = site.load(
        site.loads.file(given),
        between=site.work(f"INSERT INTO vicidial_dnc VALUES ('{FIRST}')"),
        duplicate_check="DUPPHONEALTSYS",
        dnc_check="Y",
    )
    assert outcome.reasons == {2: "PHONE_NUMBER_IN_DNC"}
    assert site.numbers() == Counter([given[1]["phone_number"]])


# --- nobody else at work ---

PHONES = [*map(str, range(FIRST, FIRST + 4)), f"1{FIRST + 1}", f"+49151{FIRST}", f"49151{FIRST}"]
CHECKS = [
    "DUPLIST", "DUPCAMP", "DUPSYS", "DUPPHONEALTSYS", "DUPTITLEALTPHONELIST", "DUPNAMEPHONESYS",
    "DUPLIST-DUPPHONEALTSYS", "DUPSYS30DAY-DUPTITLEALTPHONESYS",
]  # fmt: skip


@pytest.fixture(scope="module")
def two_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    engine = Database(f"sqlite:///{folder / 'template.sqlite'}").engine
    schema.create_missing(engine, storage_engine="sqlite")
    fill(engine, TABLES | {"vicidial_dnc": [{"phone_number": PHONES[0]}]})
    return folder


def rows_by(chance: random.Random, count: int) -> list[dict[str, str]]:
    """Make rows of which many are duplicates of each other, by any check."""
    return [
        {
            "phone_number": chance.choice(PHONES), "alt_phone": chance.choice(["", *PHONES]),
            "title": chance.choice("ab"), "first_name": chance.choice("ab"), "last_name": str(n),
            "list_id": chance.choice(["101", "102"]),
        }
        for n in range(count)
    ]  # fmt: skip


SEVERAL = settings(max_examples=max(settings().max_examples // 20, 2))
"""Each takes four loads."""


@pytest.mark.property
@SEVERAL
@given(seed=st.integers(0, 10**9), data=st.data())
def test_alone_it_is_as_if_nobody_had_looked_again(
    seed: int, data: st.DataObject, two_files: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    given = rows_by(chance, chance.randint(2, 25))
    options = {
        "duplicate_check": data.draw(st.sampled_from(CHECKS)),
        "keep": data.draw(st.sampled_from(["first", "last", "best"])),
        "on_duplicate": data.draw(st.sampled_from(["reject", "update", "move"])),
        "dnc_check": data.draw(st.sampled_from("NY")),
        "update_fields": "all", "batch_size": 3, "chunk_size": 7,
    }  # fmt: skip
    if options["dnc_check"] == "Y":
        options["dnc_alt_phones"] = data.draw(st.sampled_from([None, "reject", "notice", "clear"]))
    found = []
    for guard in (Guard(), None):
        folder = Path(tempfile.mkdtemp(dir=two_files))
        shutil.copy(two_files / "template.sqlite", folder / "leads.sqlite")
        database, loads = Database(f"sqlite:///{folder / 'leads.sqlite'}"), Loads(folder)
        with pytest.MonkeyPatch.context() as patch:
            if guard:
                for name in ("reject_new", "reject_changes"):
                    patch.setattr(Recheck, name, getattr(Guard, name))
            outcomes = [loads.load(half, database, **options) for half in (given[::2], given)]
        found.append(
            [(each.reasons, each.lead_ids, each.summary.notices) for each in outcomes]
            + [leads(database, "phone_number", "list_id", "alt_phone", "last_name")]
        )
        database.engine.dispose()
    assert found[0] == found[1]


# --- others at work, and no corner cut ---


def meanwhile(chance: random.Random) -> list[str]:
    """Give what others do between the checks and the insert: mostly to numbers of the file."""

    def number() -> str:
        return chance.choice([*PHONES, "7275559990"]).removeprefix("+")

    done = (
        lambda: f"INSERT OR IGNORE INTO vicidial_dnc VALUES ('{number()}')",
        lambda: "INSERT OR IGNORE INTO vicidial_dnc VALUES ('727XXXXXXX')",
        lambda: (
            "INSERT OR IGNORE INTO vicidial_campaign_dnc (campaign_id, phone_number) "
            f"VALUES ('{chance.choice(['SALES', 'OTHER'])}', '{number()}')"
        ),
        lambda: (
            "INSERT INTO vicidial_list (phone_number, phone_code, alt_phone, title, first_name, "
            f"list_id) VALUES ('{number()}', '{chance.choice(['1', '49'])}', '{number()}', 'a', "
            f"'b', {chance.choice([101, 102])})"
        ),
        lambda: f"UPDATE vicidial_list SET phone_number = '{number()}' WHERE lead_id % 3 = 0",
        lambda: f"DELETE FROM vicidial_list WHERE lead_id = {chance.randint(1, 9)}",
    )
    return [chance.choice(done)() for _ in range(chance.randint(0, 3))]


@pytest.mark.property
@SEVERAL
@given(seed=st.integers(0, 10**9), data=st.data())
def test_what_is_found_is_what_every_rule_finds(
    seed: int, data: st.DataObject, two_files: Path
) -> None:
    """It is held to one that makes the forms batch by batch, and asks every rule."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    given = rows_by(chance, chance.randint(4, 25))
    options = {
        "duplicate_check": data.draw(st.sampled_from(["", *CHECKS])),
        "dnc_check": data.draw(st.sampled_from(["N", "Y", "AREACODE"])),
        "campaign_dnc_check": data.draw(st.sampled_from(["N", "Y"])), "campaign_id": "SALES",
        "update_fields": "all", "batch_size": 3, "chunk_size": 7,
    }  # fmt: skip
    if options["dnc_check"] != "N":
        options["dnc_alt_phones"] = data.draw(st.sampled_from([None, "reject", "notice", "clear"]))
    if options["duplicate_check"]:
        options["on_duplicate"] = data.draw(st.sampled_from(["reject", "update"]))
    work, found = meanwhile(chance), []
    for cuts_corners in (True, False):
        folder = Path(tempfile.mkdtemp(dir=two_files))
        shutil.copy(two_files / "template.sqlite", folder / "leads.sqlite")
        url = f"sqlite:///{folder / 'leads.sqlite'}"
        site = Site(Database(url), url, folder, tables={})
        with pytest.MonkeyPatch.context() as patch:
            if not cuts_corners:
                patch.setattr(Recheck, "forms_of", lambda *_: None)
                patch.setattr(Lookups, "is_empty", property(lambda _: False))
            site.load(site.loads.file(given[::3]), **options)
            outcome = site.load(site.loads.file(given), between=site.work(*work), **options)
        found.append(
            (
                outcome.rejected,
                outcome.lead_ids,
                outcome.summary.notices,
                leads(site.database, "phone_number", "list_id", "alt_phone", "last_name"),
            )
        )
        site.database.engine.dispose()
    assert found[0] == found[1]

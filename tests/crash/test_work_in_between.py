"""A load is killed, people work with its leads, and the same command completes it.

Nothing comes twice, and nothing that a person did is undone.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from jobs.undo.job import undo
from loader.database.connection import Database
from loader.errors import LoadedBeforeError
from loader.ledger.changes import ChangeEntry
from loader.ledger.leads import LeadEntry
from loader.ledger.run_batches import RunBatches
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.undo.report import UndoReport
from loader.writing.batch import Inserted
from loader.writing.extras import ExtraInserter
from loader.writing.leads import LeadInserter, _LeadBatch
from loader.writing.updates import LeadUpdater
from loader.writing.writer import Writer
from tests.support.loads import Loads, Outcome, load_file, outcome_of
from tests.support.server import fill, run
from tests.support.statements import just_before
from tests.support.step_kills import Killed, Point, killed_at

pytestmark = pytest.mark.engines("myisam", "innodb")

FIRST = 7_275_551_000
ROWS = [{"phone_number": str(FIRST + n), "first_name": f"n{n}", "comments": f"c{n}"}
        for n in range(10)]  # fmt: skip
LISTS = [{"list_id": n, "campaign_id": "SALES", "active": "Y"} for n in (101, 102)]


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


class Killing:
    """A load that is killed at a step, and completed after somebody was at work."""

    def __init__(self, database: Database, folder: Path, rows: list[dict[str, str]], **more: str):
        fill(database.engine, {"vicidial_lists": LISTS})
        self.database, self.url, self.folder = database, url_of(database), folder
        self.path = Loads(folder).file(rows)
        self.options = LoadOptions(list_id="101", **more)  # type: ignore[arg-type]

    def kill(self, point: Point, nth: int) -> None:
        with pytest.raises(Killed), killed_at(point, nth):
            load_file(self.path, self.options, self.database, self.folder / "results")

    def work(self, *statements: str) -> None:
        """Do what the dialer does: each statement by a connection of its own."""
        for statement in statements:
            run(self.url, statement)

    def complete(self) -> Outcome:
        load_file(self.path, self.options, self.database, self.folder / "results")
        return outcome_of(self.folder / "results")

    def load_again(self) -> Outcome:
        """Give the same command after an undo."""
        load_file(self.path, self.options, self.database, self.folder / "again")
        return outcome_of(self.folder / "again")

    def undo(self) -> UndoReport:
        name = Ledger.open(self.database, self.folder).runs()[0].run
        return undo(name, self.database, self.folder / "undo", ledger_folder=self.folder)


SENT = Point(Writer, "write", "after")
"""The leads are sent, and nothing is noted: on MyISAM they are in, on InnoDB they are not."""


def test_leads_that_were_touched_in_flight_are_not_loaded_again(
    database: Database, engine_name: str, tmp_path: Path
) -> None:
    load = Killing(database, tmp_path, ROWS)
    load.kill(SENT, 1)
    load.work(
        # Archived, moved, called, its number corrected, deleted on request, each of another row.
        "INSERT INTO vicidial_list_archive SELECT * FROM vicidial_list WHERE lead_id = 1",
        "DELETE FROM vicidial_list WHERE lead_id = 1",
        "UPDATE vicidial_list SET list_id = 102, status = 'A', called_count = 1 WHERE lead_id = 3",
        "UPDATE vicidial_list SET status = 'SALE', called_count = 1, user = '66', "
        "called_since_last_reset = 'Y' WHERE lead_id = 5",
        "UPDATE vicidial_list SET phone_number = '7275559999', user = '66' WHERE lead_id = 6",
        "DELETE FROM vicidial_list WHERE lead_id IN (8, 10)",
    )
    outcome = load.complete()
    if engine_name == "innodb":
        assert outcome.summary.loaded == 10
        return
    assert outcome.reasons == {9: "IN_DOUBT", 11: "IN_DOUBT"}
    assert outcome.rejected[9]["details"] == "lead_id=8"
    assert outcome.lead_ids == {row: row - 1 for row in (2, 3, 4, 5, 6, 7, 8, 10)}
    assert run(load.url, "SELECT lead_id FROM vicidial_list ORDER BY lead_id") == [
        (2,), (3,), (4,), (5,), (6,), (7,), (9,),
    ]  # fmt: skip
    # What somebody worked with is not as it was loaded: an undo leaves it.
    report = load.undo()
    assert report.moved == 4
    assert run(load.url, "SELECT lead_id FROM vicidial_list ORDER BY lead_id") == [(3,), (5,), (6,)]


def test_what_was_never_sent_is_loaded_although_others_came(
    database: Database, tmp_path: Path
) -> None:
    load = Killing(database, tmp_path, ROWS)
    load.kill(Point(Writer, "write", "before"), 1)
    load.work(
        "INSERT INTO vicidial_list (phone_number, entry_date) VALUES ('1', NOW()), ('2', NOW())",
    )
    outcome = load.complete()
    assert (outcome.summary.loaded, outcome.reasons) == (10, {})
    assert run(load.url, "SELECT COUNT(*) FROM vicidial_list") == [(12,)]


def test_a_batch_that_was_deleted_whole_stays_gone(
    database: Database, engine_name: str, tmp_path: Path
) -> None:
    load = Killing(database, tmp_path, ROWS, batch_size="5")
    load.kill(SENT, 2)
    load.work("DELETE FROM vicidial_list WHERE lead_id > 5")
    outcome = load.complete()
    expected = dict.fromkeys(range(7, 12), "IN_DOUBT") if engine_name == "myisam" else {}
    assert outcome.reasons == expected
    assert run(load.url, "SELECT COUNT(*) FROM vicidial_list") == [(10 - len(expected),)]


TOUCHED = "UPDATE vicidial_list SET status = 'NA', called_count = 1, user = '66' WHERE lead_id "


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("touched", "stayed"),
    [
        ("= 3", {"CALLED": 1}),  # its place says which one it is
        ("IN (4, 5, 10)", {"CALLED": 3}),
        ("> 0", {"CALLED": 10}),
    ],
)
def test_what_an_undo_of_a_killed_load_had_to_leave_is_not_loaded_twice(
    database: Database, engine_name: str, tmp_path: Path, touched: str, stayed: dict[str, int]
) -> None:
    load = Killing(database, tmp_path, ROWS)
    load.kill(SENT, 1)
    load.work(TOUCHED + touched)
    report = load.undo()
    if engine_name == "innodb":
        assert (report.leads, load.load_again().summary.loaded) == (0, 10)
        return
    assert (report.leads_stayed, report.moved) == (stayed, 10 - sum(stayed.values()))
    with pytest.raises(LoadedBeforeError, match=f"{sum(stayed.values())} of its leads had to stay"):
        load.load_again()
    assert len(run(load.url, "SELECT lead_id FROM vicidial_list")) == sum(stayed.values())


def test_what_an_undo_may_have_left_is_not_loaded_twice(
    database: Database, engine_name: str, tmp_path: Path
) -> None:
    """Of ten rows at most nine have got a lead_id; which one has not, nobody can know."""
    load = Killing(database, tmp_path, ROWS)
    load.kill(SENT, 1)
    load.work("DELETE FROM vicidial_list WHERE lead_id = 10", f"{TOUCHED} > 0")
    load.work("ALTER TABLE vicidial_list AUTO_INCREMENT = 10")
    report = load.undo()
    if engine_name == "innodb":
        assert (report.leads, load.load_again().summary.loaded) == (0, 10)
        return
    assert (report.leads_stayed, report.moved) == ({"IN_DOUBT": 9}, 0)
    with pytest.raises(LoadedBeforeError, match="9 of its leads had to stay, or may have"):
        load.load_again()


@pytest.mark.parametrize("point", [Point(Writer, "write", "before"), SENT], ids=str)
def test_what_an_undo_of_a_killed_load_took_back_is_loaded_again(
    database: Database, tmp_path: Path, point: Point
) -> None:
    load = Killing(database, tmp_path, ROWS)
    load.kill(point, 1)
    report = load.undo()
    assert (report.leads_stayed, report.remarks) == ({}, [])
    assert load.load_again().summary.loaded == 10
    assert run(load.url, "SELECT COUNT(*) FROM vicidial_list") == [(10,)]


def test_a_lead_that_others_take_from_an_undo(database: Database, tmp_path: Path) -> None:
    load = Killing(database, tmp_path, ROWS)
    load.complete()
    taking = "DELETE FROM vicidial_list WHERE lead_id = 4"
    with just_before(database, "DELETE FROM vicidial_list", lambda: load.work(taking)):
        report = load.undo()
    if database.engine.dialect.delete_returning:
        assert (report.leads_stayed, report.moved) == ({"COPY_REMOVED": 1}, 9)
    else:  # in the very last moment it is not known which one
        assert (report.leads_stayed, report.moved) == ({}, 10)
    assert load.load_again().summary.loaded == 10


# --- changes of existing leads ---

CHANGED = Point(LeadUpdater, "write", "after")
PLANNED = Point(LeadUpdater, "write", "before")


def moving(database: Database, folder: Path) -> Killing:
    """Move leads 1, 2 and 3 from list 102 to 101."""
    leads = [
        {
            "lead_id": 1 + n, "phone_number": str(FIRST + n), "list_id": 102, "status": "NEW",
            "entry_date": "2026-11-01 10:00:00", "modify_date": "2026-11-01 10:00:00",
        }
        for n in range(3)
    ]  # fmt: skip
    fill(database.engine, {"vicidial_list": leads})
    return Killing(database, folder, ROWS[:3], duplicate_check="DUPSYS", on_duplicate="move")


def lists(load: Killing) -> list[int]:
    return [row[0] for row in run(load.url, "SELECT list_id FROM vicidial_list ORDER BY lead_id")]


def test_a_change_that_somebody_took_back_is_not_made_again(
    database: Database, engine_name: str, tmp_path: Path
) -> None:
    load = moving(database, tmp_path)
    load.kill(CHANGED, 1)
    load.work("UPDATE vicidial_list SET list_id = 102 WHERE lead_id = 1")
    outcome = load.complete()
    if engine_name == "innodb":  # nothing had happened
        assert (lists(load), outcome.reasons) == ([101, 101, 101], {})
        return
    assert lists(load) == [102, 101, 101]
    assert outcome.reasons == {2: "EXISTING_LEAD_GONE"}
    report = load.undo()
    assert (lists(load), report.reverted) == ([102, 102, 102], 2)


def test_a_change_that_never_happened_is_made(database: Database, tmp_path: Path) -> None:
    load = moving(database, tmp_path)
    load.kill(PLANNED, 1)
    outcome = load.complete()
    assert (lists(load), outcome.reasons) == ([101, 101, 101], {})


@pytest.mark.engines("innodb")
@pytest.mark.parametrize("how", ["undone", "completed and undone"])
def test_a_change_that_was_never_made_is_nobody_elses(
    how: str, database: Database, tmp_path: Path
) -> None:
    """An agent types the same name that the file has: the name is the agent's."""
    there = [
        {"lead_id": n + 1, "phone_number": str(FIRST + n), "list_id": 101, "first_name": ""}
        for n in range(3)
    ]
    fill(database.engine, {"vicidial_list": there})
    load = Killing(database, tmp_path, ROWS[:3], duplicate_check="DUPSYS", on_duplicate="update")
    load.kill(Point(LeadUpdater, "write", "before"), 1)
    load.work("UPDATE vicidial_list SET first_name = 'n1', called_count = 1 WHERE lead_id = 2")
    if how == "completed and undone":
        changed = {(row, field) for row, _, field, *_ in load.complete().changes()}
        assert changed == {
            (2, "first_name"), (4, "first_name"), (2, "comments"), (3, "comments"), (4, "comments"),
        }  # fmt: skip
    load.undo()
    names = run(load.url, "SELECT first_name FROM vicidial_list ORDER BY lead_id")
    assert names == [("",), ("n1",), ("",)]


def test_changes_that_were_planned_are_not_in(database: Database, tmp_path: Path) -> None:
    load = moving(database, tmp_path)
    load.kill(Point(ChangeEntry, "sending", "after"), 1)
    ledger = Ledger.open(database, tmp_path)
    (record,) = ledger.runs()
    assert RunBatches(ledger, record.run).rows_in() == 0
    load.complete()
    assert RunBatches(ledger, record.run).rows_in() == 3


# --- what comes with leads ---

CUSTOM, HOPPER, ALT = "custom_101", "vicidial_hopper", "vicidial_list_alt_phones"
CALLBACKS = "vicidial_callbacks"
EXTRAS = (CUSTOM, HOPPER, ALT, CALLBACKS)
WITH_EXTRAS: dict[str, list[dict[str, object]]] = {
    "system_settings": [{"custom_fields_enabled": "1"}],
    "vicidial_campaigns": [{"campaign_id": "SALES", "active": "Y"}],
    "vicidial_lists_fields": [{"list_id": 101, "field_label": "color", "field_type": "TEXT"}],
    "custom_tables": [{"table": CUSTOM, "columns": {"color": "VARCHAR(30)"}}],
}
KILLS = [
    *((Point(ExtraInserter, "insert", "before"), nth) for nth in (1, 2, 3, 4)),
    *((Point(Writer, "write", "after"), nth) for nth in (2, 3, 4, 5)),
    *((Point(ExtraInserter, "insert", "after"), nth) for nth in (1, 2, 3, 4)),
    (Point(LeadEntry, "write_extras", "before"), 1),
]


def rows_of(url: str, lead_id: int) -> dict[str, int]:
    """Count the rows that come with a lead."""
    counts = {
        name: run(url, f"SELECT COUNT(*) FROM {name} WHERE lead_id = {lead_id}")[0][0]
        for name in EXTRAS
    }
    return {name: count for name, count in counts.items() if count}


@pytest.mark.sample(1)
@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: f"{kill[0]} {kill[1]}")
def test_what_people_did_with_what_comes_with_leads_stays(
    kill: tuple[Point, int], database: Database, tmp_path: Path
) -> None:
    fill(database.engine, WITH_EXTRAS)
    rows = [
        row | {"color": "file", "multi_alt_phones": "7275552001_1_a!7275552002_1_b"}
        for row in ROWS[:5]
    ]
    load = Killing(
        database, tmp_path, rows, custom_fields="Y", add_to_hopper="Y", callback="Y",
        campaign_id="SALES", callback_datetime="2027-01-01 10:00:00",
    )  # fmt: skip
    load.kill(*kill)
    load.work(
        # An agent changes what custom fields say.
        f"REPLACE INTO {CUSTOM} VALUES (1, 'agent')",
        "UPDATE vicidial_list SET called_count = 1, called_since_last_reset = 'Y', status = 'A' "
        "WHERE lead_id = 1",
        # Deleted on request, and archived.
        *(f"DELETE FROM {name} WHERE lead_id IN (2, 3)" for name in EXTRAS),
        "INSERT INTO vicidial_list_archive SELECT * FROM vicidial_list WHERE lead_id = 3",
        "DELETE FROM vicidial_list WHERE lead_id IN (2, 3)",
        # Called back; that is settled.
        "UPDATE vicidial_list SET called_count = 1, called_since_last_reset = 'Y', "
        "status = 'SALE' WHERE lead_id = 4",
        f"DELETE FROM {HOPPER} WHERE lead_id = 4",
        f"DELETE FROM {CALLBACKS} WHERE lead_id = 4",
    )
    outcome = load.complete()
    assert outcome.summary.loaded == 5
    assert run(load.url, f"SELECT color FROM {CUSTOM} WHERE lead_id = 1") == [("agent",)]
    assert (rows_of(load.url, 2), rows_of(load.url, 3)) == ({}, {})
    assert not rows_of(load.url, 4).keys() & {HOPPER, CALLBACKS}
    assert rows_of(load.url, 5) == {CUSTOM: 1, HOPPER: 1, ALT: 2, CALLBACKS: 1}
    states = run(load.url, "SELECT lead_id, status FROM vicidial_list ORDER BY lead_id")
    assert states == [(1, "A"), (4, "SALE"), (5, "CBHOLD")]


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "kill",
    [
        (Point(ExtraInserter, "insert", "before"), 1),
        (Point(Writer, "write", "after"), 2),
        (Point(Writer, "write", "before"), 3),
        (Point(ExtraInserter, "insert", "after"), 2),
    ],
    ids=lambda kill: f"{kill[0]} {kill[1]}",
)
def test_what_leads_have_already_does_not_come_a_second_time(
    kill: tuple[Point, int], database: Database, tmp_path: Path
) -> None:
    """The dialer fills its hopper, an agent a form, and somebody schedules a call: of new leads."""
    fill(database.engine, WITH_EXTRAS)
    load = Killing(
        database, tmp_path,
        [row | {"color": "file" if n < 3 else ""} for n, row in enumerate(ROWS[:4])],
        custom_fields="Y", add_to_hopper="Y", callback="Y", campaign_id="SALES",
        callback_datetime="2027-01-01 10:00:00",
    )  # fmt: skip
    load.kill(*kill)
    load.work(
        f"INSERT INTO {HOPPER} (lead_id, campaign_id, status, list_id, source) SELECT lead_id, "
        "'SALES', 'READY', list_id, 'S' FROM vicidial_list "
        f"WHERE lead_id NOT IN (SELECT lead_id FROM {HOPPER})",
        f"INSERT INTO {CALLBACKS} (lead_id, list_id, campaign_id, status, callback_time) SELECT "
        "lead_id, list_id, campaign_id, 'ACTIVE', '2026-12-24 10:00:00' FROM vicidial_hopper "
        f"WHERE lead_id = 2 AND lead_id NOT IN (SELECT lead_id FROM {CALLBACKS})",
        # The lead itself is as it was.
        f"REPLACE INTO {CUSTOM} SELECT lead_id, 'agent' FROM vicidial_list WHERE lead_id IN (3, 4)",
        # The file has nothing for the other one.
        "UPDATE vicidial_list SET modify_date = NOW() + INTERVAL 1 MINUTE WHERE lead_id = 4",
    )
    outcome = load.complete()
    assert outcome.summary.loaded == 4
    for table in (HOPPER, CALLBACKS):
        found = run(load.url, f"SELECT lead_id, COUNT(*) FROM {table} GROUP BY lead_id")
        assert found == [(n, 1) for n in range(1, 5)], table
    filled_in = run(load.url, f"SELECT color FROM {CUSTOM} WHERE lead_id IN (3, 4)")
    assert filled_in == [("agent",), ("agent",)]


@pytest.mark.sample(1)
@pytest.mark.parametrize("action", ["clear", "reject"])
@pytest.mark.parametrize(
    "kill",
    [
        (Point(ExtraInserter, "insert", "before"), 1),
        (Point(Writer, "write", "before"), 2),
        (Point(ExtraInserter, "insert", "after"), 1),
    ],
    ids=lambda kill: f"{kill[0]} {kill[1]}",
)
def test_an_alternate_number_that_came_onto_the_do_not_call_list_is_not_stored(
    kill: tuple[Point, int], action: str, database: Database, tmp_path: Path
) -> None:
    rows = [
        row | {"multi_alt_phones": f"727555200{n}_1_a!727555300{n}_1_b"}
        for n, row in enumerate(ROWS[:4])
    ]
    load = Killing(database, tmp_path, rows, dnc_check="Y", dnc_alt_phones=action)
    load.kill(*kill)
    before = {number for (number,) in run(load.url, f"SELECT phone_number FROM {ALT}")}
    listed = {"7275552000", "7275553001", "7275552002", "7275553002"}
    load.work(*(f"INSERT INTO vicidial_dnc VALUES ('{number}')" for number in listed))
    outcome = load.complete()
    assert outcome.summary.loaded == 4
    after = {number for (number,) in run(load.url, f"SELECT phone_number FROM {ALT}")}
    assert after == before | {
        "7275553000", "7275552001", "7275552003", "7275553003"
    }  # fmt: skip
    notices = {name: count for name, count in outcome.summary.notices.items() if "NUMBER" in name}
    assert notices == ({} if before else {"OTHER_NUMBER_REMOVED": 3})
    assert "EXTRA_NOT_STORED" not in outcome.summary.notices
    counts = [2, 2, 2, 2] if before else [1, 1, 0, 2]
    for row, count in enumerate(counts, 2):
        said = str(outcome.loaded[row])
        assert ("ALT_PHONES_LOADED" in said) == bool(count)
        assert not count or f"count={count}" in said


ALT_SENT = [(Point(Writer, "write", "before"), 2), (Point(Writer, "write", "after"), 2)]
"""Just before and just after the alternate numbers are sent, of a process that sends the leads."""
ALT_SENT_AGAIN = [(Point(Writer, "write", "before"), 1), (Point(Writer, "write", "after"), 1)]
"""Likewise, of one that finds the leads sent."""


@pytest.mark.sample(1)
@pytest.mark.parametrize("first", ALT_SENT, ids=lambda kill: str(kill[0]))
@pytest.mark.parametrize("arrived", [0, 1, 4, 7])
@pytest.mark.parametrize("again", [None, *ALT_SENT_AGAIN], ids=lambda kill: str(kill and kill[0]))
def test_alternate_numbers_are_counted_without_a_gap(
    again: tuple[Point, int] | None,
    arrived: int,
    first: tuple[Point, int],
    database: Database,
    tmp_path: Path,
) -> None:
    """The dialer goes through as many numbers as a lead has, by their count."""
    numbers = [[f"727555{lead}00{n}" for n in range(4)] for lead in range(2, 5)]
    rows = [
        row | {"multi_alt_phones": "!".join(f"{number}_1_" for number in its)}
        for row, its in zip(ROWS, numbers, strict=False)
    ]
    load = Killing(database, tmp_path, rows, dnc_check="Y", dnc_alt_phones="clear")

    def stored() -> list[tuple[int, str]]:
        found = run(
            load.url, f"SELECT lead_id, phone_number FROM {ALT} ORDER BY lead_id, alt_phone_count"
        )
        return [(int(lead_id), str(number)) for lead_id, number in found]

    def list_numbers(*listed: str) -> None:
        load.work(*(f"INSERT INTO vicidial_dnc VALUES ('{number}')" for number in listed))

    load.kill(*first)
    # As of a server that was killed: only the first rows of the statement are in.
    load.work(f"DELETE FROM {ALT} WHERE alt_phone_id > {arrived}")
    expected = set(stored())
    # In the middle, one after the other at the start, and all of a lead.
    listed = {numbers[0][1], numbers[0][2], numbers[1][0], *numbers[2]}
    list_numbers(*listed)
    if again:
        load.kill(*again)
        expected |= {*stored()}
        listed |= {numbers[0][3], numbers[1][2]}
        list_numbers(numbers[0][3], numbers[1][2])
        # What was held back may go: it comes after those that are there by now.
        load.work(f"DELETE FROM vicidial_dnc WHERE phone_number = '{numbers[0][1]}'")
        listed -= {numbers[0][1]}
    load.complete()
    expected |= {
        (lead_id, number)
        for lead_id, its in enumerate(numbers, 1)
        for number in its
        if number not in listed
    }
    assert sorted(stored()) == sorted(expected)
    counts = run(load.url, f"SELECT lead_id, alt_phone_count FROM {ALT} ORDER BY 1, 2")
    by_lead: dict[int, list[int]] = {}
    for lead_id, count in counts:
        by_lead.setdefault(lead_id, []).append(count)
    assert by_lead
    for found in by_lead.values():
        assert found == list(range(1, len(found) + 1))


@pytest.mark.sample(1)
@pytest.mark.parametrize("third", ALT_SENT_AGAIN, ids=lambda kill: str(kill[0]))
def test_an_alternate_number_that_may_be_called_again_comes_last(
    third: tuple[Point, int], database: Database, engine_name: str, tmp_path: Path
) -> None:
    """Nothing is held back any more, and the counts are not those of the file."""
    numbers = [f"7275552{n:03}" for n in range(4)]
    text = "!".join(f"{number}_1_" for number in numbers)
    load = Killing(
        database, tmp_path, [ROWS[0] | {"multi_alt_phones": text}],
        dnc_check="Y", dnc_alt_phones="clear",
    )  # fmt: skip
    stored = Point(ExtraInserter, "insert", "after"), 1
    for kill, work in (
        (ALT_SENT[0], f"INSERT INTO vicidial_dnc VALUES ('{numbers[1]}')"),
        (stored if engine_name == "innodb" else ALT_SENT_AGAIN[1], "DELETE FROM vicidial_dnc"),
        (third, "SELECT 1"),
    ):
        load.kill(*kill)
        # Each process has a session of its own.
        database.engine.dispose()
        load.work(work)
    load.complete()
    found = run(load.url, f"SELECT phone_number, alt_phone_count FROM {ALT} ORDER BY 2")
    assert [number for number, _ in found] == [numbers[n] for n in (0, 2, 3, 1)]
    assert [count for _, count in found] == [1, 2, 3, 4]


@pytest.mark.sample(1)
@pytest.mark.parametrize("held", [True, False])
def test_an_alternate_number_that_was_refused_is_not_taken_for_another_one(
    held: bool, database: Database, tmp_path: Path
) -> None:
    numbers = [[f"727555{lead}{n:03}" for n in range(4)] for lead in (2, 3)]
    rows = [
        row | {"multi_alt_phones": "!".join(f"{number}_1_" for number in its)}
        for row, its in zip(ROWS, numbers, strict=False)
    ]
    load = Killing(database, tmp_path, rows, dnc_check="Y", dnc_alt_phones="clear")
    load.work(f"ALTER TABLE {ALT} ADD CONSTRAINT no CHECK (phone_number <> '{numbers[0][1]}')")
    load.kill(*ALT_SENT[0])
    database.engine.dispose()
    if held:
        load.work(f"INSERT INTO vicidial_dnc VALUES ('{numbers[1][0]}')")
    load.kill(Point(Writer, "write", "after"), 1)
    database.engine.dispose()
    outcome = load.complete()
    load.work(f"ALTER TABLE {ALT} DROP CONSTRAINT no")
    assert "CHANGED_BY_SERVER" not in outcome.summary.notices
    assert outcome.summary.notices["EXTRA_NOT_STORED"] == 1
    found = run(load.url, f"SELECT phone_number FROM {ALT} ORDER BY lead_id, alt_phone_count")
    expected = [numbers[0][n] for n in (0, 2, 3)] + numbers[1][held:]
    assert [number for (number,) in found] == expected


# --- others insert in the same second ---

SECOND = datetime(2026, 11, 29, 10, 0, 0)


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """All batches have one entry_date."""
    place = LeadInserter._place

    def then(self: LeadInserter, connection: Connection) -> Any:
        return place(self, connection)._replace(now=SECOND)

    monkeypatch.setattr(LeadInserter, "_place", then)


@pytest.mark.sample(1)
@pytest.mark.usefixtures("one_second")
@pytest.mark.parametrize("count", [10, 9, 1])
@pytest.mark.parametrize("told", ["numbers", "names"])
def test_leads_of_another_load_are_not_taken_for_those_that_were_never_sent(
    told: str, count: int, database: Database, tmp_path: Path
) -> None:
    given = [row if told == "numbers" else row | {"last_name": "x"} for row in ROWS]
    load = Killing(database, tmp_path, given)
    load.kill(Point(Writer, "write", "before"), 1)
    other = [
        {"phone_number": str(FIRST + 500 + n), "first_name": f"m{n}", "last_name": "y"}
        for n in range(count)
    ]
    folder = tmp_path / "other"
    folder.mkdir()
    load_file(Loads(folder).file(other), load.options, Database(load.url), folder / "results")
    outcome = load.complete()
    assert (outcome.summary.loaded, outcome.reasons) == (10, {})
    numbers = run(load.url, "SELECT phone_number FROM vicidial_list ORDER BY phone_number")
    assert [n for (n,) in numbers] == [row["phone_number"] for row in (*given, *other)]


@pytest.mark.usefixtures("one_second")
def test_nor_is_a_lead_that_the_dialer_inserted(database: Database, tmp_path: Path) -> None:
    load = Killing(database, tmp_path, [ROWS[0] | {"last_name": "Doe"}])
    load.kill(Point(Writer, "write", "before"), 1)
    load.work(
        "INSERT INTO vicidial_list (phone_number, first_name, last_name, list_id, entry_date) "
        f"VALUES ('8135550000', 'Cid', 'Roe', 101, '{SECOND}')"
    )
    assert load.complete().summary.loaded == 1
    names = run(load.url, "SELECT last_name FROM vicidial_list ORDER BY lead_id")
    assert names == [("Roe",), ("Doe",)]


# --- people are quicker than the proof ---


@pytest.mark.engines("myisam")
@pytest.mark.parametrize(
    ("work", "rejected", "numbers"),
    [
        pytest.param(
            ["DELETE FROM vicidial_list WHERE lead_id IN (2, 4)"],
            {3: 2, 5: 4}, {1: FIRST, 3: FIRST + 2, 5: FIRST + 4}, id="deleted",
        ),
        pytest.param(
            ["DELETE FROM vicidial_list"], {n + 1: n for n in range(1, 6)}, {}, id="all deleted",
        ),
        pytest.param(
            [
                "DELETE FROM vicidial_list WHERE lead_id = 2",
                "UPDATE vicidial_list SET phone_number = '7275559999' WHERE lead_id = 4",
            ],
            {3: 2},
            {1: FIRST, 3: FIRST + 2, 4: 7275559999, 5: FIRST + 4},
            id="deleted, and corrected",
        ),
        pytest.param(
            [
                "INSERT INTO vicidial_list_archive SELECT * FROM vicidial_list WHERE lead_id = 5",
                "DELETE FROM vicidial_list WHERE lead_id = 5",
            ],
            {6: 5}, {n: FIRST + n - 1 for n in range(1, 5)}, id="archived",
        ),
    ],
)  # fmt: skip
def test_leads_that_go_before_they_are_read_do_not_come_again(
    work: list[str],
    rejected: dict[int, int],
    numbers: dict[int, int],
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, read_back = url_of(database), _LeadBatch.read_back
    left = [work]

    def late(self: _LeadBatch, *arguments: Any) -> Inserted:
        if left:
            run(url, *left.pop())
        return read_back(self, *arguments)

    monkeypatch.setattr(_LeadBatch, "read_back", late)
    outcome = Loads(tmp_path).load(ROWS[:5], database, list_id="101")
    assert outcome.reasons == dict.fromkeys(rejected, "IN_DOUBT")
    details = {row: outcome.rejected[row]["details"] for row in rejected}
    assert details == {row: f"lead_id={lead_id}" for row, lead_id in rejected.items()}
    found = run(url, "SELECT lead_id, phone_number FROM vicidial_list ORDER BY lead_id")
    assert {lead_id: int(number) for lead_id, number in found} == numbers
    assert outcome.lead_ids == {lead_id + 1: lead_id for lead_id in numbers}

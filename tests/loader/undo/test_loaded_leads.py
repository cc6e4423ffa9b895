"""New leads are taken back if they are as they were loaded when they go; whatever is between."""

import contextlib
import random
import threading
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from loader.database.connection import Database
from loader.database.schema import metadata
from loader.errors import TransientDatabaseError
from loader.fields.lead import TEXT_FIELDS
from loader.ledger.encoding import SentBatch
from loader.options.archive import ArchiveOptions
from loader.undo.loaded_leads import LoadedLeads
from loader.undo.outcome import LOADED_TYPES, MovedLeads
from loader.writing.batch import Inserted
from loader.writing.fingerprints import read_fingerprints
from tests.support.archives import ARCHIVE, LEADS, ids, lead, move, put, rows, sql
from tests.support.server import fill
from tests.support.statements import just_before

ALT, HOPPER, CALLBACKS = "vicidial_list_alt_phones", "vicidial_hopper", "vicidial_callbacks"
LOADED = "2026-03-01 10:00:00"


@pytest.fixture
def family(database: Database) -> Iterator[Database]:
    """A database for leads with what can come with them."""
    columns = {"color": "varchar(20)"}
    fill(database.engine, {"custom_tables": [{"table": "custom_101", "columns": columns}]})
    yield database
    for name in ("custom_101", ALT, CALLBACKS):
        sql(database, f"DROP TABLE IF EXISTS {name}_archive")


def fresh(lead_id: int, **values: Any) -> dict[str, Any]:
    """Give a lead as a load makes it."""
    never = dict.fromkeys(TEXT_FIELDS, "") | {
        "status": "NEW", "called_count": 0, "called_since_last_reset": "N", "comments": "",
        "modify_date": LOADED, "last_local_call_time": LOADED, "gender": "U",
        "date_of_birth": "0000-00-00",
    }  # fmt: skip
    return lead(lead_id, **{**never, "first_name": f"Ann{lead_id}", **values})


def as_loaded(database: Database, *lead_ids: int) -> pd.DataFrame:
    """Give what the ledger would have of leads that are as they were loaded."""
    columns = metadata.tables[LEADS].columns.keys()
    prints = read_fingerprints(database, lead_ids, columns)
    frame = pd.DataFrame({"lead_id": prints.index, "fingerprint": prints.to_numpy()})
    return frame.assign(row_number=frame.index + 2)[list(LOADED_TYPES)].astype(LOADED_TYPES)


def mover(database: Database) -> LoadedLeads:
    made = LoadedLeads(database, ArchiveOptions())
    made.make_archives()
    return made


def stayed(frame: pd.DataFrame) -> dict[int, tuple[str, str]]:
    assert frame["lead_id"].is_unique
    return {row.lead_id: (row.why, row.details) for row in frame.itertuples()}


def taken(database: Database, leads: pd.DataFrame) -> MovedLeads:
    return mover(database).take(leads)


def hopper(database: Database, lead_id: int, status: str = "READY") -> None:
    put(
        database,
        {"lead_id": lead_id, "campaign_id": "TESTCAMP", "status": status, "list_id": 101},
        table=HOPPER,
    )


def callback(lead_id: int, **values: Any) -> dict[str, Any]:
    row = {
        "lead_id": lead_id, "list_id": 101, "status": "ACTIVE", "entry_time": LOADED,
        "modify_date": LOADED, "callback_time": "2026-04-01 10:00:00",
    }  # fmt: skip
    return row | values


def test_leads_go_with_all_that_came_with_them(family: Database) -> None:
    put(family, fresh(1, entry_list_id=101), fresh(2, status="CBHOLD"), fresh(3), fresh(4))
    fill(
        family.engine,
        {
            "custom_101": [{"lead_id": n, "color": "red"} for n in (1, 4)],
            ALT: [{"alt_phone_id": n, "lead_id": n, "phone_number": f"{n}"} for n in (1, 4)],
            CALLBACKS: [callback(2), callback(4)],
        },
    )
    hopper(family, 3)
    hopper(family, 4)
    before = rows(family)
    undo = mover(family)
    done = undo.take(as_loaded(family, 1, 2, 3))
    assert (done.counts, stayed(done.stayed), undo.from_hopper) == ((3, 3, 0, 3), {}, 1)
    assert {name: counts.delete_count for name, counts in done.children.items()} == {
        ALT: 1, CALLBACKS: 1, "custom_101": 1,
    }  # fmt: skip
    assert rows(family) == {4: before[4]}
    assert rows(family, ARCHIVE) == {n: before[n] for n in (1, 2, 3)}
    for table in ("custom_101", ALT, CALLBACKS, HOPPER):
        assert sql(family, f"SELECT lead_id FROM {table}") == [(4,)]


CHANGED = {
    "nothing": ("modify_date = '2026-05-01 10:00:00'", None),
    "zone": ("gmt_offset_now = '-4.00', modify_date = modify_date", None),
    "called": ("called_count = 1, status = 'NA'", "CALLED"),
    "called and reset": ("called_count = 1", "CALLED"),
    "dialled by hand": ("called_since_last_reset = 'Y1'", "CALLED"),
    "comment": ("comments = 'new'", "CHANGED"),
    "case": ("first_name = 'ANN1'", "CHANGED"),
    "blank": ("first_name = 'Ann1 '", "CHANGED"),
    "list": ("list_id = 102", "CHANGED"),
    "null": ("comments = NULL", "CHANGED"),
    "held": ("status = 'QUEUE'", "HELD"),
}


@pytest.mark.sample(3)
@pytest.mark.parametrize(("change", "why"), CHANGED.values(), ids=CHANGED)
def test_a_lead_that_was_changed_stays(family: Database, change: str, why: str | None) -> None:
    put(family, fresh(1), fresh(2))
    leads = as_loaded(family, 1, 2)
    sql(family, f"UPDATE {LEADS} SET {change} WHERE lead_id = 1")
    undo = mover(family)
    now = undo.read_leads(leads)
    assert now.free["lead_id"].tolist() == ([2] if why else [1, 2])
    done = undo.take(leads)
    for frame in (now.stayed, done.stayed):
        assert {lead_id: said for lead_id, (said, _) in stayed(frame).items()} == (
            {1: why} if why else {}
        )
    assert set(rows(family)) == ({1} if why else set())


HOLDERS = {
    "auto call": ("vicidial_auto_calls", {"lead_id": 1}, "vicidial_auto_calls"),
    "agent": ("vicidial_live_agents", {"lead_id": 1, "user": "6666"}, "vicidial_live_agents"),
    "hopper": (HOPPER, {"lead_id": 1, "list_id": 101, "status": "QUEUE"}, HOPPER),
    "callback is due": (CALLBACKS, callback(1, status="LIVE"), CALLBACKS),
    "callback was moved": (CALLBACKS, callback(1, modify_date="2026-03-02 10:00:00"), CALLBACKS),
}


@pytest.mark.sample(2)
@pytest.mark.parametrize(("table", "row", "place"), HOLDERS.values(), ids=HOLDERS)
def test_a_lead_that_the_dialer_holds_stays(
    family: Database, table: str, row: dict[str, Any], place: str
) -> None:
    put(family, fresh(1), fresh(2))
    leads = as_loaded(family, 1, 2)
    undo = mover(family)
    put(family, row, table=table)
    assert stayed(undo.read_leads(leads).stayed) == {1: ("HELD", place)}
    assert stayed(undo.take(leads).stayed) == {1: ("HELD", place)}
    assert set(rows(family)) == {1}
    assert len(sql(family, f"SELECT * FROM {table}")) == 1


def test_leads_that_went_another_way_are_told(family: Database) -> None:
    put(family, *map(fresh, (1, 2, 3)))
    leads = as_loaded(family, 1, 2, 3)
    move(family, [1])
    sql(family, f"DELETE FROM {LEADS} WHERE lead_id = 2")
    assert stayed(mover(family).read_leads(leads).stayed) == {1: ("ARCHIVED", ""), 2: ("GONE", "")}


def test_a_chunk_of_which_all_stay(family: Database) -> None:
    put(family, fresh(1))
    leads = as_loaded(family, 1)
    sql(family, f"UPDATE {LEADS} SET called_count = 1")
    done = taken(family, leads)
    assert (stayed(done.stayed), done.counts) == ({1: ("CALLED", "status NEW")}, (0, 0, 0, 0))


def test_of_a_batch_that_was_broken_off_only_its_own_are_found(family: Database) -> None:
    """1 and 4 are known, 4 as a trigger changed it; 2 is the second of three alike, 3 another's."""
    alike = {"phone_number": "7275550001", "vendor_lead_code": "v", "first_name": "Ann"}
    put(family, *(fresh(n, **alike) for n in (1, 2, 3)), fresh(4))
    prints = as_loaded(family, 1, 2, 3, 4).set_index("lead_id")["fingerprint"]
    sent = pd.Series([prints[1], prints[1], 17, 18, 19], dtype="uint32")
    ids = pd.Series([1, 4], index=[2, 4])
    own = prints[[1, 4]].set_axis(ids.index)
    undo = mover(family)

    def found(**refused: dict[int, int]) -> tuple[list[int], int]:
        batch = SentBatch(0, LOADED, sent, Inserted(ids, fingerprints=own, **refused))
        leads, in_doubt = undo.find_sent(batch)
        assert {*in_doubt["why"]} <= {"IN_DOUBT"}
        return leads["lead_id"].tolist(), len(in_doubt)

    assert found() == ([2], 2)
    assert found(refused={5: 1, 6: 1}) == ([2], 0)


@pytest.mark.engines("myisam")
@pytest.mark.parametrize(
    ("gone", "later", "found", "in_doubt"),
    [
        ([], [], [1, 2, 3, 4, 5], 0),
        ([], [2, 4], [1, 2, 3, 4, 5], 0),  # their places say which ones they are
        ([2], [], [1, 2, 3, 4, 5], 0),
        ([5], [4], [1, 2, 3, 4, 5], 0),
        ([], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5], 0),
        ([2, 3], [], [1, 2, 3, 4, 5], 0),
    ],
)
def test_of_a_batch_that_was_broken_off_those_are_known_that_somebody_worked_with(
    family: Database, gone: list[int], later: list[int], found: list[int], in_doubt: int
) -> None:
    put(family, *map(fresh, range(1, 6)))
    sent = as_loaded(family, *range(1, 6))["fingerprint"]
    for lead_id in later:
        sql(family, f"UPDATE {LEADS} SET status = 'NA' WHERE lead_id = {lead_id}")
    for lead_id in gone:
        sql(family, f"DELETE FROM {LEADS} WHERE lead_id = {lead_id}")
    batch = SentBatch(0, LOADED, sent, Inserted(), next_id=1)
    undo = mover(family)
    leads, doubtful = undo.find_sent(batch)
    assert (sorted(leads["lead_id"]), len(doubtful)) == (found, in_doubt)
    stays = stayed(undo.read_leads(leads).stayed)
    assert {lead_id: why for lead_id, (why, _) in stays.items()} == (
        dict.fromkeys(later, "CHANGED") | dict.fromkeys(gone, "GONE")
    )


@pytest.mark.engines("myisam")
def test_rows_that_were_not_stored_are_not_in_doubt(family: Database) -> None:
    put(family, *map(fresh, range(1, 4)))
    prints = as_loaded(family, 1, 2, 3)["fingerprint"].tolist()
    sent = pd.Series([*prints, 17, 18], dtype="uint32")
    undo = mover(family)
    assert list(map(len, undo.find_sent(SentBatch(0, LOADED, sent, Inserted(), next_id=1)))) == [
        3, 0
    ]  # fmt: skip
    # Two of five were stored and are gone, or three and two were not.
    sql(family, f"DELETE FROM {LEADS} WHERE lead_id < 3")
    sql(family, f"UPDATE {LEADS} SET status = 'NA'")
    assert list(map(len, undo.find_sent(SentBatch(0, LOADED, sent, Inserted(), next_id=1)))) == [
        0, 3
    ]  # fmt: skip
    sent = pd.Series([17, 18], dtype="uint32")
    nothing = SentBatch(3, LOADED, sent, Inserted(), next_id=4)
    assert list(map(len, undo.find_sent(nothing))) == [0, 0]


# --- between two statements ---

MOMENTS = (f"INSERT INTO {ARCHIVE}", f"DELETE FROM {LEADS}")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_call_in_the_last_moment_keeps_the_lead(family: Database, moment: str) -> None:
    put(family, fresh(1), fresh(2), fresh(3))
    undo, leads = mover(family), as_loaded(family, 1, 2, 3)
    call = f"UPDATE {LEADS} SET called_count = 1, status = 'NA' WHERE lead_id = 2"
    with just_before(family, moment, lambda: sql(family, call)):
        done = undo.take(leads)
    assert stayed(done.stayed) == {2: ("CALLED", "status NA")}
    assert (set(rows(family)), set(rows(family, ARCHIVE))) == ({2}, {1, 3})
    assert (done.counts.select_count, done.counts.delete_count) == (3, 2)


def test_a_change_that_leaves_no_other_trace_keeps_the_lead(family: Database) -> None:
    """Copy and lead are equal then, but not as they were loaded."""
    put(family, fresh(1))
    undo, leads = mover(family), as_loaded(family, 1)
    change = f"UPDATE {LEADS} SET comments = 'x'"
    with just_before(family, f"INSERT INTO {ARCHIVE}", lambda: sql(family, change)):
        done = undo.take(leads)
    assert {why for why, _ in stayed(done.stayed).values()} == {"CHANGED"}
    assert (set(rows(family)), rows(family, ARCHIVE)) == ({1}, {})


def test_a_lead_put_back_into_the_hopper_is_taken_out_again(family: Database) -> None:
    put(family, fresh(1), fresh(2))
    hopper(family, 1)
    undo, leads = mover(family), as_loaded(family, 1, 2)
    with just_before(family, f"DELETE FROM {LEADS}", lambda: hopper(family, 1)):
        done = undo.take(leads)
    assert (stayed(done.stayed), done.counts) == ({}, (2, 2, 0, 2))
    assert (rows(family), sql(family, f"SELECT * FROM {HOPPER}")) == ({}, [])
    assert undo.from_hopper == 2


def test_a_lead_taken_from_the_hopper_in_the_last_moment_stays(family: Database) -> None:
    put(family, fresh(1), fresh(2))
    hopper(family, 1)
    undo, leads = mover(family), as_loaded(family, 1, 2)
    dial = f"UPDATE {HOPPER} SET status = 'QUEUE'"
    with just_before(family, f"DELETE FROM {HOPPER}", lambda: sql(family, dial)):
        done = undo.take(leads)
    assert stayed(done.stayed) == {1: ("HELD", HOPPER)}
    assert sql(family, f"SELECT lead_id, status FROM {HOPPER}") == [(1, "QUEUE")]
    assert (set(rows(family)), set(rows(family, ARCHIVE))) == ({1}, {2})


def test_what_was_taken_before_is_looked_after_still(family: Database) -> None:
    put(family, fresh(1, entry_list_id=101), fresh(2))
    fill(family.engine, {"custom_101": [{"lead_id": 1, "color": "red"}]})
    leads = as_loaded(family, 1, 2)
    undo = mover(family)
    move(family, [1])
    done = undo.take(leads)
    assert (stayed(done.stayed), done.counts) == ({}, (1, 1, 0, 1))
    assert rows(family, "custom_101") == {}
    assert undo.moved_ids(ids(1, 2, 3)).tolist() == [1, 2]


@pytest.mark.engines("myisam", "innodb")
def test_beside_a_busy_dialer_only_leads_as_loaded_go(family: Database, database_url: str) -> None:
    """Whoever was called or changed before it went is still there, and nobody is lost."""
    count = 400
    put(family, *map(fresh, range(1, count + 1)))
    leads, before = as_loaded(family, *range(1, count + 1)), rows(family)
    undo, written, done = mover(family), set[int](), threading.Event()

    def work() -> None:
        dialer = Database(database_url)
        order = random.Random(1)  # noqa: S311 - the same each time
        while not done.is_set():
            lead_id = order.randint(1, count)
            change = order.choice(["called_count = called_count + 1", "comments = 'x'"])
            with contextlib.suppress(TransientDatabaseError), dialer.connect() as connection:
                statement = f"UPDATE {LEADS} SET {change} WHERE lead_id = {lead_id}"
                if connection.exec_driver_sql(statement).rowcount:
                    connection.commit()
                    written.add(lead_id)
        dialer.engine.dispose()

    writers = [threading.Thread(target=work) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        frames = [undo.take(leads[start : start + 20]).stayed for start in range(0, count, 20)]
    finally:
        done.set()
        for writer in writers:
            writer.join()
    stays = stayed(pd.concat(frames))
    left, archived = rows(family), rows(family, ARCHIVE)
    assert left.keys() | archived.keys() == before.keys()
    assert not left.keys() & archived.keys()
    assert archived == {lead_id: before[lead_id] for lead_id in archived}
    assert stays.keys() == left.keys()
    assert {why for why, _ in stays.values()} <= {"CALLED", "CHANGED", "LOCKED"}
    assert 0 < len(left) < count
    assert {lead_id for lead_id, (why, _) in stays.items() if why != "LOCKED"} <= written

"""After a load: how many of the new leads the dialer could call now, and why not the others."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.cli.main import run
from jobs.load.summarize import with_dialable
from jobs.settings import settings as settings_module
from loader.checks.dialable import CAMPAIGNS, KINDS, LIST_COLUMNS, find_obstacles
from loader.database.connection import Database
from loader.errors import DatabaseUnavailableError
from loader.frames.collation import fold
from loader.obstacles import Obstacle
from loader.queries import dialable
from loader.queries.dialable import CallRules, by_list
from tests.support.hopper import TABLES, WINTER, Row, dialer_of
from tests.support.loads import Loads
from tests.support.server import fill

LIST_FACTS = {
    101: ("CAMP1", "Y", "2099-12-31"),
    102: ("camp1 ", "N", "2099-12-31"),
    103: ("CAMP1", "Y", "2026-01-14"),
    104: ("CAMP1", "Y", "2026-01-15"),
    201: ("CAMP2", "Y", ""),
    301: ("GONE", "Y", "0000-00-00"),
}
CAMPAIGN_FACTS = {"CAMP1": ("Y", " NEW na A -", "NONE"), "CAMP2": ("N", " NEW -", "NONE")}


def obstacle(clock: datetime = WINTER, **lead: Any) -> str:
    usual: Row = {
        "list_id": 101, "status": "NEW", "called_since_last_reset": "N", "gmt_offset_now": -5.0,
        "state": "", "zone_known": True,
    }  # fmt: skip
    kinds = pd.DataFrame([usual | lead], index=[7])[list(KINDS)]
    kinds = kinds.astype({"gmt_offset_now": "float64", "status": "str", "state": "str"})
    return find_obstacles(kinds, dialer_of(TABLES, clock), *facts())[7]


def facts() -> tuple[pd.DataFrame, pd.DataFrame]:
    lists = pd.DataFrame.from_dict(LIST_FACTS, orient="index", columns=list(LIST_COLUMNS))
    campaigns = pd.DataFrame.from_dict(CAMPAIGN_FACTS, orient="index", columns=list(CAMPAIGNS))
    keyed = campaigns.astype("str").set_axis(fold(campaigns.index.to_series()))
    return lists.astype("str"), keyed


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        pytest.param({}, "", id="dialable"),
        pytest.param({"list_id": 999}, "LIST_UNKNOWN", id="no-list"),
        pytest.param({"list_id": 102}, "LIST_INACTIVE", id="list"),
        pytest.param({"list_id": 103, "status": "X"}, "LIST_EXPIRED", id="yesterday"),
        pytest.param({"list_id": 104}, "OUTSIDE_CALL_TIME", id="last-day-call-time-undefined"),
        pytest.param({"list_id": 301}, "LIST_EXPIRED", id="zero-date"),
        pytest.param({"list_id": 201}, "CAMPAIGN_INACTIVE", id="campaign"),
        pytest.param({"status": "na "}, "", id="status-without-case"),
        pytest.param({"status": "-"}, "STATUS_NOT_DIALED", id="hyphen-is-no-status"),
        pytest.param({"status": "CBHOLD"}, "STATUS_NOT_DIALED", id="waits-for-its-callback"),
        pytest.param({"called_since_last_reset": "Y1"}, "CALLED_SINCE_RESET", id="called"),
        pytest.param({"gmt_offset_now": -10.0}, "", id="9-in-the-morning"),
        pytest.param({"gmt_offset_now": -10.25}, "OUTSIDE_CALL_TIME", id="still-asleep"),
        pytest.param({"gmt_offset_now": 2.0}, "OUTSIDE_CALL_TIME", id="9-in-the-evening"),
        pytest.param({"gmt_offset_now": 2.0, "zone_known": False}, "NO_GMT_OFFSET", id="no-zone"),
        pytest.param({"gmt_offset_now": 0.0, "zone_known": False}, "", id="called-by-utc"),
        pytest.param({"gmt_offset_now": np.nan}, "", id="null-counts-as-0"),
    ],
)
def test_the_first_obstacle_is_told(lead: Row, expected: str) -> None:
    assert obstacle(**lead) == expected


def test_without_offset_and_outside_of_the_hours_of_utc() -> None:
    night = datetime(2026, 1, 15, 20)  # in UTC the day after, 1 o'clock
    assert obstacle(night, gmt_offset_now=np.nan) == "NO_GMT_OFFSET"
    assert obstacle(night, gmt_offset_now=0.0) == "OUTSIDE_CALL_TIME"


def test_a_list_of_a_campaign_that_is_not_there() -> None:
    lists, campaigns = facts()
    lists["expiration_date"] = ""
    kinds = pd.DataFrame([(301, "NEW", "N", -5.0, "", True)], columns=list(KINDS))
    dialer = dialer_of(TABLES)
    assert find_obstacles(kinds, dialer, lists, campaigns)[0] == "CAMPAIGN_UNKNOWN"


KIND = st.tuples(
    st.sampled_from([101, 102, 103, 104, 201, 301, 999]),
    st.sampled_from(["NEW", "NA", "DEAD", ""]),
    st.sampled_from(["N", "Y", ""]),
    st.sampled_from([-10.25, -5.0, 0.0, 13.0, np.nan]),
    st.sampled_from(["", "FL", "TX"]),
    st.booleans(),
)


@pytest.mark.property
@given(kinds=st.lists(st.tuples(KIND, st.integers(1, 10**6)), max_size=12))
def test_every_lead_is_counted_once(kinds: list[tuple[Any, int]]) -> None:
    columns = {"list_id": "int64", "gmt_offset_now": "float64", "zone_known": "bool"}
    frame = pd.DataFrame([kind for kind, _ in kinds], columns=list(KINDS)).astype(columns)
    frame["leads"] = pd.Series([leads for _, leads in kinds], dtype="int64")
    lists, campaigns = facts()
    obstacles = find_obstacles(
        frame.astype({"status": "str", "state": "str"}), dialer_of(TABLES), lists, campaigns
    )
    found = by_list(frame, obstacles, lists)
    for each in found:
        of_list = frame["list_id"] == each.list_id
        assert each.leads == frame["leads"][of_list].sum()
        assert each.leads == each.dialable + sum(each.obstacles.values())
        assert each.dialable == frame["leads"][of_list & (obstacles == "")].sum()
        assert list(each.obstacles) == [o for o in Obstacle if o in each.obstacles]
    assert [each.list_id for each in found] == sorted(frame["list_id"].unique())


DIALER: dict[str, list[Row]] = {
    "vicidial_campaigns": [
        {"campaign_id": "OPEN", "active": "Y", "dial_statuses": " NEW -", "local_call_time": "24h"},
        {"campaign_id": "SHUT", "active": "Y", "lead_filter_id": "mine", "local_call_time": "no"},
        {"campaign_id": "OFF", "active": "N", "local_call_time": "24h"},
    ],
    "vicidial_lists": [
        {"list_id": 101, "campaign_id": "OPEN", "active": "Y"},
        {"list_id": 102, "campaign_id": "SHUT", "active": "Y"},
        {"list_id": 103, "campaign_id": "OFF", "active": "Y"},
        {"list_id": 104, "campaign_id": "OPEN", "active": "N"},
    ],
    "vicidial_call_times": [
        {"call_time_id": "24h", "call_time_name": "a", "ct_default_start": 0,
         "ct_default_stop": 2400},
        {"call_time_id": "no", "call_time_name": "n", "ct_default_start": 2400,
         "ct_default_stop": 2400},
    ],
}  # fmt: skip


def row(number: int, **values: str) -> dict[str, str]:
    return {"phone_number": f"72755501{number:02}", "list_id": "101"} | values


ROWS = [
    row(1),
    row(2),
    row(3, list_id="102"),
    row(4, list_id="102", phone_code="999", phone_number="5555555555"),
    row(5, list_id="103"),
    row(6, list_id="104"),
    row(7, list_id="105"),
    row(8, phone_number="1"),
]
EXPECTED = [
    (101, "OPEN", 2, 2, {}),
    (102, "SHUT", 2, 0, {"NO_GMT_OFFSET": 1, "OUTSIDE_CALL_TIME": 1}),
    (103, "OFF", 1, 0, {"CAMPAIGN_INACTIVE": 1}),
    (104, "OPEN", 1, 0, {"LIST_INACTIVE": 1}),
    (105, "", 1, 0, {"LIST_UNKNOWN": 1}),
]


def test_a_load_tells_it_by_list(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database.engine, DIALER)
    monkeypatch.setattr(dialable, "MOST_LEADS", 2)
    outcome = Loads(tmp_path).load(ROWS, database, phone_validation="length")
    assert "NO_TIME_ZONE" in outcome.names(5)
    without_zone = np.array([outcome.lead_ids[5]])
    summary = with_dialable(outcome.summary, database, without_zone)
    assert [tuple(each.model_dump().values()) for each in summary.dialable or []] == EXPECTED
    assert "campaign SHUT calls by the lead filter mine, which was not looked at" in summary.remarks
    assert sorted(path.name for path in outcome.folder.iterdir()) == [
        "loaded.csv", "rejected.csv", "summary.json",
    ]  # fmt: skip


def test_what_an_old_dialer_has_no_column_for_keeps_no_lead_back(
    empty_database_url: str, tmp_path: Path
) -> None:
    database = Database(empty_database_url)
    with database.connect() as connection:
        for statement in (
            "CREATE TABLE vicidial_list (lead_id INTEGER PRIMARY KEY, list_id BIGINT, status "
            "VARCHAR(6), called_since_last_reset VARCHAR(3), gmt_offset_now DECIMAL(4,2), state "
            "VARCHAR(2))",
            "CREATE TABLE vicidial_lists (list_id BIGINT, campaign_id VARCHAR(8))",
            "CREATE TABLE vicidial_campaigns (campaign_id VARCHAR(8), active VARCHAR(1))",
            "INSERT INTO vicidial_list VALUES (1, 101, 'ANY', 'N', NULL, NULL)",
            "INSERT INTO vicidial_lists VALUES (101, 'OLD')",
            "INSERT INTO vicidial_campaigns VALUES ('OLD', 'Y')",
        ):
            connection.exec_driver_sql(statement)
        connection.commit()
    old = CallRules(database)
    (found,) = old.count_dialable([(1, 1)], np.empty(0, dtype=np.int64))
    # It has no call times either, and what is not defined is closed.
    assert found.obstacles == {"NO_GMT_OFFSET": 1}
    assert old.missing == [
        "vicidial_lists.active", "vicidial_lists.expiration_date",
        "vicidial_campaigns.dial_statuses", "vicidial_campaigns.lead_filter_id",
    ]  # fmt: skip
    database.engine.dispose()


@pytest.mark.engines("sqlite")
def test_a_question_that_fails_is_a_remark(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database.engine, DIALER)
    outcome = Loads(tmp_path).load([row(1)], database)

    def gone(*_: object) -> None:
        raise DatabaseUnavailableError("gone")

    monkeypatch.setattr(CallRules, "count_dialable", gone)
    summary = with_dialable(outcome.summary, database, np.array([]))
    assert (summary.loaded, summary.dialable) == (1, None)
    assert summary.remarks[-1] == "what could be called is not known: gone"


@pytest.mark.engines("sqlite")
def test_the_command_shows_it(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    fill(database.engine, DIALER)
    path = Loads(tmp_path).file(ROWS)
    address = database.engine.url.render_as_string(hide_password=False)
    arguments = [str(path), "--database", address, "--check-dialable"]
    assert run(["validate", *arguments]) == 0
    assert "dialable now" not in capsys.readouterr().out
    assert run(["import", *arguments, "--phone-validation", "length"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["101", "OPEN", "2", "2"] in lines
    assert ["102", "SHUT", "2", "0", "1", "NO_GMT_OFFSET,", "1", "OUTSIDE_CALL_TIME"] in lines
    assert run(["import", str(path), "--database", address, "--list-id", "101", "--json",
                "--force-list-id", "101", "--check-dialable"]) == 0  # fmt: skip
    printed = json.loads(capsys.readouterr().out)
    assert printed["dialable"][0]["list_id"] == 101
    assert json.loads((Path(printed["results"]) / "summary.json").read_text("utf-8")) == printed


def test_no_leads_no_lists(database: Database, tmp_path: Path) -> None:
    outcome = Loads(tmp_path).load([row(1, phone_number="1")], database)
    assert with_dialable(outcome.summary, database, np.array([])).dialable == []


def test_ids_are_asked_in_bounded_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialable, "MOST_LEADS", 4)
    monkeypatch.setattr(dialable, "MOST_RANGES", 2)
    chunks = [ids.tolist() for ids in dialable._chunks([(1, 9), (20, 20), (30, 30), (40, 41)])]
    assert chunks == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 20], [30, 40, 41]]
    assert list(dialable._ranges(np.array([1, 2, 4, 7, 8]))) == [[(1, 2), (4, 4)], [(7, 8)]]
    assert list(dialable._ranges(np.array([], dtype=np.int64))) == []

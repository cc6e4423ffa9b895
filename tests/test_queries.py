"""What is asked of the database: the right answers, and few questions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import event

from loader.database import Database
from loader.duplicates import Kind
from loader.errors import NotAllowedError
from loader.facts import read_dialer
from loader.options import LoadOptions
from loader.queries import look_up
from tests.frozen import frozen, load_zone
from tests.server import Server, fill

NOW = datetime(2026, 3, 10, 2, 30)
EVERYTHING = LoadOptions(
    campaign_id="CAMP1",
    dnc_check="AREACODE",
    campaign_dnc_check="AREACODE",
    duplicate_check="DUPLIST-DUPSYS90DAY-DUPPHONEALTSYS-DUPTITLEALTPHONECAMP-DUPNAMEPHONESYS2DAY",
)


def lead(lead_id: int, phone_number: str, **more: Any) -> dict[str, Any]:
    return {
        "lead_id": lead_id, "phone_number": phone_number, "list_id": 101,
        "entry_date": "2026-03-09 10:00:00", "title": "MR", "first_name": "Ann",
        "last_name": "Lee", "alt_phone": "", **more,
    }  # fmt: skip


TABLES: dict[str, list[dict[str, Any]]] = {
    "vicidial_lists": [
        {"list_id": 101, "campaign_id": "CAMP1"}, {"list_id": 102, "campaign_id": "camp1"},
        {"list_id": 201, "campaign_id": "CAMP2"},
    ],
    "vicidial_campaigns": [
        {"campaign_id": "CAMP1", "use_other_campaign_dnc": "CAMP2"}, {"campaign_id": "CAMP2"},
    ],
    "vicidial_dnc": [{"phone_number": "7275550100"}, {"phone_number": "212xxxxxxx"}],
    "vicidial_campaign_dnc": [
        {"phone_number": "7275550101", "campaign_id": "CAMP1"},
        {"phone_number": "7275550102", "campaign_id": "camp2"},
        {"phone_number": "305XXXXXXX", "campaign_id": "CAMP2"},
    ],
    "vicidial_list": [
        lead(1, "7275550110"), lead(2, "7275550110", list_id=201),
        lead(3, "7275550111 ", entry_date="2020-01-01 00:00:00"),
        lead(4, "7275550119", alt_phone="7275550110"),
        lead(5, "7275550112", entry_date=None),
        lead(6, "7275550113", title="mr ", alt_phone="x", list_id=102, first_name="ÁNN"),
    ],
}  # fmt: skip


def chunk(phones: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"phone_number": phones}, dtype="str")
    frame = frame.assign(list_id=101, title="Mr", alt_phone="X", first_name="ann", last_name="LEE")
    return frame.astype(dict.fromkeys(["title", "alt_phone", "first_name", "last_name"], "str"))


@pytest.fixture
def database(engine_name: str, database_url: str, request: pytest.FixtureRequest) -> Database:
    if engine_name != "sqlite":
        server: Server = request.getfixturevalue("server")
        load_zone(server, "America/New_York")
    fill(database_url, TABLES)
    return frozen(database_url, NOW, "America/New_York")


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    found: list[str] = []

    def note(*arguments: Any) -> None:
        found.append(arguments[2])

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def test_do_not_call_lists(database: Database) -> None:
    dialer = read_dialer(database, EVERYTHING)
    assert dialer.dnc_campaign == "CAMP2"
    phones = ["7275550100", "7275550101", "7275550102", "2125550100", "3055550100", "4045550100"]
    found = look_up(database, chunk(phones), EVERYTHING, dialer)
    assert sorted(found.dnc) == ["212XXXXXXX", "7275550100"]
    assert sorted(found.campaign_dnc) == ["305XXXXXXX", "7275550102"]


def test_existing_leads(database: Database) -> None:
    dialer = read_dialer(database, EVERYTHING)
    phones = ["7275550110", "7275550111", "7275550112", "7275550113", "7275550118"]
    existing = look_up(database, chunk(phones), EVERYTHING, dialer).existing
    assert rows(existing[Kind.PHONE], "lead_id_0", "lead_id_90") == [
        ("7275550110", 101, "PHONE", 1, 1), ("7275550110", 201, "PHONE", 2, 2),
        ("7275550111", 101, "PHONE", 3, None), ("7275550112", 101, "PHONE", 5, None),
        ("7275550113", 102, "PHONE", 6, 6),
    ]  # fmt: skip
    assert ("7275550110", 101, "ALT", 4) in rows(existing[Kind.PHONEALT], "lead_id_0")
    assert rows(existing[Kind.TITLEALTPHONE], "lead_id_0") == [("MR\x1fX", 102, "PHONE", 6)]
    names = rows(existing[Kind.NAMEPHONE], "lead_id_2")
    assert ("ANN\x1fLEE\x1f7275550113", 102, "PHONE", 6) in names


def rows(frame: pd.DataFrame, *ids: str) -> list[tuple[Any, ...]]:
    columns = ["key", "list_id", "matched", *ids]
    objects = frame[columns].astype(object).where(frame[columns].notna(), None)
    return sorted(map(tuple, objects.to_numpy().tolist()), key=str)


def test_window_starts_an_hour_later_in_the_hour_that_spring_skips(database: Database) -> None:
    # Two days back is 8 March, 02:30: the clocks went from 02:00 to 03:00.
    fill_more = [
        lead(11, "7275550121", entry_date="2026-03-08 03:29:59"),
        lead(12, "7275550122", entry_date="2026-03-08 03:30:01"),
    ]
    with database.engine.begin() as connection:
        for row in fill_more:
            names, values = (
                ", ".join(f"`{n}`" for n in row),
                ", ".join(f"'{v}'" for v in row.values()),
            )
            connection.exec_driver_sql(f"INSERT INTO vicidial_list ({names}) VALUES ({values})")
    options = LoadOptions(duplicate_check="DUPSYS2DAY")
    found = look_up(
        database, chunk(["7275550121", "7275550122"]), options, read_dialer(database, options)
    )
    frame = found.existing[Kind.PHONE].set_index("key")["lead_id_2"]
    assert pd.isna(frame["7275550121"])
    assert frame["7275550122"] == 12


def test_number_of_statements_does_not_depend_on_the_rows(database: Database) -> None:
    dialer = read_dialer(database, EVERYTHING)
    counts = set()
    for size in (1, 10, 3000):
        phones = [f"72755{number:05}" for number in range(size)]
        with statements(database) as asked:
            look_up(database, chunk(phones), EVERYTHING, dialer)
        counts.add(len(asked))
    # Two do-not-call lists, and four kinds of duplicates, of which PHONEALT has two searches.
    assert counts == {7}


def test_nothing_is_asked_that_no_option_needs(database: Database) -> None:
    options = LoadOptions()
    dialer = read_dialer(database, options)
    with statements(database) as asked:
        look_up(database, chunk(["7275550100"]), options, dialer)
    assert asked == []


def test_lists_that_no_check_can_find_anything_in_are_not_searched(database: Database) -> None:
    options = LoadOptions(duplicate_check="DUPLIST")
    found = look_up(database, chunk(["7275550110"]), options, read_dialer(database, options))
    assert found.existing[Kind.PHONE]["list_id"].tolist() == [101]
    options = LoadOptions(duplicate_check="DUPCAMP")
    found = look_up(database, chunk(["7275550113"]), options, read_dialer(database, options))
    assert found.existing[Kind.PHONE]["list_id"].tolist() == [102]


def test_clock_and_columns(database: Database, engine_name: str) -> None:
    dialer = read_dialer(database, LoadOptions())
    assert dialer.clock.now == NOW
    assert dialer.clock.offset.total_seconds() == -4 * 3600
    assert dialer.columns["first_name"].width == 30
    assert dialer.columns["first_name"].charset == (None if engine_name == "sqlite" else "utf8mb3")
    assert dict(dialer.lists) == {101: "CAMP1", 102: "camp1", 201: "CAMP2"}


MAY = {
    "user_level": 9, "modify_leads": "1", "vdc_agent_api_access": "1", "api_list_restrict": "0",
    "api_allowed_functions": " ALL_FUNCTIONS ", "user_group": "ADMIN", "active": "Y",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({}, None, id="all"),
        pytest.param({"user_level": 8, "modify_leads": "4"}, None, id="just"),
        pytest.param({"api_allowed_functions": " add_lead "}, None, id="function"),
        pytest.param({"active": "N"}, "Login incorrect", id="inactive"),
        pytest.param({"user_level": 6}, "Login incorrect", id="level-6"),
        pytest.param({"user_level": 7}, "PERMISSION TO ADD LEADS", id="level-7"),
        pytest.param({"modify_leads": "0"}, "PERMISSION TO ADD LEADS", id="modify-leads"),
        pytest.param({"modify_leads": "5"}, "PERMISSION TO ADD LEADS", id="modify-leads-5"),
        pytest.param({"vdc_agent_api_access": "0"}, "PERMISSION TO ADD LEADS", id="api"),
        pytest.param({"api_allowed_functions": " version "}, "add_lead", id="no-function"),
    ],
)
def test_permissions(change: dict[str, Any], said: str | None, database: Database) -> None:
    fill(str(database.engine.url.render_as_string(hide_password=False)), {
        "vicidial_users": [{"user": "6666", **MAY, **change}],
    })  # fmt: skip
    options = LoadOptions(user="6666")
    if said is None:
        assert read_dialer(database, options).permissions.campaigns is None
    else:
        with pytest.raises(NotAllowedError, match=said):
            read_dialer(database, options)


@pytest.mark.parametrize(
    ("allowed", "campaigns"),
    [
        pytest.param(" camp1 - ", {"CAMP1"}, id="some"),
        pytest.param(" -ALL-CAMPAIGNS- - -", {"CAMP1", "CAMP2"}, id="all"),
        pytest.param("", set(), id="none"),
    ],
)
def test_list_restriction(allowed: str, campaigns: set[str], database: Database) -> None:
    fill(str(database.engine.url.render_as_string(hide_password=False)), {
        "vicidial_users": [{"user": "7", **MAY, "api_list_restrict": "1", "user_group": "G"}],
        "vicidial_user_groups": [{"user_group": "g", "allowed_campaigns": allowed}],
    })  # fmt: skip
    assert read_dialer(database, LoadOptions(user="7")).permissions.campaigns == campaigns

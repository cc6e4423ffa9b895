"""What comes with leads, through whole loads: every row in its table, told by its real number."""

from pathlib import Path
from typing import Any

import pytest

from loader.database.connection import Database
from tests.conformance.replay import read
from tests.support.extras import CODES, FULL, OPTIONS, ROWS, TABLES, WHEN, row
from tests.support.loads import (
    Loads,
    Outcome,
    Rows,
    assert_extras_match,
    leads,
    snapshot,
    without_numbers,
)
from tests.support.server import fill

ON_SQLITE = pytest.mark.engines("sqlite")


SAID = {
    2: [
        "ALT_PHONES_LOADED", "CUSTOM_FIELDS_ADDED", "ADDED_TO_HOPPER", "CALLBACK_ADDED",
    ],
    3: ["ALT_PHONES_LOADED", "CUSTOM_FIELDS_ADDED", "NOT_ADDED_TO_HOPPER"],
    4: ["ALT_PHONES_LOADED", "NO_FIELDS_TO_UPDATE", "ADDED_TO_HOPPER", "CALLBACK_ADDED"],
    5: ["NO_CUSTOM_FIELDS_FOR_LIST", "NOT_ADDED_TO_HOPPER", "CALLBACK_ADDED"],
    6: [
        "ALT_PHONES_LOADED", "CUSTOM_FIELDS_ADDED", "NOT_ADDED_TO_HOPPER",
        "CALLBACK_DATE_NOT_VALID",
    ],
    7: [
        "INVALID_SWITCH", "ALT_PHONES_LOADED", "NO_CUSTOM_FIELDS_FOR_LIST",
        "CALLBACK_USER_NOT_VALID",
    ],
    8: [
        "ALT_PHONES_LOADED", "CUSTOM_FIELDS_ADDED", "VALUE_CUT", "INVALID_DATE",
        "CALLBACK_CAMPAIGN_NOT_VALID",
    ],
    9: ["CUSTOM_FIELDS_ADDED", "ADDED_TO_HOPPER", "CALLBACK_DATE_NOT_VALID"],
    10: ["ALT_PHONES_LOADED", "CUSTOM_FIELDS_ADDED", "ADDED_TO_HOPPER", "CALLBACK_ADDED"],
}  # fmt: skip


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def texts(database: Database, statement: str) -> list[tuple[str | None, ...]]:
    return [tuple(found.values()) for found in read(database, statement)]


def test_everything_comes_with_the_leads(
    database: Database, database_url: str, loads: Loads
) -> None:
    fill(database_url, TABLES)
    outcome = loads.load(ROWS, database, **OPTIONS, chunk_size=4, batch_size=3)
    assert outcome.reasons == {}
    said = {number: outcome.names(number) for number in outcome.loaded}
    assert {n: sorted(names) for n, names in said.items()} == {
        n: sorted(names) for n, names in SAID.items()
    }
    assert_extras_match(outcome, database)
    by_row = {lead_id: number for number, lead_id in outcome.lead_ids.items()}
    custom_101 = texts(database, "SELECT lead_id, colour, since FROM custom_101 ORDER BY lead_id")
    assert [(by_row[int(str(lead))], *rest) for lead, *rest in custom_101] == [
        (2, "blue", "2020-01-31"),
        (6, "blue", "2020-01-31"),
        (8, "turqu", "0000-00-00"),
        (9, "blue", "2020-01-31"),
        (10, "blue", "2020-01-31"),
    ]
    assert texts(database, "SELECT colour, `Size Of Shoe` FROM custom_102") == [("blue", "44")]
    hopper = "lead_id, campaign_id, status, list_id, priority, source, vendor_lead_code"
    found = texts(database, f"SELECT {hopper} FROM vicidial_hopper ORDER BY lead_id")
    assert [(by_row[int(str(lead))], *rest) for lead, *rest in found] == [
        (2, "EAST", "READY", "101", "7", "P", "V1"),
        (4, "WEST", "READY", "103", "7", "P", "V1"),
        (9, "EAST", "READY", "101", "7", "P", "V1"),
        (10, "EAST", "READY", "101", "7", "P", "V1"),
    ]
    callbacks = (
        "lead_id, list_id, campaign_id, status, callback_time, user, recipient, comments, "
        "user_group, lead_status"
    )
    found = texts(database, f"SELECT {callbacks} FROM vicidial_callbacks ORDER BY lead_id")
    comments = FULL["callback_comments"]
    for_agent = ("agent", "USERONLY", comments, "SALES", "CALLME")
    for_anyone = ("", "ANYONE", comments, "", "CALLME")
    assert [(by_row[int(str(lead))], *rest) for lead, *rest in found] == [
        (2, "101", "EAST", "ACTIVE", WHEN, *for_agent),
        (4, "103", "EAST", "ACTIVE", WHEN, *for_anyone[:-1], "CALLBK"),
        (5, "999", "EAST", "ACTIVE", WHEN, *for_agent),
        (10, "101", "EAST", "ACTIVE", "2030-02-28 00:00:00", *for_anyone),
    ]
    phones = "SELECT phone_number, phone_code, alt_phone_note, alt_phone_count, active FROM {} {}"
    of_first = f"WHERE lead_id = {outcome.lead_ids[2]} ORDER BY alt_phone_count"
    assert texts(database, phones.format("vicidial_list_alt_phones", of_first)) == [
        ("7275551212", "1", "work", "1", "Y"),
        ("7275551213", "1", "", "2", "Y"),
    ]


def test_a_validation_says_all_of_it_and_writes_nothing(
    database: Database, database_url: str, read_only_url: str, loads: Loads
) -> None:
    fill(database_url, TABLES | CODES)
    rows = [*ROWS, row(1), row(11, phone_number="12"), row(12, list_id="x")]
    options = OPTIONS | {"duplicate_check": "DUPSYS", "lookup_state": "Y", "tz_method": "NANPA"}
    before, path = snapshot(database), loads.file(rows)
    reader = Database(read_only_url)
    validated = loads.load(path, reader, "validate", **options)
    reader.engine.dispose()
    assert snapshot(database) == before
    imported = loads.load(path, database, **options)
    assert without_numbers(validated) == without_numbers(imported)
    assert {n: row["notices"] for n, row in validated.loaded.items()} == without_numbers(validated)
    assert validated.reasons == imported.reasons != {}
    assert validated.summary.notices == imported.summary.notices
    assert not any(said["lead_id"] for said in validated.loaded.values())
    assert snapshot(database) != before


# --- the run's own wishes ---


def two(**values: str) -> Rows:
    return [{"phone_number": phone, **values} for phone in ("7275550001", "7275550002")]


def load_here(
    loads: Loads, database: Database, rows: Rows, **options: Any
) -> tuple[Outcome, list[tuple[str | None, ...]]]:
    fill(database.engine, TABLES)
    outcome = loads.load(rows, database, user="loader", **options)
    assert outcome.reasons == {}
    assert_extras_match(outcome, database)
    return outcome, leads(database, "status")


@pytest.mark.sample(2)
@ON_SQLITE
@pytest.mark.parametrize(
    ("options", "columns", "priorities"),
    [
        pytest.param({"add_to_hopper": "Y"}, {}, ["0", "0"], id="run"),
        pytest.param(
            {"add_to_hopper": "Y", "hopper_priority": "99"}, {}, ["99", "99"], id="priority"
        ),
        pytest.param({"add_to_hopper": "Y"}, {"add_to_hopper": "N"}, [], id="row-says-no"),
        pytest.param(
            {"hopper_priority": "-5"}, {"add_to_hopper": "Y"}, ["-5", "-5"], id="row-says-yes"
        ),
        pytest.param(
            {"add_to_hopper": "Y", "hopper_priority": "3"},
            {"hopper_priority": "500"},
            ["99", "99"],
            id="row-priority",
        ),
        pytest.param(
            {"force": {"add_to_hopper": "Y"}}, {"add_to_hopper": "N"}, ["0", "0"], id="forced"
        ),
        pytest.param({"default": {"add_to_hopper": "Y"}}, {}, ["0", "0"], id="default"),
        # List 104 has a call time that is not defined, which only the check minds.
        pytest.param(
            {"add_to_hopper": "Y", "hopper_local_call_time_check": "Y"}, {}, [], id="check"
        ),
    ],
)
def test_hopper(
    database: Database,
    loads: Loads,
    options: dict[str, Any],
    columns: dict[str, str],
    priorities: list[str],
) -> None:
    load_here(loads, database, two(**columns), list_id="104", **options)
    assert texts(database, "SELECT priority FROM vicidial_hopper") == [(p,) for p in priorities]


@pytest.mark.sample(2)
@ON_SQLITE
@pytest.mark.parametrize(
    ("options", "columns", "said", "statuses"),
    [
        pytest.param({"callback": "Y"}, {}, "CALLBACK_CAMPAIGN_NOT_VALID", ["NEW"], id="nowhere"),
        pytest.param(
            {"callback": "Y", "campaign_id": "EAST"}, {}, "CALLBACK_DATE_NOT_VALID", ["NEW"],
            id="no-date",
        ),
        pytest.param(
            {"callback": "Y", "campaign_id": "EAST", "callback_datetime": "NOW"}, {},
            "CALLBACK_ADDED", ["CBHOLD"], id="now",
        ),
        pytest.param(
            {"callback": "Y", "campaign_id": "EAST", "callback_datetime": "NOW"},
            {"callback": "N"}, "", ["NEW"], id="row-says-no",
        ),
        pytest.param(
            {"campaign_id": "EAST", "callback_datetime": "3DAYS"}, {"callback": "Y"},
            "CALLBACK_ADDED", ["CBHOLD"], id="row-says-yes",
        ),
        pytest.param(
            {"callback": "Y", "campaign_id": "EAST", "callback_datetime": "NOW",
             "callback_type": "USERONLY"}, {}, "CALLBACK_USER_NOT_VALID", ["NEW"], id="no-user",
        ),
        pytest.param(
            {"callback": "Y", "campaign_id": "EAST", "callback_datetime": "NOW",
             "callback_type": "USERONLY", "callback_user": "AGENT"}, {}, "CALLBACK_ADDED",
            ["CBHOLD"], id="for-a-user",
        ),
        pytest.param(
            {"callback": "Y", "force": {"campaign_id": "WEST", "callback_datetime": WHEN}},
            {"campaign_id": "x", "callback_datetime": "x"}, "CALLBACK_ADDED", ["CBHOLD"],
            id="forced",
        ),
    ],
)  # fmt: skip
def test_callbacks(
    database: Database,
    loads: Loads,
    options: dict[str, Any],
    columns: dict[str, str],
    said: str,
    statuses: list[str],
) -> None:
    outcome, stored = load_here(loads, database, two(**columns), **options)
    assert stored == [(status,) for status in statuses * 2]
    names = [name for number in outcome.loaded for name in outcome.names(number)]
    assert names == [said] * 2 * bool(said)


@ON_SQLITE
def test_days_ahead_are_days_of_the_dialer(database: Database, loads: Loads) -> None:
    rows = [
        {"phone_number": f"72755500{n:02}", "callback": "Y", "callback_datetime": when}
        for n, when in enumerate(("NOW", "0DAYS", "3DAYS", "+10 days"))
    ]
    _, statuses = load_here(loads, database, rows, campaign_id="EAST")
    assert statuses == [("CBHOLD",)] * 4
    days = "julianday(date(callback_time)) - julianday(date(entry_time))"
    found = texts(database, f"SELECT {days} FROM vicidial_callbacks ORDER BY callback_id")
    assert [float(str(day)) for (day,) in found] == [0, 0, 3, 10]


@ON_SQLITE
@pytest.mark.parametrize(
    ("enabled", "notice"), [("0", "CUSTOM_FIELDS_DISABLED"), ("1", "CUSTOM_FIELDS_ADDED")]
)
def test_custom_fields_where_the_dialer_has_them_switched_off(
    database: Database, loads: Loads, enabled: str, notice: str
) -> None:
    fill(database.engine, TABLES | {"system_settings": [{"custom_fields_enabled": enabled}]})
    rows = [{"phone_number": "7275550001", "colour": "red"}]
    outcome = loads.load(rows, database, user="loader", list_id="102", custom_fields="Y")
    assert outcome.names(2) == [notice]
    assert_extras_match(outcome, database)


@ON_SQLITE
def test_a_custom_table_gives_way_to_the_new_lead(database: Database, loads: Loads) -> None:
    fill(database.engine, TABLES | {"vicidial_list": [{"phone_number": "1", "list_id": 1}]})
    with database.connect() as connection:
        connection.exec_driver_sql("INSERT INTO custom_102 (lead_id, colour) VALUES (2, 'old')")
        connection.commit()
    rows = [{"phone_number": "7275550001", "colour": "new"}]
    outcome = loads.load(rows, database, user="loader", list_id="102", custom_fields="Y")
    assert outcome.lead_ids == {2: 2}
    assert texts(database, "SELECT lead_id, colour FROM custom_102") == [("2", "new")]


def test_values_that_the_dialer_encrypts_are_not_stored(database: Database, loads: Loads) -> None:
    fields = [
        {"list_id": 102, "field_label": "colour", "field_encrypt": "Y"},
        {"list_id": 102, "field_label": "Size Of Shoe", "field_encrypt": "N"},
        {"list_id": 102, "field_label": "switch", "field_type": "SWITCH"},
        {"list_id": 102, "field_label": "gone"},
    ]
    fill(database.engine, TABLES | {"vicidial_lists_fields": fields})
    rows = [
        {"phone_number": "7275550001", "colour": "secret", "Size Of Shoe": "44", "gone": ""},
        {"phone_number": "7275550002", "colour": "", "Size Of Shoe": "45", "gone": "x"},
    ]
    outcome = loads.load(rows, database, user="loader", list_id="102", custom_fields="Y")
    assert outcome.reasons == {2: "ENCRYPTED_CUSTOM_FIELD"}
    assert outcome.names(3) == ["CUSTOM_FIELDS_ADDED", "CUSTOM_FIELD_WITHOUT_COLUMN"]
    assert texts(database, "SELECT colour, `Size Of Shoe` FROM custom_102") == [("", "45")]

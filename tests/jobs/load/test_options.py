"""Options that hold for a run beside what its rows say, through whole loads of small files."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from loader.database.connection import Database
from loader.errors import ConfigurationError, SourceFileError
from tests.conformance.replay import read
from tests.support.loads import Loads, leads
from tests.support.server import fill

pytestmark = pytest.mark.engines("sqlite")

A, B, C, D = "7275551111", "7275552222", "7275553333", "7275554444"
LONG_AGO = "2001-01-01 00:00:00"


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("column", "given", "options", "stored"),
    [
        pytest.param("list_id", ["101", "", "102"], {}, ["101", "999", "102"], id="lists"),
        pytest.param(
            "list_id", ["101", "", " "], {"list_id": "103"}, ["101", "103", "103"], id="list_id"
        ),
        pytest.param(
            "list_id", ["101", "", "x"], {"force_list_id": "104"}, ["104"] * 3, id="force-list-id"
        ),
        pytest.param(
            "list_id",
            ["101", "", " "],
            {"default": {"list_id": "105"}},
            ["101", "105", "105"],
            id="default-list",
        ),
        pytest.param(
            "list_id", ["101", "", "x"], {"force": {"list_id": "106"}}, ["106"] * 3, id="force-list"
        ),
        pytest.param("phone_code", ["44", "", "1"], {}, ["44", "1", "1"], id="codes"),
        pytest.param(
            "phone_code", ["1", "", " "], {"phone_code": "44"}, ["1", "44", "44"], id="phone_code"
        ),
        pytest.param(
            "phone_code", ["1", "", "x"], {"force_phone_code": "44"}, ["44"] * 3, id="force-code"
        ),
        pytest.param(
            "phone_code", ["1", ""], {"default": {"phone_code": "49"}}, ["1", "49"], id="default-cc"
        ),
        pytest.param("title", ["Mr", ""], {}, ["Mr", ""], id="titles"),
        pytest.param(
            "title", ["Mr", "", " "], {"default": {"title": "Ms"}}, ["Mr", "Ms", "Ms"], id="default"
        ),
        pytest.param("title", ["Mr", "", " "], {"force": {"title": "Dr"}}, ["Dr"] * 3, id="force"),
        pytest.param("title", ["Mr", ""], {"force": {"title": ""}}, ["", ""], id="force-nothing"),
        pytest.param(
            "title",
            ["Mr", ""],
            {"default": {"title": "Ms"}, "force": {"title": "Dr"}},
            ["Dr", "Dr"],
            id="force-before-default",
        ),
        pytest.param(
            "source_id",
            ["x", ""],
            {"default": {"source_id": "50% off\\'"}},
            ["x", "50% off\\'"],
            id="any-text",
        ),
    ],
)
def test_values_of_rows_and_of_the_run(
    database: Database,
    loads: Loads,
    column: str,
    given: list[str],
    options: dict[str, Any],
    stored: list[str],
) -> None:
    rows = [
        {"phone_number": f"20794600{number:02}", column: value}
        for number, value in enumerate(given)
    ]
    outcome = loads.load(rows, database, **options)
    assert outcome.reasons == {}
    assert leads(database, column) == [(value,) for value in stored]


@pytest.mark.parametrize("option", ["default", "force"])
def test_fields_that_no_column_fills(database: Database, loads: Loads, option: str) -> None:
    values = {"title": "Doctor", "comments": "spring", "multi_alt_phones": f"{B}_1_office"}
    outcome = loads.load([{"phone_number": A}], database, **{option: values})
    assert leads(database, "title", "comments") == [("Doct", "spring")]
    assert outcome.notices(2) == ["VALUE_CUT title", "ALT_PHONES_LOADED count=1"]
    found = read(database, "SELECT phone_number, alt_phone_note FROM vicidial_list_alt_phones")
    assert found == [{"phone_number": B, "alt_phone_note": "office"}]


@pytest.mark.parametrize("option", ["default", "force"])
@pytest.mark.parametrize("name", ["colour", "status", "lead_id", "Title", ""])
def test_no_field_of_a_lead(database: Database, loads: Loads, option: str, name: str) -> None:
    with pytest.raises(ValidationError, match=f"{option}: .*is no field of a lead; the fields are"):
        loads.load([{"phone_number": A}], database, **{option: {name: "x"}})
    assert not loads.results.exists()
    assert leads(database, "lead_id") == []


CUSTOM: dict[str, list[dict[str, Any]]] = {
    "system_settings": [{"custom_fields_enabled": "1"}],
    "vicidial_lists": [{"list_id": 101, "campaign_id": "TEST"}],
    "vicidial_lists_fields": [
        {"list_id": 101, "field_label": "colour", "field_type": "TEXT"},
        {"list_id": 101, "field_label": "size", "field_type": "TEXT"},
    ],
    "custom_tables": [
        {"table": "custom_101", "columns": {"colour": "VARCHAR(5)", "size": "VARCHAR(5)"}}
    ],
}


@pytest.mark.parametrize(
    ("option", "stored"),
    [("default", [("red", "XL"), ("blue", "XL")]), ("force", [("blue", "XL")] * 2)],
)
def test_custom_fields_of_the_run(
    database: Database, loads: Loads, option: str, stored: list[tuple[str, str]]
) -> None:
    fill(database.engine, CUSTOM)
    rows = [{"phone_number": A, "colour": "red"}, {"phone_number": B, "colour": ""}]
    values = {option: {"colour": "blue", "size": "XL"}}
    outcome = loads.load(rows, database, list_id="101", custom_fields="Y", **values)
    found = read(database, "SELECT colour, size FROM custom_101 ORDER BY lead_id")
    assert [tuple(row.values()) for row in found] == stored
    assert outcome.names(2) == outcome.names(3) == ["CUSTOM_FIELDS_ADDED"]


def test_custom_fields_are_fields_only_where_they_are_loaded(
    database: Database, loads: Loads
) -> None:
    fill(database.engine, CUSTOM)
    with pytest.raises(ValidationError, match="colour"):
        loads.load([{"phone_number": A}], database, list_id="101", default={"colour": "red"})


# --- several lists in one file ---

LISTS: dict[str, list[dict[str, Any]]] = {
    "vicidial_lists": [
        {"list_id": 101, "campaign_id": "EAST"},
        {"list_id": 102, "campaign_id": "EAST"},
        {"list_id": 103, "campaign_id": "WEST"},
    ],
    "vicidial_campaigns": [{"campaign_id": "EAST"}, {"campaign_id": "WEST"}],
}

OVER_LISTS = [
    {"phone_number": A, "list_id": "101"},
    {"phone_number": A, "list_id": "102"},
    {"phone_number": A, "list_id": "103"},
    {"phone_number": A, "list_id": "101"},
    {"phone_number": A, "list_id": "104"},
    {"phone_number": A, "list_id": "104"},
    {"phone_number": A, "list_id": "12"},
]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("options", "reasons"),
    [
        pytest.param({}, {8: "INVALID_LIST_ID"}, id="none"),
        pytest.param(
            {"duplicate_check": "DUPLIST"},
            {
                5: "DUPLICATE_PHONE_NUMBER_IN_LIST",
                7: "DUPLICATE_PHONE_NUMBER_IN_LIST",
                8: "INVALID_LIST_ID",
            },
            id="DUPLIST",
        ),
        pytest.param(
            {"duplicate_check": "DUPCAMP"},
            {
                3: "DUPLICATE_PHONE_NUMBER_IN_CAMPAIGN_LISTS",
                5: "DUPLICATE_PHONE_NUMBER_IN_CAMPAIGN_LISTS",
                8: "INVALID_LIST_ID",
            },
            id="DUPCAMP",
        ),
        pytest.param(
            {"list_exists_check": "Y"},
            {6: "NOT_A_DEFINED_LIST_ID", 7: "NOT_A_DEFINED_LIST_ID", 8: "INVALID_LIST_ID"},
            id="list_exists_check",
        ),
        pytest.param(
            {"force_list_id": "103", "list_exists_check": "Y", "duplicate_check": "DUPLIST"},
            dict.fromkeys(range(3, 9), "DUPLICATE_PHONE_NUMBER_IN_LIST"),
            id="forced",
        ),
    ],
)
def test_a_file_for_several_lists(
    database: Database,
    loads: Loads,
    options: dict[str, Any],
    reasons: dict[int, str],
) -> None:
    fill(database.engine, LISTS)
    outcome = loads.load(OVER_LISTS, database, chunk_size=3, **options)
    assert outcome.reasons == reasons
    lists = [row["list_id"] for n, row in enumerate(OVER_LISTS, 2) if n not in reasons]
    if "force_list_id" in options:
        lists = ["103"]
    assert leads(database, "list_id") == [(list_id,) for list_id in lists]


def test_a_user_may_load_into_some_of_the_files_lists(database: Database, loads: Loads) -> None:
    user = {
        "user": "loader", "user_level": 8, "modify_leads": "1", "vdc_agent_api_access": "1",
        "api_list_restrict": "1", "user_group": "EASTERN",
    }  # fmt: skip
    group = {"user_group": "EASTERN", "allowed_campaigns": " EAST -"}
    fill(database.engine, LISTS | {"vicidial_users": [user], "vicidial_user_groups": [group]})
    outcome = loads.load(OVER_LISTS, database, user="loader")
    assert outcome.reasons == {
        4: "NOT_AN_ALLOWED_LIST_ID",
        6: "NOT_AN_ALLOWED_LIST_ID",
        7: "NOT_AN_ALLOWED_LIST_ID",
        8: "INVALID_LIST_ID",
    }


# --- which existing leads count ---

THERE = {"entry_date": "2099-01-01 00:00:00", "modify_date": LONG_AGO, "list_id": 101}
OLD = THERE | {"entry_date": LONG_AGO}
EXISTING: dict[str, list[dict[str, Any]]] = LISTS | {
    "vicidial_list": [
        {"lead_id": 11, "phone_number": A, "status": "NEW", **THERE},
        {"lead_id": 12, "phone_number": B, "status": "SALE", **THERE},
        {"lead_id": 13, "phone_number": C, "status": "na", **OLD},
    ],
    "vicidial_list_archive": [
        {"lead_id": 3, "phone_number": A, "status": "SALE", **THERE},
        {"lead_id": 4, "phone_number": D, "status": "NA", **THERE},
        {"lead_id": 5, "phone_number": C, "status": "SALE", **THERE},
    ],
}


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("options", "duplicates"),
    [
        pytest.param({}, {2: "11", 3: "12", 4: "13"}, id="all"),
        pytest.param({"duplicate_statuses": "NA,sale"}, {3: "12", 4: "13"}, id="statuses"),
        pytest.param({"duplicate_statuses": "DNC"}, {}, id="other-statuses"),
        pytest.param({"duplicate_check": "DUPSYS30DAY"}, {2: "11", 3: "12"}, id="window"),
        pytest.param(
            {"duplicate_check": "DUPSYS30DAY", "duplicate_statuses": ("SALE", "NA")},
            {3: "12"},
            id="window-and-statuses",
        ),
        pytest.param(
            {"duplicate_scope_archive": "Y"},
            {2: "11", 3: "12", 4: "13", 5: "4 archived"},
            id="archive",
        ),
        pytest.param(
            {"duplicate_scope_archive": "Y", "duplicate_statuses": "SALE"},
            {2: "3 archived", 3: "12", 4: "5 archived"},
            id="archive-and-statuses",
        ),
        pytest.param(
            {
                "duplicate_scope_archive": "Y",
                "duplicate_check": "DUPLIST30DAY",
                "duplicate_statuses": "SALE,NA",
                "list_id": "101",
            },
            {2: "3 archived", 3: "12", 4: "5 archived", 5: "4 archived"},
            id="archive-window-and-statuses",
        ),
        pytest.param(
            {"duplicate_scope_archive": "Y", "duplicate_check": "DUPLIST", "list_id": "102"},
            {},
            id="another-list",
        ),
        pytest.param(
            {"duplicate_scope_archive": "Y", "duplicate_check": "DUPCAMP", "list_id": "102"},
            {2: "11", 3: "12", 4: "13", 5: "4 archived"},
            id="campaign",
        ),
    ],
)
def test_existing_leads_that_count(
    database_url: str,
    database: Database,
    loads: Loads,
    options: dict[str, Any],
    duplicates: dict[int, str],
) -> None:
    fill(database_url, EXISTING)
    rows = [{"phone_number": phone} for phone in (A, B, C, D, "7275555555")]
    outcome = loads.load(rows, database, **({"duplicate_check": "DUPSYS"} | options))
    found = {}
    for row, said in outcome.rejected.items():
        words = dict(word.split("=") for word in said["details"].split())
        found[row] = words["lead_id"] + " archived" * ("archived" in words)
        assert f"|{words['lead_id']}" in said["add_lead"]
    assert found == duplicates


# --- tables that a database lacks ---


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("table", "options", "columns"),
    [
        pytest.param("vicidial_hopper", {"add_to_hopper": "Y"}, {}, id="hopper"),
        pytest.param("vicidial_hopper", {}, {"add_to_hopper": "N"}, id="hopper-column"),
        pytest.param(
            "vicidial_hopper", {"default": {"add_to_hopper": "Y"}}, {}, id="hopper-default"
        ),
        pytest.param("vicidial_callbacks", {"callback": "Y"}, {}, id="callback"),
        pytest.param("vicidial_callbacks", {}, {"callback": "Y"}, id="callback-column"),
        pytest.param(
            "vicidial_list_alt_phones", {}, {"multi_alt_phones": f"{B}_1_x"}, id="alt-phones"
        ),
        pytest.param(
            "vicidial_list_archive",
            {"duplicate_scope_archive": "Y", "duplicate_check": "DUPSYS"},
            {},
            id="archive",
        ),
    ],
)
def test_a_missing_table_stops_the_load_before_anything_is_read(
    database: Database,
    loads: Loads,
    table: str,
    options: dict[str, Any],
    columns: dict[str, str],
) -> None:
    rows = [{"phone_number": A, **columns}]
    with database.connect() as connection:
        connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.commit()
    jobs = ("import", "validate") if options else ("import",)
    for job in jobs:
        lacks = f"needs {table}, a table that the database lacks"
        with pytest.raises(ConfigurationError, match=lacks):
            loads.load(rows, database, job, **options)
        assert not loads.results.exists()
    assert leads(database, "lead_id") == []
    # Without what needs it the table is not missed.
    assert len(loads.load([{"phone_number": A}], database).loaded) == 1


REJECTED = '"phone","first name","row_number","reason","reasons_all","details","add_lead"\n'


@pytest.mark.sample(3)
@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "cp1252"}, {"encoding": "utf-16-le"}, {"delimiter": ";"}, {"skip_rows": 3},
        {"layout": "vicidial-standard"}, {"sheet": "January"}, {"encoding": "mixed"},
        {"columns": ["first_name", "phone_number"]}, {"short_rows": "fill"},
    ],
)  # fmt: skip
def test_a_reject_file_is_read_as_it_was_written(
    options: dict[str, Any], database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "rejected.csv"
    row = '"7275551212","Nuñez; Ana","2","INVALID_LIST_ID","INVALID_LIST_ID","",""\n'
    file.write_text(REJECTED + row, "utf-8")
    outcome = Loads(tmp_path).load(file, database, **options)
    assert outcome.summary.loaded == 1
    assert leads(database, "first_name") == [("Nuñez; Ana",)]


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("encoding", ["cp1252", "mixed"])
def test_a_reject_file_that_was_saved_in_another_encoding(
    encoding: str, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "rejected.csv"
    row = '"7275551212","Nuñez; Ana","2","INVALID_LIST_ID","INVALID_LIST_ID","",""\n'
    file.write_text(REJECTED + row, "cp1252")
    with pytest.raises(SourceFileError, match="add --encoding cp1252"):
        Loads(tmp_path).load(file, database)
    outcome = Loads(tmp_path).load(file, database, encoding=encoding, delimiter=";")
    assert outcome.summary.loaded == 1
    assert leads(database, "first_name") == [("Nuñez; Ana",)]


@pytest.mark.engines("sqlite")
def test_rejected_rows_are_in_the_order_of_the_file(database: Database, tmp_path: Path) -> None:
    numbers = ["7275551212", "12", "7275551212", "none", "7275551213", "7275551212", "x,y,z"]
    file = tmp_path / "leads.csv"
    file.write_text("phone,n\n" + "".join(f"{n},1\n" for n in numbers), "utf-8")
    options = {"duplicate_check": "DUPSYS", "chunk_size": 3}
    outcome = Loads(tmp_path).load(file, database, **options)
    assert list(outcome.rejected) == [3, 4, 5, 7, 8]

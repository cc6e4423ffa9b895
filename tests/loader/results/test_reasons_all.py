"""All reasons that apply to a row, not only the first: what a vendor has to correct, at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.database.connection import Database
from tests.support.loads import Loads, Rows
from tests.support.server import fill

A, B, C, D = (f"727555{n}{n}{n}{n}" for n in range(1, 5))
TABLES: dict[str, list[dict[str, Any]]] = {
    "vicidial_list": [
        {"lead_id": 1, "phone_number": A, "list_id": 101, "entry_date": "2099-01-01 00:00:00",
         "modify_date": "2020-01-01 00:00:00", "first_name": "Ann", "last_name": "Lee"},
    ],
    "vicidial_lists": [{"list_id": n, "campaign_id": "EAST"} for n in (101, 102)],
    "vicidial_dnc": [{"phone_number": A}, {"phone_number": B}],
}  # fmt: skip

CHECKS: list[dict[str, str]] = [
    {"list_exists_check": "Y"},
    {"dnc_check": "Y"},
    {"usacan_prefix_check": "Y"},
    {"duplicate_check": "DUPLIST"},
    {"duplicate_check": "DUPSYS"},
    {"duplicate_check": "DUPNAMEPHONESYS"},
]
ALL = {
    **{name: value for check in CHECKS for name, value in check.items()},
    "duplicate_check": "-".join(c["duplicate_check"] for c in CHECKS if "duplicate_check" in c),
}


@pytest.fixture
def dialer(database_url: str, database: Database) -> Database:
    fill(database_url, TABLES)
    return database


def row(number: str, list_id: str = "101", name: str = "Bo") -> dict[str, str]:
    return {"phone_number": number, "list_id": list_id, "first_name": name, "last_name": "Lee"}


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def reasons(rows: Rows, dialer: Database, loads: Loads, **options: Any) -> dict[int, str]:
    outcome = loads.load(rows, dialer, "validate", **options)
    return {number: row["reasons_all"] for number, row in outcome.rejected.items()}


@pytest.mark.sample(1)
@pytest.mark.parametrize("keep", ["first", "last"])
@pytest.mark.parametrize("chunk_size", [1, 1000])
def test_all_reasons_of_rows(dialer: Database, loads: Loads, keep: str, chunk_size: int) -> None:
    rows = [
        row(C, "102"),
        row(C, "404"),
        row(A, "404", "Ann"),
        row("7271555", "7"),
        row(B),
        row("7271551234", "404"),
        row(D),
    ]
    found = reasons(rows, dialer, loads, keep=keep, chunk_size=chunk_size, **ALL)
    assert found == {
        3: "NOT_A_DEFINED_LIST_ID|DUPLICATE_PHONE_NUMBER_IN_SYSTEM|DUPLICATE_NAME_PHONE_IN_SYSTEM",
        4: "NOT_A_DEFINED_LIST_ID|PHONE_NUMBER_IN_DNC|DUPLICATE_PHONE_NUMBER_IN_SYSTEM"
        "|DUPLICATE_NAME_PHONE_IN_SYSTEM",
        5: "INVALID_LIST_ID|INVALID_PHONE_NUMBER_LENGTH",
        6: "PHONE_NUMBER_IN_DNC",
        7: "NOT_A_DEFINED_LIST_ID|INVALID_PHONE_NUMBER_PREFIX",
    }


def test_a_duplicate_is_one_by_every_check_that_says_so(dialer: Database, loads: Loads) -> None:
    rows = [row(A), row(D), row(D, name="Cy"), row(D, "102")]
    found = reasons(rows, dialer, loads, duplicate_check="DUPLIST-DUPSYS-DUPNAMEPHONESYS")
    assert found == {
        2: "DUPLICATE_PHONE_NUMBER_IN_LIST|DUPLICATE_PHONE_NUMBER_IN_SYSTEM",
        4: "DUPLICATE_PHONE_NUMBER_IN_LIST|DUPLICATE_PHONE_NUMBER_IN_SYSTEM",
        5: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM|DUPLICATE_NAME_PHONE_IN_SYSTEM",
    }


def test_a_row_whose_number_was_mended_is_not_told_of(dialer: Database, loads: Loads) -> None:
    rows = [{**row("123"), "alt_phone": D}, {**row("124", "404"), "alt_phone": D}]
    found = reasons(
        rows, dialer, loads, invalid_phone_fallback="alt_phone", list_exists_check="Y",
        duplicate_check="DUPSYS",
    )  # fmt: skip
    assert found == {3: "NOT_A_DEFINED_LIST_ID|INVALID_PHONE_NUMBER_LENGTH"}


@pytest.mark.property
@pytest.mark.engines("sqlite")
@settings(
    max_examples=max(settings().max_examples // 3, 1),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.builds(
            row,
            st.sampled_from([A, B, C, D, "7271551234", "727", ""]),
            st.sampled_from(["101", "102", "404", "7", ""]),
            st.sampled_from(["Ann", "Bo"]),
        ),
        min_size=2,
        max_size=12,
    )
)
def test_the_reasons_are_those_of_a_plain_reference(
    dialer: Database, loads: Loads, rows: Rows
) -> None:
    found = reasons(rows, dialer, loads, chunk_size=3, **ALL)
    accepted = [each for number, each in enumerate(rows, 2) if number not in found]
    leads = [*accepted, row(A, "101", "Ann")]
    told = {number: set(names.split("|")) for number, names in found.items()}
    assert told == {number: plain_reasons(rows[number - 2], leads) for number in found}
    assert all(not plain_reasons(each, [row(A, "101", "Ann")]) for each in accepted)


def plain_reasons(asked: Mapping[str, str], leads: Rows) -> set[str]:
    """Say all that is wrong with a row, beside leads that the dialer has or was given."""
    number, list_id = asked["phone_number"], asked["list_id"]
    found = set()
    if list_id not in {"101", "102"}:
        found.add("INVALID_LIST_ID" if list_id == "7" else "NOT_A_DEFINED_LIST_ID")
    if len(number) != 10:
        return found | {"INVALID_PHONE_NUMBER_LENGTH"}
    if number[3] in "01":
        found.add("INVALID_PHONE_NUMBER_PREFIX")
    if number in {A, B}:
        found.add("PHONE_NUMBER_IN_DNC")
    same = [lead for lead in leads if lead["phone_number"] == number]
    if same:
        found.add("DUPLICATE_PHONE_NUMBER_IN_SYSTEM")
    if any(lead["list_id"] == list_id for lead in same):
        found.add("DUPLICATE_PHONE_NUMBER_IN_LIST")
    if any(lead["first_name"] == asked["first_name"] for lead in same):
        found.add("DUPLICATE_NAME_PHONE_IN_SYSTEM")
    return found

"""Numbers that stand in the dialer's tables, in feeds or in the file in another form."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from loader.database.connection import Database
from tests.support.loads import Loads
from tests.support.server import fill

IN_LISTS = [
    ("1", "17275551212", "7275551212"),
    ("1", "7275551212", "17275551212"),
    ("1", "7275551212", "+1 (727) 555-1212"),
    ("44", "07911123456", "07911123456"),
    ("44", "7911123456", "07911 123456"),
    ("44", "447911123456", "07911123456"),
    ("44", "07911123456", "+44 7911 123456"),
    ("44", "07911123456", "0044 7911 123456"),
    ("49", "017112345678", "0171 12345678"),
    ("49", "4917112345678", "+49 (0)171 12345678"),
    ("1", "7275551212", "7275551212 x5"),
    ("49", "1701234567", "491701234567"),
    ("49", "15112345678", "4915112345678"),
    ("49", "4917612345678", "17612345678"),
    ("49", "017612345678", "49 176 12345678"),
    ("46", "8123456", "468123456"),
    ("61", "412345022", "0061412345022"),
    ("81", "09012345022", "00819012345022"),
    ("55", "11961234523", "005511961234523"),
]


def apart() -> list[list[tuple[str, str, str]]]:
    """Part the forms so that no two of a part have the same last digits: none finds another's."""
    parts, seen = defaultdict(list), Counter[tuple[str, str]]()
    for code, listed, sent in IN_LISTS:
        parts[seen[code, listed[-8:]]].append((code, listed, sent))
        seen[code, listed[-8:]] += 1
    return [*parts.values()]


CHECKS = {"dnc_check": "Y", "campaign_dnc_check": "Y", "campaign_id": "CAMP1"}


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def reason(loads: Loads, database: Database, row: dict[str, str], **options: Any) -> str:
    outcome = loads.load([row], database, **options)
    return outcome.reasons.get(2, "")


@pytest.mark.sample(2)
@pytest.mark.parametrize("forms", apart(), ids=len)
def test_do_not_call_lists_in_any_form(
    forms: list[tuple[str, str, str]], database: Database, database_url: str, loads: Loads
) -> None:
    rows = [{"phone_number": sent, "phone_code": code} for code, _, sent in forms]
    listed = [{"phone_number": listed} for _, listed, _ in forms]
    fill(database_url, {"vicidial_dnc": listed})
    outcome = loads.load(rows, database, **CHECKS)
    assert [*outcome.reasons.values()] == ["PHONE_NUMBER_IN_DNC"] * len(forms)
    campaign = [{"campaign_id": "CAMP1"} | each for each in listed]
    fill(database_url, {"vicidial_campaign_dnc": campaign})
    outcome = loads.load(rows, database, **CHECKS | {"dnc_check": "N"})
    assert [*outcome.reasons.values()] == ["PHONE_NUMBER_IN_CAMPAIGN_DNC"] * len(forms)


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("listed", ["727XXXXXXX", "1727XXXXXXX", "727xxxxxxx"])
def test_area_codes_in_any_form(
    listed: str, database: Database, database_url: str, loads: Loads
) -> None:
    fill(database_url, {"vicidial_dnc": [{"phone_number": listed}]})
    row = {"phone_number": "7275551212"}
    assert reason(loads, database, row, dnc_check="AREACODE") == "PHONE_NUMBER_IN_DNC"
    assert reason(loads, database, row, dnc_check="Y") == ""


@pytest.mark.sample(2)
@pytest.mark.parametrize("forms", apart(), ids=len)
@pytest.mark.parametrize(
    ("check", "column"),
    [
        ("DUPSYS", "phone_number"), ("DUPLIST", "phone_number"), ("DUPCAMP", "phone_number"),
        ("DUPSYS90DAY", "phone_number"), ("DUPPHONEALTSYS", "alt_phone"),
        ("DUPNAMEPHONESYS", "phone_number"), ("DUPTITLEALTPHONESYS", "alt_phone"),
    ],
)  # fmt: skip
@pytest.mark.engines("sqlite")
def test_existing_leads_in_any_form(
    check: str, column: str, forms: list[tuple[str, str, str]], database: Database,
    database_url: str, loads: Loads,
) -> None:  # fmt: skip
    person = {"list_id": "101", "title": "MR", "first_name": "Ann", "last_name": "Lee"}
    there = person | {"phone_number": "1", "entry_date": "2999-01-01 00:00:00"}
    leads = [
        there | {"lead_id": n, "phone_code": code, column: stored}
        for n, (code, stored, _) in enumerate(forms, 2)
    ]
    lists = [{"list_id": 101, "campaign_id": "CAMP1"}]
    fill(database_url, {"vicidial_list": leads, "vicidial_lists": lists})
    rows = [person | {"phone_number": sent, "phone_code": code} for code, _, sent in forms]
    if check.startswith("DUPTITLE"):
        others = {"1": "3055550100", "44": "07911999999"}
        for row in rows:
            row |= {
                "alt_phone": row["phone_number"],
                "phone_number": others.get(row["phone_code"], "0171 9999999"),
            }
    outcome = loads.load(rows, database, duplicate_check=check)
    assert len(outcome.rejected) == len(forms)
    for number, rejected in outcome.rejected.items():
        assert rejected["reason"].startswith("DUPLICATE_")
        assert f"lead_id={number}" in rejected["details"].split()


@pytest.mark.sample(2)
@pytest.mark.parametrize(("code", "stored", "sent"), IN_LISTS[:6])
def test_on_a_server_and_in_the_archive(
    code: str, stored: str, sent: str, database: Database, database_url: str, loads: Loads
) -> None:
    lead = {"lead_id": 7, "list_id": 101, "phone_code": code, "phone_number": stored}
    fill(database_url, {"vicidial_list_archive": [lead]})
    row = {"phone_number": sent, "phone_code": code}
    options = {"duplicate_check": "DUPSYS", "duplicate_scope_archive": "Y"}
    outcome = loads.load([row], database, **options)
    assert outcome.reasons == {2: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM"}
    assert "lead_id=7" in outcome.rejected[2]["details"]
    if stored != outcome.rejected[2]["add_lead"].partition(" - ")[2].partition("|")[0]:
        assert f"found_as={stored}" in outcome.rejected[2]["details"]


@pytest.mark.engines("sqlite")
def test_in_the_dialers_own_way_digits_are_compared_as_sent(
    database: Database, database_url: str, loads: Loads
) -> None:
    fill(database_url, {"vicidial_dnc": [{"phone_number": "17275551212"}]})
    own = {"phone_format": "as-given", "phone_validation": "length", "dnc_check": "Y"}
    assert reason(loads, database, {"phone_number": "7275551212"}, **own) == ""
    assert reason(loads, database, {"phone_number": "17275551212"}, **own) == "PHONE_NUMBER_IN_DNC"


@pytest.mark.parametrize(("compare", "loaded"), [("number", 1), ("code+number", 2)])
def test_the_same_digits_in_two_countries(
    compare: str, loaded: int, database: Database, loads: Loads
) -> None:
    rows = [{"phone_number": "+44 20 7946 0958"}, {"phone_number": "+1 207 946 0958"}]
    options = {"duplicate_check": "DUPSYS", "duplicate_compare": compare}
    together = loads.load(rows, database, **options)
    assert together.summary.loaded == loaded
    again = loads.load(rows[::-1], database, **options)
    assert again.summary.loaded == 0
    if compare == "number":
        assert "phone_code=44" in together.rejected[3]["details"]


@pytest.mark.sample(1)
@pytest.mark.parametrize("compare", ["number", "code+number"])
@pytest.mark.parametrize("numbers", [("15112345678", "4915112345678"),
                                     ("4917012345678", "+49 170 12345678"),
                                     ("0170 12345678", "49-170-12345678")])  # fmt: skip
def test_digits_with_their_country_code_in_one_file(
    numbers: tuple[str, str], compare: str, database: Database, loads: Loads
) -> None:
    rows = [{"phone_number": number, "phone_code": "49"} for number in numbers]
    options = {"duplicate_check": "DUPLIST", "duplicate_compare": compare}
    for list_id, each in (("101", rows), ("102", rows[::-1])):
        outcome = loads.load(each, database, list_id=list_id, **options)
        assert outcome.reasons == {3: "DUPLICATE_PHONE_NUMBER_IN_LIST"}


OTHER = [
    {"alt_phone": "7275550001"}, {"address3": "(727) 555-0001"}, {"alt_phone": "+1 727 555 0001"},
    {"multi_alt_phones": "7275550002_1_home!7275550001_1_work"},
]  # fmt: skip


@pytest.mark.sample(2)
@pytest.mark.engines("sqlite", "innodb")
@pytest.mark.parametrize("other", OTHER)
@pytest.mark.parametrize("how", ["notice", "clear", "reject", None])
def test_other_numbers_of_the_lead(
    how: str | None, other: dict[str, str], database: Database, database_url: str, loads: Loads
) -> None:
    fill(database_url, {"vicidial_dnc": [{"phone_number": "17275550001"}]})
    row = {"phone_number": "7275551212"} | other
    outcome = loads.load([row], database, dnc_check="Y", dnc_alt_phones=how)
    field = next(iter(other))
    assert outcome.reasons == ({2: "OTHER_NUMBER_IN_DNC"} if how == "reject" else {})
    if how in {"notice", "clear"}:
        name = "OTHER_NUMBER_IN_DNC" if how == "notice" else "OTHER_NUMBER_REMOVED"
        assert f"{name} field={field}" in outcome.loaded[2]["notices"]
    if how != "reject":
        table = "vicidial_list_alt_phones" if field == "multi_alt_phones" else "vicidial_list"
        column = "phone_number" if field == "multi_alt_phones" else field
        statement = f"SELECT {column} FROM {table}"
        stored = database.read(lambda it: it.exec_driver_sql(statement).scalars().all())
        digits = ["".join(filter(str.isdigit, str(each)))[-10:] for each in stored]
        assert ("7275550001" in digits) is (how != "clear")


def test_other_numbers_that_are_none_as_given(database: Database, loads: Loads) -> None:
    """Too few digits in each of them."""
    rows = [{"phone_number": "7275551212", "alt_phone": "12"}]
    given = {"phone_format": "as-given", "phone_validation": "length"}
    loaded = loads.load(rows, database, dnc_check="Y", dnc_alt_phones="clear", **given)
    assert loaded.summary.loaded == 1


@pytest.mark.engines("sqlite")
def test_other_numbers_that_begin_with_their_own_code(
    database: Database, database_url: str, loads: Loads
) -> None:
    fill(database_url, {"vicidial_dnc": [{"phone_number": "17612345678"}]})
    row = {"phone_number": "0171 1234567", "phone_code": "49", "alt_phone": "4917612345678"}
    options = {"dnc_check": "Y", "dnc_alt_phones": "reject"}
    assert reason(loads, database, row, **options) == "OTHER_NUMBER_IN_DNC"

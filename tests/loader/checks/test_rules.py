"""The checks on one row by itself."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from loader.checks.rules import (
    LIST_RULES,
    PHONE_RULES,
    dnc_campaigns,
    dnc_forms,
    on_campaign_dnc,
    on_dnc,
)
from loader.clock import Clock
from loader.dialer import Dialer, Lookups, Permissions
from loader.findings import Findings
from loader.options.load import LoadOptions
from loader.phones.forms import lead_numbers
from loader.results.wording import add_lead_answers

CLOCK = Clock(now=datetime(2026, 1, 15, 14), offset=timedelta(hours=-5))
LISTS = pd.Series(["CAMP1", "camp1 ", "CAMP2"], index=pd.Index([101, 102, 201]), dtype="str")


def dialer(**facts: Any) -> Dialer:
    return Dialer(clock=CLOCK, columns={}, **{"lists": LISTS, **facts})


def leads(**columns: list[Any]) -> pd.DataFrame:
    """Give leads of which only the named columns matter, numbered 2, 5, 8."""
    count = len(next(iter(columns.values())))
    usual = {
        "list_id": 101,
        "list_id_given": "101",
        "phone_code": "1",
        "phone_number": "7275551212",
    }
    values = {name: [value] * count for name, value in usual.items()} | columns
    frame = pd.DataFrame(values, index=pd.RangeIndex(2, 2 + 3 * count, 3))
    frame["national_number"] = columns.get("national_number", frame["phone_number"])
    return frame.astype({name: "str" for name in frame if name != "list_id"})


def rejected(
    rows: pd.DataFrame, facts: Dialer | None = None, **options: str
) -> list[tuple[int, str, str]]:
    """Apply all rules by themselves; give row, reason and line."""
    chosen, found = LoadOptions(user="6666", **options), []
    for rule in (*LIST_RULES, *PHONE_RULES):
        found += told(rule(rows, chosen, facts or dialer()))
    return found


def told(found: Findings) -> list[tuple[int, str, str]]:
    lines = add_lead_answers(found).str.removeprefix("ERROR: add_lead ")
    return list(zip(found.index.tolist(), found["reason"], lines, strict=True))


def test_without_options_nothing_is_rejected() -> None:
    odd = leads(phone_number=["7270001212", "1", "9" * 16], phone_code=["1", "44", ""])
    assert rejected(odd) == []


def test_a_list_that_cannot_be() -> None:
    rows = leads(list_id=[-1, 101], list_id_given=["12", "101"])
    assert rejected(rows) == [(2, "INVALID_LIST_ID", "")]


@pytest.mark.parametrize(
    ("lists", "allowed"),
    [
        (None, ["101", "102", "201", "0101", "999", ""]),
        (frozenset({101, 102}), ["101", "102"]),
        (frozenset({201, 301}), ["201"]),
        (frozenset(), []),
    ],
)
def test_lists_that_the_user_may_load_into(
    lists: frozenset[int] | None, allowed: list[str]
) -> None:
    given = ["101", "102", "201", "0101", "999", ""]
    rows = leads(list_id=[101, 102, 201, 101, 999, 999], list_id_given=given)
    facts = dialer(permissions=Permissions(user="6666", lists=lists))
    found = rejected(rows, facts)
    assert {reason for _, reason, _ in found} <= {"NOT_AN_ALLOWED_LIST_ID"}
    assert [rows["list_id_given"][row] for row, *_ in found] == [
        text for text in given if text not in allowed
    ]
    assert all(line.startswith("NOT AN ALLOWED LIST ID - 7275551212|") for *_, line in found)


def test_lists_that_exist() -> None:
    rows = leads(list_id=[101, 555, 999, 101], list_id_given=["101", "555", "", "0101"])
    line = "NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED - 7275551212|"
    assert rejected(rows, list_exists_check="Y") == [
        (5, "NOT_A_DEFINED_LIST_ID", f"{line}555"),
        (8, "NOT_A_DEFINED_LIST_ID", line),
    ]


def test_an_empty_list_id_does_not_exist_even_if_999_does() -> None:
    facts = dialer(lists=pd.Series(["CAMP1"], index=pd.Index([999]), dtype="str"))
    rows = leads(list_id=[999, 999], list_id_given=["", "999"])
    assert [row for row, *_ in rejected(rows, facts, list_exists_check="Y")] == [2]


@pytest.mark.parametrize(
    ("national", "bad"),
    [
        ("7275551212", False),
        ("7270551212", True),
        ("7271551212", True),
        ("7279", False),
        ("727", False),
    ],
)
def test_the_prefix_is_that_of_the_national_number(national: str, bad: bool) -> None:
    rows = leads(phone_number=["17275551212"], national_number=[national])
    expected = [
        (2, "INVALID_PHONE_NUMBER_PREFIX", "INVALID PHONE NUMBER PREFIX - 17275551212|6666")
    ]
    assert rejected(rows, usacan_prefix_check="Y") == (expected if bad else [])


AREAS = pd.DataFrame(
    {
        "country_code": [1, 1, 44],
        "areacode": ["727", "813", "207"],
        "state": ["FL", "FL", ""],
        "gmt_offset": [-5.0, -5.0, 0.0],
        "dst_range": ["", "", ""],
    }
).astype({"areacode": "str", "state": "str", "dst_range": "str"})


@pytest.mark.parametrize(
    ("phone", "code", "known"),
    [
        ("7275551212", "1", True),
        ("8135551212", "01", True),
        ("2075551212", "1", False),
        ("7275551212", "44", False),
        ("7275551212", "", False),
        ("727555121", "1", False),
        ("72755512123", "1", False),
        ("17275551212", "1", False),
    ],
)
def test_area_codes(phone: str, code: str, known: bool) -> None:
    rows = leads(phone_number=[phone], phone_code=[code])
    line = f"INVALID PHONE NUMBER AREACODE - {phone}|6666"
    assert rejected(rows, dialer(phone_codes=AREAS), usacan_areacode_check="Y") == (
        [] if known else [(2, "INVALID_PHONE_NUMBER_AREACODE", line)]
    )


def nanpa(rows: int) -> pd.DataFrame:
    prefixes = pd.DataFrame({"prefix": ["727555", "813555", "212555"] * rows}).head(rows)
    return prefixes.assign(gmt_offset=-5.0, dst_range="SSM-FSN").astype({"prefix": "str"})


@pytest.mark.parametrize(("loaded", "bad"), [(0, []), (9, []), (10, [5, 8]), (1000, [5, 8])])
def test_nanpa_prefixes_count_once_ten_rows_are_loaded(loaded: int, bad: list[int]) -> None:
    facts = dialer(nanpa=nanpa(loaded))
    rows = leads(phone_number=["7275551212", "7275561212", "72755"])
    found = rejected(rows, facts, nanpa_ac_prefix_check="Y")
    assert [row for row, *_ in found] == bad
    assert {reason for _, reason, _ in found} <= {"INVALID_PHONE_NUMBER_NANPA_AREACODE_PREFIX"}


NUMBERS = ["7275551212", "8135551212", "7279", "7275551212"]


@pytest.mark.parametrize(
    ("check", "keys"),
    [
        ("Y", ["7275551212", "8135551212", "7279"]),
        ("AREACODE", ["7275551212", "8135551212", "7279", "727XXXXXXX", "813XXXXXXX"]),
    ],
)
def test_what_is_looked_up_in_a_dnc_list(check: Any, keys: list[str]) -> None:
    as_sent = LoadOptions(phone_format="as-given", phone_validation="length")
    numbers = lead_numbers(leads(phone_number=NUMBERS))
    assert dnc_forms(numbers, check, as_sent).unique().tolist() == keys
    with_code = [f"1{key}" for key in keys]
    assert {*dnc_forms(numbers, check, LoadOptions())} == {*keys, *with_code}


@pytest.mark.parametrize(
    ("check", "listed", "rows"),
    [
        ("Y", ["7275551212"], [2, 11]),
        ("Y", ["727XXXXXXX"], []),
        ("AREACODE", ["727XXXXXXX"], [2, 8, 11]),
        ("AREACODE", ["8135551212"], [5]),
        ("AREACODE", [], []),
    ],
)
def test_numbers_on_the_dnc_lists(check: str, listed: list[str], rows: list[int]) -> None:
    chunk = leads(phone_number=NUMBERS)
    options = LoadOptions(user="6666", dnc_check=check)
    index = pd.Index(listed, dtype="str")
    assert told(on_dnc(chunk, options, Lookups(dnc=index))) == [
        (row, "PHONE_NUMBER_IN_DNC", f"PHONE NUMBER IN DNC - {chunk['phone_number'][row]}|6666")
        for row in rows
    ]
    assert on_dnc(chunk, options, Lookups(campaign_dnc=index)).empty


CAMPAIGNS = pd.DataFrame(
    {
        "campaign_id": ["CAMP1", "CAMP2", "camp3"],
        "local_call_time": "",
        "use_other_campaign_dnc": ["Camp2", "CAMP1", ""],
    },
    index=pd.Index(["CAMP1", "CAMP2", "CAMP3"], dtype="str"),
    dtype="str",
)


@pytest.mark.parametrize(
    ("check", "listed", "rows"),
    [
        ("Y", ["CAMP2|7275551212"], [2]),
        ("Y", ["CAMP1|7275551212"], [5]),
        ("Y", ["CAMP3|7275551212", "OTHER|7275551212"], [8, 11]),
        ("Y", ["|7275551212"], [14]),
        ("Y", ["CAMP2|8135551212", "7275551212", "CAMP2|727XXXXXXX"], []),
        ("AREACODE", ["CAMP2|727XXXXXXX", "CAMP3|7275551212"], [2, 8]),
    ],
)
def test_numbers_on_the_dnc_list_of_the_rows_campaign(
    check: str, listed: list[str], rows: list[int]
) -> None:
    campaigns = ["camp1", "CAMP2", "Camp3", "other", ""]
    chunk = leads(phone_number=[NUMBERS[0]] * 5, campaign_id=campaigns, dnc_campaign_id=campaigns)
    options = LoadOptions(user="6666", campaign_id="RUN", campaign_dnc_check=check)
    index = pd.Index(listed, dtype="str")
    found = on_campaign_dnc(
        chunk, options, dialer(campaigns=CAMPAIGNS), Lookups(campaign_dnc=index)
    )
    # Though another campaign's list counts, the answer names the row's.
    line = "PHONE NUMBER IN CAMPAIGN DNC - 7275551212|{}|6666"
    assert told(found) == [
        (row, "PHONE_NUMBER_IN_CAMPAIGN_DNC", line.format(chunk["campaign_id"][row]))
        for row in rows
    ]
    assert found["campaign_id"].tolist() == [chunk["campaign_id"][r] for r in rows]
    nothing = on_campaign_dnc(chunk, options, dialer(campaigns=CAMPAIGNS), Lookups(dnc=index))
    assert nothing.empty


def test_campaigns_of_which_the_dialer_knows_nothing_go_by_their_own_lists() -> None:
    named = pd.Series(["camp1", "CAMP2 ", "x", "", "CAMP3"], dtype="str")
    assert dnc_campaigns(named, dialer(campaigns=CAMPAIGNS)).tolist() == [
        "Camp2", "CAMP1", "x", "", "CAMP3",
    ]  # fmt: skip
    assert dnc_campaigns(named, dialer()).tolist() == named.tolist()


def test_no_rows() -> None:
    nothing = leads(phone_number=["1"]).iloc[:0]
    names = ("usacan_prefix_check", "usacan_areacode_check", "nanpa_ac_prefix_check")
    switches = dict.fromkeys((*names, "list_exists_check"), "Y")
    facts = dialer(nanpa=nanpa(10), permissions=Permissions(lists=frozenset()))
    assert rejected(nothing, facts, **switches) == []

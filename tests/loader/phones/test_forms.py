"""The forms in which a number may stand in tables, against a plain reference number by number."""

from typing import Any

import pandas as pd
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.phones.forms import area_forms, lead_numbers, number_forms, other_numbers, trunk_prefix

LEADS = [
    ({"sent": "17275551212", "number": "7275551212", "code": "1"}, {"7275551212", "17275551212"}),
    ({"sent": "7275551212", "number": "7275551212", "code": "1"}, {"7275551212", "17275551212"}),
    (
        {"sent": "07911123456", "number": "7911123456", "code": "44"},
        {"7911123456", "07911123456", "447911123456"},
    ),
    (
        {"sent": "00447911123456", "number": "7911123456", "code": "44"},
        {"7911123456", "07911123456", "447911123456", "00447911123456"},
    ),
    (
        {"sent": "017112345678", "number": "17112345678", "code": "49"},
        {"17112345678", "017112345678", "4917112345678"},
    ),
    ({"sent": "0612345678", "number": "0612345678", "code": "39"}, {"0612345678", "390612345678"}),
    ({"sent": "89161234567", "number": "9161234567", "code": "7"},
     {"9161234567", "89161234567", "79161234567"}),
    ({"sent": "612345678", "number": "612345678", "code": "34"}, {"612345678", "34612345678"}),
    ({"sent": "0201234567", "number": "201234567", "code": "31"},
     {"201234567", "0201234567", "31201234567"}),
    ({"sent": "0299998888", "number": "299998888", "code": "61"},
     {"299998888", "0299998888", "61299998888"}),
    ({"sent": "5512345678", "number": "5512345678", "code": "52"},
     {"5512345678", "525512345678"}),
    ({"sent": "4915112345678", "number": "4915112345678", "code": "49"},
     {"4915112345678", "494915112345678", "04915112345678", "15112345678", "015112345678"}),
    ({"sent": "0491701234567", "number": "491701234567", "code": "49"},
     {"491701234567", "0491701234567", "49491701234567"}),
]  # fmt: skip


def frame(sent: str, number: str, code: str) -> pd.DataFrame:
    row = {"phone_number": number, "phone_code": code, "number_sent": sent}
    return lead_numbers(pd.DataFrame([row], dtype="str"))


@pytest.mark.parametrize(("given_lead", "expected"), LEADS)
def test_the_forms_of_a_number(given_lead: dict[str, str], expected: set[str]) -> None:
    found = number_forms(frame(**given_lead))
    assert set(found["form"]) == expected
    assert not found["form"].duplicated().any()
    assert found["form"].iloc[0] == given_lead["number"]


def test_as_the_dialer_compares_there_is_one_form() -> None:
    numbers = frame("17275551212", "17275551212", "1")
    assert number_forms(numbers, as_stored=True)["form"].tolist() == ["17275551212"]
    assert area_forms(numbers, as_stored=True)["form"].tolist() == ["172XXXXXXX"]


def test_the_forms_of_an_area() -> None:
    found = area_forms(frame("17275551212", "7275551212", "1"))
    assert set(found["form"]) == {"727XXXXXXX", "172XXXXXXX", "1727XXXXXXX"}


def test_the_area_without_the_code_in_front() -> None:
    found = area_forms(frame("4915112345678", "4915112345678", "49"))
    assert {"491XXXXXXX", "151XXXXXXX"} <= set(found["form"])


REGIONS = ("US", "GB", "DE", "FR", "IT", "RU", "AU", "ES", "MX", "IN", "BR", "NL", "JP", "ZA")


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, Any]:
    region = draw(st.sampled_from(REGIONS))
    example = phonenumbers.example_number(region)
    assert example is not None
    return region, example


@pytest.mark.property
@given(st.lists(numbers(), min_size=1, max_size=5))
def test_all_forms_of_all_rows_are_those_of_each_by_itself(found: list[tuple[str, Any]]) -> None:
    rows, expected = [], []
    for region, number in found:
        national = phonenumbers.national_significant_number(number)
        code = str(number.country_code)
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
        trunk = (metadata.national_prefix if metadata else None) or ""
        rows.append({"phone_number": national, "phone_code": code, "number_sent": trunk + national})
        expected.append({national, trunk + national, code + national})
    forms = number_forms(lead_numbers(pd.DataFrame(rows, dtype="str")))
    assert [set(forms["form"].loc[[row]]) for row in range(len(rows))] == expected


@pytest.mark.parametrize(("code", "prefix"), [("1", "1"), ("44", "0"), ("39", ""), ("7", "8")])
def test_trunk_prefixes(code: str, prefix: str) -> None:
    assert trunk_prefix(code) == prefix


@pytest.mark.parametrize(
    ("text", "code", "form"),
    [
        ("727-555-1212", "1", "17275551212"),
        ("+44 7911 123456", "1", "447911123456"),
        ("442079460958", "1", "442079460958"),
        ("07911 123456", "44", "447911123456"),
        ("7275551212 home", "1", "7275551212"),
        ("no number", "1", "no number"),
    ],
)
def test_other_numbers_of_a_lead(text: str, code: str, form: str) -> None:
    found = other_numbers(pd.Series([text], dtype="str"), pd.Series([code], dtype="str"))
    assert form in set(number_forms(found)["form"])

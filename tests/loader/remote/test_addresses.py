"""Values of a lead in the addresses that the dialer requests."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import ConfigurationError
from loader.remote.addresses import check_address, fill_address

LEAD = {
    "lead_id": "7", "phone_number": "7275551212", "first_name": "Ann Marie & Co", "list_id": "101",
    "vendor_lead_code": "a/b?c", "city": "Köln", "comments": "", "color": "red",
}  # fmt: skip


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("VARhttp://c/new?id=--A--lead_id--B--", "http://c/new?id=7"),
        ("VARhttp://c/--A--list_id--B--/x", "http://c/101/x"),
        ("VARhttp://c/?n=--A--first_name--B--", "http://c/?n=Ann+Marie+%26+Co"),
        ("VARhttp://c/?v=--A--vendor_id--B--", "http://c/?v=a%2Fb%3Fc"),
        ("VARhttp://c/?v=--A--vendor_lead_code--B--", "http://c/?v=a%2Fb%3Fc"),
        ("VARhttp://c/?v=--A--city--B--", "http://c/?v=K%C3%B6ln"),
        ("VARhttp://c/?v=--A--comments--B--&w=1", "http://c/?v=&w=1"),
        ("VARhttp://c/?v=--A--color--B--", "http://c/?v=red"),
        (
            "VARhttp://c/?a=--A--lead_id--B----A--list_id--B--&b=--A--lead_id--B--",
            "http://c/?a=7101&b=7",
        ),
        ("VARhttp://c/?v=--A--no_such_field--B--", "http://c/?v=--A--no_such_field--B--"),
        ("http://c/?v=--A--lead_id--B--", "http://c/?v=--A--lead_id--B--"),
        ("https://c/new", "https://c/new"),
    ],
)
def test_values_of_a_lead(address: str, expected: str) -> None:
    assert fill_address(address, LEAD) == expected


@pytest.mark.property
@given(st.text(st.characters(codec="utf-8")))
def test_any_value_arrives_as_it_is(value: str) -> None:
    filled = fill_address("VARhttp://c/?v=--A--comments--B--&w=1", {"comments": value})
    query = parse_qs(urlsplit(filled).query, keep_blank_values=True)
    assert query == {"v": [value], "w": ["1"]}


@pytest.mark.parametrize("address", ["VARhttp://c/", "http://c/", "https://c", "VARhttps://c/x"])
def test_addresses_that_can_be_requested(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize("address", ["", "VAR", "c/new", "VARftp://c/", "file:///etc/passwd"])
def test_others_are_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="no http address"):
        check_address(address)

"""Which field an unknown name is meant for, and which names say none."""

import pytest

from loader.fields.mapping import find_columns
from loader.fields.proposals import nearest_field


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Street Addr", "address1"),
        ("Fone Number", "phone_number"),
        ("Customer Phone Number", "phone_number"),
        ("Phone Nr", "phone_number"),
        ("CustPhone", "phone_number"),
        ("Phone (home)", "phone_number"),
        ("Cust First", "first_name"),
        ("BORROWER_LAST", "last_name"),
        ("Customer Birth Date", "date_of_birth"),
        ("Home Email Address", "email"),
        ("E-Mail Addr", "email"),
        ("City Name", "city"),
        ("Adress Line 1", "address1"),
        ("ZipCod", "postal_code"),
        ("fist_name", "first_name"),
        ("Acct No.", "vendor_lead_code"),
        ("Cust Id", "vendor_lead_code"),
        ("Campaign code", "campaign_id"),
    ],
)
def test_a_name_that_is_almost_known(name: str, field: str) -> None:
    assert nearest_field(name) == field


@pytest.mark.parametrize(
    "name",
    [
        "Email Opt In", "email_optin", "Has Email", "Email Status", "Email Id", "Voice Mail",
        "Last Called", "Last Contact", "Last Update", "Last Number", "First Contact Date",
        "First Seen", "Address Verified", "Address Id", "Address Type", "Street No", "Phone Type",
        "Phone Carrier", "Phone Ext", "Phone Number Verified", "Mobile Consent", "DNC Phone",
        "Spouse First Name", "Emergency Contact Phone", "Agent Email", "Job Title", "Unit Price",
        "List Price", "Home Owner", "Campaign Name", "Account Name", "Birth State", "Birth City",
        "Country of Birth", "Country Tax", "Gender Id", "Zip 4", "Zip Type", "Lead Date",
        "Calls Count", "Source Type", "City, State", "Comments Date", "Last Name Flag",
        "No", "Number", "Lead Score", "Phone Country", "",
    ],
)  # fmt: skip
def test_a_name_of_another_sense(name: str) -> None:
    assert nearest_field(name) is None


@pytest.mark.parametrize("name", ["Phone Nr", "Cust Phone", "Best Phone", "Mobile"])
def test_a_second_phone_is_proposed_as_alt_phone(name: str) -> None:
    known = {"phone_number": "Phone"}
    assert find_columns("a.csv", ("Phone", name), known).proposals == {name: "alt_phone"}
    both = find_columns("a.csv", ("Phone", "Alt Phone", name), known)
    assert both.proposals == {}

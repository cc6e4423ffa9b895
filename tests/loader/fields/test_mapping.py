"""The mapping of columns to fields."""

from collections import Counter
from pathlib import Path

import pytest

from jobs.load.remarks import custom_fields_remark
from loader.checks.defaults import CALLBACK, HOPPER
from loader.errors import ConfigurationError, SourceFileError, UsageError
from loader.fields.lead import NEVER_LOADED, TEXT_FIELDS, WIDTHS, normalize_name, usual_names
from loader.fields.mapping import ColumnMapping, VendorMapping, map_columns, read_mapping_file

FIELDS = list(usual_names())


def mapped(*columns: str, vendor: VendorMapping | None = None, **explicit: str) -> ColumnMapping:
    return map_columns("leads.csv", columns, explicit, vendor)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_by_its_own_name(field: str) -> None:
    columns = ("phone_number",) if field == "phone_number" else ("phone_number", field)
    assert mapped(*columns).fields == {name: name for name in columns}


def test_all_fields_at_once() -> None:
    found = mapped(*FIELDS)
    assert found.fields == {name: name for name in FIELDS}
    assert found.unmapped == ()


def test_the_fields_are_the_columns_that_a_file_may_fill() -> None:
    more = {"list_id", "gender", "date_of_birth", "rank", "entry_list_id"}
    beside = {"campaign_id", "multi_alt_phones", *CALLBACK, *HOPPER}
    assert set(FIELDS) == {*WIDTHS, *more, *beside}
    assert set(FIELDS) >= set(TEXT_FIELDS)
    assert not set(FIELDS) & NEVER_LOADED


def test_no_name_stands_for_two_fields() -> None:
    names = [
        name
        for field, more in usual_names().items()
        for name in {normalize_name(n) for n in (field, *more)}
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert not set(names) & {normalize_name(name) for name in NEVER_LOADED}
    assert all(names)


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("Phone", "phone_number"),
        ("PHONE_NUMBER", "phone_number"),
        ("phone number", "phone_number"),
        (" Phone-Number ", "phone_number"),
        ("PhoneNumber", "phone_number"),
        ("Mobile", "phone_number"),
        ("T\u00e9l\u00e9phone", "phone_number"),
        ("Te\u0301le\u0301fono", "phone_number"),
        ("\uff30\uff48\uff4f\uff4e\uff45", "phone_number"),
        ("First Name", "first_name"),
        ("firstname", "first_name"),
        ("Surname", "last_name"),
        ("Middle Name", "middle_initial"),
        ("Zip", "postal_code"),
        ("ZIP Code", "postal_code"),
        ("E-mail", "email"),
        ("DOB", "date_of_birth"),
        ("Country", "country_code"),
        ("Address 1", "address1"),
        ("Alt. Phone", "alt_phone"),
        ("Vendor Lead Code", "vendor_lead_code"),
        ("Sex", "gender"),
    ],
)
def test_usual_names(column: str, field: str) -> None:
    columns = (column,) if field == "phone_number" else ("phone_number", column)
    assert mapped(*columns).fields[field] == column


def test_unmapped_columns_are_listed() -> None:
    found = mapped("Phone", "Shoe Size", "lead_id", "Status", "", "Hat")
    assert found.fields == {"phone_number": "Phone"}
    assert found.unmapped == ("Shoe Size", "", "Hat")
    assert found.set_by_dialer == ("lead_id", "Status")


def test_result_columns_of_a_reject_file_are_ignored() -> None:
    result = ("row_number", "reason", "reasons_all", "details", "add_lead")
    assert mapped("phone", *result).unmapped == ()
    assert mapped("phone", "reason", "details").unmapped == ("reason", "details")


def test_map_names_a_column() -> None:
    found = mapped("Home Tel", "Phone", "Name", phone_number="Home Tel", last_name="Name")
    assert found.fields == {"phone_number": "Home Tel", "last_name": "Name"}
    assert found.unmapped == ("Phone",)


def test_map_ignores_case_and_punctuation() -> None:
    assert mapped("Home Tel.", phone_number="home_tel").fields == {"phone_number": "Home Tel."}
    both = mapped("Home Tel", "home_tel", phone_number="home_tel")
    assert both.fields["phone_number"] == "home_tel", "the very name comes first"


def test_map_may_give_one_column_to_two_fields() -> None:
    found = mapped("Tel", phone_number="Tel", alt_phone="Tel")
    assert found.fields == {"phone_number": "Tel", "alt_phone": "Tel"}


def test_a_column_given_by_map_is_not_mapped_by_its_usual_name() -> None:
    found = mapped("Phone", "Comments", phone_number="Phone", vendor_lead_code="Comments")
    assert found.fields == {"phone_number": "Phone", "vendor_lead_code": "Comments"}


@pytest.mark.parametrize(
    ("columns", "explicit", "error", "message"),
    [
        (("Name", "Town"), {}, SourceFileError, "no column is known as phone_number among 'Name'"),
        (
            ("Phone", "Mobile"),
            {},
            SourceFileError,
            "columns 'Phone', 'Mobile' all stand for phone_number; say which by "
            '--map phone_number="Phone"',
        ),
        (("phone", "Zip", "Postcode"), {}, SourceFileError, "'Zip', 'Postcode' all stand for post"),
        (("phone",), {"phone_numbr": "phone"}, UsageError, "'phone_numbr' is no field of a lead"),
        (("phone",), {"status": "phone"}, UsageError, "'status' is no field of a lead"),
        (("phone",), {"city": "Town"}, SourceFileError, "has no column 'Town'; it has 'phone'"),
        (("phone", "#"), {"city": "?"}, SourceFileError, "has no column '?'"),
    ],
)
def test_errors(
    columns: tuple[str, ...], explicit: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        mapped(*columns, **explicit)
    assert message in str(raised.value)
    assert "leads.csv" in str(raised.value) or "no field" in str(raised.value)


def test_map_chooses_between_two_columns() -> None:
    found = mapped("Phone", "Mobile", phone_number="Mobile")
    assert found.fields == {"phone_number": "Mobile"}
    assert found.unmapped == ("Phone",)


def vendor(tmp_path: Path, content: str) -> VendorMapping:
    path = tmp_path / "vendor.toml"
    path.write_text(content, "utf-8")
    return read_mapping_file(path)


def test_a_mapping_file(tmp_path: Path) -> None:
    read = vendor(
        tmp_path,
        '[map]\nphone_number = "Nummer 1"\n[names]\ncity = ["Ort", "Stadt"]\nemail = ["Post"]\n',
    )
    found = mapped("NUMMER 1", "Phone", "ort", "Zip", vendor=read)
    assert found.fields == {"phone_number": "NUMMER 1", "city": "ort", "postal_code": "Zip"}
    assert found.unmapped == ("Phone",)
    by_hand = mapped("NUMMER 1", "Phone", vendor=read, phone_number="Phone")
    assert by_hand.fields == {"phone_number": "Phone"}


def test_a_vendors_name_and_a_usual_name_are_two_columns_for_one_field(tmp_path: Path) -> None:
    read = vendor(tmp_path, '[names]\ncity = ["Ort"]\n')
    with pytest.raises(SourceFileError, match="'Ort', 'City' all stand for city"):
        mapped("phone", "Ort", "City", vendor=read)


def test_a_vendors_column_that_the_file_lacks(tmp_path: Path) -> None:
    read = vendor(tmp_path, '[map]\ncity = "Ort"\n')
    with pytest.raises(SourceFileError, match=r"the mapping file: leads\.csv has no column 'Ort'"):
        mapped("phone", vendor=read)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[map\n", "is not valid TOML"),
        ("[fields]\n", "unknown fields; it can hold [map], [names]"),
        ("[map]\nphone = 'x'\n", "'phone' is no field of a lead"),
        ("[names]\nphone = ['x']\n", "'phone' is no field of a lead"),
        ("[map]\ncity = 1\n", "[map] has lines such as"),
        ("[map]\ncity = ['x']\n", "[map] has lines such as"),
        ("[names]\ncity = 'x'\n", "[names] has lines such as"),
        ("[names]\ncity = [1]\n", "[names] has lines such as"),
        ("map = 'x'\n", "[map] has lines such as"),
        ("names = 1\n", "[names] has lines such as"),
    ],
)
def test_an_invalid_mapping_file(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        vendor(tmp_path, content)
    assert message in str(raised.value)
    assert "vendor.toml" in str(raised.value)


def test_a_mapping_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_mapping_file(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'[map]\ncity = "Ort\xe4"\n')
    with pytest.raises(ConfigurationError, match="is not valid TOML"):
        read_mapping_file(tmp_path / "latin.toml")
    with pytest.raises(ConfigurationError, match="Is a directory"):
        read_mapping_file(tmp_path)


def test_a_custom_field_and_map_may_use_the_same_column() -> None:
    columns = ("phone", "zip", "roof")
    found = map_columns("leads.csv", columns, {}, labels=("zip", "roof", "age"))
    assert found.fields == {"custom:zip": "zip", "custom:roof": "roof", "phone_number": "phone"}
    assert custom_fields_remark(found) == [
        "column 'zip' fills the custom field; for postal_code too say --map postal_code='zip'"
    ]
    both = map_columns("leads.csv", columns, {"postal_code": "zip"}, labels=("zip",))
    assert custom_fields_remark(both) == []
    assert both.fields["postal_code"] == both.fields["custom:zip"] == "zip"


def test_an_optional_column_may_be_missing() -> None:
    explicit = {"phone_number": "Tel", "city": "Ort", "email": "Mail 1"}
    explicit["first_name+last_name"] = "N"
    optional = ["email", "city", "first_name", "last_name"]
    found = map_columns("leads.csv", ["Tel", "Ort"], explicit, optional=optional)
    assert found.fields == {"phone_number": "Tel", "city": "Ort"}
    assert found.missing == {"email": "Mail 1", "first_name": "N", "last_name": "N"}
    assert not found.name_order


def test_a_usual_name_fills_an_optional_field() -> None:
    vendor = VendorMapping({"email": "Nr. 1"}, {})
    columns = ["Tel", "E-Mail"]
    with pytest.raises(SourceFileError, match="--map-optional email loads it without"):
        map_columns("leads.csv", columns, {}, vendor)
    found = map_columns("leads.csv", columns, {}, vendor, optional=["email"])
    assert found.fields == {"phone_number": "Tel", "email": "E-Mail"}
    assert found.missing == {}


def test_both_names_of_a_person_have_to_be_optional() -> None:
    explicit = {"first_name+last_name": "N"}
    with pytest.raises(SourceFileError, match="has no column 'N'"):
        map_columns("leads.csv", ["Tel"], explicit, optional=["first_name"])


def test_an_optional_field_has_to_be_one() -> None:
    with pytest.raises(UsageError, match="map_optional: 'emial' is no field"):
        map_columns("leads.csv", ["Tel"], {}, optional=["emial"])
    found = map_columns("leads.csv", ["Tel"], {}, labels=["color"], optional=["color"])
    assert found.missing == {}


def test_a_field_that_is_mapped_to_nothing_has_no_column() -> None:
    found = mapped("Phone", "Email", "Name", email="", **{"first_name+last_name": ""})
    assert found.fields == {"phone_number": "Phone"}
    assert (found.unmapped, found.proposals) == (("Email", "Name"), {})


def test_nothing_is_stronger_than_a_mapping_file_and_a_choice() -> None:
    vendor = VendorMapping({"email": "Mail"}, {})
    found = mapped("Phone", "Mail", "City", "Town", vendor=vendor, email="", city="")
    assert (found.fields, found.choices) == ({"phone_number": "Phone"}, {})

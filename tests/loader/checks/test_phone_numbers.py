"""Phone numbers as people write them, and what is dialled."""

from typing import Any

import pandas as pd
import pytest

from loader.checks.phone_numbers import normalize_phones
from loader.dialer import Column
from loader.findings import FINDING_TYPES, Findings, Notices
from loader.options.load import LoadOptions
from loader.results.wording import add_lead_answers, finding_details

COLUMNS = ("phone_number", "phone_code", "country_code_given", "alt_phone")


def normalized(
    rows: list[dict[str, str]],
    *,
    decimals: bool = False,
    alt_phone: Column | None = None,
    **options: Any,
) -> tuple[pd.DataFrame, Findings, Notices]:
    values = {name: [row.get(name, "") for row in rows] for name in COLUMNS}
    leads = pd.DataFrame(values, dtype="str")
    leads.index = pd.Index(range(2, 2 + len(leads)), dtype="int64")
    given = leads.copy()
    width = {"alt_phone": alt_phone} if alt_phone else {}
    found, rejected, said = normalize_phones(
        leads, LoadOptions(user="6666", **options), decimals=decimals, **width
    )
    pd.testing.assert_frame_equal(leads, given)
    assert found.index.equals(leads.index)
    assert {
        "national_number",
        "number_sent",
        "calling_code",
        "number_type",
        "region",
    } == {*found} - {*COLUMNS}
    assert set(found.dtypes.astype("str")) == {"str"}
    assert not found.isna().any(axis=None)
    assert rejected.index.is_unique
    assert {name: str(kind) for name, kind in rejected.dtypes.items()} == FINDING_TYPES
    return found, rejected, said


def one(phone: str, options: dict[str, Any] | None = None, **row: str) -> tuple[str, str, str]:
    """Give phone_code, phone_number, and the reason if it is rejected."""
    leads, rejected, _ = normalized([{"phone_number": phone, **row}], **(options or {}))
    reason = "" if rejected.empty else str(rejected["reason"].iloc[0])
    return (*leads[["phone_code", "phone_number"]].iloc[0].tolist(), reason)


@pytest.mark.parametrize(
    "phone",
    [
        "7275551111",
        "(727) 555-1111",
        "+1 (727) 555-1111",
        "001 727 555 1111",
        "0017275551111",
        "011 1 727 555 1111",
        "1-727-555-1111",
        "1.727.555.1111",
        "727.555.1111 x12",
        "tel:+1-727-555-1111",
        "\uff17\uff12\uff17\uff15\uff15\uff15\uff11\uff11\uff11\uff11",
        "\u0667\u0662\u0667\u0665\u0665\u0665\u0661\u0661\u0661\u0661",
        " 727\u00a0555\u20131111 ",
    ],
)
def test_one_number_in_many_notations(phone: str) -> None:
    assert one(phone) == ("1", "7275551111", "")


@pytest.mark.parametrize(
    ("phone", "row", "options", "expected"),
    [
        ("020 7946 0958", {"phone_code": "44"}, {}, ("44", "2079460958", "")),
        ("020 7946 0958", {"phone_code": "0044"}, {}, ("44", "2079460958", "")),
        ("020 7946 0958", {"country_code_given": "GBR"}, {}, ("44", "2079460958", "")),
        ("020 7946 0958", {"country_code_given": "uk"}, {}, ("44", "2079460958", "")),
        ("020 7946 0958", {"country_code_given": "United Kingdom"}, {}, ("44", "2079460958", "")),
        ("020 7946 0958", {}, {"default_region": "gb"}, ("44", "2079460958", "")),
        ("020 7946 0958", {}, {"phone_code": "44"}, ("44", "2079460958", "")),
        (
            "030 901820",
            {"phone_code": "49", "country_code_given": "GBR"},
            {},
            ("49", "30901820", ""),
        ),
        ("030 901820", {"country_code_given": "DEU"}, {"phone_code": "44"}, ("49", "30901820", "")),
        (
            "030 901820",
            {},
            {"default_region": "DE", "phone_code": "44"},
            ("49", "30901820", ""),
        ),
        ("030 901820", {"country_code_given": "?"}, {"phone_code": "49"}, ("49", "30901820", "")),
        ("+44 20 7946 0958", {"phone_code": "1"}, {}, ("44", "2079460958", "")),
        ("0044 20 7946 0958", {"phone_code": "1"}, {}, ("44", "2079460958", "")),
        ("0044 20 7946 0958", {"phone_code": "49"}, {}, ("44", "2079460958", "")),
        ("011 44 20 7946 0958", {}, {}, ("44", "2079460958", "")),
        ("06 698 12345", {"phone_code": "39"}, {}, ("39", "0669812345", "")),
        ("8 (495) 123-45-67", {"phone_code": "7"}, {}, ("7", "4951234567", "")),
    ],
)
def test_the_country_of_a_number(
    phone: str, row: dict[str, str], options: dict[str, str], expected: tuple[str, str, str]
) -> None:
    assert one(phone, options, **row) == expected


TOO_LONG_OR_SHORT = "INVALID_PHONE_NUMBER_LENGTH"


@pytest.mark.parametrize(
    ("phone", "row", "reason"),
    [
        ("", {}, "not_a_number"),
        ("none", {}, "not_a_number"),
        ("727", {}, "too_short"),
        ("5551111", {}, "is_possible_local_only"),
        ("72755511112", {}, "too_long"),
        ("7275551111", {"phone_code": "999"}, "invalid_country_code"),
        ("12345", {"phone_code": "44"}, "is_possible_local_only"),
        ("+999 123456", {}, "invalid_country_code"),
    ],
)
def test_what_cannot_be_dialled(phone: str, row: dict[str, str], reason: str) -> None:
    _, rejected, _ = normalized([{"phone_number": phone, **row}])
    assert rejected["reason"].tolist() == [TOO_LONG_OR_SHORT]
    assert finding_details(rejected).tolist() == [f"phone_number={phone} {reason}"]


def test_the_line_of_a_rejected_number() -> None:
    _, rejected, _ = normalized([{"phone_number": "(727) 555"}])
    wanted = "ERROR: add_lead INVALID PHONE NUMBER LENGTH - 727555|6666"
    assert add_lead_answers(rejected).tolist() == [wanted]


@pytest.mark.parametrize(
    ("phone", "length", "possible", "valid"),
    [
        ("7275551111", "", "", ""),
        ("1275551111", "", "", "INVALID_PHONE_NUMBER"),
        ("0005551111", "", "", "INVALID_PHONE_NUMBER"),
        ("5551111", "", TOO_LONG_OR_SHORT, TOO_LONG_OR_SHORT),
        ("12345", TOO_LONG_OR_SHORT, TOO_LONG_OR_SHORT, TOO_LONG_OR_SHORT),
        ("1234567890123456", "", TOO_LONG_OR_SHORT, TOO_LONG_OR_SHORT),
        ("72345678901234567", *[TOO_LONG_OR_SHORT] * 3),
        ("7.27556E+09", *["DAMAGED_PHONE_NUMBER"] * 3),
    ],
)
def test_validation(phone: str, length: str, possible: str, valid: str) -> None:
    found = [one(phone, {"phone_validation": name})[2] for name in ("length", "possible", "valid")]
    assert found == [length, possible, valid]


@pytest.mark.parametrize(
    ("phone", "row", "stored"),
    [
        ("(727) 555-1111", {}, ("1", "7275551111")),
        ("17275551111", {}, ("1", "17275551111")),
        ("07275551111", {"phone_code": "044"}, ("044", "07275551111")),
        ("+44 20 7946 0958", {}, ("1", "442079460958")),
        ("727.555.1111 x12", {"phone_code": "1"}, ("1", "727555111112")),
        ("\uff17\uff12\uff175551111", {}, ("1", "7275551111")),
    ],
)
def test_as_given_stores_the_digits_as_sent(
    phone: str, row: dict[str, str], stored: tuple[str, str]
) -> None:
    options = {"phone_format": "as-given", "phone_validation": "length"}
    assert one(phone, options, **row) == (*stored, "")


def test_as_given_still_knows_the_national_number() -> None:
    leads, _, said = normalized([{"phone_number": "+1 727 555 1111 x12"}], phone_format="as-given")
    assert leads["national_number"].tolist() == ["7275551111"]
    assert leads["region"].tolist() == ["US"]
    assert said.empty


@pytest.mark.parametrize(
    "phone", ["7.27556E+09", "1.72755512E10", "7,27556e9", "7275551212.0", "7275551212,00"]
)
def test_damaged_numbers_are_rejected_as_such(phone: str) -> None:
    _, rejected, _ = normalized([{"phone_number": phone}])
    assert rejected["reason"].tolist() == ["DAMAGED_PHONE_NUMBER"]
    assert finding_details(rejected).tolist() == [f"phone_number={phone}"]
    assert add_lead_answers(rejected).tolist() == [""], "add_lead has no such answer"


def test_decimals_are_mended_where_the_whole_column_is_decimals() -> None:
    rows = [{"phone_number": phone} for phone in ("7275551212.0", "", "7275551213", "7.2E+09")]
    leads, rejected, said = normalized(rows, decimals=True)
    assert leads["phone_number"].tolist()[::2] == ["7275551212", "7275551213"]
    assert rejected["reason"].to_dict() == {3: TOO_LONG_OR_SHORT, 5: "DAMAGED_PHONE_NUMBER"}
    assert said["notice"].to_dict() == {2: "DECIMAL_MENDED"}


@pytest.mark.parametrize("phone", ["727.555.1111 x12", "7275551111;ext=12", "7275551111 ext. 12"])
def test_an_extension_is_dropped_with_a_notice(phone: str) -> None:
    _, rejected, said = normalized([{"phone_number": "7275551111"}, {"phone_number": phone}])
    assert rejected.empty
    assert said["notice"].to_dict() == {3: "EXTENSION_DROPPED"}
    assert said["value"].to_dict() == {3: "12"}


@pytest.mark.parametrize(
    ("alt_phone", "row", "stored"),
    [
        ("", {}, ""),
        ("+1 (813) 555-0001", {}, "8135550001"),
        ("001 813 555 0001", {}, "8135550001"),
        ("+44 20 7946 0958", {}, "2079460958"),
        ("020 7946 0958", {"phone_code": "44"}, "2079460958"),
        ("555-0001", {}, "555-0001"),
        ("ask Ann", {}, "ask Ann"),
        ("8.13555E+09", {}, "8.13555E+09"),
        ("x" * 12, {}, "x" * 12),
    ],
)
def test_alt_phone_is_normalized_or_kept(alt_phone: str, row: dict[str, str], stored: str) -> None:
    lead = {"phone_number": "7275551111", "alt_phone": alt_phone}
    if row:
        lead["phone_number"] = "020 7946 0000"
    leads, rejected, said = normalized([{**lead, **row}])
    assert leads["alt_phone"].tolist() == [stored]
    assert rejected.empty
    assert said.empty


def test_alt_phone_is_made_to_fit_after_it_was_read() -> None:
    rows = [
        {"phone_number": "7275551111", "alt_phone": text}
        for text in ("+1 (813) 555-0001", "call after six", "Zo\u00eb \u0141")
    ]
    column = Column(width=12, charset="latin1")
    leads, rejected, said = normalized(rows, alt_phone=column)
    assert leads["alt_phone"].tolist() == ["8135550001", "call after s", "Zo\u00eb ?"]
    assert rejected.empty
    assert said["notice"].to_dict() == {3: "VALUE_CUT", 4: "UNSTORABLE_REPLACED"}
    assert said["field"].tolist() == ["alt_phone", "alt_phone"]
    _, rejected, _ = normalized(rows, alt_phone=column, unstorable="reject")
    assert rejected["reason"].to_dict() == {4: "UNSTORABLE_CHARACTERS"}
    leads, _, said = normalized(rows[:1], phone_format="as-given")
    assert leads["alt_phone"].tolist() == ["+1 (813) 555"]
    assert said["notice"].tolist() == ["VALUE_CUT"]


def test_a_row_has_one_reason() -> None:
    rows = [{"phone_number": "1", "alt_phone": "\u0141"}]
    column = Column(width=12, charset="latin1")
    _, rejected, _ = normalized(rows, alt_phone=column, unstorable="reject")
    assert rejected["reason"].tolist() == [TOO_LONG_OR_SHORT]


def test_a_chunk_without_rows() -> None:
    for phone_format in ("national", "as-given"):
        leads, rejected, said = normalized([], phone_format=phone_format)
        assert leads.empty
        assert rejected.empty
        assert said.empty

"""Phone numbers as people write them, and what is dialled."""

import re
from typing import Any

import pandas as pd
import pytest

from loader.checks.phone_numbers import normalize_phones
from loader.dialer import Column
from loader.findings import FINDING_TYPES, Findings, Notices
from loader.options.load import LoadOptions
from loader.results.wording import add_lead_answers, finding_details

COLUMNS = ("phone_number", "phone_code", "phone_code_given", "country_code_given", "alt_phone")


def normalized(
    rows: list[dict[str, str]],
    *,
    decimals: bool = False,
    columns: dict[str, Column] | None = None,
    **options: Any,
) -> tuple[pd.DataFrame, Findings, Notices]:
    values = {name: [row.get(name, "") for row in rows] for name in COLUMNS}
    values["phone_code_given"] = values["phone_code"]
    values["phone_code"] = [re.sub("[^0-9]", "", code) for code in values["phone_code"]]
    leads = pd.DataFrame(values, dtype="str")
    leads.index = pd.Index(range(2, 2 + len(leads)), dtype="int64")
    given = leads.copy()
    found, regions, rejected, said = normalize_phones(
        leads, LoadOptions(user="6666", **options), decimals=decimals, columns=columns or {}
    )
    pd.testing.assert_frame_equal(leads, given)
    assert found.index.equals(leads.index)
    assert regions.index.equals(leads.index)
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


@pytest.mark.sample(2)
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
    assert leads["phone_number"].tolist() == ["17275551111"]
    assert said["notice"].tolist() == ["EXTENSION_DROPPED"]


@pytest.mark.sample(3)
@pytest.mark.parametrize("validation", ["possible", "valid"])
@pytest.mark.parametrize(
    ("phone", "row", "stored"),
    [
        ("1-800-FLOWERS", {}, ("1", "18003569377")),
        ("888-CALL-NOW", {}, ("1", "8882255669")),
        ("(800) 555-TELL", {}, ("1", "8005558355")),
        ("1-800-4MY-BABY", {}, ("1", "18004692229")),
        ("727-FLOWERS", {}, ("1", "7273569377")),
        ("+1 800 FLOWERS", {}, ("1", "18003569377")),
        ("0800 REVERSE", {"phone_code": "44"}, ("44", "08007383773")),
        ("1300 FLOWER", {"phone_code": "61"}, ("61", "1300356937")),
        ("1300 FLOWER ext 12", {"phone_code": "61"}, ("61", "1300356937")),
        ("(727) 821-1111 x12", {}, ("1", "7278211111")),
        ("7278211111;ext=12", {}, ("1", "7278211111")),
        ("727-821-1111 / 727-821-1112", {}, ("1", "7278211111")),
        ("1234 5678", {"phone_code": "800"}, ("800", "12345678")),
        ("1234 5678 home", {"phone_code": "800"}, ("800", "12345678")),
        ("1-727-821-1111", {}, ("1", "17278211111")),
        ("020 7946 0958", {"phone_code": "44"}, ("44", "02079460958")),
    ],
)
def test_as_given_stores_the_digits_that_were_judged(
    phone: str, row: dict[str, str], stored: tuple[str, str], validation: str
) -> None:
    options = {"phone_format": "as-given", "phone_validation": validation}
    assert one(phone, options, **row) == (*stored, "")


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("phone", "dialled"),
    [
        ("1-877-KARS-4-KIDS", "8775277454"),
        ("1 877 KARS4KIDS", "8775277454"),
        ("1-877-Kars4Kids", "8775277454"),
        ("1 800 CONTACTS", "8002668228"),
        ("1-800-CONTACTS", "8002668228"),
        ("1-800 Contacts", "8002668228"),
        ("1800CONTACTS", "8002668228"),
        ("+1 800 CONTACTS", "8002668228"),
        ("(800) CONTACTS", "8002668228"),
        ("800-MATTRESS", "8006288737"),
        ("888-NEW-HOMES", "8886394663"),
        ("1-866-4-MATTRESS", "8664628873"),
        ("1.855.GO2.PLAYS", "8554627529"),
        ("1-800-4MY-BABY", "8004692229"),
        ("1-800-GOT-JUNK", "8004685865"),
        ("1-800-flowers", "8003569377"),
    ],
)
def test_toll_free_numbers_in_words(phone: str, dialled: str) -> None:
    assert one(phone) == ("1", dialled, "")
    options = {"phone_format": "as-given", "phone_validation": "valid"}
    head = "1" if phone.lstrip("+").startswith("1") else ""
    assert one(phone, options) == ("1", head + dialled, "")


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "phone",
    [
        "727-CONTACTS", "1-727-CONTACTS", "1-900-CONTACTS", "800 NO ANSWER", "800 please call",
        "800 whatever", "1-800-UNAVAILABLE", "800-VOICEMAIL", "1-800-CONTACTSNOW", "1-800-CALL",
        "800-KARS-4", "1-800-555 home", "1-800-call-mobile",
    ],
)  # fmt: skip
def test_words_that_are_no_part_of_a_number(phone: str) -> None:
    assert one(phone)[2] == TOO_LONG_OR_SHORT


def test_longer_words_count_in_north_america_alone() -> None:
    assert one("800 CONTACTS", phone_code="44")[2] == TOO_LONG_OR_SHORT
    assert one("1-800-CONTACTS", phone_code="44")[2] == TOO_LONG_OR_SHORT
    assert one("+1-800-CONTACTS", phone_code="44") == ("1", "8002668228", "")
    assert one("800 555 1212 CONTACTS") == ("1", "8005551212", "")


def test_keypad_letters_are_no_digits_in_the_dialers_way() -> None:
    options = {"phone_format": "as-given", "phone_validation": "length"}
    assert one("1-800-FLOWERS", options) == ("1", "1800", TOO_LONG_OR_SHORT)
    assert one("(800) 555-TELL", options) == ("1", "800555", "")


@pytest.mark.parametrize(
    ("phone_code", "phone", "country", "stored"),
    [
        ("1-876", "8765551212", "", "1"),
        ("1876", "8765551212", "", "1"),
        ("1809", "8095551212", "", "1"),
        ("1-727", "7275551212", "", "1"),
        ("1-809, 1-829", "8295551212", "", "1"),
        ("+44", "020 7946 0958", "", "44"),
        ("0044", "020 7946 0958", "", "0044"),
        ("011 44", "020 7946 0958", "", "44"),
        ("+44 (0)", "020 7946 0958", "", "44"),
        ("44-20", "020 7946 0958", "", "44"),
        ("GB", "020 7946 0958", "", "44"),
        ("", "020 7946 0958", "GB", "44"),
        ("0", "020 7946 0958", "GB", "44"),
        ("", "7275551212", "NA", "1"),
        ("", "7275551212", "", "1"),
        ("", "+44 20 7946 0958", "", "1"),
    ],
)
def test_the_code_beside_digits_as_sent_does_not_repeat_their_area(
    phone_code: str, phone: str, country: str, stored: str
) -> None:
    options = {"phone_format": "as-given"}
    row = {"phone_code": phone_code, "country_code_given": country}
    assert one(phone, options, **row) == (stored, re.sub("[^0-9]", "", phone), "")


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
        ("020 7946 0958", {"phone_code": "44"}, "2079460958"),
        ("555-0001", {}, "555-0001"),
        ("ask Ann", {}, "ask Ann"),
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
    leads, rejected, said = normalized(rows, columns={"alt_phone": column})
    assert leads["alt_phone"].tolist() == ["8135550001", "call after s", "Zo\u00eb ?"]
    assert rejected.empty
    assert said["notice"].to_dict() == {3: "VALUE_CUT", 4: "UNSTORABLE_REPLACED"}
    assert said["field"].tolist() == ["alt_phone", "alt_phone"]
    _, rejected, _ = normalized(rows, columns={"alt_phone": column}, unstorable="reject")
    assert rejected["reason"].to_dict() == {4: "UNSTORABLE_CHARACTERS"}


def test_a_row_has_one_reason() -> None:
    rows = [{"phone_number": "1", "alt_phone": "\u0141"}]
    column = Column(width=12, charset="latin1")
    _, rejected, _ = normalized(rows, columns={"alt_phone": column}, unstorable="reject")
    assert rejected["reason"].tolist() == [TOO_LONG_OR_SHORT]


def test_a_chunk_without_rows() -> None:
    for phone_format in ("national", "as-given"):
        leads, rejected, said = normalized([], phone_format=phone_format)
        assert leads.empty
        assert rejected.empty
        assert said.empty


CODES = [
    ("1-876", "8765551212", "1", "8765551212"),
    ("1809", "8095551212", "1", "8095551212"),
    ("1 (876)", "8765551212", "1", "8765551212"),
    ("1-809, 1-829, 1-849", "829 555 1212", "1", "8295551212"),
    ("1-809/829", "8295551212", "1", "8295551212"),
    ("1-809/829/849", "8495551212", "1", "8495551212"),
    ("1809/829", "8095551212", "1", "8095551212"),
    ("1809/1829", "8295551212", "1", "8295551212"),
    ("1-787/939", "7871234568", "1", "7871234568"),
    ("1-787 / 939", "9391234568", "1", "9391234568"),
    ("+1 (787) or (939)", "9391234568", "1", "9391234568"),
    ("1-809, 829 and 849", "8495551212", "1", "8495551212"),
    ("1 876 & 658", "6585551212", "1", "6585551212"),
    ("44-1534/1481", "01481 200600", "44", "1481200600"),
    ("7-495/499", "499 123-45-67", "7", "4991234567"),
    ("+44", "020 7946 0958", "44", "2079460958"),
    ("0044", "020 7946 0958", "44", "2079460958"),
    ("011 44", "020 7946 0958", "44", "2079460958"),
    ("(44)", "020 7946 0958", "44", "2079460958"),
    (" 44 ", "020 7946 0958", "44", "2079460958"),
    ("44-1534", "01534 456789", "44", "1534456789"),
    ("44 (UK)", "020 7946 0958", "44", "2079460958"),
    ("+44 (0)", "020 7946 0958", "44", "2079460958"),
    ("7-495", "495 123-45-67", "7", "4951234567"),
    ("GB", "020 7946 0958", "44", "2079460958"),
    ("Germany", "030 901820", "49", "30901820"),
    ("800", "1234 5678", "800", "12345678"),
    ("1-876", "+44 20 7946 0958", "44", "2079460958"),
    ("99999", "+44 20 7946 0958", "44", "2079460958"),
]


@pytest.mark.sample(6)
@pytest.mark.parametrize(("phone_code", "phone", "code", "number"), CODES)
def test_phone_codes_as_countries_are_listed(
    phone_code: str, phone: str, code: str, number: str
) -> None:
    assert one(phone, phone_code=phone_code) == (code, number, "")


@pytest.mark.parametrize("phone_code", ["0", "00", "NA", "n/a", "NULL", "-", "+", "unknown"])
def test_a_phone_code_that_says_nothing_is_blank(phone_code: str) -> None:
    row = {"phone_number": "020 7946 0958", "phone_code": phone_code, "country_code_given": "GB"}
    leads, rejected, said = normalized([row])
    assert rejected.empty
    assert leads["phone_code"].tolist() == ["44"]
    assert said[["notice", "value"]].to_numpy().tolist() == [["PHONE_CODE_IGNORED", phone_code]]


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("phone_code", "phone"),
    [
        ("1-1", "7275551213"), ("1-876", "7275551212"), ("999", "7275551111"),
        ("99999", "7275551111"), ("Fred", "7275551111"), ("10", "7275551111"),
        ("44 or 49", "020 7946 0958"), ("1-787/44", "7875551212"),
        ("1-809/829", "7275551212"), ("1-787/+939", "7871234568"), ("7-495", "812 123-45-67"),
    ],
)  # fmt: skip
def test_a_phone_code_that_is_not_understood_is_the_reason(phone_code: str, phone: str) -> None:
    for options in ({}, {"phone_format": "as-given"}):
        row = {"phone_number": phone, "phone_code": phone_code}
        _, rejected, _ = normalized([row], **options)
        assert rejected["reason"].tolist() == ["INVALID_PHONE_CODE"]
        details = f"phone_code={phone_code} phone_number={phone}"
        assert finding_details(rejected).tolist() == [details]


def test_the_dialers_way_takes_any_phone_code() -> None:
    options = {"phone_format": "as-given", "phone_validation": "length"}
    rows = {"1-876": "1876", "99999": "99999", "0": "0", "": "1", "x": "1"}
    for sent, stored in rows.items():
        assert one("7275551111", options, phone_code=sent) == (stored, "7275551111", "")


def test_a_long_phone_code_is_cut_as_the_dialer_cuts_it_and_looked_up_before() -> None:
    options = {"phone_format": "as-given", "phone_validation": "length"}
    row = {"phone_number": "7275551111", "phone_code": "00000000001"}
    leads, rejected, said = normalized([row], **options)
    assert rejected.empty
    assert leads["phone_code"].tolist() == ["0000000000"]
    assert leads["phone_code_given"].tolist() == ["00000000001"]
    assert said[["notice", "field"]].to_numpy().tolist() == [["VALUE_CUT", "phone_code"]]
    assert one("7275551111", phone_code="00000000001") == ("1", "7275551111", "")


@pytest.mark.parametrize(
    ("country", "phone", "code", "said"),
    [
        ("NA", "7275551212", "1", "UNKNOWN_COUNTRY"),
        ("na", "7275551212", "1", "UNKNOWN_COUNTRY"),
        ("N/A", "7275551212", "1", "UNKNOWN_COUNTRY"),
        ("n.a.", "7275551212", "1", "UNKNOWN_COUNTRY"),
        ("NULL", "7275551212", "1", "UNKNOWN_COUNTRY"),
        ("-", "7275551212", "1", "UNKNOWN_COUNTRY"),
        ("unknown", "7275551212", "1", "UNKNOWN_COUNTRY"),
        ("NA", "0811234567", "264", ""),
        ("NA", "061 234 567", "264", ""),
        ("Namibia", "0811234567", "264", ""),
        ("NA", "+1 727 555 1212", "1", ""),
    ],
)
def test_not_available_is_no_country(country: str, phone: str, code: str, said: str) -> None:
    row = {"phone_number": phone, "country_code_given": country}
    leads, rejected, noticed = normalized([row])
    assert rejected.empty
    assert leads["phone_code"].tolist() == [code]
    assert noticed["notice"].tolist() == [said] * bool(said)


def test_a_country_that_makes_a_number_impossible_is_shown() -> None:
    rows = [
        {"phone_number": "7275551212", "country_code_given": "Namibia"},
        {"phone_number": "7275551212", "country_code_given": "FR"},
        {"phone_number": "123", "country_code_given": "FR"},
    ]
    _, rejected, _ = normalized(rows)
    assert finding_details(rejected).tolist() == [
        "country=Namibia phone_number=7275551212 too_long",
        "country=FR phone_number=7275551212 too_long",
        "phone_number=123 too_short",
    ]


def dropped_of(notices: Notices) -> list[tuple[str, str]]:
    return [tuple(pair) for pair in notices[["notice", "value"]].to_numpy().tolist()]


def test_words_and_second_numbers_are_dropped_with_a_notice() -> None:
    rows = [
        {"phone_number": "7275551111 home"},
        {"phone_number": "7275551111 ::: 7275551112"},
        {"phone_number": "7275551111 (2nd floor)"},
        {"phone_number": "727\u00b7555\u00b71111"},
    ]
    leads, rejected, said = normalized(rows)
    assert rejected.empty
    assert set(leads["phone_number"]) == {"7275551111"}
    assert dropped_of(said) == [
        ("WORDS_DROPPED", "home"),
        ("WORDS_DROPPED", "2nd floor"),
        ("SECOND_NUMBER_DROPPED", "7275551112"),
    ]


@pytest.mark.parametrize("phone", ["727 unknown", "727 home 555 1212", "call me", "555-1212 home"])
def test_words_are_no_digits(phone: str) -> None:
    _, rejected, _ = normalized([{"phone_number": phone}])
    assert rejected["reason"].tolist() == [TOO_LONG_OR_SHORT]


def test_digits_from_both_sides_of_a_word_are_only_joined_in_the_dialers_way() -> None:
    phone = "727 home 5551212"
    assert one(phone, {"phone_validation": "length"})[2] == TOO_LONG_OR_SHORT
    options = {"phone_format": "as-given", "phone_validation": "length"}
    assert one(phone, options) == ("1", "7275551212", "")
    assert one("7275551111 or 7275551112", {"phone_format": "as-given"})[1] == "7275551111"


@pytest.mark.parametrize("digit", "012345679")
def test_a_number_of_one_digit_is_none(digit: str) -> None:
    assert one(digit * 10)[2] in ("INVALID_PHONE_NUMBER", TOO_LONG_OR_SHORT)
    assert one(digit * 10, {"phone_validation": "length"})[2] == ""


ABROAD = [
    ("+44 20 7946 0958", {}, "442079460958"),
    ("0044 20 7946 0958", {}, "442079460958"),
    ("011 52 55 1234 5678", {}, "525512345678"),
    ("+49 171 1234567 mobil", {}, "491711234567"),
    ("+1 727 555 1215", {"phone_number": "+44 7911 123456"}, "17275551215"),
    ("+1 (727) 555-1215", {"phone_number": "030 901820", "phone_code": "49"}, "17275551215"),
]


@pytest.mark.parametrize(("alt_phone", "row", "stored"), ABROAD)
def test_an_alt_phone_of_another_country_keeps_its_country_code(
    alt_phone: str, row: dict[str, str], stored: str
) -> None:
    leads, rejected, said = normalized(
        [{"phone_number": "7275551111", "alt_phone": alt_phone, **row}]
    )
    assert rejected.empty
    assert leads["alt_phone"].tolist() == [stored]
    assert ("ALT_PHONE_ABROAD", stored) in dropped_of(said)


@pytest.mark.parametrize(
    ("alt_phone", "row", "stored"),
    [
        ("07911 123457", {"phone_number": "+44 7911 123456"}, "7911123457"),
        ("+44 7911 123457", {"phone_number": "+44 7911 123456"}, "7911123457"),
        ("+1 604 555 0123", {}, "6045550123"),
        ("0151 23456789", {"phone_number": "030 901820", "phone_code": "49"}, "15123456789"),
    ],
)
def test_an_alt_phone_of_the_leads_country_is_national(
    alt_phone: str, row: dict[str, str], stored: str
) -> None:
    leads, _, said = normalized([{"phone_number": "7275551111", "alt_phone": alt_phone, **row}])
    assert leads["alt_phone"].tolist() == [stored]
    assert said.empty


@pytest.mark.parametrize("phone_format", ["national", "as-given"])
@pytest.mark.parametrize(
    ("alt_phone", "stored", "notice"),
    [
        ("7275551213.0", "7275551213", "DECIMAL_MENDED"),
        ("7275551213,00", "7275551213", "DECIMAL_MENDED"),
        ("7.27556E+09", "", "DAMAGED_ALT_PHONE"),
        ("7,27556e9", "", "DAMAGED_ALT_PHONE"),
        (" 1.2E+11 ", "", "DAMAGED_ALT_PHONE"),
    ],
)
def test_what_a_spreadsheet_did_to_an_alt_phone(
    alt_phone: str, stored: str, notice: str, phone_format: str
) -> None:
    row = {"phone_number": "7275551111", "alt_phone": alt_phone}
    leads, rejected, said = normalized([row], phone_format=phone_format)
    assert rejected.empty
    assert leads["alt_phone"].tolist() == [stored]
    assert said["notice"].tolist() == [notice]
    assert said["field"].tolist() == ["alt_phone"]


def test_words_and_extensions_of_an_alt_phone_are_dropped_with_a_notice() -> None:
    texts = ("7275551213 home", "7275551213 / 7275551214", "7275551213 x5")
    rows = [{"phone_number": "7275551111", "alt_phone": text} for text in texts]
    leads, _, said = normalized(rows)
    assert set(leads["alt_phone"]) == {"7275551213"}
    assert dropped_of(said) == [
        ("EXTENSION_DROPPED", "5"),
        ("WORDS_DROPPED", "home"),
        ("SECOND_NUMBER_DROPPED", "7275551214"),
    ]
    assert set(said["field"]) == {"alt_phone"}


def test_an_alt_phone_that_is_too_wide_is_emptied_not_cut() -> None:
    rows = [
        {"phone_number": "7275551111", "alt_phone": text}
        for text in ("+49 1512 3456789012", "(727) 555-1212 or so on", "call me tomorrow")
    ]
    leads, rejected, said = normalized(rows)
    assert rejected.empty
    assert leads["alt_phone"].tolist() == ["", "7275551212", "call me tomo"]
    found = dict(zip(said["notice"], said["value"], strict=True))
    assert found["ALT_PHONE_TOO_WIDE"] == "4915123456789012"
    assert "VALUE_CUT" in found


def test_an_alt_phone_as_given_gives_way_as_the_dialer_has_it() -> None:
    rows = [
        {"phone_number": "7275551212", "alt_phone": text}
        for text in ("(727)555-1212", "(727) 555-1212", "+1 813 555 0001 x")
    ]
    options = {"phone_format": "as-given", "phone_validation": "length", "trim": "N"}
    leads, _, said = normalized(rows, **options)
    assert leads["alt_phone"].tolist() == ["727555-1212", "727 555-1212", " 1 813 555 0"]
    assert said["notice"].tolist() == ["VALUE_CUT"]
    leads, _, said = normalized(rows, phone_format="as-given")
    assert leads["alt_phone"].tolist() == ["727555-1212", "727 555-1212", "18135550001"]
    assert dropped_of(said) == [("WORDS_DROPPED", "x")]


@pytest.mark.sample(3)
@pytest.mark.parametrize("phone_format", ["as-given", "national"])
@pytest.mark.parametrize(
    ("alt_phone", "as_given", "national"),
    [
        ("+1 727 555 1298", "17275551298", "7275551298"),
        ("1-727-555-1297", "17275551297", "7275551297"),
        ("+44 20 7946 0958", "442079460958", "442079460958"),
        ("020 7946 0958", "02079460958", "02079460958"),
        ("020 7946 0958 home", "02079460958", "02079460958"),
        ("1-800-FLOWERS", "18003569377", "8003569377"),
        ("(800) 555-TELL", "800 555-TELL", "8005558355"),
        ("7275551297 x123", "7275551297", "7275551297"),
        ("727-555-1297 / 727-555-1298", "7275551297", "7275551297"),
        ("1 (727) 555-1297", "17275551297", "7275551297"),
        ("011 44 20 7946 0958", "", "442079460958"),
        ("+49 1512 3456789012", "", ""),
        ("12345678901234567", "", ""),
        ("1-800-FLOWERS now!", "", ""),
        ("1-800-CONTACTS", "18002668228", "8002668228"),
        ("ask for Ann", "ask for Ann", "ask for Ann"),
        ("ask for her mother", "ask for her", "ask for her"),
    ],
)
def test_of_an_alt_phone_that_does_not_fit_the_digits_are_stored(
    alt_phone: str, as_given: str, national: str, phone_format: str
) -> None:
    row = {"phone_number": "7275551212", "alt_phone": alt_phone}
    leads, rejected, said = normalized([row], phone_format=phone_format)
    assert rejected.empty
    stored = as_given if phone_format == "as-given" else national
    assert leads["alt_phone"].tolist() == [stored]
    assert ("ALT_PHONE_TOO_WIDE" in said["notice"].tolist()) == (stored == "")


@pytest.mark.parametrize("validation", ["length", "possible", "valid"])
def test_a_number_that_its_column_would_cut_is_rejected(validation: str) -> None:
    rows = [{"phone_number": n} for n in ("+86 138 0013 8000", "+49 1512 345678901", "7275551111")]
    columns = {"phone_number": Column(width=10), "phone_code": Column(width=1)}
    _, rejected, _ = normalized(rows, columns=columns, phone_validation=validation)
    assert set(rejected["reason"][:2]) <= {"PHONE_NUMBER_TOO_WIDE", "INVALID_PHONE_NUMBER"}
    assert rejected.index.tolist() == [2, 3]
    assert finding_details(rejected).iloc[0] == (
        "field=phone_number phone_number=+86 138 0013 8000 width=10"
    )

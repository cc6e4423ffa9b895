"""gmt_offset_now and lookup_state, by the dialer's tables and by phonenumbers."""

import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.checks.time_zones import Zones, tz_methods, zone_remarks
from loader.clock import RULES, Clock
from loader.dialer import NANPA, PHONE_CODES, POSTAL_CODES, Column, Dialer
from loader.findings import Findings, Notices
from loader.options.load import LoadOptions
from loader.phones.number_zones import ABBREVIATIONS, NumberZones, _zones_by_state, zones_by_prefix
from loader.results.wording import add_lead_answers, finding_details
from tests.conformance import reference_zone
from tests.conformance.reference_zone import number_of
from tests.support.notices import details_of

WINTER = Clock(now=datetime(2026, 1, 15, 14), offset=timedelta(hours=-5))
SUMMER = Clock(now=datetime(2026, 7, 1, 14), offset=timedelta(hours=-4))
CLOCKS = pytest.mark.parametrize("clock", [WINTER, SUMMER], ids=["winter", "summer"])

Row = dict[str, Any]
Lead = dict[str, str]

CODES = [
    {"country_code": code, "areacode": area, "state": state, "tz_code": tz, "GMT_offset": offset,
     "DST_range": rule}
    for code, area, state, tz, offset, rule in [
        ("1", "727", "FL", "EST", "-5", "SSM-FSN"),
        ("1", "727", "XX", "PST", "-8", ""),
        ("1", "850", "FL", "CST", "-6", "SSM-FSN"),
        ("1", "808", "HI", "HST", "-10", ""),
        ("1", "208", "ID", "MST", "-7", "SSM-FSN"),
        ("1", "602", "AZ", "MST", "-7", ""),
        ("52", "662", "SON", "MST", "-7", ""),
        ("52", "727", "", "CST", "-6", "FSA-LSO"),
        ("44", "", "", "GMT", "+0", "LSM-LSO"),
        ("44", "207", "", "GMT", "3", ""),
        ("61", "", "QLD", "AESN", "+10", ""),
        ("61", "", "NSW", "AEST", "+10", "FSO-FSA"),
        ("91", "", "", "IST", "+5.50", ""),
    ]
]  # fmt: skip
POSTAL = [
    {"country_code": code, "postal_code": postal, "GMT_offset": offset, "DST_range": rule}
    for code, postal, offset, rule in [
        ("1", "33760", "-5", "SSM-FSN"),
        ("1", "83501", "-8", "SSM-FSN"),
        ("1", "83702", "-7", "SSM-FSN"),
        ("1", "85001", "-7", ""),
        ("1", "M5V1B", "-5", "SSM-FSN"),
        ("1", "M5V1A", "-6", "SSM-FSN"),
        ("61", "20000", "+10", "FSO-FSA"),
    ]
]
PREFIXES = [
    {"areacode": "850", "prefix": "222", "GMT_offset": "-5", "DST": "Y"},
    {"areacode": "208", "prefix": "666", "GMT_offset": "-8", "DST": "Y"},
    {"areacode": "602", "prefix": "555", "GMT_offset": "-7", "DST": "N"},
    *(
        {"areacode": "700", "prefix": str(n), "GMT_offset": "0", "DST": "N"}
        for n in range(200, 207)
    ),
]


def frame(rows: list[Row], types: dict[str, str]) -> pd.DataFrame:
    """Give a table as the dialer's facts have it."""
    made = [
        {
            "prefix": row.get("areacode", "") + row.get("prefix", ""),
            "dst_range": "SSM-FSN" if row.get("DST") == "Y" else "",
            "gmt_offset": float(row["GMT_offset"]),
            **{
                name.lower(): value
                for name, value in row.items()
                if name not in ("prefix", "GMT_offset")
            },
        }
        for row in rows
    ]
    return pd.DataFrame(made, columns=list(types)).astype(types)


def dialer(
    *,
    codes: list[Row] = CODES,
    postal: list[Row] = (),  # type: ignore[assignment]
    nanpa: list[Row] = (),  # type: ignore[assignment]
    clock: Clock = WINTER,
    **others: Any,
) -> Dialer:
    return Dialer(
        clock=clock,
        columns=others.pop("columns", {}),
        phone_codes=frame(codes, PHONE_CODES),
        postal_codes=frame([row for row in postal if row["country_code"] == "1"], POSTAL_CODES),
        nanpa=frame(nanpa, NANPA),
        **others,
    )


def lead(phone_code: str, phone_number: str, **fields: str) -> Lead:
    return {"phone_code": phone_code, "phone_number": phone_number, **fields}


def leads(*rows: Lead) -> pd.DataFrame:
    made = []
    for row in rows:
        number = number_of(row["phone_number"], row["phone_code"])
        code = str(number.country_code) if number else ""
        national = row["phone_number"]
        if number:
            national = phonenumbers.national_significant_number(number)
        texts = {f"{name}_given": row.get(name, "") for name in ("state", "postal_code", "owner")}
        texts["phone_code_given"] = row["phone_code"]
        found = {"calling_code": code, "national_number": national}
        made.append({"state": "", **row, **texts, **found})
    names = [
        "phone_code", "phone_number", "calling_code", "national_number", "state",
        "phone_code_given", "state_given", "postal_code_given", "owner_given",
    ]  # fmt: skip
    index = pd.RangeIndex(2, 2 + 3 * len(rows), 3)
    return pd.DataFrame(made, columns=names, index=index, dtype="str")


def find(
    *rows: Lead, facts: Dialer | None = None, **options: Any
) -> tuple[list[float], Findings, Notices]:
    frame = leads(*rows)
    given = facts if facts is not None else dialer()
    found, rejected, said = Zones(LoadOptions(**options), given).offsets(frame)
    assert found.index.equals(frame.index)
    assert str(found.dtype) == "float64"
    assert {"notice", "value", "zones"} >= {*said.columns}
    return found.tolist(), rejected, said


# ---- the dialer's tables


@pytest.mark.parametrize(
    ("row", "winter", "summer"),
    [
        (lead("1", "7275551212"), -5, -4),
        (lead("01", "7275551212"), -5, -4),
        (lead("1", "8085551212"), -10, -10),
        (lead("52", "7275551212"), -6, -5),
        (lead("52", "6625551212"), -7, -7),
        (lead("44", "2079460958"), 0, 1),
        (lead("0044", "2079460958"), 0, 1),
        (lead("61", "299998888", state="NSW"), 11, 10),
        (lead("61", "299998888", state="nsw "), 11, 10),
        (lead("61", "299998888", state="QLD"), 10, 10),
        (lead("61", "299998888", state="?"), 10, 10),
        (lead("61", "299998888", state=""), 10, 10),
        (lead("91", "2212345678", state="NSW"), 5.5, 5.5),
    ],
)
def test_the_tables_offset(row: Lead, winter: float, summer: float) -> None:
    for clock, expected in ((WINTER, winter), (SUMMER, summer)):
        found, rejected, said = find(row, facts=dialer(clock=clock))
        assert found == [expected]
        assert rejected.empty
        assert said.empty


def test_an_unknown_area_code_takes_the_zone_of_the_number_with_a_notice() -> None:
    rows = lead("1", "7275551212"), lead("1", "2125551212"), lead("52", "6645551212")
    found, _, said = find(*rows)
    assert found == [-5, -5, -8]
    assert said["notice"].to_dict() == {5: "TIME_ZONE_OF_NUMBER", 8: "TIME_ZONE_OF_NUMBER"}
    assert said["value"].to_dict() == {5: "212", 8: "664"}


def test_what_nobody_knows_gets_zero_with_a_notice() -> None:
    # In the dialer a country that its table lacks gets 0 too, though phonenumbers knows a zone.
    found, _, said = find(
        lead("999", "7275551212"), lead("0", "7275551212"), lead("49", "30901820")
    )
    assert found == [0, 0, 0]
    assert said["notice"].tolist() == ["NO_TIME_ZONE"] * 3


@pytest.mark.parametrize(
    ("tz_method", "expected"),
    [
        ("", set()),
        ("POST", set()),
        ("tzcode", set()),
        ("TZCODE ", set()),
        ("TZCODE", {"TZCODE"}),
        ("TZCODE-NANPA", {"NANPA"}),
        ("postal", {"POSTAL"}),
        ("XPOSTALX", {"POSTAL"}),
        ("nanpa-Postal", {"NANPA", "POSTAL"}),
    ],
)
def test_the_methods_that_an_option_names(tz_method: str, expected: set[str]) -> None:
    assert tz_methods(tz_method) == expected


@pytest.mark.parametrize(
    ("row", "winter", "summer"),
    [
        pytest.param(lead("1", "8505551212", postal_code="33760"), -5, -4, id="found"),
        pytest.param(lead("1", "7275551212", postal_code="85001"), -7, -7, id="no daylight saving"),
        pytest.param(lead("1", "7275551212", postal_code="85001-1234"), -7, -7, id="ZIP+4"),
        pytest.param(lead("1", "7275551212", postal_code="850011234"), -5, -4, id="too long"),
        pytest.param(lead("1", "7275551212", postal_code="8500"), -5, -4, id="too short"),
        pytest.param(lead("1", "7275551212", postal_code="85002"), -5, -4, id="unknown"),
        pytest.param(lead("1", "7275551212", postal_code="85001 "), -5, -4, id="a blank counts"),
        pytest.param(lead("1", "7275551212", postal_code="m5v1a"), -6, -5, id="any case"),
        pytest.param(lead("01", "7275551212", postal_code="85001"), -5, -4, id="code 01"),
        pytest.param(lead("61", "299998888", postal_code="20000"), 10, 10, id="country 61"),
    ],
)
def test_postal(row: Lead, winter: float, summer: float) -> None:
    for clock, expected in ((WINTER, winter), (SUMMER, summer)):
        facts = dialer(postal=POSTAL, clock=clock)
        found, _, said = find(row, facts=facts, tz_method="POSTAL")
        assert found == [expected]
        assert said.empty


def test_of_the_postal_codes_that_begin_alike_the_first_of_the_table_counts() -> None:
    table = [{**POSTAL[0], "postal_code": code, "GMT_offset": str(-n)} for n, code in
             enumerate(["M5V1C9", "M5V1B2", "M5V1B1", "M5V1A"], start=1)]  # fmt: skip
    asked = ["M5V1B", "M5V1B1", "M5V1C", "M5V1A", "M5V1A1"]
    rows = [lead("1", "8085551212", postal_code=code) for code in asked]
    found, *_ = find(*rows, facts=dialer(postal=table), tz_method="POSTAL")
    assert found == [-2, -3, -1, -4, -10]


@pytest.mark.parametrize(
    ("row", "winter", "summer"),
    [
        pytest.param(lead("1", "7275551212", owner="CST"), -6, -5, id="found"),
        pytest.param(lead("1", "7275551212", owner="cst "), -6, -5, id="as the collation has it"),
        pytest.param(lead("1", "8085551212", owner="MST"), -7, -6, id="the highest rule of all"),
        pytest.param(lead("52", "7275551212", owner="MST"), -7, -7, id="of the country"),
        pytest.param(lead("52", "7275551212", owner="HST"), -6, -5, id="of another country"),
        pytest.param(lead("1", "7275551212", owner="Smith"), -5, -4, id="a name"),
        pytest.param(lead("1", "7275551212", owner=""), -5, -4, id="none"),
        pytest.param(
            lead("1", "7275551212", owner="America/Denver"), -5, -4, id="not in the table"
        ),
    ],
)
def test_tzcode(row: Lead, winter: float, summer: float) -> None:
    for clock, expected in ((WINTER, winter), (SUMMER, summer)):
        found, *_ = find(row, facts=dialer(clock=clock), tz_method="TZCODE")
        assert found == [expected]


def test_an_owner_of_one_letter_names_no_zone() -> None:
    table = [*CODES, {**CODES[0], "tz_code": "Z", "GMT_offset": "3"}]
    found, *_ = find(
        lead("1", "8085551212", owner="Z"), facts=dialer(codes=table), tz_method="TZCODE"
    )
    assert found == [-10]


@pytest.mark.parametrize(
    ("row", "winter", "summer"),
    [
        pytest.param(lead("1", "8502221212"), -5, -4, id="found"),
        pytest.param(lead("1", "8502231212"), -6, -5, id="another prefix"),
        pytest.param(lead("1", "6025551212"), -7, -7, id="no daylight saving"),
        pytest.param(lead("44", "8502221212"), -5, -4, id="whatever the country"),
        pytest.param(lead("1", "2086661212", postal_code="85001"), -8, -7, id="before POSTAL"),
        pytest.param(lead("1", "2085551212", postal_code="85001"), -7, -7, id="then POSTAL"),
    ],
)
def test_nanpa(row: Lead, winter: float, summer: float) -> None:
    for clock, expected in ((WINTER, winter), (SUMMER, summer)):
        facts = dialer(postal=POSTAL, nanpa=PREFIXES, clock=clock)
        found, _, said = find(row, facts=facts, tz_method="NANPA-POSTAL")
        assert found == [expected]
        assert said.empty


@pytest.mark.parametrize(
    "options", [{"tz_method": "nanpa"}, {"nanpa_ac_prefix_check": "Y"}], ids=["method", "check"]
)
def test_without_nanpa_data_each_lead_is_told_of(options: dict[str, str]) -> None:
    rows = lead("1", "8502221212"), lead("44", "2079460958")
    found, _, said = find(*rows, facts=dialer(nanpa=PREFIXES[:9]), **options)
    assert found == [-6, 0]
    assert said["notice"].tolist() == ["NANPA_NOT_LOADED"] * 2


# ---- without tables


@pytest.mark.parametrize(
    ("row", "winter", "summer"),
    [
        (lead("1", "2125551212"), -5, -4),
        (lead("1", "8085551212"), -10, -10),
        (lead("44", "2079460958"), 0, 1),
        (lead("61", "299998888"), 11, 10),
        (lead("49", "30901820"), 1, 2),
        (lead("91", "2212345678"), 5.5, 5.5),
        (lead("977", "14123456"), 5.75, 5.75),
    ],
)
def test_an_empty_table_leaves_it_to_phonenumbers(row: Lead, winter: float, summer: float) -> None:
    for clock, expected in ((WINTER, winter), (SUMMER, summer)):
        found, rejected, said = find(row, facts=dialer(codes=[], clock=clock))
        assert found == [expected]
        assert rejected.empty
        assert said.empty, "the summary says it once"


@pytest.mark.parametrize(
    ("owner", "country", "winter", "summer"),
    [
        ("PST", "1", -8, -7),
        ("pst", "01", -8, -7),
        ("NST", "1", -3.5, -2.5),
        ("HST", "1", -10, -10),
        ("America/Phoenix", "1", -7, -7),
        ("europe/london", "1", 0, 1),
        ("Europe/London", "44", 0, 1),
        ("PST", "44", 0, 1),
        ("Smith", "1", -5, -4),
        ("", "1", -5, -4),
    ],
)
def test_without_phone_codes_owner_names_a_zone_of_the_tz_database(
    owner: str, country: str, winter: float, summer: float
) -> None:
    row = lead(country, "2125551212" if country != "44" else "2079460958", owner=owner)
    for clock, expected in ((WINTER, winter), (SUMMER, summer)):
        found, *_ = find(row, facts=dialer(codes=[], clock=clock), tz_method="TZCODE")
        assert found == [expected]


# ---- ambiguous numbers

IDAHO = "zones=America/Los_Angeles,America/Boise"


@CLOCKS
@pytest.mark.parametrize(("choice", "expected"), [("earliest", -8), ("latest", -7)])
@pytest.mark.parametrize("tables", ["no codes", "another area"])
def test_of_several_zones_the_option_takes_one(
    clock: Clock, choice: str, expected: int, tables: str
) -> None:
    codes = [] if tables == "no codes" else [CODES[0]]
    rows = lead("1", "2085551212"), lead("1", "2085551212", state="ID")
    found, rejected, said = find(*rows, facts=dialer(codes=codes, clock=clock), ambiguous_tz=choice)
    assert found == [expected + (clock is SUMMER)] * 2
    assert rejected.empty
    several = said[said["notice"] == "AMBIGUOUS_TIME_ZONE"]
    assert details_of(several).to_dict() == {2: IDAHO, 5: IDAHO}
    assert (said["notice"] == "TIME_ZONE_OF_NUMBER").sum() == (2 if codes else 0)


DECIDED = [
    pytest.param(lead("1", "2085551212", postal_code="83501"), -8, id="postal code"),
    pytest.param(lead("1", "2085551212", postal_code="83702-1000", state="WA"), -7, id="not state"),
    pytest.param(lead("1", "2085551212", state="WA"), -8, id="state"),
    pytest.param(lead("1", "2085551212", state="washington "), -8, id="state by name"),
    pytest.param(lead("1", "8005551212", state="NY"), -5, id="toll-free"),
    pytest.param(lead("55", "11987654321", state="AC"), -3, id="one zone: São Paulo"),
    pytest.param(lead("61", "851012345", state="South Australia"), 10.5, id="by name"),
    pytest.param(lead("61", "851012345", state="WA"), 8, id="not Washington"),
    pytest.param(lead("1", "7095551212", state="NS"), -4, id="Nova Scotia"),
]


@pytest.mark.sample(6)
@pytest.mark.parametrize("choice", ["earliest", "latest", "reject"])
@pytest.mark.parametrize(("row", "expected"), DECIDED)
def test_postal_code_or_state_decide(row: Lead, expected: float, choice: str) -> None:
    facts = dialer(codes=[], postal=POSTAL)
    found, rejected, said = find(row, facts=facts, ambiguous_tz=choice)
    assert found == [expected]
    assert rejected.empty
    assert said.empty


def test_a_state_that_leaves_several_zones_narrows_the_choice() -> None:
    row = lead("1", "8005551212", state="TX")
    found, _, said = find(row, facts=dialer(codes=[]))
    assert found == [-7]
    assert said["zones"].tolist() == ["America/Denver,America/Chicago"]


@pytest.mark.parametrize("state", ["ID", "NY", "Bavaria", "", "WA|1"])
def test_a_state_that_cannot_tell_decides_nothing(state: str) -> None:
    row = lead("1", "2085551212", state=state)
    found, _, said = find(row, facts=dialer(codes=[]), ambiguous_tz="latest")
    assert found == [-7]
    assert details_of(said).tolist() == [IDAHO]


# Area codes of two zones: an exchange that phonenumbers knows, and the zone of its numbers.
PLACED = [
    ("8504321212", -6), ("8124221212", -6), ("4234391212", -5),
    ("7275551212", -5), ("3052010000", -5), ("6152010000", -6), ("9152010000", -7),
]  # fmt: skip


@pytest.mark.parametrize(("number", "expected"), PLACED)
def test_a_number_whose_exchange_phonenumbers_knows_is_not_ambiguous(
    number: str, expected: float
) -> None:
    found, rejected, said = find(lead("1", number), facts=dialer(codes=[]), ambiguous_tz="reject")
    assert found == [expected]
    assert rejected.empty
    assert said.empty


RUSSIAN = set(range(2, 13))

# Numbers that phonenumbers does not place, though it gives most of them one zone: a state that
# decides, with its offset, and the offsets that they can have.
UNPLACED = [
    ("1", "4232010000", "GA", -5, {-6, -5}),
    ("1", "2702010000", "", None, {-6, -5}),
    ("1", "8122010000", "OH", -5, {-6, -5}),
    ("1", "8502010000", "AL", -6, {-6, -5}),
    ("1", "7292000000", "", None, {-6, -5}),
    ("1", "3642010000", "", None, {-6, -5}),
    ("1", "9302010000", "", None, {-6, -5}),
    ("1", "4482010000", "", None, {-6, -5}),
    ("1", "2192010000", "IL", -6, {-6, -5}),
    ("1", "5742010000", "", None, {-6, -5}),
    ("1", "6062010000", "", None, {-6, -5}),
    ("1", "9062010000", "", None, {-6, -5}),
    ("1", "3082010000", "CO", -7, {-7, -6}),
    ("1", "6202010000", "", None, {-7, -6}),
    ("1", "7852010000", "MO", -6, {-7, -6}),
    ("1", "5412010000", "WA", -8, {-8, -7}),
    ("1", "4582010000", "", None, {-8, -7}),
    ("1", "2502010000", "AB", -7, {-8, -7}),
    ("1", "7782010000", "", None, {-8, -7}),
    ("1", "4182010000", "NS", -4, {-5, -4}),
    ("1", "8072010000", "MB", -6, {-6, -5}),
    ("61", "412345678", "NSW", 11, {8, 9.5, 10, 10.5, 11}),
    ("61", "1300123456", "QLD", 10, {8, 9.5, 10, 10.5, 11}),
    ("61", "749000000", "QLD", 10, {10, 11}),
    ("1", "8002010000", "GA", -5, set(range(-11, -3)) | {-3.5, 10}),
    ("7", "9141234567", "", None, RUSSIAN),
    ("7", "9131234567", "", None, RUSSIAN),
    ("7", "9031234567", "", None, RUSSIAN),
    ("7", "8001234567", "", None, RUSSIAN),
    ("34", "900123456", "", None, {0, 1}),
    ("34", "612345678", "", None, {0, 1}),
    ("351", "912345678", "", None, {-1, 0}),
    ("55", "40041234", "BA", -3, {-5, -4, -3}),
    ("55", "97991234567", "", None, {-5, -4}),
    ("52", "8001234567", "SON", -7, {-8, -7, -6, -5}),
    ("62", "8121234567", "", None, {7, 8, 9}),
    ("243", "991234567", "", None, {1, 2}),
    ("675", "70123456", "", None, {10, 11}),
    ("689", "89123456", "", None, {-10, -9.5, -9}),
    ("976", "99123456", "", None, {7, 8}),
    ("976", "75123456", "", None, {7, 8}),
    ("691", "9701234", "", None, {10, 11}),
]


@pytest.mark.sample(3)
@pytest.mark.parametrize(("code", "number", "state", "offset", "offsets"), UNPLACED)
def test_a_number_that_phonenumbers_does_not_place_is_ambiguous(
    code: str, number: str, state: str, offset: float | None, offsets: set[float]
) -> None:
    row, facts = lead(code, number), dialer(codes=[])
    for choice, pick in (("earliest", min), ("latest", max)):
        found, rejected, said = find(row, facts=facts, ambiguous_tz=choice)
        assert found == [pick(offsets)]
        assert said["notice"].tolist() == ["AMBIGUOUS_TIME_ZONE"]
    _, rejected, _ = find(row, facts=facts, ambiguous_tz="reject")
    assert rejected["reason"].tolist() == ["AMBIGUOUS_TIME_ZONE"]
    if offset is not None:
        found, rejected, said = find(
            lead(code, number, state=state), facts=facts, ambiguous_tz="reject"
        )
        assert found == [offset]
        assert rejected.empty
        assert said.empty


ONE_ZONE = {
    "EC": "few live on the Galapagos", "GL": "few live in Ittoqqortoormiit and Pituffik",
    "NZ": "few live on the Chatham Islands", "KZ": "one zone since 2024",
    "RE": "ranges of its own", "YT": "ranges of its own", "FM": "ranges of each island",
}  # fmt: skip
"""Countries with a calling code of several zones whose mobiles and services are in one zone."""
BY_AREA_CODE = {"BR", "MX"}
"""Those whose mobiles have area codes."""


def offsets_of(number: phonenumbers.PhoneNumber) -> set[float]:
    national = phonenumbers.national_significant_number(number)
    values = {"calling_code": str(number.country_code), "national_number": national}
    leads = pd.DataFrame([{**values, "phone_code_given": ""}], dtype="str")
    found = NumberZones(WINTER.utc).find(leads)
    return {float(found["earliest"].iloc[0]), float(found["latest"].iloc[0])}


def moving_numbers() -> Iterator[tuple[str, int, phonenumbers.PhoneNumber]]:
    """Give examples of numbers that are not tied to a place, of countries with several zones."""
    types = vars(phonenumbers.PhoneNumberType).values()
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        code = str(phonenumbers.country_code_for_region(region))
        zones = {zone for head, each in zones_by_prefix().items() if head.startswith(code)
                 for zone in each if "/" in zone and zone != "Etc/Unknown"}  # fmt: skip
        # The islands of country 1 have area codes, and its services are in the table above.
        if code == "1" or len({datetime.now(ZoneInfo(zone)).utcoffset() for zone in zones}) < 2:
            continue
        for kind in {each for each in types if isinstance(each, int)}:
            number = phonenumbers.example_number_for_type(region, kind)
            if number and kind not in (
                phonenumbers.PhoneNumberType.FIXED_LINE,
                phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
            ):
                yield region, kind, number


def test_mobiles_and_services_of_a_country_with_several_zones_have_them_all() -> None:
    mobile, placed = phonenumbers.PhoneNumberType.MOBILE, set()
    for region, kind, number in moving_numbers():
        area = kind == mobile and region in BY_AREA_CODE
        if region not in ONE_ZONE and not area and len(offsets_of(number)) < 2:
            placed.add((region, kind, phonenumbers.format_number(number, 0)))
    assert placed == set()


@pytest.mark.parametrize(
    ("code", "number", "winter", "summer"),
    [
        ("7", "4012123456", 2, 2), ("7", "4951234567", 3, 3), ("7", "4232123456", 10, 10),
        ("7", "7011234567", 5, 5), ("55", "91991234567", -3, -3), ("55", "93991234567", -3, -3),
        ("55", "11991234567", -3, -3), ("55", "92991234567", -4, -4), ("56", "612123456", -3, -3),
        ("56", "221234567", -3, -4), ("61", "292000000", 11, 10), ("64", "211234567", 13, 12),
        ("593", "991234567", -5, -5), ("1", "4742010000", -6, -6), ("976", "11123456", 8, 8),
        ("262", "692123456", 4, 4), ("262", "639012345", 3, 3), ("380", "501234567", 2, 3),
        ("86", "13812345678", 8, 8),
    ],
)  # fmt: skip
def test_numbers_of_one_place_in_countries_with_several_zones(
    code: str, number: str, winter: float, summer: float
) -> None:
    for clock, expected in ((WINTER, winter), (SUMMER, summer)):
        facts = dialer(codes=[], clock=clock)
        found, rejected, _ = find(lead(code, number), facts=facts, ambiguous_tz="reject")
        assert rejected.empty
        assert found == [expected]


def test_mobiles_of_chile_are_ambiguous_in_winter() -> None:
    facts, row = dialer(codes=[], clock=SUMMER), lead("56", "961234567")
    assert find(row, facts=facts, ambiguous_tz="reject")[1].index.tolist() == [2]
    assert find(row, facts=dialer(codes=[]), ambiguous_tz="reject")[1].empty


def test_ranges_that_are_unplaced_exist_and_have_zones() -> None:
    zones = zones_by_prefix()
    assert {len(zones[f"1{area}"]) for area in ("423", "729", "270", "364")} == {2}
    assert [zone for names in zones.values() for zone in names if "/" not in zone] == []


@CLOCKS
@pytest.mark.parametrize("codes", [[], CODES[:1], CODES], ids=["no codes", "another", "known"])
def test_ambiguous_numbers_can_be_rejected(clock: Clock, codes: list[Row]) -> None:
    rows = (
        lead("1", "2085551212"),
        lead("1", "2085551212", state="ID"),
        lead("1", "2085551212", state="WA"),
        lead("1", "2085551212", postal_code="83501"),
        lead("1", "7275551212"),
    )
    facts = dialer(codes=codes, postal=POSTAL, clock=clock)
    found, rejected, said = find(*rows, facts=facts, ambiguous_tz="reject")
    assert rejected["reason"].to_dict() == dict.fromkeys((2, 5), "AMBIGUOUS_TIME_ZONE")
    assert finding_details(rejected).tolist() == [IDAHO] * 2
    assert add_lead_answers(rejected).tolist() == [""] * 2, "add_lead has none"
    assert "AMBIGUOUS_TIME_ZONE" not in said["notice"].tolist()
    assert [each - (clock is SUMMER) for each in found[2:4]] == [-8, -8], "as state and code say"


@pytest.mark.parametrize(
    ("tz_method", "row"),
    [
        ("POSTAL", lead("1", "2085551212", postal_code="83501")),
        ("NANPA", lead("1", "2086661212")),
        ("TZCODE", lead("1", "2085551212", owner="CST")),
    ],
)
def test_what_the_method_finds_is_not_ambiguous(tz_method: str, row: Lead) -> None:
    facts = dialer(postal=POSTAL, nanpa=PREFIXES)
    _, rejected, said = find(row, facts=facts, tz_method=tz_method, ambiguous_tz="reject")
    assert rejected.empty
    assert said.empty


def test_a_known_area_decides_without_a_notice() -> None:
    found, _, said = find(lead("1", "2085551212", postal_code="83501"), facts=dialer(postal=POSTAL))
    assert found == [-7], "as add_lead: without POSTAL the postal code does not count"
    assert said.empty


# ---- lookup_state


def test_an_empty_state_is_that_of_the_area_code() -> None:
    frame = leads(
        lead("1", "7275551212"),
        lead("001", "8085551212"),
        lead("1", "7275551212", state="ny"),
        lead("1", "7275551212", state=" "),
        lead("1", "9995551212"),
        lead("52", "6625551212"),
        lead("44", "2079460958"),
    )
    filled = Zones(LoadOptions(lookup_state="Y"), dialer()).fill_state(frame)
    assert filled["state"].tolist() == ["FL", "HI", "ny", " ", "", "SO", ""]
    assert filled["state_given"].tolist() == ["FL", "HI", "ny", " ", "", "SON", ""]
    unchanged = [name for name in frame if name not in ("state", "state_given")]
    pd.testing.assert_frame_equal(filled[unchanged], frame[unchanged])
    assert frame["state"].tolist()[0] == "", "the frame given stays as it is"


def test_a_state_is_cut_to_its_column() -> None:
    frame = leads(lead("52", "6625551212"))
    wide = dialer(columns={"state": Column(width=3)})
    filled = Zones(LoadOptions(lookup_state="Y"), wide).fill_state(frame)
    assert filled["state"].tolist() == ["SON"]


@pytest.mark.parametrize("codes", [[], CODES], ids=["no codes", "not asked for"])
def test_states_that_nobody_looks_up_stay_empty(codes: list[Row]) -> None:
    frame = leads(lead("1", "7275551212"))
    options = LoadOptions(lookup_state="N" if codes else "Y")
    filled = Zones(options, dialer(codes=codes)).fill_state(frame)
    pd.testing.assert_frame_equal(filled, frame)


# ---- the run as a whole


@pytest.mark.parametrize(
    ("options", "facts", "expected"),
    [
        pytest.param({}, dialer(), [], id="as usual"),
        pytest.param(
            {}, dialer(codes=[]),
            ["vicidial_phone_codes is empty: time zones come from the phonenumbers library"],
            id="no phone codes",
        ),
        pytest.param({}, dialer(codes=[], knows_leads=False), [], id="no database"),
        pytest.param(
            {"tz_method": "POSTAL"}, dialer(),
            ["tz_method POSTAL found nothing: vicidial_postal_codes is empty; time zones go by "
             "phone_code and area code"],
            id="no postal codes",
        ),
        pytest.param({"tz_method": "POSTAL"}, dialer(postal=POSTAL), [], id="postal codes"),
        pytest.param(
            {"tz_method": "NANPA"}, dialer(nanpa=PREFIXES[:9]),
            ["NANPA options disabled, NANPA prefix data not loaded"],
            id="too few prefixes",
        ),
        pytest.param({"tz_method": "NANPA"}, dialer(nanpa=PREFIXES), [], id="prefixes"),
        pytest.param(
            {"tz_method": "TZCODE", "lookup_state": "Y"}, dialer(codes=[]),
            ["vicidial_phone_codes is empty: time zones come from the phonenumbers library",
             "of tz_method TZCODE only names of the tz database, EST and its like count",
             "lookup_state found nothing: vicidial_phone_codes is empty"],
            id="all of phone codes",
        ),
    ],
)  # fmt: skip
def test_remarks(options: dict[str, str], facts: Dialer, expected: list[str]) -> None:
    assert zone_remarks(LoadOptions(**options), facts) == expected


@pytest.mark.parametrize("codes", [[], CODES], ids=["no codes", "codes"])
@pytest.mark.parametrize("tz_method", ["", "POSTAL", "TZCODE", "NANPA"])
def test_no_leads(codes: list[Row], tz_method: str) -> None:
    facts = dialer(codes=codes, postal=POSTAL, nanpa=PREFIXES)
    found, rejected, said = find(facts=facts, tz_method=tz_method, ambiguous_tz="reject")
    assert found == []
    assert rejected.empty
    assert said.empty


def test_the_table_of_states() -> None:
    states = _zones_by_state()
    zones = {zone for names in states.values() for zone in names} | set(ABBREVIATIONS.values())
    assert [zone for zone in sorted(zones) if not ZoneInfo(zone).key] == []
    assert states["1", "FLORIDA"] == states["1", "FL"] == ("America/New_York", "America/Chicago")
    assert states["55", "SAO PAULO"] == ("America/Sao_Paulo",)
    # 50 states and DC, 5 territories, 13 provinces; by abbreviation and by name.
    assert len([code for code, _ in states if code == "1"]) == 2 * (51 + 5 + 13)


# ---- properties


SERVERS = {
    "America/New_York": "-5.00",
    "America/Los_Angeles": "-8.00",
    "Europe/Berlin": "1.00",
    "UTC": "0.00",
    "Australia/Brisbane": "10.00",
}
TURNS = (
    "2026-03-08 02", "2026-11-01 02", "2026-03-29 01", "2026-10-25 01", "2026-04-05 01",
    "2026-10-04 01", "2027-03-14 00", "2026-10-01 00", "2026-02-22 01",
)  # fmt: skip
NEAR_TURNS = st.builds(
    lambda turn, hours: datetime.fromisoformat(turn) + timedelta(hours=hours),
    st.sampled_from(TURNS),
    st.integers(-40, 40),
)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2029, 12, 31)) | NEAR_TURNS

OFFSETS = st.sampled_from(("-5.00", "-3.50", "+0", "5.75", "+10", "13.00"))
DST_RANGES = st.sampled_from((*RULES, "", "N"))
STATES = st.sampled_from(("", "NSW", "Nsw", "QLD", "?"))
# Owners and postal codes that nothing but the tables knows.
TZ_CODES = ("XT", "xt ", "éT", "Y")
POSTAL_TEXTS = ("33760", "33761", "33760-", "m5v1a", "M5V1Á", "M5V1A 2", "M5V1", "")
TABLES = st.fixed_dictionaries(
    {
        "vicidial_phone_codes": st.lists(
            st.fixed_dictionaries(
                {
                    "country_code": st.sampled_from(("1", "52", "61", "44", "977")),
                    "areacode": st.sampled_from(("727", "208", "")),
                    "state": STATES,
                    "tz_code": st.sampled_from(TZ_CODES),
                    "GMT_offset": OFFSETS,
                    "DST_range": DST_RANGES,
                }
            ),
            max_size=6,
        ),
        "vicidial_postal_codes": st.lists(
            st.fixed_dictionaries(
                {
                    "country_code": st.sampled_from(("1", "61")),
                    "postal_code": st.sampled_from(POSTAL_TEXTS),
                    "GMT_offset": OFFSETS,
                    "DST_range": DST_RANGES,
                }
            ),
            max_size=5,
        ),
        "vicidial_nanpa_prefix_codes": st.lists(
            st.fixed_dictionaries(
                {
                    "areacode": st.sampled_from(("727", "208")),
                    "prefix": st.sampled_from(("555", "200")),
                    "GMT_offset": OFFSETS,
                    "DST": st.sampled_from(("Y", "N")),
                }
            ),
            max_size=3,
        ).flatmap(lambda rows: st.sampled_from((rows, rows + PREFIXES))),
    }
)
NUMBERS = (
    *((code, phone) for code in ("1", "01", "52", "44", "0", "999") for phone in
      ("7275551212", "2085551212", "2082001212", "8502221212")),
    ("61", "299998888"), ("977", "14123456"), ("1", "8005551212"), ("44", "2079460958"),
)  # fmt: skip
LEADS = st.builds(
    lambda number, **fields: lead(*number, **fields),
    st.sampled_from(NUMBERS),
    state=STATES | st.sampled_from(("WA", "id", "Texas")),
    postal_code=st.sampled_from((*POSTAL_TEXTS, "33760-1234", "33760 ", "33760x")),
    owner=st.sampled_from((*TZ_CODES, "")),
)
METHODS = st.sampled_from(("", "POSTAL", "TZCODE", "NANPA", "postal", "POSTAL-nanpa"))


@pytest.mark.property
@given(
    tables=TABLES,
    moment=MOMENTS,
    server=st.sampled_from(sorted(SERVERS)),
    method=METHODS,
    rows=st.lists(LEADS, min_size=1, max_size=6),
)
def test_the_offsets_are_those_of_the_reference(
    tables: dict[str, list[Row]], moment: datetime, server: str, method: str, rows: list[Lead]
) -> None:
    now = reference_zone.skip_gap(moment.replace(microsecond=0), ZoneInfo(server))
    offset = now.replace(tzinfo=ZoneInfo(server)).utcoffset() or timedelta()
    reference = reference_zone.Zones(
        {**tables, "servers": [{"local_gmt": SERVERS[server]}]}, now, server
    )
    facts = dialer(
        codes=tables["vicidial_phone_codes"],
        postal=tables["vicidial_postal_codes"],
        nanpa=tables["vicidial_nanpa_prefix_codes"],
        clock=Clock(now=now, offset=offset),
    )
    found, _, said = find(*rows, facts=facts, tz_method=method)
    nothing = dict.fromkeys(("state", "postal_code", "owner"), "")
    answers = [
        reference.known({**nothing, "dialled": row["phone_number"], **row}, method) for row in rows
    ]
    assert found == [float(text or 0) for text, _ in answers]
    unknown = [text == "" for text, _ in answers]
    rows_of = {name: said.index[said["notice"] == name] for name in said["notice"].unique()}
    index = leads(*rows).index
    assert rows_of.get("NO_TIME_ZONE", index[:0]).tolist() == index[unknown].tolist()


@pytest.mark.property
@given(tables=TABLES, rows=st.lists(LEADS, min_size=1, max_size=6))
def test_states_are_those_of_the_reference(tables: dict[str, list[Row]], rows: list[Lead]) -> None:
    reference = reference_zone.Zones(tables, datetime(2026, 1, 15), "UTC")
    facts = dialer(codes=tables["vicidial_phone_codes"])
    filled = Zones(LoadOptions(lookup_state="Y"), facts).fill_state(leads(*rows))
    areas = [reference.by_area(row) for row in rows]
    expected = [
        row["state"] or (area["state"] if area else "")
        for row, area in zip(rows, areas, strict=True)
    ]
    assert filled["state_given"].tolist() == expected
    assert filled["state"].str.slice(0, 2).tolist() == [text[:2] for text in expected]


def test_one_long_postal_code_takes_no_memory_for_all() -> None:
    codes = [f"{number:05}" for number in range(2000)]
    rows = [lead("1", "7275551212", postal_code=code) for code in [*codes, "9" * 100_000]]
    facts = dialer(postal=POSTAL)
    tracemalloc.start()
    find(*rows, facts=facts, tz_method="POSTAL")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 50_000_000


def test_the_same_tables_at_another_time() -> None:
    options, frame = LoadOptions(tz_method="POSTAL"), leads(lead("1", "7275551212"))
    winter = Zones(options, dialer(clock=WINTER))
    assert winter.offsets(frame)[0].tolist() == [-5]
    summer = Zones(options, dialer(clock=SUMMER), winter)
    assert summer.offsets(frame)[0].tolist() == [-4]
    assert winter.offsets(frame)[0].tolist() == [-5]

"""The offset from UTC at which a lead's clock stands."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.findings import Notices
from loader.timezone import RULES, Clock, gmt_offsets, is_daylight_saving, offset_now
from tests import reference_zone
from tests.reference_zone import Zones

NEW_YORK = Clock(now=datetime(2026, 1, 15, 14), offset=timedelta(hours=-5))
SUMMER = Clock(now=datetime(2026, 7, 1, 14), offset=timedelta(hours=-4))

# Of 2026: the first local standard time with and the first without daylight saving.
TURNS = {
    "SSM-FSN": ("2026-03-08 02", "2026-11-01 02"),
    "FSA-LSO": ("2026-04-05 02", "2026-10-25 02"),
    "LSM-LSO": ("2026-03-29 01", "2026-10-25 01"),
    "LSO-LSM": ("2026-10-25 01", "2026-03-29 01"),
    "FSO-LSM": ("2026-10-04 01", "2026-03-29 01"),
    "FSO-FSA": ("2026-10-04 01", "2026-04-05 01"),
    "LSS-FSA": ("2026-10-01 00", "2026-04-05 01"),
    "FSO-TSM": ("2026-10-04 01", "2026-03-15 01"),
    "TSO-LSF": ("2026-10-25 01", "2026-02-22 01"),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_turns_at_its_hour(rule: str) -> None:
    begin, end = (datetime.fromisoformat(text) for text in TURNS[rule])
    second = timedelta(seconds=1)
    assert [is_daylight_saving(rule, t) for t in (begin - second, begin)] == [False, True]
    assert [is_daylight_saving(rule, t) for t in (end - second, end)] == [True, False]


@pytest.mark.parametrize("rule", ["", "N", "XXX-YYY", "ssm-fsn"])
def test_another_rule_means_no_daylight_saving(rule: str) -> None:
    days = [datetime(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert not any(is_daylight_saving(rule, day) for day in days)


def test_the_year_in_which_the_14th_of_march_is_the_sunday() -> None:
    # As recorded, the rule of the USA counts that whole day.
    assert is_daylight_saving("SSM-FSN", datetime(2027, 3, 14, 0, 30))
    assert not is_daylight_saving("SSM-FSN", datetime(2027, 3, 13, 23, 30))


@pytest.mark.parametrize("rule", [*RULES, "", "NONE"])
def test_every_hour_of_some_years_is_that_of_the_reference(rule: str) -> None:
    hours = pd.date_range("2024-01-01", "2030-01-01", freq="h").to_pydatetime()
    daylight = reference_zone.daylight
    wrong = [hour for hour in hours if is_daylight_saving(rule, hour) != daylight(rule, hour)]
    assert not wrong


def test_minutes_of_an_offset_do_not_count() -> None:
    # 02:00 in New York is 12:30 in Nepal; the dialer drops the half hour, but keeps the offset.
    clock = Clock(now=datetime(2026, 3, 8, 2), offset=timedelta(hours=-5))
    assert offset_now(5.75, "", clock) == 5.75
    assert offset_now(-3.5, "SSM-FSN", clock) == -2.5


def phone_codes(*rows: tuple[int, str, str, float, str]) -> pd.DataFrame:
    names = ["country_code", "areacode", "state", "gmt_offset", "dst_range"]
    types = dict.fromkeys(("areacode", "state", "dst_range"), "str")
    frame = pd.DataFrame(list(rows), columns=names)
    return frame.astype({"country_code": "int64", "gmt_offset": "float64"} | types)


TABLE = phone_codes(
    (1, "727", "FL", -5.0, "SSM-FSN"),
    (1, "727", "XX", -8.0, ""),
    (1, "808", "HI", -10.0, ""),
    (52, "662", "", -7.0, ""),
    (52, "727", "", -6.0, "FSA-LSO"),
    (44, "", "", 0.0, "LSM-LSO"),
    (44, "207", "", 3.0, ""),
    (61, "", "QLD", 10.0, ""),
    (61, "", "NSW", 10.0, "FSO-FSA"),
    (91, "", "", 5.5, ""),
)


def leads(*rows: tuple[str, ...]) -> pd.DataFrame:
    full = [(*row, "")[:3] for row in rows]
    frame = pd.DataFrame(full, columns=["phone_code", "phone_number", "state_given"], dtype="str")
    frame.index = pd.RangeIndex(2, 2 + 3 * len(rows), 3)
    return frame.assign(national_number=frame["phone_number"])


def offsets(
    *rows: tuple[str, ...], table: pd.DataFrame = TABLE, clock: Clock = NEW_YORK
) -> tuple[list[float], Notices]:
    frame = leads(*rows)
    found, said = gmt_offsets(frame, table, clock)
    assert found.index.equals(frame.index)
    assert str(found.dtype) == "float64"
    return found.tolist(), said


@pytest.mark.parametrize(
    ("lead", "winter", "summer"),
    [
        (("1", "7275551212"), -5, -4),
        (("01", "7275551212"), -5, -4),
        (("1", "8085551212"), -10, -10),
        (("52", "7275551212"), -6, -5),
        (("52", "6625551212"), -7, -7),
        (("44", "2079460958"), 0, 1),
        (("61", "299998888", "NSW"), 11, 10),
        (("61", "299998888", "nsw"), 11, 10),
        (("61", "299998888", "QLD"), 10, 10),
        (("61", "299998888", "?"), 10, 10),
        (("61", "299998888", ""), 10, 10),
        (("91", "2212345678", "NSW"), 5.5, 5.5),
    ],
)
def test_the_tables_offset(lead: tuple[str, ...], winter: float, summer: float) -> None:
    for clock, expected in ((NEW_YORK, winter), (SUMMER, summer)):
        found, said = offsets(lead, clock=clock)
        assert found == [expected]
        assert said.empty


def test_an_unknown_area_code_takes_the_zone_of_the_number_with_a_notice() -> None:
    found, said = offsets(("1", "7275551212"), ("1", "2125551212"), ("52", "5555555555"))
    assert found == [-5, -5, -6]
    assert said["notice"].to_dict() == {5: "TIME_ZONE_OF_NUMBER", 8: "TIME_ZONE_OF_NUMBER"}
    assert said["details"].to_dict() == {5: "212", 8: "555"}


def test_what_nobody_knows_gets_zero_with_a_notice() -> None:
    found, said = offsets(("999", "7275551212"), ("0", "7275551212"), ("1", "0005551212"))
    assert found[:2] == [0, 0]
    assert said["notice"][[2, 5]].tolist() == ["NO_TIME_ZONE", "NO_TIME_ZONE"]


def test_a_country_that_the_table_does_not_have_gets_zero() -> None:
    # Kept as it is in the dialer, though phonenumbers would know a zone.
    found, said = offsets(("49", "30901820"))
    assert found == [0]
    assert said["notice"].tolist() == ["NO_TIME_ZONE"]


@pytest.mark.parametrize(
    ("lead", "winter", "summer"),
    [
        (("1", "2125551212"), -5, -4),
        (("1", "8085551212"), -10, -10),
        (("1", "2085551212"), -8, -7),  # of Idaho's two zones the earlier one
        (("44", "2079460958"), 0, 1),
        (("61", "299998888"), 11, 10),
        (("49", "30901820"), 1, 2),
        (("91", "2212345678"), 5.5, 5.5),
        (("977", "14123456"), 5.75, 5.75),
    ],
)
def test_an_empty_table_leaves_it_to_phonenumbers(
    lead: tuple[str, ...], winter: float, summer: float
) -> None:
    for clock, expected in ((NEW_YORK, winter), (SUMMER, summer)):
        found, said = offsets(lead, table=TABLE.iloc[:0], clock=clock)
        assert found == [expected]
        assert said.empty, "the summary says it once"


def test_no_leads() -> None:
    for table in (TABLE, TABLE.iloc[:0]):
        found, said = offsets(table=table)
        assert found == []
        assert said.empty


ZONES = {
    "America/New_York": "-5.00",
    "America/Los_Angeles": "-8.00",
    "Europe/Berlin": "1.00",
    "UTC": "0.00",
    "Australia/Brisbane": "10.00",
}
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2029, 12, 31)) | st.sampled_from(
    [datetime.fromisoformat(text) for turn in TURNS.values() for text in turn]
).flatmap(lambda turn: st.integers(-40, 40).map(lambda hours: turn + timedelta(hours=hours)))


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, Any]]:
    row = st.fixed_dictionaries(
        {
            "country_code": st.sampled_from((1, 52, 61, 44, 977)),
            "areacode": st.sampled_from(("727", "208", "")),
            "state": st.sampled_from(("NSW", "nsw", "QLD", "")),
            "GMT_offset": st.sampled_from(("-5.00", "-3.50", "0.00", "5.75", "10.00", "13.00")),
            "DST_range": st.sampled_from((*RULES, "", "N")),
        }
    )
    return draw(st.lists(row, max_size=5))


@pytest.mark.property
@given(
    table=tables(),
    moment=MOMENTS,
    zone=st.sampled_from(sorted(ZONES)),
    rows=st.lists(
        st.tuples(
            st.sampled_from(("1", "01", "52", "61", "44", "977", "0", "999")),
            st.sampled_from(("7275551212", "2085551212", "2082001212", "299998888", "14123456")),
            st.sampled_from(("", "NSW", "Nsw", "QLD", "FL")),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_the_offsets_are_those_of_the_reference(
    table: list[dict[str, Any]], moment: datetime, zone: str, rows: list[tuple[str, str, str]]
) -> None:
    now = reference_zone.skip_gap(moment.replace(microsecond=0), ZoneInfo(zone))
    reference = Zones(
        {"vicidial_phone_codes": table, "servers": [{"local_gmt": ZONES[zone]}]}, now, zone
    )
    ahead = now.replace(tzinfo=ZoneInfo(zone)).utcoffset() or timedelta()
    codes = [
        (r["country_code"], r["areacode"], r["state"], float(r["GMT_offset"]), r["DST_range"])
        for r in table
    ]
    found, _ = offsets(*rows, table=phone_codes(*codes), clock=Clock(now=now, offset=ahead))
    expected = [
        reference.offset({"phone_code": code, "phone_number": phone, "state": state}, "")[0]
        for code, phone, state in rows
    ]
    assert found == [float(text or 0) for text in expected]

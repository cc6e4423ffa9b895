"""Which new leads go into the hopper, and with what."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.dialer import Column, Dialer, Lookups
from loader.extras import hopper
from loader.extras.hopper import priority
from loader.extras.rows import ExtraRows
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.results.wording import notice_texts
from tests.conformance import reference_extras
from tests.conformance.reference_extras import Extras
from tests.support.hopper import (
    STATES,
    TABLES,
    WINTER,
    Row,
    Tables,
    call_time,
    dialer_of,
    state_call_time,
)

SUMMER = datetime(2026, 7, 1, 14)
CHECKED = LoadOptions(add_to_hopper="Y", hopper_local_call_time_check="Y")
UNCHECKED = LoadOptions(add_to_hopper="Y")


def leads(*rows: Row) -> pd.DataFrame:
    """Give leads of which only some values matter, numbered 2, 5, 8."""
    usual = {
        "list_id": 101,
        "state_given": "",
        "gmt_offset_now": -5.0,
        "vendor_lead_code": "V1",
        "add_to_hopper": "Y",
        "hopper_priority": "0",
    }
    frame = pd.DataFrame([usual | row for row in rows], columns=list(usual))
    frame.index = pd.RangeIndex(2, 2 + 3 * len(rows), 3)
    numbers = {"list_id": "int64", "gmt_offset_now": "float64"}
    frame = frame.astype(dict.fromkeys(frame.columns, "str") | numbers)
    return frame.assign(state=frame["state_given"].str[:2])


def decided(
    frame: pd.DataFrame, dialer: Dialer, options: LoadOptions = CHECKED
) -> tuple[list[str], list[str]]:
    """Give each lead's notice, and its priority in the hopper."""
    found, said = hopper.decide(frame, options, dialer, Lookups())
    assert found.index.equals(frame.index)
    assert {name: str(found[name].dtype) for name in ("state", "hopper_priority")} == {
        "state": "str",
        "hopper_priority": "str",
    }
    assert said.index.is_unique
    told = notice_texts(said).reindex(frame.index)
    return told.fillna("").tolist(), found["hopper_priority"].tolist()


def rows_of(
    frame: pd.DataFrame, dialer: Dialer, options: LoadOptions = UNCHECKED
) -> list[ExtraRows]:
    found, _ = hopper.decide(frame, options, dialer, Lookups())
    return list(hopper.extra_rows(found.assign(lead_id=range(7, 7 + len(found))), options, dialer))


def is_open(lead: Row, clock: datetime = WINTER) -> bool:
    (told,), _ = decided(leads(lead), dialer_of(TABLES, clock))
    return told.startswith(f"{Notice.ADDED_TO_HOPPER} ")


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        pytest.param({"list_id": 101}, True, id="the campaign's, by another case"),
        pytest.param({"list_id": 102}, True, id="empty: the campaign's"),
        pytest.param({"list_id": 103}, False, id="the list's own before the campaign's"),
        pytest.param({"list_id": 302, "gmt_offset_now": 3}, False, id="no campaign is closed"),
        pytest.param({"list_id": 104}, False, id="an unknown call time is closed"),
        pytest.param({"list_id": 301}, False, id="an unknown campaign is closed"),
        pytest.param({"list_id": 999}, False, id="an undefined list is closed"),
        pytest.param({"gmt_offset_now": -10}, True, id="9:00 is open"),
        pytest.param({"gmt_offset_now": -10.25}, False, id="8:45 is not"),
        pytest.param({"gmt_offset_now": 1.75}, True, id="20:45 is open"),
        pytest.param({"gmt_offset_now": 2}, False, id="21:00 is not"),
        pytest.param({"list_id": 103, "gmt_offset_now": 5}, False, id="0:00 is not 24:00"),
        pytest.param({"list_id": 103, "gmt_offset_now": 4.75}, True, id="23:45 is before 24:00"),
        pytest.param({"list_id": 201}, True, id="hours of the day"),
        pytest.param({"list_id": 201, "gmt_offset_now": -7}, False, id="not the default's"),
        pytest.param({"list_id": 201, "state_given": "FL"}, True, id="the state's hours"),
        pytest.param(
            {"list_id": 201, "state_given": "fl ", "gmt_offset_now": -9}, True, id="by any case"
        ),
        pytest.param(
            {"list_id": 201, "state_given": "FL", "gmt_offset_now": -4.75}, False, id="until 14:01"
        ),
        pytest.param({"list_id": 201, "state_given": "TX"}, False, id="the first listed"),
        pytest.param({"list_id": 201, "state_given": "NSW"}, False, id="2400/2400: closed"),
        pytest.param({"list_id": 201, "state_given": "NS"}, True, id="the state as given"),
        pytest.param({"list_id": 201, "state_given": "GA"}, True, id="not listed: not the state's"),
        pytest.param({"list_id": 101, "state_given": "TX"}, True, id="nothing listed"),
    ],
)
def test_the_call_time_of_a_thursday_at_two_in_new_york(lead: Row, expected: bool) -> None:
    assert is_open(lead) is expected


def test_the_weekday_is_the_leads() -> None:
    # Thursday 19:00 UTC: from offset 5 on it is Friday, which has the default hours.
    assert not is_open({"list_id": 201, "gmt_offset_now": 13})
    assert is_open({"list_id": 201, "gmt_offset_now": 14})
    assert not is_open({"list_id": 201, "gmt_offset_now": 2})


def test_the_servers_summer_time_counts() -> None:
    # 18:00 UTC, an hour earlier than in winter.
    assert not is_open({"gmt_offset_now": -10}, SUMMER)
    assert is_open({"gmt_offset_now": -9}, SUMMER)


def test_without_the_check_all_go_in_that_shall() -> None:
    told, priorities = decided(
        leads(
            {"list_id": 103, "hopper_priority": "5"},
            {"list_id": 999},
            {"add_to_hopper": "N", "hopper_priority": "7"},
        ),
        dialer_of(TABLES),
        UNCHECKED,
    )
    assert told == ["ADDED_TO_HOPPER priority=5", "ADDED_TO_HOPPER priority=0", ""]
    assert priorities == ["5", "0", ""]


def test_what_is_told() -> None:
    told, priorities = decided(
        leads({"hopper_priority": "x7"}, {"list_id": 103}, {"gmt_offset_now": -12.756}),
        dialer_of(TABLES),
    )
    assert told == [
        "ADDED_TO_HOPPER priority=7",
        "NOT_ADDED_TO_HOPPER gmt_offset_now=-5.00",
        "NOT_ADDED_TO_HOPPER gmt_offset_now=-12.76",
    ]
    assert priorities == ["7", "", ""]


@pytest.mark.parametrize("options", [CHECKED, UNCHECKED], ids=["checked", "unchecked"])
def test_without_a_database_nothing_is_said(options: LoadOptions) -> None:
    nobody = Dialer(clock=dialer_of(TABLES).clock, columns={}, knows_leads=False)
    assert decided(leads({}, {}), nobody, options) == (["", ""], ["0", "0"])
    assert rows_of(leads({}), nobody, options) == []


@pytest.mark.parametrize("options", [CHECKED, UNCHECKED], ids=["checked", "unchecked"])
def test_no_leads(options: LoadOptions) -> None:
    assert decided(leads(), dialer_of(TABLES), options) == ([], [])
    assert rows_of(leads(), dialer_of(TABLES), options) == []


def test_a_run_that_cannot_use_the_hopper() -> None:
    frame = leads({}).drop(columns=["add_to_hopper", "hopper_priority"])
    found, said = hopper.decide(frame, CHECKED, dialer_of(TABLES), Lookups())
    assert found is frame
    assert said.empty
    assert list(hopper.extra_rows(frame.assign(lead_id=1), CHECKED, dialer_of(TABLES))) == []


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("", 0),
        ("0", 0),
        ("5", 5),
        ("+7", 7),
        ("-8", -8),
        ("99", 99),
        ("150", 99),
        ("-100", -99),
        ("1.5", 15),
        ("5-5", 5),
        ("--5", -99),
        ("-", -99),
        ("-5-", -99),
        ("990-", 99),
        ("00012", 12),
        ("-007", -7),
        ("high", 0),
        ("\u0661", 0),
        ("9" * 5000, 99),
        ("-" + "0" * 5000 + "3", -3),
        ("1000-", 99),
    ],
)
def test_hopper_priority(sent: str, expected: int) -> None:
    assert priority(sent) == expected
    told, priorities = decided(leads({"hopper_priority": sent}, {}), dialer_of(TABLES), UNCHECKED)
    assert told == [f"ADDED_TO_HOPPER priority={expected}", "ADDED_TO_HOPPER priority=0"]
    assert priorities == [str(expected), "0"]


@pytest.mark.property
@given(text=st.text("-0123459x", max_size=6) | st.text(max_size=4))
def test_a_priority_is_that_of_the_reference_within_the_limits(text: str) -> None:
    # The reference lets 1000- through, which no hopper can hold.
    assert priority(text) == max(-99, min(99, reference_extras.priority(text)))


def test_the_hoppers_rows() -> None:
    frame = leads(
        {"state_given": "NSW", "hopper_priority": "-3"},
        {"add_to_hopper": "N"},
        {"list_id": 999, "gmt_offset_now": 5.75, "vendor_lead_code": ""},
    )
    (extra,) = rows_of(frame, dialer_of(TABLES))
    assert (extra.table, extra.key, extra.generated) == (
        "vicidial_hopper",
        ("lead_id",),
        "hopper_id",
    )
    assert extra.notice == Notice.ADDED_TO_HOPPER
    assert extra.unless_stored == {}
    assert set(extra.rows.dtypes.drop("lead_id").astype(str)) == {"str"}
    assert str(extra.rows["lead_id"].dtype) == "int64"
    same = {"status": "READY", "user": "", "alt_dial": "NONE", "source": "P"}
    assert extra.rows.to_dict("index") == {
        2: same
        | {"lead_id": 7, "campaign_id": "CAMP1", "list_id": "101", "gmt_offset_now": "-5.00"}
        | {"state": "NS", "priority": "-3", "vendor_lead_code": "V1"},
        8: same
        | {"lead_id": 9, "campaign_id": "", "list_id": "999", "gmt_offset_now": "5.75"}
        | {"state": "", "priority": "0", "vendor_lead_code": ""},
    }


def test_the_hoppers_columns_are_those_it_has() -> None:
    tables = {"vicidial_hopper": dict.fromkeys(("lead_id", "status", "list_id"), Column())}
    (extra,) = rows_of(leads({}), replace(dialer_of(TABLES), tables=tables))
    assert sorted(extra.rows) == ["lead_id", "list_id", "status"]


def test_leads_without_vendor_lead_code() -> None:
    frame = leads({}).drop(columns="vendor_lead_code")
    (extra,) = rows_of(frame, dialer_of(TABLES))
    assert extra.rows["vendor_lead_code"].tolist() == [""]


NAMES = ("", "A", "a ", "B", "campaign", "none")
ZONES = ("America/New_York", "Europe/Berlin", "Australia/Adelaide", "UTC")
TURNS = ("2026-03-08 02:30", "2026-11-01 01:30", "2026-03-29 02:30", "2026-10-25 02:30")
MOMENTS = st.datetimes(datetime(2025, 12, 1), datetime(2027, 12, 31)) | st.sampled_from(
    [WINTER, SUMMER, *map(datetime.fromisoformat, TURNS)]
)
HOUR = st.sampled_from((0, 0, 0, 800, 900, 1330, 1400, 2100, 2400)) | st.integers(0, 2400)
HOURS = st.fixed_dictionaries(
    {},
    optional={day: st.tuples(HOUR, HOUR) for day in ("default", *reference_extras.DAYS)},
)


@st.composite
def call_tables(draw: st.DrawFn) -> Tables:
    name, state = st.sampled_from(NAMES), st.sampled_from(STATES)
    listed = st.lists(name, max_size=3).map("|".join)
    times = st.builds(lambda n, states, hours: call_time(n, states, **hours), name, listed, HOURS)
    of_state = st.builds(lambda n, s, hours: state_call_time(n, s, **hours), name, state, HOURS)
    fixed = st.fixed_dictionaries
    lists = st.lists(
        fixed(
            {
                "list_id": st.sampled_from((101, 102, 103)),
                "campaign_id": name,
                "local_call_time": name,
            }
        ),
        unique_by=lambda row: row["list_id"],
    )
    return {
        "vicidial_lists": draw(lists),
        "vicidial_campaigns": draw(
            st.lists(fixed({"campaign_id": name, "local_call_time": name}), max_size=3)
        ),
        "vicidial_call_times": draw(st.lists(times, min_size=1, max_size=4)),
        "vicidial_state_call_times": draw(st.lists(of_state, max_size=4)),
    }


LEADS = st.lists(
    st.fixed_dictionaries(
        {
            "list_id": st.sampled_from((101, 102, 103, 999)),
            "state_given": st.sampled_from((*STATES, "ZZ")),
            "gmt_offset_now": st.integers(-48, 56).map(lambda quarters: quarters / 4),
            "add_to_hopper": st.sampled_from("YYN"),
            "hopper_priority": st.sampled_from(("", "0", "5-5", "--5", "150")),
        }
    ),
    max_size=6,
)


@pytest.mark.property
@given(
    tables=call_tables(),
    moment=MOMENTS,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    rows=LEADS,
    checked=st.sampled_from("YYN"),
)
def test_the_hopper_is_that_of_the_reference(
    tables: Tables, moment: datetime, zone: ZoneInfo, rows: list[Row], checked: str
) -> None:
    clock = moment.replace(microsecond=0)
    frame, lines = leads(*rows), []
    reference = Extras({**tables, "vicidial_hopper": []}, clock, zone)
    for number, lead in enumerate(frame.to_dict("records")):
        stored = lead | {"lead_id": 7 + number, "gmt_offset_now": f"{lead['gmt_offset_now']:.2f}"}
        request = {str(name): str(value) for name, value in lead.items()}
        request["hopper_local_call_time_check"] = checked
        sent = {"phone_number": "7275551212", "state": lead["state_given"]}
        wanted = lead["add_to_hopper"] == "Y"
        lines.append(reference.hopper(stored, sent, request, "6666", "") if wanted else "nothing")
    dialer = dialer_of(tables, clock, zone)
    options = LoadOptions(add_to_hopper="Y", hopper_local_call_time_check=checked)
    told, _ = decided(frame, dialer, options)
    answers = {Notice.ADDED_TO_HOPPER.answer, Notice.NOT_ADDED_TO_HOPPER.answer}
    assert [Notice(text.split()[0]).answer if text else "nothing" for text in told] == [
        next((answer for answer in answers if f"add_lead {answer} -" in line), "nothing")
        for line in lines
    ]
    found = [row for extra in rows_of(frame, dialer, options) for row in records(extra)]
    assert found == [
        {name: value if name == "lead_id" else str(value) for name, value in row.items()}
        for row in reference.tables["vicidial_hopper"]
        if row.pop("hopper_id")
    ]


def records(extra: ExtraRows) -> list[Row]:
    return [{str(name): row[name] for name in row} for row in extra.rows.to_dict("records")]


def test_the_order_of_the_rows_does_not_matter() -> None:
    frame = leads({}, {"list_id": 103}, {"add_to_hopper": "N"}, {"hopper_priority": "9"})
    told, priorities = decided(frame, dialer_of(TABLES))
    backwards = decided(frame[::-1], dialer_of(TABLES))
    assert backwards == (told[::-1], priorities[::-1])

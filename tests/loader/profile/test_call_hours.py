"""The hours in which rows may be called, as the hopper decides."""

from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.checks.call_times import callable_now
from loader.clock import Clock
from loader.dialer import Dialer
from loader.profile.call_hours import CallTimes

CLOCK = Clock(now=datetime(2026, 11, 22, 15, 20), offset=timedelta(hours=-5))
DAYS = ("default", "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


def week(start: int, stop: int, prefix: str) -> dict[str, int]:
    hours = {f"{prefix}_{day}_start": 0 for day in DAYS} | {
        f"{prefix}_{day}_stop": 0 for day in DAYS
    }
    return hours | {f"{prefix}_default_start": start, f"{prefix}_default_stop": stop}


DIALER = Dialer(
    clock=CLOCK,
    columns={},
    lists=pd.Series({101: "EAST", 102: "WEST"}, dtype="str"),
    list_call_times=pd.Series({101: "campaign", 102: "LATE"}, dtype="str"),
    campaigns=pd.DataFrame(
        {"campaign_id": ["EAST", "WEST"], "local_call_time": ["DAY", "DAY"],
         "use_other_campaign_dnc": ["", ""]},
        index=["east", "west"],
    ),
    call_times=pd.DataFrame(
        [{**week(900, 1730, "ct"), "ct_state_call_times": "|FL_HOURS|"},
         {**week(1800, 2100, "ct"), "ct_state_call_times": ""}],
        index=["day", "late"],
    ),
    state_call_times=pd.DataFrame(
        [{**week(1200, 1300, "sct"), "state_call_time_state": "FL"}], index=["fl_hours"]
    ),
)  # fmt: skip
LEADS = st.lists(
    st.tuples(
        st.sampled_from([101, 102, 404]),
        st.sampled_from([-10.0, -5.0, -3.5, 0.0, 5.75, 13.0]),
        st.sampled_from(["FL", "fl", "NY", ""]),
    ),
    max_size=8,
)


def frame(rows: list[tuple[int, float, str]]) -> pd.DataFrame:
    leads = pd.DataFrame(rows, columns=["list_id", "gmt_offset_now", "state"])
    return leads.astype({"list_id": "int64", "gmt_offset_now": "float64", "state": "str"})


@settings(max_examples=8, deadline=None)
@given(st.lists(LEADS, min_size=1, max_size=3))
def test_each_hour_agrees_with_the_hopper_at_half_past(
    chunks: list[list[tuple[int, float, str]]],
) -> None:
    times = CallTimes(DIALER, CLOCK, "call times")
    for chunk in chunks:
        times.add(frame(chunk))
    leads = frame([row for chunk in chunks for row in chunk])
    leads = leads.assign(state_given=leads["state"])
    expected = []
    for hour in range(24):
        now = CLOCK.now.replace(hour=hour, minute=30)
        then = replace(DIALER, clock=replace(CLOCK, now=now))
        expected.append(int(callable_now(leads, then).sum()))
    hours = times.hours()
    assert hours.rows == expected
    assert (hours.zone, hours.by, f"{hours.day}") == ("UTC-05:00", "call times", "2026-11-22")


def test_without_a_dialer_usual_hours_apply_at_local_time() -> None:
    times = CallTimes(None, CLOCK, "usual")
    times.add(frame([(101, -5.0, "FL"), (101, -5.0, ""), (404, -8.0, "CA")]))
    # The dialer is five hours behind UTC; California three more.
    rows = times.hours().rows
    assert [hour for hour, count in enumerate(rows) if count] == list(range(9, 24))
    assert rows[9:12] == [2, 2, 2]
    assert rows[12:21] == [3] * 9
    assert rows[21:] == [1, 1, 1]


@pytest.mark.parametrize(
    ("offset", "zone"), [(-210, "UTC-03:30"), (345, "UTC+05:45"), (0, "UTC+00:00")]
)
def test_name_of_the_zone(offset: int, zone: str) -> None:
    clock = replace(CLOCK, offset=timedelta(minutes=offset))
    hours = CallTimes(None, clock, "usual").hours()
    assert (hours.zone, hours.rows) == (zone, [0] * 24)

"""Clocks, and the dialer's daylight saving rules."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from loader.clock import RULES, Clock, is_daylight_saving, offset_now
from tests.conformance import reference_zone
from tests.conformance.corpus import HERE

# Of 2026: the first local standard time with and the first without daylight saving.
TURNS = {
    "SSM-FSN": ("2026-03-08 02", "2026-11-01 02"),
    "FSA-LSO": ("2026-04-05 02", "2026-10-25 02"),
    "LSM-LSO": ("2026-03-29 01", "2026-10-25 01"),
    "LSO-LSM": ("2026-10-25 01", "2026-03-29 01"),
    "FSO-LSM": ("2026-10-04 01", "2026-03-29 01"),
    "FSO-FSA": ("2026-10-04 01", "2026-04-05 02"),
    "LSS-FSA": ("2026-10-01 00", "2026-04-05 02"),
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


RECORDED = json.loads((HERE / "daylight_saving.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("rule", "local", "adds_an_hour"), RECORDED)
def test_the_recorded_hours_around_the_turns(rule: str, local: str, adds_an_hour: bool) -> None:
    assert is_daylight_saving(rule, datetime.fromisoformat(local)) is adds_an_hour


@pytest.mark.sample(1)
@pytest.mark.parametrize("rule", [*RULES, "", "NONE"])
def test_every_hour_of_some_years_is_that_of_the_reference(rule: str) -> None:
    hours = pd.date_range("2024-01-01", "2036-01-01", freq="h").to_pydatetime()
    daylight = reference_zone.daylight
    wrong = [hour for hour in hours if is_daylight_saving(rule, hour) != daylight(rule, hour)]
    assert not wrong


def test_minutes_of_an_offset_do_not_count() -> None:
    # 02:00 in New York is 12:30 in Nepal; the dialer drops the half hour, but keeps the offset.
    clock = Clock(now=datetime(2026, 3, 8, 2), offset=timedelta(hours=-5))
    assert offset_now(5.75, "", clock) == 5.75
    assert offset_now(-3.5, "SSM-FSN", clock) == -2.5


def test_a_clock_knows_the_same_instant_in_utc() -> None:
    clock = Clock(now=datetime(2026, 7, 1, 1, 30), offset=timedelta(hours=5, minutes=30))
    assert clock.utc == datetime(2026, 6, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "ahead", "standard", "rule", "expected"),
    [
        pytest.param("2026-01-15 14:00", -5, -5.0, "SSM-FSN", -5, id="winter"),
        pytest.param("2026-07-15 14:00", -4, -5.0, "SSM-FSN", -4, id="summer"),
        pytest.param("2026-07-15 14:00", -4, 10.0, "FSO-FSA", 10, id="winter in the south"),
        pytest.param("2026-03-08 02:59", -8, -5.0, "SSM-FSN", -4, id="ahead of the server"),
        pytest.param("2026-03-08 04:00", -4, -8.0, "SSM-FSN", -8, id="behind the server"),
        pytest.param("2026-10-03 12:00", -4, 10.0, "FSO-FSA", 11, id="on the next day already"),
    ],
)
def test_the_rule_is_asked_at_the_zones_own_hour(
    now: str, ahead: int, standard: float, rule: str, expected: float
) -> None:
    clock = Clock(now=datetime.fromisoformat(now), offset=timedelta(hours=ahead))
    assert offset_now(standard, rule, clock) == expected

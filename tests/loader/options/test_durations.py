"""Durations, ages and moments as people write them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.options.durations import (
    MOST,
    format_duration,
    format_moment,
    moment_before,
    parse_duration,
    parse_moment,
)

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NOW = datetime(2026, 11, 22, 5)


@pytest.mark.parametrize(
    ("given", "duration"),
    [
        ("90s", 90 * timedelta(seconds=1)),
        ("30m", 30 * MINUTE),
        ("2h", 2 * HOUR),
        ("90d", 90 * DAY),
        ("8w", 56 * DAY),
        ("1h30m", 90 * MINUTE),
        ("1w2d3h4m5s", 9 * DAY + 3 * HOUR + 4 * MINUTE + timedelta(seconds=5)),
        ("1.5h", 90 * MINUTE),
        (" 2h ", 2 * HOUR),
        ("0.25", timedelta(seconds=0.25)),
        (0.25, timedelta(seconds=0.25)),
        ("0", timedelta()),
        (7, timedelta(seconds=7)),
        (0, timedelta()),
        (MINUTE, MINUTE),
        ("36525d", MOST),
    ],
)
def test_a_duration(given: object, duration: timedelta) -> None:
    assert parse_duration(given) == duration


@pytest.mark.parametrize(
    "given",
    [
        "", " ", "s", "h30", "1 h", "3M", "1y", "2H", "1mo", "30min", "30m1h", "1h1h", "1h30",
        "-1s", "+1s", "1e3", ".5", "5.", "1_0", "1,5h", "P1D", "1:30", "\u0663s", "1h\n2m",
        "nan", "inf", -1, -0.5, float("nan"), float("inf"), True, None, b"1h", [1], -MINUTE,
        "36526d", "99999999999999w", "9" * 400, "9" * 400 + "s", MOST + DAY,
    ],
)  # fmt: skip
def test_what_is_no_duration(given: object) -> None:
    with pytest.raises(ValueError, match=r"is no duration; write|is negative|is too long"):
        parse_duration(given)


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2026-08-01", datetime(2026, 8, 1)),
        ("2026-08-01 12:00", datetime(2026, 8, 1, 12)),
        ("2026-08-01 12:30:15", datetime(2026, 8, 1, 12, 30, 15)),
        ("2026-08-01T12:30:15", datetime(2026, 8, 1, 12, 30, 15)),
        (date(2026, 8, 1), datetime(2026, 8, 1)),
        (datetime(2026, 8, 1, 12), datetime(2026, 8, 1, 12)),
        ("90d", 90 * DAY),
        ("1h30m", 90 * MINUTE),
        (90 * DAY, 90 * DAY),
    ],
)
def test_a_moment(given: object, moment: datetime | timedelta) -> None:
    assert parse_moment(given) == moment


@pytest.mark.parametrize(
    "given",
    [
        # A bare number would be seconds, and is meant as days.
        "90", 90, 90.0, 20260801, "20260801",
        "2026-8-1", "2026-W31-6", "2026-02-30", "2026-08-01 25:00", "2026-08-01 12", "01/08/2026",
        "2026-08-01 12:00:00.5", "2026-08-01T12:00:00Z", datetime(2026, 8, 1, tzinfo=UTC),
        "NOW", "3M", "", None, True, "99999w", -DAY,
    ],
)  # fmt: skip
def test_what_is_no_moment(given: object) -> None:
    with pytest.raises(
        ValueError, match=r"no date and no age|no such date|time zone|too long|is negative"
    ):
        parse_moment(given)


def test_an_age_is_counted_back_from_now() -> None:
    assert moment_before(90 * DAY, NOW) == datetime(2026, 8, 24, 5)
    assert moment_before(datetime(2026, 8, 1), NOW) == datetime(2026, 8, 1)
    assert moment_before(MOST, NOW).year == 1926


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=0.25), "0.25s"),
        (timedelta(microseconds=1), "0.000001s"),
        (90 * MINUTE, "1h30m"),
        (56 * DAY, "56d"),
        (DAY + timedelta(seconds=100), "1d1m40s"),
    ],
)
def test_how_a_duration_is_written(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@pytest.mark.property
@given(st.timedeltas(timedelta(), MOST))
def test_what_is_written_is_read_again(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration
    assert parse_moment(format_moment(duration)) == duration


@pytest.mark.property
@given(st.datetimes().map(lambda moment: moment.replace(microsecond=0)))
def test_a_written_date_is_read_again(moment: datetime) -> None:
    assert parse_moment(format_moment(moment)) == moment


@pytest.mark.property
@given(st.text(alphabet="0123456789wdhms. -:T"))
def test_any_text_is_a_duration_or_a_clear_error(text: str) -> None:
    try:
        assert timedelta() <= parse_duration(text) <= MOST
    except ValueError as error:
        assert "write it such as" in str(error) or "too long" in str(error)  # noqa: PT017 - either

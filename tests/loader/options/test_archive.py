"""The options of an archive."""

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loader.options.archive import MOST_COUNTED, ArchiveOptions, ArchiveRule
from loader.options.durations import MOST

REPLICA = "mysql://repl:se,cret@replica/asterisk"


def complaint(model: type[ArchiveOptions | ArchiveRule], **options: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model(**options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"statuses": "NA, B"}, {"statuses": ("NA", "B")}),
        ({"statuses": ["NA", 5]}, {"statuses": ("NA", "5")}),
        ({"lists": "101,102"}, {"lists": (101, 102)}),
        ({"lists": [101, "102"]}, {"lists": (101, 102)}),
        ({"lists": 101}, {"lists": (101,)}),
        ({"campaigns": "SALES,6666"}, {"campaigns": ("SALES", "6666")}),
        ({"campaigns": [6666]}, {"campaigns": ("6666",)}),
        ({"campaigns": 6666}, {"campaigns": ("6666",)}),
        ({"called_before": "90d"}, {"called_before": timedelta(days=90)}),
        ({"called_before": date(2026, 8, 1)}, {"called_before": datetime(2026, 8, 1)}),
        ({"loaded_before": "2026-08-01 12:00"}, {"loaded_before": datetime(2026, 8, 1, 12)}),
        ({"min_called_count": "5"}, {"min_called_count": 5}),
    ],
    ids=str,
)
def test_a_rule(options: dict[str, Any], rule: dict[str, Any]) -> None:
    read = ArchiveRule(**options)
    assert read.model_dump(exclude_defaults=True) == rule
    assert not read.is_empty


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statuses": "TOOLONG"}, "'TOOLONG' is no status"),
        ({"statuses": "N'A"}, "is no status"),
        ({"lists": "-1"}, "'-1' is no list_id"),
        ({"lists": "1.5"}, "'1.5' is no list_id"),
        ({"lists": [True]}, "True is no list_id"),
        ({"lists": [1.0]}, "1.0 is no list_id"),
        ({"lists": "1_0"}, "'1_0' is no list_id"),
        ({"lists": "\u0663"}, "is no list_id"),
        ({"campaigns": [" "]}, "' ' is no campaign_id"),
        ({"called_before": 90}, "90 is no date and no age"),
        ({"called_before": "3M"}, "'3M' is no date and no age"),
        ({"min_called_count": -1}, "greater than or equal to 0"),
        ({"status": "NA"}, "Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_what_is_no_rule(options: dict[str, Any], message: str) -> None:
    assert message in complaint(ArchiveRule, **options)


@pytest.mark.parametrize(
    "options",
    [{}, {"statuses": []}, {"lists": []}, {"min_called_count": 0}, {"called_before": None}],
    ids=str,
)
def test_a_rule_without_any_condition(options: dict[str, Any]) -> None:
    assert ArchiveRule(**options).is_empty


@pytest.mark.parametrize(
    "options",
    [{"called_before": "0d"}, {"min_called_count": 1}, {"lists": 0}],
    ids=str,
)
def test_a_condition_that_looks_like_none(options: dict[str, Any]) -> None:
    assert not ArchiveRule(**options).is_empty


def test_a_rule_is_described_by_what_was_given() -> None:
    rule = ArchiveRule(
        statuses="NA,B", lists=[101], called_before="12w", loaded_before="2026-08-01"
    )
    assert rule.conditions() == {
        "statuses": "NA,B",
        "lists": "101",
        "called_before": "84d",
        "loaded_before": "2026-08-01",
    }
    assert ArchiveRule().conditions() == {}


MOMENTS = (
    st.none()
    | st.timedeltas(timedelta(), MOST)
    | st.datetimes().map(lambda moment: moment.replace(microsecond=0))
)
RULES = st.builds(
    ArchiveRule,
    statuses=st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)),
    campaigns=st.lists(st.text("ABC019_-", min_size=1)),
    lists=st.lists(st.integers(0, 10**14 - 1)),
    called_before=MOMENTS,
    loaded_before=MOMENTS,
    min_called_count=st.none() | st.integers(0, MOST_COUNTED),
)


@pytest.mark.property
@given(RULES)
def test_a_rule_can_be_given_as_it_is_described(rule: ArchiveRule) -> None:
    assert ArchiveRule(**rule.conditions()) == rule
    assert ArchiveRule(**rule.model_dump()) == rule
    assert ArchiveRule(**json.loads(rule.model_dump_json())) == rule


@pytest.mark.parametrize(
    ("options", "read"),
    [
        ({"chunk_time": "0.5"}, {"chunk_time": timedelta(seconds=0.5)}),
        ({"chunk_time": 0.5}, {"chunk_time": timedelta(seconds=0.5)}),
        ({"sleep": "2s"}, {"sleep": timedelta(seconds=2)}),
        ({"run_time": "1h30m"}, {"run_time": timedelta(minutes=90)}),
        ({"max_load": {"Threads_running": "25"}}, {"max_load": {"Threads_running": 25}}),
        (
            {"max_lag": 0, "replicas": f"{REPLICA}, mysql+pymysql://other"},
            {"max_lag": timedelta(), "replicas": (REPLICA, "mysql+pymysql://other")},
        ),
        ({"chunk_size": 1, "limit": "7"}, {"chunk_size": 1, "limit": 7}),
        ({"held": "take"}, {"held": "take"}),
    ],
    ids=str,
)
def test_options(options: dict[str, Any], read: dict[str, Any]) -> None:
    given = ArchiveOptions(**options)
    assert given.model_dump(exclude_defaults=True) == read
    assert ArchiveOptions(**given.model_dump()) == given
    assert ArchiveOptions(**json.loads(given.model_dump_json())) == given


def test_what_is_done_if_nothing_is_said() -> None:
    options = ArchiveOptions()
    assert (options.insert, options.update, options.delete) == (True, True, True)
    assert (options.chunk_size, options.chunk_time) == (500, timedelta(seconds=0.25))
    assert options.held is None
    assert not options.sleep


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunk_size": 0}, "greater than or equal to 1"),
        ({"chunk_size": 501}, "less than or equal to 500"),
        ({"chunk_time": 0}, "give more than 0 seconds"),
        ({"run_time": "0s"}, "give more than 0 seconds"),
        ({"run_time": "soon"}, "'soon' is no duration"),
        ({"sleep": -1}, "-1 is no duration"),
        ({"sleep_ratio": -1}, "greater than or equal to 0"),
        ({"sleep_ratio": "nan"}, "less than or equal to 1000"),
        ({"sleep_ratio": "inf"}, "less than or equal to 1000"),
        ({"limit": 0}, "greater than or equal to 1"),
        ({"held": "move"}, "'leave' or 'take'"),
        ({"max_load": {"Threads running": 1}}, "'Threads running' is no status variable"),
        ({"max_load": {"Threads_running": -1}}, "greater than or equal to 0"),
        ({"max_lag": 10}, "max_lag: it needs the addresses of replicas"),
        ({"replicas": REPLICA}, "replicas: give max_lag too"),
        ({"sleeps": 1}, "Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_what_is_no_option(options: dict[str, Any], message: str) -> None:
    assert message in complaint(ArchiveOptions, **options)


def test_passwords_are_not_shown() -> None:
    assert "se,cret" not in repr(ArchiveOptions(replicas=REPLICA, max_lag="10s"))
    assert "se,cret" not in complaint(ArchiveOptions, replicas=REPLICA)
    assert "se,cret" not in complaint(ArchiveOptions, replicas=[REPLICA, 5], max_lag=1)

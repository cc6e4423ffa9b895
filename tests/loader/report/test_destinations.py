"""The words for checks that were off, and for the lists that rows went into."""

import pytest

from loader.report.destinations import checks_off, default_list, list_state
from loader.results.summary import LoadedList

DNC, CAMPAIGN = "dnc_check", "campaign_dnc_check"


@pytest.mark.parametrize(
    ("names", "has_feeds", "text"),
    [
        ([], False, ""),
        (["duplicate_check"], False, "no duplicate check"),
        ([DNC, CAMPAIGN], False, "no do-not-call check"),
        ([DNC, CAMPAIGN], True, "no do-not-call check but that of the feeds"),
        ([DNC], False, "no check of the system's do-not-call list"),
        ([CAMPAIGN], True, "no check of the campaign's do-not-call list"),
        (["duplicate_check", DNC, CAMPAIGN], False, "no duplicate check, no do-not-call check"),
    ],
)
def test_checks_off(names: list[str], has_feeds: bool, text: str) -> None:
    assert checks_off(names, has_feeds=has_feeds) == text


@pytest.mark.parametrize(
    ("count", "done", "text"),
    [
        (0, False, ""),
        (1, False, "1 row that names no list goes to list 999"),
        (1, True, "1 row that names no list is in list 999"),
        (2000, False, "2,000 rows that name no list go to list 999"),
        (2, True, "2 rows that name no list are in list 999"),
    ],
)
def test_rows_without_a_list(count: int, done: bool, text: str) -> None:
    assert default_list(count, done=done) == text


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({}, ""),
        ({"is_defined": False}, "not defined in vicidial_lists"),
        ({"is_defined": True}, "no campaign"),
        ({"is_defined": True, "active": "Y", "campaign_id": "SALES"}, "campaign SALES, active"),
        ({"is_defined": True, "active": "N", "campaign_id": "SALES"}, "campaign SALES, not active"),
    ],
)
def test_what_is_known_of_a_list(known: dict[str, object], text: str) -> None:
    assert list_state(LoadedList.model_validate({"list_id": 101, "leads": 1, **known})) == text

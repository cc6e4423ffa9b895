"""The score of a list: its parts, what does not count, and that more faults never raise it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.profile import score as groups
from loader.profile.records import RowStatistics
from loader.profile.score import COMPLETE_LEAD, PARTS, score_of, unknown_parts
from loader.reasons import Reason
from loader.results.summary import Score, ScorePart, Tally

FIELDS = {name: name.upper() for name in (*COMPLETE_LEAD, "phone_number")}
COURTS = LoadOptions(feed={"courts": Path("courts.csv")})
EVERYTHING = LoadOptions(dnc_check="Y", duplicate_check="DUPSYS")
NOT_BY_VENDOR = frozenset(
    {Reason.ENCRYPTED_CUSTOM_FIELD, Reason.PHONE_NUMBER_TOO_WIDE,
     Reason.INVALID_LIST_ID, Reason.NOT_AN_ALLOWED_LIST_ID, Reason.NOT_A_DEFINED_LIST_ID,
     Reason.UNSTORABLE_CHARACTERS, Reason.AMBIGUOUS_TIME_ZONE, Reason.REFUSED_BY_SERVER,
     Reason.EXISTING_LEAD_GONE, Reason.IN_DOUBT, Reason.NOT_INSERTED}
)  # fmt: skip
"""Caused by the dialer, its lists or the options rather than by the vendor."""
GROUPS = (
    groups.UNREADABLE, groups.NOT_CALLABLE, groups.FORBIDDEN, groups.NOT_NEW, NOT_BY_VENDOR,
)  # fmt: skip


def full(rows: int) -> RowStatistics:
    return RowStatistics(rows=rows, filled=dict.fromkeys(FIELDS.values(), rows))


def scored(
    rows: int = 10,
    reasons: dict[str, int] | None = None,
    reasons_all: dict[str, int] | None = None,
    **given: Any,
) -> Score:
    counts = {name: Counter(given.pop(name, {})) for name in ("notices", "regions")}
    tally = Tally(rows_read=rows, reasons=Counter(reasons or {}), **counts)
    settings = {
        "fields": FIELDS,
        "options": EVERYTHING,
        "knows_leads": True,
        "statistics": full(rows),
    }
    settings["duplicates_in_file"] = 0
    return score_of(tally, reasons_all or {}, **{**settings, **given})


def shares(score: Score) -> dict[str, float | None]:
    return {part.name: part.share for part in score.parts}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_in_one_group(reason: Reason) -> None:
    assert sum(reason in group for group in GROUPS) == 1
    assert groups.NO_VALID_NUMBER < groups.NOT_CALLABLE


def test_a_list_without_a_fault_has_all_points() -> None:
    score = scored()
    assert score.points == 100
    assert set(shares(score).values()) == {1.0}
    assert unknown_parts(score) == 0


WORTHLESS = {
    "nothing loadable": ({"reasons": {"INVALID_PHONE_NUMBER_LENGTH": 100}}, 0),
    "nothing readable": ({"reasons": {"TOO_FEW_FIELDS": 100}, "statistics": RowStatistics()}, 0),
    "all in a feed": (
        {"reasons": {"PHONE_NUMBER_IN_FEED:courts": 100}, "options": COURTS},
        0,
    ),
    "all known": ({"reasons": {"DUPLICATE_PHONE_NUMBER_IN_SYSTEM": 100}}, 0),
    "one in a hundred": ({"reasons": {"DUPLICATE_PHONE_NUMBER_IN_SYSTEM": 99}}, 1),
    "half and half": (
        {"reasons": {"INVALID_PHONE_NUMBER": 50, "PHONE_NUMBER_IN_DNC": 25}}, 25,
    ),
    "one number": ({"statistics": full(100).model_copy(update={"repeated_numbers": 99})}, 1),
    "in no plan": ({"regions": {"": 100}}, 0),
    "nothing but numbers": ({"fields": {"phone_number": "PHONE_NUMBER"}}, 90),
    "all odd": ({"statistics": full(100).model_copy(update={"odd_rows": 100})}, 95),
    "hollow and odd": (
        {"fields": {}, "statistics": full(100).model_copy(update={"odd_rows": 100})}, 85,
    ),
    "half, hollow": ({"reasons": {"PHONE_NUMBER_IN_DNC": 50}, "fields": {}}, 45),
}  # fmt: skip


@pytest.mark.parametrize(("given", "points"), WORTHLESS.values(), ids=WORTHLESS)
def test_points_are_the_share_of_usable_rows(given: dict[str, Any], points: float) -> None:
    assert scored(100, **given).points == points


@pytest.mark.parametrize("part", PARTS)
def test_a_part_costs_what_its_weight_says(part: str) -> None:
    parts = [
        ScorePart(name=name, meaning="", weight=it.weight, share=float(name != part))
        for name, it in PARTS.items()
    ]
    assert groups._points(parts) == 100 - PARTS[part].weight


def test_a_single_fault_in_a_large_list_costs_something() -> None:
    assert scored(1_000_000, {"INVALID_PHONE_NUMBER": 1}).points == 99.9
    odd = full(1_000_000).model_copy(update={"odd_rows": 1})
    assert scored(1_000_000, statistics=odd).points == 99.9


def test_loaded_numbers_of_no_numbering_plan_cannot_be_called() -> None:
    score = scored(10, {"DAMAGED_PHONE_NUMBER": 2}, regions={"": 3, "US": 5})
    assert shares(score)["numbers that can be called"] == 0.5
    score = scored(10, {"DAMAGED_PHONE_NUMBER": 2}, regions={"": 12})
    assert shares(score)["numbers that can be called"] == 0


def test_rows_without_a_number_are_no_repetitions() -> None:
    score = scored(10, {"INVALID_PHONE_NUMBER_LENGTH": 10})
    assert shares(score)["no number twice"] is None
    # Of the four that have one.
    statistics = full(10).model_copy(update={"repeated_numbers": 1})
    score = scored(10, {"INVALID_PHONE_NUMBER_LENGTH": 6}, statistics=statistics)
    assert shares(score)["no number twice"] == 0.75


@pytest.mark.parametrize(
    ("reasons", "reasons_all", "part", "expected"),
    [
        ({"BROKEN_QUOTE": 1, "TOO_FEW_FIELDS": 2}, {}, "readable rows", 0.7),
        ({"INVALID_PHONE_NUMBER": 3}, {}, "numbers that can be called", 0.7),
        # Of 8 readable rows, not of 10.
        ({"BROKEN_QUOTE": 2, "DAMAGED_PHONE_NUMBER": 2}, {}, "numbers that can be called", 0.75),
        # Of the 5 that have a number.
        (
            {"INVALID_PHONE_NUMBER": 5, "PHONE_NUMBER_IN_DNC": 1},
            {},
            "numbers that may be called",
            0.8,
        ),
        ({"PHONE_NUMBER_IN_FEED:courts": 4}, {}, "numbers that may be called", 0.6),
        # Two feeds have the same two numbers: two rows, not four.
        (
            {"PHONE_NUMBER_IN_FEED:a": 2},
            {"PHONE_NUMBER_IN_FEED:a": 2, "PHONE_NUMBER_IN_FEED:b": 2},
            "numbers that may be called",
            0.8,
        ),
        # A row that falls before it can be asked whether it is new is one of these, too.
        (
            {"PHONE_NUMBER_IN_DNC": 3},
            {"PHONE_NUMBER_IN_DNC": 3, "DUPLICATE_PHONE_NUMBER_IN_SYSTEM": 2},
            "new to the dialer",
            0.8,
        ),
        (
            {"DUPLICATE_PHONE_NUMBER_IN_LIST": 2, "DUPLICATE_PHONE_NUMBER_IN_SYSTEM": 2},
            {"DUPLICATE_PHONE_NUMBER_IN_LIST": 2, "DUPLICATE_PHONE_NUMBER_IN_SYSTEM": 4},
            "new to the dialer",
            0.6,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_reason_lowers_its_part(
    reasons: dict[str, int], reasons_all: dict[str, int], part: str, expected: float
) -> None:
    score = scored(reasons=reasons, reasons_all=reasons_all)
    assert shares(score)[part] == pytest.approx(expected)
    assert score.points is not None
    assert score.points < 100


@pytest.mark.parametrize("reason", sorted(NOT_BY_VENDOR))
def test_reasons_not_caused_by_the_vendor_cost_nothing(reason: Reason) -> None:
    assert scored(reasons={reason: 4}, reasons_all={reason: 4}).points == 100


@pytest.mark.parametrize(
    ("given", "unknown"),
    [
        ({"options": LoadOptions()}, {"numbers that may be called", "new to the dialer"}),
        ({"options": LoadOptions(campaign_dnc_check="Y")}, {"new to the dialer"}),
        (
            {"options": COURTS, "knows_leads": False},
            {"new to the dialer"},
        ),
        ({"knows_leads": False}, {"numbers that may be called", "new to the dialer"}),
        ({"statistics": RowStatistics()}, {"no number twice", "complete", "tidy"}),
    ],
    ids=["no checks", "campaign list", "feed, no database", "no database", "nothing seen"],
)
def test_parts_that_were_not_measured_do_not_count(
    given: dict[str, Any], unknown: set[str]
) -> None:
    score = scored(**given)
    assert {name for name, share in shares(score).items() if share is None} == unknown
    assert unknown_parts(score) == len(unknown)
    assert score.points == 100


def test_accepted_duplicates_are_not_new() -> None:
    score = scored(notices={Notice.UPDATED_EXISTING_LEAD: 3, Notice.EXISTING_LEAD_UNCHANGED: 1})
    assert shares(score)["new to the dialer"] == pytest.approx(0.6)


def test_a_field_that_no_column_fills_counts_as_empty() -> None:
    fields = {"first_name": "FIRST_NAME", "phone_number": "PHONE_NUMBER"}
    assert shares(scored(fields=fields))["complete"] == pytest.approx(1 / 7)


def test_oddities_and_repeated_numbers_count() -> None:
    score = scored(statistics=full(10).model_copy(update={"odd_rows": 5, "repeated_numbers": 2}))
    assert shares(score)["tidy"] == 0.5
    assert shares(score)["no number twice"] == 0.8
    assert score.points == 78


def test_a_list_without_rows_has_no_points() -> None:
    score = scored(rows=0)
    assert score.points is None
    assert set(shares(score).values()) == {None}


def test_an_unreadable_file_has_no_points() -> None:
    score = scored(reasons={"TOO_FEW_FIELDS": 10}, statistics=RowStatistics())
    assert score.points == 0


counts = st.integers(0, 30)
reason_counts = st.dictionaries(
    st.sampled_from([*Reason, "PHONE_NUMBER_IN_FEED:x", "PHONE_NUMBER_IN_FEED:y"]).map(str), counts
)
settings = st.fixed_dictionaries(
    {
        "options": st.sampled_from([LoadOptions(), EVERYTHING]),
        "knows_leads": st.booleans(),
        "fields": st.sampled_from([FIELDS, {}]),
        "notices": st.dictionaries(st.sampled_from([*Notice]).map(str), counts),
        "regions": st.dictionaries(st.sampled_from(["", "US", "DE"]), counts),
        "statistics": st.builds(
            RowStatistics,
            rows=counts,
            filled=st.dictionaries(st.sampled_from([*FIELDS.values()]), counts),
            odd_rows=counts,
            repeated_numbers=counts,
        ),
    }
)


@pytest.mark.property
@given(rows=counts, first=reason_counts, all_=reason_counts, given=settings)
def test_shares_and_points_are_within_their_bounds(
    rows: int, first: dict[str, int], all_: dict[str, int], given: dict[str, Any]
) -> None:
    score = scored(rows, first, all_, **given)
    assert list(shares(score)) == list(PARTS)
    assert all(share is None or 0 <= share <= 1 for share in shares(score).values())
    assert score.points is None or 0 <= score.points <= 100
    known = [share for share in shares(score).values() if share is not None]
    assert (score.points == 100) == (bool(known) and set(known) == {1.0})


@pytest.mark.property
@given(
    rows=counts,
    first=reason_counts,
    all_=reason_counts,
    given=settings,
    worse=st.sampled_from([*Reason]),
    more=counts,
    is_first=st.booleans(),
)
def test_more_rejected_rows_are_never_better(
    rows: int,
    first: dict[str, int],
    all_: dict[str, int],
    given: dict[str, Any],
    worse: Reason,
    more: int,
    is_first: bool,
) -> None:
    before = scored(rows, first, all_, **given).points
    changed = first if is_first else all_
    changed = {**changed, worse: changed.get(worse, 0) + more}
    now = scored(rows, changed if is_first else first, all_ if is_first else changed, **given)
    assert before is None or now.points is None or now.points <= before


def test_a_number_that_is_twice_in_the_file_costs_once() -> None:
    duplicates = {"DUPLICATE_PHONE_NUMBER_IN_LIST": 10}
    statistics = full(100).model_copy(update={"repeated_numbers": 10})
    score = scored(100, duplicates, statistics=statistics, duplicates_in_file=10)
    assert score.points == pytest.approx(90.0)
    assert shares(score)["new to the dialer"] == 1.0
    known = scored(
        100, {"DUPLICATE_PHONE_NUMBER_IN_LIST": 15}, statistics=statistics, duplicates_in_file=10
    )
    assert shares(known)["new to the dialer"] == pytest.approx(0.95)

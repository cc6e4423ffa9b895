"""The duplicate checks: how the option is read, and who comes first within a file."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader import duplicates
from loader.duplicates import (
    CHECKS,
    WINDOWS,
    DuplicateCheck,
    Keys,
    Kind,
    Scope,
    earlier_duplicates,
    encode,
    parse_duplicate_check,
)
from loader.errors import UsageError
from loader.reasons import Reason

NAMES = [
    ("DUPLIST", Kind.PHONE, Scope.LIST, "PHONE_NUMBER_IN_LIST"),
    ("DUPCAMP", Kind.PHONE, Scope.CAMP, "PHONE_NUMBER_IN_CAMPAIGN_LISTS"),
    ("DUPSYS", Kind.PHONE, Scope.SYS, "PHONE_NUMBER_IN_SYSTEM"),
    ("DUPPHONEALTLIST", Kind.PHONEALT, Scope.LIST, "PHONE_OR_ALT_PHONE_IN_LIST"),
    ("DUPPHONEALTCAMP", Kind.PHONEALT, Scope.CAMP, "PHONE_OR_ALT_PHONE_IN_CAMPAIGN_LISTS"),
    ("DUPPHONEALTSYS", Kind.PHONEALT, Scope.SYS, "PHONE_OR_ALT_PHONE_IN_SYSTEM"),
    ("DUPTITLEALTPHONELIST", Kind.TITLEALTPHONE, Scope.LIST, "TITLE_ALT_PHONE_IN_LIST"),
    ("DUPTITLEALTPHONECAMP", Kind.TITLEALTPHONE, Scope.CAMP, "TITLE_ALT_PHONE_IN_CAMPAIGN_LISTS"),
    ("DUPTITLEALTPHONESYS", Kind.TITLEALTPHONE, Scope.SYS, "TITLE_ALT_PHONE_IN_SYSTEM"),
    ("DUPNAMEPHONELIST", Kind.NAMEPHONE, Scope.LIST, "NAME_PHONE_IN_LIST"),
    ("DUPNAMEPHONECAMP", Kind.NAMEPHONE, Scope.CAMP, "NAME_PHONE_IN_CAMPAIGN_LISTS"),
    ("DUPNAMEPHONESYS", Kind.NAMEPHONE, Scope.SYS, "NAME_PHONE_IN_SYSTEM"),
]


@pytest.mark.parametrize(("name", "kind", "scope", "reason"), NAMES, ids=[n[0] for n in NAMES])
def test_every_check_by_its_name(name: str, kind: Kind, scope: Scope, reason: str) -> None:
    assert parse_duplicate_check(name) == (DuplicateCheck(kind, scope),)
    for days in WINDOWS:
        (check,) = parse_duplicate_check(f"{name}{days}DAY")
        assert check == DuplicateCheck(kind, scope, days)
        assert str(check) == f"{name}{days}DAY"
    assert check.reason is Reason[f"DUPLICATE_{reason}"]


def test_the_names_are_the_twelve_in_the_order_in_which_they_answer() -> None:
    assert [name for name, *_ in NAMES] == list(CHECKS)
    option = "-".join(reversed(CHECKS))
    assert [str(check) for check in parse_duplicate_check(option)] == list(CHECKS)


@pytest.mark.parametrize(
    ("option", "checks"),
    [
        ("", []),
        ("NONE", []),
        ("-", []),
        ("dupsys90day-DUPLIST", ["DUPLIST", "DUPSYS90DAY"]),
        (" DUP LIST ", ["DUPLIST"]),
        ("DUPLIST-DUPLIST", ["DUPLIST"]),
        ("DUPLIST-NONE", ["DUPLIST"]),
        ("DUPLIST7DAY-DUPLIST", ["DUPLIST", "DUPLIST7DAY"]),
        ("DUPLIST007DAY", ["DUPLIST7DAY"]),
        ("DUPTITLEALTPHONECAMP360DAY-DUPLIST1DAY", ["DUPLIST1DAY", "DUPTITLEALTPHONECAMP360DAY"]),
    ],
)
def test_joined_checks(option: str, checks: list[str]) -> None:
    parsed = parse_duplicate_check(option)
    assert [str(check) for check in parsed] == checks
    assert parse_duplicate_check("-".join(map(str, parsed))) == parsed


@pytest.mark.parametrize(
    "option", ["DUPFOO", "XDUPLIST", "DUPLISTX", "DUPSYS7", "7DAYDUPSYS", "DUPLIST_DUPSYS", "DUP"]
)
def test_what_is_no_check_is_told_the_names(option: str) -> None:
    with pytest.raises(UsageError, match=r"is none of DUPLIST, DUPCAMP, .*, DUPNAMEPHONESYS"):
        parse_duplicate_check(f"DUPLIST-{option}")


@pytest.mark.parametrize("days", [0, 4, 22, 45, 91, 365, 10**30])
def test_other_windows_are_told_the_known_ones(days: int) -> None:
    with pytest.raises(UsageError, match=r"windows are 1, 2, 3, 7, 14, .*, 180, 360 days"):
        parse_duplicate_check(f"DUPSYS{days}DAY")


def keys(asks: list[int], *offers: list[int]) -> Keys:
    return Keys(np.array(asks, dtype=np.int64), tuple(np.array(o, dtype=np.int64) for o in offers))


def one_by_one(all_keys: list[Keys], rejected: list[bool]) -> list[list[int]]:
    """Send the rows one after the other, each compared with all that were accepted before."""
    accepted: list[int] = []
    matches: list[list[int]] = []
    for row, hit in enumerate(rejected):
        found = [
            next(
                (
                    other
                    for other in accepted
                    if key.asks[row] >= 0 and any(key.asks[row] == o[other] for o in key.offers)
                ),
                -1,
            )
            for key in all_keys
        ]
        matches.append(found)
        if not hit and max(found) < 0:
            accepted.append(row)
    return [list(column) for column in zip(*matches, strict=True)]


@st.composite
def files(draw: st.DrawFn) -> tuple[list[Keys], list[bool]]:
    rows = draw(st.integers(1, 25))
    code = st.integers(-1, draw(st.integers(0, 6)))
    column = st.lists(code, min_size=rows, max_size=rows)
    all_keys = []
    for offers in draw(st.lists(st.sampled_from(("same", "two")), min_size=1, max_size=4)):
        asks = draw(column)
        all_keys.append(keys(asks, asks, *([draw(column)] if offers == "two" else [])))
    return all_keys, draw(st.lists(st.booleans(), min_size=rows, max_size=rows))


@pytest.mark.property
@given(file=files(), rounds=st.sampled_from((duplicates.ROUNDS, 1, 0)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_outcome_is_that_of_one_row_after_the_other(
    file: tuple[list[Keys], list[bool]], rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_keys, rejected = file
    monkeypatch.setattr(duplicates, "ROUNDS", rounds)
    found = earlier_duplicates(all_keys, np.array(rejected))
    assert found.tolist() == one_by_one(all_keys, rejected)


def test_a_rejected_row_makes_no_later_row_a_duplicate() -> None:
    phone, name = keys([0, 0, 1], [0, 0, 1]), keys([0, 1, 1], [0, 1, 1])
    found = earlier_duplicates([phone, name], np.zeros(3, dtype=bool))
    assert found.tolist() == [[-1, 0, -1], [-1, -1, -1]], "row 1 is out, so row 2 is in"


def test_a_lead_is_found_by_its_alt_phone_but_does_not_look_with_it() -> None:
    # Row 0 offers 7 as its alt_phone; row 1 has it as phone_number; row 2 as alt_phone only.
    found = earlier_duplicates([keys([5, 7, 8], [5, 7, 8], [7, 9, 7])], np.zeros(3, dtype=bool))
    assert found.tolist() == [[-1, 0, -1]]


def test_a_long_chain_comes_to_an_end() -> None:
    rows = 20_000
    number = np.arange(rows)
    # Each row shares its phone, then its name, with the next: every other one is a duplicate.
    phone, name = number // 2, (number + 1) // 2
    found = earlier_duplicates([keys(phone, phone), keys(name, name)], np.zeros(rows, dtype=bool))
    assert ((found >= 0).any(axis=0) == (number % 2 == 1)).all()


def test_no_rows_and_no_keys() -> None:
    nothing = np.zeros(0, dtype=bool)
    assert earlier_duplicates([keys([], [])], nothing).shape == (1, 0)
    assert earlier_duplicates([keys([-1, -1], [-1, -1])], np.zeros(2, dtype=bool)).max() == -1


def test_equal_texts_have_equal_codes_and_null_has_none() -> None:
    asks = pd.Series(["a", "b", None], dtype="str")
    offers = pd.Series(["b", None, "c"], dtype="str")
    coded = encode(asks, [asks, offers])
    assert coded.asks.tolist() == [0, 1, -1]
    assert [offer.tolist() for offer in coded.offers] == [[0, 1, -1], [1, -1, 2]]

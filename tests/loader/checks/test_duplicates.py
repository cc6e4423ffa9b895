"""The duplicate checks: how the option is read, who comes first, and what is answered."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.checks import duplicates_in_file
from loader.checks.duplicates import find_duplicates, may_change, without_campaign
from loader.checks.duplicates_compared import compare_leads
from loader.checks.duplicates_in_file import Keys, earlier_duplicates, encode
from loader.clock import Clock
from loader.dialer import Dialer, Lookups
from loader.errors import UsageError
from loader.findings import Findings, no_findings
from loader.frames import key_runs
from loader.frames.accepted_keys import AcceptedKeys
from loader.frames.key_runs import hash_keys
from loader.options.duplicate_check import (
    CHECKS,
    WINDOWS,
    DuplicateCheck,
    Kind,
    Scope,
    parse_duplicate_check,
)
from loader.options.load import LoadOptions
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
    return Keys(
        (np.array(asks, dtype=np.int64),), tuple(np.array(o, dtype=np.int64) for o in offers)
    )


def one_by_one(all_keys: list[Keys], rejected: list[bool]) -> list[list[int]]:
    """Send the rows one after the other, each compared with all that were accepted before."""
    accepted_keys: list[int] = []
    matches: list[list[int]] = []
    for row, hit in enumerate(rejected):
        found = [
            next(
                (
                    other
                    for other in accepted_keys
                    if any(a[row] >= 0 and a[row] == o[other] for a in key.asks for o in key.offers)
                ),
                -1,
            )
            for key in all_keys
        ]
        matches.append(found)
        if not hit and max(found) < 0:
            accepted_keys.append(row)
    return [list(column) for column in zip(*matches, strict=True)]


@st.composite
def files(draw: st.DrawFn) -> tuple[list[Keys], list[bool]]:
    rows = draw(st.integers(1, 25))
    code = st.integers(-1, draw(st.integers(0, 6)))
    column = st.lists(code, min_size=rows, max_size=rows)
    all_keys = []
    for offers in draw(
        st.lists(st.sampled_from(("same", "two", "as-sent")), min_size=1, max_size=4)
    ):
        asks = draw(column)
        key = keys(asks, asks, *([draw(column)] if offers != "same" else []))
        all_keys.append(Keys(key.offers, key.offers) if offers == "as-sent" else key)
    return all_keys, draw(st.lists(st.booleans(), min_size=rows, max_size=rows))


@pytest.mark.property
@given(file=files(), rounds=st.sampled_from((duplicates_in_file.SETTLE_ROUNDS, 1, 0)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_outcome_is_that_of_one_row_after_the_other(
    file: tuple[list[Keys], list[bool]], rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_keys, rejected = file
    monkeypatch.setattr(duplicates_in_file, "SETTLE_ROUNDS", rounds)
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
    coded = encode([hash_keys(asks)], [hash_keys(offers)])
    [[a, b, nothing]] = [codes.tolist() for codes in coded.asks]
    assert nothing == -1
    assert len({a, b, nothing}) == 3
    [_, [again, null, c]] = [codes.tolist() for codes in coded.offers]
    assert (again, null) == (b, -1)
    assert c not in {a, b, nothing}


DIALER = Dialer(
    clock=Clock(now=datetime(2026, 1, 15, 14), offset=timedelta(hours=-5)),
    columns={},
    list_scopes=pd.Series(
        ["CAMP1", "CAMP1", "CAMP2"], index=pd.Index([101, 102, 201]), dtype="str"
    ),
)
TEXTS = ("phone_number", "phone_code", "alt_phone", "title", "first_name", "last_name")


def leads(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Give leads of which some fields matter, indexed by `row`."""
    usual = {"list_id": 101} | dict.fromkeys(TEXTS, "")
    frame = pd.DataFrame([usual | row for row in rows]).set_index("row")
    texts = frame.assign(list_id_given=frame["list_id"].astype("str"))
    return texts.astype(dict.fromkeys(TEXTS, "str")).rename_axis("row_number")


def existing(*rows: tuple[str, int, str, int, bool]) -> pd.DataFrame:
    """Give existing leads: key, list_id, matched, lead_id, archived."""
    names = ["key", "list_id", "matched", "lead_id_0", "archived"]
    kinds = {"key": "str", "matched": "str", "lead_id_0": "Int64", "archived": "bool"}
    frame = pd.DataFrame(list(rows), columns=names).assign(phone_code="")
    return frame.astype({**kinds, "phone_code": "str"})


def find(
    rows: Sequence[dict[str, Any]],
    option: str,
    folder: Path,
    known: dict[Kind, pd.DataFrame] | None = None,
) -> Findings:
    options = LoadOptions(duplicate_check=option)
    keys = [AcceptedKeys(folder) for _ in options.duplicate_checks]
    return duplicates_of(leads(rows), options, keys, Lookups(existing=known or {}))


def duplicates_of(
    rows: pd.DataFrame,
    options: LoadOptions,
    accepted: list[AcceptedKeys],
    lookups: Lookups | None = None,
) -> Findings:
    """Compare rows and find the duplicates among them."""
    compared = compare_leads(rows, options, DIALER, lookups or Lookups())
    return find_duplicates(rows, compared, options.duplicate_checks, accepted)


@pytest.mark.parametrize(
    ("rows", "lead_id", "list_id", "archived", "tail"),
    [
        pytest.param(
            [("5", 101, "PHONE", 9, False), ("5", 201, "PHONE", 3, True)],
            9, "101", False, "|101|PHONE", id="archived-after-lead",
        ),
        pytest.param(
            [("5", 101, "PHONE", 9, True), ("5", 201, "ALT", 30, False)],
            30, "201", False, "|201|ALT", id="lead-by-alt-phone-before-archived",
        ),
        pytest.param(
            [("5", 101, "PHONE", 9, True), ("5", 201, "ALT", 3, True)],
            3, "201", True, "|201|ALT", id="lowest-archived",
        ),
        pytest.param(
            [("5", 101, "ALT", 9, False), ("5", 101, "PHONE", 9, False)],
            9, "101", False, "|101|PHONE", id="both-ways",
        ),
    ],
)  # fmt: skip
def test_which_existing_lead_is_named(
    rows: list[tuple[str, int, str, int, bool]],
    lead_id: int,
    list_id: str,
    archived: bool,
    tail: str,
    tmp_path: Path,
) -> None:
    known = {Kind.PHONEALT: existing(*rows)}
    found = find([{"row": 2, "phone_number": "5"}], "DUPPHONEALTSYS", tmp_path, known)
    assert found[["lead_id", "list_id", "answer_tail"]].to_numpy().tolist() == [
        [lead_id, list_id, tail]
    ]
    assert may_change(found).tolist() == [not archived]


@pytest.mark.parametrize("list_id", [0, 2**63 - 1, 2**63, 2**64 - 1])
def test_the_list_of_an_existing_lead_is_named_as_it_is(list_id: int, tmp_path: Path) -> None:
    rows = existing(("5", list_id, "PHONE", 9, False)).astype({"list_id": "uint64"})
    asked = [{"row": 2, "phone_number": "5"}, {"row": 3, "phone_number": "6"}]
    found = find([*asked, {**asked[1], "row": 4}], "DUPSYS", tmp_path, {Kind.PHONE: rows})
    assert found["list_id"].to_dict() == {2: f"{list_id}", 4: "101"}
    assert found["answer_tail"].to_dict() == {2: f"|{list_id}", 4: "|101"}


def test_leads_that_may_be_changed_are_those_of_the_table_itself(tmp_path: Path) -> None:
    known = {
        Kind.PHONE: existing(("5", 101, "PHONE", 9, False), ("6", 101, "PHONE", 7, True)),
    }
    rows = [{"row": n, "phone_number": phone} for n, phone in enumerate("56778", start=2)]
    found = find(rows, "DUPLIST", tmp_path, known)
    assert may_change(found).to_dict() == {2: True, 3: False, 5: False}
    assert found["duplicate_row"].dropna().to_dict() == {5: 4}
    assert not may_change(no_findings()).any()


def test_an_archived_lead_of_an_earlier_check_answers_before_a_lead_of_a_later(
    tmp_path: Path,
) -> None:
    known = {
        Kind.PHONE: existing(("5", 101, "PHONE", 9, True)),
        Kind.NAMEPHONE: existing(("A\x1fB\x1f5", 101, "PHONE", 3, False)),
    }
    rows = [{"row": 2, "phone_number": "5", "first_name": "a", "last_name": "b"}]
    found = find(rows, "DUPLIST-DUPNAMEPHONELIST", tmp_path, known)
    assert found["lead_id"].tolist() == [9]
    assert not may_change(found).any()


OPTIONS = ["DUPLIST", "DUPCAMP", "DUPSYS", "DUPPHONEALTSYS", "DUPPHONEALTLIST-DUPNAMEPHONESYS"]


def meets(check: DuplicateCheck, row: "pd.Series[Any]", other: "pd.Series[Any]") -> bool:
    """Say whether a row is a duplicate of one accepted before."""
    campaigns = {101: "CAMP1", 102: "CAMP1", 201: "CAMP2"}
    where = {
        Scope.LIST: row["list_id"] == other["list_id"],
        Scope.CAMP: campaigns[row["list_id"]] == campaigns[other["list_id"]],
        Scope.SYS: True,
    }[check.scope]
    alike = {
        Kind.PHONE: row["phone_number"] == other["phone_number"],
        Kind.PHONEALT: row["phone_number"] in (other["phone_number"], other["alt_phone"]),
        Kind.NAMEPHONE: (row["phone_number"], row["first_name"].upper())
        == (other["phone_number"], other["first_name"].upper()),
    }[check.kind]
    return where and alike


@pytest.mark.property
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "phone_number": st.sampled_from("123"),
                "alt_phone": st.sampled_from("123"),
                "first_name": st.sampled_from(("a", "A", "b")),
                "list_id": st.sampled_from((101, 102, 201)),
            }
        ),
        min_size=1,
        max_size=20,
    ),
    option=st.sampled_from(OPTIONS),
    order=st.randoms(use_true_random=False),
    chunk_size=st.integers(1, 20),
    largest=st.sampled_from((2, key_runs.LARGEST_RUN)),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_rows_come_in_the_order_of_the_frame_whatever_their_numbers(
    rows: list[dict[str, Any]],
    option: str,
    order: Any,
    chunk_size: int,
    largest: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(key_runs, "LARGEST_RUN", largest)
    numbers = list(range(2, 2 + len(rows)))
    order.shuffle(numbers)
    frame = leads([{"row": n, **row} for n, row in zip(numbers, rows, strict=True)])
    options = LoadOptions(duplicate_check=option)
    checks = options.duplicate_checks
    keys = [AcceptedKeys(tmp_path) for _ in checks]
    found: dict[int, tuple[str, int]] = {}
    for start in range(0, len(frame), chunk_size):
        chunk = frame[start : start + chunk_size]
        answers = duplicates_of(chunk, options, keys)
        assert answers.index.is_monotonic_increasing
        reasons = zip(answers["reason"], answers["duplicate_row"].tolist(), strict=True)
        found |= dict(zip(answers.index.tolist(), reasons, strict=True))
    fresh: list[int] = []
    expected: dict[int, tuple[str, int]] = {}
    for number, row in frame.iterrows():
        hits = [
            (check.reason.value, other)
            for check in checks
            for other in fresh
            if meets(check, row, frame.loc[other])
        ]
        if hits:
            expected[number] = hits[0]  # type: ignore[index]  # the index is row_number
        else:
            fresh.append(number)  # type: ignore[arg-type]  # likewise
    assert found == expected


@pytest.mark.parametrize("chunks", [[[9, 4]], [[9], [4]], [[12, 9], [4]], [[9, 4], [6]]])
def test_of_rows_in_any_order_the_one_added_first_is_found(
    chunks: list[list[int]], tmp_path: Path
) -> None:
    keys = [AcceptedKeys(tmp_path)]
    options = LoadOptions(duplicate_check="DUPPHONEALTSYS")
    for numbers in chunks:
        rows = [{"row": n, "phone_number": f"1{n}", "alt_phone": "5"} for n in numbers]
        assert duplicates_of(leads(rows), options, keys).empty
    last = leads([{"row": 7, "phone_number": "5"}])
    found = duplicates_of(last, options, keys)
    assert found["duplicate_row"].tolist() == [chunks[0][0]]
    assert found["answer_tail"].tolist() == ["|101|ALT"]


def test_rows_whose_list_has_no_campaign() -> None:
    rows = leads([{"row": 2, "list_id": 101}, {"row": 3, "list_id": 555}])
    said = without_campaign(rows, parse_duplicate_check("DUPLIST-DUPCAMP"), DIALER)
    assert said["notice"].to_dict() == {3: "NO_CAMPAIGN_FOR_LIST"}
    assert said["list_id"].tolist() == ["555"]
    assert without_campaign(rows, parse_duplicate_check("DUPSYS"), DIALER).empty

"""The reference against the recorded cases: it gives what was recorded, but for what we want."""

from collections import Counter
from typing import Any

import pytest

from tests.conformance.corpus import (
    HERE,
    Case,
    Named,
    Row,
    Tables,
    Verdict,
    clock_of,
    corpus,
    options_of,
    read_answer,
    stored_rows,
    tables_of,
)
from tests.conformance.differences import FORM_ONLY, differences, touched
from tests.conformance.reference import Reference
from tests.conformance.reference_fields import (
    WIDTHS,
    fold,
    read_date,
    stored_country,
    stored_gender,
    stored_rank,
    stored_state,
)
from tests.conformance.reference_run import DNC_SWITCHES, SWITCHES, ReferenceRefusal, read_checks
from tests.conformance.reference_zone import daylight
from tests.support.dialer import Dialer

#: What the reference knows of; a case with another option is not covered, and fails.
OPTIONS = {
    *SWITCHES,
    *DNC_SWITCHES,
    "source",
    "user",
    "pass",
    "list_id",
    "campaign_id",
    "duplicate_check",
    "tz_method",
    "multi_alt_phones",
    "callback_datetime",
    "callback_type",
    "callback_user",
    "callback_status",
    "callback_comments",
    "hopper_priority",
    "remove_from_hopper",
    # Values of a lead may stand among the options, the same for all leads.
    *WIDTHS,
    "phone_number",
    "phone_code",
    "gender",
    "rank",
    "date_of_birth",
    "entry_list_id",
}
TABLES = ("vicidial_list", "vicidial_list_alt_phones", "vicidial_hopper", "vicidial_callbacks")


KNOWN: dict[tuple[str, int], set[int]] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "topic" in metafunc.fixturenames:
        cases, _ = corpus(metafunc.config.getoption("--cases"))
        metafunc.parametrize("topic", sorted({case["topic"] for case in cases}))


@pytest.fixture(scope="module")
def named(request: pytest.FixtureRequest) -> Named:
    _, named = corpus(request.config.getoption("--cases"))
    return named


@pytest.fixture
def cases(request: pytest.FixtureRequest, topic: str) -> list[Case]:
    every_case, _ = corpus(request.config.getoption("--cases"))
    return [case for case in every_case if case["topic"] == topic]


def differing(case: Case, named: Named) -> set[int]:
    """Return the differences that keep a case from following the record."""
    key = case["id"], id(named)
    if key not in KNOWN:
        KNOWN[key] = touched(case, named) - FORM_ONLY
    return KNOWN[key]


def run(kind: type[Reference], case: Case, named: Named) -> tuple[list[Verdict], Tables]:
    tables = tables_of(case, named)
    reference = kind(tables, clock_of(case), case["tz"], options_of(case))
    verdicts = []
    for lead in case["leads"]:
        try:
            verdicts.append(read_answer(reference.add_lead(lead).lines, documented=True))
        except ReferenceRefusal:
            verdicts.append(Verdict("refused"))
    return verdicts, tables


def new_rows(case: Case, tables: Tables, table: str) -> list[Row]:
    known = len(case["fixture"].get(table, []))
    return tables.get(table, [])[known:]


def faults(kind: type[Reference], case: Case, record: Case, named: Named) -> list[Any]:
    """Say where a run differs from a record: the first lead answered otherwise, or a row."""
    verdicts, tables = run(kind, case, named)
    recorded = [read_answer(lines) for lines in record["responses"]]
    for lead, ours, theirs in zip(case["leads"], verdicts, recorded, strict=True):
        if ours != theirs:
            return [case["id"], lead, ours, theirs]
    custom = [name for name in record["after"] if name.startswith("custom_")]
    for table in (*TABLES, *custom):
        ours_rows, their_rows = new_rows(case, tables, table), stored_rows(record, named, table)
        if ours_rows != their_rows:
            pairs = zip(ours_rows, their_rows, strict=False)
            different = next((pair for pair in pairs if pair[0] != pair[1]), None)
            return [case["id"], table, different or "another number of rows"]
    return []


def test_every_option_is_covered(cases: list[Case]) -> None:
    unknown = Counter(name for case in cases for name in case["options"] if name not in OPTIONS)
    assert not unknown


def test_without_its_differences_the_reference_is_the_dialer(
    cases: list[Case], named: Named
) -> None:
    assert not [found for case in cases if (found := faults(Dialer, case, case, named))]


def test_the_reference_gives_the_record(cases: list[Case], named: Named) -> None:
    follow = [case for case in cases if not differing(case, named)]
    assert not [found for case in follow if (found := faults(Reference, case, case, named))]


def test_where_a_number_stands_is_part_of_an_answer(named: Named) -> None:
    cases, _ = corpus(HERE)
    [case] = [case for case in cases if case["id"] == "trials.11-phone-or-alt-by-number"]
    assert read_answer(case["responses"][0]).matched == "PHONE"
    assert 31 in touched(case, named)


def test_the_table_of_differences_is_complete() -> None:
    numbers = [row["number"] for row in differences()]
    assert numbers == sorted(set(numbers))
    assert all(row.keys() == {"number", "recorded", "ours", "why"} for row in differences())


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("dupsys90day-DUPLIST", [("", "LIST", None), ("", "SYS", 90)]),
        ("DUP LIST", [("", "LIST", None)]),
        ("", []),
        ("NONE", []),
    ],
)
def test_checks_are_read(option: str, expected: list[tuple[str, str, int | None]]) -> None:
    assert [(c.key, c.scope, c.days) for c in read_checks(option)] == expected


@pytest.mark.parametrize("option", ["DUPSYS45DAY", "DUPFOO", "XDUPLISTX", "DUPSYS7", "7DAYDUPSYS"])
def test_a_check_that_is_not_documented_refuses_the_run(option: str) -> None:
    with pytest.raises(ReferenceRefusal):
        read_checks(option)


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("1980-01-15", "1980-01-15"),
        ("800115", "1980-01-15"),
        ("69-1-5", "2069-01-05"),
        ("1980-00-00", "1980-00-00"),
        ("1980-02-30", None),
        ("1980", None),
        ("", None),
    ],
)
def test_dates_are_read_as_the_database_reads_them(value: str, date: str | None) -> None:
    assert read_date(value) == date


def test_small_rules() -> None:
    assert fold("Jos\u00e9  ") == fold("JOSE")
    assert fold(" a") != fold("a")
    assert fold("stra\u00dfe") == fold("STRASE")
    assert fold("\u0451") == fold("\u0415"), "the dots on a Russian e are an accent"
    assert fold("\u0439") != fold("\u0438"), "its short i is a letter"
    assert fold("\u304b") != fold("\u304c")
    assert stored_gender("x") == ("U", ["GENDER"])
    assert stored_gender("Female") == ("F", [])
    assert stored_state("Florida") == stored_state("F.L.") == "FL"
    assert (stored_state("Mexico City"), stored_state("Queretaro")) == ("", "Queretaro")
    assert (stored_country("Austria"), stored_country("Canarias")) == ("AUT", "")
    assert stored_rank("-5") == (-5, [])
    assert stored_rank("1.9") == (0, ["RANK"])
    assert daylight("SSM-FSN", clock_of({"clock": "2026-07-01T00:00:00"}))

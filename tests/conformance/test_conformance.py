"""The recorded answers of the real dialer, given to the pipeline on every kind of database.

A case that touches none of the wanted differences has to come out as recorded; one that does is
compared with the row-by-row reference, which in turn gives the recorded answer everywhere else
(tests/conformance/test_reference.py).
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from loader.errors import NotAllowedError
from tests.conformance.corpus import (
    HERE,
    NOTICE,
    Case,
    Named,
    Verdict,
    clock_of,
    corpus,
    options_of,
    read_answer,
    stored_rows,
    tables_of,
)
from tests.conformance.differences import FORM_ONLY, differences, touched
from tests.conformance.frozen import frozen, load_zone
from tests.conformance.reference import Reference
from tests.conformance.reference_fields import keep
from tests.conformance.reference_run import ReferenceRefusal
from tests.conformance.reference_zone import skip_gap
from tests.conformance.replay import Replayed, as_text, extras_of, replay
from tests.conftest import chosen_engines
from tests.support.loads import workers_from_the_first_row
from tests.support.phases import any_source_in_phases
from tests.support.server import fill


class SqliteReference(Reference):
    """Tables that hold every character; those of the server here are utf8mb3."""

    def text(self, _name: str, value: str) -> tuple[str, list[str]]:
        return keep(value, 0x10FFFF)


SAMPLE = {"sqlite": (96, 0), "myisam": (192, 1), "innodb": (192, 97)}
"""Of how many cases one is replayed on an engine, and which, unless all are asked for: each
forty-eighth of the cases, on one of the engines."""


OTHER_WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("sqlite", {"workers": 2}),
    ("sqlite", {"workers": 4}),
    ("sqlite", {"engine": "dask"}),
    ("innodb", {"connections": 2, "batch_size": 2}),
    ("innodb", {"workers": 4, "connections": 2, "batch_size": 2}),
)
"""Engines, and what a case is replayed with besides."""
STEP = 600
"""Of so many cases one is replayed in one of these ways, unless all cases in all are asked for."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    config = metafunc.config
    cases, _ = corpus(config.getoption("--cases"))
    everything = config.getoption("--full") or config.getoption("--cases") != HERE
    if "way" in metafunc.fixturenames:
        step = 1 if everything else STEP
        ways = [
            (case, *way)
            for number, way in enumerate(OTHER_WAYS)
            for case in (cases[number * step // len(OTHER_WAYS) :: step])
            if way[0] in chosen_engines(config)
        ]
        names = [
            "-".join([case["id"], engine, *(f"{count} {name}" for name, count in way.items())])
            for case, engine, way in ways
        ]
        metafunc.parametrize(("case", "engine_name", "way"), ways, ids=names, scope="session")
        return
    pairs = [
        (case, engine)
        for engine, (step, first) in SAMPLE.items()
        if engine in chosen_engines(config)
        for case in (cases if everything else cases[first::step])
    ]
    names = [f"{case['id']}-{engine}" for case, engine in pairs]
    metafunc.parametrize(("case", "engine_name"), pairs, ids=names, scope="session")


@dataclass(frozen=True)
class Expected:
    """What has to come of a case."""

    verdicts: list[Verdict]
    rows: list[dict[str, Any]]
    """The new rows of vicidial_list."""
    extras: dict[str, list[dict[str, Any]]]
    """The rows of the other tables after it, all values as text."""


def expected(case: Case, named: Named, engine_name: str) -> Expected | str:
    """Give the verdict on each request and the rows stored, or why the whole run is refused."""
    tables = tables_of(case, named)
    if not touched(case, named) - FORM_ONLY:
        verdicts = [read_answer(lines) for lines in case["responses"]]
        if all(verdict.reason == "refused" for verdict in verdicts):
            return "refused"
        extras = {name for name in case["after"] if name != "vicidial_list"}
        for name in extras:
            tables.setdefault(name, []).extend(stored_rows(case, named, name))
        return Expected(verdicts, stored_rows(case, named, "vicidial_list"), extras_of(tables))
    kind = SqliteReference if engine_name == "sqlite" else Reference
    reference = kind(tables, clock_of(case), case["tz"], options_of(case))
    try:
        answers = [reference.add_lead(lead) for lead in case["leads"]]
    except ReferenceRefusal as refusal:
        return refusal.kind
    return Expected(
        [read_answer(answer.lines, documented=True) for answer in answers],
        [answer.row for answer in answers if answer.row],
        extras_of(tables),
    )


def test_recorded_case(
    case: Case, engine_name: str, database_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if case["options"].get("pass"):
        pytest.skip("the loader takes no dialer password: the database account stands for it")
    _, named = corpus(request.config.getoption("--cases"))
    if engine_name != "sqlite":
        load_zone(request.getfixturevalue("server"), case["tz"])
    fill(database_url, tables_of(case, named))
    database = frozen(database_url, clock_of(case), case["tz"])
    # In the full run small chunks, so that rows meet across them. InnoDB leaves gaps between the
    # lead_ids of batches, which the recordings don't have: there a case is one chunk, one batch.
    small = engine_name == "sqlite" and request.config.getoption("--full")
    chunk_size = 10 if small else 1000
    ours = replay(case, database, tmp_path / "results", chunk_size=chunk_size)
    database.engine.dispose()
    wanted = expected(case, named, engine_name)
    if isinstance(wanted, str):
        assert ours.refused is not None
        assert wanted != "not_allowed" or isinstance(ours.refused, NotAllowedError)
        return
    assert ours.refused is None
    for number, verdict in enumerate(wanted.verdicts):
        check_verdict(ours, number, verdict)
    rows = wanted.rows
    if engine_name == "sqlite":
        # Its integers end at 2**63 - 1: of a larger one it keeps the nearest float.
        rows = [{**row, "entry_list_id": nearest(row["entry_list_id"])} for row in rows]
    check_rows(case, ours, rows)
    check_extras(case, ours, wanted.extras)


def test_recorded_case_by_several_at_once(
    case: Case, engine_name: str, way: dict[str, Any], database_url: str,
    request: pytest.FixtureRequest, tmp_path: Path,
) -> None:  # fmt: skip
    """Workers and phases change nothing; of several connections lead_ids have another order."""
    if case["options"].get("pass"):
        pytest.skip("the loader takes no dialer password: the database account stands for it")
    _, named = corpus(request.config.getoption("--cases"))
    if engine_name != "sqlite":
        load_zone(request.getfixturevalue("server"), case["tz"])
    fill(database_url, tables_of(case, named))
    database = frozen(database_url, clock_of(case), case["tz"])
    in_this_way = any_source_in_phases if "engine" in way else workers_from_the_first_row
    with in_this_way():
        ours = replay(case, database, tmp_path / "results", chunk_size=3, **way)
    database.engine.dispose()
    wanted = expected(case, named, engine_name)
    if isinstance(wanted, str):
        assert ours.refused is not None
        return
    assert ours.refused is None
    rows = wanted.rows
    if engine_name == "sqlite":
        rows = [{**row, "entry_list_id": nearest(row["entry_list_id"])} for row in rows]
        for number, verdict in enumerate(wanted.verdicts):
            check_verdict(ours, number, verdict)
        check_rows(case, ours, rows)
        check_extras(case, ours, wanted.extras)
        return
    for number, verdict in enumerate(wanted.verdicts):
        assert (number in ours.loaded) == (verdict.reason is None), (number, verdict)
    without_ids = Replayed(rows=_without_ids(ours.rows))
    check_rows(case, without_ids, _without_ids(rows))


def _without_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out lead_id, and what is in the order of it."""
    bare = [{name: as_text(value) for name, value in row.items()} for row in rows]
    for row in bare:
        del row["lead_id"]
    return sorted(bare, key=lambda row: sorted(row.items()))


def nearest(number: int) -> int | float:
    return number if number < 2**63 else float(number)


def check_verdict(ours: Replayed, number: int, verdict: Verdict) -> None:
    if verdict.reason is None:
        assert ours.loaded.get(number) == verdict.lead_id, ours.rejected.get(number)
        said = [line.removeprefix(NOTICE).partition(" - ")[0] for line in verdict.notices]
        assert ours.noticed[number] == sorted(said)
        ids = [line.split("|")[-2] for line in verdict.notices if "ADDED TO HOPPER - " in line]
        assert [str(ours.hopper_ids[number])] == ids if number in ours.hopper_ids else not ids
        return
    assert number in ours.rejected, (number, verdict)
    rejected = ours.rejected[number]
    if rejected["add_lead"]:
        said = read_answer([rejected["add_lead"]])
        assert replace(said, notices=()) == replace(verdict, notices=())
    else:
        assert rejected["reason"] == verdict.reason


def check_rows(case: Case, ours: Replayed, rows: list[dict[str, Any]]) -> None:
    wanted = [{name: as_text(value) for name, value in row.items()} for row in rows]
    if skip_gap(clock_of(case), ZoneInfo(case["tz"])) != clock_of(case):
        # In an hour that does not exist, the recorded columns disagree with one another.
        for row in [*wanted, *ours.rows]:
            del row["modify_date"]
    assert ours.rows == wanted


def check_extras(case: Case, ours: Replayed, wanted: dict[str, list[dict[str, Any]]]) -> None:
    if skip_gap(clock_of(case), ZoneInfo(case["tz"])) != clock_of(case):
        for rows in (ours.extras, wanted):
            for row in rows.get("vicidial_callbacks", []):
                del row["modify_date"]
    assert ours.extras == wanted


def test_differences_are_counted(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each tenth case, unless all are asked for."""
    cases, named = corpus(request.config.getoption("--cases"))
    if not (request.config.getoption("--full") or request.config.getoption("--cases") != HERE):
        cases = cases[::10]
    counts = Counter(number for case in cases for number in touched(case, named))
    with capsys.disabled():
        print(f"\n{len(cases)} recorded cases; touched by the wanted differences:")
        for difference in differences():
            number = difference["number"]
            print(f"  {number:>2} {counts[number]:>4}  {difference['ours'][:80]}")
    assert set(counts) <= {difference["number"] for difference in differences()}

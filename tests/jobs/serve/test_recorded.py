"""The recorded cases of add_lead over HTTP, line for line."""

from pathlib import Path

import pytest

from tests.conformance.corpus import (
    HERE,
    NOTICE,
    Case,
    Named,
    clock_of,
    corpus,
    options_of,
    tables_of,
)
from tests.conformance.differences import FORM_ONLY, touched
from tests.conformance.frozen import frozen, load_zone
from tests.conformance.reference import Reference
from tests.conformance.reference_run import ReferenceRefusal
from tests.conformance.replay import REPLAYED, requests_of
from tests.conformance.test_conformance import SqliteReference
from tests.conftest import chosen_engines
from tests.jobs.serve.serving import PAGE, serving, settings_of
from tests.support.server import fill

ALWAYS = {
    "dup_simple.DUPTITLEALTPHONELIST-long", "timezone.tzr05", "trials.11-phone-or-alt-by-number",
}  # fmt: skip
"""Cases whose lines nothing else shows: they are replayed on SQLite, whatever the sample is."""

SAMPLE = {"sqlite": (120, 7), "myisam": (360, 10), "innodb": (360, 95)}
"""Of how many cases one is replayed on an engine, and which, unless all are asked for."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    config = metafunc.config
    cases, _ = corpus(config.getoption("--cases"))
    everything = config.getoption("--full") or config.getoption("--cases") != HERE
    pairs = [
        (case, engine)
        for engine, (step, first) in SAMPLE.items()
        if engine in chosen_engines(config)
        for number, case in enumerate(cases)
        if everything or number % step == first or (engine == "sqlite" and case["id"] in ALWAYS)
    ]
    names = [f"{case['id']}-{engine}" for case, engine in pairs]
    metafunc.parametrize(("case", "engine_name"), pairs, ids=names, scope="session")


def test_recorded_lines(
    case: Case, engine_name: str, database_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    _, named = corpus(request.config.getoption("--cases"))
    if engine_name != "sqlite":
        load_zone(request.getfixturevalue("server"), case["tz"])
    fill(database_url, tables_of(case, named))
    database = frozen(database_url, clock_of(case), case["tz"])
    is_as_recorded = not touched(case, named) - FORM_ONLY
    wanted = recorded(case) if is_as_recorded else referred(case, named, engine_name)
    with serving(settings_of(tmp_path, **REPLAYED), database) as client:
        for sent, lines in zip(requests_of(case), wanted, strict=True):
            answer = client.get(PAGE, params={"pass": "1234", "function": "add_lead", **sent})
            ours = answer.text.splitlines()
            assert answer.status_code == 200
            if lines is None:
                assert ours[0].startswith("ERROR: add_lead INVALID PARAMETER - ")
            elif is_as_recorded:
                assert ours == lines
            else:
                assert [without_echo(line) for line in ours] == lines
    database.engine.dispose()


def recorded(case: Case) -> list[list[str] | None]:
    """Give the recorded lines; the fields of those of success in the documented order."""

    def documented(line: str) -> str:
        if not line.startswith("SUCCESS"):
            return line
        words, _, fields = line.partition(" - ")
        phone, list_id, lead_id, offset, user = fields.split("|")
        return f"{words} - {phone}|{user}|{list_id}|{lead_id}|{offset}"

    return [[documented(line) for line in lines] for lines in case["responses"]]


def referred(case: Case, named: Named, engine_name: str) -> list[list[str] | None]:
    """Give the lines of the row-by-row reference; None: an option cannot be understood."""
    kind = SqliteReference if engine_name == "sqlite" else Reference
    reference = kind(tables_of(case, named), clock_of(case), case["tz"], options_of(case))
    found: list[list[str] | None] = []
    for lead in case["leads"]:
        try:
            found.append(reference.add_lead(lead).lines)
        except ReferenceRefusal as refusal:
            found.append([refusal.line] if refusal.kind == "not_allowed" else None)
    return found


def without_echo(line: str) -> str:
    """Take off what the dialer repeats before a notice, which the reference leaves out."""
    return line[line.index(NOTICE) :] if NOTICE in line else line

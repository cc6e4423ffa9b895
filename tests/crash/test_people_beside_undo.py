"""An undo is killed, a dialer and agents work with the leads of its load, and it is completed.

A seed (`make crashes SEED=7`) decides what they do; an oracle says what must be there in the end.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from jobs.undo.job import undo
from loader.database.connection import Database
from loader.errors import UndoneBeforeError
from tests.crash.test_undo_kills import POINTS
from tests.support.loads import Loads
from tests.support.people import People, Row, State
from tests.support.step_kills import Killed, Point, killed_at
from tests.support.undos import ROWS, drop_archives, folder, options, prepare

SAMPLE = [each for each in POINTS if each[1] == 1 and each[0].moment == "after"][4::3]

COPIED = "after loader.archive.transfer.in_halves-2"
"""The leads of the chunk are copied, and none is deleted."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "point" not in metafunc.fixturenames:
        return
    points = POINTS if metafunc.config.getoption("full") else SAMPLE
    ids = [f"{point}-{nth}" for point, nth in points]
    metafunc.parametrize(("point", "nth"), points, ids=ids)


@pytest.fixture
def with_archives(database: Database) -> Iterator[Database]:
    prepare(database)
    yield database
    drop_archives(database)


@pytest.mark.sample(1)
def test_nothing_that_people_did_is_undone(
    with_archives: Database,
    tmp_path: Path,
    point: Point,
    nth: int,
    request: pytest.FixtureRequest,
) -> None:
    database, loads = with_archives, Loads(tmp_path)
    url = database.engine.url.render_as_string(hide_password=False)
    before = State.of(url)
    run = loads.load(loads.file(ROWS), database, **options("update")).summary.run
    loaded = State.of(url)
    people = People(url, f"{request.config.getoption('seed')} {request.node.name}")
    with pytest.raises(Killed), killed_at(point, nth):
        undo(run, database, folder(tmp_path))
    people.work()
    named = ""
    try:
        named = " ".join(undo(run, database, folder(tmp_path)).remarks)
    except UndoneBeforeError:
        assert point.moment == "after"
    problems = [*problems_of(before, loaded, people, State.of(url), named)]
    assert not problems, f"{people}\n" + "\n".join(problems)


def test_a_lead_is_named_that_was_deleted_when_a_kill_had_left_a_copy(
    with_archives: Database, tmp_path: Path
) -> None:
    loads = Loads(tmp_path)
    url = with_archives.engine.url.render_as_string(hide_password=False)
    run = loads.load(loads.file(ROWS), with_archives, **options("update")).summary.run
    copied = next(point for point, nth in POINTS if f"{point}-{nth}" == COPIED)
    with pytest.raises(Killed), killed_at(copied, 2):
        undo(run, with_archives, folder(tmp_path))
    killed = State.of(url)
    twice = sorted(killed.leads.keys() & killed.archived.keys())
    assert twice
    with with_archives.connect() as connection:
        connection.exec_driver_sql(f"DELETE FROM vicidial_list WHERE lead_id = {twice[-1]}")
        connection.commit()
    remarks = undo(run, with_archives, folder(tmp_path)).remarks
    assert any(remark.endswith(f"in the archive: lead_id {twice[-1]}") for remark in remarks)


def problems_of(
    before: State, loaded: State, people: People, end: State, named: str
) -> Iterator[str]:
    """Give what is wrong in the end, in words; `named` has the leads that nobody can know of."""
    killed, worked = people.before, people.after
    untouched = loaded.leads.keys() - before.leads.keys() - killed.touched(worked)
    for lead_id in worked.all_leads() | killed.all_leads() | end.all_leads():
        row = worked.leads.get(lead_id)
        if not row:
            problems = [*_of_lead_that_is_gone(lead_id, killed, worked, end)]
            is_named = lead_id not in end.leads and re.search(rf"\b{lead_id}\b", named)
            yield from [] if is_named else problems
        elif lead_id in untouched:
            if lead_id in end.leads or lead_id not in end.archived:
                yield f"lead {lead_id} is not in the archive"
        elif lead_id in before.leads:
            yield from _of_older_lead(lead_id, [before, loaded], row, end)
        elif end.leads.get(lead_id) != row or lead_id in end.archived:
            yield f"lead {lead_id} was {row}, and is {end.leads.get(lead_id)}"
        yield from _of_extras(lead_id, worked, end)


def _of_lead_that_is_gone(lead_id: int, killed: State, worked: State, end: State) -> Iterator[str]:
    copy = worked.archived.get(lead_id)
    if lead_id in end.leads:
        yield f"lead {lead_id} was deleted or archived, and is back"
    if lead_id in killed.leads and copy == killed.archived.get(lead_id):
        copy = None  # Deleted: what was copied before does not live on.
    if end.archived.get(lead_id) != copy:
        yield f"the archive has {end.archived.get(lead_id)}, and should have {copy}"


def _of_older_lead(lead_id: int, earlier: Sequence[State], row: Row, end: State) -> Iterator[str]:
    """It has again what the load had changed, but for what somebody changed since."""
    old, new = (state.leads[lead_id] for state in earlier)
    found = end.leads.get(lead_id, {})
    for name in row.keys() - {"modify_date"}:
        may_be = {row[name], old[name]} if row[name] == new[name] else {row[name]}
        if found.get(name) not in may_be:
            yield f"{name} of lead {lead_id} is {found.get(name)}, and should be {may_be}"


def _of_extras(lead_id: int, worked: State, end: State) -> Iterator[str]:
    is_there = lead_id in end.leads
    for name in worked.extras:
        found = end.rows(name, lead_id)
        if not name.endswith("_archive") and found != worked.rows(name, lead_id) * is_there:
            yield f"lead {lead_id} has {found} in {name}"

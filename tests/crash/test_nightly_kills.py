"""A night that is killed at any call of its code is completed by the next one.

`make test` takes some of the calls, `make crashes` all before which something was written.
"""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.nights import PROGRAM, Site, rows
from tests.support.people import People, State
from tests.support.server import run as sql

KILLER = """
import os, sys
from sqlalchemy import Engine, event
from tests.support.failpoints import is_change
OURS = ("nightly/job.py", "nightly/files.py", "nightly/folders.py", "lists.py")
left = {at}
changed = True
def change(*_):
    global changed
    changed = True
def note(frame, _event, _argument):
    # A kill at a call leaves the same as one at the call before, if nothing was written since.
    global changed, left
    if changed and frame.f_code.co_filename.endswith(OURS):
        changed = False
        left -= 1
        if left == 0:
            os._exit(9)
import jobs.nightly.job
event.listen(Engine, "after_cursor_execute", change)
event.listen(Engine, "commit", change)
sys.addaudithook(lambda name, arguments: is_change(name, arguments) and change())
sys.settrace(note)
import atexit
atexit.register(lambda: print("calls", {at} - left))
"""
SETTINGS = r"""max_reject_rate = 0.5
batch_size = 1
[source.new_list]
first_list_id = 5000
campaign_id = "SOLAR" """
SAMPLE = 1


def prepared(folder: Path, template: str) -> Site:
    """Make a site with a good file, the same once more, and a bad one between them."""
    folder.mkdir()
    url = f"sqlite:///{shutil.copy(str(make_url(template).database), folder / 'leads.sqlite')}"
    site = Site(folder, url)
    archive = "[archive.sold]\nlists = 101"
    site.settings(SETTINGS, list_id=None, night='archive = "sold"', after=archive)
    sql(url, "INSERT INTO vicidial_list (list_id, phone_number) VALUES (101, '1')")
    site.put("a.csv", rows(1, 2, -1))
    site.put("bad.csv", rows(-1, -2))
    site.put("same.csv", rows(1, 2, -1))
    return site


def killed(site: Site, at: int) -> int:
    """Spend a night that ends at the how many-th call; give how many there were."""
    process = site.start(program=KILLER.format(at=at) + PROGRAM)
    said, errors = process.communicate(timeout=120)
    if process.returncode == 9:
        return at
    assert process.returncode == 65, errors
    return int(said.rpartition("calls ")[2])


def seen(site: Site) -> object:
    """Give what is to be the same whatever happened."""
    leads = site.leads("list_id", "phone_number")
    lists = sql(site.url, "SELECT list_id FROM vicidial_lists WHERE list_id > 999")
    archived = sql(site.url, "SELECT COUNT(*) FROM vicidial_list_archive")
    files = [name.rpartition("/")[2] for name in site.files()]
    return leads, lists, archived, sorted(name for name in files if name.endswith(".csv"))


@pytest.fixture(scope="module")
def undisturbed(
    database_with_tables: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, object]:
    """How many calls there are in a night that nobody kills, and what is seen after it."""
    folder = tmp_path_factory.mktemp("night") / "whole"
    site = prepared(folder, database_with_tables("sqlite"))
    return killed(site, 1_000_000), seen(site)


@pytest.mark.engines("sqlite")
def test_a_night_that_is_killed_at_any_call(
    database_url: str, tmp_path: Path, points: Iterator[int], pytestconfig: pytest.Config,
    undisturbed: tuple[int, object],
) -> None:  # fmt: skip
    calls, expected = undisturbed
    assert expected == (
        [("5000", "7275550001"), ("5000", "7275550002")], [(5000,)], [(1,)],
        ["a.csv", "bad.csv", "same.csv"],
    )  # fmt: skip
    step = calls // (SAMPLE + 1) + 1
    numbers = points if pytestconfig.getoption("full") else itertools.count(step, step)
    for at in itertools.takewhile(lambda number: number < calls, numbers):
        site = prepared(tmp_path / str(at), database_url)
        assert killed(site, at) == at
        site.night()
        assert seen(site) == expected, f"killed at call {at} of {calls}"


@pytest.mark.engines("sqlite")
def test_nothing_that_people_did_is_undone(
    database_url: str, tmp_path: Path, points: Iterator[int], pytestconfig: pytest.Config,
    undisturbed: tuple[int, object],
) -> None:  # fmt: skip
    """A dialer and agents work with the leads between the kill and the next night."""
    calls, _ = undisturbed
    # Other calls than those of the test before.
    step = 3 * calls // 5
    numbers = points if pytestconfig.getoption("full") else itertools.count(step, step)
    for at in itertools.takewhile(lambda number: number < calls, numbers):
        site = prepared(tmp_path / f"people-{at}", database_url)
        assert killed(site, at) == at
        people = People(site.url, f"{pytestconfig.getoption('seed')} {at}")
        people.work()
        night = site.night()
        assert night.code != 70
        problems = [*problems_of(people, State.of(site.url))]
        assert not problems, f"killed at call {at} of {calls}, {people}\n" + "\n".join(problems)


def problems_of(people: People, end: State) -> Iterator[str]:
    """Give which persons, known by their code, are not there as they must be."""
    killed, worked = people.before.all_leads(), people.after.all_leads()
    for code in ("v1", "v2"):
        found, was, left = (
            [n for n, row in state.items() if row["vendor_lead_code"] == code]
            for state in (end.all_leads(), killed, worked)
        )
        wanted = left if was else found[:1]
        if found != wanted or not (found or was):
            yield f"{code} is there as {found}, and should be as {wanted or 'a new lead'}"
    for lead_id, row in worked.items():
        if end.all_leads().get(lead_id) != row:
            yield f"lead {lead_id} was {row}, and is {end.all_leads().get(lead_id)}"

"""A list of its own for each file of a night."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from jobs.settings import settings as settings_module
from loader.database.connection import Database
from loader.errors import ConfigurationError
from loader.writing.lists import FileMark, find_list, make_list
from tests.support.nights import PROGRAM, Site, rows
from tests.support.server import run as sql

NEW_LIST = """[source.new_list]
first_list_id = 5000
campaign_id = "SOLAR"
list_name = "{stem} from {source}, {date:%d.%m.}"
list_description = "{vendor} {file} {list_id:06d}{month}"
active = "Y"
columns = {local_call_time = "9am-9pm"}"""
PATTERN = r"file_name = '(?P<vendor>[a-z]+)(?P<month>-\d\d)?_\d+\.csv'"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Site:
    site = Site(tmp_path, database_url)
    site.settings(f"max_reject_rate = 0.5\n{PATTERN}\n{NEW_LIST}", list_id=None)
    return site


def lists(site: Site, columns: str = "list_id") -> list[Any]:
    found = sql(site.url, f"SELECT {columns} FROM vicidial_lists WHERE list_id > 999 ORDER BY 1")
    return [row[0] if len(row) == 1 else tuple(row) for row in found]


@pytest.mark.engines("sqlite", "myisam", "innodb")
def test_each_file_gets_a_list(site: Site) -> None:
    site.put("acme_1.csv", rows(1, 2))
    site.put("bolt_2.csv", rows(3))
    night = site.night()
    assert night.code == 0
    assert [file.list_id for file in night.report.files] == [5000, 5001]
    assert site.leads("list_id", "phone_number") == [
        ("5000", "7275550001"), ("5000", "7275550002"), ("5001", "7275550003")
    ]  # fmt: skip
    today = date.today()  # noqa: DTZ011 - the day of the site
    columns = "list_id, list_name, campaign_id, active, local_call_time"
    assert lists(site, columns)[0] == (
        5000, f"acme_1 from vendor, {today:%d.%m.}", "SOLAR", "Y", "9am-9pm"
    )  # fmt: skip
    (described, changed), _ = lists(site, "list_description, list_changedate")
    assert described.startswith("acme acme_1.csv 005000 [")
    assert str(changed)[:4] == str(today.year)


@pytest.mark.engines("sqlite", "innodb")
def test_a_file_of_which_nothing_was_inserted_leaves_no_list(site: Site) -> None:
    site.put("bad_1.csv", rows(-1))
    site.put("good_2.csv", rows(1))
    night = site.night()
    assert night.outcomes == {"bad_1.csv": "failed", "good_2.csv": "loaded"}
    assert (lists(site), site.leads("list_id")) == ([5000], [("5000",)])


@pytest.mark.sample(1)
@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    "where",
    [
        "import jobs.nightly.files\njobs.nightly.files.load = lambda *_, **__: os._exit(9)",
        "from jobs.load.resume import ImportRun\nImportRun.done = lambda *_: os._exit(9)",
        "from jobs.nightly.folders import LocalFolder\nLocalFolder.move = lambda *_: os._exit(9)",
    ],
    ids=["before-the-load", "in-the-load", "before-the-move"],
)
def test_a_night_that_is_killed_makes_no_second_list(site: Site, where: str) -> None:
    site.put("acme_1.csv", rows(1))
    process = site.start(program=f"import os\n{where}\n{PROGRAM}")
    process.communicate(timeout=60)
    assert process.returncode == 9
    assert lists(site) == [5000]
    night = site.night()
    assert (night.code, night["acme_1.csv"].list_id, lists(site)) == (0, 5000, [5000])
    # Nor does the same content under another name.
    site.put("acme_2.csv", rows(1))
    night = site.night()
    assert night.outcomes == {"acme_2.csv": "loaded_before"}
    assert (lists(site), site.phones()) == ([5000], [1])


@pytest.mark.sample(1)
@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    "where",
    [
        "from jobs.load.resume import ImportRun\nImportRun.done = lambda *_: os._exit(9)",
        "from jobs.nightly.folders import LocalFolder\nLocalFolder.move = lambda *_: os._exit(9)",
    ],
    ids=["in-the-load", "before-the-move"],
)
def test_who_edits_the_description_of_a_list_gets_no_second_one(site: Site, where: str) -> None:
    site.put("acme_1.csv", rows(1))
    process = site.start(program=f"import os\n{where}\n{PROGRAM}")
    process.communicate(timeout=60)
    sql(site.url, "UPDATE vicidial_lists SET list_description = 'Spring' WHERE list_id = 5000")
    assert site.night("--dry-run")["acme_1.csv"].list_id == 5000
    night = site.night()
    assert (night.code, night["acme_1.csv"].list_id, lists(site)) == (0, 5000, [5000])
    assert site.phones() == [1]


@pytest.mark.engines("sqlite")
def test_a_file_whose_list_was_deleted_gets_a_new_one(site: Site) -> None:
    site.put("acme_1.csv", rows(1))
    site.night()
    sql(site.url, "DELETE FROM vicidial_lists WHERE list_id = 5000")
    site.put("acme_2.csv", rows(1))
    assert site.night()["acme_2.csv"].list_id == 5001


@pytest.mark.engines("sqlite", "innodb")
def test_list_ids_go_on_above_those_in_use(site: Site) -> None:
    sql(site.url, "INSERT INTO vicidial_lists (list_id) VALUES (5003), (90000)")
    # The list was deleted, its leads were not.
    sql(site.url, "INSERT INTO vicidial_list (list_id, phone_number) VALUES (5007, '1')")
    database = Database(site.url)
    found = find_list(database, (5000, 5999), FileMark("[x]"))
    assert (found.list_id, found.is_new) == (5008, True)
    with pytest.raises(ConfigurationError, match="from 5000 to 5007 are given out"):
        find_list(database, (5000, 5007), FileMark("[x]"))
    given = {"list_description": "d" * 300, "list_name": "n" * 50, "campaign_id": "SOLAR"}
    made = make_list(database, (5000, 5999), FileMark("[100%_y]"), lambda _list_id: given)
    again = make_list(database, (5000, 5999), FileMark("[100%_y]"), lambda _list_id: given)
    other = make_list(database, (5000, 5999), FileMark("[1000_y]"), lambda _list_id: given)
    assert (made.list_id, made.is_new) == (5008, True)
    assert (again.list_id, again.is_new) == (5008, False)
    assert (other.list_id, other.is_new) == (5009, True)
    database.engine.dispose()
    if "sqlite" not in site.url:
        (name, described), *_ = sql(
            site.url, "SELECT list_name, list_description FROM vicidial_lists WHERE list_id = 5008"
        )
        assert (len(name), len(described)) == (30, 255)
        assert described.endswith("d [100%_y]")


@pytest.mark.engines("sqlite", "myisam", "innodb")
def test_somebody_else_makes_the_list_first(site: Site) -> None:
    def fill(list_id: int) -> dict[str, str]:
        if list_id == 5000:
            sql(site.url, "INSERT INTO vicidial_lists (list_id) VALUES (5000)")
        return {"list_description": "", "campaign_id": "SOLAR"}

    database = Database(site.url)
    assert make_list(database, (5000, 5999), FileMark("[x]"), fill).list_id == 5001
    database.engine.dispose()
    assert lists(site) == [5000, 5001]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.engines("sqlite", "myisam", "innodb")
def test_two_nights_make_one_list_for_the_same_content(site: Site, number: int) -> None:
    """The other one makes it before any of the questions for it."""
    given = {"list_description": "", "list_name": "", "campaign_id": "SOLAR"}
    database, other = Database(site.url), Database(site.url)
    asked: list[str] = []

    def make_it_first(*execution: Any) -> None:
        if "SELECT max(" in execution[2]:
            asked.append(execution[2])
            if len(asked) == number + 1:
                make_list(other, (5000, 5999), FileMark("[x]"), lambda _list_id: given)

    event.listen(database.engine, "before_cursor_execute", make_it_first)
    make_list(database, (5000, 5999), FileMark("[x]"), lambda _list_id: given)
    assert len(asked) > number
    assert lists(site) == [5000]
    for each in (database, other):
        each.engine.dispose()


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        pytest.param('"SOLAR"', '"NONE"', "the dialer has no campaign NONE", id="campaign"),
        pytest.param("local_call_time =", "x =", "vicidial_lists lacks the columns x", id="column"),
        pytest.param("5000", "5000\nlast_list_id = 5000", "from 5000 to 5000 are", id="all"),
    ],
)
def test_without_a_list_a_file_stays(site: Site, before: str, after: str, said: str) -> None:
    sql(site.url, "INSERT INTO vicidial_lists (list_id) VALUES (5000)")
    site.config.write_text(site.config.read_text("utf-8").replace(before, after), "utf-8")
    site.put("acme_1.csv", rows(1))
    night = site.night()
    assert (night.code, night.outcomes, site.phones()) == (78, {"acme_1.csv": "left"}, [])
    assert said in night["acme_1.csv"].why
    assert site.files() == ["acme_1.csv"]


@pytest.mark.engines("sqlite")
def test_a_dry_run_makes_none(site: Site) -> None:
    site.config.write_text(f'list_exists_check = "Y"\n{site.config.read_text("utf-8")}', "utf-8")
    site.put("acme_1.csv", rows(1))
    night = site.night("--dry-run")
    assert (night["acme_1.csv"].list_id, night["acme_1.csv"].loaded) == (5000, 1)
    assert lists(site) == []
    assert site.night()["acme_1.csv"].loaded == 1


@pytest.mark.engines("sqlite")
def test_a_table_that_refuses_every_list(site: Site) -> None:
    sql(
        site.url,
        "CREATE TRIGGER no_list BEFORE INSERT ON vicidial_lists "
        "BEGIN SELECT RAISE(ABORT, 'no list'); END",
    )
    database = Database(site.url)
    given = {"list_description": "", "list_name": "", "campaign_id": "SOLAR"}
    with pytest.raises(ConfigurationError, match="refuses a new list 5000; look at its keys"):
        make_list(database, (5000, 5999), FileMark("[x]"), lambda _list_id: given)

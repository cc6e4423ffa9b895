"""Nights that are killed, meet one another, find half a file or lose the database."""

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from jobs.watchers import Watchers
from loader.database import schema
from loader.database.connection import Database
from loader.ledger import tables
from loader.ledger.runs import Ledger
from tests.support.nights import PROGRAM, Meanwhile, Site, rows, summary_in
from tests.support.server import PrivateServer, Server, plain_engine
from tests.support.server import run as sql

ON_SQLITE = pytest.mark.engines("sqlite")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Site:
    return Site(tmp_path, database_url)


def killed(site: Site, where: str) -> None:
    """Spend a night that kills itself where some code says."""
    process = site.start(program=f"import os\n{where}\n{PROGRAM}")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 9, said


BEFORE_THE_MOVE = """
from jobs.nightly.folders import LocalFolder
LocalFolder.move = lambda *_: os._exit(9)
"""
AFTER_THE_MOVE = """
from jobs.nightly.folders import LocalFolder
move = LocalFolder.move
LocalFolder.move = lambda *given: (move(*given), os._exit(9))
"""
BEFORE_THE_RUN_IS_DONE = """
from jobs.load.resume import ImportRun
ImportRun.done = lambda *_: os._exit(9)
"""
AT_THE_SECOND_BATCH = """
from jobs.cli.terminal import Terminal
from jobs.watchers import Watchers
from contextlib import contextmanager
def progress(stage, done, share):
    if stage == "insert" and done >= 2:
        os._exit(9)
@contextmanager
def watching(self):
    yield Watchers(progress=progress)
Terminal.watching = watching
"""


@pytest.mark.sample(1)
@pytest.mark.engines("innodb")
@pytest.mark.parametrize(
    ("where", "outcome"),
    [
        pytest.param(AT_THE_SECOND_BATCH, "loaded", id="in-the-load"),
        pytest.param(BEFORE_THE_RUN_IS_DONE, "loaded", id="before-its-end"),
        pytest.param(BEFORE_THE_MOVE, "loaded_before", id="before-the-move"),
        pytest.param(AFTER_THE_MOVE, None, id="after-the-move"),
    ],
)
def test_the_night_after_a_kill_completes_it(site: Site, where: str, outcome: str | None) -> None:
    site.settings("batch_size = 1")
    site.put("a.csv", rows(1, 2, -1, 3))
    site.put("b.csv", rows(4))
    killed(site, where)
    night = site.night()
    assert night.code == 0
    assert night.outcomes == ({"a.csv": outcome} if outcome else {}) | {"b.csv": "loaded"}
    assert site.phones() == [1, 2, 3, 4]
    done = site.drop / "done" / night.day
    # The file lies beside its results, wherever the load began.
    assert site.files() == [f"done/{night.day}/a.csv", f"done/{night.day}/b.csv"]
    summary = summary_in(done / "a.csv.results")
    assert (summary["rows_read"], summary["loaded"], summary["rejected"]) == (4, 3, 1)
    assert site.night().outcomes == {}


AFTER_THE_LIST = """
from jobs.nightly import files
files.load = lambda *_: os._exit(9)
"""
NEW_LIST = """max_reject_rate = 0.5
[source.new_list]
first_list_id = 5000
campaign_id = "SOLAR"
"""


@pytest.mark.sample(1)
@ON_SQLITE
@pytest.mark.parametrize("numbers", [(-1, -2), (1, 2)])
def test_the_list_of_a_night_that_was_killed(site: Site, numbers: tuple[int, ...]) -> None:
    """It is found again; it goes if the file turns out to be bad, as in any other night."""
    site.settings(NEW_LIST, list_id=None)
    site.put("a.csv", rows(*numbers))
    killed(site, AFTER_THE_LIST)
    assert sql(site.url, "SELECT list_id FROM vicidial_lists WHERE list_id > 999") == [(5000,)]
    site.night()
    left = sql(site.url, "SELECT list_id FROM vicidial_lists WHERE list_id > 999")
    assert left == ([(5000,)] if site.phones() else [])


@ON_SQLITE
def test_a_bad_file_whose_night_was_killed_has_one_result(site: Site) -> None:
    site.settings("max_reject_rate = 0.1")
    site.put("a.csv", rows(1, -1))
    killed(site, BEFORE_THE_MOVE)
    failed = site.drop / "failed"
    (first,) = (path.parent for path in failed.rglob("rejected.csv"))
    before = (first / "rejected.csv").read_bytes()
    night = site.night()
    assert [path.parent for path in failed.rglob("rejected.csv")] == [first]
    assert (first / "rejected.csv").read_bytes() == before
    assert night["a.csv"].moved_to == str(first).removesuffix(".results")


BEFORE_THE_SUMMARY = """
from loader.results.folder import ResultFolder
ResultFolder.write_summary = lambda *_: os._exit(9)
"""
BEFORE_THE_RESULTS = """
from loader.results.folder import ResultFolder
ResultFolder.publish = lambda *_: os._exit(9)
"""


@pytest.mark.sample(1)
@ON_SQLITE
@pytest.mark.parametrize(
    "where", [BEFORE_THE_RESULTS, BEFORE_THE_SUMMARY], ids=["none", "no-summary"]
)
def test_incomplete_results_of_a_bad_file_are_completed(site: Site, where: str) -> None:
    site.settings("max_reject_rate = 0.1")
    site.put("a.csv", rows(1, -1))
    killed(site, where)
    assert site.night()["a.csv"].moved_to.endswith("/a.csv")
    assert [path.name for path in (site.drop / "failed").rglob("*.results")] == ["a.csv.results"]


@ON_SQLITE
@pytest.mark.parametrize("left", [b"", b"a.c"], ids=["all", "a-part"])
def test_an_error_that_was_said_is_not_said_twice(site: Site, left: bytes) -> None:
    """A night was killed between the error and the move, or in the error."""
    path = site.put("a.csv", b"phone_number\n")
    path.write_bytes(b"\x00" * 99)
    killed(site, BEFORE_THE_MOVE)
    (error,) = site.drop.rglob("error.txt")
    said = error.read_bytes()
    if left:
        error.write_bytes(said[: len(left)])
    assert site.night()["a.csv"].moved_to.endswith("/a.csv")
    assert [(each, each.read_bytes()) for each in site.drop.rglob("error.txt")] == [(error, said)]


@ON_SQLITE
def test_another_error_of_another_file_is_kept(site: Site) -> None:
    for content in (b"\x00" * 99, b"phone_number,phone_number\n1,1\n"):
        site.put("a.csv", content)
        site.night()
        for path in (site.drop / "failed").rglob("a*.csv"):
            path.unlink()
    assert len([*site.drop.rglob("error.txt")]) == 2


@ON_SQLITE
def test_a_list_that_was_filled_once_stays(site: Site) -> None:
    """Whatever became of its leads: the list may be in use."""
    site.settings(NEW_LIST, list_id=None)
    site.put("a.csv", rows(1, -1))
    site.night()
    sql(site.url, "UPDATE vicidial_list SET list_id = 101")
    site.settings(NEW_LIST.replace("0.5", "0.1"), list_id=None)
    site.put("a.csv", rows(1, -1))
    run([*site.arguments, "--again", "--quiet"])
    assert sql(site.url, "SELECT list_id FROM vicidial_lists WHERE list_id > 999") == [(5000,)]


@ON_SQLITE
def test_a_night_that_was_killed_yesterday(site: Site) -> None:
    """What goes on today goes to yesterday's folder, where its results are."""
    site.put("a.csv", rows(1))
    killed(site, BEFORE_THE_MOVE)
    night = Ledger.open(Database(site.url), site.folder).runs()[0]
    yesterday = site.drop / "done" / "2026-01-01"
    Path(night.results).parent.rename(yesterday)
    results = str(yesterday / "a.csv.results")
    Ledger.open(Database(site.url), site.folder).update(night.run, results=results)
    assert site.night()["a.csv"].moved_to == str(yesterday / "a.csv")


@pytest.mark.engines("sqlite", "innodb")
def test_the_second_night_names_the_first(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    site.settings(settle="60s")
    site.put("a.csv", rows(1))
    first = site.start()
    assert first.stderr
    assert "waiting 60 s" in first.stderr.readline()
    assert run(site.arguments) == 75
    said = capsys.readouterr().err
    assert f"a night is under way already, by process {first.pid} on " in said
    if site.url.startswith("sqlite"):
        # Where nights cannot share files, those of other folders are refused, too.
        text = site.config.read_text("utf-8").replace(f"{tmp_path}/nightly", f"{tmp_path}/other")
        (tmp_path / "other.toml").write_text(text, "utf-8")
        assert run(["nightly", "--config", "other.toml"]) == 75
        said = capsys.readouterr().err
        assert re.search(r"a night is under way already, by process \d+ ", said)
    first.send_signal(signal.SIGTERM)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 143
    assert "ended before its time: SIGTERM came" in out
    assert "why: its turn did not come: SIGTERM came" in out
    site.settings()
    assert site.night().outcomes == {"a.csv": "loaded"}


@pytest.mark.engines("sqlite", "innodb")
def test_a_signal_ends_a_load_after_its_batch(site: Site) -> None:
    site.settings("batch_size = 2")
    site.put("a.csv", rows(-1, *range(1, 8)))

    @contextlib.contextmanager
    def watching(_job: str) -> Iterator[Watchers]:
        def progress(stage: str, done: int, _share: float) -> None:
            if (stage, done) == ("insert", 4):
                os.kill(os.getpid(), signal.SIGTERM)

        yield Watchers(progress=progress)

    watchers = Watchers(watch_run=watching)
    with watchers.stop:
        report = site.watched(watchers)
    assert (report.exit_code, report.why) == (143, "SIGTERM came")
    assert report.files[0].why == "SIGTERM came: the next night completes it"
    assert (report.files[0].loaded, report.files[0].loaded_before) == (4, 0)
    assert "\nrows: 4 loaded, 0 rejected\n" in report.text
    assert report.headline == "files: 1 left; ended before its time"
    assert site.phones() == [1, 2, 3, 4]
    night = site.night()
    assert night.outcomes == {"a.csv": "loaded"}
    assert (night["a.csv"].loaded, night["a.csv"].rejected) == (7, 1)
    assert night["a.csv"].run == report.files[0].run
    assert night["a.csv"].loaded_before == 4
    assert "\nrows: 3 loaded (4 more in earlier nights), 1 rejected\n" in night.report.text
    assert "    in earlier nights: 4 of the loaded rows\n" in night.report.text
    assert night.report.headline == "files: 1 loaded"
    assert site.phones() == [1, 2, 3, 4, 5, 6, 7]
    assert site.files() == [f"done/{night.day}/a.csv"]


@ON_SQLITE
def test_a_signal_ends_the_night_between_two_files(site: Site) -> None:
    site.settings(night='archive = "all"', after="[archive.all]\nlists = 101")
    for number in (1, 2):
        site.put(f"{number}.csv", rows(number))

    @contextlib.contextmanager
    def watching(_job: str) -> Iterator[Watchers]:
        yield Watchers()
        os.kill(os.getpid(), signal.SIGTERM)

    watchers = Watchers(watch_run=watching)
    with watchers.stop:
        report = site.watched(watchers)
    assert [(f.file, f.outcome) for f in report.files] == [("1.csv", "loaded"), ("2.csv", "left")]
    assert (report.exit_code, report.why) == (143, "SIGTERM came")
    assert report.archives[0].why == "its turn did not come: SIGTERM came"
    assert site.phones() == [1]


@ON_SQLITE
def test_a_file_that_grows_before_it_is_taken_stays(site: Site) -> None:
    site.settings(settle="30s")
    path = site.put("growing.csv", rows(1))
    gone = site.put("gone.csv", rows(9))
    site.put("whole.csv", rows(2))

    def meanwhile() -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write("7275550003,Ann,v3\n")
        gone.unlink()
        site.put("new.csv", rows(4))

    report = site.watched(Watchers(stop=Meanwhile(meanwhile)))
    assert (report.exit_code, site.phones()) == (0, [2])
    assert {file.file: file.outcome for file in report.files} == {
        "growing.csv": "left", "new.csv": "left", "whole.csv": "loaded"
    }  # fmt: skip
    assert "growing.csv  left\n    why: still growing" in report.text
    site.settings()
    assert site.night().code == 0
    assert sorted(site.phones()) == [1, 2, 3, 4]


@pytest.mark.sample(1)
@ON_SQLITE
@pytest.mark.parametrize(
    ("first", "outcomes", "code"),
    [
        pytest.param(rows(1), {"a.csv": "left", "b.csv": "loaded"}, 65, id="loaded"),
        pytest.param(rows(-1), {"a.csv": "left", "b.csv": "loaded"}, 65, id="refused"),
    ],
)
def test_a_file_that_grows_while_it_is_loaded_stays(
    site: Site, first: str, outcomes: dict[str, str], code: int
) -> None:
    site.settings("max_reject_rate = 0.5\nduplicate_check = 'DUPLIST'")
    path = site.put("a.csv", first)
    site.put("b.csv", rows(2))

    @contextlib.contextmanager
    def watching(_job: str) -> Iterator[Watchers]:
        try:
            yield Watchers()
        finally:
            if path.read_text("utf-8") == first:
                time.sleep(0.01)
                with path.open("a", encoding="utf-8") as file:
                    file.write("7275550003,Ann,v3\n")

    report = site.watched(Watchers(watch_run=watching))
    assert {file.file: file.outcome for file in report.files} == outcomes
    assert report.exit_code == code
    assert "it changed meanwhile and stays where it is" in report.files[0].why
    assert path.exists()
    assert site.night().outcomes == {"a.csv": "loaded"}
    assert set(site.phones()) == ({1, 2, 3} if first == rows(1) else {2, 3})


@pytest.mark.engines("innodb")
def test_without_the_database_files_stay_until_it_answers(
    private_server: PrivateServer, tmp_path: Path
) -> None:
    url = private_server.new_database()
    engine = plain_engine(url)
    schema.create_missing(engine, storage_engine="innodb")
    engine.dispose()
    site = Site(tmp_path, url)
    for number in (1, 2):
        site.put(f"{number}.csv", rows(number))

    @contextlib.contextmanager
    def watching(_job: str) -> Iterator[Watchers]:
        private_server.kill()
        yield Watchers()

    try:
        report = site.watched(Watchers(watch_run=watching))
    finally:
        private_server.start()
    assert [file.outcome for file in report.files] == ["left", "left"]
    assert report.exit_code == 69
    assert report.files[1].why.startswith("its turn did not come: the database does not answer")
    assert site.files() == ["1.csv", "2.csv"]
    assert site.night().outcomes == {"1.csv": "loaded", "2.csv": "loaded"}
    assert site.phones() == [1, 2]


@ON_SQLITE
def test_a_bug_that_one_file_meets_stops_no_other(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        site.put(f"{number}.csv", rows(number))
    bugs = iter([ZeroDivisionError("Ann"), None])

    @contextlib.contextmanager
    def watching(_job: str) -> Iterator[Watchers]:
        bug = next(bugs)
        if bug:
            raise bug
        yield Watchers()

    report = site.watched(Watchers(watch_run=watching))
    assert [file.outcome for file in report.files] == ["left", "loaded"]
    assert re.match(
        r"a bug in leadloader: ZeroDivisionError in .*please report it$", report.files[0].why
    )
    assert "Ann" not in report.text
    assert (report.exit_code, site.files()[0]) == (70, "1.csv")


@pytest.mark.engines("innodb")
def test_an_account_without_a_right_to_make_tables(
    site: Site, server: Server, tmp_path: Path
) -> None:
    account, names = server.new_account(site.url), ", ".join(tables.metadata.tables)
    sql(site.url, f"DROP TABLE IF EXISTS {names}")
    to = make_url(account)
    server.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {to.database}.* TO {to.username}")
    site.config.write_text(site.config.read_text("utf-8").replace(site.url, account), "utf-8")
    site.put("a.csv", rows(1))
    assert site.night().outcomes == {"a.csv": "loaded"}
    # The ledger is a file, and the same one on other days.
    (site.drop / "done").rename(site.drop / "kept")
    site.put("b.csv", rows(1))
    assert site.night().outcomes == {"b.csv": "loaded_before"}
    assert list((tmp_path / "results").glob("ledger-*.sqlite"))

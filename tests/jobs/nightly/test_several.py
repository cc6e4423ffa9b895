"""The nights of several machines over one drop folder, one ledger and one dialer."""

import os
import re
import signal
from pathlib import Path

import pytest
from sqlalchemy import make_url

from jobs.cli.main import run
from jobs.nightly.files import SourceFiles
from jobs.nightly.folders import Found
from jobs.nightly.report import FileReport
from jobs.settings import settings as settings_module
from jobs.watchers import Watchers
from loader.database import leases
from loader.ledger import tables
from tests.support.nights import (
    AT_THE_SECOND_BATCH,
    PROGRAM,
    WAIT,
    Site,
    WhileItWaits,
    rows,
    start_and_hold,
    summary_in,
)
from tests.support.server import Server
from tests.support.server import run as sql

pytestmark = pytest.mark.engines("myisam", "innodb")

BEFORE_THE_MOVE = """
from jobs.nightly.files import SourceFiles
move = SourceFiles._move
def wait_and_move(self, found, *given):
    if found.name == "a.csv" and not waited:
        waited.append(wait())
    return move(self, found, *given)
waited = []
SourceFiles._move = wait_and_move
"""
IN_THE_ARCHIVING = """
from jobs.nightly.archiving import RuleArchiver
archive = RuleArchiver.archive
RuleArchiver.archive = lambda *given: (wait(), archive(*given))[1]
"""
HOST = os.uname().nodename
SOON_GONE = "from loader.database import leases; leases.LASTS, leases.BEAT = 1, 0.1\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    monkeypatch.setattr(leases, "LASTS", 1)
    monkeypatch.setattr(leases, "BEAT", 0.1)


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Site:
    return Site(tmp_path, database_url)


@pytest.fixture
def other(site: Site) -> Site:
    """The same as another machine has it, by settings of its own."""
    other = site.machine("other")
    other.settings("batch_size = 2")
    return other


def test_two_nights_share_the_files(site: Site, other: Site) -> None:
    site.settings("batch_size = 1")
    for number in range(3):
        site.put(f"{'abc'[number]}.csv", rows(3 * number + 1, 3 * number + 2, 3 * number + 3))
    first = start_and_hold(site, AT_THE_SECOND_BATCH)
    second = other.night()
    assert second.code == 0
    assert second.outcomes == {"a.csv": "left", "b.csv": "loaded", "c.csv": "loaded"}
    assert "a.csv is being loaded already, by session " in second["a.csv"].why
    (run_of_first,) = sql(site.url, "SELECT run FROM leadloader_runs WHERE state = 'inserting'")
    assert (second["a.csv"].run, second["a.csv"].host) == (*run_of_first, HOST)
    assert f"\n    by: run {run_of_first[0]} on {HOST}\n" in second.report.text
    assert f" on {second.report.host}: " in second.report.text.partition("\n")[0]
    said, _ = first.communicate("")
    assert first.returncode == 0
    assert "files: 1 loaded, 2 by another night\n" in said
    assert "rows: 3 loaded, 0 rejected\n" in said
    assert "    why: done, 3 of 3 rows loaded\n" in said
    assert f"    by: run {second['b.csv'].run} on {HOST}\n" in said
    assert sorted(site.phones()) == [*range(1, 10)]
    day = second.day
    assert site.files() == [f"done/{day}/{name}.csv" for name in "abc"]


def test_the_file_of_a_night_that_is_killed_is_completed_by_another(
    site: Site, other: Site
) -> None:
    site.settings("batch_size = 1")
    site.put("a.csv", rows(1, 2, 3, -1))
    site.put("b.csv", rows(4))
    first = start_and_hold(site, AT_THE_SECOND_BATCH)
    report = other.watched(Watchers(stop=WhileItWaits(first.kill)))
    first.communicate()
    outcomes = {each.file: (each.outcome, each.loaded) for each in report.files}
    assert outcomes == {"b.csv": ("loaded", 1), "a.csv": ("loaded", 3)}
    assert {each.file: each.loaded_before for each in report.files} == {"b.csv": 0, "a.csv": 2}
    assert (report.exit_code, sorted(site.phones())) == (0, [1, 2, 3, 4])
    done = site.drop / "done" / f"{report.began.astimezone():%Y-%m-%d}"
    assert {path.name for path in done.glob("*.csv")} == {"a.csv", "b.csv"}
    assert summary_in(done / "a.csv.results")["loaded"] == 3


def test_a_night_that_stood_still_moves_nothing(site: Site, other: Site) -> None:
    """Its claim ended meanwhile, and another night has moved the file."""
    site.put("a.csv", rows(1, 2))
    first = start_and_hold(site, SOON_GONE + BEFORE_THE_MOVE)
    os.kill(first.pid, signal.SIGSTOP)
    night = other.night()
    assert night.outcomes == {"a.csv": "loaded_before"}
    # A file of the same name comes, which the first night has not seen.
    site.put("a.csv", rows(3))
    os.kill(first.pid, signal.SIGCONT)
    said, errors = first.communicate("")
    assert "still growing: it changed since it was listed" in said, errors
    assert site.files() == ["a.csv", f"done/{night.day}/a.csv"]
    assert other.night()["a.csv"].moved_to == f"{other.drop}/done/{night.day}/a-2.csv"
    assert site.phones() == [1, 2, 3]


def test_what_a_night_had_loaded_when_it_stood_still_is_counted_once(
    site: Site, other: Site
) -> None:
    site.put("a.csv", rows(1, 2))
    first = start_and_hold(site, SOON_GONE + BEFORE_THE_MOVE)
    os.kill(first.pid, signal.SIGSTOP)
    night = other.night()
    os.kill(first.pid, signal.SIGCONT)
    said, _ = first.communicate("")
    assert "a.csv  left  2 loaded" in said
    assert "why: it went away" in said
    assert (night["a.csv"].outcome, night["a.csv"].loaded) == ("loaded_before", 0)
    assert site.files() == [f"done/{night.day}/a.csv"]


ARCHIVING = {"night": 'archive = "all"', "after": "[archive.all]\nlists = 101"}


def test_one_night_alone_archives(site: Site, other: Site) -> None:
    for each in (site, other):
        each.settings(**ARCHIVING)
    site.put("a.csv", rows(1, 2))
    first = start_and_hold(site, IN_THE_ARCHIVING)
    night = other.night()
    (archive,) = night.report.archives
    assert (archive.moved, archive.exit_code, night.code) == (0, 0, 0)
    assert archive.why.startswith("archiving is under way already, by session ")
    said, _ = first.communicate("")
    assert "  all  2 moved" in said
    assert other.night().report.archives[0].moved == 0


def test_another_night_archives_where_one_is_killed(site: Site, other: Site) -> None:
    for each in (site, other):
        each.settings(**ARCHIVING)
    site.put("a.csv", rows(1, 2))
    first = start_and_hold(site, IN_THE_ARCHIVING)
    report = other.watched(Watchers(stop=WhileItWaits(first.kill)))
    first.communicate()
    assert [(each.moved, each.exit_code) for each in report.archives] == [(2, 0)]
    assert site.phones() == []


def test_who_still_loads_archives(site: Site, other: Site) -> None:
    """Leads are archived after all files."""
    for each in (site, other):
        each.settings("batch_size = 1", **ARCHIVING)
    site.put("a.csv", rows(1, 2, 3))
    first = start_and_hold(site, AT_THE_SECOND_BATCH)
    (archive,) = other.night().report.archives
    assert archive.why == "the night that still loads a.csv archives after it"
    assert len(site.phones()) == 2
    said, _ = first.communicate("")
    assert "  all  3 moved" in said


LIMITED = {"night": 'archive = "all"', "after": "[archive]\nlimit = 2\n[archive.all]\nlists = 101"}
KILLED_IN_A_CHUNK = """
import os
from jobs.archive.job import ArchiveJob
ArchiveJob._move = lambda *_: os.kill(os.getpid(), 9)
"""


def test_the_limit_of_a_rule_counts_for_all_nights_at_once(site: Site, other: Site) -> None:
    site.settings("batch_size = 1", **LIMITED)
    other.settings("batch_size = 2", **LIMITED)
    site.put("a.csv", rows(1, 2, 3))
    first = start_and_hold(site, AT_THE_SECOND_BATCH)
    said: list[str] = []
    watchers = Watchers(stop=WhileItWaits(lambda: said.extend(first.communicate(""))))
    (archive,) = other.watched(watchers).archives
    assert "  all  2 moved" in said[0]
    assert (archive.moved, archive.exit_code) == (0, 0)
    assert archive.why == "the limit is 2, and another night archived 2 leads of it"
    assert site.phones() == [3]
    # The next night has a limit of its own.
    sql(site.url, "UPDATE leadloader_batches SET moment = '2026-01-01' WHERE kind = 'archived'")
    (archive,) = other.night().report.archives
    assert (archive.moved, archive.why) == (1, "all leads were looked at")


def test_what_a_night_had_begun_to_archive_when_it_was_killed_counts(
    site: Site, other: Site
) -> None:
    site.settings("batch_size = 1", **LIMITED)
    other.settings("batch_size = 2", **LIMITED)
    for each in (site, other):
        text = each.config.read_text("utf-8")
        each.config.write_text(text.replace("limit = 2", "limit = 2\nchunk_size = 1"), "utf-8")
    site.put("a.csv", rows(1, 2, 3))
    first = start_and_hold(site, KILLED_IN_A_CHUNK + AT_THE_SECOND_BATCH)
    watchers = Watchers(stop=WhileItWaits(lambda: first.communicate("")))
    (archive,) = other.watched(watchers).archives
    assert (archive.moved, first.returncode) == (1, -signal.SIGKILL)
    assert archive.why.endswith(
        "the limit of 1 lead is reached; the limit is 2, and another night archived 1 lead of it"
    )


def test_a_file_that_another_night_set_aside_went_away(site: Site, other: Site) -> None:
    site.put("a.csv", rows(1, 2, 3))
    site.put("bad.csv", "no header\n")
    site.put("broken.csv", b"\0" * 99)
    site.settings("batch_size = 1")
    first = start_and_hold(site, AT_THE_SECOND_BATCH)
    expected = {"a.csv": "left", "bad.csv": "failed", "broken.csv": "failed"}
    assert other.night().outcomes == expected
    said, _ = first.communicate("")
    assert re.search(r"  bad.csv +by another night\n    why: refused\n    by: run ", said)
    assert re.search(r"  broken.csv +left\n    why: it went away\n", said)
    assert first.returncode == 0


def test_of_two_files_of_one_name_nobody_says_that_both_are_loaded(site: Site, other: Site) -> None:
    """One was loaded by another night; the other one somebody took away."""
    second = site.folder / "second"
    second.mkdir()
    site.settings(
        "batch_size = 1",
        after=f'[[source]]\nname = "second"\nfolder = "{second}"\nsettle = "0s"\nlist_id = 102',
    )
    site.put("a.csv", rows(1, 2, 3))
    site.put("b.csv", rows(4))
    (second / "b.csv").write_text(rows(5))
    first = start_and_hold(site, AT_THE_SECOND_BATCH)
    assert other.night().outcomes == {"a.csv": "left", "b.csv": "loaded"}
    (second / "b.csv").unlink()
    said, _ = first.communicate("")
    assert len(re.findall(r"  b.csv +left\n    why: it went away\n", said)) == 2
    assert site.phones() == [1, 2, 4, 3]


def test_a_file_that_somebody_imports_by_hand_is_no_other_nights(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site.put("a.csv", rows(1, 2, 3))
    # Of the process, too, whose folder is another one.
    metrics_file = site.config.with_name("night.prom")
    site.settings("batch_size = 1", top=f'metrics_file = "{metrics_file}"')
    by_hand = ["import", str(path), "--config", str(site.config), "--source", "vendor"]
    process = site.start(*by_hand, program=WAIT + AT_THE_SECOND_BATCH + PROGRAM)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    loads: list[str] = []
    load = SourceFiles.load

    def counted(files: SourceFiles, found: Found) -> FileReport:
        loads.append(found.name)
        return load(files, found)

    with monkeypatch.context() as patch:
        patch.setattr(SourceFiles, "load", counted)
        night = site.night()
    assert (night.code, night.outcomes) == (75, {"a.csv": "left"})
    assert loads == ["a.csv"], "it is read once, and then the lock alone is asked for"
    assert night["a.csv"].host == HOST
    metrics = metrics_file.read_text("utf-8")
    labels = '{job="import",source="vendor"} 1.0\n'
    for name in ("leadloader_runs", "leadloader_failed_runs"):
        assert name + labels in metrics, "it was tried several times, and is told once"
    process.communicate("")
    assert site.night().outcomes == {"a.csv": "loaded_before"}


@pytest.mark.parametrize("killed_at", [AT_THE_SECOND_BATCH, "insert"])
def test_another_machine_finds_the_results_under_its_own_path(site: Site, killed_at: str) -> None:
    """The machine that began the file saw the drop folder elsewhere."""
    site.settings("batch_size = 1")
    site.put("a.csv", rows(1, 2, -1, 3))
    if killed_at == "insert":  # nothing waits yet: its results begin anew
        killed_at = "from loader.pipeline import Checks\nChecks.screen = lambda *_: wait()\n"
    first = start_and_hold(site, killed_at)
    first.kill()
    first.communicate()
    (day,) = (site.drop / "done").iterdir()
    elsewhere = f"/mnt/leads/done/{day.name}/a.csv.results"
    sql(site.url, f"UPDATE leadloader_runs SET results = '{elsewhere}'")
    night = site.night()
    assert (night.code, night.outcomes) == (0, {"a.csv": "loaded"})
    assert night["a.csv"].results == str(day / "a.csv.results")
    assert night["a.csv"].moved_to == str(day / "a.csv")
    assert sql(site.url, "SELECT results FROM leadloader_runs") == [(str(day / "a.csv.results"),)]
    assert site.phones() == [1, 2, 3]


def test_results_that_no_machine_sees_begin_anew(site: Site) -> None:
    """They are in a folder of the machine that is gone, and nothing was inserted."""
    site.put("a.csv", rows(1))
    first = start_and_hold(
        site, "from loader.pipeline import Checks\nChecks.screen = lambda *_: wait()\n"
    )
    first.kill()
    first.communicate()
    (results,) = (site.drop / "done").glob("*/*.results")
    results.rename(site.folder / "gone")
    sql(site.url, "UPDATE leadloader_runs SET results = '/mnt/leads/done/x/a.csv.results'")
    night = site.night()
    assert night["a.csv"].results == str(site.drop / "done" / night.day / "a.csv.results")
    assert not Path("/mnt/leads").exists()


def test_a_file_that_was_begun_with_other_options_is_not_loaded_twice(
    site: Site, other: Site
) -> None:
    site.settings("batch_size = 1")
    other.settings("batch_size = 2", list_id=102)
    site.put("a.csv", rows(1, 2, 3))
    first = start_and_hold(site, AT_THE_SECOND_BATCH)
    path = other.folder / "by-hand.csv"
    path.write_text(rows(1, 2, 3))
    flags = ("--config", str(other.config), "--source", "vendor", "--force-list-id", "102")
    assert run(["import", str(path), *flags, "--quiet"]) == 0, (
        "another file may have the same content"
    )
    text = other.config.read_text("utf-8")
    other.config.write_text(text.replace('name = "vendor"', 'name = "partner"'), "utf-8")
    night = other.night()
    assert (night.code, night.outcomes) == (75, {"a.csv": "left"})
    assert night["a.csv"].why.endswith(f" on {HOST} loads it with other options (list_id)")
    first.kill()
    first.communicate()
    night = other.night()
    assert (night.code, night.outcomes) == (78, {"a.csv": "left"})
    assert "loaded some of it with other options (list_id); give the same opt" in night["a.csv"].why
    assert site.leads("list_id")[:2] == [("101",)] * 2
    assert site.night().outcomes == {"a.csv": "loaded"}
    assert len(site.phones()) == 6


def test_without_a_common_ledger_one_night_loads_at_a_time(
    site: Site, other: Site, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    account, names = server.new_account(site.url), ", ".join(tables.metadata.tables)
    sql(site.url, f"DROP TABLE IF EXISTS {names}")
    to = make_url(account)
    server.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {to.database}.* TO {to.username}")
    site.settings("batch_size = 1")
    for each in (site, other):
        each.config.write_text(each.config.read_text("utf-8").replace(site.url, account), "utf-8")
    site.put("a.csv", rows(1, 2, 3))
    first = start_and_hold(site, AT_THE_SECOND_BATCH)
    assert run(other.arguments) == 75
    assert "a night is under way already, by session " in capsys.readouterr().err
    first.communicate("")
    assert first.returncode == 0

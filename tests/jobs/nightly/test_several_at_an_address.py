"""The nights of several machines over one drop folder at an address, on an FTP or SFTP server."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.nightly.remote_folder import HIDDEN, RemoteStorage
from jobs.settings import settings as settings_module
from loader.database import leases
from loader.errors import NotAllowedError
from tests.support.ftp_server import ALL, Partner
from tests.support.nights import (
    AT_THE_SECOND_BATCH,
    HEADER,
    Night,
    Site,
    rows,
    start_and_hold,
    summary_in,
)
from tests.support.server import run as sql
from tests.support.sftp_server import SftpPartner

pytestmark = pytest.mark.engines("myisam", "innodb")

SOON_GONE = "from loader.database import leases; leases.LASTS, leases.BEAT = 1, 0.1\n"
BEFORE_THE_MOVE = """
from jobs.nightly.remote_folder import RemoteFolder
RemoteFolder.move = lambda *_: wait()
"""
BEFORE_THE_END = """
from jobs.load.resume import ImportRun
ImportRun.done = lambda *_: wait()
"""
WHILE_IT_UPLOADS = """
from jobs.nightly import transfers
class Files:
    def __init__(self, files):
        self._files = files
    def __getattr__(self, name):
        return getattr(self._files, name)
    def mv(self, *given):
        wait()
        self._files.mv(*given)
put = transfers.put
transfers.put = lambda files, *given: put(Files(files), *given)
from jobs.nightly import remote_folder
remote_folder.put = transfers.put
"""

SECOND = """
from jobs.load.insert import InsertStage
from jobs.nightly.remote_folder import RemoteStorage
WRITE, PUT = (InsertStage, "write"), (RemoteStorage, "put")
of, name = {where}
original, calls = getattr(of, name), []
def held(*given):
    calls.append(1)
    return wait() if len(calls) == 2 else original(*given)
setattr(of, name, held)
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    monkeypatch.setattr(leases, "LASTS", 1)
    monkeypatch.setattr(leases, "BEAT", 0.1)


@pytest.fixture
def kind() -> str:
    return "ftp"


@pytest.fixture
def partner(tmp_path: Path, kind: str) -> Iterator[Partner | SftpPartner]:
    root = tmp_path / "ftp"
    partner = Partner(root, ALL) if kind == "ftp" else SftpPartner(root)
    yield partner
    partner.close()


@pytest.fixture
def site(tmp_path: Path, database_url: str, partner: Partner | SftpPartner) -> Site:
    site = Site(tmp_path, database_url, partner)
    site.settings("batch_size = 1")
    site.put("a.csv", rows(1, 2, 3, -1))
    return site


@pytest.fixture
def other(site: Site) -> Site:
    """The same as another machine has it: it sees nothing of the first one's disk."""
    other = site.machine("other")
    other.settings("batch_size = 2")
    return other


def killed(site: Site, where: str) -> None:
    night = start_and_hold(site, where)
    night.kill()
    night.communicate()


def assert_complete(site: Site, night: Night) -> None:
    """All rows are there once, and the file lies beside its results."""
    assert (night.code, sorted(site.phones())) == (0, [1, 2, 3])
    assert site.files("ftp/in") == [f"done/{night.day}/a.csv"]
    results = site.drop / "done" / night.day / "a.csv.results"
    assert (summary_in(results)["loaded"], summary_in(results)["rejected"]) == (3, 1)
    assert {path.name for path in results.iterdir()} == {
        "loaded.csv", "rejected.csv", "report.html", "summary.json"
    }  # fmt: skip
    assert len((results / "loaded.csv").read_text("utf-8").splitlines()) == 4
    assert sql(site.url, "SELECT state FROM leadloader_runs") == [("done",)]


@pytest.mark.parametrize("kind", ["ftp", "sftp"])
def test_a_file_that_is_half_in_is_completed_by_another_machine(site: Site, other: Site) -> None:
    killed(site, AT_THE_SECOND_BATCH)
    assert len([*(site.drop / HIDDEN).iterdir()]) == 1
    night = other.night()
    assert (night["a.csv"].outcome, night["a.csv"].loaded_before) == ("loaded", 2)
    assert night["a.csv"].moved_to == f"/in/done/{night.day}/a.csv"
    assert_complete(site, night)
    assert not [*(site.drop / HIDDEN).iterdir()]


def test_each_of_two_machines_goes_on_with_what_the_other_one_left(site: Site, other: Site) -> None:
    """The ledger says which checkpoint counts, also to the machine that has one of its own."""
    other.settings("batch_size = 1")
    killed(site, AT_THE_SECOND_BATCH)
    (plan,) = (site.folder / "nightly").glob("**/plan.json")
    plan.write_text("what is here does not count")
    killed(
        other, "from jobs.load.insert import InsertStage\nInsertStage.write = lambda *_: wait()\n"
    )
    assert_complete(site, site.night())


@pytest.fixture
def _refusing(site: Site) -> Iterator[None]:
    sql(
        site.url,
        "CREATE TRIGGER no_bad BEFORE INSERT ON vicidial_list FOR EACH ROW "
        "IF NEW.first_name = 'Bad' THEN SIGNAL SQLSTATE '45000'; END IF",
    )
    yield
    sql(site.url, "DROP TRIGGER no_bad")


@pytest.mark.usefixtures("_refusing")
@pytest.mark.parametrize("killed_at", ["upload", "insert"])
def test_a_further_round_goes_on_elsewhere_too(site: Site, other: Site, killed_at: str) -> None:
    """A row that the server refuses has duplicates: one of them is loaded in its place."""
    (site.drop / "a.csv").unlink()
    lines = ("7275550001,Bad,v1", "7275550001,Ann,v2", "7275550002,Ann,v3", "7275550001,Bob,v4")
    site.put("a.csv", HEADER + "".join(f"{line}\n" for line in lines))
    for each in (site, other):
        each.settings('duplicate_check = "DUPLIST"')
    killed(site, SECOND.format(where="PUT" if killed_at == "upload" else "WRITE"))
    assert len([*(site.drop / HIDDEN).iterdir()]) == (1 if killed_at == "upload" else 2)
    assert site.phones() == [2]
    night = other.night()
    assert (night.code, night["a.csv"].loaded, night["a.csv"].rejected) == (0, 2, 2)
    assert sorted(site.leads("vendor_lead_code")) == [("v2",), ("v3",)]
    assert not [*(site.drop / HIDDEN).iterdir()]


def test_a_machine_that_is_killed_at_the_download_goes_on_in_the_same_place(
    site: Site, other: Site
) -> None:
    killed(site, AT_THE_SECOND_BATCH)
    killed(
        other,
        "from jobs.nightly.remote_folder import RemoteStorage\n"
        "RemoteStorage.fetch = lambda *_: wait()\n",
    )
    assert_complete(site, other.night())


def test_a_machine_that_comes_back_inserts_and_moves_nothing(site: Site, other: Site) -> None:
    first = start_and_hold(site, SOON_GONE + AT_THE_SECOND_BATCH)
    os.kill(first.pid, signal.SIGSTOP)
    night = other.night()
    os.kill(first.pid, signal.SIGCONT)
    said, _ = first.communicate("")
    assert "a.csv  by another night  3 loaded" in said
    assert_complete(site, night)


def test_a_machine_that_comes_back_keeps_no_rows_of_what_another_one_completed(
    site: Site, other: Site
) -> None:
    killed(site, AT_THE_SECOND_BATCH)
    here = site.folder / "nightly" / "vendor"
    assert [*here.glob("fetched/a.csv")]
    assert [*here.glob("done/*/a.csv.results/.work/*/accepted-1")]
    # It is not known yet whether another machine goes on with it.
    (site.drop / "a.csv").rename(site.folder / "a.csv")
    site.night()
    assert [*here.glob("done/*/a.csv.results/.work/*/accepted-1")]
    (site.folder / "a.csv").rename(site.drop / "a.csv")
    assert_complete(site, other.night())
    site.night()
    assert not [path for path in here.rglob("*") if path.is_file()]


@pytest.mark.parametrize("where", [BEFORE_THE_MOVE, BEFORE_THE_END])
def test_results_lie_beside_a_file_that_another_machine_moves(
    site: Site, other: Site, where: str
) -> None:
    killed(site, where)
    night = other.night()
    assert night["a.csv"].outcome == ("loaded_before" if where == BEFORE_THE_MOVE else "loaded")
    assert_complete(site, night)


def test_nothing_is_inserted_before_others_could_go_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object) -> None:
        raise NotAllowedError("the disk of the server is full")

    with monkeypatch.context() as patched:
        patched.setattr(RemoteStorage, "put", fail)
        night = site.night()
    assert (night.code, night["a.csv"].outcome, site.phones()) == (77, "left", [])
    assert night["a.csv"].why == (
        "the disk of the server is full; nothing is inserted before other machines could go on "
        "with it"
    )
    sql(site.url, "DELETE FROM leadloader_runs")
    assert_complete(site, site.night())


def test_a_file_whose_checkpoint_cannot_be_deleted_stays_until_it_can(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object) -> None:
        raise NotAllowedError("files cannot be deleted there")

    with monkeypatch.context() as patched:
        patched.setattr(RemoteStorage, "remove", fail)
        night = site.night()
    assert (night.code, night["a.csv"].outcome, night["a.csv"].loaded) == (77, "left", 3)
    assert sql(site.url, "SELECT state, message FROM leadloader_runs") == [("done", "")]
    assert len([*(site.drop / HIDDEN).iterdir()]) == 1
    assert_complete(site, site.night())
    assert not [*(site.drop / HIDDEN).iterdir()]


def test_half_an_upload_counts_for_nothing(site: Site, other: Site) -> None:
    killed(site, WHILE_IT_UPLOADS)
    (part,) = (site.drop / HIDDEN).iterdir()
    assert part.suffix == ".part"
    assert site.phones() == []
    assert_complete(site, other.night())
    assert not [*(site.drop / HIDDEN).iterdir()]


def test_a_checkpoint_that_comes_too_late_does_not_stay(site: Site, other: Site) -> None:
    first = start_and_hold(site, SOON_GONE + WHILE_IT_UPLOADS)
    os.kill(first.pid, signal.SIGSTOP)
    night = other.night()
    os.kill(first.pid, signal.SIGCONT)
    said, errors = first.communicate("")
    assert "a.csv  by another night  3 loaded" in said, errors
    assert_complete(site, night)


def test_what_was_left_by_runs_that_have_ended_goes_with_the_next_file(site: Site) -> None:
    site.night()
    ((run,),) = sql(site.url, "SELECT run FROM leadloader_runs")
    for name in (run, "20200101-000000-of-another-ledger"):
        (site.drop / HIDDEN / f"{name}-{'0' * 32}.zip").touch()
    site.put("b.csv", rows(4))
    site.night()
    assert [path.name[:8] for path in (site.drop / HIDDEN).iterdir()] == ["20200101"]


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_checkpoint_that_somebody_took_or_changed_is_not_used(
    site: Site, other: Site, is_gone: bool
) -> None:
    killed(site, AT_THE_SECOND_BATCH)
    (package,) = (site.drop / HIDDEN).iterdir()
    content = package.read_bytes()
    package.unlink() if is_gone else package.write_bytes(content[::-1])
    night = other.night()
    assert (night.code, night["a.csv"].outcome, len(site.phones())) == (78, "left", 2)
    assert f"/in/{HIDDEN}, put there by " in night["a.csv"].why
    assert not [*(other.folder / "nightly" / "vendor").glob("done/*/*")]
    package.write_bytes(content)
    assert_complete(site, other.night())


def test_a_folder_of_the_same_name_is_another_files(site: Site, other: Site) -> None:
    """A file of the same name was loaded by the other machine before; it is gone since."""
    before = other.night()
    assert before.outcomes == {"a.csv": "loaded"}
    (site.drop / "done" / before.day / "a.csv").unlink()
    results = site.drop / "done" / before.day / "a.csv.results"
    results.rename(site.folder / "kept")
    site.put("a.csv", rows(4, 5, 6))
    killed(site, AT_THE_SECOND_BATCH)
    night = other.night()
    assert (night.code, night["a.csv"].loaded) == (0, 3)
    assert night["a.csv"].moved_to == f"/in/done/{night.day}/a-2.csv"
    assert summary_in(site.drop / "done" / night.day / "a-2.csv.results")["loaded"] == 3
    assert sorted(site.phones()) == [1, 2, 3, 4, 5, 6]

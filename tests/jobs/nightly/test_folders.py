"""Drop folders: which files are taken, and where they go; at addresses by a real FTP server."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.ftp import FTPFileSystem

from jobs.nightly.folders import Found, LocalFolder, Target
from jobs.nightly.remote_folder import RemoteFolder
from jobs.settings import settings as settings_module
from jobs.settings.nightly import Source
from loader.errors import ConfigurationError, NoSuchFileError, NotAllowedError
from loader.remote.file_systems import without_password
from tests.support.ftp_server import ALL, READ, Partner
from tests.support.nights import Night, Site, rows, summary_in

ON_SQLITE = pytest.mark.engines("sqlite")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


def local(folder: Path, **settings: Any) -> LocalFolder:
    return LocalFolder(Source(name="vendor", folder=str(folder), **settings))


@pytest.mark.parametrize(
    ("settings", "taken"),
    [
        ({}, ["a.csv", "b.CSV", "c.txt", "d.csv.gz"]),
        ({"files": "*.csv"}, ["a.csv", "b.CSV"]),
        ({"files": ["*.csv", "*.csv.gz"]}, ["a.csv", "b.CSV", "d.csv.gz"]),
        ({"files": "*.CSV"}, ["a.csv", "b.CSV"]),
        ({"files": "?.[tc][xs][tv]"}, ["a.csv", "b.CSV", "c.txt"]),
        (
            {"files": "*.csv*", "unfinished": "*.GZ"},
            ["a.csv", "b.CSV", "e.csv.part", "f.csv.FILEPART"],
        ),
    ],
    ids=["all", "glob", "globs", "upper", "classes", "unfinished"],
)
def test_which_files_are_taken(tmp_path: Path, settings: dict[str, Any], taken: list[str]) -> None:
    for name in ("a.csv", "b.CSV", "c.txt", "d.csv.gz", "e.csv.part", "f.csv.FILEPART", ".g.csv"):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (1_000_000, 1_000_000))
    (tmp_path / "done").mkdir()
    assert [found.name for found in local(tmp_path, **settings).list_files()] == taken


def test_what_is_not_taken_is_named(tmp_path: Path) -> None:
    for name in ("a.csv", "LEADS.XLSX", "notes", "e.csv.part", ".g.csv", "h.csv~"):
        (tmp_path / name).write_text("x")
    for name in ("done", "failed", "folder.csv", "other"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "linked.csv").symlink_to(tmp_path / "notes")
    found = local(tmp_path, files="*.csv").list_entries()
    assert sorted(file.name for file in found.files) == ["a.csv"]
    assert found.ignored == [
        ("LEADS.XLSX", "no pattern of files matches it"),
        ("folder.csv", "it is a folder"),
        ("link.csv", "it is a link"),
        ("linked.csv", "it is a link"),
        ("notes", "no pattern of files matches it"),
        ("pipe.csv", "it is a pipe"),
    ]
    everything = local(tmp_path, done="other/done", failed=str(tmp_path / "failed"))
    assert [name for name, _ in everything.list_entries().ignored] == [
        "done", "folder.csv", "link.csv", "linked.csv", "pipe.csv",
    ]  # fmt: skip


def test_what_is_not_taken_at_an_address_is_named(tmp_path: Path) -> None:
    files = fsspec.filesystem("memory")
    for name in ("a.csv", "B.CSV", "c.txt", ".d.csv", "e.csv.tmp", "sub.csv/x", "done/f.csv"):
        files.pipe_file(f"/named/in/{name}", rows(1).encode())
    listed = remote(tmp_path, folder="memory://named/in", files="*.csv").list_entries()
    assert [file.name for file in listed.files] == ["a.csv", "B.CSV"]
    assert listed.ignored == [
        ("c.txt", "no pattern of files matches it"), ("sub.csv", "it is a folder"),
    ]  # fmt: skip


def test_the_oldest_is_the_first(tmp_path: Path) -> None:
    for age, name in ((9, "b"), (10, "a"), (100_000_000, "c")):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (age, age))
    assert [found.name for found in local(tmp_path).list_files()] == ["b", "a", "c"]


def test_a_place_is_free_of_files_and_of_results(tmp_path: Path) -> None:
    folder, day = local(tmp_path, failed=str(tmp_path / "bad")), "2026-11-22"
    assert folder.target("failed", day, "a.csv.gz") == Target(
        str(tmp_path / "bad" / day / "a.csv.gz"), tmp_path / "bad" / day / "a.csv.gz.results"
    )
    (tmp_path / "done" / day / "a.csv.gz.results").mkdir(parents=True)
    (tmp_path / "done" / day / "a-2.csv.gz").touch()
    target = folder.target("done", day, "a.csv.gz")
    assert target.file == str(tmp_path / "done" / day / "a-3.csv.gz")
    assert folder.target_of(target.results) == target
    assert folder.target_of(tmp_path / "done" / day / "a-2.csv.gz.results") is None
    assert folder.target_of(tmp_path / "elsewhere" / "a-2.csv.gz.results") is None


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("new")
    target = local(tmp_path).target("done", "2026-11-22", "a.csv")
    Path(target.file).parent.mkdir(parents=True)
    Path(target.file).write_text("old")
    with pytest.raises(NotAllowedError, match=r"cannot be moved to .*File exists"):
        local(tmp_path).move("a.csv", target)
    assert (Path(target.file).read_text(), (tmp_path / "a.csv").read_text()) == ("old", "new")


def test_a_file_goes_to_another_file_system(tmp_path: Path) -> None:
    other = Path("/dev/shm")  # noqa: S108 - what is made there has our name
    if not os.access(other, os.W_OK) or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system to write to")
    away = other / f"leadloader-{os.getpid()}"
    (tmp_path / "a.csv").write_text("x")
    folder = local(tmp_path, done=str(away))
    try:
        folder.move("a.csv", folder.target("done", "2026-11-22", "a.csv"))
        assert [path.name for path in (away / "2026-11-22").iterdir()] == ["a.csv"]
        assert list(tmp_path.iterdir()) == []
    finally:
        for path in sorted(away.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        away.rmdir()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError, match=r"^drop folder .*nowhere: No such file"):
        local(tmp_path / "nowhere").list_files()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("sftp://me:pass@host/in", "sftp://me@host/in"),
        ("ftp://me:p@ss:word@host:2121/in", "ftp://me@host:2121/in"),
        ("sftp://me:a/b@c/d:e@host:22/in", "sftp://me@host:22/in"),
        ("sftp://me@host:22/in@home", "sftp://me@host:22/in@home"),
        ("s3://bucket/in", "s3://bucket/in"),
        ("sftp://me@host/in@home", "sftp://me@host/in@home"),
    ],
)
def test_passwords_are_not_shown(address: str, shown: str) -> None:
    assert without_password(address) == shown


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    partner = Partner(tmp_path / "ftp", ALL)
    yield partner
    partner.close()


@pytest.fixture
def site(tmp_path: Path, database_url: str, partner: Partner) -> Site:
    return Site(tmp_path, database_url)


def remote_night(site: Site, partner: Partner, *flags: str, more: str = "") -> Night:
    """Spend a night whose source is the partner's folder."""
    site.settings(
        f'{more}\nstorage = {{username = "me", password = "$FTP_PASSWORD"}}\nmax_reject_rate = 0.5'
    )
    text = site.config.read_text("utf-8")
    text = text.replace(f'"{site.drop}"', f'"ftp://127.0.0.1:{partner.port}/in"')
    site.config.write_text(text, "utf-8")
    return site.night(*flags)


@ON_SQLITE
def test_a_file_that_is_too_large_is_not_downloaded(
    site: Site, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTP_PASSWORD", "se:cret")
    (partner.drop / "large.csv").write_text(rows(1) + " " * 1_000_000, "utf-8")
    (partner.drop / "new.csv").write_text(rows(2), "utf-8")
    fetched: list[str] = []
    fetch = RemoteFolder.fetch

    def counted(folder: RemoteFolder, found: Found) -> Path:
        fetched.append(found.name)
        return fetch(folder, found)

    monkeypatch.setattr(RemoteFolder, "fetch", counted)
    night = remote_night(site, partner, more="max_file_size = 1")
    assert night.outcomes == {"large.csv": "failed", "new.csv": "loaded"}
    assert "larger than the 1 MB that max_file_size allows" in night["large.csv"].why
    assert (fetched, site.phones()) == (["new.csv"], [2])


@ON_SQLITE
def test_files_come_by_ftp_and_go_where_they_belong(
    site: Site, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTP_PASSWORD", "se:cret")
    for age, (name, text) in enumerate(
        {"new.csv": rows(2), "bad.csv": rows(-1), "old.csv": rows(1, -2), "x.part": "x"}.items()
    ):
        (partner.drop / name).write_text(text, "utf-8")
        os.utime(partner.drop / name, (1_700_000_000 - age * 100,) * 2)
    night = remote_night(site, partner)
    assert night.code == 65
    assert night.outcomes == {"old.csv": "loaded", "bad.csv": "failed", "new.csv": "loaded"}
    assert list(night.outcomes) == ["old.csv", "bad.csv", "new.csv"]
    assert site.phones() == [1, 2]
    day = night.day
    assert site.files("ftp/in") == [
        f"done/{day}/new.csv",
        f"done/{day}/old.csv",
        f"failed/{day}/bad.csv",
        f"failed/{day}/bad.csv.results/error.txt",
        "x.part",
    ]
    assert (partner.drop / "done" / day / "old.csv").read_text("utf-8") == rows(1, -2)
    # The results are here, and a copy of them there.
    here, there = Path(str(night["old.csv"].results)), partner.drop / "done" / day
    assert summary_in(there / "old.csv.results") == summary_in(here)
    assert here.is_relative_to(site.folder / "nightly" / "vendor" / "done" / day)
    rejected = (partner.drop / "failed" / day / "bad.csv.results" / "rejected.csv").read_text()
    assert "INVALID_PHONE_NUMBER_LENGTH" in rejected
    # No person's data stays where it was fetched to.
    assert list((site.folder / "nightly" / "vendor" / "fetched").iterdir()) == []
    assert "se:cret" not in night.report.model_dump_json()
    (partner.drop / "old.csv").write_text(rows(1, -2), "utf-8")
    again = remote_night(site, partner)
    assert again.outcomes == {"old.csv": "loaded_before"}
    assert again["old.csv"].moved_to == f"/in/done/{day}/old-2.csv"


@ON_SQLITE
def test_a_kill_before_the_move_at_an_address(
    site: Site, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTP_PASSWORD", "se:cret")
    (partner.drop / "a.csv").write_text(rows(1), "utf-8")

    def broken(*_given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RemoteFolder, "move", broken)
        assert remote_night(site, partner).code == 130
    assert site.phones() == [1]
    night = remote_night(site, partner)
    assert night.outcomes == {"a.csv": "loaded_before"}
    assert night["a.csv"].moved_to == f"/in/done/{night.day}/a.csv"
    assert summary_in(partner.drop / "done" / night.day / "a.csv.results")["loaded"] == 1


@ON_SQLITE
def test_an_odd_name_at_an_address_keeps_no_other_file_away(
    site: Site, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTP_PASSWORD", "se:cret")
    for number, name in enumerate(("a.csv", os.fsdecode(b"caf\xe9.csv"), "z.csv"), 1):
        (partner.drop / name).write_text(rows(number), "utf-8")
    for name in ("b\nc.csv", "d\re\n.csv", "k.csv\n"):
        (partner.drop / name).write_text(rows(9), "utf-8")
    # Names beside the drop folder are listed to see whether it is there.
    (partner.drop.parent / os.fsdecode(b"\xff\n")).touch()
    for expected in ({"a.csv", "caf\\xe9.csv", "z.csv"}, set()):
        night = remote_night(site, partner)
        assert (night.code, {*night.outcomes}) == (0, expected)
        [source] = night.report.sources
        assert {entry.file for entry in source.ignored} == {"b\n", "d\n", "k.csv\n"}
        assert all("a line break" in entry.why for entry in source.ignored)
    assert sorted(site.phones()) == [1, 2, 3]
    assert (partner.drop / "done" / night.day / os.fsdecode(b"caf\xe9.csv")).exists()


@ON_SQLITE
def test_an_address_that_can_only_be_read(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTP_PASSWORD", "se:cret")
    partner = Partner(tmp_path / "read", READ)
    (partner.drop / "a.csv").write_text(rows(1), "utf-8")
    try:
        dry = remote_night(site, partner, "--dry-run")
        night = remote_night(site, partner)
    finally:
        partner.close()
    assert (dry.code, dry["a.csv"].loaded) == (0, 1)
    assert (night.code, night.report.files, site.phones()) == (77, [], [])
    assert "nough privileges" in night.report.sources[0].problem


def remote(tmp_path: Path, **settings: Any) -> RemoteFolder:
    return RemoteFolder(Source(name="vendor", **settings), tmp_path / "nightly")


def test_what_is_wrong_with_an_address(
    tmp_path: Path, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoSuchFileError, match="530"):
        remote(tmp_path, **partner.settings("wrong")).list_files()
    elsewhere = {"folder": f"ftp://127.0.0.1:{partner.port}/nowhere"}
    with pytest.raises(NoSuchFileError, match="/nowhere"):
        remote(tmp_path, **(partner.settings() | elsewhere)).list_files()
    with pytest.raises(ConfigurationError, match="environment has no such variable"):
        remote(tmp_path, **partner.settings("$NOT_SET")).list_files()
    with pytest.raises(ConfigurationError, match="nonsense"):
        remote(tmp_path, folder="nonsense://host/in").list_files()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = nobody.getsockname()[1]
        with pytest.raises(NoSuchFileError, match="Connection refused"):
            remote(tmp_path, folder=f"ftp://127.0.0.1:{closed}/in").list_files()
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ConfigurationError, match=r"needs s3fs, .* 's3fs>="):
        remote(tmp_path, folder="s3://bucket/in").list_files()
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ConfigurationError, match=r"needs fsspec.core, .* 'paramiko>=4'"):
        remote(tmp_path, **partner.settings()).list_files()


def test_a_store_that_has_no_folders(tmp_path: Path) -> None:
    files = fsspec.filesystem("memory")
    files.pipe_file("/bucket/in/a.csv", rows(1).encode())
    folder = remote(tmp_path, folder="memory://bucket/in")
    (found,) = folder.list_files()
    folder.prove_writable()
    assert folder.fetch(found).read_text("utf-8") == rows(1)
    target = folder.target("failed", "2026-11-22", "a.csv")
    folder.move("a.csv", target)
    assert files.find("/bucket") == ["/bucket/in/failed/2026-11-22/a.csv"]
    assert folder.target("failed", "2026-11-22", "a.csv").file.endswith("/a-2.csv")
    assert (folder.list_files(), folder.find("a.csv")) == ([], None)
    (tmp_path / "package").write_text("all of it", "utf-8")
    assert folder.storage.names() == []
    for _ in range(2):
        folder.storage.put(tmp_path / "package", "run-1.zip")
    assert folder.storage.names() == ["run-1.zip"]
    assert folder.storage.fetch("run-1.zip", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_text("utf-8") == "all of it"
    folder.storage.remove(["run-1.zip", "run-2.zip"])
    assert not folder.storage.fetch("run-1.zip", tmp_path / "fetched")


def test_nothing_is_overwritten_at_an_address(tmp_path: Path, partner: Partner) -> None:
    folder = remote(tmp_path, **partner.settings())
    (partner.drop / "a.csv").write_text("new")
    target = folder.target("done", "2026-11-22", "a.csv")
    there = partner.drop / "done" / "2026-11-22" / "a.csv"
    there.parent.mkdir(parents=True)
    there.write_text("old")
    with pytest.raises(NotAllowedError, match=r"cannot be moved to .*: there is a file already"):
        folder.move("a.csv", target)
    assert (there.read_text(), (partner.drop / "a.csv").read_text()) == ("old", "new")


def test_another_machine_makes_the_folders_at_the_same_moment(
    tmp_path: Path, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = FTPFileSystem.mkdir

    def too_late(files: FTPFileSystem, path: str, **more: Any) -> None:
        (partner.drop / Path(path).relative_to("/in")).mkdir()
        mkdir(files, path, **more)

    monkeypatch.setattr(FTPFileSystem, "mkdir", too_late)
    remote(tmp_path, **partner.settings()).prove_writable()
    assert {path.name for path in partner.drop.iterdir()} == {"done", "failed"}


def test_half_a_file_is_not_taken_for_a_whole_one(tmp_path: Path, partner: Partner) -> None:
    (partner.drop / "a.csv").write_text(rows(1), "utf-8")
    folder = remote(tmp_path, **partner.settings())
    (found,) = folder.list_files()
    with (partner.drop / "a.csv").open("a") as file:
        file.write("more")
    with pytest.raises(NoSuchFileError, match=r"a\.csv was not downloaded completely"):
        folder.fetch(found)
    assert list((tmp_path / "nightly" / "vendor" / "fetched").iterdir()) == []


def test_a_server_that_hangs_up(tmp_path: Path, partner: Partner) -> None:
    (partner.drop / "a.csv").write_text(rows(1), "utf-8")
    folder = remote(tmp_path, **partner.settings())
    (found,) = folder.list_files()
    partner.close()
    with pytest.raises(NoSuchFileError, match="Connection refused"):
        folder.fetch(found)

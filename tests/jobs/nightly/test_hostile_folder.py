"""What somebody who may write into a drop folder, and nowhere else, can put there.

One file's trouble stays that file's, it is told with its own exit code, and no night takes it for a
bug of ours.
"""

import io
import json
import os
import socket
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.load.check import CheckStage
from jobs.nightly import files as nightly_files
from loader.files import open_regular
from tests.support.nights import Site, rows
from tests.support.workbooks import zipped

pytestmark = pytest.mark.engines("sqlite")

BUG = 70


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Site:
    return Site(tmp_path, database_url)


def encrypted() -> bytes:
    content = bytearray(zipped({"a.csv": rows(1)}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    return bytes(content)


def of_method(method: int) -> bytes:
    content = bytearray(zipped({"a.csv": rows(1)}))
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = content.index(mark) + at
        content[place : place + 2] = struct.pack("<H", method)
    return bytes(content)


def many_members() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(3000):
            archive.writestr(f"{number}.csv", b"")
    return file.getvalue()


FAILING = {
    "encrypted.zip": (encrypted(), "has a password"),
    "method.zip": (of_method(99), "compression"),
    "two.zip": (zipped({"a.csv": "x", "b.csv": "y"}), "2 members"),
    "many.zip": (many_members(), "3000 members"),
    "none.zip": (zipped({}), "0 members"),
    "nested.zip": (zipped({"a.zip": "PK\x03\x04"}), "packed twice"),
    "cut.zip": (zipped({"a.csv": rows(1)})[:-30], "damaged"),
    "empty.gz": (b"\x1f\x8b", "damaged"),
    "nothing.csv": (b"\n" * 100, "blank"),
    "nul.csv": (b"\0" * 100, "NUL"),
    "wide.csv": (b"phone_number" + b",c" * 2000 + b"\n", "max_columns"),
}  # fmt: skip


def test_odd_files_fail_by_themselves(site: Site) -> None:
    for name, (content, _) in FAILING.items():
        site.put(name, content)
    site.put("up.zip", zipped({"../../up.csv": rows(1)}))
    site.put("root.zip", zipped({"/etc/root.csv": rows(2)}))
    site.put("good.csv", rows(3))
    night = site.night()
    assert night.code == 65
    for name, (_, why) in FAILING.items():
        assert (night[name].outcome, night[name].exit_code) == ("failed", 65), night[name]
        assert why in night[name].why
    assert sorted(site.phones()) == [1, 2, 3]
    assert not list(site.folder.rglob("up.csv"))
    assert not Path("/etc/root.csv").exists()
    again = site.night()
    assert (again.code, again.report.files) == (0, [])


def test_what_is_no_file_is_not_read(site: Site) -> None:
    secret = site.folder / "secret.csv"
    secret.write_text(rows(9))
    secret.chmod(0o600)
    (site.drop / "folder.csv").mkdir()
    (site.drop / "pipe.csv").touch()
    (site.drop / "pipe.csv").unlink()
    os.mkfifo(site.drop / "pipe.csv")
    os.link(secret, site.drop / "hard.csv")
    (site.drop / "soft.csv").symlink_to(secret)
    (site.drop / "loop.csv").symlink_to("loop.csv")
    with socket.socket(socket.AF_UNIX) as sock:
        here = Path.cwd()
        os.chdir(site.drop)  # the path of a socket is short
        sock.bind("socket.csv")
        os.chdir(here)
    if os.geteuid() == 0:
        os.mknod(site.drop / "zero.csv", 0o20644, os.makedev(1, 5))
    site.put("good.csv", rows(1))
    for expected in ([1], [1]):
        night = site.night()
        assert (night.code, site.phones()) == (0, expected)
    ignored = {entry.file: entry.why for entry in night.report.sources[0].ignored}
    assert ignored.pop("zero.csv", "it is a device") == "it is a device"
    assert ignored == {
        "folder.csv": "it is a folder", "pipe.csv": "it is a pipe", "socket.csv": "it is a socket",
        "soft.csv": "it is a link", "loop.csv": "it is a link", "hard.csv": "it is a hard link",
    }  # fmt: skip


def by_link(path: Path, secret: Path) -> None:
    path.unlink()
    path.symlink_to(secret)


def by_hard_link(path: Path, secret: Path) -> None:
    path.unlink()
    os.link(secret, path)


def by_pipe(path: Path, _secret: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def by_folder(path: Path, _secret: Path) -> None:
    path.unlink()
    path.mkdir()


def by_nothing(path: Path, _secret: Path) -> None:
    path.unlink()


def cut(path: Path, _secret: Path) -> None:
    os.truncate(path, 30)


def longer(path: Path, _secret: Path) -> None:
    with path.open("ab") as file:
        file.write(b"7275559999,Eve,v\n")


REPLACED = [by_link, by_hard_link, by_pipe, by_folder, by_nothing, cut, longer]


@pytest.mark.sample(2)
@pytest.mark.parametrize("replace", REPLACED)
@pytest.mark.parametrize("moment", ["before it is opened", "before it is moved"])
def test_a_file_is_replaced_in_between(
    site: Site, monkeypatch: pytest.MonkeyPatch, replace: Callable[[Path, Path], None], moment: str
) -> None:
    secret = site.folder / "secret.csv"
    secret.write_text(rows(8).replace("Ann", "s3cret"))
    path = site.put("a.csv", rows(1))
    site.put("b.csv", rows(2))
    load = nightly_files.load

    def replaced(request: object) -> object:
        if "a.csv" not in str(request.source):  # type: ignore[attr-defined]
            return load(request)  # type: ignore[arg-type]
        if moment == "before it is opened":
            replace(path, secret)
            return load(request)  # type: ignore[arg-type]
        summary = load(request)  # type: ignore[arg-type]
        replace(path, secret)
        return summary

    monkeypatch.setattr(nightly_files, "load", replaced)
    night = site.night()
    assert night["a.csv"].exit_code in {65, 66}, night["a.csv"]
    assert night["a.csv"].outcome == "left"
    assert night["b.csv"].outcome == "loaded"
    assert 8 not in site.phones()
    monkeypatch.undo()
    again = site.night()
    assert again.code != BUG
    assert all(file.exit_code != BUG for file in again.report.files)
    assert 8 not in site.phones()
    for made in site.drop.rglob("*"):
        inside = made.is_file() and not made.is_symlink() and made.stat().st_nlink == 1
        assert not inside or b"s3cret" not in made.read_bytes(), made


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", ["folder", "file", "link"])
@pytest.mark.parametrize("where", ["a.csv", "a.csv.results", "a.csv.results/rejected.csv"])
def test_the_place_of_the_results_is_taken(site: Site, where: str, kind: str) -> None:
    day = site.night().day
    for below in ("done", "failed"):
        place = site.drop / below / day / where
        place.parent.mkdir(parents=True)
        if kind == "folder":
            place.mkdir()
        elif kind == "file":
            place.write_text("theirs")
        else:
            place.symlink_to(site.folder / "nowhere")
    site.put("a.csv", rows(1))
    site.put("b.csv", "no header\n")
    site.put("c.csv", rows(2))
    night = site.night()
    assert night.outcomes == {"a.csv": "loaded", "b.csv": "failed", "c.csv": "loaded"}
    assert (night.code, site.phones()) == (65, [1, 2])
    assert not (site.folder / "nowhere").exists()
    assert kind != "file" or place.read_text() == "theirs"
    assert site.night().report.files == []


@pytest.mark.parametrize("where", ["a.csv.results", "a.csv.results/rejected.csv"])
def test_a_link_is_not_taken_for_incomplete_results(site: Site, where: str) -> None:
    """A killed night leaves results that the next one completes; so looks what a vendor made."""
    site.settings("max_reject_rate = 0.1")
    place = site.drop / "failed" / site.night().day / where
    place.parent.mkdir(parents=True)
    theirs = site.folder / "theirs"
    if place.suffix == ".results":
        theirs.mkdir()
    else:
        theirs.write_text("secret")
    place.symlink_to(theirs)
    site.put("a.csv", rows(1, -1))
    assert site.night()["a.csv"].moved_to.endswith("/a-2.csv")
    assert place.is_symlink()
    assert list(theirs.iterdir()) == [] if theirs.is_dir() else theirs.read_text() == "secret"


def test_a_day_that_is_no_folder(site: Site) -> None:
    day = site.night().day
    for below in ("done", "failed"):
        (site.drop / below).mkdir(exist_ok=True)
        (site.drop / below / day).touch()
    site.put("a.csv", rows(1))
    site.put("b.csv", "no header\n")
    night = site.night()
    assert {file.exit_code for file in night.report.files} == {77}
    assert {file.outcome for file in night.report.files} == {"left"}
    assert site.phones() == []


def test_names_of_every_kind(site: Site) -> None:
    names = [
        os.fsdecode(b"caf\xe9.csv"), "x" * 251 + ".csv", "é" * 125 + ".csv", "-rf.csv", " .csv",
        "a\nb.csv", "a'b\".csv", "%s{0}.csv", "*.csv", "\x1b[31m.csv", "~.csv", "CON.csv",
    ]  # fmt: skip
    for number, name in enumerate(names, 1):
        site.put(name, rows(number))
    site.put("y" * 255, "no header\n")
    night = site.night()
    assert night.code == 65
    assert sorted(site.phones()) == list(range(1, len(names) + 1))
    assert site.night().report.files == []


def test_a_hard_link_is_only_read_where_links_are(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x")
    os.link(path, tmp_path / "b.csv")
    with open_regular(tmp_path / "b.csv") as file:
        assert file.read() == b"x"
    with pytest.raises(OSError, match="it is a hard link"):
        open_regular(tmp_path / "b.csv", follow_links=False)


@pytest.mark.parametrize("where", ["day", "results"])
def test_a_link_to_another_summary_is_not_compared_with(site: Site, where: str) -> None:
    site.put("b.csv", rows(1))
    day = site.night().day
    theirs = site.folder / "theirs"
    (site.drop / "done" / day).rename(theirs)
    (site.drop / "done").joinpath("9999").symlink_to(theirs)
    if where == "results":
        (site.drop / "done" / "9999").unlink()
        (site.drop / "done" / "9999").mkdir()
        link = site.drop / "done" / "9999" / "b.csv.results"
        link.symlink_to(theirs / "b.csv.results")
    site.put("a.csv", rows(2))
    night = site.night()
    assert night.outcomes == {"a.csv": "loaded"}
    summary = json.loads((Path(str(night["a.csv"].results)) / "summary.json").read_text("utf-8"))
    assert summary["comparison"] is None


@pytest.mark.parametrize(
    "content",
    ["[" * 200_000, '{"file": {"sha256": ' + "9" * 5000 + "}}", '{"file": []}'],
    ids=["deep", "long number", "no sha256"],
)
def test_odd_results_of_a_file_are_not_its_own(site: Site, content: str) -> None:
    site.settings("max_reject_rate = 0.1")
    place = site.drop / "failed" / site.night().day / "a.csv.results"
    place.mkdir(parents=True)
    (place / "summary.json").write_text(content)
    site.put("a.csv", rows(1, -1))
    night = site.night()
    assert night["a.csv"].exit_code != BUG
    assert night["a.csv"].moved_to.endswith("/a-2.csv")
    assert (place / "summary.json").read_text() == content


def test_the_results_of_a_refused_file_do_not_follow_a_link(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder was the file's own when its place was found; it is a link when it is written."""
    site.settings("max_reject_rate = 0.1")
    place = site.drop / "failed" / site.night().day / "a.csv.results"
    place.mkdir(parents=True)
    theirs = site.folder / "theirs"
    theirs.mkdir()
    check = CheckStage.check

    def swapped(self: CheckStage) -> None:
        check(self)
        place.rmdir()
        place.symlink_to(theirs)

    monkeypatch.setattr(CheckStage, "check", swapped)
    site.put("a.csv", rows(1, -1))
    night = site.night()
    assert night["a.csv"].exit_code not in {0, BUG}
    assert list(theirs.iterdir()) == []

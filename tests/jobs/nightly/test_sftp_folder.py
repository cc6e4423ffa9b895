"""Files come by sftp, from a server whose key ssh knows and from no other."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from jobs.nightly.remote_folder import HIDDEN, RemoteFolder
from jobs.settings.nightly import Source
from loader.errors import NoSuchFileError
from loader.remote import file_systems
from tests.support import sftp_server
from tests.support.nights import rows
from tests.support.sftp_server import PASSWORD, USER, SftpPartner


@pytest.fixture
def partner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SftpPartner]:
    partner = SftpPartner(tmp_path / "sftp")
    known = tmp_path / "known_hosts"
    known.write_text(partner.known_hosts, "utf-8")
    monkeypatch.setattr(file_systems, "KNOWN_HOSTS", (tmp_path / "none", known))
    yield partner
    partner.close()


def folder_of(partner: SftpPartner, here: Path, **storage: Any) -> RemoteFolder:
    source = Source(
        name="vendor",
        folder=f"sftp://{USER}@127.0.0.1:{partner.port}/in",
        storage={"password": PASSWORD, "look_for_keys": False, "allow_agent": False, **storage},
    )
    return RemoteFolder(source, here)


def test_a_file_comes_and_goes(partner: SftpPartner, tmp_path: Path) -> None:
    (partner.drop / "a.csv").write_text(rows(1), "utf-8")
    folder = folder_of(partner, tmp_path / "here")
    (found,) = folder.list_files()
    assert (found.name, found.size, folder.find("a.csv")) == ("a.csv", len(rows(1)), found)
    folder.prove_writable()
    assert folder.fetch(found).read_text("utf-8") == rows(1)
    target = folder.target("done", "2026-11-22", "a.csv")
    target.results.mkdir(parents=True)
    (target.results / "summary.json").write_text("{}", "utf-8")
    folder.move("a.csv", target)
    there = sorted(p.relative_to(partner.drop) for p in partner.drop.rglob("*") if p.is_file())
    assert list(map(str, there)) == [
        "done/2026-11-22/a.csv", "done/2026-11-22/a.csv.results/summary.json"
    ]  # fmt: skip
    assert folder.target("done", "2026-11-22", "a.csv").file.endswith("/a-2.csv")
    assert folder.list_files() == []


def test_what_other_machines_need_is_there_whole_or_not_at_all(
    partner: SftpPartner, tmp_path: Path
) -> None:
    storage = folder_of(partner, tmp_path / "here").storage
    package = tmp_path / "package"
    package.write_text("all of it", "utf-8")
    assert storage.names() == []
    storage.remove(["a-1"])
    assert not storage.fetch("a-1", tmp_path / "fetched")
    for _ in range(2):
        storage.put(package, "a-1")
    (partner.drop / HIDDEN / "a-2.0123abcd.part").write_text("a part", "utf-8")
    (partner.drop / HIDDEN / "b-1").write_text("another one's", "utf-8")
    assert storage.fetch("a-1", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_text("utf-8") == "all of it"
    results = tmp_path / "here" / "vendor" / "done" / "2026-11-22" / "a.csv.results"
    results.mkdir(parents=True)
    (results / "summary.json").write_text("{}", "utf-8")
    there = partner.drop / "done" / "2026-11-22" / "a.csv.results"
    there.mkdir(parents=True)
    (there / "summary.json.0123abcd.part").write_text("{", "utf-8")
    for _ in range(2):
        storage.put_results(results)
    storage.put_results(tmp_path / "results" / "20261122-of-an-import-by-hand")
    assert [path.name for path in there.iterdir()] == ["summary.json"]
    assert [path.name for path in (partner.drop / "done").iterdir()] == ["2026-11-22"]
    assert sorted(storage.names()) == ["a-1", "a-2.0123abcd.part", "b-1"]
    storage.remove(["a-1", "a-2.0123abcd.part"])
    assert storage.names() == ["b-1"]


def test_names_of_any_bytes(partner: SftpPartner, tmp_path: Path) -> None:
    names = ["a.csv", os.fsdecode(b"caf\xe9.csv"), "new\nline.csv", "é.csv"]
    for name in names:
        (partner.drop / name).write_text(rows(1), "utf-8")
    folder = folder_of(partner, tmp_path / "here")
    assert sorted(found.name for found in folder.list_files()) == sorted(names)
    for found in folder.list_files():
        assert folder.fetch(found).read_text("utf-8") == rows(1)
        folder.move(found.name, folder.target("done", "2026-11-22", found.name))
        folder.forget(found.name)
    assert folder.list_files() == []
    assert {file.name for file in (partner.drop / "done" / "2026-11-22").iterdir()} == {*names}


def test_a_name_that_no_file_here_can_have(
    partner: SftpPartner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(_files: Any, _path: str) -> Any:
        status = (tmp_path / "known_hosts").stat()
        return [paramiko.SFTPAttributes.from_stat(status, name) for name in ("b.csv\0", "a.csv")]

    monkeypatch.setattr(sftp_server._Files, "list_folder", listed)
    entries = folder_of(partner, tmp_path / "here").list_entries()
    assert [found.name for found in entries.files] == ["a.csv"]
    assert entries.ignored == [("b.csv\0", "its name has a NUL character; rename it")]


def test_an_unknown_key_is_refused(partner: SftpPartner, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("", "utf-8")
    with pytest.raises(NoSuchFileError, match=r"the key of \[127.0.0.1\]:\d+ is not in"):
        folder_of(partner, tmp_path).list_files()
    # Who wants that can have it.
    assert folder_of(partner, tmp_path, host_key_policy="auto_add").list_files() == []


def test_another_key_is_refused(partner: SftpPartner, tmp_path: Path) -> None:
    other = SftpPartner(tmp_path / "other")
    line = other.known_hosts.replace(f":{other.port}", f":{partner.port}")
    other.close()
    (tmp_path / "known_hosts").write_text(line, "utf-8")
    with pytest.raises(NoSuchFileError, match="is not in"):
        folder_of(partner, tmp_path).list_files()


def test_a_wrong_password(partner: SftpPartner, tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError, match="Authentication failed") as raised:
        folder_of(partner, tmp_path, password="wrong").list_files()  # noqa: S106 - of the tests
    assert "wrong" not in str(raised.value)

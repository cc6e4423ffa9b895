"""The folder that machines of a cluster share: at a path and at addresses, and what may fail."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.load import shared_folder
from jobs.load.exchange import Exchange
from jobs.load.phases import Phases
from jobs.load.shared_folder import SharedFolder, SharedFolderError
from loader.errors import ConfigurationError
from loader.remote import file_systems
from tests.support import ftp_server, sftp_server
from tests.support.loads import Loads
from tests.support.phases import in_one_process
from tests.support.screening import results_of

ROWS = [{"phone_number": f"727555{number % 10:04}"} for number in range(16)]
LONG_AGO = "run-20200101-000000-0123456789abcdef"


@pytest.fixture(params=["path", "sftp", "ftp"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Path]]:
    """Give a place, and where its files are."""
    if request.param == "path":
        (tmp_path / "shared").mkdir()
        yield str(tmp_path / "shared"), tmp_path / "shared"
    elif request.param == "sftp":
        partner = sftp_server.SftpPartner(tmp_path / "server")
        known = tmp_path / "known_hosts"
        known.write_text(partner.known_hosts, "utf-8")
        monkeypatch.setattr(file_systems, "KNOWN_HOSTS", (known,))
        account = f"{sftp_server.USER}:{sftp_server.PASSWORD}"
        yield f"sftp://{account}@127.0.0.1:{partner.port}/in", partner.drop
        partner.close()
    else:
        server = ftp_server.Partner(tmp_path / "server", ftp_server.ALL)
        yield f"ftp://me:{ftp_server.PASSWORD}@127.0.0.1:{server.port}/in", server.drop
        server.close()


def named(folder: Path) -> SharedFolder:
    folder.mkdir(exist_ok=True)
    return SharedFolder.make(str(folder), is_named=True)


def test_what_is_written_is_read(place: tuple[str, Path]) -> None:
    where, files = place
    folder = SharedFolder.make(where, is_named=True)
    for content in (b"before", b"some text"):
        folder.write("a.keys", content)
    assert folder.is_seen()
    assert folder.read("a.keys") == b"some text"
    with folder.open("a.keys") as file:
        reader = pa.PythonFile(file) if not isinstance(file, pa.NativeFile) else file
        reader.seek(2)
        assert len(reader.read(3)) == 3
    assert sorted(path.name for path in (files / folder.run).iterdir()) == ["a.keys", "seen"]
    folder.remove()
    assert not [*files.iterdir()]


def test_results_are_the_same_by_way_of_any_place(place: tuple[str, Path], tmp_path: Path) -> None:
    where, files = place
    loads = Loads(tmp_path)
    path = loads.file(ROWS)
    options = {"duplicate_check": "DUPSYS-DUPNAMEPHONESYS"}
    alone = loads.load(path, None, "validate", workers=1, **options)
    with in_one_process(tmp_path):
        shared = loads.load(
            path, None, "validate", engine="dask", shared_folder=where, chunk_size=3, **options
        )
    assert results_of(shared.folder) == results_of(alone.folder)
    assert not [*files.iterdir()]
    assert "se:cret" not in (shared.folder / "summary.json").read_text("utf-8")


def test_a_place_that_is_not_there_is_no_folder_to_make(tmp_path: Path) -> None:
    with pytest.raises(SharedFolderError, match="No such file or directory; nothing was inserted"):
        SharedFolder.make(str(tmp_path / "none"), is_named=True)
    SharedFolder.make(str(tmp_path / "none"), is_named=False)
    assert (tmp_path / "none").stat().st_mode & 0o777 == 0o700


def test_who_has_another_folder_of_the_same_path_does_not_see_it(tmp_path: Path) -> None:
    folder = named(tmp_path / "shared")
    (tmp_path / "shared" / folder.run / "seen").unlink()
    with pytest.raises(SharedFolderError, match="a machine of the cluster does not see it"):
        folder.is_seen()
    other = SharedFolder.make(str(tmp_path / "shared"), is_named=False)
    (tmp_path / "shared" / other.run / "seen").unlink()
    assert not other.is_seen()


def test_passwords_are_not_told(tmp_path: Path) -> None:
    with pytest.raises(SharedFolderError) as raised:
        SharedFolder.make("ftp://me:se:cret@127.0.0.1:9/in", is_named=True)
    assert "shared folder ftp://me@127.0.0.1:9/in: " in str(raised.value)
    assert not any("se:cret" in str(each) for each in raised.value.args)
    folder = SharedFolder("ftp://me:se:cret@host/in", "run-1", is_named=True)
    assert "se:cret" not in f"{folder!r} {Exchange.of(folder, 1)!r}"


def test_the_library_of_an_address_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    says = "shared folder s3://bucket/folder needs s3fs, which is not installed"
    with pytest.raises(ConfigurationError, match=says):
        SharedFolder.make("s3://bucket/folder", is_named=True)


def test_an_address_of_no_known_kind(tmp_path: Path) -> None:
    with pytest.raises(SharedFolderError, match="Protocol not known: nfs4"):
        SharedFolder.make("nfs4://host/folder", is_named=True)


def test_what_ended_runs_have_left_goes(tmp_path: Path) -> None:
    alive = named(tmp_path)
    program = (
        "import sys; from jobs.load.shared_folder import SharedFolder; "
        "folder = SharedFolder.make(sys.argv[1], is_named=True); print(folder.run); "
        "import os; sys.stdout.flush(); os._exit(9)"
    )
    made = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (tmp_path / made.stdout.strip() / "seen").exists()
    (tmp_path / LONG_AGO).mkdir()
    (tmp_path / "other").mkdir()
    mine = named(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {alive.run, mine.run, "other"}


def test_at_an_address_what_is_a_week_old_goes(tmp_path: Path) -> None:
    server = ftp_server.Partner(tmp_path / "server", ftp_server.ALL)
    today = f"run-{datetime.now(UTC):%Y%m%d-%H%M%S}-0123456789abcdef"
    for name in (LONG_AGO, today, "run-of-somebody"):
        (server.drop / name).mkdir()
    address = f"ftp://me:{ftp_server.PASSWORD}@127.0.0.1:{server.port}/in"
    folder = SharedFolder.make(address, is_named=True)
    assert {path.name for path in server.drop.iterdir()} == {today, "run-of-somebody", folder.run}
    server.close()


def test_a_full_folder_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def full(path: Any, *arguments: Any, **more: Any) -> int:
        if ".keys." in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return opened(path, *arguments, **more)

    monkeypatch.setattr(shared_folder.os, "open", full)
    _refuses(tmp_path, "No space left on device; nothing was inserted")
    monkeypatch.undo()


def test_a_folder_that_vanishes_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = Phases.find_meeting_rows

    def vanish(self: Phases, workers: Any) -> None:
        self._exchange.folder.remove()
        find(self, workers)

    monkeypatch.setattr(Phases, "find_meeting_rows", vanish)
    _refuses(tmp_path, "No such file or directory|No such file")


def test_a_result_that_somebody_else_left_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = Phases.find_meeting_rows

    def exchange(self: Phases, workers: Any) -> None:
        find(self, workers)
        folder = self._exchange.folder
        folder.write("00000000.result", folder.read("00000001.result"))

    monkeypatch.setattr(Phases, "find_meeting_rows", exchange)
    _refuses(tmp_path, "00000000.result is not as a worker left it")


def test_keys_that_are_damaged_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = Phases.find_meeting_rows

    def cut(self: Phases, workers: Any) -> None:
        folder = self._exchange.folder
        folder.write("00000000.keys", folder.read("00000000.keys")[:-9])
        find(self, workers)

    monkeypatch.setattr(Phases, "find_meeting_rows", cut)
    _refuses(tmp_path, "nothing was inserted. Correct that")


@pytest.mark.parametrize("phase", ["leave", "rows_that_meet", "result"])
def test_what_is_interrupted_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    def interrupt(*_arguments: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Exchange, phase, interrupt)
    loads = Loads(tmp_path)
    with in_one_process(tmp_path), pytest.raises(KeyboardInterrupt):
        loads.load(ROWS, None, "validate", engine="dask", chunk_size=3, duplicate_check="DUPSYS")
    assert not [*tmp_path.rglob("run-*")]
    assert not loads.results.exists()


def _refuses(folder: Path, match: str) -> None:
    loads = Loads(folder)
    options = {"engine": "dask", "chunk_size": 3, "duplicate_check": "DUPSYS"}
    with in_one_process(folder), pytest.raises(SharedFolderError, match=match) as raised:
        loads.load(ROWS, None, "validate", **options)
    assert raised.value.exit_code == 74
    assert not [*folder.rglob("run-*")]
    assert not loads.results.exists()

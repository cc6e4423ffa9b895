"""Checks on a real Dask cluster: the same results; lost workers and schedulers."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dask import config
from distributed import versions
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from jobs.cli.main import run
from jobs.load import exchange, finished_blocks, screening
from jobs.load.on_cluster import OnCluster
from jobs.load.phases import Phases
from jobs.load.shared_folder import SharedFolder, SharedFolderError
from loader.database.connection import Database
from loader.engines import dask as dask_engine
from loader.engines.dask import ClusterError
from loader.errors import ConfigurationError, LoaderError
from loader.options.load import LoadOptions
from loader.reading.blocks import BlockReader, FileBlock
from tests.support.loads import Loads
from tests.support.screening import OPTIONS, ROW, results_of

pytestmark = pytest.mark.filterwarnings("default")

NUMBERS = [f"727555{number:04}" for number in range(40)]


@dataclass
class Started:
    """A scheduler and its workers, as an administrator starts them."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]
    folder: Path

    def add_worker(self) -> "subprocess.Popen[bytes]":
        arguments = ["--no-dashboard", "--nthreads", "1", "--local-directory", str(self.folder)]
        worker = dask("worker", self.address, *arguments, "--no-nanny")
        self.workers.append(worker)
        return worker

    def end(self) -> None:
        for each in (*self.workers, self.scheduler):
            each.kill()
            each.wait()


def dask(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def start(folder: Path, workers: int) -> Started:
    file = folder / "scheduler.json"
    scheduler = dask(
        "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
        "--scheduler-file", str(file),
    )  # fmt: skip
    end = time.monotonic() + 60
    while not (file.exists() and file.stat().st_size):
        assert time.monotonic() < end
        time.sleep(0.05)
    address = json.loads(file.read_text("utf-8"))["address"]
    started = Started(address, scheduler, [], folder)
    for _ in range(workers):
        started.add_worker()
    return started


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    started = start(tmp_path_factory.mktemp("cluster"), 2)
    yield started
    started.end()


@pytest.fixture(autouse=True)
def _from_the_first_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "ROWS_ALONE", 0)
    monkeypatch.setattr(exchange, "BYTES_A_PART", 150)
    # Where others are at work, a worker takes long to start.
    monkeypatch.setattr(dask_engine, "SECONDS_TO_CONNECT", 60)


@pytest.mark.property
@settings(
    # Each is two whole loads.
    max_examples=max(settings().max_examples // 10, 1),
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(ROW, min_size=1, max_size=14),
    options=st.sampled_from(OPTIONS),
    chunk_size=st.sampled_from([1, 2, 3, 5, 100]),
    is_packed=st.booleans(),
)
def test_results_are_those_of_the_local_engine(
    cluster: Started,
    tmp_path: Path,
    rows: list[dict[str, str]],
    options: dict[str, Any],
    chunk_size: int,
    is_packed: bool,
) -> None:
    folder = tmp_path / f"{time.monotonic_ns()}"
    folder.mkdir()
    loads = Loads(folder)
    path = loads.file(rows)
    if is_packed:  # so that workers cannot read it
        path.write_bytes(gzip.compress(path.read_bytes()))
    alone = loads.load(path, None, "validate", workers=1, **options)
    of_cluster = {"engine": "dask", "scheduler": cluster.address, "chunk_size": chunk_size}
    shared = loads.load(path, None, "validate", **of_cluster, **options)
    assert results_of(shared.folder) == results_of(alone.folder)


def on(cluster: Started, **options: Any) -> dict[str, Any]:
    return {"engine": "dask", "scheduler": cluster.address, "chunk_size": 3, **options}


def feed_of(folder: Path) -> Path:
    path = folder / "feed.csv"
    path.write_text("phone\n" + "\n".join(f"+1{number}" for number in NUMBERS[::7]), "utf-8")
    return path


@pytest.mark.parametrize("is_seen", [True, False])
def test_workers_know_lists_feeds_and_existing_leads(
    cluster: Started,
    database: Database,
    tmp_path: Path,
    is_seen: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with database.engine.begin() as connection:
        for number in NUMBERS[::5]:
            connection.execute(text("INSERT INTO vicidial_dnc VALUES (:n)"), {"n": number})
    options = {
        "dnc_check": "Y", "duplicate_check": "DUPSYS", "feed": {"f": {"file": feed_of(tmp_path)}},
    }  # fmt: skip
    loads = Loads(tmp_path)
    loads.load([{"phone_number": number} for number in NUMBERS[1:20:3]], database)
    path = loads.file([{"phone_number": number} for number in NUMBERS + NUMBERS[:3]])
    alone = loads.load(path, database, "validate", workers=1, **options)
    if not is_seen:
        # As on another machine: the path means nothing there.
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(Path, "resolve", lambda path: path.relative_to(tmp_path))
    shared = loads.load(path, database, "validate", **on(cluster, chunk_size=9, **options))
    assert results_of(shared.folder) == results_of(alone.folder)
    assert {*shared.reasons.values()} >= {
        "PHONE_NUMBER_IN_DNC", "PHONE_NUMBER_IN_FEED:f", "DUPLICATE_PHONE_NUMBER_IN_SYSTEM",
    }  # fmt: skip
    assert not [*cluster.folder.glob("dask-scratch-space*/" + "[0-9a-f]" * 64)]


def test_workers_read_the_parts_of_a_folder(
    cluster: Started, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = "phone_number,comments\n"
    rows = [f'{number},"two\nlines {at}"\n' for at, number in enumerate(NUMBERS)]
    loads, leave_out, sent = Loads(tmp_path), BlockReader.without_text, []
    files = loads.parts(
        header + "".join(rows[:10]), "".join(rows[10:17]),
        gzip.compress((header + "".join(rows[17:25])).encode()), "",
        (header + "".join(rows[25:33])).encode("utf-8-sig"), "".join(rows[33:] + rows[:5]),
    )  # fmt: skip

    def note(reader: BlockReader, block: FileBlock) -> FileBlock:
        given = leave_out(reader, block)
        sent.append((block.part, given.text is not None))
        return given

    monkeypatch.setattr(BlockReader, "without_text", note)
    options = {"duplicate_check": "DUPSYS", "list_id": "101"}
    alone = loads.load(files, database, "validate", workers=1, **options)
    shared = loads.load(files, database, "validate", **on(cluster, **options))
    assert results_of(shared.folder) == results_of(alone.folder)
    assert len(shared.reasons) == 5
    # The third one is packed; of the empty one there is no block.
    assert {*sent} == {(0, False), (1, False), (2, True), (3, False), (4, False)}
    assert loads.load(files, database, **on(cluster, **options)).summary.loaded == len(NUMBERS)
    assert _count(database) == len(NUMBERS)
    assert not _blocks(tmp_path)


WITH_KEYS = {"duplicate_check": "DUPSYS-DUPNAMEPHONESYS"}
REPEATED = [{"phone_number": number} for number in (*NUMBERS, *NUMBERS[:9], *NUMBERS[3:7])]


def _at_call(
    count: int, do: Callable[[], object], called: Callable[..., Any]
) -> Callable[..., Any]:
    """Give a function that does something before it is called for the so manieth time."""
    calls = []

    def calling(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == count:
            do()
        return called(*arguments)

    return calling


@pytest.mark.parametrize(
    ("at", "options"), [("take", {}), ("take", WITH_KEYS), ("_rows_that_meet", WITH_KEYS)]
)
def test_a_killed_worker_changes_nothing(
    cluster: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str,
    options: dict[str, Any],
) -> None:  # fmt: skip
    loads = Loads(tmp_path)
    path = loads.file(REPEATED)
    alone = loads.load(path, None, "validate", workers=1, **options)
    victim = cluster.workers[0]
    kill = partial(victim.send_signal, signal.SIGKILL)
    monkeypatch.setattr(OnCluster, at, _at_call(3, kill, getattr(OnCluster, at)))
    try:
        shared = loads.load(path, None, "validate", **on(cluster, chunk_size=2, **options))
        assert victim.wait(10) == -signal.SIGKILL
    finally:
        cluster.workers.pop(0)
        cluster.add_worker()
    assert results_of(shared.folder) == results_of(alone.folder)
    assert not [*tmp_path.rglob("run-*")]


@pytest.mark.parametrize("at", ["take", "_rows_that_meet"])
def test_after_a_lost_scheduler_the_same_command_goes_on(
    cluster: Started, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    (tmp_path / "lost").mkdir()
    lost = start(tmp_path / "lost", 1)
    loads, kept = Loads(tmp_path), []

    def kill_scheduler() -> None:
        lost.scheduler.send_signal(signal.SIGKILL)
        # It is not waited for as long as usual; the end of the cluster restores that.
        config.set({"distributed.comm.timeouts.connect": "1s"})

    path = loads.file([{"phone_number": number} for number in NUMBERS])
    try:
        with monkeypatch.context() as patch:
            patch.setattr(OnCluster, at, _at_call(3, kill_scheduler, getattr(OnCluster, at)))
            with pytest.raises(ClusterError, match="nothing was inserted") as raised:
                loads.load(path, database, **on(lost, chunk_size=2, **WITH_KEYS))
    finally:
        lost.end()
    assert raised.value.exit_code == 69
    assert not loads.results.exists()
    assert _count(database) == 0
    finished, remove = _blocks(tmp_path), shutil.rmtree
    assert len(finished) >= 2

    def note(folder: Path, **options: Any) -> None:
        kept.extend(_blocks(tmp_path))
        remove(folder, **options)

    monkeypatch.setattr(finished_blocks.shutil, "rmtree", note)
    assert not [*tmp_path.rglob("run-*")]
    again = loads.load(path, database, **on(cluster, chunk_size=2, **WITH_KEYS))
    assert again.summary.loaded == len(NUMBERS)
    assert _count(database) == len(NUMBERS)
    assert {*finished} <= {*kept}
    assert not _blocks(tmp_path)


def test_this_process_writes_for_workers_that_do_not_see_its_folder(
    cluster: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hide_shared_folders(monkeypatch)
    loads = Loads(tmp_path)
    path = loads.file(REPEATED)
    alone = loads.load(path, None, "validate", workers=1, **WITH_KEYS)
    shared = loads.load(path, None, "validate", **on(cluster, **WITH_KEYS))
    assert results_of(shared.folder) == results_of(alone.folder)
    assert not [*tmp_path.rglob("run-*")]


@pytest.mark.parametrize("options", [WITH_KEYS, {}])
def test_every_worker_has_to_see_a_folder_that_is_named(
    cluster: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    _hide_shared_folders(monkeypatch)
    loads, folder = Loads(tmp_path), tmp_path / "shared"
    folder.mkdir()
    with pytest.raises(SharedFolderError, match=f"{folder}: a machine of the cluster does not"):
        loads.load(REPEATED, None, "validate", **on(cluster, shared_folder=str(folder), **options))
    assert not [*folder.iterdir()]
    assert not loads.results.exists()


def _hide_shared_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the mark away by which another machine knows the folder."""
    make = SharedFolder.make

    def hidden(place: str, *, is_named: bool) -> SharedFolder:
        folder = make(place, is_named=is_named)
        (Path(folder.place) / folder.run / "seen").unlink()
        return folder

    monkeypatch.setattr(SharedFolder, "make", hidden)


def test_two_runs_over_one_folder_do_not_meet(
    cluster: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shared").mkdir()
    loads = [Loads(tmp_path / name) for name in ("one", "other")]
    for each in loads:
        each.folder.mkdir()
    paths = [loads[0].file(REPEATED), loads[1].file(REPEATED[5:])]
    alone = [
        each.load(path, None, "validate", workers=1, **WITH_KEYS)
        for each, path in zip(loads, paths, strict=True)
    ]
    options = on(cluster, shared_folder=str(tmp_path / "shared"), **WITH_KEYS)
    find, found = Phases.find_meeting_rows, []

    def find_beside(self: Phases, workers: Any) -> None:
        if not found:
            found.append(1)
            found.append(loads[1].load(paths[1], None, "validate", **options))
        find(self, workers)

    monkeypatch.setattr(Phases, "find_meeting_rows", find_beside)
    shared = loads[0].load(paths[0], None, "validate", **options)
    assert results_of(shared.folder) == results_of(alone[0].folder)
    assert results_of(found[1].folder) == results_of(alone[1].folder)
    assert not [*(tmp_path / "shared").iterdir()]


def test_a_bug_on_a_worker_ends_the_load(
    cluster: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: OnCluster, _task: object, _number: int) -> Any:
        return self._cluster.result(self._cluster.submit({}.__getitem__, "a"))

    monkeypatch.setattr(OnCluster, "_stages_of", fail)
    loads = Loads(tmp_path)
    with pytest.raises(KeyError):
        loads.load([{"phone_number": NUMBERS[0]}], None, "validate", **on(cluster))
    assert not loads.results.exists()


def test_what_fails_on_a_worker_is_no_lost_cluster(
    cluster: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: OnCluster, _task: object, _number: int) -> Any:
        return self._cluster.result(self._cluster.submit(os.stat, "/no/such/file"))

    monkeypatch.setattr(OnCluster, "_stages_of", fail)
    with pytest.raises(LoaderError, match="/no/such/file") as raised:
        Loads(tmp_path).load([{"phone_number": NUMBERS[0]}], None, "validate", **on(cluster))
    assert not isinstance(raised.value, ClusterError)
    assert "Dask" not in str(raised.value)


def test_versions_have_to_be_the_same(
    cluster: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "_version_cached", lambda _name: "0.1")
    says = r"may check otherwise than this process: .* has dask 2\S+, this process 0\.1"
    with pytest.raises(ClusterError, match=says):
        Loads(tmp_path).load([{"phone_number": NUMBERS[0]}], None, "validate", **on(cluster))


def test_a_scheduler_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dask_engine, "SECONDS_TO_CONNECT", 0.2)
    path = Loads(tmp_path).file([{"phone_number": NUMBERS[0]}])
    flags = ["--engine", "dask", "--scheduler", "tcp://127.0.0.1:9", "--results", tmp_path / "r"]
    assert run([str(each) for each in ("validate", path, *flags)]) == 69
    said = capsys.readouterr().err
    assert "Dask at tcp://127.0.0.1:9 cannot be reached" in said
    assert "Traceback" not in said


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "ROWS_ALONE", 30_000)
    monkeypatch.setitem(sys.modules, "distributed", None)
    for name in ("loader.engines.dask", "jobs.load.on_cluster"):
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ConfigurationError, match="--engine dask needs distributed"):
        Loads(tmp_path).load([{"phone_number": NUMBERS[0]}], None, "validate", engine="dask")


def test_a_local_cluster(tmp_path: Path) -> None:
    loads = Loads(tmp_path)
    path = loads.file([{"phone_number": number} for number in NUMBERS])
    alone = loads.load(path, None, "validate", workers=1)
    shared = loads.load(path, None, "validate", engine="dask", workers=2, chunk_size=3)
    assert results_of(shared.folder) == results_of(alone.folder)
    assert threading.active_count() < 20


def test_a_shared_folder_is_for_dask_alone() -> None:
    with pytest.raises(ValueError, match="no other machine checks rows; give engine dask too"):
        LoadOptions(shared_folder="/mnt/shared")


def test_a_scheduler_is_for_dask_alone() -> None:
    with pytest.raises(ValueError, match="give engine dask too"):
        LoadOptions(scheduler="tcp://127.0.0.1:8786")


def _blocks(folder: Path) -> list[tuple[str, int]]:
    """Give the blocks that are kept, by name and by what changes if they are written anew."""
    found = folder.glob(".blocks-*/*/*.block")
    return [(path.name, path.stat().st_ino) for path in found]


def _count(database: Database) -> int:
    with database.engine.connect() as connection:
        return int(connection.execute(text("SELECT COUNT(*) FROM vicidial_list")).scalar_one())

"""Checks by several processes: the same results, and what comes of it when one of them ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from jobs.load import run, screening
from loader.database.connection import Database
from loader.engines.workers import WorkerError
from loader.options.load import LoadOptions
from loader.options.report import ReportOptions
from loader.pipeline import Checks, Chunk
from loader.profile import frequent_values, outcomes, value_counts
from loader.profile import rows as profile_rows
from loader.profile.records import Details
from loader.report import page
from loader.results.summary import Summary
from tests.support.loads import Loads, load_file, workers_from_the_first_row
from tests.support.reports import BEGAN
from tests.support.screening import OPTIONS, PHONES, ROW, results_of
from tests.support.warm import Warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are workers on Linux alone")


@pytest.fixture
def from_the_first_row() -> Iterator[None]:
    with workers_from_the_first_row():
        yield


@pytest.mark.property
@pytest.mark.usefixtures("from_the_first_row")
@settings(
    # Each is two whole loads.
    max_examples=max(settings().max_examples // 6, 1),
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(ROW, min_size=1, max_size=14),
    options=st.sampled_from(OPTIONS),
    workers=st.sampled_from([2, 3, 4]),
    chunk_size=st.sampled_from([1, 2, 3, 5, 100]),
)
def test_results_are_the_same_with_any_workers_and_chunks(
    tmp_path: Path,
    rows: list[dict[str, str]],
    options: dict[str, Any],
    workers: int,
    chunk_size: int,
) -> None:
    folder = tmp_path / f"{time.monotonic_ns()}"
    folder.mkdir()
    loads = Loads(folder)
    path = loads.file(rows)
    alone = loads.load(path, None, "validate", workers=1, **options)
    shared = loads.load(path, None, "validate", workers=workers, chunk_size=chunk_size, **options)
    assert results_of(shared.folder) == results_of(alone.folder)


STATES = st.sampled_from(["FL", "fl", "NY", "Ohio", "CA", "TX", "", "Tampa", "NSW", "ME"])


@pytest.mark.property
@pytest.mark.usefixtures("from_the_first_row")
@settings(
    # Each is two whole loads, with their pages.
    max_examples=max(settings().max_examples // 5, 1),
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"phone_number": st.sampled_from(PHONES), "state": STATES, "first_name": STATES}
        ),
        min_size=8,
        max_size=40,
    ),
    workers=st.sampled_from([1, 2, 3]),
    chunk_size=st.integers(1, 12),
)
def test_of_more_values_than_are_kept_the_same_are_told_with_any_workers_and_chunks(
    tmp_path: Path, rows: list[dict[str, str]], workers: int, chunk_size: int
) -> None:
    folder = tmp_path / f"{time.monotonic_ns()}"
    folder.mkdir()
    loads = Loads(folder)
    path = loads.file(rows)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        # As little as one run has it in a file of millions.
        for module, name, few in (
            (value_counts, "MOST_IN_MEMORY", 2), (outcomes, "MOST_STATES", 3),
            (frequent_values, "MOST_TRACKED", 3), (frequent_values, "ROWS_PER_BUCKET", 5),
            (profile_rows, "NUMBERS_IN_MEMORY", 4), (run, "COUNTED_AT_ONCE", 7),
        ):  # fmt: skip
            patch.setattr(module, name, few)
        patch.setattr(page, "render_page", _at_any_time(page.render_page))
        for given_options in ({"workers": 1}, {"workers": workers, "chunk_size": chunk_size}):
            results = folder / f"out-{len(found)}"
            options = LoadOptions(duplicate_check="DUPSYS", **given_options)
            load_file(path, options, None, results, "validate", ReportOptions())
            html = (results / "report.html").read_text("utf-8")
            found.append({"page": html, **results_of(results)})
    assert found[0] == found[1]


def _at_any_time(render: Callable[..., str]) -> Callable[..., str]:
    """Let pages be the same whenever, and with whatever options, they are made."""
    names = {"run": "run", "began": BEGAN, "ended": BEGAN, "options": {}, "results": "results"}

    def render_fixed(summary: Summary, details: Details, **more: bool) -> str:
        details = details.model_copy(update={"now": BEGAN.replace(tzinfo=None)})
        return render(summary.model_copy(update=names), details, **more)

    return render_fixed


def test_equal_counts_have_the_same_order_with_any_chunks(tmp_path: Path) -> None:
    loads = Loads(tmp_path)
    names = ("ann", "unknown", "x9", "ANN MARIE", "Bob Ltd")
    numbers = ("+49 30 901820", "+44 20 7946 0958", "+33 1 42 68 53 00", "555", "7.27555E+09")
    pairs = zip((*names, *names[::-1]), (*numbers, *numbers[::-1]), strict=True)
    path = loads.file([{"phone_number": number, "first_name": name} for name, number in pairs])
    one, all_ = (
        loads.load(path, None, "validate", workers=1, chunk_size=size, phone_code="1")
        for size in (1, 100)
    )
    assert results_of(one.folder) == results_of(all_.folder)


NUMBERS = [f"727555{number:04}" for number in range(40)]


@pytest.mark.usefixtures("from_the_first_row")
def test_workers_know_the_lists_of_the_database(database: Database, tmp_path: Path) -> None:
    with database.engine.begin() as connection:
        for number in NUMBERS[::5]:
            connection.execute(text("INSERT INTO vicidial_dnc VALUES (:n)"), {"n": number})
    rows = [{"phone_number": number, "alt_phone": NUMBERS[0]} for number in NUMBERS]
    loads = Loads(tmp_path)
    options = {"dnc_check": "Y", "dnc_alt_phones": "notice", "duplicate_check": "DUPSYS"}
    path = loads.file(rows)
    alone = loads.load(path, database, "validate", workers=1, **options)
    shared = loads.load(path, database, "validate", workers=2, chunk_size=3, **options)
    assert results_of(shared.folder) == results_of(alone.folder)
    assert sorted(shared.reasons.values()) == ["PHONE_NUMBER_IN_DNC"] * 8


@pytest.mark.usefixtures("from_the_first_row")
def test_after_a_killed_worker_the_same_import_can_be_made(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, normalize = os.getpid(), Checks.normalize

    def kill(self: Checks, chunk: Chunk) -> Chunk:
        if os.getpid() != parent and NUMBERS[20] in chunk.leads["phone_number"].tolist():
            os.kill(os.getpid(), signal.SIGKILL)
        return normalize(self, chunk)

    loads = Loads(tmp_path)
    path = loads.file([{"phone_number": number} for number in NUMBERS])
    with monkeypatch.context() as patch:
        patch.setattr(Checks, "normalize", kill)
        with pytest.raises(WorkerError, match="nothing was inserted"):
            loads.load(path, database, workers=2, chunk_size=3)
    assert not loads.results.exists()
    assert _count(database) == 0
    assert loads.load(path, database, workers=2, chunk_size=3).summary.loaded == len(NUMBERS)
    assert _count(database) == len(NUMBERS)


@pytest.mark.usefixtures("from_the_first_row")
def test_a_bug_in_a_worker_ends_the_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: Checks, chunk: Chunk) -> Chunk:
        raise KeyError(str(len(chunk.leads)))

    monkeypatch.setattr(Checks, "normalize", fail)
    loads = Loads(tmp_path)
    with pytest.raises(KeyError):
        loads.load([{"phone_number": NUMBERS[0]}], None, "validate", workers=2)
    assert not loads.results.exists()


def test_a_small_file_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_arguments: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(screening, "Workers", never)
    rows = [{"phone_number": number} for number in NUMBERS]
    assert Loads(tmp_path).load(rows, None, "validate", workers=2, chunk_size=1).summary.loaded


PROGRAM = """
import os, signal, sys, threading, time
from pathlib import Path
from jobs.load import screening
from loader.pipeline import Checks
screening.ROWS_ALONE = 0
def wait(self, chunk):
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(600)
Checks.normalize = wait
def signal_to_this_thread():
    while not Path(sys.argv[1], "signal").exists():
        time.sleep(0.02)
    signal.pthread_kill(threading.get_ident(), int(Path(sys.argv[1], "signal").read_text()))
threading.Thread(target=signal_to_this_thread, daemon=True).start()
from jobs.cli.main import run
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.sample(1)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("is_sent_to", ["process", "group", "thread"])
def test_a_signal_ends_the_load_and_its_workers(
    tmp_path: Path, number: signal.Signals, code: int, is_sent_to: str
) -> None:
    (tmp_path / "pids").mkdir()
    path = Loads(tmp_path).file([{"phone_number": number} for number in NUMBERS])
    results = tmp_path / "results"
    arguments = ["validate", path, "--workers", "2", "--chunk-size", "5", "--results", results]
    with Warm(
        tmp_path / "pids", *arguments, program=PROGRAM, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as program:  # fmt: skip
        end = time.monotonic() + 120
        while len(pids := [int(p.name) for p in (tmp_path / "pids").iterdir()]) < 2:
            assert time.monotonic() < end
            time.sleep(0.02)
        if is_sent_to == "process":
            program.send_signal(number)
        elif is_sent_to == "group":
            os.killpg(program.pid, number)
        else:
            (tmp_path / "new").write_text(str(int(number)))
            (tmp_path / "new").rename(tmp_path / "pids" / "signal")
        try:
            _, said = program.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            program.kill()
            raise
    assert program.returncode == code
    assert "Traceback" not in said
    assert not results.exists()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def _count(database: Database) -> int:
    with database.engine.connect() as connection:
        return int(connection.execute(text("SELECT COUNT(*) FROM vicidial_list")).scalar_one())

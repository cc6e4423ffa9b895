"""Commands that wait for input are ended at once by a signal, and leave nothing behind."""

import array
import fcntl
import os
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.cli.main import run
from loader.files import open_pipe, read_whole
from loader.reading.limits import DEFAULT_LIMITS
from loader.reading.stored import spool_to_disk
from loader.signals import CAUGHT, Interrupted, Stop
from tests.support.warm import Warm

LONG = 60.0
"""Seconds; a test that waits so long has failed."""

ARCHIVE = ["archive", "--database", "sqlite:///none.sqlite", "--lead-ids-file"]
VALIDATE = ["validate", "--database", "none"]
LEADS = b"phone_number\n7275551212\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    quiet = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
    return Warm(*arguments, stdin=subprocess.PIPE, **quiet)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def is_drained(pipe: int) -> bool:
    """Say whether all that was written into a pipe was read."""
    waiting = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    return not waiting[0]


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("number", "command"),
    [*((number, [*VALIDATE, "-"]) for number in CAUGHT), (signal.SIGTERM, [*ARCHIVE, "-"])],
)
def test_standard_input_that_sends_no_more(
    folder: Path, number: signal.Signals, command: list[str]
) -> None:
    started = start(*command)
    assert started.stdin
    started.stdin.write(LEADS)
    started.stdin.flush()
    until(lambda: is_drained(started.stdin.fileno()))  # type: ignore[union-attr]  # see above
    started.send_signal(number)
    assert started.wait(LONG) == 128 + number
    started.stdin.close()
    assert [*folder.rglob("*")] == [folder / "tmp"]


def test_a_pipe_that_sends_no_more(folder: Path) -> None:
    os.mkfifo("pipe")
    started = start(*VALIDATE, "pipe")
    with Path("pipe").open("wb", buffering=0) as pipe:
        pipe.write(LEADS)
        until(lambda: is_drained(pipe.fileno()))
        started.send_signal(signal.SIGTERM)
        assert started.wait(LONG) == 128 + signal.SIGTERM
    started.communicate()
    assert {*folder.rglob("*")} == {folder / "tmp", folder / "pipe"}


def spool(path: Path) -> None:
    with open_pipe(path) as pipe, spool_to_disk(pipe, DEFAULT_LIMITS, "pipe"):
        pass


# A signal between an opening and its `with` leaves a file to the garbage collection.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("read", [spool, read_whole])
@pytest.mark.parametrize("has_writer", [True, False])
def test_a_signal_ends_the_reading_at_any_moment(
    folder: Path, read: Callable[[Path], object], has_writer: bool
) -> None:
    os.mkfifo("pipe")
    began = time.monotonic()
    writer = os.open("pipe", os.O_RDWR) if has_writer else None
    for nth in range(100):
        if writer is not None:
            os.write(writer, b"1\n")
        with Stop() as stop:
            sender = threading.Timer(nth / 1e5, os.kill, (os.getpid(), signal.SIGTERM))
            sender.start()
            with pytest.raises(Interrupted), stop.end_at_once():
                read(Path("pipe"))
            sender.join()
    if writer is not None:
        os.close(writer)
    assert time.monotonic() - began < LONG


def test_what_a_killed_run_left_goes_with_the_next_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", None)
    Path("in.csv").write_bytes(LEADS)
    runs = [start(*VALIDATE, "-"), start(*VALIDATE, "-")]
    for started in runs:
        assert started.stdin
        started.stdin.write(LEADS)
        started.stdin.flush()
    until(lambda: len([*(folder / "tmp").iterdir()]) == 2)
    until(lambda: all(is_drained(it.stdin.fileno()) for it in runs))  # type: ignore[union-attr]
    killed, alive = runs
    killed.kill()
    killed.communicate()
    assert run(["--version"]) == 0
    assert len([*(folder / "tmp").iterdir()]) == 1
    alive.communicate()
    assert alive.returncode == 0
    assert not [*(folder / "tmp").iterdir()]


HOLD = """
import sys
from pathlib import Path
from loader.results.files import Results
results = Results(Path(sys.argv[2]), ["phone_number"], run=sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
"""


def test_the_work_of_a_killed_validation_goes_with_the_next_run() -> None:
    Path("in.csv").write_bytes(LEADS)
    runs = [("", "killed"), ("", "alive"), ("20261122-1", "import")]
    working = [
        Warm(
            name, f"results/{folder}", program=HOLD, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name, folder in runs
    ]  # fmt: skip
    for process in working:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
    for process in (working[0], working[2]):
        process.kill()
        process.communicate()
    assert run([*VALIDATE, "in.csv", "--results", "results/next"]) == 0
    assert {path.name for path in Path("results").iterdir()} == {"alive", "import", "next"}
    for folder in ("alive", "import"):
        assert Path(f"results/{folder}/.work/run").exists()
        assert run([*VALIDATE, "in.csv", "--results", f"results/{folder}"]) == 64
    working[1].communicate()
    assert run([*VALIDATE, "in.csv", "--results", "results/alive"]) == 0
    assert not Path("results/alive/.work").exists()

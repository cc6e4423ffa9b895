"""A process that is forked from one that has imported all is as one that was started."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.warm import Warm, run_warm

SAYS = """
import os, sys
print(sys.argv, os.getcwd(), sorted(os.environ), __name__, sys.stdin.read())
print(f"{os.getsid(0) == os.getpid()} é", file=sys.stderr)
"""

Start = Callable[..., Any]


def cold(program: str, *arguments: str, **options: Any) -> Any:
    return subprocess.Popen([sys.executable, "-c", program, *arguments], **options)


def warm(program: str, *arguments: str, **options: Any) -> Any:
    return Warm(*arguments, program=program, **options)


@pytest.fixture(params=[cold, warm])
def start(request: pytest.FixtureRequest) -> Start:
    found: Start = request.param
    return found


@pytest.mark.parametrize("new_session", [True, False])
def test_what_it_has(tmp_path: Path, new_session: bool) -> None:
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = {"PATH": "/bin", "LC_ALL": "C.UTF-8", "A": "ä"}
    said = []
    for start in (cold, warm):
        process = start(
            SAYS, "x", "y z", cwd=tmp_path, env=environment, start_new_session=new_session,
            encoding="utf-8", **pipes,
        )  # fmt: skip
        said.append((*process.communicate("given"), process.returncode))
    assert said[0] == said[1]
    assert str(tmp_path) in said[0][0]
    assert said[0][1] == f"{new_session} é\n"


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("pass", 0),
        ("import sys; sys.exit(7)", 7),
        ("raise SystemExit('why')", 1),
        ("1 / 0", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import atexit, os; atexit.register(os._exit, 9)", 9),
        ("print('x')", 120),
    ],
)
def test_how_it_ends(start: Start, program: str, code: int) -> None:
    # Without PYTHONUNBUFFERED, with which there is nothing to flush at the end.
    environment = {"PATH": os.environ["PATH"]}
    with Path("/dev/full").open("w") as full:
        process = start(program, stdout=full, stderr=subprocess.DEVNULL, env=environment)
        assert process.wait(60) == code


def test_signals_and_time(start: Start) -> None:
    process = start("import time; print(1, flush=True); time.sleep(99)", stdout=subprocess.PIPE)
    with process:
        assert process.stdout.readline() == b"1\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM


def test_one_does_not_see_what_another_one_changes() -> None:
    change = "import loader, os; loader.changed = 1; os.environ['A'] = 'x'"
    assert run_warm(program=change).returncode == 0
    look = "import loader, os; print(hasattr(loader, 'changed'), 'A' in os.environ)"
    assert run_warm(program=look, env={}).stdout == "False False\n"


def test_no_descriptor_is_left_open() -> None:
    here = Path("/proc/self/fd")
    before = len([*here.iterdir()])
    assert run_warm(program="import sys; sys.stdin.read()", input="x").returncode == 0
    look = "import json, os; print(json.dumps(os.listdir('/proc/self/fd')))"
    assert len(json.loads(run_warm(program=look, stdin=subprocess.DEVNULL).stdout)) == 4
    assert len([*here.iterdir()]) == before

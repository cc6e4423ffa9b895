"""Programs in processes of their own that have imported all modules before they begin.

The imports take most of the time of a short run. `Warm` is Popen for `python -c PROGRAM ARGUMENTS`,
but the process is forked from one that has done them. Tests of how the program starts, of what it
imports and of standard streams that are closed start an interpreter.
"""

import gc
import io
import json
import os
import pkgutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

PROGRAM = "from jobs.cli.main import main; main()"
SCRIPT = """
import runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a script; its path and its arguments are the arguments."""
LONGEST = 1 << 17
"""Bytes of a request: a command and an environment."""


class Warm(subprocess.Popen[Any]):
    """A process that runs `program` with `arguments`.

    `python` is the interpreter, whose own `jobs` and `loader` are those that are imported.
    `options` are those of Popen, but for what concerns an executable, a shell, another user and
    further descriptors, which are not looked at.
    """

    def __init__(
        self, *arguments: object, program: str = PROGRAM, python: str = sys.executable,
        **options: Any,
    ) -> None:  # fmt: skip
        self._imported = _imported(python)
        super().__init__(["-c", program, *map(str, arguments)], **options)

    def _execute_child(  # noqa: PLR0917 - as Popen calls it
        self, args: Sequence[str], _executable: object, _preexec: object, _close: object,
        _pass: object, cwd: Any, env: Mapping[str, str] | None, _info: object, _flags: object,
        _shell: object, p2cread: int, p2cwrite: int, c2pread: int, c2pwrite: int, errread: int,
        errwrite: int, _signals: object, _gid: object, _gids: object, _uid: object,
        _umask: object, start_new_session: bool, _group: object,
    ) -> None:  # fmt: skip
        """Have it forked, with the ends of the pipes that Popen has made."""
        streams = [
            number if stream == -1 else stream
            for number, stream in enumerate((p2cread, c2pwrite, errwrite))
        ]
        environment = dict(os.environ if env is None else env)
        folder = str(Path(cwd or "").absolute())
        try:
            self.pid = self._imported.fork([args, folder, environment, start_new_session], streams)
        finally:
            self._close_pipe_fds(  # type: ignore[attr-defined]
                p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite
            )
        self._child_created = True

    def _internal_poll(self, *_arguments: object, **_named: object) -> int | None:
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                self.returncode = self._imported.end_of(self.pid)
            return self.returncode

    def _wait(self, timeout: float | None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self._internal_poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            time.sleep(0.005)
        return code


def run_warm(
    *arguments: object, program: str = PROGRAM, text: bool = True, **options: Any
) -> "subprocess.CompletedProcess[Any]":
    """Run it to its end and keep what it prints; `options` are those of Popen."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    said = options.pop("input", None)
    if said is not None:
        pipes["stdin"] = subprocess.PIPE
    with Warm(*arguments, program=program, text=text, **{**pipes, **options}) as process:
        output = process.communicate(said)
    return subprocess.CompletedProcess(process.args, process.returncode, *output)


class _Imported:
    """The process that has imported all, as the tests see it."""

    def __init__(self, python: str) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        with theirs:
            # Another interpreter has packages of its own, not those of the repository.
            code = f"import runpy; runpy.run_path({__file__!r})['serve']({theirs.fileno()})"
            flags = [] if python == sys.executable else ["-P"]
            self._process = subprocess.Popen(
                [python, *flags, "-c", code],
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parents[2],
                start_new_session=True,
            )

    def fork(self, request: Sequence[object], streams: Sequence[int]) -> int:
        """Give the number of a new process."""
        return int(self._ask(request, streams))

    def end_of(self, process: int) -> int | None:
        """Give the exit code of a process, None as long as it runs."""
        code: int | None = self._ask(process)
        return code

    def close(self) -> None:
        self._line.close()
        self._process.wait()

    def _ask(self, request: object, streams: Sequence[int] = ()) -> Any:
        with self._lock:
            socket.send_fds(self._line, [json.dumps(request).encode()], streams)
            return json.loads(self._line.recv(LONGEST))


_IMPORTED: dict[str, _Imported] = {}
"""The processes that have imported all, by interpreter."""


def _imported(python: str) -> _Imported:
    if python not in _IMPORTED:
        _IMPORTED[python] = _Imported(python)
    return _IMPORTED[python]


def end_warm() -> None:
    """End the processes that have imported all, if there are some."""
    while _IMPORTED:
        _IMPORTED.popitem()[1].close()


def serve(line_number: int) -> None:
    """Import all; then fork for each request, until nobody is there to ask.

    In the forked process this runs the program and returns: it ends as any interpreter does.
    """
    for package in ("jobs", "loader"):
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            import_module(module.name)
    gc.freeze()
    line = socket.socket(fileno=line_number)
    while True:
        content, streams, *_ = socket.recv_fds(line, LONGEST, 3)
        if not content:
            os._exit(0)
        request = json.loads(content)
        if isinstance(request, int):
            answer = _end_of(request)
        elif (answer := os.fork()) == 0:
            line.close()
            _become(streams, *request)
            return
        for stream in streams:
            os.close(stream)
        line.send(json.dumps(answer).encode())


def _end_of(process: int) -> int | None:
    found, status = os.waitpid(process, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _become(
    streams: Sequence[int], command: Sequence[str], folder: str, environment: Mapping[str, str],
    new_session: bool,
) -> None:  # fmt: skip
    """Run a command as `python` does in a folder, with an environment and three streams."""
    if new_session:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, _stream(number))
        setattr(sys, f"__{name}__", getattr(sys, name))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    tempfile.tempdir = None
    flag, program, *arguments = command
    sys.argv = [flag, *arguments]
    main = sys.modules["__main__"] = ModuleType("__main__")
    exec(compile(program, "<string>", "exec"), main.__dict__)  # noqa: S102 - a test wrote it


def _stream(number: int) -> io.TextIOBase:
    """Open a standard stream as an interpreter does."""
    return open(
        number,
        "w" if number else "r",
        buffering=1 if number == 2 or os.isatty(number) else -1,
        encoding="utf-8",
        errors="backslashreplace" if number == 2 else "strict",
        closefd=False,
    )

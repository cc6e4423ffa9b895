"""Values that nobody means to give: each has an exit code and words of its own, none is a bug."""

import errno
import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from jobs.cli.main import app, run
from jobs.settings import settings as settings_module
from loader import errors
from loader.database.error_codes import translate
from loader.errors import LoaderError, ResultsError, as_loader_error
from tests.support.warm import PROGRAM, run_warm

COLD = [sys.executable, "-c", PROGRAM]

HUGE, ENDLESS, LONG = "1" + "0" * 30, "9" * 5000, "a" * 255
DATABASE = "sqlite:///leads.db"


@pytest.fixture(scope="module")
def dialer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dialer that tests copy."""
    file = tmp_path_factory.mktemp("dialer") / "leads.db"
    assert run(["init", "--database", f"sqlite:///{file}"]) == 0
    return file


@pytest.fixture(autouse=True)
def site(tmp_path: Path, dialer: Path, monkeypatch: pytest.MonkeyPatch, impatient: None) -> Path:
    """A folder with a dialer and what is no file that one can use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("loader.files.PATIENCE", 0)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    Path("leads.csv").write_text("phone_number\n7275550112\n", "utf-8")
    Path("settings.toml").write_text("", "utf-8")
    Path("folder").mkdir()
    os.mkfifo("pipe")
    Path("empty").touch()
    Path("bytes").write_bytes(bytes(range(256)))
    Path("nested.toml").write_text("list_id = " + "[" * 5000 + "]" * 5000, "utf-8")
    Path("long.toml").write_text(f"batch_size = {ENDLESS}", "utf-8")
    shutil.copy(dialer, "leads.db")
    return tmp_path


NO_FILES = ("folder", "pipe", "/dev/full", "empty/x", "missing", LONG, "é" * 200, "a/" * 2500)
"""What is no regular file that can be read."""

LOADING = ["validate", "leads.csv", "--database", DATABASE, "--list-id", "101"]
ARCHIVING = ["archive", "--database", DATABASE, "--dry-run"]

CASES: list[tuple[list[str], int, str]] = [
    (["runs", "--database", DATABASE, "--limit", HUGE], 64, "--limit"),
    (["runs", "--database", DATABASE, "--limit", "6²"], 64, "--limit"),
    *((["runs", "--database", f"sqlite:///{it}"], 78, "SQLite database")
      for it in ("missing", LONG, "bytes", "empty/x", "a/" * 2500, "folder")),
    (["runs", "--database", "sqlite:///pipe"], 74, "cannot be read or written"),
    (["runs", "--database", "sqlite://user:pw@host/x"], 64, "cannot be read"),
    (["runs", "--database", "mysql://u@h:99999/d"], 64, "no port behind the colon"),
    (["runs", "--database", "mysql://u@h:²/d"], 64, "cannot be read"),
    (["init", "--database", "mysql://u@127.0.0.1:1/d"], 69, "does not answer"),
    (["init", "--database", "mysql://u@127.0.0.1:1/d?connect_timeout=zz"], 64, "connect_timeout"),
    (["init", "--database", "mysql://u@127.0.0.1:1/d?ssl_ca=missing"], 78, "missing: No such"),
    *((["runs", "--database", DATABASE, "--config", it], 78, it[:50]) for it in NO_FILES),
    (["runs", "--database", DATABASE, "--config", "nested.toml"], 78, "not valid TOML"),
    (["runs", "--database", DATABASE, "--config", "long.toml"], 78, "not valid TOML"),
    (["runs", "--database", DATABASE, "--config", "bytes"], 78, "not valid TOML"),
    *(([*LOADING, "--mapping-file", it], 78, "mapping file") for it in (*NO_FILES, "nested.toml")),
    *(([*LOADING, "--feed", f"x={it}"], 66, it[:50]) for it in NO_FILES),
    *(([*LOADING, "--compare", it], 66, it[:50]) for it in NO_FILES if it != "folder"),
    *(([*ARCHIVING, "--lead-ids-file", it], 66, it[:50]) for it in NO_FILES),
    ([*ARCHIVING, "--lead-ids-file", "bytes"], 65, "no text"),
    *(([*ARCHIVING, "--lead-ids", it], 65, it[:30]) for it in (HUGE, ENDLESS, "-" + ENDLESS)),
    ([*ARCHIVING, "--lead-ids", "6²"], 65, ""),
    *((["validate", it], 66, it[:50]) for it in ("missing", LONG, "empty/x", "é" * 200)),
    *((["columns", it], 66, it[:50]) for it in NO_FILES),
    *((["compare", it], 66, it[:50]) for it in ("missing", LONG, "empty/x", "a/" * 2500)),
    *(([*LOADING, "--results", it], 64, "results folder")
      for it in ("empty", "empty/x", "é" * 200, "a" * 256)),
    *(([*LOADING, "--chunk-size", it], 64, "--chunk-size") for it in (HUGE, "²", "nan", "")),
    *(([*LOADING, "--max-reject-rate", it], 64, "--max-reject-rate") for it in ("nan", "inf", "²")),
    *(([*ARCHIVING, "--called-before", it], 64, "--called-before")
      for it in ("²d", f"{HUGE}d", "2026-02-30", "٣d")),
    *(([*LOADING, "--duplicate-check", it], 64, "--duplicate-check")
      for it in ("DUPSYS٣DAY", f"DUPSYS{ENDLESS}DAY", "DUPSYS9²DAY")),
    ([*LOADING, "--map", "phone_number=\udce9"], 64, "not UTF-8"),
]  # fmt: skip


@pytest.mark.sample(6)
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    CASES,
    ids=[re.sub(r"\W+", "-", " ".join(case[0]))[:60] + f"-{n}" for n, case in enumerate(CASES)],
)
def test_a_value_that_cannot_be(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(arguments) == code, capsys.readouterr().err
    said = capsys.readouterr().err
    assert words in said
    for wrong in ("a bug", "Traceback", "make room", "disk"):
        assert wrong not in said


ARGUMENTS = {
    "import": ["leads.csv", "--list-id", "101", "--yes", "--again"], "columns": ["leads.csv"],
    "archive": ["--statuses", "NA", "--dry-run"], "compare": ["folder"], "runs": [],
}  # fmt: skip
STRANGE = ("", "²", "-1", HUGE, "nan", "folder", LONG * 2, "a\nb", "%s{0}'\"`\\", "x=²", "\x1b[31m")
A_FLAG = 2
"""Strange values that each flag gets."""
KNOWN = {0, 1, 64, 65, 66, 69, 74, 75, 77, 78}


def flags_with_values() -> Iterator[tuple[str, str, bool]]:
    """Give each flag that takes a value once: its command, it, whether that has a database."""
    seen: set[str] = set()
    for name in ARGUMENTS:
        command = get_command(app).commands[name]  # type: ignore[attr-defined]
        has_database = any(each.name == "database" for each in command.params)
        for flag in command.params:
            takes_value = flag.param_type_name == "option" and not getattr(flag, "is_flag", False)
            if takes_value and flag.opts[0] not in seen:
                seen.add(flag.opts[0])
                yield name, flag.opts[0], has_database and flag.opts[0] != "--database"


def test_no_flag_has_a_value_that_is_a_bug(capsys: pytest.CaptureFixture[str]) -> None:
    for number, (name, flag, has_database) in enumerate(flags_with_values()):
        for step in range(A_FLAG):
            value = STRANGE[(number + 4 * step) % len(STRANGE)]
            given = [f"{flag}={value}", *(["--database", DATABASE] if has_database else [])]
            code = run([name, *ARGUMENTS[name], *given])
            said = capsys.readouterr()
            assert code in KNOWN, (name, given, code, said.err)
            assert "Traceback" not in said.err
            assert "\x1b" not in said.err, (name, given)


@pytest.mark.parametrize("port", ["6²", "x", "٣٣", "3306;", "-1", ENDLESS])
def test_the_dialers_file_has_no_port(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("astguiclient.conf").write_text(f"VARDB_server => h\nVARDB_port => {port}\n", "utf-8")
    assert run(["runs"]) == 78
    assert "VARDB_port: give digits only" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ('results = "a\\u0000b"', 78), ('database = "sqlite:///a\\u0000b"', 78),
        ('mapping_file = "\\u0000"', 78), ('feed = {x = "\\u0000"}', 78),
        ('[archive]\npause_file = "\\u0000"', 78), ('ssl_ca = "\\u0000"', 78),
    ],
)  # fmt: skip
def test_a_nul_in_a_settings_file(
    setting: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("settings.toml").write_text(setting, "utf-8")
    assert run(["validate", "leads.csv", "--config", "settings.toml"]) == code
    assert "a bug" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, 74), (errno.EDQUOT, 74), (errno.EACCES, 74), (errno.EROFS, 74),
        (errno.ENAMETOOLONG, 74), (errno.EIO, 74), (errno.ENOENT, 74), (errno.EFBIG, 74),
        (errno.EMFILE, 71), (errno.ENFILE, 71), (errno.ENOMEM, 71), (errno.EAGAIN, 71),
    ],
)  # fmt: skip
def test_what_the_system_refuses_is_said_as_it_is(number: int, code: int) -> None:
    error = as_loader_error(OSError(number, os.strerror(number), "some/file"))
    assert error.exit_code == code
    assert f"some/file: {os.strerror(number)}" in str(error)
    is_full = number in {errno.ENOSPC, errno.EDQUOT}
    assert ("make room" in str(error)) == is_full
    assert ("the system refuses: some/file" in str(error)) == (code == 71)


def test_a_full_disk_names_the_folder() -> None:
    """A write does not say which file it is of."""
    full = as_loader_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert tempfile.gettempdir() in str(full)


def test_a_full_file_system_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "ALMOST_FULL", sys.maxsize)  # all of them
    place = next(each for each in (tmp_path, *tmp_path.parents) if each.is_mount())
    full = as_loader_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    named = str(full).partition("device, in ")[2].partition(" (TMPDIR")[0].split(" and ")
    assert str(place) in named


def test_a_lack_of_memory_is_no_bug() -> None:
    lacking = as_loader_error(MemoryError())
    assert lacking.exit_code == 71
    assert "the memory does not suffice; what was done is not lost" in str(lacking)
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("x")
    assert as_loader_error(caught.value).exit_code == LoaderError.exit_code


def test_a_full_sqlite_file(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--database", "sqlite:////dev/full"]) == 74
    assert "make room" in capsys.readouterr().err
    connection = sqlite3.connect(site / "leads.db")
    connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.Error) as caught:
        connection.execute("CREATE TABLE x AS SELECT randomblob(100000)")
    assert isinstance(translate(caught.value), ResultsError)
    connection.close()


def in_its_own(arguments: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])} | how.pop("env", {})
    return subprocess.run(
        [*COLD, *arguments], text=True, check=False, env=environment,
        **({"capture_output": True} | how),
    )  # fmt: skip


def test_too_few_open_files(site: Path) -> None:
    """The limit of open files is a limit of the system's."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))  # noqa: E731
    done = in_its_own(["validate", "leads.csv"], preexec_fn=limit)
    assert "a bug" not in done.stderr or "ImportError" in done.stderr
    assert "make room" not in done.stderr


def test_a_folder_that_is_gone(site: Path) -> None:
    gone = site / "gone"
    gone.mkdir()
    leave = lambda: (os.chdir(gone), gone.rmdir())  # noqa: E731
    address = f"sqlite:///{site / 'leads.db'}"
    given = ["validate", str(site / "leads.csv"), "--database", address]
    done = in_its_own(given, preexec_fn=leave)
    assert done.returncode == 64
    assert "results folder" in done.stderr
    leaving = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\n{PROGRAM}"
    gone.mkdir()
    assert run_warm("runs", "--database", address, program=leaving).returncode == 0
    gone.mkdir()
    assert run_warm("columns", "leads.csv", program=leaving).returncode == 66


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "environment",
    [{"HOME": ""}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["home", "locale"],
)
def test_odd_environments(environment: dict[str, str]) -> None:
    shutil.copy("leads.csv", "größe.csv")
    given = ["validate", "größe.csv", "--database", DATABASE, "--json"]
    done = in_its_own(given, env=environment)
    assert (done.returncode, json.loads(done.stdout)["rows_read"]) == (0, 1)
    assert "Traceback" not in done.stderr


@pytest.mark.sample(1)
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_streams_that_are_closed(closed: tuple[int, ...]) -> None:
    close = lambda: [os.close(number) for number in closed]  # noqa: E731
    done = in_its_own(["validate", "leads.csv", "--database", DATABASE], preexec_fn=close)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr

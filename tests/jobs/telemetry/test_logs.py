"""The messages on standard error, for people and for machines."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from jobs.telemetry.logs import bind, configure, is_configured, log, reset, unbind

GOOD = "Phone,First Name,Shoe size\n727-555-0112,Ann,41\n727-555-0113,Bob,42\n"
MAIN = "from jobs.cli.main import main; main()"
CODE = [
    "import",
    "good.csv",
    "--database",
    "sqlite:///leads.db",
    "--list-id",
    "101",
    "--log-format",
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    Path("good.csv").write_text(GOOD, "utf-8")
    yield
    reset()


@pytest.fixture
def dialer(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--database", "sqlite:///leads.db"]) == 0
    capsys.readouterr()


def entries(text: str) -> list[dict[str, Any]]:
    """Read standard error: every line must be an entry."""
    found = [json.loads(line) for line in text.splitlines()]
    for entry in found:
        assert list(entry)[:3] == ["timestamp", "level", "event"]
        assert datetime.fromisoformat(entry["timestamp"]).utcoffset() is not None
    return found


def test_machines_get_an_object_a_line(dialer: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*CODE, "json", "--results", "out"]) == 0
    said = capsys.readouterr()
    looked, ended = entries(said.err)
    summary = json.loads(Path("out", "summary.json").read_text("utf-8"))
    assert {looked["run"], ended["run"]} == {summary["run"]}
    assert {looked["job"], ended["job"]} == {"import"}
    assert looked["fields"] == ["first_name", "phone_number"]
    assert looked["sha256"] == summary["file"]["sha256"]
    assert ended["outcomes"] == {"loaded": 2}
    assert ended["results"] == str(Path("out").absolute())
    assert "rows read" in said.out


def test_people_get_lines_with_the_run(dialer: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*CODE, "human", "--results", "out"]) == 0
    said = capsys.readouterr().err
    summary = json.loads(Path("out", "summary.json").read_text("utf-8"))
    assert f"  run {summary['run']}\n" in said
    assert "not loaded: 'Shoe size'" in said
    assert "timestamp" not in said
    assert "{" not in said


def test_archiving_bears_its_run(dialer: None, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--database", "sqlite:///leads.db", "--lists", "101", "--log-format", "json"]
    assert run(["archive", *flags]) == 0
    found = entries(capsys.readouterr().err)
    assert {entry["job"] for entry in found} == {"archive"}
    (name,) = {entry["run"] for entry in found}
    assert Path("results", name).is_dir()


def test_errors_are_entries_too(dialer: None, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.csv").touch()
    assert run([*CODE, "json", "--quiet", "empty.csv", "none.csv"]) == 66
    missing, empty = entries(capsys.readouterr().err)
    assert (missing["level"], missing["exit_code"]) == ("error", 66)
    assert (empty["level"], empty["exit_code"]) == ("error", 65)
    assert "run" not in missing
    assert empty["event"].startswith("empty.csv: ")


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "is_json"),
    [
        pytest.param(["import", "--nope", "--log-format", "json"], "", 64, True, id="flag"),
        pytest.param(["import", "--nope", "--log-format=json"], "", 64, True, id="equals"),
        pytest.param(["import", "--nope"], "json", 64, True, id="environment"),
        pytest.param(["import", "--nope", "--log-format=human"], "json", 64, False, id="wins"),
        pytest.param(["import", "--nope"], "", 64, False, id="people"),
        pytest.param(
            ["import", "x", "--config", "no.toml", "--log-format=json"], "", 78, True, id="config"
        ),
        pytest.param(["import", "x", "--config", "json.toml"], "", 64, True, id="settings"),
        pytest.param(["import", "x", "--log-format", "yaml"], "", 64, False, id="unknown"),
    ],
)
def test_what_ends_a_command_before_it_begins(
    arguments: list[str],
    environment: str,
    code: int,
    is_json: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # It names no database.
    Path("json.toml").write_text('log_format = "json"\n', "utf-8")
    if environment:
        monkeypatch.setenv("LEADLOADER_LOG_FORMAT", environment)
    assert run(arguments) == code
    said = capsys.readouterr().err
    if is_json:
        assert [entry["level"] for entry in entries(said)] == ["error"]
    else:
        assert said.startswith("leadloader: ")


def test_a_command_leaves_nothing_to_the_next(
    dialer: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*CODE, "json"]) == 0
    assert not is_configured()
    capsys.readouterr()
    assert run(["import", "none.csv", "--database", "sqlite:///leads.db"]) == 66
    assert capsys.readouterr().err == "leadloader: none.csv: there is no such file\n"


def test_help_answers_without_them() -> None:
    program = (
        "import sys; from jobs.cli.main import run; code = run(['import', '--help']);"
        "heavy = {'structlog', 'apprise', 'prometheus_client', 'openlineage',"
        " 'jobs.telemetry.telemetry'};"
        "sys.exit(code or ','.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "--log-format" in done.stdout


def test_entries_are_ascii_whatever_the_stream_can_write(dialer: None) -> None:
    Path("Zoë.csv").write_text(GOOD.replace("Ann", "Zoë"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *CODE, "json", "Zoë.csv", "--json"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii:backslashreplace"},
    )
    assert done.returncode == 0, done.stderr
    said = entries(done.stderr.decode("ascii"))
    assert {"good.csv", "Zoë.csv"} == {entry["file"] for entry in said if "file" in entry}


def test_what_libraries_log_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import logging, jobs.telemetry.logs; logging.getLogger('apprise').error('json://u:geheim@x')",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert logging.getLogger().handlers


def test_markup_and_lines_stay_what_they_are() -> None:
    stream = io.StringIO()
    configure("human", quiet=False, console=Console(file=stream, soft_wrap=True, width=20))
    log().info("[bold]a[/bold] long line that no console may break [x]")
    log().warning("[red]b")
    assert stream.getvalue() == (
        "[bold]a[/bold] long line that no console may break [x]\nleadloader: [red]b\n"
    )


def test_what_is_bound_is_borne_until_it_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", quiet=False, console=Console(stderr=True))
    bind(run="r1")
    log().info("one")
    unbind("run")
    log().info("two", count=2)
    one, two = entries(capsys.readouterr().err)
    assert one["run"] == "r1"
    assert "run" not in two
    assert two["count"] == 2


@pytest.mark.parametrize(("quiet", "levels"), [(False, ["info", "warning", "error"]),
                                               (True, ["warning", "error"])])  # fmt: skip
def test_quiet_drops_what_need_not_be_told(
    quiet: bool,
    levels: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("json", quiet=quiet, console=Console(stderr=True))
    for level in ("info", "warning", "error"):
        getattr(log(), level)("x")
    assert [entry["level"] for entry in entries(capsys.readouterr().err)] == levels


def test_what_a_file_is_called_is_shown_and_not_obeyed(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "\x1b[31mred\u202egnp.csv\nall is well.csv"
    path.write_text("7275550101,1\n", "utf-8")
    assert run(["validate", str(path), "--database", "none"]) == 65
    assert run(["compare", str(path)]) == 66
    said = capfd.readouterr().err
    assert said.count("⟨U+001B⟩[31mred⟨U+202E⟩gnp.csv") >= 2
    assert not {"\x1b", "\u202e"} & set(said)
    assert "gnp.csv⟨U+000A⟩all is well.csv" in said
    assert "\nall is well" not in said

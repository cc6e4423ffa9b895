"""What a command imports: libraries that take long, by the commands alone that need them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.cli.main import run

SLOW = {
    "jinja2", "numpy", "pandas", "phonenumbers", "pyarrow", "pydantic_settings", "pygal", "pymysql",
    "rich.console", "sqlalchemy",
}  # fmt: skip
OF_OTHER_JOBS = {
    "apprise", "fsspec", "jobs.archive.job", "jobs.compare.page", "jobs.nightly.job",
    "jobs.undo.job", "loader.database.schema", "openlineage", "paramiko", "prometheus_client",
    "python_calamine", "requests",
}  # fmt: skip
PAGE = {"jinja2", "pygal"}
DATABASE = {"pymysql", "sqlalchemy"}
PROGRAM = """
import json, sys
from jobs.cli.main import run
code = run(sys.argv[1:])
with open("imported.json", "w", encoding="utf-8") as file:
    json.dump(sorted(sys.modules), file)
sys.exit(code)
"""


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("leads.csv").write_text("Phone,First Name\n727-555-0112,Ann\n", "utf-8")


def imported_by(arguments: list[str], code: int = 0) -> set[str]:
    """Give the modules that a command has imported when it ends, of all that is named above."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return {*json.loads(Path("imported.json").read_text("utf-8"))} & (SLOW | OF_OTHER_JOBS)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["imprt"], 64),
        (["import", "--help"], 0),
        (["nightly", "--help"], 0),
        (["compare", "--help"], 0),
        (["config", "check", "--help"], 0),
        (["runs", "--nope"], 64),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
def test_who_asks_how_to_call_waits_for_no_library(arguments: list[str], code: int) -> None:
    # What went wrong is said as the log says it, by Rich.
    assert imported_by(arguments, code) <= ({"rich.console"} if code else set())


def test_columns_needs_no_database() -> None:
    imported = imported_by(["columns", "leads.csv"])
    assert {"pandas", "pyarrow"} <= imported
    assert not imported & (OF_OTHER_JOBS | PAGE | DATABASE | {"phonenumbers"})


def test_validate_without_a_page_needs_nothing_that_draws() -> None:
    arguments = ["validate", "leads.csv", "--database", "none"]
    assert not imported_by([*arguments, "--no-page"]) & (OF_OTHER_JOBS | PAGE)
    assert imported_by(arguments) & PAGE == PAGE


def test_import_needs_only_what_it_does() -> None:
    database = ["--database", "sqlite:///leads.sqlite"]
    assert run(["init", *database]) == 0
    arguments = ["import", "leads.csv", *database, "--list-id", "101"]
    assert not imported_by([*arguments, "--no-page"]) & (OF_OTHER_JOBS | PAGE)
    # Loaded before: nothing is drawn of it.
    assert not imported_by(arguments) & (OF_OTHER_JOBS | PAGE)


def test_a_command_is_built_when_it_is_called() -> None:
    program = (
        "from jobs.cli import main\n"
        "main.with_flags = lambda flags: 1 / 0\n"
        "raise SystemExit(main.run(['--help']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "dearchive" in done.stdout

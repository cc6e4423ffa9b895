"""The way of a new user, from the wheel to its removal, as the pages show it.

An installed program is called, as a user does; the dialer and its agents are SQL statements.
"""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from loader.dialer import ARCHIVE, LEADS
from tests.docs.installed import run, run_imported
from tests.docs.pages import ROOT
from tests.support.server import plain_engine
from tests.support.server import run as sql

pytestmark = pytest.mark.engines("sqlite", "innodb")

UGLY = (
    "Kunde;Tel. Nr;Vorname;Stra\xdfe;;\r\n"
    '1;"(727) 555-0101";J\xf6rg;"Am Tor 1";;\r\n'
    "2;727 555 0102;Ann;;;\r\n"
    "3;7275550101;J\xf6rg;twice;;\r\n"
    "4;555-0104;Bob;too short;;\r\n"
    ";;;;;\r\n"
    "5;+17275550105;Eva;1 Elm St;;\r\n"
).encode("latin-1")
NUMBER = 'phone_number = "Tel. Nr"'
SETTINGS = """\
mapping_file = "vendor.toml"
duplicate_check = "DUPSYS"
list_id = "101"
[nightly]
archive = ["worked"]
[archive.worked]
statuses = ["NA"]
called_before = "90d"
[[source]]
name = "vendor"
folder = "drop"
settle = "0s"
"""


class Walk:
    """A folder in which somebody types commands."""

    def __init__(self, program: Path, folder: Path, url: str) -> None:
        self.program, self.folder, self.url = program, folder, url

    def type(self, *arguments: str, code: int = 0) -> str:
        """Type a command; it ends with a code, and never with a traceback."""
        # One call is started as a user does it.
        call = run if "--version" in arguments else run_imported
        done = call(self.program, self.folder, *arguments, more={"LEADLOADER_DATABASE": self.url})
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said
        return said

    def count(self, table: str) -> int:
        return int(sql(self.url, f"SELECT COUNT(*) FROM {table}")[0][0])

    def summary(self, results: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / results / "summary.json").read_text())
        return found

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


@pytest.fixture
def walk(program: Path, tmp_path: Path, database_url: str) -> Walk:
    sql(database_url, "INSERT INTO vicidial_lists (list_id, active) VALUES (101, 'Y')")
    return Walk(program, tmp_path, database_url)


def test_the_way_of_a_new_user(walk: Walk) -> None:
    _look_around(walk)
    _check_settings(walk)
    _load_an_ugly_file(walk)
    _spend_a_night(walk)
    _take_back(walk)
    _archive_and_bring_back(walk)
    _remove(walk)


def _look_around(walk: Walk) -> None:
    assert "leadloader demo" in walk.type(code=64)
    assert walk.type("--version").startswith("leadloader ")
    assert "Examples:" in walk.type("import", "--help")
    walk.write("ugly.csv", UGLY)
    # Each message says what to type next.
    alone = ("--database", "none")
    assert "add --encoding cp1252" in walk.type("validate", "ugly.csv", *alone, code=65)
    said = walk.type("validate", "ugly.csv", *alone, "--encoding", "cp1252", code=65)
    assert "leadloader columns ugly.csv shows them" in said
    written = ("--encoding", "cp1252", "--write", "vendor.toml")
    assert f"--map {NUMBER.replace(' = ', '=')}" in walk.type("columns", "ugly.csv", *written)
    draft = (walk.folder / "vendor.toml").read_text("utf-8")
    walk.write("vendor.toml", draft.replace(f"# {NUMBER}", NUMBER))
    walk.type("validate", "ugly.csv", *alone, "--mapping-file", "vendor.toml", "--results", "look")
    summary = walk.summary("look")
    assert (summary["rows_read"], summary["rejected"]) == (5, 1)
    assert (walk.folder / "look" / "report.html").exists()


def _check_settings(walk: Walk) -> None:
    walk.write("leadloader.toml", SETTINGS.replace("duplicate_", "duplicat_"))
    wrong = "leadloader.toml, line 2: duplicat_check: there is no such setting"
    for command in (("config", "check", "--offline"), ("import", "ugly.csv")):
        said = walk.type(*command, code=78)
        assert wrong in said
        assert "did you mean duplicate_check?" in said
    walk.write("leadloader.toml", SETTINGS)
    assert "there is no folder drop" in walk.type("config", "check", code=78)
    (walk.folder / "drop").mkdir()
    walk.type("config", "check")
    walk.type("init")


def _load_an_ugly_file(walk: Walk) -> None:
    walk.type("import", "ugly.csv", "--results", "first")
    assert walk.count(LEADS) == walk.summary("first")["loaded"] == 3
    text = (walk.folder / "first" / "rejected.csv").read_text("utf-8")
    reasons = [row["reason"] for row in csv.DictReader(text.splitlines())]
    assert reasons == ["DUPLICATE_PHONE_NUMBER_IN_SYSTEM", "INVALID_PHONE_NUMBER_LENGTH"]
    # One is corrected; the other one is a duplicate whatever one does.
    walk.write("corrected.csv", text.replace('"555-0104"', '"727-555-0104"'))
    walk.type("import", "corrected.csv", "--results", "second")
    assert walk.summary("second")["rejected"] == 1
    assert walk.count(LEADS) == 4
    assert "loaded already" in walk.type("import", "ugly.csv", "--results", "third")
    assert walk.count(LEADS) == 4


def _spend_a_night(walk: Walk) -> None:
    head, *_ = UGLY.splitlines(keepends=True)
    walk.write("drop/new.csv", head + b"7;7275550107;Pia;x;;\r\n8;7275550108;Leo;x;;\r\n")
    walk.write("drop/bad.csv", "Phone,Name\n7275550109,Ida\n")
    walk.type("nightly", "--dry-run", code=65)
    assert sorted(path.name for path in (walk.folder / "drop").iterdir()) == ["bad.csv", "new.csv"]
    said = walk.type("nightly", code=65)
    assert "files: 1 failed, 1 loaded" in said or "files: 1 loaded, 1 failed" in said
    assert "bad.csv has no column 'Tel. Nr'" in said
    assert walk.count(LEADS) == 6
    (error,) = (walk.folder / "drop" / "failed").rglob("error.txt")
    assert "has no column 'Tel. Nr'" in error.read_text("utf-8")
    # Put right, and put back.
    walk.write("drop/bad.csv", head + b"9;7275550109;Ida;x;;\r\n")
    walk.type("nightly")
    assert walk.count(LEADS) == 7


def _take_back(walk: Walk) -> None:
    assert "drop/bad.csv" in walk.type("runs", "latest")
    assert "would be moved" in walk.type("undo", "latest", "--dry-run")
    assert walk.count(LEADS) == 7
    walk.type("undo", "latest")
    assert (walk.count(LEADS), walk.count(ARCHIVE)) == (6, 1)
    assert "undone" in walk.type("runs")


def _archive_and_bring_back(walk: Walk) -> None:
    sql(
        walk.url,
        f"UPDATE {LEADS} SET status = 'NA', called_count = 3, last_local_call_time = "
        "'2026-01-02 10:00:00', entry_date = '2026-01-01 10:00:00' WHERE lead_id <= 3",
    )
    said = walk.type("archive", "--rule", "worked", "--dry-run")
    assert "3 leads would be archived" in said
    assert "by age since the last call:" in said
    walk.type("archive", "--rule", "worked", "--results", "out", "--ignore-office-hours")
    assert (walk.count(LEADS), walk.count(ARCHIVE)) == (3, 4)
    walk.type("dearchive", "--lead-ids-file", "out/moved.csv")
    assert (walk.count(LEADS), walk.count(ARCHIVE)) == (6, 1)
    # The night leaves alone what somebody has just brought back.
    assert "worked  0 moved  3 stayed" in walk.type("nightly")
    assert walk.count(LEADS) == 6


def _remove(walk: Walk) -> None:
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    drops = re.findall(r"^DROP TABLE (?:IF EXISTS )?(.*);$", page, re.MULTILINE)
    tables = ", ".join(drops).split(", ")
    walk.type("keys", "make", "night", "--may", "archive")
    ours = {each for each in tables_of(walk.url) if each.startswith("leadloader_")}
    assert {*tables} == ours | {"leadloader_leases"}, "which are on clusters alone"
    sql(walk.url, *(f"DROP TABLE IF EXISTS {each}" for each in tables))
    assert "has no ledger yet" in walk.type("runs", code=64)
    # The dialer's tables, and the leads, are as they were.
    assert (walk.count(LEADS), walk.count(ARCHIVE)) == (6, 1)


def tables_of(url: str) -> list[str]:
    engine = plain_engine(url)
    found = inspect(engine).get_table_names()
    engine.dispose()
    return found

"""A ledger that is a file, and that something has happened to."""

from pathlib import Path

import pytest

from jobs.cli.main import run
from loader.database.connection import Database
from loader.errors import DamagedFileError
from loader.ledger.file import LedgerFile
from loader.ledger.place import file_name
from loader.ledger.runs import Ledger
from tests.support.loads import Loads

pytestmark = pytest.mark.engines("sqlite")

SIZE = 4096
"""Bytes of a page."""


@pytest.fixture
def ledger(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, of one load, of a database in which no ledger can be."""
    monkeypatch.setattr("loader.ledger.runs.why_not_in", lambda _: "the account may make no table")
    Loads(tmp_path).load([{"phone_number": "7275550001"}], database, list_id="101")
    [path] = tmp_path.rglob(file_name(database))
    return path


def test_a_file_is_the_ledger(database: Database, ledger: Path) -> None:
    opened = Ledger.open(database, ledger.parent)
    assert isinstance(opened.database, LedgerFile)
    assert (len(opened.runs()), opened.remark.startswith(f"the ledger is the file {ledger}")) == (
        1, True
    )  # fmt: skip


@pytest.mark.sample(2)
@pytest.mark.parametrize("how", ["no database", "cut", "begins so", "zeros", "one page is none"])
def test_a_garbled_file_is_named(
    database: Database, ledger: Path, tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = ledger.read_bytes()
    garbled = {
        "no database": b"these are notes\n" * 100,
        "cut": whole[: len(whole) // 2],
        "begins so": whole[:50],
        "zeros": bytes(len(whole)),
        "one page is none": whole[:SIZE] + b"\xff" * (len(whole) - SIZE),
    }
    ledger.write_bytes(garbled[how])
    for open_ledger in (Ledger.open, Ledger.to_read):
        with pytest.raises(DamagedFileError, match="or is no SQLite database") as raised:
            open_ledger(database, ledger.parent).runs()
        assert str(ledger) in str(raised.value)
    path = Loads(tmp_path).file([{"phone_number": "7275550002"}])
    url = database.engine.url.render_as_string(hide_password=False)
    folder = ["--results", str(ledger.parent / "next"), "--database", url]
    for command in (["import", str(path), "--list-id", "101"], ["undo", "latest"]):
        assert run([*command, *folder]) == 78
        said = capsys.readouterr().err
        assert f"the ledger {ledger} is damaged" in said
        assert "put back a copy of it from before, or move it away" in said
    assert ledger.read_bytes() == garbled[how]
    ledger.write_bytes(whole)
    assert run(["import", str(path), "--list-id", "101", *folder]) == 0


def test_a_garbled_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "dialer.sqlite"
    path.write_text("no database")
    with pytest.raises(DamagedFileError, match="put back a copy of it from before") as raised:
        Database(f"sqlite:///{path}").read(lambda it: it.exec_driver_sql("SELECT * FROM a"))
    assert str(raised.value).startswith(f"the SQLite database {path} is damaged, or is none")

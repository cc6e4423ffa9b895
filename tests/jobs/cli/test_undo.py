"""The command undo: what it says, writes and exits with, and how it shares with others."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from jobs.undo.job import UndoJob, undo
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.database.locks import lock
from loader.errors import BusyError, RejectRateError, UsageError
from loader.ledger.runs import Ledger
from loader.options.archive import ArchiveOptions
from loader.signals import Interrupted, Stop
from loader.undo.loaded_leads import LoadedLeads
from loader.undo.report import UndoReport
from tests.support.archives import rows as rows_of
from tests.support.archives import sql
from tests.support.loads import Loads, Outcome
from tests.support.server import PrivateServer
from tests.support.step_kills import Killed, Point, killed_at
from tests.support.undos import (
    LEADS,
    ROWS,
    drop_archives,
    folder,
    options,
    prepare,
    report_counts,
    tables,
)

ON_SQLITE = pytest.mark.engines("sqlite")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


@pytest.fixture
def before(database: Database) -> Iterator[dict[str, Any]]:
    """What there is before the load."""
    prepare(database)
    yield tables(database)
    drop_archives(database)


@pytest.fixture
def outcome(before: dict[str, Any], database: Database, tmp_path: Path) -> Outcome:
    loads = Loads(tmp_path)
    return loads.load(loads.file(ROWS), database, **options("update"))


def command(database: Database, *arguments: str) -> int:
    address = database.engine.url.render_as_string(hide_password=False)
    return run(["undo", *arguments, "--database", address])


@ON_SQLITE
def test_it_says_what_it_did(
    database: Database, outcome: Outcome, capfd: pytest.CaptureFixture[str]
) -> None:
    called = outcome.lead_ids[2]
    sql(database, f"UPDATE {LEADS} SET called_count = 1, status = 'NA' WHERE lead_id = {called}")
    assert command(database, outcome.summary.run, "--dry-run") == 0
    shown = capfd.readouterr()
    lines = shown.out.splitlines()
    for line in (
        f"undo of {outcome.summary.run} ({outcome.summary.file.name})",
        "leads of the run           3",
        "  would be moved           2",
        "  CALLED                   1  it was called since; the details have its status",
        "changes of existing leads  8",
        "  would be reverted        8",
        "a dry run: nothing was written to the database",
    ):
        assert line in lines
    assert command(database, outcome.summary.run) == 0
    shown = capfd.readouterr()
    said, results = lines[-1], shown.out.splitlines()[-1]
    assert said.startswith("results: ")
    assert results.startswith(f"results: {Path.cwd()}/results/")
    assert "  moved                    2" in shown.out.splitlines()
    assert shown.err.startswith(f"undo of {outcome.summary.run}; results in ")
    assert "7275550001" not in shown.out + shown.err
    assert command(database, outcome.summary.run) == 0
    assert "was undone before, and nothing more can be undone" in capfd.readouterr().err


@ON_SQLITE
def test_it_says_it_as_json(
    database: Database, outcome: Outcome, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(database, outcome.summary.run, "--json", "--quiet") == 0
    shown = capfd.readouterr()
    report = UndoReport.model_validate_json(shown.out)
    assert report_counts(report) == (3, 3, {}, 8, 8, {})
    assert shown.err == ""
    in_folder = (Path(report.results) / "summary.json").read_text("utf-8")
    assert json.loads(in_folder) == json.loads(shown.out)


@pytest.mark.sample(1)
@ON_SQLITE
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nobody"], 64, "there is no run nobody in the ledger"),
        (["nobody", "--dry-run"], 64, "there is no run nobody in the ledger"),
        (["nobody", "--chunk-size", "0"], 64, "--chunk-size: give at least 1"),
        ([], 64, "Missing argument"),
    ],
    ids=["unknown", "unknown-dry", "setting", "none"],
)
def test_what_it_refuses(
    database: Database,
    outcome: Outcome,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    loaded = tables(database)
    assert command(database, *arguments) == code
    assert said in capfd.readouterr().err
    assert tables(database) == loaded
    assert not Path("results").exists()


@ON_SQLITE
def test_a_run_that_inserted_nothing(
    before: dict[str, Any], database: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loads = Loads(tmp_path)
    with pytest.raises(RejectRateError):
        loads.load(loads.file(ROWS), database, **options("update"), max_duplicate_rate=0.1)
    [refused] = Ledger(database, is_shared=True).runs()
    assert command(database, refused.run) == 64
    assert f"run {refused.run} inserted nothing" in capfd.readouterr().err


@ON_SQLITE
def test_a_dry_run_makes_no_ledger(database: Database, capfd: pytest.CaptureFixture[str]) -> None:
    assert command(database, "nobody", "--dry-run") == 64
    assert "has no ledger" in capfd.readouterr().err
    assert sql(database, "SELECT name FROM sqlite_master WHERE name LIKE 'leadloader%'") == []


def test_a_signal_ends_it_and_the_same_call_goes_on(
    before: dict[str, Any], database: Database, outcome: Outcome, tmp_path: Path
) -> None:
    said: list[str] = []

    def stopped(_stage: str, leads: int, _share: float) -> None:
        if leads == 2:
            signal.raise_signal(signal.SIGTERM)

    one_by_one = ArchiveOptions(chunk_size=1)
    run_name, say = outcome.summary.run, said.append
    with Stop() as stop:
        watchers = Watchers(progress=stopped, stop=stop, say=say)
        with pytest.raises(Interrupted, match="SIGTERM"):
            undo(run_name, database, folder(tmp_path), options=one_by_one, watchers=watchers)
    assert len(rows_of(database)) == 3
    assert Ledger(database, is_shared=True).run(run_name).state == "undoing"
    with pytest.raises(BusyError, match="is being undone"):
        Loads(tmp_path / "again").load(tmp_path / "leads-1.csv", database, **options("update"))
    # Wherever it is told to write, it goes on in its own folder.
    other = tmp_path / "other"
    report = undo(run_name, database, other, watchers=Watchers(say=say))
    assert report_counts(report) == (3, 3, {}, 8, 8, {})
    assert report.results == str(folder(tmp_path))
    assert not other.exists()
    assert tables(database) == before
    assert [each.split(" of ")[0] for each in said] == ["undo", "continuing the undo"]


@pytest.fixture
def broken_off(database: Database, outcome: Outcome, tmp_path: Path) -> str:
    """A run of which an undo was killed before it moved a lead."""
    with killed_at(Point(LoadedLeads, "take", "before"), 1), pytest.raises(Killed):
        undo(outcome.summary.run, database, folder(tmp_path))
    return outcome.summary.run


@ON_SQLITE
def test_another_undo_keeps_out_of_the_folder(
    database: Database, broken_off: str, tmp_path: Path
) -> None:
    loads = Loads(tmp_path / "other")
    loads.folder.mkdir()
    other = loads.load([ROWS[0] | {"phone_number": "7275550199"}], database, **options("update"))
    leads = rows_of(database)
    with pytest.raises(UsageError, match=r"holds what the undo .* needs, .* name another folder"):
        undo(other.summary.run, database, folder(tmp_path))
    assert Ledger(database, is_shared=True).run(other.summary.run).state == "done"
    assert rows_of(database) == leads
    assert undo(broken_off, database).of_run == broken_off


@pytest.mark.sample(1)
@ON_SQLITE
@pytest.mark.parametrize("content", ['{"run": "x"}', "{}", "[]", "", "\x00"])
def test_another_run_s_summary_is_not_taken_for_its_own(
    database: Database, before: dict[str, Any], broken_off: str, tmp_path: Path, content: str
) -> None:
    summary = folder(tmp_path) / "summary.json"
    summary.write_text(content)
    with pytest.raises(UsageError, match=r"the results of another run, .* move those"):
        undo(broken_off, database)
    assert Ledger(database, is_shared=True).run(broken_off).state == "undoing"
    summary.unlink()
    assert report_counts(undo(broken_off, database)) == (3, 3, {}, 8, 8, {})
    assert tables(database) == before


@ON_SQLITE
def test_the_ledger_is_where_the_settings_have_it(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside: list[Path] = []

    def to_read(_of: Database, folder: Path) -> Ledger:
        beside.append(folder)
        raise UsageError("not here")

    monkeypatch.setattr(Ledger, "to_read", to_read)
    monkeypatch.setattr(settings_module.Settings, "ledger_folder", tmp_path / "ledger")
    assert command(database, "nobody", "--dry-run") == 64
    assert beside == [tmp_path / "ledger"]


def test_a_signal_on_the_command_line(
    database: Database, outcome: Outcome, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def ended(_undoing: UndoJob) -> None:
        raise Interrupted("SIGTERM")

    monkeypatch.setattr(UndoJob, "_wait", ended)
    assert command(database, outcome.summary.run) == 143
    assert "SIGTERM came" in capfd.readouterr().err


def test_one_at_a_time(database: Database, outcome: Outcome, tmp_path: Path) -> None:
    record = Ledger(database, is_shared=True).run(outcome.summary.run)
    name = f"{record.sha256} {record.options_sha256}"
    with lock(database, name, "it is being loaded"), pytest.raises(BusyError, match="or undone"):
        undo(record.run, database, folder(tmp_path))
    assert not folder(tmp_path).exists()


@pytest.mark.engines("myisam", "innodb")
def test_a_ledger_that_is_a_file(
    before: dict[str, Any], database: Database, private_server: PrivateServer, tmp_path: Path
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    account = make_url(private_server.new_account(url))
    for right, on in (
        ("SELECT", "*"), ("INSERT, UPDATE, DELETE", LEADS),
        *(("CREATE, ALTER, INSERT, UPDATE, DELETE", f"{name}{suffix}") for name in CHILDREN
          for suffix in ("", "_archive")),
        ("INSERT, UPDATE, DELETE", "vicidial_list_archive"),
        ("INSERT, DELETE", "vicidial_hopper"),
    ):  # fmt: skip
        private_server.execute(
            f"GRANT {right} ON {account.database}.{on} TO {account.username}@'%'"
        )
    theirs = Database(account.render_as_string(hide_password=False))
    loads = Loads(tmp_path)
    outcome = loads.load(loads.file(ROWS), theirs, **options("update"))
    [file] = tmp_path.glob("ledger*.sqlite")
    for dry_run in (True, False):
        results = folder(tmp_path, f"dry-{dry_run}")
        report = undo(outcome.summary.run, theirs, results, dry_run=dry_run)
        assert report_counts(report) == (3, 3, {}, 8, 8, {})
    theirs.engine.dispose()
    assert f"the ledger is the file {file}" in report.remarks[-1]
    assert tables(database) == before


CHILDREN = ("vicidial_list_alt_phones", "vicidial_callbacks", "custom_101", "custom_102")

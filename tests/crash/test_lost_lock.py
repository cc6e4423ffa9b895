"""A process whose lock is lost while another one takes its run over, and runs that are given up."""

import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jobs.cli.main import run as run_command
from jobs.load import job, resume
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.errors import BusyError, ConfigurationError
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.writing.writer import Writer
from tests.support.loads import Loads, load_file, outcome_of
from tests.support.server import run
from tests.support.step_kills import Killed, Point, killed_at

pytestmark = pytest.mark.engines("myisam", "innodb")

ROWS = [{"phone_number": str(7_275_551_000 + n), "first_name": f"n{n}"} for n in range(10)]
ROWS[4]["phone_number"] = "12"
OPTIONS = LoadOptions(list_id="101", batch_size=3, chunk_size=2)
SENT = Point(Writer, "write", "after")


def end_sessions(url: str) -> None:
    """End all sessions of a database, as a restart or a firewall does: their locks are free."""
    others = (
        "SELECT id FROM information_schema.processlist "
        "WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    )
    for (session,) in run(url, others):
        run(url, f"KILL {session}")


@pytest.mark.sample(1)
@pytest.mark.parametrize("dies", [True, False], ids=["second dies", "second completes"])
@pytest.mark.parametrize(("stage", "nth"), [("check", 1), ("check", 4), ("insert", 1)])
def test_the_process_that_lost_ends_and_the_run_is_completed(
    stage: str, nth: int, dies: bool, database: Database, database_url: str, tmp_path: Path
) -> None:
    path, results, count = Loads(tmp_path).file(ROWS), tmp_path / "results", itertools.count(1)

    def second(at: str, _done: int, _share: float) -> None:
        if at != stage or next(count) != nth:
            return
        end_sessions(database_url)
        other = Database(database_url)
        try:
            if dies:
                with pytest.raises(Killed), killed_at(SENT, 1):
                    load_file(path, OPTIONS, other, results)
            else:
                load_file(path, OPTIONS, other, results)
        finally:
            other.engine.dispose()

    with pytest.raises(BusyError, match="taken over by another process") as caught:
        load_file(path, OPTIONS, database, results, watchers=Watchers(progress=second))
    assert caught.value.exit_code == 75
    if dies:
        end_sessions(database_url)
        load_file(path, OPTIONS, Database(database_url), results)
    outcome = outcome_of(results)
    assert (outcome.summary.loaded, len(outcome.rejected)) == (9, 1)
    numbers = run(database_url, "SELECT phone_number FROM vicidial_list ORDER BY phone_number")
    assert [number for (number,) in numbers] == sorted(
        row["phone_number"] for row in ROWS if row["phone_number"] != "12"
    )
    assert not (results / ".work").exists()


@pytest.mark.parametrize(
    ("module", "step"), [(resume, "take_over"), (job, "_open_results")], ids=["resumes", "begins"]
)
def test_the_process_that_lost_removes_nothing_of_the_run(
    module: ModuleType, step: str, database: Database, database_url: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It stands still at a step, while another one takes over, and dies when a batch is in."""
    path, results = Loads(tmp_path).file(ROWS), tmp_path / "results"
    original = getattr(module, step)

    def dies() -> None:
        end_sessions(database_url)
        with pytest.raises(Killed), killed_at(SENT, 1):
            load_file(path, OPTIONS, Database(database_url), results)
        end_sessions(database_url)

    def stand_still(*arguments: Any) -> Any:
        monkeypatch.setattr(module, step, original)
        dies()
        return original(*arguments)

    if step == "take_over":
        dies()
    monkeypatch.setattr(module, step, stand_still)
    with pytest.raises(BusyError, match="taken over by another process"):
        load_file(path, OPTIONS, database, results)
    (last,) = Ledger.open(database, tmp_path).runs()
    assert [plan.parent.name for plan in results.glob(".work/*/plan.json")] == [last.owner]
    load_file(path, OPTIONS, Database(database_url), results)
    outcome = outcome_of(results)
    assert (outcome.summary.loaded, len(outcome.rejected)) == (9, 1)
    assert len(run(database_url, "SELECT phone_number FROM vicidial_list")) == 9
    assert not (results / ".work").exists()


def test_a_run_that_cannot_be_completed_is_given_up_and_undone(
    database: Database, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, results = Loads(tmp_path).file(ROWS), tmp_path / "results"
    with pytest.raises(Killed), killed_at(SENT, 2):
        load_file(path, OPTIONS, database, results)
    for plan in (results / ".work").glob("*/plan.json"):
        plan.unlink()
    with pytest.raises(ConfigurationError, match=r"missing here.* leadloader runs .* --forget"):
        load_file(path, OPTIONS, database, results)
    name = Ledger.open(database, tmp_path).runs()[0].run
    told = ["--database", database_url]
    assert run_command(["runs", name, "--forget", *told]) == 0
    assert f"run {name} is given up; 2 rows or more are loaded" in capsys.readouterr().out
    assert not (results / ".work").exists()
    assert run_command(["runs", name, "--forget", *told]) == 64
    with pytest.raises(ConfigurationError, match=f"leadloader undo {name}"):
        load_file(path, OPTIONS, database, tmp_path / "again")
    assert run_command(["undo", name, *told, "--results", str(tmp_path / "undo")]) == 0
    assert run(database_url, "SELECT COUNT(*) FROM vicidial_list") == [(0,)]
    load_file(path, OPTIONS, database, tmp_path / "again")
    assert outcome_of(tmp_path / "again").summary.loaded == 9


def test_a_run_that_loaded_nothing_is_forgotten(
    database: Database, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, results = Loads(tmp_path).file(ROWS), tmp_path / "results"
    with pytest.raises(Killed), killed_at(Point(Ledger, "insert", "after"), 1):
        load_file(path, OPTIONS, database, results)
    name = Ledger.open(database, tmp_path).runs()[0].run
    assert run_command(["runs", name, "--forget", "--database", database_url]) == 0
    assert "nothing is loaded" in capsys.readouterr().out
    load_file(path, OPTIONS, database, results)
    assert outcome_of(results).summary.loaded == 9

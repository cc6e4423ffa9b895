"""Undos that are killed at a point: the dialer, and what there is when all is undone."""

from pathlib import Path
from typing import Any, NamedTuple

from loader.database.connection import Database
from loader.ledger.runs import Ledger
from loader.undo.report import UndoReport
from tests.support.archives import ARCHIVE
from tests.support.archives import rows as rows_of
from tests.support.loads import Loads
from tests.support.proxy import Moment
from tests.support.undos import ROWS, csv_of, options, prepare, report_counts, tables


class Crash(NamedTuple):
    """What is lost, when, at the how many-th statement that begins so."""

    what: str
    moment: Moment
    statement: str
    nth: int


class Dialer(NamedTuple):
    """A dialer with a load that is to be undone."""

    database: Database
    run: str
    before: dict[str, Any]
    new: set[int]


def load_leads(database: Database, folder: Path) -> Dialer:
    """Fill an empty dialer, and load what is to be undone."""
    prepare(database)
    before = tables(database)
    loads = Loads(folder)
    outcome = loads.load(loads.file(ROWS), database, **options("update"))
    new = {outcome.lead_ids[row] for row in (2, 3, 4)}
    return Dialer(database, outcome.summary.run, before, new)


def assert_undone(dialer: Dialer, report: UndoReport) -> None:
    """All is as if nothing had happened on the way, and so are the results."""
    assert tables(dialer.database) == dialer.before
    assert set(rows_of(dialer.database, ARCHIVE)) == dialer.new
    assert report_counts(report) == (3, 3, {}, 8, 8, {})
    results = Path(report.results)
    assert {int(row["lead_id"]) for row in csv_of(results, "moved.csv")} == dialer.new
    assert len(csv_of(results, "reverted.csv")) == 8
    assert csv_of(results, "stayed.csv") == []
    assert {path.name for path in results.iterdir()} == {
        "moved.csv", "reverted.csv", "stayed.csv", "summary.json", "summary.txt",
    }  # fmt: skip
    ledger = Ledger(dialer.database, is_shared=True)
    assert ledger.run(dialer.run).state == "undone"
    undos = [each for each in ledger.runs() if each.of_run == dialer.run]
    assert [(each.run, each.state) for each in undos] == [(report.run, "done")]


def report_in(results: Path) -> UndoReport:
    return UndoReport.model_validate_json((results / "summary.json").read_text("utf-8"))

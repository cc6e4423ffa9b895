"""Which run of another process has a file that went away."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.nightly.others import runs_of_others
from loader.database.connection import Database
from loader.database.locks import lock
from loader.ledger.records import RunRecord
from loader.ledger.runs import Ledger

HOST = os.uname().nodename
SINCE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.of_target("dialer", tmp_path)


def note(ledger: Ledger, name: str, *, host: str, minutes: int | None, sha256: str = "") -> None:
    """Note an import of a.csv, which ended so many minutes after `SINCE`, or did not."""
    ended = None if minutes is None else SINCE + timedelta(minutes=minutes)
    state = "inserting" if ended is None else "done"
    ledger.insert(
        RunRecord(
            run=name, job="import", began=SINCE - timedelta(days=1), source="/drop/a.csv",
            host=host, pid=os.getpid() + 1, ended=ended, state=state, sha256=sha256,
        )
    )  # fmt: skip


def found(ledger: Ledger, database: Database | None = None) -> dict[str, str]:
    runs = runs_of_others({"a.csv"}, ledger, database, SINCE)
    return {name: run.run for name, run in runs.items()}


def test_the_night_of_an_hour_ago_on_this_machine_had_another_file(ledger: Ledger) -> None:
    note(ledger, "before", host=HOST, minutes=-30)
    assert found(ledger) == {}
    note(ledger, "now", host=HOST, minutes=1)
    assert found(ledger) == {"a.csv": "now"}


def test_the_clock_of_another_machine_may_be_wrong(ledger: Ledger) -> None:
    note(ledger, "other", host="other", minutes=-30)
    assert found(ledger) == {"a.csv": "other"}


def test_a_run_that_was_killed_took_no_file(ledger: Ledger, database: Database) -> None:
    note(ledger, "killed", host="other", minutes=None, sha256="1")
    assert found(ledger, database) == {}
    note(ledger, "lives", host="third", minutes=None, sha256="2")
    with lock(database, "2 ", "a.csv is being loaded"):
        assert found(ledger, database) == {"a.csv": "lives"}


def test_of_two_runs_of_one_name_nobody_knows_which_it_was(ledger: Ledger) -> None:
    note(ledger, "one", host="other", minutes=1)
    note(ledger, "two", host="other", minutes=2)
    assert found(ledger) == {}

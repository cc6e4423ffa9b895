"""The ledger: where it is, what it keeps of batches, and that it tells changed leads."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from loader.database.connection import Database
from loader.errors import LoadedBeforeError, UsageError
from loader.findings import notices
from loader.ledger.encoding import decode_extra, decode_inserted, encode_extra, encode_inserted
from loader.ledger.records import RunRecord
from loader.ledger.run_batches import RunBatches
from loader.ledger.runs import Ledger
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.writing.batch import Inserted
from loader.writing.differences import Difference
from loader.writing.extras import InsertedExtra
from loader.writing.fingerprints import read_fingerprints
from tests.support.loads import Loads, load_file
from tests.support.server import Server, run

ROWS = [{"phone_number": f"72755510{n:02}", "first_name": f"Ann{n}"} for n in range(7)]


def record(run: str, **columns: Any) -> RunRecord:
    return RunRecord(
        run=run, job="import", began=datetime(2026, 11, 22, 3, 0, 0, 250, UTC), **columns
    )


def test_a_run_is_read_back_as_it_was_noted(database: Database, tmp_path: Path) -> None:
    ledger = Ledger.open(database, tmp_path)
    full = record(
        "r1", source="Leute.csv", sha256="ab", options_sha256="cd", options={"list_id": "101"},
        mapping={"first_name": "Vorname ☎"}, os_user="me", host="here", pid=2**31,
        ended=datetime(2026, 11, 22, 4, tzinfo=UTC), state="done", message="é", rows_read=7,
        loaded=5, rejected=2, counts={"reasons": {"X": 2}}, results="/there", of_run="",
    )  # fmt: skip
    ledger.insert(full)
    ledger.insert(record("r2"))
    assert ledger.run("r1") == full
    assert [each.run for each in ledger.runs()] == ["r2", "r1"]
    assert [each.run for each in ledger.runs(1)] == ["r2"]
    with pytest.raises(UsageError, match="there is no run r3"):
        ledger.run("r3")


def test_a_run_is_found_by_the_begin_of_its_name(database: Database, tmp_path: Path) -> None:
    ledger = Ledger.open(database, tmp_path)
    with pytest.raises(UsageError, match="there is no run latest"):
        ledger.find("latest")
    for hour, name in enumerate(("20261122-aa", "20261122-ab", "20261123-a", "20261122-a", "x_y")):
        ledger.insert(replace(record(name), began=datetime(2026, 11, 22, hour, tzinfo=UTC)))
    names = {each: ledger.find(each).run for each in ("20261123", "20261122-ab", "latest", "x_")}
    assert names == {
        "20261123": "20261123-a", "20261122-ab": "20261122-ab", "latest": "x_y", "x_": "x_y"
    }  # fmt: skip
    # Of a whole name there is one, whatever begins so.
    assert ledger.find("20261122-a").run == "20261122-a"
    several = "several runs begin with 2026112: 20261122-a, 20261123-a, 20261122-ab, 20261122-aa;"
    with pytest.raises(UsageError, match=several):
        ledger.find("2026112")
    with pytest.raises(UsageError, match="there is no run x%"):
        ledger.find("x%")


@pytest.mark.parametrize(
    ("state", "job", "found"),
    [
        ("checking", "import", True),
        ("inserting", "import", True),
        ("done", "import", True),
        ("undoing", "import", True),
        ("refused", "import", False),
        ("undone", "import", False),
        ("done", "undo", False),
    ],
)
def test_what_counts_as_the_same_file(
    state: str, job: str, found: bool, database: Database, tmp_path: Path
) -> None:
    ledger = Ledger.open(database, tmp_path)
    same = record("r1", sha256="ab", options_sha256="cd", state=state)
    ledger.insert(RunRecord(**{**vars(same), "job": job}))
    assert (ledger.same_file("ab", "cd") is not None) == found
    assert ledger.same_file("ab", "other") is None


def test_leads_are_as_they_were_stored_until_somebody_changes_them(
    database: Database, tmp_path: Path
) -> None:
    outcome = Loads(tmp_path).load(ROWS, database, batch_size=3)
    ledger = Ledger.open(database, tmp_path)
    stored = pd.concat(RunBatches(ledger, outcome.summary.run).new_leads()).set_index("lead_id")
    assert stored["row_number"].tolist() == list(outcome.lead_ids)
    columns = outcome_columns(database)
    now = read_fingerprints(database, stored.index, columns)
    assert now.tolist() == stored["fingerprint"].tolist()
    changed = stored.index[4]
    url = database.engine.url.render_as_string(hide_password=False)
    run(url, f"UPDATE vicidial_list SET first_name = 'ann4' WHERE lead_id = {changed}")
    again = read_fingerprints(database, stored.index, columns)
    assert again.index[again != stored["fingerprint"]].tolist() == [changed]


def outcome_columns(database: Database) -> list[str]:
    with database.connect() as connection:
        found = connection.exec_driver_sql("SELECT * FROM vicidial_list WHERE 1 = 0")
        return list(found.keys())


@pytest.mark.engines("myisam", "innodb")
def test_without_the_right_to_make_tables_it_is_a_file(
    database: Database, database_url: str, server: Server, tmp_path: Path
) -> None:
    for table in ("version", "runs", "batches", "changes"):
        run(database_url, f"DROP TABLE IF EXISTS leadloader_{table}")
    url = server.new_account(database_url)
    named = make_url(url)
    rights = "SELECT, INSERT, UPDATE, DELETE"
    server.execute(f"GRANT {rights} ON {named.database}.* TO {named.username}@'%'")
    account = Database(url)
    loads = Loads(tmp_path)
    path = loads.file(ROWS)
    outcome = loads.load(path, account)
    assert list(tmp_path.glob("ledger-*.sqlite"))
    [remark] = [each for each in outcome.summary.remarks if "ledger" in each]
    assert "the ledger is the file" in remark
    assert "may not make tables named leadloader_*" in remark
    with pytest.raises(LoadedBeforeError):
        load_file(path, LoadOptions(), account, tmp_path / "again")
    account.engine.dispose()


@given(
    rows=st.lists(st.integers(2, 10**9), unique=True, max_size=50),
    data=st.data(),
)
@pytest.mark.property
def test_what_became_of_rows_is_kept(rows: list[int], data: st.DataObject) -> None:
    rows = sorted(rows)
    ids = data.draw(st.lists(st.integers(1, 2**40), min_size=len(rows), max_size=len(rows)))
    follow_on = data.draw(st.booleans())
    lead_ids = range(5, 5 + len(rows)) if follow_on else ids
    prints = data.draw(st.lists(st.integers(0, 2**32 - 1), min_size=len(rows), max_size=len(rows)))
    index = pd.Index(rows, dtype="int64")
    inserted = Inserted(
        pd.Series([*lead_ids], index=index, dtype="int64"),
        {3: 1644},
        (5, 7),
        pd.Series(prints, index=index, dtype="uint32"),
        (Difference(5, "city", "Paris", ""),),
    )
    kept = decode_inserted(json.loads(json.dumps(encode_inserted(inserted))))
    pd.testing.assert_series_equal(kept.lead_ids, inserted.lead_ids)
    pd.testing.assert_series_equal(kept.fingerprints, inserted.fingerprints)
    assert (kept.refused, kept.changed) == ({3: 1644}, (5, 7))
    assert kept.differences == inserted.differences


def test_what_came_with_leads_is_kept() -> None:
    numbers = pd.Series([9, 8], index=pd.Index([2, 4], dtype="int64"), dtype="int64")
    held = notices(
        pd.Index([4, 4], dtype="int64"),
        Notice.OTHER_NUMBER_REMOVED,
        phone_number=pd.Series(["7275551212", "7275551213"], index=[4, 4]),
    )
    differences = (Difference(4, "tm", "1:05 PM", "01:05:00"),)
    extra = InsertedExtra((2, 4), {3: 1062}, (4,), numbers, differences, held)
    kept = decode_extra(json.loads(json.dumps(encode_extra(extra))))
    assert (kept.stored, kept.refused, kept.changed) == ((2, 4), {3: 1062}, (4,))
    assert kept.differences == extra.differences
    pd.testing.assert_series_equal(kept.generated, numbers)
    pd.testing.assert_frame_equal(kept.held, held)
    assert np.issubdtype(kept.generated.dtype, np.int64)

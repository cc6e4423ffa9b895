"""While leads are archived the dialer goes on writing to them, and none of it is lost."""

import csv
import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pymysql
import pytest

from jobs.cli.main import run as run_command
from loader.database import schema
from tests.support.proxy import Proxy
from tests.support.server import Server, driver_options, plain_engine, run
from tests.support.worked_leads import PROCESSED, insert_leads

pytestmark = pytest.mark.engines("myisam", "innodb")

MANY, SEED = 8_000, 4
DELETING = b"\x00\x03DELETE"
"""How the first packet of the statement begins, behind its length."""


@pytest.fixture
def url(server: Server, engine_name: str) -> str:
    """The address of a dialer's database of its own, without leads."""
    url = server.new_database()
    engine = plain_engine(url)
    schema.create_missing(engine, storage_engine=engine_name)
    engine.dispose()
    return url


class Writer:
    """Updates leads as the dialer does, most often those that are about to be archived.

    Attributes:
        updates: how often each lead was updated that was there, by lead_id.
        last: the comments of its last update.
    """

    def __init__(self, url: str) -> None:
        self._connection = pymysql.connect(**driver_options(url), autocommit=True)
        self._random = np.random.default_rng(SEED)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.updates: Counter[int] = Counter()
        self.last: dict[int, str] = {}

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._connection.close()

    def _write(self) -> None:
        number = 0
        with self._connection.cursor() as cursor:
            while not self._ended.is_set():
                cursor.execute("SELECT MIN(lead_id) FROM vicidial_list")
                (first,) = cursor.fetchone() or (None,)
                near = (first or 1) + self._random.integers(0, 1000, 20)
                anywhere = self._random.integers(1, MANY + 1, 10)
                for lead_id in [*near.tolist(), *anywhere.tolist()]:
                    number += 1
                    comments = f"call {number}"
                    found = cursor.execute(
                        "UPDATE vicidial_list SET called_count = called_count + 1,"
                        " comments = %s, last_local_call_time = NOW() WHERE lead_id = %s",
                        [comments, lead_id],
                    )
                    if found:
                        self.updates[lead_id] += 1
                        self.last[lead_id] = comments


def archive(url: str, results: Path, *more: str) -> tuple[dict[str, Any], dict[int, str]]:
    """Archive all processed leads; give the summary, and why leads stayed, by lead_id."""
    statuses = ["--statuses", ",".join(PROCESSED)]
    arguments = ["--database", url, "--results", str(results), "--quiet", *statuses, *more]
    assert run_command(["archive", *arguments]) == 0
    with (results / "stayed.csv").open(newline="") as file:
        stayed = {int(row["lead_id"]): row["why"] for row in csv.DictReader(file)}
    return json.loads((results / "summary.json").read_text()), stayed


def test_an_archive_loses_no_update_of_a_busy_writer(url: str, tmp_path: Path) -> None:
    insert_leads(url, MANY, MANY)
    columns = "lead_id, called_count, comments"
    before = run(url, f"SELECT {columns} FROM vicidial_list")
    with Writer(url) as writer:
        _, stayed = archive(url, tmp_path / "1")
    assert set(stayed.values()) <= {"CHANGED"}
    assert set(stayed) <= set(writer.updates)
    left = {row[0] for row in run(url, "SELECT lead_id FROM vicidial_list")}
    assert left == set(stayed)
    summary, stayed = archive(url, tmp_path / "2")
    assert (summary["insert_count"], stayed) == (0, {})
    assert summary["update_count"] == summary["delete_count"] == len(left)
    assert run(url, "SELECT lead_id FROM vicidial_list") == []
    expected = [
        (lead_id, calls + writer.updates[lead_id], writer.last.get(lead_id, comments))
        for lead_id, calls, comments in before
    ]
    assert sorted(run(url, f"SELECT {columns} FROM vicidial_list_archive")) == sorted(expected)
    # Otherwise it proves nothing.
    assert len(writer.updates) > 300


# Each is the same for a comparison that is not exact.
CHANGES = {
    1: "first_name = UPPER(first_name)",
    3: "comments = CONCAT(comments, ' ')",
    5: "middle_initial = IF(middle_initial IS NULL, '', NULL)",
    6: "gmt_offset_now = gmt_offset_now + 0.01",
    8: "called_count = called_count + 1, last_local_call_time = NOW()",
}


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        yield proxy


def test_leads_changed_between_copy_and_delete_stay(url: str, proxy: Proxy, tmp_path: Path) -> None:
    def change() -> None:
        for lead_id, what in CHANGES.items():
            run(url, f"UPDATE vicidial_list SET {what} WHERE lead_id = {lead_id}")

    insert_leads(url, 30, 30)
    original = run(url, "SELECT * FROM vicidial_list ORDER BY lead_id")
    proxy.at("before", DELETING, change)
    summary, stayed = archive(proxy.via(url), tmp_path / "1", "--chunk-size", "10")
    assert stayed == dict.fromkeys(CHANGES, "CHANGED")
    assert (summary["insert_count"], summary["delete_count"]) == (30, 30 - len(CHANGES))
    left = run(url, "SELECT * FROM vicidial_list ORDER BY lead_id")
    assert [row[0] for row in left] == list(CHANGES)
    copies = run(url, "SELECT * FROM vicidial_list_archive ORDER BY lead_id")
    assert repr(copies) == repr(original)

    summary, stayed = archive(url, tmp_path / "2")
    counts = [summary[f"{step}_count"] for step in ("select", "insert", "update", "delete")]
    assert (counts, stayed) == ([len(CHANGES), 0, len(CHANGES), len(CHANGES)], {})
    assert run(url, "SELECT * FROM vicidial_list") == []
    changed = {row[0]: row for row in left}
    copies = run(url, "SELECT * FROM vicidial_list_archive ORDER BY lead_id")
    assert repr(copies) == repr([changed.get(row[0], row) for row in original])


def test_an_update_that_comes_while_the_delete_is_done_is_not_lost(
    url: str, proxy: Proxy, tmp_path: Path
) -> None:
    """It finds its lead or it does not; if it does, the lead stays with it."""
    insert_leads(url, 500, 500)
    found: list[int] = []

    def change() -> None:
        with plain_engine(url).begin() as connection:
            found.append(
                connection.exec_driver_sql(
                    "UPDATE vicidial_list SET comments = 'called' WHERE lead_id > 250"
                ).rowcount
            )

    proxy.at("during", DELETING, change)
    _, stayed = archive(proxy.via(url), tmp_path / "1")
    assert found == [len(stayed)]
    archive(url, tmp_path / "2")
    called = "SELECT COUNT(*) FROM vicidial_list_archive WHERE comments = 'called'"
    assert run(url, called) == [(len(stayed),)]
    assert run(url, "SELECT COUNT(*) FROM vicidial_list") == [(0,)]

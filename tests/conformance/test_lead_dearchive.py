"""The recorded answers of the dialer's lead_dearchive, and what they leave in the tables."""

from pathlib import Path
from typing import Any

import pytest

from jobs.archive.lead import dearchive_lead
from loader.database.connection import Database
from loader.dialer import ARCHIVE, LEADS
from tests.conformance.corpus import (
    HERE,
    Case,
    fixtures,
    options_of,
    read_lines,
    stored_rows,
    tables_of,
)
from tests.support.server import fill

NAMED = fixtures(HERE)
CASES = read_lines(HERE / "archive" / "lead_dearchive.jsonl")


def rows(database: Database, table: str) -> dict[str, dict[str, str | None]]:
    """Read a table as text, by lead_id."""
    statement = f"SELECT * FROM {table} ORDER BY lead_id"
    found = database.read(lambda it: it.exec_driver_sql(statement).mappings().all())
    return {str(row["lead_id"]): {str(name): text(row[name]) for name in row} for row in found}


def text(value: Any) -> str | None:
    return None if value is None else str(value)


@pytest.mark.parametrize("recorded", CASES, ids=lambda each: each["id"])
def test_recorded_dearchive(
    recorded: Case, database: Database, database_url: str, tmp_path: Path
) -> None:
    fill(database_url, tables_of(recorded, NAMED))
    leads, archive = (rows(database, name) for name in (LEADS, ARCHIVE))
    for number, lead in enumerate(recorded["leads"]):
        sent = {**options_of(recorded), **lead}
        results = tmp_path / str(number)
        answer = dearchive_lead(database, sent["user"], sent.get("lead_id", ""), results)
        assert [answer] == recorded["responses"][number]
    came = {str(gone) for gone in recorded["after"].get(f"{ARCHIVE} (deleted)", [])}
    assert rows(database, ARCHIVE) == {key: archive[key] for key in archive if key not in came}
    after = rows(database, LEADS)
    assert after == leads | {key: archive[key] for key in came}
    for row in stored_rows(recorded, NAMED, LEADS):
        stored = after[str(row["lead_id"])]
        assert {name: stored[name] for name in row} == {name: text(row[name]) for name in row}

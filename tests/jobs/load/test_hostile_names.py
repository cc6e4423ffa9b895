"""Names from the database that have marks of SQL, drivers and terminals: stored right."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from jobs.undo.job import undo
from loader.database.connection import Database
from loader.database.sql import quote_identifier
from tests.support.archives import move, sql
from tests.support.extras import OPTIONS, TABLES
from tests.support.loads import Loads
from tests.support.server import fill

NAMES = (
    "back`tick", "`", "``", 'quo"te', "it's", "100%", "%s", "%(x)s", "%%", "{brace}", "{0}", "}{",
    ":colon", "a:b", ":p1", "back\\slash", "\\", "two  words", "größe", "名前", "9lives", "1",
    "select",
    "a;b", "a,b", "(a)", "[a]", "a.b", "a--b", "/*a*/", "?", "$1", "@a", "#a", "\x1b[31m", "old_0",
    "tab\there", "row_number", "values",
)  # fmt: skip


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def columns(names: tuple[str, ...] = NAMES, kind: str = "VARCHAR(40)") -> str:
    return ", ".join(f"{quote_identifier(name)} {kind}" for name in names)


def prepare(database: Database) -> None:
    """Make a list with a custom field of every name."""
    fields = [{"list_id": 101, "field_label": name, "field_type": "TEXT"} for name in NAMES]
    fill(database.engine, TABLES | {"vicidial_lists_fields": fields, "custom_tables": []})
    sql(database, f"CREATE TABLE custom_101 (lead_id INT PRIMARY KEY, {columns()})")


def row(number: int) -> dict[str, str]:
    values = {name: f"{place} it's %s" for place, name in enumerate(NAMES)}
    return {"phone_number": f"72755500{number:02}", "list_id": "101"} | values


def stored(database: Database, table: str) -> list[tuple[Any, ...]]:
    names = ", ".join(map(quote_identifier, NAMES))
    return sql(database, f"SELECT {names} FROM {table} ORDER BY lead_id")


def test_custom_fields(database: Database, loads: Loads, tmp_path: Path) -> None:
    prepare(database)
    expected = [tuple(f"{place} it's %s" for place in range(len(NAMES)))] * 3
    path = loads.file([row(1), row(2), row(3)])
    validated = loads.load(path, database, "validate", **OPTIONS)
    assert len(validated.loaded) == 3
    outcome = loads.load(path, database, **OPTIONS)
    assert [outcome.names(number) for number in outcome.loaded] == [["CUSTOM_FIELDS_ADDED"]] * 3
    assert stored(database, "custom_101") == expected
    moved = move(database, [1, 2], with_children=True)
    assert (moved.lead_ids, moved.stayed) == ([1, 2], {})
    assert stored(database, "custom_101_archive") == expected[:2]
    assert stored(database, "custom_101") == expected[2:]
    back = move(database, [1, 2], "dearchive", with_children=True)
    assert (back.lead_ids, back.stayed) == ([1, 2], {})
    assert stored(database, "custom_101") == expected
    report = undo(outcome.summary.run, database, tmp_path / "undone")
    assert (report.moved, report.leads_stayed) == (3, {})
    assert stored(database, "custom_101_archive") == expected


def test_columns_of_leads(leads_database: Database) -> None:
    """A site's own columns go to the archive and back."""
    existing = inspect(leads_database.engine).get_table_names()
    for table in {"vicidial_list", "vicidial_list_archive"}.intersection(existing):
        for name in NAMES:
            sql(leads_database, f"ALTER TABLE {table} ADD {quote_identifier(name)} VARCHAR(9)")
    values = {name: f"%s'{place}" for place, name in enumerate(NAMES)}
    names, texts = ", ".join(map(quote_identifier, NAMES)), [*values.values()]
    quoted = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
    sql(
        leads_database,
        f"INSERT INTO vicidial_list (lead_id, phone_number, status, list_id, {names}) "
        f"VALUES (1, '7275550101', 'NA', 101, {quoted}), (2, '7275550102', 'NA', 101, {quoted})",
    )
    assert move(leads_database, [1, 2]).lead_ids == [1, 2]
    assert stored(leads_database, "vicidial_list_archive") == [tuple(texts)] * 2
    assert move(leads_database, {"statuses": ["NA"]}, "dearchive").lead_ids == [1, 2]
    assert stored(leads_database, "vicidial_list") == [tuple(texts)] * 2


def test_lists_and_campaigns(database: Database, loads: Loads, tmp_path: Path) -> None:
    """What the dialer's own screens do not let in may be in its tables all the same."""
    odd = ["a`b", "%s", "it's", ":p1", "{0}", "\\", "x y", "é"]
    fill(
        database.engine,
        {
            "vicidial_campaigns": [{"campaign_id": name} for name in odd],
            "vicidial_lists": [
                {"list_id": 101 + place, "list_name": NAMES[place], "campaign_id": name}
                for place, name in enumerate(odd)
            ],
        },
    )
    rows = [
        {"phone_number": f"727555000{place}", "list_id": str(101 + place), "status": "NA"}
        for place in range(len(odd))
    ] * 2
    checks = {"duplicate_check": "DUPCAMP", "campaign_dnc_check": "Y", "list_exists_check": "Y"}
    outcome = loads.load(rows, database, **checks)
    assert (len(outcome.loaded), len(outcome.rejected)) == (len(odd), len(odd))
    moved = move(database, {"campaigns": odd, "statuses": ["NA", "NEW"]})
    assert len(moved.lead_ids) == len(odd)
    loads.load(rows, database, **checks | {"duplicate_scope_archive": "Y"})

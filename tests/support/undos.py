"""A load with all extras into a dialer with leads, which the tests undo."""

import csv
from pathlib import Path
from typing import Any

from loader.database.connection import Database
from loader.undo.report import UndoReport
from tests.support.archives import sql
from tests.support.extras import OPTIONS, TABLES
from tests.support.extras import row as full_row
from tests.support.loads import snapshot
from tests.support.server import fill

LEADS, ARCHIVE, HOPPER = "vicidial_list", "vicidial_list_archive", "vicidial_hopper"
THERE = {"entry_date": "2026-01-01 00:00:00", "modify_date": "2026-01-01 00:00:00"}
EXISTING: list[dict[str, Any]] = [
    {
        "lead_id": 1, "phone_number": "7275550090", "list_id": 102, "status": "SALE",
        "first_name": "", "last_name": None, "city": "", "comments": "it's \\ \"she\" 50%",
        "called_count": 4, **THERE,
    },
    {
        "lead_id": 2, "phone_number": "7275550091", "list_id": 102, "status": "NEW",
        "first_name": "Bob", "last_name": "", "city": None, "comments": None, "called_count": 0,
        **THERE,
    },
]  # fmt: skip
ROWS = [
    full_row(1, first_name="Ann", last_name="Łee", city="Ghent"),
    full_row(2, list_id="102", callback="N"),
    full_row(3, callback="N", add_to_hopper="N"),
    full_row(90, first_name="Ann", last_name="Lee", city="Ghent\\'", comments=""),
    full_row(91, first_name="Rob", last_name="", city="Bruges", comments="new\nlines, \"quoted\""),
    full_row(1, first_name="twice"),
]  # fmt: skip
WAYS: dict[str, dict[str, Any]] = {
    "update": {"on_duplicate": "update", "update_fields": "all"},
    "move": {"on_duplicate": "move"},
}


def options(way: str) -> dict[str, Any]:
    """Return the options of a load that updates or moves existing leads."""
    return OPTIONS | {"duplicate_check": "DUPSYS"} | WAYS[way]


def prepare(database: Database) -> None:
    """Fill an empty dialer."""
    fill(database.engine, {**TABLES, LEADS: EXISTING})


def drop_archives(database: Database) -> None:
    """Drop the archives that an undo makes."""
    for name in ("custom_101", "custom_102", "vicidial_list_alt_phones", "vicidial_callbacks"):
        sql(database, f"DROP TABLE IF EXISTS {name}_archive")


def tables(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Return all tables but archives, without modify_date, which the server sets itself."""
    found = snapshot(database, "modify_date")
    return {name: rows for name, rows in found.items() if not name.endswith("_archive")}


def csv_of(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def report_counts(report: UndoReport) -> tuple[Any, ...]:
    return (
        report.leads, report.moved, report.leads_stayed,
        report.changes, report.reverted, report.changes_stayed,
    )  # fmt: skip


def folder(tmp_path: Path, name: str = "undone") -> Path:
    return tmp_path / name

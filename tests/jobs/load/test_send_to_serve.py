"""A file through `serve` becomes the same leads as by the database, wherever the line is cut."""

import random
from collections.abc import Callable
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from sqlalchemy import make_url

from loader.database.connection import Database
from tests.conformance.corpus import fixtures
from tests.support.api_dialer import USER
from tests.support.http_server import Reply, Request, forward, http_server
from tests.support.loads import Loads, leads
from tests.support.sending import Sending
from tests.support.server import fill
from tests.support.service import service

pytestmark = pytest.mark.engines("sqlite", "innodb")

OPTIONS: dict[str, Any] = {
    "duplicate_check": "DUPCAMP-DUPNAMEPHONESYS", "dnc_check": "Y", "list_exists_check": "Y",
    "campaign_id": "CAMP1", "lookup_state": "Y", "add_to_hopper": "Y", "custom_fields": "Y",
}  # fmt: skip

SITE: dict[str, list[dict[str, Any]]] = {
    "vicidial_lists": [
        {"list_id": 101, "campaign_id": "CAMP1"}, {"list_id": 102, "campaign_id": "CAMP1"},
        {"list_id": 201, "campaign_id": "CAMP2"},
    ],
    "vicidial_campaigns": [{"campaign_id": "CAMP1"}, {"campaign_id": "CAMP2"}],
    "vicidial_dnc": [{"phone_number": "7275550007"}],
    "system_settings": [{"use_non_latin": "1", "custom_fields_enabled": "1"}],
    "vicidial_lists_fields": [{"list_id": 101, "field_label": "color", "field_type": "TEXT"}],
    "custom_tables": [{"table": "custom_101", "columns": {"color": "VARCHAR(20)"}}],
    "vicidial_list": [
        {"phone_number": "7275550011", "list_id": 102, "phone_code": "1",
         "entry_date": "2026-01-01 00:00:00"},
    ],
}  # fmt: skip

STORED = (
    "list_id", "phone_code", "phone_number", "title", "first_name", "last_name", "city", "state",
    "postal_code", "alt_phone", "email", "comments", "gender", "date_of_birth", "rank", "owner",
    "vendor_lead_code", "gmt_offset_now", "status", "user", "entry_list_id", "country_code",
)  # fmt: skip

ROWS = 40

NAMES = ("Ann", "Zoë", "O'Neil", "Łukasz", "x" * 40, "a;b", "50% + 1", "", "小明")


def some_rows(count: int) -> list[dict[str, str]]:
    """Make rows of all kinds, some of them with the same numbers."""
    chosen = random.Random(7)  # noqa: S311 - the same ones each time
    numbers = [*(f"727555{number:04}" for number in range(ROWS // 2)), "12"]
    numbers += [f"+44 20 7946 0{number:03}" for number in range(ROWS // 4)]
    return [
        {
            "phone_number": (phone := chosen.choice(numbers)),
            # The other dialer looks at lists, and numbers that are none do not come there.
            "list_id": chosen.choice(["101", "102", "201", *["404"] * (phone != "12")]),
            "first_name": chosen.choice(NAMES), "last_name": chosen.choice(NAMES),
            "title": chosen.choice(["Mr", "Mrs", ""]),
            "state": chosen.choice(["", "Florida", "NY"]), "gender": chosen.choice(["m", "F", ""]),
            "date_of_birth": chosen.choice(["1980-01-15", "1981-02-28", "", "never"]),
            "alt_phone": chosen.choice(["7275559999", ""]), "color": chosen.choice(["blue", ""]),
            "comments": chosen.choice(["two\tparts", "a=b&c=d", ""]), "rank": str(number % 9),
            "vendor_lead_code": f"V{number}",
        }
        for number in range(count)
    ]  # fmt: skip


@pytest.fixture
def site() -> dict[str, list[dict[str, Any]]]:
    named = fixtures()
    return SITE | named["base"] | named["geo"]


def by_database(rows: list[dict[str, str]], url: str, folder: Path) -> tuple[Any, Any]:
    """Load rows by the database; give what is stored, and why others are not."""
    database = Database(url)
    found = Loads(folder).load(rows, database, user=USER, **OPTIONS)
    database.engine.dispose()
    return stored(database), found.reasons


def in_kind(reasons: dict[int, str]) -> dict[int, str]:
    """Give reasons; of duplicates any check will do, for here those of the file come first."""
    kinds = {row: reason.partition("_")[0] for row, reason in reasons.items()}
    return {row: it if it == "DUPLICATE" else reasons[row] for row, it in kinds.items()}


def stored(database: Database) -> list[Any]:
    return sorted(leads(database, *STORED))


@pytest.mark.parametrize("cuts", [0, 15], ids=["whole", "cut"])
def test_the_same_leads_as_by_the_database(
    cuts: int, database_url: str, site: dict[str, Any], tmp_path: Path,
    database_with_tables: Callable[[str], str],
) -> None:  # fmt: skip
    template = str(make_url(database_with_tables("sqlite")).database)
    other = f"sqlite:///{copy(template, tmp_path / 'other.sqlite')}"
    rows = some_rows(ROWS)
    for url in (database_url, other):
        fill(url, site)
    (tmp_path / "database").mkdir()
    expected, reasons = by_database(rows, other, tmp_path / "database")
    points = {2 + (nth * 31) % ROWS: nth % 2 for nth in range(cuts)}

    with service(database_url, tmp_path) as other_dialer:
        ask = forward(other_dialer.address)

        def through(request: Request) -> Reply | None:
            point = points.get(request.number)
            if point == 0:
                return None  # the call is lost
            reply = ask(request)
            return None if point == 1 else reply

        with http_server(through) as line:
            found = Sending(tmp_path, line.url, timeout=60).send(rows, **OPTIONS)
    database = Database(database_url)
    assert stored(database) == expected
    assert in_kind(found.reasons) == in_kind(reasons)
    ids = dict(leads(database, "vendor_lead_code", "lead_id"))
    assert found.lead_ids == {row: int(ids[f"V{row - 2}"] or 0) for row in found.loaded}
    assert len(line.requests) > len(rows) / 2
    database.engine.dispose()

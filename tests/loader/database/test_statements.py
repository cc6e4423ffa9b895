"""How many statements a load takes: as many for many rows as for a few, whatever the options."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from loader.database import short_reads
from loader.database.connection import Database
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.queries.facts import read_dialer
from tests.support.loads import Loads, Outcome, assert_extras_match
from tests.support.server import fill

FEW, MANY = 10, 200
"""Rows of a chunk, which are a batch too."""

OPTIONS: dict[str, Any] = {
    "user": "loader",
    "campaign_id": "EAST",
    "duplicate_check": "DUPLIST30DAY-DUPCAMP-DUPSYS-DUPPHONEALTLIST-DUPPHONEALTSYS90DAY"
    "-DUPTITLEALTPHONECAMP-DUPTITLEALTPHONESYS7DAY-DUPNAMEPHONELIST-DUPNAMEPHONESYS",
    "duplicate_statuses": "NEW,NA",
    "duplicate_scope_archive": "Y",
    "on_duplicate": "update",
    "update_fields": "all",
    "keep": "best",
    "invalid_phone_fallback": "address3",
    "dnc_check": "AREACODE",
    "campaign_dnc_check": "AREACODE",
    "usacan_prefix_check": "Y",
    "usacan_areacode_check": "Y",
    "nanpa_ac_prefix_check": "Y",
    "list_exists_check": "Y",
    "tz_method": "NANPA",
    "lookup_state": "Y",
    "custom_fields": "Y",
    "add_to_hopper": "Y",
    "hopper_local_call_time_check": "Y",
    "callback": "Y",
    "callback_type": "USERONLY",
    "callback_user": "loader",
    "default": {"comments": "none"},
    "force": {"source_id": "test"},
    "chunk_size": 1000,
    "batch_size": 1000,
}

LISTS = (101, 102)
TABLES: dict[str, list[dict[str, Any]]] = {
    "system_settings": [{"custom_fields_enabled": "1"}],
    "vicidial_campaigns": [{"campaign_id": "EAST", "local_call_time": "always"}],
    "vicidial_lists": [{"list_id": list_id, "campaign_id": "EAST"} for list_id in LISTS],
    "vicidial_lists_fields": [
        {"list_id": list_id, "field_label": "colour", "field_type": "TEXT"} for list_id in LISTS
    ],
    "custom_tables": [
        {"table": f"custom_{list_id}", "columns": {"colour": "VARCHAR(20)"}} for list_id in LISTS
    ],
    "vicidial_call_times": [
        {
            "call_time_id": "always", "call_time_name": "always", "ct_default_start": 0,
            "ct_default_stop": 2400, "ct_state_call_times": "",
        }
    ],
    "vicidial_users": [
        {
            "user": "loader", "user_level": 9, "modify_leads": "1", "vdc_agent_api_access": "1",
            "user_group": "ADMIN",
        }
    ],
    "vicidial_phone_codes": [
        {
            "country_code": 1, "country": "USA", "areacode": "727", "state": "FL",
            "GMT_offset": "-5", "DST": "Y", "DST_range": "SSM-FSN",
        }
    ],
    "vicidial_nanpa_prefix_codes": [
        {"areacode": "727", "prefix": f"{prefix}", "GMT_offset": "-5", "DST": "Y"}
        for prefix in range(550, 570)
    ],
    "vicidial_dnc": [{"phone_number": f"727552{n:04}"} for n in range(MANY)],
    "vicidial_campaign_dnc": [
        {"phone_number": f"727553{n:04}", "campaign_id": "EAST"} for n in range(MANY)
    ],
    "vicidial_list": [
        {
            "phone_number": f"727554{n:04}", "list_id": 101, "status": "NEW", "title": "x",
            "alt_phone": "", "first_name": f"f{n}", "last_name": "there", "city": "old",
            "entry_date": "2099-01-01 00:00:00", "modify_date": "2020-01-01 00:00:00",
        }
        for n in range(MANY)
    ],
    "vicidial_list_archive": [
        {
            "lead_id": 5000 + n, "phone_number": f"727555{n:04}", "list_id": 101, "status": "NA",
            "entry_date": "2099-01-01 00:00:00", "modify_date": "2020-01-01 00:00:00",
        }
        for n in range(MANY)
    ],
}  # fmt: skip


def rows(count: int) -> list[dict[str, str]]:
    """Give rows of five kinds: new, in a list, existing, archived, of an invalid number."""
    return [
        {
            "phone_number": "12" if n % 10 == 9 else f"72755{n % 5 + 1}{n:04}",
            "address3": f"727556{n:04}",
            "list_id": str(LISTS[n % 2]),
            "title": "x",
            "alt_phone": f"727557{n:04}",
            "first_name": f"first{n}",
            "last_name": f"last{n}",
            "city": f"city{n}",
            "colour": f"colour{n}",
            "callback_datetime": f"{n}DAYS",
            "callback_comments": f"about {n}",
            "multi_alt_phones": f"727558{n:04}_1_x!727559{n:04}_1_y",
        }
        for n in range(count)
    ]


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


class Statements:
    """Counts what is sent to a database: by our own statements, and by what the server says."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ours: Counter[str] = Counter()
        self.connections = 0
        event.listen(database.engine, "before_cursor_execute", self._note)
        event.listen(database.engine, "connect", self._connect)

    def _note(self, *arguments: Any) -> None:
        # The beginning tells them apart; it may have a moment in it, or the name of a lock.
        beginning = " ".join(arguments[2].split()[:3])
        self.ours[re.sub(r"leadloader:[0-9a-f]+|[0-9]+", "0", beginning)] += 1

    def _connect(self, *_arguments: Any) -> None:
        self.connections += 1

    def questions(self) -> int:
        """Give how many the server had of this session, with those that no event tells of."""
        if self.database.engine.dialect.name == "sqlite":
            return 0
        with self.database.connect() as connection:
            found = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Questions'").one()
        return int(found[1])


def clear(database: Database) -> None:
    """Leave no rows; the session stays, for it is its statements that the server counts."""
    written = ("vicidial_hopper", "vicidial_callbacks", "vicidial_list_alt_phones")
    with database.connect() as connection:
        for name in {*TABLES, *written} - {"custom_tables"}:
            connection.exec_driver_sql(f"DELETE FROM {name}")
        for list_id in LISTS:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS custom_{list_id}")
        connection.commit()


def counted(
    loads: Loads, database: Database, count: int, **options: Any
) -> tuple[Outcome, Counter[str], int]:
    """Load so many rows; give what came of it, the statements, and the server's count of them."""
    clear(database)
    fill(database.engine, TABLES)
    # What a process asks only once, such as how the server sorts letters.
    read_dialer(database, LoadOptions(user="loader", duplicate_check="DUPNAMEPHONESYS"))
    # What is made only once.
    Ledger.open(database, loads.folder)
    statements = Statements(database)
    before = statements.questions()
    connections = statements.connections
    statements.ours.clear()
    feed = loads.folder / "feed.csv"
    feed.write_text("phone\n7275530002\n")
    outcome = loads.load(rows(count), database, feed={"litigators": feed}, **OPTIONS | options)
    ours = statements.ours.copy()
    asked = statements.questions() - before
    # A further connection would count anew.
    assert database.engine.dialect.name == "sqlite" or statements.connections == connections
    return outcome, ours, asked


def test_statements_do_not_depend_on_the_rows(
    database: Database, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise few numbers spare the question for their beginnings.
    monkeypatch.setattr(short_reads, "VALUES_A_BEGINNING", 0)
    assert_as_many_for_many(database, loads, keep="best")


@pytest.mark.engines("sqlite")
def test_nor_where_rows_are_settled_otherwise(database: Database, loads: Loads) -> None:
    assert_as_many_for_many(database, loads, keep="first", on_duplicate="move")


def assert_as_many_for_many(database: Database, loads: Loads, **options: str) -> None:
    few = counted(loads, database, FEW, **options)
    many = counted(loads, database, MANY, **options)
    assert_extras_match(many[0], database)
    for outcome, _, _ in (few, many):
        assert outcome.summary.loaded > outcome.summary.rows_read / 4
        # All that costs a statement occurs.
        assert outcome.summary.notices.keys() >= {
            "ALT_PHONES_LOADED", "CUSTOM_FIELDS_ADDED", "ADDED_TO_HOPPER", "CALLBACK_ADDED",
            "PHONE_PROMOTED",
        }  # fmt: skip
        assert (outcome.folder / "changes.csv").stat().st_size > 60
    assert few[1] == many[1]
    assert few[2] == many[2]
    # Among them two or three for each question by alt_phone, of which there is no index; and one
    # more for each other question about numbers.
    assert few[1].total() < 320

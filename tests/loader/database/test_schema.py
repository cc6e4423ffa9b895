import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, inspect, text

from loader.database import schema

WIDTHS = {
    "status": 6,
    "source_id": 50,
    "phone_number": 18,
    "title": 4,
    "middle_initial": 1,
    "state": 2,
    "alt_phone": 12,
    "comments": 255,
    "owner": 20,
}


@pytest.fixture
def engine(empty_database_url: str) -> Engine:
    return create_engine(empty_database_url, poolclass=NullPool)


def recorded_columns(cases: Path) -> set[tuple[str, str]]:
    """Give each (table, column) that is in the fixtures or the changed rows of a recorded case."""

    def tables() -> Iterator[dict[str, Any]]:
        for path in cases.rglob("*.jsonl"):
            for line in path.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                if record.get("name") != "@row_defaults":
                    yield from (record.get(part, {}) for part in ("tables", "fixture", "after"))

    return {
        (name, column)
        for each in tables()
        for name, rows in each.items()
        if not name.startswith("custom_") and not name.endswith("(deleted)")
        for row in rows
        for column in row
    }


def test_every_recorded_column_is_there(pytestconfig: pytest.Config) -> None:
    recorded = recorded_columns(pytestconfig.getoption("cases"))
    ours = {
        (table.name, column.name) for table in schema.metadata.sorted_tables for column in table.c
    }
    assert ("vicidial_list", "phone_number") in recorded
    assert recorded - ours == set()


def test_makes_all_tables_once(engine: Engine) -> None:
    assert schema.create_missing(engine) == list(schema.metadata.tables)
    assert set(inspect(engine).get_table_names()) >= set(schema.metadata.tables)
    assert set(schema.REQUIRED) <= set(schema.metadata.tables)
    assert schema.create_missing(engine) == []


def test_reflected_widths_are_the_dialers(engine: Engine) -> None:
    schema.create_missing(engine)
    for name in ("vicidial_list", "vicidial_list_archive"):
        types = {column["name"]: column["type"] for column in inspect(engine).get_columns(name)}
        assert {column: getattr(types[column], "length", None) for column in WIDTHS} == WIDTHS


@pytest.mark.engines("myisam", "innodb")
def test_unsigned_ids_reach_as_far_as_the_dialers(engine: Engine) -> None:
    schema.create_missing(engine)
    with engine.begin() as connection:
        row = {"lead_id": 2**32 - 1, "list_id": 2**64 - 1, "rank": -(2**15)}
        connection.execute(
            text(
                "INSERT INTO vicidial_list (lead_id, list_id, phone_number, `rank`)"
                " VALUES (:lead_id, :list_id, '1', :rank)"
            ),
            row,
        )
        stored = connection.execute(text("SELECT lead_id, list_id, `rank` FROM vicidial_list"))
        assert stored.mappings().one() == row


@pytest.mark.engines("myisam", "innodb")
def test_storage_engine_charset_and_collation_are_as_asked(engine: Engine) -> None:
    schema.metadata.tables["vicidial_dnc"].create(engine)
    schema.create_missing(
        engine, storage_engine="InnoDB", charset="utf8mb4", collation="utf8mb4_general_ci"
    )
    facts = text(
        "SELECT engine, table_collation FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = 'vicidial_list'"
    )
    with engine.begin() as connection:
        assert connection.execute(facts).one() == ("InnoDB", "utf8mb4_general_ci")
        connection.execute(text("DROP TABLE vicidial_list"))
    assert schema.create_missing(engine) == ["vicidial_list"]
    with engine.connect() as connection:
        assert connection.execute(facts).one() == ("MyISAM", "utf8mb3_general_ci")


def test_an_existing_table_stays_as_it_is(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE vicidial_list (lead_id INTEGER, old_name CHAR(3))"))
        connection.execute(text("INSERT INTO vicidial_list VALUES (7, 'abc')"))
    made = schema.create_missing(engine)
    assert made == [name for name in schema.metadata.tables if name != "vicidial_list"]
    columns = [column["name"] for column in inspect(engine).get_columns("vicidial_list")]
    assert columns == ["lead_id", "old_name"]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM vicidial_list")).all() == [(7, "abc")]


def test_a_column_that_is_not_given_has_the_dialers_default(engine: Engine) -> None:
    schema.create_missing(engine)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO vicidial_list (phone_number) VALUES ('7275551212')"))
        lead = connection.execute(text("SELECT * FROM vicidial_list")).mappings().one()
    given = {name: str(value) for name, value in lead.items() if value is not None}
    assert given.pop("modify_date") > "2020"
    assert given == {
        "lead_id": "1",
        "list_id": "0",
        "gmt_offset_now": "0.00",
        "called_since_last_reset": "N",
        "phone_number": "7275551212",
        "gender": "U",
        "called_count": "0",
        "rank": "0",
        "owner": "",
        "entry_list_id": "0",
    }


def test_values_read_back_as_they_were_written(engine: Engine) -> None:
    schema.create_missing(engine)
    lead = {
        "entry_date": "2026-01-15 14:00:00",
        "gmt_offset_now": "-5.00",
        "date_of_birth": "0000-00-00",
    }
    with engine.begin() as connection:
        columns, values = ", ".join(lead), ":" + ", :".join(lead)
        insert = f"INSERT INTO vicidial_list (phone_number, {columns}) VALUES ('1', {values})"
        connection.execute(text(insert), lead)
        stored = connection.execute(text(f"SELECT {columns} FROM vicidial_list"))
        assert [str(value) for value in stored.one()] == list(lead.values())


def test_the_id_of_a_deleted_lead_is_not_given_again(engine: Engine) -> None:
    schema.create_missing(engine)
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO vicidial_list (phone_number) VALUES ('1'), ('2')",
            "DELETE FROM vicidial_list WHERE lead_id = 2",
            "INSERT INTO vicidial_list (phone_number) VALUES ('3')",
        ):
            connection.execute(text(statement))
        ids = connection.scalars(text("SELECT lead_id FROM vicidial_list ORDER BY lead_id")).all()
    assert ids == [1, 3]

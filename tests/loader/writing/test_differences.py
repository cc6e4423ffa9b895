"""What counts as the same value to a column of a type."""

import pandas as pd
import pytest

from loader.database.connection import Database
from loader.extras.rows import ExtraRows
from loader.notices import Notice
from loader.writing.differences import Difference, is_same
from loader.writing.extras import ExtraInserter, InsertedExtra
from loader.writing.notices import changed_by_server
from tests.support.server import Server, run

SAME = [
    ("time", "13:05", "13:05:00"),
    ("time", "13:05:00", "13:05:00"),
    ("time(3)", "13:05:00.5", "13:05:00.500"),
    ("time", "-1:05", "-01:05:00"),
    ("time", "7:5:9", "07:05:09"),
    ("decimal(8,2)", "12.5", "12.50"),
    ("decimal(8,2) unsigned", "012.5", "12.50"),
    ("int unsigned", "007", "7"),
    ("int", "+7", "7"),
    ("bigint", "1e3", "1000"),
    ("smallint", "7.0", "7"),
    ("year(4)", "2027", "2027"),
    ("year(4)", "24", "2024"),
    ("year(4)", "70", "1970"),
    ("year(4)", "9", "2009"),
    ("float", "0.1", "0.1"),
    ("float", "1234567", "1234570"),
    ("double", "1.10", "1.1"),
    ("date", "1980-1-2", "1980-01-02"),
    ("date", "1980/01/02", "1980-01-02"),
    ("date", "19800102", "1980-01-02"),
    ("datetime", "1980-01-02", "1980-01-02 00:00:00"),
    ("datetime", "1980-01-02T10:11", "1980-01-02 10:11:00"),
    ("datetime(6)", "1980-01-02 10:11:12.5", "1980-01-02 10:11:12.500000"),
    ("timestamp", "20270102101112", "2027-01-02 10:11:12"),
    ("enum('Red','blue')", "red", "Red"),
    ("set('a','b')", "b,A", "a,b"),
    ("char(5)", "ab ", "ab"),
    ("varchar(5)", "ab", "ab"),
]
CHANGED = [
    ("time", "1:05 PM", "01:05:00"),
    ("time", "1305", "00:13:05"),
    ("time", "25", "00:00:25"),
    ("decimal(8,2)", "$12.50", "0.00"),
    ("decimal(8,2)", "12.345", "12.35"),
    ("decimal(8,2)", "1,234", "1.00"),
    ("decimal(4,2)", "1234", "99.99"),
    ("int", "7.6", "8"),
    ("int", "12 pcs", "12"),
    ("tinyint", "300", "127"),
    ("year(4)", "1850", "0000"),
    ("year(4)", "127", "0000"),
    ("float", "1.5x", "1.5"),
    ("date", "31.12.1980", "0000-00-00"),
    ("date", "1980-01-02 10:00", "1980-01-02"),
    ("datetime", "soon", "0000-00-00 00:00:00"),
    ("enum('Red')", "green", ""),
    ("set('a','b')", "a,c", "a"),
    ("varchar(5)", "ab", "AB"),
    ("varchar(5)", "007", "7"),
    ("text", "a ", "a"),
    ("int", "nan", "0"),
]


@pytest.mark.parametrize(("definition", "sent", "stored"), SAME)
def test_the_same_value_in_another_form(definition: str, sent: str, stored: str) -> None:
    assert is_same(definition, sent, stored)


@pytest.mark.parametrize(("definition", "sent", "stored"), CHANGED)
def test_another_value(definition: str, sent: str, stored: str) -> None:
    assert not is_same(definition, sent, stored)


@pytest.mark.engines("myisam", "innodb")
def test_the_notice_names_field_and_values(engine_name: str, server: Server) -> None:
    url = server.new_database()
    run(
        url,
        "CREATE TABLE custom_101 (lead_id INT UNSIGNED PRIMARY KEY, tm TIME, amount DECIMAL(8,2), "
        f"size ENUM('S', 'M')) ENGINE={engine_name}",
    )
    sent = {
        "tm": ["13:05", "1:05 PM", "13:05:00", ""],
        "amount": ["12.5", "$12.50", "12.50", ""],
        "size": ["s", "M", "", ""],
    }
    inserted = insert(url, sent)
    assert inserted.stored == (2, 3, 4, 5)
    assert inserted.changed == (3,)
    assert inserted.differences == (
        Difference(3, "tm", "1:05 PM", "01:05:00"),
        Difference(3, "amount", "$12.50", "0.00"),
    )
    said = changed_by_server(inserted.changed, inserted.differences, table="custom_101")
    assert said.index.tolist() == [3, 3]
    assert said[["table", "field", "sent", "stored"]].to_numpy().tolist() == [
        ["custom_101", "tm", "1:05 PM", "01:05:00"],
        ["custom_101", "amount", "$12.50", "0.00"],
    ]


def insert(url: str, values: dict[str, list[str]]) -> InsertedExtra:
    rows = pd.DataFrame(values, index=range(2, 2 + len(values["tm"])), dtype="str")
    rows.insert(0, "lead_id", range(11, 11 + len(rows)))
    extra = ExtraRows(
        table="custom_101", notice=Notice.CUSTOM_FIELDS_ADDED, rows=rows, replaces=True
    )
    database = Database(url)
    try:
        return ExtraInserter(database).insert(extra)
    finally:
        database.engine.dispose()

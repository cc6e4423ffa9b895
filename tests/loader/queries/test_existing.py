"""Existing leads by a column without an index: the same answer, by reads that are short."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pytest

from jobs.load.remarks import lacking_indexes
from loader.checks.duplicates_existing import find_existing
from loader.database import mariadb, short_reads
from loader.database.connection import Database
from loader.dialer import Access
from loader.options.load import LoadOptions
from loader.queries import existing
from loader.queries.chunk import ChunkQueries
from loader.queries.facts import read_dialer
from loader.queries.indexes import among
from tests.support.products import PRODUCT
from tests.support.server import fill, run
from tests.support.statements import statements

pytestmark = pytest.mark.engines("myisam", "innodb")

CHECKS = "DUPPHONEALTSYS-DUPPHONEALTLIST7DAY-DUPTITLEALTPHONESYS-DUPTITLEALTPHONESYS30DAY"
OPTIONS = LoadOptions(duplicate_check=CHECKS, duplicate_scope_archive="Y")
ALT = ("", "7275550101", "7275550102 ", "é1", "É1", None)
"""What leads have as alt_phone; servers ignore blanks at the end, and the case of letters."""


@pytest.fixture
def database(database_url: str) -> Database:
    fill(database_url, {
        table: [
            {
                "lead_id": 7 * number + 1, "list_id": 101 + number // 6 % 3, "status": "NEW",
                "phone_code": ("1", "44", None)[number % 3], "phone_number": f"72755502{number:02}",
                "entry_date": datetime.now() - timedelta(days=number, hours=1),  # noqa: DTZ005
                "title": ("MR", "Mr", "", "MRS")[number % 4], "alt_phone": ALT[number % len(ALT)],
            }
            for number in range(40)
        ]
        for table in ("vicidial_list", "vicidial_list_archive")
    })  # fmt: skip
    return Database(database_url)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in {"AT_LEAST": 2, "AT_FIRST": 3, "AT_MOST": 5}.items():
        monkeypatch.setattr(short_reads, name, size)
    monkeypatch.setattr(existing, "FEW", 0)


def chunk() -> pd.DataFrame:
    texts = {
        "phone_number": ["7275550101", "7275550102", "7275550201", "7275550103", "7275550104"],
        "phone_code": ["1", "1", "1", "44", "1"],
        "title": ["mr", "MR", "", "MRS", "DR"],
        "alt_phone": ["7275550102", "", "", "é1", ""],
    }
    frame = pd.DataFrame(texts, dtype="str")
    return frame.assign(list_id=101, first_name="", last_name="").astype(
        {"first_name": "str", "last_name": "str"}
    )


def found(
    database: Database, options: LoadOptions, queries: ChunkQueries | None = None
) -> dict[str, list[tuple[object, ...]]]:
    """Give by check which rows are duplicates of which leads."""
    dialer = read_dialer(database, options)
    lookups = (queries or queries_of(database, options)).existing_leads(chunk())
    answers = {}
    for check in options.duplicate_checks:
        compares = replace(dialer, fold=lookups.compares[check.kind])
        of_kind = lookups.existing[check.kind]
        frame = find_existing(chunk(), check, options, compares, of_kind).sort_index()
        columns = ["lead_id", "list_id", "matched", "archived", "form", "stored_code"]
        answers[str(check)] = list(frame[columns].itertuples(name=None))
    return answers


def queries_of(database: Database, options: LoadOptions = OPTIONS) -> ChunkQueries:
    return ChunkQueries(database, options, read_dialer(database, options))


def indexed(database: Database) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    for table in ("vicidial_list", "vicidial_list_archive"):
        run(url, f"ALTER TABLE {table} ADD INDEX (alt_phone)")


@pytest.fixture
def without_indexes_afterwards(database: Database) -> Iterator[None]:
    yield
    url = database.engine.url.render_as_string(hide_password=False)
    access = read_dialer(database, OPTIONS).access
    for table in ("vicidial_list", "vicidial_list_archive"):
        if access[table].finds("alt_phone"):
            run(url, f"ALTER TABLE {table} DROP INDEX alt_phone")


@pytest.mark.sample(1)
@pytest.mark.usefixtures("without_indexes_afterwards")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="all"),
        pytest.param({"duplicate_statuses": ("NEW",)}, id="statuses"),
        pytest.param({"duplicate_statuses": ("SALE",)}, id="none"),
        pytest.param({"duplicate_check": "DUPPHONEALTLIST-DUPTITLEALTPHONELIST"}, id="list"),
    ],
)
@pytest.mark.parametrize("few", [0, 1000])
def test_the_answer_does_not_depend_on_an_index(
    few: int, change: dict[str, object], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(existing, "FEW", few)
    options = LoadOptions.model_validate({**OPTIONS.model_dump(), **change})
    scanned = found(database, options)
    indexed(database)
    assert found(database, options) == scanned
    has_some = change.get("duplicate_statuses") != ("SALE",)
    assert {bool(rows) for rows in scanned.values()} == {has_some}


def test_a_table_is_read_once_and_in_ranges(database: Database) -> None:
    queries = queries_of(database)
    with statements(database) as asked:
        queries.existing_leads(chunk())
    ranges = [each for each in asked if "alt_phone" in each]
    assert len(ranges) >= 2 * 2 * 40 / 5
    assert all("lead_id <= " in each and "FORCE INDEX (`PRIMARY`)" in each for each in ranges)
    with statements(database) as asked:
        queries.existing_leads(chunk())
    assert not [each for each in asked if "alt_phone" in each]


def test_leads_that_are_added_meanwhile_are_found(database: Database) -> None:
    options = LoadOptions(duplicate_check="DUPPHONEALTSYS")
    queries = queries_of(database, options)
    before = found(database, options, queries)["DUPPHONEALTSYS"]
    fill(database.engine, {
        "vicidial_list": [
            {"lead_id": 5000, "list_id": 777, "phone_number": "1", "alt_phone": "7275550104"}
        ],
    })  # fmt: skip
    after = found(database, options, queries)["DUPPHONEALTSYS"]
    assert [row[:4] for row in after if row not in before] == [(4, 5000, 777, "ALT")]


@pytest.mark.usefixtures("without_indexes_afterwards")
@pytest.mark.engines("myisam")
def test_leads_without_alt_phone_are_read_in_ranges_even_with_an_index(database: Database) -> None:
    indexed(database)
    with statements(database) as asked:
        queries_of(database).existing_leads(chunk())
    empty = [each for each in asked if "alt_phone = ''" in each]
    assert empty
    assert all("lead_id <= " in each for each in empty)
    by_number = "alt_phone = CONVERT(asked_for" if PRODUCT.is_mariadb else "alt_phone IN"
    searched = [each for each in asked if by_number in each]
    assert searched
    assert all("''" not in each for each in searched)


@pytest.mark.engines("myisam")
def test_many_numbers_are_asked_for_in_parts(database: Database) -> None:
    options = LoadOptions(duplicate_check="DUPSYS", dnc_check="Y")
    queries = queries_of(database, options)
    with statements(database) as asked:
        queries.existing_leads(chunk())
        queries.do_not_call(chunk())
    from_table = "JOIN" if PRODUCT.is_mariadb else "FROM"
    assert sum(f"{from_table} vicidial_list" in each for each in asked) > 2
    assert sum(f"{from_table} vicidial_dnc" in each for each in asked) > 2


@pytest.mark.usefixtures("without_indexes_afterwards")
def test_older_servers_are_asked_by_a_list(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed(database)
    answers = found(database, OPTIONS)
    with statements(database) as asked:
        monkeypatch.setattr(mariadb, "FIRST_WITH_VALUES", (99,))
        assert found(database, OPTIONS) == answers
    assert any("phone_number IN" in each for each in asked)
    assert not any("VALUES" in each for each in asked)


@pytest.mark.parametrize("number", [3, 2_000])
def test_the_index_is_used_whatever_the_server_knows_of_the_table(
    database: Database, number: int
) -> None:
    """A list of 2,000 numbers would have so small a table read whole."""
    dialer = read_dialer(database, OPTIONS)
    question = among("vicidial_list", "phone_number", dialer, "lead_id")
    with database.connect() as connection:
        numbers = [str(n) for n in range(number)]
        words, value = database.adapter.ask_among(connection.dialect, question, numbers)
        explain = f"EXPLAIN FORMAT=TRADITIONAL {words.format('%s')}"
        plan = connection.exec_driver_sql(explain, (value,)).mappings()
        (of_leads,) = [row for row in plan if row["table"] == "vicidial_list"]
    assert of_leads["key"] == question.index
    # MySQL, which gets a list, reads the index of a small table from its begin to its end.
    assert of_leads["type"] in ({"ref"} if PRODUCT.is_mariadb else {"range", "index"})


@pytest.mark.usefixtures("without_indexes_afterwards")
def test_the_missing_index_is_named(database: Database) -> None:
    dialer = read_dialer(database, OPTIONS)
    assert lacking_indexes(OPTIONS, dialer) == [
        f"DUPPHONEALT: {table} has no index of alt_phone, so all its leads are read; "
        f"to make one: ALTER TABLE `{table}` ADD INDEX (`alt_phone`)"
        for table in ("vicidial_list", "vicidial_list_archive")
    ]
    indexed(database)
    assert lacking_indexes(OPTIONS, read_dialer(database, OPTIONS)) == []


@pytest.mark.engines("myisam", "innodb")
def test_how_tables_are_searched(database: Database, engine_name: str) -> None:
    access = read_dialer(database, OPTIONS).access["vicidial_list"]
    assert access.locks == (engine_name == "myisam")
    assert access.finds("phone_number")
    assert not access.finds("alt_phone")
    assert access.indexes is not None
    assert access.indexes["lead_id"] == "PRIMARY"
    assert Access().finds("alt_phone")

"""Duplicates and do-not-call numbers are found as the columns' collation compares."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.database import schema
from loader.database.connection import Database
from loader.errors import ConfigurationError
from tests.support.loads import Loads
from tests.support.products import known_collations
from tests.support.server import Server, fill, plain_engine

pytestmark = pytest.mark.engines("innodb")

COLLATIONS = known_collations(
    "utf8mb3_general_ci", "utf8mb4_unicode_ci", "utf8mb3_danish_ci", "utf8mb4_turkish_ci",
    "utf8mb4_croatian_ci", "utf8mb4_bin", "utf8mb4_unicode_nopad_ci", "latin1_general_cs",
    "utf8mb4_uca1400_as_ci", "utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs",
)  # fmt: skip
PAIRS = (
    ("Aase", "\u00c5se"), ("Ilir", "ilir"), ("Jos\u00e9", "JOSE"), ("Bo\u00df", "BOSS"),
    ("Lee ", "lee"), ("Ann\u00a0", "ann"), ("Ann", "Anna"),
)  # fmt: skip
"""A name that is there, and one that comes."""


@pytest.fixture
def collated(
    request: pytest.FixtureRequest, server: Server, engine_name: str
) -> Iterator[Database]:
    """A database whose tables have the collation that the test names."""
    collation, url = request.param, server.new_database()
    engine = plain_engine(url)
    charset = collation.partition("_")[0]
    schema.create_missing(engine, storage_engine=engine_name, charset=charset, collation=collation)
    engine.dispose()
    database = Database(url)
    yield database
    database.engine.dispose()


def equal_pairs(database: Database) -> set[tuple[str, str]]:
    """Ask the server which pairs it calls equal in the column of the table."""
    conditions = [f"lead_id = {n} AND first_name = %s" for n, _ in enumerate(PAIRS, start=1)]
    statement = f"SELECT lead_id - 1 FROM vicidial_list WHERE {' OR '.join(conditions)}"
    with database.connect() as connection:
        rows = connection.exec_driver_sql(statement, tuple(name for _, name in PAIRS)).all()
    return {PAIRS[int(row[0])] for row in rows}


def number(place: int) -> str:
    return f"72755500{place:02}"


@pytest.mark.sample(1)
@pytest.mark.parametrize("collated", COLLATIONS, indirect=True)
def test_names_are_equal_as_the_server_compares_them(collated: Database, tmp_path: Path) -> None:
    existing = [
        {"list_id": 101, "phone_number": number(n), "first_name": name, "last_name": "x"}
        for n, (name, _) in enumerate(PAIRS)
    ]
    fill(collated.engine, {"vicidial_list": existing})
    rows = [
        {"phone_number": number(n), "first_name": name, "last_name": "x"}
        for n, (_, name) in enumerate(PAIRS)
    ]
    expected = equal_pairs(collated)
    options = {"duplicate_check": "DUPNAMEPHONESYS", "list_id": "101"}
    outcome = Loads(tmp_path).load(rows, collated, **options)
    assert {PAIRS[row - 2] for row in outcome.reasons} == expected


@pytest.mark.sample(1)
@pytest.mark.parametrize("collated", COLLATIONS, indirect=True)
def test_rows_of_a_file_are_equal_as_the_server_compares_them(
    collated: Database, tmp_path: Path
) -> None:
    pairs = PAIRS[:4]
    rows = [
        {"phone_number": number(n), "first_name": name, "last_name": "x"}
        for n, pair in enumerate(pairs)
        for name in pair
    ]
    options = {"duplicate_check": "DUPNAMEPHONESYS", "list_id": "101"}
    outcome = Loads(tmp_path).load(rows, collated, **options, chunk_size=3)
    rejected = {pairs[(row - 2) // 2] for row in outcome.reasons}
    with collated.connect() as connection:
        connection.exec_driver_sql("DELETE FROM vicidial_list")
        connection.commit()
    names = [{"lead_id": n, "first_name": name} for n, (name, _) in enumerate(PAIRS, start=1)]
    fill(collated.engine, {"vicidial_list": names})
    assert rejected == equal_pairs(collated) & set(pairs)


@pytest.mark.sample(2)
@pytest.mark.parametrize("collated", COLLATIONS, indirect=True)
def test_numbers_are_on_a_list_as_the_server_compares_them(
    collated: Database, tmp_path: Path
) -> None:
    listed = ["7275550000", "7275550001 ", "7275550002\u00a0", "813xxxxxxx"]
    fill(collated.engine, {"vicidial_dnc": [{"phone_number": text} for text in listed]})
    asked = ["7275550000", "7275550001", "7275550002", "8135550000", "7275550009"]
    keys = [*asked[:3], "813XXXXXXX", asked[4]]
    with collated.connect() as connection:
        found = [
            connection.exec_driver_sql(
                "SELECT COUNT(*) FROM vicidial_dnc WHERE phone_number = %s", (key,)
            ).scalar_one()
            for key in keys
        ]
    rows = [{"phone_number": phone} for phone in asked]
    options = {"dnc_check": "AREACODE", "list_id": "101"}
    outcome = Loads(tmp_path).load(rows, collated, **options)
    assert sorted(outcome.reasons) == [n + 2 for n, count in enumerate(found) if count]


@pytest.mark.parametrize("collated", ["utf8mb4_general_ci"], indirect=True)
def test_columns_of_a_check_that_compare_differently(collated: Database, tmp_path: Path) -> None:
    with collated.connect() as connection:
        connection.exec_driver_sql(
            "ALTER TABLE vicidial_list MODIFY last_name VARCHAR(30) COLLATE utf8mb4_bin"
        )
    rows = [{"phone_number": "7275550000", "first_name": "a", "last_name": "b"}]
    with pytest.raises(ConfigurationError, match="have different collations"):
        Loads(tmp_path).load(rows, collated, duplicate_check="DUPNAMEPHONESYS", list_id="101")


@pytest.mark.parametrize("collated", ["utf8mb4_bin", "utf8mb4_general_ci"], indirect=True)
def test_campaigns_are_found_as_the_server_compares_them(
    collated: Database, tmp_path: Path
) -> None:
    fill(collated.engine, {
        "vicidial_campaigns": [{"campaign_id": "CAMP1"}],
        "vicidial_lists": [{"list_id": 101, "campaign_id": "camp1"}],
    })  # fmt: skip
    is_found = "general" in collation_of(collated)
    rows = [{"phone_number": "7275550000", "campaign_id": name} for name in ("CAMP1", "camp1")]
    options = {"callback": "Y", "callback_datetime": "NOW", "add_to_hopper": "Y"}
    outcome = Loads(tmp_path).load(rows, collated, **options, list_id="101")
    second = "CALLBACK_ADDED" if is_found else "CALLBACK_CAMPAIGN_NOT_VALID"
    assert [outcome.names(n)[-1] for n in (2, 3)] == ["CALLBACK_ADDED", second]
    with collated.connect() as connection:
        found = connection.exec_driver_sql("SELECT campaign_id FROM vicidial_hopper").all()
    assert {row[0] for row in found} == {"CAMP1" if is_found else ""}


def collation_of(database: Database) -> str:
    statement = (
        "SELECT collation_name FROM information_schema.columns WHERE table_schema = DATABASE() "
        "AND table_name = 'vicidial_campaigns' AND column_name = 'campaign_id'"
    )
    with database.connect() as connection:
        return str(connection.exec_driver_sql(statement).scalar_one())

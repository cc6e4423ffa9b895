"""Archive tables are made where they are missing, and refused where they differ."""

from typing import Any

import pytest
from sqlalchemy import create_engine

from loader.archive.tables import ArchiveTables
from loader.database import schema
from loader.database.catalogue import read_shapes
from loader.database.connection import Database
from loader.errors import ConfigurationError, LeadIdsError, NotAllowedError
from loader.options.archive import ArchiveOptions
from tests.support.archives import (
    ARCHIVE,
    LEADS,
    archiver,
    ids,
    lead,
    make_archives,
    move,
    put,
    rows,
    sql,
    take,
)
from tests.support.products import PRODUCT
from tests.support.server import Server

ON_SERVERS = pytest.mark.engines("myisam", "innodb")
BOTH = ("a", "b")


@pytest.fixture
def own_database(empty_database_url: str, engine_name: str) -> Any:
    """A dialer's database whose tables a test may alter, without any archive."""
    database = Database(empty_database_url, sleep=lambda _seconds: None)
    wanted = (LEADS, "vicidial_lists", "vicidial_list_alt_phones", "vicidial_callbacks")
    tables = [schema.metadata.tables[name] for name in wanted]
    everything = create_engine(empty_database_url)
    schema.create_missing(everything, storage_engine=engine_name)
    for name in schema.metadata.tables.keys() - {table.name for table in tables}:
        sql(database, f"DROP TABLE {name}")
    everything.dispose()
    yield database
    database.engine.dispose()


def test_the_archive_is_made(own_database: Database) -> None:
    put(own_database, *map(lead, (1, 2)))
    before = rows(own_database)
    looked = archiver(own_database, {"statuses": "NA"}, dry_run=True)
    assert looked.preview(looked.leads()).leads == 2
    assert looked.tables.made == [ARCHIVE]
    with pytest.raises(ConfigurationError, match="no table vicidial_list_archive, and --no-create"):
        make_archives(own_database, create_tables=False)
    with pytest.raises(LeadIdsError):
        archiver(own_database).leads(ids(1, 3))
    with pytest.raises(ConfigurationError, match="no table vicidial_list_archive to bring"):
        archiver(own_database, direction="dearchive")
    mover = archiver(own_database, {"statuses": "NA"})
    leads = mover.leads()
    assert mover.tables.made == [ARCHIVE]
    assert mover.move(take(leads)).counts == (2, 2, 0, 2)
    assert rows(own_database, ARCHIVE) == before
    assert make_archives(own_database) == []


@ON_SERVERS
def test_the_archive_is_like_the_table_but_for_its_counter(
    own_database: Database, engine_name: str
) -> None:
    make_archives(own_database)
    [[made]] = [row[1:] for row in sql(own_database, f"SHOW CREATE TABLE {ARCHIVE}")]
    [[original]] = [row[1:] for row in sql(own_database, f"SHOW CREATE TABLE {LEADS}")]
    assert "AUTO_INCREMENT" not in made
    assert engine_name in made.lower()
    as_made = made.replace(ARCHIVE, LEADS)
    assert as_made == original.replace(" AUTO_INCREMENT", "").replace("AUTO_INCREMENT=1 ", "")


@ON_SERVERS
def test_who_may_not_make_tables_is_told_how(own_database: Database, server: Server) -> None:
    put(own_database, lead(1))
    reader = Database(server.new_reader(own_database.engine.url.render_as_string(False)))
    with pytest.raises(NotAllowedError, match=f"CREATE TABLE .* `{ARCHIVE}` LIKE `{LEADS}`"):
        make_archives(reader)
    reader.engine.dispose()


ALTERATIONS = [
    (f"ALTER TABLE {ARCHIVE} DROP COLUMN owner", f"{ARCHIVE} lacks owner varchar(20)"),
    (f"ALTER TABLE {LEADS} ADD extra INT", f"{ARCHIVE} lacks extra int"),
    (
        f"ALTER TABLE {ARCHIVE} MODIFY city VARCHAR(20)",
        f"city is varchar(50) CHARACTER SET {PRODUCT.utf8mb3} in {LEADS} and varchar(20)",
    ),
    (
        f"ALTER TABLE {ARCHIVE} MODIFY gmt_offset_now DECIMAL(4,1)",
        f"gmt_offset_now is decimal(4,2) in {LEADS} and decimal(4,1) in {ARCHIVE}",
    ),
    (f"ALTER TABLE {ARCHIVE} MODIFY comments VARCHAR(255) NOT NULL", "comments is varchar(255)"),
    (
        f"ALTER TABLE {ARCHIVE} MODIFY province VARCHAR(50) CHARACTER SET latin1",
        "province is varchar",
    ),
    (f"ALTER TABLE {ARCHIVE} MODIFY gender ENUM('M','F')", "gender is enum('M','F','U')"),
    (f"ALTER TABLE {ARCHIVE} MODIFY lead_id INT NOT NULL", "lead_id is int unsigned NOT NULL"),
]


@ON_SERVERS
def test_differences_are_named_before_anything_is_touched(own_database: Database) -> None:
    put(own_database, lead(1))
    make_archives(own_database)
    for statement, _ in ALTERATIONS:
        sql(own_database, statement)
    with pytest.raises(ConfigurationError) as raised:
        archiver(own_database)
    message = str(raised.value)
    assert [said for _, said in ALTERATIONS if said not in message] == []
    assert set(rows(own_database)) == {1}
    assert rows(own_database, ARCHIVE) == {}


HARMLESS = [
    "MODIFY city VARCHAR(80)",
    "MODIFY last_name VARCHAR(30) CHARACTER SET utf8mb4",
    "MODIFY lead_id INT(9) UNSIGNED NOT NULL",
    "ADD archived_at DATETIME",
    "MODIFY owner VARCHAR(20) DEFAULT 'x' FIRST",
    "ADD INDEX (city)",
    "MODIFY first_name VARCHAR(30) COLLATE utf8mb3_bin",
]


@ON_SERVERS
def test_what_holds_every_value_is_no_difference(own_database: Database) -> None:
    put(own_database, lead(1), lead(2, last_name="Ünal ", city="x" * 50))
    before = rows(own_database)
    make_archives(own_database)
    sql(own_database, f"ALTER TABLE {ARCHIVE} {', '.join(HARMLESS)}")
    assert move(own_database, [1, 2]).counts == (2, 2, 0, 2)
    names = ", ".join(schema.metadata.tables[LEADS].columns.keys()).replace("rank", "`rank`")
    archived = sql(own_database, f"SELECT {names} FROM {ARCHIVE} ORDER BY 1")
    assert {row[0]: tuple(map(str, row)) for row in archived} == before
    # On the way back the wider column may not fit, and the new one has nowhere to go.
    with pytest.raises(ConfigurationError, match="vicidial_list lacks archived_at"):
        archiver(own_database, direction="dearchive")


@pytest.mark.skipif(PRODUCT.is_old, reason="it computes no columns")
@ON_SERVERS
def test_columns_that_the_server_computes_are_its_own(own_database: Database) -> None:
    sql(own_database, f"ALTER TABLE {LEADS} ADD twice INT AS (called_count * 2) STORED")
    put(own_database, lead(1))
    assert move(own_database, [1]).counts == (1, 1, 0, 1)
    assert sql(own_database, f"SELECT twice FROM {ARCHIVE}") == [(6,)]


@pytest.mark.engines("sqlite")
def test_differences_in_sqlite(own_database: Database) -> None:
    make_archives(own_database)
    sql(own_database, f"ALTER TABLE {ARCHIVE} DROP COLUMN owner")
    with pytest.raises(ConfigurationError, match=f"{ARCHIVE} lacks owner"):
        archiver(own_database)


@ON_SERVERS
def test_custom_tables_of_other_lists_may_differ(own_database: Database) -> None:
    sql(own_database, "CREATE TABLE custom_101 (lead_id INT UNSIGNED PRIMARY KEY, a TEXT)")
    sql(own_database, "CREATE TABLE custom_101_archive (lead_id INT UNSIGNED PRIMARY KEY)")
    with pytest.raises(ConfigurationError, match="custom_101_archive lacks a text"):
        archiver(own_database, {"statuses": "NA"}, with_children=True)
    with pytest.raises(ConfigurationError, match="custom_101_archive lacks a text"):
        archiver(own_database, {"lists": 101}, with_children=True)
    archiver(own_database, {"lists": 102}, with_children=True)
    archiver(own_database, {"lists": 101})


def test_no_dialers_database(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with pytest.raises(ConfigurationError, match="no table vicidial_list; is it a dialer's"):
        ArchiveTables(database, ArchiveOptions(), back=False)
    database.engine.dispose()


@ON_SERVERS
def test_names_that_differ_by_case_are_others(own_database: Database) -> None:
    sql(own_database, "CREATE TABLE Vicidial_List (lead_id INT PRIMARY KEY)")
    with own_database.connect() as connection:
        found = read_shapes(connection, [LEADS])
    assert list(found) == [LEADS]
    assert len(found[LEADS].columns) == len(schema.metadata.tables[LEADS].columns)

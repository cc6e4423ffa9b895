"""MyISAM tables whose index misses rows of their files, as a crash of the server leaves them."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import OperationalError

from jobs.cli.main import run as run_command
from loader.database import schema
from loader.database.connection import Database
from loader.errors import ConfigurationError, DamagedTableError
from loader.options.load import LoadOptions
from loader.writing.writer import Writer
from tests.support.loads import Loads, load_file, outcome_of
from tests.support.products import PRODUCT
from tests.support.server import PrivateServer, fill, plain_engine, run
from tests.support.step_kills import Killed, Point, killed_at

ROWS = [{"phone_number": str(7_275_551_000 + n), "first_name": f"n{n}"} for n in range(8)]
OPTIONS = LoadOptions(list_id="101", batch_size=4)
NO_REPAIR, USUAL = "--myisam-recover-options=OFF", "--myisam-recover-options=BACKUP,QUICK"
NO_REPAIR_OF_ARIA = ["--aria-recover-options=OFF"] if PRODUCT.is_mariadb else []


@pytest.fixture
def url(private_server: PrivateServer) -> Iterator[str]:
    url = private_server.new_database()
    engine = plain_engine(url)
    schema.create_missing(engine, storage_engine="myisam")
    engine.dispose()
    yield url
    private_server.restart()


def crash_during_batch(url: str, server: PrivateServer, folder: Path, *options: str) -> Path:
    """End loader and server with a second batch whose rows are in the table's file alone."""
    path = Loads(folder).file(ROWS)
    data = server._directory / "data" / str(make_url(url).database)
    index, original = data / "vicidial_list.MYI", Writer.write

    def write(self: Writer, *arguments: object, **named: object) -> object:
        run(url, "FLUSH TABLES vicidial_list")
        shutil.copy(index, folder / "before.MYI")
        return original(self, *arguments, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writer, "write", write)
        with pytest.raises(Killed), killed_at(Point(Writer, "write", "after"), 2):
            load_file(path, OPTIONS, Database(url), folder / "results")
    run(url, "FLUSH TABLES vicidial_list")
    server.kill()
    shutil.copy(folder / "before.MYI", index)
    server.start(*options)
    return path


def numbers(url: str) -> list[str]:
    found = run(url, "SELECT phone_number FROM vicidial_list ORDER BY phone_number")
    return [number for (number,) in found]


def complete(url: str, path: Path, folder: Path, *flags: str) -> None:
    """Complete the load by the command; each row must be there once."""
    command = ["import", str(path), "--list-id", "101", "--database", url, *flags]
    assert run_command([*command, "--results", str(folder / "results")]) == 0
    assert outcome_of(folder / "results").summary.loaded == len(ROWS)
    assert numbers(url) == [row["phone_number"] for row in ROWS]
    run(url, "REPAIR TABLE vicidial_list")  # if the file had more, they came up now
    assert numbers(url) == [row["phone_number"] for row in ROWS]


def test_a_damaged_table_ends_the_load_and_the_statement_is_named(
    url: str, private_server: PrivateServer, tmp_path: Path
) -> None:
    path = crash_during_batch(url, private_server, tmp_path, NO_REPAIR)
    with pytest.raises(ConfigurationError, match="Run REPAIR TABLE `vicidial_list`, and"):
        load_file(path, OPTIONS, Database(url), tmp_path / "results")
    run(url, "REPAIR TABLE vicidial_list")
    complete(url, path, tmp_path)


def test_it_is_repaired_where_the_site_wants_that(
    url: str, private_server: PrivateServer, tmp_path: Path
) -> None:
    path = crash_during_batch(url, private_server, tmp_path, NO_REPAIR)
    complete(url, path, tmp_path, "--repair")


def test_a_server_that_repairs_is_made_to_see_it(
    url: str, private_server: PrivateServer, tmp_path: Path
) -> None:
    path = crash_during_batch(url, private_server, tmp_path, USUAL)
    complete(url, path, tmp_path)


def test_a_server_that_kept_running_is_not_asked(
    url: str, private_server: PrivateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loader.database.damage.CLOCK_JUMP", -1)
    path = Loads(tmp_path).file(ROWS)
    with pytest.raises(Killed), killed_at(Point(Writer, "write", "after"), 2):
        load_file(path, OPTIONS, Database(url), tmp_path / "results")
    [(_, before)] = run(url, "SHOW GLOBAL STATUS LIKE 'Com_check'")
    complete(url, path, tmp_path)
    assert run(url, "SHOW GLOBAL STATUS LIKE 'Com_check'")[0][1] == before


CUSTOM_ROWS = [row | {"colour": f"c{n}"} for n, row in enumerate(ROWS)]
WITH_CUSTOM = OPTIONS.model_copy(update={"custom_fields": "Y"})


@pytest.fixture(params=["myisam", "aria"] if PRODUCT.is_mariadb else ["myisam"])
def custom_url(url: str, request: pytest.FixtureRequest) -> str:
    fill(url, {
        "system_settings": [{"custom_fields_enabled": "1"}],
        "vicidial_lists": [{"list_id": 101, "campaign_id": "SALES"}],
        "vicidial_lists_fields": [
            {"list_id": 101, "field_label": "colour", "field_type": "TEXT"},
        ],
    })  # fmt: skip
    run(
        url,
        "CREATE TABLE custom_101 (lead_id INT UNSIGNED NOT NULL PRIMARY KEY, colour VARCHAR(50)) "
        f"ENGINE = {request.param}" + " TRANSACTIONAL = 0" * (request.param == "aria"),
    )
    return url


def crash_with_custom_fields(url: str, server: PrivateServer, folder: Path, when: str) -> Path:
    """End server, or loader and server, with rows that are in the custom table's file alone.

    The table is marked as crashed when the server runs again: nothing can be done with it.
    """
    path = Loads(folder).file(CUSTOM_ROWS)
    data = server._directory / "data" / str(make_url(url).database)
    [index] = [each for each in data.glob("custom_101.MA?") if each.suffix == ".MAI"] or [
        data / "custom_101.MYI"
    ]
    original, custom_writes = Writer.write, itertools.count(1)

    def crash() -> None:
        run(url, "FLUSH TABLES custom_101")
        server.kill()
        shutil.copy(folder / "before", index)
        server.start(NO_REPAIR, *NO_REPAIR_OF_ARIA)
        run(url, "CHECK TABLE custom_101")

    def write(self: Writer, connection: Connection, table: str, *rest: Any, **named: Any) -> Any:
        if table != "custom_101" or next(custom_writes) != 2:
            return original(self, connection, table, *rest, **named)
        run(url, "FLUSH TABLES custom_101")
        shutil.copy(index, folder / "before")
        original(self, connection, table, *rest, **named)
        if when == "of both":
            raise Killed
        crash()
        raise OperationalError("", None, pymysql.OperationalError(2013, "lost"), is_disconnect=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writer, "write", write)
        with pytest.raises(Killed if when == "of both" else DamagedTableError) as raised:
            load_file(path, WITH_CUSTOM, Database(url), folder / "results")
    if when == "of both":
        crash()
    else:
        assert "Run REPAIR TABLE `custom_101`, and give the same command again" in str(raised.value)
    return path


def complete_with_custom_fields(url: str, path: Path, folder: Path, *flags: str) -> None:
    complete(url, path, folder, "--custom-fields", "Y", *flags)
    stored = run(
        url, "SELECT phone_number, colour FROM vicidial_list JOIN custom_101 USING (lead_id)"
    )
    assert sorted(stored) == [(row["phone_number"], row["colour"]) for row in CUSTOM_ROWS]
    assert run(url, "SELECT COUNT(*) FROM custom_101") == [(len(CUSTOM_ROWS),)]


@pytest.mark.sample(1)
@pytest.mark.parametrize("when", ["of the server", "of both"])
def test_a_damaged_custom_table_is_named_and_the_load_completed_when_it_is_repaired(
    when: str, custom_url: str, private_server: PrivateServer, tmp_path: Path
) -> None:
    path = crash_with_custom_fields(custom_url, private_server, tmp_path, when)
    if not PRODUCT.is_mariadb:  # it marks all tables that were in use
        others = {name for (name,) in run(custom_url, "SHOW TABLES")} - {"custom_101"}
        run(custom_url, f"REPAIR TABLE {', '.join(others)}")
    for _ in range(2):
        with pytest.raises(DamagedTableError, match="Run REPAIR TABLE `custom_101`, and give"):
            load_file(path, WITH_CUSTOM, Database(custom_url), tmp_path / "results")
    run(custom_url, "REPAIR TABLE custom_101")
    complete_with_custom_fields(custom_url, path, tmp_path)


@pytest.mark.sample(1)
@pytest.mark.parametrize("when", ["of the server", "of both"])
def test_a_damaged_custom_table_is_repaired_where_the_site_wants_that(
    when: str, custom_url: str, private_server: PrivateServer, tmp_path: Path
) -> None:
    path = crash_with_custom_fields(custom_url, private_server, tmp_path, when)
    complete_with_custom_fields(custom_url, path, tmp_path, "--repair")


def test_leads_that_are_marked_as_crashed_are_repaired_too(
    url: str, private_server: PrivateServer, tmp_path: Path
) -> None:
    path = crash_during_batch(url, private_server, tmp_path, NO_REPAIR)
    run(url, "CHECK TABLE vicidial_list")  # which marks it: nothing can be read from now on
    with pytest.raises(DamagedTableError, match="Run REPAIR TABLE `vicidial_list`, and"):
        load_file(path, OPTIONS, Database(url), tmp_path / "results")
    complete(url, path, tmp_path, "--repair")


def test_several_damaged_tables_are_repaired_for_one_question(
    url: str, private_server: PrivateServer, tmp_path: Path
) -> None:
    data = private_server._directory / "data" / str(make_url(url).database)
    tables = {"vicidial_list": "phone_number", "vicidial_lists": "list_id"}
    for table, column in tables.items():
        shutil.copy(data / f"{table}.MYI", tmp_path)
        run(url, f"INSERT INTO {table} ({column}) VALUES ('1')", f"FLUSH TABLES {table}")
    private_server.kill()
    for table in tables:
        shutil.copy(tmp_path / f"{table}.MYI", data)
    private_server.start(NO_REPAIR)
    for table in tables:
        run(url, f"CHECK TABLE {table}")  # which marks it: nothing can be read from now on

    def count(connection: Connection) -> list[int]:
        asked = [f"SELECT COUNT(*) FROM {table}" for table in tables]
        return [connection.exec_driver_sql(each).scalar_one() for each in asked]

    with pytest.raises(DamagedTableError):
        Database(url).read(count)
    assert Database(url, repairs=True).read(count) == [1, 1]

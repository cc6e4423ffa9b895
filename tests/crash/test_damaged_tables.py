"""MyISAM tables whose index misses rows of their files, as a crash of the server leaves them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from jobs.cli.main import run as run_command
from loader.database import schema
from loader.database.connection import Database
from loader.errors import ConfigurationError
from loader.options.load import LoadOptions
from loader.writing.writer import Writer
from tests.support.loads import Loads, load_file, outcome_of
from tests.support.server import PrivateServer, run
from tests.support.step_kills import Killed, Point, killed_at

ROWS = [{"phone_number": str(7_275_551_000 + n), "first_name": f"n{n}"} for n in range(8)]
OPTIONS = LoadOptions(list_id="101", batch_size=4)
NO_REPAIR, USUAL = "--myisam-recover-options=OFF", "--myisam-recover-options=BACKUP,QUICK"


@pytest.fixture
def url(private_server: PrivateServer) -> Iterator[str]:
    url = private_server.new_database()
    engine = create_engine(url)
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
    monkeypatch.setattr("loader.database.mariadb.CLOCK_JUMP", -1)
    path = Loads(tmp_path).file(ROWS)
    with pytest.raises(Killed), killed_at(Point(Writer, "write", "after"), 2):
        load_file(path, OPTIONS, Database(url), tmp_path / "results")
    [(_, before)] = run(url, "SHOW GLOBAL STATUS LIKE 'Com_check'")
    complete(url, path, tmp_path)
    assert run(url, "SHOW GLOBAL STATUS LIKE 'Com_check'")[0][1] == before

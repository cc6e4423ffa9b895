"""A job does not begin if the account cannot see what it must read: exit code 77, and the GRANT."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.archive.job import move
from jobs.archive.request import MoveRequest
from jobs.cli.main import run as leadloader
from jobs.undo.job import undo
from loader.database.connection import Database
from loader.database.schema import create_missing
from loader.errors import NotAllowedError, UsageError
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.options.load import LoadOptions
from loader.rights.needs import (
    LEDGER,
    Right,
    of_archive,
    of_dearchive,
    of_import,
    of_undo,
    of_validate,
)
from tests.support.accounts import EVERYTHING, Granted, Needs
from tests.support.extras import CODES, OPTIONS, ROWS, TABLES, row
from tests.support.loads import Loads, snapshot
from tests.support.server import Server, fill, plain_engine, run

CHILDREN = ArchiveOptions(with_children=True, held="take")
LISTS = ArchiveRule.model_validate({"lists": [101, 102, 103]})


@pytest.fixture
def granted(database_url: str, server: Server) -> Iterator[Granted]:
    fill(database_url, TABLES | CODES)
    granted = Granted(server, database_url)
    yield granted
    granted.database.engine.dispose()


@pytest.fixture
def own_url(empty_database_url: str, engine_name: str) -> str:
    """A database whose tables a test may drop."""
    engine = plain_engine(empty_database_url)
    create_missing(engine, storage_engine=engine_name)
    engine.dispose()
    fill(empty_database_url, TABLES)
    return empty_database_url


@pytest.fixture
def own_database(own_url: str) -> Iterator[Database]:
    database = Database(own_url)
    yield database
    database.engine.dispose()


def importing(database: Database, folder: Path) -> None:
    folder.mkdir()
    Loads(folder).load(ROWS, database, **EVERYTHING)


def validating(database: Database, folder: Path) -> None:
    folder.mkdir()
    Loads(folder).load(ROWS, database, "validate", **EVERYTHING)


def archiving(database: Database, folder: Path) -> None:
    move(MoveRequest("archive", rule=LISTS), CHILDREN, database, folder / "archive")


def dearchiving(database: Database, folder: Path) -> None:
    move(MoveRequest("dearchive", rule=LISTS), CHILDREN, database, folder / "back")


def undoing(database: Database, folder: Path) -> None:
    undo("20260101-000000-12345678-abcd", database, folder / "undo")


Job = Callable[[Database, Path], None]
JOBS: dict[str, tuple[Job, Needs]] = {
    "import": (importing, lambda site: of_import(LoadOptions(**EVERYTHING), site)),
    "validate": (validating, lambda site: of_validate(LoadOptions(**EVERYTHING), site)),
    "archive": (archiving, lambda site: of_archive(CHILDREN, site)),
    "dearchive": (dearchiving, lambda site: of_dearchive(CHILDREN, site)),
    "undo": (undoing, lambda site: of_undo(CHILDREN, site)),
}


def is_read(right: Right) -> bool:
    return right.privilege == "SELECT" and right.table not in LEDGER


def is_write(right: Right) -> bool:
    return right.privilege in {"INSERT", "UPDATE", "DELETE"} and right.table not in LEDGER


@pytest.mark.sample(1)
@pytest.mark.engines("innodb")
@pytest.mark.parametrize("name", JOBS)
def test_no_job_begins_without_a_right_to_read(
    name: str, granted: Granted, database: Database, tmp_path: Path
) -> None:
    job, needs = JOBS[name]
    loads = Loads(tmp_path)
    loads.load([row(1), row(2, list_id="102")], database, **OPTIONS)
    move(MoveRequest("archive", rule=LISTS), CHILDREN, database, tmp_path / "made")
    loads.load([row(3)], database, **OPTIONS)
    granted.give(needs)
    before = snapshot(database)
    site = granted.account().site
    for right in sorted(filter(is_read, needs(site))):
        back = granted.revoke(right)
        if right.table not in site.tables:
            # Rights on a table that is not there can only be given with the right to make it.
            back = back.replace("GRANT ", "GRANT CREATE, ")
        granted.database.engine.dispose()
        with pytest.raises(NotAllowedError, match=rf"GRANT SELECT.*{right.table}") as refusal:
            job(granted.database, tmp_path / f"{right.table}-{right.column}")
        assert f"may not read {right.table}." in str(refusal.value)
        assert refusal.value.exit_code == 77
        assert snapshot(database) == before
        granted.server.execute(back)


@pytest.mark.engines("innodb")
def test_addresses_for_new_leads_that_cannot_be_seen_are_a_remark(
    granted: Granted, tmp_path: Path
) -> None:
    granted.give(lambda site: of_import(LoadOptions(**EVERYTHING), site))
    summary = Loads(tmp_path).load([row(1)], granted.database, **EVERYTHING).summary
    (remark,) = [it for it in summary.remarks if "vicidial_url_multi" in it]
    assert "addresses for new leads is not known" in remark
    assert "GRANT SELECT ON" in remark


@pytest.mark.sample(1)
@pytest.mark.engines("myisam")
@pytest.mark.parametrize("name", ["import", "archive", "dearchive"])
def test_no_job_begins_without_a_right_to_write(
    name: str, granted: Granted, database: Database, tmp_path: Path
) -> None:
    job, needs = JOBS[name]
    loads = Loads(tmp_path)
    loads.load([row(1), row(2, list_id="102")], database, **OPTIONS)
    move(MoveRequest("archive", rule=LISTS), CHILDREN, database, tmp_path / "made")
    loads.load([row(3)], database, **OPTIONS)
    granted.give(needs)
    before = snapshot(database)
    site = granted.account().site
    # Of custom tables an import writes to those of its lists alone.
    written = site.tables - ({*site.custom} if name == "import" else set())
    for right in sorted(it for it in needs(site) if is_write(it) and it.table in written):
        back = granted.revoke(right)
        granted.database.engine.dispose()
        wanted = rf"GRANT {right.privilege}.*{right.table}"
        with pytest.raises(NotAllowedError, match=wanted) as refusal:
            job(granted.database, tmp_path / f"{right.table}-{right.privilege}")
        assert f"may not write to {right.table}." in str(refusal.value)
        assert snapshot(database) == before
        granted.server.execute(back)


@pytest.mark.engines("innodb")
@pytest.mark.parametrize(("list_id", "begins"), [("101", False), ("102", True)])
def test_custom_tables_that_a_load_may_not_write_to(
    list_id: str, begins: bool, granted: Granted, database: Database, tmp_path: Path
) -> None:
    granted.give(lambda site: of_import(LoadOptions(**EVERYTHING), site))
    granted.revoke(Right("INSERT", "custom_101"))
    granted.database.engine.dispose()
    options = EVERYTHING | {"duplicate_check": "", "on_duplicate": "reject"}
    rows = [row(1, list_id=list_id)]
    if begins:
        assert Loads(tmp_path).load(rows, granted.database, **options).summary.loaded == 1
        return
    before = snapshot(database)
    with pytest.raises(NotAllowedError, match=r"may not write to custom_101\..*GRANT INSERT"):
        Loads(tmp_path).load(rows, granted.database, **options)
    assert snapshot(database) == before


@pytest.mark.engines("innodb")
@pytest.mark.parametrize("table", ["vicidial_hopper", "vicidial_auto_calls"])
def test_a_site_says_that_it_has_no_such_table(
    table: str, server: Server, own_database: Database, own_url: str, tmp_path: Path
) -> None:
    Loads(tmp_path).load([row(1)], own_database, **OPTIONS)
    granted = Granted(server, own_url)
    granted.give(lambda site: of_archive(ArchiveOptions(), site))
    granted.revoke(Right("SELECT", table))
    run(own_url, f"DROP TABLE {table}")
    # The account has a right on each other table, so that the server does not say which it is.
    with pytest.raises(NotAllowedError, match=f"say --lacking {table}$"):
        move(MoveRequest("archive", rule=LISTS), ArchiveOptions(), granted.database, tmp_path / "a")
    says = Database(granted.address, lacking=[table])
    report = move(MoveRequest("archive", rule=LISTS), ArchiveOptions(), says, tmp_path / "b")
    assert report.exit_code == 0
    assert f"there is no table {table}" in " ".join(report.remarks)
    for database in (says, granted.database):
        database.engine.dispose()


@pytest.mark.engines("innodb")
def test_with_rights_on_the_database_the_server_says_what_is_absent(
    own_url: str, server: Server, own_database: Database, tmp_path: Path
) -> None:
    Loads(tmp_path).load([row(1)], own_database, **OPTIONS)
    run(own_url, "DROP TABLE vicidial_auto_calls")
    reader = Database(server.new_reader(own_url))
    dry = ArchiveOptions(dry_run=True)
    report = move(MoveRequest("archive", rule=LISTS), dry, reader, tmp_path / "a")
    assert "there is no table vicidial_auto_calls" in " ".join(report.remarks)
    reader.engine.dispose()


def test_a_table_that_is_there_is_not_lacking(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    fill(database_url, {})
    for name, said in {
        "vicidial_hopper": "the database has this table",
        "vicidial_hoper": "did you mean vicidial_hopper",
        "leads": "no table of this name",
    }.items():
        lying = Database(database_url, lacking=[name])
        with pytest.raises(UsageError, match=said):
            archiving(lying, tmp_path)
        lying.engine.dispose()


@pytest.mark.sample(2)
@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("options", "table"),
    [
        ({"dnc_check": "Y"}, "vicidial_dnc"),
        ({"campaign_dnc_check": "Y"}, "vicidial_campaign_dnc"),
        ({"duplicate_check": "DUPCAMP"}, "vicidial_lists"),
        ({"duplicate_check": "DUPNAMEPHONECAMP30DAY-DUPLIST"}, "vicidial_lists"),
        ({"list_exists_check": "Y"}, "vicidial_lists"),
        ({"usacan_areacode_check": "Y"}, "vicidial_phone_codes"),
        ({"nanpa_ac_prefix_check": "Y"}, "vicidial_nanpa_prefix_codes"),
        ({"lookup_state": "Y"}, "vicidial_phone_codes"),
        ({"tz_method": "POSTAL"}, "vicidial_postal_codes"),
        ({"tz_method": "NANPA"}, "vicidial_nanpa_prefix_codes"),
        ({"custom_fields": "Y"}, "vicidial_lists_fields"),
        ({"add_to_hopper": "Y"}, "vicidial_hopper"),
        ({"add_to_hopper": "Y", "hopper_local_call_time_check": "Y"}, "vicidial_call_times"),
    ],
)
def test_a_check_without_its_table_is_an_error(
    options: dict[str, str], table: str, database_url: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run(database_url, f"DROP TABLE {table}")
    file = tmp_path / "leads.csv"
    file.write_text("phone\n7275550001\n", "utf-8")
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    flags = [part.replace("_", "-") if part.startswith("--") else part for part in flags]
    for command in ("import", "validate"):
        code = leadloader(
            [
                command,
                str(file),
                "--database",
                database_url,
                "--results",
                str(tmp_path / "r"),
                *flags,
            ]
        )
        assert code == 78
        assert f"needs {table}, a table that the database lacks" in capsys.readouterr().err
    assert run(database_url, "SELECT COUNT(*) FROM vicidial_list") == [(0,)]


@pytest.mark.engines("innodb")
def test_a_column_of_the_file_needs_a_table_too(
    granted: Granted, tmp_path: Path, database: Database
) -> None:
    granted.give(lambda site: of_import(LoadOptions(), site))
    before = snapshot(database)
    rows = [{"phone_number": "7275550001", "multi_alt_phones": "7275550002"}]
    with pytest.raises(NotAllowedError, match=r"GRANT SELECT.*vicidial_list_alt_phones"):
        Loads(tmp_path).load(rows, granted.database, user="loader")
    assert snapshot(database) == before


@pytest.mark.engines("innodb")
def test_a_view_is_there(own_url: str, own_database: Database, tmp_path: Path) -> None:
    run(own_url, "RENAME TABLE vicidial_lists TO lists_of_site")
    run(own_url, "CREATE VIEW vicidial_lists AS SELECT * FROM lists_of_site")
    loads = Loads(tmp_path)
    assert loads.load([row(1, list_id="102")], own_database, **OPTIONS).summary.loaded == 1
    again = loads.load(
        [row(1, list_id="101")], own_database, **OPTIONS | {"duplicate_check": "DUPCAMP"}
    )
    assert again.summary.rejected == 1

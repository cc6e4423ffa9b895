"""What an account of the server may do, and the least that each job can do with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from jobs.archive.job import move
from jobs.archive.request import MoveRequest
from loader.database.connection import Database
from loader.errors import DatabaseUnavailableError, NotAllowedError, UntrustedServerError
from loader.ledger import tables
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.options.load import LoadOptions
from loader.rights.account import DatabaseAccount
from loader.rights.needs import (
    LEDGER,
    Rights,
    Site,
    of_archive,
    of_dearchive,
    of_import,
    of_ledger,
    of_new_lists,
    of_undo,
    of_validate,
    rights,
)
from tests.support.accounts import EVERYTHING, Granted, Needs
from tests.support.extras import CODES, OPTIONS, ROWS, TABLES, row
from tests.support.loads import Loads, assert_extras_match, snapshot
from tests.support.products import PRODUCT
from tests.support.server import Server, fill, run

pytestmark = pytest.mark.engines("innodb", "myisam")

CHILDREN = ArchiveOptions(with_children=True)


@pytest.fixture
def granted(database_url: str, server: Server) -> Iterator[Granted]:
    fill(database_url, TABLES | CODES)
    granted = Granted(server, database_url)
    yield granted
    granted.database.engine.dispose()


def importing(site: Site) -> Rights:
    return of_import(LoadOptions(**EVERYTHING), site, check_dialable=True)


def validating(site: Site) -> Rights:
    return of_validate(LoadOptions(**EVERYTHING), site)


def archiving(site: Site) -> Rights:
    return of_archive(CHILDREN, site)


def dearchiving(site: Site) -> Rights:
    return of_dearchive(CHILDREN, site)


def undoing(site: Site) -> Rights:
    return of_undo(ArchiveOptions(), site)


def test_an_import_with_all_that_there_is_needs_no_more(
    granted: Granted, database: Database, tmp_path: Path
) -> None:
    granted.give(importing)
    loads = Loads(tmp_path)
    outcome = loads.load(ROWS, granted.database, **EVERYTHING)
    # All went where it goes for an account that may do everything.
    assert not any("EXTRA_NOT_STORED" in names for names in map(outcome.names, outcome.loaded))
    assert_extras_match(outcome, database)
    again = loads.load([row(1, first_name="Other")], granted.database, **EVERYTHING)
    assert "UPDATED_EXISTING_LEAD" in again.summary.notices


def test_a_plain_import_needs_less(granted: Granted, tmp_path: Path) -> None:
    given = granted.give(lambda site: of_import(LoadOptions(), site) - of_ledger(site))
    written = [statement for statement in given if "INSERT" in statement]
    assert len(written) == 1
    assert "SELECT, INSERT ON " in written[0]
    assert "`vicidial_list` TO" in written[0]
    assert not any("UPDATE" in statement or "DELETE" in statement for statement in given)
    granted.give(lambda site: of_import(LoadOptions(), site))
    outcome = Loads(tmp_path).load(
        [{"phone_number": "7275550001"}], granted.database, user="loader"
    )
    assert outcome.summary.loaded == 1


def test_a_validation_only_reads(granted: Granted, database: Database, tmp_path: Path) -> None:
    given = granted.give(validating)
    assert all(statement.startswith("GRANT SELECT ") for statement in given)
    assert not any(word in "".join(given) for word in ("INSERT", "UPDATE", "DELETE", "CREATE"))
    before = snapshot(database)
    outcome = Loads(tmp_path).load(ROWS, granted.database, "validate", **EVERYTHING)
    assert outcome.summary.loaded == len(ROWS)
    assert snapshot(database) == before


def test_an_archive_and_its_way_back_need_no_more(
    granted: Granted, database: Database, tmp_path: Path
) -> None:
    load = Loads(tmp_path).load([row(1), row(2, list_id="102")], database, **OPTIONS)
    assert load.summary.loaded == 2
    before = snapshot(database)
    given = "".join(granted.give(archiving))
    assert "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER ON" in given
    rule = ArchiveRule.model_validate({"lists": [101, 102]})
    assert moved(MoveRequest("archive", rule=rule), "there", granted.database, tmp_path) == 2
    left = snapshot(database)
    assert left.pop("vicidial_list") == []
    # The hopper is the dialer's to clear.
    assert {name for name in left if not name.endswith("_archive")} == {"vicidial_hopper"}
    back = Granted(granted.server, database.engine.url.render_as_string(hide_password=False))
    back.give(dearchiving)
    assert moved(MoveRequest("dearchive", rule=rule), "here", back.database, tmp_path) == 2
    assert snapshot(database) == before
    back.database.engine.dispose()


def moved(request: MoveRequest, name: str, database: Database, folder: Path) -> int:
    report = move(request, CHILDREN.model_copy(update={"held": "take"}), database, folder / name)
    assert report.exit_code == 0
    return report.moved


@pytest.mark.sample(1)
@pytest.mark.engines("innodb")
@pytest.mark.parametrize(
    "needs",
    [importing, validating, archiving, dearchiving, undoing],
    ids=lambda needs: needs.__name__,
)
def test_each_right_that_is_taken_away_is_missing(granted: Granted, needs: Needs) -> None:
    granted.give(needs)
    account = granted.account()
    all_needs = needs(account.site)
    for right in sorted(all_needs):
        back = granted.revoke(right)
        assert account.missing(all_needs) == [right]
        if right.table not in account.site.tables:
            # Rights on a table that is not there can only be given with the right to make it.
            back = back.replace("GRANT ", "GRANT CREATE, ")
        granted.server.execute(back)
    assert account.missing(all_needs) == []


@pytest.mark.engines("innodb")
def test_rights_on_the_whole_database_and_on_all_are_rights(
    granted: Granted, database_url: str
) -> None:
    name = make_url(granted.address)
    for where in (f"{name.database}.*", "*.*"):
        granted.server.execute(f"GRANT ALL ON {where} TO {name.username}@'%'")
        account = granted.account()
        every = (importing(account.site) | archiving(account.site)) | dearchiving(account.site)
        assert account.missing(every) == []
        granted.server.execute(f"REVOKE ALL ON {where} FROM {name.username}@'%'")
    assert len(granted.account().missing(every)) == len(every)


@pytest.mark.engines("innodb")
def test_rights_of_a_role_are_rights(granted: Granted) -> None:
    name = make_url(granted.address)
    role = f"role_{name.username}"
    for statement in (
        f"CREATE ROLE {role}",
        f"GRANT SELECT ON {name.database}.* TO {role}",
        f"GRANT {role} TO {name.username}@'%'",
        f"SET DEFAULT ROLE {role} {'FOR' if PRODUCT.is_mariadb else 'TO'} {name.username}@'%'",
    ):
        granted.server.execute(statement)
    try:
        account = granted.account()
        assert account.missing(validating(account.site)) == []
        assert account.missing(rights(["INSERT"], ["vicidial_list"]))
    finally:
        granted.server.execute(f"DROP ROLE {role}")


@pytest.mark.engines("innodb")
def test_nothing_is_executed(granted: Granted, database: Database, database_url: str) -> None:
    before = snapshot(database)
    tables = run(database_url, "SHOW TABLES")
    admin = DatabaseAccount(database)
    every = importing(admin.site) | archiving(admin.site)
    assert admin.missing(every | rights(["ALTER"], ["vicidial_list"])) == []
    assert snapshot(database) == before
    assert run(database_url, "SHOW TABLES") == tables
    assert admin.absent >= set(LEDGER)


@pytest.mark.engines("innodb")
def test_a_wrong_password_and_a_dead_server_are_told(granted: Granted) -> None:
    url = make_url(granted.address)
    wrong = url.set(password=url.username).render_as_string(hide_password=False)
    # MySQL 9 asks for the password itself before it says so.
    with pytest.raises((NotAllowedError, UntrustedServerError), match=r"name or password is wrong"):
        DatabaseAccount(Database(wrong))
    nowhere = url.set(port=1).render_as_string(hide_password=False)
    with pytest.raises(DatabaseUnavailableError):
        DatabaseAccount(Database(nowhere, sleep=lambda _seconds: None))


@pytest.mark.parametrize(
    ("options", "table", "privileges"),
    [
        pytest.param({}, "vicidial_hopper", set(), id="nothing-comes-along"),
        pytest.param({"add_to_hopper": "Y"}, "vicidial_hopper", {"SELECT", "INSERT"}, id="hopper"),
        pytest.param(
            {"map": {"callback": "Call"}}, "vicidial_callbacks", {"SELECT", "INSERT"}, id="mapped"
        ),
        pytest.param({"callback": "Y"}, "vicidial_list", {"SELECT", "INSERT", "UPDATE"}, id="back"),
        pytest.param({}, "vicidial_list", {"SELECT", "INSERT"}, id="leads"),
        pytest.param(
            {"on_duplicate": "move"}, "vicidial_list", {"SELECT", "INSERT", "UPDATE"}, id="move"
        ),
        pytest.param({"tz_method": "nanpa"}, "vicidial_nanpa_prefix_codes", {"SELECT"}, id="zones"),
        pytest.param({"custom_fields": "N"}, "custom_7", set(), id="no-custom"),
        pytest.param(
            {"custom_fields": "Y"}, "custom_7", {"SELECT", "INSERT", "DELETE"}, id="custom"
        ),
    ],
)
@pytest.mark.engines("innodb")
def test_options_decide(options: dict[str, Any], table: str, privileges: set[str]) -> None:
    found = of_import(LoadOptions(**options), Site(custom=("custom_7",)))
    assert {right.privilege for right in found if right.table == table} == privileges


def test_new_lists_and_dry_runs() -> None:
    assert {right.privilege for right in of_new_lists()} == {"SELECT", "INSERT", "DELETE"}
    dry = ArchiveOptions(dry_run=True, with_children=True)
    assert {right.privilege for right in of_archive(dry, Site())} == {"SELECT"}
    assert {right.privilege for right in of_dearchive(dry, Site())} == {"SELECT", "CREATE"}


@pytest.mark.engines("innodb")
def test_every_table_of_the_ledger_has_its_rights() -> None:
    assert [*LEDGER] == [*tables.metadata.tables]

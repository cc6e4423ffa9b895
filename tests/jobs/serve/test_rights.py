"""An account of the database that lacks a right which calls need."""

import pytest
from sqlalchemy import make_url

from jobs.cli.main import run
from tests.support.server import Server

pytestmark = pytest.mark.engines("innodb")


def test_an_account_that_cannot_see_passwords_does_not_begin(
    server: Server, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.new_account(database_url)
    address = make_url(url)
    name, account = address.database, f"{address.username}@'%'"
    server.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.vicidial_list TO {account}")
    assert run(["serve", "--database", url]) == 77
    said = capsys.readouterr().err
    assert "nothing was changed" in said
    assert "vicidial_users" in said
    assert "GRANT" in said


def test_an_account_that_can_only_read_does_not_begin(
    server: Server, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--database", server.new_reader(database_url)]) == 77
    assert "may not write to" in capsys.readouterr().err

"""`config check` at a real server: what it says is missing, given, is enough for every job."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from jobs.cli.main import run as leadloader
from jobs.config_check.service import NO_KEY
from jobs.settings import settings as settings_module
from loader.database.connection import Database
from loader.ledger.keys import keys
from loader.rights.needs import LEDGER
from tests.support.certificates import make_authority, make_certificate
from tests.support.extras import TABLES
from tests.support.nights import Site, rows
from tests.support.products import PRODUCT
from tests.support.server import Server, fill, run

pytestmark = pytest.mark.engines("innodb")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


class Checked:
    """An account, and what `config check` says of it."""

    def __init__(
        self, server: Server, url: str, capsys: pytest.CaptureFixture[str], *more: str
    ) -> None:
        self.server, self.capsys, self.more = server, capsys, more
        self.address = server.new_account(url)

    def check(self) -> tuple[int, dict[str, Any]]:
        self.capsys.readouterr()
        code = leadloader(["config", "check", "--database", self.address, "--json", *self.more])
        return code, json.loads(self.capsys.readouterr().out)

    def give(self) -> list[str]:
        """Do what it says until it says no more."""
        given: list[str] = []
        for _ in range(3):
            code, found = self.check()
            grants = found["database"]["grants"]
            assert code == (77 if grants else 0), found
            for statement in grants:
                self.server.execute(statement)
            given += grants
        assert not grants
        return given


@pytest.fixture
def url(database_url: str) -> str:
    fill(database_url, TABLES)
    Path("leadloader.toml").write_text(
        'user = "loader"\n[archive]\nwith_children = true\nheld = "take"\n', "utf-8"
    )
    return database_url


def ledger_forgotten(url: str) -> None:
    for name in LEDGER:
        run(url, f"DROP TABLE IF EXISTS {name}")


def test_one_account_for_an_import_its_undo_and_the_archive(
    url: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger_forgotten(url)
    jobs = [part for job in ("import", "undo", "archive") for part in ("--job", job)]
    checked = Checked(server, url, capsys, *jobs)
    code, found = checked.check()
    assert code == 77
    assert "INSERT on vicidial_list" in found["database"]["missing"]["import"]
    assert list(found["database"]["missing"]) == ["import", "undo", "archive"]
    checked.give()
    Path("leads.csv").write_text(rows(1, 2, 3), "utf-8")
    address = ["--database", checked.address]
    load = ["import", "leads.csv", *address, "--list-id", "101", "--results", "r/one"]
    assert leadloader(load) == 0
    name = json.loads(Path("r/one/summary.json").read_text("utf-8"))["run"]
    assert leadloader(["undo", name, *address, "--results", "r/undo"]) == 0
    assert run(url, "SELECT COUNT(*) FROM vicidial_list") == [(0,)]
    assert run(url, "SELECT COUNT(*) FROM vicidial_list_archive") == [(3,)]
    assert leadloader([*load[:-1], "r/again"]) == 0
    assert leadloader(["archive", "--lists", "101", *address, "--results", "r/archive"]) == 0
    assert run(url, "SELECT COUNT(*) FROM vicidial_list_archive") == [(6,)]
    # The account sees its tables by now, and still nothing is missing.
    assert checked.check()[0] == 0
    assert run(url, f"SELECT COUNT(*) FROM {[*LEDGER][-1]}")


def test_a_night_with_a_new_list_for_each_file(
    url: str, server: Server, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ledger_forgotten(url)
    run(url, "DELETE FROM vicidial_lists", "DELETE FROM vicidial_campaigns")
    checked = Checked(server, url, capsys, "--job", "nightly", "--config", "nightly.toml")
    site = Site(tmp_path, url)
    site.url = checked.address
    site.settings(
        "[source.new_list]\nfirst_list_id = 500\ncampaign_id = 'SALES'",
        top='user = "loader"',
        night='archive = ["worked"]',
        after='[archive.worked]\nstatuses = ["NA"]',
        list_id=None,
    )
    given = checked.give()
    assert any("SELECT, INSERT, DELETE ON" in it and "`vicidial_lists`" in it for it in given)
    assert not any("vicidial_hopper` TO" in it and "INSERT" in it for it in given)
    fill(url, {"vicidial_list": [{"list_id": 101, "phone_number": "1", "status": "NA"}]})
    site.put("leads.csv", rows(1, 2))
    night = site.night()
    assert night.code == 0
    assert run(url, "SELECT list_id, COUNT(*) FROM vicidial_list GROUP BY 1") == [(500, 2)]
    assert run(url, "SELECT COUNT(*) FROM vicidial_list_archive") == [(1,)]


def test_an_account_for_the_service_and_its_keys(
    url: str,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger_forgotten(url)
    run(url, f"DROP TABLE IF EXISTS {keys.name}")
    checked = Checked(server, url, capsys, "--job", "serve")
    found = checked.check()[1]["database"]
    assert f"INSERT on {keys.name}" in found["missing"]["serve"]
    checked.give()
    assert NO_KEY in checked.check()[1]["database"]["remarks"]
    make = ["keys", "make", "--database", checked.address, "--may", "archive"]
    assert leadloader([*make, "night", "--until", "never"]) == 0
    assert leadloader([*make, "crm", "--until", "5d"]) == 0
    code, report = checked.check()
    (remark,) = (it for it in report["database"]["remarks"] if "key" in it)
    assert (code, remark.startswith("key crm ends on ")) == (0, True)
    cert = make_certificate(make_authority(tmp_path, "authority"), "leads", days=5)
    monkeypatch.setenv("LEADLOADER_SERVE__TLS_CERT", str(cert))
    monkeypatch.setenv("LEADLOADER_SERVE__TLS_KEY", str(cert.with_suffix(".key")))
    code, report = checked.check()
    said = [it for it in report["database"]["remarks"] if str(cert) in it]
    assert (code, len(said), said[0].startswith(f"serve: {cert} ends on ")) == (0, 1, True)


def test_the_right_to_read_is_enough_for_a_validation(
    url: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = server.new_reader(url)
    arguments = ["config", "check", "--database", reader]
    assert leadloader([*arguments, "--job", "validate", "--all"]) == 0
    said = capsys.readouterr().out
    assert "validate   ok" in said
    assert "GRANT" not in said
    assert leadloader([*arguments, "--all"]) == 77
    said = capsys.readouterr().out
    name = make_url(reader)
    assert "import     lacks " in said
    assert f"GRANT INSERT, UPDATE, DELETE ON `{name.database}`.`vicidial_list` TO " in said
    assert str(name.password) not in said


def test_what_keeps_every_job_from_being_done(
    url: str, server: Server, capsys: pytest.CaptureFixture[str], database: Database,
    impatient: None,
) -> None:  # fmt: skip
    arguments = ["config", "check", "--database"]
    name = make_url(url)
    wrong = name.set(password=name.username).render_as_string(hide_password=False)
    assert leadloader([*arguments, wrong]) == (78 if PRODUCT.asks_for_passwords else 77)
    assert leadloader([*arguments, name.set(port=1).render_as_string(hide_password=False)]) == 69
    assert leadloader([*arguments, server.url("no_such_database")]) == 78
    assert leadloader([*arguments, server.new_database()]) == 78
    assert "no table vicidial_list; is it a dialer's?" in capsys.readouterr().out
    Path("leadloader.toml").write_text('user = "nobody"\n', "utf-8")
    assert leadloader([*arguments, url]) == 78
    assert "the dialer has no active user 'nobody'" in capsys.readouterr().out
    Path("leadloader.toml").write_text(
        'user = "loader"\n[archive]\nmax_load = {Nothing = 3}\n', "utf-8"
    )
    assert leadloader([*arguments, url]) == 78
    assert "status variable" in capsys.readouterr().out


def test_what_the_server_is_set_to(
    url: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"local_infile": 0, "read_only": 1}
    before = {name: server.execute(f"SELECT @@GLOBAL.{name}")[0][0] for name in settings}
    try:
        for name, value in settings.items():
            server.execute(f"SET GLOBAL {name} = {value}")
        assert leadloader(["config", "check", "--database", url]) == 0
    finally:
        for name, value in before.items():
            server.execute(f"SET GLOBAL {name} = {value}")
    said = capsys.readouterr().out
    assert "note: the server is read-only" in said
    assert "note: local_infile is off" in said


@pytest.mark.engines("sqlite")
def test_an_sqlite_file(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert leadloader(["config", "check", "--database", database_url]) == 0
    said = capsys.readouterr().out
    assert "import     ok" in said
    assert "nightly" not in said


@pytest.mark.parametrize("job", ["import", "nightly"])
def test_missing_indexes_are_printed_as_statements_that_make_them(
    job: str, url: str, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = 'duplicate_check = "DUPPHONEALTSYS"\nduplicate_scope_archive = "Y"\n'
    (tmp_path / "drop").mkdir()
    source = f'[[sources]]\nname = "a"\nfolder = "{tmp_path / "drop"}"\nlist_id = 101\n'
    settings = checks if job == "import" else source + checks
    Path("leadloader.toml").write_text('user = "loader"\n' + settings, "utf-8")
    command = ["config", "check", "--database", url, "--job", job]
    statements = [
        f"ALTER TABLE `{table}` ADD INDEX (`alt_phone`)"
        for table in ("vicidial_list", "vicidial_list_archive")
    ]
    assert leadloader(command) == 0
    printed = capsys.readouterr().out
    assert "\n".join(statements) in printed
    assert leadloader([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["database"]["indexes"] == statements
    try:
        for statement in statements:
            run(url, statement)
        assert leadloader(command) == 0
        assert "INDEX" not in capsys.readouterr().out
    finally:
        for statement in statements:
            run(url, statement.replace("ADD INDEX (`alt_phone`)", "DROP INDEX alt_phone"))


def test_moves_name_the_indexes_that_they_lack(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(url, "ALTER TABLE vicidial_list DROP INDEX ix_vicidial_list_phone_number")
    try:
        assert leadloader(["config", "check", "--database", url, "--job", "dearchive"]) == 0
        assert "ALTER TABLE `vicidial_list` ADD INDEX (`phone_number`)" in capsys.readouterr().out
    finally:
        run(url, "CREATE INDEX ix_vicidial_list_phone_number ON vicidial_list (phone_number)")

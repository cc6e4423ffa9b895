"""Commands that go through another dialer's API: who names it, its secrets, its certificate."""

import json
from pathlib import Path

import pytest

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from tests.support.api_dialer import PASSWORD, USER, ApiDialer
from tests.support.certificates import make_authority, make_certificate
from tests.support.http_server import http_server

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    monkeypatch.setenv("LEADLOADER_TARGET__USER", USER)
    monkeypatch.setenv("LEADLOADER_TARGET__PASSWORD", PASSWORD)
    (tmp_path / "leads.csv").write_text("phone_number,list_id\n7275550112,101\n12,101\n", "utf-8")
    return tmp_path


def test_an_import_its_runs_and_no_undo(site: Path, capsys: Captured) -> None:
    dialer = ApiDialer()
    with http_server(dialer.answer) as server:
        named = ["--target", server.url]
        assert run(["validate", "leads.csv", *named]) == 0
        assert not server.requests
        capsys.readouterr()
        assert run(["import", "leads.csv", *named, "--json", "--quiet"]) == 0
        summary = json.loads(capsys.readouterr().out)
        assert (summary["loaded"], summary["database"]) == (1, server.url)
        assert run(["import", "leads.csv", *named]) == 0
        assert "loaded already" in capsys.readouterr().err
    assert len(dialer.leads) == 1
    assert run(["runs", *named]) == 0
    assert "leads.csv" in capsys.readouterr().out
    assert run(["undo", "latest", *named]) == 64
    assert "which deletes no leads" in capsys.readouterr().err
    assert run(["undo", "2020", *named]) == 64
    assert "there is no run 2020" in capsys.readouterr().err


def test_a_target_in_the_settings_counts_without_a_database(site: Path, capsys: Captured) -> None:
    dialer = ApiDialer()
    with http_server(dialer.answer) as server:
        (site / "leadloader.toml").write_text(
            f'database = "sqlite:///none.db"\n[target]\nurl = "{server.url}"\n'
        )
        assert run(["import", "leads.csv"]) == 78
        assert "there is no SQLite database" in capsys.readouterr().err
        assert run(["import", "leads.csv", "--database", "none"]) == 0
        assert run(["import", "leads.csv", "--again", "--target", server.url]) == 0
        both = ["--target", server.url, "--database", "sqlite:///none.db"]
        assert run(["import", "leads.csv", *both]) == 64
    assert "leave the other out" in capsys.readouterr().err
    assert len(dialer.leads) == 2


@pytest.mark.parametrize("where", ["password", "password_file"])
def test_where_the_password_may_be(
    where: str, site: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.delenv("LEADLOADER_TARGET__PASSWORD")
    dialer, value = ApiDialer(), PASSWORD
    if where == "password_file":
        value = str(site / "secret")
        Path(value).write_text(f"{PASSWORD}\n")
    with http_server(dialer.answer) as server:
        assert run(["import", "leads.csv", "--target", server.url]) == 78
        assert "LEADLOADER_TARGET__PASSWORD" in capsys.readouterr().err
        (site / "leadloader.toml").write_text(f'[target]\n{where} = "{value}"\n')
        assert run(["import", "leads.csv", "--target", server.url]) == 0
    assert len(dialer.leads) == 1
    everything = [path for path in site.rglob("*") if path.is_file()]
    holders = [it for it in everything if f'"{PASSWORD}"'.encode() in it.read_bytes()]
    assert holders == ([site / "leadloader.toml"] if where == "password" else [])


def test_a_password_file_that_is_not_there(site: Path, capsys: Captured) -> None:
    (site / "leadloader.toml").write_text('[target]\nkey_file = "none"\n')
    assert run(["archive", "--lead-ids", "1", "--target", "https://dialer.example"]) == 78
    assert "target: key_file: none: No such file" in capsys.readouterr().err


def test_the_certificate_is_looked_at(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    authority = make_authority(site, "authority")
    certificate = make_certificate(authority, "server")
    other = make_certificate(authority, "other", "subjectAltName=DNS:elsewhere.example")
    dialer = ApiDialer()
    with (
        http_server(dialer.answer, certificate) as server,
        http_server(dialer.answer, other) as elsewhere,
    ):
        command = ["import", "leads.csv", "--target", server.url]
        assert run(command) == 78
        assert "its certificate is not trusted" in capsys.readouterr().err
        trusting = ["--ca-file", str(authority)]
        assert run(["import", "leads.csv", "--target", elsewhere.url, *trusting]) == 78
        assert "its certificate is not trusted" in capsys.readouterr().err
        assert not server.requests
        assert not elsewhere.requests
        assert run([*command, "--ca-file", "none.pem"]) == 78
        assert "ca_file: none.pem: No such file" in capsys.readouterr().err
        assert run([*command, *trusting]) == 0
        monkeypatch.setenv("LEADLOADER_TARGET__INSECURE", "true")
        assert run(command) == 78
        assert "only a settings file can say it" in capsys.readouterr().err
        monkeypatch.delenv("LEADLOADER_TARGET__INSECURE")
        (site / "leadloader.toml").write_text("[target]\ninsecure = true\n")
        assert run([*command, "--again"]) == 0
        assert "whoever is on the line can read" in capsys.readouterr().err
    assert len(dialer.leads) == 2


def test_there_is_no_flag_for_a_secret(capsys: Captured) -> None:
    for flag in ("--password", "--key", "--insecure"):
        assert run(["import", "leads.csv", "--target", "https://dialer.example", flag, "x"]) == 64
        assert "o such option" in capsys.readouterr().err

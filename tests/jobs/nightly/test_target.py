"""Nights of a site whose dialer is reached by its API alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from loader.remote import calls
from tests.support.api_dialer import PASSWORD, USER, ApiDialer
from tests.support.http_server import Reply, http_server

HEADER = "phone_number,first_name\n"
ROWS = {"a.csv": (1, 2, 1), "b.csv": (3,)}


class HostedSite:
    """Drop folders, and a settings file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.drop = folder, folder / "drop"
        self.drop.mkdir()

    def put(self) -> None:
        for name, numbers in ROWS.items():
            rows = "".join(f"727555000{number},Ann\n" for number in numbers)
            (self.drop / name).write_text(HEADER + rows)

    def settings(self, url: str, *, source: str = "", top: str = "", night: str = "") -> None:
        (self.folder / "leadloader.toml").write_text(
            f'duplicate_check = "DUPSYS"\n{top}\n[target]\nurl = "{url}"\nuser = "{USER}"\n'
            f'[archive.old]\nstatuses = ["NA"]\n[nightly]\n{night}\n'
            f'[[source]]\nname = "vendor"\nfolder = "drop"\nsettle = "0s"\n{source}\n'
        )

    def night(self, *flags: str) -> tuple[int, dict[str, Any]]:
        before = {*self.folder.glob("nightly/*/report.json")}
        code = run(["nightly", "--quiet", *flags])
        (new,) = {*self.folder.glob("nightly/*/report.json")} - before
        return code, json.loads(new.read_text())

    @property
    def left(self) -> list[str]:
        return sorted(path.name for path in self.drop.glob("*.csv"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HostedSite:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    monkeypatch.setenv("LEADLOADER_TARGET__PASSWORD", PASSWORD)
    monkeypatch.setattr(calls, "ATTEMPTS", 1)
    return HostedSite(tmp_path)


def outcomes(report: dict[str, Any]) -> dict[str, tuple[str, int]]:
    files = report["sources"][0]["files"]
    return {file["file"]: (file["outcome"], file["loaded"]) for file in files}


def test_files_are_sent_each_once(site: HostedSite) -> None:
    dialer = ApiDialer()
    with http_server(dialer.answer) as server:
        site.settings(server.url, source="list_id = 101")
        site.put()
        code, report = site.night("--dry-run")
        assert (code, dialer.leads, site.left) == (0, [], ["a.csv", "b.csv"])
        code, report = site.night()
        assert (code, report["database"]) == (0, server.url)
        assert outcomes(report) == {"a.csv": ("loaded", 2), "b.csv": ("loaded", 1)}
        site.put()
        code, report = site.night()
    assert code == 0
    assert [outcome for outcome, _ in outcomes(report).values()] == ["loaded_before"] * 2
    assert [lead["phone_number"][-1] for lead in dialer.leads] == ["1", "2", "3"]
    assert {lead["list_id"] for lead in dialer.leads} == {"101"}
    assert site.left == []


def test_a_dialer_that_does_not_answer_ends_the_night_and_the_next_one_goes_on(
    site: HostedSite,
) -> None:
    dialer, is_down = ApiDialer(), True

    def answer(request: Any) -> Reply:
        return Reply(status=500) if is_down and len(dialer.leads) else dialer.answer(request)

    with http_server(answer) as server:
        site.settings(server.url, source="list_id = 101")
        site.put()
        code, report = site.night()
        assert (code, site.left) == (69, ["a.csv", "b.csv"])
        assert outcomes(report) == {"a.csv": ("left", 1), "b.csv": ("left", 0)}
        assert "its turn did not come" in report["sources"][0]["files"][1]["why"]
        is_down = False
        code, report = site.night()
    assert (code, site.left) == (0, [])
    assert sorted(lead["phone_number"][-1] for lead in dialer.leads) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"night": 'archive = ["old"]'}, 64, "a rule needs a database"),
        (
            {"source": 'new_list = {first_list_id = 500, campaign_id = "A"}'},
            64,
            "vendor: new_list: the API of another dialer makes no lists",
        ),
        ({"source": 'on_duplicate = "update"'}, 64, "on_duplicate: the API of another dialer"),
        ({"top": "check_dialable = true"}, 64, "check_dialable: the API of another dialer"),
        ({"source": 'target = "https://b.example"'}, 78, "there is no such setting"),
    ],
)
def test_what_needs_a_database_is_refused_before_anything_is_done(
    given: dict[str, str], code: int, words: str, site: HostedSite,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    site.settings("https://dialer.example", **given)
    site.put()
    assert run(["nightly"]) == code
    assert words in capsys.readouterr().err
    assert site.left == ["a.csv", "b.csv"]


def test_a_password_is_needed(
    site: HostedSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LEADLOADER_TARGET__PASSWORD")
    site.settings("https://dialer.example")
    assert run(["nightly"]) == 78
    assert "target: password is missing" in capsys.readouterr().err

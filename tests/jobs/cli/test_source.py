"""One file is tried as nightly would load it: `--source NAME`."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from tests.support.nights import Site, rows
from tests.support.server import run as sql

pytestmark = pytest.mark.engines("sqlite")


@pytest.fixture
def site(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    return Site(tmp_path, database_url)


def load(site: Site, command: str, path: Path, *flags: str) -> tuple[int, dict[str, Any]]:
    results = site.folder / f"tried-{sum(1 for _ in site.folder.glob('tried-*'))}"
    code = run(
        [command, str(path), "--config", str(site.config), "--results", str(results), "--quiet",
         "--again", *flags]
    )  # fmt: skip
    summary = results / "summary.json"
    return code, json.loads(summary.read_text("utf-8")) if summary.exists() else {}


def test_a_file_is_loaded_as_nightly_would(site: Site) -> None:
    site.settings("max_reject_rate = 0.5\nmap = {owner = 'vendor_lead_code'}", list_id=102)
    path = site.put("a.csv", rows(1, 2, -3))
    code, summary = load(site, "import", path, "--source", "vendor")
    assert code == 0
    assert site.leads("list_id", "owner") == [("102", "v1"), ("102", "v2")]
    assert summary["source"] == "vendor"
    # The night knows it again.
    assert site.night().outcomes == {"a.csv": "loaded_before"}


def test_a_source_may_have_a_short_name(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.settings("", list_id=102)
    text = site.config.read_text("utf-8")
    site.config.write_text(text.replace('name = "vendor"', 'name = "v"'), "utf-8")
    path = site.put("a.csv", rows(1))
    code, summary = load(site, "import", path, "--source", "v")
    assert (code, summary["source"]) == (0, "v")
    # Where it says where leads come from, it says more.
    assert load(site, "import", path, "--source", "w")[0] == 64
    assert "give at least two letters" in capsys.readouterr().err


def test_a_flag_goes_before_the_source(site: Site) -> None:
    site.settings("max_reject_rate = 0.0", list_id=102)
    path = site.put("a.csv", rows(1, -2))
    assert load(site, "import", path, "--source", "vendor")[0] == 65
    flags = ("--source", "vendor", "--max-reject-rate", "1", "--list-id", "101")
    assert load(site, "validate", path, *flags)[0] == 0
    assert load(site, "import", path, *flags)[0] == 0
    assert site.leads("list_id") == [("101",)]


def test_the_name_of_the_file_counts(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.settings(r"file_name = 'leads_(?P<list_id>\d+)\.csv'", list_id=None)
    assert load(site, "import", site.put("leads_102.csv", rows(1)), "--source", "vendor")[0] == 0
    assert site.leads("list_id") == [("102",)]
    assert load(site, "import", site.put("other.csv", rows(2)), "--source", "vendor")[0] == 64
    assert "its name does not match file_name of [[source]] vendor" in capsys.readouterr().err


def test_a_source_that_makes_lists(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    made = '[source.new_list]\nfirst_list_id = 5000\ncampaign_id = "SALES"'
    site.settings(f"list_exists_check = 'Y'\n{made}", list_id=None)
    path = site.put("a.csv", rows(1))
    code, summary = load(site, "validate", path, "--source", "vendor")
    assert (code, summary["lists"][0]["list_id"]) == (0, 5000)
    assert load(site, "import", path, "--source", "vendor")[0] == 64
    assert "name one by --force-list-id" in capsys.readouterr().err
    flags = ("--source", "vendor", "--force-list-id", "102")
    assert load(site, "import", path, *flags)[0] == 0
    assert site.leads("list_id") == [("102",)]
    assert sql(site.url, "SELECT COUNT(*) FROM vicidial_lists WHERE list_id >= 5000") == [(0,)]


def test_a_typing_error_in_the_name(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    path = site.put("a.csv", rows(1))
    assert load(site, "import", path, "--source", "vendr")[0] == 64
    assert "there is no [[source]] vendr; did you mean vendor?" in capsys.readouterr().err
    # What is no name of one says where the leads come from.
    assert load(site, "import", path, "--source", "spring fair", "--list-id", "101")[0] == 0


def test_a_night_of_one_source(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    other = site.folder / "other"
    other.mkdir()
    (other / "b.csv").write_text(rows(2), "utf-8")
    more = f'[[source]]\nname = "partner"\nfolder = "{other}"\nsettle = "0s"\nlist_id = 102\n'
    site.settings(night='archive = "sold"', after=f"{more}[archive.sold]\nlists = 101")
    site.put("a.csv", rows(1))
    night = site.night("--only", "partner")
    assert (night.code, night.outcomes) == (0, {"b.csv": "loaded"})
    assert [source.name for source in night.report.sources] == ["partner"]
    assert (night.report.archives, site.leads("list_id")) == ([], [("102",)])
    assert run([*site.arguments, "--only", "partnr"]) == 64
    said = capsys.readouterr().err
    assert "there is no [[source]] partnr; there is vendor, partner; did you mean partner?" in said
    night = site.night("--only", "vendor", "--only", "partner")
    assert night.outcomes == {"a.csv": "loaded"}

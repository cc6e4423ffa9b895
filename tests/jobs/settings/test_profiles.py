"""Profiles: which options --profile sets, and what goes before it."""

import json
from pathlib import Path

import pytest

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from jobs.settings.settings import read_settings
from loader.errors import ConfigurationError, UsageError

SAFE = ("DUPSYS", "Y", "Y", "Y")
OFF = ("", "N", "N", "N")
NIGHT = '[profile.night]\ndnc_check = "AREACODE"\nlist_id = 102\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


def settings(text: str = "", **flags: object) -> tuple[str, ...]:
    path = Path("site.toml")
    path.write_text(text, "utf-8")
    found = read_settings(flags, path)
    names = ("duplicate_check", "dnc_check", "campaign_dnc_check", "list_exists_check")
    return tuple(getattr(found.options, name) for name in names)


@pytest.mark.parametrize(
    ("text", "flags", "found"),
    [
        pytest.param("", {}, OFF, id="none"),
        pytest.param("", {"profile": "safe"}, SAFE, id="flag"),
        pytest.param('profile = "safe"', {}, SAFE, id="file"),
        pytest.param(
            "", {"profile": "safe", "dnc_check": "N"}, ("DUPSYS", "N", "Y", "Y"), id="flag-first"
        ),
        pytest.param(
            "", {"profile": "safe", "duplicate_check": "NONE"}, ("", "Y", "Y", "Y"), id="none-first"
        ),
        pytest.param('dnc_check = "N"', {"profile": "safe"}, SAFE, id="before-the-file"),
        pytest.param(
            'profile = "safe"\ndnc_check = "N"', {}, ("DUPSYS", "N", "Y", "Y"), id="behind-the-file"
        ),
        pytest.param(NIGHT, {"profile": "night"}, ("", "AREACODE", "N", "N"), id="own"),
        pytest.param(NIGHT, {}, OFF, id="own-unused"),
        pytest.param(
            '[profile.safe]\ndnc_check = "AREACODE"', {"profile": "safe"},
            ("DUPSYS", "AREACODE", "Y", "Y"), id="own-safe",
        ),
    ],
)  # fmt: skip
def test_a_profile_sets_options(
    text: str, flags: dict[str, object], found: tuple[str, ...]
) -> None:
    assert settings(text, **flags) == found


def test_the_environment_goes_before_it_and_can_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLOADER_DNC_CHECK", "N")
    assert settings("", profile="safe") == ("DUPSYS", "N", "Y", "Y")
    monkeypatch.setenv("LEADLOADER_PROFILE", "safe")
    assert settings('list_exists_check = "N"') == ("DUPSYS", "N", "Y", "Y")
    assert settings(NIGHT, profile="night")[0] == ""


def test_its_tables_are_put_together_with_others() -> None:
    text = '[default]\ntitle = "Mr"\n[profile.night.default]\ncity = "Rome"\n'
    Path("site.toml").write_text(text, "utf-8")
    found = read_settings({"profile": "night"}, Path("site.toml"))
    assert found.default == {"title": "Mr", "city": "Rome"}


def test_a_source_goes_before_it_in_a_night() -> None:
    text = NIGHT + '[[source]]\nname = "a"\nfolder = "a"\ndnc_check = "N"\n'
    Path("site.toml").write_text(text, "utf-8")
    found = read_settings({"profile": "night"}, Path("site.toml"))
    options = found.options_of(found.sources[0], {})
    assert (options.dnc_check, options.list_id) == ("N", "102")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (NIGHT + 'dnc_chek = "Y"', r"profile\.night\.dnc_chek: there is no such setting"),
        ('[profile.night]\ndnc_check = "yes"', r"profile\.night\.dnc_check: give .*mean Y\?"),
        ('[profile.night]\nforce = {gender = "X"}', r"profile\.night\.force: gender: 'X'"),
        ("[profile.night]\nquiet = true", r"profile\.night\.quiet: there is no such setting"),
        ("[profile]\nnight = 5", r"profile\.night"),
        ("profile = 5", "profile: give text"),
        ('profile = "nihgt"', "profile: there is no profile nihgt; there is safe"),
    ],
)
def test_what_is_wrong_with_one_is_said_even_if_it_is_not_used(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^site.toml, line \d: {said}"):
        settings(text)


def test_an_unknown_one_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"^--profile: there is no profile nihgt.*mean night"):
        settings(NIGHT, profile="nihgt")


def test_config_check_names_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("site.toml").write_text('list_id = 101\n[profile.night]\ndnc_check = "x"\n', "utf-8")
    assert run(["config", "check", "--config", "site.toml", "--offline", "--json"]) == 78
    (fault,) = json.loads(capsys.readouterr().out)["settings"]
    assert (fault["line"], fault["setting"]) == (3, "profile.night.dnc_check")

"""Flags that contradict one another, and what somebody may have meant by a wrong one."""

from pathlib import Path

import pytest

from jobs.cli.main import run
from jobs.settings import settings as settings_module


@pytest.fixture(autouse=True)
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    (tmp_path / "leads.csv").write_text("phone_number\n7275550112\n", "utf-8")


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--dnc-check", "Y", "--dnc-check", "N"], 64),
        (["--dnc-check=Y", "--dnc-check", "Y"], 0),
        (["--page", "--no-page"], 64),
        (["--quiet", "-q"], 0),
        (["--list-id", "101", "--list-id", "102"], 64),
        (["--default", "title=Mr", "--default", "city=Rome"], 0),
    ],
)
def test_flags_that_contradict_one_another(
    flags: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", "leads.csv", *flags]) == code
    assert ("given twice, with different values" in capsys.readouterr().err) == (code == 64)


@pytest.mark.parametrize(
    ("flag", "value", "meant"),
    [
        ("--dnc-check", "yes", "Y"),
        ("--dnc-check", "area", "AREACODE"),
        ("--usacan-prefix-check", "no", "N"),
        ("--on-duplicate", "updte", "update"),
        ("--phone-format", "national-", "national"),
        ("--duplicate-check", "DUPLITS", "DUPLIST"),
        ("--duplicate-check", "DUPSYS22DAY", "DUPSYS21DAY"),
        ("--tz-method", "POSTL", "POSTAL"),
        ("--callback-type", "anyone", "ANYONE"),
        ("--default-region", "UK", "GB"),
        ("--default-region", "Germany", "DE"),
        ("--force", "gender=female", "F"),
        ("--force", "firstname=Ann", "first_name"),
        ("--max-reject-rate", "20", "0.2"),
        ("--encoding", "cp1253x", "cp1252"),
        ("--profile", "saef", "safe"),
        ("--list-id", "#101", "101"),
        ("--phone-code", "1-876", "1"),
        ("--phone-code", "1876", "1"),
        ("--phone-code", "1-809/829", "1"),
        ("--phone-code", "+44", "44"),
        ("--phone-code", "US", "1"),
        ("--force-phone-code", "44 (UK)", "44"),
        ("--default", "phone_code=1-876", "1"),
        ("--campaign-id", "SALES!", "SALES"),
    ],
)
def test_what_was_meant(
    flag: str, value: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", "leads.csv", flag, value]) == 64
    assert f"did you mean {meant}?" in capsys.readouterr().err

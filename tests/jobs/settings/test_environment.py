"""Variables that begin as those of leadloader and set nothing are refused."""

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
    ("variable", "said"),
    [
        ("LEADLOADER_DNC_CHEK", "did you mean LEADLOADER_DNC_CHECK?"),
        ("LEADLOADER_LISTID", "did you mean LEADLOADER_LIST_ID?"),
        ("leadloader_dnc_chek", "did you mean LEADLOADER_DNC_CHECK?"),
        ("LEADLOADER_CONFIG", "--config"),
        ("LEADLOADER_DRY_RUN", 'LEADLOADER_ARCHIVE has it, as JSON: {"dry_run": ...}'),
        ("LEADLOADER_XYZZY", "docs/options.md has all settings"),
        ("LEADLOADER_", "there is no such variable"),
    ],
)
@pytest.mark.parametrize("command", [["import", "leads.csv"], ["nightly"], ["config", "check"]])
def test_an_unknown_variable(
    variable: str,
    said: str,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, "Y")
    assert run(command) == 78
    captured = capsys.readouterr()
    assert said in captured.out + captured.err


@pytest.mark.parametrize("variable", ["LEADLOADER_TEST_DATABASE", "LEADLOADER_TEST_ANY",
                                      "LEADLOADER_SCREENSHOTS"])  # fmt: skip
def test_variables_of_the_tests_are_let_pass(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "")
    assert run(["validate", "leads.csv", "--quiet"]) == 0

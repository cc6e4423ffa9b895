"""The commands keys make, keys list and keys revoke."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from loader.ledger.keys import KEY

pytestmark = pytest.mark.engines("sqlite")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    monkeypatch.setenv("LEADLOADER_DATABASE", database_url)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert run(["keys", *arguments]) == code
    out, err = capsys.readouterr()
    return out, err


def test_the_life_of_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, "make", "night", "--may", "archive, dearchive", "--until", "2999-12-31")
    assert KEY.fullmatch(out.strip())
    assert "key night may archive, dearchive, until 3000-01-01 00:00 UTC" in err
    assert out.strip() not in err
    listed, _ = said(capsys, "list")
    assert re.search(r"^night +valid +archive,dearchive +", listed, re.MULTILINE)
    assert out.strip() not in listed
    assert said(capsys, "revoke", "night")[0] == "key night is revoked\n"
    (found,) = map(json.loads, said(capsys, "list", "--json")[0].splitlines())
    assert (found["name"], found["state"], found["may"]) == (
        "night", "revoked", ["archive", "dearchive"],
    )  # fmt: skip
    said(capsys, "revoke", "night", code=64)


@pytest.mark.parametrize(("until", "days"), [((), 365), (("--until", "90d"), 90)])
def test_how_long_a_key_is_good(
    capsys: pytest.CaptureFixture[str], until: tuple[str, ...], days: int
) -> None:
    said(capsys, "make", "night", "--may", "files", *until)
    ends = json.loads(said(capsys, "list", "--json")[0])["ends"]
    away = datetime.fromisoformat(ends) - datetime.now(UTC) - timedelta(days=days)
    assert abs(away) < timedelta(minutes=5)


def test_a_key_without_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert "without end" in said(capsys, "make", "night", "--may", "files", "--until", "never")[1]
    assert json.loads(said(capsys, "list", "--json")[0])["ends"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a b", "--may", "files"), "'a b' is no name of a key"),
        (("x", "--may", "archiv"), "did you mean archive?"),
        (("x", "--may", ","), "say what the key may do"),
        (("x", "--may", "files", "--until", "2020-01-01"), "2020-01-01 is over"),
        (("x", "--may", "files", "--until", "0d"), "is over; give a day to come, such as 90d"),
        (("x", "--may", "files", "--until", "soon"), ", or never"),
    ],
)
def test_what_is_wrong(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert message in said(capsys, "make", *arguments, code=64)[1]


def test_no_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no ledger yet" in said(capsys, "list", code=64)[1]

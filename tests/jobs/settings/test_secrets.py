"""Secrets that stand where none belongs, or in a shape that none has: nothing that is written has
them."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from loader.database.address import read_address
from loader.errors import ConfigurationError, LoaderError
from loader.paths import without_passwords

SECRET = "hUnt3r2pw"  # noqa: S105 - nobody's
DATABASE = "sqlite:///leads.db"


@pytest.fixture(scope="module")
def dialer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dialer that tests copy."""
    file = tmp_path_factory.mktemp("dialer") / "leads.db"
    assert run(["init", "--database", f"sqlite:///{file}"]) == 0
    return file


@pytest.fixture(autouse=True)
def site(
    tmp_path: Path,
    dialer: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    impatient: None,
) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    Path("leads.csv").write_text("phone_number\n7275550112\n", "utf-8")
    Path("in").mkdir()
    shutil.copy(dialer, "leads.db")
    yield tmp_path
    config = tmp_path_factory.mktemp("done")
    for name in ("c.toml", "astguiclient.conf"):
        if Path(name).exists():
            Path(name).rename(config / name)
    assert not files_with_secret(), "a file has it"


def files_with_secret() -> list[str]:
    done = subprocess.run(
        ["grep", "-rla", SECRET, "."], capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines()


def assert_silent(capsys: pytest.CaptureFixture[str]) -> None:
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err
    assert "a bug" not in said.err


ADDRESSES = [
    f"mysql://u:{SECRET}@h:x/d", f"mysql://u:{SECRET}@[::1/d", f"mysql://u:p@{SECRET}@h/d",
    f"mysql://u:p@x?{SECRET}=1@h/d", f"mysql://us/er:{SECRET}@h/d", f"mysql://u:{SECRET}/d",
    f"mysql://u:99{SECRET}/d", f"{SECRET}://u:p@h/d", SECRET, f"mysql://h/d?password={SECRET}",
    f"mysql://h/d?ssl_mode={SECRET}", f"mysql://h/d?read_timeout={SECRET}",
    f"mysql://h/d?ssl_mode={SECRET}&ssl_mode=x", f"mysql://h/d?charset={SECRET}",
    f"postgresql://u:{SECRET}@h/d", f"sqlite://u:{SECRET}@h/x", f"mysql:/u:{SECRET}@h/d",
    f"mysql://u:{SECRET}@h", f"mysql+{SECRET}://u@h/d", f"http://u:{SECRET}@h/",
    f"mysql://u:{SECRET}@h/d\0",
]  # fmt: skip


@pytest.mark.sample(2)
@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_cannot_be(
    address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["runs", "--database", address]) in {64, 69}
    assert run(["config", "check", "--offline", "--database", address]) in {0, 64, 78}
    Path("c.toml").write_text(f"database = {json.dumps(address)}", "utf-8")
    assert run(["runs", "--config", "c.toml"]) in {64, 69, 78}
    assert run(["config", "check", "--offline", "--json", "--config", "c.toml"]) in {0, 78}
    if "\0" not in address:
        monkeypatch.setenv("LEADLOADER_DATABASE", address)
        assert run(["runs", "--log-format", "json"]) in {64, 69, 78}
    assert_silent(capsys)


@pytest.mark.parametrize(
    "address",
    [f"mysql://u:{SECRET}@h/d", f"mysql://u:p@{SECRET}@h/d", f"sftp://u:{SECRET}@h:22/x",
     f"mysql://us/er:{SECRET}@h/d", f"mysql://u:{SECRET}/d", f"https://h/x?token={SECRET}"],
)  # fmt: skip
@pytest.mark.parametrize(
    "command",
    [["validate"], ["columns"], ["compare"], ["undo", "--database", DATABASE],
     ["archive", "--database", DATABASE, "--lead-ids-file"], ["runs", "--config"],
     ["runs", "--database", DATABASE], ["runs", "x"]],
    ids=" ".join,
)  # fmt: skip
def test_an_address_where_something_else_belongs(
    command: list[str], address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, address]) in {64, 66, 78}
    assert_silent(capsys)


SETTINGS = [
    'database = ["mysql://u:S@h/d"]', 'database = {url = "mysql://u:S@h/d"}', 'password = "S"',
    'databse = "mysql://u:S@h/d"', 'database = mysql://u:S@h/d', 'database = "mysql://u:S@h/d',
    'notify = "S"', 'notify = ["S"]', '[notify]\nurls = "json://u:S@h"',
    '[notify]\nurls = [["json://u:S@h"]]', '[notify]\nurls = [{a = "S"}]',
    '[notify]\nurls = {a = "S"}', '[notify]\nurl = "json://u:S@h"', '[notify]\nurls = ["S"]',
    '[notify]\nurls = ["json://u:S@h"]\nwhen = "json://u:S@h"',
    '[lineage]\nurl = "http://u:S@[h"', '[lineage]\nurl = ["http://u:S@h"]',
    '[lineage]\nurl = "http://u:S@h"\nfile = "x"', '[lineage]\nurl = "ftp://u:S@h"',
    '[lineage]\nurl = "http://h"\napi_key = ["S"]',
    '[lineage]\nurl = "http://h"\napi_key = {k = "S"}',
    '[lineage]\nurl = "http://h"\napi_keys = "S"', '[lineage]\nurl = "u:S@h"',
    '[lineage]\nurl = "http://u:S@127.0.0.1:1"', 'lineage = "http://u:S@h"',
    '[lineage]\nurl = "http://127.0.0.1:1/?token=S"\napi_key = "S"',
    '[archive]\nreplicas = "mysql://u:S@h:x/d"', '[archive]\nreplicas = [["mysql://u:S@h/d"]]',
    '[archive]\nreplicas = ["mysql://u:S@h/d?foo=1"]', '[archive]\nreplicas = ["S"]',
    'archive = "S"', '[archive]\nchunk_time = ["mysql://u:S@h/d"]',
    'metrics_file = "http://u:S@h/"', 'feed = {a = "sftp://u:S@h/d"}',
    'mapping_file = "sftp://u:S@h/d"', 'ssl_ca = "mysql://u:S@h/d"',
    'compare = "sftp://u:S@h/d"', 'source = "sftp://u:S@h/x"', 'source = ["sftp://u:S@h/x"]',
    *(f'[[source]]\nname = "a"\n{rest}' for rest in (
        'folder = ["sftp://u:S@h/x"]', 'folder = "in"\nstorage = "S"',
        'folder = "in"\nstorage = ["S"]', 'folder = "in"\npassword = "S"',
        'folder = "ftp://127.0.0.1:1/x"\nstorage = {password = "$S"}',
        'folder = "ftp://127.0.0.1:1/x"\nstorage = {password = ["S"]}', 'folder = "foo://u:S@h/x"',
        'folder = "sftp://u:S@127.0.0.1:x/x"', 'folder = "ftp://u:p#S@127.0.0.1:1/x"',
        'folder = "ftp://u:p@S@127.0.0.1:1/x"', 'folder = "ftp://u@127.0.0.1:1/x?password=S"',
        'folder = "ftp://u:S@127.0.0.1:1/x"')),
    '[[source]]\nname = "sftp://u:S@h/x"\nfolder = "in"',
]  # fmt: skip


@pytest.mark.sample(3)
@pytest.mark.parametrize("settings", SETTINGS)
def test_settings_in_wrong_shapes(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    own = "" if settings.startswith(("database", "[database")) else f'database = "{DATABASE}"\n'
    Path("c.toml").write_text(own + settings.replace("S", SECRET), "utf-8")
    assert run(["config", "check", "--offline", "--config", "c.toml"]) in {0, 78}
    assert run(["config", "check", "--offline", "--json", "--config", "c.toml"]) in {0, 78}
    assert run(["nightly", "--config", "c.toml"]) in {0, 64, 65, 66, 69, 77, 78}
    given = ["leads.csv", "--list-id", "101", "--metrics-file", "m.prom", "--config", "c.toml"]
    assert run(["import", *given]) in {0, 64, 65, 66, 69, 78}
    assert_silent(capsys)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTIFY", "S"), ("NOTIFY", '["S"]'), ("NOTIFY", '{"urls": ["S"'), ("PASSWORD", "S"),
        ("DATABSE", "mysql://u:S@h/d"), ("SOURCES", '[{"folder": "sftp://u:S@h/x"}]'),
        ("LINEAGE", '{"url": "http://u:S@[", "api_key": ["S"]}'), ("FEED", "sftp://u:S@h"),
        ("ARCHIVE", '{"replicas": "S"}'), ("NIGHTLY", "mysql://u:S@h"),
    ],
)  # fmt: skip
def test_secrets_in_the_environment(
    name: str, value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"LEADLOADER_{name}", value.replace("S", SECRET))
    assert run(["runs", "--database", DATABASE]) == 78
    assert run(["config", "check", "--offline"]) == 78
    assert_silent(capsys)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mysql://u:pw@h/d: no", "mysql://u:***@h/d: no"),
        ("mysql:/u:p/w@h/d", "mysql:/u:***@h/d"),
        ("a mysql://u:p@w@h/d, b", "a mysql://u:***@h/d, b"),
        ("mysql://u:pw/d", "mysql://u:***/d"),
        ("https://h/x?a=1&api_key=pw&b=2", "https://h/x?a=1&api_key=***&b=2"),
        ("http://h:5000/x", "http://h:5000/x"), ("http://[::1]:5000/", "http://[::1]:5000/"),
        ("sftp://u@h:22: refused", "sftp://u@h:22: refused"), ("sftp://h: no", "sftp://h: no"),
        ("sqlite:////a/b.db: no", "sqlite:////a/b.db: no"), ("a@b.c: d", "a@b.c: d"),
        ("mysql://u:***@h/d", "mysql://u:***@h/d"),
        ("give mysql://user:password@host/x", "give mysql://user:password@host/x"),
        ("results/a:b", "results/a:b"),
    ],
)  # fmt: skip
def test_what_looks_like_a_password(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
    assert str(LoaderError(text)) == shown


def test_a_password_with_marks_of_addresses_is_written_otherwise() -> None:
    with pytest.raises(ConfigurationError, match="write @ as %40"):
        read_address("mysql://u:p@w@h/d")
    assert read_address("mysql://u:p%40w@h/d").url.password == "p@w"  # noqa: S105

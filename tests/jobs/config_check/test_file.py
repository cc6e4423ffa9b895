"""What is said of settings that are wrong; the schema and the example that say what is right."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from jobs.cli.main import run
from jobs.config_check import file
from jobs.config_check.file import Fault, check_file
from jobs.settings import settings as settings_module
from jobs.settings.example import settings_example
from jobs.settings.files import lines_of
from jobs.settings.profiles import BUILT_IN
from jobs.settings.schema import settings_schema
from jobs.settings.settings import Settings, check_settings
from jobs.settings.tables import TABLES
from loader.installation import install_command
from loader.options.load import LoadOptions
from tests.support.certificates import make_authority, make_certificate
from tests.support.http_server import Reply, http_server

SAMPLES = Path(__file__).parents[3] / "sample_data"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


def site(text: str) -> Path:
    path = Path("site.toml")
    path.write_text(text, "utf-8")
    return path


def faults(text: str, **flags: Any) -> list[tuple[int | None, str, str]]:
    return [(it.line, it.setting, it.message) for it in check_file(flags, site(text))[1]]


BAD = """\
# of a vendor
list_idd = 101
dnc_check = "X"
statuses = [
  "NA",
]

[archive]
chunk_size = 5000
mapping_file = "vendor.toml"
[archive.old]
called_before = "yesterday"

[[source]]
folder = "/nowhere"
[[source]]
name = "b"
files = "*.csv"
"""


def test_all_that_is_wrong_is_told_with_its_line() -> None:
    assert [(line, setting) for line, setting, _ in faults(BAD)] == [
        (2, "list_idd"),
        (3, "dnc_check"),
        (4, "statuses"),
        (9, "archive.chunk_size"),
        (10, "archive.mapping_file"),
        (12, "archive.old.called_before"),
        (14, "[[source]] 1"),
        (16, "[[source]] 2"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "list_idd = 1", "there is no such setting; did you mean list_id?", id="misspelt"
        ),
        pytest.param("xyzzy = 1", "there is no such setting", id="unknown"),
        pytest.param(
            "called_before = 1",
            "there is no such setting; it belongs into [archive.worked]",
            id="of-a-table",
        ),
        pytest.param(
            "[office_hours]\nlist_id = 1",
            "there is no such setting; it belongs before the first [table]",
            id="of-no-table",
        ),
        pytest.param("batch_size = 0", "give at least 1", id="too-small"),
        pytest.param("[[source]]\nfolder = '.'", "name is missing", id="missing"),
        pytest.param("[nightly]\narchive = 'old'", "no rule [archive.old]", id="no-rule"),
        pytest.param("feed = {a = 'b.csv'}", "there is no file b.csv", id="feed"),
        pytest.param("mapping_file = 'b.toml'", "b.toml: No such file", id="mapping"),
        pytest.param("mapping_file = 'site.toml'", "unknown mapping_file", id="other-toml"),
        pytest.param("layout = 'b'", "none of vicidial-standard", id="layout"),
        pytest.param("encoding = 'b'", "usual ones are utf-8, utf-16, cp1252", id="encoding"),
        pytest.param("database = 'b'", "mysql://user:password@host", id="database"),
        pytest.param(
            "[archive]\nreplicas = 'oracle://b'\nmax_lag = 3", "an oracle database", id="replica"
        ),
        pytest.param("results = 'site.toml/x'", "site.toml is no folder", id="results"),
        pytest.param("metrics_file = 'site.toml/x/y.prom'", "is no folder", id="metrics"),
        pytest.param("[lineage]\nfile = 'site.toml/x'", "is no folder", id="lineage"),
        pytest.param("[[source]]\nname = 'b'\nfolder = 'b'", "no folder b; make it", id="source"),
        pytest.param("[serve]\nhost = '::'", "give --tls-cert and --tls-key", id="host"),
        pytest.param("[serve]\ntls_cert = 'b'\ntls_key = 'b'", "b: No such file", id="tls"),
        pytest.param("on_duplicate = 'update'\n[serve]", "serve cannot follow it", id="calls"),
        pytest.param("[target]\nca_file = 'b'", "b: No such file", id="ca_file"),
        pytest.param("[target]\nkey_file = 'b'", "b: No such file", id="key_file"),
        pytest.param(
            "[[source]]\nname = 'b'\nfolder = '.'\nlayout = 'b'", "'b' is none of", id="of-source"
        ),
        pytest.param(
            "force_list_id = 101\n[[source]]\nname = 'b'\nfolder = '.'\nforce = {list_id = 102}",
            "it is given twice",
            id="options-together",
        ),
    ],
)
def test_what_is_wrong_is_said_in_words(text: str, said: str) -> None:
    found = faults(text)
    assert len(found) == 1, found
    assert said in found[0][2]
    assert found[0][0] is not None


def test_a_folder_that_cannot_be_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere.
    monkeypatch.setattr(file.os, "access", lambda _path, mode: mode == file.os.R_OK)
    found = faults("results = 'x'\n[[source]]\nname = 'b'\nfolder = '.'")
    assert [setting for _, setting, _ in found] == [
        "nightly.folder",
        "results",
        "[[source]] 1: folder",
    ]


def test_extras_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "find_spec", lambda _name: None)
    text = (
        "metrics_file = 'a.prom'\n[serve]\n[target]\nurl = 'https://dialer.example'\n"
        "[notify]\nurls = ['mailto://b']\n[lineage]\nfile = 'c'\n"
        "[[source]]\nname = 'b'\nfolder = 'sftp://host/in'\n"
        "[[source]]\nname = 'c'\nfolder = 's3://bucket/in'"
    )
    said = [message for _, _, message in faults(text)]
    extras = ["metrics", "serve", "remote", "notify", "lineage", "remote", "s3"]
    assert len(said) == len(extras)
    for message, extra in zip(said, extras, strict=True):
        assert message.endswith(f"not installed: {install_command(extra)}")


def test_files_of_tls_are_named_with_their_lines(tmp_path: Path) -> None:
    cert = make_certificate(make_authority(tmp_path, "authority"), "leads")
    text = f"[serve]\nhost = '::'\ntls_cert = '{cert}'\ntls_key = '{{}}'\n"
    assert faults(text.format(cert.with_suffix(".key"))) == []
    other = tmp_path / "authority.key"
    problem = f"{other}: it is not the key of tls_cert"
    assert faults(text.format(other)) == [(4, "serve.tls_key", problem)]


def test_a_certificate_that_is_over_is_a_fault(tmp_path: Path) -> None:
    cert = make_certificate(make_authority(tmp_path, "authority"), "leads", days=-1)
    text = f"[serve]\ntls_cert = '{cert}'\ntls_key = '{cert.with_suffix('.key')}'\n"
    [(line, setting, problem)] = faults(text)
    assert (line, setting) == (2, "serve.tls_cert")
    assert problem.startswith(f"{cert} ended on ")


def test_a_target_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    check = ["config", "check", "--config", "site.toml"]

    with http_server(lambda _request: Reply("VERSION: 2.14")) as server:
        site(f"[target]\nurl = '{server.url}'\n")
        assert run([*check, "--offline"]) == 0
        assert not server.requests
        assert run(check) == 0
        assert [it.form for it in server.requests] == [{"function": "version"}]
    assert f"target {server.url}: it answers\n" in capsys.readouterr().out
    assert run([*check, "--json"]) == 69
    found = json.loads(capsys.readouterr().out)
    assert found["target"] == {"name": server.url, "problem": "no connection"}
    with http_server(lambda _request: Reply(status=301)) as server:
        site(f"[target]\nurl = '{server.url}'\n")
        assert run(check) == 69
    assert "it sends callers elsewhere" in capsys.readouterr().out


def test_the_environment_and_flags_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLOADER_DNC_CHECK", "maybe")
    _, found = check_file({"database": "oracle://x", "batch_size": "0"}, site("chunk_size = 0"))
    assert {(it.source, it.setting) for it in found} == {
        ("", "batch_size"), ("", "database"), ("environment", "dnc_check"),
        ("site.toml", "chunk_size"),
    }  # fmt: skip


def test_files_that_cannot_be_read() -> None:
    assert "site.toml is not valid TOML" in faults("a = [")[0][2]
    assert check_file({}, Path("none.toml"))[1][0].message == "none.toml: No such file or directory"


@pytest.mark.parametrize(
    ("place", "line"),
    [
        pytest.param(("a",), 2, id="first"),
        pytest.param(("b",), 4, id="of-several-lines"),
        pytest.param(("c", "d"), 9, id="of-a-table"),
        pytest.param(("c", "e", "f"), 10, id="inline"),
        pytest.param(("sources", 0, "name"), 12, id="of-the-first-source"),
        pytest.param(("sources", 1, "name"), 14, id="of-the-second"),
        pytest.param(("sources", 1), 13, id="the-second"),
        pytest.param(("nowhere",), None, id="nowhere"),
    ],
)
def test_lines(place: tuple[Any, ...], line: int | None) -> None:
    text = (
        '# b = 1\na = """\nb = 2"""\nb = [\n  1,\n\n  2]\n[c]\nd = 1\ne = {f = 2}\n'
        '[[source]]\nname = "x"\n[[source]]\nname = "y"\n'
    )
    assert lines_of(text, [place]).get(place) == line


ODD = (
    """
a = ["[x]", '#"', '''
[b]
''', { "c" = [[1, # ]
  2]] }] # [d]
"q.r".s = "\\"]"
t = ''
u = ""
v = """
    + '"""\\"""\n[w]""""\n'
    + """
[ profile . 'x.y' ]
k = 1
[[source]]
list = [
]
[source.new_list]
first = 1
[[source]]
[source.new_list]
first = {}
"""
)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_of_odd_settings(end: str) -> None:
    lines = {
        ("a",): 2, ("a", 3, "c", 0, 1): 2, ("q.r", "s"): 6, ("t",): 7, ("u",): 8, ("v",): 9,
        ("profiles", "x.y"): 12, ("profiles", "x.y", "k"): 13, ("sources",): 14,
        ("sources", 0, "list"): 15, ("sources", 0, "new_list", "first"): 18, ("sources", 1): 19,
        ("sources", 1, "new_list"): 20, ("sources", 1, "new_list", "first"): 21,
    }  # fmt: skip
    text = ODD.replace("\n", end)
    tomllib.loads(text)
    assert lines_of(text, [*lines, ("w",), ("b",), ("d",), ("x",)]) == lines


def test_lines_of_long_settings_are_found_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    loads = tomllib.loads
    monkeypatch.setattr(tomllib, "loads", lambda text: parsed.append(text) or loads(text))
    text = "a = [\n" + "  1,\n" * 1000 + "]\n"
    text += "".join(f"[[source]]\nname = '{number}'\n" for number in range(1000))
    assert lines_of(text, [("sources", 999, "name")]) == {("sources", 999, "name"): 3002}
    assert len("".join(parsed)) < len(text)


def test_a_fault_in_a_line() -> None:
    fault = Fault(source="a.toml", line=3, setting="list_id", message="wrong")
    assert str(fault) == "a.toml, line 3: list_id: wrong"
    assert str(Fault(source="", line=None, setting="", message="wrong")) == "wrong"


# The schema and the example.


def taken_up(text: str) -> str:
    """Take the # away from every setting and table."""
    return "\n".join(
        line.removeprefix("# ")
        for line in text.splitlines()
        if re.match(r"(# )?(\[|[a-z_0-9]+ = )", line)
    )


def test_the_example_is_valid_as_it_stands_and_taken_up() -> None:
    text = settings_example()
    assert tomllib.loads(text) == BUILT_IN["safe"]
    settings, problems, _ = check_settings({}, site(taken_up(text)))
    assert problems == []
    assert settings is not None
    assert settings.sources[0].new_list is not None
    assert settings.archive.rule("worked", {}).statuses == ("NA", "B")


def test_the_example_has_every_setting_and_its_default() -> None:
    values = tomllib.loads(taken_up(settings_example()))
    values["source"] = values["source"][0]
    for path, model in (("", Settings), *((table.strip("[]"), model) for table, model in TABLES)):
        table = values
        for name in filter(None, path.split(".")):
            table = table[name]
        names = set(model.model_fields) - {"sources", "profiles"}
        if not path:
            names -= {"source", "profile"}
        elif path in {"source", "profile.night"}:
            names -= set(LoadOptions.model_fields)
        left_out = {
            "": {"columns"}, "lineage": {"url", "api_key"}, "target": {"password_file", "key_file"},
        }.get(path, set())  # fmt: skip
        assert table.keys() - {"worked"} >= names - left_out, path
    assert values["batch_size"] == Settings.model_fields["batch_size"].default
    assert values["archive"]["chunk_time"] == "0.25s"


def test_every_setting_is_described() -> None:
    schema = settings_schema()
    for table in [schema, *schema["$defs"].values()]:
        for name, described in table["properties"].items():
            assert name in {"source", "profile"} or described.get("description"), name


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        pytest.param("list_id", {"string", "integer"}, id="digits"),
        pytest.param("duplicate_statuses", {"array", "string"}, id="list-or-text"),
        pytest.param("batch_size", {"integer"}, id="number"),
        pytest.param("results", {"string"}, id="path"),
        pytest.param("source", {"string", "array"}, id="option-or-tables"),
    ],
)
def test_the_schema_takes_what_the_settings_take(name: str, kinds: set[str]) -> None:
    described = settings_schema()["properties"][name]
    assert {it["type"] for it in described.get("anyOf", [described])} == kinds


def test_the_schema_knows_no_null() -> None:
    assert '"null"' not in json.dumps(settings_schema())


# The commands.


def test_check_exits_with_what_is_worst(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "check", "--offline"]) == 0
    assert "settings: ok (there is no settings file)" in capsys.readouterr().out
    assert run(["config", "check", "--config", str(site(BAD)), "--offline"]) == 78
    assert "site.toml, line 2: list_idd: there is no such setting" in capsys.readouterr().out
    assert run(["config", "check", "--job", "sing"]) == 64
    assert run(["config", "check", "--database", "none"]) == 0
    assert run(["config", "check"]) == 64
    assert "no database: name it by --database" in capsys.readouterr().out


def test_the_file_of_the_folder_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    Path("leadloader.toml").write_text("batch_size = 0\n", "utf-8")
    assert run(["config", "check", "--offline", "--json"]) == 78
    found = json.loads(capsys.readouterr().out)
    assert found["settings"] == [
        {"source": "leadloader.toml", "line": 1, "setting": "batch_size",
         "message": "give at least 1"}
    ]  # fmt: skip


def test_schema_and_example_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == settings_schema()
    assert run(["config", "example"]) == 0
    assert capsys.readouterr().out == settings_example()

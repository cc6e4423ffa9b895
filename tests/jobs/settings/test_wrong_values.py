"""A value that an option does not take ends every command, before anything is touched.

All options of all commands are walked over: as flags, in the environment, in settings files. A new
option has to take a stand: its type tells what is wrong, or `WRONG` does, or `FREE` says why any
text is right.
"""

import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.main import get_command

from jobs.cli.help import MAY_BE_EMPTY
from jobs.cli.main import app, run
from jobs.settings import settings as settings_module
from jobs.settings.command import ConfigFlag, NightlyFlags, SelectionFlags
from jobs.settings.encoding import PATHS
from jobs.settings.flags import (
    ARCHIVE_FLAGS,
    COLUMNS_FLAGS,
    DEARCHIVE_FLAGS,
    FLAGS,
    NIGHTLY_FLAGS,
    PAIRS,
    SERVE_FLAGS,
    UNDO_FLAGS,
)
from jobs.settings.serve import ServeOptions
from jobs.settings.settings import Settings
from jobs.settings.tables import TABLES
from jobs.settings.target import TargetFlags
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.options.option import options_of

WRONG: dict[str, tuple[str, ...]] = {
    "list_id": ("abc", "12", "099", "1234567890123", "-101", "101.5"),
    "force_list_id": ("abc", "12", "000", "1234567890123"),
    "campaign_id": ("SALES!", "TEST CAMP", " "),
    "map_optional": ("phone_number", "emial", "email,x"),
    "phone_code": ("999", "US", "+44", "12345678901", "0"),
    "force_phone_code": ("999", "x"),
    "default": ("gender=X", "foo=1", "rank=99999", "list_id=x", "callback=yes", "status=NEW"),
    "force": (
        "gender=male", "firstname=Ann", "callback_type=MINE", "hopper_priority=100", "x",
        "date_of_birth=31/12/1980", "phone_code=999", "country_code=Atlantis", "=x",
        "callback_datetime=soon", "callback_status=TOOLONG", "add_to_hopper=1", "entry_list_id=-1",
    ),
    "duplicate_check": ("DUPLITS", "DUPSYS22DAY", "LIST", "!", "DUPLIST-DUPX"),
    "tz_method": ("EST", "POST", "tzcode", "POSTAL_TZCODE", "TZCODE-NANPA", "XPOSTALX"),
    "hopper_priority": ("abc", "500", "-100", "1.5", "5-5", "--5"),
    "callback_status": ("TOOLONG", "A B", "é"),
    "callback_datetime": ("tomorrow", "2026-02-30", "2026-13-01", "10:00", "99999999DAYS", "DAYS",
                          "2026-01-01 25:00", "01/02/2026"),
    "callback_type": ("MINE", "useronly", "USER ONLY"),
    "callback_user": ("a b", "x;y"),
    "duplicate_statuses": ("TOOLONG", "NEW,N A", ","),
    "invalid_phone_fallback": ("fax", "phone_number", "alt_phone,fax"),
    "source": ("x", "é", "--"),
    "user": ("x" * 21,),
    "default_region": ("XX", "Germany", "USA", "1"),
    "delimiter": (";;", '"', "semicolon"),
    "encoding": ("utf9", "hex", "x"),
    "feed_encoding": ("utf9", "hex", "x"),
    "layout": ("vicidial", "x"),
    "date_format": ("DD.MM.YYYY", "%Y", "x"),
    "log_format": ("text",),
    "metrics_file": ("metrics.txt",),
    "profile": ("saef", "x"),
    "lacking": ("x y", "A"),
    "statuses": ("TOOLONG", ","),
    "campaigns": (",",),
    "lists": ("x", "-1", ",", "1.5"),
    "lead_ids": ("x", "1,x", ","),
    "rule": ("none",),
    "target": (
        "dialer.example", "ftp://x", "http://dialer.example", "https://u:p@x", "https://x?user=6666",
        "https://x:port", "https://[x",
    ),
    "only": ("none",),
    "max_load": ("Threads_running=x", "Threads_running", "a b=1", "Threads_running=-1"),
    "database": (
        "oracle://x", "x", "mysql://u:p@h/d?connect_timeout=zz", "mysql://u:p@h/d?foo=1",
        "mysql://u:p@h/d?ssl_mode=verify", "mysql://u:p@h/d?read_timeout=0",
        "mysql://u:p@h/d?ssl_mode=disabled&ssl_ca=x", "mysql://u:p@h/d?ssl_mode=a&ssl_mode=b",
        "mysql://u:p@h/d?ssl_disabled=false", "mysql://u:p@h/d?charset=latin1",
    ),
    "ssl_key": ("key.pem",),
    **dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout", "load_timeout"),
                    ("0", "2d", "zz")),
    # In settings files only.
    "name": ("a/b", " "),
    "file_name": ("(", "(?P<lisst_id>.*)"),
    "folder": ("",),
    "done": ("",),
    "failed": ("",),
    "time_zone": ("Mars",),
    "holidays": ("Christmas", "2026-02-30"),
    "lineage": ("x",),
    "archive": ("none",),
    **dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
                    ("8-18", "08:00-25:00", "08:00-08:00")),
    "list_name": ("{vendor}", "{"),
    "list_description": ("{vendor}",),
    "host": ("a b", "", "http://x"),
    "forwarded_allow": ("proxy", "10.0.0.1/8"),
    "scheduler": ("x", "10.0.0.5:8786", "http://x:1", "tcp://x", "tcp://x:port", "tcp://a b:1"),
    "replicas": ("mysql://a", "mysql://a?foo=1", "oracle://x"),
}  # fmt: skip
"""By option, what its type alone does not say."""

FREE = {
    "callback_comments": "text for the agent",
    "column": "which columns there are is known with the file",
    "sheet": "a name of a sheet; which there are is known with the file",
    "null_values": "a vendor may write anything for nothing",
    "map": "which columns there are is known with the file",
    "feed": "whether the file is there is known when it is read, before anything is inserted",
    "mapping_file": "a path; the file is read before anything is inserted",
    "shared_folder": "a path or an address; it is written to before anything is inserted",
    "ssl_ca": "a path; the file is read before anything is connected",
    "ca_file": "likewise",
    "password": "a secret",
    "password_file": "a path; the file is read before anything is sent",
    "key": "a secret",
    "key_file": "likewise",
    "ssl_cert": "likewise",
    "tls_cert": "a path; the file is read before anything is listened at",
    "tls_key": "likewise",
    "tls_passphrase_file": "likewise",
    "results": "a path",
    "config": "a path; it is read first of all",
    "compare": "a path; the file is read before anything is inserted",
    "pause_file": "a path of a file that may not be there",
    "lead_ids_file": "a path; the file is read before anything is moved",
    # In settings files only.
    "files": "patterns of file names",
    "unfinished": "patterns of file names",
    "storage": "what fsspec takes depends on the address",
    "columns": "which columns vicidial_lists has is known with the database",
    "urls": "addresses that Apprise reads",
    "file": "a path",
    "url": "an address",
    "endpoint": "a path at the address",
    "api_key": "a secret",
    "namespace": "a name of any kind",
}
"""Options that take any text, and why."""

RIGHT = {("nightly", "folder"), ("source.new_list", "campaign_id")}
"""Settings of tables that are otherwise than those of their names elsewhere: a path, a template."""
LATER = {
    (table, name)
    for table in ("source", "profile.night")
    for name in ("foo=1", "firstname=Ann", "=x", "emial", "email,x")
}
"""Custom fields may be switched on elsewhere: it is wrong where the table is used."""

OF_COMMANDS = {
    ("compare", "output"): None,
    ("compare", "since"): ("soon", "2026-13-01", ""),
    ("compare", "json_summary"): None,
    ("runs", "limit"): ("0", "x", "-1", "1.5"),
    ("runs", "forget"): None,
    ("runs", "json_summary"): None,
    ("config check", "job"): ("sing", "imports"),
    ("config check", "everything"): None,
    ("config check", "offline"): None,
    ("config check", "is_json"): None,
    ("config schema", "of"): ("x", "setting"),
    ("columns", "write"): None,
    ("keys make", "may"): ("archiv", ",", ""),
    ("keys make", "until"): ("soon", "2020-01-01", ""),
    ("keys list", "json_summary"): None,
    ("schedule", "write"): None,
    ("columns", "force"): None,
    ("import", "as_one"): None,
    ("validate", "as_one"): None,
    ("columns", "mask"): None,
}
"""Flags of single commands: what is wrong; None: a switch, or a path."""

ARGUMENTS = {"compare": ["in"], "keys make": ["NAME", "--may=files"]}
"""What commands need besides."""

SHARING = {"init", "runs", "config check", "keys make", "keys list", "keys revoke"}
"""Commands whose other flags are those of all that have a database."""

ELSEWHERE = {"lead_ids": 65}
"""Flags whose wrong values have another exit code: docs/exit-codes.md."""

COMMANDS = {
    "import": (["leads.csv"], FLAGS),
    "validate": (["leads.csv"], FLAGS),
    "columns": (["leads.csv"], COLUMNS_FLAGS),
    "archive": (["--statuses", "NA"], ARCHIVE_FLAGS),
    "dearchive": (["--statuses", "NA"], DEARCHIVE_FLAGS),
    "undo": (["20261122-x"], UNDO_FLAGS),
    "nightly": ([], NIGHTLY_FLAGS),
    "serve": ([], SERVE_FLAGS),
}
MODELS: dict[str, type[BaseModel]] = {"": Settings} | {
    name.strip("[]"): model for name, model in TABLES
}


@pytest.fixture(autouse=True)
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    (tmp_path / "leads.csv").write_text("phone_number\n7275550112\n", "utf-8")
    (tmp_path / "in").mkdir()


def parts_of(annotation: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Give the types in an annotation, but for None, with what restricts each."""
    if get_origin(annotation) is Annotated:
        kind, *limits = get_args(annotation)
        yield from ((each, (*found, *limits)) for each, found in parts_of(kind))
    elif get_origin(annotation) in {Union, UnionType}:
        for each in get_args(annotation):
            yield from parts_of(each)
    elif annotation is not type(None):
        yield annotation, ()


def wrong_by_type(field: FieldInfo) -> list[str]:
    """Give texts that are wrong by the type of an option alone."""
    found: list[str] = []
    for kind, own_limits in parts_of(field.annotation):
        limits = (*own_limits, *field.metadata)
        if get_origin(kind) is Literal:
            found += ["x", get_args(kind)[0].swapcase(), get_args(kind)[0] + "s"]
        elif kind is bool:
            found += ["maybe", "Yes, please"]
        elif kind in {int, float}:
            found += ["x", "1,5", "1.5"] if kind is int else ["x", "20%", "nan"]
            found += [str(it.ge - 1) for it in limits if hasattr(it, "ge")]
            found += [str(it.gt) for it in limits if hasattr(it, "gt")]
            found += [str(it.le + 1) for it in limits if hasattr(it, "le")]
        elif kind is timedelta:
            found += ["soon", "2x", "-1s", "200000d"]
    return found


def wrong_values(name: str, field: FieldInfo) -> list[str]:
    """Give texts that an option does not take.

    Raises:
        AssertionError: it takes no stand.
    """
    found = [*WRONG.get(name, ()), *wrong_by_type(field)]
    is_table = any(
        isinstance(it, type) and issubclass(it, BaseModel) for it, _ in parts_of(field.annotation)
    )
    assert found or name in FREE or is_table or name in {"profiles", "sources"}, (
        f"{name}: say in WRONG what it does not take, or in FREE why it takes any text"
    )
    assert not (found and name in FREE), f"{name}: it is in FREE, and has wrong values"
    return found


def fields_of_flags() -> dict[str, FieldInfo]:
    models = (
        TargetFlags, Settings, ArchiveOptions, ArchiveRule, ConfigFlag, SelectionFlags,
        NightlyFlags, ServeOptions,
    )  # fmt: skip
    return {name: field for model in reversed(models) for name, field in model.model_fields.items()}


def flag_cases() -> Iterator[Any]:
    fields = fields_of_flags()
    for command, (arguments, flags) in COMMANDS.items():
        own = ArchiveOptions.model_fields if command in {"archive", "dearchive", "undo"} else {}
        for flag in flags:
            wrong = wrong_values(flag.name, own.get(flag.name, fields[flag.name]))
            given = [] if flag.name in {"statuses", "lead_ids", "lead_ids_file"} else arguments
            for value in [] if flag.kind is bool else ["", *wrong]:
                if value or flag.name not in MAY_BE_EMPTY:
                    text = f"{flag.names[0]}={value}"
                    name = f"{command}-{flag.name}-{value}"
                    yield pytest.param([command, *given], flag.name, text, id=name)


def tree(folder: Path) -> dict[str, bytes]:
    files = (it for it in sorted(folder.rglob("*")))
    return {str(it): it.read_bytes() if it.is_file() else b"" for it in files}


@pytest.mark.sample(40)
@pytest.mark.parametrize(("command", "name", "flag"), [*flag_cases()])
def test_a_flag_with_a_wrong_value(
    command: list[str], name: str, flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(tmp_path)
    is_empty = flag.endswith("=") and not flag.startswith(("--force=", "--default="))
    code = 64 if is_empty else ELSEWHERE.get(name, 64)
    needs_none = name == "database" or command[0] == "columns"
    database = [] if needs_none else ["--database", "sqlite:///none.db"]
    assert run([*command, *database, flag]) == code
    said = capsys.readouterr().err
    assert said.startswith("leadloader: ")
    assert "bug" not in said
    assert name in ELSEWHERE or flag.partition("=")[0] in said
    assert tree(tmp_path) == before


BYTE = os.fsdecode(b"\xe9")
"""As Python has a byte that is not UTF-8."""


def text_flags() -> Iterator[Any]:
    for command, (arguments, flags) in COMMANDS.items():
        for flag in flags:
            is_path = flag.name in {*PATHS, "feed"} or flag.kind is Path
            if not is_path and flag.kind is not bool:
                values = (f"{BYTE}=x", f"x={BYTE}") if flag.name in PAIRS else (BYTE,)
                for value in values:
                    yield pytest.param(
                        [command, *arguments], flag.names[0], value, id=f"{command}-{flag.name}"
                    )


@pytest.mark.sample(40)
@pytest.mark.parametrize(("command", "flag", "value"), [*text_flags()])
def test_a_flag_that_is_not_utf8(
    command: list[str], flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, f"{flag}={value}"]) == 64
    said = capsys.readouterr().err
    assert flag in said
    assert "bug" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, BYTE) for name, kind in Settings.model_fields.items() if kind.annotation is str),
        ("default", json.dumps({"city": "\ud800"})),
        ("default", f'{{"{BYTE}": "x"}}'),
        ("null_values", f"NULL,{BYTE}"),
        ("sources", f'[{{"name": "a", "folder": "in", "source": "ab{BYTE}"}}]'),
    ],
)
def test_a_variable_that_is_not_utf8(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"LEADLOADER_{name.upper()}", value)
    assert run(["validate", "leads.csv"]) == 78
    said = capsys.readouterr().err
    assert f"environment: LEADLOADER_{name.upper()}" in said
    assert "it is not UTF-8" in said


@pytest.mark.parametrize("command", ["undo", "runs"])
def test_a_run_that_is_not_utf8(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--database", "sqlite:///x.db"]) == 0
    assert run([command, BYTE, "--database", "sqlite:///x.db"]) == 64
    assert "RUN: \\xe9 is no run" in capsys.readouterr().err


def test_names_of_files_need_not_be_utf8(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    feed, mapping = (tmp_path / f"{name}{BYTE}" for name in ("feed", "mapping"))
    feed.write_text("7275550199\n", "utf-8")
    mapping.write_text("", "utf-8")
    flags = [f"--feed=f={feed}", f"--mapping-file={mapping}", f"--results=r{BYTE}"]
    assert run(["validate", "leads.csv", *flags]) == 0
    monkeypatch.setenv("LEADLOADER_FEED", f'{{"f": "{feed}", "g": {{"file": "{feed}"}}}}')
    monkeypatch.setenv("LEADLOADER_MAPPING_FILE", str(mapping))
    monkeypatch.setenv("LEADLOADER_RESULTS", f"s{BYTE}")
    assert run(["validate", "leads.csv"]) == 0


def env_cases() -> Iterator[Any]:
    for name, field in Settings.model_fields.items():
        if options_of(Settings).get(name):
            yield from (
                pytest.param(name, value, id=f"{name}-{value}")
                for value in ["", *wrong_values(name, field)]
                if not isinstance(Settings.model_fields[name].default, BaseModel)
            )


def as_variable(name: str, value: str) -> str:
    """Write NAME=VALUE of a table as JSON."""
    if name not in {"default", "force"} or not value:
        return value
    key, sign, rest = value.partition("=")
    return json.dumps({key: rest}) if sign else value


@pytest.mark.sample(40)
@pytest.mark.parametrize(("name", "value"), [*env_cases()])
def test_a_variable_with_a_wrong_value(
    name: str,
    value: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = tree(tmp_path)
    monkeypatch.setenv(f"LEADLOADER_{name.upper()}", as_variable(name, value))
    assert run(["import", "leads.csv"]) == 78
    said = capsys.readouterr().err
    assert said.startswith(f"leadloader: environment: LEADLOADER_{name.upper()}")
    assert tree(tmp_path) == before


def file_cases() -> Iterator[Any]:
    for table, model in MODELS.items():
        for name, field in model.model_fields.items():
            if options_of(model).get(name) and name not in {"profiles", "sources"}:
                for value in wrong_values(name, field):
                    if (table, name) not in RIGHT and (table, value) not in LATER:
                        yield pytest.param(table, name, value, id=f"{table}-{name}-{value}")
                yield pytest.param(table, name, None, id=f"{table}-{name}-type")


NEEDED = {
    "source": {"name": "a", "folder": "in"},
    "source.new_list": {"first_list_id": 1000, "campaign_id": "SALES"},
    "notify": {"urls": ["mailto://a"]},
    "lineage": {"file": "x.jsonl"},
}
"""What a table needs beside the setting in question."""
OTHER_TYPE = [[1]]
"""A list of lists, which no option takes."""


def toml_of(table: str, name: str, value: str | None) -> str:
    """Write a settings file with one wrong setting; None: of a wrong type."""
    given: Any = OTHER_TYPE if value is None else value
    if name in {"default", "force", "max_load"} and value and "=" in value:
        key, _, rest = value.partition("=")
        text = f"{{{json.dumps(key)} = {json.dumps(rest)}}}"
    else:
        text = json.dumps(given)
    lines = [
        f"{key} = {json.dumps(it)}" for key, it in NEEDED.get(table, {}).items() if key != name
    ]
    if name == "lineage" or (table == "lineage" and name in {"url", "file"}):
        lines = []
    lines.append(f"{name} = {text}")
    heads = [] if not table else [f"[[{table}]]" if table == "source" else f"[{table}]"]
    if table == "source.new_list":
        heads = ["[[source]]", 'name = "a"', 'folder = "in"', "[source.new_list]"]
    return "\n".join([*heads, *lines]) + "\n"


@pytest.mark.sample(40)
@pytest.mark.parametrize(("table", "name", "value"), [*file_cases()])
def test_a_settings_file_with_a_wrong_value(
    table: str, name: str, value: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.toml").write_text(toml_of(table, name, value), "utf-8")
    before = tree(tmp_path)
    assert run(["validate", "leads.csv", "--config", "site.toml"]) == 78
    said = capsys.readouterr().err
    assert re.match(r"leadloader: site\.toml(, line \d+)?: ", said)
    assert "Input should" not in said
    assert tree(tmp_path) == before


def test_every_flag_of_every_command_is_walked_over() -> None:
    known = {(command, flag.name) for command, (_, flags) in COMMANDS.items() for flag in flags}
    known |= set(OF_COMMANDS)
    names = {flag.name for flag in FLAGS}
    for path, command in commands(get_command(app), ""):
        for parameter in command.params:
            if parameter.param_type_name == "option" and path:
                place = (path, parameter.name)
                shared = parameter.name in names and path in SHARING
                assert place in known or shared, place


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        yield path, command
    for name, each in (subcommands or {}).items():
        yield from commands(each, f"{path} {name}".strip())


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [(*place, value) for place, values in OF_COMMANDS.items() for value in values or ()],
)
def test_a_flag_of_one_command(command: str, name: str, value: str) -> None:
    arguments = ARGUMENTS.get(command, [])
    assert run([*command.split(), *arguments, f"--{name}={value}"]) == 64

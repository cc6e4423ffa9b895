"""The command line: what it takes, says, and exits with."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, inspect

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from jobs.settings.files import read_astguiclient
from jobs.settings.settings import read_settings
from loader.errors import ConfigurationError, UsageError
from loader.options.load import LoadOptions
from tests.support.server import fill

GOOD = "Phone,First Name\n727-555-0112,Ann\n727-555-0113,Bob\n"
BAD = "Phone,First Name\n727-555-0112,Ann\n7.27E+09,Bob\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test's own, where no settings lie about."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


@pytest.fixture
def leads(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_text(GOOD, "utf-8")
    return path


@pytest.fixture
def dialer(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path / 'dialer.db'}"
    assert run(["init", "--database", address]) == 0
    return address


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from jobs.cli.main import run; code = run(['import', '--help']);"
        "heavy = {'pandas', 'pyarrow', 'numpy', 'sqlalchemy', 'phonenumbers'};"
        "sys.exit(code or ','.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for option in LoadOptions.model_fields:
        assert "--" + option.replace("_", "-") in done.stdout


def test_init_makes_the_tables_once(dialer: str, capsys: pytest.CaptureFixture[str]) -> None:
    tables = inspect(create_engine(dialer, poolclass=NullPool)).get_table_names()
    assert "vicidial_list" in tables
    assert run(["init", "--database", dialer]) == 0
    assert "nothing was missing" in capsys.readouterr().out


def test_import_then_validate(dialer: str, leads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(leads), "--database", dialer, "--list-id", "101"]
    assert run(["import", *arguments, "--duplicate-check", "DUPLIST"]) == 0
    said = capsys.readouterr()
    assert "phone_number  from 'Phone'" in said.err
    assert "rows read" in said.out
    assert "rows read" not in said.err
    assert run(["validate", *arguments, "--duplicate-check", "DUPLIST", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["job"], summary["loaded"]) == ("validate", 0)
    assert summary["reasons"] == {"DUPLICATE_PHONE_NUMBER_IN_LIST": 2}
    assert len(list(Path("results").iterdir())) == 2


def test_quiet_says_nothing(leads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(leads), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_standard_input_and_globs(
    tmp_path: Path, leads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "leads2.csv").write_text(GOOD, "utf-8")
    assert run(["validate", "leads*.csv", "--results", "out"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["leads.csv", "leads2.csv"]
    program = (
        "import sys; from jobs.cli.main import run; sys.exit(run(['validate', '-', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=GOOD, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows_read"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["validate"], 64, "FILE", id="no-file"),
        pytest.param(["frobnicate"], 64, "frobnicate", id="no-command"),
        pytest.param(["validate", "leads.csv", "--nope"], 64, "--nope", id="no-option"),
        pytest.param(
            ["validate", "leads.csv", "--dnc-check", "NO"], 64, "--dnc-check", id="switch"
        ),
        pytest.param(
            ["validate", "leads.csv", "--duplicate-check", "DUPSYS45DAY"], 64, "90", id="window"
        ),
        pytest.param(["validate", "leads.csv", "--source", "x"], 64, "Invalid Source", id="source"),
        pytest.param(["validate", "leads.csv", "--map", "phone"], 64, "--map", id="map"),
        pytest.param(
            ["validate", "leads.csv", "--layout", "x"], 64, "vicidial-standard", id="layout"
        ),
        pytest.param(["validate", "leads.csv", "--default-region", "XX"], 64, "US", id="region"),
        pytest.param(["import", "leads.csv"], 64, "--database", id="no-database"),
        pytest.param(["validate", "bad.csv"], 0, "DAMAGED_PHONE_NUMBER", id="bad-row"),
        pytest.param(
            ["validate", "bad.csv", "--max-reject-rate", "0.4"], 65, "50.0%", id="reject-rate"
        ),
        pytest.param(["validate", "latin.csv"], 65, "cp1252", id="encoding"),
        pytest.param(["validate", "empty.csv"], 65, "empty", id="empty"),
        pytest.param(["validate", "none.csv"], 66, "none.csv", id="no-such-file"),
        pytest.param(["validate", "leads.csv", "--config", "no.toml"], 78, "no.toml", id="config"),
        pytest.param(["validate", "leads.csv", "--config", "bad.toml"], 78, "lisst", id="setting"),
        pytest.param(
            ["validate", "leads.csv", "--mapping-file", "bad.toml"], 78, "bad.toml", id="mapping"
        ),
        pytest.param(
            ["import", "leads.csv", "--database", "oracle://x"], 64, "mysql://", id="database"
        ),
        pytest.param(
            ["import", "leads.csv", "--database", "sqlite:///new.db"], 78, "init", id="no-tables"
        ),
    ],
)
def test_exit_codes(
    arguments: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    leads: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad.csv").write_text(BAD, "utf-8")
    (tmp_path / "latin.csv").write_bytes("Phone,Name\n7275550112,René\n".encode("cp1252"))
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "bad.toml").write_text('lisst_id = "101"\n', "utf-8")
    assert run(arguments) == code
    told = capsys.readouterr()
    assert said in told.out + told.err
    assert "Traceback" not in told.err
    assert code == 0 or told.out == ""


def test_reject_rate_is_checked_before_the_insert(
    dialer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.csv").write_text(BAD, "utf-8")
    arguments = ["import", "bad.csv", "--database", dialer, "--chunk-size", "1"]
    assert run([*arguments, "--max-reject-rate", "0.4"]) == 65
    with create_engine(dialer, poolclass=NullPool).connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM vicidial_list").scalar_one() == 0
    assert "nothing was inserted" in capsys.readouterr().err
    assert run([*arguments, "--max-reject-rate", "0.5"]) == 0


def test_one_files_failure_does_not_stop_the_others(tmp_path: Path, leads: Path) -> None:
    (tmp_path / "a-empty.csv").write_bytes(b"")
    assert run(["validate", "*.csv", "--results", "out"]) == 65
    assert (tmp_path / "out" / "leads.csv" / "summary.json").exists()


@pytest.mark.parametrize(
    ("user", "said"),
    [
        pytest.param(None, "--user", id="nobody"),
        pytest.param("nobody", "Login incorrect", id="unknown"),
        pytest.param("1001", "PERMISSION", id="no-right"),
        pytest.param("6666", "", id="right"),
    ],
)
def test_user_must_be_allowed(
    user: str | None, said: str, dialer: str, leads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    may = {
        "user_level": 9, "modify_leads": "1", "vdc_agent_api_access": "1",
        "api_list_restrict": "0", "api_allowed_functions": " ALL_FUNCTIONS ", "active": "Y",
    }  # fmt: skip
    users = [{"user": "6666", **may}, {"user": "1001", **may, "modify_leads": "0"}]
    fill(dialer, {"vicidial_users": users})
    flags = ["--user", user] if user else []
    code = run(["import", str(leads), "--database", dialer, *flags])
    assert code == (77 if said else 0)
    assert said in capsys.readouterr().err


def test_results_of_another_run_are_never_overwritten(leads: Path) -> None:
    assert run(["validate", str(leads), "--results", "out"]) == 0
    before = (Path("out") / "summary.json").read_bytes()
    assert run(["validate", str(leads), "--results", "out"]) == 64
    assert (Path("out") / "summary.json").read_bytes() == before


@pytest.mark.parametrize("command", ["validate", "import"])
def test_a_file_that_a_limit_refuses_leaves_its_results(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.csv").write_text(BAD, "utf-8")
    database = "sqlite:///refused.db"
    run(["init", "--database", database])
    arguments = [command, "bad.csv", "--database", database, "--results", "out"]
    assert run([*arguments, "--max-reject-rate", "0"]) == 65
    assert "which rows: out/rejected.csv" in capsys.readouterr().err
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "loaded.csv", "rejected.csv", "report.html", "summary.json",
    ]  # fmt: skip
    summary = json.loads((Path("out") / "summary.json").read_text("utf-8"))
    assert (summary["job"], summary["loaded"], summary["rejected"]) == ("validate", 1, 1)
    assert "nothing was inserted" in summary["remarks"][-1]
    with closing(sqlite3.connect("refused.db")) as connection:
        assert connection.execute("SELECT count(*) FROM vicidial_list").fetchall() == [(0,)]
    assert run([*arguments[:-1], "again"]) == 0


def test_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "site.toml"
    config.write_text('list_id = 301\nuser = "config"\ndatabase = "sqlite:///c.db"\n', "utf-8")
    (tmp_path / "astguiclient.conf").write_text(
        "VARDB_server => db1\nVARDB_database => asterisk\nVARDB_user => cron\nVARDB_pass => 12@4\n"
    )
    assert read_settings({}, None).database == "mysql://cron:12%404@db1/asterisk"
    assert read_settings({}, config).database == "sqlite:///c.db"
    assert read_settings({}, config).list_id == "301"
    monkeypatch.setenv("LEADLOADER_LIST_ID", "201")
    assert read_settings({}, config).list_id == "201"
    assert read_settings({}, config).user == "config"
    assert read_settings({"list_id": "101"}, config).list_id == "101"
    config.rename("leadloader.toml")
    assert read_settings({}, None).user == "config"


@pytest.mark.parametrize("toml", ['dnc_check = "x"\n', "dnc_check = \n"], ids=["value", "no-toml"])
def test_wrong_settings_file_is_a_configuration_error(toml: str, tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text(toml, "utf-8")
    with pytest.raises(ConfigurationError, match=r"site\.toml"):
        read_settings({}, config)


def test_wrong_environment_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLOADER_DNC_CHECK", "x")
    with pytest.raises(ConfigurationError, match="environment: LEADLOADER_DNC_CHECK: give"):
        read_settings({}, None)
    with pytest.raises(UsageError, match="--dnc-check"):
        read_settings({"dnc_check": "y"}, None)


def test_lists_and_tables_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLOADER_DUPLICATE_STATUSES", "NEW, NA")
    monkeypatch.setenv("LEADLOADER_DEFAULT", '{"title": "Mr"}')
    settings = read_settings({}, None)
    assert settings.duplicate_statuses == ("NEW", "NA")
    assert settings.default == {"title": "Mr"}
    monkeypatch.setenv("LEADLOADER_DEFAULT", "title=Mr")
    with pytest.raises(ConfigurationError, match="environment: LEADLOADER_DEFAULT: "):
        read_settings({}, None)


def test_a_pair_without_its_sign_is_a_usage_error(
    leads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flag in ("map", "default", "force", "feed"):
        assert run(["validate", str(leads), "--database", "none", f"--{flag}", "x"]) == 64
        assert f"--{flag}: write it as" in capsys.readouterr().err


def test_tables_of_flags_and_file_are_put_together(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text('[feed]\nlitigators = "a.csv"\nwireless = "b.csv"\n')
    feeds = read_settings({"feed": {"wireless": "c.csv", "tps": "d.csv"}}, config).feed
    assert {name: str(feed.file) for name, feed in feeds.items()} == {
        "litigators": "a.csv",
        "wireless": "c.csv",
        "tps": "d.csv",
    }


def test_a_name_given_twice_is_a_usage_error(
    leads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flag in ("map", "default", "force", "feed"):
        twice = [f"--{flag}", "title=a", f"--{flag}", "title=b"]
        assert run(["validate", str(leads), "--database", "none", *twice]) == 64
        assert "given twice" in capsys.readouterr().err


def test_a_source_column_named_as_one_of_ours_survives_two_loads(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("phone_number,reason,row_number\n7,wants solar,9\n")
    for again in ("once", "twice"):
        folder = tmp_path / again
        flags = ["--database", "none", "--quiet", "--results", str(folder)]
        assert run(["validate", str(path), *flags]) == 0
        path = folder / "rejected.csv"
    header, row = path.read_text("utf-8").replace('"', "").splitlines()
    assert header == "phone_number,reason,row_number,leadloader row_number,leadloader reason," + (
        "reasons_all,details,add_lead"
    )
    assert row.startswith("7,wants solar,9,2,INVALID_PHONE_NUMBER_LENGTH,")


def test_astguiclient_is_read_as_the_dialer_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "ast.conf"
    path.write_text(
        "# comment\nVARserver_ip => 10.0.0.1\nVARDB_server => localhost\nVARDB_port => 3307\n"
        "VARDB_user =>\nVARDB_pass => \n"
    )
    assert read_astguiclient(path) == {"database": "mysql://localhost:3307/asterisk"}
    path.write_text("VARserver_ip => 10.0.0.1\n")
    assert read_astguiclient(path) == {}
    assert read_astguiclient(tmp_path / "none") == {}


def test_a_row_that_could_not_be_read_is_not_loaded_from_the_reject_file_as_it_is(
    dialer: str, tmp_path: Path
) -> None:
    (tmp_path / "vendor.csv").write_text(
        'First,Phone,City,Zip\nAnn,727-555-0112\nBob,727-555-0113,"Big" Town,33755\n', "utf-8"
    )
    flags = ["--database", dialer, "--list-id", "101", "--results"]
    assert run(["import", "vendor.csv", *flags, "first"]) == 0
    again = tmp_path / "first" / "rejected.csv"
    assert run(["import", str(again), *flags, "second"]) == 0
    summary = json.loads((tmp_path / "second" / "summary.json").read_text("utf-8"))
    assert summary["reasons"] == {"BROKEN_QUOTE": 1, "TOO_FEW_FIELDS": 1}
    lines = again.read_text("utf-8").replace("TOO_FEW_FIELDS", "").replace("BROKEN_QUOTE", "")
    again.write_text(lines, "utf-8")
    assert run(["import", str(again), *flags, "third"]) == 0
    summary = json.loads((tmp_path / "third" / "summary.json").read_text("utf-8"))
    assert summary["loaded"] == 2
    head = (tmp_path / "third" / "rejected.csv").read_text("utf-8").splitlines()[0]
    assert (
        head.replace('"', "")
        == "First,Phone,City,Zip,row_number,reason,reasons_all,details,add_lead"
    )


def test_a_check_of_fields_that_the_file_lacks_is_remarked(
    leads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", str(leads), "--duplicate-check", "DUPTITLEALTPHONESYS"]) == 0
    assert "compares alt_phone and title, which no column" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("mysql://loader:S3CRET/asterisk", 64),
        ("mysql://loader:S3CRET@127.0.0.1:notaport/x", 64),
        ("mysql://loader:S3CRET@127.0.0.1:1/x?foo=bar", 64),
        ("sqlite:///typo.db", 78),
    ],
)
def test_an_odd_database_address_is_said_without_its_password(
    address: str, code: int, leads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", str(leads), "--database", address]) == code
    said = capsys.readouterr()
    assert "S3CRET" not in said.out + said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "typo.db").exists()


def test_a_missing_file_among_others_and_files_of_one_name(
    tmp_path: Path, leads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.csv").write_text(GOOD, "utf-8")
    files = ["none.csv", "a/x.csv", "./a/x.csv", "b/x.csv"]
    assert run(["validate", *files, "--results", "out", "--json"]) == 66
    assert sorted(path.name for path in Path("out").iterdir()) == ["x.csv", "x.csv-2"]
    summaries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [summary["rows_read"] for summary in summaries] == [2, 2]


def test_what_is_no_error_of_ours_to_know_is_a_bug(
    leads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("a person's data")

    monkeypatch.setattr("jobs.settings.settings.read_settings", fail)
    assert run(["validate", str(leads)]) == 70
    said = capsys.readouterr().err
    assert "RuntimeError in test_main.py" in said
    assert "person" not in said


def test_checks_that_need_a_database_are_named_not_guessed(
    leads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--list-exists-check", "Y", "--usacan-areacode-check", "Y", "--dnc-check", "Y"]
    assert run(["validate", str(leads), *flags, "--campaign-dnc-check", "Y"]) == 0
    said = capsys.readouterr().out
    assert "not done: list_exists_check, usacan_areacode_check, dnc_check" in said
    assert "NOT_A_DEFINED" not in said


def test_two_columns_of_one_name_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "twice.csv").write_text("phone,phone\n7275550112,7275550113\n", "utf-8")
    assert run(["validate", "twice.csv"]) == 65
    assert "all stand for phone_number" in capsys.readouterr().err


def test_a_list_id_that_is_no_number_rejects_and_an_unknown_country_is_noticed(
    tmp_path: Path,
) -> None:
    (tmp_path / "odd.csv").write_text(
        "phone,list id,country\n7275550112,101.0,USA\n7275550113,101,Atlantis\n", "utf-8"
    )
    assert run(["validate", "odd.csv", "--results", "out"]) == 0
    lines = (tmp_path / "out" / "rejected.csv").read_text("utf-8").splitlines()
    assert "INVALID_LIST_ID" in lines[1]
    assert "list_id=101.0" in lines[1]
    lines = (tmp_path / "out" / "loaded.csv").read_text("utf-8").splitlines()
    assert "UNKNOWN_COUNTRY Atlantis" in lines[1]

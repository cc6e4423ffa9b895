"""How commands end: the exit code, what the message names, and what it says to do.

`tests/test_messages.py` sees that no message is left out.
"""

import shutil
import socket
import threading
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from tests.support.server import run as sql

DATABASE = ["--database", "sqlite:///leads.db"]
LOAD = ["import", "leads.csv", "--list-id", "101", "--user", "6666", "--yes", *DATABASE]
LOOK = ["validate", "leads.csv", "--database", "none"]
MOVE = ["archive", *DATABASE]


class Ending(NamedTuple):
    """How a command ends."""

    arguments: list[str]
    code: int
    names: tuple[str, ...]
    """What is wrong, and where."""
    advice: str
    """What to do."""


ENDINGS = [
    # Options.
    Ending(["import", "leads.csv", "--list-id", ""], 64, ("--list-id",),
           "it is empty; give a value, or leave the flag out"),
    Ending([*LOOK, "--list-id", "101", "--list-id", "102"], 64, ("--list-id",), "give one"),
    Ending([*LOOK, "--dnc-chek", "Y"], 64, ("--dnc-chek",), "--dnc-check"),
    Ending([*LOOK, "--dnc-check", "yes"], 64, ("--dnc-check",), "did you mean Y?"),
    Ending(["schedule"], 64, ("Missing argument",), "Choose from: systemd, cron, airflow; see"),
    Ending(["schedule", "at"], 64, ("'systemd|cron|airflow': 'at' is not one of",), "--help"),
    Ending(["imprt", "leads.csv"], 64, ("imprt",), "import"),
    Ending(["import", "leads.csv", "--database", "none"], 64, ("--database none",),
           "none is for validate alone; this command needs a database"),
    Ending([*LOAD, "--config", "sample.toml"], 64, ("--sample",),
           "an import loads the whole file"),
    Ending(["validate", "leads.csv", "--database", "mysql://u@h/d?ssl_mode=maybe"], 64,
           ("the database's address: ssl_mode",), "give 'disabled'"),
    # Files.
    Ending(["validate", "missing.csv", "--database", "none"], 66, ("missing.csv",),
           "there is no such file"),
    Ending(["validate", "folder", "--database", "none"], 66, ("folder",), ""),
    Ending(["validate", "empty.csv", "--database", "none"], 65, ("empty.csv",), "empty"),
    Ending(["validate", "page.csv", "--database", "none"], 65, ("page.csv: this is a web page",),
           "save it as .xlsx or CSV (UTF-8)"),
    Ending(["validate", "locked.zip", "--database", "none"], 65, ("locked.zip",),
           "the zip file has a password; unpack it first"),
    Ending(["validate", "lzma64.zip", "--database", "none"], 65, ("lzma64.zip",),
           "compression"),
    Ending(["validate", "two.zip", "--database", "none"], 65, ("two.zip", "a.csv, b.csv"),
           "unpack it and name the files"),
    Ending(["validate", "latin.csv", "--database", "none"], 65, ("latin.csv: line 2: byte FC",),
           "add --encoding cp1252"),
    Ending(["validate", "names.csv", "--database", "none"], 65, ("names.csv", "phone_number"),
           '--map phone_number="'),
    Ending(["validate", "two_phones.csv", "--database", "none"], 65, ("'Phone', 'Mobile'",),
           '--map phone_number="Phone"'),
    Ending([*LOOK, "--map", "city=Ort"], 65, ("--map: leads.csv has no column 'Ort'",),
           "--map-optional city loads it without"),
    Ending([*LOOK, "--map", "citty=x"], 64, ("'citty' is no field",), "did you mean city?"),
    Ending([*LOOK, "--max-columns", "1"], 65, ("leads.csv", "max_columns"), ""),
    Ending([*LOAD, "--max-reject-rate", "0.1"], 65, ("leads.csv", "50"), "max_reject_rate"),
    Ending([*LOOK, "--mapping-file", "missing.toml"], 78, ("mapping file missing.toml: No such",),
           ""),
    Ending([*LOOK, "--mapping-file", "unknown.toml"], 78,
           ("mapping file unknown.toml: unknown delimitr",), "is delimiter meant?"),
    Ending([*LOOK, "--mapping-file", "map.toml"], 78, ("mapping file map.toml: [map] has lines",),
           'phone_number = "Tel"'),
    Ending([*LOOK, "--mapping-file", "name.toml"], 78, ("mapping file name.toml: [names] has",),
           'city = ["Ort"]'),
    Ending([*LOOK, "--mapping-file", "field.toml"], 78, ("mapping file field.toml", "'citty'"),
           "did you mean city?"),
    Ending([*LOOK, "--feed", "tps=missing.csv"], 66, ("missing.csv",), "No such file"),
    Ending([*LOOK, "--compare", "leads.csv"], 64, ("leads.csv is no JSON: ",), ""),
    # The database.
    Ending(["runs", "--database", "sqlite:///none.db"], 78, ("none.db",), "`leadloader init`"),
    Ending(["runs", *DATABASE, "--config", "missing.toml"], 78, ("missing.toml",), "No such file"),
    Ending(["init", "--database", "mysql://u@127.0.0.1:1/d"], 69, ("127.0.0.1:1/d",), "see that"),
    Ending(["import", "leads.csv", "--user", "nobody", *DATABASE], 77, ("nobody",), ""),
    Ending([*LOAD, "--campaign-id", "NONE"], 78, ("NONE",), ""),
    Ending([*LOAD[:4], "--user", "agent", *DATABASE], 77, ("ADD LEADS TO THE SYSTEM: agent needs",),
           "user_level 8 or more and API access"),
    Ending([*LOAD[:4], "--user", "other", *DATABASE], 77, ("TO USE THIS FUNCTION: other's",),
           "api_allowed_functions lack add_lead"),
    Ending(["runs", "--database", "oracle://u@h/d"], 64, ("database is no dialer's",),
           "dialer's; give mysql:// or sqlite:///"),
    Ending(["runs", "--database", "mysql://u@h"], 64, ("mysql+pymysql://u@h names no database",),
           "names no database; write it behind the server: mysql://"),
    Ending(["archive", "--statuses", "NA", "--database", "sqlite:///odd.db"], 78,
           ("nothing was moved, for rows could be lost or altered: vicidial_list_archive",),
           "alter the tables"),
    # Results.
    Ending(["columns", "leads.csv", "--write", "map.toml"], 64, ("--write: map.toml",),
           "is there already; name another file, or add --force"),
    Ending([*LOOK, "--results", "leads.csv"], 64, ("results folder leads.csv",), ""),
    Ending([*LOOK, "--results", "used"], 64, ("used",), "results"),
    # Runs and undo.
    Ending(["runs", "\udce9", *DATABASE], 64, ("RUN: ",), "is no run; leadloader runs lists them"),
    Ending(["runs", "20000101", *DATABASE], 64, ("20000101",), "`leadloader runs`"),
    Ending(["runs", "--forget", *DATABASE], 64, ("name the run to give up",),
           "leadloader runs RUN --forget"),
    Ending(["undo", "latest", *DATABASE], 64, ("run ", " inserted nothing: "), "max_reject_rate"),
    # Archiving.
    Ending(MOVE, 64, ("needs to know which leads",), "--lead-ids"),
    Ending([*MOVE, "--rule", "wrked", "--config", "rule.toml"], 64,
           ("--rule: the settings have no rule wrked",), "did you mean worked?"),
    Ending([*MOVE, "--lead-ids", "1", "--statuses", "NA"], 64, ("--lead-ids and --statuses",),
           "give either lead_ids, in one way, or a rule"),
    Ending([*MOVE, "--lead-ids", "1,x"], 65, ("x",), "integer"),
    Ending([*MOVE, "--lead-ids", "7,7"], 65, ("7",), "duplicate"),
    Ending([*MOVE, "--lead-ids", "7"], 65, ("lead_ids does not exist: 7",), ""),
    Ending([*MOVE, "--lead-ids-file", "nul"], 65, ("nul",), "is no text; give lead_ids as text"),
    Ending([*MOVE, "--campaigns", "NONE"], 64, ("no list is of campaign NONE",), ""),
    # Settings.
    Ending(["nightly", *DATABASE, "--config", "source.toml"], 78,
           ("source.toml, line 3: [[source]] 1: foldr",), "did you mean folder?"),
    Ending(["nightly", *DATABASE], 64, ("nightly needs sources of files",), "[[source]]"),
    Ending([*LOOK, "--config", "typing.toml"], 78, ("typing.toml, line 2: dnc_chek",),
           "did you mean dnc_check?"),
    Ending([*LOOK, "--profile", "safest"], 64, ("--profile: there is no profile safest",), "safe"),
]  # fmt: skip


@pytest.fixture(scope="module")
def dialer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dialer that tests copy; the ledger has a run that was refused."""
    file = tmp_path_factory.mktemp("dialer") / "leads.db"
    assert run(["init", "--database", f"sqlite:///{file}"]) == 0
    sql(
        f"sqlite:///{file}",
        "INSERT INTO vicidial_users (user, active, user_level, modify_leads, "
        "vdc_agent_api_access) VALUES ('6666', 'Y', 9, '1', '1')",
        "INSERT INTO vicidial_users (user, active, user_level, modify_leads, "
        "vdc_agent_api_access, api_allowed_functions) VALUES ('other', 'Y', 9, '1', '1', ' x ')",
        "INSERT INTO vicidial_users (user, active, user_level, modify_leads, "
        "vdc_agent_api_access) VALUES ('agent', 'Y', 9, '0', '0')",
        "INSERT INTO vicidial_campaigns (campaign_id, active) VALUES ('SALES', 'Y')",
    )
    return file


@pytest.fixture(autouse=True)
def _site(tmp_path: Path, dialer: Path, monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    shutil.copy(dialer, "leads.db")
    shutil.copy(dialer, "odd.db")
    sql(
        f"sqlite:///{tmp_path}/odd.db",
        "DROP TABLE IF EXISTS vicidial_list_archive",
        "CREATE TABLE vicidial_list_archive (lead_id INTEGER PRIMARY KEY)",
    )
    texts = {
        "leads.csv": "phone_number,first_name\n7275550112,Ann\n1,Bob\n",
        "empty.csv": "",
        "page.csv": "<!DOCTYPE html><html><body>Please log in</body></html>\n",
        "names.csv": "First Name,City\nAnn,Tampa\n",
        "two_phones.csv": "Phone,Mobile\n7275550112,7275550113\n",
        "sample.toml": "sample = 10\n",
        "unknown.toml": 'delimitr = ";"\n',
        "map.toml": "[map]\nphone_number = 5\n",
        "name.toml": '[names]\ncity = "Ort"\n',
        "field.toml": '[map]\ncitty = "Ort"\n',
        "rule.toml": '[archive.worked]\nstatuses = ["NA"]\n',
        "source.toml": '[[source]]\nname = "x"\nfoldr = "drop"\n',
        "typing.toml": '\ndnc_chek = "Y"\n',
    }
    for name, text in texts.items():
        Path(name).write_text(text, "utf-8")
    Path("latin.csv").write_bytes("phone_number,city\n7275550112,M\xfcnchen\n".encode("latin-1"))
    Path("nul").write_bytes(b"1\0002")
    Path("folder").mkdir()
    Path("used").mkdir()
    Path("used/summary.json").write_text("{}", "utf-8")
    for name, members in {"two.zip": ["a.csv", "b.csv"], "locked.zip": ["a.csv"]}.items():
        with zipfile.ZipFile(name, "w") as file:
            for member in members:
                file.writestr(member, "phone_number\n7275550112\n")
    _change(Path("locked.zip"), flag=1)
    shutil.copy("locked.zip", "lzma64.zip")
    _change(Path("lzma64.zip"), method=97)


def _change(path: Path, flag: int = 0, method: int = 0) -> None:
    """Write into both headers of a zip file that it has a password, or how it is compressed."""
    content = bytearray(path.read_bytes())
    for head, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = content.index(head) + place
        content[at : at + 4] = flag.to_bytes(2, "little") + method.to_bytes(2, "little")
    path.write_bytes(content)


@pytest.mark.sample(6)
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ascii(" ".join(ending.arguments)))
def test_what_is_said_at_the_end(ending: Ending, capsys: pytest.CaptureFixture[str]) -> None:
    if ending.arguments[0] == "undo":
        assert run([*LOAD, "--max-reject-rate", "0.1"]) == 65
    capsys.readouterr()
    code = run(ending.arguments)
    said = capsys.readouterr().err
    assert code == ending.code, said
    for words in (*ending.names, ending.advice):
        assert words in said
    for wrong in ("Traceback", "a bug", "pydantic", "sqlalchemy"):
        assert wrong not in said


def test_no_lead_was_loaded_by_any_of_them(tmp_path: Path) -> None:
    """What ends so has not begun."""
    for ending in ENDINGS:
        run(ending.arguments)
    assert sql(f"sqlite:///{tmp_path}/leads.db", "SELECT COUNT(*) FROM vicidial_list") == [(0,)]


def test_what_answers_is_no_database(capsys: pytest.CaptureFixture[str]) -> None:
    """A web server at the port of the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert run(["runs", "--database", f"mysql://u@127.0.0.1:{port}/d"]) == 78
        thread.join()
    said = capsys.readouterr().err
    assert f"what answers at 127.0.0.1:{port} does not do so as a MariaDB or MySQL server" in said
    assert "see that host and port are right" in said


def test_an_undo_of_an_undo_of_an_undo(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*LOAD, "--results", "results/load"]) == 0
    for name in ("out", "back"):
        assert run(["undo", "latest", *DATABASE, "--results", f"results/{name}"]) == 0
    capsys.readouterr()
    assert run(["undo", "latest", *DATABASE, "--results", "results/again"]) == 64
    assert " took back an undo: `leadloader undo " in capsys.readouterr().err


def test_an_undo_whose_results_are_gone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*LOAD, "--results", "results/load"]) == 0
    assert run(["undo", "latest", *DATABASE, "--results", "results/out"]) == 0
    shutil.rmtree("results/out")
    capsys.readouterr()
    assert run(["undo", "latest", *DATABASE, "--results", "results/back"]) == 78
    said = capsys.readouterr().err
    assert "cannot be undone without its results: " in said
    assert "results/out" in said

"""The funnel: who is told of runs, and that it never fails one."""

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import NullPool, create_engine

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from jobs.settings.settings import read_settings
from jobs.telemetry.outcome import RunOutcome, outcome_of
from jobs.telemetry.telemetry import MOST_FAILED_EVENTS, Telemetry
from jobs.watchers import Watchers
from loader.errors import BusyError, LoadedBeforeError, OfficeHoursError, SourceFileError
from tests.support.listener import Listener, listening

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""Of a package that a plugin of Apprise imports."""

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
DATABASE = "sqlite:///leads.db"
GOOD = "Phone,First Name\n727-555-0112,Ann\n727-555-0113,Bob\n12,Cid\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    Path("good.csv").write_text(GOOD, "utf-8")
    Path("empty.csv").touch()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture
def config(listener: Listener, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings by which everybody is told everything, and a dialer."""
    settings(f"json://127.0.0.1:{listener.port}/")
    assert run(["init"]) == 0
    capsys.readouterr()


def settings(
    notify: str, metrics: str = "leads.prom", lineage: str = 'file = "events.jsonl"'
) -> None:
    Path("leadloader.toml").write_text(
        f'database = "{DATABASE}"\nlist_id = "101"\nmetrics_file = "{metrics}"\n'
        f'[notify]\nurls = ["{notify}"]\nwhen = "always"\n[lineage]\n{lineage}\n'
        '[archive.worked]\nlists = "101"\n',
        "utf-8",
    )


def telling(job: str = "nightly", warned: list[str] | None = None) -> Telemetry:
    warn = (warned if warned is not None else []).append
    return Telemetry(read_settings({}, None), job, warn=warn)


def metrics() -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(Path("leads.prom").read_text("utf-8"))
    names = ("job", "source", "outcome", "reason")
    return {
        (each.name, *(each.labels[name] for name in names if each.labels.get(name))): each.value
        for family in families
        for each in family.samples
    }


def events() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("events.jsonl").read_text("utf-8").splitlines()]


def states() -> list[str]:
    return [event["eventType"] for event in events()]


def leads() -> int:
    with create_engine(DATABASE, poolclass=NullPool).connect() as connection:
        found: int = connection.exec_driver_sql("SELECT COUNT(*) FROM vicidial_list").scalar_one()
        return found


def test_an_import_is_told_of(config: None, listener: Listener) -> None:
    assert run(["import", "good.csv", "empty.csv", "none.csv"]) == 66
    (message,) = listener.bodies
    assert message["type"] == "failure"
    assert message["title"].endswith(": 2 of 3 failed")
    lines = message["message"].splitlines()
    assert [line.startswith("FAILED ") for line in lines] == [True, True, False]
    assert lines[2].startswith("good.csv: 2 loaded, 1 rejected; INVALID_PHONE_NUMBER_LENGTH 1; ")
    found = metrics()
    assert found["leadloader_rows", "import", "loaded"] == 2
    assert found["leadloader_rows", "import", "rejected", "INVALID_PHONE_NUMBER_LENGTH"] == 1
    assert found["leadloader_runs", "import"] == 3
    assert found["leadloader_failed_runs", "import"] == 2
    assert states() == ["START", "FAIL", "START", "COMPLETE", "START", "FAIL"]
    assert events()[2]["inputs"][0]["name"] == str(Path("good.csv").absolute())


def test_a_file_loaded_before_is_no_failure(config: None, listener: Listener) -> None:
    assert run(["import", "good.csv"]) == 0
    assert run(["import", "good.csv"]) == 0
    first, second = listener.bodies
    assert first["title"].endswith(": 2 loaded, 1 rejected")
    assert second["type"] == "success"
    assert "loaded already" in second["message"]
    assert metrics()["leadloader_failed_runs", "import"] == 0
    assert states() == ["START", "COMPLETE"]


def test_archiving_is_told_of_by_its_rule(config: None, listener: Listener) -> None:
    assert run(["import", "good.csv", "--quiet"]) == 0
    assert run(["archive", "--rule", "worked", "--quiet"]) == 0
    assert listener.bodies[1]["message"].startswith("leads with lists 101: 2 moved; ")
    found = metrics()
    assert found["leadloader_rows", "archive", "worked", "moved"] == 2
    assert found["leadloader_rows", "import", "loaded"] == 2
    assert states() == ["START", "COMPLETE"] * 2


def test_an_undo_is_told_of(config: None, listener: Listener) -> None:
    assert run(["import", "good.csv", "--quiet"]) == 0
    (name,) = (path.name for path in Path("results").iterdir())
    assert run(["undo", name, "--quiet"]) == 0
    message = listener.bodies[1]["message"]
    assert message.startswith(f"run {name} of good.csv: 2 moved, 0 reverted; results in ")
    assert metrics()["leadloader_rows", "undo", "moved"] == 2
    assert events()[-1]["outputs"][0]["name"].endswith(".vicidial_list_archive")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["validate", "good.csv"], id="validate"),
        pytest.param(["archive", "--rule", "worked", "--dry-run"], id="dry-run"),
    ],
)
def test_who_only_looks_tells_nobody(
    arguments: list[str], config: None, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert run(arguments) == 0
    assert listener.posts == []
    assert not Path("leads.prom").exists()
    assert not Path("events.jsonl").exists()


def test_nobody_to_be_reached_fails_nothing(
    config: None, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("json://u:geheim@127.0.0.1:1/", "none/x.prom", 'url = "http://u:geheim@127.0.0.1:1"')
    assert run(["import", "good.csv", "--quiet"]) == 0
    assert leads() == 2
    said = capsys.readouterr().err
    assert "geheim" not in said
    assert re.findall("leadloader: (.{12})", said) == [
        "OpenLineage:", "metrics file", "OpenLineage:", "the notifica",
    ]  # fmt: skip


def test_a_server_that_does_not_take_events_is_left_alone(config: None) -> None:
    settings("json://127.0.0.1:1/", lineage='url = "http://127.0.0.1:1"')
    warned: list[str] = []
    with telling(warned=warned) as told:
        for number in range(MOST_FAILED_EVENTS + 2):
            told.began(f"{number}.csv")
            told.failed(SourceFileError("the file is empty"))
    assert sum("OpenLineage" in each for each in warned) == MOST_FAILED_EVENTS


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("apprise", "[notify] needs apprise, which is not installed: "),
        ("prometheus_client", "metrics_file needs prometheus-client, which is not installed: "),
        ("openlineage.client", "[lineage] needs openlineage-python, which is not installed: "),
    ],
)
@pytest.mark.parametrize("command", [["import", "good.csv"], ["archive", "--rule", "worked"]])
def test_a_missing_extra_is_found_before_anything_is_done(
    module: str,
    said: str,
    command: list[str],
    config: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert run(command) == 78
    assert said in capsys.readouterr().err
    assert leads() == 0
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[notify]\nurls = []\n', "notify.urls"),
        ('[notify]\nurls = ["json://x"]\nwhen = "often"\n', "notify.when: give 'failure', 'rej"),
        ('[notify]\nurls = ["json://x"]\nreject_rate = 2\n', "notify.reject_rate: give at most 1"),
        ('[notify]\nurls = ["geheim"]\n', "notify.urls: Apprise does not understand address 1"),
        ("[lineage]\n", "lineage: give either file or url"),
        ('[lineage]\nurl = "marquez"\n', "lineage.url: give an address"),
        ('notify = "json://x"\n', "notify: give a table such as [notify]"),
        ('log_format = "xml"\n', "log_format: give 'human' or 'json'"),
    ],
)  # fmt: skip
def test_wrong_settings(
    table: str, said: str, config: None, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("wrong.toml").write_text(f'database = "{DATABASE}"\n{table}', "utf-8")
    assert run(["import", "good.csv", "--config", "wrong.toml"]) == 78
    told = capsys.readouterr().err
    assert said in told
    assert "geheim" not in told


def test_a_night_is_told_of_in_its_own_words(config: None, listener: Listener) -> None:
    with telling() as told:
        told.began("/drop/a.csv", source="north", job="import")
        told.failed(SourceFileError("a.csv: the file is empty"))
        told.began("/drop/b.csv", source="south", job="import")
        told.failed(LoadedBeforeError("b.csv: loaded already", "r1"))
        told.end_command("The whole story.", "files: 1 failed", 65)
    (message,) = listener.bodies
    assert message["message"] == "The whole story."
    assert message["title"].startswith("leadloader nightly on ")
    assert message["title"].endswith(": files: 1 failed")
    found = metrics()
    assert found["leadloader_failed_runs", "import", "north"] == 1
    assert found["leadloader_failed_runs", "import", "south"] == 0
    assert found["leadloader_failed_runs", "nightly"] == 1


def test_an_error_is_told_once(config: None, listener: Listener) -> None:
    error = SourceFileError("a.csv: the file is empty")

    def night() -> None:
        with telling() as told:
            told.began("/drop/a.csv", job="import")
            told.failed(error)
            raise error

    with pytest.raises(SourceFileError):
        night()
    assert listener.bodies[0]["message"] == "FAILED a.csv: the file is empty"


def test_a_night_that_says_it_went_well_is_believed(config: None, listener: Listener) -> None:
    with telling() as told:
        told.began("rule worked", job="archive")
        told.failed(OfficeHoursError("it is office hours"))
        told.end_command("Archiving was put off.", "no file", 0)
    assert listener.bodies[0]["type"] == "success"


@pytest.mark.parametrize(("exit_code", "kind"), [(0, "success"), (75, "failure")])
def test_a_night_without_files(exit_code: int, kind: str, config: None, listener: Listener) -> None:
    with telling() as told:
        told.end_command("", "", exit_code)
    assert [each["type"] for each in listener.bodies] == [kind]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(
            BusyError("nightly is held by pid 12"), "nightly is held by pid 12", id="ours"
        ),
        pytest.param(
            KeyError("Zaphod"), "a bug in leadloader: KeyError in test_telemetry.py", id="a-bug"
        ),
        pytest.param(KeyboardInterrupt(), "interrupted", id="ctrl-c"),
    ],
)
def test_what_ends_the_command_is_told(
    error: BaseException, said: str, config: None, listener: Listener
) -> None:
    with pytest.raises(type(error)), telling():
        raise error
    (message,) = listener.bodies
    assert message["type"] == "failure"
    assert said in message["message"]
    assert "Zaphod" not in message["message"]


def test_others_watch_too(config: None) -> None:
    seen: list[str] = []
    watchers = Watchers(named=seen.append, progress=lambda stage, *_: seen.append(stage))
    with telling("import") as told:
        told.began("good.csv")
        both = told.watching(watchers)
        both.named("r1")
        both.progress("check", 1, 2)
    assert seen == ["r1", "check"]


def test_an_account_is_its_own() -> None:
    account = RunOutcome(job="undo", what="r1", began=NOW, ended=NOW)
    assert outcome_of(account) is account
    with pytest.raises(TypeError, match="int"):
        outcome_of(1)


PERSON = ("Zaphod", "Beeblebrox", "zaphod@example.org", "Betelgeuse", "2025550147", "5550147")
ROW = "2025550147,Zaphod,Beeblebrox,zaphod@example.org,Betelgeuse 5"
HEAD = "Phone,First Name,Last Name,Email,Address1"
UGLY: dict[str, bytes] = {
    "rejected": f"{HEAD}\n12,{ROW[11:]}\n".encode(),
    "twice": f"{HEAD}\n{ROW}\n{ROW}\n".encode(),
    "cut": f"{HEAD}\n{ROW}{' Beeblebrox' * 99}\n".encode(),
    "nul": f"{HEAD}\n{ROW}\0\x07\n".encode(),
    "quote": f'{HEAD}\n{ROW},"\n"{ROW}\n'.encode(),
    "too-many": f"{HEAD}\n{ROW},{ROW}\n".encode(),
    "too-few": f"{HEAD}\nZaphod,2025550147\n".encode(),
    "no-header": f"{ROW}\n{ROW}\n".encode(),
    "no-header-no-phone": f"Zaphod,Beeblebrox,Betelgeuse\n{ROW}\n".encode(),
    "quote-at-once": f'"{ROW}\n'.encode(),
    "latin": f"{HEAD}\n{ROW} é\n".encode("cp1252"),
    "utf-16": f"{HEAD}\n{ROW}\n".encode("utf-16-le"),
    "binary": b"PK\3\4" + ROW.encode(),
    "gzip": b"\x1f\x8b" + ROW.encode(),
    "damaged": f"{HEAD}\n2.025550147E+09,{ROW[11:]}\n".encode(),
    "dates": f"{HEAD},date_of_birth,gender\n{ROW},Zaphod,Beeblebrox\n".encode(),
    "unmapped": f"{HEAD},Shoe size\n{ROW},Beeblebrox\n".encode(),
    "callback": f"{HEAD},callback,callback_datetime\n{ROW},Zaphod,Beeblebrox\n".encode(),
    "list": f"{HEAD},list_id\n{ROW},Zaphod\n".encode(),
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("log_format", ["human", "json"])
@pytest.mark.parametrize("name", UGLY)
def test_nothing_of_a_person_is_told(
    name: str,
    log_format: str,
    config: None,
    listener: Listener,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("ugly.csv").write_bytes(UGLY[name])
    code = run(["import", "ugly.csv", "--log-format", log_format, "--max-reject-rate", "0.9"])
    assert code in {0, 65}
    said = capsys.readouterr()
    told = [said.out, said.err, *map(json.dumps, listener.bodies)]
    told += [Path(name).read_text("utf-8") for name in ("leads.prom", "events.jsonl")]
    assert len(listener.bodies) == 1
    everything = "\n".join(told)
    assert [each for each in PERSON if each.casefold() in everything.casefold()] == []

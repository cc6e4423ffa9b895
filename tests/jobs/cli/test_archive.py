"""The commands archive and dearchive: what they take, say, write and exit with."""

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from jobs.archive.job import move
from jobs.archive.request import MoveRequest
from jobs.cli.main import run
from jobs.settings import settings as settings_module
from jobs.watchers import Watchers
from loader.api.lead_archive import IN_OFFICE_HOURS, SUCCESS
from loader.archive import selection
from loader.archive.report import ArchiveReport
from loader.clock import Clock
from loader.database.connection import Database
from loader.errors import OfficeHoursError
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.options.office_hours import WEEKDAYS, OfficeHours
from loader.signals import CAUGHT, Interrupted, Stop
from tests.support import server as database
from tests.support.scripted import Scripted
from tests.support.warm import Warm, run_warm

LEADS, ARCHIVE = "vicidial_list", "vicidial_list_archive"
STATUSES = ("NA", "B", "NEW")
MAIN = "from jobs.cli.main import main; main()"
PROGRAM = "import sys; from jobs.cli.main import run; sys.exit(run(sys.argv[1:]))"
ALWAYS = "[office_hours]\n" + "".join(f'{day} = "00:00-24:00"\n' for day in WEEKDAYS)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


@pytest.fixture
def dialer(database_url: str) -> str:
    """A database with leads 1 to 30, every third of them NEW."""
    lists = [{"list_id": 101, "list_name": "Spring", "campaign_id": "SALES"}]
    rows = [
        {
            "lead_id": number,
            "status": STATUSES[number % 3],
            "list_id": 101,
            "phone_number": str(7275550000 + number),
            "first_name": "Ann ",
            "called_count": number % 5,
            "entry_date": "2026-01-01 09:00:00",
            "last_local_call_time": "2026-02-01 09:00:00",
        }
        for number in range(1, 31)
    ]
    database.fill(database_url, {"vicidial_lists": lists, LEADS: rows})
    return database_url


ON_SQLITE = pytest.mark.engines("sqlite")


def ids(url: str, table: str) -> list[int]:
    return [int(row[0]) for row in database.run(url, f"SELECT lead_id FROM {table} ORDER BY 1")]


def report_in(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(folder) / "summary.json").read_text("utf-8"))
    return found


def rows_in(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


NOT_NEW = [number for number in range(1, 31) if number % 3 != 2]
NEW = [number for number in range(1, 31) if number % 3 == 2]


@pytest.mark.engines("sqlite", "innodb")
def test_leads_of_a_rule_go_and_come_back(dialer: str, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--database", dialer]
    rule = ["--statuses", "NA,B", "--called-before", "90d", "--chunk-size", "8"]
    assert run(["archive", *where, *rule, "--results", "there"]) == 0
    assert (ids(dialer, LEADS), ids(dialer, ARCHIVE)) == (NEW, NOT_NEW)
    said = capsys.readouterr()
    assert "archive leads with statuses NA,B, called_before 90d: insert, update, delete" in said.err
    assert "select_count  20\ninsert_count  20\nupdate_count   0\ndelete_count  20" in said.out
    assert (Path("there") / "summary.txt").read_text("utf-8") == said.out
    chunks = rows_in(Path("there") / "chunks.csv")
    assert [row["select_count"] for row in chunks] == ["8", "8", "4"]
    assert (chunks[0]["first_lead_id"], chunks[2]["last_lead_id"]) == ("1", "30")
    back = ["--lead-ids", ",".join(map(str, NOT_NEW)), "--json", "--quiet"]
    assert run(["dearchive", *where, *back]) == 0
    assert (ids(dialer, LEADS), ids(dialer, ARCHIVE)) == (sorted(NEW + NOT_NEW), [])
    said = capsys.readouterr()
    assert said.err == ""
    report = ArchiveReport.model_validate_json(said.out)
    assert (report.message, report.select_count, report.delete_count) == (SUCCESS, 20, 20)


@ON_SQLITE
@pytest.mark.engines("sqlite")  # it is the process that matters
def test_ids_come_from_a_file_or_from_standard_input(dialer: str) -> None:
    Path("ids.txt").write_text("3\n1\n", "utf-8")
    where = ["--database", dialer, "--quiet"]
    assert run(["archive", "--lead-ids-file", "ids.txt", *where]) == 0
    assert ids(dialer, ARCHIVE) == [1, 3]
    sent = "lead_id,why\n7,CHANGED\n5,HELD\n"
    done = run_warm("archive", "--lead-ids-file", "-", *where, input=sent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert ids(dialer, ARCHIVE) == [1, 3, 5, 7]


@ON_SQLITE
def test_a_named_rule_and_a_flag_in_place_of_its_part(dialer: str) -> None:
    Path("site.toml").write_text(
        f'database = "{dialer}"\n[archive]\ninsert = true\n'
        '[archive.worked]\nstatuses = ["NA", "B"]\nmin_called_count = 3\n',
        "utf-8",
    )
    flags = ["--config", "site.toml", "--rule", "worked", "--statuses", "NA"]
    assert run(["archive", *flags, "--quiet"]) == 0
    assert ids(dialer, ARCHIVE) == [3, 9, 18, 24]


@ON_SQLITE
def test_steps_can_be_left_out(dialer: str) -> None:
    flags = ["--database", dialer, "--lead-ids", "1,2", "--quiet", "--results"]
    assert run(["archive", *flags, "a", "--no-delete"]) == 0
    assert (ids(dialer, LEADS), ids(dialer, ARCHIVE)) == (list(range(1, 31)), [1, 2])
    database.run(dialer, f"UPDATE {LEADS} SET status = 'SALE' WHERE lead_id = 2")
    assert run(["archive", *flags, "b", "--no-update"]) == 0
    assert report_in("b")["stayed"] == {"CHANGED": 1}
    assert [row["lead_id"] for row in rows_in(Path("b") / "stayed.csv")] == ["2"]
    assert run(["archive", *flags, "c"]) == 0
    assert report_in("c")["update_count"] == 1
    assert ids(dialer, ARCHIVE) == [1, 2]


@ON_SQLITE
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param("archive", 64, "archive needs to know which leads", id="no-condition"),
        pytest.param("dearchive", 64, "dearchive needs to know which leads", id="way-back"),
        pytest.param("archive --min-called-count 0", 64, "needs to know which", id="every-lead"),
        pytest.param("archive --rule x", 64, "no rule x, [archive.x]; there is none", id="rule"),
        pytest.param(
            "archive --lead-ids 1 --statuses NA", 64, "--lead-ids and --statuses: ", id="both"
        ),
        pytest.param(
            "archive --lead-ids 1 --lead-ids-file x", 64, "in one way", id="ids-in-two-ways"
        ),
        pytest.param("archive --lead-ids 1,x", 65, "only contain integer values: x", id="integer"),
        pytest.param("archive --lead-ids ,", 65, "atleast 1 value", id="none"),
        pytest.param("archive --lead-ids 1,2,1", 65, "duplicate values: 1", id="twice"),
        pytest.param("archive --lead-ids 1,99", 65, "lead_ids does not exist: 99", id="unknown"),
        pytest.param("archive --lead-ids-file no.txt", 66, "no.txt", id="no-file"),
        pytest.param("archive --lead-ids 1 --chunk-size 501", 64, "--chunk-size: ", id="size"),
        pytest.param("archive --statuses NA --called-before x", 64, "--called-before: ", id="age"),
        pytest.param("archive --lead-ids 1 --max-load x", 64, "--max-load: write it", id="load"),
        pytest.param("archive --lead-ids 1 --max-load A=1", 64, "max_load", id="sqlite-load"),
        pytest.param("dearchive --lead-ids 1 --held take", 64, "--held", id="held-back"),
        pytest.param("dearchive --lead-ids 1 --no-update", 64, "--no-update", id="update-back"),
        pytest.param("archive --campaigns NONE", 64, "NONE", id="campaign"),
        pytest.param(
            "archive --lead-ids 1 --no-insert --no-update --no-delete",
            64,
            "--no-insert, --no-update, --no-delete: nothing is left to do",
            id="no-step",
        ),
        pytest.param(
            "dearchive --lead-ids 1 --no-insert --no-delete",
            64,
            "nothing is left",
            id="back-no-step",
        ),
    ],
)
def test_refused(
    arguments: str, code: int, said: str, dialer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments.split(), "--database", dialer]) == code
    told = capsys.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err
    assert told.out == ""
    assert ids(dialer, ARCHIVE) == []
    assert not Path("results").exists() or not list(Path("results").iterdir())


@ON_SQLITE
@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("1,x", {"message": "lead_ids must only contain integer values", "lead_ids": ["x"]}),
        (",", {"message": "lead_ids must contain atleast 1 value", "lead_ids": []}),
        ("4,4", {"message": "lead_ids cannot contain duplicate values", "lead_ids": [4]}),
        ("1,98,99", {"message": "lead_ids does not exist", "lead_ids": [98, 99]}),
    ],
)
def test_json_has_the_answer_of_the_api(
    given: str, answer: dict[str, Any], dialer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["archive", "--database", dialer, "--lead-ids", given, "--json"]) == 65
    expected = answer | {"lead_errors": len(answer["lead_ids"])}
    assert json.loads(capsys.readouterr().out) == expected


@ON_SQLITE
@pytest.mark.parametrize("flags", ["--chunk-size 501", "--max-load x", "--config none.toml"])
def test_json_has_an_answer_to_wrong_flags_too(
    flags: str, dialer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["archive", "--database", dialer, "--lead-ids", "1", *flags.split()]
    assert run([*arguments, "--json"]) in {64, 78}
    said = capsys.readouterr()
    assert said.err == f"leadloader: {json.loads(said.out)['message']}\n"
    assert run(arguments) in {64, 78}
    assert capsys.readouterr().out == ""


@ON_SQLITE
def test_every_lead_is_told_of_and_lists_that_nobody_defined(
    dialer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    held = [{"lead_id": 3, "status": "READY", "list_id": 101}]
    database.fill(dialer, {"vicidial_hopper": held})
    flags = ["--database", dialer, "--lists", "101,98765", "--results"]
    assert run(["archive", *flags, "a", "--no-delete"]) == 0
    report = ArchiveReport.model_validate(report_in("a"))
    assert (report.looked_at, report.moved, report.kept, report.gone) == (30, 0, 29, 0)
    assert report.remarks == ["list 98765 is not defined in the dialer"]
    assert "note: list 98765 is not defined in the dialer\n" in capsys.readouterr().out
    assert run(["archive", *flags, "b"]) == 0
    report = ArchiveReport.model_validate(report_in("b"))
    assert (report.looked_at, report.select_count, report.moved) == (30, 29, 29)
    assert (report.stayed, report.kept, report.gone) == ({"HELD": 1}, 0, 0)
    assert run(["archive", "--database", dialer, "--lead-ids", "3,4", "--results", "c"]) == 0
    report = ArchiveReport.model_validate(report_in("c"))
    assert (report.looked_at, report.select_count, report.moved, report.gone) == (2, 1, 1, 1)


@ON_SQLITE
def test_office_hours_are_kept(dialer: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("leadloader.toml").write_text(f'database = "{dialer}"\n{ALWAYS}', "utf-8")
    assert run(["archive", "--lead-ids", "1,2", "--json"]) == 75
    said = capsys.readouterr()
    assert json.loads(said.out) == {"message": IN_OFFICE_HOURS}
    assert said.err == f"leadloader: {IN_OFFICE_HOURS}: office hours never end\n"
    assert ids(dialer, ARCHIVE) == []
    assert not Path("results").exists()
    # Looking is allowed, and so is the way back.
    assert run(["archive", "--lead-ids", "1,2", "--dry-run"]) == 0
    assert run(["archive", "--lead-ids", "1,2", "--ignore-office-hours"]) == 0
    assert ids(dialer, ARCHIVE) == [1, 2]
    assert run(["dearchive", "--lead-ids", "1,2"]) == 0
    assert ids(dialer, ARCHIVE) == []


def moved(
    url: str, stop: Scripted, *said: str, hours: OfficeHours | None = None, **options: Any
) -> ArchiveReport:
    """Archive what is not NEW, five leads a time, a minute after each; see that it says that."""
    told: list[str] = []
    # A Monday, by the server's clock, which goes on as the script's does.
    began = datetime(2026, 11, 23, 7, 57)
    watchers = Watchers(
        say=told.append,
        stop=stop,
        monotonic=stop.monotonic,
        read_clock=lambda _connection: Clock(
            began + timedelta(seconds=stop.now - 1000.0), timedelta()
        ),
    )
    request = MoveRequest("archive", rule=ArchiveRule.model_validate({"statuses": "NA,B"}))
    given = ArchiveOptions.model_validate({"chunk_size": 5, "sleep": 60} | options)
    report = move(request, given, Database(url), office_hours=hours, watchers=watchers)
    assert told[1:] == list(said)
    assert ids(url, ARCHIVE) == NOT_NEW[: report.delete_count]
    assert ids(url, LEADS) == sorted(NEW + NOT_NEW[report.delete_count :])
    assert report_in(report.results) == report.model_dump(mode="json")
    return report


@ON_SQLITE
def test_it_stops_when_office_hours_begin(dialer: str) -> None:
    hours = OfficeHours.model_validate({"monday": "08:00-18:00"})
    report = moved(dialer, Scripted(), hours=hours)
    assert (report.stopped, report.exit_code, report.stopped_at) == ("office_hours", 75, 22)
    assert report.ending == "stopped after lead_id 22: office hours are until 18:00"
    assert (report.message, report.delete_count) == (IN_OFFICE_HOURS, 15)
    late = Scripted()
    late.now += 3 * 60
    with pytest.raises(OfficeHoursError, match="condition: office hours are until 18:00"):
        moved(dialer, late, hours=hours)


@ON_SQLITE
def test_it_stops_at_office_hours_while_it_waits(dialer: str, tmp_path: Path) -> None:
    hours = OfficeHours.model_validate({"monday": "08:00-18:00"})
    pause = tmp_path / "pause"
    pause.touch()
    said = f"waiting: pause file {pause} exists"
    report = moved(dialer, Scripted(), said, hours=hours, pause_file=pause)
    assert (report.stopped, report.stopped_at, report.chunks) == ("office_hours", None, 0)
    assert report.ending == "stopped before the first lead: office hours are until 18:00"
    assert report.waited == {f"pause file {pause} exists": 180.0}


@ON_SQLITE
@pytest.mark.parametrize(
    ("options", "ending", "deleted"),
    [
        pytest.param({}, "all leads were looked at", 20, id="done"),
        pytest.param(
            {"run_time": "2m"},
            "stopped after lead_id 15: the run_time of 2m is over",
            10,
            id="run-time",
        ),
        pytest.param(
            {"limit": 7}, "stopped after lead_id 10: the limit of 7 leads is reached", 7, id="limit"
        ),
    ],
)
def test_it_ends_where_it_is_told_to(
    options: dict[str, Any], ending: str, deleted: int, dialer: str
) -> None:
    report = moved(dialer, Scripted(), **options)
    assert (report.ending, report.delete_count, report.exit_code) == (ending, deleted, 0)


@ON_SQLITE
def test_a_pause_file_is_waited_for_each_time_anew(dialer: str, tmp_path: Path) -> None:
    pause = tmp_path / "pause"

    def comes_and_goes(stop: Scripted) -> None:
        if stop.waits in {1, 6}:
            pause.touch()
        if stop.waits in {3, 8}:
            pause.unlink()

    said = f"waiting: pause file {pause} exists"
    report = moved(dialer, Scripted(comes_and_goes), said, said, pause_file=pause)
    assert (report.stopped, report.delete_count) == ("done", 20)
    assert report.waited == {said.removeprefix("waiting: "): 4.0}


@pytest.mark.engines("innodb")
def test_a_wait_is_told_once_whatever_the_load_is_by_now(dialer: str) -> None:
    said = "waiting: Questions is "
    told: list[str] = []
    stop = Scripted(lambda _stop: time.sleep(0.4))
    watchers = Watchers(say=told.append, stop=stop, monotonic=stop.monotonic)
    options = ArchiveOptions.model_validate({"max_load": {"Questions": 0}, "run_time": 4})
    request = MoveRequest("archive", rule=ArchiveRule.model_validate({"statuses": "NA,B"}))
    report = move(request, options, Database(dialer), watchers=watchers)
    assert [line.startswith(said) for line in told] == [False, True]
    assert report.waited == {"Questions more than 0": 4.0}
    assert report.options == {"max_load": {"Questions": 0}, "run_time": "4s"}


@ON_SQLITE
def test_the_clock_of_the_server_may_be_set_for_summer(dialer: str) -> None:
    """At 2:00 it shows 3:00, so that office hours from 8:00 begin five hours later."""
    stop = Scripted()
    midnight = datetime(2026, 3, 29)

    def read(_connection: Connection) -> Clock:
        passed = timedelta(seconds=stop.now - 1000.0)
        ahead = timedelta(hours=1 if passed < timedelta(hours=2) else 2)
        return Clock(midnight + passed + ahead - timedelta(hours=1), ahead)

    hours = OfficeHours.model_validate({"sunday": "08:00-18:00"})
    watchers = Watchers(stop=stop, monotonic=stop.monotonic, read_clock=read)
    request = MoveRequest("archive", rule=ArchiveRule.model_validate({"statuses": "NA,B"}))
    options = ArchiveOptions.model_validate({"chunk_size": 1, "sleep": "30m"})
    report = move(request, options, Database(dialer), office_hours=hours, watchers=watchers)
    assert (report.stopped, report.chunks) == ("office_hours", 14)


@ON_SQLITE
def test_a_failure_in_the_middle_is_reported_with_its_place(dialer: str) -> None:
    def fail(stop: Scripted) -> None:
        if stop.waits == 2:
            database.run(dialer, f"ALTER TABLE {ARCHIVE} RENAME TO gone")
        if stop.waits > 2:
            pytest.fail("it went on")

    request = MoveRequest("archive", rule=ArchiveRule.model_validate({"statuses": "NA,B"}))
    options = ArchiveOptions.model_validate({"chunk_size": 5, "sleep": 1})
    watchers = Watchers(stop=Scripted(fail))
    report = move(request, options, Database(dialer), Path("out"), watchers=watchers)
    assert (report.stopped, report.exit_code, report.stopped_at) == ("error", 78, 15)
    assert report.unfinished == (16, 22)
    assert report.ending.startswith(
        "stopped in the chunk from lead_id 16 to 22: the SQLite database "
    )
    assert "`leadloader init` makes the tables on an empty one" in report.ending
    assert report.message == report.why
    assert report_in("out")["chunks"] == len(rows_in(Path("out") / "chunks.csv")) == 2


def fill_up(file: Path) -> None:
    """Let the disk be full for a file that this process has open, or for one that is to come."""
    with Path("/dev/full").open("w") as full:
        for each in Path("/proc/self/fd").iterdir():
            if each.is_symlink() and each.readlink() == file.resolve():
                os.dup2(full.fileno(), int(each.name))
    if not file.exists():
        file.symlink_to("/dev/full")


@ON_SQLITE
@pytest.mark.parametrize("name", ["moved.csv", "chunks.csv", "stayed.csv"])
def test_a_full_disk_ends_it_and_is_told(name: str, dialer: str) -> None:
    held = [{"lead_id": 18, "status": "READY", "list_id": 101}]
    database.fill(dialer, {"vicidial_hopper": held})

    def fail(stop: Scripted) -> None:
        if stop.waits == 2:
            fill_up(Path("out") / name)

    request = MoveRequest("archive", rule=ArchiveRule.model_validate({"statuses": "NA,B"}))
    options = ArchiveOptions.model_validate({"chunk_size": 5, "sleep": 1})
    watchers = Watchers(stop=Scripted(fail))
    report = move(request, options, Database(dialer), Path("out"), watchers=watchers)
    assert (report.stopped, report.exit_code) == ("error", 74)
    # A lead that stays is noted before its chunk is moved.
    last = 15 if name == "stayed.csv" else 24
    assert report.ending == (
        f"stopped after lead_id {last}: results folder out: No space left on device"
    )
    assert report.delete_count == len(ids(dialer, ARCHIVE)) == (10 if last == 15 else 15)
    assert report_in("out") == report.model_dump(mode="json")
    told_of = {"moved.csv": 10, "chunks.csv": 15, "stayed.csv": 10}[name]
    if name != "moved.csv":
        assert len(rows_in(Path("out") / "moved.csv")) == told_of


@ON_SQLITE
@pytest.mark.parametrize("name", [".summary.txt", ".summary.json"])
def test_a_summary_that_cannot_be_written_is_shown(name: str, dialer: str) -> None:
    def fail(stop: Scripted) -> None:
        if stop.waits == 1:
            fill_up(Path("out") / name)

    request = MoveRequest("archive", rule=ArchiveRule.model_validate({"statuses": "NA,B"}))
    options = ArchiveOptions.model_validate({"chunk_size": 5, "sleep": 1})
    watchers = Watchers(stop=Scripted(fail))
    report = move(request, options, Database(dialer), Path("out"), watchers=watchers)
    assert (report.exit_code, report.moved, report.delete_count) == (74, 20, 20)
    assert report.ending == (
        "stopped after lead_id 30: results folder out: No space left on device; "
        "the summary was not written"
    )


@ON_SQLITE
def test_signals_are_heeded_while_no_lead_is_found(
    dialer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "WINDOW", 5)
    database.run(dialer, f"UPDATE {LEADS} SET status = 'NEW' WHERE lead_id < 25")
    stop, shares = Scripted(), []

    def progress(_stage: str, _leads: int, share: float) -> None:
        shares.append(share)
        stop.signal = "SIGTERM" if len(shares) == 2 else None

    watchers = Watchers(stop=stop, progress=progress)
    request = MoveRequest("archive", rule=ArchiveRule.model_validate({"statuses": "NA,B"}))
    report = move(request, ArchiveOptions(), Database(dialer), watchers=watchers)
    assert len(shares) == 2
    assert shares[-1] < 0.5
    assert report.ending == "stopped before the first lead: SIGTERM came"
    assert ids(dialer, ARCHIVE) == []


@ON_SQLITE
@pytest.mark.parametrize("number", CAUGHT)
def test_a_signal_before_the_first_chunk_ends_it_at_once(
    number: signal.Signals, dialer: str
) -> None:
    request = MoveRequest("archive", rule=ArchiveRule.model_validate({"statuses": "NA,B"}))
    for dry_run in (True, False):
        with Stop() as stop:
            watchers = Watchers(say=lambda _: signal.raise_signal(number), stop=stop)
            with pytest.raises(Interrupted):
                move(request, ArchiveOptions(dry_run=dry_run), Database(dialer), watchers=watchers)
    assert ids(dialer, ARCHIVE) == []
    assert list(Path("results").iterdir()) == []


@pytest.mark.engines("myisam")
def test_a_dry_run_that_takes_long_can_be_ended(dialer: str) -> None:
    engine = create_engine(dialer)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"LOCK TABLES {LEADS} WRITE")
        process = Warm(
            "archive", "--statuses", "NA", "--dry-run", "--database", dialer, "--results", "out",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while not Path("out").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)
    engine.dispose()
    assert process.returncode == 143
    assert said[1].endswith("leadloader: SIGTERM came; the same command goes on from here\n")
    assert not Path("out").exists()


@pytest.mark.sample(1)
@ON_SQLITE
@pytest.mark.parametrize(
    ("flag", "limit", "code"), [("--json", "100", 0), ("--sleep=0", "100", 0), ("--json", "0", 64)]
)
@pytest.mark.engines("sqlite")  # it is the process that matters
def test_a_reader_that_leaves_changes_nothing(
    flag: str, limit: str, code: int, dialer: str
) -> None:
    process = Warm(
        "archive", "--statuses", "NA,B", "--limit", limit, flag, "--database", dialer,
        "--results", "out",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(timeout=20) == code, said
    assert ("BrokenPipe" in said, "Exception" in said) == (False, False)
    assert ids(dialer, ARCHIVE) == (NOT_NEW if code == 0 else [])


@ON_SQLITE
@pytest.mark.engines("sqlite")  # it is the process that matters
def test_who_does_not_listen_to_messages_ends_nothing(dialer: str) -> None:
    process = started(dialer, program=MAIN)
    assert process.stderr is not None
    process.stderr.close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143
    assert process.stdout is not None
    assert "stopped after lead_id 7: SIGTERM came" in process.stdout.read()
    process.stdout.close()
    assert report_in("out")["stopped"] == "signal"


@ON_SQLITE
@pytest.mark.engines("sqlite")  # it is the process that matters
def test_a_terminal_that_is_gone_ends_it_cleanly(
    dialer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    # With a progress bar, which goes on drawing.
    process = started(dialer, program=MAIN, terminal=theirs)
    os.close(theirs)
    os.close(ours)
    time.sleep(0.5)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=20) == 129
    report = report_in("out")
    assert (report["stopped"], report["stopped_at"]) == ("signal", 7)


@ON_SQLITE
@pytest.mark.engines("sqlite")  # it is the process that matters
def test_data_for_which_there_is_no_space_is_an_error(dialer: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = run_warm(
            "archive", "--statuses", "NA,B", "--json", "--database", dialer, "--results", "out",
            stdout=full,
        )  # fmt: skip
    assert done.returncode == 74
    assert done.stderr.endswith("leadloader: standard output: No space left on device\n")
    assert report_in("out")["moved"] == 20


def started(
    url: str, *flags: str, program: str = PROGRAM, terminal: int | None = None
) -> "subprocess.Popen[str]":
    """Start an archive of chunks of 5 leads that sleeps after the first."""
    arguments = ["archive", "--statuses", "NA,B", "--chunk-size", "5", "--sleep", "60"]
    process = Warm(
        *arguments, "--database", url, "--results", "out", *flags, program=program,
        stdout=terminal or subprocess.PIPE, stderr=terminal or subprocess.PIPE, text=True,
    )  # fmt: skip
    chunks, deadline = Path("out") / "chunks.csv", time.monotonic() + 30
    while not chunks.exists() or chunks.read_text("utf-8").count("\n") < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


@pytest.mark.sample(1)
@ON_SQLITE
@pytest.mark.parametrize(
    ("number", "code", "flag"),
    [
        (signal.SIGTERM, 143, "--quiet"),
        (signal.SIGINT, 130, "--json"),
        (signal.SIGHUP, 129, "--quiet"),
    ],
)
@pytest.mark.engines("sqlite")  # it is the process that matters
def test_a_signal_ends_it_cleanly(
    number: signal.Signals, code: int, flag: str, dialer: str
) -> None:
    process = started(dialer, flag)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert f"leadloader: stopped after lead_id 7: {number.name} came\n" in err
    assert ids(dialer, ARCHIVE) == NOT_NEW[:5]
    assert report_in("out")["stopped"] == "signal"
    assert out == ("" if flag == "--quiet" else (Path("out") / "summary.json").read_text("utf-8"))


@ON_SQLITE
def test_what_was_done_can_be_read_after_a_kill_and_completed(dialer: str) -> None:
    process = started(dialer, "--quiet")
    process.kill()
    process.communicate()
    (chunk,) = rows_in(Path("out") / "chunks.csv")
    assert (chunk["last_lead_id"], chunk["delete_count"]) == ("7", "5")
    assert rows_in(Path("out") / "stayed.csv") == []
    # The very same command.
    again = ["archive", "--statuses", "NA,B", "--database", dialer, "--quiet", "--results", "out"]
    assert run(again) == 0
    assert (ids(dialer, LEADS), ids(dialer, ARCHIVE)) == (NEW, NOT_NEW)
    moved = [*rows_in(Path("out") / "moved.1.csv"), *rows_in(Path("out") / "moved.csv")]
    assert [int(row["lead_id"]) for row in moved] == NOT_NEW
    # Once more: whoever was killed at the very end cannot know that all was done.
    assert run(again) == 0
    assert (report_in("out")["moved"], rows_in(Path("out") / "moved.csv")) == (0, [])
    assert len(rows_in(Path("out") / "moved.2.csv")) == len(NOT_NEW) - 5
    assert json.loads((Path("out") / "summary.2.json").read_text("utf-8"))["moved"] > 0
    # But not another command.
    assert run([*again, "--lists", "101"]) == 64


@pytest.mark.engines("sqlite", "innodb")
def test_quiet_says_why_it_ended_early(dialer: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--statuses", "NA,B", "--limit", "3", "--quiet", "--database", dialer]
    assert run(["archive", *flags]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "leadloader: stopped after lead_id 4: the limit of 3 leads is reached\n"


@pytest.mark.engines("sqlite", "myisam")
def test_a_dry_run_writes_nothing(
    dialer: str, read_only_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    held = [{"lead_id": 3, "status": "READY", "list_id": 101}]
    database.fill(dialer, {"vicidial_hopper": held})
    flags = ["--database", read_only_url, "--campaigns", "SALES", "--dry-run", "--results"]
    assert run(["archive", *flags, "out"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "29 leads would be archived; nothing was written" in said
    assert "101 Spring SALES 29" in said
    assert "B 10 NA 9 NEW 10" in said
    assert "HELD vicidial_hopper 1" in said
    assert sorted(path.name for path in Path("out").iterdir()) == ["summary.json", "summary.txt"]
    assert run(["archive", *flags, "json", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["preview"]["by_list"] == [
        {"list_id": 101, "list_name": "Spring", "campaign_id": "SALES", "leads": 29}
    ]
    assert report["message"] == "a dry run: nothing was written"
    assert ids(dialer, LEADS) == list(range(1, 31))


@ON_SQLITE
def test_a_dry_run_tells_limit_steps_and_tables(
    dialer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    database.run(dialer, "CREATE TABLE custom_101 (lead_id INTEGER PRIMARY KEY, color TEXT)")
    flags = ["--database", dialer, "--statuses", "NA", "--limit", "3", "--no-delete"]
    assert run(["archive", *flags, "--with-children", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "10 leads would be copied; the limit takes 3 of them; nothing was written" in said
    assert re.search(r"^tables that would be made: .*custom_101_archive$", said, re.MULTILINE)
    assert run(["archive", *flags, "--no-dry-run"]) == 0
    assert ids(dialer, ARCHIVE) == [3, 6, 9]


@ON_SQLITE
def test_a_dry_run_does_not_list_lead_by_lead(
    dialer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["archive", "--database", dialer, "--statuses", "NA", "--quiet"]) == 0
    again = [
        {"lead_id": 100 + n, "list_id": 101, "phone_number": str(7275550000 + n),
         "entry_date": "2026-06-01 09:00:00", "status": "NEW"}
        for n in (3, 6, 9)
    ]  # fmt: skip
    database.fill(dialer, {LEADS: again})
    assert run(["dearchive", "--database", dialer, "--statuses", "NA", "--dry-run", "--json"]) == 0
    preview = json.loads(capsys.readouterr().out)["preview"]
    assert preview["leads"] == 7
    assert preview["spared"] == [{"why": "LOADED_ANEW", "details": "as a later lead", "leads": 3}]


@ON_SQLITE
def test_an_archive_that_is_missing_is_made_if_it_may(
    dialer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    database.run(dialer, f"DROP TABLE {ARCHIVE}")
    flags = ["--database", dialer, "--lead-ids", "1", "--results"]
    assert run(["archive", *flags, "dry", "--dry-run"]) == 0
    assert f"tables that would be made: {ARCHIVE}\n" in capsys.readouterr().out
    assert run(["archive", *flags, "a", "--no-create-tables"]) == 78
    assert not Path("a").exists()
    assert run(["archive", *flags, "b"]) == 0
    assert report_in("b")["made"] == [ARCHIVE]
    assert ids(dialer, ARCHIVE) == [1]


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from jobs.cli.main import run; code = run(['dearchive', '--help']);"
        "heavy = {'pandas', 'pyarrow', 'numpy', 'sqlalchemy', 'phonenumbers'};"
        "sys.exit(code or ','.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "--loaded-anew leave|take" in done.stdout

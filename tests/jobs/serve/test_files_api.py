"""Files over HTTP: sent, checked, loaded, asked for; and who may not."""

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
import requests

from jobs.load.request import LoadRequest
from jobs.serve.access.logins import Caller, Logins, RefusedError
from jobs.serve.access.users import Attempts, UserDirectory
from jobs.serve.files import uploads
from jobs.serve.files import work as file_work
from jobs.serve.files.job import FileJob, JobRecords
from jobs.serve.files.options import SETTABLE, options_of, read_parameters
from jobs.settings.settings import Settings
from loader.database.connection import Database
from loader.errors import DatabaseUnavailableError, UsageError
from loader.writing.leads import LeadInserter
from tests.support.file_service import Service, add_list, add_user, insert_row, serving
from tests.support.loads import leads

ROWS = "phone_number,first_name,list_id\n7275551001,Ann,101\n7275551002,Bob,101\n12,Cat,101\n"


@pytest.fixture
def service(database: Database, database_url: str, tmp_path: Path) -> Iterator[Service]:
    add_user(database)
    add_list(database, 101, name="Spring")
    with serving(database_url, tmp_path) as service:
        yield service


@pytest.mark.engines("sqlite", "innodb")
def test_a_file_is_checked_and_then_loaded(service: Service, database: Database) -> None:
    sent = service.send(ROWS)
    assert sent.json()["state"] in {"waiting", "running"}
    state = service.ended(sent)
    assert (state["state"], state["rows_read"], state["loaded"]) == ("done", 3, 2)
    assert (state["job"], state["file"]) == ("validate", "leads.csv")
    assert leads(database, "first_name") == []
    loaded = service.ended(service.send(ROWS, "import"))
    assert (loaded["state"], loaded["loaded"], loaded["rejected"]) == ("done", 2, 1)
    assert leads(database, "first_name", "list_id", "user") == [
        ("Ann", "101", "6666"), ("Bob", "101", "6666"),
    ]  # fmt: skip
    again = service.ended(service.send(ROWS, "import"))
    assert (again["state"], again["loaded_before"]) == ("failed", True)
    assert loaded["ledger_run"] == again["ledger_run"]
    assert "loaded already" in again["message"]
    assert service.ended(service.send(ROWS, "import", again="Y"))["loaded"] == 2


def test_a_form_has_the_file_and_its_options(service: Service, database: Database) -> None:
    rows = "Tel;Name\n7275551001;Ann Lee\n"
    sent = service.ask(
        "POST", "/api/files", files={"file": ("März.csv", rows.encode("utf-8"))},
        data={"job": "import", "map": ["phone_number=Tel", "first_name+last_name=Name"],
              "force_list_id": "101"},
    )  # fmt: skip
    state = service.ended(sent)
    assert (state["state"], state["file"]) == ("done", "März.csv")
    found = leads(database, "phone_number", "first_name", "last_name", "list_id")
    assert found == [("7275551001", "Ann", "Lee", "101")]


def test_results_can_be_had_and_are_harmless(service: Service) -> None:
    state = service.ended(service.send(ROWS, file_name='a"b\r\nX: y.csv'))
    assert [*state["files"]] == ["summary.json", "report.html", "rejected.csv", "loaded.csv"]
    for name, address in state["files"].items():
        found = service.ask("GET", address)
        assert found.status_code == 200
        headers = found.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "sandbox" in headers["Content-Security-Policy"]
        assert "X" not in headers
        kind = "inline" if name == "report.html" else "attachment"
        assert headers["Content-Disposition"].startswith(kind)
    rejected = service.ask("GET", state["files"]["rejected.csv"]).text
    assert "INVALID_PHONE_NUMBER_LENGTH" in rejected
    summary = service.ask("GET", state["files"]["summary.json"]).json()
    assert summary["file"]["name"] == state["file"]
    for name in ("job.json", ".work", "changes.csv", "..%2f..%2fleads.sqlite"):
        address = state["files"]["summary.json"].replace("summary.json", name)
        assert service.ask("GET", address).status_code == 404


def test_files_that_were_sent_are_private(service: Service) -> None:
    service.ended(service.send(ROWS))
    for path in [service.folder / ".uploads", *(service.folder / ".uploads").rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize(
    ("columns", "status"),
    [
        ({"pass": "another"}, 401), ({"active": "N"}, 401), ({"user_level": 6}, 401),
        ({"modify_leads": "0"}, 403), ({"api_allowed_functions": "version"}, 403),
        ({"vdc_agent_api_access": "0"}, 403), ({}, 202),
    ],
)  # fmt: skip
@pytest.mark.engines("sqlite")
def test_who_may_send_files(
    database: Database, database_url: str, tmp_path: Path, columns: dict[str, object], status: int
) -> None:
    add_user(database, **columns)
    with serving(database_url, tmp_path) as service:
        sent = service.send(ROWS)
    assert sent.status_code == status
    assert ("WWW-Authenticate" in sent.headers) == (status == 401)
    assert (service.folder / ".uploads").exists() == (status == 202)


def test_nobody_and_a_key_that_is_not_known_are_refused(service: Service) -> None:
    class Key(requests.auth.AuthBase):
        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = "Key=abc"
            return request

    assert service.send(ROWS).status_code == 202
    assert service.ask("POST", "/api/files", data=ROWS, auth=Key()).status_code == 401
    assert requests.post(service.address + "/api/files", data=ROWS, timeout=9).status_code == 401


def test_who_has_a_key_loads_as_the_user_of_the_settings(database: Database) -> None:
    holder = Caller("key:shop", "")
    logins = Logins(
        UserDirectory(database, 0), Attempts(), find_key={"abc": holder}.get,
    )  # fmt: skip
    assert logins.by_header("Key=abc", "127.0.0.1") == holder
    with pytest.raises(RefusedError, match="no such key"):
        logins.by_header("key=abd", "127.0.0.1")
    settings = Settings(user="6666")
    assert options_of(settings, {}, holder.user).user == "6666"
    assert options_of(settings, {}, "7777").user == "7777"


def test_wrong_passwords_are_slowed_down(service: Service) -> None:
    service.login = ("6666", "wrong")
    statuses = [service.send(ROWS).status_code for _ in range(7)]
    assert statuses == [401, 401, 401, 401, 401, 429, 429]
    assert int(service.send(ROWS).headers["Retry-After"]) >= 1


def test_files_of_others_are_not_there(service: Service, database: Database) -> None:
    add_user(database, "7777")
    sent = service.send(ROWS)
    service.ended(sent)
    service.login = ("7777", "secret")
    for path in ("", "/summary.json"):
        assert service.ask("GET", sent.headers["Location"] + path).status_code == 404
    assert service.ask("POST", sent.headers["Location"]).status_code == 404


def test_a_page_of_another_site_cannot_send_with_the_password_that_the_browser_knows(
    service: Service,
) -> None:
    for headers in (
        {"Origin": "https://example.com"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"},
    ):  # fmt: skip
        assert service.ask("POST", "/api/files", data=ROWS, headers=headers).status_code == 403
    assert service.ask("POST", "/api/files", data=ROWS, headers={"Origin": service.address}).ok


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"mapping_file": "/etc/passwd"}, "a request may not set it"),
        ({"feed": "x=/etc/passwd"}, "a request may not set it"),
        ({"user": "7777"}, "a request may not set it"),
        ({"max_file_size": "9999"}, "a request may not set it"),
        ({"workers": "64"}, "a request may not set it"),
        ({"results": "elsewhere"}, "there is no such option"),
        ({"list_idd": "101"}, "did you mean list_id?"),
        ({"list_id": "12"}, "list_id: "),
        ({"list_id": ["101", "102"]}, "it is given twice"),
        ({"map": "phone_number"}, "write it as FIELD=VALUE"),
        ({"duplicate_check": "DUPALL"}, "duplicate_check"),
        ({"job": "erase"}, "give validate or import"),
        ({"again": "yes"}, "give Y or N"),
    ],
)  # fmt: skip
def test_options_that_a_request_cannot_have(
    service: Service, parameters: dict[str, object], words: str
) -> None:
    sent = service.send(ROWS, **parameters)
    assert (sent.status_code, words in sent.json()["error"]) == (400, True), sent.text
    assert not list((service.folder / ".uploads").iterdir())


def test_no_option_that_names_a_file_can_be_set() -> None:
    assert not {"mapping_file", "feed", "user", "max_file_size", "connections"} & {*SETTABLE}
    assert {"list_id", "duplicate_check", "map", "encoding", "max_reject_rate"} <= {*SETTABLE}


def test_parameters_become_options() -> None:
    pairs = [("map", "email="), ("map", "city=Town"), ("date_format", "%d.%m.%Y"),
             ("date_format", "%Y%m%d"), ("list_id", ""), ("dnc_check", "Y")]  # fmt: skip
    assert read_parameters(pairs) == {
        "map": {"email": "", "city": "Town"}, "date_format": ["%d.%m.%Y", "%Y%m%d"],
        "dnc_check": "Y",
    }  # fmt: skip
    with pytest.raises(UsageError, match="twice"):
        read_parameters([("map", "city=A"), ("map", "city=B")])


def test_lists_that_the_user_may_not_load_into(service: Service, database: Database) -> None:
    insert_row(database, "vicidial_user_groups",
               {"user_group": "FEW", "allowed_campaigns": " SALES - "})  # fmt: skip
    add_user(database, "7777", api_list_restrict="1", user_group="FEW")
    add_list(database, 202, "OTHER")
    service.login = ("7777", "secret")
    rows = ROWS + "7275551003,Dan,202\n"
    state = service.ended(service.send(rows, "import"))
    assert (state["loaded"], state["rejected"]) == (2, 2)
    rejected = service.ask("GET", state["files"]["rejected.csv"]).text
    assert "NOT_AN_ALLOWED_LIST_ID" in rejected


@pytest.mark.parametrize("content", ["", b"\x00\x01\x02" * 50, "a\n\n\n"])
def test_files_that_are_none(service: Service, content: str | bytes) -> None:
    sent = service.send(content)
    if content:
        state = service.ended(sent)
        assert state["state"] == "failed"
        assert state["message"].startswith("leads.csv: ")
        assert str(service.folder) not in state["message"]
    else:
        assert (sent.status_code, sent.json()["error"][:23]) == (400, "the request has no file")
        form = service.ask("POST", "/api/files", files={"other": ("a.csv", ROWS)})
        assert "the form has no file: the field file has to have one" in form.text


@pytest.mark.engines("sqlite")
def test_a_file_that_is_too_large(database: Database, database_url: str, tmp_path: Path) -> None:
    add_user(database)
    with serving(database_url, tmp_path, max_file_size=1) as service:
        assert service.send("x" * 1_200_000).status_code == 413
        chunks = iter([b"x" * 600_000] * 2)
        sent = service.ask("POST", "/api/files", data=chunks)
        assert sent.status_code == 413
        assert not list((service.folder / ".uploads").iterdir())
        form = {"file": ("a.csv", "x" * 1_200_000)}
        assert service.ask("POST", "/api/files", files=form).status_code == 413


@pytest.mark.engines("sqlite")
def test_a_full_queue_says_when_to_come_again(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database)
    with serving(database_url, tmp_path, serve={"file_queue": 1}) as service:
        sent = [service.send(ROWS + f"727555{number},X,101\n") for number in range(2000, 2012)]
        statuses = [each.status_code for each in sent]
        assert {*statuses} == {202, 503}
        full = sent[statuses.index(503)]
        assert int(full.headers["Retry-After"]) > 0
        for each in sent:
            if each.status_code == 202:
                assert service.ended(each)["state"] == "done"
        kept = len(list((service.folder / ".uploads").iterdir()))
        assert kept == statuses.count(202)


@pytest.mark.engines("sqlite")
def test_old_files_are_removed_and_results_stay(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_user(database)
    with serving(database_url, tmp_path) as service:
        state = service.ended(service.send(ROWS))
        (folder,) = (service.folder / ".uploads").iterdir()
        os.utime(folder, (0, 0))
        monkeypatch.setattr(uploads, "MOST_UPLOADS", 1)
        # There is room again as soon as the old one has gone.
        assert service.ended(service.send(ROWS))["state"] == "done"
        assert not folder.exists()
        assert service.send(ROWS).status_code == 503
        assert service.ask("GET", state["files"]["summary.json"]).ok


@pytest.mark.engines("sqlite")
def test_what_has_ended_is_known_after_a_restart(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database)
    with serving(database_url, tmp_path) as service:
        before = service.ended(service.send(ROWS, "import"))
    with serving(database_url, tmp_path) as service:
        after = service.ask("GET", f"/api/files/{before['run']}").json()
        assert after == before
        assert service.ask("GET", after["files"]["rejected.csv"]).ok


MANY = 400
SLOW = {"batch_size": 20, "pace": "gentle"}


def many_rows() -> str:
    numbers = "".join(f"727555{number},101\n" for number in range(1000, 1000 + MANY))
    return f"phone_number,list_id\n{numbers}"


def wait_for_leads(database: Database) -> int:
    """Wait until some of the leads are in, and not all."""
    for _ in range(3000):
        count = len(leads(database, "lead_id"))
        if count:
            return count
        time.sleep(0.01)
    raise TimeoutError


@pytest.mark.engines("sqlite", "innodb")
def test_a_service_that_is_told_to_end_completes_the_import_after_its_next_start(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database)
    with serving(database_url, tmp_path, **SLOW) as service:
        sent = service.send(many_rows(), "import", list_exists_check="N")
        assert 0 < wait_for_leads(database) < MANY
    count = len(leads(database, "lead_id"))
    assert count < MANY
    with serving(database_url, tmp_path) as service:
        state = service.ended(sent)
    assert (state["state"], state["loaded"]) == ("done", MANY)
    assert len({*leads(database, "phone_number")}) == len(leads(database, "lead_id")) == MANY


@pytest.mark.engines("sqlite", "innodb")
def test_a_service_that_was_killed_completes_the_import_after_its_next_start(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database)
    config = tmp_path / "leadloader.toml"
    config.write_text('batch_size = 20\npace = "gentle"\nresults = "results"\n')
    command = [sys.executable, "-m", "leadloader", "serve", "--port", "0"]
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[3]), "LEADLOADER_DATABASE": database_url,
    }  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr
        address = process.stderr.readline().split()[-1]
        service = Service(address, tmp_path / "results")
        sent = service.send(many_rows(), "import")
        assert 0 < wait_for_leads(database) < MANY
        process.kill()
    with serving(database_url, tmp_path) as service:
        state = service.ended(sent)
        assert (state["state"], state["loaded"]) == ("done", MANY)
        assert len({*leads(database, "phone_number")}) == len(leads(database, "lead_id")) == MANY
        # The same file again is the same load.
        assert service.ended(service.send(many_rows(), "import"))["loaded_before"]


@pytest.mark.engines("sqlite")
def test_an_import_that_was_done_when_the_service_was_killed_is_not_done_again(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database)
    with serving(database_url, tmp_path) as service:
        state = service.ended(service.send(ROWS, "import", again="Y"))
    record = service.folder / state["run"] / "job.json"
    kept = json.loads(record.read_text("utf-8")) | {"state": "running", "ended": None}
    for in_ledger, known in (("done", "done"), ("undone", "failed")):
        statement = f"UPDATE leadloader_runs SET state = '{in_ledger}'"
        database.write(lambda it, statement=statement: it.exec_driver_sql(statement))
        record.write_text(json.dumps(kept | {"loaded": None}))
        with serving(database_url, tmp_path) as service:
            after = service.end_of(f"/api/files/{state['run']}")
        assert after["state"] == known
        assert len(leads(database, "lead_id")) == 2


@pytest.mark.engines("sqlite")
def test_an_import_that_lost_its_database_goes_on_when_it_is_asked_to(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_user(database)
    real, lost = LeadInserter.insert, [0]

    def insert(self: LeadInserter, *arguments: object) -> object:
        lost[0] += 1
        if lost[0] == 3:
            raise DatabaseUnavailableError("the database does not answer")
        return real(self, *arguments)

    monkeypatch.setattr(LeadInserter, "insert", insert)
    with serving(database_url, tmp_path, batch_size=20) as service:
        state = service.ended(service.send(many_rows(), "import"))
        assert (state["state"], "POST to its address" in state["message"]) == ("unfinished", True)
        assert 0 < len(leads(database, "lead_id")) < MANY
        assert str(tmp_path) not in state["message"]
        done = service.ended(service.ask("POST", f"/api/files/{state['run']}"))
        assert (done["state"], done["loaded"], done["message"]) == ("done", MANY, "")
        refused = service.ask("POST", f"/api/files/{state['run']}")
        assert refused.status_code == 400
        assert refused.json()["error"] == "the job is done: only an unfinished import goes on"
    assert len({*leads(database, "phone_number")}) == len(leads(database, "lead_id")) == MANY


def test_a_job_that_fails_for_a_bug_says_no_more_than_its_place(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_request: object) -> None:
        raise ZeroDivisionError("Ann 7275551001")

    monkeypatch.setattr(file_work, "load", fail)
    state = service.ended(service.send(ROWS))
    assert (state["state"], "a bug in leadloader" in state["message"]) == ("failed", True)
    assert "Ann" not in state["message"]


@pytest.mark.engines("sqlite")
def test_a_job_whose_end_cannot_be_written_down_goes_on_later(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_user(database)
    real = JobRecords.write

    def write(self: JobRecords, job: FileJob) -> None:
        if job.state == "done":
            raise OSError(28, "No space left on device")
        real(self, job)

    with serving(database_url, tmp_path) as service:
        with monkeypatch.context() as scripted:
            scripted.setattr(JobRecords, "write", write)
            state = service.ended(service.send(ROWS, "import"))
        assert state["state"] == "unfinished"
        assert "cannot be written down" in state["message"]
        done = service.ended(service.ask("POST", f"/api/files/{state['run']}"))
    assert (done["state"], done["loaded"]) == ("done", 2)
    assert len(leads(database, "lead_id")) == 2


@pytest.mark.engines("sqlite")
def test_a_check_is_begun_anew_after_the_next_start(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Event()

    def check_for_ever(request: LoadRequest) -> None:
        while True:
            request.watchers.progress("check", 1, 0.1)
            begun.set()
            time.sleep(0.01)

    add_user(database)
    with monkeypatch.context() as scripted:
        scripted.setattr(file_work, "load", check_for_ever)
        with serving(database_url, tmp_path) as service:
            sent = service.send(ROWS)
            assert begun.wait(60)
            state = service.ask("GET", sent.headers["Location"]).json()
            assert (state["state"], state["stage"], state["share"]) == ("running", "check", 0.1)
    with serving(database_url, tmp_path) as service:
        assert service.ended(sent)["state"] == "done"


def test_a_file_of_which_too_much_is_rejected_has_results(
    service: Service, database: Database
) -> None:
    state = service.ended(service.send(ROWS, "import", max_reject_rate="0.1"))
    assert (state["state"], state["rows_read"]) == ("failed", None)
    assert "1 of 3 rows" in state["message"]
    assert str(service.folder) not in state["message"]
    assert "INVALID_PHONE_NUMBER_LENGTH" in service.ask("GET", state["files"]["rejected.csv"]).text
    assert leads(database, "lead_id") == []

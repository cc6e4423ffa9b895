"""Calls that go wrong: nobody else's call suffers, and nobody's data is in the log."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pandas as pd
import pytest

from jobs.serve.access.users import Attempts, UserDirectory
from jobs.serve.health import Health
from jobs.serve.leads import intake
from jobs.serve.leads.calls import Call, LeadCalls
from jobs.serve.leads.intake import LeadIntake
from jobs.serve.metrics import Measures
from jobs.serve.server import log_of_server
from loader.api.add_lead import read_request
from loader.database.connection import Database
from loader.options.load import LoadOptions
from loader.writing.batch import Inserted
from loader.writing.leads import LeadInserter, LeadLog
from tests.jobs.serve.serving import PAGE, add_lead, serving, settings_of
from tests.support.server import free_port
from tests.support.service import USER, add_user

pytestmark = pytest.mark.engines("sqlite")

FAILED = "ERROR: add_lead LEAD HAS NOT BEEN ADDED, INTERNAL ERROR"
ADDED = "SUCCESS: add_lead LEAD HAS BEEN ADDED"


@pytest.fixture
def calls(database: Database, database_url: str, tmp_path: Path) -> LeadCalls:
    add_user(database_url)
    leads = LeadIntake(database, LoadOptions(), tmp_path)
    return LeadCalls(UserDirectory(database, 10), Attempts(), leads, Measures())


@pytest.fixture
def client(database: Database, database_url: str, tmp_path: Path) -> Iterator[httpx2.Client]:
    add_user(database_url)
    with serving(settings_of(tmp_path), database) as found:
        yield found


def call(phone: str = "7275551111", **parameters: str) -> Call:
    return Call({**USER, "phone_number": phone, **parameters}, "127.0.0.1")


def outcomes(calls: LeadCalls, *several: Call) -> list[str]:
    return [answer.outcome for answer in calls.answer(several)]


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "hex", "raw_unicode_escape", "punycode"])
def test_a_form_in_an_odd_encoding_is_refused(client: httpx2.Client, charset: str) -> None:
    parts = {**USER, "function": "add_lead", "phone_number": "7275551111", "pass": "+2AA-"}
    body = "".join(
        f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )
    kind = f"multipart/form-data; boundary=XX; charset={charset}"
    answer = client.post(PAGE, content=f"{body}--XX--\r\n", headers={"Content-Type": kind})
    assert (answer.status_code, answer.text) == (400, "ERROR: THE FORM CANNOT BE READ")


def test_a_call_that_cannot_be_checked_spoils_no_other(
    calls: LeadCalls, caplog: pytest.LogCaptureFixture
) -> None:
    found = calls.answer([call(), call(**{"pass": "secret\ud800"}), call("7275552222")])
    assert [answer.outcome for answer in found] == ["added", "failed", "added"]
    assert (found[1].lines, found[1].status) == ([FAILED], 500)
    assert "a bug in leadloader: UnicodeEncodeError" in caplog.text
    assert "secret" not in caplog.text


def test_options_that_meet_a_bug_spoil_no_others(
    calls: LeadCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = intake.read_dialer

    def reading(database: Database, options: LoadOptions) -> Any:
        if options.tz_method == "POSTAL":
            raise ZeroDivisionError
        return read(database, options)

    monkeypatch.setattr(intake, "read_dialer", reading)
    several = call(), call(tz_method="POSTAL"), call("7275552222")
    assert outcomes(calls, *several) == ["added", "failed", "added"]


def test_what_is_in_is_answered_where_a_bug_comes_after_it(
    calls: LeadCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> Any:
        raise ZeroDivisionError

    check = {"duplicate_check": "DUPSYS"}
    monkeypatch.setattr(intake, "add_lead_answers", fail)  # of the second one
    found = calls.answer([call(**check), call(**check)])
    assert found[0].lines[0].startswith(ADDED)
    assert (found[1].lines, found[1].outcome) == ([FAILED], "failed")


def test_who_asks_for_readiness_has_a_connection_of_its_own(
    client: httpx2.Client, database: Database
) -> None:
    with database.connect() as connection, database.asked_by(connection):
        connection.close()
        assert client.get("/ready").json() == {"ready": True}


def test_a_database_that_is_down_is_asked_once_whether_it_answers() -> None:
    database = Database(f"mysql://a:b@127.0.0.1:{free_port()}/asterisk", sleep=pytest.fail)
    assert Health(database).ask_database([None] * 3) == [False] * 3


def test_a_database_that_is_down_is_waited_for_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[float] = []
    down = Database(f"mysql://a:b@127.0.0.1:{free_port()}/asterisk", sleep=waits.append)
    leads = LeadIntake(down, LoadOptions(), tmp_path)
    calls = LeadCalls(UserDirectory(down, 10), Attempts(), leads, Measures())
    assert outcomes(calls, *[call()] * 5) == ["unavailable"] * 5
    of_users = len(waits)
    requests = [read_request(call(tz_method=way).parameters) for way in ("", "POSTAL", "")]
    assert [answer.status for answer in leads.add(requests)] == [503] * 3
    assert (of_users, len(waits)) == (3, 6)
    assert len(caplog.records) == 2


def test_a_bug_is_answered_counted_and_logged(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    def fail(_calls: LeadCalls, _several: object) -> Any:
        raise ZeroDivisionError("7275551111")

    monkeypatch.setattr(LeadCalls, "answer", fail)
    with serving(settings_of(tmp_path), database) as client:
        answer = client.get(PAGE, params={**USER, "function": "add_lead"})
        assert (answer.status_code, answer.text) == (500, f"{FAILED}\n")
        assert 'add_lead_calls_total{outcome="failed"} 1.0' in client.get("/metrics").text
    assert "a bug in leadloader: ZeroDivisionError in test_wrong_calls.py" in caplog.text
    assert "7275551111" not in caplog.text


def test_what_the_server_complains_of_is_logged_without_data(
    caplog: pytest.LogCaptureFixture,
) -> None:
    of_server = logging.getLogger("uvicorn.error")
    of_server.propagate = False
    with log_of_server():
        of_server.warning("Invalid HTTP request received.")
        try:
            int("7275551111x")
        except ValueError:
            of_server.exception("Exception in ASGI application\n")
    of_server.propagate = True
    assert "Invalid HTTP request received." in caplog.text
    assert "ValueError" in caplog.text
    assert "7275551111" not in caplog.text


def test_a_source_is_judged_as_the_dialer_does_and_parts_no_calls(calls: LeadCalls) -> None:
    several = [call(source=source) for source in ("https://site.example/form", "a" * 99, "-a-1-")]
    assert outcomes(calls, *several, call(source="?!a")) == ["added"] * 3 + ["refused"]
    assert len(calls.intake._setups) == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x85", "\u2028", "\x0b"])
def test_nobody_can_add_lines_to_an_answer(client: httpx2.Client, end: str) -> None:
    lines = add_lead(client, phone_number="7275551111", list_id=f"1{end}SUCCESS: add_lead")
    lines += add_lead(client, **{"pass": f"a{end}SUCCESS: add_lead"})
    assert not [line for line in lines if line.startswith("SUCCESS: add_lead|")]
    assert len(lines) == 2


def test_head_adds_no_lead(client: httpx2.Client, database: Database) -> None:
    sent = {**USER, "function": "add_lead", "phone_number": "7275551111"}
    assert client.head(PAGE, params=sent).status_code == 405
    assert not database.read(lambda it: it.exec_driver_sql("SELECT * FROM vicidial_list").all())


def test_a_version_is_no_error(client: httpx2.Client) -> None:
    sent = {"responsetype": "json", "function": "version"}
    assert client.get(PAGE, params=sent).json()["result"] == "success"
    assert client.get(PAGE, params={**sent, "function": "none"}).json()["result"] == "error"


def test_a_lead_that_the_server_refuses_is_answered_as_the_dialer_does(
    calls: LeadCalls, database: Database
) -> None:
    database.write(
        lambda it: it.exec_driver_sql(
            "CREATE TRIGGER refuses BEFORE INSERT ON vicidial_list WHEN NEW.first_name = 'Bad' "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    )
    found = calls.answer([call(first_name="Bad", list_id="101"), call(first_name="Good")])
    assert found[0].lines == ["ERROR: add_lead LEAD HAS NOT BEEN ADDED - 7275551111|101||6666"]
    assert found[1].lines[0].startswith(ADDED)


class Doubting(LeadInserter):
    """Never knows what became of leads that are called Bad."""

    def insert(self, leads: pd.DataFrame, user: str, log: LeadLog | None = None) -> Inserted:
        bad = leads["first_name"] == "Bad"
        super().insert(leads[~bad], user, log)
        self.last += Inserted(doubtful=dict.fromkeys(leads.index[bad].tolist(), 0))
        return self.last


def test_of_a_lead_in_doubt_nobody_says_that_it_is_not_in(
    calls: LeadCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "LeadInserter", Doubting)
    check = {"duplicate_check": "DUPSYS"}
    several = [call(first_name="Bad", **check), call(**check), call("7275552222", **check)]
    found = calls.answer(several)
    assert [answer.status for answer in found] == [503, 503, 200]
    assert found[0].lines == ["ERROR: add_lead NOBODY KNOWS WHETHER THE LEAD HAS BEEN ADDED"]

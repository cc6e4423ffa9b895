"""Files through another dialer's API: the order of calls, lost answers, kills, what cannot be."""

import os
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from loader.errors import (
    ConfigurationError,
    LoadedBeforeError,
    NotAllowedError,
    TargetUnavailableError,
    UsageError,
)
from loader.ledger import calls
from loader.remote.calls import Caller
from loader.signals import Interrupted, Stop
from tests.support.api_dialer import PASSWORD, USER, ApiDialer
from tests.support.http_server import Reply, Request, http_server
from tests.support.loads import outcome_of
from tests.support.sending import Sending
from tests.support.warm import run_warm

Rows = list[dict[str, str]]


def people(count: int, first: int = 0) -> Rows:
    return [
        {"phone_number": f"727555{number:04}", "first_name": f"N{number}", "list_id": "101"}
        for number in range(first, first + count)
    ]


def test_rows_become_leads_of_the_other_dialer(tmp_path: Path) -> None:
    dialer = ApiDialer(dnc=["7275550002"])
    dialer.add("7275550001", "202")
    with http_server(dialer.answer) as server:
        sending = Sending(tmp_path, server.url, concurrency=1)
        rows = [*people(5), {"phone_number": "12", "list_id": "101"}]
        found = sending.send(rows, duplicate_check="DUPSYS", dnc_check="Y")
    assert found.lead_ids == {2: 1002, 5: 1003, 6: 1004}
    assert found.reasons == {
        3: "DUPLICATE_PHONE_NUMBER_IN_SYSTEM", 4: "PHONE_NUMBER_IN_DNC",
        7: "INVALID_PHONE_NUMBER_LENGTH",
    }  # fmt: skip
    assert "lead_id=1001" in found.rejected[3]["details"]
    answered = "ERROR: add_lead DUPLICATE PHONE NUMBER IN SYSTEM - 7275550001|101|1001|202"
    assert found.rejected[3]["add_lead"] == answered
    assert found.summary.database == server.url
    sent = server.requests[0].form
    assert sent == {
        "function": "add_lead", "source": "leadloader", "user": USER, "pass": PASSWORD,
        "duplicate_check": "DUPSYS", "dnc_check": "Y", "phone_number": "7275550000",
        "phone_code": "1", "first_name": "N0", "list_id": "101",
    }  # fmt: skip
    assert sending.ledger.runs()[0].state == "done"
    ledger = Path(str(sending.ledger.database.engine.url.database)).read_bytes()
    assert b"7275550001" not in ledger
    with pytest.raises(LoadedBeforeError):
        sending.send(Path(sending.loads.folder / "leads-1.csv"), duplicate_check="DUPSYS",
                     dnc_check="Y")  # fmt: skip


def test_what_comes_with_a_lead_is_sent_and_its_notices_are_kept(tmp_path: Path) -> None:
    def answer(request: Request) -> Reply:
        lines = [
            "SUCCESS: add_lead LEAD HAS BEEN ADDED - 7275550000|6666|101|55|",
            "7275551212|1|homeNOTICE: add_lead MULTI-ALT-PHONE NUMBERS LOADED - 1|55|6666",
            "NOTICE: add_lead CUSTOM FIELDS VALUES ADDED - 7275550000|55|101|1",
            "NOTICE: add_lead ADDED TO HOPPER - 7275550000|55|7|6666",
            "NOTICE: add_lead SCHEDULED CALLBACK ADDED - "
            "55|SALES|2026-12-03 10:00:00|ANYONE||CALLBK",
        ]
        return Reply("\n".join(lines))

    row = people(1)[0] | {"multi_alt_phones": "7275551212_1_home", "color": "blue", "user": "x"}
    with http_server(answer) as server:
        found = Sending(tmp_path, server.url).send(
            [row], campaign_id="SALES", callback="Y", callback_datetime="3DAYS",
            add_to_hopper="Y", hopper_priority="9", custom_fields="Y",
        )  # fmt: skip
    sent = server.requests[0].form
    names = ("callback", "callback_datetime", "add_to_hopper", "hopper_priority", "color")
    assert [sent[name] for name in names] == ["Y", "3DAYS", "Y", "9", "blue"]
    assert sent["multi_alt_phones"] == "7275551212_1_home"
    assert sent["user"] == USER
    assert found.notices(2) == [
        "ALT_PHONES_LOADED count=1", "CUSTOM_FIELDS_ADDED list_id=101",
        "ADDED_TO_HOPPER hopper_id=7",
        "CALLBACK_ADDED campaign_id=SALES callback_time=2026-12-03 10:00:00 recipient=ANYONE user= "
        "status=CALLBK",
        "NO_TIME_ZONE",
    ]  # fmt: skip


def test_rows_of_one_number_are_sent_in_their_order(tmp_path: Path) -> None:
    dialer, others_are_in = ApiDialer(), threading.Event()

    def answer(request: Request) -> Reply:
        if request.form["first_name"] == "S0":
            # The others overtake it, but for those with its number.
            others_are_in.wait(30)
        reply = dialer.answer(request)
        if len(dialer.leads) == 12:
            others_are_in.set()
        return reply

    same = [{"phone_number": "7275559999", "first_name": f"S{n}"} for n in range(4)]
    others = people(12)
    rows = [others[0], same[0], *others[1:5], *same[1:3], *others[5:], same[3]]
    with http_server(answer) as server:
        found = Sending(tmp_path, server.url, concurrency=4).send(rows)
    assert len(found.loaded) == 16
    names = [lead["first_name"] for lead in dialer.leads]
    assert [name for name in names if name.startswith("S")] == ["S0", "S1", "S2", "S3"]
    assert names.index("S0") == 12
    assert 2 <= server.most_at_once <= 4
    assert server.connections <= 4


def test_the_first_of_a_number_is_the_one_that_a_campaign_check_lets_in(tmp_path: Path) -> None:
    # Which lists are of one campaign the other dialer alone knows.
    dialer = ApiDialer()

    def answer(request: Request) -> Reply:
        dialers = request.body.replace("DUPCAMP", "DUPSYS")
        return dialer.answer(request._replace(body=dialers))

    rows = [{"phone_number": f"727555{n % 5:04}", "list_id": str(101 + n)} for n in range(20)]
    with http_server(answer) as server:
        found = Sending(tmp_path, server.url).send(rows, duplicate_check="DUPCAMP")
    assert sorted(found.loaded) == [2, 3, 4, 5, 6]


def test_duplicates_of_a_row_that_the_dialer_rejects_are_sent_after_it(tmp_path: Path) -> None:
    dialer = ApiDialer()

    def answer(request: Request) -> Reply:
        if request.form["list_id"] == "404":
            words = "NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED"
            return Reply(f"ERROR: add_lead {words} - {request.form['phone_number']}|404")
        return dialer.answer(request)

    rows = [{"phone_number": "7275550001", "list_id": "404"}, *people(3)]
    with http_server(answer) as server:
        found = Sending(tmp_path, server.url).send(
            rows, duplicate_check="DUPSYS", list_exists_check="Y"
        )
    assert found.reasons == {2: "NOT_A_DEFINED_LIST_ID"}
    assert sorted(found.loaded) == [3, 4, 5]


# ---- answers that are late, or lost


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_call_is_made_again_after(status: int, tmp_path: Path) -> None:
    dialer = ApiDialer()

    def answer(request: Request) -> Reply:
        if request.number in {2, 3, 5}:
            return Reply("Sorry", status, {"Retry-After": "0"})
        return dialer.answer(request)

    with http_server(answer) as server:
        found = Sending(tmp_path, server.url).send(people(6))
    assert len(found.loaded) == len(dialer.leads) == 6
    again = ["duplicate_check" in request.form for request in server.requests]
    # 429 says that nothing was done.
    assert any(again) == (status != 429)


def test_a_server_is_left_alone_as_long_as_it_wishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialer = ApiDialer()
    wishes = ["7", "99999", "Fri, 31 Dec 1999 23:59:59 GMT", "soon"]
    waits: list[float] = []
    monkeypatch.setattr(Caller, "_sleep", lambda _self, seconds: waits.append(seconds))

    def answer(request: Request) -> Reply:
        if request.number <= len(wishes):
            wish = {"Retry-After": wishes[request.number - 1]}
            return Reply("ERROR: BUSY, TRY AGAIN LATER\n", 503, wish)
        return dialer.answer(request)

    with http_server(answer) as server:
        found = Sending(tmp_path, server.url, first_wait=2.0).send(people(1))
    assert len(found.loaded) == 1
    assert waits == [7, 300, 0, 16]
    # It says that it did not look at the call.
    assert "duplicate_check" not in server.requests[1].form


@pytest.mark.sample(2)
@pytest.mark.parametrize("options", [{}, {"duplicate_check": "DUPSYS"}], ids=["none", "DUPSYS"])
@pytest.mark.parametrize("is_added", [True, False], ids=["answer", "call"])
def test_the_line_is_cut_at_each_call(
    options: dict[str, str], is_added: bool, tmp_path: Path
) -> None:
    """An answer is lost, or a call: all leads are there once, and all but the first are known."""
    for nth in range(1, 8):
        dialer = ApiDialer()

        def answer(request: Request, nth: int = nth, dialer: ApiDialer = dialer) -> Reply | None:
            if request.number in {nth, nth + 1}:
                if is_added:
                    dialer.answer(request)
                return None
            return dialer.answer(request)

        folder = tmp_path / str(nth)
        folder.mkdir()
        with http_server(answer) as server:
            found = Sending(folder, server.url).send(people(6), **options)
        numbers = Counter(lead["phone_number"] for lead in dialer.leads)
        assert numbers == Counter(row["phone_number"] for row in people(6))
        by_id = {lead["lead_id"]: lead["phone_number"] for lead in dialer.leads}
        for row, lead_id in found.lead_ids.items():
            assert by_id[str(lead_id)] == f"727555{row - 2:04}"
        is_known = not is_added or nth > 1
        assert found.reasons == ({} if is_known else {2: "IN_DOUBT"})


def test_a_lost_call_hides_behind_an_older_lead(tmp_path: Path) -> None:
    dialer = ApiDialer()
    dialer.add("7275550003")

    lost = {"7275550003"}

    def answer(request: Request) -> Reply | None:
        reply, phone = dialer.answer(request), request.form["phone_number"]
        if phone in lost:
            lost.remove(phone)
            return None
        return reply

    with http_server(answer) as server:
        found = Sending(tmp_path, server.url).send(people(6))
    assert found.reasons == {5: "IN_DOUBT"}


def test_a_lost_call_of_a_lead_that_was_there_is_a_duplicate(tmp_path: Path) -> None:
    dialer = ApiDialer()
    dialer.add("7275550003")

    lost = {"7275550003"}

    def answer(request: Request) -> Reply | None:
        reply, phone = dialer.answer(request), request.form["phone_number"]
        if phone in lost:
            lost.remove(phone)
            return None
        return reply

    with http_server(answer) as server:
        found = Sending(tmp_path, server.url).send(people(6), duplicate_check="DUPLIST")
    assert found.reasons == {5: "DUPLICATE_PHONE_NUMBER_IN_LIST"}
    assert len(dialer.leads) == 6


def test_a_server_that_is_gone_ends_the_run_and_the_same_command_goes_on(tmp_path: Path) -> None:
    dialer, is_gone = ApiDialer(), True

    def answer(request: Request) -> Reply | None:
        if is_gone and request.number > 4:
            return None
        return dialer.answer(request)

    with http_server(answer) as server:
        sending = Sending(tmp_path, server.url, concurrency=2)
        path = sending.loads.file(people(9))
        with pytest.raises(TargetUnavailableError, match="4 of 9 rows were loaded so far"):
            sending.send(path)
        found = outcome_of(sending.results)
        assert [*found.reasons.values()] == ["NOT_INSERTED"] * 5
        assert sending.ledger.runs()[0].state == "inserting"
        is_gone = False
        found = sending.send(path)
    assert sorted(found.loaded) == [*range(2, 11)]
    assert len(dialer.leads) == 9


def test_ctrl_c_ends_the_run_after_the_calls_that_are_made(tmp_path: Path) -> None:
    dialer = ApiDialer()

    def answer(request: Request) -> Reply:
        reply = dialer.answer(request)
        if request.number == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return reply

    with http_server(answer) as server:
        sending = Sending(tmp_path, server.url, concurrency=2)
        path = sending.loads.file(people(40))
        with pytest.raises(Interrupted), Stop() as stop, stop.end_at_once():
            sending.send(path)
        found = outcome_of(sending.results)
        assert 5 <= len(dialer.leads) < 40
        assert len(found.loaded) == len(dialer.leads)
        found = sending.send(path)
    assert len(found.loaded) == len(dialer.leads) == 40
    assert not any("duplicate_check" in request.form for request in server.requests)


@pytest.mark.parametrize("is_started_anew", [True, False], ids=["machine", "process"])
def test_after_a_start_of_the_machine_all_may_have_been_sent(
    is_started_anew: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text("first")
    monkeypatch.setattr(calls, "BOOT_ID", boot)
    dialer, is_gone = ApiDialer(), True

    def answer(request: Request) -> Reply | None:
        return None if is_gone and request.number > 3 else dialer.answer(request)

    with http_server(answer) as server:
        sending = Sending(tmp_path, server.url, concurrency=1)
        path = sending.loads.file(people(6))
        with pytest.raises(TargetUnavailableError):
            sending.send(path)
        is_gone = False
        boot.write_text("second" if is_started_anew else "first")
        came = len(server.requests)
        found = sending.send(path)
    assert len(found.loaded) == len(dialer.leads) == 6
    looked_for = ["duplicate_check" in it.form for it in server.requests[came:]]
    assert looked_for == [True, is_started_anew, is_started_anew]


def test_nobody_answers(tmp_path: Path) -> None:
    sending = Sending(tmp_path, "http://127.0.0.1:9")
    with pytest.raises(TargetUnavailableError, match="does not answer, after 8 attempts"):
        sending.send(people(1))


# ---- the sender is killed


KILLED = """
import os, signal, sys
from loader.remote import calls
post, count = calls.Caller.post, 0
def counted(self, *arguments, **named):
    global count
    count += 1
    if count == {nth} and {before}: os.kill(os.getpid(), signal.SIGKILL)
    found = post(self, *arguments, **named)
    if count >= {nth}: os.kill(os.getpid(), signal.SIGKILL)
    return found
calls.Caller.post = counted
from jobs.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("nth", "before", "check"),
    [
        (1, False, "NONE"), (2, True, "NONE"), (2, False, "NONE"), (7, True, "NONE"),
        (7, False, "DUPSYS"), (12, False, "NONE"),
    ],
)  # fmt: skip
def test_a_kill_at_a_call(nth: int, before: bool, check: str, tmp_path: Path) -> None:
    dialer = ApiDialer()
    with http_server(dialer.answer) as server:
        sending = Sending(tmp_path, server.url)
        path = sending.loads.file(people(12))
        secret = {"LEADLOADER_TARGET__PASSWORD": PASSWORD, "LEADLOADER_TARGET__USER": USER}
        command = ["import", str(path), "--target", server.url, "--results", "results", "--quiet"]
        command += ["--duplicate-check", check, "--workers", "1"]
        program = KILLED.format(nth=nth, before=before)
        ended = run_warm(*command, program=program, cwd=tmp_path, env=os.environ | secret)
        assert ended.returncode == -signal.SIGKILL
        found = sending.send(path, duplicate_check=check, workers=1)
    numbers = Counter(lead["phone_number"] for lead in dialer.leads)
    assert numbers == Counter(row["phone_number"] for row in people(12))
    # Of the first call nobody knows whether the lead that is there is its own.
    assert found.reasons == ({2: "IN_DOUBT"} if nth == 1 else {})
    by_id = {int(lead["lead_id"]): lead["phone_number"] for lead in dialer.leads}
    assert {row: by_id[lead_id] for row, lead_id in found.lead_ids.items()} == {
        row: f"727555{row - 2:04}" for row in found.loaded
    }


# ---- what cannot be


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"on_duplicate": "update", "duplicate_check": "DUPSYS"}, "on_duplicate"),
        ({"duplicate_statuses": ("NEW",)}, "duplicate_statuses"),
        ({"duplicate_scope_archive": "Y"}, "duplicate_scope_archive"),
        ({"new_lead_url": "send"}, "new_lead_url"),
        ({"connections": 2}, "connections"),
        ({"read_connections": 4}, "read_connections"),
        ({"dnc_check": "Y", "dnc_alt_phones": "reject"}, "dnc_alt_phones"),
    ],
)
def test_an_option_that_needs_a_database(
    options: dict[str, Any], named: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=f"^{named}: the API of another dialer"):
        Sending(tmp_path, "http://127.0.0.1:9").send(people(1), **options)


def said(found: pytest.ExceptionInfo[Exception]) -> str:
    """Give the message of an error, in which there are no persons and no passwords."""
    text = str(found.value)
    for word in (PASSWORD, "7275550000", "N0"):
        assert word not in text
    return text


def test_a_wrong_password(tmp_path: Path) -> None:
    with http_server(ApiDialer().answer) as server:
        sending = Sending(tmp_path, server.url, password="Pa55")  # noqa: S106
        with pytest.raises(NotAllowedError) as found:
            sending.send(people(3))
    assert "does not let user 6666 add leads: ERROR: Login incorrect" in said(found)
    assert "Pa55" not in str(found.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply("<html>\n<h1>It works for 7275550000 N0!</h1>"), "answers what add_lead does not: "),
        (Reply("Not Found", 404), "with status 404"),
        (Reply("ERROR: NO FUNCTION SPECIFIED"), "NO FUNCTION SPECIFIED"),
        (Reply("", 302, {"Location": "http://elsewhere.example"}), "sends callers elsewhere"),
        (Reply(""), "nothing"),
    ],
)
def test_what_answers_is_no_add_lead(reply: Reply, words: str, tmp_path: Path) -> None:
    with http_server(lambda _request: reply) as server:
        with pytest.raises(ConfigurationError) as found:
            Sending(tmp_path, server.url).send(people(3))
        assert words in said(found)
        assert len(server.requests) == 1


def test_login_and_password_are_needed(tmp_path: Path) -> None:
    for missing in ("user", "password"):
        with pytest.raises(ConfigurationError, match=f"{missing} is missing"):
            Sending(tmp_path, "http://127.0.0.1:9", **{missing: ""}).send(people(1))

"""The Lead Archive API over HTTP: each line of its table of responses, keys, and what is moved."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from jobs.serve.archive import calls as archive_calls
from jobs.serve.archive import work as archive_work
from jobs.serve.archive.calls import MOST_BYTES
from jobs.settings.settings import Settings
from loader.database.connection import Database
from loader.ledger.keys import RIGHTS, KeyStore
from loader.options.office_hours import WEEKDAYS, OfficeHours
from tests.jobs.serve.serving import serving, settings_of
from tests.support.archives import ARCHIVE, LEADS, lead, make_archives, put, rows, sql
from tests.support.server import PrivateServer
from tests.support.service import IN_CLEAR, PATIENCE, service

ARCHIVING, COMING_BACK = "/vicidial/leads/archive", "/vicidial/leads/dearchive"
STEPS = {"insert_leads": True, "update_leads": True, "delete_leads": True}
BACK = {"insert_leads": True, "delete_leads": True}
DONE = "lead_ids batch was successfully processed"
NOT_VALID = {"message": "unable to validate api user"}
ALWAYS = OfficeHours(**dict.fromkeys(WEEKDAYS, "00:00-24:00"))


class Caller:
    """A client with a key that may do all."""

    def __init__(self, client: httpx2.Client, database: Database, key: str) -> None:
        self.client, self.database, self.key = client, database, key

    def ask(self, path: str, body: Any, key: str | None = None) -> httpx2.Response:
        content = body if isinstance(body, bytes | Iterator) else json.dumps(body).encode()
        headers = {"Authorization": f"Key={self.key if key is None else key}"}
        return self.client.post(path, content=content, headers=headers)

    def archive(self, *lead_ids: object, **steps: object) -> httpx2.Response:
        return self.ask(ARCHIVING, {**STEPS, "lead_ids": lead_ids, **steps})

    def dearchive(self, *lead_ids: object, **steps: object) -> httpx2.Response:
        return self.ask(COMING_BACK, {**BACK, "lead_ids": lead_ids, **steps})


def key_for(database: Database, folder: Path, *may: str, ends: datetime | None = None) -> str:
    return KeyStore.open(database, folder).make("-".join(may) or "all", may or RIGHTS, ends)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path)


@pytest.fixture
def caller(database: Database, settings: Settings, tmp_path: Path) -> Iterator[Caller]:
    put(database, *(lead(number) for number in range(1, 6)))
    with serving(settings, database) as client:
        yield Caller(client, database, key_for(database, tmp_path))


def outcome(caller: Caller, job: str, name: str) -> float:
    wanted = f'leadloader_archive_requests_total{{job="{job}",outcome="{name}"}} '
    lines = caller.client.get("/metrics").text.splitlines()
    return next((float(it.removeprefix(wanted)) for it in lines if it.startswith(wanted)), 0.0)


# ---- the table of responses


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("sent", "message", "named"),
    [
        ({"insert_leads": 1}, "insert_leads must be a boolean value", []),
        ({"insert_leads": "true"}, "insert_leads must be a boolean value", []),
        ({"insert_leads": None}, "insert_leads must be a boolean value", []),
        ({"update_leads": 0}, "update_leads must be a boolean value", []),
        ({"delete_leads": "false"}, "delete_leads must be a boolean value", []),
        ({"lead_ids": ["0"]}, "lead_ids must only contain integer values", ["0"]),
        (
            {"lead_ids": [1, 2.0, True]},
            "lead_ids must only contain integer values",
            ["2.0", "true"],
        ),
        ({"lead_ids": [1, "\ud800"]}, "lead_ids must only contain integer values", ["?"]),
        ({"lead_ids": "1"}, "lead_ids must only contain integer values", ["1"]),
        ({"lead_ids": 1}, "lead_ids must only contain integer values", ["1"]),
        ({"lead_ids": []}, "lead_ids must contain atleast 1 value", []),
        ({"lead_ids": None}, "lead_ids must contain atleast 1 value", []),
        ({"lead_ids": [*range(501)]}, "lead_ids cannot exceed 500 values", []),
        ({"lead_ids": [1] * 501}, "lead_ids cannot exceed 500 values", []),
        ({"lead_ids": [1, 2, 1]}, "lead_ids cannot contain duplicate values", [1]),
        ({"lead_id": 1}, "unknown field lead_id", []),
    ],
)
def test_what_is_wrong_with_a_request(
    caller: Caller, sent: dict[str, Any], message: str, named: list[object]
) -> None:
    answer = caller.ask(ARCHIVING, {**STEPS, "lead_ids": [1], **sent})
    wanted = {"message": message, "lead_errors": len(named), "lead_ids": named}
    assert (answer.status_code, answer.json()) == (400, wanted)
    assert len(rows(caller.database, LEADS)) == 5


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("name", [*STEPS, "lead_ids"])
def test_a_field_is_missing(caller: Caller, name: str) -> None:
    body = {key: value for key, value in {**STEPS, "lead_ids": [1]}.items() if key != name}
    answer = caller.ask(ARCHIVING, body)
    text = "atleast 1 value" if name == "lead_ids" else "be a boolean value"
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"{name} must ")
    assert answer.json()["message"].endswith(text)


@pytest.mark.engines("sqlite")
def test_checks_are_made_in_the_order_of_the_table(caller: Caller) -> None:
    wrong = {"lead_ids": ["x"], "delete_leads": 1, "update_leads": 1, "insert_leads": 1, "more": 1}
    found = []
    for name in ("insert_leads", "update_leads", "delete_leads", "lead_ids", "more"):
        found.append(caller.ask(ARCHIVING, wrong).json()["message"].split()[0])
        wrong[name] = {"lead_ids": [1]}.get(name, True)
    assert found == ["insert_leads", "update_leads", "delete_leads", "lead_ids", "unknown"]


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"5", b"null", b"\xff", b'{"a": NaN}', b"[" * 100_000]
)
def test_a_body_that_is_no_object(caller: Caller, body: bytes) -> None:
    answer = caller.ask(ARCHIVING, body)
    wanted = {"message": "the body must be a JSON object", "lead_errors": 0, "lead_ids": []}
    assert (answer.status_code, answer.json()) == (400, wanted)


@pytest.mark.engines("sqlite")
def test_a_field_that_is_given_twice(caller: Caller) -> None:
    answer = caller.ask(ARCHIVING, b'{"lead_ids": [1], "lead_ids": [2]}')
    assert (answer.status_code, answer.json()["message"]) == (400, "a field is given twice")


@pytest.mark.engines("sqlite")
def test_a_body_that_is_too_large(caller: Caller) -> None:
    large = b" " * (MOST_BYTES + 1)
    for body in (large, iter([large[:1000], large])):
        answer = caller.ask(ARCHIVING, body)
        assert answer.status_code == 413
        assert answer.json()["message"] == f"the body is larger than {MOST_BYTES} bytes"
    assert caller.archive(1).status_code == 200


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("path", [ARCHIVING, COMING_BACK])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(caller: Caller, path: str, method: str) -> None:
    answer = caller.client.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.json() == {"message": "the method must be POST"}


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("lead_id", [0, -1, 77, 2**40, 2**62, 2**64, 10**40])
def test_a_lead_that_does_not_exist(caller: Caller, lead_id: int) -> None:
    answer = caller.archive(1, lead_id)
    wanted = {"message": "lead_ids does not exist", "lead_errors": 1, "lead_ids": [lead_id]}
    assert (answer.status_code, answer.json()) == (404, wanted)
    assert len(rows(caller.database, LEADS)) == 5


# ---- what is moved


def counts(answer: httpx2.Response) -> tuple[int, ...]:
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found.pop("message") == DONE
    return tuple(found.values())


def there_and_back(caller: Caller) -> None:
    """Go through all that the document says of the three steps."""
    database = caller.database
    before = rows(database)
    assert counts(caller.archive(1, 2)) == (2, 2, 0, 2)
    assert rows(database) == {n: before[n] for n in (3, 4, 5)}
    assert rows(database, ARCHIVE) == {n: before[n] for n in (1, 2)}
    assert caller.archive(2, 3).json()["lead_ids"] == [2]
    # Each step alone.
    assert counts(caller.archive(3, insert_leads=False, update_leads=False)) == (1, 0, 0, 0)
    assert counts(caller.archive(3, 4, delete_leads=False)) == (2, 2, 0, 0)
    sql(database, f"UPDATE {LEADS} SET status = 'B' WHERE lead_id = 3")
    assert counts(caller.archive(3, 4, update_leads=False)) == (2, 0, 0, 1)
    assert counts(caller.archive(3, 5, insert_leads=False, delete_leads=False)) == (2, 0, 1, 0)
    nothing = {"insert_leads": False, "update_leads": False, "delete_leads": False}
    assert counts(caller.archive(3, 5, **nothing)) == (2, 0, 0, 0)
    assert caller.archive(4, 5, **nothing).json()["lead_ids"] == [4]
    assert counts(caller.archive(3)) == (1, 0, 0, 1)
    # And back.
    assert counts(caller.dearchive(1, 2, 4)) == (3, 3, 3)
    assert {n: rows(database)[n] for n in (1, 2, 4)} == {n: before[n] for n in (1, 2, 4)}
    assert caller.dearchive(1, 3).json() == {
        "message": "lead_ids does not exist", "lead_errors": 1, "lead_ids": [1],
    }  # fmt: skip
    assert counts(caller.dearchive(3, delete_leads=False)) == (1, 1, 0)
    assert counts(caller.dearchive(3, insert_leads=False)) == (1, 0, 1)
    assert rows(database, ARCHIVE) == {}
    assert outcome(caller, "archive", "done") == 7
    assert outcome(caller, "archive", "not found") == 2


@pytest.mark.engines("sqlite")
def test_there_and_back(caller: Caller) -> None:
    there_and_back(caller)


@pytest.mark.engines("myisam")
def test_there_and_back_on_myisam(caller: Caller) -> None:
    there_and_back(caller)


@pytest.mark.engines("innodb")
def test_there_and_back_on_innodb(caller: Caller) -> None:
    there_and_back(caller)


@pytest.mark.engines("myisam", "innodb")
def test_500_leads_are_one_chunk(caller: Caller, tmp_path: Path) -> None:
    put(caller.database, *(lead(number) for number in range(6, 501)))
    assert counts(caller.archive(*range(1, 501))) == (500, 500, 0, 500)
    (folder,) = (tmp_path / "archive-api" / "done").glob("*/*")
    assert json.loads((folder / "summary.json").read_text())["chunks"] == 1
    assert len((folder / "moved.csv").read_text().split()) == 501
    assert counts(caller.dearchive(*range(1, 501))) == (500, 500, 500)


@pytest.mark.engines("sqlite", "innodb")
def test_dearchive_leaves_what_the_dialer_has(caller: Caller) -> None:
    make_archives(caller.database)
    put(caller.database, lead(1, status="OLD"), table=ARCHIVE)
    before = rows(caller.database)
    assert counts(caller.dearchive(1)) == (1, 0, 0)
    assert rows(caller.database) == before
    assert len(rows(caller.database, ARCHIVE)) == 1


@pytest.mark.engines("sqlite", "innodb")
def test_the_sites_options_of_archive_count(database: Database, tmp_path: Path) -> None:
    put(database, lead(1, status="INCALL"), lead(2))
    archive = {"held": "leave", "dry_run": True, "limit": 1, "sleep": "1h", "chunk_size": 1}
    with serving(settings_of(tmp_path, archive=archive), database) as client:
        caller = Caller(client, database, key_for(database, tmp_path))
        assert counts(caller.archive(1, 2)) == (2, 1, 0, 1)
    assert [*rows(database)] == [1]


@pytest.mark.engines("sqlite", "myisam")
def test_the_command_of_the_document(caller: Caller) -> None:
    """As it stands there, but for address and key."""
    if not (curl := shutil.which("curl")):
        pytest.skip("there is no curl")
    sent = """{
"insert_leads": true,
"update_leads": true,
"delete_leads": true,
"lead_ids": [
0,
1
]
}"""
    command = [
        curl, "-s", "-k", "-X", "POST", str(caller.client.base_url.join(ARCHIVING)),
        "-H", f"Authorization: Key={caller.key}", "-H", "Content-Type: application/json",
    ]  # fmt: skip
    answers = [
        json.loads(subprocess.run([*command, "-d", text], capture_output=True, check=True).stdout)
        for text in (sent, sent.replace("0", "2"))
    ]
    assert answers == [
        {"message": "lead_ids does not exist", "lead_errors": 1, "lead_ids": [0]},
        {"message": DONE, "select_count": 2, "insert_count": 2, "update_count": 0,
         "delete_count": 2},
    ]  # fmt: skip


@pytest.mark.engines("sqlite", "myisam", "innodb")
def test_what_is_accepted_is_answered(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """While others ask, the service is told to end: who got no answer has no lead moved."""
    put(database, *(lead(number) for number in range(1, 41)))
    make_archives(database)
    key = key_for(database, tmp_path / "results")
    answered, is_first = {}, threading.Event()
    with service(database_url, tmp_path) as running:

        def ask(lead_id: int) -> None:
            try:
                with httpx2.Client(
                    base_url=running.address, timeout=PATIENCE, verify=IN_CLEAR
                ) as client:
                    answered[lead_id] = Caller(client, database, key).archive(lead_id).status_code
            except httpx2.TransportError:
                answered[lead_id] = 0
            is_first.set()

        askers = [threading.Thread(target=ask, args=(number,)) for number in range(1, 41)]
        for asker in askers:
            asker.start()
        assert is_first.wait(PATIENCE)
        assert running.stop() == 0
        for asker in askers:
            asker.join()
    assert {*answered.values()} <= {0, 200, 503}
    moved = {lead_id for lead_id, status in answered.items() if status == 200}
    assert moved
    assert {*rows(database, ARCHIVE)} == moved
    assert {*rows(database)} == {*answered} - moved


@pytest.mark.engines("sqlite")
def test_requests_take_turns(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is at work, others wait; if too many do, one is told to come again."""
    is_begun, may_go_on, are_refused = (threading.Event() for _ in range(3))
    real = archive_work.move

    def slow(*arguments: Any, **named: Any) -> Any:
        is_begun.set()
        assert may_go_on.wait(60)
        return real(*arguments, **named)

    answers: list[httpx2.Response] = []

    def ask(caller: Caller, lead_id: int) -> None:
        answers.append(caller.archive(lead_id))
        if len(answers) == 2:
            are_refused.set()

    monkeypatch.setattr(archive_work, "move", slow)
    monkeypatch.setattr(archive_calls, "MOST_WAITING", 2)
    put(database, *(lead(number) for number in range(5)))
    with serving(settings_of(tmp_path), database) as client:
        caller = Caller(client, database, key_for(database, tmp_path))
        askers = [threading.Thread(target=ask, args=(caller, number)) for number in range(5)]
        askers[0].start()
        assert is_begun.wait(60)
        for asker in askers[1:]:
            asker.start()
        assert are_refused.wait(60)
        assert caller.client.get("/health").status_code == 200
        may_go_on.set()
        for asker in askers:
            asker.join()
        assert outcome(caller, "archive", "turned away") == 2
    assert [each.status_code for each in answers] == [503, 503, 200, 200, 200]
    assert answers[0].headers["Retry-After"] == "1"
    assert answers[0].json() == {"message": "too many requests wait: try again later"}
    assert len(rows(database)) == 2


@pytest.mark.engines("sqlite")
def test_a_bug_has_no_internals(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_named: object) -> None:
        raise ZeroDivisionError("Ann Smith")

    monkeypatch.setattr(archive_work, "move", broken)
    answer = caller.archive(1)
    wanted = {"message": "internal error: the log of the service says more"}
    assert (answer.status_code, answer.json()) == (500, wanted)
    monkeypatch.undo()
    assert caller.archive(1).status_code == 200


@pytest.mark.engines("sqlite")
def test_tables_that_do_not_fit_are_no_business_of_the_caller(caller: Caller) -> None:
    sql(caller.database, f"DROP TABLE {ARCHIVE}")
    sql(caller.database, f"CREATE VIEW {ARCHIVE} AS SELECT * FROM {LEADS} WHERE 0")
    answer = caller.archive(1)
    wanted = {"message": "internal error: the log of the service says more"}
    assert (answer.status_code, answer.json()) == (500, wanted)
    assert len(rows(caller.database)) == 5


@pytest.mark.engines("sqlite")
def test_a_throttle_says_to_wait(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, lead(1))
    pause = tmp_path / "pause"
    pause.touch()
    monkeypatch.setattr(archive_work, "LONGEST_WAIT", timedelta(0))
    with serving(settings_of(tmp_path, archive={"pause_file": pause}), database) as client:
        caller = Caller(client, database, key_for(database, tmp_path))
        answer = caller.archive(1)
        assert answer.json() == {"message": "the dialer is busy: try again later"}
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
        monkeypatch.undo()
        pause.unlink()
        assert counts(caller.archive(1)) == (1, 1, 0, 1)


@pytest.mark.engines("innodb")
def test_the_database_does_not_answer(caller: Caller, private_server: PrivateServer) -> None:
    assert counts(caller.archive(1)) == (1, 1, 0, 1)
    private_server.kill()
    try:
        for answer in (caller.archive(2), caller.dearchive(1), caller.archive("2")):
            wanted = {"message": "the database does not answer: try again later"}
            assert (answer.status_code, answer.json()) == (503, wanted)
            assert answer.headers["Retry-After"] == "60"
    finally:
        private_server.start()
    assert counts(caller.archive(2)) == (1, 1, 0, 1)


# ---- office hours


@pytest.mark.engines("sqlite", "myisam")
def test_office_hours(database: Database, tmp_path: Path) -> None:
    put(database, lead(1), lead(2))
    wanted = {"message": "api cannot be executed during office hours time condition"}
    with serving(settings_of(tmp_path, office_hours=ALWAYS), database) as client:
        caller = Caller(client, database, key_for(database, tmp_path))
        for answer in (caller.archive(1), caller.archive("1"), caller.ask(ARCHIVING, b"{")):
            assert (answer.status_code, answer.json()) == (403, wanted)
        assert caller.ask(ARCHIVING, b"{", key="wrong").status_code == 401
        make_archives(database)
        put(database, lead(3), table=ARCHIVE)
        assert counts(caller.dearchive(3)) == (1, 1, 1)
        assert outcome(caller, "archive", "office hours") == 3
    always = {"ignore_office_hours": True}
    with serving(settings_of(tmp_path, office_hours=ALWAYS, archive=always), database) as client:
        assert counts(Caller(client, database, caller.key).archive(1)) == (1, 1, 0, 1)


# ---- keys


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Authorization": ""}, {"Authorization": "Key="}, {"Authorization": "Key=wrong"},
        {"Authorization": "{key}"}, {"Authorization": "key={key}"}, {"Authorization": "Key {key}"},
        {"Authorization": "Bearer {key}"}, {"Authorization": "Key={key}x"},
        {"Authorization": "Key=" + "A" * 43}, {"Authorization": "Key=\xe9"}, {"X-Key": "{key}"},
    ],
)  # fmt: skip
def test_a_wrong_key(caller: Caller, headers: dict[str, str]) -> None:
    sent = {name: value.replace("{key}", caller.key) for name, value in headers.items()}
    answer = caller.client.post(
        ARCHIVING,
        content=json.dumps({**STEPS, "lead_ids": [1]}),
        headers={name.encode(): value.encode("latin-1") for name, value in sent.items()},
    )
    assert (answer.status_code, answer.json()) == (401, NOT_VALID)
    assert len(rows(caller.database)) == 5


@pytest.mark.engines("sqlite", "myisam", "innodb")
def test_a_key_may_do_what_it_may(caller: Caller, tmp_path: Path) -> None:
    database = caller.database
    only_archive, only_files = (key_for(database, tmp_path, each) for each in ("archive", "files"))
    body = {**STEPS, "lead_ids": [1]}
    assert caller.ask(ARCHIVING, body, only_files).json() == NOT_VALID
    assert caller.ask(ARCHIVING, body, only_archive).status_code == 200
    back = {**BACK, "lead_ids": [1]}
    refused = caller.ask(COMING_BACK, back, only_archive)
    assert (refused.status_code, refused.json()) == (401, NOT_VALID)
    assert caller.dearchive(1).status_code == 200


@pytest.mark.engines("sqlite", "myisam", "innodb")
def test_a_key_ends(caller: Caller, tmp_path: Path) -> None:
    store = KeyStore.open(caller.database, tmp_path)
    now = datetime.now(UTC)
    over = store.make("over", RIGHTS, now)
    good = store.make("good", RIGHTS, now + timedelta(hours=1))
    body = {**STEPS, "lead_ids": [1]}
    assert caller.ask(ARCHIVING, body, over).status_code == 401
    assert caller.ask(ARCHIVING, body, good).status_code == 200
    used = {key.name: key.last_used for key in store.all()}
    assert used["good"] is not None
    assert used["over"] is None
    store.revoke("good")
    assert caller.ask(ARCHIVING, body, good).status_code == 401


@pytest.mark.engines("sqlite")
def test_no_key_was_ever_made(database: Database, tmp_path: Path) -> None:
    put(database, lead(1))
    with serving(settings_of(tmp_path), database) as client:
        caller = Caller(client, database, "A" * 43)
        assert caller.archive(1).status_code == 401
        caller.key = key_for(database, tmp_path)
        assert caller.archive(1).status_code == 200


@pytest.mark.engines("sqlite")
def test_who_tries_keys_is_kept_waiting(caller: Caller) -> None:
    for number in range(5):
        assert caller.ask(ARCHIVING, b"{}", f"wrong{number}").status_code == 401
    answer = caller.archive(1)
    assert (answer.status_code, answer.json()) == (401, NOT_VALID)
    assert int(answer.headers["Retry-After"]) >= 1
    assert outcome(caller, "archive", "wrong key") == 5
    assert outcome(caller, "archive", "kept waiting") == 1
    assert len(rows(caller.database)) == 5

"""Leads of another dialer to its archive and back, by the Lead Archive API."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.archive.remote import move_by_api
from jobs.archive.request import MoveRequest
from jobs.cli.main import run
from jobs.watchers import Watchers
from loader.archive.lead_ids import read_lead_ids
from loader.archive.report import ArchiveReport
from loader.errors import ConfigurationError, UsageError
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.remote.target import Target
from tests.support.archive_api import KEY, ArchiveApi
from tests.support.http_server import Reply, Request, http_server
from tests.support.scripted import Scripted


class Moving:
    """Moves leads by one address, each time into results of their own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.runs = folder, 0
        self.target = Target(url=url, key=KEY, first_wait=0.001)

    def move(
        self, lead_ids: Any, job: Any = "archive", watchers: Watchers | None = None, **options: Any
    ) -> ArchiveReport:
        self.runs += 1
        return move_by_api(
            MoveRequest.of_leads(job, lead_ids),
            ArchiveOptions(**options),
            self.target,
            self.results,
            ledger_folder=self.folder,
            watchers=watchers,
        )

    @property
    def results(self) -> Path:
        return self.folder / f"results-{self.runs}"


def test_chunks_and_their_counts(tmp_path: Path) -> None:
    api = ArchiveApi(range(1, 1202), held=[7])
    with http_server(api.answer) as server:
        moving = Moving(tmp_path, server.url)
        report = moving.move(range(1, 1202))
        assert [len(json.loads(it.body)["lead_ids"]) for it in server.requests] == [500, 500, 201]
        counts = (report.select_count, report.insert_count, report.delete_count)
        assert counts == (1201, 1201, 1200)
        assert (report.moved, report.stayed, report.gone) == (1200, {"CHANGED": 1}, 0)
        assert (report.stopped, report.exit_code, report.database) == ("done", 0, server.url)
        assert len(read_lead_ids(moving.results / "moved.csv")) == 701
        back = moving.move(range(501, 1202), job="dearchive")
    assert (back.moved, back.exit_code, back.update_count) == (701, 0, 0)
    assert api.active == {7, *range(501, 1202)}


def test_leads_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    api = ArchiveApi(range(1, 11))
    with http_server(api.answer) as server:
        moving = Moving(tmp_path, server.url)
        report = moving.move([*range(1, 11), 77, 78])
        assert (report.moved, report.gone, report.exit_code) == (10, 2, 65)
        assert "2 lead_ids not found: 77, 78" in report.why
        assert read_lead_ids(moving.results / "gone.csv").tolist() == [77, 78]
        # Those that a run before moved are no surprise.
        report = moving.move(range(1, 11))
        assert (report.moved, report.gone, report.exit_code) == (0, 10, 0)
        report = moving.move([1, 77])
        assert (report.gone, report.exit_code) == (2, 65)
        assert "1 lead_id not found: 77" in report.why


def test_office_hours_end_it_and_the_same_command_goes_on(tmp_path: Path) -> None:
    api = ArchiveApi(range(1, 31))

    def answer(request: Request) -> Reply:
        api.is_open = request.number == 3
        return api.answer(request)

    with http_server(answer) as server:
        moving = Moving(tmp_path, server.url)
        report = moving.move(range(1, 31), chunk_size=10)
        assert (report.stopped, report.exit_code, report.stopped_at) == ("office_hours", 75, 20)
        assert report.ending.startswith("stopped after lead_id 20: api cannot be executed")
        assert report.moved == 20
        report = moving.move(range(1, 31), chunk_size=10)
    assert (report.moved, report.gone, report.exit_code) == (10, 20, 0)


def test_a_lost_answer(tmp_path: Path) -> None:
    api = ArchiveApi(range(1, 21))

    def answer(request: Request) -> Reply | None:
        reply = api.answer(request)
        return None if request.number == 1 else reply

    with http_server(answer) as server:
        report = Moving(tmp_path, server.url).move(range(1, 21), chunk_size=10)
    assert api.archived == {*range(1, 21)}
    assert (report.moved, report.gone, report.exit_code) == (10, 10, 0)
    assert "an answer was lost: 10 leads of its call" in report.remarks[0]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_call_is_made_again(status: int, tmp_path: Path) -> None:
    api = ArchiveApi(range(1, 11))

    def answer(request: Request) -> Reply:
        if request.number == 1:
            return Reply('{"message": "busy"}', status, {"Retry-After": "0"})
        return api.answer(request)

    with http_server(answer) as server:
        report = Moving(tmp_path, server.url).move(range(1, 11))
    assert (report.moved, report.exit_code) == (10, 0)


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (Reply('{"message": "unable to validate api user"}', 401), 77, "does not take the key"),
        (Reply("<html>", 404), 78, "answers with status 404"),
        (Reply("{}"), 78, "answers with status 200"),
        (Reply('{"message": "insert_leads must be a boolean value"}', 400), 78, "insert_leads"),
        (Reply("", 500), 69, "after 8 attempts: status 500"),
    ],
)  # fmt: skip
def test_what_ends_it(reply: Reply, code: int, words: str, tmp_path: Path) -> None:
    with http_server(lambda _request: reply) as server:
        report = Moving(tmp_path, server.url).move([1, 2])
    assert (report.stopped, report.exit_code) == ("error", code)
    assert words in report.why
    assert KEY not in report.why
    assert (report.moved, report.unfinished) == (0, (1, 2))


def test_a_signal_ends_it_after_a_chunk(tmp_path: Path) -> None:
    api, stop = ArchiveApi(range(1, 31)), Scripted()

    def answer(request: Request) -> Reply:
        stop.signal = "SIGTERM"
        return api.answer(request)

    with http_server(answer) as server:
        moving = Moving(tmp_path, server.url)
        report = moving.move(range(1, 31), watchers=Watchers(stop=stop), chunk_size=10)
    assert (report.stopped, report.exit_code, report.stopped_at) == ("signal", 143, 10)
    assert len(api.archived) == 10


def test_leads_that_go_away_all_the_time(tmp_path: Path) -> None:
    def answer(request: Request) -> Reply:
        body = {"message": "lead_ids does not exist", "lead_ids": [request.number]}
        return Reply(json.dumps(body), 404)

    with http_server(answer) as server:
        report = Moving(tmp_path, server.url).move(range(1, 20))
    assert "leads go away there all the time" in report.why


def test_what_needs_a_database(tmp_path: Path) -> None:
    target = Target(url="https://dialer.example", key=KEY)
    rule = MoveRequest("archive", rule=ArchiveRule(lists=(101,)))
    with pytest.raises(UsageError, match="takes lead_ids alone"):
        move_by_api(rule, ArchiveOptions(), target, ledger_folder=tmp_path)
    leads = MoveRequest.of_leads("archive", [1])
    for option in ({"with_children": True}, {"held": "leave"}, {"dry_run": True}, {"limit": 5}):
        with pytest.raises(UsageError, match=f"{next(iter(option))}: the API of another dialer"):
            move_by_api(leads, ArchiveOptions(**option), target, ledger_folder=tmp_path)
    with pytest.raises(ConfigurationError, match="key is missing"):
        move_by_api(leads, ArchiveOptions(), Target(url=target.url), ledger_folder=tmp_path)


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADLOADER_TARGET__KEY", KEY)
    api = ArchiveApi(range(1, 4))
    with http_server(api.answer) as server:
        command = ["archive", "--target", server.url, "--lead-ids", "1,2,3", "--json"]
        assert run(command) == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["moved"], report["message"]) == (
            3, "lead_ids batch was successfully processed",
        )  # fmt: skip
        assert run([*command[:3], "--rule", "worked"]) == 64
        assert run([*command[:3], "--statuses", "NA"]) == 64
        assert "takes lead_ids alone" in capsys.readouterr().err
        api.active.update({4})
        api.is_open = True
        assert run([*command[:3], "--lead-ids", "4"]) == 75

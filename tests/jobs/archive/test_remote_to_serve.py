"""Leads through `serve` to its archive and back: the same as by the database."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from sqlalchemy import make_url

from jobs.archive.job import move
from jobs.archive.remote import move_by_api
from jobs.archive.request import Folders, MoveRequest
from jobs.cli.main import run
from loader.archive.report import ArchiveReport
from loader.database.connection import Database
from loader.ledger.keys import RIGHTS, KeyStore
from loader.options.archive import ArchiveOptions
from loader.options.office_hours import WEEKDAYS
from loader.remote.target import Target
from tests.support.archives import ARCHIVE, LEADS, lead, make_archives, put, rows
from tests.support.http_server import Reply, Request, forward, http_server
from tests.support.service import Service, service

pytestmark = pytest.mark.engines("sqlite", "innodb")

COUNT, CHUNK = 121, 50
COUNTS = {"looked_at", "select_count", "insert_count", "update_count", "delete_count", "moved"}
BY_FIFTY = ("--chunk-size", str(CHUNK))
SETTINGS = "site.toml"
ALWAYS = "[office_hours]\n" + "".join(f'{day} = "00:00-24:00"\n' for day in WEEKDAYS)


class Site:
    """A dialer with leads, the service before it, and a copy that is reached by its database."""

    def __init__(self, database: Database, other: Database, running: Service, key: str) -> None:
        self.database, self.other, self.service, self.key = database, other, running, key
        self.folder = running.folder.parent
        self.runs = 0

    def move(self, url: str, lead_ids: Any, job: Any = "archive", **options: Any) -> ArchiveReport:
        """Move leads through the service."""
        self.runs += 1
        return move_by_api(
            MoveRequest.of_leads(job, lead_ids),
            ArchiveOptions(chunk_size=CHUNK, **options),
            Target(url=url, key=self.key, first_wait=0.001),
            self.folder / f"results-{self.runs}",
            ledger_folder=self.folder,
        )

    def move_copy(self, lead_ids: Any, job: Any = "archive", **options: Any) -> ArchiveReport:
        """Move leads of the copy by its database."""
        request, given = MoveRequest.of_leads(job, lead_ids), ArchiveOptions(**options)
        return move(request, given, self.other, folders=Folders(self.folder / "copy"))

    @property
    def is_as_copy(self) -> bool:
        return all(rows(self.database, it) == rows(self.other, it) for it in (LEADS, ARCHIVE))


@pytest.fixture
def site(
    database: Database, database_url: str, tmp_path: Path,
    database_with_tables: Callable[[str], str],
) -> Iterator[Site]:  # fmt: skip
    template = str(make_url(database_with_tables("sqlite")).database)
    other = Database(f"sqlite:///{copy(template, tmp_path / 'other.sqlite')}")
    for each in (database, other):
        make_archives(each)
        put(each, *(lead(lead_id) for lead_id in range(1, COUNT + 1)))
        # Copies of before that differ.
        put(each, *(lead(lead_id, status="OLD") for lead_id in range(3, 60, 3)), table=ARCHIVE)
    folder = tmp_path / "serve"
    key = KeyStore.open(database, folder / "results").make("all", RIGHTS)
    folder.mkdir(exist_ok=True)
    (folder / SETTINGS).touch()
    with service(database_url, folder, "--config", SETTINGS) as running:
        yield Site(database, other, running, key)
    other.engine.dispose()


def test_the_counts_of_its_answers_are_added_up(site: Site) -> None:
    address, everyone = site.service.address, range(1, COUNT + 1)
    for job, lead_ids, options in (
        ("archive", everyone, {"update": False}),  # those that differ stay
        ("archive", range(3, 60, 3), {}),
        ("dearchive", range(51, COUNT + 1), {}),
    ):
        found = site.move(address, lead_ids, job, **options)
        wanted = site.move_copy(lead_ids, job, **options)
        assert found.model_dump(include=COUNTS) == wanted.model_dump(include=COUNTS)
        assert (found.exit_code, found.stayed) == (0, wanted.stayed)
        assert site.is_as_copy
    assert [*rows(site.database, LEADS)] == [*range(51, COUNT + 1)]


def test_a_line_that_is_cut(site: Site) -> None:
    ask = forward(site.service.address)

    def through(request: Request) -> Reply | None:
        if request.number == 2:
            return None  # the call is lost
        reply = ask(request)
        lost = {3: None, 5: reply._replace(is_cut=True)}  # its answer, or half of it
        return lost.get(request.number, reply)

    with http_server(through) as line:
        report = site.move(line.url, range(1, COUNT + 1))
    site.move_copy(range(1, COUNT + 1))
    assert site.is_as_copy
    # Those whose answers were lost are gone when the calls are made again.
    assert (report.moved, report.gone, report.exit_code) == (COUNT - 71, 71, 0)
    assert "an answer was lost: 71 leads" in report.remarks[0]


def test_a_service_that_is_killed_and_started_again(site: Site) -> None:
    ask = forward(site.service.address)

    def through(request: Request) -> Reply | None:
        if request.number in {2, 4}:
            if request.number == 4:
                ask(request)
            site.service.kill()
            site.service.start()
            return None
        return ask(request)

    with http_server(through) as line:
        report = site.move(line.url, range(1, COUNT + 1))
    site.move_copy(range(1, COUNT + 1))
    assert site.is_as_copy
    assert (report.moved + report.gone, report.exit_code) == (COUNT, 0)


@pytest.mark.parametrize("is_lost", [True, False], ids=["call lost", "answer lost"])
def test_a_command_that_is_killed_goes_on(
    site: Site, is_lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.folder)
    monkeypatch.setenv("LEADLOADER_TARGET__KEY", site.key)
    Path("ids.csv").write_text("".join(f"{it}\n" for it in ("lead_id", *range(1, COUNT + 1))))
    ask = forward(site.service.address)

    def through(request: Request) -> Reply | None:
        if request.number == 2:
            if not is_lost:
                ask(request)
            client.kill()
            return None
        return ask(request)

    with http_server(through) as line:
        command = ["archive", "--target", line.url, "--lead-ids-file", "ids.csv", *BY_FIFTY]
        client = subprocess.Popen(
            [sys.executable, "-m", "leadloader", *command],
            env=os.environ | {"HOME": str(site.folder)},
        )
        assert client.wait(60) == -9
        assert len(rows(site.database, LEADS)) == COUNT - (CHUNK if is_lost else 2 * CHUNK)
        assert run(command) == 0
    site.move_copy(range(1, COUNT + 1))
    assert site.is_as_copy


def test_office_hours_end_it_with_75(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(site.folder)
    monkeypatch.setenv("LEADLOADER_TARGET__KEY", site.key)
    given = ",".join(map(str, range(1, COUNT + 1)))
    ask = forward(site.service.address)

    def through(request: Request) -> Reply:
        if request.number in {2, 3}:
            # Office hours begin after the first chunk, and end before the same command comes again.
            hours = ALWAYS if request.number == 2 else ""
            (site.service.folder / SETTINGS).write_text(hours)
            site.service.stop()
            site.service.start()
        return ask(request)

    with http_server(through) as line:
        command = ["archive", "--target", line.url, "--lead-ids", given, *BY_FIFTY]
        assert run(command) == 75
        assert "stopped after lead_id 50" in capsys.readouterr().out
        assert len(rows(site.database, LEADS)) == COUNT - CHUNK
        assert run(command) == 0
    site.move_copy(range(1, COUNT + 1))
    assert site.is_as_copy

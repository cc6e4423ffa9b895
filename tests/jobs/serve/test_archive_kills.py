"""A service that is killed in the middle of a request: the same request completes it."""

from pathlib import Path

import httpx2
import pytest

from loader.database.connection import Database
from loader.ledger.keys import RIGHTS, KeyStore
from tests.support.archives import ARCHIVE, lead, make_archives, put, rows
from tests.support.service import IN_CLEAR, PATIENCE, Service
from tests.support.warm import PROGRAM

DIES = """
import os, signal
from loader.archive.{module} import {owner} as owner
step = owner.{name}
def die(*arguments):
    if {after}: step(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
owner.{name} = die
from jobs.cli.main import main
main()
"""

COPIED = DIES.format(module="journal", owner="Journal", name="deleting", after=True)
NOT_NOTED = DIES.format(module="results", owner="ArchiveResults", name="chunk", after=False)

LEADS = [*range(1, 8)]


class DyingService(Service):
    """A service that kills itself at a step, but not once it is started anew."""

    first = ""
    """The program that does so."""

    def start(self, program: str = PROGRAM) -> None:
        """Start it anew, or for the first time."""
        program, self.first = self.first or program, ""
        super().start(program)


def ask(address: str, job: str, key: str) -> httpx2.Response:
    body = {"insert_leads": True, "delete_leads": True, "lead_ids": LEADS}
    body |= {"update_leads": True} if job == "archive" else {}
    return httpx2.post(
        f"{address}/vicidial/leads/{job}", json=body, timeout=PATIENCE, verify=IN_CLEAR,
        headers={"Authorization": f"Key={key}"},
    )  # fmt: skip


@pytest.mark.parametrize("job", ["archive", "dearchive"])
@pytest.mark.parametrize("program", [COPIED, NOT_NOTED], ids=["copied", "gone"])
def test_the_same_request_completes_it(
    database: Database, database_url: str, tmp_path: Path, job: str, program: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    make_archives(database)
    here, there = ("vicidial_list", ARCHIVE) if job == "archive" else (ARCHIVE, "vicidial_list")
    put(database, *map(lead, LEADS), table=here)
    wanted = rows(database, here)
    folder = tmp_path / "service"
    key = KeyStore.open(database, folder / "results").make("all", RIGHTS)
    monkeypatch.setattr(DyingService, "first", program)
    service = DyingService(database_url, folder)
    try:
        with pytest.raises(httpx2.TransportError):
            ask(service.address, job, key)
        service.kill()
        service.start()
        answer = ask(service.address, job, key)
        # Copies of the archive are made anew; leads that were back had only to leave it.
        left = 7 if program == COPIED and job == "archive" else 0
        assert (answer.status_code, answer.json()["select_count"]) == (200, left)
        assert (rows(database, here), rows(database, there)) == ({}, wanted)
        assert ask(service.address, job, key).json()["lead_ids"] == LEADS
    finally:
        service.kill()
    found = [path.read_text().split() for path in folder.rglob("moved*.csv")]
    assert sorted(int(each) for file in found for each in file[1:]) == LEADS

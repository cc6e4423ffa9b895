"""An archive that is killed, with its server or alone, is completed by the same command.

`make test` takes some of its statements, `make crashes` every one that writes.
"""

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.signals import Stop
from tests.crash.archive_points import (
    PROCESSED_LEADS,
    WRITING,
    Crash,
    Dialer,
    command,
    counts,
    done,
    interrupted,
    report_in,
    rows,
)
from tests.support.proxy import Moment, Proxy
from tests.support.server import PrivateServer
from tests.support.statements import ANY_STATEMENT

pytestmark = pytest.mark.engines("myisam", "innodb")


SAMPLE: tuple[Crash, ...] = (
    Crash("connection", "before", "archive", "DELETE", 2),
    Crash("connection", "after", "archive", "DELETE", 1),
    Crash("server", "before", "archive", "INSERT", 3),
    Crash("server", "during", "archive", "UPDATE", 1),
    Crash("client", "during", "archive", "DELETE", 1),
    Crash("client", "after", "archive", "INSERT", 1),
    Crash("connection", "after", "dearchive", "INSERT", 2),
    Crash("server", "after", "dearchive", "DELETE", 1),
)

LOSSES = (
    *itertools.product(["connection"], ["before", "after"]),
    # Before a statement it is as after the one before.
    *itertools.product(["server", "client"], ["during", "after"]),
)
EVERY: tuple[Crash, ...] = tuple(
    Crash(*loss, way, kind, None) for way in WRITING for loss in LOSSES for kind in WRITING[way]
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "crash" in metafunc.fixturenames:
        crashes = EVERY if metafunc.config.getoption("full") else SAMPLE
        ids = ["-".join(map(str, filter(None, crash))) for crash in crashes]
        metafunc.parametrize("crash", crashes, ids=ids)


@pytest.fixture
def patient(private_server: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the server in this process starts it."""

    def start(_stop: Stop, _seconds: float) -> bool:
        if not private_server.is_running:
            private_server.start()
        return False

    monkeypatch.setattr(Stop, "wait", start)


@pytest.mark.sample(1)
@pytest.mark.usefixtures("patient")
def test_the_same_command_completes_what_was_lost(
    archive_dialer: Dialer,
    private_server: PrivateServer,
    tmp_path: Path,
    crash: Crash,
    points: Iterator[int],
) -> None:
    expected = archive_dialer.archived if crash.way == "archive" else archive_dialer.restored
    for number in points if crash.nth is None else [crash.nth]:
        archive_dialer.set_back()
        if crash.way == "dearchive":
            done(command("archive", archive_dialer.url, tmp_path / f"before-{number}"))
        with Proxy(private_server) as proxy:
            arguments = command(crash.way, proxy.via(archive_dialer.url), tmp_path / f"{number}")
            came = interrupted(crash, number, private_server, proxy, arguments)
        if crash.what != "client" or not came:
            assert rows(archive_dialer.url) == expected, f"it went on otherwise after {number}"
            report = report_in(tmp_path / f"{number}")
            assert (report["delete_count"], report["stayed"]) == (PROCESSED_LEADS, {})
        if not came:
            assert number > 1
            break
        report = done(command(crash.way, archive_dialer.url, tmp_path / f"again-{number}"))
        assert rows(archive_dialer.url) == expected, f"it ended otherwise after {number}"
        if crash.what != "client":
            assert counts(report) == [0, 0, 0, 0]


@pytest.mark.sample(1)
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("way", WRITING)
def test_a_connection_may_be_lost_at_any_statement(
    archive_dialer: Dialer,
    private_server: PrivateServer,
    tmp_path: Path,
    way: str,
    moment: Moment,
    points: Iterator[int],
    pytestconfig: pytest.Config,
) -> None:
    """COMMIT, ROLLBACK and SET are statements, too; and the first one of all is."""
    expected = archive_dialer.archived if way == "archive" else archive_dialer.restored
    for number in points if pytestconfig.getoption("full") else itertools.count(1, 31):
        archive_dialer.set_back()
        if way == "dearchive":
            done(command("archive", archive_dialer.url, tmp_path / f"before-{number}"))
        came = threading.Event()
        with Proxy(private_server) as proxy:
            proxy.at(moment, ANY_STATEMENT, came.set, nth=number, loses=True)
            done(command(way, proxy.via(archive_dialer.url), tmp_path / f"{number}"))
        assert rows(archive_dialer.url) == expected, f"it ended otherwise after statement {number}"
        if not came.is_set():
            assert number > 20
            break

"""An archive is killed, a dialer and agents work with its leads, and the next one completes it.

A seed (`make crashes SEED=7`) decides what they do; an oracle says what must be there in the end.
`make test` takes some statements, `make crashes` every one that writes.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loader.signals import Stop
from tests.crash.archive_oracle import Oracle, problems_of_files
from tests.crash.archive_points import WRITING, Crash, Dialer, command, done, ended, interrupted
from tests.support.people import People, State
from tests.support.proxy import Moment, Proxy
from tests.support.server import PrivateServer

pytestmark = pytest.mark.engines("myisam", "innodb")

LOSSES: tuple[tuple[str, Moment], ...] = (
    ("client", "during"),
    ("client", "after"),
    ("connection", "after"),
    ("server", "during"),
)
EVERY = tuple(
    Crash(*loss, way, kind, None) for way in WRITING for loss in LOSSES for kind in WRITING[way]
)
SAMPLE = (
    Crash("client", "after", "archive", "INSERT", 2),
    Crash("client", "after", "archive", "DELETE", 1),
    Crash("connection", "after", "archive", "DELETE", 2),
    Crash("client", "after", "dearchive", "INSERT", 1),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    crashes = EVERY if metafunc.config.getoption("full") else SAMPLE
    ids = ["-".join(map(str, filter(None, crash))) for crash in crashes]
    metafunc.parametrize("crash", crashes, ids=ids)


@pytest.mark.sample(1)
def test_nothing_that_people_did_is_undone(
    archive_dialer: Dialer,
    private_server: PrivateServer,
    tmp_path: Path,
    crash: Crash,
    points: Iterator[int],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dialer = archive_dialer
    seed = f"{request.config.getoption('seed')} {request.node.name}"
    for number in points if crash.nth is None else [crash.nth]:
        people = People(dialer.url, f"{seed} {number}")
        dialer.set_back()
        if crash.way == "dearchive":
            done(command("archive", dialer.url, tmp_path / f"before-{number}" / "results"))
        first = State.of(dialer.url)
        monkeypatch.setattr(Stop, "wait", waiting(private_server, people))
        folder = tmp_path / f"{number}"
        with Proxy(private_server) as proxy:
            # The next run has to know the database of the first one by its address.
            url = proxy.via(dialer.url)
            came = interrupted(
                crash, number, private_server, proxy, command(crash.way, url, folder / "first")
            )
            if crash.what == "client":
                proxy.wait_for_ends()
            print(f"point {request.node.name} {number}")
            if not people.have_worked:
                people.work()
            names = ("next", "last")
            reports = [ended(command(crash.way, url, folder / name)) for name in names]
        if not came:
            assert number > 1
            break
        problems = [*Oracle(crash.way, first, people).problems(State.of(dialer.url), reports)]
        problems += of_files(folder, crash.way, first, people)
        assert not problems, f"{people}\n" + "\n".join(problems)


def waiting(server: PrivateServer, people: People) -> Callable[[Stop, float], bool]:
    """Give what starts the server, and lets people work once, where the program waits."""

    def wait(_stop: Stop, _seconds: float) -> bool:
        if server._process is None:
            server.start()
        if not people.have_worked:
            people.work()
        return False

    return wait


def of_files(folder: Path, way: str, first: State, people: People) -> Iterator[str]:
    end = State.of(people.url)
    tables = [first.leads, end.leads] if way == "archive" else [first.archived, end.archived]
    touched = {*people.before.leads} ^ {*people.after.leads}
    touched |= {*people.before.archived} ^ {*people.after.archived}
    return problems_of_files([*folder.iterdir()], *tables, touched)

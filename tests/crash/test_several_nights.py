"""Nights of three machines over one drop folder, killed or stopped at random and started again.

The folder is mounted on all of them, or at an address; then nothing else of one is seen by others.

`make test` does it with some files, `make crashes` with 200.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.nightly.remote_folder import HIDDEN
from loader.database import leases
from tests.support.ftp_server import ALL, Partner
from tests.support.nights import PROGRAM, Site, rows, summary_in
from tests.support.server import run as sql

MACHINES = {"one": "batch_size = 1", "two": "batch_size = 2\nchunk_size = 2", "three": ""}
"""Settings of each, which are its own matter."""

DOOMED = """
import os, sys
from sqlalchemy import Engine, event
from loader.database import leases
leases.LASTS, leases.BEAT = 2, 0.2
left, signals = {steps}, {signals}
def step(*_):
    global left
    left -= 1
    if left == 0:
        left = {steps}
        os.kill(os.getpid(), signals.pop(0))
event.listen(Engine, "before_cursor_execute", step)
event.listen(Engine, "commit", step)
STEPS = {{"os.rename", "ftplib.sendcmd"}}
sys.addaudithook(lambda name, _: step() if name in STEPS else None)
"""
"""Ends at a step, a statement, a commit, a rename or an FTP command; or stands still, and ends as
much later."""

RESULTS = {"loaded.csv", "rejected.csv", "report.html", "summary.json"}

STANDS_STILL = 3.0
"""Seconds: longer than its claims last."""


class Machine:
    """One machine, whose night begins again as long as there are files."""

    def __init__(self, site: Site, chance: random.Random) -> None:
        self._site, self._chance = site, chance
        self._stopped_at: float | None = None
        self.ends = Counter[int]()
        self.begin()

    def look_after(self) -> None:
        """Let it go on if it stood still for long enough; begin again after a kill."""
        if (code := self._night.poll()) is None:
            self._let_go_on()
        elif self.is_running:
            said, errors = self._night.communicate()
            assert code in {0, 75, -signal.SIGKILL}, said + errors
            self.ends[code] += 1
            self.is_running = False
            if code == -signal.SIGKILL:
                self.begin()

    def begin(self) -> None:
        """Begin a night, which ends in some way."""
        stops = [int(signal.SIGSTOP)] * self._chance.choice([0, 0, 1])
        steps, signals = self._chance.randint(20, 600), [*stops, int(signal.SIGKILL)]
        doomed = DOOMED.format(steps=steps, signals=signals)
        self._night = self._site.start(program=doomed + PROGRAM)
        self.is_running = True

    def _let_go_on(self) -> None:
        if Path(f"/proc/{self._night.pid}/stat").read_text("utf-8").rpartition(") ")[2][0] != "T":
            self._stopped_at = None
        elif self._stopped_at is None:
            self._stopped_at = time.monotonic()
            self.ends[signal.SIGSTOP] += 1
        elif time.monotonic() - self._stopped_at > STANDS_STILL:
            os.kill(self._night.pid, signal.SIGCONT)

    def end(self) -> None:
        self._night.kill()
        self._night.communicate()


@pytest.fixture
def machines(site: Site, pytestconfig: pytest.Config) -> Iterator[list[Machine]]:
    chance = random.Random(pytestconfig.getoption("seed"))  # noqa: S311 - of accidents
    started: list[Machine] = []
    for name, settings in MACHINES.items():
        machine = site.machine(name)
        machine.settings(f'{settings}\nduplicate_check = "DUPLIST"')
        started.append(Machine(machine, chance))
    yield started
    for each in started:
        each.end()


@pytest.fixture(params=["folder", "address"])
def partner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Partner | None]:
    if request.param == "folder":
        yield None
        return
    partner = Partner(tmp_path / "ftp", ALL)
    yield partner
    partner.close()


@pytest.fixture
def site(
    database_url: str,
    tmp_path: Path,
    partner: Partner | None,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> Site:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(leases, "LASTS", 2)
    monkeypatch.setattr(leases, "BEAT", 0.2)  # of the last night, in this process
    site = Site(tmp_path, database_url, partner)
    for number in range(200 if pytestconfig.getoption("full") else 12):
        site.put(f"{number:03}.csv", rows(*(3 * number + at for at in (1, 2, 3)), -1))
    return site


@pytest.mark.engines("myisam", "innodb")
def test_each_file_is_loaded_and_moved_once(site: Site, machines: list[Machine]) -> None:
    names = sorted(path.name for path in site.drop.glob("*.csv"))
    while any(site.drop.glob("*.csv")) or any(each.is_running for each in machines):
        for each in machines:
            each.look_after()
        if not any(each.is_running for each in machines) and any(site.drop.glob("*.csv")):
            machines[0].begin()
        time.sleep(0.02)
    assert sorted(site.phones()) == [*range(1, 3 * len(names) + 1)]
    done = [path for path in site.drop.glob("done/*/*") if path.is_file()]
    assert sorted(path.name for path in done) == names
    summaries = [summary_in(f"{path}.results") for path in done]
    assert {(each["loaded"], each["rejected"]) for each in summaries} == {(3, 1)}
    states = sql(site.url, "SELECT state, COUNT(*) FROM leadloader_runs GROUP BY state")
    assert states == [("done", len(names))]
    if (site.drop / HIDDEN).exists():  # what came there too late goes when the next file is loaded
        site.put("last.csv", rows(0))
        assert site.night().outcomes == {"last.csv": "loaded"}
    left = [path for path in site.drop.iterdir() if not path.name.startswith(f"{HIDDEN}-")]
    assert {path.name for path in left} - {HIDDEN} == {"done", "failed"}
    assert not [*site.drop.glob(f"{HIDDEN}/*")]
    for path in done:
        assert {each.name for each in Path(f"{path}.results").iterdir()} == RESULTS
    ends = sum((each.ends for each in machines), Counter())
    print(f"{len(names)} files, by exit code: {dict(ends)}")
    assert ends[-signal.SIGKILL]

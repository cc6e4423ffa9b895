"""A site with a drop folder, and its nights."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.cli.main import run
from jobs.nightly import remote_folder
from jobs.nightly.destination import Destination
from jobs.nightly.job import nightly
from jobs.nightly.report import FileReport, NightReport
from jobs.settings.settings import read_settings
from jobs.telemetry.telemetry import Telemetry
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.files import exists
from loader.signals import Stop
from tests.conformance.replay import read
from tests.support.server import fill
from tests.support.warm import Warm

if TYPE_CHECKING:
    from tests.support.ftp_server import Partner
    from tests.support.sftp_server import SftpPartner

PROGRAM = "import sys; from jobs.cli.main import run; sys.exit(run(sys.argv[1:]))"
WAIT = """
import sys
def wait():
    print("held", flush=True)
    sys.stdin.read()
"""
OWN_DISK = """
from pathlib import Path
from jobs.nightly import remote_folder
exists = remote_folder.exists
remote_folder.exists = lambda path: path.is_relative_to(Path({folder!r})) and exists(path)
"""
"""Other machines have other disks, whatever the paths of their folders are."""
AT_THE_SECOND_BATCH = """
from jobs.cli.terminal import Terminal
from jobs.watchers import Watchers
from contextlib import contextmanager
def progress(stage, done, share):
    if stage == "insert" and done == 2:
        wait()
@contextmanager
def watching(self, **asking):
    yield Watchers(progress=progress)
Terminal.watching = watching
"""
HEADER = "phone_number,first_name,vendor_lead_code\n"


def rows(*numbers: int) -> str:
    """Return a file with a lead for each number; those below zero have no phone number."""
    lines = (f"{727555 * 10000 + n if n > 0 else ''},Ann,v{n}\n" for n in numbers)
    return HEADER + "".join(lines)


class Site:
    """A dialer's database, a settings file, and a drop folder of source `vendor`."""

    def __init__(
        self, folder: Path, url: str, partner: "Partner | SftpPartner | None" = None
    ) -> None:
        """Make the folder, or take that of a server, as it is seen there."""
        self.folder, self.url = folder, url
        self.drop = partner.drop if partner else folder / "drop"
        self.drop.mkdir(exist_ok=True)
        self._partner = partner
        self.config = folder / "nightly.toml"
        self._age = 0
        lists = [{"list_id": number, "campaign_id": "SALES"} for number in (101, 102)]
        campaigns = [{"campaign_id": name} for name in ("SALES", "SOLAR")]
        fill(url, {"vicidial_lists": lists, "vicidial_campaigns": campaigns})
        self.settings()

    def settings(
        self,
        source: str = "",
        *,
        top: str = "",
        night: str = "",
        after: str = "",
        list_id: int | None = 101,
        settle: str = "0s",
    ) -> None:
        """Write the settings; texts are more of the source, of all, of the night, and tables."""
        address = self._partner.toml if self._partner else f'folder = "{self.drop}"'
        self.config.write_text(
            f'database = "{self.url}"\n{top}\n[nightly]\nfolder = "{self.folder}/nightly"\n'
            f'{night}\n[[source]]\nname = "vendor"\n{address}\n'
            f'settle = "{settle}"\n{f"list_id = {list_id}" if list_id else ""}\n{source}\n'
            f"{after}\n",
            "utf-8",
        )

    def put(self, name: str, text: str | bytes) -> Path:
        """Put a file into the drop folder, newer than those before."""
        path = self.drop / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        self._age += 10
        at = time.time() - 10_000 + self._age
        os.utime(path, (at, at))
        return path

    def machine(self, name: str) -> "Site":
        """Give the site as another machine has it: settings, reports and a mount of its own."""
        other = copy(self)
        other.folder = self.folder / name
        other.folder.mkdir()
        other.config = other.folder / "nightly.toml"
        if not self._partner:
            other.drop = other.folder / "mount"
            other.drop.symlink_to(self.drop)
        return other

    @property
    def arguments(self) -> list[str]:
        return ["nightly", "--config", str(self.config)]

    def night(self, *flags: str) -> "Night":
        """Run a night in this process."""
        before = set(self._reports())
        with pytest.MonkeyPatch.context() as patch:
            own = self.folder / "nightly"
            if self._partner:
                patch.setattr(
                    remote_folder, "exists", lambda path: path.is_relative_to(own) and exists(path)
                )
            code = run([*self.arguments, "--json", "--quiet", *flags])
        (new,) = set(self._reports()) - before
        return Night(code, NightReport.model_validate_json(new.read_text("utf-8")))

    def watched(self, watchers: Watchers) -> NightReport:
        """Run a night in this process, watched by a test."""
        settings = read_settings({}, self.config)
        database = Database(self.url, sleep=lambda _seconds: None)
        try:
            with Telemetry(settings, "nightly", warn=print) as telling:
                return nightly(settings, Destination(database), telling, watchers=watchers)
        finally:
            database.engine.dispose()

    def start(self, *arguments: str, program: str = PROGRAM) -> subprocess.Popen[str]:
        """Start a night in a process of its own."""
        if self._partner:
            program = OWN_DISK.format(folder=str(self.folder / "nightly")) + program
        return Warm(
            *(arguments or self.arguments),
            program=program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def _reports(self) -> list[Path]:
        return sorted(self.folder.glob("nightly/*/report.json"))

    def leads(self, *columns: str) -> list[tuple[Any, ...]]:
        """Read columns of all leads, in their order."""
        database = Database(self.url)
        found = read(database, f"SELECT {', '.join(columns)} FROM vicidial_list ORDER BY lead_id")
        database.engine.dispose()
        return [tuple(row.values()) for row in found]

    def phones(self) -> list[int]:
        """Return the last digits of the leads' numbers, in their order."""
        return [int(str(row[0])[-4:]) for row in self.leads("phone_number")]

    def files(self, below: str = "drop") -> list[str]:
        """Return the files below a folder; those of results but for error.txt are left out."""
        folder = self.folder / below
        found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        return sorted(str(p) for p in found if ".results" not in str(p) or p.name == "error.txt")


class Meanwhile(Stop):
    """Calls a function in place of the wait for files that still grow."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens = happens

    def wait(self, seconds: float) -> None:
        assert seconds == 30
        self._happens()


def start_and_hold(site: Site, where: str) -> subprocess.Popen[str]:
    """Start a night, and let it wait somewhere."""
    process = site.start(program=WAIT + where + PROGRAM)
    assert process.stdout
    assert process.stdout.readline() == "held\n", process.communicate()[1]
    return process


class WhileItWaits(Stop):
    """Calls a function at the first wait for files that another night has."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens = [happens]

    def wait(self, seconds: float) -> None:
        while self._happens:
            self._happens.pop()()
        super().wait(seconds)


class Night:
    """The result of a night."""

    def __init__(self, code: int, report: NightReport) -> None:
        self.code, self.report = code, report
        assert code == report.exit_code
        self.day = f"{report.began.astimezone():%Y-%m-%d}"

    def __getitem__(self, name: str) -> FileReport:
        (found,) = (file for file in self.report.files if file.file == name)
        return found

    @property
    def outcomes(self) -> dict[str, str]:
        return {file.file: file.outcome for file in self.report.files}


def summary_in(folder: str | Path) -> dict[str, Any]:
    """Read the summary of a load."""
    found: dict[str, Any] = json.loads((Path(folder) / "summary.json").read_text("utf-8"))
    return found


def names(files: Sequence[FileReport]) -> list[str]:
    return [file.file for file in files]

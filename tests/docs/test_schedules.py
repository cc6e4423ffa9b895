"""The schedules of sample_data/ do what they say, as far as a machine without them can tell."""

import configparser
import importlib.util
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from loader.database.connection import Database
from loader.errors import LoaderError
from tests.conformance.replay import read
from tests.support.nights import PROGRAM, Site, rows

SCHEDULES = Path(__file__).parents[2] / "sample_data" / "schedules"
SERVICE, TIMER = "leadloader-nightly.service", "leadloader-nightly.timer"
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.engines("sqlite")


class Machine:
    """A folder that stands for the machine of a site: /opt, /etc, /var/lib and a drop folder."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.site = Site(folder, url)
        self.program = folder / "leadloader"
        arguments = shlex.join([sys.executable, "-c", PROGRAM])
        self.program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {arguments} "$@"\n', "utf-8")
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)
        (folder / "secrets").write_text(f"LEADLOADER_DATABASE='{url}'\n", "utf-8")
        text = self.site.config.read_text("utf-8")
        self.site.config.write_text(text.replace(f'database = "{url}"\n', ""), "utf-8")

    def here(self, text: str) -> str:
        """Name the places of a schedule as they are on this machine."""
        return (
            text.replace("/opt/leadloader/bin/leadloader", str(self.program))
            .replace("/etc/leadloader", str(self.folder))
            .replace("/var/lib/leadloader", str(self.folder))
        )

    def run(self, command: str, **environment: str) -> None:
        """Run a command as a scheduler would, and see that the night did its work."""
        self.site.put("leads.csv", rows(1, 2))
        clean = {"PATH": os.environ["PATH"], **environment}
        done = subprocess.run(
            ["sh", "-c", self.here(command)],
            cwd=self.folder, env=clean, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = read(Database(self.site.url), "SELECT COUNT(*) AS leads FROM vicidial_list")
        assert found == [{"leads": "2"}]
        assert [path.name for path in self.site.drop.rglob("leads.csv")] == ["leads.csv"]
        assert not (self.site.drop / "leads.csv").exists()


@pytest.fixture
def machine(tmp_path: Path, database_url: str) -> Machine:
    return Machine(tmp_path, database_url)


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation does
    parser.read_string((SCHEDULES / name).read_text("utf-8"))
    return parser


def test_the_service_spends_a_night(machine: Machine) -> None:
    service = unit(SERVICE)["Service"]
    assert service["EnvironmentFile"] == "-/etc/leadloader/secrets"
    # systemd takes quotes as the shell does, which the cron line has read it.
    (secret,) = shlex.split((machine.folder / "secrets").read_text("utf-8"))
    name, _, value = secret.partition("=")
    machine.run(service["ExecStart"], **{name: value})


def test_the_service_tries_again_only_what_can_get_better() -> None:
    service = unit(SERVICE)["Service"]
    given_up = {int(code) for code in service["RestartPreventExitStatus"].split()}
    ours = {kind.exit_code for kind in [LoaderError, *LoaderError.__subclasses__()]}
    # 1: --ask, which nightly does not; 69: the database does not answer; 70: a bug; 71: no memory;
    # 74: the disk is full.
    assert ours - given_up == {0, 1, 69, 70, 71, 74}
    assert given_up <= ours


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_takes_the_units(machine: Machine) -> None:
    for name in (SERVICE, TIMER):
        text = (SCHEDULES / name).read_text("utf-8")
        # Its other places stay: systemd takes no working directory below /dev, where tests are.
        here = text.replace("/opt/leadloader/bin/leadloader", str(machine.program))
        (machine.folder / name).write_text(here, "utf-8")
    units = [str(machine.folder / name) for name in (SERVICE, TIMER)]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    calendar = unit(TIMER)["Timer"]["OnCalendar"]
    subprocess.run(["systemd-analyze", "calendar", calendar], capture_output=True, check=True)


CRON_FIELDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "month": (1, 12),
    "weekday": (0, 7),
}


def cron_line() -> tuple[list[str], str, str]:
    """Give the fields of the time, the user and the command."""
    text = (SCHEDULES / "leadloader.cron").read_text("utf-8")
    assert text.endswith("\n")  # cron leaves a last line without its end out
    lines = [it for it in text.splitlines() if it and not it.startswith("#")]
    settings, jobs = lines[:-1], lines[-1:]
    assert all(re.fullmatch(r"[A-Z]+=\S+", line) for line in settings)
    *fields, user, command = jobs[0].split(maxsplit=6)
    return fields, user, command


def test_the_cron_line_is_one() -> None:
    fields, user, command = cron_line()
    for field, (least, most) in zip(fields, CRON_FIELDS.values(), strict=True):
        assert field == "*" or least <= int(field) <= most
    assert user == "leadloader"
    assert "%" not in command  # cron takes it for the end of the line


def test_the_cron_line_spends_a_night(machine: Machine) -> None:
    machine.run(cron_line()[2])


class FakeAirflow(ModuleType):
    """Takes what a DAG gives Airflow: the arguments, and the command of its task."""

    def __init__(self) -> None:
        super().__init__("airflow.sdk")
        self.given: dict[str, dict[str, Any]] = {}
        self.commands: list[str] = []
        self.task = self

    def dag(self, **given: Any) -> Callable[[Callable[[], None]], Callable[[], None]]:
        self.given["dag"] = given
        return lambda function: function

    def bash(self, **given: Any) -> Callable[[Callable[[], str]], Callable[[], None]]:
        self.given["bash"] = given
        return lambda function: lambda: self.commands.append(function())


def test_the_airflow_task_spends_a_night(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = FakeAirflow()
    monkeypatch.setitem(sys.modules, "airflow", ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", airflow)
    spec = importlib.util.spec_from_file_location("dag", SCHEDULES / "leadloader_airflow.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert airflow.given["dag"]["schedule"] == " ".join(cron_line()[0])
    assert airflow.given["bash"]["skip_on_exit_code"] == 75
    (command,) = airflow.commands
    machine.run(command, LEADLOADER_DATABASE=machine.site.url)


def test_all_schedules_begin_at_the_same_time() -> None:
    minute, hour, *_ = cron_line()[0]
    assert unit(TIMER)["Timer"]["OnCalendar"] == f"*-*-* {int(hour):02}:{int(minute):02}:00"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_takes_the_unit_of_the_service(machine: Machine) -> None:
    name = "leadloader-serve.service"
    text = (SCHEDULES.with_name("service") / name).read_text("utf-8")
    path = machine.folder / name
    # Newer ones refuse a folder of /dev/shm there.
    kept = "WorkingDirectory=/var/lib/leadloader"
    path.write_text(machine.here(text.replace(kept, "WorkingDirectory=/")), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")

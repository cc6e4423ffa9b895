"""Make sure that there is what the tests start: a MariaDB server, and a browser for pages.

Run by `make test`, silent if all is there; `make cluster` names what else it needs. The tests start
them from their programs, so nothing is started or configured here.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

SERVER_ADVICE = """\
The tests need the MariaDB server program, mariadbd, and it is not here. Either
  - install it: apt-get install --no-install-recommends mariadb-server-core
    (on other systems the package that has mariadbd; no server needs to run), or
  - name a MariaDB server whose account may create databases and accounts:
    LEADLOADER_TEST_DATABASE=mysql+pymysql://user:password@host:3306/"""

BROWSER_ADVICE = """\
The tests of pages need Chromium, and it is not here. Either
  - install it: apt-get install --no-install-recommends chromium
    (on other systems the package that has chromium or google-chrome), or
  - name the program of a Chromium or Chrome: LEADLOADER_TEST_BROWSER=/path/to/chrome"""

GALERA = "/usr/lib/galera/libgalera_smm.so"
"""Where Debian has the library that makes servers nodes of a cluster."""

GALERA_ADVICE = f"""\
The tests of a cluster need {GALERA}, and it is not here.
Install it: apt-get install --no-install-recommends galera-4"""

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_server() -> str | None:
    """Return the path of mariadbd, or None; /usr/sbin is not in everybody's PATH."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/libexec"])
    return shutil.which("mariadbd", path=places)


def find_browser() -> str | None:
    """Return the path of a browser that is named, or else of one that is here; None: neither."""
    named = os.environ.get("LEADLOADER_TEST_BROWSER")
    found = (shutil.which(name) for name in ([named] if named else BROWSERS))
    return next((path for path in found if path), None)


def knows_server() -> bool:
    """Return whether tests have a server, of their own or one that is named."""
    return bool(os.environ.get("LEADLOADER_TEST_DATABASE") or find_server())


def knows_browser() -> bool:
    """Return whether tests have a browser."""
    return find_browser() is not None


def knows_galera() -> bool:
    """Return whether a private server can be a node of a cluster."""
    return Path(GALERA).exists()


class Program(NamedTuple):
    """What the tests start."""

    is_there: Callable[[], bool]
    package: str
    """Debian's."""
    advice: str


def privilege() -> list[str] | None:
    """Return what to put before a command that needs root: nothing or sudo; None if we may not."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and succeeds(["sudo", "-n", "true"]):
        return ["sudo", "-n"]
    return None


def succeeds(command: list[str], *, say: bool = False) -> bool:
    """Run the command, silent unless it fails and is to `say` why."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode and say:
        sys.stderr.write(done.stdout + done.stderr)
    return not done.returncode


def install(as_root: list[str], packages: list[str]) -> None:
    """Install Debian's packages, one after the other; say what apt-get said if it fails."""
    apt_get = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    if succeeds([*apt_get, "update"], say=True):
        for package in packages:
            succeeds([*apt_get, "install", "-y", "--no-install-recommends", package], say=True)


PROGRAMS = {
    "server": Program(knows_server, "mariadb-server-core", SERVER_ADVICE),
    "browser": Program(knows_browser, "chromium", BROWSER_ADVICE),
    "galera": Program(knows_galera, "galera-4", GALERA_ADVICE),
}

ALWAYS = ("server", "browser")


def missing(names: Sequence[str] = ALWAYS) -> list[Program]:
    """Return the programs of these names that are not here."""
    return [PROGRAMS[name] for name in names if not PROGRAMS[name].is_there()]


def main(names: Sequence[str] = ALWAYS) -> int:
    """Install what is missing if we may; give the exit code."""
    wanted = missing(names)
    as_root = privilege() if wanted else None
    if shutil.which("apt-get") and as_root is not None:
        install(as_root, [program.package for program in wanted])
        wanted = missing(names)
    for program in wanted:
        sys.stderr.write(program.advice + "\n")
    return 1 if wanted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ALWAYS))

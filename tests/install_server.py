"""Make sure that there is a MariaDB server for the tests; run by `make test`, silent if there is.

The tests start their own server from the program, so none is started or configured here.
"""

import os
import shutil
import subprocess
import sys

ADVICE = """\
The tests need the MariaDB server program, mariadbd, and it is not here. Either
  - install it: apt-get install --no-install-recommends mariadb-server-core
    (on other systems the package that has mariadbd; no server needs to run), or
  - name a MariaDB server whose account may create databases and accounts:
    LEADLOADER_TEST_DATABASE=mysql+pymysql://user:password@host:3306/"""


def find_server() -> str | None:
    """Give the path of mariadbd, or None; /usr/sbin is not in everybody's PATH."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/libexec"])
    return shutil.which("mariadbd", path=places)


def privilege() -> list[str] | None:
    """Give what to put before a command that needs root: nothing or sudo; None if we may not."""
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


def install(as_root: list[str]) -> None:
    """Install Debian's package of the bare server program; say what apt-get said if it fails."""
    apt_get = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    package = ["install", "-y", "--no-install-recommends", "mariadb-server-core"]
    if succeeds([*apt_get, "update"], say=True):
        succeeds([*apt_get, *package], say=True)


def main() -> int:
    """Install the server if it is missing and we may; give the exit code."""
    if os.environ.get("LEADLOADER_TEST_DATABASE") or find_server():
        return 0
    as_root = privilege()
    if shutil.which("apt-get") and as_root is not None:
        install(as_root)
        if find_server():
            return 0
    sys.stderr.write(ADVICE + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

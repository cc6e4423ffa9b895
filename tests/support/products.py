"""The servers that the tests can start, and how each is: MariaDB, MySQL 9 and MySQL 5.6.

LEADLOADER_TEST_SERVER chooses. A MySQL is what `fetch_mysql.py` has made of it: a folder with a
script `mysqld` that starts the program, and `data`, the files of a new server.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.install_programs import SERVER_ADVICE, find_server

SMALL_AND_FAST = (
    "--innodb-buffer-pool-size=64M",
    "--performance-schema=OFF",
    "--skip-log-bin",
    "--skip-name-resolve",
    # What is written needs to outlive the server's process, never the machine.
    "--innodb-flush-method=nosync",
    "--innodb-flush-log-at-trx-commit=2",
)


class Product(NamedTuple):
    """A kind of server."""

    name: str
    advice: str
    """What to do if it is not here."""
    options: tuple[str, ...]
    without_tls: str
    """An option: newer ones make a certificate by themselves, and a proxy could not look in."""
    make_data: Callable[[Sequence[str], Path, list[str]], list[str]]
    """Make `data` in the folder of a server; give options for its first start.

    It takes the command, the folder, and statements that make accounts.
    """
    folder: Path | None = None
    """Of a server that was fetched."""

    @property
    def check_error(self) -> int:
        """The server's number for a row that a CHECK refuses."""
        return 4025 if self.is_mariadb else 3819

    @property
    def is_old(self) -> bool:
        """Say whether it knows no CHECK and no computed columns."""
        return self.name == "mysql56"

    @property
    def utf8mb3(self) -> str:
        """Its name of this character set."""
        return "utf8" if self.is_old else "utf8mb3"

    @property
    def isolation(self) -> str:
        """Its name of the variable of the isolation level."""
        return "transaction_isolation" if self.name == "mysql9" else "tx_isolation"

    @property
    def asks_for_passwords(self) -> bool:
        """Say whether it wants the password itself where the proof of it is wrong."""
        return self.name == "mysql9"

    @property
    def is_mariadb(self) -> bool:
        """Say whether it is, and no MySQL."""
        return self.name == "mariadb"

    def find(self) -> str | None:
        """Give the path of the program, or None."""
        return shutil.which("mysqld", path=self.folder) if self.folder else find_server()


def make_system_tables(command: Sequence[str], folder: Path, accounts: list[str]) -> list[str]:
    """Do what mariadb-install-db does, which needs parts of the client package."""
    (folder / "data").mkdir()
    settings = subprocess.run(
        [*command, "--help", "--verbose"], capture_output=True, text=True, check=True
    ).stdout
    charsets = next(line for line in settings.splitlines() if "character-sets-dir " in line)
    share = Path(charsets.split()[1]).parent
    parts = [min(share.glob(f"*_{name}.sql")) for name in ("system_tables", "system_tables_data")]
    script = [
        # One statement a line, or the server does not understand it.
        "CREATE DATABASE mysql;",
        "USE mysql;",
        "SET @auth_root_socket = NULL;",
        *(part.read_text(encoding="utf-8") for part in parts),
        "DELETE FROM global_priv WHERE user <> 'mariadb.sys';",
        "FLUSH PRIVILEGES;",
        *accounts,
    ]
    done = subprocess.run(
        [*command, "--bootstrap"],
        check=False,
        input="\n".join(script),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"mariadbd cannot make its system tables:\n{done.stderr[-3000:]}")
    return []


def copy_data(command: Sequence[str], folder: Path, accounts: list[str]) -> list[str]:
    """Copy what was made beside the program: to make it takes a MySQL half a minute."""
    # Each server makes an identity of its own, by which replicas know it.
    ours = shutil.ignore_patterns("auto.cnf")
    shutil.copytree(Path(command[0]).parent / "data", folder / "data", ignore=ours)
    first = folder / "first.sql"
    # A replica has them itself.
    script = ["SET sql_log_bin = 0;", *accounts, ""]
    first.write_text("\n".join(script), encoding="utf-8")
    return [f"--init-file={first}"]


def fetched(name: str, *options: str, without_tls: str) -> Product:
    """Describe a MySQL that has its own folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Product(
        name=name,
        advice=f"The tests need {name}, and it is not here: python -m tests.support.fetch_mysql",
        options=(*SMALL_AND_FAST, *options),
        without_tls=without_tls,
        make_data=copy_data,
        folder=cache / "leadloader-tests" / name,
    )


PRODUCTS = {
    "mariadb": Product(
        name="mariadb",
        advice=SERVER_ADVICE,
        options=(
            *SMALL_AND_FAST,
            "--innodb-log-file-size=4M",
            "--aria-log-file-size=8M",
            "--debug-no-sync",
            "--sync-frm=OFF",
        ),
        without_tls="--skip-ssl",
        make_data=make_system_tables,
    ),
    "mysql9": fetched(
        "mysql9",
        "--innodb-redo-log-capacity=8M",
        "--mysqlx=OFF",
        "--secure-file-priv=",
        # As MariaDB's: rows of dialers have zero dates, and so have those that tests send.
        "--sql-mode=STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
        without_tls="--tls-version=",
    ),
    "mysql56": fetched("mysql56", "--innodb-log-file-size=48M", without_tls="--skip-ssl"),
}

PRODUCT = PRODUCTS[os.environ.get("LEADLOADER_TEST_SERVER") or "mariadb"]
"""What the tests run with."""


def known_collations(*names: str) -> list[str]:
    """Give those that the server knows, by its names; MySQL 9 has some of its own."""
    if PRODUCT.is_mariadb:
        return [name for name in names if "_0900_" not in name]
    known = [name for name in names if not re.search("nopad|uca1400|thai|cp1250_czech", name)]
    if PRODUCT.name == "mysql9":
        return known
    return [name.replace("utf8mb3", "utf8") for name in known if "_0900_" not in name]

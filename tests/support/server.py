"""A server for the tests, existing or private, and the rows in a test's database."""

import contextlib
import functools
import itertools
import os
import secrets
import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    NullPool,
    column,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    table,
    text,
)
from sqlalchemy.exc import OperationalError

from loader.database import schema
from tests.support.products import PRODUCT

PATIENCE = 60.0
"""Seconds that a server may take to start or to stop, on a busy machine."""

# When pytest ends in any way, this shell's input ends; then it removes the server and its files.
WATCH = 'read -r _; kill -9 "$(cat "$0/pid")"; rm -rf "$0"'


@event.listens_for(Engine, "do_connect")
def _connect_plainly(
    _dialect: object, _record: object, _arguments: object, options: dict[str, Any]
) -> None:
    """Let the driver itself understand our option: it reads all certificates, for 40 ms each."""
    if options.pop("ssl_mode", "") == "disabled":
        options["ssl_disabled"] = True


class Server:
    """A server at `address`, whose account may create databases and accounts."""

    def __init__(self, address: str | URL) -> None:
        self._address = make_url(address)
        self.host = self._address.host or "127.0.0.1"
        self.port = self._address.port or 3306
        self._leave: list[str] = []

    def url(self, database: str = "", user: str | None = None, password: str | None = None) -> str:
        """Give SQLAlchemy's address of `database`, for another account where one is named."""
        address = self._address.set(database=database)
        if user is not None:
            address = address.set(username=user, password=password)
        return address.render_as_string(hide_password=False)

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement, with `values` for its `%s`, commit it and give its rows."""
        with contextlib.closing(_connect_anew(self._address).raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(statement, values or None)
            rows = list(cursor.fetchall())
            connection.commit()
            return rows

    def new_database(self) -> str:
        """Make an empty database, with the dialer's character set, and give its address."""
        name = f"leadloader_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci")
        self._leave.append(f"DROP DATABASE IF EXISTS {name}")
        return self.url(name)

    def new_account(self, url: str) -> str:
        """Make an account that may do nothing, and give its address of the database at `url`."""
        # MySQL 5.6 takes 16 characters.
        database, name, password = make_url(url).database, *map(secrets.token_hex, (4, 6))
        self.execute(f"CREATE USER account_{name}@'%' IDENTIFIED BY '{password}'")
        self._leave.append(f"DROP USER account_{name}@'%'")
        address = self.url(str(database), f"account_{name}", password)
        run(self.url("", f"account_{name}", password), "DO 0")
        return address

    def new_reader(self, url: str) -> str:
        """Make an account that can only SELECT in the database at `url`, and give its address."""
        address = self.new_account(url)
        reader = make_url(address)
        self.execute(f"GRANT SELECT ON {reader.database}.* TO {reader.username}@'%'")
        return address

    def close(self) -> None:
        """Drop what was made here; the server keeps running."""
        for statement in self._leave:
            self.execute(statement)


class PrivateServer(Server):
    """A running server in a directory of its own, on a unix socket and a free loopback port.

    `options` are the program's, such as `--local-infile=0`, beside those of the variable
    LEADLOADER_TEST_SERVER_OPTIONS, which hold for each start. It ends with `close`, or with pytest.
    """

    def __init__(self, *options: str, password: str | None = None) -> None:
        program = PRODUCT.find()
        if program is None:
            raise FileNotFoundError(PRODUCT.advice)
        port, password = free_port(), password or secrets.token_hex(16)
        super().__init__(
            URL.create(
                "mysql+pymysql",
                username="tester",
                password=password,
                host="127.0.0.1",
                port=port,
                query={"ssl_mode": "disabled"},
            )
        )
        self._directory = Path(tempfile.mkdtemp(prefix="leadloader-"))
        self.socket = self._directory / "socket"
        self.log = self._directory / "log"
        self._command = [program, "--no-defaults", f"--datadir={self._directory / 'data'}"]
        # One server removes the temporary tables of another from a folder that they share.
        self._command += [f"--tmpdir={self._directory}", *PRODUCT.options]
        self._command += shlex.split(os.environ.get("LEADLOADER_TEST_SERVER_OPTIONS", ""))
        if os.geteuid() == 0:
            # It does not start as root unless it is told to.
            self._command.append("--user=root")
        self._watcher = subprocess.Popen(
            ["sh", "-c", WATCH, self._directory],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._process: subprocess.Popen[bytes] | None = None
        accounts = [
            f"CREATE USER tester@'%' IDENTIFIED BY '{password}';",
            "GRANT ALL ON *.* TO tester@'%' WITH GRANT OPTION;",
        ]
        self.start(*self._make_data(accounts), *options)

    def _make_data(self, accounts: list[str]) -> list[str]:
        """Make the files of a new server with these accounts; give options for its first start."""
        return PRODUCT.make_data(self._command, self._directory, accounts)

    def start(self, *options: str) -> None:
        """Start it and wait until it answers; `options` are for this start only."""
        encrypts = any(each.startswith("--ssl") for each in options)
        without_tls = [] if encrypts else [PRODUCT.without_tls]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._command,
                    f"--socket={self.socket}",
                    f"--pid-file={self._directory / 'pid'}",
                    "--bind-address=127.0.0.1",
                    f"--port={self.port}",
                    "--local-infile=1",
                    *without_tls,
                    *options,
                ],
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the server does not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.02)
        if not PRODUCT.is_mariadb:
            # After a start it wants the password itself once, which our program does not give.
            self.execute("DO 0")

    @property
    def is_running(self) -> bool:
        """Whether it was started, and neither stopped nor killed since."""
        return self._process is not None

    def stop(self) -> None:
        """Shut it down as an administrator would."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None

    def kill(self) -> None:
        """End it at once, as a crash would: nothing is flushed, no connection is told."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None
            # Whoever gets this number next is not ours to kill.
            (self._directory / "pid").unlink(missing_ok=True)

    def restart(self, *options: str) -> None:
        """Stop it and start it with `options`; port, socket, accounts and data stay."""
        self.stop()
        self.start(*options)

    def close(self) -> None:
        """End it and remove its files."""
        self.kill()
        self._watcher.communicate(timeout=PATIENCE)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self.socket))
                return bool(client.recv(1))
            except OSError:
                return False


def driver_options(url: str) -> dict[str, Any]:
    """Give the address as arguments of the driver, for a connection without SQLAlchemy."""
    engine = create_engine(make_url(url).set(query={}))
    _, options = engine.dialect.create_connect_args(engine.url)
    return {**options, "ssl_disabled": True}


def fill(database: Engine | str, tables: dict[str, list[dict[str, Any]]]) -> None:
    """Insert rows as the dialer's lax server would; a column that is not given has its default.

    `custom_tables` holds no rows but tables to make, `{"table": name, "columns": {name: type}}`,
    each with `lead_id` as its key.
    """
    with _lax(database) as connection:
        for custom in tables.get("custom_tables", []):
            _make_custom_table(connection, custom["table"], custom["columns"])
        for name in tables.keys() - {"custom_tables"}:
            # Ids are counted in the order of the rows, so only neighbours go together.
            for columns, rows in itertools.groupby(tables[name], key=list):
                target = table(name, *map(column, columns))
                connection.execute(insert(target), list(rows))


def numbers(count: int) -> str:
    """Give SQL of a table with the numbers from 1 in its column seq; MySQL has none of its own."""
    digits = " UNION ALL ".join(f"SELECT {digit} AS n" for digit in range(10))
    places = range(len(str(count)))
    below = " + ".join(f"place_{place}.n * {10**place}" for place in places)
    tables = " JOIN ".join(f"({digits}) AS place_{place}" for place in places)
    return f"(SELECT 1 + {below} AS seq FROM {tables} WHERE {below} < {count}) AS numbers"


def run(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements in one transaction, and return the rows of the last one."""
    with _connect_anew(url).begin() as connection:
        as_it_is = {"no_parameters": True}
        results = [
            connection.exec_driver_sql(statement, execution_options=as_it_is)
            for statement in statements
        ]
        return [tuple(row) for row in results[-1]] if results[-1].returns_rows else []


def empty(database: Engine | str) -> None:
    """Leave the dialer tables without rows, their ids at 1, and no other table."""
    with _lax(database) as connection:
        # A failed test may have left a transaction open, which would block this.
        sessions = text(
            "SELECT id FROM information_schema.processlist"
            " WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        )
        for session in connection.scalars(sessions).all():
            # It may be ending by itself at this moment.
            with contextlib.suppress(OperationalError):
                connection.execute(text(f"KILL {session}"))
        ours = schema.metadata.tables
        for name in set(inspect(connection).get_table_names()) - set(ours):
            connection.execute(text(f"DROP TABLE `{name}`"))
        queries = [f"(SELECT '{name}' FROM `{name}` LIMIT 1)" for name in ours]
        queries.append(
            "(SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND auto_increment > 1)"
        )
        for name in connection.scalars(text(" UNION ".join(queries))).all():
            # Slower on InnoDB, but it resets ids.
            counts = ours[name].autoincrement_column is not None
            connection.execute(text(f"{'TRUNCATE' if counts else 'DELETE FROM'} `{name}`"))


@contextlib.contextmanager
def _lax(database: Engine | str) -> Iterator[Connection]:
    """Connect anew, without the strict mode that is MariaDB's default but not the dialer's."""
    url = database.url if isinstance(database, Engine) else database
    with _connect_anew(url).begin() as connection:
        if connection.dialect.name != "sqlite":
            connection.execute(text("SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'"))
        yield connection


@functools.lru_cache(maxsize=16)
def _connect_anew(url: str | URL) -> Engine:
    """Give what makes a connection for each use; what a server is like, it asks at the first."""
    return plain_engine(url, poolclass=NullPool)


def plain_engine(url: str | URL, **options: Any) -> Engine:
    """Make an engine without TLS: the driver would read all certificates for each connection."""
    plain = {} if make_url(url).get_backend_name() == "sqlite" else {"ssl_disabled": True}
    return create_engine(url, connect_args=plain, **options)


def _make_custom_table(connection: Connection, name: str, columns: dict[str, str]) -> None:
    if connection.dialect.name == "sqlite":
        key, options = "lead_id INTEGER PRIMARY KEY NOT NULL", ""
    else:
        key = "lead_id INT UNSIGNED PRIMARY KEY NOT NULL"
        engine = connection.scalar(
            text(
                "SELECT engine FROM information_schema.tables"
                " WHERE table_schema = DATABASE() AND table_name = 'vicidial_list'"
            )
        )
        options = f"ENGINE = {engine} CHARACTER SET utf8mb3"
    quote = connection.dialect.identifier_preparer.quote_identifier
    definitions = [key, *(f"{quote(field)} {kind}" for field, kind in columns.items())]
    connection.execute(text(f"CREATE TABLE {quote(name)} ({', '.join(definitions)}) {options}"))


def free_port() -> int:
    """Give a port of loopback that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

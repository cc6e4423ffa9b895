"""Kindness to the dialer: how many leads a chunk may have, and what an archive waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Dialect, event
from sqlalchemy.exc import DBAPIError

from loader.database.connection import Database
from loader.database.error_codes import error_code
from loader.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    LoaderError,
    NotAllowedError,
    TransientDatabaseError,
    UsageError,
)
from loader.options.archive import ArchiveOptions

RIGHT_IS_MISSING = 1227

FEWEST = 10
"""Leads of a chunk below which its time goes into statements, however few rows they have."""

MEMORY = 0.5
"""How much of what earlier chunks showed counts beside the last one."""

REPLICA_PATIENCE = 10
"""Seconds for a replica's answer; SHOW SLAVE STATUS may hang while replication is being stopped."""


class ChunkSize:
    """How many leads the next chunk takes, so that it is done in about `seconds`."""

    def __init__(self, at_most: int = 500, seconds: float = 0.25) -> None:
        self.size = at_most
        self._at_most, self._at_least = at_most, min(FEWEST, at_most)
        self._seconds = seconds
        # Fading sums, not a mean of rates: a chunk of few leads says little about the rate.
        self._past_rows = self._past_seconds = 0.0

    def took(self, rows: int, seconds: float) -> None:
        """Learn from a chunk: one that took too long makes the next smaller, by its own rate.

        Otherwise the next one may be larger, as the moving average of the rate allows, and at most
        twice as large.

        Args:
            rows: leads of the chunk; one without any says nothing.
            seconds: that its statements took.
        """
        if not rows:
            return
        self._past_rows = MEMORY * self._past_rows + rows
        self._past_seconds = MEMORY * self._past_seconds + seconds
        if seconds > self._seconds:
            fits = min(self.size, int(rows * self._seconds / seconds))
        else:
            rate = self._past_rows / max(self._past_seconds, 1e-6)
            fits = max(self.size, min(2 * self.size, int(rate * self._seconds)))
        self.size = min(max(fits, self._at_least), self._at_most)


class Wait(NamedTuple):
    """A reason to wait."""

    kind: str
    """The same as long as it lasts."""
    message: str
    """The reason with its present value; a sentence without its full stop."""


class Throttle:
    """What an archive waits for between its chunks: the server, its replicas, a pause file."""

    def __init__(self, database: Database, options: ArchiveOptions) -> None:
        """Take the options; nothing is connected yet.

        Raises:
            ConfigurationError: a replica's address cannot be read.
        """
        self._database, self._options = database, options
        self._replicas = [_Replica(address) for address in options.replicas]

    def check(self) -> None:
        """See that everything can be asked that is to be waited for; replicas may lag by now.

        Raises:
            UsageError: a status variable does not exist or is no number, or SQLite has none.
            ConfigurationError: an address is not that of a replica.
            NotAllowedError: an account may not ask.
            DatabaseUnavailableError: the database or a replica does not answer.
        """
        if (not self._database.adapter.has_replication) and (
            self._options.max_load or self._replicas
        ):
            raise UsageError(
                "max_load and max_lag are for servers, and the database is SQLite; leave them out"
            )
        self._loads()
        for replica in self._replicas:
            try:
                replica.ask()
            except TransientDatabaseError as error:
                raise DatabaseUnavailableError(
                    f"{replica.silence(error)}; see that it runs and can be reached, or leave it "
                    "out of replicas"
                ) from None

    def why_wait(self) -> Wait | None:
        """Say why to wait now; None: there is no reason.

        A replica that does not answer is waited for.

        Raises:
            UsageError: the server has lost a status variable since `check`.
            ConfigurationError: a replica is none any more.
            NotAllowedError: an account may not ask any more.
            DatabaseUnavailableError: the database does not answer after all retries.
        """
        return self._pause() or self._busy() or self._lagging()

    def pause_after(self, seconds: float) -> float:
        """Give the seconds to sleep after a chunk that took so many."""
        return self._options.sleep.total_seconds() + self._options.sleep_ratio * seconds

    def close(self) -> None:
        """End the connections to the replicas."""
        for replica in self._replicas:
            replica.database.engine.dispose()

    def _pause(self) -> Wait | None:
        file = self._options.pause_file
        if file is None:
            return None
        try:
            file.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            said = f"pause file {file} cannot be looked for ({error.strerror})"
            return Wait(said, said)
        said = f"pause file {file} exists"
        return Wait(said, said)

    def _busy(self) -> Wait | None:
        for name, (value, most) in self._loads().items():
            if value > most:
                limit = f"more than {_plain(most)}"
                return Wait(f"{name} {limit}", f"{name} is {_plain(value)}, {limit}")
        return None

    def _lagging(self) -> Wait | None:
        most = self._options.max_lag
        for replica in self._replicas:
            try:
                reason = replica.why_wait(most) if most is not None else None
            except TransientDatabaseError as error:
                reason = Wait(replica.silence(error), replica.silence(error))
            if reason:
                return reason
        return None

    def _loads(self) -> dict[str, tuple[float, float]]:
        """Ask for all status variables at once; give each one's value and limit by its name."""
        limits = {name.lower(): most for name, most in self._options.max_load.items()}
        if not limits:
            return {}
        statement = "SHOW GLOBAL STATUS WHERE Variable_name IN %s"
        rows = self._database.read(
            lambda connection: connection.exec_driver_sql(statement, (tuple(limits),)).all()
        )
        found = {str(name): (str(value), limits[str(name).lower()]) for name, value in rows}
        unknown = limits.keys() - map(str.lower, found)
        if unknown:
            raise UsageError(
                f"max_load: the server has no status variable {', '.join(sorted(unknown))}; "
                "SHOW GLOBAL STATUS lists them"
            )
        return {name: (_number(name, value), most) for name, (value, most) in found.items()}


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(
            f"max_load: the status variable {name} is no number; take one that is, such as "
            "Threads_running"
        ) from None


def _plain(number: float) -> str:
    """Write it without an exponent, and without a fraction where there is none."""
    return f"{number:.15g}"


class _Replica:
    """A server that is asked how far it lags."""

    def __init__(self, address: str) -> None:
        try:
            self.database = Database(address)
        except LoaderError as error:
            raise type(error)(f"replicas: {error}") from None
        self.name = f"replica {self.database.name}"
        self._is_connected = False
        if self.database.adapter.has_replication:
            event.listen(self.database.engine, "do_connect", _limit_patience)

    def why_wait(self, most: timedelta) -> Wait | None:
        """Say that it lags by more than `most`, or does not replicate; raises what `ask` does."""
        for state in self.ask():
            source = f" from {state.connection}" if state.connection else ""
            if state.seconds is None:
                error = f" (error {state.error})" if state.error else ""
                said = f"{self.name} does not replicate{source}{error}"
                return Wait(said, said)
            if state.seconds > most.total_seconds():
                who, limit = f"{self.name} lags{source}", _plain(most.total_seconds())
                said = f"{who} {_plain(state.seconds)} s, more than {limit}"
                return Wait(f"{who} more than {limit}", said)
        return None

    def silence(self, error: TransientDatabaseError) -> str:
        """Say that it does not answer."""
        return f"{self.name} does not answer (error {error.code})"

    def ask(self) -> "list[_State]":
        """Ask for the state of its replication, from each of its sources.

        Raises:
            TransientDatabaseError: it does not answer.
            ConfigurationError: it is no replica.
            NotAllowedError: the account may not ask.
        """
        try:
            states = self._ask_twice()
        except LoaderError as error:
            raise type(error)(f"{self.name}: {error}") from None
        if not states:
            raise ConfigurationError(
                f"{self.name} is none: it replicates from no server; give addresses of replicas"
            )
        return states

    def _ask_twice(self) -> "list[_State]":
        """Ask; again if the connection has broken since the last time, as idle ones are ended."""
        try:
            return self._ask_once()
        except TransientDatabaseError:
            if not self._is_connected:
                raise
            self._is_connected = False
            return self._ask_once()

    def _ask_once(self) -> "list[_State]":
        if not self.database.adapter.has_replication:
            return []
        with self.database.connect() as connection:
            try:
                rows = connection.exec_driver_sql(_question(connection.dialect)).mappings().all()
            except DBAPIError as error:
                if error_code(error) == RIGHT_IS_MISSING:
                    raise NotAllowedError(_right(connection.dialect)) from None
                raise
        self._is_connected = True
        return [_State.of(row) for row in rows]


@dataclass(frozen=True)
class _State:
    """How replication from one source goes; `seconds` is None where it stands still."""

    connection: str
    seconds: float | None
    error: int

    @staticmethod
    def of(row: Mapping[Any, Any]) -> "_State":
        """Take it from a row of the server's, under the names of MariaDB or of MySQL."""
        seconds = _first(row, "Seconds_Behind_Master", "Seconds_Behind_Source")
        return _State(
            connection=str(_first(row, "Connection_name", "Channel_Name") or ""),
            seconds=None if seconds is None else float(seconds),
            error=int(row["Last_SQL_Errno"] or row["Last_IO_Errno"] or 0),
        )


def _first(row: Mapping[Any, Any], *names: str) -> Any:
    """Give what stands under the first of the names that the row has."""
    return next((row[name] for name in names if name in row), None)


def _question(dialect: Dialect) -> str:
    """Ask as the server's version understands it, for all of its sources."""
    if _is_mariadb(dialect):
        return "SHOW ALL SLAVES STATUS"
    renamed = (dialect.server_version_info or ()) >= (8, 0, 22)
    return "SHOW REPLICA STATUS" if renamed else "SHOW SLAVE STATUS"


def _right(dialect: Dialect) -> str:
    """Say which right is missing: MariaDB split it in 10.5."""
    split = _is_mariadb(dialect) and (dialect.server_version_info or ()) >= (10, 5)
    right = "SLAVE MONITOR" if split else "REPLICATION CLIENT"
    return f"the account may not see how replication goes; GRANT {right} ON *.* to it there"


def _is_mariadb(dialect: Dialect) -> bool:
    return bool(getattr(dialect, "is_mariadb", False))


def _limit_patience(
    _dialect: Dialect, _record: object, _arguments: Sequence[Any], options: dict[str, Any]
) -> None:
    options.setdefault("read_timeout", REPLICA_PATIENCE)

"""The throttle of jobs that write: the size of a chunk or batch, and the reasons to wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError

from loader.database.connection import Database
from loader.database.error_codes import error_code
from loader.database.sql import is_mariadb
from loader.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    LoaderError,
    NotAllowedError,
    TransientDatabaseError,
    UsageError,
)
from loader.options.connection import ConnectionOptions
from loader.options.throttle import ThrottleOptions

RIGHT_IS_MISSING = 1227

FEWEST = 10
"""A smaller chunk saves no time: statements take as long for fewer rows."""

MEMORY = 0.5
"""The weight of earlier chunks in the moving average."""

PATIENCE = {"read_timeout": timedelta(seconds=10)}
"""How long a replica is waited for; SHOW SLAVE STATUS may hang while replication is stopping."""


class ChunkSize:
    """The number of leads of the next chunk, such that it takes about `seconds`."""

    def __init__(
        self,
        at_most: int = 500,
        seconds: float = 0.25,
        *,
        at_first: int | None = None,
        at_least: int = FEWEST,
    ) -> None:
        self.size = at_most if at_first is None else at_first
        self._at_most, self._at_least = at_most, min(at_least, at_most)
        self._seconds = seconds
        # Fading sums, not a mean of rates: a chunk of few leads is a poor measure of the rate.
        self._past_rows = self._past_seconds = 0.0

    def took(self, rows: int, seconds: float) -> None:
        """Adapt the size to the time of a chunk: after a slow one, the next is smaller.

        Otherwise the next one may be larger, up to what the moving average of the rate allows, and
        at most twice as large. An empty chunk changes nothing.
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
    """Stays the same as long as the reason lasts."""
    message: str
    """The reason with its present value; a sentence without its full stop."""


class Throttle:
    """Gives the reasons to wait between chunks: the server, its replicas, a pause file."""

    def __init__(self, database: Database, options: ThrottleOptions) -> None:
        """Prepare the replicas; nothing is connected yet.

        Raises:
            ConfigurationError: a replica's address cannot be read.
        """
        self._database, self._options = database, options
        connecting = (database.options or ConnectionOptions()).model_copy(update=PATIENCE)
        self._replicas = [_Replica(address, connecting) for address in options.replicas]

    def check(self) -> None:
        """Check that all reasons to wait can be determined; replicas may lag.

        Raises:
            UsageError: a status variable does not exist or is no number, or SQLite has none.
            ConfigurationError: an address is not that of a replica.
            NotAllowedError: an account lacks the right to ask.
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
                    f"{replica.silence(error)}; make sure that it runs and can be reached, or "
                    "leave it out of replicas"
                ) from None

    def why_wait(self) -> Wait | None:
        """Give the reason to wait now, or None.

        A replica that does not answer is waited for. Raises what `check` does.
        """
        return self._pause() or self._busy() or self._lagging()

    def close(self) -> None:
        """Close the connections to the replicas."""
        for replica in self._replicas:
            replica.database.engine.dispose()

    def _pause(self) -> Wait | None:
        file = self._options.pause_file
        if file is None:
            return None
        message = f"pause file {file} exists"
        try:
            file.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            message = f"pause file {file} cannot be checked ({error.strerror})"
        return Wait(message, message)

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
        """Read all status variables at once; give value and limit by name."""
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
            f"max_load: the status variable {name} is not a number; use one that is, such as "
            "Threads_running"
        ) from None


def _plain(number: float) -> str:
    """Format a number without an exponent, and a whole number without a fraction."""
    return f"{number:.15g}"


class _Replica:
    """A replica, which is asked how far it lags."""

    def __init__(self, address: str, options: ConnectionOptions) -> None:
        try:
            self.database = Database(address, options)
        except LoaderError as error:
            raise type(error)(f"replicas: {error}") from None
        self.name = f"replica {self.database.name}"
        self._is_connected = False

    def why_wait(self, most: timedelta) -> Wait | None:
        """Give a reason if it lags by more than `most` or has stopped; raises what `ask` does."""
        for state in self.ask():
            source = f" from {state.connection}" if state.connection else ""
            if state.seconds is None:
                error = f" (error {state.error})" if state.error else ""
                message = f"{self.name} does not replicate{source}{error}"
                return Wait(message, message)
            if state.seconds > most.total_seconds():
                who, limit = f"{self.name} lags{source}", _plain(most.total_seconds())
                message = f"{who} {_plain(state.seconds)} s, more than {limit}"
                return Wait(f"{who} more than {limit}", message)
        return None

    def silence(self, error: TransientDatabaseError) -> str:
        """Describe that it does not answer."""
        return f"{self.name} does not answer (error {error.code})"

    def ask(self) -> "list[_State]":
        """Read the state of the replication from each of its sources; raise if it has none."""
        try:
            states = self._ask_twice()
        except LoaderError as error:
            raise type(error)(f"{self.name}: {error}") from None
        if not states:
            raise ConfigurationError(
                f"{self.name} is not a replica: it replicates from no server; "
                "give addresses of replicas"
            )
        return states

    def _ask_twice(self) -> "list[_State]":
        """Ask; retry once if the connection has broken, because servers close idle ones."""
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
            statement = _status_statement(connection.dialect)
            try:
                rows = connection.exec_driver_sql(statement).mappings().all()
            except DBAPIError as error:
                if error_code(error) == RIGHT_IS_MISSING:
                    raise NotAllowedError(_missing_right(connection.dialect)) from None
                raise
        self._is_connected = True
        return [_State.of(row) for row in rows]


@dataclass(frozen=True)
class _State:
    """The state of replication from one source; `seconds` is None if it has stopped."""

    connection: str
    seconds: float | None
    error: int

    @staticmethod
    def of(row: Mapping[Any, Any]) -> "_State":
        """Read a row of the server, which has the names of MariaDB or of MySQL."""
        seconds = _first(row, "Seconds_Behind_Master", "Seconds_Behind_Source")
        return _State(
            connection=str(_first(row, "Connection_name", "Channel_Name") or ""),
            seconds=None if seconds is None else float(seconds),
            error=int(row["Last_SQL_Errno"] or row["Last_IO_Errno"] or 0),
        )


def _first(row: Mapping[Any, Any], *names: str) -> Any:
    """Give the value under the first of the names that the row has."""
    return next((row[name] for name in names if name in row), None)


def _status_statement(dialect: Dialect) -> str:
    """Give the statement for all sources that the version of the server understands."""
    if is_mariadb(dialect):
        return "SHOW ALL SLAVES STATUS"
    renamed = (dialect.server_version_info or ()) >= (8, 0, 22)
    return "SHOW REPLICA STATUS" if renamed else "SHOW SLAVE STATUS"


def _missing_right(dialect: Dialect) -> str:
    """Describe the missing right; it has another name since MariaDB 10.5."""
    split = is_mariadb(dialect) and (dialect.server_version_info or ()) >= (10, 5)
    right = "SLAVE MONITOR" if split else "REPLICATION CLIENT"
    return f"the account may not read the replication status; GRANT {right} ON *.* to it there"

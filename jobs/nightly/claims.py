"""Claims: what one night has, the nights of other machines leave alone.

A claim is a lock in the dialer's database, see `loader.database.locks`: it is renewed while the
night lives, and ends by the clock of the server if its machine is not heard of any more.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar

from jobs.nightly.destination import Destination
from loader.database import leases
from loader.database.connection import Database
from loader.database.locks import Confirm, lock
from loader.errors import BusyError, ConfigurationError, NotAllowedError
from loader.paths import printable_path


class ClaimedError(BusyError):
    """Another night has it, so that nothing is wrong."""

    exit_code: ClassVar[int] = 0


class Claims:
    """The claims of one night."""

    def __init__(self, database: Database | None) -> None:
        """Take the database that all nights know; None: there is no other night."""
        self._database = database
        self._confirm: Confirm | None = None

    @classmethod
    def of(cls, destination: Destination) -> "Claims":
        """Give those of a night whose leads go there."""
        database = destination.database
        return cls(database if database and database.adapter.has_many_writers else None)

    @property
    def are_shared(self) -> bool:
        """Whether nights of other machines may go on with what this one began."""
        return self._database is not None

    @property
    def patience(self) -> float:
        """Seconds after which nobody has a claim any more whose machine is gone."""
        return leases.LASTS + leases.BEAT if self._database else 0.0

    @contextmanager
    def claim_file(self, source: str, file: str) -> Iterator[None]:
        """Have a file for the whole block, by its name and that of its source.

        Other machines may see the drop folder under another path.

        Raises:
            ClaimedError: another night has the file.
        """
        name = printable_path(file)
        with self._claim(f"night {source}/{name}", f"{name} is being loaded"):
            yield

    @contextmanager
    def claim_archiving(self) -> Iterator[None]:
        """Be the only night that archives, for the whole block.

        Raises:
            ClaimedError: another night does.
        """
        with self._claim("night archive", "archiving is under way"):
            yield

    def refuse_lost(self) -> None:
        """Refuse to go on where this process stood still, and another one may have the claim.

        Raises:
            BusyError: another night has it, or may have.
            DatabaseUnavailableError: that cannot be known.
        """
        if self._database and self._confirm:
            self._database.write(self._confirm)

    @contextmanager
    def _claim(self, name: str, what: str) -> Iterator[None]:
        if self._database is None:
            yield
            return
        with ExitStack() as stack:
            try:
                self._confirm = stack.enter_context(lock(self._database, name, what, waits=False))
            except BusyError as error:
                raise ClaimedError(str(error)) from None
            try:
                yield
            finally:
                self._confirm = None


def shares_ledger(destination: Destination, folder: Path) -> bool:
    """Say whether nights of other machines know what this one has loaded, and the reverse.

    Else only one night at a time can load into the database.

    Args:
        destination: where the leads go.
        folder: of the ledger, where it is a file.

    Raises:
        DatabaseUnavailableError: no answer after all retries.
    """
    database = destination.database
    if database is None or not database.adapter.has_many_writers:
        return False
    try:
        return destination.ledger(folder, is_to_read=False).is_shared
    except (ConfigurationError, NotAllowedError):
        return False  # the first file says so

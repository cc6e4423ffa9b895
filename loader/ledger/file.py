"""A ledger that is a file, for accounts that may make no tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from loader.database.connection import Database
from loader.errors import DamagedFileError
from loader.paths import printable_path


class LedgerFile(Database):
    """An SQLite database whose errors say that it is the ledger, and what to do."""

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is opened yet."""
        super().__init__(f"sqlite:///{path.resolve()}")
        self.path = path

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Connect, see `Database.connect`.

        Raises:
            DamagedFileError: it is damaged, or no ledger.
        """
        try:
            with super().connect() as connection:
                yield connection
        except DamagedFileError as error:
            raise self.damaged(error.sign) from None

    def damaged(self, sign: str) -> DamagedFileError:
        """Give the error of a file that cannot be read, by a sign of it."""
        return DamagedFileError(
            f"the ledger {printable_path(self.path)} is damaged, or is no SQLite database "
            f"({sign}): put back a copy of it from before, or move it away; without it no earlier "
            "run is known, so that their files would be loaded again, and none can be completed or "
            "undone",
            sign,
        )

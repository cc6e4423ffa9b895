"""What can go wrong with a run as a whole, grouped by what the caller does next.

A defect of one row is data (see `loader.reasons`), never an exception.
"""

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar


class LoaderError(Exception):
    """Base of every error that a user can cause or must know of; `exit_code` is from sysexits."""

    exit_code: ClassVar[int] = 70


class UsageError(LoaderError):
    """An option has a value that it cannot have; nothing was read."""

    exit_code = 64


class SourceFileError(LoaderError):
    """The source file cannot be used as it is; nothing was written."""

    exit_code = 65


class FeedFileError(SourceFileError):
    """A feed cannot be used as it is; the source file itself may be good."""


class RejectRateError(LoaderError):
    """More rows than `max_reject_rate` allows were rejected; nothing was inserted."""

    exit_code = 65


class DeclinedError(LoaderError):
    """Somebody was asked, and said no; nothing was inserted."""

    exit_code = 1


class NoSuchFileError(LoaderError):
    """The source file does not exist or cannot be opened."""

    exit_code = 66


class DatabaseUnavailableError(LoaderError):
    """The database does not answer, after all retries."""

    exit_code = 69


class ResultsError(LoaderError):
    """The results cannot be written, for the disk is full; what was done before is done."""

    exit_code = 74


class NotAllowedError(LoaderError):
    """The dialer's user, or the database account, may not do this."""

    exit_code = 77


class ConfigurationError(LoaderError):
    """A settings or mapping file, or the database itself, is not as it must be."""

    exit_code = 78


class LeadIdsError(LoaderError):
    """The given lead_ids cannot be taken; nothing was moved.

    `message` is the Lead Archive API's, `lead_ids` are those at fault, and `where` is the file and
    the line of the first of them, if they are from a file.
    """

    exit_code = 65

    def __init__(self, message: str, lead_ids: Sequence[int | str] = (), where: str = "") -> None:
        shown = ", ".join(map(str, lead_ids[:10])) + (", ..." if len(lead_ids) > 10 else "")
        parts = (where, message, shown)
        super().__init__(": ".join(part for part in parts if part))
        self.message, self.lead_ids, self.where = message, tuple(lead_ids), where


class BusyError(LoaderError):
    """Another process is at it; nothing was done. The message names the process."""

    exit_code = 75


class LoadedBeforeError(LoaderError):
    """The file was loaded already with the same options, by the run `run`; nothing was done."""

    exit_code = 0

    def __init__(self, message: str, run: str) -> None:
        super().__init__(message)
        self.run = run


class UndoneBeforeError(LoaderError):
    """The run was undone already, and nothing more of it can be taken back; nothing was done."""

    exit_code = 0


class OfficeHoursError(LoaderError):
    """It may not be done during office hours; nothing was moved."""

    exit_code = 75


LOCK_CODES = frozenset({1205, 1213})
"""The server's numbers where another transaction holds a row: lock wait timeout, deadlock."""


class TransientDatabaseError(Exception):
    """The server says try again: deadlock, lock wait, lost connection. `code` is its number."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the database answered with error {code}")
        self.code = code


class RowDataError(Exception):
    """The server refuses a row of the batch for its data. `code` is its number."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the database refused a row with error {code}")
        self.code = code


def bug_of_ours(error: Exception) -> str:
    """Say where it happened, not what: the text of an error may hold a person's data."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
    return f"a bug of ours: {where}; please report it"


def missing_extra(setting: str, extra: str, package: str) -> ConfigurationError:
    """Give the error: what needs it, and how to install it.

    Args:
        setting: what asks for it, as written in the settings file or as a flag.
        extra: of this package.
        package: the package that is missing, or whose version cannot be imported.
    """
    return ConfigurationError(
        f"{setting} needs {package}, which is not installed: pip install 'leadloader[{extra}]'"
    )

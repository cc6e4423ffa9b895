"""Errors that end a run, grouped by what the caller does next.

A faulty row is data (see `loader.reasons`), never an exception.
"""

import errno
import os
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir
from typing import ClassVar

from loader.installation import install_command
from loader.paths import printable_path, without_passwords


class LoaderError(Exception):
    """Base of all errors that a user can cause or must know of; `exit_code` as in sysexits.h."""

    exit_code: ClassVar[int] = 70

    def __str__(self) -> str:
        """Give the message; names of files in it can be printed, passwords are hidden."""
        return without_passwords(printable_path(super().__str__()))


class UsageError(LoaderError):
    """An option has a value that is not allowed; nothing was read."""

    exit_code = 64


class SourceFileError(LoaderError):
    """The source file cannot be used; nothing was written."""

    exit_code = 65


class FeedFileError(SourceFileError):
    """A feed cannot be used; the source file itself may be good."""


class EmptyFileError(SourceFileError):
    """The source file has nothing, or only blank lines."""


class EncodingError(SourceFileError):
    """A byte of the source file is not of its encoding."""


class RejectRateError(LoaderError):
    """More rows were rejected than a limit allows; nothing was inserted.

    `results` is the folder that says which, once it is written.
    """

    exit_code = 65

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.results: Path | None = None

    def __str__(self) -> str:
        """Give the message, and where the results are."""
        where = f"; which rows: {self.results / 'rejected.csv'}" if self.results else ""
        return f"{super().__str__()}{printable_path(where)}"


class DeclinedError(LoaderError):
    """The user declined when asked; nothing was inserted."""

    exit_code = 1


class NoSuchFileError(LoaderError):
    """The source file does not exist or cannot be opened."""

    exit_code = 66


class MissingFeedError(FeedFileError, NoSuchFileError):
    """The file of a feed does not exist or cannot be opened; the source file may be good."""

    exit_code = 66


class MissingBlockError(NoSuchFileError):
    """The part of the source file that another machine was to read is not there, or another."""


class DatabaseUnavailableError(LoaderError):
    """The database does not answer, after all retries."""

    exit_code = 69


class TargetUnavailableError(LoaderError):
    """Another dialer's API does not answer, after all retries; what was answered is noted."""

    exit_code = 69


class SystemLimitError(LoaderError):
    """The system gives no more memory, open files or processes; what was done so far stays."""

    exit_code = 71


class ResultsError(LoaderError):
    """A file cannot be written or read, as on a full disk; what was done so far stays."""

    exit_code = 74


class NotAllowedError(LoaderError):
    """The dialer's user or the database account lacks a right."""

    exit_code = 77


class ConfigurationError(LoaderError):
    """A settings or mapping file is invalid, or the database lacks something."""

    exit_code = 78


class SettingError(ConfigurationError):
    """A setting of a table names what cannot be used; `place` is where it stands, table first."""

    def __init__(self, table: str, name: str, problem: str) -> None:
        super().__init__(f"{table}: {name}: {problem}")
        self.place, self.problem = (table, name), problem


class DamagedTableError(ConfigurationError):
    """A crash of the server has damaged a table; the message says what to run."""

    def __init__(self, message: str, table: str = "") -> None:
        super().__init__(message)
        self.table = table
        """Its name; empty: the error was told on."""


class DamagedFileError(ConfigurationError):
    """A database that is a file is damaged, or is none; the message says what to do."""

    def __init__(self, message: str, sign: str = "") -> None:
        super().__init__(message)
        self.sign = sign
        """By what that is known, such as SQLite's name of the error."""


class UntrustedServerError(ConfigurationError):
    """What answers at the database's address wants what no server may have; it did not get it."""


class LeadIdsError(LoaderError):
    """The given lead_ids are invalid; nothing was moved.

    `message` is that of the Lead Archive API, `lead_ids` are the invalid ones, and `where` is file
    and line of the first of them, if they are from a file.
    """

    exit_code = 65

    def __init__(self, message: str, lead_ids: Sequence[int | str] = (), where: str = "") -> None:
        listed = ", ".join(map(str, lead_ids[:10])) + (", ..." if len(lead_ids) > 10 else "")
        parts = (where, message, listed)
        super().__init__(": ".join(part for part in parts if part))
        self.message, self.lead_ids, self.where = message, tuple(lead_ids), where


class BusyError(LoaderError):
    """Another process does the same; nothing was done. The message names the process."""

    exit_code = 75

    def __init__(self, message: str, lock_name: str = "") -> None:
        super().__init__(message)
        self.lock_name = lock_name
        """Of the lock that it has, see `loader.database.locks.is_held`; "": that is not known."""


class LoadedBeforeError(LoaderError):
    """The file was already loaded with the same options, by the run `run`; nothing was done."""

    exit_code = 0

    def __init__(self, message: str, run: str) -> None:
        super().__init__(message)
        self.run = run


class PartsLoadedBeforeError(SourceFileError):
    """Some of several files were already loaded with the same options; nothing was done."""


class UndoneBeforeError(LoaderError):
    """The run was already undone and has nothing more to take back; nothing was done."""

    exit_code = 0


class OfficeHoursError(LoaderError):
    """Not allowed during office hours; nothing was moved."""

    exit_code = 75


LOCK_CODES = frozenset({1020, 1205, 1213})
"""Error numbers if another transaction is at the same rows: changed since they were read
(innodb_snapshot_isolation), lock wait timeout, deadlock."""


class TransientDatabaseError(Exception):
    """The statement may be retried: deadlock, lock wait, lost connection. `code`: error number.

    `detail` says of each server of several why it was not taken, or that it is no Synced node.
    """

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(f"the database answered with error {code}")
        self.code, self.detail = code, detail


class RowDataError(Exception):
    """The server refused a row of the batch for its data. `code`: error number."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the database refused a row with error {code}")
        self.code = code


FULL_CODES = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Of the system, if there is no room for a file."""

LIMIT_CODES = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Of the system, if there is no more of something else."""

STAYS = "what was done is not lost: {}, and the same command goes on"


def as_loader_error(error: Exception) -> LoaderError:
    """Give what ended a command as an error of ours; what the system refuses is no bug."""
    if isinstance(error, LoaderError):
        return error
    if isinstance(error, MemoryError):
        return SystemLimitError(
            "the memory does not suffice; " + STAYS.format("give more, or a lower --chunk-size")
        )
    if isinstance(error, OSError):
        return _of_system(error)
    return LoaderError(describe_bug(error))


def _of_system(error: OSError) -> LoaderError:
    what = error.strerror or type(error).__name__
    if isinstance(error.filename, str):
        what = f"{error.filename}: {what}"
    if error.errno in FULL_CODES:
        if not isinstance(error.filename, str):
            # A write does not say of which file it is.
            full = " and ".join(_full_folders())
            what += f", in {full or f'the results folder or in {gettempdir()}'}"
            what += " (TMPDIR names the temporary folder)"
        return ResultsError(f"there is no room for a file: {what}; {STAYS.format('make room')}")
    if error.errno in LIMIT_CODES:
        return SystemLimitError(
            f"the system refuses: {what}; {STAYS.format('raise its limit (ulimit -a)')}"
        )
    return ResultsError(f"a file cannot be used: {what}; {STAYS.format('correct that')}")


ALMOST_FULL = 1 << 20
"""Bytes: where there are no more, a file may have found none."""


def _full_folders() -> list[str]:
    """Give the local file systems that are full, by where they are mounted; none, if unknown."""
    with suppress(OSError):
        mounts = map(str.split, Path("/proc/self/mounts").read_text("utf-8").splitlines())
        # What is reached over a line may keep us waiting; others are not written to.
        local = {
            folder.encode().decode("unicode_escape")
            for device, folder, kind, options, *_ in mounts
            if "rw" in options.split(",") and ":" not in device + kind and "//" not in device
        }
        return sorted(filter(_is_full, local))
    return []


def _is_full(folder: str) -> bool:
    with suppress(OSError):
        system = os.statvfs(folder)
        return system.f_blocks > 0 and system.f_bavail * system.f_frsize < ALMOST_FULL
    return False


def describe_bug(error: Exception) -> str:
    """Name type and place of an error, not its text, which may contain a person's data."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    # That of an error of another process came with it, see `loader.engines.workers`.
    file, line = getattr(error, "place", (last.filename, last.lineno))
    where = f"{type(error).__name__} in {Path(file).name}, line {line}"
    return f"a bug in leadloader: {where}; please report it"


def missing_extra_error(setting: str, extra: str, package: str) -> ConfigurationError:
    """Return an error: a setting or flag needs a package, which an extra of leadloader installs."""
    return ConfigurationError(
        f"{setting} needs {package}, which is not installed: {install_command(extra)}"
    )

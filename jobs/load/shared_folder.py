"""A folder that all machines of a cluster see: a path, or an address that fsspec knows.

What is written there has a temporary name until it is whole. By a file of its own name a machine
knows that it sees this very folder, and no other one of the same path.
"""

import fcntl
import os
import posixpath
import secrets
import shutil
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from loader.errors import LoaderError, ResultsError, missing_extra_error
from loader.remote.file_systems import (
    extra_of,
    failures,
    host_keys,
    message_of,
    missing_package,
    without_address,
    without_password,
)

RUN_PREFIX = "run-"
"""Of the folders of runs."""
BEGAN = "%Y%m%d-%H%M%S"
MARK = "seen"
LEFT_FOR = timedelta(days=7)
"""After so long, what a run has left at an address is no run's any more."""


class SharedFolderError(ResultsError):
    """The shared folder cannot be used; nothing was inserted."""


def is_address(place: str) -> bool:
    """Say whether a place is an address, and no path."""
    return "://" in place


@dataclass(frozen=True)
class SharedFolder:
    """The folder of one run at a place; it can be sent to another machine.

    Every method raises SharedFolderError if the folder cannot be used.
    """

    place: str = field(repr=False)
    """The absolute path, or the address, of the folder that those of the runs are in."""
    run: str
    """The name of this run's."""
    is_named: bool
    """By an option: then every worker has to see it."""

    @classmethod
    def make(cls, place: str, *, is_named: bool) -> "SharedFolder":
        """Make the folder of a run; those of runs that have ended without removing theirs go.

        It is this run's as long as what is returned is there.

        Raises:
            ConfigurationError: a library for the address is missing.
            SharedFolderError: it cannot be made.
        """
        now = datetime.now(UTC)
        place = place if is_address(place) else str(Path(place).absolute())
        folder = cls(place, f"{RUN_PREFIX}{now:{BEGAN}}-{secrets.token_hex(8)}", is_named)
        with folder._files() as files:
            lock = files.make(folder.run, with_place=not is_named)
            if lock is not None:
                weakref.finalize(folder, os.close, lock)
            for other in files.names():
                if other.startswith(RUN_PREFIX) and files.has_ended(other, now):
                    files.remove(other)
        return folder

    @property
    def name(self) -> str:
        """The place as it may be shown."""
        return without_password(self.place)

    def is_seen(self) -> bool:
        """Say whether this machine sees the folder.

        Raises:
            SharedFolderError: it does not, and has to.
        """
        with self._files() as files:
            is_seen = files.exists(f"{self.run}/{MARK}")
        if self.is_named and not is_seen:
            raise SharedFolderError(
                f"shared folder {self.name}: a machine of the cluster does not see it; nothing was "
                "inserted. Mount it there under the same path, or leave out --shared-folder"
            )
        return is_seen

    def write(self, name: str, content: bytes) -> None:
        """Write a file; one that is there is replaced."""
        with self._files() as files:
            files.write(f"{self.run}/{name}", content)

    def read(self, name: str) -> bytes:
        """Read a whole file."""
        with self._files() as files:
            return files.read(f"{self.run}/{name}")

    @contextmanager
    def open(self, name: str) -> Iterator[Any]:
        """Open a file of which pyarrow reads parts."""
        with self._files() as files, files.open(f"{self.run}/{name}") as file:
            yield file

    def remove(self) -> None:
        """Remove the folder of the run, as far as that is possible now."""
        with suppress(LoaderError), self._files() as files:
            files.remove(self.run)

    @contextmanager
    def _files(self) -> Iterator["_Files"]:
        try:
            yield _files_at(self.place)
        except ImportError as error:
            what = f"shared folder {self.name}"
            package = missing_package(error)
            raise missing_extra_error(what, extra_of(self.place), package) from None
        except failures(ValueError) as error:  # of Arrow, which cannot read it, too
            words = without_address(message_of(error), self.place)
            raise SharedFolderError(
                f"shared folder {self.name}: {words}; nothing was inserted. Correct that, or name "
                "another --shared-folder, and run the command again"
            ) from None


def _is_old(run: str, now: datetime) -> bool:
    """Say whether a run began so long ago that it is not at work any more."""
    with suppress(ValueError):
        began = datetime.strptime(run.removeprefix(RUN_PREFIX)[:15], BEGAN).replace(tzinfo=UTC)
        return now - began > LEFT_FOR
    return False


class _Files(ABC):
    """The files of a place, by names with slashes."""

    @abstractmethod
    def make(self, run: str, *, with_place: bool) -> int | None:
        """Make the folder of a run with its mark; that of the place only if it is asked for.

        Returns:
            The descriptor of a lock by which others know that the run is at work; None: there is
            no such lock.
        """

    @abstractmethod
    def has_ended(self, run: str, now: datetime) -> bool:
        """Say whether it is certain that a run is not at work any more."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Write a file, which gets its name when it is whole."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Read a whole file."""

    @abstractmethod
    def open(self, name: str) -> Any:
        """Open a file for pyarrow."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Say whether there is such a file."""

    @abstractmethod
    def names(self) -> list[str]:
        """List what the place has."""

    @abstractmethod
    def remove(self, folder: str) -> None:
        """Remove a folder with its files."""


class _PathFiles(_Files):
    """Those of a mounted folder; nobody but this account reads them."""

    def __init__(self, place: str) -> None:
        self._root = Path(place)

    def make(self, run: str, *, with_place: bool) -> int | None:
        """Make the folder, and lock its mark before others see it."""
        if with_place:  # else what is to be mounted there would be hidden by a folder of ours
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._root / run
        folder.mkdir(mode=0o700)
        part = folder / f"{MARK}.part"
        lock = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Nobody else sees it before it is locked.
        part.rename(folder / MARK)
        return lock

    def has_ended(self, run: str, now: datetime) -> bool:
        if _is_old(run, now):
            return True
        with suppress(OSError), (self._root / run / MARK).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def write(self, name: str, content: bytes) -> None:
        """Write a file that this account alone may read."""
        path = self._root / name
        part = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            part.rename(path)
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise

    def read(self, name: str) -> bytes:
        return (self._root / name).read_bytes()

    def open(self, name: str) -> Any:
        return pa.OSFile(os.fsencode(self._root / name))

    def exists(self, name: str) -> bool:
        return (self._root / name).exists()

    def names(self) -> list[str]:
        return [each.name for each in self._root.iterdir()]

    def remove(self, folder: str) -> None:
        shutil.rmtree(self._root / folder, ignore_errors=True)


class _AddressFiles(_Files):
    """Those of an address."""

    def __init__(self, address: str) -> None:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - an extra

        options = {**host_keys(address), "skip_instance_cache": True}
        self._system, self._root = url_to_fs(address, **options)

    def make(self, run: str, *, with_place: bool) -> int | None:  # noqa: ARG002 - of paths
        self._system.makedirs(self._at(run), exist_ok=True)
        self.write(f"{run}/{MARK}", b"")
        return None

    def has_ended(self, run: str, now: datetime) -> bool:
        return _is_old(run, now)

    def write(self, name: str, content: bytes) -> None:
        """Upload a file; where a server replaces none, one of this name stays."""
        path = self._at(name)
        part = f"{path}.{secrets.token_hex(8)}"
        self._system.pipe_file(part, content)
        try:
            self._system.mv(part, path)
        except failures():
            # Some servers replace no file; one of this name is whole, and says the same.
            if not self.exists(name):
                raise
            self._system.rm_file(part)

    def read(self, name: str) -> bytes:
        content: bytes = self._system.cat_file(self._at(name))
        return content

    def open(self, name: str) -> Any:
        # What is not asked for is not read.
        return self._system.open(self._at(name), "rb", cache_type="none")

    def exists(self, name: str) -> bool:
        return bool(self._system.exists(self._at(name)))

    def names(self) -> list[str]:
        listed = self._system.ls(self._at(), detail=False)
        return [posixpath.basename(each.rstrip("/")) for each in listed]

    def remove(self, folder: str) -> None:
        self._system.rm(self._at(folder), recursive=True)

    def _at(self, *names: str) -> str:
        self._system.invalidate_cache()
        return posixpath.join(self._root, *names)


_CONNECTIONS = threading.local()


def _files_at(place: str) -> _Files:
    """Give the files of a place; a connection to an address is its thread's own."""
    if not is_address(place):
        return _PathFiles(place)
    known: dict[str, _AddressFiles] = _CONNECTIONS.__dict__.setdefault("known", {})
    if place not in known:
        known[place] = _AddressFiles(place)
    return known[place]

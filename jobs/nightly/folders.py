"""Drop folders: which files are there, and where they go when they are done with."""

import errno
import itertools
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple

from jobs.settings.nightly import Source
from loader.errors import NoSuchFileError, NotAllowedError
from loader.results.folder import SUMMARY

Kind = Literal["done", "failed"]
"""What became of a file; so is called, unless the settings say otherwise, where it goes."""

RESULTS = ".results"
"""Behind the name of a file: the folder of its results."""


class Found(NamedTuple):
    """A file of a drop folder, as it was when it was looked at."""

    name: str
    size: int
    """In bytes."""
    changed: str
    """When; texts of one folder sort from the oldest on."""


class Target(NamedTuple):
    """Where a file goes."""

    file: str
    """As its drop folder writes it."""
    results: Path
    """The folder of its results, on this machine."""


class DropFolder(ABC):
    """The folder of a source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.shown = source.folder
        """In messages."""

    def look(self) -> list[Found]:
        """Give the files that are to be taken, from the oldest on.

        Raises:
            NoSuchFileError: there is no such folder, or it cannot be read.
        """
        wanted = (found for found in self._files() if self._wants(found.name))
        return sorted(wanted, key=lambda found: (found.changed, found.name))

    def _wants(self, name: str) -> bool:
        source = self.source
        return (
            not name.startswith(".")
            and any(fnmatchcase(name, pattern) for pattern in source.files)
            and not any(fnmatchcase(name.lower(), pattern) for pattern in source.unfinished)
        )

    def target(self, kind: Kind, day: str, name: str) -> Target:
        """Find a place for a file: nothing is there yet, neither a file nor the results of one.

        Args:
            kind: what became of it.
            day: the folder in there, such as 2026-11-22.
            name: of the file, which gets a number if it is taken.
        """
        stem, dot, rest = name.partition(".")
        numbered = (f"{stem}-{number}{dot}{rest}" for number in itertools.count(2))
        for free in itertools.chain([name], numbered):
            target = Target(
                self._join(self._kept(kind), day, free),
                self._results(kind) / day / (free + RESULTS),
            )
            if not target.results.exists() and not self._exists(target.file):
                return target
        raise AssertionError("numbers do not end")

    def last_summary(self) -> Path | None:
        """Give the summary of the file that was loaded last, as far as its results are here."""
        days = sorted(
            (day for day in self._results("done").glob("*") if day.is_dir()), reverse=True
        )
        for day in days:
            found = list(day.glob(f"*{RESULTS}/{SUMMARY}"))
            if found:
                return max(found, key=lambda path: path.stat().st_mtime)
        return None

    def target_of(self, results: Path) -> Target | None:
        """Give the place of a file whose results are there, from a run that was broken off."""
        day = results.parent
        if day.parent.resolve() != self._results("done").resolve():
            return None
        file = self._join(self._kept("done"), day.name, results.name.removesuffix(RESULTS))
        return None if self._exists(file) else Target(file, results)

    def _kept(self, kind: Kind) -> str:
        return self.source.done if kind == "done" else self.source.failed

    @abstractmethod
    def prove_writable(self) -> None:
        """See before anything is loaded that files can be moved out of the folder.

        Raises:
            NotAllowedError: they cannot.
        """

    @abstractmethod
    def find(self, name: str) -> Found | None:
        """Look at one file again; None: it is not there any more."""

    @abstractmethod
    def fetch(self, found: Found) -> Path:
        """Give the path of a file on this machine.

        Raises:
            NoSuchFileError: it cannot be had.
        """

    @abstractmethod
    def move(self, name: str, target: Target) -> None:
        """Move a file away, over nothing; its results come along if they are not there.

        Raises:
            NotAllowedError: it cannot be moved.
        """

    @abstractmethod
    def forget(self, name: str) -> None:
        """Remove what was fetched of a file."""

    @abstractmethod
    def _files(self) -> Iterable[Found]: ...

    @abstractmethod
    def _join(self, *parts: str) -> str: ...

    @abstractmethod
    def _exists(self, file: str) -> bool: ...

    @abstractmethod
    def _results(self, kind: Kind) -> Path: ...


class LocalFolder(DropFolder):
    """A folder of this machine, or one that is mounted."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._folder = Path(source.folder).expanduser()

    def prove_writable(self) -> None:
        """Make a file without a name, there and where files go."""
        kept = (self._results("done"), self._results("failed"))
        for folder in (self._folder, *kept):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    pass
            except OSError as error:
                raise NotAllowedError(
                    f"drop folder {self.shown}: nothing can be written to {folder} "
                    f"({error.strerror}), so that its files could not be moved away; nothing of it "
                    "is loaded"
                ) from None

    def find(self, name: str) -> Found | None:
        """Ask for size and time."""
        try:
            told = (self._folder / name).stat()
        except OSError:
            return None
        return Found(name, told.st_size, f"{told.st_mtime_ns:020d}")

    def fetch(self, found: Found) -> Path:
        """It is there already."""
        return self._folder / found.name

    def move(self, name: str, target: Target) -> None:
        """Rename it, or copy it to another file system."""
        file, to = self._folder / name, Path(target.file)
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            _rename(file, to)
        except OSError as error:
            raise NotAllowedError(f"{file} cannot be moved to {to} ({error.strerror})") from None

    def forget(self, name: str) -> None:
        """Do nothing: nothing was fetched."""

    def _files(self) -> Iterable[Found]:
        try:
            with os.scandir(self._folder) as entries:
                names = [entry.name for entry in entries if entry.is_file()]
        except OSError as error:
            raise NoSuchFileError(f"drop folder {self.shown}: {error.strerror}") from None
        return filter(None, map(self.find, names))

    def _join(self, *parts: str) -> str:
        return str(self._folder.joinpath(*parts))

    def _exists(self, file: str) -> bool:
        return os.path.lexists(file)

    def _results(self, kind: Kind) -> Path:
        return self._folder / self._kept(kind)


def _rename(file: Path, to: Path) -> None:
    """Move a file; where that has to be a copy, it is not seen under its name until it is whole."""
    if os.path.lexists(to):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    try:
        file.rename(to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = to.with_name(f".{to.name}.part")
        shutil.copy2(file, part)
        part.rename(to)
        file.unlink()

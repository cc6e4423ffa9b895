"""Drop folders: the files in them, and where the files go afterwards."""

import errno
import hashlib
import itertools
import json
import os
import shutil
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from jobs.load.shared_checkpoint import Storage
from jobs.settings.nightly import Source
from loader.errors import ConfigurationError, NoSuchFileError, NotAllowedError
from loader.files import cut_name, exists, kind_of, open_regular
from loader.paths import find_path, printable_path
from loader.results.files import LOADED, REJECTED
from loader.results.folder import PAGE, SUMMARY

Kind = Literal["done", "failed"]
"""What became of a file; also the default name of the folder that it moves to."""

RESULTS = ".results"
"""The name of a file with this suffix is the name of its results folder."""

INCOMPLETE = {LOADED, REJECTED, PAGE}
"""Files of results of which nothing was inserted, before their summary is written."""


MOST_SUMMARY = 100_000_000
"""Bytes of a summary; others may write in a drop folder."""


class Found(NamedTuple):
    """A file of a drop folder, as it was when the folder was listed."""

    name: str
    size: int
    """In bytes."""
    changed: str
    """The time of the last change, as a text that sorts by time within one folder."""


class Ignored(NamedTuple):
    """An entry of a drop folder that is not loaded, and is neither hidden nor unfinished."""

    name: str
    why: str


class Listing(NamedTuple):
    """The entries of a drop folder."""

    files: list[Found]
    """The files to load, the oldest first."""
    ignored: list[Ignored]
    """By name."""


class Target(NamedTuple):
    """The place that a file moves to."""

    file: str
    """The path or address in its drop folder."""
    results: Path
    """The folder of its results, on this machine."""


class DropFolder(ABC):
    """The folder of a source."""

    storage: Storage | None = None
    """Where machines put what others need to go on; None: all of them see the results."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.address = source.folder
        """The address for messages, without a password."""
        self.unusable = {"\0": "a NUL character"}
        """What no name of a file may have here, in words."""

    def list_entries(self) -> Listing:
        """Give the files to load, and what is not loaded.

        Raises:
            NoSuchFileError: there is no such folder, or it cannot be read.
        """
        files, ignored = [], []
        for found, kind in self._entries():
            matches = _matches(found.name, self.source.files)
            if found.name.startswith(".") or _matches(found.name, self.source.unfinished):
                continue
            odd = next((what for mark, what in self.unusable.items() if mark in found.name), "")
            if odd:
                ignored.append(Ignored(found.name, f"its name has {odd}; rename it"))
            elif matches and not kind:
                files.append(found)
            elif matches and not self._is_ours(found.name):
                ignored.append(Ignored(found.name, f"it is {kind}"))
            elif not kind:
                ignored.append(Ignored(found.name, "no pattern of files matches it"))
        return Listing(
            sorted(files, key=lambda found: (found.changed, found.name)), sorted(ignored)
        )

    def list_files(self) -> list[Found]:
        """Give the files to load alone, see `list_entries`."""
        return self.list_entries().files

    def _is_ours(self, name: str) -> bool:
        """Whether it is a folder that files are moved to, or holds one."""
        entry = PurePosixPath(self._join(name))
        folders = (self._join(self.source.done), self._join(self.source.failed))
        return any(PurePosixPath(folder).is_relative_to(entry) for folder in folders)

    def target(
        self, kind: Kind, day: str, name: str, is_own: Callable[[Path], bool] = lambda _: False
    ) -> Target:
        """Find a free place in the subfolder of a day: a name that is in use gets a number.

        `is_own` says of results that lie alone whether they are the file's: then a night was killed
        before it could move the file. A link is nobody's: it may lead out of the drop folder.

        Raises:
            NotAllowedError: a link leads out of the drop folder.
        """
        for number in itertools.count(1):
            free = _numbered(name, number)
            target = Target(
                self._join(self._folder_name(kind), day, free),
                self._results(kind) / day / (free + RESULTS),
            )
            try:
                self.refuse_links(target.results.parent)
                _refuse_no_folder(target.results.parent)
            except OSError as error:
                raise NotAllowedError(f"drop folder {self.address}: {error.strerror}") from None
            is_here = os.path.lexists(target.results)
            results = self._join(self._folder_name(kind), day, free + RESULTS)
            # At an address they may be another machine's, which could not move the file yet.
            if self._exists(target.file, *([] if is_here else [results])):
                continue
            if not is_here or (not target.results.is_symlink() and is_own(target.results)):
                return target
        raise AssertionError("numbers do not end")

    def make(self, folder: Path) -> None:
        """Make a folder for results; OSError: it cannot be made, or a link leads elsewhere."""
        self.refuse_links(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.refuse_links(folder)

    def last_summary(self) -> Path | None:
        """Give the summary of the file that was loaded last, if its results are on this machine."""
        for day in sorted(filter(_is_folder, self._results("done").glob("*")), reverse=True):
            results = filter(_is_folder, day.glob(f"*{RESULTS}"))
            found = [each / SUMMARY for each in results]
            found = [path for path in found if os.path.lexists(path) and not kind_of(path)]
            if found:
                return max(found, key=lambda path: path.stat().st_mtime)
        return None

    def results_here(self, recorded: str) -> Path:
        """Give the folder of results that the ledger has for a file that was loaded, or begun.

        The machine that began it may see the drop folder under another path.
        """
        path = find_path(recorded)
        own = self._results("done") / path.parent.name / path.name
        return own if not exists(path) and _is_folder(own) else path

    def target_of(self, results: Path, kind: Kind = "done") -> Target | None:
        """Give the place for a file whose results exist; None: it is elsewhere, or occupied."""
        day = results.parent
        if day.parent.resolve() != self._results(kind).resolve():
            return None
        file = self._join(self._folder_name(kind), day.name, results.name.removesuffix(RESULTS))
        return None if self._exists(file) else Target(file, results)

    def _folder_name(self, kind: Kind) -> str:
        return self.source.done if kind == "done" else self.source.failed

    @abstractmethod
    def prove_writable(self) -> None:
        """Check that files can be moved out of the folder, before any is loaded.

        Raises:
            NotAllowedError: they cannot.
        """

    @abstractmethod
    def refuse_links(self, path: Path) -> None:
        """Raise OSError if a link in the drop folder leads to a path: others may write there."""

    @abstractmethod
    def find(self, name: str) -> Found | None:
        """Read size and time of one file again; None: it no longer exists."""

    @abstractmethod
    def fetch(self, found: Found) -> Path:
        """Give the path of a file on this machine.

        Raises:
            NoSuchFileError: it cannot be had.
        """

    @abstractmethod
    def move(self, name: str, target: Target) -> None:
        """Move a file away, and never over another one; its results move along if necessary.

        Raises:
            NotAllowedError: it cannot be moved.
        """

    @abstractmethod
    def forget(self, name: str) -> None:
        """Delete the local copy of a file."""

    @abstractmethod
    def _entries(self) -> Iterable[tuple[Found, str]]:
        """Give all there is in the folder, and what it is, unless it is a file: a folder."""

    @abstractmethod
    def _join(self, *parts: str) -> str: ...

    @abstractmethod
    def _exists(self, *paths: str) -> bool:
        """Say whether there is something at one of the paths."""

    @abstractmethod
    def _results(self, kind: Kind) -> Path: ...


class LocalFolder(DropFolder):
    """A folder of this machine, or a mounted one."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        try:
            self._folder = Path(source.folder).expanduser()
        except RuntimeError:
            raise ConfigurationError(
                f"drop folder {self.address}: the account of the ~ has no home folder"
            ) from None

    def prove_writable(self) -> None:
        """Create a temporary file in the folder and in those that files move to."""
        for folder in (self._folder, self._results("done"), self._results("failed")):
            try:
                self.make(folder)
                # Another night may list the folder at this moment.
                with tempfile.TemporaryFile(prefix=".", dir=folder):
                    pass
            except OSError as error:
                raise NotAllowedError(
                    f"drop folder {self.address}: nothing can be written to {folder} "
                    f"({error.strerror}), so that its files could not be moved away; nothing of it "
                    "is loaded"
                ) from None

    def refuse_links(self, path: Path) -> None:
        """Look at what is between the drop folder and a path in it."""
        if path.is_relative_to(self._folder):
            parts = path.relative_to(self._folder).parts
            for place in itertools.accumulate(parts, Path.joinpath, initial=self._folder):
                if place != self._folder and place.is_symlink():
                    raise OSError(errno.ELOOP, f"{printable_path(place)} is a link")

    def find(self, name: str) -> Found | None:
        """Read size and time from the file system; a link has none, nor has a hard one."""
        try:
            status = (self._folder / name).lstat()
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            return None
        return Found(name, status.st_size, f"{status.st_mtime_ns:020d}")

    def fetch(self, found: Found) -> Path:
        """Give its path: nothing has to be fetched."""
        return self._folder / found.name

    def move(self, name: str, target: Target) -> None:
        """Rename the file, or copy it to another file system."""
        file, to = self._folder / name, Path(target.file)
        try:
            self.make(to.parent)
            _rename(file, to)
        except OSError as error:
            raise NotAllowedError(f"{file} cannot be moved to {to} ({error.strerror})") from None

    def forget(self, name: str) -> None:
        """Do nothing: nothing was fetched."""

    def _entries(self) -> Iterable[tuple[Found, str]]:
        try:
            with os.scandir(self._folder) as entries:
                names = [entry.name for entry in entries]
        except OSError as error:
            raise NoSuchFileError(f"drop folder {self.address}: {error.strerror}") from None
        for name in names:
            found = self.find(name)
            if found:
                yield found, ""
            else:
                with suppress(OSError):  # it went away
                    yield Found(name, 0, ""), kind_of(self._folder / name)

    def _join(self, *parts: str) -> str:
        return str(self._folder.joinpath(*parts))

    def _exists(self, *paths: str) -> bool:
        return any(map(os.path.lexists, paths))

    def _results(self, kind: Kind) -> Path:
        return self._folder / self._folder_name(kind)


def _is_folder(path: Path) -> bool:
    """Say whether a path is a folder; a link to one is none."""
    return path.is_dir() and not path.is_symlink()


def _refuse_no_folder(path: Path) -> None:
    """Raise OSError if something else is where a folder is or will be."""
    if path.exists() and not path.is_dir():
        raise OSError(errno.ENOTDIR, f"{printable_path(path)} is no folder")


def are_of(results: Path, path: Path) -> bool:
    """Say whether results are of a file's content, or incomplete, as a killed night leaves them."""
    try:
        found = list(results.iterdir())
        if {each.name for each in found} <= INCOMPLETE:
            return not any(map(kind_of, found))
        with open_regular(results / SUMMARY, follow_links=False) as file:
            content = file.read(MOST_SUMMARY + 1)
        if len(content) > MOST_SUMMARY:
            return False
        found = json.loads(content)["file"]["sha256"]
        with open_regular(path, follow_links=False) as file:
            return bool(found == hashlib.file_digest(file, "sha256").hexdigest())
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        return False


def _matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name matches a pattern; letter case does not matter."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _numbered(name: str, number: int) -> str:
    """Give a name a number from 2 on, and cut it so that its results can be named after it."""
    behind = f"-{number}" if number > 1 else ""
    stem, dot, rest = cut_name(name, behind + RESULTS).partition(".")
    return f"{stem}{behind}{dot}{rest}"


def _rename(file: Path, to: Path) -> None:
    """Move a file; a copy gets its name when it is complete."""
    if os.path.lexists(to):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    try:
        file.rename(to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = to.with_name(f".{to.name}.part")
        with open_regular(file, follow_links=False) as source, part.open("xb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        shutil.copystat(file, part, follow_symlinks=False)
        part.rename(to)
        file.unlink()

"""Drop folders at remote addresses: sftp, ftp, s3 and others that fsspec knows."""

import os
import posixpath
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.nightly.folders import DropFolder, Found, Kind, Target
from jobs.nightly.odd_names import LINE_BREAKS, read_all_names
from jobs.nightly.transfers import list_names, make_folder, put, put_results, remove
from jobs.settings.nightly import Source
from loader.errors import (
    ConfigurationError,
    LoaderError,
    NoSuchFileError,
    NotAllowedError,
    missing_extra_error,
)
from loader.files import cut_name, exists
from loader.paths import find_path
from loader.remote.file_systems import (
    extra_of,
    failures,
    host_keys,
    message_of,
    missing_package,
    without_address,
    without_password,
)

TIMES = ("mtime", "modify", "LastModified", "last_modified", "updated", "modified", "created")
"""The names that file systems of fsspec have for the time of a file."""

KINDS = {"file": "", "directory": "a folder"}

HIDDEN = ".leadloader"
"""Begin of the names of what is no file of leads; and the folder of checkpoints."""
FETCHED = "fetched"
"""The folder on this machine that files are downloaded to."""


class RemoteFolder(DropFolder):
    """A folder at a remote address; each file is downloaded completely before it is loaded.

    Every step makes a new connection: a load between two steps may outlast a server's timeout.
    """

    def __init__(self, source: Source, folder: Path) -> None:
        """Prepare the folder; that of the nights has the downloaded files and their results."""
        super().__init__(source)
        self.address = without_password(source.folder)
        if source.folder.startswith("ftp://"):
            self.unusable |= dict.fromkeys(LINE_BREAKS, "a line break, which FTP cannot send")
        self._local = folder.absolute() / source.name
        self._root = ""
        self.storage = RemoteStorage(self)

    def prove_writable(self) -> None:
        """Write a small file, move it to each target folder, and delete it."""
        name = f"{HIDDEN}-{secrets.token_hex(4)}"  # other machines may do so at the same moment
        with self.connected(NotAllowedError) as (files, root):
            for kind in (self.source.done, self.source.failed):
                probe, target = posixpath.join(root, name), posixpath.join(root, kind, name)
                make_folder(files, posixpath.dirname(target))
                files.pipe_file(probe, b"leadloader sees whether files can be moved\n")
                files.mv(probe, target)
                files.rm_file(target)

    def refuse_links(self, path: Path) -> None:
        """Do nothing: results are written on this machine."""

    def find(self, name: str) -> Found | None:
        """List the folder again."""
        return next((f for f, kind in self._entries() if f.name == name and not kind), None)

    def fetch(self, found: Found) -> Path:
        """Download the file; it gets its name when it is complete."""
        path = self._fetched(found.name)
        part = path.with_name(f".{path.name}.part")
        with self.connected() as (files, root):
            path.parent.mkdir(parents=True, exist_ok=True)
            files.get_file(posixpath.join(root, found.name), str(part))
        if part.stat().st_size != found.size:
            part.unlink()
            raise NoSuchFileError(
                f"{self.address}: {found.name} was not downloaded completely; "
                "it may still be growing"
            )
        return part.replace(path)

    def forget(self, name: str) -> None:
        """Remove the copy."""
        self._fetched(name).unlink(missing_ok=True)

    def _fetched(self, name: str) -> Path:
        return self._local / FETCHED / cut_name(name, "..part")

    def move(self, name: str, target: Target) -> None:
        """Upload the results, then rename the file: where the file is, its results are complete."""
        with self.connected(NotAllowedError) as (files, root):
            make_folder(files, posixpath.dirname(target.file))
            if target.results.exists():
                to = posixpath.join(posixpath.dirname(target.file), target.results.name)
                put_results(files, target.results, to)
            # Some servers let a renamed file take another one's place.
            files.invalidate_cache()
            if files.exists(target.file):
                raise NotAllowedError(
                    f"drop folder {self.address}: {name} cannot be moved to {target.file}: there "
                    "is a file already"
                )
            files.mv(posixpath.join(root, name), target.file)

    def results_here(self, recorded: str) -> Path:
        """Give the folder of this machine that has, or will have, what the ledger has elsewhere."""
        path = find_path(recorded)
        own = self._results("done") / path.parent.name / path.name
        return own if not exists(path) and path.parts[-4:] == own.parts[-4:] else path

    def has(self, results: Path) -> bool:
        """Say whether results are in the folder of this machine for those of loaded files."""
        return results.absolute().parent.parent == self._results("done")

    def _entries(self) -> Iterable[tuple[Found, str]]:
        with self.connected() as (files, root):
            listed = files.ls(root, detail=True)
        for each in listed:
            name = posixpath.basename(each["name"].rstrip("/"))
            time = next((str(each[key]) for key in TIMES if key in each), "")
            kind = KINDS.get(each["type"], "no file")
            # An object store lists the folder itself as an empty object.
            if name and posixpath.normpath(each["name"]) != posixpath.normpath(root):
                yield Found(name, int(each.get("size") or 0), time), kind

    def _join(self, *parts: str) -> str:
        if not self._root:
            with self.connected():
                pass
        return posixpath.join(self._root, *parts)

    def _exists(self, *paths: str) -> bool:
        with self.connected() as (files, _):
            return any(map(files.exists, paths))

    def _results(self, kind: Kind) -> Path:
        return self._local / kind

    @contextmanager
    def connected(self, kind: type[LoaderError] = NoSuchFileError) -> Iterator[tuple[Any, str]]:
        """Give fsspec's file system of the address, and the folder's path in it."""
        try:
            from fsspec.core import url_to_fs  # noqa: PLC0415 - an extra

            address = self.source.folder
            options = {**host_keys(address), **_filled(self.source.storage)}
            files, self._root = url_to_fs(address, skip_instance_cache=True, **options)
            read_all_names(files, address)
        except ImportError as error:
            where = f"drop folder {self.address}"
            package = missing_package(error)
            raise missing_extra_error(where, extra_of(self.address), package) from None
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"drop folder {self.address}: {self._words(error)}") from None
        except failures() as error:
            raise NoSuchFileError(f"drop folder {self.address}: {self._words(error)}") from None
        try:
            yield files, self._root
        except failures() as error:
            raise kind(f"drop folder {self.address}: {self._words(error)}") from None
        except (ValueError, LookupError) as error:
            raise kind(
                f"drop folder {self.address}: an answer of its server cannot be read "
                f"({type(error).__name__}); see that no name in it has odd characters"
            ) from None

    def _words(self, error: BaseException) -> str:
        return without_address(message_of(error), self.source.folder)


class RemoteStorage:
    """Stores what other machines need to go on in a hidden folder of the drop folder."""

    def __init__(self, folder: RemoteFolder) -> None:
        self.name, self._folder = f"{folder.address}/{HIDDEN}", folder

    def put(self, file: Path, name: str) -> None:
        """Upload a file, see `Storage`. NotAllowedError: it cannot be."""
        with self._connected() as (files, hidden):
            make_folder(files, hidden)
            put(files, file, posixpath.join(hidden, name))

    def fetch(self, name: str, to: Path) -> bool:
        """Download a file, see `Storage`."""
        with self._connected() as (files, hidden):
            path = posixpath.join(hidden, name)
            is_there = bool(files.exists(path))
            if is_there:
                files.get_file(path, str(to))
        return is_there

    def names(self) -> list[str]:
        """List the hidden folder, see `Storage`."""
        with self._connected() as (files, hidden):
            return list_names(files, hidden) if files.exists(hidden) else []

    def remove(self, names: Collection[str]) -> None:
        """Delete files, see `Storage`."""
        if names:
            with self._connected() as (files, hidden):
                remove(files, hidden, names)

    def put_results(self, folder: Path) -> None:
        """Upload results to where their file will be moved to; others stay where they are."""
        if not self._folder.has(folder):
            return
        with self._folder.connected(NotAllowedError) as (files, root):
            parts = (root, self._folder.source.done, folder.parent.name, folder.name)
            put_results(files, folder, posixpath.join(*parts))

    @contextmanager
    def _connected(self) -> Iterator[tuple[Any, str]]:
        with self._folder.connected(NotAllowedError) as (files, root):
            yield files, posixpath.join(root, HIDDEN)


def _filled(storage: Mapping[str, Any]) -> dict[str, Any]:
    """Replace names of environment variables by their values."""
    filled = dict(storage)
    for key, value in storage.items():
        if isinstance(value, str) and value.startswith("$"):
            if value[1:] not in os.environ:
                # It may be a password that begins with $.
                raise ConfigurationError(
                    f"storage: {key}: it begins with $, and the environment has no such variable"
                )
            filled[key] = os.environ[value[1:]]
    return filled

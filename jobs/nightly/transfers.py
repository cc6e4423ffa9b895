"""Files to a server that other machines write to at the same moment; `files` is one of fsspec's."""

import posixpath
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from loader.remote.file_systems import failures

PART = ".part"
"""End of the names of files that are not uploaded completely."""


def make_folder(files: Any, folder: str) -> None:
    """Make a folder and those above it, each of which another machine may make at this moment."""
    for is_last in (False, False, True):
        try:
            files.makedirs(folder, exist_ok=True)
        except failures():
            if is_last:
                raise
            files.invalidate_cache()
        else:
            return


def put(files: Any, file: Path, to: str) -> None:
    """Upload a file, which gets its name when it is complete.

    What has the name already stays: another machine, which did the same work, was quicker.
    """
    if files.exists(to):
        return
    part = f"{to}.{secrets.token_hex(4)}{PART}"
    files.put_file(str(file), part)
    files.invalidate_cache()
    if files.exists(to):
        files.rm_file(part)
    else:
        files.mv(part, to)


def put_results(files: Any, results: Path, to: str) -> None:
    """Upload the files of a folder, file by file: sftp copies whole folders in a different way."""
    make_folder(files, to)
    for file in sorted(results.iterdir()):
        if file.is_file():
            put(files, file, posixpath.join(to, file.name))
    remove(files, to, [name for name in list_names(files, to) if name.endswith(PART)])


def list_names(files: Any, folder: str) -> list[str]:
    """List what there is in a folder; a store without folders may give the folder itself, too."""
    files.invalidate_cache()
    paths = (each["name"].rstrip("/") for each in files.ls(folder, detail=True))
    return [posixpath.basename(path) for path in paths]


def remove(files: Any, folder: str, names: Iterable[str]) -> None:
    """Delete files of a folder; another machine may do so at the same moment."""
    for path in (posixpath.join(folder, name) for name in names):
        try:
            files.rm_file(path)
        except failures():
            files.invalidate_cache()
            if files.exists(path):
                raise

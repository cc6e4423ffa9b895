"""Files that others may have made: opened so that nothing but a regular file is ever read."""

import errno
import fcntl
import os
import stat
import tempfile
import time
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

TEMPORARY = "leadloader-"
"""How the names of our temporary files begin."""

YOUNG = 60
"""Seconds in which a new temporary file surely gets its lock."""

HARD_LINK = "a hard link"
"""What a file of several names is."""

LONGEST_FILE_NAME = 255
"""Bytes of a name in a folder, on all usual file systems."""

LONGEST_EXTENSION = 32
"""Bytes of what is behind the first point and is kept as a whole."""


def open_regular(path: Path, *, follow_links: bool = True) -> BufferedReader:
    """Open a regular file to read its bytes.

    It is looked at once it is open: what takes its place afterwards is another file. Where links
    are not followed, a file of several names is none: a hard link may be to anybody's.

    Raises:
        OSError: it is not there, cannot be read, or is no regular file; strerror says which.
    """
    # A pipe that nobody writes into would be waited for.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    try:
        file = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise OSError(errno.ELOOP, "it is a link") from None
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, f"it is {kind_of(path)}") from None
        raise
    status = os.fstat(file)
    kind = _kind(status)
    if kind and (kind != HARD_LINK or not follow_links):
        os.close(file)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        raise OSError(errno.EINVAL, f"it is {kind}")
    return os.fdopen(file, "rb")


def kind_of(path: Path) -> str:
    """Say what an entry of a folder is, itself and not what it leads to; "": a regular file."""
    return _kind(path.lstat())


def _kind(status: os.stat_result) -> str:
    kinds = {
        stat.S_IFREG: HARD_LINK if status.st_nlink > 1 else "",
        stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe",
        stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket",
    }  # fmt: skip
    return kinds.get(stat.S_IFMT(status.st_mode), "no file")


def temporary_file(mode: str = "w+b", **how: Any) -> IO[Any]:
    """Make a temporary file with a name, for this account alone, which vanishes when it is closed.

    It is locked while it is open, so that `remove_left_behind` knows it from one of a killed run.
    `how`: as for `tempfile.NamedTemporaryFile`.
    """
    file = tempfile.NamedTemporaryFile(mode, prefix=TEMPORARY, **how)  # noqa: SIM115 - the caller's
    fcntl.flock(file.fileno(), fcntl.LOCK_SH)
    return file


def remove_left_behind() -> None:
    """Remove the temporary files that killed runs of this account have left behind."""
    for path in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"):
        with suppress(OSError):
            status = path.lstat()
            if status.st_uid != os.geteuid() or time.time() - status.st_mtime < YOUNG:
                continue
            with open_regular(path, follow_links=False) as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def cut_name(name: str, behind: str) -> str:
    """Cut the name of a file so that another text fits behind it; its extensions stay."""
    most = LONGEST_FILE_NAME - len(os.fsencode(behind))
    stem, dot, rest = name.partition(".")
    if len(os.fsencode(rest)) > LONGEST_EXTENSION:
        stem, dot, rest = name, "", ""
    while len(os.fsencode(stem + dot + rest)) > most:
        stem = stem[:-1]
    return stem + dot + rest

"""Files that others may have made: opened so that nothing but a regular file is ever read."""

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, BinaryIO

from loader.signals import read_pieces, wait_for_input

TEMPORARY = "leadloader-"
"""How the names of our temporary files begin."""

HARD_LINK = "a hard link"
"""What a file of several names is."""

PATIENCE = 10
"""Seconds to wait for somebody who writes into a pipe."""

LARGEST_WHOLE = 64 << 20
"""Bytes of a file that is read as a whole, such as settings or a summary."""

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
    if path.is_fifo() and (follow_links or not path.is_symlink()):
        # Who waits to write into it would take this for its reader, and lose it at once.
        raise OSError(errno.EINVAL, "it is a pipe")
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


@contextmanager
def open_pipe(path: Path) -> Iterator[BinaryIO]:
    """Open a pipe, for `read_pieces`; OSError: it cannot be read, or nobody writes into it."""
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(pipe, "rb") as file:
        if not wait_for_input(file, PATIENCE):
            # One without a writer is at its end; one whose writer is slow says to come again.
            with suppress(BlockingIOError):
                os.read(pipe, 1)
                raise OSError(errno.EPIPE, "nobody writes into this pipe")
        os.set_blocking(pipe, True)
        yield file


def read_whole(path: Path, most: int = LARGEST_WHOLE) -> bytes:
    """Read a small file as a whole; it may be a pipe that somebody writes into.

    Raises:
        OSError: it cannot be read, or is larger than `most` bytes, as a device may be that never
            ends; strerror says which.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "no name has a NUL character")
    with open_pipe(path) if path.is_fifo() else path.open("rb") as file:
        return read_to_end(file, most)


def read_to_end(file: BinaryIO, most: int) -> bytes:
    """Read what comes until the end, of a pipe too; OSError: it is more than so many bytes."""
    content = bytearray()
    for piece in read_pieces(file):
        content += piece
        if len(content) > most:
            raise OSError(errno.EFBIG, f"it is larger than {most >> 20} MB")
    return bytes(content)


def exists(path: Path) -> bool:
    """Say whether something is there; not so for a name that no file can have."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


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
    while True:
        file = tempfile.NamedTemporaryFile(mode, prefix=TEMPORARY, **how)  # noqa: SIM115 - the caller's
        if lock_own(file.fileno()):
            return file
        with suppress(FileNotFoundError):
            file.close()


def lock_own(file: int) -> bool:
    """Lock a new file while it is open; say whether it is still there.

    `remove_unlocked` of another process may have found it before it was locked.
    """
    fcntl.flock(file, fcntl.LOCK_SH)
    return os.fstat(file).st_nlink > 0


def remove_unlocked(path: Path) -> bool:
    """Remove a file of this account that no process holds by `lock_own`; say whether it was."""
    with suppress(OSError):
        if path.lstat().st_uid == os.geteuid():
            with open_regular(path, follow_links=False) as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                return True
    return False


def remove_left_behind() -> None:
    """Remove the temporary files that killed runs of this account have left behind."""
    for path in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"):
        remove_unlocked(path)


def cut_name(name: str, behind: str) -> str:
    """Cut the name of a file so that another text fits behind it; its extensions stay."""
    most = LONGEST_FILE_NAME - len(os.fsencode(behind))
    stem, dot, rest = name.partition(".")
    if len(os.fsencode(rest)) > LONGEST_EXTENSION:
        stem, dot, rest = name, "", ""
    while len(os.fsencode(stem + dot + rest)) > most:
        stem = stem[:-1]
    return stem + dot + rest

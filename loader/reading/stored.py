"""Lead files as they are stored: recognized by their first bytes, hashed and decompressed."""

import gzip
import hashlib
import lzma
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import IO, BinaryIO

import pyarrow as pa

from loader.errors import EmptyFileError, NoSuchFileError, SourceFileError
from loader.files import open_pipe, open_regular, temporary_file
from loader.reading.formats import COMPRESSIONS, HEAD_SIZE, OLD_EXCEL, refuse_no_text
from loader.reading.limits import DEFAULT_LIMITS, Limits
from loader.reading.xz_file import XzFile
from loader.reading.zip_file import open_zip
from loader.signals import read_pieces

READ_SIZE = 1 << 20
"""Bytes of a file that are read at once."""

LEFT_BY_SYSTEMS = re.compile(r"(^|/)(__MACOSX/|\.[^/]*$|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
"""Names of files that a computer puts into zip files by itself, such as .DS_Store."""

DAMAGE = (
    EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowInvalid,
    struct.error, ValueError, LookupError, OverflowError, RuntimeError,
)  # fmt: skip
"""What the decompressors raise for a damaged file; the last ones are zipfile's, for odd ones."""


@dataclass(frozen=True)
class StoredFile:
    """A regular file, which can be read any number of times.

    `size` is in bytes. `compression` is gz, zip, zst, xz or None. `stamp` is its inode, size and
    mtime at first; they are compared at each read, so that a change is noticed.
    """

    name: str
    path: Path
    size: int
    compression: str | None
    is_spreadsheet: bool
    stamp: tuple[int, int, int]
    limits: Limits | None = None
    follow_links: bool = True

    @classmethod
    def identify(
        cls,
        path: Path,
        name: str,
        *,
        limits: Limits | None = None,
        follow_links: bool = True,
    ) -> "StoredFile":
        """Recognize a file by its first bytes.

        NoSuchFileError: it is not there, cannot be read, or is no regular file. SourceFileError: it
        is empty, larger than its limits, or of a format that holds no leads. Without limits it may
        have any size.
        """
        with _open(path, name, follow_links=follow_links) as raw:
            head = raw.read(HEAD_SIZE)
            status = os.fstat(raw.fileno())
            if limits:
                limits.check_stored(status.st_size, name)
            if not head:
                raise EmptyFileError(f"{name}: the file is empty")
            compression = next((c for m, c in COMPRESSIONS.items() if head.startswith(m)), None)
            is_spreadsheet = head.startswith(OLD_EXCEL)
            if compression == "zip":
                is_spreadsheet = _is_spreadsheet(raw, name)
                if limits:
                    limits.check_unpacked(_unpacked_size(raw), status.st_size, name)
        if is_spreadsheet:
            compression = None
        elif not compression:
            refuse_no_text(head, name)
        stamp = _stamp(status)
        return cls(
            name, path, status.st_size, compression, is_spreadsheet, stamp, limits, follow_links
        )

    def open_raw(self) -> BufferedReader:
        """Open the stored bytes; NoSuchFileError: they cannot be read."""
        return _open(self.path, self.name, follow_links=self.follow_links)

    def sha256(self) -> str:
        """Return the SHA-256 of the stored bytes, in hexadecimal."""
        with self.open_raw() as raw:
            return hashlib.file_digest(raw, "sha256").hexdigest()

    @contextmanager
    def open(self) -> Iterator["StoredStream"]:
        """Open the decompressed bytes; SourceFileError: the compressed file is damaged."""
        with ExitStack() as stack:
            raw = stack.enter_context(self.open_raw())
            with _translate_damage(self):
                content = _decompress(raw, self, stack)
            yield StoredStream(self, raw, content)


class StoredStream:
    """The decompressed bytes of a file, from the start."""

    def __init__(
        self, file: StoredFile, raw: BufferedReader, content: BufferedIOBase | IO[bytes]
    ) -> None:
        self._file, self._raw, self._content = file, raw, content
        self._at_end = False
        self._unpacked = 0

    @property
    def name(self) -> str:
        """The name of the file, for messages."""
        return self._file.name

    @property
    def limits(self) -> Limits:
        """The limits of the file."""
        return self._file.limits or DEFAULT_LIMITS

    @property
    def position(self) -> int:
        """Bytes of the stored file that were read so far."""
        return self._file.size if self._at_end else self._raw.tell()

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, `b""` at the end only.

        SourceFileError: the file is damaged, larger than its limits, or was changed since
        `identify` read it.
        """
        with _translate_damage(self._file):
            data = self._content.read(size)
        self._at_end = size > 0 and not data
        self._unpacked += len(data)
        if self._file.compression and self._file.limits:
            self._file.limits.check_unpacked(self._unpacked, self._file.size, self._file.name)
        if _stamp(os.fstat(self._raw.fileno())) != self._file.stamp:
            raise SourceFileError(
                f"{self._file.name}: the file was changed while it was read;"
                " load it when it is complete"
            )
        return data


@contextmanager
def spool_to_disk(source: BinaryIO, limits: Limits, name: str) -> Iterator[Path]:
    """Copy what can be read only once, such as standard input, to a temporary file.

    SourceFileError: it is larger than its limits.
    """
    with temporary_file() as target:
        for piece in read_pieces(source):
            limits.check_stored(target.tell() + len(piece), name)
            target.write(piece)
        target.flush()
        yield Path(target.name)


def spool_pipe(path: Path, limits: Limits, name: str, stack: ExitStack) -> Path:
    """Copy a named pipe, likewise, until a stack is closed.

    Raises:
        NoSuchFileError: it cannot be opened.
        SourceFileError: it is larger than its limits.
    """
    try:
        pipe = stack.enter_context(open_pipe(path))
        return stack.enter_context(spool_to_disk(pipe, limits, name))
    except OSError as exc:
        raise NoSuchFileError(f"{name}: {exc.strerror}") from None


def _open(path: Path, name: str, *, follow_links: bool) -> BufferedReader:
    try:
        return open_regular(path, follow_links=follow_links)
    except OSError as exc:
        raise NoSuchFileError(f"{name}: {exc.strerror}") from None


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def _translate_damage(file: StoredFile) -> Iterator[None]:
    try:
        yield
    except DAMAGE as exc:
        if file.compression:
            raise SourceFileError(
                f"{file.name}: the {file.compression} file is damaged or incomplete ({exc});"
                " get it again from where it comes from"
            ) from None
        raise NoSuchFileError(f"{file.name}: cannot be read ({exc})") from None


def _decompress(
    raw: BufferedReader, file: StoredFile, stack: ExitStack
) -> BufferedIOBase | IO[bytes]:
    match file.compression:
        case "gz":
            return stack.enter_context(gzip.GzipFile(fileobj=raw))
        case "xz":
            return BufferedReader(stack.enter_context(XzFile(raw)))
        case "zst":
            stream: BufferedIOBase = stack.enter_context(pa.CompressedInputStream(raw, "zstd"))
            return stream
        case "zip":
            return _only_member(stack.enter_context(open_zip(raw)), file.name, stack)
        case _:
            return raw


def _only_member(archive: zipfile.ZipFile, name: str, stack: ExitStack) -> IO[bytes]:
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not LEFT_BY_SYSTEMS.search(member.filename)
    ]
    if len(members) != 1:
        names = ", ".join(member.filename for member in members[:10]) or "none"
        raise SourceFileError(
            f"{name}: the zip file has {len(members)} members ({names}), and exactly one"
            " can be loaded; unpack it and name the files"
        )
    if members[0].flag_bits & 1:
        raise SourceFileError(f"{name}: the zip file has a password; unpack it first")
    try:
        return stack.enter_context(archive.open(members[0]))
    except NotImplementedError as exc:
        raise SourceFileError(f"{name}: {exc}; unpack it first") from None


def _first_bytes(archive: zipfile.ZipFile, member: str) -> bytes:
    with archive.open(member) as stream:
        return stream.read(HEAD_SIZE)


def _unpacked_size(raw: BufferedReader) -> int:
    """Add up what the members of a zip file are said to have; more of them is never read."""
    try:
        with open_zip(raw) as archive:
            return sum(member.file_size for member in archive.infolist())
    except DAMAGE:
        return 0  # the error is reported when the file is opened


def _is_spreadsheet(raw: BufferedReader, name: str) -> bool:
    """Return whether a zip file is an Excel or OpenDocument spreadsheet."""
    try:
        with open_zip(raw) as archive:
            names = archive.namelist()
            kind = _first_bytes(archive, "mimetype") if "mimetype" in names else b""
    except DAMAGE:
        return False  # the error is reported when the file is opened
    if any(member.endswith(".iwa") for member in names):
        raise SourceFileError(
            f"{name}: this is a document of Apple Numbers; export it as .xlsx or CSV and load that"
        )
    if any(member.startswith(("word/", "ppt/")) for member in names):
        raise SourceFileError(f"{name}: this is a text document or a presentation, not a table")
    return b"spreadsheet" in kind or any(member.startswith("xl/") for member in names)

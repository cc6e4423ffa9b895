"""Zip files of others, opened so that their list of members fills no memory."""

import zipfile
from typing import BinaryIO

LONGEST_LIST = 8_000_000
"""Bytes of the list of members, each of which takes ten times as much of memory."""


class _Input:
    """A file from which no list of members is read that is too long."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Read bytes; zipfile asks for the list as a whole, and else for small pieces."""
        if size > LONGEST_LIST:
            raise zipfile.BadZipFile(
                f"its list of members has {size:,} bytes, and at most {LONGEST_LIST:,} can be read"
            )
        return self._file.read(size)


def open_zip(file: BinaryIO) -> zipfile.ZipFile:
    """Open a zip file; zipfile.BadZipFile: it is none, or lists far too many members."""
    return zipfile.ZipFile(_Input(file))

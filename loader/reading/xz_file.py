"""xz files of others, unpacked in bounded memory; the standard library bounds no second stream."""

import io
import lzma
from typing import Any, BinaryIO

MOST_MEMORY = 256 << 20
"""In bytes: to unpack a stream takes no more, unless it was made to fill the memory."""

PIECE = 1 << 16
"""Bytes that are read at once."""

PADDING = b"\0"
"""Between streams, and behind the last one."""


class XzFile(io.RawIOBase):
    """The unpacked bytes of all streams of an xz file, one after the other.

    lzma.LZMAError: it is damaged, has something else behind its streams, or takes too much memory.
    EOFError: its end is missing.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Take a file at the begin of its first stream."""
        self._file, self._packed = file, b""
        self._stream: lzma.LZMADecompressor | None = _next_stream()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; 0: there is no more."""
        view = memoryview(buffer).cast("B")
        while self._stream is not None:
            if self._stream.needs_input and not self._packed:
                self._packed = self._file.read(PIECE)
                if not self._packed:
                    raise EOFError("its end is missing")
            data = self._stream.decompress(self._packed, len(view))
            self._packed = b""
            if self._stream.eof:
                self._packed = self._stream.unused_data
                self._stream = self._begin_stream()
            if data:
                view[: len(data)] = data
                return len(data)
        return 0

    def _begin_stream(self) -> lzma.LZMADecompressor | None:
        """Skip what is between streams; None: there is no other one."""
        while not (rest := self._packed.lstrip(PADDING)):
            self._packed = self._file.read(PIECE)
            if not self._packed:
                return None
        self._packed = rest
        return _next_stream()


def _next_stream() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY)

"""Text whose lines are UTF-8 or cp1252: which are what, and how they are decoded."""

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from loader.reading.limits import DEFAULT_LIMITS
from loader.reading.stored import READ_SIZE, StoredFile, StoredStream

MIXED = "mixed"
"""The name for a file whose lines are UTF-8, but some are WESTERN."""

WESTERN = "cp1252"
"""What Windows programs write in Western Europe and America."""

UTF8_LETTERS = re.compile(rb"((?:[\xc2\xc3][\x80-\xbf]|\xe2[\x80-\x84][\x80-\xbf])+)")
"""Western letters and marks in UTF-8; they are what they are in a line that is not all UTF-8."""

MOST_LINES = 3
"""Lines that a message names."""


class LineKinds(NamedTuple):
    """What the lines of a file beyond ASCII are."""

    utf8: list[int]
    """The first ones with UTF-8."""
    other: list[int]
    """The first ones that are not UTF-8."""
    is_western: bool
    """Whether the others can be WESTERN."""
    letters: int
    """Characters beyond ASCII of the lines that are UTF-8."""


def find_line_kinds(stored: StoredFile) -> LineKinds:
    """Find the first lines of each kind; one line may be both.

    Raises:
        SourceFileError: a line is longer than the limit.
    """
    utf8: list[int] = []
    other: list[int] = []
    is_western, letters = True, 0
    with stored.open() as stream:
        for number, line in enumerate(_raw_lines(stored, stream), start=1):
            if line.isascii():
                continue
            is_utf8 = _is_text(line, "utf-8")
            is_western = is_western and (is_utf8 or _is_text(line, WESTERN))
            letters += sum(char > "\x7f" for char in line.decode()) if is_utf8 else 0
            if (is_utf8 or UTF8_LETTERS.search(line)) and len(utf8) < MOST_LINES:
                utf8.append(number)
            if not is_utf8 and len(other) < MOST_LINES:
                other.append(number)
            if len(utf8) == len(other) == MOST_LINES:
                break
    return LineKinds(utf8, other, is_western, letters)


class MixedDecoder(codecs.IncrementalDecoder):
    """Decodes text line by line: UTF-8, and WESTERN where it is not UTF-8.

    Attributes:
        starts: where lines begin that were not all UTF-8, in bytes of the text as UTF-8.
    """

    def __init__(self, errors: str = "strict") -> None:
        super().__init__(errors)
        self.starts: list[int] = []
        self._unread, self._position = b"", 0

    def decode(self, data: bytes, final: bool = False) -> str:  # type: ignore[override]
        """Decode what is complete; UnicodeDecodeError: a line is neither."""
        data = self._unread + data
        end = len(data) if final else max(data.rfind(b"\n"), data.rfind(b"\r", 0, -1)) + 1
        data, self._unread = data[:end], data[end:]
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return "".join(self._decode_lines(data))
        self._position += len(data)
        return text

    def _decode_lines(self, data: bytes) -> Iterator[str]:
        before = 0
        for line in data.splitlines(keepends=True):
            if _is_text(line, "utf-8"):
                text = line.decode()
            else:
                text = "".join(_decode_western(data, before, before + len(line)))
                self.starts.append(self._position)
            self._position += len(text.encode())
            before += len(line)
            yield text


def _decode_western(data: bytes, start: int, end: int) -> Iterator[str]:
    """Decode a part of the data as WESTERN, but for letters in UTF-8.

    UnicodeDecodeError: a byte is neither; its place is that in all of the data.
    """
    for number, part in enumerate(UTF8_LETTERS.split(data[start:end])):
        try:
            yield part.decode("utf-8" if number % 2 else WESTERN)
        except UnicodeDecodeError as exc:
            place = start + exc.start, start + exc.end
            raise UnicodeDecodeError(WESTERN, data, *place, exc.reason) from None
        start += len(part)


def _raw_lines(stored: StoredFile, stream: StoredStream) -> Iterator[bytes]:
    """Yield the lines of a file as they are stored; line ends are LF, CRLF and CR."""
    limits = stored.limits or DEFAULT_LIMITS
    unread, data = b"", b"\n"
    while data:
        data = stream.read(READ_SIZE)
        unread += data
        end = max(unread.rfind(b"\n"), unread.rfind(b"\r", 0, -1)) + 1 if data else len(unread)
        yield from unread[:end].splitlines(keepends=True)
        unread = unread[end:]
        limits.check_line(len(unread), f"{stored.name}: a line")


def _is_text(line: bytes, codec: str) -> bool:
    try:
        line.decode(codec)
    except UnicodeDecodeError:
        return False
    return True

"""The bytes of a lead file as UTF-8 text: its encoding is found and checked to the end."""

import codecs
import re
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from loader.errors import EmptyFileError, EncodingError, SourceFileError, UsageError
from loader.reading.formats import HEAD_SIZE, refuse_other_formats
from loader.reading.limits import DEFAULT_LIMITS
from loader.reading.mixed import MIXED, WESTERN, MixedDecoder, find_line_kinds
from loader.reading.stored import READ_SIZE, StoredFile, StoredStream

LATIN_CODECS = frozenset(
    {WESTERN, "cp1250", "cp1254", "cp1257", "cp437", "cp850", "cp858", "mac-roman", "mac-latin2"}
    | {f"iso8859-{part}" for part in (1, 2, 3, 4, 9, 10, 13, 14, 15, 16)}
)
"""Those for Latin letters, in which the two bytes of a letter in UTF-8 are no text."""

CHANCE = 2
"""Letters of two or three bytes that may be UTF-8 by chance in an encoding of other letters."""

BYTE_ORDER_MARKS = {  # UTF-32 first: its mark starts as that of UTF-16 does
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}

NO_CHARACTER_SETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}


@dataclass(frozen=True)
class Encoding:
    """`name` as a user would give it, `codec` as Python knows it, `bom`: the mark at the start."""

    name: str
    codec: str
    bom: bytes

    @classmethod
    def find(cls, head: bytes, option: str | None, file_name: str) -> "Encoding":
        """Return the encoding that `option` names, else that of the byte order mark, else UTF-8.

        UsageError: there is no such encoding. SourceFileError: the mark contradicts the option, or
        there is none where one is needed.
        """
        bom, mark_codec = next(
            ((mark, codec) for mark, codec in BYTE_ORDER_MARKS.items() if head.startswith(mark)),
            (b"", None),
        )
        if option is None:
            if not bom and (utf16_codec := _utf16_without_mark(head)):
                raise SourceFileError(
                    f"{file_name}: line 1 has NUL bytes (00) as UTF-16 without byte order mark"
                    f" has them; if it is UTF-16, add --encoding {utf16_codec}"
                )
            codec = mark_codec or "utf-8"
            return cls(re.sub("-[lb]e$", "", codec), codec, bom)
        if option == MIXED:
            if mark_codec not in {None, "utf-8"}:
                raise SourceFileError(
                    f"{file_name}: the file starts with the byte order mark of {mark_codec};"
                    f" leave --encoding {option} out"
                )
            return cls(MIXED, MIXED, bom)
        option_codec = _codec_name(option)
        if mark_codec and not mark_codec.startswith(option_codec):
            raise SourceFileError(
                f"{file_name}: the file starts with the byte order mark of {mark_codec};"
                f" leave --encoding {option} out"
            )
        if not mark_codec and option_codec in {"utf-16", "utf-32"}:
            raise SourceFileError(
                f"{file_name}: the file has no byte order mark;"
                f" say --encoding {option_codec}-le (or {option_codec}-be)"
            )
        return cls(option_codec, mark_codec or option_codec, bom)


@dataclass(frozen=True)
class TextFile:
    """The text of a stored file; it can be read any number of times."""

    stored: StoredFile
    encoding: Encoding
    size: int = 0
    """Bytes as UTF-8, once it was checked."""

    @contextmanager
    def open(self, *, check: bool = False) -> Iterator["TextStream"]:
        """Open the text; `check` decodes even UTF-8, which other reads take as it is."""
        with self.stored.open() as stream:
            stream.read(len(self.encoding.bom))
            yield TextStream(stream, self.encoding.codec, check=check)

    def check(self) -> "TextFile":
        """Read the whole text once; give it with its size.

        SourceFileError: there is a byte that is not of the encoding, a NUL byte, a line longer than
        the limit, or no text at all.
        """
        if self.encoding.codec != MIXED and not self.encoding.codec.startswith("utf"):
            self._refuse_utf8_lines()
        lines, length, has_text, size = _LineCounter(), 0, False, 0
        limits, name = self.stored.limits or DEFAULT_LIMITS, self.stored.name
        with self.open(check=True) as text:
            while block := self._read(text, lines):
                if b"\0" in block:
                    lines.add(block[: block.index(b"\0")])
                    raise SourceFileError(self._nul_message(lines.line))
                lines.add(block)
                size += len(block)
                has_text = has_text or bool(block.strip(b"\r\n"))
                end = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
                length = len(block) - end + (0 if end else length)
                limits.check_line(length, f"{name}: line {lines.line}")
        if not has_text:
            raise EmptyFileError(f"{self.stored.name}: the file has no rows, only blank lines")
        return replace(self, size=size)

    def _read(self, text: "TextStream", lines: "_LineCounter") -> bytes:
        try:
            return text.read(READ_SIZE)
        except UnicodeDecodeError as exc:
            codec = "utf-8" if self.encoding.codec == MIXED else self.encoding.codec
            before = exc.object[: exc.start].decode(codec, "ignore").encode()
            lines.add(before.partition(b"\0")[0])
            if b"\0" in before:
                raise SourceFileError(self._nul_message(lines.line)) from None
            raise self._bad_byte_error(lines.line, exc) from None
        except UnicodeError as exc:
            raise SourceFileError(
                f"{self.stored.name}: line {lines.line} or later is not {self.encoding.name}: {exc}"
            ) from None

    def _bad_byte_error(self, line: int, exc: UnicodeDecodeError) -> SourceFileError:
        name, encoding = self.stored.name, self.encoding.name
        found = exc.object[exc.start : exc.end].hex(" ").upper()
        if exc.reason == "unexpected end of data" and exc.end == len(exc.object):
            return SourceFileError(
                f"{name}: line {line}: the file ends within a character (byte {found})"
            )
        value = "" if encoding.startswith(("utf-16", "utf-32")) else f" in '{_value_around(exc)}'"
        wrong = f"{name}: line {line}: byte {found}{value} is not {encoding.upper()}"
        if encoding == MIXED:
            return EncodingError(
                f"{name}: line {line}: byte {found}{value} is neither UTF-8 nor {WESTERN}"
            )
        if encoding != "utf-8":
            return EncodingError(
                f"{wrong}; name the encoding that the file was written in, or leave --encoding out"
                " for UTF-8"
            )
        utf8, other, is_western, _ = find_line_kinds(self.stored)
        if utf8:
            return EncodingError(
                f"{wrong}, but there are UTF-8 characters in {_name_lines(utf8)}: encodings are"
                f" mixed (not UTF-8: {_name_lines(other)}); --encoding {MIXED} reads {WESTERN}"
                " where there is no UTF-8"
            )
        if not is_western:
            return EncodingError(
                f"{wrong}, nor is it {WESTERN}; add --encoding with the one it was written in"
            )
        return EncodingError(
            f"{wrong}; if the file comes from Windows Excel, add --encoding {WESTERN}"
        )

    def _refuse_utf8_lines(self) -> None:
        """Refuse to read UTF-8 as another encoding: names would be spoilt, without an error.

        In an encoding of other letters than Latin ones, some lines may be UTF-8 by chance.
        """
        utf8, other, _, letters = find_line_kinds(self.stored)
        by_chance = bool(other) or letters <= CHANCE
        if not utf8 or (by_chance and self.encoding.codec not in LATIN_CODECS):
            return
        advice = "leave --encoding out"
        if other:
            advice = "ask for the file in one encoding"
        if other and self.encoding.codec in {WESTERN, "iso8859-1", "iso8859-15"}:
            advice = f"add --encoding {MIXED}, which reads {WESTERN} where there is no UTF-8"
        raise EncodingError(
            f"{self.stored.name}: there are UTF-8 characters in {_name_lines(utf8)}, which"
            f" --encoding {self.encoding.name} would spoil; {advice}"
        )

    def _nul_message(self, line: int) -> str:
        return (
            f"{self.stored.name}: line {line} has a NUL byte (00); this is a binary or damaged"
            " file; export the leads as CSV (UTF-8) and load that"
        )


class TextStream:
    """Text as UTF-8, without its byte order mark, from the start."""

    def __init__(self, stored: StoredStream, codec: str, *, check: bool) -> None:
        self._stored = stored
        self._is_utf8 = codec == "utf-8"
        self._limits, self._undecided = stored.limits, 0
        self._unread = b""
        self.text_position = 0
        """Bytes of text that were given so far."""
        self._decoder: codecs.IncrementalDecoder | None = None
        if codec == MIXED:
            self._decoder = MixedDecoder()
        elif check or not self._is_utf8:
            self._decoder = codecs.getincrementaldecoder(codec)()

    def western_lines(self, start: int, end: int) -> list[int]:
        """Give where lines begin that were WESTERN among UTF-8, in the text from start to end.

        Positions are in bytes of the text; those before `end` are given once.
        """
        found = self._decoder.starts if isinstance(self._decoder, MixedDecoder) else []
        count = bisect_left(found, end)
        given, found[:count] = [at for at in found[:count] if at >= start], []
        return given

    @property
    def position(self) -> int:
        """Bytes of the stored file that were read so far."""
        return self._stored.position

    def read(self, size: int) -> bytes:
        """Return about `size` bytes of text, `b""` at the end only; UnicodeError: a wrong byte."""
        text = self._read(size)
        self.text_position += len(text)
        return text

    def _read(self, size: int) -> bytes:
        if self._unread:
            text, self._unread = self._unread, b""
            return text
        while True:
            data = self._stored.read(size)
            if self._decoder is None:
                return data
            decoded = self._decoder.decode(data, final=not data)
            text = data if self._is_utf8 else decoded.encode()
            # A decoder of whole lines keeps one that has not ended.
            self._undecided = 0 if text else self._undecided + len(data)
            self._limits.check_line(self._undecided, f"{self._stored.name}: a line")
            if text or not data:
                return text

    def skip(self, size: int) -> None:
        """Skip the next `size` bytes; the text must have as many."""
        while size > 0:
            text = self.read(READ_SIZE)
            self._unread = text[size:]
            self.text_position -= len(self._unread)
            size -= len(text)


def open_text(stored: StoredFile, encoding: str | None) -> TextFile:
    """Find the encoding of a stored file; `encoding` is the option, None if it is not given."""
    with stored.open() as stream:
        head = stream.read(HEAD_SIZE)
    if not head:
        raise EmptyFileError(f"{stored.name}: the file is empty")
    refuse_other_formats(head, stored.name)
    return TextFile(stored, Encoding.find(head, encoding, stored.name))


class _LineCounter:
    """The number of the line at the end of the text read so far."""

    def __init__(self) -> None:
        self.line = 1
        self._after_return = False

    def add(self, text: bytes) -> None:
        """Count the line ends (LF, CRLF, CR) of the next piece of text, a CRLF cut in two once."""
        returns = text.count(b"\r")
        self.line += text.count(b"\n")
        if returns:
            self.line += returns - text.count(b"\r\n")
        if self._after_return and text.startswith(b"\n"):
            self.line -= 1
        if text:
            self._after_return = text.endswith(b"\r")


def _codec_name(option: str) -> str:
    try:
        codec = codecs.lookup(option)
    except LookupError:
        codec = None
    # codecs.lookup also knows hex, zip and other things that are no encodings of text.
    if (
        codec is None
        or not codec._is_text_encoding
        or codec.name.replace("-", "_") in NO_CHARACTER_SETS
    ):
        raise UsageError(
            f"--encoding {option}: there is no such encoding; usual ones are utf-8, utf-16,"
            " cp1252 (Windows Excel), latin-1, cp437, mac-roman"
        )
    return "utf-8" if codec.name == "utf-8-sig" else codec.name


def _utf16_without_mark(head: bytes) -> str | None:
    """Recognize UTF-16: the first line is mostly ASCII, so that every other byte is zero."""
    for zeros, codec in (head[1::2], "utf-16-le"), (head[::2], "utf-16-be"):
        if len(zeros) > 2 and zeros.count(0) > len(zeros) // 2:
            return codec
    return None


def _value_around(exc: UnicodeDecodeError) -> str:
    """Show the offending bytes within their value, whose other characters are masked as x."""
    before = re.split(rb'[,;|\t\r\n"]', exc.object[max(0, exc.start - 12) : exc.start])[-1]
    after = re.split(rb'[,;|\t\r\n"]', exc.object[exc.end : exc.end + 12])[0]
    before, after = (re.sub(rb"[A-Za-z0-9]", b"x", part) for part in (before, after))
    return (before + exc.object[exc.start : exc.end] + after).decode("ascii", "backslashreplace")


def _name_lines(lines: list[int]) -> str:
    """Name one or several lines."""
    *others, last = map(str, lines)
    return f"lines {', '.join(others)} and {last}" if others else f"line {last}"

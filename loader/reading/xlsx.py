"""Excel workbooks (xlsx, xlsm), read row by row: cells as they are shown.

Rules: ECMA-376 part 1, 18.2 (workbook), 18.3 (worksheets), 18.4 (shared strings), 18.8 (styles).
Python's own expat reads them: python-calamine, which reads the older formats, gives a number
without its format, and nothing for errors and formulas that were not calculated.
"""

import mmap
import posixpath
import re
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from typing import IO, BinaryIO

from loader.reading.cells import Row, Sheet, cell_name, problem_cell
from loader.reading.limits import MB, Limits, check_sheets, refuse_row
from loader.reading.number_format import BUILT_IN, GENERAL, NumberFormat, number_format
from loader.reading.xml_stream import parse_xml, read_elements, read_xml
from loader.reading.zip_file import open_zip

MOST_TEXTS = 1 << 24
"""Shared strings; each takes eight bytes of memory, be it empty."""

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


class XlsxWorkbook:
    """A workbook that is open; `sheets` in its order, sheets of charts left out."""

    def __init__(self, file: BinaryIO, stack: ExitStack, limits: Limits) -> None:
        """Read what holds for all sheets; `stack` closes what is opened.

        zipfile.BadZipFile, expat.ExpatError, KeyError, ValueError: the file is damaged.
        """
        self.has_problems, self._limits = False, limits
        self._archive = stack.enter_context(open_zip(file))
        self._names = {name.lower(): name for name in self._archive.namelist()}
        main = next(
            (part for kind, part in self._relations("").values() if kind == "officeDocument"),
            "xl/workbook.xml",
        )
        parts = self._relations(main)
        by_kind = dict(parts.values())
        self.sheets, self._parts = self._read_workbook(main, parts)
        self._formats = self._read_styles(by_kind.get("styles"))
        self._texts = _SharedTexts(stack, limits)
        if "sharedStrings" in by_kind:
            with self._open(by_kind["sharedStrings"]) as stream:
                self._texts.read(stream)

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """Yield the rows that have a cell, in the order of the sheet."""
        reader = _SheetReader(
            self._texts, self._formats, self._limits, self._from_1904, self._is_uncalculated
        )
        with self._open(self._parts[sheet.name]) as stream:
            for _ in parse_xml(stream, reader):
                self.has_problems |= reader.has_problems
                yield from reader.take()

    def _read_workbook(
        self, main: str, parts: dict[str, tuple[str, str]]
    ) -> tuple[tuple[Sheet, ...], dict[str, str]]:
        self._from_1904 = self._is_uncalculated = False
        sheets, by_name = [], {}
        with self._open(main) as stream:
            elements = read_elements(stream)
        for name, attributes in elements.found:
            if name == "workbookPr":
                self._from_1904 = attributes.get("date1904") in {"1", "true", "on"}
            elif name == "calcPr":
                self._is_uncalculated = attributes.get("fullCalcOnLoad") in {"1", "true", "on"}
            elif name == "sheet":
                kind, part = parts[attributes["id"]]
                if kind == "worksheet":
                    is_hidden = attributes.get("state", "visible") != "visible"
                    sheets.append(Sheet(attributes["name"], is_hidden))
                    check_sheets(len(sheets))
                    by_name[attributes["name"]] = part
        return tuple(sheets), by_name

    def _read_styles(self, part: str | None) -> list[NumberFormat | None]:
        """Read the number format of each cell style; None: the number itself is shown."""
        if part is None:
            return []
        with self._open(part) as stream:
            elements = read_elements(stream)
        codes, found = dict(BUILT_IN), []
        for (name, attributes), parent in zip(elements.found, elements.parents, strict=True):
            if name == "numFmt" and parent == "numFmts":
                codes[int(attributes["numFmtId"])] = attributes["formatCode"]
            elif name == "xf" and parent == "cellXfs":
                code = codes.get(int(attributes.get("numFmtId", "0")), GENERAL)
                shown = number_format(code)
                found.append(None if shown.is_plain else shown)
        return found

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Give kind and name of the parts that a part refers to, by id."""
        folder, name = posixpath.split(part)
        place = posixpath.join(folder, "_rels", f"{name}.rels")
        if place.lower() not in self._names:
            return {}
        with self._open(place) as stream:
            elements = read_elements(stream)
        return {
            it["Id"]: (
                it["Type"].rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, it["Target"])).lstrip("/"),
            )
            for name, it in elements.found
            if name == "Relationship" and it.get("TargetMode") != "External"
        }

    def _open(self, part: str) -> IO[bytes]:
        return self._archive.open(self._names[part.lower()])


class _SharedTexts:
    """The texts that cells refer to by number: in a file on disk, for there may be many."""

    def __init__(self, stack: ExitStack, limits: Limits) -> None:
        self._stack, self._ends, self._limits = stack, array("Q", [0]), limits
        self._bytes: mmap.mmap | bytes = b""
        self._is_phonetic = self._is_text = False
        self._text = ""
        self.depth = 0

    def read(self, stream: IO[bytes]) -> None:
        with tempfile.TemporaryFile() as self._file:
            read_xml(stream, self)
            self._file.flush()
            if self._ends[-1]:
                content = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
                self._bytes = self._stack.enter_context(content)

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self._ends) - 1:
            raise ValueError(f"there is no shared string {number}")
        return self._bytes[self._ends[number] : self._ends[number + 1]].decode()

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        self.depth += 1
        if name == "si":
            self._text = ""
        elif name == "rPh":
            self._is_phonetic = True
        elif name == "t":
            self._is_text = not self._is_phonetic

    def end(self, name: str) -> None:
        """Take the end of an element."""
        self._is_text = False
        self.depth -= 1
        if name == "rPh":
            self._is_phonetic = False
        elif name == "si":
            text = unescape(self._text).encode()
            self._file.write(text)
            self._ends.append(self._ends[-1] + len(text))
            if len(self._ends) > MOST_TEXTS:
                raise ValueError(f"it has more than {MOST_TEXTS:,} shared strings")

    def text(self, text: str) -> None:
        """Take a piece of text."""
        if self._is_text:
            self._text += text
            self._limits.check_field(len(self._text))


class _SheetReader:
    """Listens to a worksheet, and has the rows that were heard to their end."""

    def __init__(
        self,
        texts: _SharedTexts,
        formats: list[NumberFormat | None],
        limits: Limits,
        from_1904: bool,
        is_uncalculated: bool,
    ) -> None:
        self._texts, self._formats, self._from_1904 = texts, formats, from_1904
        self._is_uncalculated, self._limits = is_uncalculated, limits
        self._rows: list[Row] = []
        self._row_number = self._column = self._size = self._held = 0
        self._cells: list[str] = []
        self._cell: dict[str, str] = {}
        self._value = ""
        self._is_value = self._has_formula = self._is_phonetic = False
        self.has_problems = False
        self.depth = 0

    def take(self) -> list[Row]:
        rows, self._rows, self._held = self._rows, [], 0
        return rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        self.depth += 1
        if name == "c":
            self._cell, self._value = attributes, ""
            self._has_formula = self._is_phonetic = False
        elif name == "v" or (name == "t" and not self._is_phonetic):
            self._is_value = True
        elif name == "row":
            number = int(attributes.get("r", self._row_number + 1))
            refuse_row(number)
            if number <= self._row_number:
                raise ValueError(f"its rows are in no order, {number} is behind {self._row_number}")
            self._row_number = number
            self._cells, self._column, self._size = [], 0, 0
        elif name == "f":
            self._has_formula = True
        elif name == "rPh":
            self._is_phonetic = True

    def end(self, name: str) -> None:
        """Take the end of an element."""
        self._is_value = False
        self.depth -= 1
        if name == "c":
            place = self._cell.get("r")
            self._column = _column_number(place.rstrip("0123456789")) if place else self._column + 1
            if text := self._cell_text(self._value):
                if self._column > self._limits.max_columns:
                    self._limits.check_columns(self._column, f"row {self._row_number}")
                if self._column <= len(self._cells):
                    raise ValueError(f"the cells of row {self._row_number} are in no order")
                if self._column - 1 > len(self._cells):
                    self._cells.extend([""] * (self._column - 1 - len(self._cells)))
                self._cells.append(text)
                self._size += len(text)
                if self._size > MB:
                    self._limits.check_row(self._size, f"row {self._row_number}")
        elif name == "row":
            if self._cells:
                self._rows.append(Row(self._row_number, self._cells))
                self._held += self._size
                self._limits.check_at_once(self._held, f"row {self._row_number}")
        elif name == "rPh":
            self._is_phonetic = False

    def text(self, text: str) -> None:
        """Take a piece of text."""
        if self._is_value:
            self._value += text
            self._limits.check_field(len(self._value))

    def _cell_text(self, value: str) -> str:
        kind = self._cell.get("t", "n")
        if kind == "s":
            return self._texts[int(value)] if value else ""
        if self._has_formula and self._is_not_calculated(kind, value):
            return self._problem("")
        if not value:
            return ""
        if kind == "n":
            return self._number_text(value)
        if kind == "e":
            return self._problem(value)
        if kind == "b":
            value = "FALSE" if value.strip() in {"0", "false"} else "TRUE"
        elif kind == "d":
            value = value.removesuffix("Z").replace("T00:00:00", "").replace("T", " ")
        return unescape(value)

    def _is_not_calculated(self, kind: str, value: str) -> bool:
        """Say whether a formula has no value, or the 0 of a file that asks for a calculation."""
        if kind == "str":
            return False  # the text may be empty
        return not value or (self._is_uncalculated and kind == "n" and value == "0")

    def _problem(self, shown: str) -> str:
        self.has_problems = True
        return problem_cell(cell_name(self._row_number, self._column), shown)

    def _number_text(self, value: str) -> str:
        style = int(self._cell.get("s", "0"))
        shown = self._formats[style] if style < len(self._formats) else None
        if shown is None:
            # As most are: nothing would change.
            if value.isdigit() and len(value) <= 15 and value[0] != "0":
                return value
            shown = number_format(GENERAL)
        return shown.text(float(value), from_1904=self._from_1904)


def unescape(text: str) -> str:
    """Replace _x000D_ and its like, as characters are written that XML cannot hold.

    Other control characters and halves of surrogates stay as they are written.
    """
    if "_x" not in text:
        return text

    def character(found: re.Match[str]) -> str:
        code = int(found[1], 16)
        is_text = code in {9, 10, 13} or (code >= 32 and not 0xD800 <= code < 0xE000)
        return chr(code) if is_text else found[0]

    return _ESCAPE.sub(character, text)


@lru_cache(maxsize=16_384)
def _column_number(letters: str) -> int:
    """Give the number of a column, from 1: 28 for AB."""
    if not (letters.isascii() and letters.isupper() and len(letters) <= 3):
        raise ValueError(f"{letters!r} is no column")
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
